//! Everything deleted at once by a tool, in whatever order, also without an operator.

use crate::bios_id;
use crate::harness::{Stand, machine, simple_tenant, skipped_on_an_existing_cluster};

const OURS: &str = "integrationservers.viis-operator.io,tenants.viis-operator.io,\
                    virtualmachines.viis-operator.io";

async fn stand_with_everything() -> Stand {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("globex"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    for name in ["acme", "globex"] {
        stand.tenant(name).becomes_ready().await;
    }
    stand.machine("web-1").becomes_ready().await;
    stand
}

async fn is_pruned(stand: &Stand) {
    for name in ["acme", "globex"] {
        stand.tenant(name).within(60).is_gone().await;
    }
    stand.machine("web-1").within(60).is_gone().await;
    stand.integration_server().within(60).is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
}

/// As Argo CD deletes an application: in the foreground, so with a second finalizer.
#[tokio::test]
async fn in_the_foreground_with_the_server_first() {
    // It deletes every IntegrationServer that there is.
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = stand_with_everything().await;
    let delete = [
        "delete",
        OURS,
        "--all",
        "--wait=false",
        "--cascade=foreground",
    ];
    stand.kubectl(&delete, "").await;
    is_pruned(&stand).await;
    stand.ends_well().await;
}

/// The operator went first: everything waits, and goes once there is one again.
#[tokio::test]
async fn after_the_operator() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = stand_with_everything().await;
    stand.kill_operator();
    stand
        .kubectl(&["delete", OURS, "--all", "--wait=false"], "")
        .await;
    assert!(stand.tenant("acme").find().await.is_some());
    assert_eq!(stand.simulator.state().await.tenants.len(), 2);
    stand.start_operator();
    is_pruned(&stand).await;
    stand.ends_well().await;
}
