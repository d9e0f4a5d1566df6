//! What one process remembers: of each Tenant, of the VirtualMachine, and its views of
//! the API server. It stands for `controllers/tenant/memory.rs` and its like; an
//! `Instant` is kept as what it is asked for: "30 s are over", "a list began since".

use viis_operator::plan::Refusal;
use viis_operator::plan::tenant::Step;

use crate::kube::{Api, Machine, Tenant, Uid};
use crate::picture::Picture;
use crate::settling::Settling;
use crate::world::{Id, Server};

/// The VirtualMachine's place among the objects; the Tenants are 0 and 1.
pub const MACHINE: usize = 2;

/// A process with its picture, its views and its memories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub picture: Picture,
    pub tenants: [Option<Tenant>; 2],
    pub machine: Option<Machine>,
    pub memories: [TenantMemory; 2],
    pub machine_memory: MachineMemory,
    pub settling: Settling,
    /// An object is being looked at: its own view is what was read or written then.
    pub runs: [bool; 3],
    /// The step that follows without another plan.
    pub follows: [Option<Follow>; 3],
    /// The watches bring nothing.
    pub deaf: bool,
}

/// What a step does after its call, without planning anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Follow {
    /// Writes a task's identifier down.
    PersistTask(Step, Id),
}

/// Of a Tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TenantMemory {
    pub uid: Uid,
    /// The generation that was seen last, and whether a list began since.
    pub generation: u8,
    pub listed_since_spec: bool,
    /// A list began in the present look.
    pub listed_in_run: bool,
    pub attempt: Option<Attempt>,
    pub removal: Option<Removal>,
    pub change: Option<Change>,
    pub lost_change: Option<LostChange>,
    /// What the server refused, and in which generation.
    pub rejected: Option<(Step, u8)>,
    /// No activation that another process started can be under way.
    pub alone: bool,
    /// The live list of machines, less than 10 s old.
    pub referrers: Option<bool>,
    pub missing: Missing,
    /// 10 minutes of waiting for machines are over.
    pub machines_waited: bool,
    pub released: bool,
    /// The last task ended, and nothing was said since.
    pub last_task: bool,
    /// The activation whose end was taken up last.
    pub settled_change: Option<Id>,
}

/// A creation in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub id: u8,
    pub written_here: bool,
    /// 0, 1, or more than one.
    pub sends: u8,
    pub refusal: Option<Refusal>,
    pub task: Option<Id>,
    pub replaced: Option<Id>,
    /// The task that the status named last.
    pub recorded: Option<Id>,
    /// This process sent the task and never lost sight of it.
    pub followed: bool,
    /// When the server made the task, as it first said.
    pub created: Option<u8>,
    /// The server was asked for what the task made.
    pub asked: bool,
    pub ended: bool,
    pub cancelled: bool,
    /// 30 s, 10 minutes since it was first seen, or last sent, or ended.
    pub settled: bool,
    pub waited: bool,
    /// A list began since then, since the 30 s were over.
    pub listed_since: bool,
    pub listed_settled: bool,
    /// The tasks were surveyed since then, and the tenants listed after that.
    pub surveyed: bool,
    pub listed_after: bool,
}

/// A deletion that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Removal {
    pub id: u8,
    pub unsent: bool,
    pub cancelled: bool,
    pub task: Option<Id>,
    pub replaced: Option<Id>,
    /// The task that the status named last.
    pub recorded: Option<Id>,
    pub refused: Option<Id>,
    /// This process sent the task and never lost sight of it.
    pub followed: bool,
    /// When the server made the task, as it first said.
    pub created: Option<u8>,
    /// The task was found forgotten.
    pub forgotten: bool,
    /// The tasks were surveyed since then.
    pub surveyed: bool,
    /// 30 s since it was first seen, or sent, or found forgotten.
    pub settled: bool,
}

/// An activation or deactivation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    pub task: Id,
    /// The state that it brings; None: another process started it.
    pub wanted: Option<bool>,
}

/// One that may still arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LostChange {
    pub wanted: Option<bool>,
    /// The tasks were surveyed since then.
    pub surveyed: bool,
}

impl LostChange {
    pub fn new(wanted: Option<bool>) -> Self {
        Self {
            wanted,
            surveyed: false,
        }
    }
}

/// In how many complete lists in a row, 30 s apart, the tenant was missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Missing {
    #[default]
    No,
    Once {
        id: Id,
        aged: bool,
    },
    Twice(Id),
}

/// Of the VirtualMachine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MachineMemory {
    pub uid: Uid,
    pub registered_for: Option<u8>,
    pub rejected: Option<(u8, bool)>,
    /// A registration with this tenant was sent less than 30 s ago; the server took it.
    pub sent: Option<(Id, bool)>,
    /// Where this process has unregistered it.
    pub left: Vec<Id>,
    pub waited: bool,
    pub released: bool,
    /// What the last list at this place showed that counts for the deletion.
    pub shown: Option<(Id, Shown)>,
}

/// What lists show of a machine that is being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    Present,
    /// One list did not show it; `aged`: half a minute ago.
    Missing {
        aged: bool,
    },
    /// A second one, half a minute later, did not either.
    Absent,
}

impl Attempt {
    /// One that this process sees for the first time.
    pub fn seen(id: u8) -> Self {
        Self {
            id,
            written_here: false,
            sends: 0,
            refusal: None,
            task: None,
            replaced: None,
            recorded: None,
            followed: false,
            created: None,
            asked: false,
            ended: false,
            cancelled: false,
            settled: false,
            waited: false,
            listed_since: false,
            listed_settled: false,
            surveyed: false,
            listed_after: false,
        }
    }

    /// Its time starts anew.
    pub fn restart(&mut self) {
        self.settled = false;
        self.waited = false;
        self.listed_since = false;
        self.listed_settled = false;
        self.surveyed = false;
        self.listed_after = false;
    }
}

impl Removal {
    /// One that this process sees for the first time.
    pub fn seen(id: u8) -> Self {
        Self {
            id,
            unsent: false,
            cancelled: false,
            task: None,
            replaced: None,
            recorded: None,
            refused: None,
            followed: false,
            created: None,
            forgotten: false,
            surveyed: false,
            settled: false,
        }
    }

    /// It is sent (again), or another process was found to have sent it.
    /// Nobody knows what became of the last request.
    pub fn is_lost(&self) -> bool {
        self.forgotten || !self.unsent && self.task.is_none()
    }

    pub fn lose_sight(&mut self) {
        self.followed = false;
        self.forgotten = false;
        self.surveyed = false;
    }
}

impl Process {
    /// A process that has just listed all objects, and the server's tenants.
    pub fn start(api: &Api, server: &Server) -> Self {
        let mut process = Self::default();
        process.hear(api);
        process.picture.replace(server, None);
        process
    }

    /// The watches bring what is new of the objects that are not being looked at.
    pub fn hear(&mut self, api: &Api) {
        if self.deaf {
            return;
        }
        for slot in 0..2 {
            if !self.runs[slot] {
                self.tenants[slot] = api.tenants[slot];
                self.forget_others(slot);
            }
        }
        if !self.runs[MACHINE] {
            self.machine = api.machine;
            let uid = self.machine.map_or(0, |machine| machine.meta.uid);
            if self.machine_memory.uid != uid {
                self.machine_memory = MachineMemory {
                    uid,
                    ..MachineMemory::default()
                };
            }
        }
    }

    /// The memory is kept by UID; who is gone waits for no task any more.
    pub fn forget_others(&mut self, slot: usize) {
        let uid = self.tenants[slot].map_or(0, |tenant| tenant.meta.uid);
        let memory = self.memories[slot];
        if memory.uid == uid {
            return;
        }
        let attempt = memory.attempt.and_then(|attempt| attempt.task);
        let removal = memory.removal.and_then(|removal| removal.task);
        let change = memory.change.map(|change| change.task);
        for task in [attempt, removal, change].into_iter().flatten() {
            self.picture.forget(task, slot);
        }
        self.memories[slot] = TenantMemory {
            uid,
            ..TenantMemory::default()
        };
    }

    /// A complete list has arrived.
    pub fn listed(&mut self) {
        for memory in &mut self.memories {
            memory.listed_since_spec = true;
            memory.listed_in_run = true;
            if let Some(attempt) = &mut memory.attempt {
                attempt.listed_since = true;
                attempt.listed_settled |= attempt.settled;
                attempt.listed_after = attempt.surveyed;
            }
            let shown = |id| self.picture.by_id(id).is_some();
            memory.missing = match memory.missing {
                Missing::Once { id, .. } | Missing::Twice(id) if shown(id) => Missing::No,
                Missing::Once { id, aged: true } => Missing::Twice(id),
                other => other,
            };
        }
        for slot in 0..2 {
            self.memories[slot].listed_in_run &= self.runs[slot];
        }
    }

    /// A survey of the tasks has arrived.
    pub fn surveyed(&mut self) {
        for memory in &mut self.memories {
            if let Some(attempt) = &mut memory.attempt {
                attempt.surveyed = true;
                attempt.listed_after = false;
            }
            if let Some(removal) = &mut memory.removal {
                removal.surveyed = removal.is_lost();
            }
            if let Some(lost) = &mut memory.lost_change {
                lost.surveyed = true;
            }
        }
    }

    /// Something is waited for that is over after half a minute.
    pub fn waits(&self) -> bool {
        let unsettled = |memory: &TenantMemory| {
            memory.attempt.is_some_and(|attempt| !attempt.settled)
                || memory.removal.is_some_and(|removal| !removal.settled)
                || memory.lost_change.is_some()
                || matches!(memory.missing, Missing::Once { aged: false, .. })
        };
        let deleting = self.machine.is_some_and(|machine| machine.meta.deleting);
        let machine = &self.machine_memory;
        let missing = matches!(machine.shown, Some((_, Shown::Missing { aged: false })));
        let listing = machine.sent.is_some() || missing;
        let settling = self.settling.waits();
        self.memories.iter().any(unsettled) || (deleting && !machine.waited) || listing || settling
    }

    /// Half a minute passes.
    pub fn half_a_minute(&mut self) {
        self.picture.recent = false;
        self.picture.aged = self.picture.list.is_some();
        self.picture.survey = None;
        self.picture.asked.clear();
        for memory in &mut self.memories {
            memory.referrers = None;
            if let Some(attempt) = &mut memory.attempt {
                attempt.settled = true;
                attempt.surveyed = false;
                attempt.listed_after = false;
            }
            if let Some(removal) = &mut memory.removal {
                removal.settled = true;
                removal.surveyed = false;
            }
            memory.lost_change = None;
            if let Missing::Once { aged, .. } = &mut memory.missing {
                *aged = true;
            }
        }
        let deleting = self.machine.is_some_and(|machine| machine.meta.deleting);
        self.machine_memory.waited |= deleting;
        if let Some((_, Shown::Missing { aged })) = &mut self.machine_memory.shown {
            *aged = true;
        }
        self.machine_memory.sent = None;
        self.settling.half_a_minute(&self.picture);
    }

    /// Half an hour passes: all waits are over.
    pub fn half_an_hour(&mut self) {
        self.half_a_minute();
        for slot in 0..2 {
            let memory = &mut self.memories[slot];
            memory.rejected = None;
            if let Some(attempt) = &mut memory.attempt {
                attempt.waited = true;
            }
            let provisioned = self.tenants[slot].is_some_and(|t| t.status.tenant.is_some());
            memory.machines_waited |= provisioned;
        }
        self.machine_memory.rejected = None;
    }
}
