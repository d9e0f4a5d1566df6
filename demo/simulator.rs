//! What the simulated Integration Server holds and was asked for, from its
//! control endpoint: the other side's word, not the operator's.

use std::time::Duration;

use serde_json::Value;

use crate::Failure;

/// The control endpoint of a simulator.
pub struct Simulator {
    /// `http://127.0.0.1:…`
    pub control: String,
    client: reqwest::Client,
}

/// What it holds, in numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    tenants: usize,
    machines: usize,
    folders: usize,
    users: usize,
    virtual_servers: usize,
}

impl Simulator {
    /// The simulator whose control endpoint this is.
    pub fn at(control: &str) -> Result<Self, Failure> {
        // Refused when it was done before, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| Failure(format!("cannot speak HTTP: {error}")))?;
        Ok(Self {
            control: control.to_owned(),
            client,
        })
    }

    /// What it holds.
    pub async fn holdings(&self) -> Result<Holdings, Failure> {
        Ok(Holdings::read(&self.get("state").await?))
    }

    /// The calls that changed something, such as `2 × POST tenant`.
    pub async fn changes(&self) -> Result<String, Failure> {
        Ok(changes(&self.get("calls").await?))
    }

    async fn get(&self, page: &str) -> Result<Value, Failure> {
        let url = format!("{}/{page}", self.control);
        let unanswered = |error: reqwest::Error| Failure(format!("no answer from {url}: {error}"));
        let answer = self.client.get(&url).send().await.map_err(unanswered)?;
        let text = answer.text().await.map_err(unanswered)?;
        serde_json::from_str(&text).map_err(|error| Failure(format!("{url} is no JSON: {error}")))
    }
}

impl Holdings {
    fn read(state: &Value) -> Self {
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        let tenants = state["tenants"].as_array();
        Self {
            tenants: count(&state["tenants"]),
            machines: tenants
                .into_iter()
                .flatten()
                .map(|t| count(&t["machines"]))
                .sum(),
            folders: count(&state["ksc"]["folders"]),
            users: count(&state["ksc"]["users"]),
            virtual_servers: count(&state["ksc"]["virtualServers"]),
        }
    }

    /// Nothing at all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Display for Holdings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_nothing() {
            return f.write_str(
                "nothing: no tenant, no virtual machine, and nothing in Kaspersky Security Center",
            );
        }
        let parts = [
            (self.tenants, "tenant"),
            (self.machines, "virtual machine"),
            (self.virtual_servers, "virtual Administration Server"),
            (self.users, "administrator"),
            (self.folders, "folder"),
        ];
        let parts = parts.map(|(count, what)| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        });
        f.write_str(&parts.join(", "))
    }
}

fn changes(calls: &Value) -> String {
    let methods = calls["byMethod"].as_object();
    let changing = methods
        .into_iter()
        .flatten()
        .filter(|(name, count)| !name.starts_with("GET") && count.as_u64() > Some(0));
    let listed: Vec<String> = changing
        .map(|(name, count)| format!("{count} x {name}"))
        .collect();
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_folder_is_not_nothing() {
        let state = json!({"tenants": [], "ksc": {"folders": ["Acme"], "users": []}});
        assert!(!Holdings::read(&state).is_nothing());
        assert!(Holdings::read(&json!({"tenants": []})).is_nothing());
    }

    #[test]
    fn machines_are_counted_over_all_tenants() {
        let state = json!({"tenants": [{"machines": [1, 2]}, {"machines": [3]}]});
        let holdings = Holdings::read(&state);
        assert_eq!((holdings.tenants, holdings.machines), (2, 3));
    }

    #[test]
    fn one_is_not_a_plural() {
        let holdings = Holdings {
            tenants: 1,
            machines: 2,
            ..Holdings::default()
        };
        assert!(
            holdings
                .to_string()
                .starts_with("1 tenant, 2 virtual machines, 0 ")
        );
    }

    #[test]
    fn only_calls_that_change_something_are_listed() {
        let calls = json!({"byMethod": {"GET tenants": 9, "POST tenant": 2, "POST cancel": 0}});
        assert_eq!(changes(&calls), "2 x POST tenant");
    }
}
