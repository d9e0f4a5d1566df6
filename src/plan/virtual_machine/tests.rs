//! A VirtualMachine's planner: tables of situations, and what holds in all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;

/// A live machine with our finalizer, on a healthy server, registered as it should be.
fn machine() -> Facts {
    Facts {
        deleting: false,
        finalizer: true,
        retain: false,
        suspended: false,
        outclaimed: false,
        tenant: Tenant::Provisioned,
        reach: Reach::Ready,
        permitted: true,
        leaving: false,
        identity: Identity::Same,
        registration: Registration::Equal,
        recorded: true,
        settled_generation: false,
        rejected: false,
        waited: false,
    }
}

/// A new machine.
fn new() -> Facts {
    let mut facts = machine().shown(Registration::Absent);
    facts.recorded = false;
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
    fn never_recorded(mut self) -> Self {
        self.recorded = false;
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
#[case::it_was_there_already(machine().never_recorded(), Action::Settled)]
#[case::it_was_there_already_without_finalizer(machine().never_recorded().without_finalizer(), Action::AddFinalizer)]
#[case::disappeared(machine().shown(Registration::Absent), Action::Register)]
#[case::suspended(new().suspended(), wait(Wait::Suspended))]
#[case::suspended_and_done(machine().suspended(), Action::Settled)]
#[case::refused(new().rejected(), wait(Wait::Rejected))]
#[case::refused_but_there(machine().rejected(), Action::Settled)]
#[case::server_is_leaving(new().on_a_leaving_server(), wait(Wait::ServerLeaving))]
#[case::server_is_leaving_and_done(machine().on_a_leaving_server(), Action::Settled)]
#[case::changed(machine().shown(Registration::Different), Action::Replace)]
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
#[case::finalizer_gone(deleted().without_finalizer(), Action::LeaveAlone)]
#[case::retained(deleted().retained(), release(Release::Retained))]
#[case::retained_under_suspend(deleted().retained().suspended(), release(Release::Retained))]
#[case::retained_without_a_server(deleted().retained().reach(Reach::Missing), release(Release::Retained))]
#[case::retained_on_another_installations_server(deleted().retained().reach(Reach::Foreign), release(Release::Retained))]
#[case::retained_while_the_tenant_leaves(deleted().retained().tenant(Tenant::Leaving), release(Release::Retained))]
#[case::another_installations_server(deleted().reach(Reach::Foreign), Action::LeaveAlone)]
#[case::never_had_the_bios_id(deleted().outclaimed(), release(Release::NotOurs))]
#[case::never_had_a_tenant(deleted().never_recorded().tenant(Tenant::NotFound), release(Release::NotOurs))]
#[case::never_had_a_tenant_or_server(deleted().never_recorded().tenant(Tenant::NotFound).reach(Reach::Missing), release(Release::NotOurs))]
#[case::tenant_was_never_made(deleted().never_recorded().tenant(Tenant::Unprovisioned), release(Release::NotOurs))]
#[case::tenant_may_be_deleted_too(deleted().just_deleted(), wait(Wait::TenantFate))]
#[case::tenant_stays(deleted(), Action::Unregister)]
#[case::tenant_stays_never_recorded(deleted().never_recorded(), Action::Unregister)]
#[case::tenant_is_leaving(deleted().tenant(Tenant::Leaving), wait(Wait::TenantDeleting))]
#[case::tenant_cannot_leave_yet(deleted().tenant(Tenant::LeavingBlocked).just_deleted(), wait(Wait::TenantDeleting))]
#[case::tenant_cannot_leave(deleted().tenant(Tenant::LeavingBlocked), Action::Unregister)]
#[case::tenant_is_gone_as_a_resource(deleted().tenant(Tenant::NotFound), Action::Unregister)]
#[case::tenant_lost_its_identifier(deleted().tenant(Tenant::Unprovisioned), Action::Unregister)]
#[case::tenant_is_gone_from_the_server(deleted().tenant(Tenant::NotFound).under(Identity::Gone), release(Release::TenantGone))]
#[case::tenant_is_gone_and_the_server_parked(deleted().tenant(Tenant::NotFound).under(Identity::Gone).reach(Reach::NotReady), release(Release::TenantGone))]
#[case::tenant_missing_is_no_proof(deleted().under(Identity::Missing), Action::Unregister)]
#[case::tenants_not_listed(deleted().under(Identity::Unlisted), Action::ListTenants)]
#[case::tenant_under_another_name(deleted().under(Identity::Other), wait(Wait::IdentityMismatch))]
#[case::machine_absent_is_no_proof(deleted().shown(Registration::Absent), Action::Unregister)]
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

const TENANTS: [Tenant; 5] = [
    Tenant::NotFound,
    Tenant::Unprovisioned,
    Tenant::Provisioned,
    Tenant::Leaving,
    Tenant::LeavingBlocked,
];
const REACHES: [Reach; 5] = [
    Reach::Missing,
    Reach::Foreign,
    Reach::NotReady,
    Reach::Guarded,
    Reach::Ready,
];
const IDENTITIES: [Identity; 5] = [
    Identity::Unlisted,
    Identity::Same,
    Identity::Other,
    Identity::Missing,
    Identity::Gone,
];
const REGISTRATIONS: [Registration; 4] = [
    Registration::Unlisted,
    Registration::Absent,
    Registration::Equal,
    Registration::Different,
];

/// The whole product of facts.
fn every(mut visit: impl FnMut(&Facts)) -> usize {
    let mut count = 0;
    for bits in 0_u16..1 << 11 {
        let bit = |index: u16| bits & (1 << index) != 0;
        for tenant in TENANTS {
            for reach in REACHES {
                for identity in IDENTITIES {
                    for registration in REGISTRATIONS {
                        count += 1;
                        visit(&Facts {
                            deleting: bit(0),
                            finalizer: bit(1),
                            retain: bit(2),
                            suspended: bit(3),
                            outclaimed: bit(4),
                            permitted: bit(5),
                            leaving: bit(6),
                            recorded: bit(7),
                            settled_generation: bit(8),
                            rejected: bit(9),
                            waited: bit(10),
                            tenant,
                            reach,
                            identity,
                            registration,
                        });
                    }
                }
            }
        }
    }
    count
}

fn on_mutation(facts: &Facts) {
    assert!(facts.finalizer && !facts.suspended && !facts.outclaimed && !facts.rejected);
    assert_eq!(facts.reach, Reach::Ready);
    assert_ne!(facts.tenant, Tenant::Leaving, "one call, not 1001");
}

fn holds(facts: &Facts, action: Action) {
    match action {
        Action::LeaveAlone => {
            assert!(facts.reach == Reach::Foreign || (facts.deleting && !facts.finalizer));
        }
        Action::AddFinalizer => assert!(!facts.deleting && !facts.finalizer),
        Action::RemoveFinalizer(why) => {
            assert!(facts.deleting && facts.finalizer);
            match why {
                Release::Retained => assert!(facts.retain),
                Release::NotOurs => assert!(facts.outclaimed || !facts.recorded),
                Release::TenantGone => assert_eq!(facts.identity, Identity::Gone),
            }
        }
        Action::ListTenants => assert_eq!(facts.identity, Identity::Unlisted),
        Action::ListMachines => assert_eq!(facts.registration, Registration::Unlisted),
        Action::Register | Action::Replace => {
            on_mutation(facts);
            assert!(!facts.deleting && facts.permitted && !facts.leaving);
            assert_eq!(facts.tenant, Tenant::Provisioned);
            assert_eq!(facts.identity, Identity::Same);
            if action == Action::Replace {
                assert_eq!(facts.registration, Registration::Different);
                assert!(!facts.settled_generation, "once a generation");
            } else {
                assert_eq!(facts.registration, Registration::Absent);
            }
        }
        Action::Unregister => {
            on_mutation(facts);
            assert!(facts.deleting && !facts.retain);
            assert!(matches!(facts.identity, Identity::Same | Identity::Missing));
        }
        Action::Wait(_) => {}
        Action::Settled => {
            assert!(!facts.deleting && facts.finalizer && !facts.outclaimed && facts.permitted);
            assert_eq!(facts.identity, Identity::Same);
            let reported =
                facts.registration == Registration::Different && facts.settled_generation;
            assert!(facts.registration == Registration::Equal || reported);
        }
    }
    let way_out = facts.deleting && facts.finalizer && facts.retain;
    assert!(!way_out || action == release(Release::Retained));
}

#[test]
fn in_every_situation() {
    let count = every(|facts| {
        let action = plan(facts);
        let checked = std::panic::catch_unwind(|| holds(facts, action));
        assert!(checked.is_ok(), "{facts:#?}\nis answered by {action:?}");
    });
    assert_eq!(count, 2_048 * 500);
}

#[test]
fn unregistering_does_not_look_at_what_only_registration_needs() {
    every(|facts| {
        let mut other = facts.clone();
        other.permitted = !facts.permitted;
        other.leaving = !facts.leaving;
        other.settled_generation = !facts.settled_generation;
        other.registration = Registration::Unlisted;
        assert!(!facts.deleting || plan(facts) == plan(&other), "{facts:#?}");
    });
}
