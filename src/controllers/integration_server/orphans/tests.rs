#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use tokio::time::{Instant, advance};

use super::*;
use crate::api::{Tenant, VirtualMachine};
use crate::controllers::fixtures::{BIOS_ID, Stage, now};
use crate::controllers::orphans::{machine_gone, tenant_gone};
use crate::inventory::tenants::ABSENCE_APART;
use crate::plan::orphans::Certainty;
use crate::viis;

fn acme() -> Tenant {
    Tenant::test("acme").recorded("1")
}

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web").registered("1")
}

/// A tenant of the server.
fn there() -> viis::Tenant {
    viis::Tenant::test("1", "acme")
}

/// The Tenant `acme` left its tenant on `main`, and the process has led for a while.
async fn with_a_tenant() -> Stage {
    let stage = Stage::ready();
    advance(ARRIVES_WITHIN).await;
    lists(&stage, &[there()]);
    tenant_gone(&stage.context, &acme().deleted());
    stage
}

/// The VirtualMachine `web` left its registration, and the process has led for a while.
async fn with_a_machine() -> Stage {
    let stage = Stage::ready();
    advance(ARRIVES_WITHIN).await;
    lists(&stage, &[there()]);
    lists_machines(&stage, Listed::WithIt);
    machine_gone(&stage.context, &web().deleted());
    stage
}

fn lists(stage: &Stage, tenants: &[viis::Tenant]) {
    stage.lists(tenants);
    stage.believes();
}

enum Listed {
    WithIt,
    WithoutIt,
}

fn lists_machines(stage: &Stage, listed: Listed) {
    let machines = match listed {
        Listed::WithIt => vec![viis::VirtualMachine::test(BIOS_ID.parse().unwrap())],
        Listed::WithoutIt => Vec::new(),
    };
    let began = Instant::now();
    let picture = stage.picture();
    picture
        .machines()
        .replace(&TenantId::new("1"), &machines, began);
}

/// The names of those that are reported.
fn reported(stage: &Stage) -> Vec<String> {
    let server = stage.context.cluster.server("main").unwrap();
    let found = find(&stage.context, &server, Some(&stage.handle()));
    found
        .reported
        .into_iter()
        .map(|orphan| orphan.name)
        .collect()
}

fn orphan(name: &str) -> Orphan {
    Orphan {
        kind: OrphanKind::Tenant,
        namespace: "customers".to_owned(),
        name: name.to_owned(),
        tenant_id: Some("1".to_owned()),
        bios_id: None,
        name_on_server: None,
    }
}

#[tokio::test(start_paused = true)]
async fn it_stays_reported_while_the_server_has_it() {
    let stage = with_a_tenant().await;
    for _ in 0..3 {
        assert_eq!(reported(&stage), ["acme"]);
        advance(ABSENCE_APART).await;
        lists(&stage, &[there()]);
    }
}

#[tokio::test(start_paused = true)]
async fn two_lists_without_a_tenant_end_it() {
    let stage = with_a_tenant().await;
    lists(&stage, &[]);
    assert_eq!(reported(&stage), ["acme"], "one list proves nothing");
    advance(ABSENCE_APART).await;
    lists(&stage, &[]);
    assert_eq!(reported(&stage), [""; 0]);
    assert!(stage.context.orphans.of_server("main").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_inventory_that_is_not_trusted_ends_nothing() {
    let stage = with_a_tenant().await;
    for _ in 0..2 {
        stage.lists(&[]);
        stage.judged(|verdicts| verdicts.intact = false);
        assert_eq!(reported(&stage), ["acme"]);
        advance(ABSENCE_APART).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_own_answer_ends_it() {
    let stage = with_a_tenant().await;
    assert_eq!(reported(&stage), ["acme"]);
    stage.picture().tenants().proved_absent(&TenantId::new("1"));
    assert_eq!(reported(&stage), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_adopts_it_ends_it() {
    let stage = with_a_tenant().await;
    stage.tenant(Tenant::test("again").recorded("2"));
    assert_eq!(reported(&stage), ["acme"]);
    stage.tenant(Tenant::test("again").recorded("1"));
    assert_eq!(reported(&stage), [""; 0]);
}

/// Another finalizer keeps the resource that owned it.
#[tokio::test(start_paused = true)]
async fn the_resource_that_lost_it_does_not_adopt_it() {
    let stage = with_a_tenant().await;
    let mut kept = acme().deleted();
    kept.metadata.finalizers = None;
    stage.tenant(kept);
    assert_eq!(reported(&stage), ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_was_in_flight_is_known_by_its_name() {
    let stage = Stage::ready();
    advance(ARRIVES_WITHIN).await;
    let creating = Tenant::test("acme").creating(Some("9")).deleted();
    tenant_gone(&stage.context, &creating);
    lists(&stage, &[]);
    assert_eq!(reported(&stage), ["acme"], "the task may still make it");
    advance(WAIT_LIMIT).await;
    lists(&stage, &[there()]);
    assert_eq!(reported(&stage), ["acme"]);
    stage.tenant(Tenant::test("again").recorded("1"));
    assert_eq!(reported(&stage), [""; 0]);
    tenant_gone(&stage.context, &creating);
    advance(WAIT_LIMIT).await;
    lists(&stage, &[]);
    assert_eq!(reported(&stage), [""; 0], "it was never made");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_machines_without_it_ends_it() {
    let stage = with_a_machine().await;
    lists_machines(&stage, Listed::WithoutIt);
    assert_eq!(reported(&stage), ["web"], "a registration may still arrive");
    advance(ARRIVES_WITHIN).await;
    assert_eq!(reported(&stage), ["web"], "by a list from before");
    lists_machines(&stage, Listed::WithIt);
    assert_eq!(reported(&stage), ["web"]);
    lists_machines(&stage, Listed::WithoutIt);
    assert_eq!(reported(&stage), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_goes_with_its_tenant() {
    let stage = with_a_machine().await;
    assert_eq!(reported(&stage), ["web"]);
    stage.picture().tenants().proved_absent(&TenantId::new("1"));
    assert_eq!(reported(&stage), [""; 0]);
}

#[rstest]
#[case::a_status_from_a_backup(web().under_uid("uid-again"), vec!["web"])]
#[case::registered(VirtualMachine::test_resource("again").registered("1"), vec![])]
#[case::not_registered(VirtualMachine::test_resource("again"), vec!["web"])]
#[case::being_deleted_and_released(
    {
        let mut machine = VirtualMachine::test_resource("again").registered("1").deleted();
        machine.metadata.finalizers = None;
        machine
    },
    vec!["web"]
)]
#[tokio::test(start_paused = true)]
async fn another_machine_that_has_it_ends_it(
    #[case] machine: VirtualMachine,
    #[case] expected: Vec<&str>,
) {
    let stage = with_a_machine().await;
    stage.machine(machine);
    assert_eq!(reported(&stage), expected);
}

/// In the first 30 s an earlier leader may have ended it well.
#[tokio::test(start_paused = true)]
async fn a_suspicion_waits_for_a_list_where_there_can_be_one() {
    let stage = Stage::ready();
    lists(&stage, &[there()]);
    tenant_gone(&stage.context, &acme().deleted());
    let server = stage.context.cluster.server("main").unwrap();
    let found = find(&stage.context, &server, Some(&stage.handle()));
    assert!(found.reported.is_empty());
    assert_eq!(found.wait, Some(ARRIVES_WITHIN));
    assert!(find(&stage.context, &server, None).reported.is_empty());
    advance(ARRIVES_WITHIN).await;
    assert_eq!(reported(&stage), [""; 0], "by a list from before");
    let away = find(&stage.context, &server, None);
    assert_eq!(away.reported.len(), 1, "nothing can disprove it");
    lists(&stage, &[there()]);
    assert_eq!(reported(&stage), ["acme"]);
}

/// It is unregistered with its tenant.
#[tokio::test(start_paused = true)]
async fn a_suspected_machine_waits_while_its_tenant_is_being_deleted() {
    let stage = Stage::ready();
    lists(&stage, &[there()]);
    machine_gone(&stage.context, &web().deleted());
    stage.tenant(acme().deleted());
    advance(ARRIVES_WITHIN).await;
    lists_machines(&stage, Listed::WithIt);
    assert_eq!(reported(&stage), [""; 0]);
    let retained = serde_json::json!({"deletionPolicy": "Retain"});
    stage.tenant(acme().deleted().with(retained));
    assert_eq!(reported(&stage), ["web"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_status_lists_is_reported_by_the_next_process() {
    let mut server = IntegrationServer::test();
    server.status.get_or_insert_default().orphans = vec![orphan("acme")];
    let stage = Stage::ready_with(server.clone());
    let found = find(&stage.context, &server, None);
    assert_eq!(found.reported, [orphan("acme")]);
    assert!(found.fresh.is_empty(), "it was announced");
    // The same resource, which another finalizer keeps, is seen at the start.
    let left = Left {
        certainty: Certainty::Certain,
        at: Instant::now(),
        server_uid: None,
        owner: None,
        reported: false,
    };
    stage.context.orphans.note("main", orphan("acme"), left);
    assert!(find(&stage.context, &server, None).fresh.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_orphan_of_a_server_of_the_same_name_is_not_this_ones() {
    let stage = with_a_tenant().await;
    let mut server = IntegrationServer::test();
    server.metadata.uid = Some("uid-other".to_owned());
    assert!(find(&stage.context, &server, None).reported.is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_orphan_is_announced_once() {
    let stage = with_a_tenant().await;
    let server = stage.context.cluster.server("main").unwrap();
    for _ in 0..2 {
        let found = find(&stage.context, &server, None);
        assert_eq!(found.reported.len(), 1);
        announce(&stage.context, &server, found);
    }
    let page = stage.context.metrics.encode().unwrap();
    let counted = r#"viis_operator_orphans_total{kind="Tenant"} 1"#;
    assert!(page.lines().any(|line| line == counted), "{page}");
    let none = r#"viis_operator_orphans_total{kind="VirtualMachine"} 0"#;
    assert!(page.lines().any(|line| line == none), "{page}");
}

#[test]
fn a_status_lists_twenty_and_counts_the_others() {
    let orphans: Vec<Orphan> = (10..35)
        .map(|number| orphan(&format!("tenant-{number}")))
        .collect();
    let mut status = IntegrationServerStatus::default();
    put(&mut status, &orphans, 1, now());
    assert_eq!(status.orphans, orphans[..LISTED]);
    assert_eq!(status.unlisted_orphans, Some(5));
    let found = conditions::find(&status.conditions, ConditionType::OrphansFound).unwrap();
    assert_eq!(
        (found.status.as_str(), found.reason.as_str()),
        ("True", "Orphaned")
    );
    assert!(
        found
            .message
            .contains("customers/tenant-12 (tenant tenant-12, identifier 1), and 22 more"),
        "{}",
        found.message
    );
    put(&mut status, &[], 1, now());
    assert_eq!(status, IntegrationServerStatus::default());
}
