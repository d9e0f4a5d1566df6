//! What a task looks like at one moment: state, stage and progress follow from
//! its phase and the time. Pure.

use crate::clock::Millis;
use crate::model::{Phase, Task, Work};
use crate::settings::Dialect;

/// So long a waiting task is `Created` before it is `Queued`.
const CREATED_MS: Millis = 50;

/// A task as it looks at one moment.
pub struct TaskView {
    pub state: String,
    pub stage: String,
    pub progress: u8,
    pub state_changed: Millis,
    pub changed: Millis,
}

/// What the task looks like now.
pub fn view(task: &Task, now: Millis, dialect: Dialect) -> TaskView {
    let plain = |state: &str, progress: u8, state_changed: Millis, changed: Millis| TaskView {
        state: state.to_owned(),
        stage: stage(&task.work, progress).to_owned(),
        progress,
        state_changed,
        changed,
    };
    let canceled = match dialect {
        Dialect::Attributes => "Cancelled",
        Dialect::Default
        | Dialect::Bare
        | Dialect::Json
        | Dialect::Location
        | Dialect::Forgetful
        | Dialect::Early
        | Dialect::Untidy => "Canceled",
    };
    match &task.phase {
        Phase::Waiting if now - task.created < CREATED_MS => {
            plain("Created", 0, task.created, task.created)
        }
        Phase::Waiting => {
            let queued = task.created + CREATED_MS;
            plain("Queued", 0, queued, queued)
        }
        Phase::Running { since, duration_ms } => running(task, *since, *duration_ms, now, plain),
        Phase::Stopping { since, progress } => plain("Stopping", *progress, *since, *since),
        Phase::Completed { at, .. } => plain("Completed", 100, *at, *at),
        Phase::Failed { at, .. } => plain("Failed", 75, *at, *at),
        Phase::Canceled { at, progress } => plain(canceled, *progress, *at, *at),
    }
}

fn running(
    task: &Task,
    since: Millis,
    duration_ms: u64,
    now: Millis,
    plain: impl Fn(&str, u8, Millis, Millis) -> TaskView,
) -> TaskView {
    if let Some(hold) = &task.fate.held {
        return plain(&hold.state, 50, since, since);
    }
    let elapsed = u64::try_from(now - since).unwrap_or(0);
    let percent = elapsed.saturating_mul(100) / duration_ms.max(1);
    // The first twentieth of the time is the start.
    if percent < 5 {
        return plain("Starting", 0, since, since);
    }
    let started = since + i64::try_from(duration_ms / 20).unwrap_or(0);
    if task.fate.stuck && percent >= 50 {
        let halted = since + i64::try_from(duration_ms / 2).unwrap_or(0);
        return plain("Running", 50, started, halted);
    }
    let progress = u8::try_from(percent.min(99)).unwrap_or(99);
    plain("Running", progress, started, now)
}

fn stage(work: &Work, progress: u8) -> &'static str {
    let stages: [&str; 4] = match work {
        Work::Create(new) if new.administrator.is_some() => [
            "Adding the tenant to the database",
            "Creating the virtual Administration Server",
            "Creating the administrator's account",
            "Creating folders and groups",
        ],
        Work::Create(_) => ["Adding the tenant to the database"; 4],
        Work::Delete { .. } => [
            "Checking the tenant",
            "Removing the virtual Administration Server",
            "Removing folders and groups",
            "Removing the tenant from the database",
        ],
        Work::Activation { .. } => [
            "Checking the tenant",
            "Moving virtual machines",
            "Moving virtual machines",
            "Changing the tenant's status",
        ],
        Work::Report(_) => ["Collecting protection periods"; 4],
        Work::Other { .. } => ["Working"; 4],
    };
    let [first, second, third, last] = stages;
    match progress {
        0..25 => first,
        25..50 => second,
        50..75 => third,
        _ => last,
    }
}
