//! The IntegrationServer controller: keeps a client and a picture for each,
//! probes it, compares the inventory, lets the guards judge, writes the status.
//!
//! - `connect`: spec and Secret to client; - `probe`: one call that tells how it is;
//! - `guards`: what the guards judge; - `report`: how it stands.

mod connect;
pub(super) mod guards;
pub mod memory;
mod probe;
mod report;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt};
use tokio::time::Instant;
use tracing::{info, warn};

use self::connect::{Connected, Missing};
use self::memory::{Memory, Probe};
use self::report::Known;
use super::cluster::{created_at, requested_at};
use super::context::Context;
use super::servers::Handle;
use super::writes::{self, WriteError};
use crate::api::{IntegrationServer, TenantCounts, conditions, reasons};
use crate::inventory::health::Availability;
use crate::telemetry::metrics::{ErrorClass, Outcome};
use crate::viis::{Endpoint, TenantId};

/// Counts alone are written at most this often.
const COUNTS_PAUSE: Duration = Duration::from_secs(10);
/// Refused credentials, and what a person has to mend, are looked at this often.
const MENDED_PAUSE: Duration = Duration::from_secs(60);
/// A server that was up for less than this is not trusted to stay so.
const FLAPPING: Duration = Duration::from_secs(10);
/// A missing Secret is looked for this often.
const SECRET_PAUSE: Duration = Duration::from_secs(10);

/// Looks at one IntegrationServer. Returns when to look again at the latest.
pub async fn reconcile(
    server: Arc<IntegrationServer>,
    context: &Context,
) -> (Option<Duration>, Outcome) {
    let uid = server.uid().unwrap_or_default();
    let mut memory = context.integration_servers.take(&uid);
    let name = server.name_any();
    let stop = run(server, context, &mut memory).await;
    let now = context.cluster.server(&name);
    if now.is_some_and(|now| now.uid().as_deref() == Some(uid.as_str())) {
        context.integration_servers.put(&uid, memory);
    }
    stop
}

async fn run(
    server: Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
) -> (Option<Duration>, Outcome) {
    let name = server.name_any();
    if super::is_stale(server.as_ref(), memory.written.as_deref()) {
        return (Some(Duration::from_secs(2)), Outcome::Waiting);
    }
    let operator = server
        .status
        .as_ref()
        .and_then(|status| status.operator.as_deref());
    if operator.is_some_and(|operator| operator != context.installation()) {
        context.servers.remove(&name);
        return (None, Outcome::Settled);
    }
    let api: Api<IntegrationServer> = Api::all(context.client.clone());
    if server.meta().deletion_timestamp.is_some() {
        if !writes::has_finalizer(server.as_ref()) {
            context.servers.remove(&name);
            return (None, Outcome::Settled);
        }
        if referrers(context, &name) == 0 {
            let released = writes::remove_finalizer(&api, server.as_ref()).await;
            return match written(memory, released.map(Some)) {
                Ok(_) => {
                    context.servers.remove(&name);
                    (None, Outcome::Settled)
                }
                Err(stop) => stop,
            };
        }
    } else if !writes::has_finalizer(server.as_ref()) {
        let added = writes::add_finalizer(&api, server.as_ref()).await;
        return match written(memory, added.map(Some)) {
            Ok(_) => (Some(Duration::ZERO), Outcome::Waiting),
            Err(stop) => stop,
        };
    }
    if operator.is_none() {
        // Of two installations the first to write its name serves it.
        return claim(&api, &server, context, memory).await;
    }
    if is_outclaimed(context, &server) {
        context.servers.remove(&name);
        return say(
            &api,
            &server,
            context,
            memory,
            None,
            true,
            Some(MENDED_PAUSE),
        )
        .await;
    }
    serve(&api, server, context, memory).await
}

async fn claim(
    api: &Api<IntegrationServer>,
    server: &Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
) -> (Option<Duration>, Outcome) {
    // The watch brings our own write, and with it the next look.
    let pause = Some(Duration::from_secs(5));
    say(api, server, context, memory, None, false, pause).await
}

/// Serves it: client, probe, comparison, judgement, status.
async fn serve(
    api: &Api<IntegrationServer>,
    server: Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
) -> (Option<Duration>, Outcome) {
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
    if due || changed || memory.secret_missing {
        match connect::connect(context, &server, current.as_deref()).await {
            Ok(Connected::Same) => memory.secret_missing = false,
            Ok(Connected::FromMemory) => memory.secret_missing = true,
            Ok(Connected::New(handle)) => {
                memory.secret_missing = false;
                memory.backoff.reset();
                memory.resync_at = None;
                context.servers.put(&name, handle);
            }
            Err(Missing::Said(probe)) => {
                context.servers.remove(&name);
                let pause = if probe.reason == reasons::SECRET_NOT_FOUND {
                    SECRET_PAUSE
                } else {
                    MENDED_PAUSE
                };
                return unserved(api, &server, context, memory, probe, pause).await;
            }
            Err(Missing::ApiServer(error)) => {
                return match written(memory, Err(error)) {
                    Ok(()) => (Some(SECRET_PAUSE), Outcome::Waiting),
                    Err(stop) => stop,
                };
            }
        }
    }
    let Some(handle) = context.servers.get(&name) else {
        return (Some(SECRET_PAUSE), Outcome::Waiting);
    };
    if is_due(Some(&handle), memory) {
        probe_and_compare(&server, context, memory, &handle).await;
    }
    let next = next_look(&handle, memory);
    say(api, &server, context, memory, Some(&handle), false, next).await
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
    if handle.server.health().availability() != Availability::Up {
        return memory.backoff.left().or(Some(Duration::from_secs(1)));
    }
    memory
        .resync_at
        .map(|at| at.saturating_duration_since(Instant::now()))
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
            // A server that goes and comes is not asked as fast as it does so.
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
            memory.probe = Some(probe::connected(handle));
            if memory.resync_at.is_none_or(|at| at <= Instant::now()) {
                let interval: Duration = server.spec.resync_interval.into();
                let first = memory.resync_at.is_none();
                memory.resync_at = Some(Instant::now() + probe::spread(interval, first));
                compare_machines(server, context, handle);
                // What the inventory shows may not be what they ask for any more.
                for tenant in context.cluster.tenants_of_server(&name) {
                    context.queues.tenants.wake(tenant);
                }
            }
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

/// Compares the machines of every tenant that VirtualMachines refer to, in the
/// background and at a quarter of the allowed pace.
fn compare_machines(server: &IntegrationServer, context: &Context, handle: &Arc<Handle>) {
    if handle.comparing.swap(true, Ordering::AcqRel) {
        // The last one still runs: the interval stretches.
        return;
    }
    let name = server.name_any();
    let mut tenants: Vec<(super::cluster::Key, TenantId)> = Vec::new();
    for key in context.cluster.tenants_of_server(&name) {
        let Some(tenant) = context.cluster.tenant(&key) else {
            continue;
        };
        let id = super::cluster::owned_identifier(&tenant);
        if let Some(id) = id.filter(|_| !context.cluster.machines_of_tenant(&key).is_empty()) {
            tenants.push((key, id));
        }
    }
    let known: HashSet<&TenantId> = tenants.iter().map(|(_, id)| id).collect();
    handle.server.machines().retain(|id| known.contains(id));
    let pace = f64::from(server.spec.limits.requests_per_second.max(1)) / 4.0;
    let picture = Arc::clone(&handle.server);
    let queues = context.queues.clone();
    let machines: Vec<(TenantId, Vec<super::cluster::Key>)> = tenants
        .into_iter()
        .map(|(key, id)| (id, context.cluster.machines_of_tenant(&key)))
        .collect();
    let handle = Arc::clone(handle);
    tokio::spawn(async move {
        let pause = Duration::from_secs_f64(1.0 / pace);
        let work = probe::compare(Arc::clone(&picture), machines, queues, pause);
        tokio::select! {
            () = work => {}
            () = picture.closed() => {}
        }
        handle.comparing.store(false, Ordering::Release);
    });
}

/// Nothing can be done on it: says so.
async fn unserved(
    api: &Api<IntegrationServer>,
    server: &Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
    probe: Probe,
    pause: Duration,
) -> (Option<Duration>, Outcome) {
    memory.probe = Some(probe);
    say(api, server, context, memory, None, false, Some(pause)).await
}

/// Judges, writes the status, and lets the judgement count once it is written.
async fn say(
    api: &Api<IntegrationServer>,
    server: &Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
    handle: Option<&Arc<Handle>>,
    outclaimed: bool,
    next: Option<Duration>,
) -> (Option<Duration>, Outcome) {
    let name = server.name_any();
    let now = Timestamp::now();
    let judgement = handle.and_then(|handle| guards::judge(context, server, handle, now));
    if let (Some(handle), Some(judgement)) = (handle, &judgement)
        && handle.judge_at_once(&judgement.verdicts)
    {
        context.wake_all_of_server(&name);
    }
    let deleting = server.meta().deletion_timestamp.is_some();
    let installation = context.installation();
    let known = Known {
        operator: &installation,
        probe: memory.probe.as_ref(),
        judgement: judgement.as_ref(),
        endpoint: handle.map(|handle| handle.endpoint.to_string()),
        tenants: handle.and_then(|handle| counts(context, &name, handle)),
        outclaimed,
        secret_missing: memory.secret_missing,
        referrers: deleting.then(|| referrers(context, &name)),
    };
    let before = server.status.clone().unwrap_or_default();
    let mut after = report::status(server, &known, now);
    let mut next = next;
    if let Some(wait) = counts_wait(&before, &after, memory) {
        after.tenants.clone_from(&before.tenants);
        next = Some(next.map_or(wait, |next| next.min(wait)));
    }
    let same = before == after || is_same_but_times(&before, &after);
    if !same {
        let result = writes::status(api, server.as_ref(), &before, &after).await;
        if let Err(stop) = written(memory, result) {
            return stop;
        }
        memory.unwritten = None;
        announce(context, server, memory, &after);
    }
    publish(context, &name, handle, judgement, &before, &after);
    let healthy = memory.probe.as_ref().is_some_and(|probe| probe.reachable);
    (
        next,
        if healthy {
            Outcome::Settled
        } else {
            Outcome::Waiting
        },
    )
}

/// Counts alone are not worth a write each: how long to wait for one, if so.
fn counts_wait(
    before: &crate::api::IntegrationServerStatus,
    after: &crate::api::IntegrationServerStatus,
    memory: &mut Memory,
) -> Option<Duration> {
    if before.tenants == after.tenants || before.tenants.is_none() {
        memory.unwritten = None;
        return None;
    }
    let since = *memory.unwritten.get_or_insert_with(Instant::now);
    let left = COUNTS_PAUSE.saturating_sub(since.elapsed());
    (!left.is_zero()).then_some(left)
}

fn is_same_but_times(
    before: &crate::api::IntegrationServerStatus,
    after: &crate::api::IntegrationServerStatus,
) -> bool {
    let levelled = crate::api::IntegrationServerStatus {
        conditions: before.conditions.clone(),
        ..after.clone()
    };
    *before == levelled && conditions::same(&before.conditions, &after.conditions)
}

/// Says a change of readiness as an event, once.
fn announce(
    context: &Context,
    server: &Arc<IntegrationServer>,
    memory: &mut Memory,
    after: &crate::api::IntegrationServerStatus,
) {
    let ready = conditions::find(&after.conditions, crate::api::ConditionType::Ready);
    let Some(ready) = ready.filter(|ready| memory.said.as_deref() != Some(&ready.reason)) else {
        return;
    };
    memory.said = Some(ready.reason.clone());
    if ready.status == "True" {
        context
            .events
            .normal(server.as_ref(), &ready.reason, &ready.message);
    } else if ready.reason != reasons::PROGRESSING {
        context
            .events
            .warning(server.as_ref(), &ready.reason, &ready.message);
    }
}

/// Lets the judgement count, and wakes whom it concerns.
fn publish(
    context: &Context,
    name: &str,
    handle: Option<&Arc<Handle>>,
    judgement: Option<guards::Judgement>,
    before: &crate::api::IntegrationServerStatus,
    after: &crate::api::IntegrationServerStatus,
) {
    let mut concerned = BTreeSet::new();
    let mut intact_changed = false;
    if let (Some(handle), Some(judgement)) = (handle, judgement) {
        let old = handle.verdicts();
        let new = judgement.verdicts;
        intact_changed = old.intact != new.intact;
        for (old, new) in [
            (&old.admitted, &new.admitted),
            (&old.held, &new.held),
            (&old.written_off, &new.written_off),
        ] {
            concerned.extend(old.symmetric_difference(new).cloned());
        }
        if old.token != new.token {
            concerned.extend(new.held.iter().cloned());
        }
        handle.judge(new);
    }
    let ready = |status: &crate::api::IntegrationServerStatus| {
        conditions::find(&status.conditions, crate::api::ConditionType::Ready)
            .map(|ready| (ready.status.clone(), ready.reason.clone()))
    };
    if intact_changed || ready(before) != ready(after) {
        context.wake_all_of_server(name);
        return;
    }
    if concerned.is_empty() {
        return;
    }
    for key in context.cluster.tenants_of_server(name) {
        let tenant = context.cluster.tenant(&key);
        if tenant
            .and_then(|tenant| tenant.uid())
            .is_some_and(|uid| concerned.contains(&uid))
        {
            context.wake_machines_of(&key);
            context.queues.tenants.wake(key);
        }
    }
}

fn counts(context: &Context, name: &str, handle: &Handle) -> Option<TenantCounts> {
    handle.server.tenants().listed_at()?;
    let (known, active, ids) = handle.server.tenants().census();
    let unclaimed = ids
        .iter()
        .filter(|id| context.cluster.tenants_with_id(name, id).is_empty())
        .count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(TenantCounts {
        known: number(known),
        active: number(active),
        unclaimed: number(unclaimed),
    })
}

/// How many Tenants and VirtualMachines with our finalizer refer to it.
fn referrers(context: &Context, name: &str) -> usize {
    let tenants = context.cluster.tenants_of_server(name);
    let mut machines: std::collections::BTreeSet<_> = context
        .cluster
        .machines_of_server(name)
        .into_iter()
        .collect();
    for tenant in &tenants {
        machines.extend(context.cluster.machines_of_tenant(tenant));
    }
    let tenants = tenants.iter().filter_map(|key| context.cluster.tenant(key));
    let machines = machines
        .iter()
        .filter_map(|key| context.cluster.machine(key));
    tenants
        .filter(|tenant| writes::has_finalizer(tenant.as_ref()))
        .count()
        + machines
            .filter(|machine| writes::has_finalizer(machine.as_ref()))
            .count()
}

/// An older IntegrationServer has this address and port.
fn is_outclaimed(context: &Context, server: &IntegrationServer) -> bool {
    let endpoint = |server: &IntegrationServer| {
        let address = server.spec.address.to_ascii_lowercase();
        Endpoint {
            address,
            port: server.spec.port,
        }
    };
    let age = |server: &IntegrationServer| (created_at(server), server.uid());
    let own = endpoint(server);
    context
        .cluster
        .servers()
        .iter()
        .any(|other| endpoint(other) == own && age(other) < age(server))
}

/// Takes a write's answer.
fn written(
    memory: &mut Memory,
    result: Result<Option<IntegrationServer>, WriteError>,
) -> Result<(), (Option<Duration>, Outcome)> {
    match result {
        Ok(Some(server)) => {
            memory.written = server.resource_version();
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(WriteError::Conflict) => Err((Some(Duration::from_secs(1)), Outcome::Waiting)),
        Err(WriteError::Gone) => Err((None, Outcome::Settled)),
        Err(error @ (WriteError::TimedOut | WriteError::Failed(_))) => {
            warn!(%error, "an IntegrationServer could not be read or written; it is tried again");
            let pause = super::backoff::jittered(Duration::from_secs(5));
            Err((Some(pause), Outcome::Failed(ErrorClass::Kubernetes)))
        }
    }
}
