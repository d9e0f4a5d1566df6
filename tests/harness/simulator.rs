//! `viis-simulator` as a process, and its control endpoint in words.

use super::program::Program;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, Once};
use std::time::Duration;

/// An Integration Server that is played. Dropping it ends it.
pub struct Simulator {
    program: Program,
    http: reqwest::Client,
    control: String,
    pub address: String,
    pub port: u16,
    pub fingerprint: String,
    pub certificate_authority: Option<String>,
    pub password: String,
    /// Faults that have to strike, by their numbers.
    expected: Mutex<Vec<(u64, Value)>>,
}

/// Everything the server holds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct State {
    pub tenants: Vec<TenantThere>,
    pub tasks: Vec<TaskThere>,
    pub ksc: Ksc,
}

/// A tenant as the server has it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantThere {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub user_data: Option<String>,
    #[serde(rename = "type")]
    pub tenant_type: String,
    pub status: String,
    pub administrator: Option<String>,
    pub v_ksc_id: Option<String>,
    #[serde(rename = "passwordSHA256")]
    pub password_sha256: Option<String>,
    #[serde(rename = "preferredVIISAddress")]
    pub preferred_viis_address: Option<String>,
    pub machines: Vec<MachineThere>,
}

/// A machine as the server has it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MachineThere {
    pub id: String,
    #[serde(rename = "biosID")]
    pub bios_id: String,
    pub name: Option<String>,
    pub user_data: Option<String>,
}

/// A task as the server has it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TaskThere {
    pub id: String,
    #[serde(rename = "type")]
    pub task_type: String,
    pub state: String,
    /// Of a creation.
    pub tenant_name: Option<String>,
    /// Of any other task, and of a creation that is done.
    #[serde(rename = "tenantID")]
    pub tenant_id: Option<String>,
}

/// What Kaspersky Security Center holds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Ksc {
    pub folders: Vec<String>,
    pub users: Vec<String>,
    pub virtual_servers: Vec<String>,
}

/// How often what was called.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    pub total: u64,
    pub mutating: u64,
    pub by_method: BTreeMap<String, u64>,
}

/// One call that came in.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// Milliseconds since 1970.
    pub at: u64,
    pub call: String,
    pub path: String,
    /// 0: not answered.
    pub status: u16,
}

impl Calls {
    /// How often this method was called, e.g. `POST tenant`. The simulator counts each
    /// method that it knows, so that a misspelled one is not taken for one that is unused.
    pub fn of(&self, method: &str) -> u64 {
        let count = self.by_method.get(method).copied();
        count.unwrap_or_else(|| panic!("no call is named {method}: {:?}", self.by_method))
    }
}

impl State {
    /// The tenant of that name; the test fails when there is none.
    pub fn tenant(&self, name: &str) -> &TenantThere {
        self.find(name)
            .unwrap_or_else(|| panic!("no tenant {name} on the server: {self:#?}"))
    }

    pub fn find(&self, name: &str) -> Option<&TenantThere> {
        self.tenants.iter().find(|tenant| tenant.name == name)
    }

    /// How many tasks of that type ended in that state.
    pub fn tasks(&self, task_type: &str, state: &str) -> usize {
        let wanted = |task: &&TaskThere| task.task_type == task_type && task.state == state;
        self.tasks.iter().filter(wanted).count()
    }
}

impl TaskThere {
    pub fn has_ended(&self) -> bool {
        matches!(
            self.state.as_str(),
            "Completed" | "Failed" | "Canceled" | "Cancelled"
        )
    }
}

impl TenantThere {
    pub fn machine(&self, bios_id: &str) -> Option<&MachineThere> {
        self.machines
            .iter()
            .find(|machine| same_identifier(&machine.bios_id, bios_id))
    }
}

impl Simulator {
    /// Starts one with short tasks; `extra` are further flags.
    pub fn start(extra: &[&str]) -> Simulator {
        Simulator::with_password(&format!("Server-{}", uuid::Uuid::new_v4()), extra)
    }

    pub fn with_password(password: &str, extra: &[&str]) -> Simulator {
        accept_ring();
        let mut command = Command::new(env!("CARGO_BIN_EXE_viis-simulator"));
        command
            .arg("--exit-with-stdin")
            .args(["--password", password])
            .args(extra);
        for (flag, short) in [
            ("--create-duration", "300ms"),
            ("--activate-duration", "100ms"),
            ("--delete-duration", "300ms"),
        ] {
            if !extra.contains(&flag) {
                command.args([flag, short]);
            }
        }
        let program = Program::that_ends_with_us("simulator", &mut command);
        let said = program.announcement(Duration::from_secs(20)).unwrap();
        let text = |field: &str| said[field].as_str().map(str::to_owned);
        Simulator {
            program,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            control: text("control").unwrap(),
            address: text("address").unwrap(),
            port: said["port"].as_u64().unwrap().try_into().unwrap(),
            fingerprint: text("fingerprintSHA256").unwrap(),
            certificate_authority: text("caFile"),
            password: password.to_owned(),
            expected: Mutex::default(),
        }
    }

    pub fn tail(&self) -> String {
        self.program.tail(60)
    }

    pub async fn state(&self) -> State {
        serde_json::from_value(self.call(http::Method::GET, "/state", None).await).unwrap()
    }

    /// Counted since the start.
    pub async fn calls(&self) -> Calls {
        serde_json::from_value(self.call(http::Method::GET, "/calls", None).await).unwrap()
    }

    /// Counted since `before`.
    pub async fn calls_since(&self, before: &Calls) -> Calls {
        let now = self.calls().await;
        let methods = now.by_method.iter();
        Calls {
            total: now.total - before.total,
            mutating: now.mutating - before.mutating,
            by_method: methods
                .map(|(method, count)| (method.clone(), count - before.of(method)))
                .collect(),
        }
    }

    /// The calls themselves, oldest first.
    pub async fn log(&self) -> Vec<Call> {
        serde_json::from_value(self.call(http::Method::GET, "/log", None).await).unwrap()
    }

    /// The paths of all calls of one method, oldest first.
    pub async fn paths_of(&self, method: &str) -> Vec<String> {
        self.calls().await.of(method);
        let calls = self.log().await.into_iter();
        calls
            .filter(|call| call.call == method)
            .map(|call| call.path)
            .collect()
    }

    pub async fn settings(&self, settings: Value) {
        self.call(http::Method::PUT, "/settings", Some(settings))
            .await;
    }

    pub async fn goes_away(&self) {
        self.call(
            http::Method::PUT,
            "/listening",
            Some(json!({"listening": false})),
        )
        .await;
    }

    pub async fn comes_back(&self) {
        self.call(
            http::Method::PUT,
            "/listening",
            Some(json!({"listening": true})),
        )
        .await;
    }

    /// The next `times` calls of this method meet `action`; 0: all, until [`Self::mend`].
    /// At least one has to: see [`Self::all_faults_struck`].
    /// Returns its number.
    pub async fn fault(&self, method: &str, times: u32, action: Value) -> u64 {
        let fault = json!({"call": method, "skip": 0, "times": times, "action": action});
        let id = self.order(fault.clone()).await;
        self.expected.lock().unwrap().push((id, fault));
        id
    }

    /// The test fails when what it ordered by [`Self::fault`] did not happen.
    pub async fn all_faults_struck(&self) {
        let expected = std::mem::take(&mut *self.expected.lock().unwrap());
        for (id, fault) in expected {
            assert!(self.hits(id).await > 0, "it never struck: {fault}");
        }
    }

    /// Orders a fault as the simulator's page describes it; returns its number.
    pub async fn order(&self, fault: Value) -> u64 {
        let said = self.call(http::Method::POST, "/faults", Some(fault)).await;
        said["id"].as_u64().unwrap()
    }

    /// Tasks that this method starts run until [`Self::release`] or [`Self::mend`];
    /// returns the number of the fault.
    pub async fn hold_tasks_of(&self, method: &str) -> u64 {
        let action = json!({"taskState": "Running"});
        self.order(json!({"call": method, "times": 0, "action": action}))
            .await
    }

    /// Ends one fault; tasks that it held go on.
    pub async fn release(&self, fault: u64) {
        self.call(http::Method::DELETE, &format!("/faults/{fault}"), None)
            .await;
    }

    /// How often a fault has struck.
    pub async fn hits(&self, fault: u64) -> u64 {
        let faults = self.call(http::Method::GET, "/faults", None).await;
        let mut all = faults.as_array().unwrap().iter();
        let found = all.find(|it| it["id"] == fault);
        let found = found.unwrap_or_else(|| panic!("no fault {fault} in {faults}"));
        found["hits"].as_u64().unwrap()
    }

    /// Somebody cancels a task, by the API.
    pub async fn task_cancelled_by_hand(&self, id: &str) {
        let url = format!(
            "https://{}:{}/api/2.0/virtualization/tasks/{}/cancel",
            self.address,
            self.port,
            escaped(id)
        );
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .build();
        let request = client.unwrap().post(url);
        let answer = request
            .basic_auth("multitenancy", Some(&self.password))
            .send();
        // A task that has just ended cannot be cancelled any more.
        let _ = answer.await;
    }

    pub async fn mend(&self) {
        self.all_faults_struck().await;
        self.call(http::Method::DELETE, "/faults", None).await;
    }

    /// Somebody makes a tenant without the operator.
    pub async fn tenant_made_by_hand(&self, tenant: Value) -> TenantThere {
        let made = self
            .call(http::Method::POST, "/tenants", Some(tenant))
            .await;
        serde_json::from_value(made).unwrap()
    }

    pub async fn tenant_removed_by_hand(&self, name: &str) {
        let id = self.state().await.tenant(name).id.clone();
        self.call(
            http::Method::DELETE,
            &format!("/tenants/{}", escaped(&id)),
            None,
        )
        .await;
    }

    pub async fn status_set_by_hand(&self, name: &str, status: &str) {
        let id = self.state().await.tenant(name).id.clone();
        let path = format!("/tenants/{}/status", escaped(&id));
        self.call(http::Method::POST, &path, Some(json!({"status": status})))
            .await;
    }

    pub async fn machine_made_by_hand(&self, tenant: &str, machine: Value) {
        let id = self.state().await.tenant(tenant).id.clone();
        let path = format!("/tenants/{}/machines", escaped(&id));
        self.call(http::Method::POST, &path, Some(machine)).await;
    }

    pub async fn machine_removed_by_hand(&self, tenant: &str, bios_id: &str) {
        let id = self.state().await.tenant(tenant).id.clone();
        let path = format!("/tenants/{}/machines/{bios_id}", escaped(&id));
        self.call(http::Method::DELETE, &path, None).await;
    }

    pub async fn backup(&self, name: &str) {
        self.call(
            http::Method::POST,
            "/snapshots",
            Some(json!({"name": name})),
        )
        .await;
    }

    /// Rolled back; with `reuse` the next identifiers are those handed out since.
    pub async fn restore(&self, name: &str, reuse: bool) {
        let path = format!("/snapshots/{name}/restore");
        self.call(
            http::Method::POST,
            &path,
            Some(json!({"reuseIdentifiers": reuse})),
        )
        .await;
    }

    /// A request to the control endpoint, which must be answered well.
    pub async fn call(&self, method: http::Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.control));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(
            status.is_success(),
            "{method} {path} on the simulator: {status} {text}"
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

/// Identifiers are UUIDs in any case, with or without braces, or plain texts.
pub fn same_identifier(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_matches(['{', '}']).to_lowercase();
    plain(one) == plain(other)
}

/// reqwest is built without a crypto provider of its own.
pub fn accept_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn escaped(identifier: &str) -> String {
    identifier.replace('{', "%7B").replace('}', "%7D")
}

/// The authority of a simulator that keeps its certificates in this folder.
pub fn authority_in(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("ca.pem")).unwrap()
}

/// An authority that no simulator of a test has.
pub fn foreign_authority() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    drop(Simulator::start(&["--certificate-dir", path]));
    authority_in(folder.path())
}
