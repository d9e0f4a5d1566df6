//! A deleted tenant, in every state in which the deletion can meet it.

use rstest::rstest;

use super::super::*;
use super::fixtures::*;
use crate::plan::{Refusal, Task};

fn wait(why: Wait) -> Action {
    Action::Wait(why)
}
fn release(why: Release) -> Action {
    Action::RemoveFinalizer(why)
}

/// 1. `Retain`: the finalizer goes, whatever else is the case.
#[rstest]
#[case::never_made(tenant())]
#[case::recorded(tenant().recorded())]
#[case::in_use(tenant().recorded().referred_to_by(Referrers::Some))]
#[case::held(tenant().recorded().referred_to_by(Referrers::None).admitted(Admission::Held))]
#[case::suspended(tenant().recorded().suspended())]
#[case::without_a_server(tenant().recorded().reach(Reach::Missing))]
#[case::on_a_parked_server(tenant().recorded().reach(Reach::NotReady))]
#[case::on_another_installations_server(tenant().recorded().reach(Reach::Foreign))]
#[case::on_a_server_that_is_not_believed(tenant().recorded().reach(Reach::Guarded))]
#[case::outclaimed(tenant().recorded().outclaimed())]
#[case::not_permitted(tenant().recorded().not_permitted())]
#[case::creation_running(tenant().creating(Task::Running))]
#[case::creation_unknown(tenant().unknown(UNSETTLED).stale())]
#[case::under_another_name(tenant().recorded().found(ById::Other))]
#[case::decided_but_not_sent(tenant().ready_to_go().removal(Removal::Decided))]
#[case::perhaps_sent(tenant().recorded().removal(Removal::Unknown { settled: false }))]
#[case::deletion_failed(tenant().recorded().removing(Task::Refused(Refusal::Other)))]
#[case::deletion_forgotten(tenant().recorded().removing(Task::Forgotten))]
#[case::deletion_stuck_and_cancelled(tenant().recorded().removing_cancelled(Task::Stuck))]
#[case::deletion_running_but_unreachable(tenant().recorded().removing(Task::Running).reach(Reach::NotReady))]
#[case::deletion_running_without_a_server(tenant().recorded().removing(Task::Running).reach(Reach::Missing))]
fn retain_lets_go(#[case] facts: Facts) {
    assert_eq!(
        plan(&facts.deleting().retained()),
        release(Release::Retained)
    );
}

/// `Retain` that comes when the deletion runs cancels it where it still can.
#[rstest]
#[case::running(tenant().removing(Task::Running), Action::CancelRemoval)]
#[case::stuck(tenant().removing(Task::Stuck), Action::CancelRemoval)]
#[case::running_while_not_believed(tenant().removing(Task::Running).reach(Reach::Guarded), Action::CancelRemoval)]
#[case::being_cancelled(tenant().removing_cancelled(Task::Running), wait(Wait::TaskRunning(Step::Delete)))]
#[case::running_under_suspend(tenant().removing(Task::Running).suspended(), wait(Wait::TaskRunning(Step::Delete)))]
#[case::stuck_under_suspend(tenant().removing(Task::Stuck).suspended(), release(Release::Retained))]
#[case::too_late(tenant().removing(Task::Completed), release(Release::Removed))]
#[case::too_late_after_cancelling(tenant().removing_cancelled(Task::Completed), release(Release::Removed))]
#[case::it_was_gone(tenant().removing(Task::Refused(Refusal::TenantNotFound)), release(Release::Removed))]
#[case::cancelled(tenant().removing_cancelled(Task::Refused(Refusal::Other)), release(Release::Retained))]
fn retain_comes_late(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts.recorded().deleting().retained()), action);
}

/// 2. Nothing of ours was ever there: no server is needed to know it.
#[rstest]
#[case::on_a_healthy_server(tenant())]
#[case::from_an_old_list(tenant().stale())]
#[case::without_a_server(tenant().reach(Reach::Missing))]
#[case::on_a_parked_server(tenant().reach(Reach::NotReady))]
#[case::on_a_server_that_is_not_believed(tenant().reach(Reach::Guarded))]
#[case::suspended(tenant().suspended())]
#[case::outclaimed(tenant().outclaimed().named(Sighting::Owned))]
#[case::not_permitted(tenant().not_permitted())]
#[case::refused(tenant().rejected(Step::Create))]
#[case::name_taken(tenant().named(Sighting::Different))]
#[case::existing_and_not_adopted(tenant().existing(Sighting::Equal))]
#[case::intended_but_not_sent(tenant().intended())]
#[case::intended_without_a_server(tenant().intended().reach(Reach::Missing))]
fn never_made(#[case] facts: Facts) {
    assert_eq!(plan(&facts.deleting()), release(Release::NeverMade));
}

/// A creation in flight is cancelled or settled first.
#[rstest]
#[case::running(tenant().creating(Task::Running), Action::CancelCreation)]
#[case::running_from_an_old_list(tenant().creating(Task::Running).stale(), Action::CancelCreation)]
#[case::stuck(tenant().creating(Task::Stuck), Action::CancelCreation)]
#[case::being_cancelled(tenant().creating_cancelled(Task::Running), wait(Wait::TaskRunning(Step::Create)))]
#[case::stuck_though_cancelled(tenant().creating_cancelled(Task::Stuck), wait(Wait::TaskStuck(Step::Create)))]
#[case::running_under_suspend(tenant().creating(Task::Running).suspended(), wait(Wait::Suspended))]
#[case::running_without_a_server(tenant().creating(Task::Running).reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::running_on_a_parked_server(tenant().creating(Task::Running).reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::running_while_not_believed(tenant().creating(Task::Running).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::cancelled(tenant().creating_cancelled(Task::Refused(Refusal::Other)), release(Release::NotOurs))]
#[case::cancelled_before_it_is_listed(tenant().creating_cancelled(Task::Refused(Refusal::Other)).stale(), Action::ListTenants)]
#[case::cancelled_half_done(tenant().creating_cancelled(Task::Refused(Refusal::Other)).named(Sighting::Equal), Action::RecordCreated)]
#[case::cancelled_too_late_and_not_asked_for(tenant().creating_cancelled(Task::Completed).unasked(), Action::GetCreated)]
#[case::cancelled_too_late(tenant().creating_cancelled(Task::Completed).named(Sighting::Equal), Action::RecordCreated)]
#[case::completed_and_not_visible(tenant().creating(Task::Completed), wait(Wait::Settling(Step::Create)))]
#[case::forgotten_and_done(tenant().creating(Task::Forgotten).named(Sighting::Equal), Action::RecordCreated)]
#[case::forgotten_and_not_done(tenant().creating(Task::Forgotten), release(Release::NeverMade))]
#[case::name_was_taken(tenant().refused(Refusal::NameExists).named(Sighting::Equal), release(Release::NotOurs))]
#[case::name_was_taken_where_identical_are_adopted(tenant().refused(Refusal::NameExists).named(Sighting::Equal).adopting_identical(), release(Release::NotOurs))]
#[case::retry_refused_while_the_first_is_at_work(
    tenant().creating_again(Task::Refused(Refusal::NameExists), SETTLED).with_unclaimed_creations(),
    wait(Wait::Settling(Step::Create))
)]
#[case::unknown_and_there(tenant().unknown(UNSETTLED).named(Sighting::Equal), Action::RecordCreated)]
#[case::unknown_and_stored_differently(tenant().unknown(UNSETTLED).named(Sighting::Alike), Action::RecordCreated)]
#[case::unknown_and_perhaps_not_ours(tenant().unknown(SETTLED).named(Sighting::Different), wait(Wait::Undecided))]
#[case::failed_and_perhaps_ours(tenant().creating(Task::Refused(Refusal::Other)).named(Sighting::Different), wait(Wait::Undecided))]
#[case::unknown_and_another_tenants(tenant().unknown(SETTLED).named(Sighting::Owned), release(Release::NotOurs))]
#[case::unknown_and_another_tenants(tenant().unknown(SETTLED).named(Sighting::Owned), release(Release::NotOurs))]
#[case::unknown_in_an_old_list(tenant().unknown(SETTLED).stale(), Action::ListTenants)]
#[case::unknown_and_absent_too_early(tenant().unknown(UNSETTLED), wait(Wait::Settling(Step::Create)))]
#[case::unknown_and_absent(tenant().unknown(SETTLED), release(Release::NeverMade))]
#[case::unknown_and_absent_while_creations_run(tenant().unknown(SETTLED).with_unclaimed_creations(), wait(Wait::Settling(Step::Create)))]
#[case::unknown_and_absent_where_not_believed(tenant().unknown(SETTLED).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::unknown_on_another_address(tenant().unknown(ELSEWHERE), wait(Wait::OtherEndpoint))]
#[case::unknown_without_a_server(tenant().unknown(SETTLED).reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::unknown_on_a_parked_server(tenant().unknown(SETTLED).reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::permission_withdrawn(tenant().creating(Task::Running).not_permitted(), Action::CancelCreation)]
#[case::on_a_leaving_server(tenant().creating(Task::Running).on_a_leaving_server(), Action::CancelCreation)]
fn a_creation_in_flight(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts.deleting()), action);
}

/// 3–5. Machines, the guard, the tenant's identity, then the decision.
#[rstest]
#[case::who_refers_to_it(tenant().recorded(), Action::ListReferrers)]
#[case::in_use(tenant().recorded().referred_to_by(Referrers::Some), wait(Wait::InUse))]
#[case::in_use_though_admitted(tenant().recorded().referred_to_by(Referrers::Some).admitted(Admission::Granted), wait(Wait::InUse))]
#[case::ask_the_guard(tenant().recorded().referred_to_by(Referrers::None), wait(Wait::Admission))]
#[case::held(tenant().recorded().referred_to_by(Referrers::None).admitted(Admission::Held), wait(Wait::DeletionHeld))]
#[case::held_though_verified(tenant().ready_to_go().admitted(Admission::Held), wait(Wait::DeletionHeld))]
#[case::admitted(tenant().recorded().referred_to_by(Referrers::None).admitted(Admission::Granted), Action::Verify)]
#[case::missing_in_the_list_is_no_proof(tenant().ready_to_go().verified(ById::Missing), Action::Verify)]
#[case::not_in_a_list_yet_is_no_proof(tenant().ready_to_go().verified(ById::Unlisted), Action::Verify)]
#[case::verified(tenant().ready_to_go(), Action::RecordRemoval)]
#[case::verified_inactive(tenant().ready_to_go().verified(ById::Same(Activity::Inactive)), Action::RecordRemoval)]
#[case::verified_in_an_old_list(tenant().ready_to_go().stale(), Action::RecordRemoval)]
#[case::another_name(tenant().ready_to_go().verified(ById::Other), wait(Wait::IdentityMismatch))]
#[case::not_listed_and_the_guard_not_asked(tenant().recorded().referred_to_by(Referrers::None).found(ById::Unlisted), Action::Verify)]
#[case::gone_and_the_guard_not_asked(tenant().recorded().referred_to_by(Referrers::None).found(ById::Gone), Action::Verify)]
#[case::missing_and_the_guard_not_asked(tenant().recorded().referred_to_by(Referrers::None).found(ById::Missing), Action::Verify)]
#[case::another_name_in_the_list_and_the_guard_not_asked(tenant().recorded().referred_to_by(Referrers::None).found(ById::Other), Action::Verify)]
#[case::another_name_though_held(tenant().ready_to_go().verified(ById::Other).admitted(Admission::Held), wait(Wait::IdentityMismatch))]
#[case::gone_though_held(tenant().ready_to_go().verified(ById::Gone).admitted(Admission::Held), release(Release::Removed))]
#[case::gone_already(tenant().ready_to_go().verified(ById::Gone), release(Release::Removed))]
#[case::gone_on_a_server_that_is_not_believed(tenant().ready_to_go().verified(ById::Gone).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::suspended(tenant().ready_to_go().suspended(), wait(Wait::Suspended))]
#[case::without_a_server(tenant().ready_to_go().reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::on_a_parked_server(tenant().ready_to_go().reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::on_a_server_that_is_not_believed(tenant().ready_to_go().reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::on_another_installations_server(tenant().ready_to_go().reach(Reach::Foreign), Action::LeaveAlone)]
#[case::another_tenant_has_it(tenant().ready_to_go().outclaimed(), wait(Wait::AlreadyClaimed))]
#[case::refused(tenant().ready_to_go().rejected(Step::Delete), wait(Wait::Rejected(Step::Delete)))]
#[case::another_step_was_refused(tenant().ready_to_go().rejected(Step::Change), Action::RecordRemoval)]
#[case::activation_runs(tenant().ready_to_go().changing(Change::Running), wait(Wait::TaskRunning(Step::Change)))]
#[case::an_activations_answer_is_lost(tenant().ready_to_go().changing(Change::Settling), Action::RecordRemoval)]
#[case::activation_is_stuck(tenant().ready_to_go().changing(Change::Stuck), Action::RecordRemoval)]
#[case::permission_withdrawn(tenant().ready_to_go().not_permitted(), Action::RecordRemoval)]
#[case::server_is_leaving(tenant().ready_to_go().on_a_leaving_server(), Action::RecordRemoval)]
#[case::no_password(tenant().ready_to_go().password(Password::SecretNotFound), Action::RecordRemoval)]
#[case::finalizer_stripped(tenant().ready_to_go().without_finalizer(), Action::LeaveAlone)]
fn the_decision(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts.deleting()), action);
}

/// What stands in its way is said, or asked for, in this order, whatever comes after it.
#[rstest]
#[case::no_server(tenant().recorded().reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::no_server_and_in_use(tenant().recorded().reach(Reach::Missing).referred_to_by(Referrers::Some), wait(Wait::ServerNotFound))]
#[case::parked(tenant().recorded().reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::parked_and_outclaimed(tenant().recorded().reach(Reach::NotReady).outclaimed(), wait(Wait::ServerNotReady))]
#[case::outclaimed(tenant().recorded().outclaimed(), wait(Wait::AlreadyClaimed))]
#[case::outclaimed_and_suspended(tenant().recorded().outclaimed().suspended(), wait(Wait::AlreadyClaimed))]
#[case::suspended(tenant().recorded().suspended(), wait(Wait::Suspended))]
#[case::suspended_and_in_use(tenant().recorded().suspended().referred_to_by(Referrers::Some), wait(Wait::Suspended))]
#[case::in_use_and_not_believed(tenant().recorded().referred_to_by(Referrers::Some).reach(Reach::Guarded), wait(Wait::InUse))]
#[case::not_believed(tenant().recorded().referred_to_by(Referrers::None).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::not_believed_and_held(tenant().recorded().referred_to_by(Referrers::None).reach(Reach::Guarded).admitted(Admission::Held), wait(Wait::InventoryGuard))]
#[case::held_and_refused(tenant().ready_to_go().admitted(Admission::Held).rejected(Step::Delete), wait(Wait::DeletionHeld))]
fn what_stands_in_the_way_first(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts.deleting()), action);
}

/// Deleted, on the server, no machines, agreed to, ours by a call of this moment.
fn going() -> Facts {
    tenant().ready_to_go()
}

const PERHAPS: Removal = Removal::Unknown { settled: false };
const PERHAPS_SETTLED: Removal = Removal::Unknown { settled: true };
const FAILED_JUST_NOW: Removal = Removal::Task {
    task: Task::Refused(Refusal::Other),
    cancelled: false,
    settled: false,
};
const FORGOTTEN_JUST_NOW: Removal = Removal::Task {
    task: Task::Forgotten,
    cancelled: false,
    settled: false,
};

/// 5–6. What was decided is sent, followed, repeated; the finalizer goes on proof.
#[rstest]
#[case::decided(going().removal(Removal::Decided), Action::Delete)]
#[case::perhaps_sent(going().removal(PERHAPS), Action::Delete)]
#[case::perhaps_sent_and_deletions_run(going().removal(PERHAPS).with_unclaimed_removals(), wait(Wait::Settling(Step::Delete)))]
#[case::perhaps_sent_30_seconds_ago(going().removal(PERHAPS_SETTLED).with_unclaimed_removals(), Action::Delete)]
#[case::perhaps_sent_and_gone(going().removal(PERHAPS).verified(ById::Gone), release(Release::Removed))]
#[case::running(going().removing(Task::Running), wait(Wait::TaskRunning(Step::Delete)))]
#[case::running_under_suspend(going().removing(Task::Running).suspended(), wait(Wait::TaskRunning(Step::Delete)))]
#[case::running_while_not_believed(going().removing(Task::Running).reach(Reach::Guarded), wait(Wait::TaskRunning(Step::Delete)))]
#[case::running_on_a_parked_server(going().removing(Task::Running).reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::running_without_a_server(going().removing(Task::Running).reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::stuck(going().removing(Task::Stuck), wait(Wait::TaskStuck(Step::Delete)))]
#[case::completed(going().removing(Task::Completed), release(Release::Removed))]
#[case::completed_and_parked_since(going().removing(Task::Completed).reach(Reach::NotReady), release(Release::Removed))]
#[case::completed_under_suspend(going().removing(Task::Completed).suspended(), release(Release::Removed))]
#[case::it_was_gone(going().removing(Task::Refused(Refusal::TenantNotFound)).verified(ById::Gone), release(Release::Removed))]
#[case::it_was_gone_and_no_list_shows_it(going().removing(Task::Refused(Refusal::TenantNotFound)).verified(ById::Missing), Action::Verify)]
#[case::it_was_gone_and_a_list_shows_it(going().removing(Task::Refused(Refusal::TenantNotFound)).verify_again(), Action::Verify)]
#[case::it_was_gone_and_a_list_shows_it_under_suspend(going().removing(Task::Refused(Refusal::TenantNotFound)).verify_again().suspended(), Action::Verify)]
#[case::it_was_gone_and_is_there(going().removing(Task::Refused(Refusal::TenantNotFound)).rejected(Step::Delete), wait(Wait::Rejected(Step::Delete)))]
#[case::it_was_gone_and_is_there_and_asked_again(going().removing(Task::Refused(Refusal::TenantNotFound)), Action::Delete)]
#[case::it_was_gone_but_not_believed(going().removing(Task::Refused(Refusal::TenantNotFound)).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::failed(going().removing(Task::Refused(Refusal::Other)).rejected(Step::Delete), wait(Wait::Rejected(Step::Delete)))]
#[case::failed_and_asked_again(going().removing(Task::Refused(Refusal::Other)), Action::Delete)]
#[case::failed_and_asked_again_while_deletions_run(going().removal(FAILED_JUST_NOW).with_unclaimed_removals(), Action::Delete)]
#[case::cancelled_and_wanted_again(going().removing_cancelled(Task::Refused(Refusal::Other)), Action::Delete)]
#[case::forgotten_and_not_done(going().removing(Task::Forgotten), Action::Delete)]
#[case::forgotten_and_done(going().removing(Task::Forgotten).verified(ById::Gone), release(Release::Removed))]
#[case::forgotten_while_deletions_run(going().removal(FORGOTTEN_JUST_NOW).with_unclaimed_removals(), wait(Wait::Settling(Step::Delete)))]
#[case::forgotten_and_another_name(going().removing(Task::Forgotten).verified(ById::Other), wait(Wait::IdentityMismatch))]
fn the_deletion(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

/// The task says that the tenant was not there. A list that lacks it proves no more: a server
/// may show a tenant late. The server's answer about this very tenant does, whatever forbids a
/// request.
#[rstest]
#[case::not_listed(ById::Unlisted, Action::Verify, Action::Verify)]
#[case::missing(ById::Missing, Action::Verify, Action::Verify)]
#[case::another_has_the_identifier(ById::Other, Action::Verify, release(Release::Removed))]
#[case::gone(ById::Gone, release(Release::Removed), release(Release::Removed))]
fn a_tenant_that_was_not_there(
    #[case] by_id: ById,
    #[case] before_the_answer: Action,
    #[case] after_it: Action,
) {
    let facts = going()
        .removing(Task::Refused(Refusal::TenantNotFound))
        .found(by_id);
    for facts in [
        facts.clone().rejected(Step::Delete),
        facts.clone().suspended(),
        facts.outclaimed(),
    ] {
        let unverified = facts.clone().verify_again();
        assert_eq!(plan(&unverified), before_the_answer, "{unverified:?}");
        assert_eq!(plan(&facts), after_it, "{facts:?}");
    }
}

/// Whatever came between the decision and the request stops the request.
#[rstest]
#[case::decided(Removal::Decided)]
#[case::perhaps_sent(PERHAPS_SETTLED)]
#[case::forgotten(Removal::Task { task: Task::Forgotten, cancelled: false, settled: true })]
#[case::failed(Removal::Task { task: Task::Refused(Refusal::Other), cancelled: false, settled: true })]
fn what_stops_a_decided_deletion(#[case] removal: Removal) {
    let decided = going().removal(removal);
    assert_eq!(plan(&decided), Action::Delete);
    let mut unverified = decided.clone();
    unverified.world.verified = false;
    for (facts, action) in [
        (decided.clone().suspended(), wait(Wait::Suspended)),
        (decided.clone().retained(), release(Release::Retained)),
        (decided.clone().outclaimed(), wait(Wait::AlreadyClaimed)),
        (unverified, Action::Verify),
        (
            decided.clone().verified(ById::Other),
            wait(Wait::IdentityMismatch),
        ),
        (decided.clone().verified(ById::Missing), Action::Verify),
        (
            decided.clone().verified(ById::Gone),
            release(Release::Removed),
        ),
        (
            decided.clone().reach(Reach::Guarded),
            wait(Wait::InventoryGuard),
        ),
        (
            decided.clone().reach(Reach::NotReady),
            wait(Wait::ServerNotReady),
        ),
        (decided.clone().reach(Reach::Foreign), Action::LeaveAlone),
        (decided.clone().without_finalizer(), Action::LeaveAlone),
        (
            decided.clone().changing(Change::Running),
            wait(Wait::TaskRunning(Step::Change)),
        ),
        (
            decided.clone().rejected(Step::Delete),
            wait(Wait::Rejected(Step::Delete)),
        ),
        // Decided is decided: machines and the guard are not asked again.
        (
            decided.clone().referred_to_by(Referrers::Some),
            Action::Delete,
        ),
        (decided.clone().admitted(Admission::Held), Action::Delete),
    ] {
        assert_eq!(plan(&facts), action, "{facts:?}");
    }
}
