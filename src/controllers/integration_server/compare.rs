//! Compares the machines of a server with what VirtualMachines ask for: lists them in
//! the background and has the VirtualMachines looked at. Judges nothing itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::ResourceExt;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::api::IntegrationServer;
use crate::controllers::backoff::{jittered, share};
use crate::controllers::cluster::{Key, owned_identifier};
use crate::controllers::context::{Context, Queues};
use crate::controllers::servers::Handle;
use crate::inventory::Server;
use crate::inventory::health::Availability;
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
    // Nothing else lists the machines of a tenant that no VirtualMachine refers to.
    let orphans = context.orphans.tenants_to_list(&name);
    let orphans: Vec<TenantId> = orphans.into_iter().map(TenantId::new).collect();
    let known: HashSet<&TenantId> = tenants.iter().map(|(_, id)| id).chain(&orphans).collect();
    handle.server.machines().retain(|id| known.contains(id));
    let pace = f64::from(server.spec.limits.requests_per_second.max(1)) / 4.0;
    let picture = Arc::clone(&handle.server);
    let queues = context.queues.clone();
    let has_orphans = !orphans.is_empty();
    let others = tenants
        .iter()
        .map(|(_, id)| id.clone())
        .collect::<HashSet<_>>();
    let orphans = orphans.into_iter().filter(|id| !others.contains(id));
    let orphans: Vec<_> = orphans.map(|id| (id, Vec::new())).collect();
    let machines: Vec<(TenantId, Vec<Key>)> = tenants
        .into_iter()
        .map(|(key, id)| (id, context.cluster.machines_of_tenant(&key)))
        .chain(orphans)
        .collect();
    let handle = Arc::clone(handle);
    tokio::spawn(async move {
        let pause = Duration::from_secs_f64(1.0 / pace);
        let work = compare(Arc::clone(&picture), machines, queues.clone(), pause);
        tokio::select! {
            () = work => {}
            () = picture.closed() => {}
        }
        handle.comparing.store(false, Ordering::Release);
        if has_orphans {
            queues.servers.wake(name);
        }
    });
}

/// Lists the machines of these tenants one after the other, and has them looked at.
/// A list that fails is that tenant's own affair, unless the server is parked by it.
async fn compare(
    picture: Arc<Server>,
    tenants: Vec<(TenantId, Vec<Key>)>,
    queues: Queues,
    pause: Duration,
) {
    let since = Instant::now();
    let mut skipped = 0_usize;
    for (tenant, machines) in tenants {
        let listed = picture.machines().listed_at(&tenant);
        if listed.is_some_and(|listed| listed >= since) {
            // A machine with work to do was faster, and whoever joined it has the list.
            for machine in machines {
                queues.machines.wake(machine);
            }
            continue;
        }
        let mut wait = pause;
        let looked_at = match picture.list_machines(&tenant).await {
            Ok(()) => true,
            Err(error) => {
                debug!(%tenant, %error, "the machines of a tenant could not be compared");
                if picture.health().availability() == Availability::Down {
                    return;
                }
                match error.class() {
                    Class::NotFound => true,
                    Class::Transient { retry_after } => {
                        wait = retry_after.unwrap_or(pause).max(pause);
                        false
                    }
                    Class::Credentials | Class::Rejected => false,
                }
            }
        };
        if looked_at {
            for machine in machines {
                queues.machines.wake(machine);
            }
        } else {
            skipped += 1;
        }
        tokio::time::sleep(wait).await;
    }
    if skipped > 0 {
        warn!(
            skipped,
            "the machines of some tenants could not be compared; they are at the next resync"
        );
    }
}

#[cfg(all(test, feature = "simulator"))]
mod tests;
