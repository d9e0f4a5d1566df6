//! Two resources want the same thing of a server.

use crate::bios_id;
use crate::harness::{
    Manifest, Simulator, Stand, has, is_ready, is_stalled, machine, message, simple_tenant,
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn two_tenants_with_one_name() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let other = stand.another_namespace("zweite").await;
    stand.start_operator();
    stand
        .apply([
            stand.server_manifest(),
            simple_tenant("first").with("spec.name", "Acme"),
        ])
        .await;
    stand.tenant("first").becomes_ready().await;
    stand
        .apply([simple_tenant("second")
            .with("spec.name", "Acme")
            .in_namespace(&other)])
        .await;
    let second = stand
        .tenant_in(&other, "second")
        .stalls("AlreadyClaimed")
        .await;
    let said = message(&second, "Stalled");
    assert!(
        !said.contains(&format!("{}/", stand.namespace)) && !said.contains("first"),
        "no names of others: {said}"
    );
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.is_quiet_for(Duration::from_secs(2)).await;

    // Its own deletion destroys nothing.
    stand.tenant_in(&other, "second").delete().await;
    stand.tenant_in(&other, "second").is_gone().await;
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 0);
    stand
        .apply([simple_tenant("third")
            .with("spec.name", "Acme")
            .in_namespace(&other)])
        .await;
    stand
        .tenant_in(&other, "third")
        .stalls("AlreadyClaimed")
        .await;
    // When the first is gone altogether, the other takes its turn.
    stand.tenant("first").delete().await;
    stand.tenant("first").is_gone().await;
    stand.tenant_in(&other, "third").becomes_ready().await;
    let calls = stand.simulator.calls().await;
    assert_eq!((calls.of("POST tenant"), calls.of("DELETE tenant")), (2, 1));
    stand.ends_well().await;
}

/// Both there before the operator: the oldest has it.
#[tokio::test]
async fn of_two_new_tenants_the_oldest_has_the_name() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .apply([
            stand.server_manifest(),
            simple_tenant("zzz").with("spec.name", "Acme"),
        ])
        .await;
    // Creation times have whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    stand
        .apply([simple_tenant("aaa").with("spec.name", "Acme")])
        .await;
    stand.start_operator();
    stand.tenant("zzz").becomes_ready().await;
    stand.tenant("aaa").stalls("AlreadyClaimed").await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.ends_well().await;
}

#[tokio::test]
async fn two_machines_with_one_bios_id() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("other"),
            machine("first", "acme", &bios_id(0xab)),
        ])
        .await;
    stand.machine("first").becomes_ready().await;
    stand.tenant("other").becomes_ready().await;
    let written_otherwise = format!("{{{}}}", bios_id(0xab).to_uppercase());
    stand
        .apply([machine("second", "other", &written_otherwise)])
        .await;
    stand.machine("second").stalls("AlreadyClaimed").await;
    assert_eq!(stand.simulator.calls().await.of("POST register"), 1);
    stand.machine("first").delete().await;
    stand.machine("first").is_gone().await;
    stand.machine("second").becomes_ready().await;
    let state = stand.simulator.state().await;
    assert!(state.tenant("acme").machines.is_empty() && state.tenant("other").machines.len() == 1);
    stand.ends_well().await;
}

/// Which of two gets it is a matter of chance. Whichever it is, the other one says so, and
/// takes its turn.
#[tokio::test]
async fn pairs_with_one_bios_id_that_are_applied_at_once() {
    const PAIRS: usize = 5;
    let stand = Stand::ready().await;
    stand.simulator.settings(json!({"latencyMs": 50})).await;
    let mut all = vec![simple_tenant("acme"), simple_tenant("other")];
    for number in 0..PAIRS {
        all.push(machine(&format!("a-{number}"), "acme", &bios_id(number)));
        all.push(machine(&format!("b-{number}"), "other", &bios_id(number)));
    }
    stand.apply(all).await;
    for number in 0..PAIRS {
        let pair = [format!("a-{number}"), format!("b-{number}")];
        let mut ready = Vec::new();
        for name in &pair {
            let settled = |machine: &_| is_ready(machine) || is_stalled(machine);
            let machine = stand.machine(name).until("settled", settled).await;
            ready.push(is_ready(&machine));
        }
        let [first, second] = match ready[..] {
            [true, false] => pair,
            [false, true] => {
                let [a, b] = pair;
                [b, a]
            }
            _ => panic!("one of the two is ready: {ready:?}"),
        };
        stand.machine(&first).delete().await;
        stand.machine(&first).is_gone().await;
        stand.machine(&second).is_asked_again().await;
        stand.machine(&second).becomes_ready().await;
    }
    let state = stand.simulator.state().await;
    let registered = ["acme", "other"].map(|name| state.tenant(name).machines.len());
    assert_eq!(registered.iter().sum::<usize>(), PAIRS);
    stand.ends_well().await;
}

#[tokio::test]
async fn two_servers_with_one_address() {
    let stand = Stand::ready().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    stand
        .apply([stand.manifest_of("younger", &stand.simulator)])
        .await;
    let younger = stand.integration_server_named("younger");
    younger.until("stalled", has_stalled).await;
    stand
        .apply([
            simple_tenant("acme").with("spec.integrationServerRef.name", "younger"),
            simple_tenant("fine"),
        ])
        .await;
    stand.tenant("fine").becomes_ready().await;
    stand
        .tenant("acme")
        .until("not ready", |tenant| {
            crate::harness::condition(tenant, "Ready").is_some_and(|ready| ready.status == "False")
        })
        .await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    assert!(has(
        &stand.integration_server().get().await,
        "Ready",
        "True",
        "Reconciled"
    ));
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    younger.delete().await;
    younger.is_gone().await;
    stand.ends_well().await;
}

fn has_stalled(server: &viis_operator::api::IntegrationServer) -> bool {
    crate::harness::condition(server, "Stalled").is_some()
}

#[tokio::test]
async fn a_server_of_another_installation_is_left_alone() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let foreign: Manifest = stand.server_manifest();
    stand.apply([foreign]).await;
    stand
        .integration_server()
        .patch_status(json!({"operator": "elsewhere/viis-operator", "observedGeneration": 1}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    let before = stand.integration_server().get().await;
    stand.start_operator();
    // One that is free shows that the operator is at work.
    let free = Simulator::with_password(&stand.simulator.password, &[]);
    stand.apply([stand.manifest_of("free", &free)]).await;
    stand.integration_server_named("free").becomes_ready().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = stand.integration_server().get().await;
    assert_eq!(
        before.metadata.resource_version, after.metadata.resource_version,
        "it is not written"
    );
    assert_eq!(stand.simulator.calls().await.total, 0);
    stand.ends_well().await;
}

#[tokio::test]
async fn a_server_says_who_serves_it() {
    let stand = Stand::ready().await;
    let server = stand.integration_server().get().await;
    let expected = format!("{}/viis-operator", stand.operator_namespace);
    assert_eq!(server.status.unwrap().operator, Some(expected));
    stand.ends_well().await;
}
