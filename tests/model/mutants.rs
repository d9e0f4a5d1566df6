//! The planner, and planners (and hands) with one mistake each. Without a mutant this
//! is the real `viis_operator::plan`, as it is. Each mutant says which property it breaks.

use viis_operator::plan::Task;
use viis_operator::plan::tenant::{self, Action, ById, Creation, Facts, Removal, Sighting, Wait};
use viis_operator::plan::tenant::{Admission, Release, Step, Unknown};
use viis_operator::plan::virtual_machine;

use crate::coverage::{planned, planned_machine};

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A creation is sent without an intent in the status.
    NoIntent,
    /// Any list is from after everything that a decision rests on.
    AlwaysFresh,
    /// An unknown outcome is settled at once.
    AlwaysSettled,
    /// Running creations that nobody claims are overlooked.
    NoUnclaimed,
    /// A tenant with our name is ours, whatever its fields are.
    NameIsEnough,
    /// A tenant in another form with the same normal form is not ours.
    EqualBytes,
    /// What may be ours is no reason to keep the finalizer.
    LeavesUndecided,
    /// The tenant under our identifier is ours, whatever its name is.
    IdentifierIsEnough,
    /// Absence from the list in memory is proof.
    OldAbsence,
    /// A deletion is sent without a decision in the status.
    NoDecision,
    /// `Retain` is overlooked.
    NoRetain,
    /// The finalizer goes as soon as the deletion's task is known.
    EarlyRelease,
    /// The finalizer goes when the deletion's task failed.
    ReleaseOnFailure,
    /// A creation that is under way is no reason to keep the finalizer.
    ForgetsCreation,
    /// A running deletion is sent again.
    DeleteAgain,
    /// A running creation is sent again.
    CreateAgain,
    /// A finalizer that was lost is restored only when nothing else blocks.
    WaitsUnprotected,
    /// The same for a machine.
    MachineWaitsUnprotected,
    /// Things are made before the finalizer is on.
    NoFinalizer,
    /// Two Tenants of one name do not mind each other.
    NoClaims,
    /// The guard over the inventory is overlooked.
    NoGuard,
    /// A machine's finalizer goes without the call that unregisters it.
    KeepsRegistration,
    /// A machine is registered before the finalizer is on.
    MachineWithoutFinalizer,
    /// A machine that is deleted was registered with what its status says.
    OldRegistration,
    /// Where a machine was registered before is of no interest.
    ForgetsLeftover,
    /// An activation whose end was taken up is followed again.
    FollowsAgain,
    /// A task that another process wrote down is overlooked.
    OwnTaskAlone,
    /// Who has recorded an identifier owns what it stands for now.
    OwnsByIdentifier,
    /// Writes carry no resourceVersion.
    WriteWithoutPrecondition,
    /// The tenants may have been listed before the tasks were surveyed.
    SurveyAfterList,
    /// A deletion is repeated on what is watched, without asking the API server.
    RepeatOnOldView,
    /// A task under our identifier is ours, whosever it is.
    FollowsForeign,
    /// A task that has ended has done its work.
    AnyEndCounts,
    /// A machine is registered before that is noted.
    NoNote,
    /// A machine is registered again though its unregistration may still be carried out.
    RegistersUnsettled,
    /// A machine is unregistered though its registration may still be carried out.
    UnregistersUnsettled,
    /// The same where it is left over.
    LeavesUnsettled,
}

/// The next step of a Tenant.
pub fn plan(mutant: Option<Mutant>, facts: &Facts) -> Action {
    let Some(mutant) = mutant else {
        return planned(tenant::plan(facts));
    };
    let mut facts = facts.clone();
    alter(mutant, &mut facts);
    replace(mutant, &facts, tenant::plan(&facts))
}

/// Mistakes about what is known.
fn alter(mutant: Mutant, facts: &mut Facts) {
    match mutant {
        Mutant::AlwaysFresh => facts.world.fresh = true,
        Mutant::AlwaysSettled => {
            if let Some(unknown) = unknown(&mut facts.record.creation) {
                unknown.settled = true;
            }
            facts.world.unclaimed_creations = false;
        }
        Mutant::NoUnclaimed => facts.world.unclaimed_creations = false,
        Mutant::NameIsEnough => {
            if facts.world.by_name == Sighting::Different {
                facts.world.by_name = Sighting::Equal;
            }
        }
        Mutant::EqualBytes => {
            if facts.world.by_name == Sighting::Alike {
                facts.world.by_name = Sighting::Different;
            }
        }
        Mutant::IdentifierIsEnough => {
            if facts.world.by_id == ById::Other {
                facts.world.by_id = ById::Same(facts.spec.wanted);
            }
        }
        Mutant::OldAbsence => {
            if facts.world.by_id == ById::Missing {
                facts.world.by_id = ById::Gone;
                facts.world.verified = true;
            }
        }
        Mutant::NoRetain => {
            facts.spec.retain = false;
            // The guard counts it, too.
            facts.admission = Admission::Granted;
        }
        Mutant::NoFinalizer => facts.finalizer |= !facts.deleting,
        Mutant::WaitsUnprotected => facts.finalizer |= !facts.deleting && facts.spec.suspended,
        Mutant::NoClaims => facts.outclaimed = false,
        Mutant::MachineWaitsUnprotected
        | Mutant::LeavesUndecided
        | Mutant::NoIntent
        | Mutant::NoGuard
        | Mutant::NoDecision
        | Mutant::EarlyRelease
        | Mutant::ReleaseOnFailure
        | Mutant::ForgetsCreation
        | Mutant::DeleteAgain
        | Mutant::CreateAgain
        | Mutant::KeepsRegistration
        | Mutant::MachineWithoutFinalizer
        | Mutant::OldRegistration
        | Mutant::ForgetsLeftover
        | Mutant::FollowsAgain
        | Mutant::OwnTaskAlone
        | Mutant::OwnsByIdentifier
        | Mutant::WriteWithoutPrecondition
        | Mutant::SurveyAfterList
        | Mutant::RepeatOnOldView
        | Mutant::FollowsForeign
        | Mutant::AnyEndCounts
        | Mutant::NoNote
        | Mutant::RegistersUnsettled
        | Mutant::UnregistersUnsettled
        | Mutant::LeavesUnsettled => {}
    }
}

fn unknown(creation: &mut Creation) -> Option<&mut Unknown> {
    match creation {
        Creation::Unknown(unknown) | Creation::Task { unknown, .. } => Some(unknown),
        Creation::None | Creation::Intended | Creation::Refused { .. } => None,
    }
}

/// Mistakes about what follows.
fn replace(mutant: Mutant, facts: &Facts, action: Action) -> Action {
    let failed = matches!(facts.record.removal, Removal::Task { task, .. }
        if matches!(task, Task::Refused(_)));
    match (mutant, action) {
        (Mutant::NoDecision, Action::RecordRemoval) => Action::Delete,
        (Mutant::OldAbsence, Action::Verify) if facts.world.by_id == ById::Gone => {
            Action::RemoveFinalizer(Release::Removed)
        }
        (Mutant::EarlyRelease, Action::Wait(Wait::TaskRunning(Step::Delete))) => {
            Action::RemoveFinalizer(Release::Retained)
        }
        (Mutant::ReleaseOnFailure, Action::Wait(Wait::Rejected(Step::Delete))) if failed => {
            Action::RemoveFinalizer(Release::Retained)
        }
        (
            Mutant::ForgetsCreation,
            Action::CancelCreation | Action::Wait(Wait::Settling(Step::Create)),
        ) if facts.deleting => Action::RemoveFinalizer(Release::NeverMade),
        (Mutant::LeavesUndecided, Action::Wait(Wait::Undecided)) if facts.deleting => {
            Action::RemoveFinalizer(Release::NotOurs)
        }
        (Mutant::DeleteAgain, Action::Wait(Wait::TaskRunning(Step::Delete))) => Action::Delete,
        (Mutant::CreateAgain, Action::Wait(Wait::TaskRunning(Step::Create))) if !facts.deleting => {
            Action::Create
        }
        (_, action) => action,
    }
}

/// The next step of the VirtualMachine.
pub fn plan_machine(
    mutant: Option<Mutant>,
    facts: &virtual_machine::Facts,
) -> virtual_machine::Action {
    use virtual_machine::{Action, Evidence, Leftover, Release};
    if mutant.is_none() {
        return planned_machine(virtual_machine::plan(facts));
    }
    let mut facts = facts.clone();
    if mutant == Some(Mutant::MachineWithoutFinalizer) {
        facts.finalizer |= !facts.deleting;
    }
    if mutant == Some(Mutant::MachineWaitsUnprotected) {
        facts.finalizer |= !facts.deleting && facts.suspended;
    }
    if mutant == Some(Mutant::ForgetsLeftover) {
        facts.leftover = Leftover::None;
    }
    match mutant {
        Some(Mutant::RegistersUnsettled) if !facts.deleting => facts.unsettled = false,
        Some(Mutant::UnregistersUnsettled) if facts.deleting => {
            facts.unsettled = false;
            facts.evidence = Evidence::Present;
        }
        Some(Mutant::LeavesUnsettled) if facts.leftover == Leftover::Unsettled => {
            facts.leftover = Leftover::Removable;
        }
        _ => {}
    }
    match (mutant, virtual_machine::plan(&facts)) {
        (Some(Mutant::KeepsRegistration), Action::Unregister) => {
            Action::RemoveFinalizer(Release::NotOurs)
        }
        (_, action) => action,
    }
}
