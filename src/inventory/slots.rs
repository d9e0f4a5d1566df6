//! How many of something run at once on a server: tasks, or callers. First come,
//! first served, and whoever's turn it is is told: nobody asks again and again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::Owner;

/// The slots of one server.
pub struct Slots(Mutex<State>);

struct State {
    limit: usize,
    holders: HashSet<Owner>,
    queue: VecDeque<Owner>,
    queued: HashSet<Owner>,
}

impl State {
    fn leave_queue(&mut self, owner: &Owner) {
        if self.queued.remove(owner) {
            self.queue.retain(|waiting| waiting != owner);
        }
    }
}

impl Slots {
    /// `limit` tasks at once.
    pub fn new(limit: usize) -> Self {
        Self(Mutex::new(State {
            limit,
            holders: HashSet::new(),
            queue: VecDeque::new(),
            queued: HashSet::new(),
        }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait for a slot.
    pub fn waiting(&self) -> usize {
        self.state().queued.len()
    }

    /// How many slots there are.
    pub fn limit(&self) -> usize {
        self.state().limit
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
        if state.queued.insert(owner.clone()) {
            state.queue.push_back(owner.clone());
        }
        false
    }

    /// A task of this Tenant runs already: it has a slot, whatever the limit says.
    pub fn occupy(&self, owner: &Owner) {
        let mut state = self.state();
        state.leave_queue(owner);
        state.holders.insert(owner.clone());
    }

    /// Gives the slot (or the place in the queue) back. Returns who has a slot now.
    pub fn release(&self, owner: &Owner) -> Vec<Owner> {
        let mut state = self.state();
        if !state.holders.remove(owner) {
            state.leave_queue(owner);
        }
        let mut next = Vec::new();
        while state.holders.len() < state.limit {
            let Some(waiting) = state.queue.pop_front() else {
                break;
            };
            state.queued.remove(&waiting);
            state.holders.insert(waiting.clone());
            next.push(waiting);
        }
        next
    }
}

#[cfg(test)]
mod tests;
