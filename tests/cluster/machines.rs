//! A machine's life without trouble.

use crate::bios_id;
use crate::harness::{Stand, machine, simple_tenant};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn what_is_retained_stays_on_the_server() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme").with("spec.deletionPolicy", "Retain"),
            machine("kept", "acme", &bios_id(1)).with("spec.deletionPolicy", "Retain"),
            machine("freed", "acme", &bios_id(2)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("kept").becomes_ready().await;
    stand.machine("freed").becomes_ready().await;

    let before = stand.simulator.calls().await;
    stand.machine("kept").delete().await;
    stand.machine("kept").is_gone().await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);

    stand.machine("freed").delete().await;
    stand.machine("freed").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenant("acme").machine(&bios_id(1)).is_some());
    assert!(state.tenant("acme").machine(&bios_id(2)).is_none());

    let before = stand.simulator.calls().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    assert_eq!(
        stand.simulator.state().await.tenant("acme").status,
        "Active"
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn a_machine_with_a_new_name_is_registered_again() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)).with("spec.userData", "a]]>b\r\n"),
        ])
        .await;
    stand.machine("web-1").becomes_ready().await;
    let user_data = async || {
        let state = stand.simulator.state().await;
        state.tenant("acme").machine(&bios_id(1)).cloned().unwrap()
    };
    assert_eq!(user_data().await.user_data.as_deref(), Some("a]]>b\r\n"));
    stand
        .machine("web-1")
        .patch(json!({"spec": {"name": "Web one"}}))
        .await;
    stand.machine("web-1").becomes_ready().await;
    assert_eq!(user_data().await.name.as_deref(), Some("Web one"));
    stand
        .machine("web-1")
        .patch(json!({"spec": {"userData": "new"}}))
        .await;
    stand.machine("web-1").becomes_ready().await;
    assert_eq!(user_data().await.user_data.as_deref(), Some("new"));
    let calls = stand.simulator.calls().await;
    assert_eq!(
        (calls.of("POST register"), calls.of("POST unregister")),
        (3, 2)
    );
    stand.is_quiet_for(Duration::from_secs(2)).await;
    stand.ends_well().await;
}

/// BIOS IDs are compared as UUIDs: braces and case are no difference.
#[tokio::test]
async fn a_bios_id_in_braces_and_capitals_is_the_same_machine() {
    let stand = Stand::ready().await;
    let written = format!("{{{}}}", bios_id(0xabc).to_uppercase());
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &written)])
        .await;
    stand.machine("web-1").becomes_ready().await;
    assert!(
        stand
            .simulator
            .state()
            .await
            .tenant("acme")
            .machine(&bios_id(0xabc))
            .is_some()
    );
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    assert!(
        stand
            .simulator
            .state()
            .await
            .tenant("acme")
            .machines
            .is_empty()
    );
    stand.ends_well().await;
}

/// It remembers its server, so that it can be unregistered without its Tenant.
#[tokio::test]
async fn a_machine_outlives_its_retained_tenant() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme").with("spec.deletionPolicy", "Retain"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand
        .machine("web-1")
        .has("Ready", "False", "TenantNotFound")
        .await;
    assert!(
        stand
            .simulator
            .state()
            .await
            .tenant("acme")
            .machine(&bios_id(1))
            .is_some()
    );
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenant("acme").machines.is_empty(), "{state:#?}");
    stand.ends_well().await;
}

/// A tenant that waits for one machine does not hold up the end of another.
#[tokio::test]
async fn a_machine_goes_while_its_tenant_waits_for_another() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            machine("web-2", "acme", &bios_id(2)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.machine("web-2").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").has("Removed", "False", "InUse").await;
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(
        state.tenant("acme").machine(&bios_id(1)).is_none()
            && state.tenant("acme").machine(&bios_id(2)).is_some()
    );
    stand.ends_well().await;
}

/// Registered before, by hand: taken as it is; what differs is mended once.
#[tokio::test]
async fn a_machine_that_is_registered_already_is_taken() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    for number in [1, 2] {
        let by_hand = json!({"biosID": bios_id(number), "name": "by hand", "userData": "theirs"});
        stand.simulator.machine_made_by_hand("acme", by_hand).await;
    }
    let same = machine("same", "acme", &bios_id(1)).with("spec.name", "by hand");
    stand
        .apply([
            same,
            machine("other", "acme", &bios_id(2)).with("spec.userData", "ours"),
        ])
        .await;
    stand.machine("same").becomes_ready().await;
    stand.machine("other").becomes_ready().await;
    let state = stand.simulator.state().await;
    let one = state.tenant("acme").machine(&bios_id(1)).unwrap();
    assert_eq!(
        one.user_data.as_deref(),
        Some("theirs"),
        "unset fields are not compared"
    );
    let two = state.tenant("acme").machine(&bios_id(2)).unwrap();
    assert_eq!(
        (two.name.as_deref(), two.user_data.as_deref()),
        (Some("other"), Some("ours"))
    );
    stand.is_quiet_for(Duration::from_secs(2)).await;
    stand.ends_well().await;
}

/// Machines of a tenant whose deletion is held wait with it.
#[tokio::test]
async fn machines_wait_with_a_held_tenant() {
    let stand = Stand::ready_with(&[], |server| server.with("spec.guard.limit", 1)).await;
    for (number, name) in ["one", "two"].into_iter().enumerate() {
        stand
            .apply([simple_tenant(name), machine(name, name, &bios_id(number))])
            .await;
    }
    for name in ["one", "two"] {
        stand.tenant(name).becomes_ready().await;
        stand.machine(name).becomes_ready().await;
    }
    stand.tenant("one").delete().await;
    stand.machine("one").delete().await;
    stand.tenant("one").is_gone().await;
    stand.machine("one").is_gone().await;
    stand.tenant("two").delete().await;
    stand.machine("two").delete().await;
    stand
        .tenant("two")
        .has("Removed", "False", "DeletionHeld")
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(stand.machine("two").find().await.is_some());
    assert_eq!(
        stand.simulator.state().await.tenant("two").machines.len(),
        1,
        "one agreement for all of it"
    );
    assert_eq!(stand.simulator.calls().await.of("POST unregister"), 0);
    stand.ends_well().await;
}
