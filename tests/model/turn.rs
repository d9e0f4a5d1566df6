//! One step of one process: its calls to the two sides, with the fate of the first of
//! them, and what the properties have to see at that moment. Which step it is, is
//! decided in `tenant.rs` and `machine.rs`.

use crate::kube::{Api, Machine, Tenant, Uid, Written};
use crate::memory::{MACHINE, Process};
use crate::mutants::Mutant;
use crate::observe::Settings;
use crate::properties::Breach;
use crate::world::{Answer, Call, Id, Server, Work};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrives, and so does its answer.
    Fine,
    /// It never arrives; nobody can tell.
    RequestLost,
    /// It arrives, its answer does not.
    AnswerLost,
    /// It arrives later, when nobody waits for its answer any more.
    Late,
    /// It certainly was not sent.
    Unsent,
    /// The server refuses it with a code.
    Rejected,
    /// It arrives; the list that is asked for next does not show it yet.
    ListedLate,
}

/// A request whose answer nobody waits for, and which may still arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub owner: Uid,
    pub call: Call,
    /// The attempt that it is part of, for a creation.
    pub attempt: Option<u8>,
    /// 30 s have passed: it arrives after its repetition, if there is one.
    pub old: bool,
}

impl Request {
    /// It registers or unregisters the machine.
    pub fn is_for_a_machine(&self) -> bool {
        match self.call {
            Call::Register { .. } | Call::Unregister { .. } => true,
            Call::Begin(_) | Call::Cancel(_) => false,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Whether it arrived, nobody knows.
    Unknown,
    /// It had no effect.
    Unsent,
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Again,
    Stop,
}

/// Everything that a step may touch.
pub struct Turn<'a> {
    pub api: &'a mut Api,
    pub server: &'a mut Server,
    pub network: &'a mut Vec<Request>,
    pub process: &'a mut Process,
    pub breach: &'a mut Option<Breach>,
    pub next_attempt: &'a mut u8,
    pub fate: Fate,
    pub settings: Settings,
    pub mutant: Option<Mutant>,
    /// The process was paused in the middle of this step while another took over.
    pub paused: bool,
    /// The server was restored: the identifiers of its tasks may have come again.
    pub restored: bool,
    /// The tenants' list of this step does not show this tenant yet.
    pub hidden: Option<Id>,
}

impl Turn<'_> {
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub fn breached(&mut self, breach: Breach) {
        self.breach.get_or_insert(breach);
    }

    fn fate(&mut self) -> Fate {
        std::mem::replace(&mut self.fate, Fate::Fine)
    }

    /// Sends a request that changes something, for this resource.
    pub fn call(&mut self, owner: Uid, call: Call, attempt: Option<u8>) -> Result<Answer, Lost> {
        match self.fate() {
            Fate::Fine | Fate::ListedLate => Ok(self.server.accept(call, owner)),
            Fate::RequestLost => Err(Lost::Unknown),
            Fate::AnswerLost => {
                self.server.accept(call, owner);
                Err(Lost::Unknown)
            }
            Fate::Late => {
                self.network.push(Request {
                    owner,
                    call,
                    attempt,
                    old: false,
                });
                Err(Lost::Unknown)
            }
            Fate::Unsent => Err(Lost::Unsent),
            Fate::Rejected => Ok(Answer::Rejected),
        }
    }

    /// Gets a complete list of the tenants.
    pub fn list_tenants(&mut self) {
        let hidden = self.hidden.take();
        self.process.picture.replace(self.server, hidden);
        self.process.listed();
    }

    /// Gets a list of all tasks.
    pub fn list_tasks(&mut self) {
        self.process.picture.survey(self.server);
        self.process.surveyed();
    }

    /// Asks for one tenant.
    pub fn get_tenant(&mut self, id: Id) {
        self.process.picture.get(self.server, id);
    }

    /// Writes a Tenant that was made of the one that is held.
    pub fn write(&mut self, slot: usize, new: &Tenant) -> Next {
        let Some(held) = self.process.tenants[slot] else {
            return Next::Stop;
        };
        let fate = self.fate();
        if held == *new {
            return Next::Again;
        }
        if fate == Fate::RequestLost {
            return Next::Stop;
        }
        let before = self.api.tenants[slot];
        let precondition = !self.is(Mutant::WriteWithoutPrecondition);
        let written = self.api.write_tenant(slot, &held, new, precondition);
        if written != Written::Done {
            return Next::Stop;
        }
        self.see_write(slot, before);
        if fate == Fate::AnswerLost {
            return Next::Stop;
        }
        self.process.tenants[slot] = self.api.tenants[slot].or(Some(*new));
        Next::Again
    }

    /// Writes the VirtualMachine. A person is told that it may still be registered at `told`.
    pub fn write_machine(&mut self, new: &Machine, told: Option<Id>) -> Next {
        let Some(held) = self.process.machine else {
            return Next::Stop;
        };
        let fate = self.fate();
        if held == *new {
            return Next::Again;
        }
        if fate == Fate::RequestLost {
            return Next::Stop;
        }
        let before = self.api.machine;
        if self.api.write_machine(&held, new) != Written::Done {
            return Next::Stop;
        }
        self.see_machine_write(before, told);
        if fate == Fate::AnswerLost {
            return Next::Stop;
        }
        self.process.machine = Some(*new);
        Next::Again
    }

    /// The look at an object is over.
    pub fn stop(&mut self, object: usize) {
        self.process.runs[object] = false;
        if object < MACHINE {
            self.process.memories[object].listed_in_run = false;
        }
    }

    /// A registration, or an unregistration, of the machine that is on its way.
    pub fn is_on_its_way(&self, call: impl Fn(&Call) -> bool) -> bool {
        self.network.iter().any(|request| call(&request.call))
    }

    /// A creation that is on its way, or runs, for this resource.
    pub fn creates(&self, owner: Uid) -> bool {
        let is_creation = |call: &Call| matches!(call, Call::Begin(Work::Create { .. }));
        let sent = self.network.iter();
        let mut sent = sent.filter(|request| request.owner == owner && !request.old);
        sent.any(|request| is_creation(&request.call))
            || self
                .server
                .running()
                .any(|task| task.owner == owner && matches!(task.work, Work::Create { .. }))
    }
}
