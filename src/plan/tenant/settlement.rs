//! What became of a creation whose end is not recorded yet.
//!
//! There is no idempotency key: the identifier that our own task names, names, which are
//! unique on the server, and the inventory decide. The name was absent before the intent
//! was persisted, so a tenant with our name and equal fields is ours. One with other fields
//! is undecided: a server may store a text differently from what was sent.

use super::{Creation, End, Facts, Sighting, Unknown, Wait};
use crate::plan::{Refusal, Task};

/// The answer to "what became of it?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settlement {
    /// No creation is in flight.
    NotBegun,
    /// The tenant with our name is what the attempt made.
    Made,
    /// The attempt made a tenant, and the server has to be asked how it stores it.
    Unasked,
    /// Somebody had made an identical one before: the adoption policy decides.
    MetIdentical,
    /// The attempt is over without a tenant of ours.
    Over(End),
    /// A tenant is there that the attempt may have made, and nothing proves it.
    Undecided,
    /// The server says that the name is taken, and its list has not shown the tenant for so
    /// long that it may be asked again.
    StillUndecided,
    /// Certainly nothing of it is on the server: it may be sent (again).
    Absent,
    /// A complete list is needed first.
    NeedsList,
    /// Not known yet.
    Open(Wait),
    /// Its task is still at work.
    AtWork(Wait),
}

/// What became of the creation in flight.
pub(super) fn settle(facts: &Facts) -> Settlement {
    match became(facts) {
        Settlement::Made if facts.world.unasked => Settlement::Unasked,
        settlement => settlement,
    }
}

fn became(facts: &Facts) -> Settlement {
    match facts.record.creation {
        Creation::None => Settlement::NotBegun,
        Creation::Intended => intended(facts),
        Creation::Unknown(unknown) => unknown_outcome(facts, unknown),
        Creation::Refused { refusal, sole } => refused(facts, refusal, sole, None),
        Creation::Task {
            task,
            sole,
            cancelled: _,
            unknown,
        } => match task {
            Task::Running => Settlement::AtWork(Wait::TaskRunning(super::Step::Create)),
            Task::Stuck => Settlement::AtWork(Wait::TaskStuck(super::Step::Create)),
            Task::Completed => completed(facts, unknown),
            Task::Refused(refusal) => refused(facts, refusal, sole, Some(unknown)),
            Task::Forgotten => unknown_outcome(facts, unknown),
        },
    }
}

/// Nothing was sent: whatever has the name now is somebody else's.
fn intended(facts: &Facts) -> Settlement {
    match facts.world.by_name {
        Sighting::Absent => Settlement::Absent,
        Sighting::Equal if facts.server.adopts_identical => Settlement::MetIdentical,
        Sighting::Equal | Sighting::Alike | Sighting::Owned | Sighting::Different => {
            Settlement::Over(End::NameTaken)
        }
    }
}

/// The inventory decides, whatever the adoption policy says.
fn unknown_outcome(facts: &Facts, unknown: Unknown) -> Settlement {
    if !unknown.here {
        // On another server the name proves nothing, and a second request there
        // could make the tenant twice.
        return Settlement::Open(Wait::OtherEndpoint);
    }
    if !facts.world.fresh {
        return Settlement::NeedsList;
    }
    match facts.world.by_name {
        Sighting::Equal | Sighting::Alike => Settlement::Made,
        Sighting::Owned => Settlement::Over(End::NameTaken),
        Sighting::Different => Settlement::Undecided,
        Sighting::Absent => {
            let others_at_work = facts.world.unclaimed_creations && !unknown.waited;
            if others_at_work || !unknown.settled {
                Settlement::Open(Wait::Settling(super::Step::Create))
            } else {
                Settlement::Absent
            }
        }
    }
}

/// The task is done: its tenant is ours as soon as it can be seen.
fn completed(facts: &Facts, unknown: Unknown) -> Settlement {
    if facts.world.unasked {
        return Settlement::Unasked;
    }
    match facts.world.by_name {
        Sighting::Equal | Sighting::Alike => Settlement::Made,
        Sighting::Owned => Settlement::Over(End::NameTaken),
        Sighting::Different if facts.world.fresh => Settlement::Undecided,
        Sighting::Different => Settlement::NeedsList,
        Sighting::Absent if !unknown.waited && facts.world.fresh => {
            Settlement::Open(Wait::Settling(super::Step::Create))
        }
        Sighting::Absent => unknown_outcome(facts, unknown),
    }
}

/// The server refused. A refusal rolls back, but a partial effect is still ours. `unknown`
/// is that of its task, None where the request itself was refused.
fn refused(facts: &Facts, refusal: Refusal, sole: bool, unknown: Option<Unknown>) -> Settlement {
    if !facts.world.fresh {
        return Settlement::NeedsList;
    }
    let waited = unknown.is_some_and(|unknown| unknown.waited);
    let met_somebody = refusal == Refusal::NameExists && sole;
    match facts.world.by_name {
        Sighting::Equal if met_somebody && facts.server.adopts_identical => {
            Settlement::MetIdentical
        }
        Sighting::Equal | Sighting::Alike | Sighting::Different if met_somebody => {
            Settlement::Over(End::NameTaken)
        }
        Sighting::Equal | Sighting::Alike => Settlement::Made,
        Sighting::Owned => Settlement::Over(End::NameTaken),
        // The request itself was refused: nothing of it was done.
        Sighting::Different if sole && unknown.is_none() => Settlement::Over(End::Rejected),
        Sighting::Different => Settlement::Undecided,
        // The server knows of one that its list does not show (yet).
        Sighting::Absent
            if refusal == Refusal::NameExists
                && unknown.is_some_and(|unknown| unknown.here && !unknown.settled) =>
        {
            Settlement::Open(Wait::Settling(super::Step::Create))
        }
        // An earlier request, whose answer was lost, may have made the tenant that has the
        // name, and the server may store it under another one.
        Sighting::Absent
            if refusal == Refusal::NameExists
                && !sole
                && unknown.is_some_and(|unknown| unknown.here && unknown.waited) =>
        {
            Settlement::StillUndecided
        }
        // Only the last request was refused: an earlier one, whose answer was lost,
        // may still be at work.
        Sighting::Absent if !sole && facts.world.unclaimed_creations && !waited => {
            Settlement::Open(Wait::Settling(super::Step::Create))
        }
        Sighting::Absent if refusal == Refusal::NameExists && !sole => Settlement::Undecided,
        Sighting::Absent => Settlement::Over(End::Rejected),
    }
}
