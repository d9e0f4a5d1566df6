//! The tasks that somebody waits for, and which running ones nobody claims.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Owner, STUCK_AFTER, Wake};
use crate::viis::{ServerTime, Task, TaskFilter, TaskId, TaskType};

/// The tasks of one server.
pub struct Tasks {
    state: Mutex<State>,
    changed: Notify,
    wake: Arc<dyn Wake>,
}

#[derive(Default)]
struct State {
    watched: HashMap<TaskId, Watched>,
    /// How many tasks were ever watched.
    arrivals: u64,
    /// The latest time that the server itself has put on a task.
    horizon: Option<ServerTime>,
    survey: Option<Survey>,
    /// The picture is closed: nothing is watched here any more.
    closed: bool,
}

struct Watched {
    owner: Owner,
    view: View,
    last_change: Instant,
    /// No task that was sent after this moment was created earlier by the server's clock.
    floor: Option<ServerTime>,
    /// The server did not remember it once: what it shows since may be another task.
    lapsed: bool,
}

/// Running tasks that nobody here waits for, from one list of all tasks.
struct Survey {
    started: Instant,
    running: Vec<(TaskId, Option<TaskType>)>,
}

/// What is known of a watched task.
#[derive(Clone, Debug)]
pub enum View {
    /// Not looked at yet.
    Unseen,
    /// As the server showed it last.
    Seen(Arc<Task>),
    /// The server does not remember it.
    Forgotten,
}

impl View {
    /// The same, unless the server shows a task of another type: a server that was rolled
    /// back gives identifiers a second time, and this one is somebody else's.
    #[must_use]
    pub fn of_type(self, task_type: &TaskType) -> Self {
        match self {
            View::Seen(task)
                if task
                    .task_type
                    .as_ref()
                    .is_some_and(|found| found.rules_out(task_type)) =>
            {
                View::Forgotten
            }
            View::Unseen | View::Seen(_) | View::Forgotten => self,
        }
    }

    /// Nothing more will change.
    pub fn is_over(&self) -> bool {
        match self {
            View::Unseen => false,
            View::Seen(task) => task.state.is_terminal(),
            View::Forgotten => true,
        }
    }
}

/// What a poll has to ask for.
pub struct Question {
    /// The running tasks that are watched.
    pub tasks: Vec<TaskId>,
    /// One list that covers them all.
    pub filter: TaskFilter,
}

impl Tasks {
    pub(super) fn new(wake: Arc<dyn Wake>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            wake,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a task. A server that was rolled back gives identifiers a second time:
    /// whoever got one last has it, and who had it before no longer does.
    pub(super) fn watch(&self, id: &TaskId, owner: &Owner) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        let before = state.watched.get(id);
        if before.is_some_and(|before| before.owner == *owner && !before.view.is_over()) {
            return;
        }
        let displaced = before.map(|before| (before.owner.clone(), before.view.is_over()));
        let floor = state.horizon;
        let watched = Watched {
            owner: owner.clone(),
            view: View::Unseen,
            last_change: Instant::now(),
            floor,
            lapsed: false,
        };
        state.watched.insert(id.clone(), watched);
        state.arrivals += 1;
        drop(state);
        if displaced.as_ref().is_none_or(|(_, was_over)| *was_over) {
            self.wake.task_in_flight(1);
        }
        if let Some((before, _)) = displaced.filter(|(before, _)| before != owner) {
            self.wake.tenant(&before);
        }
        self.changed.notify_one();
    }

    /// This Tenant does not wait for this task any more.
    pub fn forget(&self, id: &TaskId, owner: &Owner) {
        let mut state = self.state();
        if state.watched.get(id).is_none_or(|w| w.owner != *owner) {
            return;
        }
        let runs = state.watched.remove(id).is_some_and(|w| !w.view.is_over());
        drop(state);
        if runs {
            self.wake.task_in_flight(-1);
        }
    }

    /// The Tenant is gone: nobody waits for its tasks any more.
    pub fn forget_owner(&self, owner: &Owner) {
        self.forget_where(|watched| watched.owner == *owner);
    }

    /// The picture is closed: nobody waits for anything here.
    pub(super) fn forget_all(&self) {
        // Whoever still holds the closed picture must not count a task that nobody ends.
        self.state().closed = true;
        self.forget_where(|_| true);
    }

    fn forget_where(&self, gone: impl Fn(&Watched) -> bool) {
        let mut running = 0;
        self.state().watched.retain(|_, watched| {
            let forgotten = gone(watched);
            running += i64::from(forgotten && !watched.view.is_over());
            !forgotten
        });
        if running > 0 {
            self.wake.task_in_flight(-running);
        }
    }

    /// What is known of a task; None when nobody watches it.
    pub fn view(&self, id: &TaskId) -> Option<View> {
        self.state().watched.get(id).map(|w| w.view.clone())
    }

    /// What this Tenant knows of its task; None when nobody watches it. One that
    /// another Tenant waits for is another task with the same identifier.
    pub fn view_of(&self, id: &TaskId, owner: &Owner) -> Option<View> {
        let state = self.state();
        let watched = state.watched.get(id)?;
        Some(if watched.owner == *owner {
            watched.view.clone()
        } else {
            View::Forgotten
        })
    }

    /// This Tenant watches the task, and the server remembered it whenever it was asked. A
    /// server that was rolled back may give the identifier to another task: the end of
    /// one that lapsed, or that another Tenant was given meanwhile, is no proof.
    pub fn never_lapsed(&self, id: &TaskId, owner: &Owner) -> bool {
        let state = self.state();
        let watched = state.watched.get(id).filter(|w| w.owner == *owner);
        watched.is_some_and(|watched| !watched.lapsed)
    }

    /// A running task without any change for 30 minutes.
    pub fn is_stuck(&self, id: &TaskId) -> bool {
        self.state()
            .watched
            .get(id)
            .is_some_and(|w| !w.view.is_over() && w.last_change.elapsed() >= STUCK_AFTER)
    }

    /// Waits until something is watched that still runs.
    pub(super) async fn something_runs(&self) {
        loop {
            let notified = self.changed.notified();
            if self.state().watched.values().any(|w| !w.view.is_over()) {
                return;
            }
            notified.await;
        }
    }

    /// How many tasks were ever watched.
    pub(super) fn arrivals(&self) -> u64 {
        self.state().arrivals
    }

    /// Completes when more tasks were watched than these.
    pub(super) async fn another_is_watched(&self, known: u64) {
        loop {
            let notified = self.changed.notified();
            if self.arrivals() > known {
                return;
            }
            notified.await;
        }
    }

    /// What the next poll asks for; None when nothing runs.
    pub(super) fn question(&self) -> Option<Question> {
        let state = self.state();
        let running: Vec<(&TaskId, &Watched)> = state
            .watched
            .iter()
            .filter(|(_, watched)| !watched.view.is_over())
            .collect();
        if running.is_empty() {
            return None;
        }
        let mut from: Option<ServerTime> = None;
        let mut unbounded = false;
        for (_, watched) in &running {
            let created = match &watched.view {
                View::Seen(task) => task.created.or(watched.floor),
                View::Unseen | View::Forgotten => watched.floor,
            };
            match created {
                None => unbounded = true,
                Some(created) => {
                    if from.as_ref().is_none_or(|from| created < *from) {
                        from = Some(created);
                    }
                }
            }
        }
        // The server's times have whole seconds: one second more misses nothing.
        let created_from = from.filter(|_| !unbounded).map(|t| t.minus_seconds(1));
        Some(Question {
            tasks: running.iter().map(|(id, _)| (*id).clone()).collect(),
            filter: TaskFilter {
                created_from,
                ..TaskFilter::default()
            },
        })
    }

    /// Takes answers about tasks. Wakes the owners of what changed, and returns
    /// the owners of those that ended.
    pub(super) fn update(&self, tasks: &[Task]) -> Vec<Owner> {
        let mut ended = Vec::new();
        let mut woken = Vec::new();
        let mut resumed = 0;
        let mut state = self.state();
        for task in tasks {
            if let Some(created) = &task.created
                && state.horizon.as_ref().is_none_or(|seen| created > seen)
            {
                state.horizon = Some(*created);
            }
            let Some(watched) = state.watched.get_mut(&task.id) else {
                continue;
            };
            if !watched.differs(task) {
                continue;
            }
            let was_over = watched.view.is_over();
            watched.view = View::Seen(Arc::new(task.clone()));
            watched.last_change = Instant::now();
            woken.push(watched.owner.clone());
            resumed += i64::from(was_over && !watched.view.is_over());
            if !was_over && watched.view.is_over() {
                ended.push(watched.owner.clone());
            }
        }
        drop(state);
        if resumed > 0 {
            self.wake.task_in_flight(resumed);
        }
        self.tell(&woken, &ended);
        ended
    }

    /// The server does not remember this task.
    pub(super) fn forgotten(&self, id: &TaskId) -> Option<Owner> {
        let mut state = self.state();
        let watched = state.watched.get_mut(id)?;
        if watched.view.is_over() {
            return None;
        }
        watched.view = View::Forgotten;
        watched.lapsed = true;
        watched.last_change = Instant::now();
        let owner = watched.owner.clone();
        drop(state);
        self.tell(std::slice::from_ref(&owner), std::slice::from_ref(&owner));
        Some(owner)
    }

    fn tell(&self, changed: &[Owner], ended: &[Owner]) {
        for _ in ended {
            self.wake.task_in_flight(-1);
        }
        for owner in changed {
            self.wake.tenant(owner);
        }
    }

    /// Owners of tasks that have just become stuck: they are told, and give their slots back.
    pub(super) fn newly_stuck(&self, since: Instant, now: Instant) -> Vec<Owner> {
        self.state()
            .watched
            .values()
            .filter(|w| !w.view.is_over())
            .filter(|w| {
                let due = w.last_change + STUCK_AFTER;
                due <= now && due > since
            })
            .map(|w| w.owner.clone())
            .collect()
    }

    /// How many tasks run, and the last change of the one that has not changed for the
    /// longest time.
    pub fn unchanged(&self) -> (usize, Option<Instant>) {
        let state = self.state();
        let running = state.watched.values().filter(|w| !w.view.is_over());
        let changes = running.map(|watched| watched.last_change);
        (changes.clone().count(), changes.min())
    }

    /// Remembers which running tasks a list of all tasks showed.
    pub(super) fn survey(&self, tasks: &[Task], started: Instant) {
        let running = tasks
            .iter()
            .filter(|task| !task.state.is_terminal())
            .map(|task| (task.id.clone(), task.task_type.clone()))
            .collect();
        self.state().survey = Some(Survey { started, running });
    }

    /// When the last list of all tasks started.
    pub fn surveyed_at(&self) -> Option<Instant> {
        self.state().survey.as_ref().map(|survey| survey.started)
    }

    /// Whether a task of this type ran, at the last survey, that nobody watches.
    /// A task whose type the server does not say counts as one.
    pub fn unclaimed(&self, task_type: &TaskType) -> bool {
        let state = self.state();
        let Some(survey) = &state.survey else {
            return true;
        };
        survey.running.iter().any(|(id, found)| {
            found.as_ref().is_none_or(|found| found == task_type) && !state.watched.contains_key(id)
        })
    }
}

impl Watched {
    /// Whether an answer shows something new.
    fn differs(&self, task: &Task) -> bool {
        match &self.view {
            View::Unseen | View::Forgotten => true,
            View::Seen(seen) => {
                seen.state != task.state
                    || seen.stage != task.stage
                    || seen.progress != task.progress
                    || seen.changed != task.changed
            }
        }
    }
}

#[cfg(test)]
mod tests;
