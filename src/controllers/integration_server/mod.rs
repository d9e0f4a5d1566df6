//! The IntegrationServer controller: keeps a client and a picture for each,
//! probes it, compares the inventory, lets the guards judge, writes the status.
//!
//! - `serve`: what is due on one that is ours; - `connect`: spec and Secret to client;
//! - `ca_bundle`: the certificates that its spec refers to;
//! - `probe`: what one call tells of how it is; - `compare`: the machines on it;
//! - `guards`: what the guards judge; - `census`: who is counted around it;
//! - `orphans`: what deletions without the operator left on it;
//! - `report`: how it stands; - `record`: when that is written.

mod ca_bundle;
mod census;
mod compare;
mod connect;
pub(super) mod guards;
pub mod memory;
mod orphans;
mod probe;
mod record;
mod report;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Resource, ResourceExt};

use self::census::{is_outclaimed, referrers};
use self::memory::Memory;
use self::record::{say, written};
use self::serve::serve;
use super::Look;
use super::context::Context;
use super::writes;
use crate::api::IntegrationServer;
use crate::telemetry::metrics::Outcome;

/// Refused credentials, and what a person has to mend, are looked at this often.
const MENDED_PAUSE: Duration = Duration::from_secs(60);

/// Looks at one IntegrationServer. Returns when to look again at the latest.
pub async fn reconcile(server: Arc<IntegrationServer>, context: &Context) -> Look {
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

async fn run(server: Arc<IntegrationServer>, context: &Context, memory: &mut Memory) -> Look {
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
        context.orphans.forget_server(&name);
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
) -> Look {
    // The watch brings our own write, and with it the next look.
    let pause = Some(Duration::from_secs(5));
    say(api, server, context, memory, None, false, pause).await
}
