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
        Some(entry) if is_ours(tenant, entry) => ById::Same(activity_of(&entry.status)),
        Some(_) if written_off => ById::Gone,
        Some(_) => ById::Other,
        None if written_off || is_proved() => ById::Gone,
        None => ById::Missing,
    }
}

/// The tenant that a creation may have made, or that has our name.
pub struct Found {
    /// Its identifier.
    pub id: TenantId,
    /// What the inventory shows of it.
    pub entry: Entry,
    how: How,
}

/// How it was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Our own task made it, followed from its request to its end.
    Followed,
    /// It has exactly our name.
    Named,
    /// Its name differs from ours in white space and normal form. No such tenant was there when
    /// the creation began, and it is the only one now.
    Alike,
    /// The creation may have made it, and nothing proves that.
    Doubtful,
}

/// Looks for it.
pub fn find(around: &Around<'_>, memory: &Memory, made: Option<&Made>) -> Option<Found> {
    let tenants = around.picture()?.tenants();
    let name = around.tenant.server_name();
    let found = |(id, entry), how| Found { id, entry, how };
    let by_result = |proof: Proof| {
        let made = made.filter(|made| made.proof == proof)?;
        Some((made.id.clone(), tenants.by_id(&made.id)?))
    };
    if let Some(made) = by_result(Proof::Followed) {
        return Some(found(made, How::Followed));
    }
    if let Some(named) = tenants.by_name(name) {
        return Some(found(named, How::Named));
    }
    let creation = around.status.creation.as_ref()?;
    let before = creation.alike_tenant_ids.as_deref();
    let is_new = |id: &TenantId| before.is_none_or(|ids| ids.iter().all(|one| one != id.as_str()));
    let mut alike: Vec<_> = tenants
        .alike(name)
        .into_iter()
        .filter(|(id, entry)| is_new(id) && !is_owned_by_another(around, id, entry))
        .collect();
    let is_only = alike.len() == 1 && before.is_some_and(<[String]>::is_empty);
    if is_only && let Some(one) = alike.pop() {
        return Some(found(one, How::Alike));
    }
    let named = || by_result(Proof::Named);
    let doubtful = alike.into_iter().next().or_else(named)?;
    let is_possible =
        may_have_been_sent(memory) && !is_owned_by_another(around, &doubtful.0, &doubtful.1);
    is_possible.then(|| found(doubtful, How::Doubtful))
}

/// A request of the creation may have reached the server.
fn may_have_been_sent(memory: &Memory) -> bool {
    let attempt = memory.attempt.as_ref();
    attempt
        .is_none_or(|attempt| !attempt.written_here || attempt.sends > 0 || attempt.task.is_some())
}

/// How that tenant compares with ours.
pub fn by_name(around: &Around<'_>, found: Option<&Found>, made: Option<&Made>) -> Sighting {
    let tenant = around.tenant;
    let Some(Found { id, entry, how }) = found else {
        return Sighting::Absent;
    };
    if is_owned_by_another(around, id, entry) {
        return Sighting::Owned;
    }
    if !is_type(tenant, entry) {
        return Sighting::Different;
    }
    // The server named it as what our task created, so a field that it stores differently does
    // not prove that it belongs to another user.
    let is_made = made.is_some_and(|made| made.id == *id);
    let is_alike = around.status.creation.is_some() && stored::is_alike(tenant, entry);
    match how {
        How::Followed => Sighting::Equal,
        How::Named if is_made || stored::is_equal(tenant, entry) => Sighting::Equal,
        How::Alike if is_made => Sighting::Alike,
        How::Named | How::Alike if is_alike => Sighting::Alike,
        How::Named | How::Alike | How::Doubtful => Sighting::Different,
    }
}

/// Whether the server has to be asked for the tenant that a creation made, before it is
/// recorded: only a list or an answer shows the name as it is stored, and of a text that is
/// stored differently only an answer shows the value.
pub fn is_unasked(
    around: &Around<'_>,
    memory: &Memory,
    (found, by_name): (Option<&Found>, Sighting),
    made: Option<&Made>,
) -> bool {
    let attempt = memory.attempt.as_ref();
    let attempt = attempt.filter(|_| around.status.creation.is_some());
    let (Some(attempt), Some(picture)) = (attempt, around.picture()) else {
        return false;
    };
    let is_unlisted =
        |made: &Made| made.proof == Proof::Followed && !picture.tenants().is_shown(&made.id);
    let is_ours = matches!(by_name, Sighting::Equal | Sighting::Alike);
    let differs = found.is_some_and(|found| stored::differs(around.tenant, &found.entry));
    !attempt.asked && made.is_some_and(is_unlisted)
        || attempt.stored.is_none() && is_ours && differs
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
