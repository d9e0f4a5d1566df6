//! How many tasks run at once for us on a server. First come, first served.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::Owner;

/// The slots of one server.
pub struct Slots(Mutex<State>);

struct State {
    limit: usize,
    holders: HashSet<Owner>,
    queue: VecDeque<Owner>,
}

impl Slots {
    /// `limit` tasks at once.
    pub fn new(limit: usize) -> Self {
        Self(Mutex::new(State {
            limit,
            holders: HashSet::new(),
            queue: VecDeque::new(),
        }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when this Tenant may start a task now. Otherwise it is queued, and
    /// woken once its turn has come.
    pub fn take(&self, owner: &Owner) -> bool {
        let mut state = self.state();
        if state.holders.contains(owner) {
            return true;
        }
        if state.holders.len() < state.limit && state.queue.is_empty() {
            state.holders.insert(owner.clone());
            return true;
        }
        if !state.queue.contains(owner) {
            state.queue.push_back(owner.clone());
        }
        false
    }

    /// A task of this Tenant runs already: it has a slot, whatever the limit says.
    pub fn occupy(&self, owner: &Owner) {
        let mut state = self.state();
        state.queue.retain(|waiting| waiting != owner);
        state.holders.insert(owner.clone());
    }

    /// Gives the slot (or the place in the queue) back. Returns who has a slot now.
    pub fn release(&self, owner: &Owner) -> Vec<Owner> {
        let mut state = self.state();
        if !state.holders.remove(owner) {
            state.queue.retain(|waiting| waiting != owner);
        }
        let mut next = Vec::new();
        while state.holders.len() < state.limit {
            let Some(waiting) = state.queue.pop_front() else {
                break;
            };
            state.holders.insert(waiting.clone());
            next.push(waiting);
        }
        next
    }
}

#[cfg(test)]
mod tests;
