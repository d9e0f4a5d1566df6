//! Whether this process may change anything now. The operator's Lease says so;
//! this room only holds the answer, and asks the clock of nobody else.
//!
//! Leadership is a deadline on the own monotonic clock. A process that was paused
//! finds it passed when it wakes, before it has heard of the leader after it: every
//! call that changes something asks [`Leadership::holds`] first, at the two doors
//! through which calls leave (the Kubernetes client's and the Integration Server's).
//!
//! One call can have left already when the pause began. It does no harm:
//! - To the API server, each write carries the resourceVersion that it was decided
//!   on. Whoever took over has written since, so the late one is refused.
//! - To the Integration Server, a creation cannot make a second tenant: names are
//!   unique, and the new leader waits 30 s after it first saw the intent before it
//!   sends another. An activation, a registration and a deletion are idempotent, and
//!   a deletion names an identifier that was verified to be this resource's.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Whether this process may change anything. Clones share the answer.
#[derive(Clone, Debug)]
pub struct Leadership(Term);

#[derive(Clone, Debug)]
enum Term {
    /// Nobody competes: no leader is elected.
    Unopposed,
    /// Until this moment; None: not the leader.
    Until(Arc<watch::Sender<Option<Instant>>>),
}

impl Leadership {
    /// That of a process which no other competes with.
    #[must_use]
    pub fn unopposed() -> Self {
        Self(Term::Unopposed)
    }

    /// That of a candidate: not the leader yet.
    #[must_use]
    pub fn candidate() -> Self {
        Self(Term::Until(Arc::new(watch::Sender::new(None))))
    }

    /// Whether something may be changed at this moment.
    #[must_use]
    pub fn holds(&self) -> bool {
        match &self.0 {
            Term::Unopposed => true,
            Term::Until(until) => is_before(*until.borrow()),
        }
    }

    /// This process leads until then.
    pub fn extend(&self, until: Instant) {
        if let Term::Until(sender) = &self.0 {
            sender.send_replace(Some(until));
        }
    }

    /// This process leads no more.
    pub fn end(&self) {
        if let Term::Until(sender) = &self.0 {
            sender.send_replace(None);
        }
    }

    /// Completes when this process leads.
    pub async fn gained(&self) {
        if let Term::Until(sender) = &self.0 {
            let mut until = sender.subscribe();
            // The sender lives as long as this handle does.
            let _ = until.wait_for(|until| is_before(*until)).await;
        }
    }

    /// Completes when this process does not lead (any more).
    pub async fn lost(&self) {
        let Term::Until(sender) = &self.0 else {
            return std::future::pending().await;
        };
        let mut until = sender.subscribe();
        loop {
            let deadline = *until.borrow_and_update();
            let Some(deadline) = deadline.filter(|deadline| Instant::now() < *deadline) else {
                return;
            };
            tokio::select! {
                () = sleep_until(deadline) => {}
                _ = until.changed() => {}
            }
        }
    }
}

fn is_before(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use tokio::time::advance;

    use super::*;

    const TERM: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_candidate_leads_only_within_its_term() {
        let leadership = Leadership::candidate();
        assert!(!leadership.holds());
        assert!(leadership.gained().now_or_never().is_none());
        leadership.extend(Instant::now() + TERM);
        assert!(leadership.holds());
        leadership.gained().await;
        assert!(leadership.lost().now_or_never().is_none());
        advance(TERM).await;
        assert!(!leadership.holds(), "nobody renewed it");
        leadership.lost().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_term_is_not_lost_when_the_first_one_ends() {
        let leadership = Leadership::candidate();
        leadership.extend(Instant::now() + TERM);
        let lost = tokio::spawn({
            let leadership = leadership.clone();
            async move { leadership.lost().await }
        });
        advance(TERM / 2).await;
        leadership.extend(Instant::now() + TERM);
        advance(TERM * 3 / 4).await;
        assert!(leadership.holds());
        assert!(!lost.is_finished());
        leadership.end();
        lost.await.unwrap_or_default();
        assert!(!leadership.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_rival_leads_for_ever() {
        let leadership = Leadership::unopposed();
        leadership.end();
        assert!(leadership.holds());
        leadership.gained().await;
        assert!(leadership.lost().now_or_never().is_none());
    }
}
