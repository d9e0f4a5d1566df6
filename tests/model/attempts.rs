//! What was begun for a Tenant, as far as one process can know it: creation, removal,
//! change of state, and how far a task is. The part of `controllers/tenant/observe.rs`
//! that follows tasks. It calls nobody and decides nothing.

use viis_operator::plan::tenant::{Change, Creation, Removal, Unknown};
use viis_operator::plan::{Refusal, Task};

use crate::kube::TenantStatus;
use crate::memory::{Attempt, Change as Changing, LostChange, Process, Removal as Removing};
use crate::mutants::Mutant;
use crate::picture::{Picture, View};
use crate::world::{End, Id, Kind};

pub fn creation(
    process: &mut Process,
    slot: usize,
    status: &TenantStatus,
    mutant: Option<Mutant>,
) -> Creation {
    let Some(recorded) = status.creation else {
        return Creation::None;
    };
    let known = process.memories[slot].attempt;
    let mut attempt = known
        .filter(|attempt| attempt.id == recorded.attempt)
        .unwrap_or_else(|| Attempt::seen(recorded.attempt));
    let sole = attempt.written_here && attempt.sends <= 1;
    let unknown = |attempt: &Attempt| Unknown {
        here: true,
        settled: attempt.settled,
        waited: attempt.waited,
    };
    let replaced = attempt.replaced;
    if mutant == Some(Mutant::OwnTaskAlone) {
        attempt.task = attempt.task.or(recorded.task);
    } else {
        let known = (&mut attempt.task, &mut attempt.recorded);
        if take_up(&mut process.picture, slot, known, (replaced, recorded.task)) {
            attempt.followed = false;
        }
    }
    let found = if let Some(id) = attempt.task {
        let before = unknown(&attempt);
        let sight = (&mut attempt.followed, &mut attempt.created);
        keep_in_sight(&process.picture, slot, id, sight);
        let task = follow(process, slot, id, Kind::Create, mutant);
        if !matches!(task, Task::Running | Task::Stuck) && !attempt.ended {
            attempt.ended = true;
            attempt.restart();
        }
        Creation::Task {
            task,
            sole,
            cancelled: attempt.cancelled,
            unknown: before,
        }
    } else {
        match attempt.refusal {
            Some(refusal) if sole => Creation::Refused { refusal, sole },
            Some(refusal) => Creation::Task {
                task: Task::Refused(refusal),
                sole,
                cancelled: false,
                unknown: unknown(&attempt),
            },
            None if attempt.written_here && attempt.sends == 0 => Creation::Intended,
            None => Creation::Unknown(unknown(&attempt)),
        }
    };
    process.memories[slot].attempt = Some(attempt);
    found
}

pub fn removal(
    process: &mut Process,
    slot: usize,
    status: &TenantStatus,
    mutant: Option<Mutant>,
) -> Removal {
    let Some(recorded) = status.removal else {
        return Removal::None;
    };
    let known = process.memories[slot].removal;
    let mut removal = known
        .filter(|removal| removal.id == recorded.attempt)
        .unwrap_or_else(|| Removing::seen(recorded.attempt));
    let replaced = removal.replaced;
    if mutant == Some(Mutant::OwnTaskAlone) {
        removal.task = removal.task.or(recorded.task);
    } else {
        let known = (&mut removal.task, &mut removal.recorded);
        if take_up(&mut process.picture, slot, known, (replaced, recorded.task)) {
            // Another process sent it: its end alone proves nothing.
            removal.lose_sight();
        }
    }
    let found = match removal.task {
        Some(id) => {
            let task = followed_removal(process, slot, &mut removal, id, mutant);
            if task == Task::Forgotten && !removal.forgotten {
                // From now on 30 s, an answer and a survey of the tasks are waited for.
                // The pause may be over at any moment: it is none here.
                removal.lose_sight();
                removal.forgotten = true;
                removal.settled = false;
                let asked = &mut process.picture.asked;
                asked.retain(|asked| Some(*asked) != status.tenant);
            }
            Removal::Task {
                task,
                cancelled: removal.cancelled,
                settled: removal.settled,
            }
        }
        None if removal.unsent => Removal::Decided,
        None => Removal::Unknown {
            settled: removal.settled,
        },
    };
    process.memories[slot].removal = Some(removal);
    found
}

/// How far a deletion's task is. The end of a task that was not followed all the way
/// proves nothing: its identifier may have been given a second time.
fn followed_removal(
    process: &mut Process,
    slot: usize,
    removal: &mut Removing,
    id: Id,
    mutant: Option<Mutant>,
) -> Task {
    let sight = (&mut removal.followed, &mut removal.created);
    keep_in_sight(&process.picture, slot, id, sight);
    match follow(process, slot, id, Kind::Delete, mutant) {
        Task::Completed if mutant == Some(Mutant::FollowsForeign) => Task::Completed,
        Task::Completed if !removal.followed => Task::Forgotten,
        task => task,
    }
}

/// Whether a task that was followed from its request is still the same one.
fn keep_in_sight(
    picture: &Picture,
    slot: usize,
    id: Id,
    (followed, created): (&mut bool, &mut Option<u8>),
) {
    if let Some(seen) = picture.created(id, slot) {
        *followed &= created.is_none_or(|first| first == seen);
        *created = Some(seen);
    }
    *followed &= picture.never_lapsed(id, slot);
}

/// What this process sent last counts until it has ended; then what the status has named
/// since, which another one sent. True when that takes its place.
fn take_up(
    picture: &mut Picture,
    slot: usize,
    (task, recorded): (&mut Option<Id>, &mut Option<Id>),
    (replaced, named): (Option<Id>, Option<Id>),
) -> bool {
    let own = task.filter(|own| Some(*own) != named);
    let is_over = |view| matches!(view, Some(View::Ended(..) | View::Forgotten));
    let runs = own.is_some_and(|own| !is_over(picture.view(own, slot)));
    if *recorded == named || runs {
        return false;
    }
    let is_another = named.is_some() && named != replaced;
    if is_another {
        if let Some(own) = own {
            picture.forget(own, slot);
        }
        *task = named;
    }
    *recorded = named;
    is_another && own.is_some()
}

/// Watches a task, and says how far it is.
fn follow(process: &mut Process, slot: usize, id: Id, kind: Kind, mutant: Option<Mutant>) -> Task {
    if process.picture.view(id, slot).is_none() {
        process.picture.watch(id, slot);
    }
    match process.picture.view(id, slot) {
        None | Some(View::Unseen | View::Running) => Task::Running,
        Some(View::Forgotten) => Task::Forgotten,
        // An identifier that was given a second time: somebody else's task.
        Some(View::Ended(found, _)) if found != kind && mutant != Some(Mutant::FollowsForeign) => {
            Task::Forgotten
        }
        Some(View::Ended(..)) if mutant == Some(Mutant::AnyEndCounts) => Task::Completed,
        Some(View::Ended(_, End::Completed(_))) => Task::Completed,
        Some(View::Ended(_, End::Failed(refusal))) => Task::Refused(refusal),
        Some(View::Ended(_, End::Cancelled)) => Task::Refused(Refusal::Other),
    }
}

pub fn change(
    process: &mut Process,
    slot: usize,
    status: &TenantStatus,
    mutant: Option<Mutant>,
) -> Change {
    let memory = &mut process.memories[slot];
    if memory.change.is_none()
        && memory.lost_change.is_none()
        && status.tenant.is_some()
        && !memory.alone
        && let Some(id) = status
            .change
            .filter(|id| memory.settled_change != Some(*id))
    {
        memory.change = Some(Changing {
            task: id,
            wanted: None,
        });
    }
    let (change, lost) = (memory.change, memory.lost_change);
    match change {
        None if lost.is_some_and(|lost| !is_repeatable(process, slot, lost)) => Change::Settling,
        None => Change::None,
        Some(Changing { task, .. }) => match follow(process, slot, task, Kind::Change, mutant) {
            Task::Running => Change::Running,
            Task::Stuck => Change::Stuck,
            Task::Completed | Task::Refused(_) | Task::Forgotten => Change::None,
        },
    }
}

/// The same request may be repeated once no task can be it, its opposite not.
fn is_repeatable(process: &Process, slot: usize, lost: LostChange) -> bool {
    let wanted = process.tenants[slot].map(|tenant| tenant.spec.active);
    let same = lost.wanted.is_some() && lost.wanted == wanted;
    same && lost.surveyed && !process.picture.unclaimed(Kind::Change)
}
