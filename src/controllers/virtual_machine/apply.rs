//! Carries one planned step of a VirtualMachine out: dispatch, waiting, failing. What is
//! changed on the server is in `registration`, what is written in `record`.

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::memory::{Memory, Rejection};
use super::observe::Scene;
use super::report;
use crate::api::{VirtualMachine, reasons};
use crate::controllers::cluster::requested_at;
use crate::controllers::context::Context;
use crate::controllers::line::Line;
use crate::inventory::flight::Shared;
use crate::plan::virtual_machine::{Action, Leftover, Wait};
use crate::telemetry::metrics::{ErrorClass, Outcome};
use crate::viis::{self, Class};

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
    /// The IntegrationServer at which it is queued for a call.
    pub queued_at: Option<String>,
}

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
            Action::ListLeftover | Action::Leave => {
                self.ask_server(&scene.at_leftover(self.context), action)
                    .await
            }
        }
    }

    /// Nothing can be done now: says so once its patience is over, and when to look again.
    async fn rest(&mut self, scene: &Scene, action: Action) -> Next {
        let mut outcome = Outcome::Waiting;
        let mut again = None;
        if action == Action::Settled {
            self.memory.backoff.reset();
            self.memory.sent = None;
            outcome = Outcome::Settled;
        }
        if let Action::Wait(wait) = action {
            match self.patience(scene, wait) {
                Ok(after) => again = after,
                Err(silent) => return silent,
            }
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
        if action == Action::Settled && scene.facts.leftover == Leftover::Lost {
            // The status says no more where it was.
            self.warn_of(scene, scene.leftover.as_ref());
        }
        Next::Stop(again, outcome)
    }

    async fn ask_server(&mut self, scene: &Scene, action: Action) -> Next {
        if let Some(left) = self.memory.backoff.left() {
            return Next::Stop(Some(left), Outcome::Waiting);
        }
        let Some(handle) = scene.handle.clone() else {
            return Next::Stop(Some(Duration::from_secs(5)), Outcome::Waiting);
        };
        if !handle.machines.take(&scene.key) {
            self.queued_at.clone_from(&scene.server);
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
            Action::Replace => self.replace(scene, &picture, &tenant).await,
            Action::Unregister | Action::Leave => self.leave(scene, &picture, &tenant).await,
            Action::ListMachines
            | Action::ListLeftover
            | Action::ListTenants
            | Action::LeaveAlone
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::Wait(_)
            | Action::Settled => {
                let listed = picture.list_machines(&tenant).await;
                if listed
                    .as_ref()
                    .is_err_and(|error| *error.class() == Class::NotFound)
                {
                    // Whether the tenant is gone is for its own call to say.
                    let got = picture.get_tenant(&tenant).await;
                    return self.after_call(scene, got.map(drop)).await;
                }
                self.after_list(scene, &picture, &tenant, listed).await
            }
        }
    }

    pub(super) async fn after_call(&mut self, scene: &Scene, outcome: Result<(), Shared>) -> Next {
        match outcome {
            Ok(()) => Next::Again,
            Err(error) => self.fail(scene, &error).await,
        }
    }

    pub(super) fn reject(&mut self, scene: &Scene, error: &viis::Error, message: &str) {
        let reason = error.code().map_or(reasons::REJECTED, viis::Code::as_str);
        self.context
            .events
            .warning(scene.machine.as_ref(), reason, message);
        self.memory.rejection = Some(Box::new(Rejection {
            reason: reason.to_owned(),
            message: message.to_owned(),
            generation: scene.machine.meta().generation.unwrap_or_default(),
            deleting: scene.facts.deleting,
            at: Instant::now(),
            forbidden: error.problem() == viis::Problem::Forbidden,
            requested_at: requested_at(scene.machine.as_ref()).map(str::to_owned),
        }));
    }

    pub(super) async fn fail(&mut self, scene: &Scene, error: &viis::Error) -> Next {
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
