#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::inventory::fixtures::{Woken, ago, owner, seconds};
use crate::viis::TaskState;

const SHORTLY_BEFORE: Duration = Duration::from_secs(30 * 60 - 1);

fn id(text: &str) -> TaskId {
    TaskId::new(text)
}

fn tasks() -> (Tasks, Arc<Woken>) {
    let woken = Woken::new();
    (Tasks::new(Arc::clone(&woken) as Arc<dyn Wake>), woken)
}

/// The task "1" of the Tenant "acme" is watched.
fn watching() -> (Tasks, Arc<Woken>) {
    let (tasks, woken) = tasks();
    tasks.watch(&id("1"), &owner("acme"));
    (tasks, woken)
}

fn created_from(tasks: &Tasks) -> Option<String> {
    let question = tasks.question().unwrap();
    question.filter.created_from.map(|time| time.to_string())
}

impl Tasks {
    pub(crate) fn unchanged_for(&self, task: &str, time: Duration) {
        let mut state = self.state();
        state.watched.get_mut(&id(task)).unwrap().last_change = ago(time);
    }
}

// === How they stand ===

#[tokio::test(start_paused = true)]
async fn the_longest_without_a_change_is_known_while_it_runs() {
    let (tasks, _) = tasks();
    assert_eq!(tasks.unchanged(), (0, None));
    tasks.watch(&id("1"), &owner("acme"));
    tasks.watch(&id("2"), &owner("other"));
    tasks.unchanged_for("1", SHORTLY_BEFORE);
    assert_eq!(tasks.unchanged(), (2, Some(ago(SHORTLY_BEFORE))));
    tasks.update(&[Task::test("1").completed()]);
    assert_eq!(tasks.unchanged(), (1, Some(Instant::now())));
    tasks.update(&[Task::test("2").completed()]);
    assert_eq!(tasks.unchanged(), (0, None));
}

// === Waking ===

#[test]
fn each_change_wakes_its_owner_once() {
    let (tasks, woken) = watching();
    let running = Task::test("1").at_percent(10);
    tasks.update(std::slice::from_ref(&running));
    assert_eq!(woken.tenants(), ["acme"]);
    tasks.update(std::slice::from_ref(&running));
    assert_eq!(woken.tenants(), [""; 0], "nothing changed");
    tasks.update(&[running.clone().at_percent(20)]);
    tasks.update(&[running.completed()]);
    assert_eq!(woken.tenants(), ["acme", "acme"]);
}

#[rstest]
#[case::state(Task::test("1").in_state(TaskState::Stopping))]
#[case::unknown_state(Task::test("1").in_state(TaskState::Other("Resting".to_owned())))]
#[case::progress(Task::test("1").at_percent(1))]
#[case::stage(Task { stage: Some("folders".to_owned()), ..Task::test("1") })]
#[case::changed(Task { changed: "2024-05-01T10:00:00".parse().ok(), ..Task::test("1") })]
fn what_counts_as_a_change(#[case] task: Task) {
    let (tasks, woken) = watching();
    tasks.update(&[Task::test("1")]);
    woken.tenants();
    tasks.update(&[task]);
    assert_eq!(woken.tenants(), ["acme"]);
}

#[test]
fn a_task_that_nobody_waits_for_wakes_nobody() {
    let (tasks, woken) = watching();
    assert!(tasks.update(&[Task::test("2").completed()]).is_empty());
    assert_eq!(woken.tenants(), [""; 0]);
}

#[test]
fn an_end_is_told_once() {
    let (tasks, woken) = watching();
    let ended = Task::test("1").failed("KSC_ServiceNotConfigured");
    assert_eq!(tasks.update(std::slice::from_ref(&ended)), [owner("acme")]);
    assert!(tasks.update(&[ended]).is_empty());
    assert_eq!(woken.in_flight(), 0);
    assert!(tasks.view(&id("1")).unwrap().is_over());
}

#[test]
fn a_forgotten_task_is_over() {
    let (tasks, woken) = watching();
    assert_eq!(tasks.forgotten(&id("1")), Some(owner("acme")));
    assert_eq!(tasks.forgotten(&id("1")), None);
    assert_eq!(woken.tenants(), ["acme"]);
    assert_eq!(woken.in_flight(), 0);
    assert!(matches!(tasks.view(&id("1")), Some(View::Forgotten)));
}

#[test]
fn a_completed_task_that_the_server_forgets_stays_completed() {
    let (tasks, _) = watching();
    tasks.update(&[Task::test("1").completed()]);
    assert_eq!(tasks.forgotten(&id("1")), None);
    assert!(matches!(tasks.view(&id("1")), Some(View::Seen(_))));
}

#[test]
fn tasks_in_flight_are_counted() {
    let (tasks, woken) = watching();
    tasks.watch(&id("1"), &owner("acme"));
    tasks.watch(&id("2"), &owner("other"));
    tasks.watch(&id("3"), &owner("third"));
    assert_eq!(woken.in_flight(), 3);
    tasks.update(&[Task::test("1").completed()]);
    tasks.forget(&id("1"), &owner("acme"));
    tasks.forget(&id("2"), &owner("other"));
    tasks.forgotten(&id("3"));
    tasks.forget(&id("3"), &owner("third"));
    assert_eq!(woken.in_flight(), 0);
}

#[test]
fn a_forgotten_task_that_comes_back_is_counted_as_long_as_it_runs() {
    let (tasks, woken) = watching();
    tasks.forgotten(&id("1"));
    tasks.update(&[Task::test("1")]);
    assert_eq!(woken.in_flight(), 1, "it runs, and is watched");
    tasks.update(&[Task::test("1").completed()]);
    assert_eq!(woken.in_flight(), 0);
}

#[test]
fn a_tenant_that_is_gone_takes_its_tasks_along() {
    let (tasks, woken) = watching();
    tasks.watch(&id("2"), &owner("acme"));
    tasks.watch(&id("3"), &owner("other"));
    tasks.update(&[Task::test("2").completed()]);
    tasks.forget_owner(&owner("acme"));
    assert!(tasks.view(&id("1")).is_none() && tasks.view(&id("2")).is_none());
    assert!(tasks.view(&id("3")).is_some());
    assert_eq!(woken.in_flight(), 1);
    tasks.forget_all();
    assert_eq!(woken.in_flight(), 0);
}

// === Identifiers that are given a second time ===

#[rstest]
#[case::forgotten(|tasks: &Tasks| { tasks.forgotten(&id("1")); })]
#[case::running(|tasks: &Tasks| { tasks.update(&[Task::test("1")]); })]
#[case::completed(|tasks: &Tasks| { tasks.update(&[Task::test("1").completed()]); })]
fn an_identifier_belongs_to_who_got_it_last(#[case] before: fn(&Tasks)) {
    let (tasks, woken) = watching();
    before(&tasks);
    woken.tenants();
    tasks.watch(&id("1"), &owner("other"));
    assert_eq!(woken.tenants(), ["acme"], "it has lost sight of its own");
    assert_eq!(woken.in_flight(), 1);
    tasks.update(&[Task::test("1").completed()]);
    assert_eq!(woken.tenants(), ["other"]);
    let of = |name| tasks.view_of(&id("1"), &owner(name));
    assert!(matches!(of("other"), Some(View::Seen(_))));
    assert!(matches!(of("acme"), Some(View::Forgotten)));
    assert_eq!(woken.in_flight(), 0);
}

#[test]
fn an_end_is_no_proof_where_the_identifier_may_be_anothers() {
    let lapsed = |before: fn(&Tasks)| {
        let (tasks, _) = watching();
        before(&tasks);
        !tasks.never_lapsed(&id("1"), &owner("acme"))
    };
    assert!(!lapsed(|_| {}));
    assert!(!lapsed(|tasks| {
        tasks.update(&[Task::test("1").completed()]);
    }));
    assert!(lapsed(|tasks| {
        tasks.forgotten(&id("1"));
        tasks.update(&[Task::test("1").completed()]);
    }));
    assert!(lapsed(|tasks| tasks.watch(&id("1"), &owner("other"))));
    assert!(lapsed(|tasks| {
        tasks.watch(&id("1"), &owner("other"));
        tasks.forget(&id("1"), &owner("other"));
    }));
}

#[test]
fn what_another_waits_for_is_not_forgotten_with_ours() {
    let (tasks, woken) = watching();
    tasks.watch(&id("1"), &owner("other"));
    tasks.forget(&id("1"), &owner("acme"));
    assert!(tasks.view(&id("1")).is_some());
    tasks.forget(&id("1"), &owner("other"));
    assert!(tasks.view(&id("1")).is_none());
    assert_eq!(woken.in_flight(), 0);
}

#[test]
fn a_task_that_is_begun_again_under_its_identifier_is_looked_at_anew() {
    let (tasks, woken) = watching();
    tasks.forgotten(&id("1"));
    tasks.watch(&id("1"), &owner("acme"));
    assert!(matches!(tasks.view(&id("1")), Some(View::Unseen)));
    assert_eq!(woken.in_flight(), 1);
}

// === What a poll asks for ===

#[test]
fn nothing_is_asked_when_nothing_runs() {
    let (tasks, _) = watching();
    assert!(tasks.question().is_some());
    tasks.update(&[Task::test("1").completed()]);
    assert!(tasks.question().is_none());
}

#[test]
fn one_question_covers_all_running_tasks() {
    let (tasks, _) = watching();
    tasks.watch(&id("2"), &owner("other"));
    tasks.watch(&id("3"), &owner("third"));
    tasks.update(&[Task::test("2").completed()]);
    let mut asked = tasks.question().unwrap().tasks;
    asked.sort();
    assert_eq!(asked, [id("1"), id("3")]);
}

#[test]
fn the_local_clock_bounds_no_question() {
    let (tasks, _) = watching();
    assert_eq!(created_from(&tasks), None, "no time of the server is known");
}

#[test]
fn a_question_begins_a_second_before_the_oldest_running_task() {
    let (tasks, _) = watching();
    tasks.watch(&id("2"), &owner("other"));
    tasks.update(&[
        Task::test("1").made_at("1999-05-01T10:00:00"),
        Task::test("2").made_at("1999-05-01T11:00:00"),
    ]);
    assert_eq!(created_from(&tasks).unwrap(), "1999-05-01T09:59:59");
    tasks.update(&[Task::test("1").made_at("1999-05-01T10:00:00").completed()]);
    assert_eq!(created_from(&tasks).unwrap(), "1999-05-01T10:59:59");
}

#[test]
fn a_new_task_is_not_older_than_what_the_server_made_before_it() {
    let (tasks, _) = watching();
    tasks.update(&[
        Task::test("1").made_at("1999-05-01T10:00:00").completed(),
        Task::test("a stranger's").made_at("1999-05-01T12:00:00"),
        Task::test("another's").made_at("1999-05-01T11:00:00"),
    ]);
    tasks.watch(&id("2"), &owner("acme"));
    assert_eq!(created_from(&tasks).unwrap(), "1999-05-01T11:59:59");
}

#[test]
fn a_task_without_any_known_time_unbounds_the_question() {
    let (tasks, _) = watching();
    tasks.watch(&id("2"), &owner("other"));
    tasks.update(&[Task::test("1").made_at("1999-05-01T10:00:00")]);
    assert_eq!(created_from(&tasks), None, "2 may be older than 1");
}

#[test]
fn a_task_whose_time_the_server_does_not_say_is_bounded_by_what_came_before() {
    let (tasks, _) = watching();
    tasks.update(&[Task::test("1").made_at("1999-05-01T10:00:00").completed()]);
    tasks.watch(&id("2"), &owner("acme"));
    tasks.update(&[Task::test("2")]);
    assert_eq!(created_from(&tasks).unwrap(), "1999-05-01T09:59:59");
}

// === Stuck ===

#[rstest]
#[case::shortly_before(SHORTLY_BEFORE, false)]
#[case::after_30_minutes(STUCK_AFTER, true)]
fn a_task_is_stuck_without_any_change_for_30_minutes(
    #[case] unchanged: Duration,
    #[case] stuck: bool,
) {
    let (tasks, _) = watching();
    tasks.unchanged_for("1", unchanged);
    assert_eq!(tasks.is_stuck(&id("1")), stuck);
}

#[test]
fn a_change_ends_being_stuck_and_an_equal_answer_does_not() {
    let (tasks, _) = watching();
    tasks.update(&[Task::test("1")]);
    tasks.unchanged_for("1", STUCK_AFTER);
    tasks.update(&[Task::test("1")]);
    assert!(tasks.is_stuck(&id("1")));
    tasks.update(&[Task::test("1").at_percent(1)]);
    assert!(!tasks.is_stuck(&id("1")));
}

#[test]
fn what_is_over_is_never_stuck() {
    let (tasks, _) = watching();
    tasks.update(&[Task::test("1").completed()]);
    tasks.unchanged_for("1", STUCK_AFTER);
    assert!(!tasks.is_stuck(&id("1")));
    assert!(
        tasks
            .newly_stuck(ago(seconds(10)), Instant::now())
            .is_empty()
    );
}

#[test]
fn who_has_just_become_stuck_is_told_once() {
    let (tasks, _) = watching();
    tasks.unchanged_for("1", STUCK_AFTER + seconds(1));
    assert_eq!(
        tasks.newly_stuck(ago(seconds(2)), Instant::now()),
        [owner("acme")]
    );
    assert!(tasks.newly_stuck(Instant::now(), Instant::now()).is_empty());
}

#[test]
fn a_stuck_task_is_still_asked_for() {
    let (tasks, _) = watching();
    tasks.unchanged_for("1", STUCK_AFTER);
    assert_eq!(tasks.question().unwrap().tasks, [id("1")]);
}

// === Tasks that nobody claims ===

#[test]
fn before_any_survey_everything_may_run() {
    let (tasks, _) = tasks();
    assert!(tasks.unclaimed(&TaskType::CreateTenant));
    assert_eq!(tasks.surveyed_at(), None);
}

#[rstest]
#[case::nothing_runs(vec![], false)]
#[case::one_of_ours(vec![Task::test("1")], false)]
#[case::a_strangers(vec![Task::test("9")], true)]
#[case::a_strangers_that_is_over(vec![Task::test("9").completed()], false)]
#[case::of_another_type(vec![Task::test("9").of_type(TaskType::DeleteTenant)], false)]
#[case::of_a_type_that_is_not_said(vec![Task::test("9").untyped()], true)]
#[case::in_an_unknown_state(vec![Task::test("9").in_state(TaskState::Other("Resting".to_owned()))], true)]
fn an_unclaimed_creation(#[case] running: Vec<Task>, #[case] unclaimed: bool) {
    let (tasks, _) = watching();
    tasks.survey(&running, Instant::now());
    assert_eq!(tasks.unclaimed(&TaskType::CreateTenant), unclaimed);
}

#[test]
fn who_claims_a_task_later_claims_it_in_the_last_survey_too() {
    let (tasks, _) = tasks();
    tasks.survey(&[Task::test("1")], Instant::now());
    assert!(tasks.unclaimed(&TaskType::CreateTenant));
    tasks.watch(&id("1"), &owner("acme"));
    assert!(!tasks.unclaimed(&TaskType::CreateTenant));
}

#[tokio::test]
async fn somebody_waits_until_something_runs() {
    let (tasks, _) = tasks();
    let tasks = Arc::new(tasks);
    let waiting = tokio::spawn({
        let tasks = Arc::clone(&tasks);
        async move { tasks.something_runs().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    tasks.watch(&id("1"), &owner("acme"));
    tokio::time::timeout(seconds(10), waiting)
        .await
        .unwrap()
        .unwrap();
}

// === A closed picture ===

#[test]
fn a_closed_picture_counts_no_task_that_nobody_would_end() {
    let (tasks, woken) = watching();
    tasks.forget_all();
    tasks.watch(&id("2"), &owner("acme"));
    assert_eq!(woken.in_flight(), 0);
    assert!(tasks.view(&id("2")).is_none());
}
