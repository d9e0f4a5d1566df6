//! Who may use a server, and when nothing at all may be done.

use crate::bios_id;
use crate::harness::{Stand, condition, has, is_ready, machine, message, simple_tenant};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn namespaces_are_allowed_by_their_labels() {
    let stand = Stand::ready_with(&[], |server| {
        let allowed = json!({"from": "Selector", "selector": {"matchLabels": {"viis": "allowed"}}});
        server.with("spec.allowedNamespaces", allowed)
    })
    .await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").stalls("NamespaceNotAllowed").await;
    assert_eq!(stand.simulator.calls().await.mutating, 0);

    stand
        .kubectl(
            &["label", "namespace", &stand.namespace, "viis=allowed"],
            "",
        )
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;

    // Withdrawn: nothing is created or changed, nothing destroyed.
    stand
        .kubectl(&["label", "namespace", &stand.namespace, "viis-"], "")
        .await;
    stand.tenant("acme").stalls("NamespaceNotAllowed").await;
    let before = stand.simulator.calls().await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.apply([machine("web-2", "acme", &bios_id(2))]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenant("acme").machines.len(),
            state.tenant("acme").status.as_str()
        ),
        (1, "Active")
    );

    // It never stops a deletion.
    stand
        .kubectl(
            &[
                "delete",
                "--timeout=10m",
                "virtualmachines.viis-operator.io,tenants.viis-operator.io",
                "--all",
            ],
            "",
        )
        .await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// The server's rule changes, not the namespace.
#[tokio::test]
async fn a_changed_selector_is_looked_at_again() {
    let stand = Stand::ready_with(&[], |server| {
        let allowed = json!({"from": "Selector", "selector": {"matchLabels": {"viis": "allowed"}}});
        server.with("spec.allowedNamespaces", allowed)
    })
    .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").stalls("NamespaceNotAllowed").await;
    stand
        .integration_server()
        .patch(json!({"spec": {"allowedNamespaces": {"from": "All", "selector": null}}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_suspended_tenant_is_left_alone_with_its_machines() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"suspend": true}}))
        .await;
    let met = stand
        .tenant("acme")
        .until("suspended", |tenant| {
            is_ready(tenant) && has(tenant, "Ready", "True", "Suspended")
        })
        .await;
    assert!(condition(&met, "Stalled").is_none());

    let before = stand.simulator.calls().await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.apply([machine("web-2", "acme", &bios_id(2))]).await;
    let unmet = stand
        .tenant("acme")
        .has("Ready", "False", "Suspended")
        .await;
    assert_eq!(
        unmet.status.unwrap().observed_generation,
        unmet.metadata.generation
    );
    stand
        .machine("web-2")
        .has("Ready", "False", "Suspended")
        .await;
    stand.machine("web-1").delete().await;
    stand
        .machine("web-1")
        .has("Removed", "False", "Suspended")
        .await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);

    stand
        .tenant("acme")
        .patch(json!({"spec": {"suspend": false}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-2").becomes_ready().await;
    stand.machine("web-1").is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenant("acme").machines.len(),
            state.tenant("acme").status.as_str()
        ),
        (1, "Inactive")
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn a_suspended_tenants_deletion_waits() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme").with("spec.suspend", true),
            simple_tenant("kept"),
        ])
        .await;
    stand
        .tenant("acme")
        .has("Ready", "False", "Suspended")
        .await;
    stand.tenant("kept").becomes_ready().await;
    assert_eq!(
        stand.simulator.calls().await.of("POST tenant"),
        1,
        "what is suspended is not created"
    );
    stand
        .tenant("acme")
        .patch(json!({"spec": {"suspend": false}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    for name in ["acme", "kept"] {
        stand
            .tenant(name)
            .patch(json!({"spec": {"suspend": true}}))
            .await;
        stand.tenant(name).has("Ready", "True", "Suspended").await;
        stand.tenant(name).delete().await;
        stand
            .tenant(name)
            .has("Removed", "False", "Suspended")
            .await;
    }
    stand.is_quiet_for(Duration::from_secs(2)).await;
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 0);
    // Retain works while suspended.
    stand
        .tenant("kept")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("kept").is_gone().await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"suspend": false}}))
        .await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.find("kept").is_some() && state.find("acme").is_none());
    stand.ends_well().await;
}

#[tokio::test]
async fn a_suspended_server_is_only_read() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), simple_tenant("going")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("going").becomes_ready().await;
    stand
        .integration_server()
        .patch(json!({"spec": {"suspend": true}}))
        .await;
    stand
        .integration_server()
        .until("suspended", |server| {
            is_ready(server) && has(server, "Ready", "True", "Suspended")
        })
        .await;
    stand.tenant("acme").has("Ready", "True", "Suspended").await;
    let before = stand.simulator.calls().await;
    stand
        .apply([simple_tenant("new"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.tenant("going").delete().await;
    stand.tenant("new").has("Ready", "False", "Suspended").await;
    stand
        .machine("web-1")
        .has("Ready", "False", "Suspended")
        .await;
    stand
        .tenant("acme")
        .has("Ready", "False", "Suspended")
        .await;
    stand
        .tenant("going")
        .has("Removed", "False", "Suspended")
        .await;
    // By hand on the server: not corrected either.
    stand
        .simulator
        .status_set_by_hand("going", "Inactive")
        .await;
    stand.is_quiet_past_the_next_list().await;
    let calls = stand.simulator.calls_since(&before).await;
    assert_eq!(calls.mutating, 0, "{calls:?}");
    stand
        .integration_server()
        .patch(json!({"spec": {"suspend": false}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("new").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant("going").is_gone().await;
    stand.ends_well().await;
}

/// A namespace that is not watched is nobody's.
#[tokio::test]
async fn a_namespace_that_is_not_watched_is_not_served() {
    let stand = Stand::ready().await;
    let other = stand.namespace_elsewhere("unwatched").await;
    stand
        .apply([
            simple_tenant("acme").in_namespace(&other),
            simple_tenant("fine"),
        ])
        .await;
    stand.tenant("fine").becomes_ready().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let left = stand.tenant_in(&other, "acme").get().await;
    assert!(left.metadata.finalizers.is_none());
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

/// A message says what to do next.
#[tokio::test]
async fn messages_say_what_to_do() {
    let stand = Stand::ready_with(&[], |server| {
        let allowed = json!({"from": "Selector", "selector": {"matchLabels": {"viis": "allowed"}}});
        server.with("spec.allowedNamespaces", allowed)
    })
    .await;
    stand.apply([simple_tenant("acme")]).await;
    let stalled = stand.tenant("acme").stalls("NamespaceNotAllowed").await;
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains("allowedNamespaces") || said.contains("label"),
        "{said}"
    );
    stand.ends_well().await;
}
