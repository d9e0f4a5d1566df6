//! What is written of an IntegrationServer to the API server, when it is worth a write,
//! and what counts once it is written.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt};
use tokio::time::Instant;
use tracing::warn;

use super::census::{counts, referrers};
use super::guards;
use super::memory::Memory;
use super::orphans;
use super::report::{self, Known};
use crate::api::{ConditionType, IntegrationServer, IntegrationServerStatus, conditions, reasons};
use crate::controllers::Look;
use crate::controllers::backoff::jittered;
use crate::controllers::context::Context;
use crate::controllers::servers::Handle;
use crate::controllers::writes::{self, WriteError};
use crate::telemetry::metrics::{ErrorClass, Outcome};
use crate::telemetry::sentence;

/// A growing number of tenants is written at most this often.
const GROWTH_PAUSE: Duration = Duration::from_secs(1);
/// Other changes of the tenant counts are written at most this often.
const COUNTS_PAUSE: Duration = Duration::from_secs(10);

/// Judges, writes the status, and lets the judgement count once it is written.
pub async fn say(
    api: &Api<IntegrationServer>,
    server: &Arc<IntegrationServer>,
    context: &Context,
    memory: &mut Memory,
    handle: Option<&Arc<Handle>>,
    outclaimed: bool,
    next: Option<Duration>,
) -> Look {
    let name = server.name_any();
    let now = Timestamp::now();
    let judgement = handle.and_then(|handle| guards::judge(context, server, handle, now));
    if let (Some(handle), Some(judgement)) = (handle, &judgement)
        && handle.judge_at_once(&judgement.verdicts)
    {
        context.wake_all_of_server(&name);
    }
    let found = orphans::find(context, server, handle.map(Arc::as_ref));
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
        ca_bundle_missing: memory.ca_bundle_missing,
        referrers: deleting.then(|| referrers(context, &name)),
        orphans: &found.reported,
    };
    let before = server.status.clone().unwrap_or_default();
    let after = report::status(server, &known, now);
    let wait = counts_wait(&before, &after, memory);
    let next = next.into_iter().chain(wait).chain(found.wait).min();
    // Counts that can wait are no reason for a write, but go along with one.
    let reason = match wait {
        Some(_) => IntegrationServerStatus {
            tenants: before.tenants,
            ..after.clone()
        },
        None => after.clone(),
    };
    let same = before == reason || is_same_but_times(&before, &reason);
    if !same {
        let result = writes::status(api, server.as_ref(), &before, &after).await;
        if let Err(stop) = written(memory, result) {
            return stop;
        }
        memory.unwritten = None;
        announce(context, server, memory, &after);
    }
    orphans::announce(context, server, found);
    guards::publish(context, &name, handle, judgement, &before, &after);
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

/// How long to wait before changed tenant counts are written. The first tenants are shown
/// immediately, so that `kubectl get` never shows 0 beside a tenant that is Ready.
fn counts_wait(
    before: &IntegrationServerStatus,
    after: &IntegrationServerStatus,
    memory: &mut Memory,
) -> Option<Duration> {
    let shows_none = before.tenants.is_none_or(|counts| counts.known == 0);
    if before.tenants == after.tenants || shows_none {
        memory.unwritten = None;
        return None;
    }
    let since = *memory.unwritten.get_or_insert_with(Instant::now);
    let known = |status: &IntegrationServerStatus| status.tenants.map_or(0, |counts| counts.known);
    let pause = match known(after) > known(before) {
        true => GROWTH_PAUSE,
        false => COUNTS_PAUSE,
    };
    let left = pause.saturating_sub(since.elapsed());
    (!left.is_zero()).then_some(left)
}

fn is_same_but_times(before: &IntegrationServerStatus, after: &IntegrationServerStatus) -> bool {
    let levelled = IntegrationServerStatus {
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
    after: &IntegrationServerStatus,
) {
    let ready = conditions::find(&after.conditions, ConditionType::Ready);
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

/// Takes a write's answer.
pub fn written(
    memory: &mut Memory,
    result: Result<Option<IntegrationServer>, WriteError>,
) -> Result<(), Look> {
    match result {
        Ok(Some(server)) => {
            memory.written = server.resource_version();
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(WriteError::Conflict) => Err((Some(Duration::from_secs(1)), Outcome::Waiting)),
        Err(WriteError::Gone) => Err((None, Outcome::Settled)),
        Err(error @ (WriteError::TimedOut | WriteError::Failed(_))) => {
            let error = sentence(&error);
            warn!(%error, "an IntegrationServer could not be read or written; it is tried again");
            let pause = jittered(Duration::from_secs(5));
            Err((Some(pause), Outcome::Failed(ErrorClass::Kubernetes)))
        }
    }
}
