//! A process's steps for a Tenant's activation and deactivation, and how their ends are
//! taken up. As `controllers/tenant/activation.rs`.

use viis_operator::plan::Refusal;
use viis_operator::plan::tenant::Step;

use crate::memory::{Change, LostChange};
use crate::mutants::Mutant;
use crate::observe::Scene;
use crate::picture::View;
use crate::turn::{Lost, Next, Turn};
use crate::world::{Answer, Call, End, Kind, Work};

impl Turn<'_> {
    pub fn change_state(&mut self, scene: &Scene) -> Next {
        let Some(id) = scene.status.tenant else {
            return Next::Again;
        };
        if !self.process.memories[scene.slot].alone {
            self.list_tasks();
            self.process.memories[scene.slot].alone = true;
            if self.process.picture.unclaimed(Kind::Change) {
                self.process.memories[scene.slot].lost_change = Some(LostChange::new(None));
                return Next::Again;
            }
        }
        self.see_change(scene, id);
        let active = scene.view.spec.active;
        let call = Call::Begin(Work::Change { tenant: id, active });
        let answer = self.call(scene.view.meta.uid, call, None);
        let memory = &mut self.process.memories[scene.slot];
        match answer {
            Ok(Answer::Task(task)) => {
                memory.change = Some(Change {
                    task,
                    wanted: Some(active),
                });
                self.process.picture.watch(task, scene.slot);
                Next::Again
            }
            Ok(Answer::NotFound) => {
                self.list_tenants();
                Next::Stop
            }
            Ok(Answer::Done | Answer::Exists | Answer::Rejected) => {
                memory.rejected = Some((Step::Change, scene.view.meta.generation));
                Next::Again
            }
            Err(Lost::Unknown) => {
                memory.lost_change = Some(LostChange::new(Some(active)));
                Next::Stop
            }
            Err(Lost::Unsent) => Next::Stop,
        }
    }

    /// Takes up the end of an activation or deactivation.
    pub fn settle_change(&mut self, slot: usize) {
        let Some(Change { task, wanted }) = self.process.memories[slot].change else {
            return;
        };
        let ended = match self.process.picture.view(task, slot) {
            None | Some(View::Unseen | View::Running) => return,
            Some(View::Forgotten) => None,
            Some(View::Ended(_, end)) => Some(end),
        };
        let id = self.process.tenants[slot].and_then(|view| view.own_status().tenant);
        let done = matches!(ended, Some(End::Completed(_)));
        let not_found = matches!(ended, Some(End::Failed(Refusal::TenantNotFound)));
        if ended.is_some() && !done && !not_found {
            let generation = self.process.tenants[slot].map_or(0, |view| view.meta.generation);
            self.process.memories[slot].rejected = Some((Step::Change, generation));
        }
        match (id, wanted) {
            (Some(id), Some(active)) if done => self.process.picture.changed(id, active),
            (Some(id), _) => self.get_tenant(id),
            (None, _) => {}
        }
        let memory = &mut self.process.memories[slot];
        memory.last_task = ended.is_some();
        memory.change = None;
        if self.mutant != Some(Mutant::FollowsAgain) {
            memory.settled_change = Some(task);
        }
        self.process.picture.forget(task, slot);
    }
}
