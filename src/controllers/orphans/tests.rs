#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::api::{ConditionType, REGISTERED_WITH_ANNOTATION, Tenant, VirtualMachine, reasons};
use crate::controllers::fixtures::{BIOS_ID, Stage};
use crate::controllers::leadership::Leadership;
use crate::viis::TenantId;

/// A stage whose process has led for longer than an earlier leader's write takes.
async fn stage() -> Stage {
    let stage = Stage::ready();
    advance(ARRIVES_WITHIN).await;
    stage
}

fn acme() -> Tenant {
    Tenant::test("acme").recorded("1").deleted()
}

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web")
        .registered("1")
        .deleted()
}

/// Our finalizer is missing, and another one keeps it.
fn kept(mut tenant: Tenant) -> Tenant {
    tenant.metadata.finalizers = Some(vec!["example.net/theirs".to_owned()]);
    tenant
}

fn noted(stage: &Stage) -> Option<Certainty> {
    let all = stage.context.orphans.of_server("main");
    assert!(all.len() <= 1, "{all:#?}");
    all.first().map(|(_, left)| left.certainty)
}

#[rstest]
#[case::recorded(acme(), Some(Certainty::Certain))]
#[case::in_creation(
    Tenant::test("acme").creating(None).deleted(),
    Some(Certainty::Certain)
)]
#[case::never_made(Tenant::test("acme").deleted(), None)]
#[case::a_status_from_a_backup(acme().under_uid("uid-restored"), None)]
#[case::its_deletion_was_sent(acme().removing(Some("9")), Some(Certainty::Suspected))]
#[case::retained(acme().with(json!({"deletionPolicy": "Retain"})), None)]
#[case::adopted(acme().adopted(), None)]
#[case::adopted_and_to_be_deleted(
    acme().adopted().with(json!({"deletionPolicy": "Delete"})),
    Some(Certainty::Certain)
)]
#[case::without_our_finalizer(kept(acme()), Some(Certainty::Certain))]
#[case::the_status_says_that_we_removed_it(
    kept(acme().saying(ConditionType::Removed, true, reasons::RELEASED)),
    None
)]
#[case::the_spec_changed_after_that(
    kept(acme().saying(ConditionType::Removed, true, reasons::RELEASED)).at_generation(2),
    None
)]
#[case::the_spec_changed_before_it_was_removed(
    acme().saying(ConditionType::Removed, true, reasons::RELEASED).at_generation(2),
    Some(Certainty::Certain)
)]
#[case::the_status_says_that_it_waits(
    acme().saying(ConditionType::Removed, false, reasons::INTEGRATION_SERVER_NOT_READY),
    Some(Certainty::Certain)
)]
#[tokio::test(start_paused = true)]
async fn a_tenant_that_disappears_leaves(
    #[case] tenant: Tenant,
    #[case] expected: Option<Certainty>,
) {
    let stage = stage().await;
    tenant_gone(&stage.context, &tenant);
    assert_eq!(noted(&stage), expected);
    let woken = if expected.is_some() { "main" } else { "" };
    assert_eq!(stage.queued().servers.join(""), woken);
}

#[rstest]
#[case::kept_by_another_finalizer(kept(acme()), Some(Certainty::Certain))]
#[case::it_has_our_finalizer(acme(), None)]
#[case::it_is_not_being_deleted(kept(Tenant::test("acme").recorded("1")), None)]
#[case::released(kept(acme().saying(ConditionType::Removed, true, reasons::RELEASED)), None)]
#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_there_leaves(
    #[case] tenant: Tenant,
    #[case] expected: Option<Certainty>,
) {
    let stage = stage().await;
    tenant_seen(&stage.context, &tenant);
    assert_eq!(noted(&stage), expected);
}

/// The watch may be faster than the response to the write, and slower than the next write.
#[tokio::test(start_paused = true)]
async fn a_finalizer_that_this_process_removes_leaves_no_orphan() {
    let stage = stage().await;
    stage.context.orphans.releases(&acme());
    tenant_gone(&stage.context, &acme());
    tenant_gone(&stage.context, &acme());
    assert_eq!(noted(&stage), None);
    // The write would not have been accepted for this one.
    tenant_gone(&stage.context, &acme().at_generation(2));
    assert_eq!(noted(&stage), Some(Certainty::Certain));
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_finalizer_this_process_removes_leaves_no_orphan() {
    let stage = stage().await;
    stage.context.orphans.releases(&web());
    machine_gone(&stage.context, &web());
    assert_eq!(noted(&stage), None);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_leaders_write_may_arrive_in_the_first_30_s() {
    let stage = Stage::ready();
    tenant_gone(&stage.context, &acme());
    assert_eq!(noted(&stage), Some(Certainty::Suspected));
    advance(ARRIVES_WITHIN).await;
    tenant_gone(&stage.context, &acme());
    assert_eq!(noted(&stage), Some(Certainty::Certain));
    assert_eq!(stage.queued().servers, ["main"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_lead_notes_nothing() {
    let mut stage = stage().await;
    stage.context.leadership = Leadership::candidate();
    tenant_gone(&stage.context, &acme());
    machine_gone(&stage.context, &web());
    assert_eq!(noted(&stage), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_proved_gone_is_no_orphan() {
    let stage = stage().await;
    stage.picture().tenants().proved_absent(&TenantId::new("1"));
    tenant_gone(&stage.context, &acme());
    machine_gone(&stage.context, &web());
    assert_eq!(noted(&stage), None);
}

#[rstest]
#[case::recorded(web(), Some(Certainty::Certain))]
#[case::noted(
    VirtualMachine::test_resource("web").annotated(REGISTERED_WITH_ANNOTATION, "main/1"),
    Some(Certainty::Unproved)
)]
#[case::noted_with_another_namespaces_tenant(
    VirtualMachine::test_resource("web").annotated(REGISTERED_WITH_ANNOTATION, "main/2"),
    None
)]
#[case::never_registered(VirtualMachine::test_resource("web"), None)]
#[case::retained(web().with(json!({"deletionPolicy": "Retain"})), None)]
#[case::a_status_from_a_backup(web().under_uid("uid-restored"), None)]
#[tokio::test(start_paused = true)]
async fn a_machine_that_disappears_leaves(
    #[case] machine: VirtualMachine,
    #[case] expected: Option<Certainty>,
) {
    let stage = stage().await;
    stage.tenant(Tenant::test("acme").recorded("1"));
    stage.tenant(Tenant::test("other").in_namespace("others").recorded("2"));
    machine_gone(&stage.context, &machine);
    assert_eq!(noted(&stage), expected);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_this_process_unregistered_is_no_orphan() {
    let stage = stage().await;
    let (tenant, bios_id) = (TenantId::new("1"), BIOS_ID.parse().unwrap());
    let machines = [crate::viis::VirtualMachine::test(bios_id)];
    let picture = stage.picture();
    picture
        .machines()
        .replace(&tenant, &machines, Instant::now());
    picture.machines().unregistered(&tenant, bios_id);
    machine_gone(&stage.context, &web());
    assert_eq!(noted(&stage), None);
}

/// Nothing else wakes the server when a resource adopts an orphan.
#[tokio::test(start_paused = true)]
async fn a_resource_that_may_have_adopted_an_orphan_wakes_its_server() {
    let stage = stage().await;
    let (successor, other) = (Tenant::test("again"), Tenant::test("other"));
    let machine = VirtualMachine::test_resource("again").registered("2");
    tenant_seen(&stage.context, &successor.clone().recorded("1"));
    machine_seen(&stage.context, &machine);
    assert_eq!(stage.queued().servers, [""; 0], "there are no orphans");
    tenant_gone(&stage.context, &acme());
    machine_gone(&stage.context, &web());
    assert_eq!(stage.queued().servers, ["main"]);
    tenant_seen(&stage.context, &other.recorded("2"));
    assert_eq!(stage.queued().servers, [""; 0]);
    tenant_seen(&stage.context, &successor.recorded("1"));
    assert_eq!(stage.queued().servers, ["main"]);
    machine_seen(&stage.context, &machine);
    assert_eq!(stage.queued().servers, ["main"]);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_is_described_by_what_is_known_of_it() {
    let stage = stage().await;
    let named = acme().with(json!({"name": "Acme Ltd. "}));
    tenant_gone(&stage.context, &named.recorded_as("1", Some("Acme Ltd.")));
    machine_gone(&stage.context, &web());
    let orphans = stage.context.orphans.of_server("main");
    let [(tenant, left), (machine, _)] = orphans.as_slice() else {
        panic!("{orphans:#?}");
    };
    assert_eq!(
        tenant.to_string(),
        "Tenant customers/acme (tenant Acme Ltd., identifier 1)"
    );
    assert_eq!(
        machine.to_string(),
        format!("VirtualMachine customers/web (BIOS ID {BIOS_ID}, tenant identifier 1)")
    );
    let owner = left.owner.as_ref().unwrap();
    assert_eq!(owner.uid.as_deref(), Some("uid-acme"));
    assert_eq!(left.server_uid.as_deref(), Some("uid-main"));
}

#[tokio::test(start_paused = true)]
async fn an_orphan_of_a_server_that_is_not_known_yet_is_remembered() {
    let stage = Stage::empty();
    tenant_gone(&stage.context, &acme());
    assert!(noted(&stage).is_some());
    stage.context.orphans.forget_server("main");
    assert_eq!(noted(&stage), None);
}
