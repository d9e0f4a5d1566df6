//! Carries activation and deactivation out, and takes up how they ended.

use std::sync::Arc;

use tracing::debug;
use tracing::info;

use super::apply::Next;
use super::apply::Run;
use super::apply::recorded_id;
use super::memory::Change;
use super::memory::LostChange;
use super::observe::Scene;
use super::observe::refusal as refusal_of;
use super::refusal::asked_by;
use super::refusal::task_refusal;
use crate::api::DesiredState;
use crate::controllers::cluster::key_of;
use crate::controllers::cluster::own_status;
use crate::inventory::Server as Picture;
use crate::inventory::tasks::View;
use crate::inventory::tenants::Status;
use crate::plan::Refusal;
use crate::plan::tenant::Action;
use crate::plan::tenant::Step;
use crate::viis;
use crate::viis::Class;
use crate::viis::Effect;
use crate::viis::TaskType;
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
                self.memory.lost_change = Some(LostChange::now(None));
                return Next::Again;
            }
        }
        if let Some(next) = self.wait_to_repeat(scene, Action::ChangeState).await {
            return next;
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
                let wanted = Some(wanted);
                self.memory.change = Some(Change { task, wanted });
                if is_odd(scene) {
                    self.memory.odd_state = Some(asked_by(&self.tenant));
                }
                self.memory.failure.clear();
                Next::Again
            }
            Err(error) => {
                picture.notice(&error);
                if error.effect() == Effect::Unknown {
                    self.memory.lost_change = Some(LostChange::now(Some(wanted)));
                }
                match error.class() {
                    Class::Rejected => self.change_refused(scene, picture, &id, &error).await,
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

    /// A refusal may say no more than that it is so already: one look at the tenant tells.
    async fn change_refused(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        id: &TenantId,
        error: &viis::Error,
    ) -> Next {
        if error.status() == Some(409) {
            let got = picture.get_tenant(id).await;
            let now = picture.tenants().by_id(id).map(|entry| entry.status);
            if got.is_ok() && now == Some(status_of(scene.tenant.spec.state)) {
                return Next::Again;
            }
        }
        self.reject_by(Step::Change, error);
        Next::Again
    }

    /// Takes up the end of an activation or deactivation.
    pub async fn settle_change(&mut self, picture: &Picture) {
        let Some(Change { task, wanted }) = &self.memory.change else {
            return;
        };
        let (task, wanted) = (task.clone(), *wanted);
        let key = key_of(self.tenant.as_ref());
        let view = picture.tasks().view_of(&task, &key);
        let view = view.map(|view| view.of_type(&TaskType::ChangeTenantActivation));
        let Some(view) = view.filter(View::is_over) else {
            return;
        };
        self.memory.taken_up = Some(task.clone());
        let id = own_status(&self.tenant).tenant_id.map(TenantId::new);
        // Nobody knows what becomes of a state that no page names.
        let shown = id.as_ref().and_then(|id| picture.tenants().by_id(id));
        let odd = shown.is_some_and(|entry| matches!(entry.status, Status::Other(_)));
        let mut ask = true;
        let not_found = matches!(&view, View::Seen(ended) if is_not_found(ended));
        if let View::Seen(ended) = &view {
            if not_found {
                // No verdict on what was asked for: the inventory decides whether the tenant is
                // there. A database may show it late.
                info!("the task did not find the tenant");
            } else if !has_succeeded(ended) {
                let what = "The server's task to change the tenant's state";
                let (reason, message) = task_refusal(what, ended.error());
                self.reject(Step::Change, reason, message);
            } else if let (Some(wanted), Some(id), false) = (wanted, &id, odd) {
                picture.tenants().changed(id, status_of(wanted));
                ask = false;
            }
        }
        if ask
            && let Some(id) = &id
            && let Err(error) = picture.get_tenant(id).await
        {
            debug!(%error, "the tenant's state could not be asked for");
            // Sent again only after the wait that a lost answer needs.
            self.memory.lost_change = Some(LostChange::now(None));
            self.memory.change = None;
            return;
        }
        if let View::Seen(ended) = &view {
            self.memory.last_task = Some(Arc::clone(ended));
        }
        if not_found || matches!(view, View::Forgotten) {
            // What had no effect is not sent again as fast as it ends.
            self.memory.repeats.failed(None);
        } else {
            self.memory.repeats.reset();
        }
        self.memory.change = None;
        picture.tasks().forget(&task, &key);
        // The counts of the server change with it.
        let server = self.tenant.spec.integration_server_ref.name.clone();
        self.context.queues.servers.wake(server);
    }
}

/// The state that was asked for, as the server shows it.
fn status_of(wanted: DesiredState) -> Status {
    match wanted {
        DesiredState::Active => Status::Active,
        DesiredState::Inactive => Status::Inactive,
    }
}

/// The server shows a state that no page names.
fn is_odd(scene: &Scene) -> bool {
    let entry = scene.entry.as_ref();
    entry.is_some_and(|entry| matches!(entry.status, Status::Other(_)))
}

/// The server's task did not find the tenant.
fn is_not_found(task: &viis::Task) -> bool {
    let code = task.error().and_then(|error| error.code.as_ref());
    refusal_of(code) == Refusal::TenantNotFound
}

/// Completed, with a result that does not say the opposite. A failed or cancelled task
/// may have a result as well.
pub(super) fn has_succeeded(task: &viis::Task) -> bool {
    task.state == viis::TaskState::Completed
        && match &task.outcome {
            Some(viis::TaskOutcome::Result(result)) => {
                !result.text.trim().eq_ignore_ascii_case("false")
            }
            Some(viis::TaskOutcome::Error(_)) => false,
            None => true,
        }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::viis::{Task, TaskOutcome, TaskResult, TaskState};

    fn with_result(text: &str, state: TaskState) -> Task {
        let result = TaskResult {
            text: text.to_owned(),
            created: None,
        };
        Task {
            outcome: Some(TaskOutcome::Result(result)),
            ..Task::test("1").in_state(state)
        }
    }

    #[rstest]
    #[case::done(with_result("true", TaskState::Completed), true)]
    #[case::done_without_a_word(Task::test("1").completed(), true)]
    #[case::done_and_denied(with_result("False", TaskState::Completed), false)]
    #[case::failed(Task::test("1").failed("KSC_ServiceNotConfigured"), false)]
    #[case::failed_with_a_result(with_result("true", TaskState::Failed), false)]
    #[case::cancelled_with_a_result(with_result("", TaskState::Canceled), false)]
    fn only_a_completed_task_has_succeeded(#[case] task: Task, #[case] succeeded: bool) {
        assert_eq!(has_succeeded(&task), succeeded);
    }
}
