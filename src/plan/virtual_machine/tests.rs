//! A VirtualMachine's planner: tables of situations. What holds in all of them is in
//! `everywhere`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;

mod everywhere;

/// A live machine with our finalizer, on a healthy server, registered as it should be.
fn machine() -> Facts {
    Facts {
        deleting: false,
        finalizer: true,
        owns: true,
        retain: false,
        suspended: false,
        outclaimed: false,
        tenant: Tenant::Provisioned,
        reach: Reach::Ready,
        permitted: true,
        leaving: false,
        identity: Identity::Same,
        registration: Registration::Equal,
        whereabouts: Whereabouts::Home,
        leftover: Leftover::None,
        settled_generation: false,
        awaited: false,
        unsettled: false,
        rejected: false,
        waited: false,
        evidence: Evidence::Present,
    }
}

/// A new machine.
fn new() -> Facts {
    let mut facts = machine().shown(Registration::Absent);
    facts.owns = false;
    facts
}

/// A machine that its status shows with another tenant than its Tenant's.
fn moved(leftover: Leftover) -> Facts {
    let mut facts = new();
    facts.owns = true;
    facts.leftover = leftover;
    facts
}

/// A registered machine that is being deleted, after the short wait for its tenant's fate.
fn deleted() -> Facts {
    let mut facts = machine();
    facts.deleting = true;
    facts.waited = true;
    facts
}

impl Facts {
    fn unsettled(mut self) -> Self {
        self.unsettled = true;
        self
    }
    fn without_finalizer(mut self) -> Self {
        self.finalizer = false;
        self
    }
    fn retained(mut self) -> Self {
        self.retain = true;
        self
    }
    fn suspended(mut self) -> Self {
        self.suspended = true;
        self
    }
    fn outclaimed(mut self) -> Self {
        self.outclaimed = true;
        self
    }
    fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }
    fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }
    fn not_permitted(mut self) -> Self {
        self.permitted = false;
        self
    }
    fn on_a_leaving_server(mut self) -> Self {
        self.leaving = true;
        self
    }
    fn under(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }
    fn shown(mut self, registration: Registration) -> Self {
        self.registration = registration;
        self
    }
    fn traced(mut self, whereabouts: Whereabouts) -> Self {
        self.whereabouts = whereabouts;
        self
    }
    fn taken_a_moment_ago(mut self) -> Self {
        self.awaited = true;
        self
    }
    fn registered_in_this_generation(mut self) -> Self {
        self.settled_generation = true;
        self
    }
    fn rejected(mut self) -> Self {
        self.rejected = true;
        self
    }
    fn just_deleted(mut self) -> Self {
        self.waited = false;
        self
    }
}

fn wait(why: Wait) -> Action {
    Action::Wait(why)
}
fn release(why: Release) -> Action {
    Action::RemoveFinalizer(why)
}

#[rstest]
#[case::no_tenant(new().tenant(Tenant::NotFound), wait(Wait::TenantNotFound))]
#[case::no_tenant_any_more(machine().tenant(Tenant::NotFound), wait(Wait::TenantNotFound))]
#[case::tenant_without_identifier(new().tenant(Tenant::Unprovisioned), wait(Wait::WaitingForTenant))]
#[case::tenant_without_identifier_or_server(new().tenant(Tenant::Unprovisioned).reach(Reach::Missing), wait(Wait::WaitingForTenant))]
#[case::tenant_is_leaving(new().tenant(Tenant::Leaving), wait(Wait::TenantDeleting))]
#[case::tenant_is_leaving_but_cannot(new().tenant(Tenant::LeavingBlocked), wait(Wait::TenantDeleting))]
#[case::another_has_the_bios_id(new().outclaimed(), wait(Wait::AlreadyClaimed))]
#[case::namespace_not_allowed(new().not_permitted(), wait(Wait::NamespaceNotAllowed))]
#[case::no_server(new().not_permitted().reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::another_installations_server(new().reach(Reach::Foreign), Action::LeaveAlone)]
#[case::parked(new().reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::not_believed(new().reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::tenants_not_listed(new().under(Identity::Unlisted), Action::ListTenants)]
#[case::tenant_under_another_name(new().under(Identity::Other), wait(Wait::IdentityMismatch))]
#[case::tenant_missing(new().under(Identity::Missing), wait(Wait::WaitingForTenant))]
#[case::tenant_gone(machine().under(Identity::Gone), wait(Wait::WaitingForTenant))]
fn what_a_machine_waits_for(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::list_first(new().shown(Registration::Unlisted), Action::ListMachines)]
#[case::finalizer_first(new().without_finalizer(), Action::AddFinalizer)]
#[case::then_it_is_registered(new(), Action::Register)]
#[case::and_done(machine(), Action::Settled)]
#[case::it_was_there_already_without_finalizer(machine().without_finalizer(), Action::AddFinalizer)]
#[case::taken_but_not_listed_yet(new().taken_a_moment_ago(), Action::ListMachines)]
#[case::taken_and_listed(machine().taken_a_moment_ago(), Action::Settled)]
#[case::taken_and_the_finalizer_is_off(new().taken_a_moment_ago().without_finalizer(), Action::AddFinalizer)]
#[case::disappeared(machine().shown(Registration::Absent), Action::Register)]
#[case::suspended(new().suspended(), wait(Wait::Suspended))]
#[case::suspended_and_done(machine().suspended(), Action::Settled)]
#[case::refused(new().rejected(), wait(Wait::Rejected))]
#[case::refused_but_there(machine().rejected(), Action::Settled)]
#[case::server_is_leaving(new().on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::server_is_leaving_and_done(machine().on_a_leaving_server(), Action::Settled)]
#[case::changed(machine().shown(Registration::Different), Action::Replace)]
#[case::changed_while_an_unregistration_may_arrive(machine().shown(Registration::Different).unsettled(), wait(Wait::Settling))]
#[case::new_while_an_unregistration_may_arrive(new().unsettled(), wait(Wait::Settling))]
#[case::registered_whatever_may_arrive(machine().unsettled(), Action::Settled)]
#[case::changed_under_suspend(machine().shown(Registration::Different).suspended(), wait(Wait::Suspended))]
#[case::changed_without_finalizer(machine().shown(Registration::Different).without_finalizer(), Action::AddFinalizer)]
#[case::changed_and_refused(machine().shown(Registration::Different).rejected(), wait(Wait::Rejected))]
#[case::changed_on_a_leaving_server(machine().shown(Registration::Different).on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::differs_still(machine().shown(Registration::Different).registered_in_this_generation(), Action::Settled)]
#[case::disappeared_in_this_generation(machine().shown(Registration::Absent).registered_in_this_generation(), Action::Register)]
fn registration(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::it_leaves_the_old_tenant_first(moved(Leftover::Removable), Action::Leave)]
#[case::though_it_is_registered_here_already(moved(Leftover::Removable).shown(Registration::Equal), Action::Leave)]
#[case::what_is_there_is_looked_at_first(moved(Leftover::Unlisted), Action::ListLeftover)]
#[case::the_old_server_is_parked(moved(Leftover::Blocked), wait(Wait::LeftoverBlocked))]
#[case::it_may_be_registered_there_late(moved(Leftover::Unsettled), wait(Wait::LeftoverSettling))]
#[case::nothing_can_be_done_there_any_more(moved(Leftover::Lost), Action::Register)]
#[case::suspended(moved(Leftover::Removable).suspended(), wait(Wait::Suspended))]
#[case::refused(moved(Leftover::Removable).rejected(), wait(Wait::Rejected))]
#[case::finalizer_first(moved(Leftover::Removable).without_finalizer(), Action::AddFinalizer)]
#[case::where_it_belongs_nothing_new_is_made(moved(Leftover::Removable).on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::it_may_not_come_here(moved(Leftover::Removable).not_permitted(), wait(Wait::NamespaceNotAllowed))]
#[case::another_has_the_bios_id_here(moved(Leftover::Removable).outclaimed(), wait(Wait::AlreadyClaimed))]
#[case::it_cannot_come_here_yet(moved(Leftover::Removable).tenant(Tenant::Unprovisioned), wait(Wait::WaitingForTenant))]
#[case::its_tenant_is_missing_here(moved(Leftover::Removable).under(Identity::Missing), wait(Wait::WaitingForTenant))]
#[case::parked_here(moved(Leftover::Removable).reach(Reach::NotReady), wait(Wait::ServerNotReady))]
fn a_machine_whose_tenant_stands_elsewhere_now(#[case] facts: Facts, #[case] action: Action) {
    assert_eq!(plan(&facts), action);
}

#[rstest]
#[case::finalizer_gone(deleted().without_finalizer(), Action::LeaveAlone)]
#[case::retained(deleted().retained(), release(Release::Retained))]
#[case::retained_under_suspend(deleted().retained().suspended(), release(Release::Retained))]
#[case::retained_without_a_server(deleted().retained().reach(Reach::Missing), release(Release::Retained))]
#[case::retained_on_another_installations_server(deleted().retained().reach(Reach::Foreign), release(Release::Retained))]
#[case::retained_while_the_tenant_leaves(deleted().retained().tenant(Tenant::Leaving), release(Release::Retained))]
#[case::another_installations_server(deleted().reach(Reach::Foreign), Action::LeaveAlone)]
#[case::never_had_the_bios_id(deleted().outclaimed(), release(Release::NotOurs))]
#[case::never_had_a_tenant(deleted().traced(Whereabouts::Nowhere).tenant(Tenant::NotFound), release(Release::NotOurs))]
#[case::never_had_a_tenant_or_server(deleted().traced(Whereabouts::Nowhere).tenant(Tenant::NotFound).reach(Reach::Missing), release(Release::NotOurs))]
#[case::tenant_was_never_made(deleted().traced(Whereabouts::Nowhere).tenant(Tenant::Unprovisioned), release(Release::NotOurs))]
#[case::nothing_proves_that_it_was_registered(deleted().traced(Whereabouts::Nowhere).just_deleted(), release(Release::NotOurs))]
#[case::unregistered_everywhere(deleted().traced(Whereabouts::Left), release(Release::Unregistered))]
#[case::unregistered_everywhere_and_the_server_parked(deleted().traced(Whereabouts::Left).reach(Reach::NotReady), release(Release::Unregistered))]
#[case::unregistered_and_its_tenant_is_another_installations(deleted().traced(Whereabouts::Left).reach(Reach::Foreign), release(Release::Unregistered))]
#[case::registered_elsewhere_waits_for_no_tenant(deleted().traced(Whereabouts::Elsewhere).just_deleted(), Action::Unregister)]
#[case::registered_elsewhere_while_the_tenant_leaves(deleted().traced(Whereabouts::Elsewhere).tenant(Tenant::Leaving), Action::Unregister)]
#[case::registered_elsewhere_on_a_parked_server(deleted().traced(Whereabouts::Elsewhere).reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::tenant_may_be_deleted_too(deleted().just_deleted(), wait(Wait::TenantFate))]
#[case::tenant_stays(deleted(), Action::Unregister)]
#[case::tenant_is_leaving(deleted().tenant(Tenant::Leaving), wait(Wait::TenantDeleting))]
#[case::tenant_cannot_leave_yet(deleted().tenant(Tenant::LeavingBlocked).just_deleted(), wait(Wait::TenantDeleting))]
#[case::tenant_cannot_leave(deleted().tenant(Tenant::LeavingBlocked), Action::Unregister)]
#[case::tenant_lost_its_identifier_here(deleted().tenant(Tenant::Unprovisioned), Action::Unregister)]
#[case::tenant_is_gone_as_a_resource_here(deleted().tenant(Tenant::NotFound), Action::Unregister)]
#[case::tenant_is_gone_as_a_resource(deleted().tenant(Tenant::NotFound).traced(Whereabouts::Elsewhere), Action::Unregister)]
#[case::tenant_lost_its_identifier(deleted().tenant(Tenant::Unprovisioned).traced(Whereabouts::Elsewhere), Action::Unregister)]
#[case::tenant_is_gone_from_the_server(deleted().tenant(Tenant::NotFound).under(Identity::Gone), release(Release::TenantGone))]
#[case::tenant_is_gone_and_the_server_parked(deleted().tenant(Tenant::NotFound).under(Identity::Gone).reach(Reach::NotReady), release(Release::TenantGone))]
#[case::tenant_is_gone_where_nothing_is_believed(deleted().tenant(Tenant::NotFound).under(Identity::Gone).reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::tenant_missing_is_no_proof(deleted().under(Identity::Missing), Action::Unregister)]
#[case::tenants_not_listed(deleted().under(Identity::Unlisted), Action::ListTenants)]
#[case::tenant_under_another_name(deleted().under(Identity::Other), wait(Wait::IdentityMismatch))]
#[case::machine_absent_is_no_proof(deleted().shown(Registration::Absent), Action::Unregister)]
#[case::its_registration_may_arrive(deleted().unsettled(), wait(Wait::Settling))]
#[case::its_registration_may_arrive_elsewhere(deleted().traced(Whereabouts::Elsewhere).unsettled(), wait(Wait::Settling))]
#[case::its_registration_may_arrive_at_a_missing_tenant(deleted().under(Identity::Missing).unsettled(), wait(Wait::Settling))]
#[case::no_registration_arrives_where_the_tenant_is_gone(deleted().under(Identity::Gone).unsettled(), release(Release::TenantGone))]
#[case::the_tenant_takes_with_it_what_arrives(deleted().tenant(Tenant::Leaving).unsettled(), wait(Wait::TenantDeleting))]
#[case::suspended(deleted().suspended(), wait(Wait::Suspended))]
#[case::refused(deleted().rejected(), wait(Wait::Rejected))]
#[case::no_server(deleted().reach(Reach::Missing), wait(Wait::ServerNotFound))]
#[case::parked(deleted().reach(Reach::NotReady), wait(Wait::ServerNotReady))]
#[case::not_believed(deleted().reach(Reach::Guarded), wait(Wait::InventoryGuard))]
#[case::permission_withdrawn(deleted().not_permitted(), Action::Unregister)]
#[case::server_is_leaving(deleted().on_a_leaving_server(), Action::Unregister)]
fn deletion(#[case] mut facts: Facts, #[case] action: Action) {
    facts.deleting = true;
    assert_eq!(plan(&facts), action);
}
