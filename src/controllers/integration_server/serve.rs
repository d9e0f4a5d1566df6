//! Serves one IntegrationServer: keeps its client, probes it when that is due, and has
//! its inventory compared. What a probe means is in `probe`; what is written, in `record`.

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Resource, ResourceExt};
use tokio::time::Instant;
use tracing::{info, warn};

use super::connect::{self, Connected, Missing};
use super::memory::Memory;
use super::record::{say, written};
use super::{MENDED_PAUSE, ca_bundle, compare, guards, probe};
use crate::api::{IntegrationServer, reasons};
use crate::controllers::Look;
use crate::controllers::cluster::requested_at;
use crate::controllers::context::Context;
use crate::controllers::servers::Handle;
use crate::inventory::health::Availability;
use crate::telemetry::metrics::Outcome;

/// A server that was up for less than this is not trusted to stay so.
const FLAPPING: Duration = Duration::from_secs(10);
/// A missing Secret or ConfigMap is looked for this often.
const SECRET_PAUSE: Duration = Duration::from_secs(10);

/// Serves it: client, probe, comparison, judgement, status.
pub async fn serve(
    api: &Api<IntegrationServer>,
    server: Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
) -> Look {
    let name = server.name_any();
    let asked = requested_at(server.as_ref()).map(str::to_owned);
    if memory.requested_at != asked {
        memory.requested_at = asked;
        memory.backoff.reset();
        memory.resync_at = None;
    }
    let current = context.servers.get(&name);
    let due = is_due(current.as_deref(), memory);
    let changed = server.meta().generation
        != server
            .status
            .as_ref()
            .and_then(|status| status.observed_generation);
    let started = Instant::now();
    let bundle_due = ca_bundle::due_in(memory).is_some_and(|left| left.is_zero());
    if due || changed || bundle_due || memory.secret_missing.is_some() {
        let connected = connect_to(api, &server, context, memory, current.as_deref()).await;
        if let Err(stop) = connected {
            return stop;
        }
    }
    let Some(handle) = context.servers.get(&name) else {
        return (Some(SECRET_PAUSE), Outcome::Waiting);
    };
    if is_due(Some(&handle), memory) {
        probe_and_compare(&server, context, memory, &handle).await;
        let probe = memory.probe.as_ref();
        if probe.is_some_and(|probe| probe.reason == reasons::CERTIFICATE_REJECTED) {
            ca_bundle::doubt(memory, started);
        }
    }
    let next = next_look(&handle, memory);
    say(api, &server, context, memory, Some(&handle), false, next).await
}

/// Replaces its client if the spec, the Secret or the certificates have changed.
async fn connect_to(
    api: &Api<IntegrationServer>,
    server: &Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
    current: Option<&Handle>,
) -> Result<(), Look> {
    let name = server.name_any();
    let connected = match ca_bundle::current(context, server, memory).await {
        Ok(bundle) => connect::connect(context, server, bundle.as_deref(), current).await,
        Err(missing) => Err(missing),
    };
    match connected {
        Ok(Connected::Same) => memory.secret_missing = None,
        Ok(Connected::FromMemory(lack)) => memory.secret_missing = Some(lack),
        Ok(Connected::New(handle)) => {
            memory.secret_missing = None;
            take(context, memory, &name, handle);
        }
        Ok(Connected::NewFromMemory(handle, lack)) => {
            memory.secret_missing = Some(lack);
            take(context, memory, &name, handle);
        }
        Err(Missing::Said(probe)) => {
            context.servers.remove(&name);
            let pause = match probe.reason {
                reasons::SECRET_NOT_FOUND | reasons::CA_BUNDLE_NOT_FOUND => SECRET_PAUSE,
                _ => MENDED_PAUSE,
            };
            // Nothing can be done on it: says so.
            memory.probe = Some(probe);
            return Err(say(api, server, context, memory, None, false, Some(pause)).await);
        }
        Err(Missing::ApiServer(error)) => {
            // A bundle that was read counts only once a client uses it.
            ca_bundle::was_not_applied(memory);
            written(memory, Err(error))?;
            return Err((Some(SECRET_PAUSE), Outcome::Waiting));
        }
    }
    Ok(())
}

/// Serves it through another client from now on.
fn take(context: &Context, memory: &mut Memory, name: &str, handle: Arc<Handle>) {
    memory.backoff.reset();
    memory.resync_at = None;
    context.servers.put(name, handle);
}

/// Whether a probe or a comparison is due.
fn is_due(handle: Option<&Handle>, memory: &Memory) -> bool {
    let Some(handle) = handle else {
        return true;
    };
    if memory.backoff.left().is_some() {
        return false;
    }
    handle.server.health().probe_wanted()
        || handle.server.health().availability() != Availability::Up
        || memory.resync_at.is_none_or(|at| at <= Instant::now())
}

fn next_look(handle: &Handle, memory: &Memory) -> Option<Duration> {
    let next = if handle.server.health().availability() == Availability::Up {
        let resync = memory.resync_at;
        resync.map(|at| at.saturating_duration_since(Instant::now()))
    } else {
        memory.backoff.left().or(Some(Duration::from_secs(1)))
    };
    next.into_iter().chain(ca_bundle::due_in(memory)).min()
}

/// One list of tenants tells how the server is, and what it holds.
async fn probe_and_compare(
    server: &Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
    handle: &Arc<Handle>,
) {
    let name = server.name_any();
    let before = handle.server.health().availability();
    match handle.server.list_tenants().await {
        Ok(()) => {
            handle.server.health().probed();
            guards::keep_current(context, server, handle);
            note_answer(memory, before);
            memory.probe = Some(probe::connected(handle));
            compare_if_due(server, context, memory, handle);
            if before != Availability::Up {
                context.wake_all_of_server(&name);
                info!(server = %name, "the Integration Server answers");
            }
        }
        Err(error) => {
            handle.server.health().probe_failed();
            let pause = probe::pause(&error);
            if probe::is_regular(&error) {
                memory.backoff.reset();
            }
            memory.backoff.failed(pause);
            memory.probe = Some(probe::failed(&error));
            if before != Availability::Down {
                warn!(server = %name, %error, "the Integration Server is parked");
            }
        }
    }
}

/// A server that goes and comes is not asked as fast as it does so.
fn note_answer(memory: &mut Memory, before: Availability) {
    let flaps = before != Availability::Up
        && memory
            .up_since
            .is_some_and(|since| since.elapsed() < FLAPPING);
    if flaps {
        memory.backoff.failed(None);
    } else {
        memory.backoff.reset();
    }
    if before != Availability::Up {
        memory.up_since = Some(Instant::now());
    }
}

fn compare_if_due(
    server: &IntegrationServer,
    context: &Context,
    memory: &mut Memory,
    handle: &Arc<Handle>,
) {
    if memory.resync_at.is_some_and(|at| at > Instant::now()) {
        return;
    }
    let interval: Duration = server.spec.resync_interval.into();
    let first = memory.resync_at.is_none();
    memory.resync_at = Some(Instant::now() + compare::spread(interval, first));
    compare::start(server, context, handle);
    // What the inventory shows may not be what they ask for any more.
    for tenant in context.cluster.tenants_of_server(&server.name_any()) {
        context.queues.tenants.wake(tenant);
    }
}
