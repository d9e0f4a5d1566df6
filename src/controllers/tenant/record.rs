//! What is written of a Tenant to the API server, and when it is worth a write.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Api;
use kube::Resource;
use kube::ResourceExt;
use tokio::time::Instant;
use tracing::warn;

use super::apply::Next;
use super::apply::Run;
use super::observe::Scene;
use super::observe::is_terminal_word;
use super::report;
use super::report::Difference;
use crate::api;
use crate::api::Tenant;
use crate::api::TenantStatus;
use crate::api::reasons;
use crate::controllers::cluster::own_status;
use crate::controllers::line::Line;
use crate::controllers::writes;
use crate::controllers::writes::WriteError;
use crate::plan::tenant::Action;
use crate::plan::tenant::Step;
use crate::plan::tenant::Wait;
use crate::telemetry::metrics::ErrorClass;
use crate::telemetry::metrics::Outcome;
use crate::telemetry::sentence;
use crate::viis;
use crate::viis::TaskId;

/// How long a small difference waits to be written while a task moves, and at all.
const SMALL_MOVING: Duration = Duration::from_secs(2);
const SMALL_RESTING: Duration = Duration::from_secs(10);
/// After a conflict the watch brings the newer object; this is for a lost event.
pub(super) const AFTER_CONFLICT: Duration = Duration::from_secs(2);

impl Run<'_> {
    pub(super) fn api(&self, scene: &Scene) -> Api<Tenant> {
        self.context.api(&scene.key)
    }

    /// Takes a write's answer: the object as it stands now.
    pub(super) fn written(&mut self, written: Result<Option<Tenant>, WriteError>) -> Next {
        match written {
            Ok(Some(tenant)) => {
                self.memory.written = tenant.resource_version();
                self.memory.writes.reset();
                self.tenant = Arc::new(tenant);
                Next::Again
            }
            Ok(None) => Next::Again,
            Err(WriteError::Conflict) => Next::Stop(Some(AFTER_CONFLICT), Outcome::Waiting),
            Err(WriteError::Gone) => Next::Stop(None, Outcome::Settled),
            Err(error @ (WriteError::TimedOut | WriteError::Failed(_))) => {
                let error = sentence(&error);
                warn!(%error, "a Tenant could not be read or written; it is tried again");
                let left = self.memory.writes.failed(None);
                Next::Stop(Some(left), Outcome::Failed(ErrorClass::Kubernetes))
            }
        }
    }

    /// Writes a status. The answer says whether the run goes on.
    pub(super) async fn write_status(&mut self, scene: &Scene, after: &TenantStatus) -> Next {
        let api = self.api(scene);
        let before = self.tenant.status.clone().unwrap_or_default();
        let written = writes::status(&api, self.tenant.as_ref(), &before, after).await;
        if written.is_ok() {
            self.memory.unwritten = None;
        }
        self.written(written)
    }

    /// Says a line on the conditions, if it is new.
    ///
    /// # Errors
    /// What comes next, when it could not be written.
    pub(super) async fn say(
        &mut self,
        scene: &Scene,
        line: &Line,
        action: Action,
    ) -> Result<Option<Duration>, Next> {
        let before = self.tenant.status.clone().unwrap_or_default();
        let after = self.status_saying(scene, line, action);
        let due = match report::difference(&before, &after) {
            Difference::None => {
                self.memory.unwritten = None;
                return Ok(None);
            }
            Difference::Small => {
                let moving = moves(scene);
                let known = self.memory.unwritten.filter(|(_, moved)| *moved == moving);
                let (since, _) = *self
                    .memory
                    .unwritten
                    .insert(known.unwrap_or((Instant::now(), moving)));
                let patience = if moving { SMALL_MOVING } else { SMALL_RESTING };
                patience.saturating_sub(since.elapsed())
            }
            Difference::Large => Duration::ZERO,
        };
        if !due.is_zero() {
            return Ok(Some(due));
        }
        match self.write_status(scene, &after).await {
            Next::Again => Ok(None),
            next @ Next::Stop(..) => Err(next),
        }
    }

    /// Writes a task's identifier down, also when somebody wrote meanwhile: the
    /// task runs, and the status is the only place that survives a restart.
    pub(super) async fn persist_task(&mut self, scene: &Scene, task: &TaskId, step: Step) -> Next {
        for _ in 0..4 {
            let base = own_status(&self.tenant);
            let mut scene_now = self.rescene(scene);
            scene_now.status = base;
            let wait = Action::Wait(Wait::TaskRunning(step));
            let mut status = self.next_status(&scene_now, wait);
            let known = match step {
                Step::Create => status.creation.as_mut().map(|creation| {
                    creation.sent = true;
                    creation.task = Some(task.to_string());
                }),
                Step::Delete => status.removal.as_mut().map(|removal| {
                    removal.task = Some(task.to_string());
                    removal.remove_tenant_artifacts =
                        Some(scene.tenant.spec.remove_tenant_artifacts);
                }),
                Step::Change => None,
            };
            if known.is_none() {
                return Next::Again;
            }
            status.task = Some(api::TaskStatus {
                id: task.to_string(),
                task_type: Some(
                    match step {
                        Step::Create => "CreateTenant",
                        Step::Change => "ChangeTenantActivation",
                        Step::Delete => "DeleteTenant",
                    }
                    .to_owned(),
                ),
                ..api::TaskStatus::default()
            });
            let before = self.tenant.status.clone().unwrap_or_default();
            let api = self.api(scene);
            match writes::status(&api, self.tenant.as_ref(), &before, &status).await {
                Err(WriteError::Conflict) => {
                    let current = writes::bounded(api.get(&scene.key.name)).await;
                    let same = current
                        .as_ref()
                        .is_ok_and(|current| current.meta().uid == self.tenant.meta().uid);
                    let next = self.written(current.map(Some));
                    if !same || matches!(next, Next::Stop(..)) {
                        return next;
                    }
                    // Only into the very attempt that was sent, and never over a task:
                    // another operator may have gone on meanwhile.
                    if !self.awaits_task(step) {
                        return Next::Stop(Some(AFTER_CONFLICT), Outcome::Waiting);
                    }
                }
                written => return self.written(written),
            }
        }
        Next::Stop(Some(AFTER_CONFLICT), Outcome::Waiting)
    }

    /// Whether the status still shows our attempt, without a task or with the one
    /// that was repeated.
    fn awaits_task(&self, step: Step) -> bool {
        let status = own_status(&self.tenant);
        let awaits = |task: Option<&str>, replaced: Option<&TaskId>| {
            task.is_none() || task == replaced.map(TaskId::as_str)
        };
        match step {
            Step::Create => {
                let pair = status.creation.as_ref().zip(self.memory.attempt.as_ref());
                pair.is_some_and(|(creation, attempt)| {
                    creation.attempt == attempt.id
                        && awaits(creation.task.as_deref(), attempt.replaced.as_ref())
                })
            }
            Step::Delete => {
                let pair = status.removal.as_ref().zip(self.memory.removal.as_ref());
                pair.is_some_and(|(recorded, removal)| {
                    recorded.attempt == removal.id
                        && awaits(recorded.task.as_deref(), removal.replaced.as_ref())
                })
            }
            Step::Change => false,
        }
    }

    /// The scene with the resource as it was written last.
    pub(super) fn rescene(&self, scene: &Scene) -> Scene {
        Scene {
            key: scene.key.clone(),
            tenant: Arc::clone(&self.tenant),
            status: own_status(&self.tenant),
            integration_server: scene.integration_server.clone(),
            handle: scene.handle.clone(),
            facts: scene.facts.clone(),
            entry: scene.entry.clone(),
            named: scene.named.clone(),
            made: scene.made.clone(),
            task: None,
            machines: scene.machines,
            referrers: scene.referrers.clone(),
        }
    }

    pub(super) fn next_status(&self, scene: &Scene, action: Action) -> TenantStatus {
        let line = report::line(scene, self.memory, action)
            .unwrap_or_else(|| Line::reconciling(reasons::PROGRESSING, ""));
        self.status_saying(scene, &line, action)
    }

    /// Whether the status shows an activation as running that the server did not
    /// remember: after a restart it would be followed again.
    fn shows_a_forgotten_task(&self, status: &TenantStatus) -> bool {
        let taken_up = self.memory.taken_up.as_ref();
        status.task.as_ref().is_some_and(|task| {
            taken_up.is_some_and(|taken_up| taken_up.as_str() == task.id)
                && !task.state.as_deref().is_some_and(is_terminal_word)
        })
    }

    /// The status that says this line now.
    pub(super) fn status_saying(&self, scene: &Scene, line: &Line, action: Action) -> TenantStatus {
        let last_task = self.memory.last_task.as_deref();
        let mut status = report::status(scene, last_task, line, action, Timestamp::now());
        if self.shows_a_forgotten_task(&status) {
            status.task = None;
        }
        // A task whose identifier could not be written at once is written with the
        // next thing that is said.
        if let (Some(creation), Some(attempt)) = (&mut status.creation, &self.memory.attempt)
            && creation.attempt == attempt.id
            && let Some(task) = &attempt.task
        {
            creation.sent = true;
            creation.task = Some(task.to_string());
        }
        if let (Some(recorded), Some(removal)) = (&mut status.removal, &self.memory.removal)
            && recorded.attempt == removal.id
            && let Some(task) = &removal.task
        {
            recorded.task = Some(task.to_string());
        }
        status
    }
}

pub(super) fn moves(scene: &Scene) -> bool {
    scene.task.as_ref().is_some_and(|task| match task.state {
        viis::TaskState::Created | viis::TaskState::Queued | viis::TaskState::Starting => false,
        viis::TaskState::Running
        | viis::TaskState::Stopping
        | viis::TaskState::Completed
        | viis::TaskState::Failed
        | viis::TaskState::Canceled
        | viis::TaskState::Other(_) => true,
    })
}
