//! Gathers what decides a Tenant's next step. Reads what is watched, the shared
//! picture of the server, and this process's memory; calls nobody.
//!
//! - `attempts`: what was begun and may not be over; - `identity`: what of the
//!   inventory is ours; - `freshness`: whether the inventory is recent enough;
//! - `stored`: how the server stores a tenant, compared with what was sent;
//! - `server`: whether the server can be worked on; - `machines`: the VirtualMachines.

mod attempts;
mod freshness;
mod identity;
mod machines;
mod server;
pub mod stored;

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;

pub use self::attempts::{Made, Proof, is_terminal_word, refusal};
pub use self::freshness::{
    survey_is_early, survey_is_older_than_the_loss, was_surveyed_in_this_look,
};
pub use self::identity::{activity_of, is_ours};
pub use self::machines::Count;
pub use self::server::reach;
use super::memory::Memory;
use crate::api::{
    DeletionPolicy, DesiredState, IntegrationServer, Tenant, TenantStatus, TenantType,
};
use crate::controllers::cluster::{Key, key_of, own_status, requested_at};
use crate::controllers::context::Context;
use crate::controllers::integration_server::guards;
use crate::controllers::servers::Handle;
use crate::controllers::writes;
use crate::inventory::Server as Picture;
use crate::inventory::tenants::Entry;
use crate::plan::tenant::{Activity, Facts, Password, Record, Sighting, Spec, Step, World};
use crate::viis::{self, TenantId};

/// Unclaimed tasks, and machines, are waited for this long.
pub const WAIT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// A Tenant and everything around it, at one moment.
pub struct Scene {
    /// Its key.
    pub key: Key,
    /// The resource.
    pub tenant: Arc<Tenant>,
    /// Its status; empty when it is another UID's.
    pub status: TenantStatus,
    /// The IntegrationServer it refers to.
    pub integration_server: Option<Arc<IntegrationServer>>,
    /// How that is served.
    pub handle: Option<Arc<Handle>>,
    /// What decides.
    pub facts: Facts,
    /// The tenant under the recorded identifier.
    pub entry: Option<Entry>,
    /// The tenant with our name, or the one that a creation in flight made.
    pub named: Option<(TenantId, Entry)>,
    /// What the result of the creation in flight names.
    pub made: Option<Made>,
    /// The task that is watched for it.
    pub task: Option<Arc<viis::Task>>,
    /// Machines: referring, registered, neither registered nor stalled.
    pub machines: Count,
    /// The machines that hold up a deletion, as watched.
    pub referrers: Vec<String>,
}

/// What stands around a Tenant while its scene is gathered.
struct Around<'a> {
    context: &'a Context,
    key: &'a Key,
    tenant: &'a Tenant,
    status: &'a TenantStatus,
    /// The recorded identifier.
    id: Option<TenantId>,
    server: Option<&'a IntegrationServer>,
    handle: Option<&'a Handle>,
}

impl Around<'_> {
    /// What the server shows.
    fn picture(&self) -> Option<&Picture> {
        self.handle.map(|handle| handle.server.as_ref())
    }

    /// The address and port that are served.
    fn endpoint(&self) -> Option<String> {
        self.handle.map(|handle| handle.endpoint.to_string())
    }

    fn uid(&self) -> &str {
        self.tenant.meta().uid.as_deref().unwrap_or_default()
    }
}

/// Gathers the scene.
pub fn observe(
    tenant: &Arc<Tenant>,
    context: &Context,
    memory: &mut Memory,
    password: Password,
) -> Scene {
    let key = key_of(tenant.as_ref());
    let status = own_status(tenant);
    let server_name = &tenant.spec.integration_server_ref.name;
    let integration_server = context.cluster.server(server_name);
    let handle = context.servers.get(server_name);
    if let (Some(server), Some(handle)) = (&integration_server, &handle) {
        guards::keep_current(context, server, handle);
    }
    let around = Around {
        context,
        key: &key,
        tenant,
        status: &status,
        id: status.tenant_id.as_deref().map(TenantId::new),
        server: integration_server.as_deref(),
        handle: handle.as_deref(),
    };
    let record = Record {
        tenant: around.id.is_some(),
        creation: attempts::creation(&around, memory),
        removal: attempts::removal(&around, memory),
    };
    let change = attempts::change(&around, memory);
    let (machines, referrers) = machines::count(&around);
    if machines.referring > 0 {
        // What is watched shows referrers: only their absence needs a live list.
        memory.referrers = None;
    }
    // Looked at after the tasks: it may not be older than what is known of them.
    let tenants = around.picture().map(Picture::tenants);
    let entry = around
        .id
        .as_ref()
        .zip(tenants)
        .and_then(|(id, tenants)| tenants.by_id(id));
    let rejected = rejected(&around, memory, entry.as_ref());
    let task = attempts::watched_task(&around, memory);
    let made = attempts::made_by(&around, memory, task.as_deref());
    let found = identity::find(&around, memory, made.as_ref());
    let by_name = identity::by_name(&around, found.as_ref(), made.as_ref());
    let unasked = identity::is_unasked(&around, memory, (found.as_ref(), by_name), made.as_ref());
    let facts = Facts {
        deleting: tenant.meta().deletion_timestamp.is_some(),
        finalizer: writes::has_finalizer(tenant.as_ref()),
        spec: spec(&around, password),
        record,
        server: server::facts(&around),
        outclaimed: server::is_outclaimed(&around),
        world: world(&around, memory, entry.as_ref(), (by_name, unasked)),
        change,
        machines: machines::facts(&status, memory, machines),
        admission: server::admission(&around),
        rejected,
    };
    Scene {
        key,
        tenant: Arc::clone(tenant),
        status,
        integration_server,
        handle,
        facts,
        entry,
        named: found.map(|found| (found.id, found.entry)),
        made,
        task,
        machines,
        referrers,
    }
}

/// What the manifest asks for.
fn spec(around: &Around<'_>, password: Password) -> Spec {
    let spec = &around.tenant.spec;
    Spec {
        wanted: match spec.state {
            DesiredState::Active => Activity::Active,
            DesiredState::Inactive => Activity::Inactive,
        },
        retain: retains(around.tenant, around.status),
        existing: spec.existing_tenant_id.is_some(),
        suspended: spec.suspend || around.server.is_some_and(|server| server.spec.suspend),
        password: match spec.tenant_type {
            TenantType::Simple => Password::NotNeeded,
            TenantType::Complete => password,
        },
    }
}

/// The effective deletion policy is `Retain`.
pub fn retains(tenant: &Tenant, status: &TenantStatus) -> bool {
    let policy = tenant.spec.deletion_policy.unwrap_or({
        if status.adopted == Some(true) {
            DeletionPolicy::Retain
        } else {
            DeletionPolicy::Delete
        }
    });
    policy == DeletionPolicy::Retain
}

/// What the inventory shows.
fn world(
    around: &Around<'_>,
    memory: &Memory,
    entry: Option<&Entry>,
    (by_name, unasked): (Sighting, bool),
) -> World {
    // A free name may come from a list that is a moment old: the server has the last
    // word on it. What a person is told must not, nor may a name that the server may store
    // otherwise: after a lost response, one like it would be taken for ours.
    let name = around.tenant.server_name();
    let is_free = around.id.is_some()
        || around.status.creation.is_some()
        || (by_name == Sighting::Absent
            && around.tenant.spec.existing_tenant_id.is_none()
            && *viis::normalized(name) == *name);
    World {
        fresh: freshness::is_fresh(around, memory)
            && (is_free || freshness::is_from_after_the_spec(around, memory)),
        by_id: identity::by_id(around, entry),
        verified: freshness::is_verified(around, memory),
        by_name,
        unasked,
        existing: identity::existing(around),
        unclaimed_creations: freshness::unclaimed_creations(around, memory),
        unclaimed_removals: freshness::unclaimed_removals(around, memory),
        may_vanish: freshness::may_vanish(around, memory),
    }
}

/// The step that the server refused, where nothing has changed since.
fn rejected(around: &Around<'_>, memory: &Memory, entry: Option<&Entry>) -> Option<Step> {
    let generation = around.tenant.meta().generation.unwrap_or_default();
    let requested_at = requested_at(around.tenant);
    let odd = entry.is_some_and(|entry| activity_of(&entry.status) == Activity::Other);
    let asked = memory.odd_state.as_ref();
    if odd && asked.is_some_and(|(g, at)| *g == generation && at.as_deref() == requested_at) {
        // Asked once, the server keeps a state that no page names: a person has to look.
        return Some(Step::Change);
    }
    memory
        .rejection
        .as_ref()
        .filter(|rejection| rejection.is_in_force(generation, requested_at))
        // What another server refused, this one may grant.
        .filter(|rejection| rejection.step != Step::Delete || !server::has_moved_along(around))
        // An account that lost its rights refused for everybody: once the server is
        // back, each is asked again.
        .filter(|rejection| {
            let up_since = around
                .picture()
                .and_then(|picture| picture.health().up_since());
            !rejection.forbidden || up_since.is_none_or(|up| up <= rejection.at)
        })
        .map(|rejection| rejection.step)
}

#[cfg(test)]
mod tests;
