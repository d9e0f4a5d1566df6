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
        let state = self.get("state").await?;
        Holdings::read(&state).ok_or_else(|| Failure(format!("the simulator holds {state}")))
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
    /// None where a list is missing: that is not an empty one.
    fn read(state: &Value) -> Option<Self> {
        let count = |list: &Value| list.as_array().map(Vec::len);
        let tenants = state["tenants"].as_array()?;
        let machines = tenants.iter().map(|tenant| count(&tenant["machines"]));
        Some(Self {
            tenants: tenants.len(),
            machines: machines.sum::<Option<usize>>()?,
            folders: count(&state["ksc"]["folders"])?,
            users: count(&state["ksc"]["users"])?,
            virtual_servers: count(&state["ksc"]["virtualServers"])?,
        })
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

    fn state(tenants: Value, folders: Value) -> Value {
        json!({"tenants": tenants, "ksc": {"folders": folders, "users": [], "virtualServers": []}})
    }

    #[test]
    fn one_folder_is_not_nothing() {
        let is_nothing = |state: &Value| Holdings::read(state).map(|it| it.is_nothing());
        assert_eq!(is_nothing(&state(json!([]), json!(["Acme"]))), Some(false));
        assert_eq!(is_nothing(&state(json!([]), json!([]))), Some(true));
        for unknown in [
            json!({}),
            json!({"error": "busy"}),
            json!({"tenants": []}),
            state(json!([{}]), json!([])),
        ] {
            assert_eq!(is_nothing(&unknown), None, "{unknown}");
        }
    }

    #[test]
    fn machines_are_counted_over_all_tenants() {
        let tenants = json!([{"machines": [1, 2]}, {"machines": [3]}]);
        let holdings = Holdings::read(&state(tenants, json!([]))).unwrap_or_default();
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
