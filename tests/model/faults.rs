//! What users and misfortune may do, and how often: every fault and every edit is
//! counted down. The effects are here; when each is offered is decided in `model.rs`.

use crate::kube::{Policy, TenantSpec};
use crate::memory::Process;
use crate::model::Model;
use crate::state::{Paused, State};
use crate::world::{Call, End, Id, NOBODY, Work};

/// How often each may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    pub faults: u8,
    pub edits: u8,
    pub deletions: u8,
    pub creations: u8,
    /// A request was late: one is enough.
    pub was_late: bool,
}

/// A kind of fault. One budget pays for all that a configuration has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// K1: the process ends between two steps; another starts on a current list.
    Crash,
    /// K6: the same, but it starts on the views that the old one had.
    StaleRestart,
    /// K2, K3: a write's answer is lost, or the write.
    WriteLost,
    /// E2: a call's answer is lost.
    AnswerLost,
    /// E3: a call is lost, or certainly not sent.
    RequestLost,
    /// E4: a call arrives later, after 30 s even.
    Late,
    /// A call is refused with a code.
    Rejected,
    /// K9: the leader is paused in the middle of a step, another takes over.
    Paused,
    /// K4, K5: the watches bring nothing for a while.
    Deaf,
    /// K11: the object is replaced without our finalizer.
    Replaced,
    /// A task fails with another code.
    TaskFails,
    /// E6: the server does not remember a task, done or not.
    TaskForgotten,
    /// E8, E13: a tenant that somebody has is not in one list.
    Hidden,
    /// E8: a registration is not in the next list.
    ListedLate,
    /// E11: somebody deletes a tenant on the server.
    Vanishes,
    /// E11: somebody activates or deactivates one, or unregisters the machine.
    Drifts,
    /// E11: somebody makes one with our name.
    Stranger,
    /// E10: the server is restored as it was at first: tenants, tasks, identifiers.
    Emptied,
    /// E10: the same, from a backup that is made at some time.
    RolledBack,
}

/// What a user writes into a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edit {
    /// `state`, the other way round.
    State,
    /// `deletionPolicy`, the other way round.
    Policy,
    /// Another name, while CEL lets it.
    Name,
    /// Another description, while CEL lets it.
    Fields,
    /// `suspend`, the other way round.
    Suspend,
}

impl Edit {
    /// The spec after it. None where CEL refuses it.
    pub fn apply(self, spec: TenantSpec, locked: bool) -> Option<TenantSpec> {
        let mut new = spec;
        match self {
            Edit::State => new.active = !spec.active,
            Edit::Policy if spec.policy == Policy::Retain => new.policy = Policy::Delete,
            Edit::Policy => new.policy = Policy::Retain,
            Edit::Name | Edit::Fields if locked => return None,
            Edit::Name => new.name = spec.name % 4 + 1,
            Edit::Fields => new.fields = 1 - spec.fields,
            Edit::Suspend => new.suspend = !spec.suspend,
        }
        Some(new)
    }
}

impl State {
    /// A process that comes after another one, which may have sent something.
    fn successor(&self) -> Process {
        let mut process = Process::start(&self.api, &self.server);
        let registered = self.server.tenants.iter().any(|t| t.machine.is_some());
        let called = self
            .network
            .iter()
            .any(|request| request.is_for_a_machine());
        process.settling.young = registered || called || self.api.machine.is_some();
        process
    }

    pub fn crash(&mut self, stale: bool) {
        let mut process = self.successor();
        if stale {
            process.tenants = self.leader.tenants;
            process.machine = self.leader.machine;
            process.deaf = true;
            for slot in 0..2 {
                process.forget_others(slot);
            }
        }
        self.leader = process;
    }

    /// The leader stops in the middle of a step for this object; another takes over.
    pub fn pause(&mut self, object: usize, calls: bool) {
        let next = self.successor();
        let process = std::mem::replace(&mut self.leader, next);
        self.paused = Some(Box::new(Paused {
            process,
            object,
            calls,
            old: false,
        }));
    }

    /// Half a minute passes: what was lost does not arrive any more, or very late.
    pub fn half_a_minute(&mut self, model: &Model) {
        self.leader.half_a_minute();
        let very_late = model.has(Kind::Late) && self.budget.faults > 0;
        self.network.retain_mut(|request| {
            let creates = matches!(request.call, Call::Begin(Work::Create { .. }));
            request.old = true;
            creates && very_late
        });
        if let Some(paused) = &mut self.paused {
            paused.old = true;
        }
    }

    /// The server forgets a task. One that runs goes on, or does not.
    pub fn forget_task(&mut self, id: Id, goes_on: bool) {
        if goes_on {
            self.server.finish(id);
        }
        self.server.tasks.retain(|task| task.id != id);
    }

    pub fn fail_task(&mut self, id: Id) {
        let end = End::Failed(viis_operator::plan::Refusal::Other);
        self.server.end(id, end);
    }

    /// Somebody deletes a tenant on the server. Creations that are under way came before.
    pub fn vanish(&mut self, id: Id) {
        self.server.remove(id);
        self.network
            .retain(|request| !matches!(request.call, Call::Begin(Work::Create { .. })));
        if self
            .paused
            .as_ref()
            .is_some_and(|paused| paused.creates().is_some())
        {
            self.paused = None;
        }
    }

    /// Somebody changes the state of a tenant, or unregisters its machine.
    pub fn drift(&mut self, id: Id, machine: bool) {
        if let Some(tenant) = self.server.tenant_mut(id) {
            if machine {
                tenant.machine = None;
            } else {
                tenant.active = !tenant.active;
            }
        }
    }

    /// The server is as it was when the backup was made.
    pub fn roll_back(&mut self) {
        let Some(backup) = &self.backup else {
            return;
        };
        let before = std::mem::replace(&mut self.server, (**backup).clone());
        self.server.era = before.era + 1;
        for tenant in &mut self.server.tenants {
            let Some(maker) = tenant.maker else {
                continue;
            };
            let owner = self.api.tenant_of(maker).map(|owner| owner.own_status());
            let live = owner.is_some_and(|status| status.removal.is_none());
            let there = before
                .tenant(tenant.id)
                .is_some_and(|tenant| !tenant.restored);
            tenant.restored = !there && !live;
            tenant.machine = tenant.machine.filter(|_| live);
        }
        self.restored = true;
        // What ran then does not run on.
        self.server.tasks.retain(|task| task.end.is_some());
        for task in &mut self.server.tasks {
            if self.api.tenant_of(task.owner).is_none() {
                task.disown();
            }
        }
        self.network.clear();
    }

    /// A person agrees to the wave that the absence guard shows.
    pub fn agree(&mut self, lost: impl Iterator<Item = u8>) {
        for uid in lost.filter(|uid| *uid != NOBODY) {
            if !self.api.accepted.contains(&uid) {
                self.api.accepted.push(uid);
            }
        }
        self.api.accepted.sort_unstable();
    }
}
