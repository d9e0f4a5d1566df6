//! What the simulator counts: calls of its API, by method.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::Outcome;

/// How often which method was called.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// All of them.
    pub total: u64,
    /// Those that change something.
    pub mutating: u64,
    /// By method.
    by_method: BTreeMap<String, u64>,
}

impl Calls {
    /// As the simulator counts at this moment.
    pub async fn now(control: &str) -> Outcome<Self> {
        let text = reqwest::get(format!("{control}/calls"))
            .await?
            .text()
            .await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// What was called between two moments.
    pub fn since(&self, before: &Self) -> Self {
        let by_method = self.by_method.iter().filter_map(|(method, count)| {
            let old = before.of(method);
            (*count > old).then(|| (method.clone(), count - old))
        });
        Self {
            total: self.total - before.total,
            mutating: self.mutating - before.mutating,
            by_method: by_method.collect(),
        }
    }

    /// How often this method was called.
    pub fn of(&self, method: &str) -> u64 {
        self.by_method.get(method).copied().unwrap_or_default()
    }

    /// Questions about tasks, by list or by identifier.
    pub fn task_polls(&self) -> u64 {
        self.of("GET tasks") + self.of("GET task")
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.by_method.is_empty() {
            return formatter.write_str("none");
        }
        for (index, (method, count)) in self.by_method.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(formatter, "{comma}{count} {method}")?;
        }
        Ok(())
    }
}
