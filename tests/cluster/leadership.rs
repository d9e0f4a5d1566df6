//! Two processes of one installation: one leads, the other stands by.

use crate::harness::{Operator, Simulator, Stand, eventually, simple_tenant, within};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use std::time::{Duration, Instant};

/// Short, so that a test need not wait long; the margin is the same as by default.
const FLAGS: [&str; 4] = [
    "--leader-election",
    "--lease-duration=4s",
    "--lease-renew-deadline=2s",
    "--lease-retry-period=500ms",
];
const DURATION: Duration = Duration::from_secs(4);
const RENEW_DEADLINE: Duration = Duration::from_secs(2);

struct Pair {
    stand: Stand,
    /// It stands by when the pair is made.
    second: Operator,
}

/// The first leads and serves; the second stands by, and both are ready.
async fn pair(flags: &[&str]) -> Pair {
    let mut stand = Stand::bare(Simulator::start(flags)).await;
    stand.start_operator_with(&FLAGS);
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let second = stand.another_operator(&FLAGS);
    stands_by(&second).await;
    Pair { stand, second }
}

async fn leads(operator: &Operator) -> bool {
    metric(operator, "viis_operator_leader 1").await
}

async fn stands_by(operator: &Operator) {
    eventually("it stands by and is ready", async || {
        let ready = operator.page("/readyz").await;
        ready.is_some_and(|(status, _)| status == 200)
            && metric(operator, "viis_operator_leader 0").await
    })
    .await;
}

async fn metric(operator: &Operator, line: &str) -> bool {
    let page = operator.page("/metrics").await;
    page.is_some_and(|(_, text)| text.lines().any(|found| found == line))
}

fn lease(stand: &Stand) -> Api<Lease> {
    Api::namespaced(stand.client.clone(), &stand.operator_namespace)
}

async fn holder(stand: &Stand) -> Option<String> {
    let lease = lease(stand).get("viis-operator").await.unwrap();
    lease.spec?.holder_identity
}

#[tokio::test]
async fn a_leader_that_ends_hands_over_at_once() {
    let Pair { mut stand, second } = pair(&[]).await;
    stand.apply([simple_tenant("first")]).await;
    stand.tenant("first").becomes_ready().await;
    let before = holder(&stand).await;

    let asked = Instant::now();
    let ended = stand
        .operator()
        .terminates_within(Duration::from_secs(10))
        .await;
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    within(Duration::from_secs(2), "the other one leads", async || {
        leads(&second).await
    })
    .await;
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    assert_ne!(holder(&stand).await, before);
    stand.apply([simple_tenant("second")]).await;
    stand.tenant("second").becomes_ready().await;
    stand.kill_operator();
    stand.operator = Some(second);
    stand.ends_well().await;
}

#[tokio::test]
async fn a_leader_that_is_killed_is_replaced_within_the_time_of_the_lease() {
    let Pair { mut stand, second } = pair(&["--create-duration", "3s"]).await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .tenant("acme")
        .until("its creation runs", |tenant| {
            let status = tenant.status.as_ref();
            status.is_some_and(|status| status.creation.as_ref().is_some_and(|c| c.sent))
        })
        .await;
    stand.kill_operator();
    let killed = Instant::now();
    within(DURATION * 3, "the other one leads", async || {
        leads(&second).await
    })
    .await;
    // The last renewal may be older than the kill, and it looks twice a second.
    assert!(
        killed.elapsed() < DURATION + Duration::from_secs(2),
        "{:?}",
        killed.elapsed()
    );
    stand.tenant("acme").within(60).becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.ends_well().await;
}

/// The old leader is stopped while a call of it is under way, and goes on after another
/// has finished its work.
#[tokio::test]
async fn a_leader_that_was_paused_in_the_middle_of_a_call_does_no_harm_when_it_wakes() {
    let Pair { mut stand, second } = pair(&[]).await;
    stand
        .simulator
        .fault("POST tenant", 1, json!({"delayMs": 1000}))
        .await;
    stand.apply([simple_tenant("first")]).await;
    eventually("the call is under way", async || {
        stand.simulator.calls().await.of("POST tenant") == 1
    })
    .await;
    stand.operator().signal("STOP");
    within(DURATION * 3, "the other one leads", async || {
        leads(&second).await
    })
    .await;
    stand.tenant("first").within(90).becomes_ready().await;
    let before = stand.simulator.calls().await;

    stand.operator().signal("CONT");
    eventually("it has noticed", async || {
        stand
            .operator
            .as_ref()
            .is_some_and(|operator| operator.log().contains("leading no more"))
    })
    .await;
    stands_by(stand.operator()).await;
    stand.apply([simple_tenant("second")]).await;
    stand.tenant("second").becomes_ready().await;
    let since = stand.simulator.calls_since(&before).await;
    assert_eq!((since.of("POST tenant"), since.of("POST activate")), (1, 1));
    assert!(leads(&second).await);
    assert!(
        stand.operator().is_running(),
        "who loses the Lease campaigns again, without exiting"
    );

    // And it takes over again when its turn comes.
    let ended = second.terminates_within(Duration::from_secs(10)).await;
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    eventually("the first one leads again", async || {
        metric(stand.operator.as_ref().unwrap(), "viis_operator_leader 1").await
    })
    .await;
    stand.apply([simple_tenant("third")]).await;
    stand.tenant("third").becomes_ready().await;
    stand.ends_well().await;
}

/// Somebody writes the Lease by hand: the leader stops before it changes anything more,
/// and takes it back only when that holder's time is over.
#[tokio::test]
async fn a_leader_whose_lease_was_taken_stops_and_campaigns_again() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.start_operator_with(&FLAGS);
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let news = "server=\"";
    assert!(stand.operator().metrics().await.contains(news));
    let taken = json!({"spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 6}});
    lease(&stand)
        .patch(
            "viis-operator",
            &PatchParams::default(),
            &Patch::Merge(taken),
        )
        .await
        .unwrap();
    within(RENEW_DEADLINE * 2, "it stands by", async || {
        metric(stand.operator.as_ref().unwrap(), "viis_operator_leader 0").await
    })
    .await;
    let page = stand.operator().metrics().await;
    assert!(!page.contains(news), "old news: {page}");
    let before = stand.simulator.calls().await;
    stand.apply([simple_tenant("acme")]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    assert_eq!(holder(&stand).await.as_deref(), Some("somebody"));

    stand.tenant("acme").within(30).becomes_ready().await;
    assert_ne!(holder(&stand).await.as_deref(), Some("somebody"));
    assert!(stand.operator().is_running());
    stand.ends_well().await;
}
