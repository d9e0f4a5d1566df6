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
