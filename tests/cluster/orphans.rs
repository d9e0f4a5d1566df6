//! What stays on the server when a resource is deleted without our finalizer is reported
//! until it is deleted there or adopted. Regular deletions report nothing.

use serde_json::{Value, json};
use viis_operator::api::{FINALIZER, IntegrationServer, Orphan, OrphanKind};

use crate::bios_id;
use crate::harness::{
    Stand, condition, eventually, has, is_ready, machine, message, same_identifier, simple_tenant,
};

/// Another controller's finalizer.
const FOREIGN: &str = "example.net/theirs";

/// A tenant with a machine, both Ready. Its test deletes resources without the operator.
async fn with_a_machine() -> Stand {
    let mut stand =
        Stand::ready_with(&[], |server| server.with("spec.adoptionPolicy", "ByID")).await;
    stand.leaves_orphans = true;
    stand
        .apply([
            simple_tenant("acme"),
            machine("acme-web", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("acme-web").becomes_ready().await;
    stand
}

async fn the_server_comes_back(stand: &Stand) {
    stand.simulator.comes_back().await;
    stand.integration_server().within(75).becomes_ready().await;
}

fn finalizers(left: &[&str]) -> Value {
    json!({"metadata": {"finalizers": left}})
}

fn orphans(server: &IntegrationServer) -> &[Orphan] {
    server
        .status
        .as_ref()
        .map_or(&[], |status| status.orphans.as_slice())
}

/// The orphans, once they are reported: that may take the 30 s in which an earlier leader's
/// write could still arrive.
async fn reported(stand: &Stand) -> IntegrationServer {
    stand
        .integration_server()
        .within(90)
        .has("OrphansFound", "True", "Orphaned")
        .await
}

/// Neither a condition nor an entry is left.
async fn nothing_is_reported(stand: &Stand) {
    stand
        .integration_server()
        .within(150)
        .until("no orphans", |server| {
            condition(server, "OrphansFound").is_none() && orphans(server).is_empty()
        })
        .await;
}

/// A Warning about this object of this namespace.
async fn has_event(stand: &Stand, namespace: &str, kind: &str, name: &str) {
    eventually(&format!("an Event on {kind} {name}"), async || {
        let arguments = ["get", "events", "--namespace", namespace, "-o", "json"];
        let events = stand.kubectl(&arguments, "").await;
        let events: Value = serde_json::from_str(&events).unwrap();
        events["items"].as_array().unwrap().iter().any(|event| {
            event["involvedObject"]["kind"] == kind
                && event["involvedObject"]["name"] == name
                && event["type"] == "Warning"
                && event["reason"] == "Orphaned"
        })
    })
    .await;
}

async fn counts(stand: &Stand, sample: &str) {
    eventually(sample, async || {
        let page = stand.operator.as_ref().unwrap().metrics().await;
        page.lines().any(|line| line == sample)
    })
    .await;
}

#[tokio::test]
async fn an_orphaned_tenant_is_reported_until_it_is_deleted_on_the_server() {
    let mut stand = with_a_machine().await;
    stand.machine("acme-web").delete().await;
    stand.machine("acme-web").is_gone().await;
    stand.server_goes_away().await;
    let acme = stand.tenant("acme").get().await;
    let id = acme.status.unwrap().tenant_id.unwrap();
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "IntegrationServerNotReady")
        .await;
    stand.tenant("acme").patch(finalizers(&[])).await;
    stand.tenant("acme").is_gone().await;

    let server = reported(&stand).await;
    let expected = Orphan {
        kind: OrphanKind::Tenant,
        namespace: stand.namespace.clone(),
        name: "acme".to_owned(),
        tenant_id: Some(id.clone()),
        bios_id: None,
        name_on_server: Some("acme".to_owned()),
    };
    assert_eq!(orphans(&server), [expected]);
    let said = message(&server, "OrphansFound");
    assert!(
        said.contains(&id) && said.contains("existingTenantID"),
        "{said}"
    );
    assert!(has(&server, "Ready", "False", "ConnectFailed"));
    let name = stand.server.clone();
    has_event(&stand, "default", "IntegrationServer", &name).await;
    has_event(&stand, &stand.namespace, "Tenant", "acme").await;
    counts(&stand, r#"viis_operator_orphans_total{kind="Tenant"} 1"#).await;
    let gauge = format!("viis_operator_server_orphans{{server=\"{name}\"}} 1.0");
    counts(&stand, &gauge).await;

    // It is still reported after a restart, and counted once.
    stand.kill_operator();
    stand.start_operator();
    counts(&stand, &gauge).await;
    counts(&stand, r#"viis_operator_orphans_total{kind="Tenant"} 0"#).await;
    the_server_comes_back(&stand).await;
    let server = reported(&stand).await;
    assert!(is_ready(&server), "an orphan blocks nothing");
    stand.is_quiet_past_the_next_list().await;
    stand.simulator.tenant_removed_by_hand("acme").await;
    nothing_is_reported(&stand).await;
    counts(&stand, &gauge.replace("1.0", "0.0")).await;
    stand.ends_well().await;
}

#[tokio::test]
async fn an_orphaned_machine_is_reported_until_it_is_unregistered_on_the_server() {
    let mut stand = with_a_machine().await;
    stand.server_goes_away().await;
    stand.machine("acme-web").delete().await;
    stand
        .machine("acme-web")
        .within(90)
        .has("Removed", "False", "IntegrationServerNotReady")
        .await;
    stand.machine("acme-web").patch(finalizers(&[])).await;
    stand.machine("acme-web").is_gone().await;

    let server = reported(&stand).await;
    let [orphan] = orphans(&server) else {
        panic!("{:?}", orphans(&server));
    };
    assert_eq!(orphan.kind, OrphanKind::VirtualMachine);
    assert_eq!(orphan.name, "acme-web");
    let acme = stand.tenant("acme").get().await;
    assert_eq!(orphan.tenant_id, acme.status.unwrap().tenant_id);
    let shown = orphan.bios_id.clone().unwrap();
    assert!(same_identifier(&shown, &bios_id(1)), "{shown}");
    has_event(&stand, &stand.namespace, "VirtualMachine", "acme-web").await;
    counts(
        &stand,
        r#"viis_operator_orphans_total{kind="VirtualMachine"} 1"#,
    )
    .await;

    stand.kill_operator();
    stand.start_operator();
    the_server_comes_back(&stand).await;
    reported(&stand).await;
    // No VirtualMachine refers to its tenant, whose machines are listed all the same.
    stand
        .simulator
        .machine_removed_by_hand("acme", &bios_id(1))
        .await;
    nothing_is_reported(&stand).await;
    stand.ends_well().await;
}

/// It can be adopted although the resource that lost it is still there.
#[tokio::test]
async fn an_orphan_whose_resource_another_finalizer_keeps_is_reported_on_it() {
    let stand = with_a_machine().await;
    stand.machine("acme-web").delete().await;
    stand.machine("acme-web").is_gone().await;
    stand.server_goes_away().await;
    let both = finalizers(&[FINALIZER, FOREIGN]);
    let acme = stand.tenant("acme").patch(both).await;
    let id = acme.status.unwrap().tenant_id.unwrap();
    stand.tenant("acme").delete().await;
    stand.tenant("acme").patch(finalizers(&[FOREIGN])).await;
    has_event(&stand, &stand.namespace, "Tenant", "acme").await;
    reported(&stand).await;
    the_server_comes_back(&stand).await;
    reported(&stand).await;

    stand
        .apply([simple_tenant("acme-again")
            .with("spec.name", "acme")
            .with("spec.existingTenantID", id.as_str())])
        .await;
    stand.tenant("acme-again").becomes_ready().await;
    nothing_is_reported(&stand).await;
    stand.tenant("acme").patch(finalizers(&[])).await;
    stand.tenant("acme").is_gone().await;
    stand.is_quiet_past_the_next_list().await;
    nothing_is_reported(&stand).await;
    counts(&stand, r#"viis_operator_orphans_total{kind="Tenant"} 1"#).await;
    stand.ends_well().await;
}

/// The same for a machine: another VirtualMachine registers it.
#[tokio::test]
async fn an_orphaned_machine_is_adopted_by_another_resource() {
    let stand = with_a_machine().await;
    stand.server_goes_away().await;
    let both = finalizers(&[FINALIZER, FOREIGN]);
    stand.machine("acme-web").patch(both).await;
    stand.machine("acme-web").delete().await;
    stand
        .machine("acme-web")
        .patch(finalizers(&[FOREIGN]))
        .await;
    has_event(&stand, &stand.namespace, "VirtualMachine", "acme-web").await;
    reported(&stand).await;
    the_server_comes_back(&stand).await;
    stand
        .apply([machine("acme-web-again", "acme", &bios_id(1))])
        .await;
    stand.machine("acme-web-again").becomes_ready().await;
    nothing_is_reported(&stand).await;
    stand.ends_well().await;
}

/// A deletion that the operator carried out leaves nothing to report: that of a tenant with
/// its machine, one with `Retain`, and one that another controller's finalizer keeps.
#[tokio::test]
async fn regular_deletions_report_nothing() {
    let mut stand = with_a_machine().await;
    stand.leaves_orphans = false;
    let retained = |name: &str| simple_tenant(name).with("spec.deletionPolicy", "Retain");
    stand
        .apply([retained("retained"), simple_tenant("kept")])
        .await;
    stand
        .apply([
            machine("retained-web", "retained", &bios_id(2)).with("spec.deletionPolicy", "Retain"),
            machine("kept-web", "kept", &bios_id(3)),
        ])
        .await;
    for name in ["retained", "kept"] {
        stand.tenant(name).becomes_ready().await;
        let machine = format!("{name}-web");
        stand.machine(&machine).becomes_ready().await;
    }
    let both = finalizers(&[FINALIZER, FOREIGN]);
    stand.tenant("kept").patch(both.clone()).await;
    stand.machine("kept-web").patch(both).await;
    for name in ["acme", "retained", "kept"] {
        stand.machine(&format!("{name}-web")).delete().await;
        stand.tenant(name).delete().await;
    }
    for name in ["acme", "retained"] {
        stand.machine(&format!("{name}-web")).is_gone().await;
        stand.tenant(name).is_gone().await;
    }
    stand
        .tenant("kept")
        .has("Removed", "True", "Released")
        .await;
    stand
        .machine("kept-web")
        .has("Removed", "True", "Released")
        .await;
    eventually("our finalizers go", async || {
        stand.tenant("kept").get().await.metadata.finalizers == Some(vec![FOREIGN.to_owned()])
            && stand.machine("kept-web").get().await.metadata.finalizers
                == Some(vec![FOREIGN.to_owned()])
    })
    .await;
    // The next process knows only what the status says.
    stand.kill_operator();
    stand.start_operator();
    stand.is_quiet_past_the_next_list().await;
    stand.tenant("kept").patch(finalizers(&[])).await;
    stand.machine("kept-web").patch(finalizers(&[])).await;
    stand.tenant("kept").is_gone().await;
    stand.machine("kept-web").is_gone().await;
    // Longer than a suspicion waits.
    tokio::time::sleep(std::time::Duration::from_secs(35)).await;
    // Its status still has the creation when the finalizer is removed.
    stand.simulator.hold_tasks_of("POST tenant").await;
    stand.apply([simple_tenant("cancelled")]).await;
    stand
        .tenant("cancelled")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    stand.tenant("cancelled").delete().await;
    stand.tenant("cancelled").is_gone().await;
    stand.is_quiet_past_the_next_list().await;
    nothing_is_reported(&stand).await;
    for kind in ["Tenant", "VirtualMachine"] {
        let none = format!("viis_operator_orphans_total{{kind=\"{kind}\"}} 0");
        counts(&stand, &none).await;
    }
    stand.ends_well().await;
}
