//! The Tenant controller: observe → plan → apply → report.
//!
//! - `observe` gathers the facts; - [`crate::plan::tenant`] decides;
//! - `apply` carries the step out; - `report` says how it stands;
//! - `memory` is what this process knows beyond the status.

mod absence;
mod activation;
mod apply;
mod creation;
pub mod memory;
pub mod observe;
mod record;
mod refusal;
mod removal;
pub mod report;
#[cfg(all(test, feature = "simulator"))]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use kube::{Resource, ResourceExt};
use tokio::time::Instant;

use self::apply::{Next, Run};
use self::memory::Memory;
use super::cluster::{Key, key_of, requested_at};
use super::context::Context;
use crate::api::Tenant;
use crate::plan::tenant::{Password, plan};
use crate::telemetry::metrics::Outcome;

/// More steps than a tenant's whole life needs: beyond this something turns in circles.
const STEPS: usize = 24;
/// A stale view is looked at again after this time, if the watch brings nothing.
const STALE: Duration = Duration::from_secs(2);

/// Looks at one Tenant. Returns when to look again at the latest.
pub async fn reconcile(tenant: Arc<Tenant>, context: &Context) -> (Option<Duration>, Outcome) {
    let uid = tenant.uid().unwrap_or_default();
    let key = key_of(tenant.as_ref());
    let server = tenant.spec.integration_server_ref.name.clone();
    let mut memory = context.tenants.take(&uid);
    let stop = run(tenant, context, &mut memory).await;
    let now = context.cluster.tenant(&key);
    let is_there = now
        .as_ref()
        .is_some_and(|now| now.uid().as_deref() == Some(uid.as_str()));
    let moved = now.is_some_and(|now| now.spec.integration_server_ref.name != server);
    if (!is_there || moved)
        && let Some(handle) = context.servers.get(&server)
    {
        // What this look took there, nobody else will give back.
        handle.server.free_slot(&key);
        handle.server.tasks().forget_owner(&key);
        context.tenant_called(&server, &key);
    }
    if is_there {
        context.tenants.put(&uid, memory);
    }
    stop
}

async fn run(
    tenant: Arc<Tenant>,
    context: &Context,
    memory: &mut Memory,
) -> (Option<Duration>, Outcome) {
    if super::is_stale(tenant.as_ref(), memory.written.as_deref()) {
        return (Some(STALE), Outcome::Waiting);
    }
    if memory.released {
        return (None, Outcome::Settled);
    }
    if let Some(left) = memory.writes.left() {
        return (Some(left), Outcome::Waiting);
    }
    forgive(&tenant, memory);
    memory.run_started = Some(Instant::now());
    note_spec(&tenant, memory);
    refusal::recall(&tenant, memory);
    let key = key_of(tenant.as_ref());
    let mut run = Run {
        context,
        memory,
        tenant,
        password: None,
        password_version: None,
        password_state: Password::Unread,
        queued: false,
        caller_queued: false,
    };
    let mut stop = (Some(Duration::from_secs(1)), Outcome::Waiting);
    for _ in 0..STEPS {
        let server = &run.tenant.spec.integration_server_ref.name;
        if let Some(handle) = context.servers.get(server) {
            run.settle_change(&handle.server).await;
            run.settle_removal(&handle.server);
        }
        let scene = observe::observe(&run.tenant, context, run.memory, run.password_state);
        let action = plan(&scene.facts);
        tracing::debug!(?action, "planned");
        match run.apply(&scene, action).await {
            Next::Again => {}
            Next::Stop(after, outcome) => {
                stop = (after, outcome);
                break;
            }
        }
    }
    release_slot(&run, &key);
    if !run.caller_queued {
        context.tenant_called(&run.tenant.spec.integration_server_ref.name, &key);
    }
    stop
}

/// A new spec, or the annotation that asks for it, is a reason to try at once.
fn forgive(tenant: &Tenant, memory: &mut Memory) {
    let asked = &memory.failure.asked;
    let generation = tenant.meta().generation.unwrap_or_default();
    let requested_at = requested_at(tenant);
    if memory.failure.said.is_some()
        && (asked.0 != generation || asked.1.as_deref() != requested_at)
    {
        memory.failure.clear();
    }
}

/// Remembers since when this spec is known.
fn note_spec(tenant: &Tenant, memory: &mut Memory) {
    let generation = tenant.meta().generation.unwrap_or_default();
    let requested_at = requested_at(tenant);
    let known = memory
        .spec_seen
        .as_ref()
        .is_some_and(|(seen, asked, _)| *seen == generation && asked.as_deref() == requested_at);
    if !known {
        memory.repeats.reset();
        memory.vanishing_since = None;
        let requested_at = requested_at.map(str::to_owned);
        memory.spec_seen = Some((generation, requested_at, Instant::now()));
    }
}

/// A slot is kept by a running task, or by its place in the queue.
fn release_slot(run: &Run<'_>, key: &Key) {
    let server = &run.tenant.spec.integration_server_ref.name;
    let Some(handle) = run.context.servers.get(server) else {
        return;
    };
    let tasks = handle.server.tasks();
    let attempt = run
        .memory
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.task.as_ref());
    let removal = run
        .memory
        .removal
        .as_ref()
        .and_then(|removal| removal.task.as_ref());
    let change = run.memory.change.as_ref().map(|change| &change.task);
    let runs = [attempt, removal, change]
        .into_iter()
        .flatten()
        .any(|task| {
            tasks.view_of(task, key).is_some_and(|view| !view.is_over()) && !tasks.is_stuck(task)
        });
    if !runs && !run.queued && !run.caller_queued {
        handle.server.free_slot(key);
    }
}
