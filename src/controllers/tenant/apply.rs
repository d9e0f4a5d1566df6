//! Carries one planned step of a Tenant out: dispatch, waiting, failing. The steps
//! themselves are in `creation`, `activation`, `removal` and `absence`.

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use secrecy::SecretString;
use tokio::time::Instant;
use tracing::debug;
use tracing::warn;

use super::creation::SECRET_LOOK;
use super::creation::SECRET_PAUSE;
use super::memory::Memory;
use super::observe::Scene;
use super::observe::survey_is_early;
use super::observe::survey_is_older_than_the_loss;
use super::observe::was_surveyed_in_this_look;
use super::refusal::reason_of;
use super::report;
use crate::api::Tenant;
use crate::api::reasons;
use crate::controllers::cluster::requested_at;
use crate::controllers::context::Context;
use crate::controllers::line::Line;
use crate::controllers::writes;
use crate::inventory::Server as Picture;
use crate::inventory::flight::Shared;
use crate::plan::tenant::Action;
use crate::plan::tenant::Creation;
use crate::plan::tenant::Password;
use crate::plan::tenant::Step;
use crate::plan::tenant::Wait;
use crate::telemetry::metrics::ErrorClass;
use crate::telemetry::metrics::Outcome;
use crate::viis;
use crate::viis::Class;
use crate::viis::TenantId;

/// What comes after a step.
pub enum Next {
    /// Another look at once.
    Again,
    /// Nothing more now; another look after this time at the latest.
    Stop(Option<Duration>, Outcome),
}

/// One reconciliation of one Tenant.
pub struct Run<'a> {
    /// What all controllers share.
    pub context: &'a Context,
    /// What this process remembers of it.
    pub memory: &'a mut Memory,
    /// The resource, as written last.
    pub tenant: Arc<Tenant>,
    /// The administrator's password, kept for this reconciliation alone.
    pub password: Option<SecretString>,
    /// The resourceVersion of the Secret that it was read from.
    pub password_version: Option<String>,
    /// What is known of it.
    pub password_state: Password,
    /// It is queued for a slot.
    pub queued: bool,
    /// It is queued for a call.
    pub caller_queued: bool,
}

/// A server's first answer is not waited for any longer without a word.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// Machines that refer to a Tenant are not worth a write before this time.
const IN_USE_PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn pause(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

impl Run<'_> {
    /// Carries a planned step out.
    pub async fn apply(&mut self, scene: &Scene, action: Action) -> Next {
        match action {
            Action::LeaveAlone => Next::Stop(None, Outcome::Settled),
            Action::Settled | Action::Wait(_) => self.rest(scene, action).await,
            Action::AddFinalizer => {
                let api = self.api(scene);
                let written = writes::add_finalizer(&api, self.tenant.as_ref()).await;
                self.written(written.map(Some))
            }
            Action::RemoveFinalizer(release) => self.release(scene, release).await,
            Action::ReadPassword => self.read_password(scene).await,
            Action::ListReferrers => self.list_referrers(scene).await,
            Action::RecordIntent => self.record_intent(scene).await,
            Action::EndAttempt(end) => self.end_attempt(scene, end).await,
            Action::Adopt(adoption) => self.adopt(scene, adoption).await,
            Action::RecordCreated => self.record_created(scene).await,
            Action::ForgetTenant => self.forget_tenant(scene).await,
            Action::RecordRemoval => self.record_removal(scene).await,
            Action::ListTenants
            | Action::ConfirmAbsence
            | Action::Verify
            | Action::GetCreated
            | Action::Create
            | Action::ChangeState
            | Action::CancelCreation
            | Action::CancelRemoval
            | Action::Delete => self.ask_server(scene, action).await,
        }
    }

    /// The steps that call the server, unless it failed a moment ago.
    pub(super) async fn ask_server(&mut self, scene: &Scene, action: Action) -> Next {
        if let Some(left) = self.memory.failure.backoff.left() {
            if let Some(line) = self.memory.failure.said.clone()
                && let Err(next) = self.say(scene, &line, action).await
            {
                return next;
            }
            return Next::Stop(Some(left), Outcome::Waiting);
        }
        let Some(handle) = scene.handle.clone() else {
            return Next::Stop(pause(5), Outcome::Waiting);
        };
        if !handle.tenants.take(&scene.key) {
            self.caller_queued = true;
            return Next::Stop(Some(Duration::from_secs(60)), Outcome::Waiting);
        }
        let picture = Arc::clone(&handle.server);
        match action {
            Action::ListTenants => {
                let listed = picture.list_tenants().await;
                self.after_call(scene, listed).await
            }
            Action::ConfirmAbsence => self.confirm_absence(scene, &picture).await,
            Action::Verify => {
                let Some(id) = recorded_id(scene) else {
                    return Next::Again;
                };
                let got = picture.get_tenant(&id).await;
                self.after_call(scene, got.map(drop)).await
            }
            Action::GetCreated => self.get_created(scene, &picture).await,
            Action::Create => self.create(scene, &picture).await,
            Action::ChangeState => self.change_state(scene, &picture).await,
            Action::CancelCreation | Action::CancelRemoval => self.cancel(scene, &picture).await,
            Action::Delete => self.delete(scene, &picture).await,
            Action::LeaveAlone
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::ListReferrers
            | Action::ReadPassword
            | Action::RecordIntent
            | Action::EndAttempt(_)
            | Action::Adopt(_)
            | Action::RecordCreated
            | Action::ForgetTenant
            | Action::RecordRemoval
            | Action::Wait(_)
            | Action::Settled => Next::Stop(None, Outcome::Waiting),
        }
    }

    /// Nothing can be done now: says so, and when to look again.
    pub(super) async fn rest(&mut self, scene: &Scene, action: Action) -> Next {
        if let Action::Wait(wait) = action
            && let Some(next) = self.mend(scene, wait).await
        {
            return next;
        }
        if action == Action::Wait(Wait::InUse) {
            // The machines of the same deletion come a moment later.
            let since = *self.memory.in_use_since.get_or_insert_with(Instant::now);
            let left = IN_USE_PATIENCE.saturating_sub(since.elapsed());
            if !left.is_zero() {
                return Next::Stop(Some(left), Outcome::Waiting);
            }
        } else {
            self.memory.in_use_since = None;
        }
        let mut outcome = Outcome::Waiting;
        if action == Action::Settled {
            outcome = Outcome::Settled;
        }
        if action == Action::Wait(Wait::Admission) {
            // The guard counts only who could go at once, as this one can since a moment ago.
            let server = &scene.tenant.spec.integration_server_ref.name;
            self.context.queues.servers.wake(server.clone());
        }
        let Some(line) = report::line(scene, self.memory, action) else {
            // Nobody is told when a server's first answer does not come.
            let first = report::is_being_looked_at(scene);
            return Next::Stop(first.then_some(FIRST_ANSWER), outcome);
        };
        match self.say(scene, &line, action).await {
            Err(next) => next,
            Ok(unwritten) => {
                if action == Action::Settled {
                    self.memory.failure.clear();
                    self.memory.repeats.reset();
                    // What was refused was mended since: the next difference is another one.
                    self.memory.rejection = None;
                }
                let again = match action {
                    Action::Wait(wait) => self.look_again(wait),
                    _ => None,
                };
                let after = [unwritten, again].into_iter().flatten().min();
                Next::Stop(after, outcome)
            }
        }
    }

    /// What can be looked up while waiting. Some: the wait may be over.
    pub(super) async fn mend(&mut self, scene: &Scene, wait: Wait) -> Option<Next> {
        match wait {
            Wait::Settling(Step::Create) => {
                self.survey(scene, Some(&viis::TaskType::CreateTenant))
                    .await
            }
            Wait::Settling(Step::Change | Step::Delete) => self.survey(scene, None).await,
            Wait::Vanishing => {
                let since = &mut self.memory.vanishing_since;
                since.get_or_insert_with(Instant::now);
                self.survey(scene, Some(&viis::TaskType::DeleteTenant))
                    .await
            }
            Wait::Rejected(Step::Create) => self.look_at_secret(scene).await,
            // A namespace as new as the Tenant: its labels are on their way.
            Wait::NamespaceNotAllowed
                if self
                    .context
                    .cluster
                    .namespace(&scene.key.namespace)
                    .is_none() =>
            {
                Some(Next::Stop(pause(1), Outcome::Waiting))
            }
            _ => None,
        }
    }

    /// Lists the running tasks, and the tenants after them once none of a type is left whose
    /// work shows in their list. Some: the wait may be over.
    async fn survey(&mut self, scene: &Scene, shown: Option<&viis::TaskType>) -> Option<Next> {
        let picture = Arc::clone(&scene.handle.as_ref()?.server);
        let early = match shown {
            Some(_) => survey_is_early(Some(&picture), self.memory),
            None => survey_is_older_than_the_loss(&picture, self.memory),
        };
        let recent = picture.tasks().surveyed_at();
        if !early && recent.is_some_and(|at| at.elapsed() < Duration::from_secs(5)) {
            return None;
        }
        if was_surveyed_in_this_look(&picture, self.memory) {
            // A server whose lists take long is not asked for them without a pause.
            return None;
        }
        if let Err(error) = picture.list_tasks().await {
            debug!(%error, "the running tasks cannot be listed; the wait is longer");
            return None;
        }
        // What ended a moment ago did its work after the last list.
        let unsettled = matches!(scene.facts.record.creation, Creation::Unknown(u) if !u.settled);
        let ended = shown.is_some_and(|of_type| !picture.tasks().unclaimed(of_type));
        if ended
            && !unsettled
            && let Err(error) = picture.list_tenants().await
        {
            debug!(%error, "the tenants cannot be listed; the wait is longer");
            return None;
        }
        Some(Next::Again)
    }

    pub(super) fn look_again(&self, wait: Wait) -> Option<Duration> {
        match wait {
            Wait::Settling(_) | Wait::Vanishing => pause(5),
            Wait::SecretNotFound | Wait::SecretKeyMissing => Some(SECRET_PAUSE),
            Wait::Rejected(_) => {
                let rejection = self.memory.rejection.as_ref()?;
                let left = rejection.left();
                Some(if rejection.secret.is_some() {
                    left.min(SECRET_LOOK)
                } else {
                    left
                })
            }
            Wait::VirtualMachines | Wait::InUse => pause(30),
            Wait::Admission | Wait::NamespaceNotAllowed => pause(15),
            Wait::TaskRunning(_) | Wait::TaskStuck(_) | Wait::Undecided => pause(60),
            Wait::ServerNotFound
            | Wait::ServerNotReady
            | Wait::ServerLeaving
            | Wait::InventoryGuard
            | Wait::Suspended
            | Wait::AlreadyClaimed
            | Wait::NameTaken
            | Wait::AdoptionNotAllowed
            | Wait::ExistingNotFound
            | Wait::IdentityMismatch
            | Wait::OtherEndpoint
            | Wait::DeletionHeld => None,
        }
    }

    /// A call to the server failed: says so, and waits.
    pub(super) async fn fail(&mut self, scene: &Scene, error: &viis::Error) -> Next {
        let class = match error.class() {
            Class::Transient { .. } => ErrorClass::Transient,
            Class::Credentials => ErrorClass::Credentials,
            Class::Rejected => ErrorClass::Rejected,
            Class::NotFound => ErrorClass::NotFound,
        };
        warn!(%error, "a call to the Integration Server failed");
        let retry_after = match error.class() {
            Class::Transient { retry_after } => *retry_after,
            Class::Rejected => Some(Duration::from_secs(60)),
            Class::Credentials | Class::NotFound => None,
        };
        let left = self.memory.failure.backoff.failed(retry_after);
        let parked = scene
            .handle
            .as_ref()
            .is_some_and(|handle| handle.reach() == crate::plan::Reach::NotReady);
        if parked {
            // The server's own controller probes it; everything is woken when it is back.
            let wait = Action::Wait(Wait::ServerNotReady);
            if let Some(line) = report::line(scene, self.memory, wait)
                && let Err(next) = self.say(scene, &line, wait).await
            {
                return next;
            }
            return Next::Stop(pause(60), Outcome::Failed(class));
        }
        let line = match error.class() {
            Class::Rejected => Line::stalled(&reason_of(error), error.to_string()),
            Class::Transient { .. } | Class::Credentials | Class::NotFound => {
                Line::reconciling(reasons::TRANSIENT_ERROR, error.to_string())
            }
        };
        let generation = scene.tenant.meta().generation.unwrap_or_default();
        let requested = requested_at(scene.tenant.as_ref()).map(str::to_owned);
        self.memory.failure.said = Some(line.clone());
        self.memory.failure.asked = (generation, requested);
        if let Err(next) = self.say(scene, &line, Action::ListTenants).await {
            return next;
        }
        Next::Stop(Some(left), Outcome::Failed(class))
    }

    pub(super) async fn after_call(&mut self, scene: &Scene, outcome: Result<(), Shared>) -> Next {
        match outcome {
            Ok(()) => Next::Again,
            Err(error) => self.fail(scene, &error).await,
        }
    }

    /// Waits for the pause after a task that the server took and did not remember. None:
    /// it is over.
    pub(super) async fn wait_to_repeat(&mut self, scene: &Scene, action: Action) -> Option<Next> {
        let left = self.memory.repeats.left()?;
        let line = Line::reconciling(
            reasons::PROGRESSING,
            "The server's last task for this tenant had no effect: the server does not remember \
             it, or did not find the tenant. The task is started again after a pause that grows. \
             If this lasts, look at the tasks on the Integration Server.",
        );
        match self.say(scene, &line, action).await {
            Err(next) => Some(next),
            Ok(_) => Some(Next::Stop(Some(left), Outcome::Waiting)),
        }
    }

    /// Waits for a slot. None: it has one.
    pub(super) async fn wait_for_slot(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        action: Action,
    ) -> Option<Next> {
        if picture.slots().take(&scene.key) {
            return None;
        }
        self.queued = true;
        let line = Line::reconciling(
            reasons::PROGRESSING,
            "As many tasks run on the server as limits.concurrentTasks of its IntegrationServer \
             allows; this one is next in line.",
        );
        match self.say(scene, &line, action).await {
            Err(next) => Some(next),
            Ok(_) => Some(Next::Stop(pause(60), Outcome::Waiting)),
        }
    }
}

/// The recorded identifier.
pub(super) fn recorded_id(scene: &Scene) -> Option<TenantId> {
    scene.status.tenant_id.clone().map(TenantId::new)
}
