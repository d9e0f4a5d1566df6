//! What of the server's inventory is ours, by identifier and by name. Compares; what
//! follows from it is decided in [`crate::plan`].

use kube::Resource;

use super::Around;
use super::attempts::{Made, Proof};
use super::stored;
use crate::api::{Tenant, TenantType};
use crate::controllers::cluster::recorded_name;
use crate::controllers::tenant::memory::Memory;
use crate::controllers::writes::is_released;
use crate::inventory::tenants::{Entry, Status};
use crate::plan::tenant::{Activity, ById, Sighting};
use crate::viis::{self, TenantId, normalized};

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
        Some(entry) if is_ours(tenant, entry) => ById::Same(activity_of(&entry.status)),
        Some(_) if written_off => ById::Gone,
        Some(_) => ById::Other,
        None if written_off || is_proved() => ById::Gone,
        None => ById::Missing,
    }
}

/// The tenant that a creation may have made, or that has our name.
pub fn named(around: &Around<'_>, made: Option<&Made>) -> Option<(TenantId, Entry)> {
    let tenants = around.picture()?.tenants();
    let name = around.tenant.server_name();
    let by_result = |proof: Proof| {
        let made = made.filter(|made| made.proof == proof)?;
        Some((made.id.clone(), tenants.by_id(&made.id)?))
    };
    by_result(Proof::Followed)
        .or_else(|| tenants.by_name(name))
        .or_else(|| {
            let mut alike = tenants.alike(name);
            let one = alike.pop().filter(|_| alike.is_empty());
            one.filter(|_| may_be_stored_alike(around))
        })
        .or_else(|| by_result(Proof::Named))
}

/// How that tenant compares with ours.
pub fn by_name(
    around: &Around<'_>,
    named: Option<&(TenantId, Entry)>,
    made: Option<&Made>,
) -> Sighting {
    let tenant = around.tenant;
    let Some((id, entry)) = named else {
        return Sighting::Absent;
    };
    if is_owned_by_another(around, id, entry) {
        return Sighting::Owned;
    }
    let made = made.filter(|made| made.id == *id).map(|made| made.proof);
    let is_type = is_type(tenant, entry);
    let has_name = *entry.name == *tenant.server_name();
    let creating = around.status.creation.is_some();
    let is_named_alike = has_name
        || may_be_stored_alike(around)
            && normalized(&entry.name) == normalized(tenant.server_name());
    match made {
        Some(Proof::Followed) if is_type => Sighting::Equal,
        // The server named it as what our task made: a field that it writes in
        // another way does not make it somebody else's.
        Some(Proof::Named) if is_type && has_name => Sighting::Equal,
        Some(Proof::Named) if is_type && is_named_alike => Sighting::Alike,
        _ if is_type && has_name && stored::is_equal(tenant, entry) => Sighting::Equal,
        _ if is_type && creating && is_named_alike && stored::is_alike(tenant, entry) => {
            Sighting::Alike
        }
        Some(Proof::Followed | Proof::Named) | None => Sighting::Different,
    }
}

/// Whether the server has to be asked for the tenant that a creation made, before it is
/// recorded: only a list or an answer shows the name as it is stored, and of a text that is
/// stored differently only an answer shows the value.
pub fn is_unasked(
    around: &Around<'_>,
    memory: &Memory,
    (named, by_name): (Option<&(TenantId, Entry)>, Sighting),
    made: Option<&Made>,
) -> bool {
    let attempt = memory.attempt.as_ref().filter(|attempt| !attempt.asked);
    let (Some(_), Some(picture)) = (attempt, around.picture()) else {
        return false;
    };
    let is_unlisted =
        |made: &Made| made.proof == Proof::Followed && !picture.tenants().is_shown(&made.id);
    let is_ours = matches!(by_name, Sighting::Equal | Sighting::Alike);
    let differs = named.is_some_and(|(_, entry)| stored::differs(around.tenant, entry));
    around.status.creation.is_some() && (made.is_some_and(is_unlisted) || is_ours && differs)
}

/// A creation is in flight, and no tenant had a name like ours when it began.
fn may_be_stored_alike(around: &Around<'_>) -> bool {
    let creation = around.status.creation.as_ref();
    creation.is_some_and(|creation| creation.no_name_alike)
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
        Some(entry) if is_type(tenant, &entry) && *entry.name == *tenant.server_name() => {
            Sighting::Equal
        }
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

/// Whether what stands under a Tenant's recorded identifier is its own: the recorded name,
/// exactly, and the type. A restored server gives identifiers a second time.
pub fn is_ours(tenant: &Tenant, entry: &Entry) -> bool {
    let name = recorded_name(tenant).unwrap_or(tenant.server_name());
    *entry.name == *name && is_type(tenant, entry)
}

/// Where the server does not say, the type is no difference.
fn is_type(tenant: &Tenant, entry: &Entry) -> bool {
    let wanted = tenant.spec.tenant_type;
    entry.tenant_type.as_ref().is_none_or(|found| match found {
        viis::TenantType::Complete => wanted == TenantType::Complete,
        viis::TenantType::Simple => wanted == TenantType::Simple,
        viis::TenantType::Other(_) => false,
    })
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
            owner.is_none_or(|owner| !is_released(owner.as_ref()) && is_ours(&owner, entry))
        })
}
