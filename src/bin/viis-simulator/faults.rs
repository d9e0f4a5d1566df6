//! Faults to order: which call they wait for and what goes wrong then. They are
//! matched here and carried out in `exchange`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Failure, Fate, Hold};

/// The ordered faults, oldest first.
#[derive(Default)]
pub struct Faults {
    last: u64,
    faults: Vec<Fault>,
}

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewFault {
    /// A call's name as in `/calls`, or `*`.
    pub call: String,
    /// So many such calls pass untouched first.
    #[serde(default)]
    pub skip: u32,
    /// So many are hit; 0: all, until the fault is deleted.
    #[serde(default = "once")]
    pub times: u32,
    /// Asked of the control endpoint just before the call is looked at.
    #[serde(default)]
    pub before: Option<Before>,
    /// What goes wrong. Several may go together (`delayMs` and `dropAfter`).
    #[serde(default)]
    pub action: Option<Action>,
}

/// A request to the control endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    #[serde(default = "post")]
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub body: Value,
}

/// What goes wrong.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Action {
    pub status: Option<u16>,
    pub body: Option<String>,
    pub content_type: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub drop_before: bool,
    pub drop_after: bool,
    pub cut_body: bool,
    pub delay_ms: Option<u64>,
    pub commit_late_ms: Option<u64>,
    pub task_fails: Option<TaskFails>,
    pub task_stuck: bool,
    pub task_forgotten: Option<Forgotten>,
    pub task_state: Option<String>,
    pub hidden_ms: Option<u64>,
    pub unknown_ms: Option<u64>,
}

/// How a task fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFails {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub partial: bool,
}

/// Whether a forgotten task's work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forgotten {
    Done,
    Undone,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fault {
    id: u64,
    #[serde(flatten)]
    order: NewFault,
    seen: u32,
    hits: u32,
}

/// A fault that struck.
pub struct Struck {
    pub before: Option<Before>,
    pub action: Action,
    pub fate: Fate,
}

fn once() -> u32 {
    1
}

fn post() -> String {
    String::from("POST")
}

// === impl Faults ===

impl Faults {
    /// Orders a fault and returns its number.
    pub fn add(&mut self, order: NewFault) -> u64 {
        self.last += 1;
        self.faults.push(Fault {
            id: self.last,
            order,
            seen: 0,
            hits: 0,
        });
        self.last
    }

    /// Takes one back. False: there is none.
    pub fn remove(&mut self, id: u64) -> bool {
        let count = self.faults.len();
        self.faults.retain(|fault| fault.id != id);
        self.faults.len() < count
    }

    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// All, with how often each was seen and struck.
    pub fn show(&self) -> Value {
        serde_json::to_value(&self.faults).unwrap_or_default()
    }

    /// Every fault that waits for this call counts it; the oldest one that is
    /// due strikes.
    pub fn strike(&mut self, call: &str) -> Option<Struck> {
        let mut struck = None;
        for fault in &mut self.faults {
            let order = &fault.order;
            if order.call != call && order.call != "*" {
                continue;
            }
            fault.seen += 1;
            let due = fault.seen > order.skip && (order.times == 0 || fault.hits < order.times);
            if due && struck.is_none() {
                fault.hits += 1;
                let action = order.action.clone().unwrap_or_default();
                struck = Some(Struck {
                    before: order.before.clone(),
                    fate: action.fate(fault.id),
                    action,
                });
            }
        }
        struck
    }
}

// === impl Action ===

impl Action {
    fn fate(&self, fault: u64) -> Fate {
        Fate {
            fails: self.task_fails.as_ref().map(|fails| Failure {
                code: fails.code.clone(),
                message: fails.message.clone(),
            }),
            partial: self.task_fails.as_ref().is_some_and(|fails| fails.partial),
            stuck: self.task_stuck,
            forgotten: self
                .task_forgotten
                .map(|forgotten| forgotten == Forgotten::Done),
            hidden_ms: self.hidden_ms,
            unknown_ms: self.unknown_ms,
            held: self.task_state.clone().map(|state| Hold { fault, state }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn order(text: &str) -> NewFault {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_skips_strikes_and_is_spent() {
        let mut faults = Faults::default();
        faults.add(order(
            r#"{"call":"GET task","skip":1,"times":2,"action":{"dropBefore":true}}"#,
        ));
        let strikes: Vec<bool> = (0..5)
            .map(|_| faults.strike("GET task").is_some())
            .collect();
        assert_eq!(strikes, [false, true, true, false, false]);
        assert!(faults.strike("GET tasks").is_none());
        assert_eq!(faults.show()[0]["hits"], 2);
    }

    #[test]
    fn one_call_is_struck_by_one_fault() {
        let mut faults = Faults::default();
        faults.add(order(r#"{"call":"*","action":{"status":503}}"#));
        faults.add(order(r#"{"call":"*","action":{"status":429}}"#));
        let statuses: Vec<Option<u16>> = (0..3)
            .map(|_| {
                faults
                    .strike("GET vms")
                    .and_then(|struck| struck.action.status)
            })
            .collect();
        assert_eq!(statuses, [Some(503), Some(429), None]);
    }

    #[test]
    fn a_misspelled_action_is_refused() {
        let refused =
            serde_json::from_str::<NewFault>(r#"{"call":"GET vms","action":{"dropbefore":true}}"#);
        assert!(refused.is_err());
    }
}
