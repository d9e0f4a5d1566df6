//! What of the server's inventory is ours, by identifier and by name. Compares; what
//! follows from it is decided in [`crate::plan`].

use kube::Resource;

use super::Around;
use crate::api::{Tenant, TenantType};
use crate::controllers::writes::is_released;
use crate::inventory::Fingerprint;
use crate::inventory::tenants::{Entry, Status};
use crate::plan::tenant::{Activity, ById, Sighting};
use crate::viis::{self, TenantId};

/// What stands under the recorded identifier.
pub fn by_id(around: &Around<'_>, entry: Option<&Entry>) -> ById {
    let (Some(id), Some(handle)) = (&around.id, around.handle) else {
        return ById::Unlisted;
    };
    let tenant = around.tenant;
    let tenants = handle.server.tenants();
    if tenants.listed_at().is_none() {
        return ById::Unlisted;
    }
    // A deletion needs the server's own proof, whatever a person agreed to. To make a tenant
    // again takes more than one answer: it has to be missing from two complete lists, too.
    let deleting = tenant.meta().deletion_timestamp.is_some();
    let written_off = !deleting && handle.wrote_off(around.uid());
    let is_proved = || tenants.is_gone(id) && (deleting || tenants.missing_twice(id));
    match entry {
        Some(entry) if has_identity(tenant, entry) => ById::Same(activity_of(&entry.status)),
        Some(_) if written_off => ById::Gone,
        Some(_) => ById::Other,
        None if written_off || is_proved() => ById::Gone,
        None => ById::Missing,
    }
}

/// The tenant with our name; `made` is what our own task named.
pub fn by_name(
    around: &Around<'_>,
    named: Option<&(TenantId, Entry)>,
    made: Option<&TenantId>,
) -> Sighting {
    let tenant = around.tenant;
    match named {
        None => Sighting::Absent,
        Some((id, entry)) if is_owned_by_another(around, id, entry) => Sighting::Owned,
        Some((_, entry)) if is_identical(tenant, entry) => Sighting::Equal,
        // The server named it as what our task made: a field that it writes in
        // another way does not make it somebody else's.
        Some((id, entry)) if made == Some(id) && has_identity(tenant, entry) => Sighting::Equal,
        Some(_) => Sighting::Different,
    }
}

/// The tenant that `existingTenantID` names.
pub fn existing(around: &Around<'_>) -> Sighting {
    let tenant = around.tenant;
    let (Some(id), Some(picture)) = (&tenant.spec.existing_tenant_id, around.picture()) else {
        return Sighting::Absent;
    };
    let id = TenantId::new(id.clone());
    match picture.tenants().by_id(&id) {
        None => Sighting::Absent,
        Some(entry) if is_owned_by_another(around, &id, &entry) => Sighting::Owned,
        Some(entry) if has_identity(tenant, &entry) => Sighting::Equal,
        Some(_) => Sighting::Different,
    }
}

/// A tenant's state, as decisions see it.
pub fn activity_of(status: &Status) -> Activity {
    match status {
        Status::Active => Activity::Active,
        Status::Inactive => Activity::Inactive,
        Status::Other(_) => Activity::Other,
    }
}

/// Whether what stands under an identifier has our name and type.
pub fn has_identity(tenant: &Tenant, entry: &Entry) -> bool {
    *entry.name == *tenant.server_name()
        && entry
            .tenant_type
            .as_ref()
            .is_none_or(|found| is_type(tenant.spec.tenant_type, found))
}

fn is_type(wanted: TenantType, found: &viis::TenantType) -> bool {
    match found {
        viis::TenantType::Complete => wanted == TenantType::Complete,
        viis::TenantType::Simple => wanted == TenantType::Simple,
        viis::TenantType::Other(_) => false,
    }
}

/// Every field that both sides show is equal.
fn is_identical(tenant: &Tenant, entry: &Entry) -> bool {
    let spec = &tenant.spec;
    let same =
        |ours: Option<&str>, theirs: Option<Fingerprint>| match (Fingerprint::of(ours), theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, _) | (_, None) => true,
        };
    let administrator = spec.administrator.as_ref().map(|a| a.name.as_str());
    has_identity(tenant, entry)
        && same(spec.description.as_deref(), entry.description)
        && same(spec.user_data.as_deref(), entry.user_data)
        && administrator
            .zip(entry.administrator.as_deref())
            .is_none_or(|(ours, theirs)| ours == theirs)
}

/// Another Tenant has recorded what stands under this identifier. A restored server gives
/// identifiers a second time: what has another name than that Tenant's is not its own.
fn is_owned_by_another(around: &Around<'_>, id: &TenantId, entry: &Entry) -> bool {
    let server = &around.tenant.spec.integration_server_ref.name;
    let cluster = &around.context.cluster;
    cluster
        .tenants_with_id(server, id)
        .iter()
        .filter(|owner| *owner != around.key)
        .any(|owner| {
            let owner = cluster.tenant(owner);
            // One without our finalizer that is being deleted has given it up.
            owner.is_none_or(|owner| !is_released(owner.as_ref()) && has_identity(&owner, entry))
        })
}
