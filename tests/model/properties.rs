//! What must hold, by the oracles' numbers. O3 and O4 are seen at the moment of a call
//! or a write and kept as a [`Breach`]; O2 is read off the state; O7 is seen when a
//! request is sent. O1 is in `rest.rs`. Nothing here changes what a step does, but for
//! `maker`, which follows who owns what.

use viis_operator::plan::Reach;

use crate::guards::judge;
use crate::kube::{Machine, Tenant, Uid};
use crate::observe::{Scene, Settings};
use crate::state::State;
use crate::turn::Turn;
use crate::world::{Call, Id, normal};

/// The names of the properties.
pub const O1: &str = "O1 what comes to rest has converged";
pub const O2: &str = "O2 one tenant for one resource";
pub const O3: &str = "O3 only what is ours, decided and asked for";
pub const O4: &str = "O4 the finalizer goes on proof alone";
pub const O7: &str = "O7 one known task for an object";

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// O2: a tenant that another resource owns was recorded.
    TwoOwners,
    /// O3: the deletion of a tenant that is not this resource's.
    DeletesForeign,
    /// O3: a deletion that no status decided, or that nobody asked for any more.
    DeletesUndecided,
    /// O3: the decision was written over `Retain` or `suspend`.
    DecidesAgainstSpec,
    /// O3: a deletion was repeated against `Retain` or `suspend`.
    RepeatsAgainstSpec,
    /// O3: another resource's tenant was activated or deactivated.
    ChangesForeign,
    /// O3: a tenant with other fields was recorded as what this resource made.
    TakesForeign,
    /// O3: something was made or destroyed on an inventory that the guard does not believe.
    ActsGuarded,
    /// O3: another resource's machine was unregistered.
    UnregistersForeign,
    /// O4: the finalizer went while the tenant is on the server.
    LeavesTenant,
    /// O4: the finalizer went while a creation was under way.
    LeavesCreation,
    /// O4: the machine's finalizer went while it is registered.
    LeavesMachine,
    /// O4: the machine's finalizer went while a registration was under way.
    LeavesRegistration,
    /// O7: a machine was registered while its unregistration was under way.
    RegistersTooEarly,
    /// O7: a request was sent while a known task of the object ran.
    SendsTwice,
}

impl Breach {
    /// The property that it breaks.
    pub fn property(self) -> &'static str {
        match self {
            Breach::TwoOwners => O2,
            Breach::DeletesForeign
            | Breach::DeletesUndecided
            | Breach::DecidesAgainstSpec
            | Breach::RepeatsAgainstSpec
            | Breach::ChangesForeign
            | Breach::TakesForeign
            | Breach::ActsGuarded
            | Breach::UnregistersForeign => O3,
            Breach::LeavesTenant
            | Breach::LeavesCreation
            | Breach::LeavesMachine
            | Breach::LeavesRegistration => O4,
            Breach::RegistersTooEarly | Breach::SendsTwice => O7,
        }
    }
}

/// O2, as the state shows it.
pub fn is_made_once(state: &State) -> bool {
    let made = state.server.tenants.iter().filter(|t| !t.restored);
    let makers = made.filter_map(|t| t.maker);
    let makers: Vec<Uid> = makers.collect();
    let once = |uid: &Uid| makers.iter().filter(|maker| *maker == uid).count() == 1;
    let mut tenants = state.api.tenants.iter().flatten();
    let recorded = |tenant: &Tenant| tenant.own_status().tenant.map(|id| (id, tenant.spec.name));
    let recorded = [0, 1].map(|_| tenants.next().and_then(recorded));
    makers.iter().all(once) && (recorded[0].is_none() || recorded[0] != recorded[1])
}

impl Turn<'_> {
    /// A task that this process knows of, and that runs.
    fn knows_running(&self, scene: &Scene) -> bool {
        let memory = &self.process.memories[scene.slot];
        let change = memory.change.map(|change| change.task);
        let known = [
            memory.attempt.and_then(|attempt| attempt.task),
            memory.removal.and_then(|removal| removal.task),
            scene.status.creation.and_then(|creation| creation.task),
            scene.status.removal.and_then(|removal| removal.task),
            change,
        ];
        let owner = scene.view.meta.uid;
        let mut running = self.server.running();
        running.any(|task| {
            let ours = task.owner == owner && known.contains(&Some(task.id));
            ours && self.server.is_about_something(task.work)
        })
    }

    fn see_sending(&mut self, scene: &Scene) {
        if !self.paused && !self.restored && self.knows_running(scene) {
            self.breached(Breach::SendsTwice);
        }
    }

    /// The picture shows it under our name. (A server that is restored between that and
    /// the call, and gives the identifier to another, is beyond any caller.)
    fn looks_ours(&self, scene: &Scene, id: Id) -> bool {
        let entry = self.process.picture.by_id(id);
        entry.is_some_and(|entry| entry.name == scene.view.spec.name)
    }

    /// What is made, forgotten or destroyed rests on an inventory that is believed.
    pub fn see_guard(&mut self) {
        let settings = Settings {
            guard: true,
            ..self.settings
        };
        let (reach, _) = judge(self.process, &self.api.accepted, settings);
        if !self.paused && reach != Reach::Ready {
            self.breached(Breach::ActsGuarded);
        }
    }

    /// A creation is sent.
    pub fn see_creation(&mut self, scene: &Scene) {
        self.see_sending(scene);
        self.see_guard();
    }

    /// An activation or deactivation is sent.
    pub fn see_change(&mut self, scene: &Scene, id: Id) {
        self.see_sending(scene);
        let target = self.server.tenant(id);
        let foreign = target.is_some_and(|target| target.maker != Some(scene.view.meta.uid));
        if foreign && !self.looks_ours(scene, id) {
            self.breached(Breach::ChangesForeign);
        }
    }

    /// A deletion is sent.
    pub fn see_deletion(&mut self, scene: &Scene, id: Id, repeats: bool) {
        self.see_sending(scene);
        self.see_guard();
        let uid = scene.view.meta.uid;
        let Some(target) = self.server.tenant(id) else {
            return;
        };
        let asked = self.process.picture.asked.contains(&id);
        let foreign = target.maker != Some(uid);
        let current = self.api.tenant_of(uid).copied();
        if foreign && !(asked && self.looks_ours(scene, id)) {
            self.breached(Breach::DeletesForeign);
        }
        if self.paused {
            return;
        }
        let decided = current.is_some_and(|current| {
            let status = current.own_status();
            current.meta.deleting && status.tenant == Some(id) && status.removal.is_some()
        });
        if !decided {
            self.breached(Breach::DeletesUndecided);
        }
        let kept = current.is_some_and(|current| current.retains() || current.spec.suspend);
        if repeats && kept {
            self.breached(Breach::RepeatsAgainstSpec);
        }
    }

    /// A machine is unregistered.
    pub fn see_unregistration(&mut self, uid: Uid, tenant: Id) {
        let found = self.server.tenant(tenant).and_then(|found| found.machine);
        let maker = found.and_then(|machine| machine.maker);
        if !self.paused && maker.is_some_and(|maker| maker != uid) {
            self.breached(Breach::UnregistersForeign);
        }
    }

    /// A Tenant was written: `before` is how it was.
    pub fn see_write(&mut self, slot: usize, before: Option<Tenant>) {
        let Some(before) = before else {
            return;
        };
        let Some(after) = self.api.tenants[slot] else {
            return self.see_release(&before);
        };
        let (old, new) = (before.own_status(), after.own_status());
        if old.removal.is_none() && new.removal.is_some() {
            let kept = before.retains() || before.spec.suspend;
            if kept {
                self.breached(Breach::DecidesAgainstSpec);
            }
        }
        if let Some(id) = new.tenant.filter(|id| old.tenant != Some(*id)) {
            self.see_taking(&after, id);
        }
    }

    /// An identifier was recorded: the tenant is this resource's from now on.
    fn see_taking(&mut self, taker: &Tenant, id: Id) {
        let (uid, name) = (taker.meta.uid, taker.spec.name);
        let others = self.api.tenants.iter().flatten();
        let mut others = others.filter(|other| other.meta.uid != uid);
        if others.any(|o| o.own_status().tenant == Some(id) && o.spec.name == name) {
            self.breached(Breach::TwoOwners);
        }
        let found = self.server.tenant_mut(id);
        let Some(found) = found.filter(|found| found.name == taker.spec.name) else {
            // It is gone already, and its identifier may be another's.
            return;
        };
        let differs = normal(found.fields) != normal(taker.spec.fields);
        let differs = differs && !taker.own_status().adopted;
        let foreign = found.maker != Some(uid) && differs;
        found.maker = Some(uid);
        if foreign {
            self.breached(Breach::TakesForeign);
        }
    }

    /// A Tenant is gone from the API server.
    fn see_release(&mut self, before: &Tenant) {
        let uid = before.meta.uid;
        if before.retains() {
            self.disown(uid);
        } else if self
            .server
            .tenants
            .iter()
            .any(|t| t.maker == Some(uid) && !t.restored)
        {
            self.breached(Breach::LeavesTenant);
        } else if self.creates(uid) {
            self.breached(Breach::LeavesCreation);
        }
    }

    /// What stays on the server as its policy says is nobody's.
    fn disown(&mut self, uid: Uid) {
        let made = self.server.tenants.iter_mut();
        for tenant in made.filter(|tenant| tenant.maker == Some(uid)) {
            tenant.maker = None;
        }
        for task in self.server.tasks.iter_mut().filter(|t| t.owner == uid) {
            task.disown();
        }
        self.network.retain(|request| request.owner != uid);
    }

    /// A machine is registered: what undoes that must not be on its way. (Where nothing is
    /// registered a new process cannot know of it: the next comparison mends that.)
    pub fn see_registration(&mut self, place: Id) {
        let known = !self.process.settling.young;
        if known && self.is_on_its_way(|call| *call == Call::Unregister { tenant: place }) {
            self.breached(Breach::RegistersTooEarly);
        }
    }

    /// The VirtualMachine was written, and a person told that it may still be registered
    /// at `told`: nothing that counts proves it. (A note, which every user can write, is no
    /// proof.) What nobody is told of must not be left behind.
    pub fn see_machine_write(&mut self, before: Option<Machine>, told: Option<Id>) {
        let Some(before) = before else {
            return;
        };
        let gone = self.api.machine.is_none();
        let uid = Some(before.meta.uid);
        let mut leaves = false;
        for tenant in &mut self.server.tenants {
            let found = tenant.machine.as_mut();
            let Some(found) = found.filter(|found| found.maker == uid) else {
                continue;
            };
            if told == Some(tenant.id) || (gone && before.retain) {
                found.maker = None;
            } else {
                leaves |= gone;
            }
        }
        if leaves {
            self.breached(Breach::LeavesMachine);
        }
        let server = &*self.server;
        let registers = |call: &Call| matches!(call, Call::Register { tenant, .. } if server.tenant(*tenant).is_some());
        if gone && !before.retain && self.is_on_its_way(registers) {
            self.breached(Breach::LeavesRegistration);
        }
    }
}
