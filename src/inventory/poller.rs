//! One poller a server: asks for all running tasks in one call, at a pace that
//! follows the tasks' own, and is silent when nothing runs. When no list is to be
//! had, it asks task by task. When and how is told by `pace`.

mod pace;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::pace::{FASTEST, Pace, Way};
use super::Server;
use super::health::Availability;
use super::tasks::Question;
use crate::viis::{Class, Error, Problem, Task, TaskFilter, TaskId};

/// Polls until the picture is closed.
pub(super) async fn run(server: Arc<Server>, stop: CancellationToken) {
    let _ = stop.run_until_cancelled(poll_for_ever(server)).await;
}

async fn poll_for_ever(server: Arc<Server>) {
    let mut pace = Pace::new();
    let mut looked = Instant::now();
    let mut asked_for = 0;
    loop {
        server.tasks.something_runs().await;
        let pause = pace.pause();
        if timeout(pause, quickened(&server, pause, asked_for))
            .await
            .is_ok()
        {
            pace.hurry();
            // A burst of new tasks is one question, not one a task.
            sleep(FASTEST).await;
        }
        if let Some(until) = pace.silence() {
            sleep_until(until).await;
        }
        let now = Instant::now();
        for owner in server.tasks.newly_stuck(looked, now) {
            server.free_slot(&owner);
            server.wake.tenant(&owner);
        }
        looked = now;
        if server.health.availability() == Availability::Down {
            // One probe is enough, and it is not ours.
            pace.server_is_down();
            continue;
        }
        asked_for = server.tasks.arrivals();
        if let Some(question) = server.tasks.question() {
            poll(&server, question, &mut pace).await;
        }
    }
}

/// Completes when a slow poller has a reason to hurry: a new task.
async fn quickened(server: &Server, pause: Duration, known: u64) {
    if pause > FASTEST {
        server.tasks.another_is_watched(known).await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Asks in the way that serves, and in a simpler one at once when that is refused.
async fn poll(server: &Arc<Server>, question: Question, pace: &mut Pace) {
    pace.keep(&question.tasks);
    let everything = TaskFilter::default();
    loop {
        let way = pace.way();
        let filter = match way {
            Way::Filtered => &question.filter,
            Way::Whole => &everything,
            Way::Singly => {
                let moved = ask_singly(server, &question.tasks, pace).await;
                return pace.follow(moved);
            }
        };
        match server.client.tasks(filter).await {
            Ok(tasks) => {
                pace.listed();
                return listed(server, &question, &tasks, pace).await;
            }
            Err(error) => {
                let way = if *filter == everything {
                    Way::Whole
                } else {
                    way
                };
                if !asks_otherwise(server, &error, way, pace) {
                    return;
                }
            }
        }
    }
}

/// What a failed list means. True when the question is put in another way at once.
fn asks_otherwise(server: &Server, error: &Error, way: Way, pace: &mut Pace) -> bool {
    match error.class() {
        Class::Transient { retry_after } => {
            server.notice(error);
            let useless = pace.failed(server.health.answered_at());
            if let Some(wait) = retry_after {
                pace.be_silent(*wait);
                return false;
            }
            let singly = useless && !concerns_all(error);
            if singly {
                debug!(%error, "only the list of tasks fails; tasks are asked for one by one");
            }
            singly
        }
        Class::Credentials => {
            server.notice(error);
            pace.park();
            false
        }
        Class::Rejected | Class::NotFound => {
            debug!(%error, "the list of tasks is refused; it is asked for otherwise");
            pace.refused(way);
            true
        }
    }
}

/// Whether the next call would fail in the same way, whatever it asks for.
fn concerns_all(error: &Error) -> bool {
    match error.problem() {
        Problem::Connect | Problem::Certificate | Problem::Credentials | Problem::Withheld => true,
        Problem::Timeout
        | Problem::Forbidden
        | Problem::UnexpectedAnswer
        | Problem::Rejected
        | Problem::NotFound => false,
        // It asks for fewer calls, not for more.
        Problem::ServerError => error.status() == Some(429),
    }
}

async fn listed(server: &Arc<Server>, question: &Question, tasks: &[Task], pace: &mut Pace) {
    let before = server.tasks.question().map_or(0, |q| q.tasks.len());
    server.settle_tasks(tasks);
    let after = server.tasks.question().map_or(0, |q| q.tasks.len());
    let mut moved = before != after;
    // A list may leave a task out (a clock that went back, a filter with other
    // ideas): only the call for the task itself can say that it is forgotten.
    let left_out: Vec<TaskId> = question
        .tasks
        .iter()
        .filter(|id| !tasks.iter().any(|task| task.id == **id))
        .cloned()
        .collect();
    moved |= ask_singly(server, &left_out, pace).await;
    pace.follow(moved);
}

/// Asks for single tasks. True when one of them ended. One that cannot be had
/// does not keep the others from being asked for.
async fn ask_singly(server: &Arc<Server>, tasks: &[TaskId], pace: &mut Pace) -> bool {
    let mut moved = false;
    for id in tasks {
        if pace.passes_over(id) {
            continue;
        }
        match server.client.task(id).await {
            Ok(task) => {
                pace.answered(id);
                moved |= task.state.is_terminal();
                server.settle_tasks(std::slice::from_ref(&task));
            }
            Err(error) if matches!(error.class(), Class::NotFound) => {
                pace.answered(id);
                moved = true;
                if let Some(owner) = server.tasks.forgotten(id) {
                    server.free_slot(&owner);
                }
            }
            Err(error) => {
                server.notice(&error);
                debug!(%error, task = %id, "a task could not be asked for");
                pace.unanswered(id);
                if let Class::Transient {
                    retry_after: Some(wait),
                } = error.class()
                {
                    pace.be_silent(*wait);
                    return moved;
                }
                // Who waits for one task in vain does not wait for all of them.
                if concerns_all(&error) || error.problem() == Problem::Timeout {
                    return moved;
                }
            }
        }
    }
    moved
}

#[cfg(all(test, feature = "simulator"))]
mod tests;
