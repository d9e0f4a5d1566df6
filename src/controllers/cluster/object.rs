//! What one object says of itself: its key and its age, what was asked of it, and how
//! it stands as its status and its annotations tell. Looks at this object alone.

use kube::Resource;

use super::Key;
use crate::api::{
    ConditionType, REGISTERED_WITH_ANNOTATION, REQUESTED_AT_ANNOTATION, Tenant, TenantStatus,
    VirtualMachine, VirtualMachineStatus, conditions,
};
use crate::viis::TenantId;

/// The key of a namespaced object.
pub fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    Key {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

/// An object's creation time in seconds.
pub fn created_at<K: Resource>(object: &K) -> i64 {
    let created = object.meta().creation_timestamp.as_ref();
    created.map_or(0, |time| time.0.as_second())
}

/// The `requested-at` annotation.
pub fn requested_at<K: Resource>(object: &K) -> Option<&str> {
    let annotations = object.meta().annotations.as_ref()?;
    annotations.get(REQUESTED_AT_ANNOTATION).map(String::as_str)
}

/// The status of this very resource: under another UID nothing of it counts.
pub fn own_status(tenant: &Tenant) -> TenantStatus {
    match &tenant.status {
        Some(status) if status.owner_uid.as_deref() == tenant.meta().uid.as_deref() => {
            status.clone()
        }
        Some(_) | None => TenantStatus::default(),
    }
}

/// The identifier in a Tenant's status, where the status is this resource's own:
/// under another UID (a restored backup) nothing of it counts.
pub fn owned_identifier(tenant: &Tenant) -> Option<TenantId> {
    let status = tenant.status.as_ref()?;
    if status.owner_uid.as_deref() != tenant.meta().uid.as_deref() {
        return None;
    }
    status.tenant_id.as_deref().map(TenantId::new)
}

/// The name of a Tenant's tenant as the server showed it, where the status is this resource's
/// own. None until the server has shown it.
pub fn recorded_name(tenant: &Tenant) -> Option<&str> {
    let status = tenant.status.as_ref()?;
    let is_own = status.owner_uid.as_deref() == tenant.meta().uid.as_deref();
    let name = status.tenant_name.as_deref();
    name.filter(|_| is_own && status.tenant_id.is_some())
}

/// The status of this very resource, as [`own_status`].
pub fn own_machine_status(machine: &VirtualMachine) -> Option<&VirtualMachineStatus> {
    let uid = machine.meta().uid.as_deref();
    let status = machine.status.as_ref();
    status.filter(|status| status.owner_uid.as_deref() == uid)
}

/// Whether nothing happens to a machine until somebody changes something.
pub fn is_stalled(machine: &VirtualMachine) -> bool {
    holds(machine, ConditionType::Stalled)
}

/// Whether a machine is registered with this very tenant of this server. Identifiers may
/// be numbers, so another server can have the same one.
pub fn is_registered_with(machine: &VirtualMachine, server: &str, tenant: Option<&str>) -> bool {
    let Some(status) = own_machine_status(machine) else {
        return false;
    };
    is_registered(machine)
        && status.integration_server.as_deref() == Some(server)
        && status.tenant_id.as_deref() == tenant
}

/// Whether a machine is registered, as its status says.
pub fn is_registered(machine: &VirtualMachine) -> bool {
    holds(machine, ConditionType::Registered)
}

fn holds(machine: &VirtualMachine, kind: ConditionType) -> bool {
    own_machine_status(machine).is_some_and(|status| {
        conditions::find(&status.conditions, kind)
            .is_some_and(|condition| condition.status == "True")
    })
}

/// What the finalizer's write noted on a machine: the server and the tenant that it
/// was about to be registered with.
pub fn noted(machine: &VirtualMachine) -> Option<(String, TenantId)> {
    let annotations = machine.meta().annotations.as_ref()?;
    let (server, id) = annotations
        .get(REGISTERED_WITH_ANNOTATION)?
        .split_once('/')?;
    Some((server.to_owned(), TenantId::new(id)))
}
