//! Gathers what decides a VirtualMachine's next step. Calls nobody.

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use tokio::time::Instant;

use super::memory::Memory;
use crate::api::{
    ConditionType, DeletionPolicy, IntegrationServer, Tenant, VirtualMachine, VirtualMachineStatus,
    conditions, reasons,
};
use crate::controllers::cluster::{
    Key, created_at, is_registered, key_of, noted, own_status, owned_identifier, requested_at,
};
use crate::controllers::context::Context;
use crate::controllers::integration_server::guards;
use crate::controllers::servers::Handle;
use crate::controllers::tenant::observe::{has_identity, reach, retains};
use crate::inventory::Fingerprint;
use crate::inventory::machines::{Machine, Sighting};
use crate::inventory::tenants::Entry;
use crate::plan::Reach;
use crate::plan::claims::{Claimant, holder};
use crate::plan::virtual_machine::{Facts, Identity, Registration, Tenant as Standing};
use crate::viis::{BiosId, TenantId};

/// A machine whose Tenant lives waits this long for the Tenant's own deletion.
const FATE: Duration = Duration::from_secs(2);
/// A machine whose Tenant's deletion is blocked waits this long for that to end.
const BLOCKED: Duration = Duration::from_secs(20);

/// A VirtualMachine and everything around it, at one moment.
pub struct Scene {
    /// Its key.
    pub key: Key,
    /// The resource.
    pub machine: Arc<VirtualMachine>,
    /// Its status.
    pub status: VirtualMachineStatus,
    /// The Tenant it refers to.
    pub tenant: Option<Arc<Tenant>>,
    /// The name of the IntegrationServer.
    pub server: Option<String>,
    /// How that is served.
    pub handle: Option<Arc<Handle>>,
    /// The tenant's identifier on the server.
    pub tenant_id: Option<TenantId>,
    /// Its BIOS ID.
    pub bios_id: BiosId,
    /// What the server shows of it.
    pub found: Option<Machine>,
    /// What decides.
    pub facts: Facts,
}

/// Gathers the scene. None when the BIOS ID cannot be read, which the schema prevents.
pub fn observe(
    machine: &Arc<VirtualMachine>,
    context: &Context,
    memory: &mut Memory,
) -> Option<Scene> {
    let key = key_of(machine.as_ref());
    let status = machine.status.clone().unwrap_or_default();
    let bios_id: BiosId = machine.spec.bios_id.parse().ok()?;
    let tenant_key = Key {
        namespace: key.namespace.clone(),
        name: machine.spec.tenant_ref.name.clone(),
    };
    let tenant = context.cluster.tenant(&tenant_key);
    let recorded = status.tenant_id.as_deref().map(TenantId::new);
    let noted = noted(machine);
    let server = match &tenant {
        Some(tenant) => Some(tenant.spec.integration_server_ref.name.clone()),
        None => status
            .integration_server
            .clone()
            .or_else(|| noted.clone().map(|(server, _)| server)),
    };
    let integration_server = server
        .as_deref()
        .and_then(|name| context.cluster.server(name));
    let handle = server.as_deref().and_then(|name| context.servers.get(name));
    if let (Some(server), Some(handle)) = (&integration_server, &handle) {
        guards::keep_current(context, server, handle);
    }
    let deleting = machine.meta().deletion_timestamp.is_some();
    let known = tenant.as_deref().and_then(owned_identifier);
    // What it was registered with counts for its unregistration, else where it belongs.
    let noted = noted.map(|(_, id)| id);
    let tenant_id = if deleting {
        recorded.clone().or(known).or_else(|| noted.clone())
    } else {
        known
    };
    let standing = standing(context, tenant.as_deref());
    let entry = tenant_id
        .as_ref()
        .zip(handle.as_ref())
        .and_then(|(id, handle)| handle.server.tenants().by_id(id));
    let found = found(handle.as_deref(), tenant_id.as_ref(), bios_id);
    let generation = machine.meta().generation.unwrap_or_default();
    let requested = requested_at(machine.as_ref());
    let facts = Facts {
        deleting,
        finalizer: crate::controllers::writes::has_finalizer(machine.as_ref()),
        retain: machine.spec.deletion_policy == DeletionPolicy::Retain,
        suspended: tenant.as_ref().is_some_and(|tenant| tenant.spec.suspend)
            || integration_server
                .as_ref()
                .is_some_and(|server| server.spec.suspend),
        outclaimed: is_outclaimed(context, machine, server.as_deref(), bios_id),
        tenant: standing,
        reach: match &integration_server {
            None => Reach::Missing,
            Some(server) => reach(context, server, handle.as_deref()),
        },
        permitted: integration_server.as_ref().is_none_or(|server| {
            context
                .cluster
                .permits(server, &key.namespace)
                .unwrap_or(false)
        }),
        leaving: integration_server
            .as_ref()
            .is_some_and(|server| server.meta().deletion_timestamp.is_some()),
        identity: identity(
            tenant.as_deref(),
            handle.as_deref(),
            tenant_id.as_ref(),
            entry.as_ref(),
        ),
        registration: registration(machine, &found),
        recorded: recorded.is_some() || noted.is_some(),
        settled_generation: was_settled(&status, generation, memory),
        rejected: memory
            .rejection
            .as_ref()
            .is_some_and(|rejection| rejection.is_in_force(generation, deleting, requested)),
        waited: waited(memory, deleting, standing, context, &key),
    };
    Some(Scene {
        key,
        machine: Arc::clone(machine),
        status,
        tenant,
        server,
        handle,
        tenant_id,
        bios_id,
        found: match found {
            Sighting::Present(machine) => Some(machine),
            Sighting::Unlisted | Sighting::Absent => None,
        },
        facts,
    })
}

/// The note for the finalizer's write.
pub fn note(server: &str, tenant: &TenantId) -> String {
    format!("{server}/{tenant}")
}

fn found(handle: Option<&Handle>, tenant: Option<&TenantId>, bios_id: BiosId) -> Sighting {
    match (handle, tenant) {
        (Some(handle), Some(tenant)) => handle.server.machines().sighting(tenant, bios_id),
        (_, None) | (None, _) => Sighting::Unlisted,
    }
}

fn standing(context: &Context, tenant: Option<&Tenant>) -> Standing {
    let Some(tenant) = tenant else {
        return Standing::NotFound;
    };
    let status = own_status(tenant);
    if tenant.meta().deletion_timestamp.is_none() {
        return if status.tenant_id.is_some() {
            Standing::Provisioned
        } else {
            Standing::Unprovisioned
        };
    }
    if retains(tenant, &status) {
        return Standing::LeavingBlocked;
    }
    let stalled = conditions::find(&status.conditions, ConditionType::Stalled);
    let refused = stalled.is_some_and(|stalled| stalled.reason != reasons::DELETION_HELD);
    if status.removal.is_some() {
        return if refused {
            Standing::LeavingBlocked
        } else {
            Standing::Leaving
        };
    }
    let removed = conditions::find(&status.conditions, ConditionType::Removed);
    let blocked = removed.is_some_and(|removed| {
        removed.reason == reasons::IN_USE || removed.reason == reasons::IDENTITY_MISMATCH
    });
    let referred = context
        .cluster
        .machines_of_tenant(&key_of(tenant))
        .iter()
        .filter_map(|machine| context.cluster.machine(machine))
        .any(|machine| machine.meta().deletion_timestamp.is_none());
    if blocked && referred {
        Standing::LeavingBlocked
    } else {
        Standing::Leaving
    }
}

fn identity(
    tenant: Option<&Tenant>,
    handle: Option<&Handle>,
    id: Option<&TenantId>,
    entry: Option<&Entry>,
) -> Identity {
    let (Some(handle), Some(id)) = (handle, id) else {
        return Identity::Unlisted;
    };
    let tenants = handle.server.tenants();
    if tenants.is_gone(id) {
        return Identity::Gone;
    }
    match entry {
        _ if tenants.listed_at().is_none() => Identity::Unlisted,
        None => Identity::Missing,
        // Its resource is gone: nobody can say any more which name the identifier had.
        Some(_) if tenant.is_none() => Identity::Same,
        Some(entry) if tenant.is_some_and(|tenant| has_identity(tenant, entry)) => Identity::Same,
        Some(_) => Identity::Other,
    }
}

/// Fields that are not set are not compared; an unset name is the resource's name.
fn registration(machine: &VirtualMachine, found: &Sighting) -> Registration {
    let found = match found {
        Sighting::Unlisted => return Registration::Unlisted,
        Sighting::Absent => return Registration::Absent,
        Sighting::Present(found) => found,
    };
    let same = |ours: Option<&str>, theirs: Option<Fingerprint>| {
        ours.is_none() || Fingerprint::of(ours) == theirs
    };
    let equal = same(machine.spec.name.as_deref(), found.name)
        && same(machine.spec.user_data.as_deref(), found.user_data);
    if equal {
        Registration::Equal
    } else {
        Registration::Different
    }
}

/// The same, as the status says or this process knows. What the status says need not
/// be remembered.
fn was_settled(status: &VirtualMachineStatus, generation: i64, memory: &mut Memory) -> bool {
    if is_settled(status, generation) {
        memory.registered_for = None;
        return true;
    }
    memory.registered_for == Some(generation)
}

/// Registered in this generation already.
fn is_settled(status: &VirtualMachineStatus, generation: i64) -> bool {
    conditions::find(&status.conditions, ConditionType::Registered).is_some_and(|registered| {
        registered.status == "True" && registered.observed_generation == Some(generation)
    })
}

fn waited(
    memory: &mut Memory,
    deleting: bool,
    standing: Standing,
    context: &Context,
    key: &Key,
) -> bool {
    if !deleting {
        memory.leaving_since = None;
        return false;
    }
    let since = *memory.leaving_since.get_or_insert_with(Instant::now);
    let patience = patience(context, standing, key);
    memory.patience = patience;
    since.elapsed() >= patience
}

/// How long a machine waits for what becomes of its Tenant.
fn patience(context: &Context, standing: Standing, key: &Key) -> Duration {
    // A namespace that goes takes the Tenant with it.
    let going = context
        .cluster
        .namespace(&key.namespace)
        .is_some_and(|namespace| namespace.terminating);
    match standing {
        Standing::Provisioned if !going => FATE,
        Standing::NotFound
        | Standing::Unprovisioned
        | Standing::Provisioned
        | Standing::Leaving
        | Standing::LeavingBlocked => BLOCKED,
    }
}

/// How long a machine that is being deleted still waits for its Tenant's fate.
pub fn patience_left(memory: &Memory) -> Duration {
    let since = memory
        .leaving_since
        .map_or(Duration::ZERO, |since| since.elapsed());
    memory
        .patience
        .saturating_sub(since)
        .max(Duration::from_millis(100))
}

fn is_outclaimed(
    context: &Context,
    machine: &VirtualMachine,
    server: Option<&str>,
    bios_id: BiosId,
) -> bool {
    let uid = machine.meta().uid.as_deref().unwrap_or_default();
    let rivals = context.cluster.machines_with_bios_id(bios_id);
    if rivals.len() < 2 {
        return false;
    }
    let rivals: Vec<Arc<VirtualMachine>> = rivals
        .iter()
        .filter_map(|rival| context.cluster.machine(rival))
        .filter(|rival| server_of(context, rival).as_deref() == server)
        .collect();
    let integration_server = server.and_then(|name| context.cluster.server(name));
    let claimants: Vec<Claimant<'_>> = rivals
        .iter()
        .map(|rival| Claimant {
            uid: rival.meta().uid.as_deref().unwrap_or_default(),
            holds: is_registered(rival) || is_recorded(rival),
            permitted: permits(context, integration_server.as_deref(), rival),
            created: created_at(rival.as_ref()),
        })
        .collect();
    holder(&claimants).is_some_and(|holder| holder != uid)
}

fn is_recorded(machine: &VirtualMachine) -> bool {
    machine
        .status
        .as_ref()
        .is_some_and(|status| status.tenant_id.is_some())
}

fn permits(
    context: &Context,
    server: Option<&IntegrationServer>,
    machine: &VirtualMachine,
) -> bool {
    let namespace = machine.meta().namespace.as_deref().unwrap_or_default();
    server.is_none_or(|server| context.cluster.permits(server, namespace).unwrap_or(false))
}

/// The server that a machine is, or was, registered on.
fn server_of(context: &Context, machine: &VirtualMachine) -> Option<String> {
    let tenant = context.cluster.tenant(&Key {
        namespace: machine.meta().namespace.clone().unwrap_or_default(),
        name: machine.spec.tenant_ref.name.clone(),
    });
    match tenant {
        Some(tenant) => Some(tenant.spec.integration_server_ref.name.clone()),
        None => machine.status.as_ref()?.integration_server.clone(),
    }
}

#[cfg(test)]
mod tests;
