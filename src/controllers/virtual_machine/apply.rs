//! Carries one planned step of a VirtualMachine out: the only place that writes
//! a VirtualMachine to the API server or changes a machine on the server.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::memory::{Memory, Rejection};
use super::observe::{self, Scene};
use super::report;
use crate::api::{REGISTERED_WITH_ANNOTATION, VirtualMachine, conditions, reasons};
use crate::controllers::cluster::requested_at;
use crate::controllers::context::Context;
use crate::controllers::line::Line;
use crate::controllers::writes::{self, WriteError};
use crate::inventory::Server as Picture;
use crate::inventory::flight::Shared;
use crate::inventory::machines::Sighting;
use crate::plan::virtual_machine::{Action, Release, Wait};
use crate::telemetry::metrics::{ErrorClass, Outcome};
use crate::viis::{self, Class, NewVirtualMachine, TenantId, codes};

/// What comes after a step.
pub enum Next {
    /// Another look at once.
    Again,
    /// Nothing more now; another look after this time at the latest.
    Stop(Option<Duration>, Outcome),
}

/// One reconciliation of one VirtualMachine.
pub struct Run<'a> {
    /// What all controllers share.
    pub context: &'a Context,
    /// What this process remembers of it.
    pub memory: &'a mut Memory,
    /// The resource, as written last.
    pub machine: Arc<VirtualMachine>,
    /// It is queued for a call.
    pub caller_queued: bool,
}

/// A Tenant that is on its way is not worth a write before this time.
const TENANT_PATIENCE: Duration = Duration::from_secs(15);
/// A Tenant that is being deleted is not worth a write before this time.
const DELETION_PATIENCE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Carries a planned step out.
    pub async fn apply(&mut self, scene: &Scene, action: Action) -> Next {
        match action {
            Action::LeaveAlone => Next::Stop(None, Outcome::Settled),
            Action::Settled | Action::Wait(_) => self.rest(scene, action).await,
            Action::AddFinalizer => self.add_finalizer(scene).await,
            Action::RemoveFinalizer(release) => self.release(scene, release).await,
            Action::ListTenants
            | Action::ListMachines
            | Action::Register
            | Action::Replace
            | Action::Unregister => self.ask_server(scene, action).await,
        }
    }

    /// The finalizer, and with the same write what it will be registered with: should
    /// the operator stop in between, and the Tenant go, this is all that is known.
    async fn add_finalizer(&mut self, scene: &Scene) -> Next {
        let mut note = serde_json::json!({});
        if let (Some(server), Some(tenant)) = (&scene.server, &scene.tenant_id) {
            note[REGISTERED_WITH_ANNOTATION] = observe::note(server, tenant).into();
        }
        let api = self.api(scene);
        let written = writes::add_finalizer_noting(&api, self.machine.as_ref(), &note).await;
        self.written(written.map(Some))
    }

    fn api(&self, scene: &Scene) -> Api<VirtualMachine> {
        self.context.api(&scene.key)
    }

    fn written(&mut self, written: Result<Option<VirtualMachine>, WriteError>) -> Next {
        match written {
            Ok(Some(machine)) => {
                self.memory.written = machine.resource_version();
                self.memory.writes.reset();
                self.machine = Arc::new(machine);
                Next::Again
            }
            Ok(None) => Next::Again,
            Err(WriteError::Conflict) => Next::Stop(Some(Duration::from_secs(2)), Outcome::Waiting),
            Err(WriteError::Gone) => Next::Stop(None, Outcome::Settled),
            Err(error @ (WriteError::TimedOut | WriteError::Failed(_))) => {
                warn!(%error, "a VirtualMachine could not be written; it is tried again");
                let left = self.memory.writes.failed(None);
                Next::Stop(Some(left), Outcome::Failed(ErrorClass::Kubernetes))
            }
        }
    }

    /// Says a line on the conditions, if it is new.
    async fn say(&mut self, scene: &Scene, line: &Line) -> Result<(), Next> {
        let before = self.machine.status.clone().unwrap_or_default();
        let after = report::status(scene, line, Timestamp::now());
        let levelled = crate::api::VirtualMachineStatus {
            conditions: before.conditions.clone(),
            ..after.clone()
        };
        if before == levelled && conditions::same(&before.conditions, &after.conditions) {
            return Ok(());
        }
        let api = self.api(scene);
        let written = writes::status(&api, self.machine.as_ref(), &before, &after).await;
        match self.written(written) {
            Next::Again => Ok(()),
            stop @ Next::Stop(..) => Err(stop),
        }
    }

    async fn rest(&mut self, scene: &Scene, action: Action) -> Next {
        let mut outcome = Outcome::Waiting;
        let mut again = None;
        match action {
            Action::Settled => {
                self.memory.backoff.reset();
                outcome = Outcome::Settled;
            }
            Action::Wait(Wait::WaitingForTenant | Wait::TenantNotFound) => {
                let since = *self.memory.waiting_since.get_or_insert_with(Instant::now);
                let left = self.tenant_patience(scene).saturating_sub(since.elapsed());
                if !left.is_zero() {
                    return Next::Stop(Some(left), outcome);
                }
            }
            Action::Wait(Wait::TenantDeleting) if !scene.facts.deleting => {
                // Its own deletion is often a moment away.
                let since = *self.memory.waiting_since.get_or_insert_with(Instant::now);
                let left = DELETION_PATIENCE.saturating_sub(since.elapsed());
                if !left.is_zero() {
                    return Next::Stop(Some(left), outcome);
                }
            }
            Action::Wait(Wait::TenantDeleting | Wait::TenantFate) if scene.facts.deleting => {
                again = Some(observe::patience_left(self.memory));
                if !scene.facts.waited {
                    return Next::Stop(again, outcome);
                }
                again = Some(Duration::from_secs(30));
            }
            Action::Wait(Wait::NamespaceNotAllowed)
                if self
                    .context
                    .cluster
                    .namespace(&scene.key.namespace)
                    .is_none() =>
            {
                // A namespace as new as the machine: its labels are on their way.
                return Next::Stop(Some(Duration::from_secs(1)), outcome);
            }
            Action::Wait(Wait::NamespaceNotAllowed) => again = Some(Duration::from_secs(15)),
            Action::Wait(Wait::Rejected) => {
                again = self.memory.rejection.as_ref().map(|rejection| {
                    super::memory::REJECTED_FOR.saturating_sub(rejection.at.elapsed())
                });
            }
            _ => {}
        }
        if !matches!(
            action,
            Action::Wait(Wait::WaitingForTenant | Wait::TenantNotFound)
        ) {
            self.memory.waiting_since = None;
        }
        if let Some(line) = report::line(scene, self.memory, action)
            && let Err(next) = self.say(scene, &line).await
        {
            return next;
        }
        Next::Stop(again, outcome)
    }

    /// How long a wait for the Tenant is not worth saying: not at all when the
    /// Tenant itself is held up, a moment when it may just come in the same file.
    fn tenant_patience(&self, scene: &Scene) -> Duration {
        let Some(tenant) = &scene.tenant else {
            return Duration::from_secs(1);
        };
        if scene.status.tenant_id.is_some() {
            // It was registered with a tenant that is gone: its Ready must not stand.
            return Duration::ZERO;
        }
        let held_up = tenant.status.as_ref().is_some_and(|status| {
            let stalled = crate::api::ConditionType::Stalled;
            conditions::find(&status.conditions, stalled).is_some()
                || conditions::find(&status.conditions, crate::api::ConditionType::Ready)
                    .is_some_and(|ready| {
                        ![reasons::PROGRESSING, reasons::TASK_RUNNING]
                            .contains(&ready.reason.as_str())
                    })
        });
        if held_up {
            Duration::ZERO
        } else {
            TENANT_PATIENCE
        }
    }

    async fn ask_server(&mut self, scene: &Scene, action: Action) -> Next {
        if let Some(left) = self.memory.backoff.left() {
            return Next::Stop(Some(left), Outcome::Waiting);
        }
        let Some(handle) = scene.handle.clone() else {
            return Next::Stop(Some(Duration::from_secs(5)), Outcome::Waiting);
        };
        if !handle.machines.take(&scene.key) {
            self.caller_queued = true;
            return Next::Stop(Some(Duration::from_secs(60)), Outcome::Waiting);
        }
        let picture = Arc::clone(&handle.server);
        if action == Action::ListTenants {
            let listed = picture.list_tenants().await;
            return self.after_call(scene, listed).await;
        }
        let Some(tenant) = scene.tenant_id.clone() else {
            return Next::Stop(Some(Duration::from_secs(5)), Outcome::Waiting);
        };
        match action {
            Action::Register => self.register(scene, &picture, &tenant).await,
            Action::Replace => self.unregister(scene, &picture, &tenant, false).await,
            Action::Unregister => self.unregister(scene, &picture, &tenant, true).await,
            Action::ListMachines
            | Action::ListTenants
            | Action::LeaveAlone
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Wait(_)
            | Action::Settled => {
                let listed = picture.list_machines(&tenant).await;
                self.after_call(scene, listed).await
            }
        }
    }

    async fn after_call(&mut self, scene: &Scene, outcome: Result<(), Shared>) -> Next {
        match outcome {
            Ok(()) => Next::Again,
            Err(error) => self.fail(scene, &error).await,
        }
    }

    /// Registers, and lets the server's own list prove it.
    async fn register(&mut self, scene: &Scene, picture: &Picture, tenant: &TenantId) -> Next {
        let server = scene.server.as_deref().unwrap_or_default();
        let note = observe::note(server, tenant);
        let noted = self.machine.annotations().get(REGISTERED_WITH_ANNOTATION);
        if noted.is_some_and(|noted| *noted != note) {
            // Its tenant was made again: a stop between here and the status must not
            // leave a registration that nobody knows of.
            let api = self.api(scene);
            let annotations = serde_json::json!({ REGISTERED_WITH_ANNOTATION: note });
            let written = writes::annotate(&api, self.machine.as_ref(), &annotations).await;
            if let stop @ Next::Stop(..) = self.written(written.map(Some)) {
                return stop;
            }
        }
        let new = NewVirtualMachine {
            bios_id: scene.bios_id,
            name: Some(scene.machine.server_name().to_owned()),
            user_data: scene.machine.spec.user_data.clone(),
        };
        match picture.client().register(tenant, &new).await {
            Ok(()) => {
                self.memory.registered_for = scene.machine.meta().generation;
                let listed = picture.list_machines(tenant).await;
                if listed.is_ok() && !self.is_listed(scene, picture, tenant) {
                    // Visible late: looked at again, with a pause.
                    let left = self.memory.backoff.failed(None);
                    return Next::Stop(Some(left), Outcome::Waiting);
                }
                self.after_call(scene, listed).await
            }
            Err(error) => {
                picture.notice(&error);
                let exists = error
                    .code()
                    .is_some_and(|code| code.as_str() == codes::BIOS_ID_ALREADY_EXISTS);
                if exists {
                    return self.met_another(scene, picture, tenant, &error).await;
                }
                self.fail(scene, &error).await
            }
        }
    }

    fn is_listed(&self, scene: &Scene, picture: &Picture, tenant: &TenantId) -> bool {
        matches!(
            picture.machines().sighting(tenant, scene.bios_id),
            Sighting::Present(_)
        )
    }

    /// The BIOS ID is registered already: by us after a lost answer, or elsewhere.
    async fn met_another(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
        error: &viis::Error,
    ) -> Next {
        if let Err(error) = picture.list_machines(tenant).await {
            return self.fail(scene, &error).await;
        }
        if self.is_listed(scene, picture, tenant) {
            return Next::Again;
        }
        self.reject(
            scene,
            error,
            "The server has this BIOS ID registered with another tenant. Correct biosId, or have \
             the machine unregistered there.",
        );
        Next::Again
    }

    fn reject(&mut self, scene: &Scene, error: &viis::Error, message: &str) {
        let reason = error.code().map_or(reasons::REJECTED, viis::Code::as_str);
        self.context
            .events
            .warning(scene.machine.as_ref(), reason, message);
        self.memory.rejection = Some(Rejection {
            reason: reason.to_owned(),
            message: message.to_owned(),
            generation: scene.machine.meta().generation.unwrap_or_default(),
            deleting: scene.facts.deleting,
            at: Instant::now(),
            requested_at: requested_at(scene.machine.as_ref()).map(str::to_owned),
        });
    }

    async fn unregister(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
        for_good: bool,
    ) -> Next {
        let outcome = picture.client().unregister(tenant, &scene.bios_id).await;
        let gone = match &outcome {
            Ok(()) => true,
            Err(error) => matches!(error.class(), Class::NotFound),
        };
        if gone {
            info!(bios_id = %scene.bios_id, "the machine is unregistered");
            picture.machines().unregistered(tenant, scene.bios_id);
            self.memory.backoff.reset();
            if for_good {
                return self.release(scene, Release::NotOurs).await;
            }
            return Next::Again;
        }
        match outcome {
            Ok(()) => Next::Again,
            Err(error) => {
                picture.notice(&error);
                self.fail(scene, &error).await
            }
        }
    }

    async fn release(&mut self, scene: &Scene, release: Release) -> Next {
        debug!(?release, "the finalizer goes");
        let written = writes::remove_finalizer(&self.api(scene), self.machine.as_ref()).await;
        match self.written(written.map(Some)) {
            Next::Again => {
                // The answer carries the old resourceVersion: what is watched looks current.
                self.memory.released = true;
                Next::Stop(None, Outcome::Settled)
            }
            stop @ Next::Stop(..) => stop,
        }
    }

    async fn fail(&mut self, scene: &Scene, error: &viis::Error) -> Next {
        warn!(%error, "a call to the Integration Server failed");
        let class = match error.class() {
            Class::Transient { .. } => ErrorClass::Transient,
            Class::Credentials => ErrorClass::Credentials,
            Class::Rejected => ErrorClass::Rejected,
            Class::NotFound => ErrorClass::NotFound,
        };
        let parked = scene
            .handle
            .as_ref()
            .is_some_and(|handle| handle.reach() == crate::plan::Reach::NotReady);
        if *error.class() == Class::Rejected {
            self.reject(scene, error, &error.to_string());
            return Next::Again;
        }
        if *error.class() == Class::NotFound
            && let Some(handle) = &scene.handle
            && let Err(error) = handle.server.list_tenants().await
        {
            debug!(%error, "the tenants could not be listed");
        }
        let retry_after = match error.class() {
            Class::Transient { retry_after } => *retry_after,
            Class::Credentials | Class::Rejected | Class::NotFound => None,
        };
        let left = self.memory.backoff.failed(retry_after);
        if parked {
            // The server's own controller probes it; everything is woken when it is back.
            return Next::Stop(Some(Duration::from_secs(60)), Outcome::Failed(class));
        }
        let line = Line::reconciling(reasons::TRANSIENT_ERROR, error.to_string());
        if let Err(next) = self.say(scene, &line).await {
            return next;
        }
        Next::Stop(Some(left), Outcome::Failed(class))
    }
}
