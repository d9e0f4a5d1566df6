//! Compares the machines of a server with what VirtualMachines ask for: lists them in
//! the background and has the VirtualMachines looked at. Judges nothing itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::ResourceExt;
use tracing::debug;

use crate::api::IntegrationServer;
use crate::controllers::backoff::{jittered, share};
use crate::controllers::cluster::{Key, owned_identifier};
use crate::controllers::context::{Context, Queues};
use crate::controllers::servers::Handle;
use crate::inventory::Server;
use crate::viis::{Class, TenantId};

/// When the next comparison is due: the first one anywhere in the interval, so
/// that servers which were started together are not compared together.
pub fn spread(interval: Duration, first: bool) -> Duration {
    if first {
        share(interval)
    } else {
        jittered(interval)
    }
}

/// Compares the machines of every tenant that VirtualMachines refer to, in the
/// background and at a quarter of the allowed pace.
pub fn start(server: &IntegrationServer, context: &Context, handle: &Arc<Handle>) {
    if handle.comparing.swap(true, Ordering::AcqRel) {
        // The last one still runs: the interval stretches.
        return;
    }
    let name = server.name_any();
    let mut tenants: Vec<(Key, TenantId)> = Vec::new();
    for key in context.cluster.tenants_of_server(&name) {
        let Some(tenant) = context.cluster.tenant(&key) else {
            continue;
        };
        let id = owned_identifier(&tenant);
        if let Some(id) = id.filter(|_| !context.cluster.machines_of_tenant(&key).is_empty()) {
            tenants.push((key, id));
        }
    }
    let known: HashSet<&TenantId> = tenants.iter().map(|(_, id)| id).collect();
    handle.server.machines().retain(|id| known.contains(id));
    let pace = f64::from(server.spec.limits.requests_per_second.max(1)) / 4.0;
    let picture = Arc::clone(&handle.server);
    let queues = context.queues.clone();
    let machines: Vec<(TenantId, Vec<Key>)> = tenants
        .into_iter()
        .map(|(key, id)| (id, context.cluster.machines_of_tenant(&key)))
        .collect();
    let handle = Arc::clone(handle);
    tokio::spawn(async move {
        let pause = Duration::from_secs_f64(1.0 / pace);
        let work = compare(Arc::clone(&picture), machines, queues, pause);
        tokio::select! {
            () = work => {}
            () = picture.closed() => {}
        }
        handle.comparing.store(false, Ordering::Release);
    });
}

/// Lists the machines of these tenants one after the other, and has them looked at.
async fn compare(
    picture: Arc<Server>,
    tenants: Vec<(TenantId, Vec<Key>)>,
    queues: Queues,
    pause: Duration,
) {
    for (tenant, machines) in tenants {
        if let Err(error) = picture.list_machines(&tenant).await {
            debug!(%error, "the machines of a tenant could not be compared");
            if !matches!(error.class(), Class::NotFound) {
                return;
            }
        }
        for machine in machines {
            queues.machines.wake(machine);
        }
        tokio::time::sleep(pause).await;
    }
}
