//! Who is counted around an IntegrationServer: the tenants it has, those who refer to
//! it, and an older one with the same address. Reads what is watched and listed.

use std::collections::BTreeSet;

use kube::ResourceExt;

use crate::api::{IntegrationServer, TenantCounts};
use crate::controllers::cluster::created_at;
use crate::controllers::context::Context;
use crate::controllers::servers::Handle;
use crate::controllers::writes;
use crate::viis::Endpoint;

/// What the server has; None without a list.
pub fn counts(context: &Context, name: &str, handle: &Handle) -> Option<TenantCounts> {
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
pub fn referrers(context: &Context, name: &str) -> usize {
    let tenants = context.cluster.tenants_of_server(name);
    let mut machines: BTreeSet<_> = context
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
pub fn is_outclaimed(context: &Context, server: &IntegrationServer) -> bool {
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
