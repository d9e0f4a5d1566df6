//! A process's step for the VirtualMachine: observe → the real `plan` → apply, one
//! action a step, as `controllers/virtual_machine` does it.

use viis_operator::plan::virtual_machine::{
    Action, Facts, Identity, Registration, Tenant as Standing, Wait,
};

use crate::guards::judge;
use crate::kube::{Machine, Tenant};
use crate::memory::{Follow, MACHINE};
use crate::mutants::{self, Mutant};
use crate::tenant::Asks;
use crate::turn::{Lost, Next, Turn};
use crate::world::{Answer, Call, Id};

/// The VirtualMachine and what decides its next step.
pub struct MachineScene {
    view: Machine,
    tenant_id: Option<Id>,
    facts: Facts,
}

fn standing(tenant: Option<&Tenant>, machine: &Machine) -> Standing {
    let Some(tenant) = tenant else {
        return Standing::NotFound;
    };
    let status = tenant.own_status();
    if !tenant.meta.deleting {
        return match status.tenant {
            Some(_) => Standing::Provisioned,
            None => Standing::Unprovisioned,
        };
    }
    let refused = status.removal.is_some() && status.said.stalled;
    let in_use = status.removal.is_none() && status.said.blocked && !machine.meta.deleting;
    if tenant.retains() || refused || in_use {
        Standing::LeavingBlocked
    } else {
        Standing::Leaving
    }
}

impl Turn<'_> {
    fn look_at_machine(&mut self) -> Option<MachineScene> {
        let view = self.process.machine?;
        if self.process.machine_memory.released {
            return None;
        }
        self.process.runs[MACHINE] = true;
        let tenant = self.process.tenants[0];
        let known = tenant.and_then(|tenant| tenant.own_status().tenant);
        let tenant_id = if view.meta.deleting {
            let mut candidates = view.tenant.into_iter().chain(view.noted);
            let shown = candidates.find(|id| self.process.picture.by_id(*id).is_some());
            let shown = shown.filter(|_| !self.is(Mutant::OldRegistration));
            shown.or(view.tenant).or(view.noted).or(known)
        } else {
            known
        };
        let facts = self.machine_facts(&view, tenant.as_ref(), tenant_id);
        Some(MachineScene {
            view,
            tenant_id,
            facts,
        })
    }

    fn machine_facts(&self, view: &Machine, tenant: Option<&Tenant>, id: Option<Id>) -> Facts {
        let (reach, _) = judge(self.process, &self.api.accepted, self.settings);
        let memory = self.process.machine_memory;
        let picture = &self.process.picture;
        let identity = match id {
            None => Identity::Unlisted,
            Some(id) if picture.is_gone(id) => Identity::Gone,
            Some(_) if picture.list.is_none() => Identity::Unlisted,
            Some(id) => match (picture.by_id(id), tenant) {
                (None, _) => Identity::Missing,
                (Some(_), None) => Identity::Same,
                (Some(entry), Some(tenant)) if entry.name == tenant.spec.name => Identity::Same,
                (Some(_), Some(_)) => Identity::Other,
            },
        };
        let registration = match (picture.machines, id) {
            (Some((listed, found)), Some(id)) if listed == id => match found {
                None => Registration::Absent,
                Some(fields) if fields == view.fields => Registration::Equal,
                Some(_) => Registration::Different,
            },
            _ => Registration::Unlisted,
        };
        let generation = view.meta.generation;
        Facts {
            deleting: view.meta.deleting,
            finalizer: view.meta.finalizer,
            retain: view.retain,
            suspended: tenant.is_some_and(|tenant| tenant.spec.suspend),
            outclaimed: false,
            tenant: standing(tenant, view),
            reach,
            permitted: true,
            leaving: false,
            identity,
            registration,
            recorded: view.tenant.is_some() || view.noted.is_some(),
            settled_generation: (view.registered && view.registered_generation == generation)
                || memory.registered_for == Some(generation),
            rejected: memory.rejected == Some((generation, view.meta.deleting)),
            waited: memory.waited && view.meta.deleting,
        }
    }

    /// One step for the VirtualMachine.
    pub fn machine(&mut self) {
        let next = match self.process.follows[MACHINE].take() {
            Some(Follow::ReleaseMachine) => self.release_machine(),
            Some(Follow::PersistTask(..)) => Next::Again,
            None => match self.look_at_machine() {
                None => Next::Stop,
                Some(scene) => {
                    let action = mutants::plan_machine(self.mutant, &scene.facts);
                    self.apply_machine(&scene, action)
                }
            },
        };
        if next == Next::Stop {
            self.stop(MACHINE);
        }
    }

    /// What its next step asks for.
    pub fn machine_asks(&mut self) -> Asks {
        if self.process.follows[MACHINE].is_some() {
            return Asks::Writes;
        }
        let Some(scene) = self.look_at_machine() else {
            return Asks::Nothing;
        };
        let action = mutants::plan_machine(self.mutant, &scene.facts);
        match action {
            Action::LeaveAlone => Asks::Nothing,
            Action::Settled | Action::Wait(_) => match saying(&scene, action) {
                Some(new) if new != scene.view => Asks::Writes,
                Some(_) | None => Asks::Nothing,
            },
            Action::AddFinalizer | Action::RemoveFinalizer(_) => Asks::Writes,
            Action::Register if scene.view.noted != scene.tenant_id => Asks::Writes,
            Action::ListTenants | Action::ListMachines => Asks::Reads,
            Action::Register | Action::Replace | Action::Unregister => Asks::Changes,
        }
    }

    fn apply_machine(&mut self, scene: &MachineScene, action: Action) -> Next {
        match (action, scene.tenant_id) {
            (Action::LeaveAlone, _) => Next::Stop,
            (Action::Settled | Action::Wait(_), _) => {
                if let Some(new) = saying(scene, action) {
                    if new.ready {
                        self.take_registration_over(scene);
                    }
                    self.write_machine(&new);
                }
                Next::Stop
            }
            (Action::AddFinalizer, tenant) => {
                let mut new = scene.view;
                new.meta.finalizer = true;
                new.noted = tenant.or(new.noted);
                self.write_machine(&new)
            }
            (Action::RemoveFinalizer(_), _) => self.release_machine(),
            (Action::ListTenants, _) => {
                self.list_tenants();
                Next::Again
            }
            (_, None) => Next::Stop,
            (Action::ListMachines, Some(tenant)) => {
                if self.process.picture.list_machines(self.server, tenant) {
                    Next::Again
                } else {
                    self.list_tenants();
                    Next::Stop
                }
            }
            (Action::Register, Some(tenant)) => self.register(scene, tenant),
            (Action::Replace, Some(tenant)) => self.unregister(scene, tenant, false),
            (Action::Unregister, Some(tenant)) => self.unregister(scene, tenant, true),
        }
    }

    fn register(&mut self, scene: &MachineScene, tenant: Id) -> Next {
        let mut new = scene.view;
        if new.noted != Some(tenant) {
            new.noted = Some(tenant);
            return self.write_machine(&new);
        }
        let fields = scene.view.fields;
        let call = Call::Register { tenant, fields };
        match self.call(scene.view.meta.uid, call, None) {
            Ok(Answer::Done) => {
                self.process.machine_memory.registered_for = Some(scene.view.meta.generation);
                self.process.picture.list_machines(self.server, tenant);
                Next::Again
            }
            Ok(Answer::Exists) => {
                self.process.picture.list_machines(self.server, tenant);
                let listed = self.process.picture.machines;
                if !matches!(listed, Some((_, Some(_)))) {
                    self.reject_machine(scene);
                }
                Next::Again
            }
            Ok(Answer::NotFound) => {
                self.list_tenants();
                Next::Stop
            }
            Ok(Answer::Rejected | Answer::Task(_)) => {
                self.reject_machine(scene);
                Next::Again
            }
            Err(Lost::Unknown | Lost::Unsent) => Next::Stop,
        }
    }

    fn reject_machine(&mut self, scene: &MachineScene) {
        let meta = scene.view.meta;
        self.process.machine_memory.rejected = Some((meta.generation, meta.deleting));
    }

    fn unregister(&mut self, scene: &MachineScene, tenant: Id, for_good: bool) -> Next {
        self.see_unregistration(scene.view.meta.uid, tenant);
        match self.call(scene.view.meta.uid, Call::Unregister { tenant }, None) {
            Ok(Answer::Done | Answer::NotFound) => {
                if let Some((listed, found)) = &mut self.process.picture.machines
                    && *listed == tenant
                {
                    *found = None;
                }
                if for_good {
                    self.process.follows[MACHINE] = Some(Follow::ReleaseMachine);
                }
                Next::Again
            }
            Ok(Answer::Rejected | Answer::Exists | Answer::Task(_)) => {
                self.reject_machine(scene);
                Next::Again
            }
            Err(Lost::Unknown | Lost::Unsent) => Next::Stop,
        }
    }

    fn release_machine(&mut self) -> Next {
        let Some(mut new) = self.process.machine else {
            return Next::Stop;
        };
        new.meta.finalizer = false;
        if self.write_machine(&new) == Next::Again {
            self.process.machine_memory.released = true;
        }
        Next::Stop
    }

    /// A machine that its tenant has already is taken as it is.
    fn take_registration_over(&mut self, scene: &MachineScene) {
        let uid = scene.view.meta.uid;
        let tenant = scene.tenant_id.and_then(|id| self.server.tenant_mut(id));
        if let Some(found) = tenant.and_then(|tenant| tenant.machine.as_mut()) {
            found.maker = Some(uid);
        }
    }
}

/// What its status says while nothing else can be done.
fn saying(scene: &MachineScene, action: Action) -> Option<Machine> {
    let mut new = scene.view;
    let ready = action == Action::Settled;
    let stalled = match action {
        Action::Wait(Wait::TenantFate | Wait::ServerNotReady) => return None,
        Action::Wait(Wait::TenantDeleting) if scene.facts.deleting && !scene.facts.waited => {
            return None;
        }
        Action::Wait(
            Wait::AlreadyClaimed
            | Wait::NamespaceNotAllowed
            | Wait::ServerLeaving
            | Wait::IdentityMismatch
            | Wait::Rejected,
        ) => true,
        _ => false,
    };
    new.observed = new.meta.generation;
    new.ready = ready;
    new.stalled = stalled;
    if ready {
        new.tenant = scene.tenant_id;
    }
    if !scene.facts.deleting {
        new.registered = ready;
        new.registered_generation = new.meta.generation;
    }
    Some(new)
}
