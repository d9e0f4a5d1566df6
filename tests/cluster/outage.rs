//! The server is away, or answers what no page describes.

use crate::bios_id;
use crate::harness::{Simulator, Stand, condition, eventually, has, machine, simple_tenant};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_server_that_is_away_for_a_while() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("going"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("going").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;

    stand.simulator.goes_away().await;
    stand
        .integration_server()
        .has("Reachable", "False", "ConnectFailed")
        .await;
    stand
        .integration_server()
        .has("Ready", "False", "ConnectFailed")
        .await;
    // Who has nothing to do stays as he is; who has, waits.
    stand
        .apply([simple_tenant("late"), machine("web-2", "acme", &bios_id(2))])
        .await;
    stand.tenant("going").delete().await;
    let late = stand
        .tenant("late")
        .until("waiting", |tenant| {
            condition(tenant, "Reconciling").is_some()
        })
        .await;
    assert!(condition(&late, "Stalled").is_none());
    stand
        .machine("web-2")
        .until("waiting", |machine| {
            condition(machine, "Reconciling").is_some()
        })
        .await;
    let going = stand
        .tenant("going")
        .until("says so", |tenant| condition(tenant, "Removed").is_some())
        .await;
    assert!(condition(&going, "Removed").is_some_and(|removed| removed.status == "False"));
    let idle = Duration::from_secs(2);
    stand
        .tenant("acme")
        .stays("ready", idle, |tenant| {
            has(tenant, "Ready", "True", "Reconciled")
        })
        .await;
    stand
        .machine("web-1")
        .stays("ready", idle, |machine| {
            has(machine, "Ready", "True", "Reconciled")
        })
        .await;
    // What is retained goes without a server.
    stand
        .tenant("acme")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    for name in ["web-1", "web-2"] {
        stand
            .machine(name)
            .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
            .await;
        stand.machine(name).delete().await;
        stand.machine(name).within(10).is_gone().await;
    }
    stand.tenant("acme").delete().await;
    stand.tenant("acme").within(10).is_gone().await;

    stand.simulator.comes_back().await;
    stand.integration_server().within(60).becomes_ready().await;
    stand.tenant("late").within(60).becomes_ready().await;
    stand.tenant("going").within(60).is_gone().await;
    let state = stand.simulator.state().await;
    assert!(
        state.find("acme").is_some()
            && state.find("late").is_some()
            && state.find("going").is_none()
    );
    stand.ends_well().await;
}

/// Started while the server is away: nobody knows what it holds.
#[tokio::test]
async fn an_operator_that_starts_during_an_outage() {
    let mut stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("going"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("going").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.kill_operator();
    stand.simulator.goes_away().await;
    stand.tenant("going").delete().await;
    stand.start_operator();
    // What never was on the server may go; what was, waits.
    stand.apply([simple_tenant("never")]).await;
    stand
        .tenant("never")
        .until("waiting", |tenant| {
            condition(tenant, "Reconciling").is_some()
        })
        .await;
    stand.tenant("never").delete().await;
    stand.tenant("never").within(10).is_gone().await;
    assert!(stand.tenant("going").find().await.is_some());
    let before = stand.simulator.calls().await;
    stand.simulator.comes_back().await;
    stand.tenant("going").within(60).is_gone().await;
    stand.integration_server().within(60).becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    let calls = stand.simulator.calls_since(&before).await;
    assert_eq!(
        (calls.mutating, calls.of("DELETE tenant")),
        (1, 1),
        "{calls:?}"
    );
    stand.ends_well().await;
}

/// A creation whose outcome nobody knows, and a server that is gone for good.
#[tokio::test]
async fn retain_lets_an_unknown_creation_go_without_a_server() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"commitLateMs": 500}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    eventually("it is asked for", async || {
        stand.simulator.calls().await.of("POST tenant") == 1
    })
    .await;
    stand.simulator.goes_away().await;
    stand.tenant("acme").delete().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(
        stand.tenant("acme").find().await.is_some(),
        "its outcome is not known yet"
    );
    stand
        .tenant("acme")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("acme").within(10).is_gone().await;
    stand.ends_well().await;
}

/// The tenants of another server notice nothing.
#[tokio::test]
async fn another_servers_tenants_notice_nothing() {
    let stand = Stand::ready().await;
    let other = Simulator::with_password(&stand.simulator.password, &[]);
    stand.apply([stand.manifest_of("other", &other)]).await;
    stand
        .integration_server_named("other")
        .becomes_ready()
        .await;
    stand.simulator.goes_away().await;
    stand
        .integration_server()
        .has("Reachable", "False", "ConnectFailed")
        .await;
    stand
        .apply([
            simple_tenant("waits"),
            simple_tenant("works").with("spec.integrationServerRef.name", "other"),
        ])
        .await;
    stand.tenant("works").within(10).becomes_ready().await;
    assert!(has(
        &stand.integration_server_named("other").get().await,
        "Ready",
        "True",
        "Reconciled"
    ));
    stand.tenant("works").delete().await;
    stand.tenant("works").within(10).is_gone().await;
    stand.ends_well().await;
}

/// A parked server is probed by one call, not by one for each tenant.
#[tokio::test]
async fn an_outage_is_probed_and_not_stormed() {
    let stand = Stand::ready().await;
    for number in 0..10 {
        stand
            .apply([simple_tenant(&format!("tenant-{number}"))])
            .await;
    }
    for number in 0..10 {
        stand
            .tenant(&format!("tenant-{number}"))
            .becomes_ready()
            .await;
    }
    stand
        .simulator
        .fault(
            "*",
            0,
            json!({"status": 503, "body": "Service Unavailable"}),
        )
        .await;
    stand
        .integration_server()
        .until("not ready", |server| {
            condition(server, "Ready").is_some_and(|ready| ready.status == "False")
        })
        .await;
    for number in 0..10 {
        stand
            .tenant(&format!("tenant-{number}"))
            .patch(json!({"spec": {"state": "Inactive"}}))
            .await;
    }
    let before = stand.simulator.calls().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let calls = stand.simulator.calls_since(&before).await;
    assert!(
        (1..=15).contains(&calls.total),
        "one probe with backoff: {calls:?}"
    );
    stand.simulator.mend().await;
    for number in 0..10 {
        stand
            .tenant(&format!("tenant-{number}"))
            .within(60)
            .becomes_ready()
            .await;
    }
    stand.ends_well().await;
}

/// Each call that reads meets this. A task that is in no list is asked for by itself.
async fn reads_meet(stand: &Stand, action: &Value) {
    for call in ["GET tenants", "GET tenant", "GET vms", "GET tasks"] {
        stand.simulator.fault(call, 2, action.clone()).await;
    }
    let none = json!({"status": 200, "body": "<tasks/>", "contentType": "application/xml"});
    stand.simulator.fault("GET tasks", 1, none).await;
    stand.simulator.fault("GET task", 1, action.clone()).await;
}

/// A fault in the way of every call that reads; nothing of it is a fact.
async fn survives_on_reads(action: Value) {
    let stand = Stand::ready().await;
    reads_meet(&stand, &action).await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").within(90).becomes_ready().await;
    stand.machine("web-1").within(60).becomes_ready().await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            state.tasks("CreateTenant", "Completed")
        ),
        (1, 1)
    );
    reads_meet(&stand, &action).await;
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").within(90).is_gone().await;
    stand.machine("web-1").within(30).is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn reads_that_answer_503() {
    survives_on_reads(json!({"status": 503, "body": "busy", "headers": {"Retry-After": "1"}}))
        .await;
}

#[tokio::test]
async fn reads_that_answer_html() {
    survives_on_reads(json!({"status": 200, "body": "<!DOCTYPE html><html>Sign in</html>", "contentType": "text/html"})).await;
}

#[tokio::test]
async fn reads_that_are_cut() {
    survives_on_reads(json!({"cutBody": true})).await;
}

#[tokio::test]
async fn reads_that_get_no_answer() {
    survives_on_reads(json!({"dropAfter": true})).await;
}

/// 429 and 5xx of calls that change something, whatever was done or not.
#[tokio::test]
async fn changes_that_are_put_off() {
    let stand = Stand::ready().await;
    let busy = json!({"status": 429, "body": "slow down", "headers": {"Retry-After": "1"}});
    for call in [
        "POST activate",
        "POST register",
        "POST unregister",
        "DELETE tenant",
    ] {
        stand.simulator.fault(call, 1, busy.clone()).await;
    }
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").within(90).becomes_ready().await;
    stand.machine("web-1").within(60).becomes_ready().await;
    stand.machine("web-1").delete().await;
    stand.machine("web-1").within(60).is_gone().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").within(60).is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// An unknown state is not an end: it is reported word for word.
#[tokio::test]
async fn a_task_state_that_no_page_names() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"taskState": "Paused"}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .tenant("acme")
        .until("the word is shown", |tenant| {
            condition(tenant, "Provisioned")
                .is_some_and(|provisioned| provisioned.message.contains("Paused"))
                && condition(tenant, "Reconciling").is_some()
        })
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.simulator.mend().await;
    stand.tenant("acme").becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.ends_well().await;
}

#[tokio::test]
async fn the_servers_password_is_changed() {
    let stand = Stand::ready().await;
    for name in ["one", "two", "three"] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
    }
    let password = format!("Changed-{}", uuid::Uuid::new_v4());
    stand
        .simulator
        .settings(json!({"password": password}))
        .await;
    stand
        .integration_server()
        .has("Reachable", "False", "CredentialsRejected")
        .await;
    stand
        .integration_server()
        .has("Ready", "False", "CredentialsRejected")
        .await;
    stand.apply([simple_tenant("late")]).await;
    let before = stand.simulator.calls().await;
    let late = stand
        .tenant("late")
        .until("waits", |tenant| condition(tenant, "Reconciling").is_some())
        .await;
    assert!(condition(&late, "Stalled").is_none());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let calls = stand.simulator.calls_since(&before).await;
    assert!(calls.total <= 2, "one probe a minute: {calls:?}");
    assert!(has(
        &stand.tenant("one").get().await,
        "Ready",
        "True",
        "Reconciled"
    ));
    stand.credentials(&password).await;
    stand.integration_server().within(90).becomes_ready().await;
    stand.tenant("late").becomes_ready().await;
    eventually("all are there", async || {
        stand.simulator.state().await.tenants.len() == 4
    })
    .await;
    stand.ends_well().await;
}
