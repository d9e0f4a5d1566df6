#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::inventory::fixtures::seconds;

#[test]
fn pauses_grow_from_one_second_to_five_minutes() {
    let mut backoff = Backoff::default();
    let pauses: Vec<Duration> = (0..20).map(|_| backoff.failed(None)).collect();
    assert!(
        pauses[0] >= seconds(1) && pauses[0] <= seconds(2),
        "{pauses:?}"
    );
    assert!(
        pauses
            .iter()
            .all(|pause| (seconds(1)..=seconds(300)).contains(pause))
    );
    assert_eq!(pauses[19], seconds(300));
    assert!(pauses[4] > pauses[0] && pauses[8] > pauses[4], "{pauses:?}");
}

#[test]
fn pauses_of_many_are_not_equal() {
    let first = || Backoff::default().failed(None);
    assert!(
        (0..20).any(|_| first() != first()),
        "without jitter they come together"
    );
}

#[test]
fn what_the_server_asks_for_is_kept_up_to_five_minutes() {
    assert_eq!(Backoff::default().failed(Some(seconds(60))), seconds(60));
    assert_eq!(
        Backoff::default().failed(Some(seconds(86_400))),
        seconds(300)
    );
    assert!(Backoff::default().failed(Some(seconds(0))) >= seconds(1));
}

#[test]
fn a_pause_runs_out() {
    let mut backoff = Backoff::default();
    assert_eq!(backoff.left(), None);
    let pause = backoff.failed(Some(seconds(60)));
    assert!(backoff.left().unwrap() <= pause);
    backoff.until = Some(Instant::now());
    assert_eq!(backoff.left(), None);
}

#[test]
fn success_begins_anew() {
    let mut backoff = Backoff::default();
    for _ in 0..12 {
        backoff.failed(None);
    }
    backoff.reset();
    assert_eq!(backoff.left(), None);
    assert!(backoff.failed(None) <= seconds(2));
}

#[test]
fn jitter_stays_within_its_bounds() {
    for _ in 0..200 {
        let jittered = jittered(seconds(100));
        assert!(
            (seconds(90)..=seconds(100)).contains(&jittered),
            "{jittered:?}"
        );
        let share = share(seconds(100));
        assert!((seconds(50)..=seconds(100)).contains(&share), "{share:?}");
    }
    assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
}
