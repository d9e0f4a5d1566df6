//! Somebody works on the server by hand. Seen at the next inventory.

use crate::bios_id;
use crate::harness::{Stand, is_ready, machine, simple_tenant, within};
use serde_json::json;
use std::time::Duration;

/// Two inventories, and some time for the work.
const NEXT_INVENTORY: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_state_that_was_changed_by_hand_is_changed_back() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("on"),
            simple_tenant("off").with("spec.state", "Inactive"),
        ])
        .await;
    stand.tenant("on").becomes_ready().await;
    stand.tenant("off").becomes_ready().await;
    stand.simulator.status_set_by_hand("on", "Inactive").await;
    stand.simulator.status_set_by_hand("off", "Active").await;
    within(NEXT_INVENTORY, "both are changed back", async || {
        let state = stand.simulator.state().await;
        state.tenant("on").status == "Active" && state.tenant("off").status == "Inactive"
    })
    .await;
    stand.tenant("on").becomes_ready().await;
    stand.tenant("off").becomes_ready().await;
    stand.is_quiet_for(Duration::from_secs(2)).await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_machine_that_was_unregistered_by_hand_is_registered_again() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            machine("web-2", "acme", &bios_id(2)),
        ])
        .await;
    stand.machine("web-1").becomes_ready().await;
    stand.machine("web-2").becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    let before = stand.simulator.calls().await;
    stand
        .simulator
        .machine_removed_by_hand("acme", &bios_id(1))
        .await;
    // One that nobody declared is nobody's business.
    stand
        .simulator
        .machine_made_by_hand("acme", json!({"biosID": bios_id(9)}))
        .await;
    within(
        Duration::from_secs(60),
        "it is registered again",
        async || {
            stand
                .simulator
                .state()
                .await
                .tenant("acme")
                .machine(&bios_id(1))
                .is_some()
        },
    )
    .await;
    stand.machine("web-1").becomes_ready().await;
    let state = stand.simulator.state().await;
    assert!(state.tenant("acme").machine(&bios_id(9)).is_some());
    let calls = stand.simulator.calls_since(&before).await;
    assert_eq!((calls.of("POST register"), calls.mutating), (1, 1));
    stand.ends_well().await;
}

/// After two complete lists 30 s apart and a GET that says so.
#[tokio::test]
async fn a_tenant_that_was_removed_by_hand_is_made_again_with_its_machines() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("lost"),
            machine("web-1", "lost", &bios_id(1)),
            simple_tenant("kept"),
            simple_tenant("too"),
        ])
        .await;
    let lost = stand.tenant("lost").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant("kept").becomes_ready().await;
    stand.tenant("too").becomes_ready().await;
    let before = stand.simulator.calls().await;
    stand.simulator.tenant_removed_by_hand("lost").await;
    stand
        .tenant("lost")
        .within(90)
        .until("another identifier", |tenant| {
            let known = tenant
                .status
                .as_ref()
                .and_then(|status| status.tenant_id.as_ref());
            known.is_some()
                && known != lost.status.as_ref().unwrap().tenant_id.as_ref()
                && is_ready(tenant)
        })
        .await;
    within(NEXT_INVENTORY, "its machine is there again", async || {
        stand
            .simulator
            .state()
            .await
            .tenant("lost")
            .machine(&bios_id(1))
            .is_some()
    })
    .await;
    stand.machine("web-1").becomes_ready().await;
    let calls = stand.simulator.calls_since(&before).await;
    assert_eq!((calls.of("POST tenant"), calls.of("DELETE tenant")), (1, 0));
    assert!(
        calls.of("GET tenants") >= 2 && calls.of("GET tenant") >= 1,
        "{calls:?}"
    );
    assert_eq!(stand.simulator.state().await.tenants.len(), 3);
    stand.ends_well().await;
}

/// An empty or shortened list is not evidence: GET still shows the tenant.
#[tokio::test]
async fn a_list_that_is_wrong_makes_nothing_and_destroys_nothing() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            simple_tenant("other"),
            machine("web-2", "other", &bios_id(2)),
        ])
        .await;
    for name in ["acme", "other"] {
        stand.tenant(name).becomes_ready().await;
    }
    for name in ["web-1", "web-2"] {
        stand.machine(name).becomes_ready().await;
    }
    let before = stand.simulator.calls().await;
    let whole = "<tenants></tenants>";
    let lies = [
        json!({"cutBody": true}),
        json!({"status": 200, "body": &whole[..9], "contentType": "application/xml"}),
        json!({"status": 200, "body": "<html><body>Sign in</body></html>", "contentType": "text/html"}),
        json!({"status": 404, "body": "<html>not here</html>", "contentType": "text/html"}),
        json!({"status": 200, "body": "", "contentType": "application/xml"}),
    ];
    let mut told = Vec::new();
    for lie in lies {
        told.push(stand.simulator.fault("GET tenants", 1, lie.clone()).await);
        told.push(stand.simulator.fault("GET vms", 1, lie).await);
    }
    within(Duration::from_secs(150), "all were told", async || {
        for lie in &told {
            if stand.simulator.hits(*lie).await == 0 {
                return false;
            }
        }
        true
    })
    .await;
    stand.simulator.mend().await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    stand.integration_server().within(60).becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.ends_well().await;
}

/// A tenant of somebody else is counted, and nothing more.
#[tokio::test]
async fn tenants_of_others_are_left_alone() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Theirs", "type": "Simple", "status": "Inactive"}))
        .await;
    stand.apply([simple_tenant("ours")]).await;
    stand.tenant("ours").becomes_ready().await;
    stand
        .integration_server()
        .until("one unclaimed", |server| {
            let counts = server.status.as_ref().and_then(|status| status.tenants);
            counts
                .is_some_and(|counts| (counts.known, counts.active, counts.unclaimed) == (2, 1, 1))
        })
        .await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenant("Theirs").status, "Inactive");
    stand.ends_well().await;
}

/// A finalizer that was stripped: the orphan is counted, and a new resource of
/// that name does not take it without being allowed to.
#[tokio::test]
async fn what_was_deleted_by_force_shows_as_unclaimed() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let mut stand = stand;
    stand.kill_operator();
    stand
        .tenant("acme")
        .patch(json!({"metadata": {"finalizers": null}}))
        .await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.start_operator();
    stand
        .tenant("acme")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    stand
        .integration_server()
        .until("one unclaimed", |server| {
            server
                .status
                .as_ref()
                .and_then(|status| status.tenants)
                .is_some_and(|counts| counts.unclaimed == 1)
        })
        .await;
    // Deleting the newcomer destroys nothing: it never had it.
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}
