//! What each permission is for. A scenario gets a stand with all of them, takes its own
//! away, and says what must not come then.

mod events;

pub use self::events::*;
use super::trial::Trial;
use crate::bios_id;
use crate::harness::{
    Stand, complete_tenant, document, eventually, foreign_authority, has, is_ready, machine,
    simple_tenant,
};
use kube::ResourceExt as _;
use serde_json::json;

const ELECTION: [&str; 4] = [
    "--leader-election",
    "--lease-duration=4s",
    "--lease-renew-deadline=2s",
    "--lease-retry-period=500ms",
];

// === what is waited for ===

async fn server_is_ready(stand: &Stand) -> bool {
    is_ready(&stand.integration_server().get().await)
}

async fn tenant_is_ready(stand: &Stand) -> bool {
    is_ready(&stand.tenant("acme").get().await)
}

async fn machine_is_ready(stand: &Stand) -> bool {
    is_ready(&stand.machine("web-1").get().await)
}

async fn tenant_is_gone(stand: &Stand) -> bool {
    stand.tenant("acme").find().await.is_none()
}

// === what a trial begins with ===

/// An IntegrationServer, and an operator without the permission.
async fn with_a_server(trial: &mut Trial, flags: &[&str]) {
    trial.stand.apply([trial.stand.server_manifest()]).await;
    trial.starts_without(flags).await;
}

/// The same with a tenant and a machine, which were there before the operator.
async fn with_everything(trial: &mut Trial) {
    let stand = &trial.stand;
    stand
        .apply([
            stand.server_manifest(),
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    trial.starts_without(&[]).await;
}

/// An operator that has served a tenant already, with all permissions.
async fn with_a_tenant_that_is_served(trial: &mut Trial) {
    let stand = &mut trial.stand;
    stand.start_operator();
    stand
        .apply([stand.server_manifest(), simple_tenant("acme")])
        .await;
    stand.tenant("acme").becomes_ready().await;
}

async fn says_that_it_is_not_ready(stand: &Stand) -> bool {
    let page = stand.operator.as_ref().unwrap().page("/readyz").await;
    page.is_some_and(|(status, text)| status == 503 && text.contains("lacks permissions"))
}

// === IntegrationServers ===

pub async fn a_server_is_not_seen(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    eventually("/readyz says why", async || {
        says_that_it_is_not_ready(&trial.stand).await
    })
    .await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}

pub async fn a_server_is_not_followed(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}

pub async fn a_server_gets_no_finalizer(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    let has_come = async |stand: &Stand| {
        let server = stand.integration_server().get().await;
        !server.finalizers().is_empty() || is_ready(&server)
    };
    trial
        .comes_with_it("the server has a finalizer", has_come)
        .await;
}

pub async fn a_server_gets_no_status(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}

pub async fn a_server_is_not_logged_in_to(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    let stand = &trial.stand;
    stand
        .integration_server()
        .has("Reachable", "False", "SecretNotFound")
        .await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}

pub async fn a_config_map_with_authorities_is_not_read(mut trial: Trial) {
    let stand = &trial.stand;
    let authorities = document("v1", "ConfigMap", "authorities")
        .in_namespace(&stand.operator_namespace)
        .with("data", json!({"ca.crt": foreign_authority()}));
    let reference = json!({"caBundleRef": {"kind": "ConfigMap", "name": "authorities"}});
    let server = stand.server_manifest().with("spec.tls", reference);
    stand.apply([authorities, server]).await;
    trial.starts_without(&[]).await;
    let stand = &trial.stand;
    stand
        .integration_server()
        .has("Reachable", "False", "CABundleNotFound")
        .await;
    // It is read then, and found not to be the right one.
    trial
        .comes_with_it("the certificate is looked at", async |stand| {
            let server = stand.integration_server().get().await;
            has(&server, "Reachable", "False", "CertificateRejected")
        })
        .await;
}

// === namespaces ===

pub async fn no_namespace_is_known(mut trial: Trial) {
    with_everything(&mut trial).await;
    trial
        .comes_with_it("the tenant is Ready", tenant_is_ready)
        .await;
}

pub async fn a_new_label_gives_no_right(mut trial: Trial) {
    let stand = &trial.stand;
    let allowed = json!({"from": "Selector", "selector": {"matchLabels": {"viis": "allowed"}}});
    let server = stand
        .server_manifest()
        .with("spec.allowedNamespaces", allowed);
    stand.apply([server, simple_tenant("acme")]).await;
    trial.starts_without(&[]).await;
    let stand = &trial.stand;
    stand.tenant("acme").stalls("NamespaceNotAllowed").await;
    let label = ["label", "namespace", &stand.namespace, "viis=allowed"];
    stand.kubectl(&label, "").await;
    trial
        .comes_with_it("the tenant is Ready", tenant_is_ready)
        .await;
}

// === Tenants ===

pub async fn a_tenant_is_not_seen(mut trial: Trial) {
    with_everything(&mut trial).await;
    trial
        .comes_with_it("the tenant is Ready", tenant_is_ready)
        .await;
}

pub async fn a_tenant_is_not_followed(mut trial: Trial) {
    with_everything(&mut trial).await;
    trial
        .comes_with_it("the tenant is Ready", tenant_is_ready)
        .await;
}

/// What was sent and perhaps not done is only sent again after a look at the Tenant.
pub async fn a_deletion_is_not_repeated(mut trial: Trial) {
    with_a_tenant_that_is_served(&mut trial).await;
    trial.withhold().await;
    let stand = &trial.stand;
    stand
        .simulator
        .fault("DELETE tenant", 1, json!({"dropBefore": true}))
        .await;
    stand.tenant("acme").delete().await;
    trial
        .comes_with_it("the tenant is gone", tenant_is_gone)
        .await;
}

pub async fn a_tenant_gets_no_finalizer(mut trial: Trial) {
    with_everything(&mut trial).await;
    let has_come = async |stand: &Stand| {
        let tenant = stand.tenant("acme").get().await;
        !tenant.finalizers().is_empty() || is_ready(&tenant)
    };
    trial
        .comes_with_it("the tenant has a finalizer", has_come)
        .await;
}

/// Nothing is asked of a server that could not be written down before.
pub async fn a_tenant_is_not_created(mut trial: Trial) {
    with_everything(&mut trial).await;
    let has_come = async |stand: &Stand| {
        stand.simulator.calls().await.mutating > 0 || tenant_is_ready(stand).await
    };
    trial.comes_with_it("the tenant is created", has_come).await;
}

pub async fn a_complete_tenant_is_not_created(mut trial: Trial) {
    let stand = &trial.stand;
    stand.password_of("acme").await;
    stand
        .apply([stand.server_manifest(), complete_tenant("acme")])
        .await;
    trial.starts_without(&[]).await;
    let stand = &trial.stand;
    stand
        .tenant("acme")
        .has("Provisioned", "False", "SecretNotFound")
        .await;
    trial
        .comes_with_it("the tenant is Ready", tenant_is_ready)
        .await;
}

/// The machines that hold a deletion up are looked for in a list of that moment.
pub async fn a_tenant_is_not_deleted(mut trial: Trial) {
    with_a_tenant_that_is_served(&mut trial).await;
    trial.withhold().await;
    trial.stand.tenant("acme").delete().await;
    let has_come = async |stand: &Stand| {
        stand.simulator.calls().await.of("DELETE tenant") > 0 || tenant_is_gone(stand).await
    };
    trial.comes_with_it("the tenant is deleted", has_come).await;
}

// === VirtualMachines ===

pub async fn a_machine_is_not_followed(mut trial: Trial) {
    with_everything(&mut trial).await;
    trial
        .comes_with_it("the machine is Ready", machine_is_ready)
        .await;
}

pub async fn a_machine_is_not_registered(mut trial: Trial) {
    with_everything(&mut trial).await;
    let has_come = async |stand: &Stand| {
        let state = stand.simulator.state().await;
        let tenant = state.find("acme");
        tenant.is_some_and(|tenant| !tenant.machines.is_empty()) || machine_is_ready(stand).await
    };
    trial
        .comes_with_it("the machine is registered", has_come)
        .await;
}

pub async fn a_machine_gets_no_status(mut trial: Trial) {
    with_everything(&mut trial).await;
    trial
        .comes_with_it("the machine is Ready", machine_is_ready)
        .await;
}

// === the Lease ===

pub async fn the_lease_is_not_seen(mut trial: Trial) {
    with_a_server(&mut trial, &ELECTION).await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}

pub async fn the_lease_is_not_made(mut trial: Trial) {
    with_a_server(&mut trial, &ELECTION).await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}

/// It is there, and nobody holds it.
pub async fn the_lease_is_not_taken(mut trial: Trial) {
    let lease = document("coordination.k8s.io/v1", "Lease", "viis-operator")
        .in_namespace(&trial.stand.operator_namespace)
        .with("spec.leaseDurationSeconds", 1);
    trial.stand.apply([lease]).await;
    with_a_server(&mut trial, &ELECTION).await;
    trial
        .comes_with_it("the server is Ready", server_is_ready)
        .await;
}
