//! Whether what is known of the server is recent enough to decide on. Looks at times
//! alone, not at what the lists say.

use std::time::Duration;

use tokio::time::Instant;

use super::Around;
use super::attempts::SETTLED_AFTER;
use crate::controllers::tenant::memory::{Attempt, Memory};
use crate::inventory::Server as Picture;
use crate::viis::TaskType;

/// A list is recent enough for a decision for this long.
pub const RECENT: Duration = Duration::from_secs(10);

/// Whether the list is recent, and from after everything the decision rests on.
pub fn is_fresh(around: &Around<'_>, memory: &Memory) -> bool {
    let Some(listed_at) = listed_at(around) else {
        return false;
    };
    // A slow list is old when it arrives: one that this very look asked for counts.
    let asked_now = memory.run_started.is_some_and(|run| listed_at >= run);
    if listed_at.elapsed() > RECENT && !asked_now {
        return false;
    }
    match (&around.status.creation, &memory.attempt) {
        (Some(_), Some(attempt)) => listed_at >= evidence_from(attempt),
        (Some(_), None) | (None, _) => true,
    }
}

/// What is looked at later than this can show whatever became of an attempt.
fn evidence_from(attempt: &Attempt) -> Instant {
    let settled = attempt.since + SETTLED_AFTER;
    if settled <= Instant::now() && attempt.ended.is_none() {
        settled
    } else {
        attempt.since
    }
}

/// Whether the list is from after this spec was first seen.
pub fn is_from_after_the_spec(around: &Around<'_>, memory: &Memory) -> bool {
    match (&memory.spec_seen, listed_at(around)) {
        (Some((_, _, seen)), Some(listed_at)) => listed_at >= *seen,
        (None, _) | (_, None) => false,
    }
}

/// Whether the tenant under the recorded identifier was asked for a moment ago, under this
/// spec, and after the deletion's task was found forgotten.
pub fn is_verified(around: &Around<'_>, memory: &Memory) -> bool {
    let asked_at = around
        .id
        .as_ref()
        .zip(around.picture())
        .and_then(|(id, picture)| picture.tenants().asked_at(id));
    let seen = memory.spec_seen.as_ref().map(|(_, _, seen)| *seen);
    asked_at.is_some_and(|at| {
        at.elapsed() < RECENT && Some(at) >= seen && is_from_after_the_loss(memory, at)
    })
}

/// Whether this is from after the deletion's task was found forgotten, if it was.
fn is_from_after_the_loss(memory: &Memory, at: Instant) -> bool {
    let removal = memory.removal.as_ref();
    let forgotten = removal.and_then(|removal| removal.forgotten);
    forgotten.is_none_or(|forgotten| at >= forgotten)
}

/// Whether creations may run that nobody claims, or ran when the list of tenants began:
/// such a list says nothing of what they made. First the tasks, then the tenants.
pub fn unclaimed_creations(around: &Around<'_>, memory: &Memory) -> bool {
    !is_in_order(around)
        || survey_is_early(around.picture(), memory)
        || unclaimed(around, memory, &TaskType::CreateTenant)
}

/// Whether a tenant of the list may be one that a deletion is destroying which nobody
/// claims: first the tasks, then the tenants. That is waited for as long as for a lost
/// answer.
pub fn may_vanish(around: &Around<'_>, memory: &Memory) -> bool {
    let since = memory.vanishing_since;
    if since.is_some_and(|since| since.elapsed() >= SETTLED_AFTER) {
        return false;
    }
    // The deletion of the resource before this one may have begun after an older survey.
    let surveyed_at = around
        .picture()
        .and_then(|picture| picture.tasks().surveyed_at());
    let seen = memory.spec_seen.as_ref().map(|(_, _, seen)| *seen);
    let is_late_enough = seen.zip(surveyed_at).is_some_and(|(seen, at)| seen <= at);
    !is_late_enough || !is_in_order(around) || unclaimed(around, memory, &TaskType::DeleteTenant)
}

/// Whether the tasks were listed before the tenants: the other way round a task can end
/// in between, and neither list shows what it did.
fn is_in_order(around: &Around<'_>) -> bool {
    let surveyed_at = around
        .picture()
        .and_then(|picture| picture.tasks().surveyed_at());
    surveyed_at
        .zip(listed_at(around))
        .is_some_and(|(surveyed, listed)| surveyed <= listed)
}

/// The last survey of the tasks was made before a late request would have begun one.
pub fn survey_is_early(picture: Option<&Picture>, memory: &Memory) -> bool {
    let surveyed_at = picture.and_then(|picture| picture.tasks().surveyed_at());
    let from = memory.attempt.as_ref().map(evidence_from);
    from.is_some_and(|from| surveyed_at.is_none_or(|at| at < from))
}

/// Whether deletions may run that nobody claims.
pub fn unclaimed_removals(around: &Around<'_>, memory: &Memory) -> bool {
    let Some(picture) = around.picture() else {
        return true;
    };
    unclaimed(around, memory, &TaskType::DeleteTenant)
        || survey_is_older_than_the_loss(picture, memory)
}

/// The last survey of the tasks is from before the last request without a known outcome.
pub fn survey_is_older_than_the_loss(picture: &Picture, memory: &Memory) -> bool {
    let removal = memory.removal.as_ref().filter(|removal| !removal.unsent);
    let removal = removal.and_then(|removal| {
        let unanswered = removal.task.is_none().then_some(removal.since);
        removal.forgotten.or(unanswered)
    });
    let change = memory.lost_change.as_ref().map(|lost| lost.at);
    let surveyed_at = picture.tasks().surveyed_at();
    removal
        .max(change)
        .is_some_and(|lost| surveyed_at.is_none_or(|at| at < lost))
}

/// Whether tasks of this type may run that nobody claims: by a recent survey, else yes.
fn unclaimed(around: &Around<'_>, memory: &Memory, task_type: &TaskType) -> bool {
    let Some(picture) = around.picture() else {
        return true;
    };
    let surveyed_at = picture.tasks().surveyed_at();
    // A slow one is old when it arrives: one that this very look asked for counts.
    let recent = surveyed_at.is_some_and(|at| at.elapsed() < RECENT)
        || was_surveyed_in_this_look(picture, memory);
    !recent || picture.tasks().unclaimed(task_type)
}

/// The tasks were surveyed since the present look began.
pub fn was_surveyed_in_this_look(picture: &Picture, memory: &Memory) -> bool {
    let pair = picture.tasks().surveyed_at().zip(memory.run_started);
    pair.is_some_and(|(surveyed, run)| surveyed >= run)
}

/// When the last complete list began.
fn listed_at(around: &Around<'_>) -> Option<Instant> {
    around.picture()?.tenants().listed_at()
}
