//! The operator's process ends at a bad moment.

use crate::bios_id;
use crate::harness::{Stand, complete_tenant, eventually, has, machine, simple_tenant};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn killed_while_the_creations_task_runs() {
    let mut stand = Stand::ready().await;
    let running = stand.simulator.hold_tasks_of("POST tenant").await;
    stand.password_of("acme").await;
    stand
        .apply([
            complete_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand
        .tenant("acme")
        .until("the task is known", |tenant| {
            tenant
                .status
                .as_ref()
                .and_then(|status| status.creation.as_ref())
                .is_some_and(|creation| creation.task.is_some())
        })
        .await;
    stand.kill_operator();
    stand.simulator.release(running).await;
    stand.start_operator();
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            stand.simulator.calls().await.of("POST tenant")
        ),
        (1, 1)
    );
    stand.ends_well().await;
}

/// E1: the server has taken the request, and nobody has the task's identifier.
#[tokio::test]
async fn killed_between_the_request_and_its_answer() {
    let mut stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"delayMs": 2000}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    eventually("the request is under way", async || {
        stand.simulator.calls().await.of("POST tenant") == 1
    })
    .await;
    stand.kill_operator();
    stand.start_operator();
    let tenant = stand.tenant("acme").within(90).becomes_ready().await;
    assert!(has(&tenant, "Provisioned", "True", "Created"));
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            state.tasks("CreateTenant", "Completed")
        ),
        (1, 1)
    );
    assert_eq!(
        stand.simulator.calls().await.of("POST tenant"),
        1,
        "the inventory decides"
    );
    stand.ends_well().await;
}

/// The server finished the work while nobody looked.
#[tokio::test]
async fn killed_and_away_until_the_task_has_ended() {
    let mut stand = Stand::ready_with(&["--create-duration", "1s"], |server| server).await;
    stand.apply([simple_tenant("acme")]).await;
    eventually("the request is under way", async || {
        stand.simulator.calls().await.of("POST tenant") == 1
    })
    .await;
    stand.kill_operator();
    eventually("the task has ended", async || {
        stand
            .simulator
            .state()
            .await
            .tasks("CreateTenant", "Completed")
            == 1
    })
    .await;
    stand.start_operator();
    stand.tenant("acme").within(90).becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.ends_well().await;
}

#[tokio::test]
async fn killed_while_a_deletion_runs() {
    let mut stand = Stand::ready().await;
    let running = stand.simulator.hold_tasks_of("DELETE tenant").await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "TaskRunning")
        .await;
    stand.kill_operator();
    stand.simulator.release(running).await;
    stand.start_operator();
    stand.tenant("acme").is_gone().await;
    stand.machine("web-1").is_gone().await;
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 1);
    stand.ends_well().await;
}

/// Nobody remembers the activation when the next process looks: its work is in the inventory.
#[tokio::test]
async fn killed_during_an_activation_that_the_server_forgets() {
    let mut stand = Stand::ready_with(&["--dialect", "forgetful"], |server| server).await;
    let running = stand.simulator.hold_tasks_of("POST activate").await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .tenant("acme")
        .within(60)
        .until("the activation is written down", |tenant| {
            let task = tenant.status.as_ref().and_then(|s| s.task.as_ref());
            task.and_then(|task| task.task_type.as_deref()) == Some("ChangeTenantActivation")
        })
        .await;
    stand.kill_operator();
    stand.simulator.release(running).await;
    eventually("the activation is over", async || {
        stand.simulator.state().await.tenant("acme").status == "Active"
    })
    .await;
    let before = stand.simulator.calls().await;
    stand.start_operator();
    stand.tenant("acme").within(30).becomes_ready().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let since = stand.simulator.calls_since(&before).await;
    assert_eq!(since.mutating, 0, "{since:?}");
    assert!(since.of("GET task") <= 2, "{since:?}");
    assert!(since.of("GET tenant") <= 2, "{since:?}");
    // It is not followed again by the process after that either.
    stand.kill_operator();
    stand.start_operator();
    stand.is_quiet_past_the_next_list().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").within(60).is_gone().await;
    stand.ends_well().await;
}

/// Killed again and again, at moments that nobody chose.
#[tokio::test]
async fn killed_again_and_again() {
    let mut stand = Stand::ready().await;
    let names: Vec<String> = (0..6).map(|number| format!("tenant-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        stand
            .apply([simple_tenant(name), machine(name, name, &bios_id(number))])
            .await;
    }
    for round in 0..8_u64 {
        tokio::time::sleep(Duration::from_millis(150 + round * 137 % 700)).await;
        stand.kill_operator();
        stand.start_operator();
    }
    for name in &names {
        stand.tenant(name).within(120).becomes_ready().await;
        stand.machine(name).within(60).becomes_ready().await;
    }
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            state.tasks("CreateTenant", "Completed")
        ),
        (6, 6)
    );
    assert!(
        state
            .tenants
            .iter()
            .all(|tenant| tenant.status == "Active" && tenant.machines.len() == 1),
        "{state:#?}"
    );

    // Away again, in the same manner; the wave is wanted, so the guard is off.
    stand
        .integration_server()
        .patch(json!({"spec": {"guard": {"enabled": false}}}))
        .await;
    for name in &names {
        stand.tenant(name).delete().await;
        stand.machine(name).delete().await;
    }
    for round in 0..5_u64 {
        tokio::time::sleep(Duration::from_millis(200 + round * 211 % 600)).await;
        stand.kill_operator();
        stand.start_operator();
    }
    for name in &names {
        stand.tenant(name).within(120).is_gone().await;
        stand.machine(name).is_gone().await;
    }
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn sigterm_ends_it_with_status_0_within_10_seconds() {
    let mut stand = Stand::ready().await;
    stand.simulator.hold_tasks_of("POST tenant").await;
    stand
        .apply([simple_tenant("acme"), simple_tenant("held")])
        .await;
    stand
        .tenant("acme")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    stand
        .tenant("held")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    // A call that hangs does not hold it up either.
    let hangs = json!({"call": "*", "times": 0, "action": {"delayMs": 3_600_000}});
    let hangs = stand.simulator.order(hangs).await;
    eventually("a call hangs", async || {
        stand.simulator.hits(hangs).await > 0
    })
    .await;
    let status = stand
        .operator()
        .terminates_within(Duration::from_secs(10))
        .await;
    assert_eq!(
        status.and_then(|status| status.code()),
        Some(0),
        "{status:?}"
    );
    stand.simulator.mend().await;
    stand.kill_operator();
    stand.start_operator();
    stand.tenant("acme").within(60).becomes_ready().await;
    stand.tenant("held").within(60).becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 2);
    stand.ends_well().await;
}
