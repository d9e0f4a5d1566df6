//! Where a machine is registered: what proves it, and what becomes of it when its
//! Tenant stands for another tenant than before.

use crate::bios_id;
use crate::harness::{Simulator, Stand, eventually, machine, simple_tenant};
use serde_json::json;

/// An annotation can be written by everybody who may make a VirtualMachine.
#[tokio::test]
async fn a_forged_annotation_unregisters_nobody() {
    let stand = Stand::ready().await;
    let victim = stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Victim", "type": "Simple"}))
        .await;
    let theirs = json!({"biosID": bios_id(1), "name": "theirs"});
    stand.simulator.machine_made_by_hand("Victim", theirs).await;
    let forged = machine("forged", "nothing", &bios_id(1))
        .with("metadata.finalizers", vec!["viis-operator.io/finalizer"]);
    stand.apply([forged]).await;
    let note = format!("{}/{}", stand.server, victim.id);
    let forged = stand.machine("forged");
    forged
        .annotate("viis-operator.io/registered-with", &note)
        .await;
    let before = stand.simulator.calls().await;
    forged.delete().await;
    forged.is_gone().await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    let state = stand.simulator.state().await;
    assert!(state.tenant("Victim").machine(&bios_id(1)).is_some());
    eventually("an event says where it may be", async || {
        let events = stand
            .kubectl(&["get", "events", "--output", "json"], "")
            .await;
        events.contains("StillRegistered") && events.contains(&victim.id)
    })
    .await;
    stand.ends_well().await;
}

/// A retained tenant keeps its machines; the Tenant's next life is on another server.
#[tokio::test]
async fn a_machine_follows_its_tenant_to_another_server() {
    let stand = Stand::ready().await;
    let other = Simulator::with_password(&stand.simulator.password, &[]);
    stand.apply([stand.manifest_of("other", &other)]).await;
    let other_server = stand.integration_server_named("other");
    other_server.becomes_ready().await;
    stand
        .apply([
            simple_tenant("acme").with("spec.deletionPolicy", "Retain"),
            machine("moves", "acme", &bios_id(1)),
            machine("goes", "acme", &bios_id(2)),
        ])
        .await;
    stand.machine("moves").becomes_ready().await;
    stand.machine("goes").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    // One goes before the Tenant is there again, the other follows it.
    stand.machine("goes").delete().await;
    stand.machine("goes").is_gone().await;
    let moved = simple_tenant("acme").with("spec.integrationServerRef.name", "other");
    stand.apply([moved]).await;
    stand.tenant("acme").becomes_ready().await;
    stand
        .machine("moves")
        .until("registered on the other server", |machine| {
            let status = machine.status.as_ref();
            status.and_then(|status| status.integration_server.as_deref()) == Some("other")
        })
        .await;
    stand.machine("moves").becomes_ready().await;
    let (here, there) = (stand.simulator.state().await, other.state().await);
    assert!(here.tenant("acme").machines.is_empty(), "{here:#?}");
    assert!(there.tenant("acme").machine(&bios_id(1)).is_some());
    assert_eq!(other.calls().await.of("POST unregister"), 0);
    stand.machine("moves").delete().await;
    stand.machine("moves").is_gone().await;
    assert!(other.state().await.tenant("acme").machines.is_empty());
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}

/// The server would refuse the second registration, and blame the first one.
#[tokio::test]
async fn a_machine_follows_its_tenant_to_another_name() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme").with("spec.deletionPolicy", "Retain"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand
        .apply([simple_tenant("acme").with("spec.name", "Acme again")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    eventually("the machine is with the new tenant", async || {
        let state = stand.simulator.state().await;
        state.tenant("Acme again").machine(&bios_id(1)).is_some()
            && state.tenant("acme").machines.is_empty()
    })
    .await;
    stand.machine("web-1").becomes_ready().await;
    let calls = stand.simulator.calls().await;
    assert_eq!(
        (calls.of("POST register"), calls.of("POST unregister")),
        (2, 1)
    );
    stand.is_quiet_for(std::time::Duration::from_secs(2)).await;
    stand.ends_well().await;
}
