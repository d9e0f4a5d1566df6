//! How long tests wait. Limits are written in seconds of a quiet machine; while this
//! process runs, it measures how much slower its own machine is, and waits longer.
//! Needs only the standard library: other tests and the demo include this file.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the machine is measured.
const INTERVAL: Duration = Duration::from_millis(400);
/// How long [`work`] takes on a quiet core of the machine that the limits were written
/// on. Longer than the scheduler's time slice, so that other processes count.
const REFERENCE: Duration = Duration::from_millis(10);
/// The weight of a new measurement: a few seconds of load count, a single hiccup does not.
const WEIGHT: f64 = 0.1;
/// A test that hangs must still end.
const SLOWEST: f64 = 10.0;

/// This limit on this machine: as long as on a quiet one, or longer. The result grows
/// while the machine is slow.
pub fn patient(limit: Duration) -> Duration {
    limit.mul_f64(slowness())
}

/// A limit that starts now.
pub struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    pub fn after(limit: Duration) -> Deadline {
        // Starts the measurement, in case this is the first limit.
        slowness();
        Deadline {
            started: Instant::now(),
            limit,
        }
    }

    pub fn has_passed(&self) -> bool {
        self.started.elapsed() > patient(self.limit)
    }

    /// There was progress: the limit starts again.
    pub fn restart(&mut self) {
        self.started = Instant::now();
    }
}

/// 1 on a quiet machine, at most [`SLOWEST`]; never less than before.
pub fn slowness() -> f64 {
    static HIGHEST: AtomicU64 = AtomicU64::new(1.0_f64.to_bits());
    static MEASURING: OnceLock<()> = OnceLock::new();
    MEASURING.get_or_init(|| {
        thread::spawn(|| measure(&HIGHEST));
    });
    f64::from_bits(HIGHEST.load(Ordering::Relaxed))
}

fn measure(highest: &AtomicU64) {
    let text = "\u{fc}".repeat(8 << 20);
    let (mut average, mut count) = (1.0, 0.0);
    loop {
        let due = Instant::now() + INTERVAL;
        thread::sleep(INTERVAL);
        work(text.as_bytes());
        // Waking up late counts as well.
        let ratio = due.elapsed().as_secs_f64() / REFERENCE.as_secs_f64();
        count += 1.0;
        average += (ratio.clamp(1.0, SLOWEST) - average) * WEIGHT.max(1.0 / count);
        // The bits of positive numbers sort as the numbers do.
        highest.fetch_max(average.to_bits(), Ordering::Relaxed);
    }
}

/// Compiled in the standard library, so it takes as long in a debug build.
fn work(text: &[u8]) {
    let _ = black_box(std::str::from_utf8(black_box(text)));
}
