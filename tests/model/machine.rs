//! A process's step for the VirtualMachine: observe → the real `plan` → apply, one
//! action a step, as `controllers/virtual_machine` does it. Pauses may be over at any
//! moment, so there are none here. What is known of it is gathered in `whereabouts.rs`.

use viis_operator::plan::virtual_machine::{Action, Identity, Wait};

use crate::kube::Machine;
use crate::memory::{MACHINE, Shown};
use crate::mutants::{self, Mutant};
use crate::tenant::Asks;
use crate::turn::{Fate, Lost, Next, Turn};
use crate::whereabouts::{MachineScene, observe};
use crate::world::{Answer, Call, Id};

impl Turn<'_> {
    fn look_at_machine(&mut self) -> Option<MachineScene> {
        let view = self.process.machine?;
        if self.process.machine_memory.released {
            return None;
        }
        self.process.runs[MACHINE] = true;
        let (accepted, settings) = (&self.api.accepted, self.settings);
        Some(observe(self.process, view, accepted, settings, self.mutant))
    }

    /// One step for the VirtualMachine.
    pub fn machine(&mut self) {
        let next = match self.look_at_machine() {
            None => Next::Stop,
            Some(scene) => {
                let action = mutants::plan_machine(self.mutant, &scene.facts);
                self.apply_machine(&scene, action)
            }
        };
        if next == Next::Stop {
            self.stop(MACHINE);
        }
    }

    /// What its next step asks for.
    pub fn machine_asks(&mut self) -> Asks {
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
            Action::Register
                if !is_noted(&scene.view, scene.tenant_id) && !self.is(Mutant::NoNote) =>
            {
                Asks::Writes
            }
            // Another list would show what the last one did: time passes first.
            Action::ListMachines if scene.facts.awaited && !self.would_show(&scene) => {
                Asks::Nothing
            }
            Action::ListTenants | Action::ListMachines | Action::ListLeftover => Asks::Reads,
            Action::Register | Action::Replace | Action::Leave | Action::Unregister => {
                Asks::Changes
            }
        }
    }

    fn apply_machine(&mut self, scene: &MachineScene, action: Action) -> Next {
        match (action, scene.tenant_id) {
            (Action::LeaveAlone, _) => Next::Stop,
            (Action::Settled | Action::Wait(_), _) => {
                if action == Action::Settled {
                    self.process.machine_memory.sent = None;
                }
                if let Some(new) = saying(scene, action) {
                    if new.ready {
                        self.take_registration_over(scene);
                    }
                    self.write_machine(&new, None);
                }
                Next::Stop
            }
            (Action::AddFinalizer, tenant) => {
                let mut new = scene.view;
                new.meta.finalizer = true;
                if !self.is(Mutant::NoNote) {
                    let recorded = scene.view.tenant;
                    new.noted = recorded.or(tenant).or(new.noted);
                }
                let next = self.write_machine(&new, None);
                let first =
                    next == Next::Again && !scene.facts.owns && new.noted != scene.view.noted;
                self.noted_first(first);
                next
            }
            (Action::RemoveFinalizer(_), _) => self.release_machine(scene),
            (Action::ListTenants, _) => {
                self.list_tenants();
                Next::Again
            }
            (Action::ListLeftover | Action::Leave, _) => {
                let Some(place) = scene.leftover else {
                    return Next::Stop;
                };
                match action {
                    Action::Leave => self.leave(scene, place),
                    _ => self.see_machines(place),
                }
            }
            (_, None) => Next::Stop,
            (Action::ListMachines, Some(tenant)) => self.see_machines(tenant),
            (Action::Register, Some(tenant)) => self.register(scene, tenant),
            (Action::Replace, Some(tenant)) => self.unregister(scene, tenant),
            (Action::Unregister, Some(tenant)) => self.leave(scene, tenant),
        }
    }

    /// Gets the list of a tenant's machines. What was registered a moment ago may be
    /// visible late.
    fn see_machines(&mut self, tenant: Id) -> Next {
        if !self.list_machines(tenant) {
            self.get_tenant(tenant);
            return Next::Again;
        }
        let listed = matches!(self.process.picture.machine(tenant), Some(Some(_)));
        self.note_for_the_deletion(tenant, listed);
        if self.process.machine_memory.sent == Some((tenant, true)) && !listed {
            Next::Stop
        } else {
            Next::Again
        }
    }

    /// A list counts for a deletion when no registration can arrive any more.
    fn note_for_the_deletion(&mut self, place: Id, listed: bool) {
        let Some(view) = self.process.machine.filter(|view| view.meta.deleting) else {
            return;
        };
        let settling = &self.process.settling;
        if settling.may_be_registered(place, view.noted == Some(place)) {
            return;
        }
        let memory = &mut self.process.machine_memory;
        let before = memory.shown.filter(|(shown, _)| *shown == place);
        let shown = match before {
            _ if listed => Shown::Present,
            Some((_, Shown::Missing { aged: true } | Shown::Absent)) => Shown::Absent,
            Some((_, Shown::Missing { aged: false } | Shown::Present)) | None => {
                Shown::Missing { aged: false }
            }
        };
        memory.shown = Some((place, shown));
    }

    fn noted_first(&mut self, first: bool) {
        let settling = &mut self.process.settling;
        settling.noted_first |= first && settling.young;
    }

    fn list_machines(&mut self, tenant: Id) -> bool {
        let listed = self.process.picture.list_machines(self.server, tenant);
        self.process.settling.listed(tenant);
        listed
    }

    fn would_show(&self, scene: &MachineScene) -> bool {
        let tenant = scene.tenant_id.and_then(|id| self.server.tenant(id));
        tenant.is_none_or(|tenant| tenant.machine.is_some())
    }

    fn register(&mut self, scene: &MachineScene, tenant: Id) -> Next {
        if !is_noted(&scene.view, Some(tenant)) && !self.is(Mutant::NoNote) {
            let mut new = scene.view;
            new.noted = Some(tenant);
            // The old note may have been all that told of another registration.
            let next = self.write_machine(&new, scene.unproved);
            self.noted_first(next == Next::Again);
            return next;
        }
        self.see_registration(tenant);
        let fields = scene.view.fields;
        let call = Call::Register { tenant, fields };
        let late = self.fate == Fate::ListedLate;
        match self.call(scene.view.meta.uid, call, None) {
            Ok(Answer::Done) => {
                let memory = &mut self.process.machine_memory;
                memory.registered_for = Some(scene.view.meta.generation);
                memory.left.retain(|left| *left != tenant);
                memory.sent = Some((tenant, true));
                self.process.settling.registered |= self.process.settling.young;
                let next = self.see_machines(tenant);
                if late {
                    self.process.picture.without_machine(tenant);
                    return Next::Stop;
                }
                next
            }
            Ok(Answer::Exists) => self.met_another(scene, tenant),
            Ok(Answer::NotFound) => {
                self.list_tenants();
                Next::Stop
            }
            Ok(Answer::Rejected | Answer::Task(_)) => {
                self.reject_machine(scene);
                Next::Again
            }
            Err(lost) => {
                if lost == Lost::Unknown {
                    self.process.machine_memory.sent = Some((tenant, false));
                    self.process.settling.registration_lost(tenant);
                }
                Next::Stop
            }
        }
    }

    /// The BIOS ID is registered already: by us after a lost answer, or elsewhere.
    fn met_another(&mut self, scene: &MachineScene, tenant: Id) -> Next {
        self.list_machines(tenant);
        if matches!(self.process.picture.machine(tenant), Some(Some(_))) {
            return Next::Again;
        }
        let memory = &mut self.process.machine_memory;
        match &mut memory.sent {
            Some((sent, taken)) if *sent == tenant => {
                *taken = true;
                Next::Stop
            }
            Some(_) | None => {
                self.reject_machine(scene);
                Next::Again
            }
        }
    }

    fn reject_machine(&mut self, scene: &MachineScene) {
        let meta = scene.view.meta;
        self.process.machine_memory.rejected = Some((meta.generation, meta.deleting));
    }

    /// Unregisters it where it does not belong any more.
    fn leave(&mut self, scene: &MachineScene, tenant: Id) -> Next {
        let next = self.unregister(scene, tenant);
        let meta = scene.view.meta;
        let memory = &mut self.process.machine_memory;
        let refused = memory.rejected == Some((meta.generation, meta.deleting));
        if next == Next::Again && !refused && !memory.left.contains(&tenant) {
            memory.left.push(tenant);
            memory.left.sort_unstable();
        }
        next
    }

    fn unregister(&mut self, scene: &MachineScene, tenant: Id) -> Next {
        self.see_unregistration(scene.view.meta.uid, tenant);
        match self.call(scene.view.meta.uid, Call::Unregister { tenant }, None) {
            Ok(Answer::Done | Answer::NotFound) => {
                self.process.picture.without_machine(tenant);
                self.process.machine_memory.sent = None;
                Next::Again
            }
            Ok(Answer::Rejected | Answer::Exists | Answer::Task(_)) => {
                self.reject_machine(scene);
                Next::Again
            }
            Err(Lost::Unknown) => {
                self.process.settling.lost(tenant);
                Next::Stop
            }
            Err(Lost::Unsent) => Next::Stop,
        }
    }

    fn release_machine(&mut self, scene: &MachineScene) -> Next {
        let Some(mut new) = self.process.machine else {
            return Next::Stop;
        };
        new.meta.finalizer = false;
        if self.write_machine(&new, scene.unproved) == Next::Again {
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

/// Note or status say that it is registered there: nothing of it is lost by a stop.
fn is_noted(view: &Machine, tenant: Option<Id>) -> bool {
    let recorded = view.noted.is_none() && view.tenant == tenant;
    tenant.is_none() || view.noted == tenant || recorded
}

/// What its status says while nothing else can be done.
fn saying(scene: &MachineScene, action: Action) -> Option<Machine> {
    let mut new = scene.view;
    let ready = action == Action::Settled;
    let stalled = match action {
        Action::Wait(Wait::TenantFate) => return None,
        Action::Wait(Wait::ServerNotReady) if is_agreed(scene) => return None,
        Action::Wait(Wait::InventoryGuard)
            if is_agreed(scene) && scene.facts.identity == Identity::Same =>
        {
            return None;
        }
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

/// Ready for this very spec.
fn is_agreed(scene: &MachineScene) -> bool {
    let view = &scene.view;
    !view.meta.deleting && view.ready && view.observed == view.meta.generation
}
