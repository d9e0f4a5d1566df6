//! The IntegrationServer as far as a Tenant is concerned: whether it can be worked on,
//! what it permits, and who of several Tenants has a name on it.

use std::sync::Arc;

use kube::Resource;

use super::Around;
use super::identity::is_ours;
use crate::api::{AdoptionPolicy, IntegrationServer, Tenant};
use crate::controllers::cluster::{created_at, own_status, owned_identifier, recorded_name};
use crate::controllers::context::Context;
use crate::controllers::servers::Handle;
use crate::controllers::writes::is_released;
use crate::plan::Reach;
use crate::plan::claims::{Claimant, holder};
use crate::plan::tenant::{Admission, Server};

/// What of the server decides.
pub fn facts(around: &Around<'_>) -> Server {
    let Some(server) = around.server else {
        return Server {
            reach: Reach::Missing,
            permitted: true,
            leaving: false,
            adopts_by_id: false,
            adopts_identical: false,
        };
    };
    let policy = server.spec.adoption_policy;
    Server {
        reach: reach_of_tenant(around, server),
        permitted: around
            .context
            .cluster
            .permits(server, &around.key.namespace)
            .unwrap_or(false),
        leaving: server.meta().deletion_timestamp.is_some(),
        adopts_by_id: policy != AdoptionPolicy::Never,
        adopts_identical: policy == AdoptionPolicy::IfIdentical,
    }
}

/// As [`reach`], and no further where a deletion was decided on another address: what
/// this one does not have proves nothing.
fn reach_of_tenant(around: &Around<'_>, server: &IntegrationServer) -> Reach {
    match reach(around.context, server, around.handle) {
        Reach::Ready if is_decided_elsewhere(around) && !has_moved_along(around) => Reach::Guarded,
        reach => reach,
    }
}

/// Whether a deletion was decided on another address than the one that is served.
pub fn is_decided_elsewhere(around: &Around<'_>) -> bool {
    let decided = around.status.removal.as_ref();
    let decided_at = decided.and_then(|removal| removal.server.as_deref());
    let here = around.endpoint();
    decided_at.is_some() && here.is_some() && decided_at != here.as_deref()
}

/// Whether a deletion was decided on another address, and the server with all that it
/// holds has moved here: an intact inventory shows our tenant under our identifier.
pub fn has_moved_along(around: &Around<'_>) -> bool {
    let (Some(id), Some(handle)) = (&around.id, around.handle) else {
        return false;
    };
    let entry = handle.server.tenants().by_id(id);
    is_decided_elsewhere(around)
        && handle.reach() == Reach::Ready
        && entry.is_some_and(|entry| is_ours(around.tenant, &entry))
}

/// Whether an existing IntegrationServer can be worked on.
pub fn reach(context: &Context, server: &IntegrationServer, handle: Option<&Handle>) -> Reach {
    let operator = server
        .status
        .as_ref()
        .and_then(|status| status.operator.as_deref());
    if operator.is_some_and(|operator| operator != context.installation()) {
        return Reach::Foreign;
    }
    handle.map_or(Reach::NotReady, Handle::reach)
}

/// Whether the guard lets the destruction through.
pub fn admission(around: &Around<'_>) -> Admission {
    match around.handle {
        Some(handle) if handle.admits(around.uid()) => Admission::Granted,
        Some(handle) if handle.holds(around.uid()).is_some() => Admission::Held,
        Some(_) | None => Admission::Pending,
    }
}

/// Whether another Tenant has the name, or one like it: a server may store both alike.
pub fn is_outclaimed(around: &Around<'_>) -> bool {
    let (context, tenant) = (around.context, around.tenant);
    let server_name = &tenant.spec.integration_server_ref.name;
    let rivals = context
        .cluster
        .tenants_named(server_name, tenant.server_name());
    if rivals.len() < 2 {
        return false;
    }
    let rivals: Vec<Arc<Tenant>> = rivals
        .iter()
        .filter_map(|rival| context.cluster.tenant(rival))
        .filter(|rival| !is_released(rival.as_ref()) && !stands_beside(around, rival))
        .collect();
    let claimants: Vec<Claimant<'_>> = rivals
        .iter()
        .map(|rival| {
            let status = own_status(rival);
            Claimant {
                uid: rival.meta().uid.as_deref().unwrap_or_default(),
                holds: status.tenant_id.is_some() || status.creation.is_some(),
                permitted: around.server.is_none_or(|server| {
                    let namespace = rival.meta().namespace.as_deref().unwrap_or_default();
                    context.cluster.permits(server, namespace).unwrap_or(false)
                }),
                created: created_at(rival.as_ref()),
            }
        })
        .collect();
    holder(&claimants).is_some_and(|holder| holder != around.uid())
}

/// Both have a tenant on the server already, under different names: neither is the other's.
fn stands_beside(around: &Around<'_>, rival: &Tenant) -> bool {
    let name = |tenant: &'_ Tenant| {
        let name = recorded_name(tenant).unwrap_or(tenant.server_name());
        name.to_owned()
    };
    let ids = owned_identifier(around.tenant).zip(owned_identifier(rival));
    name(around.tenant) != name(rival) && ids.is_some_and(|(ours, theirs)| ours != theirs)
}
