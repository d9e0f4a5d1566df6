//! Where a machine is registered, or may be: server and tenant as one pair, from one
//! source, and what that source is worth. Calls nobody and writes nothing.
//!
//! - The status is written by the operator alone: what it records of this very resource
//!   counts. One that came with a backup, under another UID, does not.
//! - The note stands in an annotation, which every user of the namespace can write. It
//!   counts only where a Tenant of that namespace has that very tenant, on a server
//!   that lets the namespace in: then its owner could have asked for the same.
//! - Nothing counts where a Tenant of another namespace has that tenant.

use std::fmt;
use std::sync::Arc;

use kube::Resource;
use tokio::time::Instant;

use super::rivals::may_be_anothers;
use crate::api::{Tenant, VirtualMachine};
use crate::controllers::cluster::{self, own_machine_status, owned_identifier};
use crate::controllers::context::Context;
use crate::controllers::integration_server::guards;
use crate::controllers::servers::Handle;
use crate::controllers::tenant::observe::reach;
use crate::controllers::writes::has_finalizer;
use crate::inventory::machines::{Machines, Sighting};
use crate::plan::Reach;
use crate::plan::virtual_machine::{Leftover, Whereabouts};
use crate::viis::{BiosId, TenantId};

/// A tenant of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The IntegrationServer's name.
    pub server: String,
    /// The tenant's identifier there.
    pub tenant: TenantId,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tenant {} of IntegrationServer {}",
            self.tenant, self.server
        )
    }
}

impl Place {
    /// Where the machines of this Tenant belong.
    pub fn of_tenant(tenant: &Tenant) -> Option<Self> {
        Some(Self {
            server: tenant.spec.integration_server_ref.name.clone(),
            tenant: owned_identifier(tenant)?,
        })
    }

    /// What the status records.
    pub fn recorded(machine: &VirtualMachine) -> Option<Self> {
        let status = own_machine_status(machine)?;
        Some(Self {
            server: status.integration_server.clone()?,
            tenant: TenantId::new(status.tenant_id.clone()?),
        })
    }

    /// What the annotation notes.
    pub fn noted(machine: &VirtualMachine) -> Option<Self> {
        let (server, tenant) = cluster::noted(machine)?;
        Some(Self { server, tenant })
    }

    /// The note for the finalizer's write.
    pub fn note(&self) -> String {
        format!("{}/{}", self.server, self.tenant)
    }
}

/// Until when a registration of a machine that is to leave there may still be carried out.
pub fn registers_until(
    machine: &VirtualMachine,
    machines: &Machines,
    place: &Place,
    bios_id: BiosId,
) -> Option<Instant> {
    let noted = Place::noted(machine).as_ref() == Some(place);
    machines.registers_until(&place.tenant, bios_id, noted)
}

/// One machine, and what is asked about it.
pub struct Search<'a> {
    /// What all controllers share.
    pub context: &'a Context,
    /// The machine.
    pub machine: &'a VirtualMachine,
    /// Its BIOS ID.
    pub bios_id: BiosId,
    /// Where its Tenant wants it.
    pub home: Option<&'a Place>,
    /// Where this process has unregistered it.
    pub left: &'a [Place],
}

/// Where a live machine belongs, or what the deletion of one has to undo.
pub struct Trail {
    /// The place to look at now.
    pub place: Option<Place>,
    /// What that is.
    pub whereabouts: Whereabouts,
    /// A place that something names and nothing proves.
    pub unproved: Option<Place>,
}

impl Trail {
    /// A live machine's: there is nothing to undo, it belongs where its Tenant is.
    fn of_live(home: Option<Place>, unproved: Option<Place>) -> Self {
        Self {
            whereabouts: match home {
                Some(_) => Whereabouts::Home,
                None => Whereabouts::Nowhere,
            },
            place: home,
            unproved,
        }
    }
}

impl Search<'_> {
    /// What is followed of it.
    pub fn trail(&self) -> Trail {
        if self.machine.meta().deletion_timestamp.is_some() {
            self.undoing()
        } else {
            Trail::of_live(self.home.cloned(), self.forgotten())
        }
    }

    /// What the deletion has to undo: the note first, then the status; without either,
    /// where its Tenant is.
    fn undoing(&self) -> Trail {
        let recorded = Place::recorded(self.machine);
        let noted = Place::noted(self.machine).filter(|noted| recorded.as_ref() != Some(noted));
        let mut unproved = None;
        let mut counting: Vec<Place> = Vec::new();
        let noted = noted.map(|noted| (self.is_proved(&noted), noted));
        let written = recorded.clone().map(|recorded| (true, recorded));
        for (proved, place) in noted.into_iter().chain(written) {
            if proved && !self.is_anothers(&place) {
                counting.push(place);
            } else if !self.is_gone(&place) {
                unproved = Some(place);
            }
        }
        if counting.is_empty() && recorded.is_none() {
            let home = self.home.filter(|home| self.is_permitted(home));
            counting.extend(home.cloned());
        }
        let open = || counting.iter().filter(|place| !self.left.contains(place));
        let undecided = open().find(|place| !self.is_gone(place) && !self.is_claimed(place));
        let place = undecided.or_else(|| open().next()).cloned();
        let whereabouts = match &place {
            None if counting.is_empty() => Whereabouts::Nowhere,
            None => Whereabouts::Left,
            Some(place) if self.home == Some(place) => Whereabouts::Home,
            Some(_) => Whereabouts::Elsewhere,
        };
        Trail {
            place,
            whereabouts,
            unproved,
        }
    }

    /// Where a live machine is registered beside its home. What the status records
    /// last settles it: once that is home, an older note says nothing.
    pub fn leftover(&self) -> Option<(Place, Leftover)> {
        let home = self.home?;
        if self.machine.meta().deletion_timestamp.is_some() {
            return None;
        }
        let recorded = Place::recorded(self.machine);
        if recorded.as_ref() == Some(home) {
            return None;
        }
        // The write that brings a note brings our finalizer: without it, the note came with
        // a manifest that was copied.
        let noted = Place::noted(self.machine)
            .filter(|noted| has_finalizer(self.machine) && self.is_proved(noted));
        let places = noted.into_iter().chain(recorded);
        places
            .filter(|place| place != home && !self.left.contains(place))
            .map(|place| (self.left_at(&place), place))
            .find(|(left, _)| *left != Leftover::None)
            .map(|(left, place)| (place, left))
    }

    /// A note of a live machine that nothing proves: its next note takes its place.
    fn forgotten(&self) -> Option<Place> {
        let recorded = Place::recorded(self.machine);
        Place::noted(self.machine).filter(|noted| {
            let known = self.home == Some(noted) || recorded.as_ref() == Some(noted);
            !(known || self.left.contains(noted) || self.is_gone(noted) || self.is_proved(noted))
        })
    }

    /// What can be done about a registration at this place.
    fn left_at(&self, place: &Place) -> Leftover {
        let Some(server) = self.context.cluster.server(&place.server) else {
            return Leftover::Lost;
        };
        let handle = self.context.servers.get(&place.server);
        if let Some(handle) = &handle {
            guards::keep_current(self.context, &server, handle);
        }
        match reach(self.context, &server, handle.as_deref()) {
            Reach::Missing | Reach::Foreign => Leftover::Lost,
            // It waits for this machine, and nobody may mend it any more.
            Reach::NotReady | Reach::Guarded if server.meta().deletion_timestamp.is_some() => {
                Leftover::Lost
            }
            Reach::NotReady | Reach::Guarded => Leftover::Blocked,
            Reach::Ready if self.is_gone(place) => Leftover::None,
            Reach::Ready if self.is_anothers(place) || self.is_claimed(place) => Leftover::Lost,
            Reach::Ready if server.spec.suspend => Leftover::Blocked,
            Reach::Ready => handle.map_or(Leftover::Blocked, |handle| self.shown(place, &handle)),
        }
    }

    /// What the server shows at this place. Under an identifier that was given away
    /// again another registration may stand, with another identifier of its own.
    fn shown(&self, place: &Place, handle: &Handle) -> Leftover {
        let status = own_machine_status(self.machine);
        let ours = status.and_then(|status| status.virtual_machine_id.as_deref());
        match handle
            .server
            .machines()
            .sighting(&place.tenant, self.bios_id)
        {
            Sighting::Unlisted => Leftover::Unlisted,
            Sighting::Absent => self.absent(place, handle),
            Sighting::Present(found) => match (found.id, ours) {
                (Some(found), Some(ours)) if found.as_str() != ours => Leftover::Lost,
                (Some(_) | None, _) => self.removable(place, handle),
            },
        }
    }

    /// The list does not show it, so it is not unregistered: the BIOS ID may be registered with
    /// a different tenant. Only a list from after our last request proves that.
    fn absent(&self, place: &Place, handle: &Handle) -> Leftover {
        let machines = handle.server.machines();
        let until = registers_until(self.machine, machines, place, self.bios_id);
        match until {
            Some(until) if Instant::now() < until => Leftover::Unsettled,
            Some(until) if machines.listed_at(&place.tenant) < Some(until) => Leftover::Unlisted,
            Some(_) | None => Leftover::None,
        }
    }

    fn removable(&self, place: &Place, handle: &Handle) -> Leftover {
        let machines = handle.server.machines();
        match registers_until(self.machine, machines, place, self.bios_id) {
            Some(until) if Instant::now() < until => Leftover::Unsettled,
            Some(_) | None => Leftover::Removable,
        }
    }

    /// A Tenant of this namespace has that tenant, and the server lets the namespace in.
    fn is_proved(&self, place: &Place) -> bool {
        self.is_permitted(place)
            && self
                .owners(place)
                .iter()
                .any(|owner| owner.namespace == self.namespace())
    }

    /// A Tenant of another namespace has that tenant, and the machine's own has not.
    fn is_anothers(&self, place: &Place) -> bool {
        self.home != Some(place)
            && self
                .owners(place)
                .iter()
                .any(|owner| owner.namespace != self.namespace())
    }

    fn owners(&self, place: &Place) -> Vec<cluster::Key> {
        self.context
            .cluster
            .tenants_with_id(&place.server, &place.tenant)
    }

    /// A server that is not there (yet) is waited for.
    fn is_permitted(&self, place: &Place) -> bool {
        let cluster = &self.context.cluster;
        cluster
            .server(&place.server)
            .is_none_or(|server| cluster.permits(&server, self.namespace()).unwrap_or(false))
    }

    fn is_gone(&self, place: &Place) -> bool {
        let handle: Option<Arc<Handle>> = self.context.servers.get(&place.server);
        handle.is_some_and(|handle| handle.server.tenants().is_gone(&place.tenant))
    }

    /// What is registered there may be another VirtualMachine's.
    fn is_claimed(&self, place: &Place) -> bool {
        may_be_anothers(self.context, self.machine, place, self.bios_id)
    }

    fn namespace(&self) -> &str {
        self.machine.meta().namespace.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
