//! Tenants that were on the server before.

use crate::bios_id;
use crate::harness::{
    Simulator, Stand, condition, has, is_ready, machine, same_identifier, simple_tenant,
};
use serde_json::{Value, json};
use std::time::Duration;

/// A server with a tenant and a machine from before the operator's time.
async fn stand_with_policy(policy: &str) -> Stand {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let old =
        json!({"name": "Old", "type": "Simple", "status": "Active", "description": "by hand"});
    stand.simulator.tenant_made_by_hand(old).await;
    let machine = json!({"biosID": bios_id(1), "name": "web-1"});
    stand.simulator.machine_made_by_hand("Old", machine).await;
    stand.start_operator();
    stand
        .apply([stand.server_manifest().with("spec.adoptionPolicy", policy)])
        .await;
    stand.integration_server().becomes_ready().await;
    stand
}

async fn identifier(stand: &Stand) -> Value {
    stand
        .simulator
        .state()
        .await
        .tenant("Old")
        .id
        .clone()
        .into()
}

#[tokio::test]
async fn a_tenant_is_taken_over_by_its_identifier() {
    let stand = stand_with_policy("ByID").await;
    let id = identifier(&stand).await;
    stand
        .apply([
            simple_tenant("old")
                .with("spec.name", "Old")
                .with("spec.existingTenantID", id.clone()),
            machine("web-1", "old", &bios_id(1)),
        ])
        .await;
    let tenant = stand.tenant("old").becomes_ready().await;
    assert!(has(&tenant, "Provisioned", "True", "Adopted"));
    assert!(same_identifier(
        &tenant.status.unwrap().tenant_id.unwrap(),
        id.as_str().unwrap()
    ));
    stand.machine("web-1").becomes_ready().await;
    assert_eq!(
        stand.simulator.calls().await.mutating,
        0,
        "everything was as it should be"
    );

    // No other Tenant takes it.
    stand
        .apply([simple_tenant("thief")
            .with("spec.name", "Old")
            .with("spec.existingTenantID", id)])
        .await;
    stand.tenant("thief").stalls("AlreadyClaimed").await;
    stand.tenant("thief").delete().await;
    stand.tenant("thief").is_gone().await;

    // Its state is ours to change; unset, the policy for what was adopted is Retain.
    stand
        .tenant("old")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.tenant("old").becomes_ready().await;
    assert_eq!(
        stand.simulator.state().await.tenant("Old").status,
        "Inactive"
    );
    stand
        .machine("web-1")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    stand.tenant("old").delete().await;
    stand.tenant("old").is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenant("Old").machines.len(), 1);
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 0);
    stand.ends_well().await;
}

#[tokio::test]
async fn what_was_adopted_is_deleted_when_that_is_asked_for() {
    let stand = stand_with_policy("ByID").await;
    let id = identifier(&stand).await;
    let manifest = simple_tenant("old")
        .with("spec.name", "Old")
        .with("spec.existingTenantID", id);
    stand
        .apply([manifest.with("spec.deletionPolicy", "Delete")])
        .await;
    stand.tenant("old").becomes_ready().await;
    stand.tenant("old").delete().await;
    stand.tenant("old").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// The policy is the server's; without it nothing is taken.
#[tokio::test]
async fn without_the_servers_policy_nothing_is_taken_over() {
    let stand = stand_with_policy("Never").await;
    let id = identifier(&stand).await;
    stand
        .apply([simple_tenant("old")
            .with("spec.name", "Old")
            .with("spec.existingTenantID", id)])
        .await;
    stand
        .tenant("old")
        .until("stalled", |tenant| condition(tenant, "Stalled").is_some())
        .await;
    stand.tenant("old").delete().await;
    stand.tenant("old").is_gone().await;
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

#[tokio::test]
async fn an_identifier_that_the_server_does_not_know() {
    let stand = stand_with_policy("ByID").await;
    let unknown = "7a1f3a52-0000-4000-8000-000000000001";
    stand
        .apply([simple_tenant("new").with("spec.existingTenantID", unknown)])
        .await;
    stand
        .tenant("new")
        .stalls("VIRMT_TenantWithSpecifiedIdNotFound")
        .await;
    stand.is_quiet_for(Duration::from_secs(2)).await;
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    // Without it, it is made.
    stand
        .tenant("new")
        .patch(json!({"spec": {"existingTenantID": null}}))
        .await;
    let tenant = stand.tenant("new").becomes_ready().await;
    assert!(has(&tenant, "Provisioned", "True", "Created"));
    stand.ends_well().await;
}

#[tokio::test]
async fn an_adopted_tenant_that_vanishes_is_not_made_again() {
    let stand = stand_with_policy("ByID").await;
    let id = identifier(&stand).await;
    stand
        .apply([
            simple_tenant("other"),
            simple_tenant("old")
                .with("spec.name", "Old")
                .with("spec.existingTenantID", id),
        ])
        .await;
    stand.tenant("other").becomes_ready().await;
    stand.tenant("old").becomes_ready().await;
    stand.simulator.tenant_removed_by_hand("Old").await;
    stand
        .tenant("old")
        .within(90)
        .stalls("VIRMT_TenantWithSpecifiedIdNotFound")
        .await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand
        .tenant("old")
        .patch(json!({"spec": {"existingTenantID": null}}))
        .await;
    stand.tenant("old").within(60).becomes_ready().await;
    assert!(stand.simulator.state().await.find("Old").is_some());
    stand.ends_well().await;
}

/// The identifier is right, the name or the type is not.
#[tokio::test]
async fn another_name_or_type_under_the_identifier_is_not_taken() {
    let stand = stand_with_policy("IfIdentical").await;
    let id = identifier(&stand).await;
    stand
        .apply([simple_tenant("named-otherwise").with("spec.existingTenantID", id.clone())])
        .await;
    stand
        .tenant("named-otherwise")
        .stalls("IdentityMismatch")
        .await;
    stand.tenant("named-otherwise").delete().await;
    stand.tenant("named-otherwise").is_gone().await;
    let complete = simple_tenant("typed-otherwise")
        .with("spec.name", "Old")
        .with("spec.type", "Complete");
    stand
        .apply([complete.with("spec.existingTenantID", id)])
        .await;
    stand
        .tenant("typed-otherwise")
        .stalls("IdentityMismatch")
        .await;
    stand.tenant("typed-otherwise").delete().await;
    stand.tenant("typed-otherwise").is_gone().await;
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}

#[tokio::test]
async fn an_identical_tenant_is_taken_over_by_name() {
    let stand = stand_with_policy("IfIdentical").await;
    stand
        .apply([simple_tenant("differs")
            .with("spec.name", "Old")
            .with("spec.description", "not so")])
        .await;
    stand
        .tenant("differs")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    stand
        .tenant("differs")
        .patch(json!({"spec": {"description": "by hand"}}))
        .await;
    let adopted = stand.tenant("differs").becomes_ready().await;
    assert!(has(&adopted, "Provisioned", "True", "Adopted"));
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}

/// `ByID` is not "by name".
#[tokio::test]
async fn a_name_alone_is_not_enough_under_by_id() {
    let stand = stand_with_policy("ByID").await;
    stand
        .apply([simple_tenant("old")
            .with("spec.name", "Old")
            .with("spec.description", "by hand")])
        .await;
    stand
        .tenant("old")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    let id = identifier(&stand).await;
    stand
        .tenant("old")
        .patch(json!({"spec": {"existingTenantID": id}}))
        .await;
    stand
        .tenant("old")
        .until("adopted", |tenant| {
            is_ready(tenant) && has(tenant, "Provisioned", "True", "Adopted")
        })
        .await;
    stand.ends_well().await;
}

/// Made by hand and declared at once: the operator's last inventory is older.
#[tokio::test]
async fn a_tenant_made_after_the_last_inventory_is_found() {
    let stand = stand_with_policy("ByID").await;
    let fresh = json!({"name": "Fresh", "type": "Simple", "status": "Active"});
    let fresh = stand.simulator.tenant_made_by_hand(fresh).await;
    let manifest = simple_tenant("fresh").with("spec.name", "Fresh");
    stand
        .apply([manifest.with("spec.existingTenantID", fresh.id)])
        .await;
    let adopted = stand.tenant("fresh").becomes_ready().await;
    assert!(has(&adopted, "Provisioned", "True", "Adopted"));
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}

/// The same by name: the first POST may be the one that finds out.
#[tokio::test]
async fn an_identical_tenant_made_after_the_last_inventory_is_taken_over() {
    let stand = stand_with_policy("IfIdentical").await;
    let fresh = json!({"name": "Fresh", "type": "Simple", "status": "Active"});
    stand.simulator.tenant_made_by_hand(fresh).await;
    stand
        .apply([simple_tenant("fresh").with("spec.name", "Fresh")])
        .await;
    let adopted = stand.tenant("fresh").becomes_ready().await;
    assert!(has(&adopted, "Provisioned", "True", "Adopted"));
    let calls = stand.simulator.calls().await;
    assert!(
        calls.of("POST tenant") <= 1 && calls.mutating <= 1,
        "{calls:?}"
    );
    assert_eq!(stand.simulator.state().await.tenants.len(), 2);
    // Adopted, so it stays.
    stand.tenant("fresh").delete().await;
    stand.tenant("fresh").is_gone().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 2);
    stand.ends_well().await;
}

/// Complete, and nobody here knows its administrator's password.
#[tokio::test]
async fn a_complete_tenant_is_taken_over_without_a_password() {
    let stand = stand_with_policy("ByID").await;
    let big = json!({"name": "Big", "type": "Complete", "status": "Active", "administrator": "big-admin"});
    let big = stand.simulator.tenant_made_by_hand(big).await;
    let manifest = simple_tenant("big")
        .with("spec.name", "Big")
        .with("spec.type", "Complete");
    stand
        .apply([manifest.with("spec.existingTenantID", big.id.clone())])
        .await;
    let adopted = stand.tenant("big").becomes_ready().await;
    assert!(has(&adopted, "Provisioned", "True", "Adopted"));
    let virtual_server = adopted.status.unwrap().virtual_administration_server_id;
    assert!(same_identifier(
        &virtual_server.unwrap(),
        &big.v_ksc_id.unwrap()
    ));
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}
