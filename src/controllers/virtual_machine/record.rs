//! What is written of a VirtualMachine to the API server: finalizer, status, and what
//! came of the write. Knows no Integration Server.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, ResourceExt};
use tracing::{debug, warn};

use super::apply::{Next, Run};
use super::observe::Scene;
use super::report;
use super::whereabouts::Place;
use crate::api::{REGISTERED_WITH_ANNOTATION, VirtualMachine, VirtualMachineStatus, conditions};
use crate::controllers::line::Line;
use crate::controllers::writes::{self, WriteError};
use crate::plan::virtual_machine::Release;
use crate::telemetry::metrics::{ErrorClass, Outcome};
use crate::telemetry::sentence;

/// Nobody before this process has noted where the machine is registered, or sent anything.
pub(super) fn noted_first(scene: &Scene) {
    if let Some(handle) = &scene.handle {
        handle.server.machines().noted_first(scene.bios_id);
    }
}

impl Run<'_> {
    /// The finalizer, and with the same write what it will be registered with: should
    /// the operator stop in between, and the Tenant go, this is all that is known.
    pub(super) async fn add_finalizer(&mut self, scene: &Scene) -> Next {
        let mut note = serde_json::json!({});
        // A finalizer that was lost is restored with the place that the status records.
        let place = Place::recorded(&self.machine).or_else(|| scene.place());
        if let Some(place) = &place {
            note[REGISTERED_WITH_ANNOTATION] = place.note().into();
        }
        let api = self.api(scene);
        let known = Place::noted(&self.machine);
        let written = writes::add_finalizer_noting(&api, self.machine.as_ref(), &note).await;
        let next = self.written(written.map(Some));
        let new = !scene.facts.owns && place.is_some_and(|place| known != Some(place));
        if matches!(next, Next::Again) && new {
            noted_first(scene);
        }
        next
    }

    pub(super) fn api(&self, scene: &Scene) -> Api<VirtualMachine> {
        self.context.api(&scene.key)
    }

    pub(super) fn written(&mut self, written: Result<Option<VirtualMachine>, WriteError>) -> Next {
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
                let error = sentence(&error);
                warn!(%error, "a VirtualMachine could not be read or written; it is tried again");
                let left = self.memory.writes.failed(None);
                Next::Stop(Some(left), Outcome::Failed(ErrorClass::Kubernetes))
            }
        }
    }

    /// Says a line on the conditions, if it is new.
    pub(super) async fn say(&mut self, scene: &Scene, line: &Line) -> Result<(), Next> {
        let before = self.machine.status.clone().unwrap_or_default();
        let after = report::status(scene, line, Timestamp::now());
        let levelled = VirtualMachineStatus {
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

    pub(super) async fn release(&mut self, scene: &Scene, release: Release) -> Next {
        debug!(?release, "the finalizer goes");
        let foreign = writes::foreign_finalizers(self.machine.as_ref());
        if !foreign.is_empty() {
            let outcome = match release {
                Release::Retained => "The machine stays registered.",
                Release::NotOurs => "Nothing of this machine is registered.",
                Release::Unregistered => "The machine is unregistered.",
                Release::TenantGone => "The machine's tenant is gone from the server.",
            };
            let line = Line::released(outcome, &foreign);
            if let Err(next) = self.say(scene, &line).await {
                return next;
            }
        }
        self.context.orphans.releases(self.machine.as_ref());
        let written = writes::remove_finalizer(&self.api(scene), self.machine.as_ref()).await;
        match self.written(written.map(Some)) {
            Next::Again => {
                // The answer carries the old resourceVersion: what is watched looks current.
                self.memory.released = true;
                match release {
                    Release::Retained => {}
                    Release::NotOurs | Release::Unregistered | Release::TenantGone => {
                        self.warn_of(scene, scene.unproved.as_ref());
                    }
                }
                Next::Stop(None, Outcome::Settled)
            }
            stop @ Next::Stop(..) => stop,
        }
    }
}
