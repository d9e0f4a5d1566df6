//! A process's steps for a Tenant's end: the decision, the request, the finalizer; and
//! what it does about a tenant that disappeared. As `controllers/tenant/removal.rs` and
//! `absence.rs`; whether it may is the real planner's to say.

use viis_operator::plan::Reach;
use viis_operator::plan::Task;
use viis_operator::plan::tenant::{Action, Release, Removal as Fact, Step};

use crate::guards::judge;
use crate::kube;
use crate::memory::{Change, Follow, Missing, Removal};
use crate::mutants::Mutant;
use crate::observe::Scene;
use crate::picture::View;
use crate::turn::{Lost, Next, Turn};
use crate::world::{Answer, Call, End, Work};

impl Turn<'_> {
    pub fn record_removal(&mut self, scene: &Scene) -> Next {
        *self.next_attempt += 1;
        let id = *self.next_attempt;
        self.process.memories[scene.slot].removal = Some(Removal {
            unsent: true,
            ..Removal::seen(id)
        });
        let refused = &mut self.process.memories[scene.slot].rejected;
        *refused = refused.filter(|(step, _)| *step != Step::Delete);
        let mut new = self.next_status(scene, Action::RecordRemoval);
        new.status.removal = Some(kube::Attempt {
            attempt: id,
            task: None,
        });
        self.write(scene.slot, &new)
    }

    pub fn delete(&mut self, scene: &Scene) -> Next {
        let slot = scene.slot;
        let removal = self.process.memories[slot].removal;
        let repeats = removal.is_some_and(|removal| !removal.unsent);
        if repeats
            && !self.is(Mutant::RepeatOnOldView)
            && !self.paused
            && let Err(next) = self.still_current(scene)
        {
            return next;
        }
        let Some(id) = scene.status.tenant else {
            return Next::Again;
        };
        self.see_deletion(scene, id, repeats);
        if self.is(Mutant::NoDecision) {
            self.process.memories[slot].removal = Some(Removal::seen(0));
        }
        let Some(removal) = &mut self.process.memories[slot].removal else {
            return Next::Again;
        };
        removal.unsent = false;
        removal.settled = false;
        removal.lose_sight();
        removal.created = None;
        if let Some(before) = removal.task.take() {
            self.process.picture.forget(before, slot);
            removal.replaced = Some(before);
        }
        let call = Call::Begin(Work::Delete { tenant: id });
        let answer = self.call(scene.view.meta.uid, call, None);
        let memory = &mut self.process.memories[slot];
        let Some(removal) = &mut memory.removal else {
            return Next::Again;
        };
        match answer {
            Ok(Answer::Task(task)) => {
                removal.task = Some(task);
                removal.followed = true;
                self.process.picture.watch(task, slot);
                self.process.follows[slot] = Some(Follow::PersistTask(Step::Delete, task));
                Next::Again
            }
            Ok(Answer::NotFound) => {
                removal.unsent = true;
                self.process.picture.proved_absent(id);
                Next::Again
            }
            Ok(Answer::Done | Answer::Exists | Answer::Rejected) => {
                removal.unsent = true;
                memory.rejected = Some((Step::Delete, scene.view.meta.generation));
                Next::Again
            }
            Err(Lost::Unsent) => {
                removal.unsent = true;
                Next::Stop
            }
            Err(Lost::Unknown) => Next::Stop,
        }
    }

    /// Whether the API server shows the Tenant just as it was decided on.
    fn still_current(&mut self, scene: &Scene) -> Result<(), Next> {
        let current = self.api.tenants[scene.slot];
        if current == self.process.tenants[scene.slot] {
            return Ok(());
        }
        let uid = scene.view.meta.uid;
        let Some(current) = current.filter(|current| current.meta.uid == uid) else {
            return Err(Next::Stop);
        };
        self.process.tenants[scene.slot] = Some(current);
        Err(Next::Again)
    }

    /// Takes up a deletion's task that ended without having deleted.
    pub fn settle_removal(&mut self, slot: usize) {
        let Some(view) = self.process.tenants[slot] else {
            return;
        };
        if view.own_status().removal.is_none() {
            return;
        }
        let memory = &mut self.process.memories[slot];
        let Some(removal) = &mut memory.removal else {
            return;
        };
        let Some(task) = removal.task.filter(|task| removal.refused != Some(*task)) else {
            return;
        };
        match self.process.picture.view(task, slot) {
            None | Some(View::Unseen | View::Running | View::Forgotten) => {}
            Some(View::Ended(_, End::Completed(_))) => {}
            Some(View::Ended(_, End::Failed(_) | End::Cancelled)) => {
                removal.refused = Some(task);
                memory.rejected = Some((Step::Delete, view.meta.generation));
            }
        }
    }

    pub fn cancel(&mut self, scene: &Scene) -> Next {
        let memory = self.process.memories[scene.slot];
        let creating = memory.attempt.filter(|_| scene.status.creation.is_some());
        let task = match creating {
            Some(attempt) => attempt.task,
            None => memory.removal.and_then(|removal| removal.task),
        };
        let Some(task) = task else {
            return Next::Again;
        };
        match self.call(scene.view.meta.uid, Call::Cancel(task), None) {
            Err(_) => Next::Stop,
            Ok(_) => {
                let memory = &mut self.process.memories[scene.slot];
                match (creating, &mut memory.attempt, &mut memory.removal) {
                    (Some(_), Some(attempt), _) => attempt.cancelled = true,
                    (_, _, Some(removal)) => removal.cancelled = true,
                    (_, _, None) => {}
                }
                Next::Again
            }
        }
    }

    /// Whether absence on this server is evidence now: a list from now, judged by the guard.
    fn believes_absence(&mut self, scene: &Scene) -> Result<(), Next> {
        if self.is(Mutant::OldAbsence) {
            return Ok(());
        }
        self.list_tenants();
        let accepted = self.api.accepted.clone();
        let (reach, written_off) = judge(self.process, &accepted, self.settings);
        let picture = &self.process.picture;
        let shown = scene
            .status
            .tenant
            .is_some_and(|id| picture.by_id(id).is_some());
        if shown && !written_off.contains(&scene.view.meta.uid) {
            return Err(Next::Stop);
        }
        if reach == Reach::Ready {
            Ok(())
        } else {
            Err(Next::Stop)
        }
    }

    pub fn release(&mut self, scene: &Scene, release: Release) -> Next {
        let by_task = matches!(scene.facts.record.removal, Fact::Task { task, .. }
            if task == Task::Completed);
        if release == Release::Removed
            && !by_task
            && !scene.facts.spec.retain
            && let Err(next) = self.believes_absence(scene)
        {
            return next;
        }
        if let Some(id) = scene.status.tenant
            && release == Release::Removed
        {
            self.process.picture.proved_absent(id);
            self.process
                .picture
                .machines
                .retain(|(listed, _)| *listed != id);
        }
        let held = self.process.tenants[scene.slot].unwrap_or(scene.view);
        let mut new = held;
        new.meta.finalizer = false;
        if self.write(scene.slot, &new) == Next::Again {
            self.process.memories[scene.slot].released = true;
            let removal = self.process.memories[scene.slot].removal;
            if let Some(task) = removal.and_then(|removal| removal.task) {
                self.process.picture.forget(task, scene.slot);
            }
            self.drop_attempt(scene.slot);
        }
        Next::Stop
    }

    /// Two lists, 30 s apart, without it, and the server's 404.
    pub fn confirm_absence(&mut self, scene: &Scene) -> Next {
        let Some(id) = scene.status.tenant else {
            return Next::Again;
        };
        let memory = &mut self.process.memories[scene.slot];
        match memory.missing {
            Missing::Twice(missing) if missing == id => {
                self.get_tenant(id);
                return Next::Again;
            }
            Missing::Once { id: missing, .. } if missing == id => {}
            Missing::No | Missing::Once { .. } | Missing::Twice(_) => {
                memory.missing = Missing::Once {
                    id,
                    aged: self.process.picture.aged,
                };
            }
        }
        if self.process.picture.aged {
            self.list_tenants();
            return Next::Again;
        }
        if let Some(new) = self.saying(scene, Action::ConfirmAbsence) {
            self.write(scene.slot, &new);
        }
        Next::Stop
    }

    /// Half a minute has to pass first.
    pub fn waits_for_absence(&self, scene: &Scene) -> bool {
        let memory = &self.process.memories[scene.slot];
        let Missing::Once { id, .. } = memory.missing else {
            return false;
        };
        scene.status.tenant == Some(id) && !self.process.picture.aged
    }

    pub fn forget_tenant(&mut self, scene: &Scene) -> Next {
        if let Err(next) = self.believes_absence(scene) {
            return next;
        }
        self.see_guard();
        let mut new = self.next_status(scene, Action::ForgetTenant);
        new.status.tenant = None;
        new.status.removal = None;
        new.status.adopted = false;
        new.status.said.activated = kube::Activated::Never;
        let memory = &mut self.process.memories[scene.slot];
        memory.lost_change = None;
        if let Some(Change { task, .. }) = memory.change.take() {
            memory.settled_change = Some(task);
        }
        memory.alone = false;
        self.write(scene.slot, &new)
    }
}
