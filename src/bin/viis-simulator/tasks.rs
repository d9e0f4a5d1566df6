//! The task queue: first in, first out, a limited number at once. Each running
//! task has one timer; what it looks like in between is `task_view`'s.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::model::{Failure, Fate, Phase, Product, Task, Tenant, Work};
use crate::settings::{Dialect, Settings};
use crate::simulator::{Simulator, State};
use crate::task_view::view;

/// Ended tasks that are remembered; the oldest go first.
const REMEMBERED: usize = 20_000;
/// How long a task that is to be forgotten can still be seen.
const FORGOTTEN_AFTER_MS: u64 = 100;
/// A running task takes at most this long to stop.
const STOPPING_MS: u64 = 300;

/// What a request to cancel came to.
pub enum Cancellation {
    Cancelled,
    Cancelling,
    NotFound,
    Child,
    Ended,
}

// === impl Simulator ===

impl Simulator {
    /// Queues work and returns its task's identifier.
    pub fn add_task(self: &Arc<Self>, state: &mut State, work: Work, fate: Fate) -> String {
        self.add(state, work, fate, None)
    }

    /// As [`Simulator::add_task`], under a parent: it runs at once and takes no slot.
    pub fn add_child(self: &Arc<Self>, state: &mut State, work: Work, parent: String) -> String {
        self.add(state, work, Fate::default(), Some(parent))
    }

    fn add(
        self: &Arc<Self>,
        state: &mut State,
        work: Work,
        fate: Fate,
        parent: Option<String>,
    ) -> String {
        let id = state.world.identifiers.task(state.settings.dialect);
        state.world.tasks.push(Task {
            id: id.clone(),
            work,
            created: clock::now(),
            phase: Phase::Waiting,
            fate,
            parent,
            timer: 0,
            tenant: None,
        });
        self.pump(state);
        id
    }

    /// Starts what may start.
    pub fn pump(self: &Arc<Self>, state: &mut State) {
        let busy = state.world.tasks.iter().filter(|t| takes_slot(t)).count();
        let mut free = state.settings.concurrent_tasks.saturating_sub(busy);
        let mut due = Vec::new();
        for (index, task) in state.world.tasks.iter().enumerate() {
            if !matches!(task.phase, Phase::Waiting) {
                continue;
            }
            if slotless(task) {
                due.push(index);
            } else if free > 0 {
                free -= 1;
                due.push(index);
            }
        }
        for index in due {
            self.begin(state, index);
        }
    }

    fn begin(self: &Arc<Self>, state: &mut State, index: usize) {
        let now = clock::now();
        self.show_early(state, index, now);
        let Some(task) = state.world.tasks.get_mut(index) else {
            return;
        };
        let duration_ms = if task.fate.forgotten.is_some() {
            FORGOTTEN_AFTER_MS
        } else {
            duration_of(&task.work, &state.settings)
        };
        task.phase = Phase::Running {
            since: now,
            duration_ms,
        };
        let moves = !task.fate.stuck && task.fate.held.is_none();
        let id = task.id.clone();
        let spawns = state.settings.dialect == Dialect::Attributes
            && matches!(&task.work, Work::Create(new) if new.administrator.is_some());
        if moves {
            self.arm(state, index, duration_ms);
        }
        if spawns {
            let work = Work::Other {
                task_type: String::from("DeployVirtualServer"),
                duration_ms,
            };
            self.add_child(state, work, id);
        }
    }

    /// In dialect `early` a tenant can be seen from the start of its creation on.
    fn show_early(&self, state: &mut State, index: usize, now: Millis) {
        if state.settings.dialect != Dialect::Early {
            return;
        }
        let State {
            world, settings, ..
        } = state;
        let Some(Work::Create(new)) = world.tasks.get(index).map(|task| task.work.clone()) else {
            return;
        };
        if world.tenants.iter().any(|tenant| tenant.name == new.name) {
            return;
        }
        let id = world.identifiers.tenant(settings.dialect);
        world.tenants.push(Tenant {
            id: id.clone(),
            name: new.name,
            description: new.description,
            user_data: new.user_data,
            preferred_viis_address: new.preferred_viis_address,
            administration: None,
            active: false,
            created: now,
            updated: now,
            machines: Vec::new(),
            unfinished: true,
            hidden_until: 0,
            unknown_until: 0,
        });
        if let Some(task) = world.tasks.get_mut(index) {
            task.tenant = Some(id);
        }
    }

    fn arm(self: &Arc<Self>, state: &mut State, index: usize, after_ms: u64) {
        state.timers += 1;
        let number = state.timers;
        if let Some(task) = state.world.tasks.get_mut(index) {
            task.timer = number;
        }
        let simulator = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            simulator.timer_fired(number);
        });
    }

    /// Only the task's own latest timer moves it on: others are left over from
    /// before a cancellation or a restored snapshot.
    fn timer_fired(self: &Arc<Self>, number: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let found = state.world.tasks.iter().position(|t| t.timer == number);
        let Some(index) = found else {
            return;
        };
        self.end(state, index);
        self.forget(state);
        self.pump(state);
        self.save(state);
    }

    fn end(&self, state: &mut State, index: usize) {
        let now = clock::now();
        let Some(task) = state.world.tasks.get_mut(index) else {
            return;
        };
        task.timer = 0;
        let shown = task.tenant.take();
        let (work, fate) = (task.work.clone(), task.fate.clone());
        let phase = match task.phase {
            Phase::Stopping { progress, .. } => {
                take_back(state, shown.as_deref());
                Phase::Canceled { at: now, progress }
            }
            Phase::Running { .. } => match carry_out(state, &work, &fate, shown, now) {
                Ok(product) => Phase::Completed { at: now, product },
                Err(failure) => Phase::Failed { at: now, failure },
            },
            Phase::Waiting
            | Phase::Completed { .. }
            | Phase::Failed { .. }
            | Phase::Canceled { .. } => return,
        };
        if fate.forgotten.is_some() {
            state.world.tasks.remove(index);
        } else if let Some(task) = state.world.tasks.get_mut(index) {
            task.phase = phase;
        }
    }

    fn forget(&self, state: &mut State) {
        let tasks = &mut state.world.tasks;
        if state.settings.dialect == Dialect::Forgetful {
            tasks.retain(|task| !task.phase.ended());
        }
        if tasks.len() <= REMEMBERED {
            return;
        }
        let mut surplus = tasks.len() - REMEMBERED;
        tasks.retain(|task| {
            let goes = surplus > 0 && task.phase.ended();
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// Cancels a task as the API page says.
    pub fn cancel(self: &Arc<Self>, state: &mut State, id: &str) -> Cancellation {
        let now = clock::now();
        let Some(index) = state.world.tasks.iter().position(|task| task.id == id) else {
            return Cancellation::NotFound;
        };
        let Some(task) = state.world.tasks.get_mut(index) else {
            return Cancellation::NotFound;
        };
        if task.parent.is_some() && !task.phase.ended() {
            return Cancellation::Child;
        }
        match task.phase {
            Phase::Waiting => {
                task.phase = Phase::Canceled {
                    at: now,
                    progress: 0,
                };
                self.forget(state);
                Cancellation::Cancelled
            }
            Phase::Running { duration_ms, .. } => {
                let progress = view(task, now, state.settings.dialect).progress;
                task.phase = Phase::Stopping {
                    since: now,
                    progress,
                };
                task.fate.held = None;
                self.arm(state, index, (duration_ms / 4).min(STOPPING_MS));
                self.cancel_children(state, id, now);
                Cancellation::Cancelling
            }
            Phase::Stopping { .. } => Cancellation::Cancelling,
            Phase::Completed { .. } | Phase::Failed { .. } | Phase::Canceled { .. } => {
                Cancellation::Ended
            }
        }
    }

    fn cancel_children(&self, state: &mut State, parent: &str, now: Millis) {
        for task in &mut state.world.tasks {
            if task.parent.as_deref() == Some(parent) && !task.phase.ended() {
                task.timer = 0;
                task.phase = Phase::Canceled {
                    at: now,
                    progress: 0,
                };
            }
        }
    }

    /// Lets go of the tasks that a fault held: they run from now on.
    pub fn release(self: &Arc<Self>, state: &mut State, fault: Option<u64>) {
        let now = clock::now();
        let held = |task: &Task| match (&task.fate.held, fault) {
            (Some(_), None) => true,
            (Some(hold), Some(fault)) => hold.fault == fault,
            (None, _) => false,
        };
        let indexes: Vec<usize> = (0..)
            .zip(&state.world.tasks)
            .filter(|(_, task)| held(task))
            .map(|(index, _)| index)
            .collect();
        for index in indexes {
            let Some(task) = state.world.tasks.get_mut(index) else {
                continue;
            };
            task.fate.held = None;
            if let (Phase::Running { since, duration_ms }, false) =
                (&mut task.phase, task.fate.stuck)
            {
                *since = now;
                let after = *duration_ms;
                self.arm(state, index, after);
            }
        }
    }
}

/// Does the work as its fate has it.
fn carry_out(
    state: &mut State,
    work: &Work,
    fate: &Fate,
    shown: Option<String>,
    now: Millis,
) -> Result<Product, Failure> {
    if let Some(failure) = &fate.fails {
        take_back(state, shown.as_deref());
        if fate.partial {
            state.world.perform_half(work, now);
        }
        return Err(failure.clone());
    }
    if fate.forgotten == Some(false) {
        take_back(state, shown.as_deref());
        return Err(Failure::plain("The task was lost"));
    }
    let machines = take_back(state, shown.as_deref());
    let State {
        world, settings, ..
    } = state;
    let product = world.perform(work, shown, settings, now)?;
    if let Product::Tenant(made) = &product
        && let Some(tenant) = world.tenant_mut(&made.id)
    {
        tenant.machines = machines;
        let unknown_ms = fate.unknown_ms.unwrap_or(0);
        let hidden_ms = fate.hidden_ms.unwrap_or(0).max(unknown_ms);
        tenant.hidden_until = now.saturating_add_unsigned(hidden_ms);
        tenant.unknown_until = now.saturating_add_unsigned(unknown_ms);
    }
    Ok(product)
}

/// Removes the tenant that was shown before its creation was done, and returns
/// the machines that it got meanwhile.
fn take_back(state: &mut State, shown: Option<&str>) -> Vec<crate::model::Machine> {
    let tenants = &mut state.world.tenants;
    let found = tenants
        .iter()
        .position(|tenant| tenant.unfinished && Some(tenant.id.as_str()) == shown);
    match found {
        Some(index) => tenants.remove(index).machines,
        None => Vec::new(),
    }
}

fn takes_slot(task: &Task) -> bool {
    let at_work = matches!(task.phase, Phase::Running { .. } | Phase::Stopping { .. });
    at_work && !slotless(task)
}

fn slotless(task: &Task) -> bool {
    task.parent.is_some() || task.fate.forgotten.is_some()
}

fn duration_of(work: &Work, settings: &Settings) -> u64 {
    match work {
        Work::Create(_) => settings.create_ms,
        Work::Delete { .. } => settings.delete_ms,
        Work::Activation { .. } => settings.activate_ms,
        Work::Report(_) => 100,
        Work::Other { duration_ms, .. } => *duration_ms,
    }
}
