//! One poller a server: asks for all running tasks in one call, at a pace that
//! follows the tasks' own, and is silent when nothing runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Server;
use super::health::Availability;
use super::tasks::Question;
use crate::viis::{Class, Task, TaskId};

/// The shortest pause between two polls.
const FASTEST: Duration = Duration::from_millis(200);
/// The longest pause between two polls of tasks that move.
const SLOWEST: Duration = Duration::from_secs(2);
/// While the server is parked, this often whether it is back.
const DOWN: Duration = Duration::from_secs(1);
/// The longest pause while the server does not answer.
const PARKED: Duration = Duration::from_secs(30);
/// After a refused list, single calls serve this long before the list is tried again.
const SINGLE_FOR: Duration = Duration::from_secs(10 * 60);

struct Pace {
    pause: Duration,
    single_until: Option<Instant>,
}

/// Polls until the picture is closed.
pub(super) async fn run(server: Arc<Server>, stop: CancellationToken) {
    let _ = stop.run_until_cancelled(poll_for_ever(server)).await;
}

async fn poll_for_ever(server: Arc<Server>) {
    let mut pace = Pace {
        pause: FASTEST,
        single_until: None,
    };
    let mut looked = Instant::now();
    let mut asked_for = 0;
    loop {
        server.tasks.something_runs().await;
        let pause = pace.pause;
        if timeout(pause, quickened(&server, pause, asked_for))
            .await
            .is_ok()
        {
            pace.pause = FASTEST;
            // A burst of new tasks is one question, not one a task.
            sleep(FASTEST).await;
        }
        let now = Instant::now();
        for owner in server.tasks.newly_stuck(looked, now) {
            server.free_slot(&owner);
            server.wake.tenant(&owner);
        }
        looked = now;
        if server.health.availability() == Availability::Down {
            // One probe is enough, and it is not ours.
            pace.pause = DOWN;
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

async fn poll(server: &Arc<Server>, question: Question, pace: &mut Pace) {
    let single = pace
        .single_until
        .is_some_and(|until| until > Instant::now());
    if !single {
        match server.client.tasks(&question.filter).await {
            Ok(tasks) => return listed(server, &question, &tasks, pace).await,
            Err(error) if matches!(error.class(), Class::Transient { .. }) => {
                server.notice(&error);
                pace.pause = (pace.pause * 2).min(PARKED);
                return;
            }
            Err(error) if matches!(error.class(), Class::Credentials) => {
                server.notice(&error);
                pace.pause = PARKED;
                return;
            }
            Err(error) => {
                debug!(%error, "the list of tasks is refused; tasks are asked for one by one");
                pace.single_until = Some(Instant::now() + SINGLE_FOR);
            }
        }
    }
    let moved = ask_singly(server, &question.tasks).await;
    pace.follow(moved);
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
    moved |= ask_singly(server, &left_out).await;
    pace.follow(moved);
}

/// Asks for single tasks. True when one of them ended.
async fn ask_singly(server: &Arc<Server>, tasks: &[TaskId]) -> bool {
    let mut moved = false;
    for id in tasks {
        match server.client.task(id).await {
            Ok(task) => {
                moved |= task.state.is_terminal();
                server.settle_tasks(std::slice::from_ref(&task));
            }
            Err(error) if matches!(error.class(), Class::NotFound) => {
                moved = true;
                if let Some(owner) = server.tasks.forgotten(id) {
                    server.free_slot(&owner);
                }
            }
            Err(error) => {
                server.notice(&error);
                debug!(%error, task = %id, "a task could not be asked for");
                return moved;
            }
        }
    }
    moved
}

impl Pace {
    /// Fast while tasks end, slower and slower while none does.
    fn follow(&mut self, moved: bool) {
        self.pause = if moved {
            FASTEST
        } else {
            (self.pause * 3 / 2).min(SLOWEST)
        };
    }
}

#[cfg(all(test, feature = "simulator"))]
mod tests;
