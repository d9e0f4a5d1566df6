//! The end of the process: signals, and how long running work may still take.
//!
//! Nothing is lost by an end at any moment: what is in flight on an Integration
//! Server has its intent in the status of its resource. A clean end only saves
//! the next start some work.

use std::io;
use std::process;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

/// How long running reconciles may take after the first signal. Two seconds
/// less than the ten that are promised.
pub const GRACE: Duration = Duration::from_secs(8);

/// The signals that end the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// One of these signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Terminate,
    Interrupt,
}

/// How a supervised task ended.
#[derive(Debug)]
pub enum Ending<E> {
    /// As asked, in time.
    Clean,
    /// It was asked to end, and still ran when its time was over.
    Overdue,
    /// It ended although nobody asked it to.
    Unasked,
    /// It ended with an error.
    Failed(E),
    /// It panicked.
    Panicked,
}

// === impl Signals ===

impl Signals {
    /// Catches SIGTERM and SIGINT from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The first signal cancels `shutdown`; the second ends the process at once,
    /// with the exit status that shells give to a process killed by it.
    pub async fn obey(mut self, shutdown: CancellationToken) {
        let first = self.next().await;
        tracing::info!(
            "{}: stopping; running work has {} s, a second signal ends it at once",
            first.name(),
            GRACE.as_secs()
        );
        shutdown.cancel();
        let second = self.next().await;
        tracing::warn!("{} again: ending at once", second.name());
        process::exit(second.exit_status());
    }

    async fn next(&mut self) -> Received {
        tokio::select! {
            _ = self.terminate.recv() => Received::Terminate,
            _ = self.interrupt.recv() => Received::Interrupt,
        }
    }
}

// === impl Received ===

impl Received {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    const fn exit_status(self) -> i32 {
        match self {
            Self::Terminate => 128 + 15,
            Self::Interrupt => 128 + 2,
        }
    }
}

/// Waits until `task` ends. From the moment that `shutdown` is cancelled it has
/// `grace`; then it is aborted.
pub async fn supervise<E>(
    task: &mut JoinHandle<Result<(), E>>,
    shutdown: &CancellationToken,
    grace: Duration,
) -> Ending<E> {
    tokio::select! {
        joined = &mut *task => return ending(joined, shutdown.is_cancelled()),
        () = shutdown.cancelled() => {}
    }
    match tokio::time::timeout(grace, &mut *task).await {
        Ok(joined) => ending(joined, true),
        Err(_) => {
            task.abort();
            Ending::Overdue
        }
    }
}

fn ending<E>(joined: Result<Result<(), E>, JoinError>, asked: bool) -> Ending<E> {
    match joined {
        Ok(Ok(())) if asked => Ending::Clean,
        Ok(Ok(())) => Ending::Unasked,
        Ok(Err(error)) => Ending::Failed(error),
        // Nobody but `supervise` can abort the task, and it never asks again.
        Err(_) => Ending::Panicked,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn work_that_ends_in_time_is_a_clean_end() {
        let shutdown = CancellationToken::new();
        let asked = shutdown.clone();
        let mut task = tokio::spawn(async move {
            asked.cancelled().await;
            tokio::time::sleep(SHORT).await;
            Ok::<(), String>(())
        });
        shutdown.cancel();
        let ending = supervise(&mut task, &shutdown, LONG).await;
        assert!(matches!(ending, Ending::Clean), "{ending:?}");
    }

    #[tokio::test]
    async fn work_that_hangs_is_left_behind() {
        let shutdown = CancellationToken::new();
        let mut task = tokio::spawn(std::future::pending::<Result<(), String>>());
        shutdown.cancel();
        let ending = supervise(&mut task, &shutdown, SHORT).await;
        assert!(matches!(ending, Ending::Overdue), "{ending:?}");
    }

    #[tokio::test]
    async fn an_end_that_nobody_asked_for_is_told_apart() {
        let shutdown = CancellationToken::new();
        let mut by_itself = tokio::spawn(async { Ok::<(), String>(()) });
        let ending = supervise(&mut by_itself, &shutdown, LONG).await;
        assert!(matches!(ending, Ending::Unasked), "{ending:?}");

        let mut failed = tokio::spawn(async { Err::<(), _>("watch died") });
        let ending = supervise(&mut failed, &shutdown, LONG).await;
        assert!(matches!(ending, Ending::Failed("watch died")), "{ending:?}");
    }

    #[tokio::test]
    async fn a_panic_is_told_apart_before_and_after_the_signal() {
        let shutdown = CancellationToken::new();
        for _ in 0..2 {
            let mut task = tokio::spawn(async { panic!("on purpose, in a test") });
            let ending = supervise::<String>(&mut task, &shutdown, LONG).await;
            assert!(matches!(ending, Ending::Panicked), "{ending:?}");
            shutdown.cancel();
        }
    }
}
