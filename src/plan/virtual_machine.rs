//! One VirtualMachine: registration, its repetition after a change, unregistration.
//!
//! A machine follows its tenant. While the tenant is being deleted and can go,
//! the machine waits for that: one call on the server instead of one a machine.
//!
//! Server and tenant are one pair. When the Tenant stands for another pair than the one
//! that the machine is registered with, the machine leaves the old one first.

use super::Reach;

#[cfg(test)]
mod tests;

/// Everything that decides a VirtualMachine's next step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The resource has a deletion timestamp.
    pub deleting: bool,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// The machine is registered as far as its status says, or a request of this process to
    /// register it has no response yet.
    pub owns: bool,
    /// The deletion policy is `Retain`.
    pub retain: bool,
    /// `suspend`, on the Tenant or the IntegrationServer.
    pub suspended: bool,
    /// Another VirtualMachine has this BIOS ID on this server.
    pub outclaimed: bool,
    /// The Tenant it refers to.
    pub tenant: Tenant,
    /// Whether the server can be worked on.
    pub reach: Reach,
    /// `allowedNamespaces` lets this namespace in.
    pub permitted: bool,
    /// The IntegrationServer is being deleted.
    pub leaving: bool,
    /// What stands under the tenant's identifier on the server.
    pub identity: Identity,
    /// What the tenant's list of machines shows of it.
    pub registration: Registration,
    /// Where it may be registered: what its deletion has to undo.
    pub whereabouts: Whereabouts,
    /// Where it is registered beside its Tenant's present place.
    pub leftover: Leftover,
    /// It was registered in this generation already; a difference is reported, not repeated.
    pub settled_generation: bool,
    /// The server took its registration a moment ago: the list may be behind.
    pub awaited: bool,
    /// A call whose answer nobody has may still be carried out: an unregistration of a
    /// live machine, a registration of one that is being deleted.
    pub unsettled: bool,
    /// The server refused the step, and nothing has changed since.
    pub rejected: bool,
    /// A short wait for the tenant's own deletion is over.
    pub waited: bool,
    /// What the tenant's list of machines proves for its deletion.
    pub evidence: Evidence,
}

/// What the complete list of our own tenant's machines proves about a machine that is being
/// deleted. BIOS IDs are unique across tenants, and nothing documents that the server considers
/// the tenant in the path of an unregistration: so only what our own tenant's list shows is
/// unregistered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// There is no list yet that began late enough: after the deletion was seen, and after any
    /// unanswered registration of ours can still arrive.
    Unlisted,
    /// The list shows the machine.
    Present,
    /// One list does not show it. A server can show a registration late.
    Missing,
    /// Nothing of ours is there: two lists, 30 s apart, do not show it, or the server has
    /// answered that the BIOS ID belongs to a different tenant.
    Absent,
}

/// The Tenant that a machine refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tenant {
    /// There is no such resource.
    NotFound,
    /// It has no identifier yet.
    Unprovisioned,
    /// It has one.
    Provisioned,
    /// It is being deleted: its deletion runs, can run, or is held.
    Leaving,
    /// It is being deleted, and something else than a guard blocks that, or it stays on the server.
    LeavingBlocked,
    /// It is being deleted, and our finalizer is off: nothing more happens to the tenant on the
    /// server. Other finalizers keep the resource.
    Released,
}

/// What stands under the tenant's identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// No complete list yet.
    Unlisted,
    /// The Tenant's name and type (or, when the Tenant is gone, any tenant).
    Same,
    /// Another name or type.
    Other,
    /// Not in the last complete list.
    Missing,
    /// Removed, proved by the server in this process.
    Gone,
}

/// What the tenant's list of machines shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Registration {
    /// No complete list yet.
    Unlisted,
    /// Not in it.
    Absent,
    /// There, and every set field is equal.
    Equal,
    /// There, and name or user data differ.
    Different,
}

/// Where a machine that is being deleted may be registered, as far as something proves
/// that this is its own registration. `reach` and `identity` speak of that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whereabouts {
    /// Nothing that counts says that it ever was.
    Nowhere,
    /// With the tenant that its Tenant stands for.
    Home,
    /// With another one: of an earlier Tenant, or on another server.
    Elsewhere,
    /// It was, and it is unregistered everywhere.
    Left,
}

/// Where a live machine is registered beside its Tenant's present place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leftover {
    /// Nowhere.
    None,
    /// The machines there were not listed yet.
    Unlisted,
    /// With a tenant that can be called for.
    Removable,
    /// There, and a registration whose answer nobody has may still be carried out: after
    /// an unregistration it would stay.
    Unsettled,
    /// On a server that cannot be worked on now.
    Blocked,
    /// Where nothing can be done any more, or it is not ours any more.
    Lost,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Not ours to touch, not even its status.
    LeaveAlone,
    /// Put our finalizer on.
    AddFinalizer,
    /// Take our finalizer off.
    RemoveFinalizer(Release),
    /// Get a complete list of the server's tenants.
    ListTenants,
    /// Get a complete list of the tenant's machines.
    ListMachines,
    /// Register it.
    Register,
    /// Unregister it, to register it with other fields.
    Replace,
    /// Get a complete list of the machines where it is left over.
    ListLeftover,
    /// Unregister it where it is left over.
    Leave,
    /// Unregister it for good.
    Unregister,
    /// Nothing can be done now.
    Wait(Wait),
    /// The server agrees with the spec.
    Settled,
}

/// Why the finalizer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// The policy says so: the machine stays registered.
    Retained,
    /// It was never registered, or is another resource's.
    NotOurs,
    /// The server said that it is not registered (any more).
    Unregistered,
    /// Its tenant is gone, proved.
    TenantGone,
}

/// What holds a VirtualMachine up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// There is no such Tenant.
    TenantNotFound,
    /// The Tenant has no identifier yet.
    WaitingForTenant,
    /// The Tenant is being deleted.
    TenantDeleting,
    /// The Tenant may be deleted too: a short wait.
    TenantFate,
    /// Another VirtualMachine has the BIOS ID.
    AlreadyClaimed,
    /// The namespace may not refer to the IntegrationServer.
    NamespaceNotAllowed,
    /// The IntegrationServer does not exist.
    ServerNotFound,
    /// The IntegrationServer is parked.
    ServerNotReady,
    /// The IntegrationServer is being deleted.
    ServerLeaving,
    /// The inventory misses too much.
    InventoryGuard,
    /// `suspend`.
    Suspended,
    /// The tenant's identifier stands under another name.
    IdentityMismatch,
    /// It is registered on a server that cannot be worked on, beside its Tenant's.
    LeftoverBlocked,
    /// A registration beside its Tenant's place may still be carried out.
    LeftoverSettling,
    /// A call whose answer nobody has may still be carried out.
    Settling,
    /// A list does not show the machine that is being deleted; a second one has to agree.
    AbsenceUnproved,
    /// The server refused, and nothing has changed since.
    Rejected,
}

/// The one next step of a VirtualMachine.
pub fn plan(facts: &Facts) -> Action {
    if facts.deleting {
        deletion(facts)
    } else if facts.reach == Reach::Foreign {
        Action::LeaveAlone
    } else {
        live(facts)
    }
}

fn live(facts: &Facts) -> Action {
    if owns(facts) && !facts.finalizer {
        // Before any wait: without the finalizer, a deletion would orphan the registration.
        return Action::AddFinalizer;
    }
    match facts.tenant {
        Tenant::NotFound => return Action::Wait(Wait::TenantNotFound),
        Tenant::Leaving | Tenant::LeavingBlocked | Tenant::Released => {
            return Action::Wait(Wait::TenantDeleting);
        }
        Tenant::Unprovisioned | Tenant::Provisioned => {}
    }
    if facts.outclaimed {
        return Action::Wait(Wait::AlreadyClaimed);
    }
    if !facts.permitted && facts.reach != Reach::Missing {
        return Action::Wait(Wait::NamespaceNotAllowed);
    }
    if facts.tenant == Tenant::Unprovisioned {
        return Action::Wait(Wait::WaitingForTenant);
    }
    if let Some(wait) = closed(facts) {
        return Action::Wait(wait);
    }
    match facts.identity {
        Identity::Unlisted => Action::ListTenants,
        Identity::Other => Action::Wait(Wait::IdentityMismatch),
        Identity::Missing | Identity::Gone => Action::Wait(Wait::WaitingForTenant),
        Identity::Same => match facts.leftover {
            Leftover::None | Leftover::Lost => register(facts),
            Leftover::Unlisted => Action::ListLeftover,
            Leftover::Blocked => Action::Wait(Wait::LeftoverBlocked),
            Leftover::Unsettled => Action::Wait(Wait::LeftoverSettling),
            Leftover::Removable => change(facts, Action::Leave),
        },
    }
}

/// A registration on the server belongs to the machine: its status or this process says so, or
/// the list of its own tenant shows it.
fn owns(facts: &Facts) -> bool {
    let listed = matches!(
        facts.registration,
        Registration::Equal | Registration::Different
    );
    facts.owns || listed && facts.permitted && !facts.outclaimed
}

fn closed(facts: &Facts) -> Option<Wait> {
    match facts.reach {
        Reach::Missing | Reach::Foreign => Some(Wait::ServerNotFound),
        Reach::NotReady => Some(Wait::ServerNotReady),
        Reach::Guarded => Some(Wait::InventoryGuard),
        Reach::Ready => None,
    }
}

fn register(facts: &Facts) -> Action {
    let wanted = match facts.registration {
        Registration::Unlisted => return Action::ListMachines,
        Registration::Equal => {
            return if facts.finalizer {
                Action::Settled
            } else {
                Action::AddFinalizer
            };
        }
        Registration::Different if facts.settled_generation && facts.finalizer => {
            return Action::Settled;
        }
        Registration::Different | Registration::Absent if facts.unsettled => {
            return Action::Wait(Wait::Settling);
        }
        Registration::Different => Action::Replace,
        Registration::Absent if facts.awaited && facts.finalizer => return Action::ListMachines,
        Registration::Absent => Action::Register,
    };
    change(facts, wanted)
}

/// A call that changes something for a live machine, or what forbids it.
fn change(facts: &Facts, wanted: Action) -> Action {
    if facts.leaving {
        return Action::Wait(Wait::ServerLeaving);
    }
    if facts.suspended {
        return Action::Wait(Wait::Suspended);
    }
    if facts.rejected {
        return Action::Wait(Wait::Rejected);
    }
    if !facts.finalizer {
        return Action::AddFinalizer;
    }
    wanted
}

fn deletion(facts: &Facts) -> Action {
    if !facts.finalizer {
        return Action::LeaveAlone;
    }
    if facts.retain {
        return Action::RemoveFinalizer(Release::Retained);
    }
    if facts.whereabouts == Whereabouts::Left {
        return Action::RemoveFinalizer(Release::Unregistered);
    }
    if facts.reach == Reach::Foreign {
        return Action::LeaveAlone;
    }
    if facts.outclaimed {
        return Action::RemoveFinalizer(Release::NotOurs);
    }
    match facts.whereabouts {
        Whereabouts::Nowhere => Action::RemoveFinalizer(Release::NotOurs),
        Whereabouts::Left => Action::RemoveFinalizer(Release::Unregistered),
        // What becomes of its Tenant changes nothing there.
        Whereabouts::Elsewhere => unregister(facts),
        Whereabouts::Home => match facts.tenant {
            Tenant::Leaving => Action::Wait(Wait::TenantDeleting),
            Tenant::LeavingBlocked if !facts.waited => Action::Wait(Wait::TenantDeleting),
            Tenant::Provisioned if !facts.waited => Action::Wait(Wait::TenantFate),
            Tenant::NotFound
            | Tenant::Unprovisioned
            | Tenant::Provisioned
            | Tenant::LeavingBlocked
            | Tenant::Released => unregister(facts),
        },
    }
}

fn unregister(facts: &Facts) -> Action {
    // Where the inventory misses too much, one answer proves nothing.
    if facts.identity == Identity::Gone && facts.reach != Reach::Guarded {
        return Action::RemoveFinalizer(Release::TenantGone);
    }
    if let Some(wait) = closed(facts) {
        return Action::Wait(wait);
    }
    if facts.suspended {
        return Action::Wait(Wait::Suspended);
    }
    if facts.rejected {
        return Action::Wait(Wait::Rejected);
    }
    match facts.identity {
        Identity::Unlisted => Action::ListTenants,
        Identity::Other => Action::Wait(Wait::IdentityMismatch),
        Identity::Gone => Action::RemoveFinalizer(Release::TenantGone),
        // Carried out after the unregistration, it would stay.
        Identity::Missing | Identity::Same if facts.unsettled => Action::Wait(Wait::Settling),
        Identity::Missing | Identity::Same => match facts.evidence {
            Evidence::Unlisted => Action::ListMachines,
            Evidence::Present => Action::Unregister,
            Evidence::Missing => Action::Wait(Wait::AbsenceUnproved),
            Evidence::Absent => Action::RemoveFinalizer(Release::Unregistered),
        },
    }
}
