//! Answers that do not arrive. A creation has no idempotency key, so an attempt
//! that may have been done is settled by the inventory, never by trying again.

use crate::bios_id;
use crate::harness::{
    Stand, complete_tenant, condition, eventually, has, is_ready, is_stalled, machine, message,
    patient, simple_tenant, within,
};
use serde_json::{Value, json};
use std::time::Duration;

/// One creation under a fault; at the end there is one tenant that was made once.
/// Returns how often it was asked for.
async fn creation_survives(action: Value) -> u64 {
    let stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand.simulator.fault("POST tenant", 1, action).await;
    stand
        .apply([
            complete_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    let tenant = stand.tenant("acme").within(120).becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1);
    // A forgotten task is in no list.
    assert!(state.tasks("CreateTenant", "Completed") <= 1, "{state:#?}");
    assert!(has(&tenant, "Provisioned", "True", "Created"));
    assert!(tenant.status.unwrap().creation.is_none());
    assert_eq!(state.tenant("acme").machines.len(), 1);
    let log = stand.simulator.log().await;
    let asked: Vec<u64> = log
        .iter()
        .filter(|call| call.call == "POST tenant")
        .map(|call| call.at)
        .collect();
    let patient = asked.windows(2).all(|two| two[1] - two[0] > 29_000);
    assert!(
        patient,
        "not asked again before 30 s have passed: {asked:?}"
    );
    // It is ours, so it goes with us.
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty() && state.ksc.folders.is_empty());
    stand.ends_well().await;
    asked.len() as u64
}

#[tokio::test]
async fn the_answer_is_lost_after_the_work_was_taken() {
    assert_eq!(creation_survives(json!({"dropAfter": true})).await, 1);
}

#[tokio::test]
async fn the_answer_is_cut() {
    assert_eq!(creation_survives(json!({"cutBody": true})).await, 1);
}

#[tokio::test]
async fn the_request_is_lost() {
    assert_eq!(creation_survives(json!({"dropBefore": true})).await, 2);
}

#[tokio::test]
async fn the_creation_answers_503() {
    assert_eq!(
        creation_survives(json!({"status": 503, "body": "busy"})).await,
        2
    );
}

#[tokio::test]
async fn the_creation_answers_html() {
    let page = json!({"status": 200, "body": "<html>Sign in</html>", "contentType": "text/html"});
    assert_eq!(creation_survives(page).await, 2);
}

#[tokio::test]
async fn the_request_arrives_late() {
    assert_eq!(creation_survives(json!({"commitLateMs": 6000})).await, 1);
}

/// So late that it was sent again: the server refuses one of the two, and the
/// other is ours all the same.
#[tokio::test]
async fn the_request_arrives_after_its_repetition() {
    let stand = Stand::ready().await;
    // The repetition comes 30 s after the request, and a little later on a slow machine.
    let late = Duration::from_secs(30) + patient(Duration::from_secs(12));
    let late = u64::try_from(late.as_millis()).unwrap();
    stand
        .simulator
        .fault("POST tenant", 1, json!({"commitLateMs": late}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").within(60).becomes_ready().await;
    within(
        Duration::from_secs(60),
        "the first request arrives",
        async || {
            stand
                .simulator
                .state()
                .await
                .tasks("CreateTenant", "Failed")
                == 1
        },
    )
    .await;
    stand
        .tenant("acme")
        .stays("ready", Duration::from_secs(3), is_ready)
        .await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            state.tasks("CreateTenant", "Completed")
        ),
        (1, 1),
        "{state:#?}"
    );
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 2);
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn the_task_is_forgotten_and_its_work_done() {
    assert_eq!(creation_survives(json!({"taskForgotten": "done"})).await, 1);
}

#[tokio::test]
async fn the_task_is_forgotten_and_its_work_undone() {
    assert_eq!(
        creation_survives(json!({"taskForgotten": "undone"})).await,
        2
    );
}

/// Lost, and nothing proves that what is there under our name is ours. It may be, so its
/// deletion is for a person to decide.
#[tokio::test]
async fn a_lost_creation_does_not_take_a_tenant_that_is_not_ours() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"dropBefore": true}))
        .await;
    stand
        .apply([simple_tenant("acme").with("spec.description", "ours")])
        .await;
    stand
        .tenant("acme")
        .until("the creation is in flight", |tenant| {
            tenant
                .status
                .as_ref()
                .is_some_and(|status| status.creation.is_some())
        })
        .await;
    let theirs =
        json!({"name": "acme", "type": "Simple", "description": "theirs", "status": "Inactive"});
    stand.simulator.tenant_made_by_hand(theirs).await;
    let stalled = stand
        .tenant("acme")
        .within(60)
        .stalls("IdentityMismatch")
        .await;
    let there = stand.simulator.state().await.tenant("acme").id.clone();
    assert!(message(&stalled, "Ready").contains(&there), "{stalled:#?}");
    assert!(stalled.status.unwrap().tenant_id.is_none());
    stand.tenant("acme").delete().await;
    let stalled = stand
        .tenant("acme")
        .has("Removed", "False", "IdentityMismatch")
        .await;
    assert!(
        message(&stalled, "Removed").contains(&there),
        "{stalled:#?}"
    );
    stand
        .tenant("acme")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (state.tenants.len(), state.tenant("acme").status.as_str()),
        (1, "Inactive")
    );
    stand.ends_well().await;
}

/// Deleted while nobody knows whether it was made: settled first.
#[tokio::test]
async fn a_lost_creation_is_settled_before_its_resource_goes() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"commitLateMs": 5000}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .tenant("acme")
        .until("the creation is in flight", |tenant| {
            tenant
                .status
                .as_ref()
                .is_some_and(|status| status.creation.is_some())
        })
        .await;
    eventually("it is sent", async || {
        stand.simulator.calls().await.of("POST tenant") == 1
    })
    .await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").within(90).is_gone().await;
    let state = stand.simulator.state().await;
    assert!(
        state.tenants.is_empty(),
        "nothing is left behind: {state:#?}"
    );
    assert_eq!(
        state.tasks("CreateTenant", "Completed"),
        1,
        "it did arrive: {state:#?}"
    );
    stand.ends_well().await;
}

/// Calls that may be repeated, each with a lost answer, a lost request and a cut one.
#[tokio::test]
async fn idempotent_calls_are_repeated() {
    let stand = Stand::ready().await;
    let lost = [
        json!({"dropAfter": true}),
        json!({"dropBefore": true}),
        json!({"cutBody": true}),
    ];
    for (number, action) in lost.iter().enumerate() {
        for call in ["POST activate", "POST register"] {
            stand.simulator.fault(call, 1, action.clone()).await;
        }
        let name = format!("tenant-{number}");
        stand
            .apply([
                simple_tenant(&name),
                machine(&name, &name, &bios_id(number)),
            ])
            .await;
        stand.tenant(&name).within(90).becomes_ready().await;
        stand.machine(&name).within(60).becomes_ready().await;
    }
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 3);
    assert!(
        state
            .tenants
            .iter()
            .all(|tenant| tenant.status == "Active" && tenant.machines.len() == 1),
        "{state:#?}"
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn removals_are_repeated() {
    let stand = Stand::ready().await;
    let lost = [
        json!({"dropAfter": true}),
        json!({"dropBefore": true}),
        json!({"cutBody": true}),
    ];
    for number in 0..lost.len() {
        let name = format!("tenant-{number}");
        stand
            .apply([
                simple_tenant(&name),
                machine(&name, &name, &bios_id(number)),
            ])
            .await;
    }
    for number in 0..lost.len() {
        let name = format!("tenant-{number}");
        stand.tenant(&name).becomes_ready().await;
        stand.machine(&name).becomes_ready().await;
    }
    for (number, action) in lost.iter().enumerate() {
        let name = format!("tenant-{number}");
        stand
            .simulator
            .fault("POST unregister", 1, action.clone())
            .await;
        stand.machine(&name).delete().await;
        stand.machine(&name).within(60).is_gone().await;
        assert!(
            stand
                .simulator
                .state()
                .await
                .tenant(&name)
                .machines
                .is_empty()
        );
        stand
            .simulator
            .fault("DELETE tenant", 1, action.clone())
            .await;
        stand.tenant(&name).delete().await;
        stand.tenant(&name).within(60).is_gone().await;
        assert!(stand.simulator.state().await.find(&name).is_none());
    }
    stand.ends_well().await;
}

/// A task that never ends is told, and its work is not asked for again.
#[tokio::test]
async fn a_task_that_does_not_end_is_not_sent_twice() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"taskStuck": true}))
        .await;
    stand
        .apply([simple_tenant("acme"), simple_tenant("other")])
        .await;
    let stuck = async |name: &str| {
        has(
            &stand.tenant(name).get().await,
            "Provisioned",
            "False",
            "TaskRunning",
        )
    };
    eventually("one of them is ready", async || {
        has(
            &stand.tenant("acme").get().await,
            "Ready",
            "True",
            "Reconciled",
        ) || has(
            &stand.tenant("other").get().await,
            "Ready",
            "True",
            "Reconciled",
        )
    })
    .await;
    eventually("the other one is stuck", async || {
        stuck("acme").await || stuck("other").await
    })
    .await;
    let name = if stuck("acme").await { "acme" } else { "other" };
    let shown = stand
        .tenant(name)
        .until("its progress is shown", |tenant| {
            tenant
                .status
                .as_ref()
                .and_then(|status| status.task.as_ref())
                .is_some_and(|task| task.progress == Some(50))
        })
        .await;
    assert!(condition(&shown, "Reconciling").is_some());
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 2);
    stand.ends_well().await;
}

/// An activation may be repeated as soon as no task can be it: carried out twice, it changes
/// nothing.
#[tokio::test]
async fn lost_activations_are_repeated_without_a_long_wait() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST activate", 2, json!({"dropBefore": true}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").within(90).becomes_ready().await;
    let log = stand.simulator.log().await;
    let sent = log.iter().filter(|call| call.call == "POST activate");
    let sent: Vec<u64> = sent.map(|call| call.at).collect();
    assert_eq!(sent.len(), 3);
    let soon = sent.windows(2).all(|two| two[1] - two[0] < 29_000);
    assert!(soon, "repeated before 30 s have passed: {sent:?}");
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}

/// A tenant under a fault becomes Ready without ever being Stalled, and is created once.
async fn is_never_stalled(call: &str, times: u32, action: Value) {
    let stand = Stand::ready().await;
    stand.simulator.fault(call, times, action).await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand
        .tenant("acme")
        .within(90)
        .until("it is Ready", |seen| {
            assert!(!is_stalled(seen), "{seen:#?}");
            is_ready(seen)
        })
        .await;
    stand.machine("web-1").becomes_ready().await;
    stand.simulator.all_faults_struck().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn a_tenant_that_becomes_visible_late() {
    is_never_stalled("POST tenant", 1, json!({"unknownMs": 6000})).await;
}

#[tokio::test]
async fn an_activation_that_does_not_find_the_tenant() {
    let code = json!({"code": "VIRMT_TenantWithSpecifiedIdNotFound", "message": "not there"});
    is_never_stalled("POST activate", 2, json!({"taskFails": code})).await;
}
