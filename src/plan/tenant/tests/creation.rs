//! A tenant that is made: the way there, and every way in which it can be lost.

use rstest::rstest;

use super::super::*;
use super::fixtures::*;
use crate::plan::{Refusal, Task};

fn wait(why: Wait) -> Action {
    Action::Wait(why)
}

#[rstest]
#[case::list_first(tenant().stale(), Action::ListTenants)]
#[case::finalizer_first(tenant().without_finalizer(), Action::AddFinalizer)]
#[case::then_the_intent(tenant(), Action::RecordIntent)]
#[case::then_the_request(tenant().intended(), Action::Create)]
#[case::not_without_finalizer(tenant().intended().without_finalizer(), Action::AddFinalizer)]
#[case::then_its_task(tenant().creating(Task::Running), wait(Wait::TaskRunning(Step::Create)))]
#[case::stuck_is_watched(tenant().creating(Task::Stuck), wait(Wait::TaskStuck(Step::Create)))]
#[case::then_the_identifier(tenant().creating(Task::Completed).named(Sighting::Equal), Action::RecordCreated)]
#[case::then_it_is_there(tenant().recorded(), Action::Settled)]
#[case::under_suspend(tenant().suspended(), wait(Wait::Suspended))]
#[case::suspended_after_the_intent(tenant().intended().suspended(), wait(Wait::Suspended))]
#[case::refused_and_nothing_changed(tenant().rejected(Step::Create), wait(Wait::Rejected(Step::Create)))]
#[case::finalizer_stripped_in_flight(tenant().creating(Task::Running).without_finalizer(), Action::AddFinalizer)]
#[case::finalizer_stripped_while_settling(tenant().unknown(UNSETTLED).without_finalizer(), Action::AddFinalizer)]
#[case::finalizer_stripped_before_the_identifier(tenant().creating(Task::Completed).named(Sighting::Equal).without_finalizer(), Action::AddFinalizer)]
fn the_way(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::before_the_intent(tenant().password(Password::Unread), Action::ReadPassword)]
#[case::after_a_restart(tenant().unknown(SETTLED).password(Password::Unread), Action::ReadPassword)]
#[case::no_secret(tenant().password(Password::SecretNotFound), wait(Wait::SecretNotFound))]
#[case::no_secret_after_the_intent(tenant().intended().password(Password::SecretNotFound), wait(Wait::SecretNotFound))]
#[case::no_key(tenant().password(Password::KeyMissing), wait(Wait::SecretKeyMissing))]
#[case::at_hand(tenant().password(Password::Read), Action::RecordIntent)]
#[case::at_hand_after_the_intent(tenant().intended().password(Password::Read), Action::Create)]
#[case::not_looked_at_for_what_exists(tenant().recorded().password(Password::SecretNotFound), Action::Settled)]
#[case::not_looked_at_to_record(tenant().unknown(SETTLED).named(Sighting::Equal).password(Password::KeyMissing), Action::RecordCreated)]
fn the_password(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

/// Between the free name and the request, somebody else took it.
#[rstest]
#[case::identical(tenant().intended().named(Sighting::Equal), Action::EndAttempt(End::NameTaken))]
#[case::identical_and_adopted(tenant().intended().named(Sighting::Equal).adopting_identical(), Action::Adopt(Adoption::ByName))]
#[case::identical_and_perhaps_leaving(tenant().intended().named(Sighting::Equal).adopting_identical().may_vanish(), wait(Wait::Vanishing))]
#[case::different(tenant().intended().named(Sighting::Different).adopting_identical(), Action::EndAttempt(End::NameTaken))]
#[case::alike(tenant().intended().named(Sighting::Alike).adopting_identical(), Action::EndAttempt(End::NameTaken))]
#[case::owned(tenant().intended().named(Sighting::Owned).adopting_identical(), Action::EndAttempt(End::NameTaken))]
fn overtaken_before_the_request(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

/// The attempt's outcome is unknown: the inventory decides, whatever the policy says.
#[rstest]
#[case::old_list(tenant().unknown(SETTLED).stale(), Action::ListTenants)]
#[case::old_list_with_a_sighting(tenant().unknown(SETTLED).named(Sighting::Equal).stale(), Action::ListTenants)]
#[case::there(tenant().unknown(UNSETTLED).named(Sighting::Equal), Action::RecordCreated)]
#[case::there_and_stored_differently(tenant().unknown(UNSETTLED).named(Sighting::Alike), Action::RecordCreated)]
#[case::there_and_not_asked_for(tenant().unknown(UNSETTLED).named(Sighting::Alike).unasked(), Action::GetCreated)]
#[case::there_under_suspend(tenant().unknown(UNSETTLED).named(Sighting::Equal).suspended(), Action::RecordCreated)]
#[case::there_with_other_fields(tenant().unknown(SETTLED).named(Sighting::Different).adopting_identical(), wait(Wait::Undecided))]
#[case::there_and_another_tenants(tenant().unknown(SETTLED).named(Sighting::Owned), Action::EndAttempt(End::NameTaken))]
#[case::absent_too_early(tenant().unknown(UNSETTLED), wait(Wait::Settling(Step::Create)))]
#[case::absent_after_30_seconds(tenant().unknown(SETTLED), Action::Create)]
#[case::absent_while_creations_run(tenant().unknown(SETTLED).with_unclaimed_creations(), wait(Wait::Settling(Step::Create)))]
#[case::absent_after_10_minutes(tenant().unknown(WAITED).with_unclaimed_creations(), Action::Create)]
#[case::absent_after_10_minutes_but_just_taken_over(
    tenant().unknown(Unknown { settled: false, ..WAITED }).with_unclaimed_creations(),
    wait(Wait::Settling(Step::Create))
)]
#[case::absent_under_suspend(tenant().unknown(SETTLED).suspended(), wait(Wait::Suspended))]
#[case::absent_without_finalizer(tenant().unknown(SETTLED).without_finalizer(), Action::AddFinalizer)]
#[case::the_address_changed(tenant().unknown(ELSEWHERE), wait(Wait::OtherEndpoint))]
#[case::the_address_changed_and_the_name_is_there(tenant().unknown(ELSEWHERE).named(Sighting::Equal), wait(Wait::OtherEndpoint))]
fn a_lost_answer(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

/// A task that the server does not remember says no more than a lost answer.
#[rstest]
#[case::old_list(tenant().creating(Task::Forgotten).stale(), Action::ListTenants)]
#[case::its_work_done(tenant().creating(Task::Forgotten).named(Sighting::Equal), Action::RecordCreated)]
#[case::its_work_stored_differently(tenant().creating(Task::Forgotten).named(Sighting::Alike), Action::RecordCreated)]
#[case::perhaps_somebody_elses(tenant().creating(Task::Forgotten).named(Sighting::Different), wait(Wait::Undecided))]
#[case::its_work_not_done(tenant().creating(Task::Forgotten), Action::Create)]
#[case::too_early(tenant().task(Task::Forgotten, true, UNSETTLED), wait(Wait::Settling(Step::Create)))]
#[case::while_creations_run(tenant().creating(Task::Forgotten).with_unclaimed_creations(), wait(Wait::Settling(Step::Create)))]
#[case::the_address_changed(tenant().task(Task::Forgotten, true, ELSEWHERE), wait(Wait::OtherEndpoint))]
fn a_forgotten_task(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

/// A task that is done, and its tenant visible late, never, or not as it should be.
#[rstest]
#[case::not_visible_in_an_old_list(tenant().creating(Task::Completed).stale(), Action::ListTenants)]
#[case::not_visible_yet(tenant().creating(Task::Completed), wait(Wait::Settling(Step::Create)))]
#[case::not_visible_for_10_minutes(tenant().task(Task::Completed, true, WAITED), Action::Create)]
#[case::not_visible_for_10_minutes_in_an_old_list(tenant().task(Task::Completed, true, WAITED).stale(), Action::ListTenants)]
#[case::other_fields(tenant().creating(Task::Completed).named(Sighting::Different), wait(Wait::Undecided))]
#[case::other_fields_in_an_old_list(tenant().creating(Task::Completed).named(Sighting::Different).stale(), Action::ListTenants)]
#[case::other_fields_in_an_old_list_after_the_address_changed(tenant().task(Task::Completed, true, ELSEWHERE).named(Sighting::Different).stale(), Action::ListTenants)]
#[case::another_tenants(tenant().creating(Task::Completed).named(Sighting::Owned), Action::EndAttempt(End::NameTaken))]
#[case::not_asked_for(tenant().creating(Task::Completed).unasked(), Action::GetCreated)]
#[case::not_asked_for_in_an_old_list(tenant().creating(Task::Completed).unasked().stale(), Action::GetCreated)]
#[case::not_asked_for_and_stored_differently(tenant().creating(Task::Completed).named(Sighting::Alike).unasked(), Action::GetCreated)]
#[case::not_asked_for_beside_a_namesake(tenant().creating(Task::Completed).named(Sighting::Different).unasked(), Action::GetCreated)]
#[case::not_asked_for_without_finalizer(tenant().creating(Task::Completed).unasked().without_finalizer(), Action::AddFinalizer)]
#[case::the_second_request(tenant().creating_again(Task::Completed, SETTLED).named(Sighting::Equal), Action::RecordCreated)]
fn a_completed_task(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

/// The server refused, in its answer or by its task: both mean the same.
#[rstest]
#[case::old_list(Refusal::Other, tenant().stale(), Action::ListTenants)]
#[case::rolled_back(Refusal::Other, tenant(), Action::EndAttempt(End::Rejected))]
#[case::partly_done(Refusal::Other, tenant().named(Sighting::Equal), Action::RecordCreated)]
#[case::partly_done_and_stored_differently(Refusal::Other, tenant().named(Sighting::Alike), Action::RecordCreated)]
#[case::name_taken_by_one_alike(Refusal::NameExists, tenant().named(Sighting::Alike).adopting_identical(), Action::EndAttempt(End::NameTaken))]
#[case::and_another_tenants_is_there(Refusal::Other, tenant().named(Sighting::Owned), Action::EndAttempt(End::NameTaken))]
#[case::odd_code(Refusal::TenantNotFound, tenant(), Action::EndAttempt(End::Rejected))]
#[case::under_suspend(Refusal::Other, tenant().suspended(), Action::EndAttempt(End::Rejected))]
#[case::foreign_creations_do_not_matter(Refusal::Other, tenant().with_unclaimed_creations(), Action::EndAttempt(End::Rejected))]
#[case::name_taken_by_an_identical_one(Refusal::NameExists, tenant().named(Sighting::Equal), Action::EndAttempt(End::NameTaken))]
#[case::name_taken_by_an_identical_one_and_adopted(Refusal::NameExists, tenant().named(Sighting::Equal).adopting_identical(), Action::Adopt(Adoption::ByName))]
#[case::name_taken_by_an_identical_one_and_adopted_whatever_was_refused(Refusal::NameExists, tenant().named(Sighting::Equal).adopting_identical().rejected(Step::Create), Action::Adopt(Adoption::ByName))]
#[case::name_taken_by_a_different_one(Refusal::NameExists, tenant().named(Sighting::Different).adopting_identical(), Action::EndAttempt(End::NameTaken))]
#[case::name_taken_by_another_tenants(Refusal::NameExists, tenant().named(Sighting::Owned).adopting_identical(), Action::EndAttempt(End::NameTaken))]
#[case::name_taken_and_not_there(Refusal::NameExists, tenant(), Action::EndAttempt(End::Rejected))]
fn a_refusal_of_the_only_request(
    #[case] refusal: Refusal,
    #[case] facts: Facts,
    #[case] action: Action,
) {
    assert_eq!(plan(&facts.clone().refused(refusal)), action);
    assert_eq!(plan(&facts.creating(Task::Refused(refusal))), action);
}

/// A tenant with our name and other fields: the task may have made it before it failed, a
/// request that was refused did not.
#[test]
fn a_refusal_beside_a_different_tenant() {
    let facts = tenant().named(Sighting::Different);
    let refused = plan(&facts.clone().refused(Refusal::Other));
    assert_eq!(refused, Action::EndAttempt(End::Rejected));
    let failed = plan(&facts.creating(Task::Refused(Refusal::Other)));
    assert_eq!(failed, wait(Wait::Undecided));
}

/// The server knows of a tenant that its own list does not show: perhaps not yet.
#[test]
fn a_name_that_exists_and_is_not_listed_is_waited_for() {
    let facts = |unknown| tenant().task(Task::Refused(Refusal::NameExists), true, unknown);
    assert_eq!(plan(&facts(UNSETTLED)), wait(Wait::Settling(Step::Create)));
    assert_eq!(plan(&facts(SETTLED)), Action::EndAttempt(End::Rejected));
    for elsewhere in [
        ELSEWHERE,
        Unknown {
            here: false,
            ..UNSETTLED
        },
    ] {
        let action = plan(&facts(elsewhere));
        assert_eq!(action, Action::EndAttempt(End::Rejected), "another list");
    }
}

/// A retry was refused: the first request may have done its work, or be at it.
#[rstest]
#[case::the_first_was_done(Refusal::NameExists, tenant().named(Sighting::Equal), Action::RecordCreated)]
#[case::the_first_was_done_and_another_refusal(Refusal::Other, tenant().named(Sighting::Equal), Action::RecordCreated)]
#[case::the_first_was_done_and_stored_differently(Refusal::NameExists, tenant().named(Sighting::Alike), Action::RecordCreated)]
#[case::perhaps_not_ours(Refusal::NameExists, tenant().named(Sighting::Different), wait(Wait::Undecided))]
#[case::another_tenants(Refusal::NameExists, tenant().named(Sighting::Owned), Action::EndAttempt(End::NameTaken))]
#[case::the_first_is_at_work(Refusal::NameExists, tenant().with_unclaimed_creations(), wait(Wait::Settling(Step::Create)))]
#[case::the_first_is_at_work_and_another_refusal(Refusal::Other, tenant().with_unclaimed_creations(), wait(Wait::Settling(Step::Create)))]
#[case::nothing_runs(Refusal::NameExists, tenant(), wait(Wait::Undecided))]
#[case::nothing_runs_and_another_refusal(
    Refusal::Other,
    tenant(),
    Action::EndAttempt(End::Rejected)
)]
#[case::old_list(Refusal::NameExists, tenant().named(Sighting::Equal).stale(), Action::ListTenants)]
fn a_refusal_of_a_retry(#[case] refusal: Refusal, #[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts.clone().refused_again(refusal)), action);
    let task = Task::Refused(refusal);
    assert_eq!(plan(&facts.creating_again(task, SETTLED)), action);
}

#[test]
fn a_refused_retry_is_sent_again_after_ten_minutes() {
    let refused = |refusal| {
        let facts = tenant().with_unclaimed_creations();
        plan(&facts.creating_again(Task::Refused(refusal), WAITED))
    };
    assert_eq!(refused(Refusal::NameExists), Action::Create);
    assert_eq!(refused(Refusal::Other), Action::EndAttempt(End::Rejected));
}

/// The server says that the name is taken, and an earlier request may have taken it.
#[rstest]
#[case::at_once(SETTLED)]
#[case::after_ten_minutes(WAITED)]
#[case::elsewhere(ELSEWHERE)]
fn a_refused_retry_is_not_left_behind(#[case] unknown: Unknown) {
    let facts = tenant().creating_again(Task::Refused(Refusal::NameExists), unknown);
    assert_eq!(plan(&facts.deleting()), wait(Wait::Undecided));
}
