//! Which objects have to be looked at: one set a kind, no larger than the
//! number of objects, in the order of arrival. Waking twice is waking once.

use std::collections::HashSet;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::Stream;
use std::collections::VecDeque;

/// A queue of objects of one kind.
pub struct Queue<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    order: VecDeque<T>,
    waiting: HashSet<T>,
    reader: Option<Waker>,
    closed: bool,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            order: VecDeque::new(),
            waiting: HashSet::new(),
            reader: None,
            closed: false,
        })))
    }
}

impl<T: Clone + Eq + Hash> Queue<T> {
    fn state(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has this object looked at.
    pub fn wake(&self, object: T) {
        let mut state = self.state();
        if !state.closed && state.waiting.insert(object.clone()) {
            state.order.push_back(object);
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }

    /// Ends the stream: nothing is looked at any more.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.order.clear();
        state.waiting.clear();
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }
}

impl<T: Clone + Eq + Hash> Stream for Queue<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state();
        if state.closed {
            return Poll::Ready(None);
        }
        match state.order.pop_front() {
            Some(object) => {
                state.waiting.remove(&object);
                Poll::Ready(Some(object))
            }
            None => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests;
