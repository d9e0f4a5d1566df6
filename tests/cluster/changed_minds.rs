//! A user changes the mind while something runs.

use crate::bios_id;
use crate::harness::{Stand, eventually, has, machine, same_identifier, simple_tenant};
use serde_json::json;

#[tokio::test]
async fn a_creation_that_runs_is_cancelled() {
    let stand = Stand::ready().await;
    stand.simulator.hold_tasks_of("POST tenant").await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .tenant("acme")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").within(15).is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty());
    assert_eq!(
        (state.tasks("CreateTenant", "Completed"), state.tasks.len()),
        (0, 1),
        "{state:#?}"
    );
    assert_eq!(stand.simulator.calls().await.of("POST cancel"), 1);
    stand.ends_well().await;
}

/// The cancellation came too late: what was made is destroyed.
#[tokio::test]
async fn a_creation_that_can_no_longer_be_cancelled_is_undone() {
    let stand = Stand::ready().await;
    let running = stand.simulator.hold_tasks_of("POST tenant").await;
    stand
        .simulator
        .fault(
            "POST cancel",
            0,
            json!({"status": 405, "body": "a child task"}),
        )
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .tenant("acme")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    stand.tenant("acme").delete().await;
    eventually("it is asked to be cancelled", async || {
        stand.simulator.calls().await.of("POST cancel") > 0
    })
    .await;
    stand.simulator.release(running).await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty(), "{state:#?}");
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 1);
    stand.ends_well().await;
}

/// Deleted and made again under the same name, with nobody looking: another UID.
#[tokio::test]
async fn a_resource_that_was_made_again_unseen_is_another_one() {
    let mut stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    let first = stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.kill_operator();
    // The old status comes back with a backup: under another UID nothing of it counts.
    stand
        .tenant("acme")
        .patch(json!({"metadata": {"finalizers": null}}))
        .await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand
        .apply([simple_tenant("acme").with("spec.name", "Somebody else")])
        .await;
    let status = serde_json::to_value(first.status.unwrap()).unwrap();
    stand.tenant("acme").patch_status(status).await;
    stand.start_operator();
    let second = stand
        .tenant("acme")
        .until("a tenant of its own", |tenant| {
            let status = tenant.status.as_ref();
            status.is_some_and(|status| {
                status.owner_uid == tenant.metadata.uid && status.tenant_id.is_some()
            })
        })
        .await;
    let state = stand.simulator.state().await;
    assert!(state.find("acme").is_some() && state.find("Somebody else").is_some());
    assert!(same_identifier(
        &second.status.unwrap().tenant_id.unwrap(),
        &state.tenant("Somebody else").id
    ));
    stand.ends_well().await;
}

/// `Retain` set while the deletion task waits in the server's queue.
#[tokio::test]
async fn retain_set_late_stops_a_deletion_that_can_still_be_stopped() {
    let stand = Stand::ready().await;
    stand.simulator.hold_tasks_of("DELETE tenant").await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "TaskRunning")
        .await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("acme").within(15).is_gone().await;
    eventually("the deletion is cancelled", async || {
        stand
            .simulator
            .state()
            .await
            .tasks("DeleteTenant", "Canceled")
            == 1
    })
    .await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

/// A machine that comes while its tenant's deletion runs waits.
#[tokio::test]
async fn a_machine_that_comes_during_the_deletion_waits() {
    let stand = Stand::ready().await;
    let running = stand.simulator.hold_tasks_of("DELETE tenant").await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "TaskRunning")
        .await;
    stand.apply([machine("late", "acme", &bios_id(1))]).await;
    let late = stand
        .machine("late")
        .has("Registered", "False", "TenantDeleting")
        .await;
    assert!(has(&late, "Ready", "False", "TenantDeleting"));
    assert_eq!(stand.simulator.calls().await.of("POST register"), 0);
    stand.simulator.release(running).await;
    stand.tenant("acme").is_gone().await;
    stand
        .machine("late")
        .has("Ready", "False", "TenantNotFound")
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.machine("late").becomes_ready().await;
    stand.ends_well().await;
}
