//! Two processes of one installation: one leads, the other stands by.

use crate::harness::{Operator, Simulator, Stand, eventually, patient, simple_tenant};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a Lease is held without renewal: short, so that a test need not wait long.
const DURATION: Duration = Duration::from_secs(4);

/// With the margins of the defaults, and with this duration.
fn flags(duration: Duration) -> [String; 4] {
    let milliseconds = duration.as_millis();
    [
        "--leader-election".to_owned(),
        format!("--lease-duration={milliseconds}ms"),
        format!("--lease-renew-deadline={}ms", milliseconds / 2),
        "--lease-retry-period=500ms".to_owned(),
    ]
}

struct Pair {
    stand: Stand,
    /// Of its Leases.
    duration: Duration,
    /// It stands by when the pair is made.
    second: Operator,
}

/// The first leads and serves; the second stands by, and both are ready.
async fn pair(duration: Duration) -> Pair {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    // A slow machine renews late as well.
    let duration = patient(duration);
    let flags = flags(duration);
    let flags = flags.each_ref().map(String::as_str);
    stand.start_operator_with(&flags);
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let second = stand.another_operator(&flags);
    stands_by(&second).await;
    Pair {
        stand,
        duration,
        second,
    }
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

/// As a user with kubectl does.
async fn write_lease(stand: &Stand, spec: serde_json::Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    lease(stand)
        .patch("viis-operator", &PatchParams::default(), &patch)
        .await
        .unwrap();
}

async fn holder(stand: &Stand) -> Option<String> {
    let lease = lease(stand).get("viis-operator").await.unwrap();
    lease.spec?.holder_identity
}

#[tokio::test]
async fn a_leader_that_ends_hands_over_at_once() {
    let Pair {
        mut stand,
        duration,
        second,
    } = pair(DURATION * 15).await;
    stand.apply([simple_tenant("first")]).await;
    stand.tenant("first").becomes_ready().await;
    let before = holder(&stand).await;

    let asked = Instant::now();
    let ended = stand
        .operator()
        .terminates_within(Duration::from_secs(10))
        .await;
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    eventually("the other one leads", async || leads(&second).await).await;
    assert!(
        asked.elapsed() < duration / 2,
        "it waited for the end of the Lease: {:?}",
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
    let Pair {
        mut stand,
        duration,
        second,
    } = pair(DURATION).await;
    let running = stand.simulator.hold_tasks_of("POST tenant").await;
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
    eventually("the other one leads", async || leads(&second).await).await;
    // It looks twice a second.
    assert!(
        killed.elapsed() < duration + patient(Duration::from_secs(2)),
        "{:?}",
        killed.elapsed()
    );
    stand.simulator.release(running).await;
    stand.tenant("acme").within(60).becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.ends_well().await;
}

/// The old leader is stopped while a call of it is under way, and goes on after another
/// has finished its work.
#[tokio::test]
async fn a_leader_that_was_paused_in_the_middle_of_a_call_does_no_harm_when_it_wakes() {
    let Pair {
        mut stand, second, ..
    } = pair(DURATION).await;
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
    eventually("the other one leads", async || leads(&second).await).await;
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
    let flags = flags(patient(DURATION));
    stand.start_operator_with(&flags.each_ref().map(String::as_str));
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let news = "server=\"";
    assert!(stand.operator().metrics().await.contains(news));
    let taken = json!({"holderIdentity": "somebody", "leaseDurationSeconds": 3600});
    write_lease(&stand, taken).await;
    eventually("it stands by", async || {
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

    write_lease(&stand, json!({"leaseDurationSeconds": 1})).await;
    stand.tenant("acme").becomes_ready().await;
    assert_ne!(holder(&stand).await.as_deref(), Some("somebody"));
    assert!(stand.operator().is_running());
    stand.ends_well().await;
}
