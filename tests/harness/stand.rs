//! A stand: an API server for one test alone, its namespaces, an Integration
//! Server and an operator. Made clean at the start, because a test that failed
//! cannot tidy up.

use super::account::Account;
use super::manifests::{Manifest, secret};
use super::operator::{Installation, Operator};
use super::patience::Deadline;
use super::plane::{Lease, existing_cluster};
use super::program::Lines;
use super::simulator::Simulator;
use super::subject::{PATIENCE, Subject};
use kube::api::{Api, ApiResource};
use kube::core::GroupVersionKind;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use viis_operator::api::{IntegrationServer, Tenant, VirtualMachine};

pub(super) const OUR_KINDS: [&str; 3] = ["Tenant", "VirtualMachine", "IntegrationServer"];
pub(super) const TEST_LABEL: &str = "viis-operator.io/test";

/// Which namespaces operators serve, and so which of the chart's roles they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The stand's own, and what [`Stand::another_namespace`] adds: `watchNamespaces`.
    Chosen,
    /// All of the cluster.
    Everywhere,
}

/// See the head of this file. End a test with [`Stand::ends_well`].
pub struct Stand {
    pub client: kube::Client,
    /// The customers' namespace.
    pub namespace: String,
    pub operator_namespace: String,
    /// The name of the IntegrationServer that manifests refer to.
    pub server: String,
    pub simulator: Simulator,
    pub operator: Option<Operator>,
    /// What operators serve that start afterwards; without any, all namespaces.
    pub(super) watched: Vec<String>,
    /// What operators log, as in `RUST_LOG`; only those that start afterwards.
    pub levels: &'static str,
    /// What must never be seen anywhere.
    pub(super) secrets: Mutex<Vec<String>>,
    /// What each operator wrote, also those that are gone.
    pub(super) logs: Mutex<Vec<Lines>>,
    pub ended: bool,
    /// A test took permissions away from its operators: that they are refused is no fault.
    pub lacks_permissions: bool,
    /// A test deletes resources without the operator: that it reports orphans is no fault.
    pub leaves_orphans: bool,
    /// Whose token operators have.
    account: Option<Account>,
    pub(super) lease: Lease,
}

impl Stand {
    /// Everything but the operator and the IntegrationServer.
    pub async fn bare(simulator: Simulator) -> Stand {
        Stand::serving(simulator, Scope::Chosen).await
    }

    /// The same; what its operators serve decides about their roles.
    pub async fn serving(simulator: Simulator, scope: Scope) -> Stand {
        let lease = Lease::take().await;
        let client = lease.plane().client().await;
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("t{}-{number}", std::process::id());
        let secrets = Mutex::new(vec![simulator.password.clone()]);
        let mut stand = Stand {
            client,
            namespace: name.clone(),
            operator_namespace: format!("{name}-operator"),
            server: if existing_cluster() {
                name.clone()
            } else {
                "main".to_owned()
            },
            simulator,
            operator: None,
            watched: match scope {
                Scope::Chosen => vec![name],
                Scope::Everywhere => Vec::new(),
            },
            levels: "info,viis_operator=trace",
            secrets,
            logs: Mutex::default(),
            ended: false,
            lacks_permissions: false,
            leaves_orphans: false,
            account: None,
            lease,
        };
        stand.clean().await;
        stand.install_crds().await;
        stand.make_namespace(&stand.namespace).await;
        stand.make_namespace(&stand.operator_namespace).await;
        stand.credentials(&stand.simulator.password).await;
        stand.account = Some(stand.account_with(&stand.roles()).await);
        stand
    }

    /// A stand with an operator that serves an Integration Server.
    pub async fn ready() -> Stand {
        Stand::ready_with(&[], |server| server).await
    }

    /// The same, with flags for the simulator and changes to the IntegrationServer.
    pub async fn ready_with(flags: &[&str], change: impl FnOnce(Manifest) -> Manifest) -> Stand {
        let stand = Stand::bare(Simulator::start(flags)).await;
        stand.becomes_ready_with(change).await
    }

    /// Starts the operator, and its IntegrationServer with these changes.
    pub async fn becomes_ready_with(mut self, change: impl FnOnce(Manifest) -> Manifest) -> Stand {
        self.start_operator();
        let server = change(self.server_manifest());
        self.apply([server]).await;
        self.integration_server().becomes_ready().await;
        self
    }

    /// The IntegrationServer of this stand.
    pub fn server_manifest(&self) -> Manifest {
        self.manifest_of(&self.server, &self.simulator)
    }

    /// An IntegrationServer for any simulator.
    pub fn manifest_of(&self, name: &str, simulator: &Simulator) -> Manifest {
        Manifest::integration_server(name, &simulator.address, simulator.port)
            .with("spec.credentialsSecretRef.name", "viis-main")
            .with(
                "spec.tls.fingerprintsSHA256",
                vec![simulator.fingerprint.clone()],
            )
            .with("spec.resyncInterval", "10s")
            .labelled(TEST_LABEL)
    }

    /// Writes the operator's own credentials.
    pub async fn credentials(&self, password: &str) {
        self.remember(password);
        let keys = [("username", "multitenancy"), ("password", password)];
        let secret = secret("viis-main", &keys)
            .with("type", "kubernetes.io/basic-auth")
            .in_namespace(&self.operator_namespace);
        self.apply([secret]).await;
    }

    /// Makes the Secret of a Complete tenant's administrator; returns the password.
    pub async fn password_of(&self, tenant: &str) -> String {
        let password = format!("Admin-{}", uuid::Uuid::new_v4());
        self.password_is(tenant, &password).await;
        password
    }

    pub async fn password_is(&self, tenant: &str, password: &str) {
        self.remember(password);
        self.apply([secret(
            &format!("{tenant}-admin"),
            &[("password", password)],
        )])
        .await;
    }

    /// This password must never be seen anywhere.
    pub fn remember(&self, password: &str) {
        self.secrets.lock().unwrap().push(password.to_owned());
    }

    /// Any text may be seen, until something is remembered again.
    pub fn forget_all(&self) {
        self.secrets.lock().unwrap().clear();
    }

    // === the operator ===

    pub fn start_operator(&mut self) {
        self.start_operator_with(&[]);
    }

    pub fn start_operator_with(&mut self, extra: &[&str]) {
        let operator = self.another_operator(extra);
        self.operator = Some(operator);
    }

    /// The same, with another way to the API server.
    pub fn start_operator_behind(&mut self, kubeconfig: &Path) {
        self.operator = Some(self.another_operator_behind(kubeconfig, &[]));
    }

    /// A second process of the same installation.
    pub fn another_operator(&self, extra: &[&str]) -> Operator {
        self.another_operator_behind(self.account().kubeconfig(), extra)
    }

    /// The same, with another way to the API server.
    pub fn another_operator_behind(&self, kubeconfig: &Path, extra: &[&str]) -> Operator {
        let operator = Operator::start(&Installation {
            kubeconfig,
            namespace: &self.operator_namespace,
            name: "viis-operator",
            watched: &self.watched,
            levels: self.levels,
            extra,
        });
        self.logs.lock().unwrap().push(operator.lines());
        operator
    }

    /// Whose token operators have.
    pub fn account(&self) -> &Account {
        self.account.as_ref().unwrap()
    }

    pub fn operator(&mut self) -> &mut Operator {
        self.operator.as_mut().unwrap()
    }

    /// kill -9.
    pub fn kill_operator(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            operator.kill();
        }
    }

    /// One more namespace of customers; only operators that start afterwards watch it.
    pub async fn another_namespace(&mut self, suffix: &str) -> String {
        let name = self.namespace_elsewhere(suffix).await;
        self.watched.push(name.clone());
        self.grant().await;
        name
    }

    /// One that is nobody's.
    pub async fn namespace_elsewhere(&self, suffix: &str) -> String {
        let name = format!("{}-{suffix}", self.namespace);
        self.make_namespace(&name).await;
        name
    }

    async fn make_namespace(&self, name: &str) {
        let manifest = super::document("v1", "Namespace", name);
        self.apply([manifest.labelled(TEST_LABEL)]).await;
    }

    // === what a test speaks about ===

    /// The Integration Server goes away, and the operator says so.
    pub async fn server_goes_away(&self) {
        self.simulator.goes_away().await;
        self.integration_server().is_asked_again().await;
        self.integration_server()
            .has("Reachable", "False", "ConnectFailed")
            .await;
    }

    pub fn tenant(&self, name: &str) -> Subject<Tenant> {
        self.tenant_in(&self.namespace, name)
    }

    pub fn tenant_in(&self, namespace: &str, name: &str) -> Subject<Tenant> {
        Subject::new(Api::namespaced(self.client.clone(), namespace), name)
    }

    pub fn machine(&self, name: &str) -> Subject<VirtualMachine> {
        self.machine_in(&self.namespace, name)
    }

    pub fn machine_in(&self, namespace: &str, name: &str) -> Subject<VirtualMachine> {
        Subject::new(Api::namespaced(self.client.clone(), namespace), name)
    }

    pub fn integration_server(&self) -> Subject<IntegrationServer> {
        self.integration_server_named(&self.server)
    }

    pub fn integration_server_named(&self, name: &str) -> Subject<IntegrationServer> {
        Subject::new(Api::all(self.client.clone()), name)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(operator) = &self.operator {
                eprintln!("=== operator\n{}", operator.tail());
            }
            eprintln!("=== simulator\n{}", self.simulator.tail());
        } else {
            assert!(self.ended, "this test does not end with ends_well()");
        }
    }
}

pub(super) fn ours(kind: &str) -> ApiResource {
    resource_of("viis-operator.io/v1alpha1", kind)
}

pub(super) fn resource_of(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Waits until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    within(PATIENCE, what, is_so).await;
}

/// Waits until all are counted; the patience starts again with each one more.
pub async fn all_come(all: usize, what: &str, count: impl AsyncFn() -> usize) {
    let mut deadline = Deadline::after(PATIENCE);
    let mut most = 0;
    loop {
        let done = count().await;
        if done == all {
            return;
        }
        if done > most {
            most = done;
            deadline.restart();
        }
        assert!(!deadline.has_passed(), "{what}: {done} of {all}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until it is so, that long at most, and longer on a slow machine.
pub async fn within(patience: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Deadline::after(patience);
    while !is_so().await {
        assert!(!deadline.has_passed(), "did not come true: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
