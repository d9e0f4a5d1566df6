//! A Tenant's controller at work: against an Integration Server on 127.0.0.1 that does
//! what the test says, and an API server that holds the one Tenant. In real time, so
//! that what is counted is what a server would see.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::Service;

use super::super::memory::Memory;
use super::super::reconcile;
use crate::api::{IntegrationServer, Tenant, TenantStatus};
use crate::controllers::context::ServerWake;
use crate::controllers::fixtures::{Stage, drain};
use crate::controllers::servers::Handle;
use crate::inventory::Server as Picture;
use crate::viis::live_tests::connected;
use crate::viis::live_tests::server::{Reply, Server, http};
use crate::viis::{Endpoint, codes};

// === The Integration Server ===

/// What the server holds and how it behaves. It knows one tenant, "acme" under "1".
#[derive(Clone, Default)]
pub(super) struct Script {
    /// The tenant's state in the list; None: the list lacks it.
    pub(super) listed: Option<&'static str>,
    /// The tenant's state for single calls; None: 404 with the server's code.
    pub(super) there: Option<&'static str>,
    /// What a change of state makes of it; None: nothing.
    pub(super) becomes: Option<&'static str>,
    /// The answer to a change of state instead of a task.
    pub(super) refuses_changes: Option<(&'static str, &'static str)>,
    /// The code with which it refuses creations.
    pub(super) refuses_creations: Option<&'static str>,
    /// The tasks' state and the rest of what they show; None: it remembers no task.
    pub(super) tasks: Option<&'static str>,
    /// What came in.
    pub(super) calls: Vec<String>,
    /// The tasks that were begun, and what they do.
    pub(super) sent: Vec<(String, &'static str)>,
}

fn tenant(state: &str) -> String {
    format!(
        "<tenant id=\"1\"><name>acme</name><status>{state}</status><type>Simple</type></tenant>"
    )
}

fn refusal(status: &str, code: &str) -> Vec<u8> {
    http(status, &[], &format!("<error><code>{code}</code></error>"))
}

fn no_such_tenant() -> Vec<u8> {
    refusal("404 Not Found", codes::TENANT_NOT_FOUND)
}

impl Script {
    fn begins(&mut self, what: &'static str) -> Vec<u8> {
        let id = format!("task-{}", self.sent.len() + 1);
        self.sent.push((id.clone(), what));
        http("202 Accepted", &[], &format!("<task id=\"{id}\"/>"))
    }

    fn task(&self, id: &str) -> Option<String> {
        let known = self.sent.iter().find(|(sent, _)| sent == id);
        let what = known.map_or("ChangeTenantActivation", |(_, what)| what);
        let shown = self.tasks?;
        Some(format!(
            "<task id=\"{id}\"><type>{what}</type>{shown}</task>"
        ))
    }

    fn answer(&mut self, request: &str) -> Vec<u8> {
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let path = path.trim_start_matches("/api/2.0/virtualization/");
        let path = path.split('?').next().unwrap();
        self.calls.push(format!("{method} {path}"));
        match (method, path) {
            ("GET", "tenants") => {
                let all = self.listed.map(tenant).unwrap_or_default();
                http("200 OK", &[], &format!("<tenants>{all}</tenants>"))
            }
            ("GET", "tenants/1") => match self.there {
                Some(state) => http("200 OK", &[], &tenant(state)),
                None => no_such_tenant(),
            },
            ("POST", "tenants/1/activate" | "tenants/1/deactivate") => {
                if let Some((status, body)) = self.refuses_changes {
                    return http(status, &[], body);
                }
                if self.becomes.is_some() {
                    self.there = self.becomes;
                    self.listed = self.becomes;
                }
                self.begins("ChangeTenantActivation")
            }
            ("POST", "tenants") => match self.refuses_creations {
                Some(code) => refusal("400 Bad Request", code),
                None => self.begins("CreateTenant"),
            },
            ("DELETE", "tenants/1") => match self.there {
                Some(_) => self.begins("DeleteTenant"),
                None => no_such_tenant(),
            },
            ("GET", "tasks") => {
                let all = self.sent.iter().filter_map(|(id, _)| self.task(id));
                let all: String = all.collect();
                http("200 OK", &[], &format!("<tasks>{all}</tasks>"))
            }
            ("GET", task) if task.starts_with("tasks/") => {
                match self.task(task.trim_start_matches("tasks/")) {
                    Some(task) => http("200 OK", &[], &task),
                    None => http("404 Not Found", &[], "<error/>"),
                }
            }
            (method, path) => panic!("nobody expects {method} {path}"),
        }
    }
}

// === The API server ===

/// Holds the Tenant, and a Secret that changes whenever somebody reads it; lists no
/// VirtualMachine.
#[derive(Clone)]
struct Kube(Arc<Mutex<Held>>);

struct Held {
    tenant: Value,
    writes: usize,
    secret: usize,
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

impl Kube {
    fn answer(&self, method: &str, path: &str, body: &Value) -> Value {
        if path.ends_with("/virtualmachines") {
            let meta = json!({"resourceVersion": "1"});
            return json!({
                "apiVersion": "viis-operator.io/v1alpha1", "kind": "VirtualMachineList",
                "metadata": meta, "items": [],
            });
        }
        let mut held = self.0.lock().unwrap();
        if path.contains("/secrets/") {
            held.secret += 1;
            let version = format!("version-{}", held.secret);
            return json!({
                "apiVersion": "v1", "kind": "Secret", "data": {"password": "d29yZA=="},
                "metadata": {"name": "boss", "resourceVersion": version},
            });
        }
        if method == "PATCH" {
            held.writes += 1;
            let version = 100 + held.writes;
            merge(&mut held.tenant, body);
            held.tenant["metadata"]["resourceVersion"] = json!(version.to_string());
        }
        held.tenant.clone()
    }
}

impl Service<http::Request<Body>> for Kube {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let kube = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let answer = kube.answer(head.method.as_str(), head.uri.path(), &body);
            let answer = Body::from(answer.to_string().into_bytes());
            Ok(http::Response::new(answer))
        })
    }
}

// === The play ===

pub(super) struct Play {
    stage: Stage,
    kube: Kube,
    script: Arc<Mutex<Script>>,
    remote: Vec<Server>,
}

impl Play {
    /// This Tenant is watched, on a server that behaves so.
    pub(super) fn of(tenant: Tenant, script: Script) -> Self {
        let held = Held {
            tenant: serde_json::to_value(&tenant).unwrap(),
            writes: 0,
            secret: 0,
        };
        let kube = Kube(Arc::new(Mutex::new(held)));
        let mut stage = Stage::knowing(IntegrationServer::test());
        stage.context.client = Client::new(kube.clone(), "default");
        stage.tenant(tenant);
        let mut play = Self {
            stage,
            kube,
            script: Arc::new(Mutex::new(script)),
            remote: Vec::new(),
        };
        play.serve();
        play
    }

    fn serve(&mut self) {
        let script = Arc::clone(&self.script);
        let (remote, client) =
            connected(move |request| Reply::Bytes(script.lock().unwrap().answer(request)));
        let context = &self.stage.context;
        let wake = ServerWake {
            name: "main".to_owned(),
            queues: context.queues.clone(),
            metrics: Arc::clone(&context.metrics),
        };
        let picture = Picture::new(client, 8, Arc::new(wake));
        picture.health().probed();
        let endpoint = Endpoint {
            address: "127.0.0.1".to_owned(),
            port: 7271,
        };
        let handle = Handle::new("uid-main".into(), "settings".into(), endpoint, picture);
        context.servers.put("main", Arc::new(handle));
        self.remote.push(remote);
    }

    /// Another process, which remembers nothing.
    pub(super) fn restarts(&mut self) {
        self.stage.context.tenants.forget("uid-acme");
        self.serve();
    }

    /// The server's controller has asked for the first list, which counts for nothing here.
    async fn is_probed(&self) {
        let handle = self.stage.context.servers.get("main").unwrap();
        if handle.server.tenants().listed_at().is_none() {
            handle.server.list_tenants().await.unwrap();
            self.script.lock().unwrap().calls.pop();
        }
    }

    /// Looks at the Tenant whenever the controller would, for so long.
    pub(super) async fn runs_for(&self, span: Duration) {
        self.is_probed().await;
        let end = Instant::now() + span;
        let context = &self.stage.context;
        let (mut due, mut seen) = (Instant::now(), usize::MAX);
        while Instant::now() < end {
            let writes = self.writes();
            let woken = !drain(&context.queues.tenants).is_empty() || writes != seen;
            if !woken && Instant::now() < due {
                sleep(Duration::from_millis(5)).await;
                continue;
            }
            seen = writes;
            if self.is_released() {
                return;
            }
            let tenant = self.stage.tenant(self.tenant());
            let (after, _) = reconcile(tenant, context).await;
            due = after.map_or(end, |after| Instant::now() + after);
        }
    }

    /// What the process remembers of the Tenant, to be looked at and changed.
    pub(super) fn memory<T>(&self, use_it: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.stage.context.tenants.take("uid-acme");
        let answer = use_it(&mut memory);
        self.stage.context.tenants.put("uid-acme", memory);
        answer
    }

    pub(super) fn tenant(&self) -> Tenant {
        serde_json::from_value(self.kube.0.lock().unwrap().tenant.clone()).unwrap()
    }

    pub(super) fn status(&self) -> TenantStatus {
        self.tenant().status.unwrap_or_default()
    }

    /// The finalizer is off.
    pub(super) fn is_released(&self) -> bool {
        self.tenant()
            .metadata
            .finalizers
            .unwrap_or_default()
            .is_empty()
    }

    /// How often the Tenant was written.
    pub(super) fn writes(&self) -> usize {
        self.kube.0.lock().unwrap().writes
    }

    /// How often the server was called so.
    pub(super) fn calls(&self, call: &str) -> usize {
        let script = self.script.lock().unwrap();
        script.calls.iter().filter(|made| *made == call).count()
    }

    /// Every call, in their order.
    pub(super) fn all_calls(&self) -> Vec<String> {
        self.script.lock().unwrap().calls.clone()
    }

    /// From now on the server behaves otherwise.
    pub(super) fn server(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// What the server's controller does when a resync is due.
    pub(super) async fn resyncs(&self) {
        let handle = self.stage.context.servers.get("main").unwrap();
        handle.server.list_tenants().await.unwrap();
        let key = crate::controllers::cluster::key_of(&self.tenant());
        self.stage.context.queues.tenants.wake(key);
    }
}
