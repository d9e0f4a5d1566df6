//! Whether this process may change anything now. The operator's Lease says so;
//! this room only holds the answer, and asks the clock of nobody else.
//!
//! Leadership is a deadline on this process's own monotonic clock. A process that was paused
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
//!   a deletion names an identifier that was verified to be this resource's. A registration
//!   that comes after the machine's unregistration would stay: in its first 30 s a new
//!   leader unregisters no deleted machine that another one may have registered.

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
    /// As the Lease says.
    Until(Arc<watch::Sender<Held>>),
}

/// What the Lease says.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Until this moment; None: not the leader.
    until: Option<Instant>,
    /// Which term that is. Between two of them others may have led.
    term: u64,
}

impl Held {
    fn holds(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
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
        Self(Term::Until(Arc::new(watch::Sender::new(Held::default()))))
    }

    /// Whether something may be changed at this moment.
    #[must_use]
    pub fn holds(&self) -> bool {
        match &self.0 {
            Term::Unopposed => true,
            Term::Until(held) => held.borrow().holds(),
        }
    }

    /// This process leads until then. Once the time before is over, this is another term.
    pub fn extend(&self, until: Instant) {
        if let Term::Until(sender) = &self.0 {
            sender.send_modify(|held| {
                held.term += u64::from(!held.holds());
                held.until = Some(until);
            });
        }
    }

    /// This process leads no more.
    pub fn end(&self) {
        if let Term::Until(sender) = &self.0 {
            sender.send_modify(|held| held.until = None);
        }
    }

    /// Completes when this process leads.
    pub async fn gained(&self) {
        if let Term::Until(sender) = &self.0 {
            let mut held = sender.subscribe();
            // The sender lives as long as this handle does.
            let _ = held.wait_for(Held::holds).await;
        }
    }

    /// The term that counts now. Whoever works under it asks [`Leadership::lost`] for it.
    #[must_use]
    pub fn term(&self) -> u64 {
        match &self.0 {
            Term::Unopposed => 0,
            Term::Until(held) => held.borrow().term,
        }
    }

    /// Completes when this term is over, also when another one has begun since.
    pub async fn lost(&self, term: u64) {
        let Term::Until(sender) = &self.0 else {
            return std::future::pending().await;
        };
        let mut held = sender.subscribe();
        loop {
            let now = *held.borrow_and_update();
            let Some(until) = now.until.filter(|_| now.holds() && now.term == term) else {
                return;
            };
            tokio::select! {
                () = sleep_until(until) => {}
                _ = held.changed() => {}
            }
        }
    }
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
        let term = leadership.term();
        assert!(leadership.lost(term).now_or_never().is_none());
        advance(TERM).await;
        assert!(!leadership.holds(), "nobody renewed it");
        leadership.lost(term).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_term_that_was_over_unnoticed_is_lost_when_the_next_one_has_begun() {
        let leadership = Leadership::candidate();
        leadership.extend(Instant::now() + TERM);
        let term = leadership.term();
        advance(TERM).await;
        leadership.extend(Instant::now() + TERM);
        assert!(leadership.holds());
        leadership.lost(term).await;
        assert!(leadership.lost(leadership.term()).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_term_is_not_lost_when_the_first_one_ends() {
        let leadership = Leadership::candidate();
        leadership.extend(Instant::now() + TERM);
        let lost = tokio::spawn({
            let leadership = leadership.clone();
            async move { leadership.lost(leadership.term()).await }
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
        assert!(leadership.lost(leadership.term()).now_or_never().is_none());
    }
}
