//! Notes what a resource leaves on a server when it loses our finalizer while it is being
//! deleted, or disappears. Reads what is watched and the server cache; calls no server.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use tokio::time::Instant;
use tracing::debug;

use super::Left;
use crate::api::{
    ConditionType, DeletionPolicy, Orphan, OrphanKind, Tenant, VirtualMachine, conditions,
};
use crate::controllers::cluster::{key_of, own_machine_status, own_status, recorded_name};
use crate::controllers::context::Context;
use crate::controllers::tenant::observe::retains;
use crate::controllers::virtual_machine::whereabouts::Place;
use crate::controllers::writes::{has_finalizer, is_released};
use crate::inventory::machines::Sighting;
use crate::plan::orphans::{Departure, Presence, Record, departure};
use crate::viis::{BiosId, TenantId};

/// The longest name that a status has room for.
const NAME_LIMIT: usize = 256;

/// A Tenant as the watch shows it now.
pub fn tenant_seen(context: &Context, tenant: &Tenant) {
    if is_released(tenant) {
        note_tenant(context, tenant, Presence::Unprotected);
    }
    let server = &tenant.spec.integration_server_ref.name;
    let id = own_status(tenant).tenant_id;
    if context.orphans.concern(server, id.as_deref(), None) {
        context.queues.servers.wake(server.clone());
    }
}

/// A Tenant that disappeared, as it was last seen.
pub fn tenant_gone(context: &Context, tenant: &Tenant) {
    note_tenant(context, tenant, Presence::Gone);
}

/// A VirtualMachine as the watch shows it now.
pub fn machine_seen(context: &Context, machine: &VirtualMachine) {
    if is_released(machine) {
        note_machine(context, machine, Presence::Unprotected);
    }
    let place = Place::recorded(machine);
    let bios_id = bios_id(machine).map(|id| id.to_string());
    if let Some(place) = place
        && context
            .orphans
            .concern(&place.server, None, bios_id.as_deref())
    {
        context.queues.servers.wake(place.server);
    }
}

/// A VirtualMachine that disappeared, as it was last seen.
pub fn machine_gone(context: &Context, machine: &VirtualMachine) {
    note_machine(context, machine, Presence::Gone);
}

fn note_tenant(context: &Context, tenant: &Tenant, presence: Presence) {
    let status = own_status(tenant);
    let server = &tenant.spec.integration_server_ref.name;
    let record = match (&status.tenant_id, &status.creation, &status.removal) {
        (None, None, _) => Record::Nothing,
        (Some(_), _, Some(_)) => Record::Deleting,
        (Some(_), _, None) | (None, Some(_), _) => Record::Recorded,
    };
    let id = status.tenant_id.as_deref().map(TenantId::new);
    let absent = id.is_some_and(|id| tenant_is_gone(context, server, &id));
    let facts = Departure {
        presence,
        record,
        released: was_released(context, tenant, &status.conditions),
        retained: retains(tenant, &status),
        absent,
        inherited: context.orphans.may_inherit(),
    };
    let key = key_of(tenant);
    let orphan = Orphan {
        kind: OrphanKind::Tenant,
        namespace: key.namespace,
        name: key.name,
        tenant_id: status.tenant_id,
        bios_id: None,
        name_on_server: Some(short(recorded_name(tenant).unwrap_or(tenant.server_name()))),
    };
    note(context, server, tenant, orphan, facts);
}

fn note_machine(context: &Context, machine: &VirtualMachine, presence: Presence) {
    let Some(bios_id) = bios_id(machine) else {
        return;
    };
    let noted = || Place::noted(machine).filter(|place| is_proved(context, machine, place));
    let (record, place) = match (Place::recorded(machine), noted()) {
        (Some(place), _) => (Record::Recorded, place),
        (None, Some(place)) => (Record::Noted, place),
        (None, None) => return,
    };
    let status = own_machine_status(machine);
    let facts = Departure {
        presence,
        record,
        released: was_released(
            context,
            machine,
            status.map_or(&[], |status| status.conditions.as_slice()),
        ),
        retained: machine.spec.deletion_policy == DeletionPolicy::Retain,
        absent: place_is_absent(context, &place, bios_id),
        inherited: context.orphans.may_inherit(),
    };
    let key = key_of(machine);
    let orphan = Orphan {
        kind: OrphanKind::VirtualMachine,
        namespace: key.namespace,
        name: key.name,
        tenant_id: Some(place.tenant.to_string()),
        bios_id: Some(bios_id.to_string()),
        name_on_server: Some(short(machine.server_name())),
    };
    note(context, &place.server, machine, orphan, facts);
}

fn note<K>(context: &Context, server: &str, object: &K, orphan: Orphan, facts: Departure)
where
    K: Resource<DynamicType = ()>,
{
    // Another process may lead, and may have removed the finalizer.
    let Some(certainty) = departure(facts).filter(|_| context.leadership.holds()) else {
        return;
    };
    debug!(%orphan, ?facts, "a resource was deleted without the operator");
    let resource = context.cluster.server(server);
    let left = Left {
        certainty,
        at: Instant::now(),
        server_uid: resource.and_then(|resource| resource.meta().uid.clone()),
        owner: Some(object.object_ref(&())),
        reported: false,
    };
    if context.orphans.note(server, orphan, left) {
        context.queues.servers.wake(server.to_owned());
    }
}

/// This process removed the finalizer, or the status says that the operator did: where other
/// finalizers keep a resource, that is written before ours is removed.
fn was_released<K: Resource>(context: &Context, object: &K, all: &[Condition]) -> bool {
    let removed = conditions::find(all, ConditionType::Removed);
    let says_so = removed.is_some_and(|removed| {
        let current = removed.observed_generation == object.meta().generation;
        removed.status == "True" && (current || !has_finalizer(object))
    });
    says_so || context.orphans.has_released(object)
}

/// Whether the inventory proves that this tenant is gone.
fn tenant_is_gone(context: &Context, server: &str, id: &TenantId) -> bool {
    let handle = context.servers.get(server);
    handle.is_some_and(|handle| handle.server.tenants().is_gone(id))
}

/// Whether the inventory proves that this machine is not registered there, also because this
/// process unregistered it.
fn place_is_absent(context: &Context, place: &Place, bios_id: BiosId) -> bool {
    let Some(handle) = context.servers.get(&place.server) else {
        return false;
    };
    let machines = handle.server.machines();
    let arriving = machines.registers_until(&place.tenant, bios_id, false);
    let unlisted = matches!(machines.sighting(&place.tenant, bios_id), Sighting::Absent);
    let unregistered = unlisted && arriving.is_none_or(|until| until <= Instant::now());
    unregistered || handle.server.tenants().is_gone(&place.tenant)
}

/// Every user of the namespace can write a note: it counts where a Tenant of the namespace has
/// that tenant.
fn is_proved(context: &Context, machine: &VirtualMachine, place: &Place) -> bool {
    let namespace = key_of(machine).namespace;
    let owners = context
        .cluster
        .tenants_with_id(&place.server, &place.tenant);
    owners.iter().any(|owner| owner.namespace == namespace)
}

fn bios_id(machine: &VirtualMachine) -> Option<BiosId> {
    machine.spec.bios_id.parse().ok()
}

fn short(name: &str) -> String {
    name.chars().take(NAME_LIMIT).collect()
}
