//! What a difference is worth.

use super::*;

// === The task ===

#[test]
fn a_task_is_shown_in_the_servers_words() {
    let task = viis::Task::test("9")
        .of_type(TaskType::DeleteTenant)
        .made_at("2026-05-01T10:00:00")
        .at_percent(40)
        .failed("KSC_ServiceNotConfigured");
    let shown = task_status(&task);
    assert_eq!(shown.task_type.as_deref(), Some("DeleteTenant"));
    assert_eq!(shown.state.as_deref(), Some("Failed"));
    assert_eq!(shown.created.as_deref(), Some("2026-05-01T10:00:00"));
    let error = shown.error.unwrap();
    assert_eq!(error.code.as_deref(), Some("KSC_ServiceNotConfigured"));
    assert_eq!(error.message.as_deref(), Some("the server's words"));
}

#[tokio::test]
async fn the_last_task_stays_when_nothing_runs() {
    let scene = scene(agreed()).await;
    let line = Line::reconciling(reasons::PROGRESSING, "working.");
    let last = viis::Task::test("8").completed();
    let status = status(&scene, Some(&last), &line, Action::ListTenants, now());
    assert_eq!(status.task.unwrap().id, "8");
}

// === What a difference is worth ===

fn running(id: &str, percent: u8) -> TenantStatus {
    let mut status = agreed().status.unwrap();
    status.virtual_machines = Some(1);
    status.task = Some(task_status(&viis::Task::test(id).at_percent(percent)));
    status
}

fn changed(change: impl FnOnce(&mut TenantStatus)) -> TenantStatus {
    let mut status = running("9", 10);
    change(&mut status);
    status
}

fn conditions_of(tenant: Tenant) -> Vec<Condition> {
    tenant.status.unwrap().conditions
}

#[rstest]
#[case::nothing(running("9", 10), Difference::None)]
#[case::when_a_condition_began(changed(|s| s.conditions.iter_mut().for_each(|c| c.last_transition_time.0 = minutes_ago(9))), Difference::None)]
#[case::the_order_of_conditions(changed(|s| s.conditions.reverse()), Difference::None)]
#[case::progress(running("9", 20), Difference::Small)]
#[case::a_count(changed(|s| s.virtual_machines = Some(2)), Difference::Small)]
#[case::the_tasks_state(changed(|s| s.task.as_mut().unwrap().state = Some("Stopping".into())), Difference::Small)]
#[case::the_words_of_a_message(changed(|s| s.conditions[0].message = "other words".into()), Difference::Large)]
#[case::another_task(running("10", 10), Difference::Large)]
#[case::no_task_any_more(changed(|s| s.task = None), Difference::Large)]
#[case::a_tasks_error(changed(|s| s.task.as_mut().unwrap().error = Some(TaskErrorStatus::default())), Difference::Large)]
#[case::an_identifier(changed(|s| s.tenant_id = Some("2".into())), Difference::Large)]
#[case::a_condition(changed(|s| s.conditions = conditions_of(agreed().saying(ConditionType::Activated, false, "Inactive"))), Difference::Large)]
#[case::progress_and_a_condition(changed(|s| { s.virtual_machines = Some(2); s.conditions.pop(); }), Difference::Large)]
#[case::the_generation(changed(|s| s.observed_generation = Some(2)), Difference::Large)]
fn a_difference_is_worth(#[case] after: TenantStatus, #[case] worth: Difference) {
    assert_eq!(difference(&running("9", 10), &after), worth);
}

#[test]
fn a_first_creation_task_is_written_at_once_and_a_first_activation_need_not_be() {
    let mut before = running("9", 10);
    before.task = None;
    assert_eq!(difference(&before, &running("9", 0)), Difference::Large);
    let mut after = running("9", 0);
    after.task.as_mut().unwrap().task_type = Some("ChangeTenantActivation".to_owned());
    assert_eq!(difference(&before, &after), Difference::Small);
}

#[tokio::test]
async fn saying_the_same_again_makes_no_difference() {
    let scene = scene(agreed()).await;
    let once = said(&scene, Action::Settled);
    let mut tenant = agreed();
    tenant.status = Some(once.clone());
    let stage = Stage::ready();
    stage.lists(&[viis::Tenant::test("1", "acme").active()]);
    let again = scene_on(&stage, tenant);
    let line = line(&again, &Memory::default(), Action::Settled).unwrap();
    let later = now() + jiff::SignedDuration::from_hours(1);
    let twice = status(&again, None, &line, Action::Settled, later);
    assert_eq!(difference(&once, &twice), Difference::None);
}
