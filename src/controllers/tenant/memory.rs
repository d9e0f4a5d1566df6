//! What this process remembers of a Tenant. Nothing here has to survive a
//! restart: who knows less than this waits longer, and asks the inventory.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::DesiredState;
use crate::connection::Flaw;
use crate::controllers::backoff::Backoff;
use crate::controllers::context::Remember;
use crate::controllers::line::Line;
use crate::plan::Refusal;
use crate::plan::tenant::Step;
use crate::viis::{ServerTime, Task, TaskId, Tenant};

/// What this process remembers of a Tenant.
#[derive(Default)]
pub struct Memory {
    /// The generation and the `requested-at` annotation, and when they were first seen.
    pub spec_seen: Option<(i64, Option<String>, Instant)>,
    /// Since when, under this spec, a take-over waits for deletions that nobody claims.
    pub vanishing_since: Option<Instant>,
    /// When the present look at it began.
    pub run_started: Option<Instant>,
    /// The last task that ended.
    pub last_task: Option<Arc<Task>>,
    /// The creation in flight.
    pub attempt: Option<Attempt>,
    /// The deletion that was decided.
    pub removal: Option<Removal>,
    /// The activation or deactivation under way.
    pub change: Option<Change>,
    /// The last activation or deactivation whose response was lost.
    pub lost_change: Option<LostChange>,
    /// The last activation or deactivation whose end was taken up: the status may go on
    /// showing it as one that runs.
    pub taken_up: Option<TaskId>,
    /// The generation and the `requested-at` annotation for which a change of state was
    /// sent to a tenant in a state that no page names.
    pub odd_state: Option<(i64, Option<String>)>,
    /// What the server refused.
    pub rejection: Option<Rejection>,
    /// What failed without a verdict.
    pub failure: Failure,
    /// The pauses before a task is started again that had no effect: the server does not
    /// remember it, or did not find the tenant.
    pub repeats: Backoff,
    /// No activation that another process started can be under way.
    pub alone: bool,
    /// Since when VirtualMachines hold up the deletion.
    pub in_use_since: Option<Instant>,
    /// The VirtualMachines that hold up the deletion, with the time of the list.
    pub referrers: Option<(Instant, Vec<String>)>,
    /// Since when a small difference (progress, a count) waits to be written, and
    /// whether a task moved then.
    pub unwritten: Option<(Instant, bool)>,
    /// The pauses after writes to the API server that failed.
    pub writes: Backoff,
    /// The finalizer was taken off: nothing is left to do.
    pub released: bool,
    /// The resourceVersion of the last write: an older view is stale.
    pub written: Option<String>,
    /// The operator may not read the password's Secret.
    pub secret_forbidden: bool,
    /// Why the Secret has no usable password.
    pub secret_flaw: Option<Flaw>,
    /// The password's Secret was looked at for a rejection.
    pub secret_looked_at: Option<Instant>,
    /// What the status says of a refusal was taken into account.
    pub status_read: bool,
}

impl Remember for Memory {
    /// Never: since when its spec is known is worth keeping.
    fn is_empty(&self) -> bool {
        false
    }
}

/// A creation in flight.
pub struct Attempt {
    /// Its identifier, as in status.
    pub id: String,
    /// When this process first saw it, or last sent it.
    pub since: Instant,
    /// This process wrote the intent.
    pub written_here: bool,
    /// How often this process sent it, without being certain that nothing arrived.
    pub sends: u32,
    /// What the server said to the request itself.
    pub refusal: Option<Refusal>,
    /// The reason and the message of that.
    pub answer: Option<(String, String)>,
    /// The resourceVersion of the Secret whose password was sent last.
    pub secret: Option<String>,
    /// Its task, also while that could not be written to status yet.
    pub task: Option<TaskId>,
    /// The task that a repetition takes the place of.
    pub replaced: Option<TaskId>,
    /// The task that the status named last.
    pub recorded: Option<TaskId>,
    /// This process received the task's identifier from its own request, and has never lost
    /// sight of the task: its result is this creation's.
    pub followed: bool,
    /// When the server made the task, as it first said.
    pub created: Option<ServerTime>,
    /// When the list began that the intent rests on.
    pub listed: Option<Instant>,
    /// The server was asked for the tenant that it made.
    pub asked: bool,
    /// That tenant, as the server stores it.
    pub stored: Option<Tenant>,
    /// When its task was first seen ended.
    pub ended: Option<Instant>,
    /// Its cancellation was asked for.
    pub cancelled: bool,
}

impl Attempt {
    /// An attempt that this process sees for the first time.
    pub fn seen(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            since: Instant::now(),
            written_here: false,
            sends: 0,
            refusal: None,
            answer: None,
            secret: None,
            task: None,
            replaced: None,
            recorded: None,
            followed: false,
            created: None,
            listed: None,
            asked: false,
            stored: None,
            ended: None,
            cancelled: false,
        }
    }
}

/// A deletion that was decided.
pub struct Removal {
    /// Its identifier, as in status.
    pub id: String,
    /// When this process first saw it, or last sent it.
    pub since: Instant,
    /// This process wrote the decision and has certainly sent nothing.
    pub unsent: bool,
    /// Its cancellation was asked for.
    pub cancelled: bool,
    /// Its task, also while that could not be written to status yet.
    pub task: Option<TaskId>,
    /// The task that a repetition takes the place of.
    pub replaced: Option<TaskId>,
    /// The task that the status named last.
    pub recorded: Option<TaskId>,
    /// The task whose refusal was taken up already.
    pub refused: Option<TaskId>,
    /// This process sent the task and never lost sight of it: its end is this deletion's.
    pub followed: bool,
    /// When the server made the task, as it first said.
    pub created: Option<ServerTime>,
    /// When the task was found forgotten.
    pub forgotten: Option<Instant>,
}

impl Removal {
    /// A decision that this process sees for the first time.
    pub fn seen(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            since: Instant::now(),
            unsent: false,
            cancelled: false,
            task: None,
            replaced: None,
            recorded: None,
            refused: None,
            followed: false,
            created: None,
            forgotten: None,
        }
    }
}

/// An activation or deactivation under way.
pub struct Change {
    /// Its task.
    pub task: TaskId,
    /// The state that it brings; None: another process started it.
    pub wanted: Option<DesiredState>,
}

/// An activation or deactivation that may still arrive at the server.
pub struct LostChange {
    /// When its response was lost.
    pub at: Instant,
    /// The state that it brings; None where that is not known.
    pub wanted: Option<DesiredState>,
}

impl LostChange {
    /// Sent at this moment.
    pub fn now(wanted: Option<DesiredState>) -> Self {
        Self {
            at: Instant::now(),
            wanted,
        }
    }
}

/// What the server refused.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The step.
    pub step: Step,
    /// The server's code, or `Rejected`.
    pub reason: String,
    /// What the server said.
    pub message: String,
    /// The generation that was refused.
    pub generation: i64,
    /// When.
    pub at: Instant,
    /// The `requested-at` annotation at that time.
    pub requested_at: Option<String>,
    /// The account was refused (403): good for as long as the server is not parked.
    pub forbidden: bool,
    /// The resourceVersion of the password's Secret at that time.
    pub secret: Option<String>,
}

/// A refused step is looked at again after this time in any case.
pub const REJECTED_FOR: Duration = Duration::from_secs(30 * 60);

impl Rejection {
    /// Whether nothing has changed since that could change the answer.
    pub fn is_in_force(&self, generation: i64, requested_at: Option<&str>) -> bool {
        self.generation == generation
            && self.requested_at.as_deref() == requested_at
            && self.at.elapsed() < REJECTED_FOR
    }

    /// How long it stays in force.
    pub fn left(&self) -> Duration {
        REJECTED_FOR.saturating_sub(self.at.elapsed())
    }
}

/// What failed without a verdict of the server.
#[derive(Default)]
pub struct Failure {
    /// The pauses.
    pub backoff: Backoff,
    /// What was said about it.
    pub said: Option<Line>,
    /// The generation and the `requested-at` annotation at that time: another one
    /// is a reason to try at once.
    pub asked: (i64, Option<String>),
}

impl Failure {
    /// It went well.
    pub fn clear(&mut self) {
        self.backoff.reset();
        self.said = None;
    }
}
