#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;

use super::super::memory::{Rejection, Sent};
use super::*;
use crate::api::REGISTERED_WITH_ANNOTATION;
use crate::api::{ConditionType, reasons};
use crate::controllers::fixtures::{BIOS_ID, Stage, minutes_ago};
use crate::inventory::fixtures::{ago, seconds};
use crate::viis;

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web")
}

fn acme() -> Tenant {
    Tenant::test("acme").recorded("1")
}

fn on_server() -> viis::VirtualMachine {
    viis::VirtualMachine::test(BIOS_ID.parse().unwrap())
}

fn look(stage: &Stage, machine: VirtualMachine, memory: &mut Memory) -> Scene {
    observe(&stage.machine(machine), &stage.context, memory).unwrap()
}

fn facts(stage: &Stage, machine: VirtualMachine) -> Facts {
    look(stage, machine, &mut Memory::default()).facts
}

/// The Tenant acme is on the server as "1".
fn stage() -> Stage {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("1", "acme")]);
    stage.tenant(acme());
    stage
}

/// acme has these machines on the server.
fn with_machines(machines: &[viis::VirtualMachine]) -> Stage {
    let stage = stage();
    let id = TenantId::new("1");
    stage
        .picture()
        .machines()
        .replace(&id, machines, Instant::now());
    stage
}

/// Somebody may have registered it by hand since, as before an import.
#[rstest]
#[case::of_a_tenant_that_was_taken_over(acme().adopted(), web(), 6, Registration::Unlisted)]
#[case::by_a_list_of_this_moment(acme().adopted(), web(), 4, Registration::Absent)]
#[case::of_a_tenant_that_we_made(acme(), web(), 6, Registration::Absent)]
#[case::that_was_registered_before(acme().adopted(), web().registered("1"), 6, Registration::Absent)]
#[case::that_leaves(acme().adopted(), web().deleted(), 6, Registration::Absent)]
#[tokio::test]
async fn a_machine_that_is_in_no_list(
    #[case] tenant: Tenant,
    #[case] machine: VirtualMachine,
    #[case] age: u64,
    #[case] registration: Registration,
) {
    let stage = stage();
    stage.tenant(tenant);
    let machines = stage.picture();
    let machines = machines.machines();
    machines.replace(&TenantId::new("1"), &[], ago(seconds(age)));
    assert_eq!(facts(&stage, machine).registration, registration);
}

/// On a slow server a list is old when it arrives.
#[tokio::test(start_paused = true)]
async fn one_list_is_enough_however_long_it_takes() {
    let stage = stage();
    stage.tenant(acme().adopted());
    let tenant = TenantId::new("1");
    stage
        .picture()
        .machines()
        .replace(&tenant, &[], Instant::now());
    tokio::time::advance(seconds(60)).await;
    let mut memory = Memory::default();
    let mut seen = || look(&stage, web(), &mut memory).facts.registration;
    assert_eq!(seen(), Registration::Unlisted);
    let begun = Instant::now();
    tokio::time::advance(seconds(60)).await;
    stage.picture().machines().replace(&tenant, &[], begun);
    assert_eq!(seen(), Registration::Absent);
    tokio::time::advance(seconds(600)).await;
    assert_eq!(seen(), Registration::Absent);
}

// === The Tenant ===

#[rstest]
#[case::there_is_none(None, Standing::NotFound)]
#[case::not_made_yet(Some(Tenant::test("acme")), Standing::Unprovisioned)]
#[case::under_another_uid(Some(acme().under_uid("uid-restored")), Standing::Unprovisioned)]
#[case::made(Some(acme()), Standing::Provisioned)]
#[case::being_deleted(Some(acme().deleted()), Standing::Leaving)]
#[case::being_deleted_and_begun(Some(acme().deleted().removing(None)), Standing::Leaving)]
#[case::being_deleted_and_retained(Some(acme().deleted().with(json!({"deletionPolicy": "Retain"}))), Standing::LeavingBlocked)]
#[case::being_deleted_and_refused(
    Some(acme().deleted().removing(None).saying(ConditionType::Stalled, true, "KSC_ServiceNotConfigured")),
    Standing::LeavingBlocked
)]
#[case::being_deleted_and_refused_before_it_began(
    Some(acme().deleted().saying(ConditionType::Stalled, true, reasons::ALREADY_CLAIMED)),
    Standing::LeavingBlocked
)]
#[case::being_deleted_under_another_identity(
    Some(acme().deleted().saying(ConditionType::Stalled, true, reasons::IDENTITY_MISMATCH)),
    Standing::LeavingBlocked
)]
#[case::being_deleted_and_held(
    Some(acme().deleted().saying(ConditionType::Stalled, true, reasons::DELETION_HELD)),
    Standing::Leaving
)]
#[case::being_deleted_and_stalled_before(
    Some(acme().deleted().at_generation(2).saying(ConditionType::Stalled, true, "KSC_ServiceNotConfigured")),
    Standing::Leaving
)]
#[tokio::test]
async fn the_tenant_stands(#[case] tenant: Option<Tenant>, #[case] standing: Standing) {
    let stage = Stage::ready();
    if let Some(tenant) = tenant {
        stage.tenant(tenant);
    }
    assert_eq!(facts(&stage, web()).tenant, standing);
}

#[tokio::test]
async fn a_deletion_that_other_machines_hold_up_is_blocked_for_this_one() {
    let stage = Stage::ready();
    stage.tenant(
        acme()
            .deleted()
            .saying(ConditionType::Removed, false, reasons::IN_USE),
    );
    stage.machine(VirtualMachine::test_resource("other"));
    assert_eq!(
        facts(&stage, web().deleted()).tenant,
        Standing::LeavingBlocked
    );
}

#[tokio::test]
async fn a_namesake_of_another_namespace_is_not_its_tenant() {
    let stage = Stage::ready();
    stage.tenant(acme().in_namespace("others"));
    assert_eq!(facts(&stage, web()).tenant, Standing::NotFound);
}

#[rstest]
#[case::ours(viis::Tenant::test("1", "acme"), Identity::Same)]
#[case::another_name(viis::Tenant::test("1", "Somebody"), Identity::Other)]
#[case::another_type(viis::Tenant::test("1", "acme").complete("ksc", "boss"), Identity::Other)]
#[case::not_there(viis::Tenant::test("2", "acme"), Identity::Missing)]
#[tokio::test]
async fn under_the_tenants_identifier_stands(
    #[case] listed: viis::Tenant,
    #[case] identity: Identity,
) {
    let stage = stage();
    stage.lists(&[listed]);
    assert_eq!(facts(&stage, web()).identity, identity);
}

#[tokio::test]
async fn a_tenant_that_was_proved_gone_is_gone() {
    let stage = stage();
    stage.picture().tenants().proved_absent(&TenantId::new("1"));
    assert_eq!(facts(&stage, web()).identity, Identity::Gone);
}

// === Registration ===

#[rstest]
#[case::not_there(vec![], Registration::Absent)]
#[case::there(vec![on_server().named("web")], Registration::Equal)]
#[tokio::test]
async fn a_machine_without_wishes_is(
    #[case] machines: Vec<viis::VirtualMachine>,
    #[case] registration: Registration,
) {
    assert_eq!(
        facts(&with_machines(&machines), web()).registration,
        registration
    );
}

#[rstest]
#[case::equal(on_server().named("WEB"), Registration::Equal)]
#[case::another_name(on_server().named("web"), Registration::Different)]
#[case::no_name(on_server(), Registration::Different)]
#[tokio::test]
async fn a_machine_with_a_name_is(
    #[case] found: viis::VirtualMachine,
    #[case] registration: Registration,
) {
    let named = web().with(json!({"name": "WEB"}));
    assert_eq!(
        facts(&with_machines(&[found]), named).registration,
        registration
    );
}

#[tokio::test]
async fn without_a_list_of_machines_nothing_is_known() {
    assert_eq!(facts(&stage(), web()).registration, Registration::Unlisted);
}

#[tokio::test]
async fn a_bios_id_is_compared_as_a_uuid() {
    let braced = json!({"biosID": format!("{{{}}}", BIOS_ID.to_uppercase())});
    let stage = with_machines(&[on_server()]);
    assert_eq!(
        facts(&stage, web().with(braced)).registration,
        Registration::Equal
    );
}

#[rstest]
#[case::this_generation(web().registered("1"), None, true)]
#[case::an_older_one({ let mut m = web().registered("1"); m.metadata.generation = Some(2); m }, None, false)]
#[case::registered_a_moment_ago(web(), Some(1), true)]
#[case::never(web(), None, false)]
#[tokio::test]
async fn a_generation_is_registered_once(
    #[case] machine: VirtualMachine,
    #[case] registered_for: Option<i64>,
    #[case] settled: bool,
) {
    let mut memory = Memory {
        registered_for,
        ..Memory::default()
    };
    let facts = look(&stage(), machine, &mut memory).facts;
    assert_eq!(facts.settled_generation, settled);
}

// === Where it was registered ===

#[tokio::test]
async fn a_machine_whose_tenant_is_gone_remembers_where_it_is() {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("7", "whoever")]);
    let machine = web().registered("7").deleted();
    let scene = look(&stage, machine, &mut Memory::default());
    assert_eq!(scene.server.as_deref(), Some("main"));
    assert_eq!(scene.tenant_id, Some(TenantId::new("7")));
    assert_eq!(scene.facts.whereabouts, Whereabouts::Elsewhere);
    assert_eq!(scene.facts.identity, Identity::Same);
}

#[tokio::test]
async fn a_note_of_somebody_elses_tenant_is_no_reason_to_call() {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("7", "victim")]);
    let machine = web().annotated(REGISTERED_WITH_ANNOTATION, "main/7");
    let scene = look(&stage, machine.deleted(), &mut Memory::default());
    assert_eq!(scene.facts.whereabouts, Whereabouts::Nowhere);
    assert_eq!(scene.tenant_id, None);
    let action = crate::plan::virtual_machine::plan(&scene.facts);
    let release = crate::plan::virtual_machine::Release::NotOurs;
    let released = crate::plan::virtual_machine::Action::RemoveFinalizer(release);
    assert_eq!(action, released);
}

#[tokio::test]
async fn a_machine_is_unregistered_from_where_it_was_and_registered_where_it_belongs() {
    let stage = stage();
    let live = look(&stage, web().registered("old"), &mut Memory::default());
    assert_eq!(live.tenant_id, Some(TenantId::new("1")));
    assert_eq!(live.facts.leftover, Leftover::Unlisted, "listed first");
    let machine = web().registered("old").deleted();
    let leaving = look(&stage, machine, &mut Memory::default());
    assert_eq!(leaving.tenant_id, Some(TenantId::new("old")));
    assert_eq!(leaving.facts.leftover, Leftover::None);
}

#[rstest]
#[case::taken_a_moment_ago("1", 5, true, true)]
#[case::long_ago("1", 31, true, false)]
#[case::by_another_tenant("2", 5, true, false)]
#[case::the_answer_was_lost("1", 5, false, false)]
#[tokio::test]
async fn a_list_may_be_behind_for_a_while(
    #[case] tenant: &str,
    #[case] age: u64,
    #[case] taken: bool,
    #[case] awaited: bool,
) {
    let mut memory = Memory {
        sent: Some(Sent {
            tenant: TenantId::new(tenant),
            at: ago(seconds(age)),
            taken,
        }),
        ..Memory::default()
    };
    assert_eq!(look(&stage(), web(), &mut memory).facts.awaited, awaited);
}

fn refused(forbidden: bool) -> Memory {
    let rejection = Rejection {
        reason: "Rejected".to_owned(),
        message: "no".to_owned(),
        generation: 1,
        deleting: false,
        at: ago(seconds(60)),
        forbidden,
        requested_at: None,
    };
    Memory {
        rejection: Some(Box::new(rejection)),
        ..Memory::default()
    }
}

/// The stage's server is up since a moment ago.
#[rstest]
#[case::another_refusal(false, true)]
#[case::for_want_of_rights(true, false)]
#[tokio::test]
async fn once_the_server_is_back_a_refusal_still_counts(
    #[case] forbidden: bool,
    #[case] counts: bool,
) {
    let facts = look(&stage(), web(), &mut refused(forbidden)).facts;
    assert_eq!(facts.rejected, counts);
}

#[tokio::test]
async fn a_bios_id_that_cannot_be_read_makes_no_scene() {
    let stage = stage();
    let machine = stage.machine(web().with(json!({"biosID": "none"})));
    assert!(observe(&machine, &stage.context, &mut Memory::default()).is_none());
}

// === Waiting for the Tenant's fate ===

#[rstest]
#[case::live_tenant_at_once(Some(acme()), 0, false)]
#[case::live_tenant_later(Some(acme()), 3, true)]
#[case::leaving_tenant(Some(acme().deleted()), 3, false)]
#[case::leaving_tenant_for_long(Some(acme().deleted()), 21, true)]
#[tokio::test]
async fn a_machine_that_is_deleted_waits_for_its_tenant(
    #[case] tenant: Option<Tenant>,
    #[case] age: u64,
    #[case] waited: bool,
) {
    let stage = Stage::ready();
    if let Some(tenant) = tenant {
        stage.tenant(tenant);
    }
    let mut memory = Memory {
        leaving_since: Some(ago(seconds(age))),
        ..Memory::default()
    };
    let facts = look(&stage, web().registered("1").deleted(), &mut memory).facts;
    assert_eq!(facts.waited, waited);
    assert!(
        patience_left(&memory) >= Duration::from_millis(100),
        "never a busy loop"
    );
}

#[tokio::test]
async fn a_namespace_that_goes_takes_the_tenant_with_it_soon() {
    let stage = stage();
    stage.namespace("customers", &[], true);
    let mut memory = Memory {
        leaving_since: Some(ago(seconds(3))),
        ..Memory::default()
    };
    assert!(!look(&stage, web().deleted(), &mut memory).facts.waited);
}

#[tokio::test]
async fn a_live_machine_waits_for_nothing() {
    let mut memory = Memory {
        leaving_since: Some(ago(seconds(100))),
        ..Memory::default()
    };
    assert!(!look(&stage(), web(), &mut memory).facts.waited);
    assert!(memory.leaving_since.is_none());
}

// === Claims ===

fn rival() -> VirtualMachine {
    VirtualMachine::test_resource("rival").made_at(minutes_ago(1))
}

#[rstest]
#[case::younger(rival(), false)]
#[case::older(rival().made_at(minutes_ago(9)), true)]
#[case::registered(rival().registered("1"), true)]
#[case::of_another_namespace(rival().in_namespace("others").made_at(minutes_ago(9)), true)]
#[tokio::test]
async fn a_bios_id_belongs_to_one(#[case] rival: VirtualMachine, #[case] outclaimed: bool) {
    let stage = stage();
    stage.tenant(Tenant::test("acme").in_namespace("others"));
    stage.machine(rival);
    let ours = web().made_at(minutes_ago(5));
    assert_eq!(facts(&stage, ours).outclaimed, outclaimed);
}

#[tokio::test]
async fn a_rival_on_another_server_is_none() {
    let stage = stage();
    let elsewhere =
        Tenant::test("elsewhere").with(json!({"integrationServerRef": {"name": "second"}}));
    stage.tenant(elsewhere);
    let rival = rival()
        .made_at(minutes_ago(9))
        .with(json!({"tenantRef": {"name": "elsewhere"}}));
    stage.machine(rival);
    assert!(!facts(&stage, web().made_at(minutes_ago(5))).outclaimed);
}

// === The server ===

#[tokio::test]
async fn suspension_of_tenant_or_server_is_its_own() {
    assert!(!facts(&stage(), web()).suspended);
    let stage = stage();
    stage.tenant(acme().with(json!({"suspend": true})));
    assert!(facts(&stage, web()).suspended);
    let suspended = Stage::ready_with(IntegrationServer::test().with(json!({"suspend": true})));
    suspended.tenant(acme());
    assert!(facts(&suspended, web()).suspended);
}

#[tokio::test]
async fn a_namespace_that_may_not_is_not_permitted() {
    let stage = Stage::ready_with(IntegrationServer::test().selective());
    stage.tenant(acme());
    stage.namespace("customers", &[], false);
    assert!(!facts(&stage, web()).permitted);
}
