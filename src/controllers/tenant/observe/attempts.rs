//! What was begun and may not be over: creation, deletion, a change of state, and the
//! task of each. Brings this process's memory in line with the status; sends nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Around, WAIT_LIMIT, server};
use crate::controllers::tenant::activation::has_succeeded;
use crate::controllers::tenant::memory::{
    Attempt, Change as ChangeMemory, LostChange, Memory, Removal as RemovalMemory,
};
use crate::inventory::tasks::View;
use crate::plan::tenant::{Change, Creation, Removal, Unknown};
use crate::plan::{Refusal, Task};
use crate::viis::{self, ServerTime, TaskId, TaskType, TenantId, codes};

/// An unknown outcome is settled after this time.
pub const SETTLED_AFTER: Duration = Duration::from_secs(30);

/// The creation in flight.
pub fn creation(around: &Around<'_>, memory: &mut Memory) -> Creation {
    let Some(recorded) = &around.status.creation else {
        return Creation::None;
    };
    let known = memory
        .attempt
        .take_if(|attempt| attempt.id == recorded.attempt);
    let attempt = memory
        .attempt
        .insert(known.unwrap_or_else(|| Attempt::seen(&recorded.attempt)));
    let unknown = Unknown {
        here: around.endpoint().as_deref() == Some(recorded.server.as_str()),
        settled: attempt.since.elapsed() >= SETTLED_AFTER,
        waited: attempt.since.elapsed() >= WAIT_LIMIT,
    };
    let unsent = attempt.written_here && attempt.sends == 0 && recorded.task.is_none();
    if around.handle.is_some() && !unknown.here && !unsent {
        // Another server's tasks say nothing about this attempt.
        return Creation::Unknown(unknown);
    }
    let latest = Latest {
        task: &mut attempt.task,
        recorded: &mut attempt.recorded,
        replaced: attempt.replaced.as_ref(),
    };
    if latest.take_up(around, recorded.task.as_deref()) {
        // Another process sent it: what the task before came to says nothing about it,
        // and a request of ours came before.
        attempt.written_here = false;
        attempt.followed = false;
        attempt.since = Instant::now();
        (attempt.ended, attempt.refusal, attempt.cancelled) = (None, None, false);
    }
    match attempt.task.clone() {
        Some(id) => followed(around, attempt, id, unknown),
        None => taskless(attempt, unknown),
    }
}

/// A creation whose task is known.
fn followed(around: &Around<'_>, attempt: &mut Attempt, id: TaskId, unknown: Unknown) -> Creation {
    let sight = (&mut attempt.followed, &mut attempt.created);
    keep_in_sight(around, &id, sight);
    let task = follow(around, &id, &TaskType::CreateTenant);
    attempt.task = Some(id);
    if !matches!(task, Task::Running | Task::Stuck) && attempt.ended.is_none() {
        attempt.ended = Some(Instant::now());
        attempt.since = Instant::now();
    }
    Creation::Task {
        task,
        sole: is_sole(attempt),
        cancelled: attempt.cancelled,
        unknown,
    }
}

/// A creation without a task: it was not sent, it was refused, or its answer was lost.
fn taskless(attempt: &Attempt, unknown: Unknown) -> Creation {
    let sole = is_sole(attempt);
    match attempt.refusal {
        Some(refusal) if sole => Creation::Refused { refusal, sole },
        // A refused retry has an earlier, lost request beside it: its wait has an end.
        Some(refusal) => Creation::Task {
            task: Task::Refused(refusal),
            sole,
            cancelled: false,
            unknown,
        },
        // Nothing was sent, and the server has moved: another intent names it anew.
        None if attempt.written_here && attempt.sends == 0 && !unknown.here => Creation::None,
        None if attempt.written_here && attempt.sends == 0 => Creation::Intended,
        None => Creation::Unknown(unknown),
    }
}

/// The attempt's only request is this process's own.
fn is_sole(attempt: &Attempt) -> bool {
    attempt.written_here && attempt.sends <= 1
}

/// The deletion that was decided.
pub fn removal(around: &Around<'_>, memory: &mut Memory) -> Removal {
    let Some(recorded) = &around.status.removal else {
        return Removal::None;
    };
    if server::has_moved_along(around) {
        // It was decided on another address. All of it is here now, the tenant too: the
        // decision is made anew.
        return Removal::None;
    }
    let known = memory
        .removal
        .take_if(|removal| removal.id == recorded.attempt);
    let removal = memory
        .removal
        .insert(known.unwrap_or_else(|| RemovalMemory::seen(&recorded.attempt)));
    if server::is_decided_elsewhere(around) {
        // Another server's tasks say nothing about this deletion.
        return Removal::Unknown { settled: false };
    }
    let latest = Latest {
        task: &mut removal.task,
        recorded: &mut removal.recorded,
        replaced: removal.replaced.as_ref(),
    };
    if latest.take_up(around, recorded.task.as_deref()) {
        // Another process sent it: its end alone proves nothing.
        removal.followed = false;
        removal.forgotten = None;
    }
    match removal.task.clone() {
        Some(id) => {
            let task = followed_removal(around, removal, &id);
            if task == Task::Forgotten && removal.forgotten.is_none() {
                // What it did not do is not sent again as fast as tasks are forgotten.
                removal.forgotten = Some(Instant::now());
                removal.followed = false;
                memory.repeats.failed(None);
            }
            let since = removal.forgotten.unwrap_or(removal.since);
            Removal::Task {
                task,
                cancelled: removal.cancelled,
                settled: since.elapsed() >= SETTLED_AFTER,
            }
        }
        None if removal.unsent => Removal::Decided,
        None => Removal::Unknown {
            settled: removal.since.elapsed() >= SETTLED_AFTER,
        },
    }
}

/// The task of an attempt, as this process knows it.
struct Latest<'a> {
    task: &'a mut Option<TaskId>,
    /// What the status named last.
    recorded: &'a mut Option<TaskId>,
    /// What a repetition took the place of.
    replaced: Option<&'a TaskId>,
}

impl Latest<'_> {
    /// What this process sent last is newer than what it could write down. But once that
    /// has ended, a task that the status has named since counts: another process sent it,
    /// before this one took over or after a pause. True when such a one takes its place.
    fn take_up(self, around: &Around<'_>, named: Option<&str>) -> bool {
        let named = named.map(TaskId::new);
        let own = self.task.clone().filter(|own| Some(own) != named.as_ref());
        let runs = own
            .as_ref()
            .is_some_and(|own| !view(around, own).is_some_and(|view| view.is_over()));
        if *self.recorded == named || runs {
            return false;
        }
        let is_another = named.is_some() && named.as_ref() != self.replaced;
        if is_another {
            if let (Some(own), Some(picture)) = (&own, around.picture()) {
                picture.tasks().forget(own, around.key);
            }
            self.task.clone_from(&named);
        }
        *self.recorded = named;
        is_another && own.is_some()
    }
}

/// How far a deletion's task is. A server that was rolled back gives identifiers a
/// second time, so the end of a task that was not followed all the way proves nothing:
/// the tenant itself has to be asked for.
fn followed_removal(around: &Around<'_>, removal: &mut RemovalMemory, id: &TaskId) -> Task {
    let sight = (&mut removal.followed, &mut removal.created);
    keep_in_sight(around, id, sight);
    let seen = view(around, id);
    let says_no = matches!(&seen, Some(View::Seen(task)) if !has_succeeded(task));
    match follow(around, id, &TaskType::DeleteTenant) {
        Task::Completed if !removal.followed || says_no => Task::Forgotten,
        task @ (Task::Running
        | Task::Stuck
        | Task::Completed
        | Task::Refused(_)
        | Task::Forgotten) => task,
    }
}

/// Whether a task that was followed from its request is still the same one: the server has
/// never been without it, and shows the same creation time.
fn keep_in_sight(
    around: &Around<'_>,
    id: &TaskId,
    (followed, created): (&mut bool, &mut Option<ServerTime>),
) {
    if let Some(View::Seen(seen)) = view(around, id)
        && seen.created.is_some()
    {
        *followed &= created.is_none() || *created == seen.created;
        *created = seen.created;
    }
    let picture = around.picture();
    *followed &= picture.is_some_and(|picture| picture.tasks().never_lapsed(id, around.key));
}

/// What this Tenant knows of a task.
fn view(around: &Around<'_>, id: &TaskId) -> Option<View> {
    around.picture()?.tasks().view_of(id, around.key)
}

/// Activation or deactivation under way.
pub fn change(around: &Around<'_>, memory: &mut Memory) -> Change {
    // A task that another process started, and wrote down, is followed too. Without a
    // tenant it is none of ours any more: its identifier may be another task's by now.
    if memory.change.is_none()
        && memory.lost_change.is_none()
        && around.status.tenant_id.is_some()
        && let Some(task) = around.status.task.as_ref()
        && task.task_type.as_deref() == Some("ChangeTenantActivation")
        && !task.state.as_deref().is_some_and(is_terminal_word)
        && !memory.alone
        // Nobody rewrites the status of a task that the server does not remember.
        && memory.taken_up.as_ref().is_none_or(|taken_up| taken_up.as_str() != task.id)
    {
        memory.change = Some(ChangeMemory {
            task: TaskId::new(task.id.clone()),
            wanted: None,
        });
    }
    let lost = &mut memory.lost_change;
    lost.take_if(|lost| lost.at.elapsed() >= SETTLED_AFTER);
    match &memory.change {
        None if lost
            .as_ref()
            .is_some_and(|lost| !is_repeatable(around, lost)) =>
        {
            Change::Settling
        }
        None => Change::None,
        Some(change) => {
            match follow(around, &change.task, &TaskType::ChangeTenantActivation) {
                Task::Running => Change::Running,
                Task::Stuck => Change::Stuck,
                // Its end is taken up by whoever looks at the outcome.
                Task::Completed | Task::Refused(_) | Task::Forgotten => Change::None,
            }
        }
    }
}

/// Whether a request whose response was lost may be repeated before it can no longer arrive:
/// the same one, once a survey from after it shows no unclaimed task of this type. Carried out
/// twice, it changes nothing; its opposite would be undone.
fn is_repeatable(around: &Around<'_>, lost: &LostChange) -> bool {
    let Some(picture) = around.picture() else {
        return false;
    };
    let tasks = picture.tasks();
    lost.wanted == Some(around.tenant.spec.state)
        && tasks.surveyed_at().is_some_and(|at| at >= lost.at)
        && !tasks.unclaimed(&TaskType::ChangeTenantActivation)
}

/// The word of a task that is over.
pub fn is_terminal_word(state: &str) -> bool {
    matches!(
        state,
        "Completed" | "Failed" | "Canceled" | "Cancelled" | "Stopped"
    )
}

/// The task that is watched: the deletion's before the creation's before a change's.
pub fn watched_task(around: &Around<'_>, memory: &Memory) -> Option<Arc<viis::Task>> {
    let status = around.status;
    let removing = status.removal.as_ref().and(memory.removal.as_ref());
    let creating = status.creation.as_ref().and(memory.attempt.as_ref());
    let changing = memory.change.as_ref().map(|change| change.task.clone());
    let id = removing
        .and_then(|removal| removal.task.clone())
        .or_else(|| creating.and_then(|attempt| attempt.task.clone()))
        .or(changing)?;
    match view(around, &id)? {
        View::Seen(task) => Some(task),
        View::Unseen | View::Forgotten => None,
    }
}

/// The tenant that the result of a creation names.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its identifier.
    pub id: TenantId,
    /// How far the result can be trusted.
    pub proof: Proof,
}

/// How far the result of a creation can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The task was followed from this process's own request to its end, and no list from before
    /// the request shows the tenant: it is ours, however the server stores it.
    Followed,
    /// The identifier of the task may have been given a second time: the tenant has to look like
    /// ours, too.
    Named,
}

/// The tenant that our own completed creation names.
pub fn made_by(around: &Around<'_>, memory: &Memory, task: Option<&viis::Task>) -> Option<Made> {
    let creation = around.status.creation.as_ref()?;
    let task = task?;
    let recorded = around.status.task.as_ref();
    let recorded = recorded.filter(|recorded| creation.task.as_deref() == Some(&recorded.id));
    let recorded_at = recorded.and_then(|recorded| recorded.created.clone());
    let created_at = task.created.as_ref().map(ToString::to_string);
    if recorded_at
        .zip(created_at)
        .is_some_and(|(recorded, now)| recorded != now)
    {
        // The identifier was given a second time: this task is none of ours.
        return None;
    }
    let id = task.created_tenant()?.id().clone();
    let attempt = memory.attempt.as_ref().filter(|attempt| attempt.followed);
    let listed = attempt.and_then(|attempt| attempt.listed);
    let is_new = |listed| {
        let picture = around.picture();
        picture.is_some_and(|picture| !picture.tenants().was_shown(&id, listed))
    };
    let proof = if listed.is_some_and(is_new) {
        Proof::Followed
    } else {
        Proof::Named
    };
    Some(Made { id, proof })
}

/// Watches a task, and says how far it is.
fn follow(around: &Around<'_>, id: &TaskId, task_type: &TaskType) -> Task {
    let Some(picture) = around.picture() else {
        return Task::Running;
    };
    let view = match view(around, id) {
        Some(view) => view,
        None => {
            picture.watch_task(id, around.key);
            View::Unseen
        }
    };
    match view.of_type(task_type) {
        View::Forgotten => Task::Forgotten,
        View::Seen(task) if task.state.is_terminal() => match task.state {
            viis::TaskState::Completed => Task::Completed,
            viis::TaskState::Created
            | viis::TaskState::Queued
            | viis::TaskState::Starting
            | viis::TaskState::Running
            | viis::TaskState::Stopping
            | viis::TaskState::Failed
            | viis::TaskState::Canceled
            | viis::TaskState::Other(_) => Task::Refused(refusal_of(task.error())),
        },
        View::Unseen | View::Seen(_) => {
            if picture.tasks().is_stuck(id) {
                Task::Stuck
            } else {
                Task::Running
            }
        }
    }
}

fn refusal_of(error: Option<&viis::TaskError>) -> Refusal {
    refusal(error.and_then(|error| error.code.as_ref()))
}

/// What a code says of the object that was refused.
pub fn refusal(code: Option<&viis::Code>) -> Refusal {
    match code.map(viis::Code::as_str) {
        Some(codes::TENANT_NAME_ALREADY_EXISTS) => Refusal::NameExists,
        Some(codes::TENANT_NOT_FOUND) => Refusal::TenantNotFound,
        Some(_) | None => Refusal::Other,
    }
}
