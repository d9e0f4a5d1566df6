//! The shapes that no page documents: a whole life in each dialect.

use crate::bios_id;
use crate::harness::{Stand, complete_tenant, has, machine, same_identifier, simple_tenant};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[case::attributes("attributes")]
#[case::bare("bare")]
#[case::json("json")]
#[case::location("location")]
#[case::forgetful("forgetful")]
#[case::early("early")]
#[case::untidy("untidy")]
#[tokio::test]
async fn a_whole_life(#[case] dialect: &str) {
    let stand = Stand::ready_with(&["--dialect", dialect], |server| server).await;
    stand.password_of("acme").await;
    stand
        .apply([
            complete_tenant("acme").with("spec.userData", "<a>]]>&amp;\r\n"),
            simple_tenant("other"),
            machine("web-1", "acme", &bios_id(1)),
            machine("web-2", "acme", &bios_id(2)),
        ])
        .await;
    // Where finished tasks are forgotten, what they did shows in the inventory.
    let acme = stand.tenant("acme").within(60).becomes_ready().await;
    stand.tenant("other").within(60).becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.machine("web-2").becomes_ready().await;
    assert!(has(&acme, "Provisioned", "True", "Created"));
    let state = stand.simulator.state().await;
    assert_eq!(
        (state.tenants.len(), state.tenant("acme").machines.len()),
        (2, 2)
    );
    assert!(same_identifier(
        &acme.status.unwrap().tenant_id.unwrap(),
        &state.tenant("acme").id
    ));
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 2);

    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.tenant("acme").within(60).becomes_ready().await;
    assert_eq!(
        stand.simulator.state().await.tenant("acme").status,
        "Inactive"
    );

    // A refusal in this dialect has its code, too.
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Taken", "type": "Simple"}))
        .await;
    stand
        .simulator
        .machine_made_by_hand("Taken", json!({"biosID": bios_id(7)}))
        .await;
    stand.apply([machine("web-7", "acme", &bios_id(7))]).await;
    stand
        .machine("web-7")
        .stalls("VIRMT_VmWithSpecifiedBiosIdAlreadyExists")
        .await;
    stand.password_is("weak", "short").await;
    stand.apply([complete_tenant("weak")]).await;
    if dialect == "forgetful" {
        // Its task is forgotten before anybody can read why it failed.
        stand
            .tenant("weak")
            .until("not ready", |tenant| !crate::harness::is_ready(tenant))
            .await;
    } else {
        stand
            .tenant("weak")
            .stalls("VIRMT_PasswordNotComplyPolicy")
            .await;
    }

    stand
        .kubectl(
            &[
                "delete",
                "--wait=false",
                "tenants.viis-operator.io,virtualmachines.viis-operator.io",
                "--all",
            ],
            "",
        )
        .await;
    for name in ["acme", "other", "weak"] {
        stand.tenant(name).within(90).is_gone().await;
    }
    stand.machine("web-1").is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1, "{state:#?}");
    stand.ends_well().await;
}

/// The server is replaced by one that speaks otherwise; nothing else changed.
#[tokio::test]
async fn the_dialect_changes_under_way() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    let before = stand.simulator.calls().await;
    for dialect in ["attributes", "json", "default"] {
        stand.simulator.settings(json!({"dialect": dialect})).await;
        let looked = last_inventory(&stand).await;
        crate::harness::eventually("an inventory in this dialect", async || {
            last_inventory(&stand).await != looked
        })
        .await;
    }
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

/// When the last list was asked for that the operator could read.
async fn last_inventory(stand: &Stand) -> String {
    let metrics = stand.operator.as_ref().unwrap().metrics().await;
    let metric = "viis_operator_server_inventory_timestamp_seconds{";
    let line = metrics.lines().find(|line| line.starts_with(metric));
    line.unwrap_or_else(|| panic!("{metrics}")).to_owned()
}
