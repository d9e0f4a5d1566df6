//! Compares the orphans of one server with its inventory, reports them in the status, and
//! announces new ones. What becomes of each is decided in [`crate::plan::orphans`].

use std::time::Duration;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tracing::{info, warn};

use crate::api::orphans::LISTED;
use crate::api::{
    ConditionType, IntegrationServer, IntegrationServerStatus, Orphan, OrphanKind, conditions,
    reasons,
};
use crate::controllers::cluster::{is_registered, own_machine_status, own_status};
use crate::controllers::context::Context;
use crate::controllers::orphans::{ARRIVES_WITHIN, Left};
use crate::controllers::servers::Handle;
use crate::controllers::tenant::observe::{WAIT_LIMIT, retains};
use crate::controllers::writes::is_released;
use crate::inventory::machines;
use crate::plan::Reach;
use crate::plan::orphans::{Evidence, Fate, Sighting, fate};
use crate::telemetry::metrics::Kind;
use crate::viis::{BiosId, TenantId};

/// How many orphans a message names.
const NAMED: usize = 3;
/// What a user does about an orphan.
const ADVICE: &str = "Delete it there, or adopt it: a tenant with a Tenant whose \
                      existingTenantID identifies it, a virtual machine with a VirtualMachine \
                      that has its BIOS ID.";

/// The orphans of a server.
#[derive(Default)]
pub struct Found {
    /// All that are reported, in order.
    pub reported: Vec<Orphan>,
    /// Those of them that were not announced yet.
    fresh: Vec<(Orphan, Left)>,
    /// When a suspicion is to be evaluated again.
    pub wait: Option<Duration>,
}

/// Compares what is known of orphans with the inventory.
pub fn find(context: &Context, server: &IntegrationServer, handle: Option<&Handle>) -> Found {
    let name = server.name_any();
    if let Some(status) = &server.status {
        context.orphans.recall(&name, &status.orphans);
    }
    let mut found = Found::default();
    for (orphan, left) in context.orphans.of_server(&name) {
        let other = left.server_uid.is_some() && left.server_uid != server.uid();
        let evidence = Evidence {
            certainty: left.certainty,
            adopted: is_adopted(context, &name, &orphan),
            going: is_going(context, &name, &orphan),
            waited: left.at.elapsed() >= ARRIVES_WITHIN,
            sighting: sighting(handle, &orphan, &left),
        };
        match fate(evidence) {
            Fate::Over => {
                info!(server = %name, %orphan, ?evidence, "this is no orphan, or no longer one");
                context.orphans.forget(&name, &orphan);
            }
            // It was on a server that had this one's name before.
            Fate::Open | Fate::Reported if other => context.orphans.forget(&name, &orphan),
            Fate::Open if !evidence.waited => {
                let wait = ARRIVES_WITHIN.saturating_sub(left.at.elapsed());
                found.wait = Some(found.wait.map_or(wait, |before| before.min(wait)));
            }
            Fate::Open => {}
            Fate::Reported => {
                if !left.reported {
                    found.fresh.push((orphan.clone(), left));
                }
                found.reported.push(orphan);
            }
        }
    }
    found
}

/// What the inventory shows. Only an intact one proves anything, and only a list from after
/// everything that was on its way.
fn sighting(handle: Option<&Handle>, orphan: &Orphan, left: &Left) -> Sighting {
    let Some(handle) = handle.filter(|handle| handle.reach() == Reach::Ready) else {
        return Sighting::Unreadable;
    };
    let tenants = handle.server.tenants();
    let settled = left.at + ARRIVES_WITHIN;
    let Some(id) = orphan.tenant_id.as_deref().map(TenantId::new) else {
        // A creation that was in flight: its tenant is known by its name only.
        let name = orphan.name_on_server.as_deref().unwrap_or(&orphan.name);
        let listed = tenants.listed_at();
        // The server may store the name in another form.
        return match tenants.alike(name).is_empty() {
            false if listed >= Some(settled) => Sighting::Present,
            true if listed >= Some(left.at + WAIT_LIMIT) => Sighting::Absent,
            false | true => Sighting::Unlisted,
        };
    };
    // Each list without it is counted, so this is asked after each.
    let missing = tenants.by_id(&id).is_none() && tenants.missing_twice(&id);
    if missing || tenants.is_gone(&id) {
        return Sighting::Absent;
    }
    match orphan.kind {
        OrphanKind::Tenant => match tenants.by_id(&id) {
            Some(_) if tenants.listed_at() >= Some(settled) => Sighting::Present,
            Some(_) | None => Sighting::Unlisted,
        },
        OrphanKind::VirtualMachine => {
            let machines = handle.server.machines();
            let bios_id = orphan.bios_id.as_deref().map(str::parse::<BiosId>);
            let Some(Ok(bios_id)) = bios_id.filter(|_| machines.listed_at(&id) >= Some(settled))
            else {
                return Sighting::Unlisted;
            };
            match machines.sighting(&id, bios_id) {
                machines::Sighting::Unlisted => Sighting::Unlisted,
                machines::Sighting::Absent => Sighting::Absent,
                machines::Sighting::Present(_) => Sighting::Present,
            }
        }
    }
}

/// Whether another resource owns it now.
fn is_adopted(context: &Context, server: &str, orphan: &Orphan) -> bool {
    let cluster = &context.cluster;
    match orphan.kind {
        OrphanKind::Tenant => {
            let ids = match orphan.tenant_id.as_deref() {
                Some(id) => vec![TenantId::new(id)],
                None => alike_ids(context, server, orphan),
            };
            let mut owners = ids
                .iter()
                .flat_map(|id| cluster.tenants_with_id(server, id))
                .filter_map(|key| cluster.tenant(&key));
            owners.any(|tenant| !is_released(tenant.as_ref()))
        }
        OrphanKind::VirtualMachine => {
            let bios_id = orphan.bios_id.as_deref().map(str::parse::<BiosId>);
            let Some(Ok(bios_id)) = bios_id else {
                return false;
            };
            let owners = cluster.machines_with_bios_id(bios_id);
            let mut owners = owners.iter().filter_map(|key| cluster.machine(key));
            owners.any(|machine| {
                let status = own_machine_status(&machine);
                !is_released(machine.as_ref())
                    && is_registered(&machine)
                    && status.and_then(|status| status.integration_server.as_deref())
                        == Some(server)
            })
        }
    }
}

/// The tenants whose names are like that of a creation that was in flight.
fn alike_ids(context: &Context, server: &str, orphan: &Orphan) -> Vec<TenantId> {
    let handle = context.servers.get(server);
    let name = orphan.name_on_server.as_deref();
    let alike = handle
        .zip(name)
        .map(|(handle, name)| handle.server.tenants().alike(name));
    let alike = alike.unwrap_or_default().into_iter();
    alike.map(|(id, _)| id).collect()
}

/// Whether it is a machine that goes with its tenant, whose deletion is under way.
fn is_going(context: &Context, server: &str, orphan: &Orphan) -> bool {
    let (OrphanKind::VirtualMachine, Some(id)) = (orphan.kind, orphan.tenant_id.as_deref()) else {
        return false;
    };
    let owners = context.cluster.tenants_with_id(server, &TenantId::new(id));
    let mut owners = owners.iter().filter_map(|key| context.cluster.tenant(key));
    owners.any(|tenant| {
        let deleting = tenant.meta().deletion_timestamp.is_some();
        deleting && !is_released(tenant.as_ref()) && !retains(&tenant, &own_status(&tenant))
    })
}

/// Puts the orphans into a status. Without any, it says nothing of orphans.
pub fn put(
    status: &mut IntegrationServerStatus,
    orphans: &[Orphan],
    generation: i64,
    now: Timestamp,
) {
    status.orphans = orphans.iter().take(LISTED).cloned().collect();
    let unlisted = u32::try_from(orphans.len().saturating_sub(LISTED)).unwrap_or(u32::MAX);
    status.unlisted_orphans = (unlisted > 0).then_some(unlisted);
    let kind = ConditionType::OrphansFound;
    if orphans.is_empty() {
        conditions::remove(&mut status.conditions, kind);
        return;
    }
    let message = message(orphans);
    let all = &mut status.conditions;
    conditions::set(
        all,
        kind,
        true,
        reasons::ORPHANED,
        &message,
        generation,
        now,
    );
}

/// What a user is told of these orphans.
fn message(orphans: &[Orphan]) -> String {
    let named: Vec<String> = orphans.iter().take(NAMED).map(Orphan::to_string).collect();
    let more = match orphans.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "Resources were deleted while the operator's finalizer was missing, so what they owned may \
         still be on the server. {ADVICE} Found: {}{more}.",
        named.join(", ")
    )
}

/// Announces the orphans that the status shows for the first time.
pub fn announce(context: &Context, server: &IntegrationServer, found: Found) {
    let name = server.name_any();
    let fresh: Vec<Orphan> = found
        .fresh
        .iter()
        .map(|(orphan, _)| orphan.clone())
        .collect();
    if fresh.is_empty() {
        return;
    }
    let reason = reasons::ORPHANED;
    context.events.warning(server, reason, &message(&fresh));
    for (orphan, left) in found.fresh {
        warn!(server = %name, %orphan, "a resource was deleted without the operator; what it owned may still be on the server");
        context.metrics.orphaned(match orphan.kind {
            OrphanKind::Tenant => Kind::Tenant,
            OrphanKind::VirtualMachine => Kind::VirtualMachine,
        });
        if let Some(owner) = left.owner {
            let note = format!(
                "The resource was deleted while the operator's finalizer was missing, so what it \
                 owned may still be on IntegrationServer {name}. {ADVICE} Found: {orphan}."
            );
            context.events.warning_about(owner, reason, &note);
        }
        context.orphans.was_reported(&name, &orphan);
    }
}

#[cfg(test)]
mod tests;
