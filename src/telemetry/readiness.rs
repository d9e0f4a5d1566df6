//! Whether this process does its work: what `/readyz` and `/healthz` answer.
//! No I/O.

use std::sync::Arc;

use tokio::sync::watch;

/// A handle on the state of this process. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<State>>);

/// The life of the process. It only goes forward, but for a leader that stands by again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// The controllers do not run yet; the sentence says what they wait for.
    Waiting(&'static str),
    /// Another process leads; this one could take over at any moment.
    StandingBy,
    /// The controllers watch and reconcile.
    Started,
    /// A signal came; what runs is being ended.
    Stopping,
    /// The controllers ended.
    Ended,
}

// === impl Readiness ===

impl Readiness {
    /// The state of a process that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::Waiting("starting"))))
    }

    /// Says what the start waits for: one sentence without anything secret,
    /// since everybody who reaches `/readyz` can read it.
    pub fn waiting_for(&self, sentence: &'static str) {
        self.0.send_if_modified(|state| match state {
            State::Waiting(before) => std::mem::replace(before, sentence) != sentence,
            State::StandingBy | State::Started | State::Stopping | State::Ended => false,
        });
    }

    /// The controllers watch and reconcile: from here on `/readyz` is 200.
    pub fn controllers_started(&self) {
        self.forward_to(State::Started);
    }

    /// Another process leads. `/readyz` is 200: two replicas are both ready.
    pub fn standing_by(&self) {
        self.0.send_if_modified(|state| match state {
            State::Waiting(_) | State::Started => {
                *state = State::StandingBy;
                true
            }
            State::StandingBy | State::Stopping | State::Ended => false,
        });
    }

    /// A signal came: no longer ready.
    pub fn stopping(&self) {
        self.forward_to(State::Stopping);
    }

    /// The controllers ended: neither ready nor healthy.
    pub fn controllers_ended(&self) {
        self.forward_to(State::Ended);
    }

    /// What `/readyz` answers: `Err` with a sentence that says why not.
    ///
    /// # Errors
    /// While the controllers do not run.
    pub fn ready(&self) -> Result<(), &'static str> {
        match *self.0.borrow() {
            State::Waiting(sentence) => Err(sentence),
            State::StandingBy | State::Started => Ok(()),
            State::Stopping => Err("stopping"),
            State::Ended => Err("the controllers ended"),
        }
    }

    /// What `/healthz` answers: a process that waits or stops is healthy, one
    /// without its controllers is not.
    ///
    /// # Errors
    /// When the controllers ended.
    pub fn healthy(&self) -> Result<(), &'static str> {
        match *self.0.borrow() {
            State::Waiting(_) | State::StandingBy | State::Started | State::Stopping => Ok(()),
            State::Ended => Err("the controllers ended"),
        }
    }

    fn forward_to(&self, next: State) {
        self.0.send_if_modified(|state| {
            let forward = next > *state;
            if forward {
                *state = next;
            }
            forward
        });
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_between_start_and_stop() {
        let readiness = Readiness::new();
        assert_eq!(readiness.ready(), Err("starting"));
        readiness.waiting_for("waiting for something");
        assert_eq!(readiness.ready(), Err("waiting for something"));
        readiness.controllers_started();
        assert_eq!(readiness.ready(), Ok(()));
        readiness.stopping();
        assert_eq!(readiness.ready(), Err("stopping"));
        assert_eq!(readiness.healthy(), Ok(()));
        readiness.controllers_ended();
        assert_eq!(readiness.healthy(), Err("the controllers ended"));
    }

    #[test]
    fn who_stands_by_is_ready_and_may_lead_and_stand_by_again() {
        let readiness = Readiness::new();
        for _ in 0..2 {
            readiness.standing_by();
            assert_eq!(readiness.ready(), Ok(()));
            readiness.controllers_started();
            assert_eq!(readiness.ready(), Ok(()));
        }
        readiness.stopping();
        readiness.standing_by();
        assert_eq!(readiness.ready(), Err("stopping"));
    }

    #[test]
    fn never_goes_back() {
        let readiness = Readiness::new();
        readiness.stopping();
        readiness.clone().controllers_started();
        readiness.waiting_for("late");
        assert_eq!(readiness.ready(), Err("stopping"));
    }
}
