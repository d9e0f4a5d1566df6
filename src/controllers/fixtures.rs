//! For the controllers' tests: resources that read as English, an API server that
//! remembers what it was asked, and a stage with a server and its picture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;
use std::sync::Mutex;
use std::task::Poll;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::client::Body;
use serde_json::{Value, json};
use tower::Service;

use super::cluster::{Key, Namespace};
use super::servers::{Handle, Verdicts};
use super::*;
use crate::api::{
    ACCEPT_ANNOTATION, ConditionType, Creation, FINALIZER, IntegrationServer, Removal, Tenant,
    TenantStatus, VirtualMachine, VirtualMachineStatus, conditions, reasons,
};
use crate::inventory::Server as Picture;
use crate::inventory::fixtures::Woken;
use crate::viis::{self, Endpoint};

/// The moment at which the tests look.
pub(crate) fn now() -> Timestamp {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// So many minutes before [`now`].
pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    now() - jiff::SignedDuration::from_mins(minutes)
}

/// Asserts how many there are of something.
macro_rules! count_check {
    ($expected:expr, $things:expr) => {{
        let things = &$things;
        assert_eq!(things.len(), $expected, "{things:#?}");
    }};
}
pub(crate) use count_check;

// === impl Tenant ===

impl Tenant {
    /// The live Simple Tenant `customers/{name}` of the server `main`, with our finalizer.
    pub(crate) fn test(name: &str) -> Self {
        let tenant = json!({
            "apiVersion": "viis-operator.io/v1alpha1",
            "kind": "Tenant",
            "metadata": {
                "name": name, "namespace": "customers", "uid": format!("uid-{name}"),
                "generation": 1, "resourceVersion": "10", "finalizers": [FINALIZER],
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"integrationServerRef": {"name": "main"}, "type": "Simple"},
        });
        serde_json::from_value(tenant).unwrap()
    }

    pub(crate) fn own(&mut self) -> &mut TenantStatus {
        let uid = self.metadata.uid.clone();
        let status = self.status.get_or_insert_default();
        status.owner_uid = uid;
        status
    }

    /// Its identifier is in its status.
    pub(crate) fn recorded(mut self, id: &str) -> Self {
        self.own().tenant_id = Some(id.to_owned());
        self
    }

    pub(crate) fn adopted(mut self) -> Self {
        self.own().adopted = Some(true);
        self
    }

    /// A creation for 127.0.0.1:7271 is in flight.
    pub(crate) fn creating(mut self, task: Option<&str>) -> Self {
        self.own().creation = Some(Creation {
            attempt: "attempt-1".to_owned(),
            server: "127.0.0.1:7271".to_owned(),
            sent: task.is_some(),
            task: task.map(str::to_owned),
        });
        self
    }

    pub(crate) fn removing(mut self, task: Option<&str>) -> Self {
        self.own().removal = Some(Removal {
            attempt: "removal-1".to_owned(),
            server: Some("127.0.0.1:7271".to_owned()),
            task: task.map(str::to_owned),
            remove_tenant_artifacts: None,
        });
        self
    }

    pub(crate) fn deleted_at(mut self, time: Timestamp) -> Self {
        self.metadata.deletion_timestamp = Some(Time(time));
        self
    }

    pub(crate) fn deleted(self) -> Self {
        self.deleted_at(minutes_ago(1))
    }

    pub(crate) fn in_namespace(mut self, namespace: &str) -> Self {
        self.metadata.namespace = Some(namespace.to_owned());
        self.metadata.uid = Some(format!("uid-{namespace}-{}", self.name_any()));
        self
    }

    /// The same, made another time: what a restored backup looks like.
    pub(crate) fn under_uid(mut self, uid: &str) -> Self {
        self.metadata.uid = Some(uid.to_owned());
        self
    }

    pub(crate) fn made_at(mut self, time: Timestamp) -> Self {
        self.metadata.creation_timestamp = Some(Time(time));
        self
    }

    /// Changes anything of its spec.
    pub(crate) fn with(mut self, spec: Value) -> Self {
        let mut whole = serde_json::to_value(&self.spec).unwrap();
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        self.spec = serde_json::from_value(whole).unwrap();
        self
    }

    pub(crate) fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations_mut()
            .insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn saying(mut self, kind: ConditionType, holds: bool, reason: &str) -> Self {
        let status = self.own();
        conditions::set(
            &mut status.conditions,
            kind,
            holds,
            reason,
            "said",
            1,
            now(),
        );
        self
    }
}

// === impl VirtualMachine ===

/// A BIOS ID of the tests.
pub(crate) const BIOS_ID: &str = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";

impl VirtualMachine {
    /// The live VirtualMachine `customers/{name}` of the Tenant `acme`, with our finalizer.
    pub(crate) fn test_resource(name: &str) -> Self {
        let machine = json!({
            "apiVersion": "viis-operator.io/v1alpha1",
            "kind": "VirtualMachine",
            "metadata": {
                "name": name, "namespace": "customers", "uid": format!("uid-{name}"),
                "generation": 1, "resourceVersion": "10", "finalizers": [FINALIZER],
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"tenantRef": {"name": "acme"}, "biosId": BIOS_ID},
        });
        serde_json::from_value(machine).unwrap()
    }

    pub(crate) fn with(mut self, spec: Value) -> Self {
        let mut whole = serde_json::to_value(&self.spec).unwrap();
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        self.spec = serde_json::from_value(whole).unwrap();
        self
    }

    fn own(&mut self) -> &mut VirtualMachineStatus {
        self.status.get_or_insert_default()
    }

    /// Registered with this tenant of `main`.
    pub(crate) fn registered(mut self, tenant: &str) -> Self {
        let status = self.own();
        status.tenant_id = Some(tenant.to_owned());
        status.integration_server = Some("main".to_owned());
        self.saying(ConditionType::Registered, true, reasons::REGISTERED)
            .saying(ConditionType::Ready, true, reasons::RECONCILED)
    }

    pub(crate) fn saying(mut self, kind: ConditionType, holds: bool, reason: &str) -> Self {
        let status = self.own();
        conditions::set(
            &mut status.conditions,
            kind,
            holds,
            reason,
            "said",
            1,
            now(),
        );
        self
    }

    pub(crate) fn deleted(mut self) -> Self {
        self.metadata.deletion_timestamp = Some(Time(minutes_ago(1)));
        self
    }

    pub(crate) fn in_namespace(mut self, namespace: &str) -> Self {
        self.metadata.namespace = Some(namespace.to_owned());
        self.metadata.uid = Some(format!("uid-{namespace}-{}", self.name_any()));
        self
    }

    pub(crate) fn made_at(mut self, time: Timestamp) -> Self {
        self.metadata.creation_timestamp = Some(Time(time));
        self
    }

    pub(crate) fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations_mut()
            .insert(key.to_owned(), value.to_owned());
        self
    }
}

// === impl IntegrationServer ===

impl IntegrationServer {
    /// `main`, open to all namespaces, with the guard's default of 5 in 10 minutes.
    pub(crate) fn test() -> Self {
        let server = json!({
            "apiVersion": "viis-operator.io/v1alpha1",
            "kind": "IntegrationServer",
            "metadata": {
                "name": "main", "uid": "uid-main", "generation": 1, "resourceVersion": "10",
                "finalizers": [FINALIZER],
            },
            "spec": {
                "address": "127.0.0.1",
                "credentialsSecretRef": {"name": "viis-main"},
                "allowedNamespaces": {"from": "All"},
            },
        });
        serde_json::from_value(server).unwrap()
    }

    pub(crate) fn with(mut self, spec: Value) -> Self {
        let mut whole = serde_json::to_value(&self.spec).unwrap();
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        self.spec = serde_json::from_value(whole).unwrap();
        self
    }

    /// Open to namespaces with the label `viis: allowed` alone.
    pub(crate) fn selective(self) -> Self {
        let selector = json!({"matchLabels": {"viis": "allowed"}});
        self.with(json!({"allowedNamespaces": {"from": "Selector", "selector": selector}}))
    }

    pub(crate) fn deleted(mut self) -> Self {
        self.metadata.deletion_timestamp = Some(Time(minutes_ago(1)));
        self
    }

    /// Served by this installation (`None`: by nobody yet).
    pub(crate) fn served_by(mut self, operator: &str) -> Self {
        self.status.get_or_insert_default().operator = Some(operator.to_owned());
        self
    }

    /// A person agreed.
    pub(crate) fn accepting(mut self, token: &str) -> Self {
        self.annotations_mut()
            .insert(ACCEPT_ANNOTATION.to_owned(), token.to_owned());
        self
    }
}

// === The API server ===

/// What the API server was asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// An API server that gives one answer to everything, and remembers the questions.
#[derive(Clone)]
pub(crate) struct ApiServer {
    asked: Arc<Mutex<Vec<Asked>>>,
    status: u16,
    body: Value,
}

impl ApiServer {
    pub(crate) fn answering(object: &impl serde::Serialize) -> Self {
        Self::saying(200, serde_json::to_value(object).unwrap())
    }

    pub(crate) fn failing(status: u16) -> Self {
        let reason = match status {
            404 => "NotFound",
            409 => "Conflict",
            403 => "Forbidden",
            _ => "InternalError",
        };
        let failure = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
            "message": "no", "reason": reason, "code": status,
        });
        Self::saying(status, failure)
    }

    fn saying(status: u16, body: Value) -> Self {
        Self {
            asked: Arc::default(),
            status,
            body,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.clone(), "default")
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Service<http::Request<Body>> for ApiServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            server.asked.lock().unwrap().push(Asked {
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            });
            let answer = Body::from(server.body.to_string().into_bytes());
            let response = http::Response::builder().status(server.status);
            Ok(response.body(answer).unwrap())
        })
    }
}

// === The stage ===

/// What all controllers share, on an API server that nobody asks, and the served
/// IntegrationServer `main` at 127.0.0.1:7271.
pub(crate) struct Stage {
    pub(crate) context: Context,
    pub(crate) woken: Arc<Woken>,
}

impl Stage {
    /// Nothing is there.
    pub(crate) fn empty() -> Self {
        let client = ApiServer::failing(500).client();
        let context = Context {
            events: events::Events::new(client.clone()),
            client,
            options: Options {
                watch_namespaces: Vec::new(),
                operator_namespace: "viis-system".to_owned(),
                operator_name: "viis-operator".to_owned(),
            },
            cluster: cluster::Cluster::default(),
            servers: servers::Servers::default(),
            queues: Queues::default(),
            metrics: Arc::new(Metrics::new()),
            tenants: context::Memories::default(),
            machines: context::Memories::default(),
            integration_servers: context::Memories::default(),
        };
        Self {
            context,
            woken: Woken::new(),
        }
    }

    /// This IntegrationServer is there, and nobody serves it.
    pub(crate) fn knowing(server: IntegrationServer) -> Self {
        let stage = Self::empty();
        stage.context.cluster.servers.put(server);
        stage
    }

    /// This IntegrationServer is served, answers, and has no list yet.
    pub(crate) fn serving(server: IntegrationServer) -> Self {
        let stage = Self::knowing(server);
        stage.serve_at("127.0.0.1:7271");
        stage
    }

    /// `main` is served, answers, and has an empty list.
    pub(crate) fn ready() -> Self {
        Self::ready_with(IntegrationServer::test())
    }

    pub(crate) fn ready_with(server: IntegrationServer) -> Self {
        let stage = Self::serving(server);
        stage.lists(&[]);
        stage.believes();
        stage
    }

    /// Serves `main` at this address from now on.
    pub(crate) fn serve_at(&self, endpoint: &str) {
        let (address, port) = endpoint.rsplit_once(':').unwrap();
        let endpoint = Endpoint {
            address: address.to_owned(),
            port: port.parse().unwrap(),
        };
        let wake = Arc::clone(&self.woken) as Arc<dyn crate::inventory::Wake>;
        let picture = Picture::of_nowhere(8, wake);
        picture.health().probed();
        let handle = Handle::new("uid-main".into(), "settings".into(), endpoint, picture);
        self.context.servers.put("main", Arc::new(handle));
    }

    pub(crate) fn handle(&self) -> Arc<Handle> {
        self.context.servers.get("main").unwrap()
    }

    pub(crate) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.handle().server)
    }

    /// The server has these tenants, by a list that began just now.
    pub(crate) fn lists(&self, tenants: &[viis::Tenant]) {
        self.picture().lists(tenants);
    }

    /// The guard judged the last list, and believes it.
    pub(crate) fn believes(&self) {
        self.judged(|_| {});
    }

    /// The guard judged the last list, and says this.
    pub(crate) fn judged(&self, say: impl FnOnce(&mut Verdicts)) {
        let mut verdicts = Verdicts {
            intact: true,
            listed_at: self.picture().tenants().listed_at(),
            ..Verdicts::default()
        };
        say(&mut verdicts);
        self.handle().judge(verdicts);
    }

    /// The watch brings this Tenant.
    pub(crate) fn tenant(&self, tenant: Tenant) -> Arc<Tenant> {
        self.context.cluster.upsert_tenant(&tenant);
        let key = cluster::key_of(&tenant);
        self.context.cluster.tenants.put(tenant);
        self.context.cluster.tenant(&key).unwrap()
    }

    /// The watch brings this VirtualMachine.
    pub(crate) fn machine(&self, machine: VirtualMachine) -> Arc<VirtualMachine> {
        self.context.cluster.upsert_machine(&machine);
        let key = cluster::key_of(&machine);
        self.context.cluster.machines.put(machine);
        self.context.cluster.machine(&key).unwrap()
    }

    /// The watch brings this namespace.
    pub(crate) fn namespace(&self, name: &str, labels: &[(&str, &str)], terminating: bool) {
        let labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let namespace = Namespace {
            labels: labels.collect(),
            terminating,
        };
        self.context.cluster.upsert_namespace(name, namespace);
    }

    /// Who is to be looked at, since this was asked last.
    pub(crate) fn queued(&self) -> Queued {
        Queued {
            servers: drain(&self.context.queues.servers),
            tenants: drain(&self.context.queues.tenants)
                .iter()
                .map(|key: &Key| key.name.clone())
                .collect(),
            machines: drain(&self.context.queues.machines)
                .iter()
                .map(|key: &Key| key.name.clone())
                .collect(),
        }
    }
}

/// Names of those that are to be looked at, in the order of the queue.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) servers: Vec<String>,
    pub(crate) tenants: Vec<String>,
    pub(crate) machines: Vec<String>,
}

/// Everything that waits in a queue.
pub(crate) fn drain<T: Clone + Eq + std::hash::Hash + Unpin>(queue: &wake::Queue<T>) -> Vec<T> {
    let mut queue = queue.clone();
    let mut drained = Vec::new();
    while let Some(Some(object)) = queue.next().now_or_never() {
        drained.push(object);
    }
    drained
}

// === Conditions ===

/// Asserts that conditions are as kstatus reads them, and that every sentence is fit to be read.
pub(crate) fn follow_kstatus(all: &[Condition], generation: i64) {
    let is = |kind: ConditionType| conditions::find(all, kind).map(|c| c.status.as_str());
    let ready = is(ConditionType::Ready).expect("Ready is always there");
    for kind in [ConditionType::Reconciling, ConditionType::Stalled] {
        assert!(
            matches!(is(kind), None | Some("True")),
            "{kind:?} only while true"
        );
    }
    let busy = is(ConditionType::Reconciling).is_some();
    let stalled = is(ConditionType::Stalled).is_some();
    assert!(!(busy && stalled), "never both: {all:#?}");
    assert!(!(ready == "True" && (busy || stalled)), "{all:#?}");
    let mut kinds: Vec<&str> = all
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), all.len(), "one of each: {all:#?}");
    for condition in all {
        let Condition { type_, message, .. } = condition;
        assert_eq!(condition.observed_generation, Some(generation), "{type_}");
        assert!(message.len() <= 1024, "{type_}: {message}");
        assert!(!message.is_empty(), "{type_} says nothing");
        assert!(
            !message.contains("  ") && !message.contains('\n'),
            "{message}"
        );
    }
}

/// The condition's status and reason.
pub(crate) fn says(all: &[Condition], kind: ConditionType) -> Option<(&str, &str)> {
    conditions::find(all, kind).map(|c| (c.status.as_str(), c.reason.as_str()))
}
