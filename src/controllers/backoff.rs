//! Exponential backoff with jitter, one an object or server: 1 s to 5 min.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The pauses after failures in a row.
#[derive(Default)]
pub struct Backoff {
    /// Boxed: nearly nobody fails, and each object has two of these.
    steps: Option<Box<ExponentialBackoff>>,
    until: Option<Instant>,
}

impl Backoff {
    /// Another failure: how long to wait, at least what the server asked for.
    pub fn failed(&mut self, asked: Option<Duration>) -> Duration {
        let steps = self.steps.get_or_insert_with(|| {
            let steps = ExponentialBuilder::default()
                .with_min_delay(SHORTEST)
                .with_max_delay(LONGEST)
                .without_max_times()
                .with_jitter();
            Box::new(steps.build())
        });
        let own = steps.next().unwrap_or(LONGEST).min(LONGEST);
        let pause = own.max(asked.unwrap_or_default()).min(LONGEST);
        self.until = Some(Instant::now() + pause);
        pause
    }

    /// How much of the pause is left.
    pub fn left(&self) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Nothing failed since it went well.
    pub fn is_fresh(&self) -> bool {
        self.steps.is_none()
    }

    /// It went well.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// About this long: up to a tenth less, so that many do not act as one.
pub fn jittered(pause: Duration) -> Duration {
    let tenth = u64::try_from(pause.as_millis() / 10).unwrap_or(u64::MAX);
    pause.saturating_sub(Duration::from_millis(fastrand::u64(0..=tenth)))
}

/// Somewhere in the second half of an interval.
pub fn share(interval: Duration) -> Duration {
    let half = u64::try_from(interval.as_millis() / 2).unwrap_or(u64::MAX);
    interval.saturating_sub(Duration::from_millis(fastrand::u64(0..=half)))
}

#[cfg(test)]
mod tests;
