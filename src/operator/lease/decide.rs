//! Who may take the Lease: pure. No clock of its own, no I/O.
//!
//! The times that a Lease carries come from other machines' clocks and decide
//! nothing. A Lease has expired when *this* process has seen it unchanged, on its own
//! monotonic clock, for as long as its holder asked for.

use std::time::Duration;

use tokio::time::Instant;

/// What a Lease says of its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; None: nobody.
    pub holder: Option<String>,
    /// When it was renewed, by the holder's clock: only compared, never read.
    pub renewed: Option<String>,
    /// How long others must wait after they saw the last renewal.
    pub duration: Option<Duration>,
}

/// A Lease as this process has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What it says.
    pub record: Record,
    /// Since when it says just this.
    pub since: Instant,
}

/// What to do about the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is free: make it ours.
    Take,
    /// It is ours: renew it.
    Renew,
    /// Somebody else has it.
    Wait,
}

/// Keeps the time of the first sight while a Lease says the same.
#[must_use]
pub fn observe(before: Option<Observed>, record: Record, now: Instant) -> Observed {
    match before {
        Some(before) if before.record == record => before,
        Some(_) | None => Observed { record, since: now },
    }
}

/// What to do. `default` is how long to wait for a holder that does not say.
#[must_use]
pub fn decide(observed: &Observed, me: &str, default: Duration, now: Instant) -> Decision {
    let record = &observed.record;
    match record.holder.as_deref() {
        None | Some("") => Decision::Take,
        Some(holder) if holder == me => Decision::Renew,
        Some(_) => {
            // Never less than what we promise ourselves: a holder that wrote nonsense
            // must not be overrun.
            let patience = record.duration.unwrap_or(default).max(default);
            if now.saturating_duration_since(observed.since) >= patience {
                Decision::Take
            } else {
                Decision::Wait
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn held_by(holder: &str, renewed: &str) -> Record {
        Record {
            holder: Some(holder.to_owned()),
            renewed: Some(renewed.to_owned()),
            duration: Some(DURATION),
        }
    }

    fn decided(record: Record, seen_for: Duration) -> Decision {
        let now = Instant::now() + Duration::from_secs(3600);
        let observed = Observed {
            record,
            since: now - seen_for,
        };
        decide(&observed, "me", DURATION, now)
    }

    #[test]
    fn a_free_lease_is_taken() {
        assert_eq!(decided(Record::default(), Duration::ZERO), Decision::Take);
        assert_eq!(
            decided(held_by("", "12:00"), Duration::ZERO),
            Decision::Take
        );
    }

    #[test]
    fn our_own_is_renewed_however_old_it_is() {
        let ours = held_by("me", "12:00");
        assert_eq!(decided(ours.clone(), Duration::ZERO), Decision::Renew);
        assert_eq!(decided(ours, DURATION * 9), Decision::Renew);
    }

    #[test]
    fn another_ones_is_waited_for_to_the_last_moment() {
        let theirs = held_by("them", "12:00");
        let almost = DURATION - Duration::from_millis(1);
        assert_eq!(decided(theirs.clone(), almost), Decision::Wait);
        assert_eq!(decided(theirs, DURATION), Decision::Take);
    }

    #[test]
    fn a_holder_that_asks_for_less_than_we_promise_gets_as_much() {
        let hasty = Record {
            duration: Some(Duration::from_secs(1)),
            ..held_by("them", "12:00")
        };
        assert_eq!(decided(hasty, Duration::from_secs(2)), Decision::Wait);
        let patient = Record {
            duration: Some(DURATION * 4),
            ..held_by("them", "12:00")
        };
        assert_eq!(decided(patient, DURATION * 2), Decision::Wait);
    }

    #[test]
    fn a_renewal_starts_the_wait_anew_and_the_same_sight_does_not() {
        let start = Instant::now();
        let later = start + DURATION;
        let first = observe(None, held_by("them", "12:00"), start);
        let again = observe(Some(first.clone()), held_by("them", "12:00"), later);
        assert_eq!(again.since, start);
        let renewed = observe(Some(first), held_by("them", "12:05"), later);
        assert_eq!(renewed.since, later);
        assert_eq!(decide(&renewed, "me", DURATION, later), Decision::Wait);
    }
}
