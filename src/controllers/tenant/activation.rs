//! Carries activation and deactivation out, and takes up how they ended.

use tokio::time::Instant;
use tracing::debug;
use tracing::info;

use super::apply::Next;
use super::apply::Run;
use super::apply::recorded_id;
use super::memory::Change;
use super::observe::Scene;
use super::refusal::task_refusal;
use crate::api::DesiredState;
use crate::controllers::cluster::own_status;
use crate::inventory::Server as Picture;
use crate::inventory::tasks::View;
use crate::plan::tenant::Action;
use crate::plan::tenant::Step;
use crate::viis;
use crate::viis::Class;
use crate::viis::Effect;
use crate::viis::TenantId;

impl Run<'_> {
    pub(super) async fn change_state(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let Some(id) = recorded_id(scene) else {
            return Next::Again;
        };
        if !self.memory.alone {
            // Another process may have sent one whose task is not known here.
            if let Err(error) = picture.list_tasks().await {
                debug!(%error, "the running tasks cannot be listed");
            }
            self.memory.alone = true;
            if picture
                .tasks()
                .unclaimed(&viis::TaskType::ChangeTenantActivation)
            {
                self.memory.change = Some(Change::Lost(Instant::now()));
                return Next::Again;
            }
        }
        if let Some(next) = self
            .wait_for_slot(scene, picture, Action::ChangeState)
            .await
        {
            return next;
        }
        let wanted = scene.tenant.spec.state;
        let sent = match wanted {
            DesiredState::Active => picture.client().activate(&id).await,
            DesiredState::Inactive => picture.client().deactivate(&id).await,
        };
        match sent {
            Ok(task) => {
                info!(%task, state = ?wanted, "the tenant's state is being changed");
                picture.watch_task(&task, &scene.key);
                self.memory.change = Some(Change::Task(task, Some(wanted)));
                self.memory.failure.clear();
                Next::Again
            }
            Err(error) => {
                picture.notice(&error);
                if error.effect() == Effect::Unknown {
                    self.memory.change = Some(Change::Lost(Instant::now()));
                }
                match error.class() {
                    Class::Rejected => {
                        self.reject_by(Step::Change, &error);
                        Next::Again
                    }
                    Class::NotFound => {
                        // The list and the call disagree: the next list decides.
                        match picture.list_tenants().await {
                            Ok(()) => self.fail(scene, &error).await,
                            Err(error) => self.fail(scene, &error).await,
                        }
                    }
                    Class::Transient { .. } | Class::Credentials => self.fail(scene, &error).await,
                }
            }
        }
    }

    /// Takes up the end of an activation or deactivation.
    pub async fn settle_change(&mut self, picture: &Picture) {
        let Some(Change::Task(task, wanted)) = &self.memory.change else {
            return;
        };
        let (task, wanted) = (task.clone(), *wanted);
        let Some(view) = picture.tasks().view(&task).filter(View::is_over) else {
            return;
        };
        let id = own_status(&self.tenant).tenant_id.map(TenantId::new);
        let mut ask = true;
        if let View::Seen(ended) = &view {
            if !has_succeeded(ended) {
                let what = "The server's task to change the tenant's state";
                let (reason, message) = task_refusal(what, ended.error());
                self.reject(Step::Change, reason, message);
            } else if let (Some(wanted), Some(id)) = (wanted, &id) {
                let status = match wanted {
                    DesiredState::Active => crate::inventory::tenants::Status::Active,
                    DesiredState::Inactive => crate::inventory::tenants::Status::Inactive,
                };
                picture.tenants().changed(id, status);
                ask = false;
            }
        }
        if ask
            && let Some(id) = &id
            && let Err(error) = picture.get_tenant(id).await
        {
            debug!(%error, "the tenant's state could not be asked for");
            // Sent again only after the wait that a lost answer needs.
            self.memory.change = Some(Change::Lost(Instant::now()));
            return;
        }
        if let View::Seen(ended) = view {
            self.memory.last_task = Some(ended);
        } else {
            // Nobody knows whether a forgotten task did its work: what it did not do
            // is not sent again as fast as tasks are forgotten.
            self.memory.failure.backoff.failed(None);
        }
        self.memory.change = None;
        picture.tasks().forget(&task);
    }
}

/// Completed, with a result that does not say the opposite.
pub(super) fn has_succeeded(task: &viis::Task) -> bool {
    match &task.outcome {
        Some(viis::TaskOutcome::Result(result)) => {
            !result.text.trim().eq_ignore_ascii_case("false")
        }
        Some(viis::TaskOutcome::Error(_)) => false,
        None => task.state == viis::TaskState::Completed,
    }
}
