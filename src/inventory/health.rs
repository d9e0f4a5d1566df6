//! Whether a server is worth asking. Who learns that it is not, says so here, and
//! everybody else stops asking: one probe instead of one failure an object.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::viis::{Class, Error, Problem};

/// What is known of the server's availability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Not probed yet.
    Unknown,
    /// The last probe succeeded, and no call has shown otherwise since.
    Up,
    /// A probe or a call has shown that nothing can be done on it now.
    Down,
}

/// The availability of one server.
pub struct Health(Mutex<State>);

struct State {
    availability: Availability,
    doubted: Option<Instant>,
    up_since: Option<Instant>,
    answered: Option<Instant>,
    probe_wanted: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self(Mutex::new(State {
            availability: Availability::Unknown,
            doubted: None,
            up_since: None,
            answered: None,
            probe_wanted: true,
        }))
    }
}

/// A server that answers, but not always well, is probed at most this often.
const DOUBT_INTERVAL: Duration = Duration::from_secs(10);

impl Health {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known.
    pub fn availability(&self) -> Availability {
        self.state().availability
    }

    /// Since when it is up, or was up last.
    pub fn up_since(&self) -> Option<Instant> {
        self.state().up_since
    }

    /// When a probe succeeded last.
    pub fn answered_at(&self) -> Option<Instant> {
        self.state().answered
    }

    /// Somebody wants the server to be probed soon.
    pub fn probe_wanted(&self) -> bool {
        self.state().probe_wanted
    }

    /// A probe succeeded.
    pub fn probed(&self) {
        let mut state = self.state();
        if state.availability != Availability::Up {
            state.up_since = Some(Instant::now());
        }
        state.availability = Availability::Up;
        state.answered = Some(Instant::now());
        state.probe_wanted = false;
    }

    /// A probe failed.
    pub fn probe_failed(&self) {
        let mut state = self.state();
        state.availability = Availability::Down;
        state.probe_wanted = false;
    }

    /// A call failed. True when the server should be probed because of it.
    pub fn failed(&self, error: &Error) -> bool {
        let mut state = self.state();
        if state.availability != Availability::Up {
            return false;
        }
        let parks = match error.problem() {
            Problem::Connect | Problem::Certificate | Problem::Credentials => true,
            Problem::Timeout
            | Problem::Forbidden
            | Problem::UnexpectedAnswer
            | Problem::ServerError
            | Problem::Rejected
            | Problem::NotFound
            | Problem::Withheld => false,
        };
        if parks {
            state.availability = Availability::Down;
            state.probe_wanted = true;
            return true;
        }
        let doubtful = matches!(error.class(), Class::Transient { .. })
            || error.problem() == Problem::Forbidden;
        let recently = state
            .doubted
            .is_some_and(|at| at.elapsed() < DOUBT_INTERVAL);
        if doubtful && !recently {
            state.doubted = Some(Instant::now());
            state.probe_wanted = true;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests;
