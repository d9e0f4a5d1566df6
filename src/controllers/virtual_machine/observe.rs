//! Gathers what decides a VirtualMachine's next step. Calls nobody. How its Tenant stands
//! is in `standing`, what the server's list shows of it in `shown`.

mod shown;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use tokio::time::Instant;

pub use self::shown::{absence_proved_in, registers_for, unsettled_for};
use self::shown::{evidence, is_alike, registration, settling, was_settled};
use self::standing::standing;
use super::memory::Memory;
use super::rivals::{is_outclaimed, may_be_anothers};
use super::whereabouts::{Place, Search, Trail, registers_until};
use crate::api::{DeletionPolicy, IntegrationServer, Tenant, VirtualMachine, VirtualMachineStatus};
use crate::controllers::cluster::{Key, key_of, own_machine_status, own_status, requested_at};
use crate::controllers::context::Context;
use crate::controllers::integration_server::guards;
use crate::controllers::servers::Handle;
use crate::controllers::tenant::observe::{is_ours, reach};
use crate::controllers::writes::has_finalizer;
use crate::inventory::machines::{Machine, Sighting};
use crate::plan::Reach;
use crate::plan::virtual_machine::{
    Evidence, Facts, Identity, Leftover, Registration, Tenant as Standing, Whereabouts,
};
use crate::viis::{BiosId, TenantId};

/// A machine whose Tenant lives waits this long for the Tenant's own deletion.
const FATE: Duration = Duration::from_secs(2);
/// A machine whose Tenant's deletion is blocked waits this long for that to end.
const BLOCKED: Duration = Duration::from_secs(20);

/// So much older than its first look may the list be that comes before the registration of
/// a machine which may be there already: the machines of one manifest share it.
const NEW_LIST: Duration = Duration::from_secs(5);

/// A VirtualMachine and everything around it, at one moment.
#[derive(Clone)]
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
    /// Where it is registered beside that.
    pub leftover: Option<Place>,
    /// A place that something names and nothing proves: it may be registered there.
    pub unproved: Option<Place>,
    /// Its BIOS ID.
    pub bios_id: BiosId,
    /// What the server shows of it.
    pub found: Option<Machine>,
    /// What decides.
    pub facts: Facts,
}

impl Scene {
    /// The place that server and tenant are.
    pub fn place(&self) -> Option<Place> {
        Some(Place {
            server: self.server.clone()?,
            tenant: self.tenant_id.clone()?,
        })
    }

    /// The same at the place where it is left over.
    pub fn at_leftover(&self, context: &Context) -> Self {
        let mut scene = self.clone();
        if let Some(place) = &self.leftover {
            scene.server = Some(place.server.clone());
            scene.handle = context.servers.get(&place.server);
            scene.tenant_id = Some(place.tenant.clone());
            scene.found = None;
        }
        scene
    }
}

/// Gathers the scene. None when the BIOS ID cannot be read, which the schema prevents.
pub fn observe(
    machine: &Arc<VirtualMachine>,
    context: &Context,
    memory: &mut Memory,
) -> Option<Scene> {
    let key = key_of(machine.as_ref());
    let bios_id: BiosId = machine.spec.bios_id.parse().ok()?;
    let tenant = context.cluster.tenant(&Key {
        namespace: key.namespace.clone(),
        name: machine.spec.tenant_ref.name.clone(),
    });
    let home = tenant.as_deref().and_then(Place::of_tenant);
    let search = Search {
        context,
        machine,
        bios_id,
        home: home.as_ref(),
        left: &memory.left,
    };
    let (trail, leftover) = (search.trail(), search.leftover());
    let spot = Spot::new(context, machine, tenant.as_deref(), &trail);
    let left = leftover.as_ref().map_or(Leftover::None, |(_, left)| *left);
    let evidence = evidence(machine, memory, &spot, bios_id);
    let facts = Facts {
        whereabouts: trail.whereabouts,
        leftover: left,
        evidence,
        ..facts(machine, context, memory, tenant.as_deref(), &spot, bios_id)
    };
    let found = spot.sighting(bios_id);
    Some(Scene {
        key,
        machine: Arc::clone(machine),
        status: own_machine_status(machine).cloned().unwrap_or_default(),
        tenant,
        server: spot.server,
        handle: spot.handle,
        tenant_id: spot.tenant,
        leftover: leftover.map(|(place, _)| place),
        unproved: trail.unproved,
        bios_id,
        found: match found {
            Sighting::Present(machine) => Some(machine),
            Sighting::Unlisted | Sighting::Absent => None,
        },
        facts,
    })
}

/// The place that is looked at, as far as it is known, and how it is served.
struct Spot {
    server: Option<String>,
    tenant: Option<TenantId>,
    /// It is the Tenant's own.
    home: bool,
    resource: Option<Arc<IntegrationServer>>,
    handle: Option<Arc<Handle>>,
}

impl Spot {
    fn new(
        context: &Context,
        machine: &VirtualMachine,
        tenant: Option<&Tenant>,
        trail: &Trail,
    ) -> Self {
        // Without a place it is still good to know whose server is spoken of.
        let server = match &trail.place {
            Some(place) => Some(place.server.clone()),
            None => tenant
                .map(|tenant| tenant.spec.integration_server_ref.name.clone())
                .or_else(|| Place::recorded(machine).map(|place| place.server))
                .or_else(|| trail.unproved.clone().map(|place| place.server)),
        };
        let resource = server
            .as_deref()
            .and_then(|name| context.cluster.server(name));
        let handle = server.as_deref().and_then(|name| context.servers.get(name));
        if let (Some(resource), Some(handle)) = (&resource, &handle) {
            guards::keep_current(context, resource, handle);
        }
        Self {
            server,
            tenant: trail.place.clone().map(|place| place.tenant),
            home: trail.whereabouts == Whereabouts::Home,
            resource,
            handle,
        }
    }

    fn place(&self) -> Option<Place> {
        Some(Place {
            server: self.server.clone()?,
            tenant: self.tenant.clone()?,
        })
    }

    fn sighting(&self, bios_id: BiosId) -> Sighting {
        match (&self.handle, &self.tenant) {
            (Some(handle), Some(tenant)) => handle.server.machines().sighting(tenant, bios_id),
            (_, None) | (None, _) => Sighting::Unlisted,
        }
    }

    /// The Tenant was taken over, and this machine with it perhaps: somebody may have
    /// registered it by hand since the list, and a registration would only be refused.
    fn may_have_more(
        &self,
        machine: &VirtualMachine,
        tenant: Option<&Tenant>,
        memory: &mut Memory,
    ) -> bool {
        let status = own_machine_status(machine);
        let is_new = status.is_none_or(|status| status.tenant_id.is_none());
        let adopted = tenant
            .filter(|_| self.home)
            .is_some_and(|tenant| own_status(tenant).adopted == Some(true));
        let (Some(handle), Some(tenant)) = (&self.handle, &self.tenant) else {
            return false;
        };
        if !is_new || !adopted {
            memory.wanted_since = None;
            return false;
        }
        // From the first look on, however long a list takes: one is enough.
        let wanted = *memory.wanted_since.get_or_insert_with(Instant::now);
        let listed = handle.server.machines().listed_at(tenant);
        listed.is_some_and(|at| at + NEW_LIST < wanted)
    }

    /// A registration of a machine that is being deleted may still be carried out.
    fn registers_late(&self, machine: &VirtualMachine, bios_id: BiosId) -> bool {
        let (Some(handle), Some(place)) = (&self.handle, self.place()) else {
            return false;
        };
        let machines = handle.server.machines();
        registers_until(machine, machines, &place, bios_id)
            .is_some_and(|until| Instant::now() < until)
    }

    /// What stands under the tenant's identifier.
    fn identity(&self, tenant: Option<&Tenant>) -> Identity {
        let (Some(handle), Some(id)) = (&self.handle, &self.tenant) else {
            return Identity::Unlisted;
        };
        let tenants = handle.server.tenants();
        if tenants.is_gone(id) {
            return Identity::Gone;
        }
        match (tenants.by_id(id), tenant.filter(|_| self.home)) {
            _ if tenants.listed_at().is_none() => Identity::Unlisted,
            (None, _) => Identity::Missing,
            // Nobody can say any more which name the identifier had.
            (Some(_), None) => Identity::Same,
            (Some(entry), Some(tenant)) if is_ours(tenant, &entry) => Identity::Same,
            (Some(_), Some(_)) => Identity::Other,
        }
    }
}

/// What decides at this spot; where else it is registered is not looked at.
fn facts(
    machine: &VirtualMachine,
    context: &Context,
    memory: &mut Memory,
    tenant: Option<&Tenant>,
    spot: &Spot,
    bios_id: BiosId,
) -> Facts {
    let key = key_of(machine);
    let status = own_machine_status(machine);
    let generation = machine.meta().generation.unwrap_or_default();
    let deleting = machine.meta().deletion_timestamp.is_some();
    let standing = standing(context, tenant);
    let server = spot.resource.as_deref();
    let sighting = spot.sighting(bios_id);
    let registration = match registration(machine, &sighting) {
        Registration::Absent if !deleting && spot.may_have_more(machine, tenant, memory) => {
            Registration::Unlisted
        }
        registration => registration,
    };
    let settled_generation =
        was_settled(status, generation, memory, registration) || is_alike(machine, &sighting);
    let (unsettled, registration) = match registration {
        Registration::Unlisted | Registration::Equal => (false, registration),
        Registration::Different if settled_generation => (false, registration),
        Registration::Different | Registration::Absent => settling(spot, bios_id, registration),
    };
    let unsettled = if deleting {
        spot.registers_late(machine, bios_id)
    } else {
        unsettled
    };
    Facts {
        deleting,
        finalizer: has_finalizer(machine),
        owns: Place::recorded(machine).is_some() || spot.registers_late(machine, bios_id),
        retain: machine.spec.deletion_policy == DeletionPolicy::Retain,
        suspended: tenant.is_some_and(|tenant| tenant.spec.suspend)
            || server.is_some_and(|server| server.spec.suspend),
        outclaimed: match spot.place().filter(|_| deleting) {
            Some(place) => may_be_anothers(context, machine, &place, bios_id),
            None => is_outclaimed(context, machine, spot.server.as_deref(), bios_id),
        },
        tenant: standing,
        reach: match server {
            None => Reach::Missing,
            Some(server) => reach(context, server, spot.handle.as_deref()),
        },
        permitted: server.is_none_or(|server| {
            let permits = context.cluster.permits(server, &key.namespace);
            permits.unwrap_or(false)
        }),
        leaving: server.is_some_and(|server| server.meta().deletion_timestamp.is_some()),
        identity: spot.identity(tenant),
        registration,
        whereabouts: Whereabouts::Nowhere,
        leftover: Leftover::None,
        evidence: Evidence::Unlisted,
        settled_generation,
        unsettled,
        awaited: memory.awaits(spot.tenant.as_ref()),
        rejected: is_rejected(machine, memory, spot.handle.as_deref()),
        waited: waited(memory, deleting, standing, context, &key),
    }
}

/// The server refused, and nothing has changed since.
fn is_rejected(machine: &VirtualMachine, memory: &Memory, handle: Option<&Handle>) -> bool {
    let generation = machine.meta().generation.unwrap_or_default();
    let deleting = machine.meta().deletion_timestamp.is_some();
    memory
        .rejection
        .as_ref()
        .filter(|refused| refused.is_in_force(generation, deleting, requested_at(machine)))
        // An account that lost its rights refused for everybody: once the server is
        // back, each is asked again.
        .is_some_and(|refused| {
            let up_since = handle.and_then(|handle| handle.server.health().up_since());
            !refused.forbidden || up_since.is_none_or(|up| up <= refused.at)
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
        | Standing::LeavingBlocked
        | Standing::Released => BLOCKED,
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

#[cfg(test)]
mod tests;
