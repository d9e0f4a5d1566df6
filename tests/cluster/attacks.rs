//! The deletion guard under attack: what a person did not agree to is not destroyed,
//! however the wave comes and whatever happens to the operator meanwhile.

use crate::harness::{
    Scope, Simulator, Stand, all_come, eventually, simple_tenant, skipped_on_an_existing_cluster,
};
use serde_json::json;
use std::time::Duration;
use viis_operator::api::ACCEPT_ANNOTATION;

/// Patience for hundreds of tenants, in seconds.
const PATIENCE: u64 = 120;

/// The guard's limit in these tests.
const LIMIT: usize = 5;

/// A stand with so many Ready tenants, all of them fast to make.
async fn stand_with(count: usize, scope: Scope) -> Stand {
    let flags = [
        "--concurrent-tasks",
        "64",
        "--create-duration",
        "50ms",
        "--activate-duration",
        "20ms",
        "--delete-duration",
        "50ms",
    ];
    let limits = json!({"concurrentTasks": 64, "requestsPerSecond": 1000});
    let stand = Stand::serving(Simulator::start(&flags), scope).await;
    let stand = stand
        .becomes_ready_with(|server| {
            server
                .with("spec.limits", limits)
                .with("spec.guard.limit", LIMIT)
        })
        .await;
    let names: Vec<String> = (0..count).map(|number| format!("t{number:03}")).collect();
    stand
        .apply(names.iter().map(|name| simple_tenant(name)))
        .await;
    all_come(count, "all are active", async || {
        let tenants = stand.simulator.state().await.tenants.into_iter();
        tenants.filter(|tenant| tenant.status == "Active").count()
    })
    .await;
    stand
}

/// The wave that is held, once it is as large as this.
async fn token_of(stand: &Stand, count: usize) -> String {
    let server = stand
        .integration_server()
        .within(PATIENCE)
        .until("the whole wave is held", |server| {
            let status = server.status.as_ref();
            let hold = status.and_then(|status| status.hold.as_ref());
            hold.is_some_and(|hold| usize::try_from(hold.count) == Ok(count))
        })
        .await;
    server.status.unwrap().hold.unwrap().token
}

async fn destroyed(stand: &Stand) -> u64 {
    stand.simulator.calls().await.of("DELETE tenant")
}

/// A prune, and the namespace after it, while the operator is killed again and again:
/// what was counted before a crash is counted after it.
#[tokio::test]
async fn three_hundred_pruned_at_once_in_a_crash_loop() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    // With a Role in the namespace the operator would lose it there in the middle.
    let mut stand = stand_with(300, Scope::Everywhere).await;
    stand
        .kubectl(
            &[
                "delete",
                "--wait=false",
                "tenants.viis-operator.io",
                "--all",
            ],
            "",
        )
        .await;
    for _ in 0..3 {
        let before = destroyed(&stand).await;
        // In the middle of the wave, where there still is a middle.
        let _ = tokio::time::timeout(Duration::from_secs(3), async {
            while destroyed(&stand).await == before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        stand.kill_operator();
        stand.start_operator();
    }
    stand
        .kubectl(
            &["delete", "--wait=false", "namespace", &stand.namespace],
            "",
        )
        .await;
    token_of(&stand, 300 - LIMIT).await;
    eventually("what the guard lets pass is destroyed", async || {
        stand.simulator.state().await.tenants.len() == 300 - LIMIT
    })
    .await;
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 300 - LIMIT);
    let calls = destroyed(&stand).await;
    // A crash between a call and its answer may have one repeated, for the same tenant.
    assert!(
        calls <= u64::try_from(LIMIT).unwrap() + 3,
        "{calls} deletions were sent"
    );
    stand.ends_well().await;
}

/// `kubectl delete crd` deletes every object of the kind.
#[tokio::test]
async fn the_kind_itself_is_deleted() {
    let stand = stand_with(8, Scope::Chosen).await;
    stand
        .kubectl(
            &["delete", "--wait=false", "crd", "tenants.viis-operator.io"],
            "",
        )
        .await;
    let token = token_of(&stand, 8 - LIMIT).await;
    eventually("what the guard lets pass is destroyed", async || {
        stand.simulator.state().await.tenants.len() == 8 - LIMIT
    })
    .await;
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 8 - LIMIT);
    // The way back to an empty cluster is an agreement, here as everywhere.
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &token)
        .await;
    eventually("all are destroyed", async || {
        stand.simulator.state().await.tenants.is_empty()
    })
    .await;
    // The next test on this API server makes the kind anew.
    stand
        .kubectl(
            &[
                "wait",
                "--for=delete",
                "--timeout=10m",
                "crd/tenants.viis-operator.io",
            ],
            "",
        )
        .await;
    stand.ends_well().await;
}

/// Last week's agreement, one to other Tenants, and one to a wave that grew since.
#[tokio::test]
async fn an_agreement_covers_what_was_seen_and_nothing_that_came_later() {
    let stand = stand_with(12, Scope::Chosen).await;
    let names: Vec<String> = (0..12).map(|number| format!("t{number:03}")).collect();
    for name in &names[..LIMIT + 2] {
        stand.tenant(name).delete().await;
    }
    let first = token_of(&stand, 2).await;
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &first)
        .await;
    eventually("the accepted wave is destroyed", async || {
        stand.simulator.state().await.tenants.len() == 12 - LIMIT - 2
    })
    .await;
    assert_eq!(destroyed(&stand).await, 7);

    // The annotation of then is still there, and the window is used up.
    for name in &names[LIMIT + 2..LIMIT + 4] {
        stand.tenant(name).delete().await;
    }
    let second = token_of(&stand, 2).await;
    assert_ne!(first, second, "as many, but others");
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(
        destroyed(&stand).await,
        7,
        "an old agreement was used again"
    );

    // Accepted, and at the same moment the wave grows.
    stand.tenant(&names[11]).delete().await;
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &second)
        .await;
    // Whichever came first, the one that joined waits: alone, or with the two others.
    stand
        .integration_server()
        .until("it is held", |server| {
            let hold = server
                .status
                .as_ref()
                .and_then(|status| status.hold.as_ref());
            hold.is_some_and(|hold| hold.token != second && [1, 3].contains(&hold.count))
        })
        .await;
    stand.is_quiet_past_the_next_list().await;
    let state = stand.simulator.state().await;
    assert!(
        state.find(&names[11]).is_some(),
        "the one that joined is not covered"
    );
    stand.ends_well().await;
}
