//! Carries deletion out: the decision, the request, the finalizer. Whether anything
//! may be deleted is decided in `plan/tenant/deletion.rs`, not here.

use kube::Api;
use kube::Resource;
use kube::ResourceExt;
use kube::api::ListParams;
use tokio::time::Instant;
use tracing::debug;
use tracing::info;

use super::apply::Next;
use super::apply::Run;
use super::apply::pause;
use super::apply::recorded_id;
use super::memory::Removal;
use super::observe::Scene;
use super::refusal::task_refusal;
use crate::api;
use crate::api::VirtualMachine;
use crate::controllers::cluster::key_of;
use crate::controllers::cluster::own_status;
use crate::controllers::line::Line;
use crate::controllers::writes;
use crate::inventory::Server as Picture;
use crate::inventory::tasks::View;
use crate::plan::Task;
use crate::plan::tenant::Action;
use crate::plan::tenant::Release;
use crate::plan::tenant::Removal as Facts;
use crate::plan::tenant::Step;
use crate::telemetry::metrics::Outcome;
use crate::viis::Artifacts;
use crate::viis::Class;
use crate::viis::Effect;
use crate::viis::TaskType;

impl Run<'_> {
    pub(super) async fn list_referrers(&mut self, scene: &Scene) -> Next {
        let api: Api<VirtualMachine> = self.context.api(&scene.key);
        let selector = format!("spec.tenantRef.name={}", scene.key.name);
        let params = ListParams::default().fields(&selector);
        match writes::bounded(api.list(&params)).await {
            Ok(machines) => {
                let names = machines
                    .items
                    .iter()
                    .filter(|machine| machine.meta().deletion_timestamp.is_none())
                    .map(ResourceExt::name_any)
                    .collect();
                self.memory.referrers = Some((Instant::now(), names));
                Next::Again
            }
            Err(error) => self.written(Err(error)),
        }
    }

    pub(super) async fn record_removal(&mut self, scene: &Scene) -> Next {
        let Some(handle) = &scene.handle else {
            return Next::Again;
        };
        if let Some(next) = self
            .wait_for_slot(scene, &handle.server, Action::RecordRemoval)
            .await
        {
            return next;
        }
        let attempt = uuid::Uuid::new_v4().to_string();
        self.memory.removal = Some(Removal {
            unsent: true,
            ..Removal::seen(&attempt)
        });
        // What another server refused before all of it moved here does not count.
        let rejection = self.memory.rejection.take();
        self.memory.rejection = rejection.filter(|rejection| rejection.step != Step::Delete);
        let mut status = self.next_status(scene, Action::RecordRemoval);
        status.removal = Some(api::Removal {
            attempt,
            server: Some(handle.endpoint.to_string()),
            task: None,
            remove_tenant_artifacts: Some(scene.tenant.spec.remove_tenant_artifacts),
        });
        self.write_status(scene, &status).await
    }

    pub(super) async fn delete(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let never_sent = self
            .memory
            .removal
            .as_ref()
            .is_some_and(|removal| removal.unsent);
        // What was decided in an earlier look rests on what is watched, which may be old:
        // Retain or suspend may have been set since.
        let decided_now = self.memory.removal.as_ref().zip(self.memory.run_started);
        let decided_now =
            never_sent && decided_now.is_some_and(|(removal, run)| removal.since >= run);
        if let Some(next) = self.wait_to_repeat(scene, Action::Delete).await {
            return next;
        }
        if !decided_now && let Err(next) = self.still_current(scene).await {
            return next;
        }
        if !picture.slots().take(&scene.key) {
            self.queued = true;
            return Next::Stop(pause(60), Outcome::Waiting);
        }
        let (Some(id), Some(removal)) = (recorded_id(scene), self.memory.removal.as_mut()) else {
            return Next::Again;
        };
        let artifacts = if scene.tenant.spec.remove_tenant_artifacts {
            Artifacts::Remove
        } else {
            Artifacts::Keep
        };
        removal.unsent = false;
        removal.since = Instant::now();
        (removal.followed, removal.created, removal.forgotten) = (false, None, None);
        if let Some(before) = removal.task.take() {
            picture.tasks().forget(&before, &scene.key);
            removal.replaced = Some(before);
        }
        match picture.client().delete_tenant(&id, artifacts).await {
            Ok(task) => {
                info!(%task, tenant = %id, "the tenant's deletion was sent");
                removal.task = Some(task.clone());
                removal.followed = true;
                picture.watch_task(&task, &scene.key);
                self.memory.failure.clear();
                self.persist_task(scene, &task, Step::Delete).await
            }
            Err(error) => {
                picture.notice(&error);
                removal.unsent = never_sent && error.effect() == Effect::None;
                match error.class() {
                    Class::NotFound => {
                        picture.tenants().proved_absent(&id);
                        Next::Again
                    }
                    Class::Rejected => {
                        self.reject_by(Step::Delete, &error);
                        Next::Again
                    }
                    Class::Transient { .. } | Class::Credentials => self.fail(scene, &error).await,
                }
            }
        }
    }

    /// Whether the API server shows the Tenant just as it was decided on.
    async fn still_current(&mut self, scene: &Scene) -> Result<(), Next> {
        let current = writes::bounded(self.api(scene).get(&scene.key.name)).await;
        let same = current.as_ref().is_ok_and(|current| {
            current.meta().resource_version == self.tenant.meta().resource_version
        });
        if same {
            return Ok(());
        }
        match current {
            Ok(current) if current.meta().uid != self.tenant.meta().uid => {
                Err(Next::Stop(None, Outcome::Settled))
            }
            current => Err(self.written(current.map(Some))),
        }
    }

    /// Takes up a deletion's task that ended without having deleted.
    pub fn settle_removal(&mut self, picture: &Picture) {
        if own_status(&self.tenant).removal.is_none() {
            return;
        }
        let Some(removal) = &mut self.memory.removal else {
            return;
        };
        let Some(task) = removal
            .task
            .clone()
            .filter(|task| removal.refused.as_ref() != Some(task))
        else {
            return;
        };
        let view = picture
            .tasks()
            .view_of(&task, &key_of(self.tenant.as_ref()));
        let view = view.map(|view| view.of_type(&TaskType::DeleteTenant));
        let Some(View::Seen(ended)) = view.filter(View::is_over) else {
            return;
        };
        if ended.state == crate::viis::TaskState::Completed {
            return;
        }
        removal.refused = Some(task);
        let (reason, message) =
            task_refusal("The server's task to delete the tenant", ended.error());
        self.reject(Step::Delete, reason, message);
    }

    pub(super) async fn cancel(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let creating = self
            .memory
            .attempt
            .as_mut()
            .filter(|_| scene.status.creation.is_some());
        let (task, cancelled) = match (creating, self.memory.removal.as_mut()) {
            (Some(attempt), _) => (attempt.task.clone(), &mut attempt.cancelled),
            (None, Some(removal)) => (removal.task.clone(), &mut removal.cancelled),
            (None, None) => return Next::Again,
        };
        let Some(task) = task else {
            return Next::Again;
        };
        match picture.client().cancel(&task).await {
            Ok(outcome) => {
                info!(%task, ?outcome, "a task's cancellation was asked for");
                *cancelled = true;
                Next::Again
            }
            Err(error) => {
                picture.notice(&error);
                if matches!(error.class(), Class::Rejected | Class::NotFound) {
                    debug!(%error, "a task cannot be cancelled; its end is waited for");
                    *cancelled = true;
                    return Next::Again;
                }
                self.fail(scene, &error).await
            }
        }
    }

    pub(super) async fn release(&mut self, scene: &Scene, release: Release) -> Next {
        let note = match release {
            Release::Retained => match &scene.status.removal {
                Some(removal) if removal.task.is_some() => {
                    "The deletion had been sent when deletionPolicy became Retain; the tenant may \
                     be gone from the server."
                }
                Some(_) => {
                    "The deletion was being sent when deletionPolicy became Retain; the tenant may \
                     be gone from the server."
                }
                None => "The tenant stays on the server.",
            },
            Release::NeverMade => "Nothing of this tenant was on the server.",
            Release::NotOurs => "The tenant with this name is not this resource's; it stays.",
            Release::Removed => "The tenant is gone from the server.",
        };
        let done = Task::Completed;
        let by_task =
            matches!(scene.facts.record.removal, Facts::Task { task, .. } if task == done);
        if release == Release::Removed
            && !by_task
            && !scene.facts.spec.retain
            && let Err(next) = self.believes_absence(scene).await
        {
            return next;
        }
        info!(?release, "the finalizer goes");
        if let (Some(id), Some(handle)) = (recorded_id(scene), &scene.handle)
            && release == Release::Removed
        {
            handle.server.tenants().proved_absent(&id);
            handle.server.machines().forget(&id);
        }
        // Whoever waits for this tenant waits for the server, not for other finalizers.
        let foreign = writes::foreign_finalizers(self.tenant.as_ref());
        if !foreign.is_empty() {
            let line = Line::released(note, &foreign);
            if let Err(next) = self
                .say(scene, &line, Action::RemoveFinalizer(release))
                .await
            {
                return next;
            }
        }
        self.context.orphans.releases(self.tenant.as_ref());
        let api = self.api(scene);
        let written = writes::remove_finalizer(&api, self.tenant.as_ref()).await;
        match self.written(written.map(Some)) {
            Next::Again => {
                // The answer carries the old resourceVersion: what is watched looks current.
                self.memory.released = true;
                self.context
                    .events
                    .normal(scene.tenant.as_ref(), "Released", note);
                if let Some(handle) = &scene.handle {
                    let removal = self.memory.removal.as_ref().and_then(|r| r.task.clone());
                    if let Some(task) = removal {
                        handle.server.tasks().forget(&task, &scene.key);
                    }
                }
                self.drop_attempt(scene);
                Next::Stop(None, Outcome::Settled)
            }
            stop @ Next::Stop(..) => stop,
        }
    }
}
