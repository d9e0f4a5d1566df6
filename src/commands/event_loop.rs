//! The runtime that a command runs in.

use std::future::Future;
use std::io;
use std::time::Duration;

/// The longest that the end waits for threads that ask the resolver for an
/// address: they cannot be interrupted, and nothing depends on them any more.
const LINGER: Duration = Duration::from_millis(200);

/// The most threads for work that blocks, which is host name lookups. One that
/// hangs must not hold up the other servers' lookups.
const LOOKUP_THREADS: usize = 8;

/// Runs this to its end.
///
/// One thread does everything: the work is waiting for answers, and one heap
/// (glibc keeps one for each thread that allocates) is what keeps a few
/// thousand objects within a few MiB. It also makes `/healthz` honest: it
/// answers only while the loop that reconciles still turns.
pub fn run<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUP_THREADS)
        .build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LINGER);
    Ok(outcome)
}
