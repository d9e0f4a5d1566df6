#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::api::{VirtualMachine, reasons};
use crate::controllers::fixtures::{Stage, minutes_ago};
use crate::controllers::tenant::memory::Rejection;
use crate::inventory::fixtures::{ago, owner, seconds};
use crate::plan::tenant::Step;
use crate::viis::TaskState;

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

fn acme() -> Tenant {
    Tenant::test("acme")
}

fn on_server(id: &str) -> viis::Tenant {
    viis::Tenant::test(id, "acme")
}

/// Looks at a Tenant with this memory.
fn look(stage: &Stage, tenant: Tenant, memory: &mut Memory) -> Scene {
    observe(
        &stage.tenant(tenant),
        &stage.context,
        memory,
        Password::Unread,
    )
}

/// Looks at a Tenant for the first time.
fn facts(stage: &Stage, tenant: Tenant) -> Facts {
    look(stage, tenant, &mut Memory::default()).facts
}

/// This process remembers the attempt "attempt-1".
fn remembering(attempt: impl FnOnce(&mut Attempt)) -> Memory {
    let mut seen = Attempt::seen("attempt-1");
    attempt(&mut seen);
    Memory {
        attempt: Some(seen),
        ..Memory::default()
    }
}

fn creation_of(memory: &mut Memory, tenant: Tenant) -> Creation {
    look(&Stage::ready(), tenant, memory).facts.record.creation
}

const FIRST_SEEN: Unknown = Unknown {
    here: true,
    settled: false,
    waited: false,
};

// === Creation ===

#[tokio::test]
async fn without_an_intent_there_is_no_creation() {
    assert_eq!(
        facts(&Stage::ready(), acme()).record.creation,
        Creation::None
    );
}

#[tokio::test]
async fn an_intent_of_this_very_process_was_certainly_not_sent() {
    let mut memory = remembering(|attempt| attempt.written_here = true);
    assert_eq!(
        creation_of(&mut memory, acme().creating(None)),
        Creation::Intended
    );
}

#[tokio::test]
async fn an_intent_for_a_server_that_moved_before_it_was_sent_is_none() {
    let stage = Stage::ready();
    stage.serve_at("127.0.0.1:9999");
    let mut memory = remembering(|attempt| attempt.written_here = true);
    let facts = look(&stage, acme().creating(None), &mut memory).facts;
    assert_eq!(facts.record.creation, Creation::None);
}

#[tokio::test]
async fn an_intent_of_another_process_may_have_been_sent() {
    let mut memory = Memory::default();
    let creation = creation_of(&mut memory, acme().creating(None));
    assert_eq!(creation, Creation::Unknown(FIRST_SEEN));
    assert_eq!(memory.attempt.unwrap().id, "attempt-1");
}

#[tokio::test]
async fn an_attempt_of_another_name_is_not_the_one_that_is_remembered() {
    let mut memory = remembering(|attempt| {
        attempt.id = "an older one".to_owned();
        attempt.written_here = true;
        attempt.since = ago(HALF_AN_HOUR);
    });
    let creation = creation_of(&mut memory, acme().creating(None));
    assert_eq!(creation, Creation::Unknown(FIRST_SEEN));
}

#[rstest]
#[case::just_sent(0, false, false)]
#[case::after_29_seconds(29, false, false)]
#[case::after_30_seconds(30, true, false)]
#[case::after_10_minutes(600, true, true)]
#[tokio::test]
async fn a_lost_answer_is_settled_after_30_seconds(
    #[case] age: u64,
    #[case] settled: bool,
    #[case] waited: bool,
) {
    let mut memory = remembering(|attempt| {
        attempt.written_here = true;
        attempt.sends = 1;
        attempt.since = ago(seconds(age));
    });
    let unknown = Unknown {
        here: true,
        settled,
        waited,
    };
    let creation = creation_of(&mut memory, acme().creating(None));
    assert_eq!(creation, Creation::Unknown(unknown));
}

#[tokio::test]
async fn an_intent_that_names_another_server_is_not_here() {
    let stage = Stage::ready();
    stage.serve_at("127.0.0.1:9999");
    let creation = facts(&stage, acme().creating(None)).record.creation;
    let elsewhere = Unknown {
        here: false,
        ..FIRST_SEEN
    };
    assert_eq!(creation, Creation::Unknown(elsewhere));
}

#[tokio::test]
async fn a_refused_first_request_was_the_only_one() {
    let mut memory = remembering(|attempt| {
        attempt.written_here = true;
        attempt.sends = 1;
        attempt.refusal = Some(Refusal::NameExists);
    });
    let refused = Creation::Refused {
        refusal: Refusal::NameExists,
        sole: true,
    };
    assert_eq!(creation_of(&mut memory, acme().creating(None)), refused);
}

#[rstest]
#[case::sent_twice(true, 2)]
#[case::another_process_wrote_it(false, 1)]
#[tokio::test]
async fn a_refused_repetition_has_a_lost_request_beside_it(
    #[case] written_here: bool,
    #[case] sends: u32,
) {
    let mut memory = remembering(|attempt| {
        attempt.written_here = written_here;
        attempt.sends = sends;
        attempt.refusal = Some(Refusal::NameExists);
    });
    let refused = Creation::Task {
        task: Task::Refused(Refusal::NameExists),
        sole: false,
        cancelled: false,
        unknown: FIRST_SEEN,
    };
    assert_eq!(creation_of(&mut memory, acme().creating(None)), refused);
}

#[tokio::test]
async fn a_task_in_status_is_watched_after_a_restart() {
    let stage = Stage::ready();
    let creation = facts(&stage, acme().creating(Some("9"))).record.creation;
    let Creation::Task { task, sole, .. } = creation else {
        panic!("{creation:?}");
    };
    assert_eq!((task, sole), (Task::Running, false));
    assert!(stage.picture().tasks().view(&TaskId::new("9")).is_some());
    assert!(
        stage.picture().slots().take(&owner("acme")),
        "it has a slot"
    );
}

#[tokio::test]
async fn a_task_that_could_not_be_written_down_is_watched_too() {
    let mut memory = remembering(|attempt| {
        attempt.written_here = true;
        attempt.sends = 1;
        attempt.task = Some(TaskId::new("9"));
    });
    let creation = creation_of(&mut memory, acme().creating(None));
    assert!(
        matches!(creation, Creation::Task { sole: true, .. }),
        "{creation:?}"
    );
}

#[rstest]
#[case::completed(viis::Task::test("9").completed(), Task::Completed)]
#[case::name_exists(
    viis::Task::test("9").failed("VIRMT_TenantWithSpecifiedNameAlreadyExists"),
    Task::Refused(Refusal::NameExists)
)]
#[case::tenant_gone(
    viis::Task::test("9").failed("VIRMT_TenantWithSpecifiedIdNotFound"),
    Task::Refused(Refusal::TenantNotFound)
)]
#[case::other(
    viis::Task::test("9").failed("VIRMT_PasswordNotComplyPolicy"),
    Task::Refused(Refusal::Other)
)]
#[case::cancelled(viis::Task::test("9").in_state(TaskState::Canceled), Task::Refused(Refusal::Other))]
#[case::queued(viis::Task::test("9").in_state(TaskState::Queued), Task::Running)]
#[case::unknown_state(viis::Task::test("9").in_state(TaskState::Other("Dozing".to_owned())), Task::Running)]
#[tokio::test]
async fn a_task_is_as_far_as_the_server_shows(#[case] shown: viis::Task, #[case] far: Task) {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().shows_tasks(&[shown]);
    let creation = facts(&stage, acme().creating(Some("9"))).record.creation;
    assert!(
        matches!(creation, Creation::Task { task, .. } if task == far),
        "{creation:?}"
    );
}

#[tokio::test]
async fn the_end_of_a_task_begins_a_wait_of_its_own() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().forgets_task(&TaskId::new("9"));
    let mut memory = remembering(|attempt| attempt.since = ago(HALF_AN_HOUR));
    let creation = look(&stage, acme().creating(Some("9")), &mut memory)
        .facts
        .record
        .creation;
    assert!(
        matches!(
            creation,
            Creation::Task {
                task: Task::Forgotten,
                ..
            }
        ),
        "{creation:?}"
    );
    let attempt = memory.attempt.as_mut().unwrap();
    assert!(attempt.ended.is_some() && attempt.since.elapsed() < seconds(10));
    attempt.since = ago(seconds(31));
    let creation = look(&stage, acme().creating(Some("9")), &mut memory)
        .facts
        .record
        .creation;
    let Creation::Task { unknown, .. } = creation else {
        panic!("{creation:?}");
    };
    assert!(unknown.settled, "the wait is not begun anew by each look");
}

// === Removal ===

#[tokio::test]
async fn a_decision_of_this_very_process_was_certainly_not_sent() {
    let mut memory = Memory {
        removal: Some(RemovalMemory {
            unsent: true,
            ..RemovalMemory::seen("removal-1")
        }),
        ..Memory::default()
    };
    let tenant = acme().recorded("1").deleted().removing(None);
    let removal = look(&Stage::ready(), tenant, &mut memory)
        .facts
        .record
        .removal;
    assert_eq!(removal, Removal::Decided);
}

#[rstest]
#[case::just_seen(0, false)]
#[case::after_30_seconds(30, true)]
#[tokio::test]
async fn a_decision_of_another_process_is_settled_after_30_seconds(
    #[case] age: u64,
    #[case] settled: bool,
) {
    let mut memory = Memory {
        removal: Some(RemovalMemory {
            since: ago(seconds(age)),
            ..RemovalMemory::seen("removal-1")
        }),
        ..Memory::default()
    };
    let tenant = acme().recorded("1").deleted().removing(None);
    let removal = look(&Stage::ready(), tenant, &mut memory)
        .facts
        .record
        .removal;
    assert_eq!(removal, Removal::Unknown { settled });
}

#[tokio::test]
async fn a_removals_task_is_followed() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .of_type(TaskType::DeleteTenant)
        .completed()]);
    let tenant = acme().recorded("1").deleted().removing(Some("9"));
    let removal = facts(&stage, tenant).record.removal;
    assert!(
        matches!(
            removal,
            Removal::Task {
                task: Task::Completed,
                ..
            }
        ),
        "{removal:?}"
    );
}

#[tokio::test]
async fn a_task_of_another_type_is_not_the_one_that_was_begun() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage
        .picture()
        .shows_tasks(&[viis::Task::test("9").completed()]);
    let tenant = acme().recorded("1").deleted().removing(Some("9"));
    let removal = facts(&stage, tenant).record.removal;
    assert!(
        matches!(
            removal,
            Removal::Task {
                task: Task::Forgotten,
                ..
            }
        ),
        "{removal:?}"
    );
}

#[tokio::test]
async fn a_decision_under_another_attempt_is_not_the_one_that_is_remembered() {
    let mut memory = Memory {
        removal: Some(RemovalMemory {
            unsent: true,
            ..RemovalMemory::seen("an older one")
        }),
        ..Memory::default()
    };
    let tenant = acme().recorded("1").deleted().removing(None);
    let removal = look(&Stage::ready(), tenant, &mut memory)
        .facts
        .record
        .removal;
    assert_eq!(removal, Removal::Unknown { settled: false });
}

#[tokio::test]
async fn a_removal_that_was_decided_on_another_address_is_guarded() {
    let stage = Stage::ready();
    let tenant = || acme().recorded("1").deleted().removing(None);
    assert_eq!(facts(&stage, tenant()).server.reach, Reach::Ready);
    stage.serve_at("127.0.0.1:9999");
    stage.lists(&[]);
    stage.believes();
    assert_eq!(facts(&stage, tenant()).server.reach, Reach::Guarded);
}

// === Change of state ===

fn changing(memory: &mut Memory, stage: &Stage) -> Change {
    look(stage, acme().recorded("1"), memory).facts.change
}

#[rstest]
#[case::just_lost(0, Change::Settling)]
#[case::settled(30, Change::None)]
#[tokio::test]
async fn a_lost_activation_may_be_repeated_after_30_seconds(
    #[case] age: u64,
    #[case] change: Change,
) {
    let mut memory = Memory {
        change: Some(ChangeMemory::Lost(ago(seconds(age)))),
        ..Memory::default()
    };
    assert_eq!(changing(&mut memory, &Stage::ready()), change);
}

#[tokio::test]
async fn an_activation_that_another_process_wrote_down_is_followed() {
    let stage = Stage::ready();
    let mut tenant = acme().recorded("1");
    tenant.own().task = Some(api::TaskStatus {
        id: "9".to_owned(),
        task_type: Some("ChangeTenantActivation".to_owned()),
        state: Some("Running".to_owned()),
        ..api::TaskStatus::default()
    });
    assert_eq!(facts(&stage, tenant.clone()).change, Change::Running);
    tenant.own().task.as_mut().unwrap().state = Some("Completed".to_owned());
    assert_eq!(facts(&stage, tenant).change, Change::None);
}

#[tokio::test]
async fn an_ended_activation_is_none() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    let mut memory = Memory {
        change: Some(ChangeMemory::Task(
            TaskId::new("9"),
            Some(DesiredState::Active),
        )),
        ..Memory::default()
    };
    assert_eq!(changing(&mut memory, &stage), Change::Running);
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .of_type(TaskType::ChangeTenantActivation)
        .completed()]);
    assert_eq!(changing(&mut memory, &stage), Change::None);
}

// === Whose status it is ===

#[tokio::test]
async fn under_another_uid_nothing_of_a_status_counts() {
    let restored = acme()
        .recorded("1")
        .creating(Some("9"))
        .removing(None)
        .adopted();
    let scene = look(
        &Stage::ready(),
        restored.under_uid("uid-restored"),
        &mut Memory::default(),
    );
    assert_eq!(scene.status, TenantStatus::default());
    let nothing = Record {
        tenant: false,
        creation: Creation::None,
        removal: Removal::None,
    };
    assert_eq!(scene.facts.record, nothing);
    assert!(
        !scene.facts.spec.retain,
        "whoever was adopted, it was not this one"
    );
}

#[rstest]
#[case::created(acme(), false)]
#[case::adopted(acme().adopted(), true)]
#[case::adopted_and_to_be_deleted(acme().adopted().with(json!({"deletionPolicy": "Delete"})), false)]
#[case::created_and_to_be_kept(acme().with(json!({"deletionPolicy": "Retain"})), true)]
#[tokio::test]
async fn what_was_adopted_stays_unless_asked_otherwise(
    #[case] tenant: Tenant,
    #[case] retain: bool,
) {
    assert_eq!(
        facts(&Stage::ready(), tenant.recorded("1")).spec.retain,
        retain
    );
}

// === What stands under the identifier ===

#[rstest]
#[case::active(on_server("1").active(), ById::Same(Activity::Active))]
#[case::inactive(on_server("1"), ById::Same(Activity::Inactive))]
#[case::in_an_unknown_state(on_server("1").in_state(viis::TenantStatus::Other("Frozen".to_owned())), ById::Same(Activity::Other))]
#[case::without_a_type(on_server("1").typed(None), ById::Same(Activity::Inactive))]
#[case::another_name(viis::Tenant::test("1", "Somebody"), ById::Other)]
#[case::another_type(on_server("1").complete("ksc", "boss"), ById::Other)]
#[case::a_type_that_no_page_names(on_server("1").typed(Some(viis::TenantType::Other("Odd".to_owned()))), ById::Other)]
#[case::another_identifier(on_server("2"), ById::Missing)]
#[tokio::test]
async fn under_the_recorded_identifier_stands(#[case] listed: viis::Tenant, #[case] found: ById) {
    let stage = Stage::ready();
    stage.lists(&[listed]);
    assert_eq!(facts(&stage, acme().recorded("1")).world.by_id, found);
}

#[tokio::test]
async fn without_a_list_nothing_is_missing() {
    let stage = Stage::serving(IntegrationServer::test());
    assert_eq!(
        facts(&stage, acme().recorded("1")).world.by_id,
        ById::Unlisted
    );
    assert_eq!(
        facts(&Stage::empty(), acme().recorded("1")).world.by_id,
        ById::Unlisted
    );
}

#[tokio::test]
async fn what_the_server_proved_absent_is_gone() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1")]);
    stage.picture().tenants().proved_absent(&TenantId::new("1"));
    let world = facts(&stage, acme().recorded("1")).world;
    assert_eq!((world.by_id, world.verified), (ById::Gone, true));
}

#[rstest]
#[case::missing(vec![])]
#[case::under_another_name(vec![viis::Tenant::test("1", "Somebody")])]
#[tokio::test]
async fn what_a_person_wrote_off_is_gone(#[case] listed: Vec<viis::Tenant>) {
    let stage = Stage::ready();
    stage.lists(&listed);
    stage.judged(|verdicts| {
        verdicts.written_off.insert("uid-acme".to_owned());
    });
    assert_eq!(facts(&stage, acme().recorded("1")).world.by_id, ById::Gone);
}

#[tokio::test]
async fn a_deletion_needs_the_servers_own_proof() {
    let stage = Stage::ready();
    stage.judged(|verdicts| {
        verdicts.written_off.insert("uid-acme".to_owned());
    });
    let deleted = acme().recorded("1").deleted();
    assert_eq!(facts(&stage, deleted).world.by_id, ById::Missing);
}

#[tokio::test]
async fn what_was_written_off_and_stands_there_again_is_ours() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1").active()]);
    stage.judged(|verdicts| {
        verdicts.written_off.insert("uid-acme".to_owned());
    });
    let by_id = facts(&stage, acme().recorded("1")).world.by_id;
    assert_eq!(by_id, ById::Same(Activity::Active));
}

// === What stands under the name ===

fn by_name(tenant: Tenant, listed: &[viis::Tenant]) -> Sighting {
    let stage = Stage::ready();
    stage.lists(listed);
    facts(&stage, tenant).world.by_name
}

#[rstest]
#[case::nothing_of_the_kind(viis::Tenant::test("1", "Acme"), Sighting::Absent)]
#[case::equal(on_server("1"), Sighting::Equal)]
#[case::with_what_the_spec_leaves_open(on_server("1").described("by hand").with_user_data("x"), Sighting::Equal)]
#[case::another_type(on_server("1").complete("ksc", "boss"), Sighting::Different)]
#[tokio::test]
async fn a_tenant_with_our_name(#[case] listed: viis::Tenant, #[case] sighting: Sighting) {
    assert_eq!(by_name(acme(), &[listed]), sighting);
}

#[rstest]
#[case::equal(on_server("1").described("gold").with_user_data("4711"), Sighting::Equal)]
#[case::not_shown(on_server("1"), Sighting::Equal)]
#[case::another_description(on_server("1").described("silver"), Sighting::Different)]
#[case::other_user_data(on_server("1").described("gold").with_user_data("4712"), Sighting::Different)]
#[tokio::test]
async fn every_field_that_both_sides_show_is_compared(
    #[case] listed: viis::Tenant,
    #[case] sighting: Sighting,
) {
    let tenant = acme().with(json!({"description": "gold", "userData": "4711"}));
    assert_eq!(by_name(tenant, &[listed]), sighting);
}

#[rstest]
#[case("boss", Sighting::Equal)]
#[case("somebody", Sighting::Different)]
#[tokio::test]
async fn administrators_are_compared(#[case] administrator: &str, #[case] sighting: Sighting) {
    let tenant = acme().with(json!({
        "type": "Complete",
        "administrator": {"name": "boss", "passwordSecretRef": {"name": "boss"}},
    }));
    assert_eq!(
        by_name(tenant, &[on_server("1").complete("ksc", administrator)]),
        sighting
    );
}

#[tokio::test]
async fn a_tenant_that_another_resource_owns_is_owned() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1")]);
    stage.tenant(Tenant::test("other").recorded("1"));
    let asking = acme().with(json!({"existingTenantId": "1"}));
    let world = facts(&stage, asking).world;
    assert_eq!(
        (world.by_name, world.existing),
        (Sighting::Owned, Sighting::Owned)
    );
}

#[tokio::test]
async fn what_our_own_task_made_is_ours_however_the_server_writes_it() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1").described("GOLD")]);
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage
        .picture()
        .shows_tasks(&[viis::Task::test("9").made(on_server("1"))]);
    let tenant = acme().with(json!({"description": "gold"}));
    let made = facts(&stage, tenant.clone().creating(Some("9")))
        .world
        .by_name;
    assert_eq!(made, Sighting::Equal);
    assert_eq!(facts(&stage, tenant).world.by_name, Sighting::Different);
}

#[rstest]
#[case::there(on_server("7"), Sighting::Equal)]
#[case::with_other_texts(on_server("7").described("by hand"), Sighting::Equal)]
#[case::under_another_name(viis::Tenant::test("7", "Somebody"), Sighting::Different)]
#[case::of_another_type(on_server("7").complete("ksc", "boss"), Sighting::Different)]
#[case::not_there(on_server("8"), Sighting::Absent)]
#[tokio::test]
async fn the_tenant_that_is_asked_for(#[case] listed: viis::Tenant, #[case] sighting: Sighting) {
    let stage = Stage::ready();
    stage.lists(&[listed]);
    let asking = acme().with(json!({"existingTenantId": "7", "description": "gold"}));
    assert_eq!(facts(&stage, asking).world.existing, sighting);
}

// === Fresh lists ===

#[rstest]
#[case::just_made(0, true)]
#[case::old(11, false)]
#[tokio::test]
async fn a_list_is_fresh_for_ten_seconds(#[case] age: u64, #[case] fresh: bool) {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(age)));
    assert_eq!(facts(&stage, acme()).world.fresh, fresh);
}

#[tokio::test]
async fn a_slow_list_that_this_very_look_asked_for_is_fresh() {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(40)));
    let mut memory = Memory {
        run_started: Some(ago(seconds(41))),
        ..Memory::default()
    };
    assert!(look(&stage, acme(), &mut memory).facts.world.fresh);
}

#[rstest]
#[case::from_before_the_attempt(5, 8, false)]
#[case::from_after_the_attempt(5, 2, true)]
#[case::from_before_it_was_settled(31, 5, false)]
#[case::from_after_it_was_settled(39, 5, true)]
#[tokio::test]
async fn what_a_list_says_of_an_attempt_depends_on_when_it_began(
    #[case] attempt: u64,
    #[case] list: u64,
    #[case] fresh: bool,
) {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(list)));
    let mut memory = remembering(|seen| seen.since = ago(seconds(attempt)));
    let facts = look(&stage, acme().creating(None), &mut memory).facts;
    assert_eq!(facts.world.fresh, fresh);
}

#[rstest]
#[case::a_free_name(acme(), true)]
#[case::a_taken_name(acme().with(json!({"name": "taken"})), false)]
#[case::an_identifier_that_is_asked_for(acme().with(json!({"existingTenantId": "9"})), false)]
#[case::a_tenant_of_ours(acme().recorded("1"), true)]
#[tokio::test]
async fn what_a_person_is_told_rests_on_a_list_from_after_the_spec(
    #[case] tenant: Tenant,
    #[case] fresh: bool,
) {
    let stage = Stage::ready();
    let listed = [viis::Tenant::test("5", "taken"), on_server("1")];
    let listed = if tenant.status.is_some() {
        &listed[..]
    } else {
        &listed[..1]
    };
    stage.picture().tenants().replace(listed, ago(seconds(5)));
    let mut memory = Memory {
        spec_seen: Some((1, None, ago(seconds(1)))),
        ..Memory::default()
    };
    let look_again = |memory: &mut Memory| look(&stage, tenant.clone(), memory).facts.world.fresh;
    assert_eq!(look_again(&mut memory), fresh);
    memory.spec_seen = Some((1, None, ago(seconds(6))));
    assert!(
        look_again(&mut memory),
        "a list from after the spec is good for everything"
    );
}

// === Tasks that nobody claims ===

#[tokio::test]
async fn without_a_recent_survey_tasks_may_run() {
    let stage = Stage::ready();
    let unclaimed = |stage: &Stage| {
        let world = facts(stage, acme()).world;
        (world.unclaimed_creations, world.unclaimed_removals)
    };
    assert_eq!(unclaimed(&stage), (true, true), "nobody looked");
    let deletion = [viis::Task::test("9").of_type(TaskType::DeleteTenant)];
    stage.picture().surveyed(&deletion, ago(seconds(11)));
    assert_eq!(unclaimed(&stage), (true, true), "somebody looked, long ago");
    stage.picture().surveyed(&deletion, ago(seconds(1)));
    assert_eq!(unclaimed(&stage), (false, true));
}

// === The server ===

#[tokio::test]
async fn a_server_can_be_missing_foreign_parked_guarded_or_ready() {
    let reach = |stage: &Stage| facts(stage, acme()).server.reach;
    assert_eq!(reach(&Stage::empty()), Reach::Missing);
    let foreign = IntegrationServer::test().served_by("elsewhere/viis-operator");
    assert_eq!(reach(&Stage::ready_with(foreign)), Reach::Foreign);
    let ours = IntegrationServer::test().served_by("viis-system/viis-operator");
    assert_eq!(reach(&Stage::ready_with(ours)), Reach::Ready);
    assert_eq!(
        reach(&Stage::knowing(IntegrationServer::test())),
        Reach::NotReady
    );
    assert_eq!(
        reach(&Stage::serving(IntegrationServer::test())),
        Reach::Guarded
    );
}

#[tokio::test]
async fn a_list_that_nobody_judged_is_judged_before_anything_is_decided_on_it() {
    let stage = Stage::ready();
    for number in 0..8 {
        stage.tenant(Tenant::test(&format!("lost-{number}")).recorded(&format!("lost-{number}")));
    }
    stage.lists(&[on_server("1")]);
    assert_eq!(stage.handle().reach(), Reach::Ready, "as judged before");
    assert_eq!(
        facts(&stage, acme().recorded("1")).server.reach,
        Reach::Guarded
    );
}

#[rstest]
#[case::everybody(IntegrationServer::test(), &[], true)]
#[case::chosen(IntegrationServer::test().selective(), &[("viis", "allowed")], true)]
#[case::not_chosen(IntegrationServer::test().selective(), &[("viis", "no")], false)]
#[tokio::test]
async fn a_namespace_is_permitted(
    #[case] server: IntegrationServer,
    #[case] labels: &[(&str, &str)],
    #[case] permitted: bool,
) {
    let stage = Stage::ready_with(server);
    stage.namespace("customers", labels, false);
    assert_eq!(facts(&stage, acme()).server.permitted, permitted);
}

#[rstest]
#[case("Never", false, false)]
#[case("ById", true, false)]
#[case("IfIdentical", true, true)]
#[tokio::test]
async fn the_adoption_policy(#[case] policy: &str, #[case] by_id: bool, #[case] identical: bool) {
    let server = IntegrationServer::test().with(json!({"adoptionPolicy": policy}));
    let server = facts(&Stage::ready_with(server), acme()).server;
    assert_eq!(
        (server.adopts_by_id, server.adopts_identical),
        (by_id, identical)
    );
}

#[tokio::test]
async fn a_server_that_is_deleted_is_leaving() {
    let stage = Stage::ready_with(IntegrationServer::test().deleted());
    assert!(facts(&stage, acme()).server.leaving);
}

// === Claims ===

fn namesake(name: &str) -> Tenant {
    Tenant::test(name).with(json!({"name": "Acme"}))
}

#[rstest]
#[case::alone(None, false)]
#[case::against_a_younger_one(Some(namesake("rival").made_at(minutes_ago(1))), false)]
#[case::against_an_older_one(Some(namesake("rival").made_at(minutes_ago(9))), true)]
#[case::against_one_that_has_it(Some(namesake("rival").made_at(minutes_ago(1)).recorded("1")), true)]
#[case::against_one_that_is_making_it(Some(namesake("rival").made_at(minutes_ago(1)).creating(None)), true)]
#[case::against_one_whose_status_is_a_restored_ones(
    Some(namesake("rival").recorded("1").under_uid("uid-restored").made_at(minutes_ago(1))),
    false
)]
#[case::against_one_on_another_server(
    Some(namesake("rival").made_at(minutes_ago(9)).with(json!({"integrationServerRef": {"name": "second"}}))),
    false
)]
#[case::against_an_older_one_of_another_namespace(
    Some(namesake("rival").in_namespace("others").made_at(minutes_ago(9))),
    true
)]
#[tokio::test]
async fn a_name_belongs_to_one(#[case] rival: Option<Tenant>, #[case] outclaimed: bool) {
    let stage = Stage::ready();
    if let Some(rival) = rival {
        stage.tenant(rival);
    }
    let ours = namesake("acme").made_at(minutes_ago(5));
    assert_eq!(facts(&stage, ours).outclaimed, outclaimed);
}

#[tokio::test]
async fn a_rival_whose_namespace_may_not_has_no_claim() {
    let stage = Stage::ready_with(IntegrationServer::test().selective());
    stage.namespace("customers", &[("viis", "allowed")], false);
    stage.namespace("others", &[], false);
    stage.tenant(
        namesake("rival")
            .in_namespace("others")
            .made_at(minutes_ago(9)),
    );
    assert!(!facts(&stage, namesake("acme")).outclaimed);
}

// === Machines ===

fn machine(name: &str) -> VirtualMachine {
    VirtualMachine::test_resource(name)
}

#[tokio::test]
async fn machines_are_counted() {
    let stage = Stage::ready();
    stage.machine(machine("registered").registered("1"));
    stage.machine(machine("stalled").saying(ConditionType::Stalled, true, "AlreadyClaimed"));
    stage.machine(machine("new"));
    stage.machine(machine("leaving").registered("1").deleted());
    let scene = look(&stage, acme().recorded("1"), &mut Memory::default());
    let count = Count {
        referring: 3,
        registered: 2,
        unregistered: 1,
    };
    assert_eq!(scene.machines, count);
    assert!(scene.facts.machines.unregistered);
    assert_eq!(scene.referrers.len(), 3);
}

#[rstest]
#[case::not_listed(None, Referrers::Unlisted)]
#[case::listed_and_none(Some((0, vec![])), Referrers::None)]
#[case::listed_and_some(Some((0, vec!["web".to_owned()])), Referrers::Some)]
#[case::listed_long_ago(Some((11, vec![])), Referrers::Unlisted)]
#[tokio::test]
async fn only_a_live_list_shows_that_nobody_refers(
    #[case] listed: Option<(u64, Vec<String>)>,
    #[case] referrers: Referrers,
) {
    let mut memory = Memory {
        referrers: listed.map(|(age, names)| (ago(seconds(age)), names)),
        ..Memory::default()
    };
    let facts = look(&Stage::ready(), acme().deleted(), &mut memory).facts;
    assert_eq!(facts.machines.referrers, referrers);
}

#[tokio::test]
async fn a_watched_machine_makes_a_live_list_old() {
    let stage = Stage::ready();
    stage.machine(machine("web"));
    let mut memory = Memory {
        referrers: Some((Instant::now(), Vec::new())),
        ..Memory::default()
    };
    let facts = look(&stage, acme().deleted(), &mut memory).facts;
    assert_eq!(facts.machines.referrers, Referrers::Some);
    assert!(
        memory.referrers.is_none(),
        "once it is gone, it is listed anew"
    );
}

#[rstest]
#[case::never(acme(), true)]
#[case::waiting_for_machines(acme().saying(ConditionType::Activated, false, reasons::WAITING_FOR_VIRTUAL_MACHINES), true)]
#[case::active(acme().saying(ConditionType::Activated, true, reasons::ACTIVE), false)]
#[case::was_active(acme().saying(ConditionType::Activated, false, reasons::TASK_RUNNING), false)]
#[tokio::test]
async fn machines_come_before_the_first_activation_alone(
    #[case] tenant: Tenant,
    #[case] first: bool,
) {
    assert_eq!(
        facts(&Stage::ready(), tenant).machines.first_activation,
        first
    );
}

#[rstest]
#[case::nine_minutes(9, false)]
#[case::ten_minutes(11, true)]
#[tokio::test]
async fn machines_are_waited_for_ten_minutes(#[case] minutes: i64, #[case] waited: bool) {
    let mut tenant = acme();
    let since = Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    let all = &mut tenant.own().conditions;
    conditions::set(
        all,
        ConditionType::Provisioned,
        true,
        reasons::CREATED,
        "made",
        1,
        since,
    );
    assert_eq!(facts(&Stage::ready(), tenant).machines.waited, waited);
}

// === The guard's word ===

#[tokio::test]
async fn a_destruction_is_pending_granted_or_held() {
    let stage = Stage::ready();
    let admission = |stage: &Stage| facts(stage, acme().recorded("1").deleted()).admission;
    assert_eq!(admission(&Stage::empty()), Admission::Pending);
    stage.judged(|verdicts| {
        verdicts.held.insert("uid-acme".to_owned());
    });
    assert_eq!(admission(&stage), Admission::Held);
    stage.judged(|verdicts| {
        verdicts.admitted.insert("uid-acme".to_owned());
    });
    assert_eq!(admission(&stage), Admission::Granted);
}

// === Refusals ===

fn refused(change: impl FnOnce(&mut Rejection)) -> Memory {
    let mut rejection = Rejection {
        step: Step::Create,
        reason: "VIRMT_PasswordNotComplyPolicy".to_owned(),
        message: "no.".to_owned(),
        generation: 1,
        at: Instant::now(),
        requested_at: None,
        secret: None,
        forbidden: false,
    };
    change(&mut rejection);
    Memory {
        rejection: Some(rejection),
        ..Memory::default()
    }
}

#[rstest]
#[case::nothing_changed(refused(|_| {}), Some(Step::Create))]
#[case::after_29_minutes(refused(|r| r.at = ago(seconds(29 * 60))), Some(Step::Create))]
#[case::after_30_minutes(refused(|r| r.at = ago(HALF_AN_HOUR)), None)]
#[case::another_generation(refused(|r| r.generation = 0), None)]
#[case::it_was_requested(refused(|r| r.requested_at = Some("yesterday".to_owned())), None)]
#[tokio::test]
async fn a_refusal_stands_until_something_changes(
    #[case] mut memory: Memory,
    #[case] rejected: Option<Step>,
) {
    let facts = look(&Stage::ready(), acme(), &mut memory).facts;
    assert_eq!(facts.rejected, rejected);
}

#[tokio::test]
async fn a_new_request_is_a_reason_to_try_again() {
    let requested = acme().annotated(api::REQUESTED_AT_ANNOTATION, "now");
    let facts = look(&Stage::ready(), requested, &mut refused(|_| {})).facts;
    assert_eq!(facts.rejected, None);
}

#[tokio::test]
async fn an_account_that_was_refused_is_tried_again_once_the_server_is_back() {
    let stage = Stage::ready();
    let memory = || refused(|rejection| rejection.forbidden = true);
    let before = look(&stage, acme(), &mut memory()).facts.rejected;
    assert_eq!(before, Some(Step::Create));
    let mut memory = memory();
    stage.picture().health().probe_failed();
    std::thread::sleep(Duration::from_millis(2));
    stage.picture().health().probed();
    assert_eq!(look(&stage, acme(), &mut memory).facts.rejected, None);
}

#[test]
fn codes_say_what_was_refused() {
    let of = |text| refusal(viis::Code::new(text).as_ref());
    assert_eq!(
        of("VIRMT_TenantWithSpecifiedNameAlreadyExists"),
        Refusal::NameExists
    );
    assert_eq!(
        of("VIRMT_TenantWithSpecifiedIdNotFound"),
        Refusal::TenantNotFound
    );
    assert_eq!(of("KSC_ServiceNotConfigured"), Refusal::Other);
    assert_eq!(refusal(None), Refusal::Other);
}

// === Passwords ===

#[tokio::test]
async fn a_simple_tenant_needs_no_password() {
    assert_eq!(
        facts(&Stage::ready(), acme()).spec.password,
        Password::NotNeeded
    );
    let complete = acme().with(json!({"type": "Complete"}));
    assert_eq!(
        facts(&Stage::ready(), complete).spec.password,
        Password::Unread
    );
}
