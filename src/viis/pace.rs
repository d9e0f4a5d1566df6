//! So many calls a second, first come first served.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets `rate` calls go each second, and after a pause as many at once.
#[derive(Debug)]
pub(super) struct Pace {
    /// The time that one call takes of the pace.
    share: Duration,
    /// How far ahead of the pace calls may run.
    ahead: Duration,
    /// When the calls so far will be paid for. The lock is fair, and it is
    /// held while waiting: that keeps the order, and who gives up costs nothing.
    paid: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(rate: NonZeroU32) -> Self {
        let share = Duration::from_secs(1) / rate.get();
        Self {
            share,
            ahead: share * (rate.get() - 1),
            paid: Mutex::new(Instant::now()),
        }
    }

    /// Waits for this call's turn.
    pub(super) async fn turn(&self) {
        let mut paid = self.paid.lock().await;
        let now = Instant::now();
        let due = (*paid).max(now);
        if let Some(turn) = due.checked_sub(self.ahead)
            && turn > now
        {
            sleep_until(turn).await;
        }
        *paid = due + self.share;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// How long `calls` calls take, on a clock that jumps to the next wake-up.
    fn time_for(rate: u32, calls: usize) -> Duration {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let pace = Pace::new(NonZeroU32::new(rate).unwrap());
            let start = Instant::now();
            for _ in 0..calls {
                pace.turn().await;
            }
            start.elapsed()
        })
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        assert!(time_for(100, 100) < Duration::from_millis(500));
        let taken = time_for(100, 150);
        assert!(taken >= Duration::from_millis(490), "{taken:?}");
        assert!(taken < Duration::from_millis(2000), "{taken:?}");
    }

    #[test]
    fn one_a_second_has_no_burst() {
        assert!(time_for(1, 2) >= Duration::from_millis(990));
    }

    #[tokio::test]
    async fn who_gives_up_takes_no_turn() {
        let pace = Pace::new(NonZeroU32::new(5).unwrap());
        for _ in 0..5 {
            pace.turn().await;
        }
        let start = Instant::now();
        for _ in 0..100 {
            let impatient = tokio::time::timeout(Duration::from_micros(10), pace.turn());
            assert!(impatient.await.is_err() || start.elapsed() > Duration::from_millis(100));
        }
        pace.turn().await;
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
