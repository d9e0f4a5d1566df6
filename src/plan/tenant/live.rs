//! What a Tenant that is not being deleted needs next.

use super::settlement::{Settlement, settle};
use super::{Action, Activity, Adoption, ById, Change, Facts, Password, Sighting, Step, Wait};
use crate::plan::Reach;

/// The next step of a live Tenant.
pub(super) fn plan(facts: &Facts) -> Action {
    if facts.record.owns() && !facts.finalizer {
        // Before any wait: without the finalizer, a deletion would orphan the tenant.
        return Action::AddFinalizer;
    }
    if facts.server.reach == Reach::Missing {
        return Action::Wait(Wait::ServerNotFound);
    }
    if facts.outclaimed {
        return Action::Wait(Wait::AlreadyClaimed);
    }
    if let Some(wait) = closed(facts) {
        return Action::Wait(wait);
    }
    if facts.record.tenant {
        return owned(facts);
    }
    match settle(facts) {
        Settlement::NotBegun => unmade(facts),
        Settlement::Made => guarded_by_finalizer(facts, Action::RecordCreated),
        Settlement::Unasked => guarded_by_finalizer(facts, Action::GetCreated),
        Settlement::MetIdentical => adopt(facts, Adoption::ByName),
        Settlement::Over(end) => Action::EndAttempt(end),
        Settlement::Undecided => guarded_by_finalizer(facts, Action::Wait(Wait::Undecided)),
        Settlement::NeedsList => Action::ListTenants,
        Settlement::Open(wait) | Settlement::AtWork(wait) => {
            guarded_by_finalizer(facts, Action::Wait(wait))
        }
        Settlement::Absent | Settlement::StillUndecided => create(facts),
    }
}

/// What keeps a live Tenant from everything, reading included.
fn closed(facts: &Facts) -> Option<Wait> {
    if !facts.server.permitted {
        return Some(Wait::NamespaceNotAllowed);
    }
    match facts.server.reach {
        Reach::Missing | Reach::Foreign => Some(Wait::ServerNotFound),
        Reach::NotReady => Some(Wait::ServerNotReady),
        Reach::Guarded => Some(Wait::InventoryGuard),
        Reach::Ready => None,
    }
}

/// Nothing of it is on the server, and nothing was sent.
fn unmade(facts: &Facts) -> Action {
    if facts.server.leaving {
        return Action::Wait(Wait::ServerLeaving);
    }
    if facts.rejected == Some(Step::Create) {
        return Action::Wait(Wait::Rejected(Step::Create));
    }
    if facts.spec.existing && !facts.server.adopts_by_id {
        return Action::Wait(Wait::AdoptionNotAllowed);
    }
    if !facts.world.fresh {
        return Action::ListTenants;
    }
    if facts.spec.existing {
        return match facts.world.existing {
            Sighting::Absent => Action::Wait(Wait::ExistingNotFound),
            Sighting::Owned => Action::Wait(Wait::AlreadyClaimed),
            Sighting::Alike | Sighting::Different => Action::Wait(Wait::IdentityMismatch),
            Sighting::Equal => adopt(facts, Adoption::ById),
        };
    }
    match facts.world.by_name {
        Sighting::Equal if facts.server.adopts_identical => adopt(facts, Adoption::ByName),
        Sighting::Equal | Sighting::Alike | Sighting::Owned | Sighting::Different => {
            Action::Wait(Wait::NameTaken)
        }
        Sighting::Absent => intend(facts),
    }
}

/// The tenant is taken over, unless it may be the one that somebody is deleting: a
/// resource that lost its finalizer while its deletion ran leaves such a one behind.
fn adopt(facts: &Facts, adoption: Adoption) -> Action {
    if facts.world.may_vanish {
        return guarded_by_finalizer(facts, Action::Wait(Wait::Vanishing));
    }
    guarded_by_finalizer(facts, Action::Adopt(adoption))
}

/// The name is free: everything is made ready, then the intent is persisted.
fn intend(facts: &Facts) -> Action {
    if facts.spec.suspended {
        return Action::Wait(Wait::Suspended);
    }
    with_password(facts, guarded_by_finalizer(facts, Action::RecordIntent))
}

/// The intent is persisted and certainly nothing of it is on the server.
fn create(facts: &Facts) -> Action {
    if facts.server.leaving {
        return Action::Wait(Wait::ServerLeaving);
    }
    if facts.spec.suspended {
        return Action::Wait(Wait::Suspended);
    }
    with_password(facts, guarded_by_finalizer(facts, Action::Create))
}

fn with_password(facts: &Facts, next: Action) -> Action {
    match facts.spec.password {
        Password::Unread => Action::ReadPassword,
        Password::SecretNotFound => Action::Wait(Wait::SecretNotFound),
        Password::KeyMissing => Action::Wait(Wait::SecretKeyMissing),
        Password::NotNeeded | Password::Read => next,
    }
}

/// Nothing becomes ours before the finalizer that will clean it up is on.
fn guarded_by_finalizer(facts: &Facts, next: Action) -> Action {
    if facts.finalizer {
        next
    } else {
        Action::AddFinalizer
    }
}

/// The tenant is recorded: it has to be there, and in the wanted state.
fn owned(facts: &Facts) -> Action {
    match facts.world.by_id {
        ById::Unlisted => Action::ListTenants,
        ById::Missing => Action::ConfirmAbsence,
        ById::Other => Action::Wait(Wait::IdentityMismatch),
        ById::Gone => vanished(facts),
        ById::Same(activity) => activation(facts, activity),
    }
}

/// The tenant disappeared from the server, proved.
fn vanished(facts: &Facts) -> Action {
    if facts.spec.existing {
        // It was made elsewhere: nobody but its maker can say how to make it again.
        return Action::Wait(Wait::ExistingNotFound);
    }
    if facts.server.leaving {
        return Action::Wait(Wait::ServerLeaving);
    }
    if facts.spec.suspended {
        return Action::Wait(Wait::Suspended);
    }
    Action::ForgetTenant
}

fn activation(facts: &Facts, activity: Activity) -> Action {
    match facts.change {
        Change::Running => return Action::Wait(Wait::TaskRunning(Step::Change)),
        Change::Stuck => return Action::Wait(Wait::TaskStuck(Step::Change)),
        Change::Settling => return Action::Wait(Wait::Settling(Step::Change)),
        Change::None => {}
    }
    if activity == facts.spec.wanted {
        return Action::Settled;
    }
    if facts.spec.suspended {
        return Action::Wait(Wait::Suspended);
    }
    if facts.rejected == Some(Step::Change) {
        return Action::Wait(Wait::Rejected(Step::Change));
    }
    let machines = facts.machines;
    if facts.spec.wanted == Activity::Active
        && machines.first_activation
        && machines.unregistered
        && !machines.waited
    {
        return Action::Wait(Wait::VirtualMachines);
    }
    if !facts.world.fresh {
        // A list from before the last change ended would have it sent twice.
        return Action::ListTenants;
    }
    Action::ChangeState
}
