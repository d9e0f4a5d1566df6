//! What can be seen of this process from outside: metrics, log lines, readiness, and
//! how an error reads. Everybody above tells it what happens; it knows none of them,
//! decides nothing and opens no port.
//!
//! - `metrics`: what `/metrics` shows
//! - `readiness`: what `/readyz` and `/healthz` answer
//! - `logging`: log lines and the span that names an object
//! - `traces`: the same spans, with the calls in them, for a collector
//! - `sentence`: an error and its causes in one line

pub mod logging;
pub mod metrics;
pub mod readiness;
mod sentence;
pub mod traces;

pub use self::sentence::sentence;
