//! A process's steps for a Tenant's creation and adoption: intent, request, identifier.
//! As `controllers/tenant/creation.rs` and `record.rs`; what became of a request is the
//! real planner's to say.

use viis_operator::plan::Refusal;
use viis_operator::plan::tenant::{Action, Adoption, End as AttemptEnd, Step};

use crate::kube::{self, Tenant};
use crate::memory::{Attempt, Follow};
use crate::mutants::Mutant;
use crate::observe::Scene;
use crate::turn::{Lost, Next, Turn};
use crate::world::{Answer, Call, Id, Work};

impl Turn<'_> {
    fn attempt_number(&mut self) -> u8 {
        *self.next_attempt += 1;
        *self.next_attempt
    }

    pub fn record_intent(&mut self, scene: &Scene) -> Next {
        let id = self.attempt_number();
        self.process.memories[scene.slot].attempt = Some(Attempt {
            written_here: true,
            ..Attempt::seen(id)
        });
        if self.is(Mutant::NoIntent) {
            return self.create(scene);
        }
        let mut new = self.next_status(scene, Action::RecordIntent);
        new.status.creation = Some(kube::Attempt {
            attempt: id,
            task: None,
        });
        self.write(scene.slot, &new)
    }

    pub fn create(&mut self, scene: &Scene) -> Next {
        let owner = scene.view.meta.uid;
        self.see_creation(scene);
        let memory = &mut self.process.memories[scene.slot];
        let Some(attempt) = &mut memory.attempt else {
            return Next::Again;
        };
        let sends = attempt.sends;
        attempt.sends = (sends + 1).min(2);
        attempt.restart();
        if let Some(before) = attempt.task.take() {
            self.process.picture.forget(before, scene.slot);
            attempt.replaced = Some(before);
        }
        attempt.ended = false;
        (attempt.followed, attempt.created, attempt.asked) = (false, None, false);
        let id = attempt.id;
        let work = Work::Create {
            name: scene.view.spec.name,
            fields: scene.view.spec.fields,
            maker: owner,
        };
        let answer = self.call(owner, Call::Begin(work), Some(id));
        let Some(attempt) = &mut self.process.memories[scene.slot].attempt else {
            return Next::Again;
        };
        match answer {
            Ok(Answer::Task(task)) => {
                attempt.task = Some(task);
                attempt.followed = true;
                self.process.picture.watch(task, scene.slot);
                self.process.follows[scene.slot] = Some(Follow::PersistTask(Step::Create, task));
                Next::Again
            }
            Ok(Answer::Done | Answer::NotFound | Answer::Exists | Answer::Rejected) => {
                attempt.refusal = Some(Refusal::Other);
                Next::Again
            }
            Err(Lost::Unsent) => {
                attempt.sends = sends;
                Next::Stop
            }
            Err(Lost::Unknown) => Next::Stop,
        }
    }

    /// Writes a task down, also when somebody wrote meanwhile.
    pub fn persist_task(&mut self, slot: usize, step: Step, task: Id) -> Next {
        let Some(held) = self.process.tenants[slot] else {
            return Next::Stop;
        };
        let Some(new) = self.with_task(slot, &held, step, task) else {
            return Next::Again;
        };
        let current = self.api.tenants[slot];
        let precondition = !self.is(Mutant::WriteWithoutPrecondition);
        if precondition && current.is_some_and(|current| current != held) {
            // A conflict: the object as it is now, if it still awaits this very task.
            let same = current.filter(|current| current.meta.uid == held.meta.uid);
            let Some(current) = same else {
                return Next::Stop;
            };
            self.process.tenants[slot] = Some(current);
            if !self.awaits_task(slot, &current, step) {
                return Next::Stop;
            }
            self.process.follows[slot] = Some(Follow::PersistTask(step, task));
            return Next::Again;
        }
        self.write(slot, &new)
    }

    fn with_task(&self, slot: usize, held: &Tenant, step: Step, task: Id) -> Option<Tenant> {
        let mut new = self.noted(slot, held);
        let attempt = match step {
            Step::Create => new.status.creation.as_mut(),
            Step::Delete => new.status.removal.as_mut(),
            Step::Change => None,
        };
        attempt?.task = Some(task);
        new.status.change = None;
        Some(new)
    }

    fn awaits_task(&self, slot: usize, current: &Tenant, step: Step) -> bool {
        let status = current.own_status();
        let memory = &self.process.memories[slot];
        let (recorded, ours) = match step {
            Step::Create => {
                let ours = memory.attempt.map(|attempt| (attempt.id, attempt.replaced));
                (status.creation, ours)
            }
            Step::Delete => {
                let ours = memory.removal.map(|removal| (removal.id, removal.replaced));
                (status.removal, ours)
            }
            Step::Change => (None, None),
        };
        recorded
            .zip(ours)
            .is_some_and(|(recorded, (id, replaced))| {
                let awaits = recorded.task.is_none() || recorded.task == replaced;
                recorded.attempt == id && awaits
            })
    }

    pub fn end_attempt(&mut self, scene: &Scene, end: AttemptEnd) -> Next {
        let shown = end == AttemptEnd::NameTaken && scene.named.is_some();
        if !shown {
            let generation = scene.view.meta.generation;
            self.process.memories[scene.slot].rejected = Some((Step::Create, generation));
        }
        let mut new = self.next_status(scene, Action::EndAttempt(end));
        new.status.creation = None;
        new.status.said.stalled = true;
        let next = self.write(scene.slot, &new);
        if next == Next::Again {
            self.drop_attempt(scene.slot);
        }
        next
    }

    pub fn drop_attempt(&mut self, slot: usize) {
        let attempt = self.process.memories[slot].attempt.take();
        if let Some(task) = attempt.and_then(|attempt| attempt.task) {
            self.process.picture.forget(task, slot);
        }
    }

    pub fn adopt(&mut self, scene: &Scene, adoption: Adoption) -> Next {
        let id = match adoption {
            Adoption::ById => scene.view.spec.existing,
            Adoption::ByName => scene.named.map(|entry| entry.id),
        };
        let Some(id) = id else {
            return Next::Again;
        };
        self.record_tenant(scene, id, true)
    }

    /// Asks the server for what the creation made.
    pub fn get_created(&mut self, scene: &Scene) {
        if let Some(made) = scene.made {
            self.get_tenant(made.id);
        }
        if let Some(attempt) = &mut self.process.memories[scene.slot].attempt {
            attempt.asked = true;
        }
    }

    pub fn record_created(&mut self, scene: &Scene) -> Next {
        let Some(entry) = scene.named else {
            return Next::Again;
        };
        let attempt = self.process.memories[scene.slot].attempt;
        let sole = attempt.is_some_and(|a| a.written_here && a.sends == 1 && a.task.is_some());
        let next = self.record_tenant(scene, entry.id, false);
        if next == Next::Again && sole {
            self.process.memories[scene.slot].alone = true;
            self.process.picture.no_machine_yet(entry.id);
        }
        next
    }

    fn record_tenant(&mut self, scene: &Scene, id: Id, adopted: bool) -> Next {
        self.process.memories[scene.slot].last_task = true;
        let mut new = self.next_status(scene, Action::RecordCreated);
        new.status.tenant = Some(id);
        new.status.creation = None;
        new.status.adopted = adopted;
        self.say_provisioned(scene, &mut new);
        let next = self.write(scene.slot, &new);
        if next == Next::Again {
            self.drop_attempt(scene.slot);
        }
        next
    }
}
