//! What was begun, as far as this process can know it.

use super::*;
use crate::inventory::STUCK_AFTER;

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
async fn a_task_that_has_not_changed_for_long_is_stuck() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().tasks().unchanged_for("9", STUCK_AFTER);
    let creation = facts(&stage, acme().creating(Some("9"))).record.creation;
    assert!(
        matches!(
            creation,
            Creation::Task {
                task: Task::Stuck,
                ..
            }
        ),
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

/// The task that is followed, when this process sent "9" and the status names this.
fn followed(stage: &Stage, named: Option<&str>) -> TaskId {
    let mut memory = remembering(|attempt| {
        attempt.task = Some(TaskId::new("9"));
        attempt.replaced = Some(TaskId::new("8"));
        attempt.recorded = Some(TaskId::new("7"));
    });
    look(stage, acme().creating(named), &mut memory);
    memory.attempt.unwrap().task.unwrap()
}

#[rstest]
#[case::nothing(None)]
#[case::what_it_named_before(Some("7"))]
#[case::what_was_sent_before(Some("8"))]
#[tokio::test]
async fn what_was_sent_last_is_followed_whatever_the_status_names(#[case] named: Option<&str>) {
    let stage = Stage::ready();
    assert_eq!(followed(&stage, named), TaskId::new("9"));
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().forgets_task(&TaskId::new("9"));
    assert_eq!(followed(&stage, named), TaskId::new("9"));
}

#[tokio::test]
async fn a_task_that_another_process_sent_meanwhile_counts_once_ours_has_ended() {
    let stage = Stage::ready();
    assert_eq!(followed(&stage, Some("10")), TaskId::new("9"));
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().forgets_task(&TaskId::new("9"));
    assert_eq!(followed(&stage, Some("10")), TaskId::new("10"));
}

/// A name that exists may be what our own earlier request has made.
#[tokio::test]
async fn what_another_process_sent_is_not_the_only_request() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().forgets_task(&TaskId::new("9"));
    let mut memory = remembering(|attempt| {
        attempt.written_here = true;
        attempt.sends = 1;
        attempt.cancelled = true;
        attempt.refusal = Some(Refusal::NameExists);
        attempt.ended = Some(ago(HALF_AN_HOUR));
        attempt.task = Some(TaskId::new("9"));
    });
    let tenant = acme().creating(Some("10"));
    let creation = look(&stage, tenant, &mut memory).facts.record.creation;
    let Creation::Task {
        task,
        sole,
        cancelled,
        ..
    } = creation
    else {
        panic!("{creation:?}");
    };
    assert_eq!((task, sole, cancelled), (Task::Running, false, false));
    let attempt = memory.attempt.unwrap();
    assert_eq!((attempt.refusal, attempt.ended), (None, None));
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
    let mut memory = having_lost(age, Some(DesiredState::Active));
    assert_eq!(changing(&mut memory, &Stage::ready()), change);
}

/// This process sent an activation or deactivation so many seconds ago, and got no response.
fn having_lost(age: u64, wanted: Option<DesiredState>) -> Memory {
    Memory {
        lost_change: Some(LostChange {
            at: ago(seconds(age)),
            wanted,
        }),
        ..Memory::default()
    }
}

#[rstest]
#[case::the_same(Some(DesiredState::Active), 5, None, Change::None)]
#[case::its_opposite(Some(DesiredState::Inactive), 5, None, Change::Settling)]
#[case::another_processs(None, 5, None, Change::Settling)]
#[case::surveyed_before(Some(DesiredState::Active), 20, None, Change::Settling)]
#[case::while_one_runs(
    Some(DesiredState::Active),
    5,
    Some(TaskType::ChangeTenantActivation),
    Change::Settling
)]
#[case::while_another_runs(
    Some(DesiredState::Active),
    5,
    Some(TaskType::CreateTenant),
    Change::None
)]
#[tokio::test]
async fn the_same_activation_may_be_repeated_once_no_task_can_be_it(
    #[case] wanted: Option<DesiredState>,
    #[case] surveyed: u64,
    #[case] running: Option<TaskType>,
    #[case] change: Change,
) {
    let stage = Stage::ready();
    let task = |of_type| viis::Task {
        task_type: Some(of_type),
        ..viis::Task::test("7")
    };
    let tasks: Vec<viis::Task> = running.map(task).into_iter().collect();
    stage.picture().surveyed(&tasks, ago(seconds(surveyed)));
    let mut memory = having_lost(10, wanted);
    assert_eq!(changing(&mut memory, &stage), change);
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
    let mut memory = Memory {
        taken_up: Some(TaskId::new("9")),
        ..Memory::default()
    };
    let again = look(&stage, tenant.clone(), &mut memory).facts.change;
    assert_eq!(again, Change::None, "once");
    tenant.own().task.as_mut().unwrap().state = Some("Completed".to_owned());
    assert_eq!(facts(&stage, tenant).change, Change::None);
}

#[tokio::test]
async fn an_activation_of_a_tenant_that_is_gone_is_not_followed() {
    let mut tenant = acme().creating(None);
    tenant.own().task = Some(api::TaskStatus {
        id: "9".to_owned(),
        task_type: Some("ChangeTenantActivation".to_owned()),
        state: Some("Running".to_owned()),
        ..api::TaskStatus::default()
    });
    let stage = Stage::ready();
    assert_eq!(facts(&stage, tenant).change, Change::None);
    assert!(stage.picture().tasks().view(&TaskId::new("9")).is_none());
}

#[tokio::test]
async fn an_ended_activation_is_none() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    let mut memory = Memory {
        change: Some(crate::controllers::tenant::memory::Change {
            task: TaskId::new("9"),
            wanted: Some(DesiredState::Active),
        }),
        ..Memory::default()
    };
    assert_eq!(changing(&mut memory, &stage), Change::Running);
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .of_type(TaskType::ChangeTenantActivation)
        .completed()]);
    assert_eq!(changing(&mut memory, &stage), Change::None);
}
