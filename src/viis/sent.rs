//! The administrators' passwords that were sent, by the task that came of it: what
//! the server says of such a task may hold its password. Bounded; shows nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::identifier::TaskId;
use super::redaction::Redactor;

/// So many of the last creations are remembered.
const REMEMBERED: usize = 1024;

/// Who takes which password out of which task's texts.
#[derive(Default)]
pub(super) struct Sent(Mutex<State>);

#[derive(Default)]
struct State {
    redactors: HashMap<TaskId, Redactor>,
    order: VecDeque<TaskId>,
}

impl Sent {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This task came of a request with a password.
    pub(super) fn remember(&self, task: &TaskId, redactor: Redactor) {
        let mut state = self.state();
        if state.redactors.insert(task.clone(), redactor).is_none() {
            state.order.push_back(task.clone());
        }
        if state.order.len() > REMEMBERED
            && let Some(oldest) = state.order.pop_front()
        {
            state.redactors.remove(&oldest);
        }
    }

    /// Who knows this task's password; None when this process did not send it.
    pub(super) fn redactor(&self, task: &TaskId) -> Option<Redactor> {
        self.state().redactors.get(task).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_last_ones_are_remembered() {
        let sent = Sent::default();
        for number in 0..=REMEMBERED {
            let redactor = Redactor::new().hiding_administrators("Summer24");
            sent.remember(&TaskId::new(number.to_string()), redactor);
        }
        assert!(sent.redactor(&TaskId::new("0")).is_none());
        assert!(sent.redactor(&TaskId::new("1")).is_some());
        assert_eq!(sent.state().redactors.len(), REMEMBERED);
        assert_eq!(sent.state().order.len(), REMEMBERED);
    }
}
