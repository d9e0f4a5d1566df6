//! Leader election: of several processes of one installation, the one that holds
//! the Lease works, the others stand by.
//!
//! - `decide`: who may take the Lease: pure
//! - `elector`: the loop that reads, takes, renews and releases it
//! - `thread`: where the loop runs
//!
//! What leading means to the controllers is in [`crate::controllers::leadership`].
//!
//! # Guarantees
//! - A process stops changing anything `renew_deadline` after it *began* its last
//!   successful renewal; another takes the Lease at the earliest `duration` after it
//!   *saw* that renewal. The difference of the two is the margin between leaders.
//! - Every write of the Lease carries the resourceVersion that was read: of two who
//!   take it at once, one is refused.
//! - No other machine's clock decides anything.
//!
//! # Assumptions
//! - Monotonic clocks of different machines run about equally fast.

mod decide;
mod elector;
mod thread;

use std::time::Duration;

pub use self::thread::Campaign;

/// How long leaders lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long others wait after they saw the last renewal.
    pub duration: Duration,
    /// How long the leader goes on after it began its last successful renewal.
    pub renew_deadline: Duration,
    /// How often one that stands by looks, and one whose renewal failed tries again.
    pub retry_period: Duration,
}

/// The timing can not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongTiming {
    /// A leader would go on when others may already have taken over.
    #[error("--lease-duration must be at least a second longer than --lease-renew-deadline")]
    NoMargin,
    /// A leader would have no second try.
    #[error("--lease-renew-deadline must be at least three times --lease-retry-period")]
    NoRetry,
    /// It would be a tight loop.
    #[error("--lease-retry-period must be at least 100ms")]
    TooFast,
}

/// The Lease that is competed for, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// How long leaders lead.
    pub timing: Timing,
}

impl Timing {
    /// Whether it can work.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self) -> Result<Self, WrongTiming> {
        if self.retry_period < Duration::from_millis(100) {
            return Err(WrongTiming::TooFast);
        }
        if self.renew_deadline < self.retry_period * 3 {
            return Err(WrongTiming::NoRetry);
        }
        if self.duration < self.renew_deadline + Duration::from_secs(1) {
            return Err(WrongTiming::NoMargin);
        }
        Ok(self)
    }

    /// How often a leader renews.
    fn renewal(self) -> Duration {
        (self.renew_deadline / 4).max(self.retry_period)
    }

    /// How long one call may take: there must be time for another.
    fn call(self) -> Duration {
        (self.renew_deadline / 3).max(self.retry_period)
    }

    /// Kubernetes counts whole seconds; others must not take it early.
    fn seconds(self) -> i32 {
        let up = self.duration.as_millis().div_ceil(1000);
        i32::try_from(up).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(duration: u64, renew_deadline: u64, retry_period: u64) -> Timing {
        Timing {
            duration: Duration::from_millis(duration),
            renew_deadline: Duration::from_millis(renew_deadline),
            retry_period: Duration::from_millis(retry_period),
        }
    }

    #[test]
    fn a_timing_needs_a_margin_and_a_second_try() {
        let good = timing(15_000, 10_000, 1_000);
        assert_eq!(good.check(), Ok(good));
        let wrong = |timing: Timing| timing.check().err();
        assert_eq!(
            wrong(timing(10_500, 10_000, 1_000)),
            Some(WrongTiming::NoMargin)
        );
        assert_eq!(
            wrong(timing(15_000, 2_000, 1_000)),
            Some(WrongTiming::NoRetry)
        );
        assert_eq!(
            wrong(timing(15_000, 10_000, 50)),
            Some(WrongTiming::TooFast)
        );
    }

    #[test]
    fn what_others_read_is_never_shorter_than_what_is_meant() {
        assert_eq!(timing(15_000, 10_000, 1_000).seconds(), 15);
        assert_eq!(timing(2_500, 1_400, 200).seconds(), 3);
    }
}
