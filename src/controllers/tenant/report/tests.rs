#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod differences;
mod messages;

use rstest::rstest;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::api::{
    Condition, ConditionType, IntegrationServer, TaskErrorStatus, Tenant, TenantStatus,
    VirtualMachine,
};
use crate::controllers::fixtures::{Stage, follow_kstatus, minutes_ago, now, says};
use crate::controllers::tenant::memory::Rejection;
use crate::controllers::tenant::observe::observe;
use crate::plan::tenant::{Adoption, End, Password, Release, Step, Wait};
use crate::viis::{self, TaskId, TaskState, TaskType};

// === Everything that can be decided ===

/// The next of the things that hold a Tenant up: the compiler sees that none is left out.
fn after(wait: Wait) -> Option<Wait> {
    Some(match wait {
        Wait::ServerNotFound => Wait::ServerNotReady,
        Wait::ServerNotReady => Wait::ServerLeaving,
        Wait::ServerLeaving => Wait::NamespaceNotAllowed,
        Wait::NamespaceNotAllowed => Wait::InventoryGuard,
        Wait::InventoryGuard => Wait::Suspended,
        Wait::Suspended => Wait::AlreadyClaimed,
        Wait::AlreadyClaimed => Wait::Rejected(Step::Create),
        Wait::Rejected(Step::Create) => Wait::Rejected(Step::Change),
        Wait::Rejected(Step::Change) => Wait::Rejected(Step::Delete),
        Wait::Rejected(Step::Delete) => Wait::SecretNotFound,
        Wait::SecretNotFound => Wait::SecretKeyMissing,
        Wait::SecretKeyMissing => Wait::NameTaken,
        Wait::NameTaken => Wait::AdoptionNotAllowed,
        Wait::AdoptionNotAllowed => Wait::ExistingNotFound,
        Wait::ExistingNotFound => Wait::IdentityMismatch,
        Wait::IdentityMismatch => Wait::Undecided,
        Wait::Undecided => Wait::OtherEndpoint,
        Wait::OtherEndpoint => Wait::Settling(Step::Create),
        Wait::Settling(Step::Create) => Wait::Settling(Step::Change),
        Wait::Settling(Step::Change) => Wait::Settling(Step::Delete),
        Wait::Settling(Step::Delete) => Wait::Vanishing,
        Wait::Vanishing => Wait::TaskRunning(Step::Create),
        Wait::TaskRunning(Step::Create) => Wait::TaskRunning(Step::Change),
        Wait::TaskRunning(Step::Change) => Wait::TaskRunning(Step::Delete),
        Wait::TaskRunning(Step::Delete) => Wait::TaskStuck(Step::Create),
        Wait::TaskStuck(Step::Create) => Wait::TaskStuck(Step::Change),
        Wait::TaskStuck(Step::Change) => Wait::TaskStuck(Step::Delete),
        Wait::TaskStuck(Step::Delete) => Wait::VirtualMachines,
        Wait::VirtualMachines => Wait::InUse,
        Wait::InUse => Wait::Admission,
        Wait::Admission => Wait::DeletionHeld,
        Wait::DeletionHeld => return None,
    })
}

fn decisions() -> Vec<Action> {
    let waits = std::iter::successors(Some(Wait::ServerNotFound), |wait| after(*wait));
    let mut decisions: Vec<Action> = waits.map(Action::Wait).collect();
    decisions.extend([
        Action::AddFinalizer,
        Action::RemoveFinalizer(Release::Removed),
        Action::ListTenants,
        Action::ConfirmAbsence,
        Action::Verify,
        Action::ListReferrers,
        Action::ReadPassword,
        Action::RecordIntent,
        Action::Create,
        Action::EndAttempt(End::Rejected),
        Action::Adopt(Adoption::ById),
        Action::RecordCreated,
        Action::GetCreated,
        Action::ForgetTenant,
        Action::ChangeState,
        Action::CancelCreation,
        Action::CancelRemoval,
        Action::RecordRemoval,
        Action::Delete,
        Action::Settled,
    ]);
    decisions
}

// === Scenes ===

fn acme() -> Tenant {
    Tenant::test("acme")
}

/// On the server, and Ready at its generation.
fn agreed() -> Tenant {
    acme()
        .recorded("1")
        .saying(ConditionType::Ready, true, reasons::RECONCILED)
        .saying(ConditionType::Provisioned, true, reasons::CREATED)
        .saying(ConditionType::Activated, true, reasons::ACTIVE)
}

fn complete() -> Tenant {
    acme().with(json!({
        "type": "Complete",
        "administrator": {"name": "boss", "passwordSecretRef": {"name": "boss", "key": "word"}},
    }))
}

/// As long as the schema lets texts be.
fn verbose() -> Tenant {
    let mut tenant = complete().with(json!({
        "name": "ж".repeat(128),
        "integrationServerRef": {"name": "s".repeat(253)},
    }));
    tenant.metadata.name = Some("t".repeat(253));
    tenant.creating(None)
}

fn scene_on(stage: &Stage, tenant: Tenant) -> Scene {
    let tenant = stage.tenant(tenant);
    let mut memory = Memory::default();
    observe(&tenant, &stage.context, &mut memory, Password::Unread)
}

/// The Tenant on a server that has it, active.
async fn scene(tenant: Tenant) -> Scene {
    let stage = Stage::ready();
    let on_server = viis::Tenant::test("1", tenant.server_name()).active();
    stage.lists(&[on_server.complete("ksc-7", "boss").typed(None)]);
    scene_on(&stage, tenant)
}

fn said(scene: &Scene, action: Action) -> TenantStatus {
    let line = line(scene, &Memory::default(), action).expect("something is said");
    status(scene, None, &line, action, now())
}

fn message(scene: &Scene, wait: Wait) -> String {
    let line = line(scene, &Memory::default(), Action::Wait(wait)).unwrap();
    line.message
}

// === Conditions ===

#[rstest]
#[case::new(acme())]
#[case::on_the_server(agreed())]
#[case::with_an_old_verdict(acme().recorded("1").saying(ConditionType::Stalled, true, "Old"))]
#[case::that_was_busy(acme().recorded("1").saying(ConditionType::Reconciling, true, "Old"))]
#[case::adopted(agreed().adopted())]
#[case::being_created(complete().creating(Some("task-1")))]
#[case::being_deleted(agreed().deleted())]
#[case::verbose(verbose())]
#[case::verbose_and_being_deleted(verbose().deleted())]
#[tokio::test]
async fn whatever_is_decided_kstatus_understands_it(#[case] tenant: Tenant) {
    let scene = scene(tenant).await;
    for action in decisions() {
        let about_secrets = matches!(
            action,
            Action::Wait(Wait::SecretNotFound | Wait::SecretKeyMissing)
        );
        if about_secrets && scene.tenant.spec.administrator.is_none() {
            continue;
        }
        let Some(line) = line(&scene, &Memory::default(), action) else {
            continue;
        };
        let status = status(&scene, None, &line, action, now());
        assert_eq!(status.observed_generation, Some(1), "{action:?}");
        assert_eq!(status.owner_uid.as_deref(), Some("uid-acme"), "{action:?}");
        follow_kstatus(&status.conditions, 1);
        for condition in &status.conditions {
            let Condition { message, .. } = condition;
            assert!(
                message.ends_with(['.', '…']) || message == "said",
                "{action:?}: {message}"
            );
        }
    }
}

#[rstest]
#[case::of_a_new_tenant(acme(), ConditionType::Provisioned)]
#[case::of_a_deletion(agreed().deleted(), ConditionType::Removed)]
#[tokio::test]
async fn what_holds_it_up_stands_on_the_stage_too(
    #[case] tenant: Tenant,
    #[case] stage: ConditionType,
) {
    let scene = scene(tenant).await;
    for action in decisions() {
        let Some(line) = line(&scene, &Memory::default(), action) else {
            continue;
        };
        let status = status(&scene, None, &line, action, now());
        let reason = line.reason.as_str();
        assert_eq!(
            says(&status.conditions, stage),
            Some(("False", reason)),
            "{action:?}"
        );
    }
}

#[tokio::test]
async fn a_tenant_of_another_installation_is_left_alone() {
    assert_eq!(
        line(&scene(acme()).await, &Memory::default(), Action::LeaveAlone),
        None
    );
}

#[tokio::test]
async fn a_created_tenant_that_agrees_says_so_everywhere() {
    let status = said(&scene(agreed()).await, Action::Settled);
    let all = &status.conditions;
    assert_eq!(
        says(all, ConditionType::Ready),
        Some(("True", "Reconciled"))
    );
    assert_eq!(
        says(all, ConditionType::Provisioned),
        Some(("True", "Created"))
    );
    assert_eq!(
        says(all, ConditionType::Activated),
        Some(("True", "Active"))
    );
    assert_eq!(says(all, ConditionType::Removed), None);
    assert_eq!(status.state.as_deref(), Some("Active"));
}

#[tokio::test]
async fn an_adopted_tenant_says_that_it_was_there_before() {
    let status = said(&scene(agreed().adopted()).await, Action::Settled);
    let provisioned = says(&status.conditions, ConditionType::Provisioned);
    assert_eq!(provisioned, Some(("True", "Adopted")));
}

#[tokio::test]
async fn an_inactive_tenant_that_was_asked_for_is_ready() {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("1", "acme")]);
    let scene = scene_on(&stage, agreed().with(json!({"state": "Inactive"})));
    let status = said(&scene, Action::Settled);
    assert_eq!(
        says(&status.conditions, ConditionType::Ready),
        Some(("True", "Reconciled"))
    );
    let activated = says(&status.conditions, ConditionType::Activated);
    assert_eq!(activated, Some(("False", "Inactive")));
}

#[tokio::test]
async fn suspended_is_ready_while_the_spec_is_met_and_else_is_not() {
    let scene = scene(agreed().with(json!({"suspend": true}))).await;
    let met = said(&scene, Action::Settled);
    assert_eq!(
        says(&met.conditions, ConditionType::Ready),
        Some(("True", "Suspended"))
    );
    let unmet = said(&scene, Action::Wait(Wait::Suspended));
    assert_eq!(
        says(&unmet.conditions, ConditionType::Ready),
        Some(("False", "Suspended"))
    );
    for kind in [ConditionType::Reconciling, ConditionType::Stalled] {
        assert_eq!(says(&unmet.conditions, kind), None);
    }
}

#[rstest]
#[case::a_changed_identity(Action::Wait(Wait::IdentityMismatch), "IdentityMismatch")]
#[case::a_vanished_tenant(Action::ConfirmAbsence, "Progressing")]
#[tokio::test]
async fn what_is_lost_is_neither_provisioned_nor_active(
    #[case] action: Action,
    #[case] reason: &str,
) {
    let status = said(&scene(agreed()).await, action);
    let all = &status.conditions;
    assert_eq!(
        says(all, ConditionType::Provisioned),
        Some(("False", reason))
    );
    assert_eq!(says(all, ConditionType::Activated), None);
    assert_eq!(says(all, ConditionType::Ready).unwrap().0, "False");
}

#[tokio::test]
async fn a_complete_tenant_shows_its_virtual_administration_server() {
    let status = said(&scene(complete().recorded("1")).await, Action::Settled);
    assert_eq!(
        status.virtual_administration_server_id.as_deref(),
        Some("ksc-7")
    );
    let simple = said(&scene(agreed()).await, Action::Settled);
    assert_eq!(simple.virtual_administration_server_id, None);
}

#[tokio::test]
async fn what_stands_under_another_name_is_not_shown_as_ours() {
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("1", "Somebody")]);
    let mut tenant = agreed();
    tenant.own().state = Some("Active".to_owned());
    let scene = scene_on(&stage, tenant);
    let status = said(&scene, Action::Wait(Wait::IdentityMismatch));
    assert_eq!(
        status.state.as_deref(),
        Some("Active"),
        "as it was last known"
    );
}

#[tokio::test]
async fn without_an_identifier_nothing_of_a_tenant_is_shown() {
    let mut tenant = acme();
    let status = tenant.own();
    status.state = Some("Active".to_owned());
    status.virtual_machines = Some(3);
    let status = said(&scene(tenant).await, Action::RecordIntent);
    assert_eq!((status.state, status.virtual_machines), (None, None));
}

#[rstest]
#[case::ready(agreed(), true)]
#[case::stalled(acme().saying(ConditionType::Ready, false, "VIRMT_InvalidTenantType").saying(ConditionType::Stalled, true, "VIRMT_InvalidTenantType"), true)]
#[case::suspended(acme().saying(ConditionType::Ready, false, reasons::SUSPENDED), true)]
#[case::under_way(acme().saying(ConditionType::Ready, false, reasons::PROGRESSING).saying(ConditionType::Reconciling, true, reasons::PROGRESSING), false)]
#[case::for_an_older_generation({ let mut t = agreed(); t.metadata.generation = Some(2); t }, false)]
#[case::new(acme(), false)]
#[case::being_deleted(agreed().deleted(), false)]
#[tokio::test]
async fn an_outage_is_said_only_where_it_keeps_work_waiting(
    #[case] tenant: Tenant,
    #[case] silent: bool,
) {
    let scene = scene(tenant).await;
    for wait in [Wait::ServerNotReady, Wait::InventoryGuard] {
        let line = line(&scene, &Memory::default(), Action::Wait(wait));
        assert_eq!(line.is_none(), silent, "{wait:?}");
        assert!(
            line.is_none_or(|line| line.mood == Mood::Reconciling),
            "not Stalled"
        );
    }
}

#[tokio::test]
async fn a_server_whose_first_answer_is_on_its_way_is_not_worth_a_word() {
    let stage = Stage::knowing(IntegrationServer::test());
    stage.is_taken_up();
    let scene = scene_on(&stage, acme());
    let wait = Action::Wait(Wait::ServerNotReady);
    assert_eq!(line(&scene, &Memory::default(), wait), None);
}

#[tokio::test]
async fn every_condition_was_looked_at_for_the_present_generation() {
    let mut tenant = agreed().deleted();
    tenant.metadata.generation = Some(2);
    let status = said(&scene(tenant).await, Action::Wait(Wait::InUse));
    follow_kstatus(&status.conditions, 2);
    assert!(says(&status.conditions, ConditionType::Provisioned).is_some());
}

#[tokio::test]
async fn a_tenant_that_a_guarded_server_lacks_says_so() {
    let stage = Stage::ready();
    stage.lists(&[]);
    let scene = scene_on(&stage, agreed());
    let line = line(
        &scene,
        &Memory::default(),
        Action::Wait(Wait::InventoryGuard),
    );
    assert_eq!(line.unwrap().reason, reasons::INVENTORY_GUARD);
}
