//! Carries one planned step of a Tenant out: the only place that writes a Tenant
//! to the API server or changes a tenant on the server.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use secrecy::SecretString;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::memory::{Attempt, Change, Memory, Rejection, Removal};
use super::observe::{self, Scene, refusal, requested_at};
use super::report::{self, Difference, Line};
use crate::api::{self, DesiredState, Tenant, TenantStatus, TenantType, VirtualMachine, reasons};
use crate::controllers::context::Context;
use crate::controllers::writes::{self, WriteError};
use crate::inventory::flight::Shared;
use crate::inventory::tenants::ABSENCE_APART;
use crate::inventory::{Server as Picture, tasks::View};
use crate::operator::metrics::{ErrorClass, Outcome};
use crate::plan::tenant::{Action, Adoption, ById, End, Password, Release, Step, Wait};
use crate::viis::{self, Artifacts, Class, Effect, TaskId, TenantId};

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
    /// What is known of it.
    pub password_state: Password,
    /// It is queued for a slot.
    pub queued: bool,
}

/// How long a small difference waits to be written while a task moves, and at all.
const SMALL_MOVING: Duration = Duration::from_secs(2);
const SMALL_RESTING: Duration = Duration::from_secs(10);
/// After a conflict the watch brings the newer object; this is for a lost event.
const AFTER_CONFLICT: Duration = Duration::from_secs(2);
/// A Secret is not watched: it is looked for this often.
const SECRET_PAUSE: Duration = Duration::from_secs(10);
/// A Secret that may mend a refusal is looked at this often.
const SECRET_LOOK: Duration = Duration::from_secs(60);

fn pause(seconds: u64) -> Option<Duration> {
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
            | Action::Create
            | Action::ChangeState
            | Action::CancelCreation
            | Action::CancelRemoval
            | Action::Delete => self.ask_server(scene, action).await,
        }
    }

    /// The steps that call the server, unless it failed a moment ago.
    async fn ask_server(&mut self, scene: &Scene, action: Action) -> Next {
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
                self.after_call(scene, got).await
            }
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

    fn api(&self, scene: &Scene) -> Api<Tenant> {
        self.context.api(&scene.key)
    }

    // === what is written to the API server ===

    /// Takes a write's answer: the object as it stands now.
    fn written(&mut self, written: Result<Option<Tenant>, WriteError>) -> Next {
        match written {
            Ok(Some(tenant)) => {
                self.memory.written = tenant.resource_version();
                self.tenant = Arc::new(tenant);
                Next::Again
            }
            Ok(None) => Next::Again,
            Err(WriteError::Conflict) => Next::Stop(Some(AFTER_CONFLICT), Outcome::Waiting),
            Err(WriteError::Gone) => Next::Stop(None, Outcome::Settled),
            Err(error @ (WriteError::TimedOut | WriteError::Failed(_))) => {
                warn!(%error, "a Tenant could not be written; it is tried again");
                let left = self.memory.failure.backoff.failed(None);
                Next::Stop(Some(left), Outcome::Failed(ErrorClass::Kubernetes))
            }
        }
    }

    /// Writes a status. The answer says whether the run goes on.
    async fn write_status(&mut self, scene: &Scene, after: &TenantStatus) -> Next {
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
    async fn say(
        &mut self,
        scene: &Scene,
        line: &Line,
        action: Action,
    ) -> Result<Option<Duration>, Next> {
        let before = self.tenant.status.clone().unwrap_or_default();
        let after = report::status(scene, line, action, Timestamp::now());
        let due = match report::difference(&before, &after) {
            Difference::None => {
                self.memory.unwritten = None;
                return Ok(None);
            }
            Difference::Small => {
                let since = *self.memory.unwritten.get_or_insert_with(Instant::now);
                let patience = if moves(scene) {
                    SMALL_MOVING
                } else {
                    SMALL_RESTING
                };
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

    /// Nothing can be done now: says so, and when to look again.
    async fn rest(&mut self, scene: &Scene, action: Action) -> Next {
        if let Action::Wait(wait) = action
            && let Some(next) = self.mend(scene, wait).await
        {
            return next;
        }
        self.memory.failure.clear();
        let mut outcome = Outcome::Waiting;
        if action == Action::Settled {
            outcome = Outcome::Settled;
        }
        let Some(line) = report::line(scene, self.memory, action) else {
            return Next::Stop(None, outcome);
        };
        match self.say(scene, &line, action).await {
            Err(next) => next,
            Ok(unwritten) => {
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
    async fn mend(&mut self, scene: &Scene, wait: Wait) -> Option<Next> {
        match wait {
            Wait::Settling(_) => {
                let picture = scene
                    .handle
                    .as_ref()
                    .map(|handle| Arc::clone(&handle.server))?;
                let recent = picture.tasks().surveyed_at();
                if recent.is_some_and(|at| at.elapsed() < Duration::from_secs(5)) {
                    return None;
                }
                match picture.list_tasks().await {
                    Ok(()) => Some(Next::Again),
                    Err(error) => {
                        debug!(%error, "the running tasks cannot be listed; the wait is longer");
                        None
                    }
                }
            }
            Wait::Rejected(Step::Create) => self.look_at_secret(scene).await,
            _ => None,
        }
    }

    fn look_again(&self, wait: Wait) -> Option<Duration> {
        match wait {
            Wait::Settling(_) => pause(5),
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
            Wait::TaskRunning(_) | Wait::TaskStuck(_) => pause(60),
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
    async fn fail(&mut self, scene: &Scene, error: &viis::Error) -> Next {
        let class = match error.class() {
            Class::Transient { .. } => ErrorClass::Transient,
            Class::Credentials => ErrorClass::Credentials,
            Class::Rejected => ErrorClass::Rejected,
            Class::NotFound => ErrorClass::NotFound,
        };
        warn!(%error, "a call to the Integration Server failed");
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
        let retry_after = match error.class() {
            Class::Transient { retry_after } => *retry_after,
            Class::Rejected => Some(Duration::from_secs(60)),
            Class::Credentials | Class::NotFound => None,
        };
        let left = self.memory.failure.backoff.failed(retry_after);
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

    async fn after_call(&mut self, scene: &Scene, outcome: Result<(), Shared>) -> Next {
        match outcome {
            Ok(()) => {
                self.memory.failure.clear();
                Next::Again
            }
            Err(error) => self.fail(scene, &error).await,
        }
    }

    // === creation ===

    async fn read_password(&mut self, scene: &Scene) -> Next {
        match self.secret(scene).await {
            Err(next) => return next,
            Ok(None) => self.password_state = Password::SecretNotFound,
            Ok(Some(secret)) => {
                let key = scene.tenant.spec.administrator.as_ref();
                let key = key.map_or("password", |a| a.password_secret_ref.key.as_str());
                let value = secret.data.unwrap_or_default().remove(key);
                match value.and_then(|value| String::from_utf8(value.0).ok()) {
                    Some(password) if !password.is_empty() => {
                        self.password = Some(SecretString::from(password));
                        self.password_state = Password::Read;
                    }
                    Some(_) | None => self.password_state = Password::KeyMissing,
                }
            }
        }
        Next::Again
    }

    /// The Secret with the administrator's password; None where there is none.
    async fn secret(&mut self, scene: &Scene) -> Result<Option<Secret>, Next> {
        let Some(administrator) = &scene.tenant.spec.administrator else {
            return Ok(None);
        };
        let api: Api<Secret> = self.context.api(&scene.key);
        match writes::bounded(api.get(&administrator.password_secret_ref.name)).await {
            Ok(secret) => Ok(Some(secret)),
            Err(WriteError::Gone) => Ok(None),
            Err(error) => Err(self.written(Err(error))),
        }
    }

    /// A refused password is tried again when its Secret changes.
    async fn look_at_secret(&mut self, scene: &Scene) -> Option<Next> {
        let known = self.memory.rejection.as_ref()?.secret.clone()?;
        let looked = self.memory.secret_looked_at;
        if looked.is_some_and(|at| at.elapsed() < SECRET_LOOK) {
            return None;
        }
        self.memory.secret_looked_at = Some(Instant::now());
        let now = match self.secret(scene).await {
            Ok(secret) => secret.and_then(|secret| secret.resource_version()),
            Err(next) => return Some(next),
        };
        if now.is_some_and(|now| now != known) {
            info!("the administrator's Secret changed: the creation is tried again");
            self.memory.rejection = None;
            return Some(Next::Again);
        }
        None
    }

    async fn record_intent(&mut self, scene: &Scene) -> Next {
        let Some(handle) = &scene.handle else {
            return Next::Again;
        };
        if let Some(next) = self
            .wait_for_slot(scene, &handle.server, Action::RecordIntent)
            .await
        {
            return next;
        }
        let attempt = uuid::Uuid::new_v4().to_string();
        self.memory.attempt = Some(Attempt {
            written_here: true,
            ..Attempt::seen(&attempt)
        });
        let mut status = self.next_status(scene, Action::RecordIntent);
        status.creation = Some(api::Creation {
            attempt,
            server: handle.endpoint.to_string(),
            sent: false,
            task: None,
        });
        self.write_status(scene, &status).await
    }

    async fn create(&mut self, scene: &Scene, picture: &Picture) -> Next {
        if let Some(next) = self.wait_for_slot(scene, picture, Action::Create).await {
            return next;
        }
        let Some(new) = new_tenant(&scene.tenant, self.password.as_ref()) else {
            self.password_state = Password::Unread;
            return Next::Again;
        };
        let Some(attempt) = &mut self.memory.attempt else {
            return Next::Again;
        };
        // Late writes of an operator that lost its leadership between the intent
        // and this call are harmless: names are unique on the server, so of two
        // creations one fails, and only who can write the status records anything.
        attempt.sends += 1;
        attempt.since = Instant::now();
        attempt.task = None;
        attempt.ended = None;
        match picture.client().create_tenant(&new).await {
            Ok(task) => {
                info!(%task, "the tenant's creation was sent");
                attempt.task = Some(task.clone());
                picture.watch_task(&task, &scene.key);
                self.memory.failure.clear();
                self.persist_task(scene, &task, Step::Create).await
            }
            Err(error) => {
                picture.notice(&error);
                let refused = matches!(error.class(), Class::Rejected | Class::NotFound);
                if refused && error.effect() == Effect::None {
                    attempt.refusal = Some(refusal(error.code()));
                    attempt.answer = Some((reason_of(&error), error.to_string()));
                    return Next::Again;
                }
                if error.effect() == Effect::None {
                    attempt.sends -= 1;
                } else {
                    attempt.since = Instant::now();
                }
                self.fail(scene, &error).await
            }
        }
    }

    /// Writes a task's identifier down, also when somebody wrote meanwhile: the
    /// task runs, and the status is the only place that survives a restart.
    async fn persist_task(&mut self, scene: &Scene, task: &TaskId, step: Step) -> Next {
        for _ in 0..4 {
            let base = observe::own_status(&self.tenant);
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
                }
                written => return self.written(written),
            }
        }
        Next::Stop(Some(AFTER_CONFLICT), Outcome::Waiting)
    }

    async fn end_attempt(&mut self, scene: &Scene, end: End) -> Next {
        let (reason, message) = match end {
            End::Rejected => self.refused_with(scene),
            End::IdentityMismatch => (
                reasons::IDENTITY_MISMATCH.to_owned(),
                format!(
                    "The server has a tenant \"{}\" with other fields than this resource: it is \
                     not what this resource made, and nothing of it is touched. Choose another \
                     name, or take it over by existingTenantId.",
                    scene.tenant.server_name()
                ),
            ),
            End::NameTaken => {
                let taken = Action::Wait(Wait::NameTaken);
                let line = report::line(scene, self.memory, taken);
                let line = line.unwrap_or_else(|| Line::stalled(reasons::REJECTED, ""));
                (line.reason, line.message)
            }
        };
        warn!(%reason, %message, "the creation ended without a tenant");
        // Where the inventory shows who has the name, it also shows when that is over.
        let shown = end == End::NameTaken && scene.named.is_some();
        let line = Line::stalled(&reason, message.clone());
        if !shown {
            let secret = if reason == reasons::PASSWORD_NOT_COMPLY_POLICY {
                let version = self.secret(scene).await;
                version
                    .ok()
                    .flatten()
                    .and_then(|secret| secret.resource_version())
            } else {
                None
            };
            self.memory.secret_looked_at = Some(Instant::now());
            self.reject(scene, Step::Create, reason.clone(), message.clone(), secret);
        }
        self.context
            .events
            .warning(scene.tenant.as_ref(), &reason, &message);
        let mut status = report::status(scene, &line, Action::EndAttempt(end), Timestamp::now());
        status.creation = None;
        let next = self.write_status(scene, &status).await;
        if matches!(next, Next::Again) {
            self.drop_attempt(scene);
        }
        next
    }

    fn drop_attempt(&mut self, scene: &Scene) {
        if let Some(attempt) = self.memory.attempt.take()
            && let (Some(task), Some(handle)) = (attempt.task, &scene.handle)
        {
            handle.server.tasks().forget(&task);
        }
    }

    /// Reason and message of the refusal that ended a creation.
    fn refused_with(&self, scene: &Scene) -> (String, String) {
        if let Some(answer) = self.memory.attempt.as_ref().and_then(|a| a.answer.clone()) {
            return answer;
        }
        let error = scene.task.as_ref().and_then(|task| task.error());
        task_refusal("The server's task to create the tenant", error)
    }

    fn reject(
        &mut self,
        scene: &Scene,
        step: Step,
        reason: String,
        message: String,
        secret: Option<String>,
    ) {
        self.memory.rejection = Some(Rejection {
            step,
            reason,
            message,
            generation: scene.tenant.meta().generation.unwrap_or_default(),
            at: Instant::now(),
            requested_at: requested_at(scene.tenant.as_ref()).map(str::to_owned),
            secret,
        });
    }

    async fn adopt(&mut self, scene: &Scene, adoption: Adoption) -> Next {
        let existing = scene
            .tenant
            .spec
            .existing_tenant_id
            .clone()
            .map(TenantId::new);
        let id = match adoption {
            Adoption::ById => existing,
            Adoption::ByName => scene.named.as_ref().map(|(id, _)| id.clone()),
        };
        let Some(id) = id else {
            return Next::Again;
        };
        let note = format!("Tenant {id} of the server was taken over.");
        self.record_tenant(
            scene,
            &id,
            Some(true),
            Action::Adopt(adoption),
            (reasons::ADOPTED, &note),
        )
        .await
    }

    async fn record_created(&mut self, scene: &Scene) -> Next {
        let Some((id, _)) = scene.named.clone() else {
            return Next::Again;
        };
        let sole = self.memory.attempt.as_ref().is_some_and(|attempt| {
            attempt.written_here && attempt.sends == 1 && attempt.task.is_some()
        });
        let note = format!("Tenant {id} was made on the server.");
        let next = self
            .record_tenant(
                scene,
                &id,
                None,
                Action::RecordCreated,
                (reasons::CREATED, &note),
            )
            .await;
        if sole && matches!(next, Next::Again) {
            self.memory.alone = true;
            if let Some(handle) = &scene.handle {
                handle.server.machines().none_yet(&id);
            }
        }
        next
    }

    async fn record_tenant(
        &mut self,
        scene: &Scene,
        id: &TenantId,
        adopted: Option<bool>,
        action: Action,
        (reason, note): (&str, &str),
    ) -> Next {
        info!(tenant = %id, "the tenant's identifier is recorded");
        let mut scene = self.rescene(scene);
        scene.status.tenant_id = Some(id.to_string());
        scene.status.creation = None;
        scene.status.adopted = adopted;
        scene.entry = scene
            .handle
            .as_ref()
            .and_then(|handle| handle.server.tenants().by_id(id));
        scene.facts.world.by_id = ById::Same(scene.facts.spec.wanted);
        let waits = scene.facts.machines.unregistered
            && scene.facts.spec.wanted == crate::plan::tenant::Activity::Active
            && !scene.facts.deleting;
        let action = if waits {
            Action::Wait(Wait::VirtualMachines)
        } else {
            action
        };
        let status = self.next_status(&scene, action);
        let next = self.write_status(&scene, &status).await;
        if matches!(next, Next::Again) {
            self.drop_attempt(&scene);
            self.context
                .events
                .normal(scene.tenant.as_ref(), reason, note);
        }
        next
    }

    async fn forget_tenant(&mut self, scene: &Scene) -> Next {
        warn!(tenant = ?scene.status.tenant_id, "the tenant is gone from the server and is made again");
        let mut lost = self.rescene(scene);
        lost.status.tenant_id = None;
        lost.status.removal = None;
        lost.status.adopted = None;
        lost.entry = None;
        let status = self.next_status(&lost, Action::ForgetTenant);
        self.memory.change = None;
        self.memory.alone = false;
        self.context.events.warning(
            scene.tenant.as_ref(),
            "TenantVanished",
            "The tenant is gone from the server, proved; it is made again.",
        );
        self.write_status(scene, &status).await
    }

    async fn confirm_absence(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let Some(id) = recorded_id(scene) else {
            return Next::Again;
        };
        if picture.tenants().missing_twice(&id) {
            let got = picture.get_tenant(&id).await;
            return self.after_call(scene, got).await;
        }
        let since = picture.tenants().listed_at().map(|at| at.elapsed());
        if since.is_none_or(|since| since >= ABSENCE_APART) {
            let listed = picture.list_tenants().await;
            return self.after_call(scene, listed).await;
        }
        if let Some(line) = report::line(scene, self.memory, Action::ConfirmAbsence)
            && let Err(next) = self.say(scene, &line, Action::ConfirmAbsence).await
        {
            return next;
        }
        let left = ABSENCE_APART.saturating_sub(since.unwrap_or_default());
        Next::Stop(Some(left + Duration::from_millis(100)), Outcome::Waiting)
    }

    // === state ===

    async fn change_state(&mut self, scene: &Scene, picture: &Picture) -> Next {
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
                        let (reason, message) = (reason_of(&error), error.to_string());
                        self.context
                            .events
                            .warning(scene.tenant.as_ref(), &reason, &message);
                        self.reject(scene, Step::Change, reason, message, None);
                        Next::Again
                    }
                    Class::NotFound => {
                        // The list and the call disagree: the next list decides.
                        let listed = picture.list_tenants().await;
                        match listed {
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
        let id = observe::own_status(&self.tenant)
            .tenant_id
            .map(TenantId::new);
        let mut ask = true;
        if let View::Seen(ended) = &view {
            if let Some(error) = ended.error() {
                let (reason, message) = task_refusal(
                    "The server's task to change the tenant's state",
                    Some(error),
                );
                self.context
                    .events
                    .warning(self.tenant.as_ref(), &reason, &message);
                self.memory.rejection = Some(Rejection {
                    step: Step::Change,
                    reason,
                    message,
                    generation: self.tenant.meta().generation.unwrap_or_default(),
                    at: Instant::now(),
                    requested_at: requested_at(self.tenant.as_ref()).map(str::to_owned),
                    secret: None,
                });
            } else if let (Some(wanted), Some(id), true) = (wanted, &id, has_succeeded(ended)) {
                let status = match wanted {
                    DesiredState::Active => crate::inventory::tenants::Status::Active,
                    DesiredState::Inactive => crate::inventory::tenants::Status::Inactive,
                };
                picture.tenants().changed(id, status);
                ask = false;
            }
        }
        if ask && let Some(id) = &id {
            if let Err(error) = picture.get_tenant(id).await {
                debug!(%error, "the tenant's state could not be asked for");
                return;
            }
        }
        self.memory.change = None;
        picture.tasks().forget(&task);
    }

    // === deletion ===

    async fn list_referrers(&mut self, scene: &Scene) -> Next {
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

    async fn record_removal(&mut self, scene: &Scene) -> Next {
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
        let mut status = self.next_status(scene, Action::RecordRemoval);
        status.removal = Some(api::Removal {
            attempt,
            task: None,
            remove_tenant_artifacts: Some(scene.tenant.spec.remove_tenant_artifacts),
        });
        self.write_status(scene, &status).await
    }

    async fn delete(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let (Some(id), Some(removal)) = (recorded_id(scene), self.memory.removal.as_mut()) else {
            return Next::Again;
        };
        if !picture.slots().take(&scene.key) {
            self.queued = true;
            return Next::Stop(pause(60), Outcome::Waiting);
        }
        let artifacts = if scene.tenant.spec.remove_tenant_artifacts {
            Artifacts::Remove
        } else {
            Artifacts::Keep
        };
        removal.unsent = false;
        removal.since = Instant::now();
        removal.task = None;
        match picture.client().delete_tenant(&id, artifacts).await {
            Ok(task) => {
                info!(%task, tenant = %id, "the tenant's deletion was sent");
                removal.task = Some(task.clone());
                picture.watch_task(&task, &scene.key);
                self.memory.failure.clear();
                self.persist_task(scene, &task, Step::Delete).await
            }
            Err(error) => {
                picture.notice(&error);
                removal.unsent = error.effect() == Effect::None;
                match error.class() {
                    Class::NotFound => {
                        picture.tenants().proved_absent(&id);
                        Next::Again
                    }
                    Class::Rejected => {
                        let (reason, message) = (reason_of(&error), error.to_string());
                        self.context
                            .events
                            .warning(scene.tenant.as_ref(), &reason, &message);
                        self.reject(scene, Step::Delete, reason, message, None);
                        Next::Again
                    }
                    Class::Transient { .. } | Class::Credentials => self.fail(scene, &error).await,
                }
            }
        }
    }

    /// Takes up a deletion's task that ended without having deleted.
    pub fn settle_removal(&mut self, picture: &Picture) {
        if observe::own_status(&self.tenant).removal.is_none() {
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
        let Some(View::Seen(ended)) = picture.tasks().view(&task).filter(View::is_over) else {
            return;
        };
        let Some(error) = ended.error() else {
            return;
        };
        removal.refused = Some(task);
        let (reason, message) = task_refusal("The server's task to delete the tenant", Some(error));
        self.context
            .events
            .warning(self.tenant.as_ref(), &reason, &message);
        self.memory.rejection = Some(Rejection {
            step: Step::Delete,
            reason,
            message,
            generation: self.tenant.meta().generation.unwrap_or_default(),
            at: Instant::now(),
            requested_at: requested_at(self.tenant.as_ref()).map(str::to_owned),
            secret: None,
        });
    }

    async fn cancel(&mut self, scene: &Scene, picture: &Picture) -> Next {
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

    async fn release(&mut self, scene: &Scene, release: Release) -> Next {
        let note = match release {
            Release::Retained => match &scene.status.removal {
                Some(removal) if removal.task.is_some() => {
                    "The deletion had been sent when deletionPolicy became Retain; the tenant may \
                     be gone from the server."
                }
                Some(_) | None => "The tenant stays on the server.",
            },
            Release::NeverMade => "Nothing of this tenant was on the server.",
            Release::NotOurs => "The tenant with this name is not this resource's; it stays.",
            Release::Removed => "The tenant is gone from the server.",
        };
        info!(?release, "the finalizer goes");
        if let (Some(id), Some(handle)) = (recorded_id(scene), &scene.handle)
            && release == Release::Removed
        {
            handle.server.tenants().proved_absent(&id);
            handle.server.machines().forget(&id);
        }
        let api = self.api(scene);
        let written = writes::remove_finalizer(&api, self.tenant.as_ref()).await;
        match self.written(written.map(Some)) {
            Next::Again => {
                self.context
                    .events
                    .normal(scene.tenant.as_ref(), "Released", note);
                if let Some(handle) = &scene.handle {
                    let removal = self.memory.removal.as_ref().and_then(|r| r.task.clone());
                    if let Some(task) = removal {
                        handle.server.tasks().forget(&task);
                    }
                }
                self.drop_attempt(scene);
                Next::Stop(None, Outcome::Settled)
            }
            stop @ Next::Stop(..) => stop,
        }
    }

    // === small things ===

    /// The scene with the resource as it was written last.
    fn rescene(&self, scene: &Scene) -> Scene {
        Scene {
            key: scene.key.clone(),
            tenant: Arc::clone(&self.tenant),
            status: observe::own_status(&self.tenant),
            integration_server: scene.integration_server.clone(),
            handle: scene.handle.clone(),
            facts: scene.facts.clone(),
            entry: scene.entry.clone(),
            named: scene.named.clone(),
            task: None,
            machines: scene.machines,
            referrers: scene.referrers.clone(),
        }
    }

    fn next_status(&self, scene: &Scene, action: Action) -> TenantStatus {
        let line = report::line(scene, self.memory, action)
            .unwrap_or_else(|| Line::reconciling(reasons::PROGRESSING, ""));
        report::status(scene, &line, action, Timestamp::now())
    }

    /// Waits for a slot. None: it has one.
    async fn wait_for_slot(
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

fn moves(scene: &Scene) -> bool {
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

/// Completed, with a result that does not say the opposite.
fn has_succeeded(task: &viis::Task) -> bool {
    match &task.outcome {
        Some(viis::TaskOutcome::Result(result)) => {
            !result.text.trim().eq_ignore_ascii_case("false")
        }
        Some(viis::TaskOutcome::Error(_)) => false,
        None => task.state == viis::TaskState::Completed,
    }
}

fn recorded_id(scene: &Scene) -> Option<TenantId> {
    scene.status.tenant_id.clone().map(TenantId::new)
}

/// The server's code, else `Rejected`.
pub fn reason_of(error: &viis::Error) -> String {
    error
        .code()
        .map_or(reasons::REJECTED, viis::Code::as_str)
        .to_owned()
}

fn task_refusal(what: &str, error: Option<&viis::TaskError>) -> (String, String) {
    let code = error.and_then(|error| error.code.as_ref());
    let reason = code
        .map_or(reasons::REJECTED, viis::Code::as_str)
        .to_owned();
    let text = error
        .map(|error| error.message.as_str())
        .unwrap_or_default();
    let advice = reasons::ALL
        .iter()
        .find(|(known, ..)| *known == reason)
        .map_or("", |(_, _, _, advice)| *advice);
    let message = match (text.is_empty(), advice.is_empty()) {
        (true, _) => format!("{what} ended with {reason}. {advice}"),
        (false, true) => format!("{what} ended with {reason}: {text}."),
        (false, false) => format!("{what} ended with {reason}: {text}. {advice}"),
    };
    (reason, message.trim_end().to_owned())
}

/// The tenant as it is asked for. None when the password is not at hand.
fn new_tenant(tenant: &Tenant, password: Option<&SecretString>) -> Option<viis::NewTenant> {
    let spec = &tenant.spec;
    let kind = match spec.tenant_type {
        TenantType::Simple => viis::NewTenantKind::Simple,
        TenantType::Complete => viis::NewTenantKind::Complete {
            administrator: spec.administrator.as_ref()?.name.clone(),
            password: password?.clone(),
        },
    };
    Some(viis::NewTenant {
        name: tenant.server_name().to_owned(),
        description: spec.description.clone(),
        user_data: spec.user_data.clone(),
        preferred_viis_address: spec
            .preferred_viis_address
            .as_ref()
            .and_then(|a| a.parse().ok()),
        kind,
    })
}
