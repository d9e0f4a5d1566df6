//! What the simulator counts and holds: calls of its API by method, tenants, machines.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Outcome;
use super::kubernetes::difference;

/// How often which method was called.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    by_method: BTreeMap<String, u64>,
}

/// How much the server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Tenants.
    pub tenants: usize,
    /// Those of them that are Active.
    pub active: usize,
    /// Machines of all tenants.
    pub machines: usize,
}

#[derive(Deserialize)]
struct State {
    tenants: Vec<Tenant>,
}

#[derive(Deserialize)]
struct Tenant {
    status: String,
    machines: Vec<serde_json::Value>,
}

impl Calls {
    /// As the simulator counts at this moment.
    pub async fn now(control: &str) -> Outcome<Self> {
        get(control, "calls").await
    }

    /// What was called between two moments.
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        difference(&self.by_method, &before.by_method)
    }
}

impl Inventory {
    /// What the server holds at this moment.
    pub async fn now(control: &str) -> Outcome<Self> {
        let state: State = get(control, "state").await?;
        let tenants = &state.tenants;
        Ok(Self {
            tenants: tenants.len(),
            active: tenants.iter().filter(|t| t.status == "Active").count(),
            machines: tenants.iter().map(|t| t.machines.len()).sum(),
        })
    }
}

async fn get<T: DeserializeOwned>(control: &str, page: &str) -> Outcome<T> {
    let response = reqwest::get(format!("{control}/{page}")).await?;
    let text = response.error_for_status()?.text().await?;
    Ok(serde_json::from_str(&text)?)
}
