//! A process's step for a Tenant: observe → the real `plan` → apply, one action a step,
//! as `controllers/tenant` does it. The steps themselves are in `creation.rs`,
//! `activation.rs` and `removal.rs`; what the status says is in `said.rs`.

use viis_operator::plan::tenant::Action;

use crate::memory::Follow;
use crate::mutants::{self, Mutant};
use crate::observe::{Scene, observe};
use crate::turn::{Next, Turn};

/// What a step asks of whom, so that only faults that can happen are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// Nothing is left to do.
    Nothing,
    /// A read, or nobody.
    Reads,
    /// A write to the API server.
    Writes,
    /// A call that changes something on the server.
    Changes,
}

impl Turn<'_> {
    /// Begins or goes on with the look at a Tenant, up to the facts.
    pub fn look(&mut self, slot: usize) -> Option<Scene> {
        let view = self.process.tenants[slot]?;
        self.process.forget_others(slot);
        if self.process.memories[slot].released {
            return None;
        }
        let memory = &mut self.process.memories[slot];
        if !self.process.runs[slot] {
            self.process.runs[slot] = true;
            if memory.generation != view.meta.generation {
                memory.generation = view.meta.generation;
                memory.listed_since_spec = false;
                let id = view.own_status().tenant;
                self.process
                    .picture
                    .asked
                    .retain(|asked| Some(*asked) != id);
            }
        }
        if !self.paused {
            self.process.picture.poll(self.server);
        }
        self.settle_change(slot);
        self.settle_removal(slot);
        let accepted = self.api.accepted.clone();
        observe(self.process, slot, &accepted, self.settings, self.mutant)
    }

    /// One step for a Tenant.
    pub fn tenant(&mut self, slot: usize) {
        let next = match self.process.follows[slot].take() {
            Some(Follow::PersistTask(step, task)) => self.persist_task(slot, step, task),
            None => match self.look(slot) {
                None => Next::Stop,
                Some(scene) => {
                    let action = mutants::plan(self.mutant, &scene.facts);
                    self.apply(&scene, action)
                }
            },
        };
        if next == Next::Stop {
            self.stop(slot);
        }
    }

    /// What the next step for a Tenant asks for.
    pub fn tenant_asks(&mut self, slot: usize) -> Asks {
        if self.process.follows[slot].is_some() {
            return Asks::Writes;
        }
        let Some(scene) = self.look(slot) else {
            return Asks::Nothing;
        };
        match mutants::plan(self.mutant, &scene.facts) {
            Action::LeaveAlone => Asks::Nothing,
            action @ (Action::Settled | Action::Wait(_)) => {
                if self.surveys_again(slot, action) {
                    Asks::Reads
                } else if self
                    .saying(&scene, action)
                    .is_some_and(|new| new != scene.view)
                {
                    Asks::Writes
                } else {
                    Asks::Nothing
                }
            }
            Action::ListTenants
            | Action::Verify
            | Action::GetCreated
            | Action::ListReferrers
            | Action::ReadPassword => Asks::Reads,
            action @ Action::ConfirmAbsence => {
                let says = self
                    .saying(&scene, action)
                    .is_some_and(|new| new != scene.view);
                if self.waits_for_absence(&scene) && !says {
                    Asks::Nothing
                } else {
                    Asks::Reads
                }
            }
            Action::RecordIntent if self.is(Mutant::NoIntent) => Asks::Changes,
            Action::RecordIntent
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::EndAttempt(_)
            | Action::Adopt(_)
            | Action::RecordCreated
            | Action::ForgetTenant
            | Action::RecordRemoval => Asks::Writes,
            Action::Create
            | Action::ChangeState
            | Action::CancelCreation
            | Action::CancelRemoval
            | Action::Delete => Asks::Changes,
        }
    }

    fn apply(&mut self, scene: &Scene, action: Action) -> Next {
        match action {
            Action::LeaveAlone => Next::Stop,
            Action::Settled | Action::Wait(_) => self.rest(scene, action),
            Action::AddFinalizer => {
                let mut new = scene.view;
                new.meta.finalizer = true;
                self.write(scene.slot, &new)
            }
            Action::RemoveFinalizer(release) => self.release(scene, release),
            Action::ListTenants => {
                self.list_tenants();
                Next::Again
            }
            Action::ConfirmAbsence => self.confirm_absence(scene),
            Action::Verify => {
                if let Some(id) = scene.status.tenant {
                    self.get_tenant(id);
                }
                Next::Again
            }
            Action::ListReferrers => {
                let machine = self.api.machine.filter(|_| scene.slot == 0);
                let found = machine.is_some_and(|machine| !machine.meta.deleting);
                self.process.memories[scene.slot].referrers = Some(found);
                Next::Again
            }
            Action::GetCreated => {
                self.get_created(scene);
                Next::Again
            }
            // Simple tenants need none.
            Action::ReadPassword => Next::Stop,
            Action::RecordIntent => self.record_intent(scene),
            Action::Create => self.create(scene),
            Action::EndAttempt(end) => self.end_attempt(scene, end),
            Action::Adopt(adoption) => self.adopt(scene, adoption),
            Action::RecordCreated => self.record_created(scene),
            Action::ForgetTenant => self.forget_tenant(scene),
            Action::ChangeState => self.change_state(scene),
            Action::CancelCreation | Action::CancelRemoval => self.cancel(scene),
            Action::RecordRemoval => self.record_removal(scene),
            Action::Delete => self.delete(scene),
        }
    }
}
