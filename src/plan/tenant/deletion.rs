//! Deletion of a Tenant, decided in this order:
//!
//! 1. `Retain`: the finalizer goes, the server is not asked. Only a deletion
//!    that already runs is cancelled where that can still be done.
//! 2. Nothing of ours was ever there: the finalizer goes. A creation in flight
//!    is cancelled or settled first.
//! 3. A deletion that was sent is followed to its end.
//! 4. VirtualMachines that are not being deleted hold it up.
//! 5. The guard has to let it through, unless nothing of ours is there to be destroyed.
//! 6. The tenant under the identifier must be ours, asked for this decision.
//! 7. The decision is persisted, and only then sent.
//!
//! The finalizer goes only on the server's proof. Only the recorded identifier
//! is ever deleted.

use super::settlement::{Settlement, settle};
use super::{
    Action, Admission, ById, Change, Creation, Facts, Referrers, Release, Removal, Step, Wait,
};
use crate::plan::{Reach, Refusal, Task};

/// The next step of a Tenant that is being deleted.
pub(super) fn plan(facts: &Facts) -> Action {
    if !facts.finalizer {
        return Action::LeaveAlone;
    }
    if facts.spec.retain {
        return retain(facts);
    }
    if !facts.record.tenant {
        return unmade(facts);
    }
    match facts.record.removal {
        Removal::None => undecided(facts),
        Removal::Decided => verified(facts, Action::Delete),
        Removal::Unknown { settled } => repeat(facts, settled),
        Removal::Task { task, settled, .. } => follow(facts, task, settled),
    }
}

/// The tenant stays. A deletion that already runs is stopped where it still can be.
fn retain(facts: &Facts) -> Action {
    let Removal::Task {
        task, cancelled, ..
    } = facts.record.removal
    else {
        return Action::RemoveFinalizer(Release::Retained);
    };
    let can_ask = matches!(facts.server.reach, Reach::Guarded | Reach::Ready);
    match task {
        Task::Running | Task::Stuck if can_ask && !cancelled && !facts.spec.suspended => {
            Action::CancelRemoval
        }
        Task::Running if can_ask => Action::Wait(Wait::TaskRunning(Step::Delete)),
        Task::Completed | Task::Refused(Refusal::TenantNotFound) => {
            Action::RemoveFinalizer(Release::Removed)
        }
        Task::Running | Task::Stuck | Task::Refused(_) | Task::Forgotten => {
            Action::RemoveFinalizer(Release::Retained)
        }
    }
}

/// No identifier is recorded: there is nothing to delete, unless a creation made something.
fn unmade(facts: &Facts) -> Action {
    if matches!(facts.record.creation, Creation::None | Creation::Intended) {
        return Action::RemoveFinalizer(Release::NeverMade);
    }
    if let Some(wait) = unreachable(facts) {
        return Action::Wait(wait);
    }
    if facts.server.reach == Reach::Guarded {
        // What such an inventory does not show may well be there.
        return Action::Wait(Wait::InventoryGuard);
    }
    match settle(facts) {
        Settlement::NotBegun | Settlement::Absent => Action::RemoveFinalizer(Release::NeverMade),
        Settlement::Made => Action::RecordCreated,
        Settlement::Unasked => Action::GetCreated,
        Settlement::MetIdentical | Settlement::Over(_) => Action::RemoveFinalizer(Release::NotOurs),
        Settlement::Undecided | Settlement::StillUndecided => Action::Wait(Wait::Undecided),
        Settlement::NeedsList => Action::ListTenants,
        Settlement::Open(wait) => Action::Wait(wait),
        Settlement::AtWork(_) if facts.spec.suspended => Action::Wait(Wait::Suspended),
        Settlement::AtWork(wait) => match facts.record.creation {
            Creation::Task {
                cancelled: true, ..
            } => Action::Wait(wait),
            Creation::Task { .. }
            | Creation::None
            | Creation::Intended
            | Creation::Unknown(_)
            | Creation::Refused { .. } => Action::CancelCreation,
        },
    }
}

/// What keeps a deletion from asking the server at all. A withdrawn permission never does.
fn unreachable(facts: &Facts) -> Option<Wait> {
    match facts.server.reach {
        Reach::Missing | Reach::Foreign => Some(Wait::ServerNotFound),
        Reach::NotReady => Some(Wait::ServerNotReady),
        Reach::Guarded | Reach::Ready => None,
    }
}

/// A deletion that was sent.
fn follow(facts: &Facts, task: Task, settled: bool) -> Action {
    match task {
        Task::Completed => return Action::RemoveFinalizer(Release::Removed),
        Task::Running | Task::Stuck | Task::Refused(_) | Task::Forgotten => {}
    }
    if let Some(wait) = unreachable(facts) {
        return Action::Wait(wait);
    }
    match task {
        Task::Completed => Action::RemoveFinalizer(Release::Removed),
        Task::Running => Action::Wait(Wait::TaskRunning(Step::Delete)),
        Task::Stuck => Action::Wait(Wait::TaskStuck(Step::Delete)),
        Task::Refused(Refusal::TenantNotFound) => not_found(facts),
        Task::Refused(Refusal::NameExists | Refusal::Other) => verified(facts, Action::Delete),
        Task::Forgotten => repeat(facts, settled),
    }
}

/// The deletion's task says that the tenant was not there. What the server shows counts
/// more: it may have been restored since, be of two minds, or show a tenant late.
fn not_found(facts: &Facts) -> Action {
    if facts.server.reach != Reach::Ready {
        return Action::Wait(Wait::InventoryGuard);
    }
    match facts.world.by_id {
        ById::Gone => Action::RemoveFinalizer(Release::Removed),
        ById::Same(_) | ById::Other if !facts.world.verified => Action::Verify,
        ById::Same(_) => verified(facts, Action::Delete),
        // Its identifier is another tenant's by now.
        ById::Other => Action::RemoveFinalizer(Release::Removed),
        ById::Unlisted | ById::Missing => Action::Verify,
    }
}

/// The decision stands, its outcome is unknown: deletion is idempotent and may be
/// repeated once nothing that could be it still runs.
fn repeat(facts: &Facts, settled: bool) -> Action {
    match verified(facts, Action::Delete) {
        Action::Delete if facts.world.unclaimed_removals && !settled => {
            Action::Wait(Wait::Settling(Step::Delete))
        }
        next => next,
    }
}

/// Not decided yet: machines and the guard come first.
fn undecided(facts: &Facts) -> Action {
    if let Some(wait) = unreachable(facts) {
        return Action::Wait(wait);
    }
    if facts.outclaimed {
        return Action::Wait(Wait::AlreadyClaimed);
    }
    if facts.spec.suspended {
        return Action::Wait(Wait::Suspended);
    }
    match facts.machines.referrers {
        Referrers::Unlisted => return Action::ListReferrers,
        Referrers::Some => return Action::Wait(Wait::InUse),
        Referrers::None => {}
    }
    if facts.server.reach == Reach::Guarded {
        return Action::Wait(Wait::InventoryGuard);
    }
    match facts.world.by_id {
        ById::Same(_) => {}
        // Nothing of ours is known to be there, so nothing is destroyed: no matter for
        // the guard.
        ById::Unlisted | ById::Missing | ById::Other | ById::Gone => {
            return verified(facts, Action::RecordRemoval);
        }
    }
    match facts.admission {
        Admission::Pending => return Action::Wait(Wait::Admission),
        Admission::Held => return Action::Wait(Wait::DeletionHeld),
        Admission::Granted => {}
    }
    verified(facts, Action::RecordRemoval)
}

/// `next`, once the tenant under the identifier is ours by a call made for this decision.
fn verified(facts: &Facts, next: Action) -> Action {
    if let Some(wait) = unreachable(facts) {
        return Action::Wait(wait);
    }
    if facts.outclaimed {
        // What is there belongs to another Tenant as well, which keeps it.
        return Action::Wait(Wait::AlreadyClaimed);
    }
    if facts.spec.suspended {
        return Action::Wait(Wait::Suspended);
    }
    if facts.server.reach != Reach::Ready {
        return Action::Wait(Wait::InventoryGuard);
    }
    if facts.rejected == Some(Step::Delete) {
        return Action::Wait(Wait::Rejected(Step::Delete));
    }
    match facts.change {
        Change::Running => return Action::Wait(Wait::TaskRunning(Step::Change)),
        Change::None | Change::Stuck | Change::Settling => {}
    }
    if !facts.world.verified {
        return Action::Verify;
    }
    match facts.world.by_id {
        ById::Unlisted | ById::Missing => Action::Verify,
        ById::Other => Action::Wait(Wait::IdentityMismatch),
        ById::Gone => Action::RemoveFinalizer(Release::Removed),
        ById::Same(_) => next,
    }
}
