//! Many askers, one call: whoever asks gets the outcome of a call that started
//! after the question, and whoever asks meanwhile shares the next one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::viis;

/// A failure that several askers share.
pub type Shared = Arc<viis::Error>;

/// The calls of one kind.
#[derive(Default)]
pub struct Flight {
    turn: tokio::sync::Mutex<Option<Landed>>,
}

struct Landed {
    started: Instant,
    ended: Instant,
    outcome: Result<(), Shared>,
}

impl Flight {
    /// The outcome of a call that starts after this moment: somebody else's, if there is one.
    ///
    /// # Errors
    /// The call's own error, shared by everybody who waited for it.
    pub async fn join<F>(&self, call: impl FnOnce() -> F) -> Result<(), Shared>
    where
        F: Future<Output = Result<(), viis::Error>>,
    {
        let asked = Instant::now();
        let mut last = self.turn.lock().await;
        // A failure is no evidence of anything: whoever waited for it has it too,
        // instead of waiting for another one.
        let counts = |landed: &&Landed| {
            landed.started >= asked || (landed.outcome.is_err() && landed.ended >= asked)
        };
        if let Some(landed) = last.as_ref().filter(counts) {
            return landed.outcome.clone();
        }
        let started = Instant::now();
        let outcome = call().await.map_err(Shared::new);
        *last = Some(Landed {
            started,
            ended: Instant::now(),
            outcome: outcome.clone(),
        });
        outcome
    }
}

/// A [`Flight`] for each key.
pub struct Flights<K>(Mutex<HashMap<K, Arc<Flight>>>);

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> Flights<K> {
    /// The flight of this key.
    pub fn get(&self, key: &K) -> Arc<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.len() > 1024 {
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        }
        Arc::clone(flights.entry(key.clone()).or_default())
    }
}

#[cfg(test)]
mod tests;
