//! A live tenant: references, adoption, state, what disappeared.

use rstest::rstest;

use super::super::*;
use super::fixtures::*;

fn wait(why: Wait) -> Action {
    Action::Wait(why)
}

#[rstest]
#[case::no_server_yet(tenant().reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::no_server_and_another_has_the_name(tenant().reach(Reach::Missing).outclaimed(), wait(Wait::ServerNotFound))]
#[case::no_server_and_not_permitted(tenant().reach(Reach::Missing).not_permitted(), wait(Wait::ServerNotFound))]
#[case::no_server_any_more(tenant().recorded().reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::another_installations(tenant().reach(Reach::Foreign), Action::LeaveAlone)]
#[case::another_installations_tenant(tenant().recorded().without_finalizer().reach(Reach::Foreign), Action::LeaveAlone)]
#[case::parked(tenant().reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::parked_with_a_tenant(tenant().recorded().inactive().reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::not_believed(tenant().reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::not_believed_with_a_lost_tenant(tenant().recorded().found(ById::Gone).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::not_believed_with_a_creation(tenant().unknown(SETTLED).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::namespace_not_allowed(tenant().not_permitted(), wait(Wait::NamespaceNotAllowed))]
#[case::permission_withdrawn(tenant().recorded().inactive().not_permitted(), wait(Wait::NamespaceNotAllowed))]
#[case::permission_withdrawn_in_flight(tenant().intended().not_permitted(), wait(Wait::NamespaceNotAllowed))]
#[case::permission_withdrawn_and_lost(tenant().recorded().found(ById::Gone).not_permitted(), wait(Wait::NamespaceNotAllowed))]
#[case::name_claimed_by_another(tenant().outclaimed(), wait(Wait::AlreadyClaimed))]
#[case::claimed_with_a_tenant(tenant().recorded().inactive().outclaimed(), wait(Wait::AlreadyClaimed))]
#[case::server_is_leaving(tenant().on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::server_is_leaving_after_the_intent(tenant().intended().on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::server_is_leaving_after_a_lost_answer(tenant().unknown(SETTLED).on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::server_is_leaving_and_lost(tenant().recorded().found(ById::Gone).on_a_leaving_server(), wait(Wait::ServerLeaving))]
fn references(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::unlisted(tenant().existing(Sighting::Equal).stale(), Action::ListTenants)]
#[case::found(tenant().existing(Sighting::Equal), Action::Adopt(Adoption::ById))]
#[case::found_and_perhaps_leaving(tenant().existing(Sighting::Equal).may_vanish(), wait(Wait::Vanishing))]
#[case::found_under_suspend(tenant().existing(Sighting::Equal).suspended(), Action::Adopt(Adoption::ById))]
#[case::found_needs_no_password(tenant().existing(Sighting::Equal).password(Password::SecretNotFound), Action::Adopt(Adoption::ById))]
#[case::found_without_finalizer(tenant().existing(Sighting::Equal).without_finalizer(), Action::AddFinalizer)]
#[case::a_name_alike(tenant().existing(Sighting::Alike), wait(Wait::IdentityMismatch))]
#[case::another_name_or_type(tenant().existing(Sighting::Different), wait(Wait::IdentityMismatch))]
#[case::another_tenant_owns_it(tenant().existing(Sighting::Owned), wait(Wait::AlreadyClaimed))]
#[case::no_such_identifier(tenant().existing(Sighting::Absent), wait(Wait::ExistingNotFound))]
#[case::policy_never(tenant().existing(Sighting::Equal).adopting_nothing(), wait(Wait::AdoptionNotAllowed))]
#[case::leaving_server(tenant().existing(Sighting::Equal).on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::never_created_instead(tenant().existing(Sighting::Absent).named(Sighting::Absent), wait(Wait::ExistingNotFound))]
#[case::vanished(tenant().existing(Sighting::Absent).recorded().found(ById::Gone), wait(Wait::ExistingNotFound))]
#[case::vanished_and_the_field_removed(tenant().recorded().found(ById::Gone), Action::ForgetTenant)]
fn adoption_by_identifier(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::identical(tenant().adopting_identical().named(Sighting::Equal), Action::Adopt(Adoption::ByName))]
#[case::identical_and_perhaps_leaving(tenant().adopting_identical().named(Sighting::Equal).may_vanish(), wait(Wait::Vanishing))]
#[case::identical_and_perhaps_leaving_without_finalizer(tenant().adopting_identical().named(Sighting::Equal).may_vanish().without_finalizer(), Action::AddFinalizer)]
#[case::identical_without_finalizer(tenant().adopting_identical().named(Sighting::Equal).without_finalizer(), Action::AddFinalizer)]
#[case::identical_in_an_old_list(tenant().adopting_identical().named(Sighting::Equal).stale(), Action::ListTenants)]
#[case::identical_but_policy_never(tenant().named(Sighting::Equal), wait(Wait::NameTaken))]
#[case::alike(tenant().adopting_identical().named(Sighting::Alike), wait(Wait::NameTaken))]
#[case::a_field_differs(tenant().adopting_identical().named(Sighting::Different), wait(Wait::NameTaken))]
#[case::another_tenant_owns_it(tenant().adopting_identical().named(Sighting::Owned), wait(Wait::NameTaken))]
fn adoption_by_name(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::as_wanted(tenant().recorded(), Action::Settled)]
#[case::as_wanted_inactive(tenant().recorded().inactive().wanting(Activity::Inactive), Action::Settled)]
#[case::as_wanted_under_suspend(tenant().recorded().suspended(), Action::Settled)]
#[case::as_wanted_from_an_old_list(tenant().recorded().stale(), Action::Settled)]
#[case::to_be_activated(tenant().recorded().inactive(), Action::ChangeState)]
#[case::to_be_deactivated(tenant().recorded().wanting(Activity::Inactive), Action::ChangeState)]
#[case::in_an_unheard_of_state(tenant().recorded().found(ById::Same(Activity::Other)), Action::ChangeState)]
#[case::in_an_unheard_of_state_that_it_keeps(tenant().recorded().found(ById::Same(Activity::Other)).rejected(Step::Change), wait(Wait::Rejected(Step::Change)))]
#[case::from_an_old_list(tenant().recorded().inactive().stale(), Action::ListTenants)]
#[case::under_suspend(tenant().recorded().inactive().suspended(), wait(Wait::Suspended))]
#[case::refused(tenant().recorded().inactive().rejected(Step::Change), wait(Wait::Rejected(Step::Change)))]
#[case::after_an_old_refusal_of_creation(tenant().recorded().inactive().rejected(Step::Create), Action::ChangeState)]
#[case::task_running(tenant().recorded().inactive().changing(Change::Running), wait(Wait::TaskRunning(Step::Change)))]
#[case::task_running_though_as_wanted(tenant().recorded().changing(Change::Running), wait(Wait::TaskRunning(Step::Change)))]
#[case::task_stuck(tenant().recorded().inactive().changing(Change::Stuck), wait(Wait::TaskStuck(Step::Change)))]
#[case::answer_lost(tenant().recorded().inactive().changing(Change::Settling), wait(Wait::Settling(Step::Change)))]
#[case::leaving_server(tenant().recorded().inactive().on_a_leaving_server(), Action::ChangeState)]
#[case::without_finalizer(tenant().recorded().inactive().without_finalizer(), Action::AddFinalizer)]
fn state(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::machines_first(tenant().recorded().inactive().with_machines_to_register(), wait(Wait::VirtualMachines))]
#[case::ten_minutes_later(tenant().recorded().inactive().with_machines_to_register().after_waiting_for_machines(), Action::ChangeState)]
#[case::deactivation_does_not_wait(tenant().recorded().wanting(Activity::Inactive).with_machines_to_register(), Action::ChangeState)]
#[case::nothing_to_do(tenant().recorded().with_machines_to_register(), Action::Settled)]
fn the_documented_order(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[test]
fn the_first_activation_waits_for_no_machine_where_all_are_registered() {
    let mut facts = tenant().recorded().inactive().with_machines_to_register();
    facts.machines.unregistered = false;
    assert_eq!(plan(&facts), Action::ChangeState);
}

#[test]
fn machines_that_come_later_do_not_hold_up_an_activation() {
    let mut facts = tenant().recorded().inactive().with_machines_to_register();
    facts.machines.first_activation = false;
    assert_eq!(plan(&facts), Action::ChangeState);
}

#[rstest]
#[case::not_listed_yet(tenant().recorded().found(ById::Unlisted), Action::ListTenants)]
#[case::missing_in_a_list(tenant().recorded().found(ById::Missing), Action::ConfirmAbsence)]
#[case::under_another_name(tenant().recorded().found(ById::Other), wait(Wait::IdentityMismatch))]
#[case::gone(tenant().recorded().found(ById::Gone), Action::ForgetTenant)]
#[case::gone_under_suspend(tenant().recorded().found(ById::Gone).suspended(), wait(Wait::Suspended))]
#[case::gone_without_finalizer(tenant().recorded().found(ById::Gone).without_finalizer(), Action::AddFinalizer)]
#[case::finalizer_stripped(tenant().recorded().without_finalizer(), Action::AddFinalizer)]
fn drift(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}
