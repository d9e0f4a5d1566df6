#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use rstest::rstest;
use serde_json::json;

use super::super::observe::observe;
use super::*;
use crate::api::{Tenant, VirtualMachine};
use crate::controllers::fixtures::{BIOS_ID, Stage, follow_kstatus, now, says};
use crate::plan::virtual_machine::Release;
use crate::viis;

fn after(wait: Wait) -> Option<Wait> {
    Some(match wait {
        Wait::TenantNotFound => Wait::WaitingForTenant,
        Wait::WaitingForTenant => Wait::TenantDeleting,
        Wait::TenantDeleting => Wait::TenantFate,
        Wait::TenantFate => Wait::AlreadyClaimed,
        Wait::AlreadyClaimed => Wait::NamespaceNotAllowed,
        Wait::NamespaceNotAllowed => Wait::ServerNotFound,
        Wait::ServerNotFound => Wait::ServerNotReady,
        Wait::ServerNotReady => Wait::ServerLeaving,
        Wait::ServerLeaving => Wait::InventoryGuard,
        Wait::InventoryGuard => Wait::Suspended,
        Wait::Suspended => Wait::IdentityMismatch,
        Wait::IdentityMismatch => Wait::LeftoverBlocked,
        Wait::LeftoverBlocked => Wait::LeftoverSettling,
        Wait::LeftoverSettling => Wait::Settling,
        Wait::Settling => Wait::AbsenceUnproved,
        Wait::AbsenceUnproved => Wait::Rejected,
        Wait::Rejected => return None,
    })
}

fn decisions() -> Vec<Action> {
    let waits = std::iter::successors(Some(Wait::TenantNotFound), |wait| after(*wait));
    let mut decisions: Vec<Action> = waits.map(Action::Wait).collect();
    decisions.extend([
        Action::AddFinalizer,
        Action::RemoveFinalizer(Release::TenantGone),
        Action::ListTenants,
        Action::ListMachines,
        Action::Register,
        Action::Replace,
        Action::ListLeftover,
        Action::Leave,
        Action::Unregister,
        Action::Settled,
    ]);
    decisions
}

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web")
}

fn scene_on(stage: &Stage, machine: VirtualMachine) -> Scene {
    let machine: Arc<VirtualMachine> = stage.machine(machine);
    observe(&machine, &stage.context, &mut Memory::default()).unwrap()
}

/// Its Tenant is on the server as "1", and the machine with it.
async fn scene(machine: VirtualMachine) -> Scene {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("1", "acme")]);
    stage.tenant(Tenant::test("acme").recorded("1"));
    let found = viis::VirtualMachine::test(BIOS_ID.parse().unwrap()).named("web");
    let id = viis::TenantId::new("1");
    stage
        .picture()
        .machines()
        .replace(&id, &[found], tokio::time::Instant::now());
    scene_on(&stage, machine)
}

#[rstest]
#[case::new(web())]
#[case::registered(web().registered("1"))]
#[case::stalled_before(web().saying(ConditionType::Stalled, true, "Old"))]
#[case::being_deleted(web().registered("1").deleted())]
#[tokio::test]
async fn whatever_is_decided_kstatus_understands_it(#[case] machine: VirtualMachine) {
    let scene = scene(machine).await;
    for action in decisions() {
        let Some(line) = line(&scene, &Memory::default(), action) else {
            continue;
        };
        let status = status(&scene, &line, now());
        assert_eq!(status.observed_generation, Some(1), "{action:?}");
        follow_kstatus(&status.conditions, 1);
    }
}

#[tokio::test]
async fn a_registered_machine_says_where_it_is() {
    let scene = scene(web()).await;
    let line = line(&scene, &Memory::default(), Action::Settled).unwrap();
    let status = status(&scene, &line, now());
    let all = &status.conditions;
    assert_eq!(
        says(all, ConditionType::Ready),
        Some(("True", "Reconciled"))
    );
    assert_eq!(
        says(all, ConditionType::Registered),
        Some(("True", "Registered"))
    );
    assert_eq!(status.tenant_id.as_deref(), Some("1"));
    assert_eq!(status.virtual_machine_id.as_deref(), Some("vm-1"));
    assert_eq!(status.integration_server.as_deref(), Some("main"));
}

#[tokio::test]
async fn where_it_is_stays_known_while_it_is_not_ready() {
    let scene = scene(web().registered("1")).await;
    let line = line(
        &scene,
        &Memory::default(),
        Action::Wait(Wait::IdentityMismatch),
    )
    .unwrap();
    let status = status(&scene, &line, now());
    assert_eq!(
        status.tenant_id.as_deref(),
        Some("1"),
        "it has to be unregistered one day"
    );
    assert_eq!(status.integration_server.as_deref(), Some("main"));
}

#[tokio::test]
async fn a_difference_that_stays_is_said_and_is_ready() {
    let scene = scene(web().with(json!({"name": "WEB"}))).await;
    let line = line(&scene, &Memory::default(), Action::Settled).unwrap();
    assert_eq!(line.mood, Mood::Ready);
    let field = "name (sent: \"WEB\")";
    assert!(line.message.contains(field), "{}", line.message);
    let status = status(&scene, &line, now());
    let registered = conditions::find(&status.conditions, ConditionType::Registered);
    assert_eq!(registered.unwrap().reason, reasons::STORED_DIFFERENTLY);
}

#[rstest]
#[case::ready(web().registered("1"), true)]
#[case::new(web(), false)]
#[case::being_deleted(web().registered("1").deleted(), false)]
#[tokio::test]
async fn an_outage_is_said_only_where_it_keeps_work_waiting(
    #[case] machine: VirtualMachine,
    #[case] silent: bool,
) {
    let scene = scene(machine).await;
    let line = line(
        &scene,
        &Memory::default(),
        Action::Wait(Wait::ServerNotReady),
    );
    assert_eq!(line.is_none(), silent);
}

#[rstest]
#[case::as_it_should_be("acme", true)]
#[case::under_another_name("somebody", false)]
#[tokio::test]
async fn the_guard_is_said_where_it_keeps_work_waiting(#[case] name: &str, #[case] silent: bool) {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("1", name)]);
    stage.judged(|verdicts| verdicts.intact = false);
    stage.tenant(Tenant::test("acme").recorded("1"));
    let scene = scene_on(&stage, web().registered("1"));
    let wait = Action::Wait(Wait::InventoryGuard);
    assert_eq!(crate::plan::virtual_machine::plan(&scene.facts), wait);
    assert_eq!(
        line(&scene, &Memory::default(), wait).is_none(),
        silent,
        "nothing is written where nothing changed"
    );
}

#[tokio::test]
async fn a_claim_shows_nothing_of_another_namespace() {
    let stage = Stage::ready();
    stage.tenant(Tenant::test("rival-tenant").in_namespace("rival-namespace"));
    let rival = VirtualMachine::test_resource("rival-machine").in_namespace("rival-namespace");
    stage.machine(
        rival
            .with(json!({"tenantRef": {"name": "rival-tenant"}}))
            .registered("1"),
    );
    let scene = scene_on(&stage, web());
    for action in decisions() {
        if let Some(line) = line(&scene, &Memory::default(), action) {
            assert!(
                !line.message.contains("rival"),
                "{action:?}: {}",
                line.message
            );
        }
    }
}
