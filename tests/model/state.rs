//! The whole state that is explored: both sides, the network, the leader, a leader that
//! was paused, and what may still happen. Only bookkeeping is here: who may still
//! arrive, which ended tasks nobody can ask for any more, and the numbers of attempts.

use crate::faults::Budget;
use crate::kube::{Api, TenantStatus, Uid};
use crate::memory::{Follow, Process};
use crate::properties::Breach;
use crate::turn::Request;
use crate::world::{Call, Id, Server, Work};

/// A leader that was paused in the middle of a step while another took over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Paused {
    pub process: Process,
    /// The object of that step.
    pub object: usize,
    /// It stops in a call to the Integration Server, not in a write.
    pub calls: bool,
    /// 30 s have passed.
    pub old: bool,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub api: Api,
    pub server: Server,
    pub network: Vec<Request>,
    pub leader: Process,
    pub paused: Option<Box<Paused>>,
    /// What the server can be restored to.
    pub backup: Option<Box<Server>>,
    /// It was.
    pub restored: bool,
    pub budget: Budget,
    pub next_attempt: u8,
    pub breach: Option<Breach>,
}

impl Paused {
    /// The Tenant whose creation it stops in.
    pub fn creates(&self) -> Option<Uid> {
        let held = self.process.tenants.get(self.object).copied().flatten()?;
        held.own_status().creation.map(|_| held.meta.uid)
    }
}

impl State {
    /// Brings the state into its one form after a step.
    pub fn tidy(&mut self) {
        self.leader.hear(&self.api);
        let mut network = std::mem::take(&mut self.network);
        network.retain(|request| self.may_still_arrive(request));
        self.network = network;
        if let Some(paused) = &self.paused
            && !self.may_still_resume(paused)
        {
            self.paused = None;
        }
        self.forget_tasks();
        self.number_attempts();
    }

    /// A creation's request that is more than 30 s old arrives after its repetition: while
    /// that runs, or once its tenant is there. What is later still, such as after a
    /// deletion, no wait that ends could help against.
    fn is_repeated(&self, owner: Uid) -> bool {
        let mut running = self.server.running();
        let repeated =
            running.any(|task| task.owner == owner && matches!(task.work, Work::Create { .. }));
        let mut tenants = self.server.tenants.iter();
        repeated || tenants.any(|tenant| tenant.maker == Some(owner))
    }

    /// It may still be repeated.
    fn is_open(&self, owner: Uid) -> bool {
        self.api.tenant_of(owner).is_some_and(|tenant| {
            let status = tenant.own_status();
            let begun = status.creation.is_some() || status.tenant.is_some();
            !tenant.meta.deleting && begun
        })
    }

    /// A request may arrive now.
    pub fn may_arrive(&self, request: &Request) -> bool {
        !request.old || self.is_repeated(request.owner)
    }

    fn may_still_arrive(&self, request: &Request) -> bool {
        let creates = matches!(request.call, Call::Begin(Work::Create { .. }));
        let there = !creates || self.api.tenant_of(request.owner).is_some();
        there && (!request.old || self.is_open(request.owner))
    }

    /// The same for a leader that was paused in the middle of a creation's call. A write
    /// is given up after 15 s.
    pub fn may_resume(&self, paused: &Paused) -> bool {
        let creates = paused.creates();
        !paused.old || creates.is_none_or(|owner| self.is_repeated(owner))
    }

    fn may_still_resume(&self, paused: &Paused) -> bool {
        if paused.old && !paused.calls {
            return false;
        }
        let Some(held) = paused.process.tenants.get(paused.object) else {
            return true;
        };
        let there = held.is_some_and(|held| self.api.tenant_of(held.meta.uid).is_some());
        let creates = paused.creates().filter(|_| paused.old);
        there && creates.is_none_or(|owner| self.is_open(owner))
    }

    /// Ended tasks that nobody can ask for any more.
    fn forget_tasks(&mut self) {
        let State {
            api,
            server,
            leader,
            paused,
            ..
        } = self;
        if server.tasks.is_empty() {
            return;
        }
        let statuses = api.tenants.iter().flatten().map(|tenant| tenant.status);
        let mut known: Vec<Id> = Vec::new();
        for status in statuses {
            known.extend(status.creation.and_then(|creation| creation.task));
            known.extend(status.removal.and_then(|removal| removal.task));
            known.extend(status.change);
        }
        processes(leader, paused).for_each(|process| tasks_of(process, &mut known));
        server
            .tasks
            .retain(|task| task.end.is_none() || known.contains(&task.id));
    }

    /// Attempts are numbered from 1 on: only which are the same matters.
    fn number_attempts(&mut self) {
        let mut used: Vec<u8> = Vec::new();
        self.each_attempt(|id| used.push(*id));
        used.sort_unstable();
        used.dedup();
        used.retain(|id| *id != 0);
        let known = used.len();
        if used.last().is_none_or(|last| usize::from(*last) == known) {
            self.next_attempt = u8::try_from(known).unwrap();
            return;
        }
        self.each_attempt(|id| {
            if let Ok(place) = used.binary_search(id) {
                *id = u8::try_from(place + 1).unwrap();
            }
        });
        self.next_attempt = u8::try_from(known).unwrap();
    }

    fn each_attempt(&mut self, mut visit: impl FnMut(&mut u8)) {
        let mut objects: Vec<&mut TenantStatus> = Vec::new();
        let tenants = self.api.tenants.iter_mut().flatten();
        objects.extend(tenants.map(|tenant| &mut tenant.status));
        let paused = self.paused.as_mut().map(|paused| &mut paused.process);
        for process in [Some(&mut self.leader), paused].into_iter().flatten() {
            let tenants = process.tenants.iter_mut().flatten();
            objects.extend(tenants.map(|tenant| &mut tenant.status));
            for memory in &mut process.memories {
                memory.attempt.iter_mut().for_each(|a| visit(&mut a.id));
                memory.removal.iter_mut().for_each(|r| visit(&mut r.id));
            }
        }
        for status in objects {
            status
                .creation
                .iter_mut()
                .for_each(|a| visit(&mut a.attempt));
            status
                .removal
                .iter_mut()
                .for_each(|a| visit(&mut a.attempt));
        }
        for request in &mut self.network {
            request.attempt.iter_mut().for_each(&mut visit);
        }
    }
}

fn processes<'a>(
    leader: &'a Process,
    paused: &'a Option<Box<Paused>>,
) -> impl Iterator<Item = &'a Process> {
    let paused = paused.as_ref().map(|paused| &paused.process);
    std::iter::once(leader).chain(paused)
}

fn tasks_of(process: &Process, known: &mut Vec<Id>) {
    known.extend(process.picture.watched.iter().map(|watched| watched.id));
    for memory in &process.memories {
        known.extend(memory.attempt.and_then(|attempt| attempt.task));
        known.extend(memory.removal.and_then(|removal| removal.task));
        known.extend(memory.change.map(|change| change.task));
    }
    for follow in process.follows.iter().flatten() {
        let Follow::PersistTask(_, id) = follow;
        known.push(*id);
    }
}
