//! What was asked of the API: counters and the last calls. The API alone, not
//! the control endpoint.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::clock::{self, Millis};

const REMEMBERED: usize = 10_000;

/// Counters and the log.
#[derive(Default)]
pub struct Calls {
    total: u64,
    mutating: u64,
    by_method: BTreeMap<&'static str, u64>,
    by_status: BTreeMap<u16, u64>,
    log: VecDeque<Entry>,
    /// The number of the log's first entry, since the start.
    first: u64,
}

struct Entry {
    at: Millis,
    call: &'static str,
    path: String,
    status: u16,
}

/// A call in the log, so that its status can be added.
#[derive(Clone, Copy)]
pub struct Ticket(u64);

// === impl Calls ===

impl Calls {
    /// A call arrived.
    pub fn arrived(&mut self, call: &'static str, path: String, mutates: bool) -> Ticket {
        self.total += 1;
        self.mutating += u64::from(mutates);
        *self.by_method.entry(call).or_default() += 1;
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
            self.first += 1;
        }
        let number = self.first + u64::try_from(self.log.len()).unwrap_or(0);
        self.log.push_back(Entry {
            at: clock::now(),
            call,
            path,
            status: 0,
        });
        Ticket(number)
    }

    /// It was answered; 0: its connection was closed instead.
    pub fn answered(&mut self, ticket: Ticket, status: u16) {
        *self.by_status.entry(status).or_default() += 1;
        let index = ticket.0.checked_sub(self.first);
        let entry = index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.log.get_mut(index));
        if let Some(entry) = entry {
            entry.status = status;
        }
    }

    /// Counts from nothing again; the log is emptied too.
    pub fn reset(&mut self) {
        self.first += u64::try_from(self.log.len()).unwrap_or(0);
        self.log.clear();
        self.total = 0;
        self.mutating = 0;
        self.by_method.clear();
        self.by_status.clear();
    }

    /// The counters.
    pub fn counts(&self, names: &[&'static str]) -> Value {
        let mut by_method: BTreeMap<&str, u64> = names.iter().map(|name| (*name, 0)).collect();
        by_method.extend(self.by_method.iter().map(|(name, count)| (*name, *count)));
        json!({
            "total": self.total,
            "mutating": self.mutating,
            "byMethod": by_method,
            "byStatus": self.by_status,
        })
    }

    /// The last calls, oldest first.
    pub fn log(&self) -> Value {
        self.log
            .iter()
            .map(|entry| {
                json!({"at": entry.at, "call": entry.call, "path": entry.path, "status": entry.status})
            })
            .collect()
    }
}
