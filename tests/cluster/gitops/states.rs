//! Every state that a tool has to tell from the others, brought about and put into the
//! gallery. What Argo CD and Flux make of each is judged in tests/gitops.

use super::gallery::{Gallery, new, outdated, says};
use crate::bios_id;
use crate::harness::{Simulator, Stand, complete_tenant, eventually, machine, simple_tenant};
use serde_json::json;

/// From the moment of the apply to the task on the server.
#[tokio::test]
async fn on_the_way_to_the_server() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .apply([
            stand.server_manifest(),
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    let mut gallery = Gallery::of(&stand);
    gallery
        .shows("IntegrationServer", "main", "new", &new)
        .await;
    gallery.shows("Tenant", "acme", "new", &new).await;
    gallery.shows("VirtualMachine", "web-1", "new", &new).await;
    gallery.agrees();

    stand.simulator.goes_away().await;
    stand.start_operator();
    let mut gallery = Gallery::of(&stand);
    let unreachable = says("Ready", "False", "ConnectFailed");
    gallery
        .shows("IntegrationServer", "main", "unreachable", &unreachable)
        .await;
    let waiting = says("Ready", "False", "IntegrationServerNotReady");
    gallery
        .shows("Tenant", "acme", "server-unreachable", &waiting)
        .await;

    let stuck = json!({"taskStuck": true});
    stand.simulator.fault("POST tenant", 1, stuck).await;
    stand.simulator.comes_back().await;
    let creating = says("Provisioned", "False", "TaskRunning");
    gallery
        .shows("Tenant", "acme", "progressing", &creating)
        .await;
    let waiting = says("Registered", "False", "WaitingForTenant");
    gallery
        .shows("VirtualMachine", "web-1", "progressing", &waiting)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}

/// The server is as the spec wants it, whether it answers or not.
#[tokio::test]
async fn at_rest() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("globex").with("spec.state", "Inactive"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    let ready = says("Ready", "True", "Reconciled");
    let mut gallery = Gallery::of(&stand);
    gallery
        .shows("IntegrationServer", "main", "ready", &ready)
        .await;
    gallery.shows("Tenant", "acme", "ready", &ready).await;
    gallery.shows("Tenant", "globex", "inactive", &ready).await;
    gallery
        .shows("VirtualMachine", "web-1", "ready", &ready)
        .await;

    stand.simulator.goes_away().await;
    let unreachable = says("Reachable", "False", "ConnectFailed");
    gallery
        .shows("IntegrationServer", "main", "outage", &unreachable)
        .await;
    gallery
        .shows("Tenant", "acme", "ready-in-outage", &ready)
        .await;
    stand.apply([machine("web-2", "acme", &bios_id(2))]).await;
    let waiting = says("Ready", "False", "IntegrationServerNotReady");
    gallery
        .shows("VirtualMachine", "web-2", "server-unreachable", &waiting)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}

/// Changed while no operator looked, and the server suspended with it: nothing is done.
#[tokio::test]
async fn changed_and_suspended() {
    let mut stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.kill_operator();
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand
        .machine("web-1")
        .patch(json!({"spec": {"userData": "new"}}))
        .await;
    stand
        .integration_server()
        .patch(json!({"spec": {"suspend": true}}))
        .await;
    let objects = [
        ("IntegrationServer", "main"),
        ("Tenant", "acme"),
        ("VirtualMachine", "web-1"),
    ];
    let mut gallery = Gallery::of(&stand);
    for (kind, name) in objects {
        gallery.shows(kind, name, "outdated", &outdated).await;
    }
    gallery.agrees();

    stand.start_operator();
    let mut gallery = Gallery::of(&stand);
    let met = says("Ready", "True", "Suspended");
    gallery
        .shows("IntegrationServer", "main", "suspended", &met)
        .await;
    let unmet = says("Ready", "False", "Suspended");
    for (kind, name) in &objects[1..] {
        gallery.shows(kind, name, "suspended-unmet", &unmet).await;
    }
    let waits = says("Removed", "False", "Suspended");
    stand.machine("web-1").delete().await;
    gallery
        .shows("VirtualMachine", "web-1", "deletion-suspended", &waits)
        .await;
    stand.tenant("acme").delete().await;
    gallery
        .shows("Tenant", "acme", "deletion-suspended", &waits)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}

/// Suspended, and the server is as the spec wants it.
#[tokio::test]
async fn suspended_with_nothing_to_do() {
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
    let met = says("Ready", "True", "Suspended");
    let mut gallery = Gallery::of(&stand);
    gallery.shows("Tenant", "acme", "suspended", &met).await;
    gallery
        .shows("VirtualMachine", "web-1", "suspended", &met)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}

/// Somebody has to change something.
#[tokio::test]
async fn refused() {
    let stand = Stand::ready().await;
    stand.password_is("weak", "short").await;
    let taken = json!({"name": "Other", "type": "Simple", "status": "Active"});
    stand.simulator.tenant_made_by_hand(taken).await;
    let elsewhere = json!({"biosID": bios_id(2), "name": "elsewhere"});
    stand
        .simulator
        .machine_made_by_hand("Other", elsewhere)
        .await;
    stand
        .apply([
            complete_tenant("weak"),
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            machine("web-2", "acme", &bios_id(2)),
        ])
        .await;
    // Of two that were made in one second either may be the younger.
    let made = stand.integration_server().get().await;
    let made = made.metadata.creation_timestamp.unwrap().0.as_second();
    eventually("a later second", async || {
        k8s_openapi::jiff::Timestamp::now().as_second() > made
    })
    .await;
    stand
        .apply([stand.manifest_of("second", &stand.simulator)])
        .await;
    let mut gallery = Gallery::of(&stand);
    let claimed = says("Stalled", "True", "AlreadyClaimed");
    gallery
        .shows("IntegrationServer", "second", "stalled", &claimed)
        .await;
    let weak = says("Stalled", "True", "VIRMT_PasswordNotComplyPolicy");
    gallery.shows("Tenant", "weak", "stalled", &weak).await;
    let registered = says(
        "Stalled",
        "True",
        "VIRMT_VmWithSpecifiedBiosIdAlreadyExists",
    );
    gallery
        .shows("VirtualMachine", "web-2", "stalled", &registered)
        .await;

    stand.machine("web-1").becomes_ready().await;
    let body = "<error><code>VIRMT_Locked</code><message>locked</message></error>";
    let locked = json!({"status": 409, "body": body, "contentType": "application/xml"});
    stand.simulator.fault("POST unregister", 0, locked).await;
    stand.machine("web-1").delete().await;
    let refused = says("Removed", "False", "VIRMT_Locked");
    gallery
        .shows("VirtualMachine", "web-1", "deletion-refused", &refused)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}

/// A deletion that runs, and what may hold one up.
#[tokio::test]
async fn going() {
    let stand = Stand::ready_with(&[], |server| server.with("spec.guard.limit", 1)).await;
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
    let mut gallery = Gallery::of(&stand);
    stand.tenant("acme").delete().await;
    let in_use = says("Removed", "False", "InUse");
    gallery
        .shows("Tenant", "acme", "deletion-in-use", &in_use)
        .await;
    let left = says("Registered", "False", "TenantDeleting");
    gallery
        .shows("VirtualMachine", "web-1", "tenant-deleting", &left)
        .await;

    let stuck = json!({"taskStuck": true});
    stand.simulator.fault("DELETE tenant", 1, stuck).await;
    stand.machine("web-1").delete().await;
    let running = says("Removed", "False", "TaskRunning");
    gallery.shows("Tenant", "acme", "deleting", &running).await;
    let goes_along = says("Removed", "False", "TenantDeleting");
    gallery
        .shows("VirtualMachine", "web-1", "deleting", &goes_along)
        .await;

    stand.tenant("globex").delete().await;
    let held = says("Removed", "False", "DeletionHeld");
    gallery
        .shows("Tenant", "globex", "deletion-held", &held)
        .await;
    let holding = |server: &serde_json::Value| server["status"]["hold"]["kind"] == "Deletion";
    gallery
        .shows("IntegrationServer", "main", "holding-deletions", &holding)
        .await;
    stand.integration_server().delete().await;
    gallery
        .shows("IntegrationServer", "main", "deletion-in-use", &in_use)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}

/// The server lost what it held.
#[tokio::test]
async fn guarded() {
    let stand = Stand::ready().await;
    stand.simulator.backup("empty").await;
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
    stand.simulator.restore("empty", false).await;
    let mut gallery = Gallery::of(&stand);
    let absent = says("Ready", "False", "MassAbsence");
    gallery
        .shows("IntegrationServer", "main", "inventory-lost", &absent)
        .await;
    let waiting = says("Ready", "False", "InventoryGuard");
    gallery.shows("Tenant", "acme", "guarded", &waiting).await;
    gallery
        .shows("VirtualMachine", "web-1", "guarded", &waiting)
        .await;
    gallery.agrees();
    stand.ends_well().await;
}
