//! How much is asked of a server at once, and how fast minds may change.

use crate::bios_id;
use crate::harness::{Stand, all_come, eventually, machine, simple_tenant};
use serde_json::json;
use std::time::Duration;

/// `limits.concurrentTasks` holds, and everything is done all the same.
#[tokio::test]
async fn no_more_tasks_run_than_allowed() {
    let stand = Stand::ready_with(&["--concurrent-tasks", "50"], |server| {
        server.with("spec.limits.concurrentTasks", 2)
    })
    .await;
    let running = stand.simulator.hold_tasks_of("POST tenant").await;
    let names: Vec<String> = (0..8).map(|number| format!("tenant-{number}")).collect();
    for name in &names {
        stand.apply([simple_tenant(name)]).await;
    }
    let unfinished = async || {
        let state = stand.simulator.state().await;
        let count = state.tasks.iter().filter(|task| !task.has_ended()).count();
        assert!(count <= 2, "{state:#?}");
        (count, state)
    };
    eventually("the two are used", async || unfinished().await.0 == 2).await;
    stand.is_quiet_for(Duration::from_secs(1)).await;
    stand.simulator.release(running).await;
    all_come(8, "all are active", async || {
        let tenants = unfinished().await.1.tenants.into_iter();
        tenants.filter(|tenant| tenant.status == "Active").count()
    })
    .await;
    for name in &names {
        stand.tenant(name).becomes_ready().await;
    }
    stand.ends_well().await;
}

/// A task that never ends gives nobody's place away for ever to nobody: others go on.
#[tokio::test]
async fn the_wire_is_paced() {
    let stand = Stand::ready_with(&[], |server| {
        server.with("spec.limits.requestsPerSecond", 5)
    })
    .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let before = stand.simulator.calls().await;
    let began = std::time::Instant::now();
    for number in 0..30 {
        stand
            .apply([machine(&format!("web-{number}"), "acme", &bios_id(number))])
            .await;
    }
    for number in 0..30 {
        stand
            .machine(&format!("web-{number}"))
            .within(60)
            .becomes_ready()
            .await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let calls = stand.simulator.calls_since(&before).await;
    let allowed = 5.0 * seconds + 5.0;
    assert!(
        calls.total as f64 <= allowed + 1.0,
        "{} calls in {seconds:.1} s",
        calls.total
    );
    assert_eq!(calls.of("POST register"), 30);
    stand.ends_well().await;
}

/// K5: the spec goes there and back while a task runs; the last word counts.
#[tokio::test]
async fn a_mind_that_changes_often() {
    let stand = Stand::ready_with(&["--activate-duration", "700ms"], |server| server).await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    for last in ["Inactive", "Active"] {
        for round in 0..5 {
            let state = if round % 2 == 0 { "Inactive" } else { "Active" };
            stand
                .tenant("acme")
                .patch(json!({"spec": {"state": state}}))
                .await;
            tokio::time::sleep(Duration::from_millis(180)).await;
        }
        stand
            .tenant("acme")
            .patch(json!({"spec": {"state": last}}))
            .await;
        stand.tenant("acme").becomes_ready().await;
        assert_eq!(stand.simulator.state().await.tenant("acme").status, last);
        stand.is_quiet_for(Duration::from_secs(2)).await;
        assert_eq!(
            stand.simulator.state().await.tenant("acme").status,
            last,
            "and it stays"
        );
    }
    stand.ends_well().await;
}

/// Events are for people: what happened is there, best effort.
#[tokio::test]
async fn outcomes_are_events() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Taken", "type": "Simple"}))
        .await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("taken").with("spec.name", "Taken"),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand
        .tenant("taken")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    eventually("both are told", async || {
        let events = stand
            .kubectl(&["get", "events", "--output", "json"], "")
            .await;
        let events: serde_json::Value = serde_json::from_str(&events).unwrap();
        let told = |name: &str| {
            let events = events["items"].as_array().unwrap();
            events
                .iter()
                .any(|event| event["involvedObject"]["name"] == name)
        };
        told("acme") && told("taken")
    })
    .await;
    stand.ends_well().await;
}
