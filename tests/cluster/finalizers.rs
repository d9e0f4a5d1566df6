//! Our finalizer is restored when it is lost, and other controllers' finalizers delay
//! only the resource that has them.

use crate::bios_id;
use crate::harness::{Stand, eventually, has, is_ready, machine, message, simple_tenant};
use kube::ResourceExt as _;
use serde_json::json;
use viis_operator::api::{FINALIZER, REGISTERED_WITH_ANNOTATION};

/// A tenant with a machine, both Ready.
async fn with_a_machine() -> Stand {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            machine("acme-web", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("acme-web").becomes_ready().await;
    stand
}

/// `kubectl replace` with what stands in Git: neither finalizer nor annotations.
async fn replace(stand: &Stand) {
    let server = stand.server.as_str();
    let tenant = simple_tenant("acme").or("spec.integrationServerRef.name", server);
    let machine = machine("acme-web", "acme", &bios_id(1));
    for manifest in [tenant, machine] {
        let input = manifest.0.to_string();
        stand.kubectl(&["replace", "--filename", "-"], &input).await;
    }
}

async fn both_are_protected(stand: &Stand) {
    eventually("the finalizers are back", async || {
        let tenant = stand.tenant("acme").get().await;
        let machine = stand.machine("acme-web").get().await;
        let own = |finalizers: &[String]| finalizers.iter().any(|one| one == FINALIZER);
        own(tenant.finalizers())
            && own(machine.finalizers())
            && machine
                .annotations()
                .contains_key(REGISTERED_WITH_ANNOTATION)
    })
    .await;
}

/// Nothing is orphaned by a deletion after that.
async fn everything_goes(stand: &Stand) {
    stand.tenant("acme").delete().await;
    stand.machine("acme-web").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.machine("acme-web").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
}

#[tokio::test]
async fn a_lost_finalizer_is_restored_while_the_server_is_away() {
    let stand = with_a_machine().await;
    stand.server_goes_away().await;
    replace(&stand).await;
    both_are_protected(&stand).await;
    stand.simulator.comes_back().await;
    stand.integration_server().within(75).becomes_ready().await;
    everything_goes(&stand).await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_lost_finalizer_is_restored_while_everything_is_suspended() {
    let stand = with_a_machine().await;
    let suspend = |suspend: bool| json!({"spec": {"suspend": suspend}});
    stand.integration_server().patch(suspend(true)).await;
    stand.tenant("acme").has("Ready", "True", "Suspended").await;
    replace(&stand).await;
    both_are_protected(&stand).await;
    stand.integration_server().patch(suspend(false)).await;
    everything_goes(&stand).await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_lost_finalizer_is_restored_without_permission_or_server() {
    let stand = with_a_machine().await;
    let nobody = json!({"from": "Selector", "selector": {"matchLabels": {"nobody": "has-this"}}});
    stand
        .integration_server()
        .patch(json!({"spec": {"allowedNamespaces": nobody}}))
        .await;
    stand.tenant("acme").stalls("NamespaceNotAllowed").await;
    replace(&stand).await;
    both_are_protected(&stand).await;
    let everybody = json!({"from": "All", "selector": null});
    stand
        .integration_server()
        .patch(json!({"spec": {"allowedNamespaces": everybody}}))
        .await;
    everything_goes(&stand).await;
    stand.ends_well().await;
}

/// An IntegrationServer with Tenants is kept for them: without its finalizer they would lose
/// the way to their server.
#[tokio::test]
async fn a_lost_finalizer_of_an_integration_server_is_restored() {
    let stand = with_a_machine().await;
    stand.server_goes_away().await;
    let manifest = stand.server_manifest().0.to_string();
    stand
        .kubectl(&["replace", "--filename", "-"], &manifest)
        .await;
    eventually("the finalizer is back", async || {
        let server = stand.integration_server().get().await;
        server.finalizers().iter().any(|one| one == FINALIZER)
    })
    .await;
    stand.integration_server().delete().await;
    stand
        .integration_server()
        .has("Removed", "False", "InUse")
        .await;
    stand.simulator.comes_back().await;
    stand.integration_server().is_asked_again().await;
    everything_goes(&stand).await;
    stand.integration_server().is_gone().await;
    stand.ends_well().await;
}

const FOREIGN: &str = "example.net/theirs";

/// Another controller's finalizer waits for the machines of a deleted Tenant.
#[tokio::test]
async fn machines_do_not_wait_for_another_controllers_finalizer() {
    let stand = with_a_machine().await;
    stand
        .tenant("acme")
        .patch(json!({"metadata": {"finalizers": [FINALIZER, FOREIGN]}}))
        .await;
    stand.tenant("acme").delete().await;
    stand.machine("acme-web").delete().await;
    stand.machine("acme-web").is_gone().await;
    let kept = stand
        .tenant("acme")
        .has("Removed", "True", "Released")
        .await;
    let said = message(&kept, "Removed");
    assert!(
        said.contains("gone from the server") && said.contains(FOREIGN),
        "{said}"
    );
    assert!(has(&kept, "Ready", "False", "Released"));
    eventually("our finalizer goes", async || {
        stand.tenant("acme").get().await.finalizers() == [FOREIGN]
    })
    .await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    // The name is free: another Tenant does not wait for that finalizer either.
    stand
        .apply([simple_tenant("acme-again").with("spec.name", "acme")])
        .await;
    stand.tenant("acme-again").becomes_ready().await;
    stand
        .tenant("acme")
        .patch(json!({"metadata": {"finalizers": null}}))
        .await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}

/// The same on a machine: another one may have its BIOS ID.
#[tokio::test]
async fn a_bios_id_does_not_wait_for_another_controllers_finalizer() {
    let stand = with_a_machine().await;
    stand
        .machine("acme-web")
        .patch(json!({"metadata": {"finalizers": [FINALIZER, FOREIGN]}}))
        .await;
    stand.machine("acme-web").delete().await;
    let kept = stand
        .machine("acme-web")
        .has("Removed", "True", "Released")
        .await;
    let said = message(&kept, "Removed");
    assert!(
        said.contains("unregistered") && said.contains(FOREIGN),
        "{said}"
    );
    stand
        .apply([machine("acme-web-again", "acme", &bios_id(1))])
        .await;
    stand.machine("acme-web-again").becomes_ready().await;
    assert!(!is_ready(&stand.machine("acme-web").get().await));
    stand
        .machine("acme-web")
        .patch(json!({"metadata": {"finalizers": null}}))
        .await;
    stand.machine("acme-web").is_gone().await;
    stand.ends_well().await;
}
