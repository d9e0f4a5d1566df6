//! What is proof of absence, and what only looks like it. A finalizer goes on
//! proof; nothing is made twice and nothing destroyed on less.

use crate::bios_id;
use crate::harness::{Stand, complete_tenant, eventually, has, machine, simple_tenant};
use serde_json::{Value, json};
use std::time::Duration;

/// Answers to a deletion that say nothing about the tenant.
fn no_proof() -> [Value; 4] {
    [
        json!({"status": 404, "body": "<html>Not Found</html>", "contentType": "text/html"}),
        json!({"status": 404, "body": ""}),
        json!({"status": 404, "body": "<error><code>VIRMT_VmWithSpecifiedIdNotFound</code></error>", "contentType": "application/xml"}),
        json!({"status": 410, "body": "gone"}),
    ]
}

#[tokio::test]
async fn a_404_without_the_servers_code_lets_no_tenant_go() {
    let stand = Stand::ready_with(&[], |server| server.with("spec.guard.enabled", false)).await;
    for (number, answer) in no_proof().into_iter().enumerate() {
        // The one that is asked first decides whether the other is asked at all.
        for call in ["DELETE tenant", "GET tenant"] {
            let name = format!("tenant-{number}");
            stand.apply([simple_tenant(&name)]).await;
            stand.tenant(&name).becomes_ready().await;
            let fault = stand.simulator.fault(call, 0, answer.clone()).await;
            stand.tenant(&name).delete().await;
            eventually(&format!("{call} is answered"), async || {
                stand.simulator.hits(fault).await > 0
            })
            .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let waiting = stand.tenant(&name).find().await;
            assert!(
                waiting.is_some(),
                "the finalizer went without proof ({call}, {number})"
            );
            stand.simulator.mend().await;
            stand.tenant(&name).is_asked_again().await;
            stand.tenant(&name).within(90).is_gone().await;
            assert!(stand.simulator.state().await.tenants.is_empty());
        }
    }
    stand.ends_well().await;
}

#[tokio::test]
async fn a_404_without_the_servers_code_lets_no_machine_go() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    let answers = no_proof();
    // The third is the server's own code for a machine: proof here.
    for (number, answer) in answers
        .into_iter()
        .enumerate()
        .filter(|(number, _)| *number != 2)
    {
        let name = format!("web-{number}");
        stand
            .apply([machine(&name, "acme", &bios_id(number))])
            .await;
        stand.machine(&name).becomes_ready().await;
        stand.simulator.fault("POST unregister", 0, answer).await;
        stand.machine(&name).delete().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(
            stand.machine(&name).find().await.is_some(),
            "the finalizer went without proof ({number})"
        );
        stand.simulator.mend().await;
        stand.machine(&name).is_asked_again().await;
        stand.machine(&name).within(90).is_gone().await;
        assert!(
            stand
                .simulator
                .state()
                .await
                .tenant("acme")
                .machines
                .is_empty()
        );
    }
    stand.ends_well().await;
}

/// E14: the task fails, without and with a code; the tenant is still there.
#[tokio::test]
async fn a_deletion_whose_task_fails_lets_nothing_go() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    stand
        .simulator
        .fault(
            "DELETE tenant",
            1,
            json!({"taskFails": {"message": "no luck"}}),
        )
        .await;
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "Rejected")
        .await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.is_quiet_for(Duration::from_secs(2)).await;
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 2);
    stand.ends_well().await;
}

/// The deletion's task is forgotten, its work done or not: the inventory decides.
#[tokio::test]
async fn a_deletion_that_is_forgotten() {
    let stand = Stand::ready().await;
    for work in ["done", "undone"] {
        stand
            .apply([simple_tenant(work), simple_tenant("stays")])
            .await;
        stand.tenant(work).becomes_ready().await;
        stand.tenant("stays").becomes_ready().await;
        stand
            .simulator
            .fault("DELETE tenant", 1, json!({"taskForgotten": work}))
            .await;
        stand.tenant(work).delete().await;
        stand.tenant(work).within(90).is_gone().await;
        assert!(stand.simulator.state().await.find(work).is_none());
    }
    stand.ends_well().await;
}

/// The same of an activation.
#[tokio::test]
async fn an_activation_that_is_forgotten() {
    let stand = Stand::ready().await;
    for work in ["done", "undone"] {
        stand
            .simulator
            .fault("POST activate", 1, json!({"taskForgotten": work}))
            .await;
        stand.apply([simple_tenant(work)]).await;
        stand.tenant(work).within(90).becomes_ready().await;
        assert_eq!(stand.simulator.state().await.tenant(work).status, "Active");
    }
    stand.ends_well().await;
}

/// E8: the task has ended and its tenant cannot be seen yet. The process that sent it takes
/// the task's own word; the next one looks at the lists.
#[tokio::test]
async fn a_new_tenant_that_is_seen_late_is_not_made_twice() {
    let mut stand = Stand::ready().await;
    let running = stand.simulator.hold_tasks_of("POST tenant").await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand
        .tenant("acme")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    stand.kill_operator();
    stand.simulator.release(running).await;
    eventually("its task has ended", async || {
        let state = stand.simulator.state().await;
        state.tasks("CreateTenant", "Completed") == 1
    })
    .await;
    let hidden = "<error><code>VIRMT_TenantWithSpecifiedIdNotFound</code></error>";
    let hidden = json!({"status": 404, "body": hidden, "contentType": "application/xml"});
    // If it asks for the tenant itself.
    let hidden = json!({"call": "GET tenant", "times": 3, "action": hidden});
    stand.simulator.order(hidden).await;
    let nobody = json!({"status": 200, "body": "<tenants/>", "contentType": "application/xml"});
    stand.simulator.fault("GET tenants", 2, nobody).await;
    stand.start_operator();
    stand.tenant("acme").within(120).becomes_ready().await;
    stand.machine("web-1").within(60).becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

/// E9: a failed creation that left something behind is told with the server's code.
#[tokio::test]
async fn a_creation_that_failed_half_way() {
    let stand = Stand::ready().await;
    stand.password_of("acme").await;
    let half = json!({"taskFails": {"code": "KSC_ServiceNotConfigured", "message": "half", "partial": true}});
    stand.simulator.fault("POST tenant", 1, half).await;
    stand.apply([complete_tenant("acme")]).await;
    stand
        .tenant("acme")
        .stalls("KSC_ServiceNotConfigured")
        .await;
    stand.tenant("acme").is_asked_again().await;
    stand
        .tenant("acme")
        .stalls("VIRMT_TenantGroupAlreadyExists")
        .await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"name": "Acme again"}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

/// A task that fails without a code is a rejection too.
#[tokio::test]
async fn a_failure_without_a_code_is_rejected() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault(
            "POST tenant",
            1,
            json!({"taskFails": {"message": "out of luck today"}}),
        )
        .await;
    stand.apply([simple_tenant("acme")]).await;
    let stalled = stand.tenant("acme").stalls("Rejected").await;
    let said = crate::harness::message(&stalled, "Stalled");
    assert!(
        said.contains("out of luck today"),
        "the server's own words: {said}"
    );
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

/// The server that answers after an address was changed may be another one.
#[tokio::test]
async fn a_server_under_a_new_address_that_does_not_know_us_is_held() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    let other = crate::harness::Simulator::with_password(&stand.simulator.password, &[]);
    let moved =
        json!({"spec": {"port": other.port, "tls": {"fingerprintsSHA256": [other.fingerprint]}}});
    stand.integration_server().patch(moved).await;
    stand
        .integration_server()
        .within(90)
        .has("InventoryIntact", "False", "MassAbsence")
        .await;
    stand
        .tenant("acme")
        .has("Ready", "False", "InventoryGuard")
        .await;
    stand.apply([simple_tenant("new")]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        other.calls().await.mutating,
        0,
        "one tenant is a wave after a move"
    );
    // Back again: everything as before.
    let back = json!({"spec": {"port": stand.simulator.port, "tls": {"fingerprintsSHA256": [stand.simulator.fingerprint]}}});
    stand.integration_server().patch(back).await;
    stand
        .integration_server()
        .within(60)
        .has("InventoryIntact", "True", "Intact")
        .await;
    stand.tenant("acme").within(60).becomes_ready().await;
    stand.tenant("new").within(60).becomes_ready().await;
    assert_eq!(other.calls().await.mutating, 0);
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 2);
    stand.ends_well().await;
}

/// The same server under another name of its own is the same.
#[tokio::test]
async fn a_server_under_a_new_address_that_knows_us_goes_on() {
    let mut stand = Stand::bare(crate::harness::Simulator::start(&[])).await;
    stand.start_operator();
    stand
        .apply([stand.server_manifest(), simple_tenant("acme")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    let before = stand.simulator.calls().await;
    stand
        .integration_server()
        .patch(json!({"spec": {"address": "localhost"}}))
        .await;
    stand.integration_server().becomes_ready().await;
    stand.apply([simple_tenant("new")]).await;
    stand.tenant("new").becomes_ready().await;
    assert!(has(
        &stand.tenant("acme").get().await,
        "Ready",
        "True",
        "Reconciled"
    ));
    assert_eq!(
        stand.simulator.calls_since(&before).await.of("POST tenant"),
        1
    );
    stand.ends_well().await;
}

/// The server takes each deletion, remembers none of its tasks, and does nothing.
#[tokio::test]
async fn a_deletion_that_is_forgotten_again_and_again_is_sent_seldom() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let undone = json!({"taskForgotten": "undone"});
    stand.simulator.fault("DELETE tenant", 0, undone).await;
    let before = stand.simulator.calls().await;
    stand.tenant("acme").delete().await;
    eventually("it is sent a fourth time", async || {
        stand
            .simulator
            .calls_since(&before)
            .await
            .of("DELETE tenant")
            >= 4
    })
    .await;
    let log = stand.simulator.log().await.into_iter();
    let sent = log.filter(|call| call.call == "DELETE tenant");
    let sent: Vec<u64> = sent.map(|call| call.at).collect();
    // The backoff is 1 s, 2 s and 4 s; what arrives late shortens the next one.
    assert!(sent[3] - sent[0] > 6_000, "{sent:?}");
    let since = stand.simulator.calls_since(&before).await;
    assert!(since.total < 80, "{since:?}");
    stand.simulator.mend().await;
    stand.tenant("acme").within(90).is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}
