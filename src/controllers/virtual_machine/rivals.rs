//! Who else has a machine's BIOS ID on a server. The judging itself is pure:
//! [`crate::plan::claims`].

use std::sync::Arc;

use kube::Resource;

use super::whereabouts::Place;
use crate::api::{IntegrationServer, Tenant, VirtualMachine};
use crate::controllers::cluster::{Key, created_at, own_machine_status};
use crate::controllers::context::Context;
use crate::controllers::writes::{has_finalizer, is_released};
use crate::plan::claims::{Claimant, holder};
use crate::viis::BiosId;

/// Whether another VirtualMachine has the BIOS ID on this server. Of others only a status
/// holds a claim: a note would let anybody take one away.
pub fn is_outclaimed(
    context: &Context,
    machine: &VirtualMachine,
    server: Option<&str>,
    bios_id: BiosId,
) -> bool {
    let rivals = rivals(context, machine, bios_id, &|rival| {
        is_on(context, rival, server)
    });
    let holds = is_recorded(machine, server) || is_on_its_way(context, machine, server, &rivals);
    is_anothers(context, machine, holds, server, &rivals)
}

/// Whether what is registered at this place may be another VirtualMachine's, which has the
/// claim. A BIOS ID is registered once on a server: who could not be registered at this
/// place does not own what stands there.
pub fn may_be_anothers(
    context: &Context,
    machine: &VirtualMachine,
    place: &Place,
    bios_id: BiosId,
) -> bool {
    let rivals = rivals(context, machine, bios_id, &|rival| {
        may_be_at(context, machine, rival, place)
    });
    let server = Some(place.server.as_str());
    let holds = is_recorded(machine, server);
    is_anothers(context, machine, holds, server, &rivals)
}

/// The other VirtualMachines with this BIOS ID that count.
fn rivals(
    context: &Context,
    machine: &VirtualMachine,
    bios_id: BiosId,
    counts: &dyn Fn(&VirtualMachine) -> bool,
) -> Vec<Arc<VirtualMachine>> {
    let all = context.cluster.machines_with_bios_id(bios_id);
    all.iter()
        .filter_map(|rival| context.cluster.machine(rival))
        .filter(|rival| rival.meta().uid != machine.meta().uid && counts(rival))
        .filter(|rival| !is_released(rival.as_ref()))
        .collect()
}

fn is_anothers(
    context: &Context,
    machine: &VirtualMachine,
    holds: bool,
    server: Option<&str>,
    rivals: &[Arc<VirtualMachine>],
) -> bool {
    if rivals.is_empty() {
        return false;
    }
    let integration_server = server.and_then(|name| context.cluster.server(name));
    let others = rivals
        .iter()
        .map(|rival| (rival.as_ref(), is_recorded(rival, server)));
    let claimants: Vec<Claimant<'_>> = others
        .chain([(machine, holds)])
        .map(|(machine, holds)| Claimant {
            uid: uid_of(machine),
            holds,
            permitted: permits(context, integration_server.as_deref(), machine),
            created: created_at(machine),
        })
        .collect();
    holder(&claimants).is_some_and(|holder| holder != uid_of(machine))
}

/// Its registration was sent, and its status does not say so yet. It goes on with that, so
/// that one of two in different tenants comes to an end: the server takes one of them.
fn is_on_its_way(
    context: &Context,
    machine: &VirtualMachine,
    server: Option<&str>,
    rivals: &[Arc<VirtualMachine>],
) -> bool {
    let home = home_of(context, machine);
    let Some(home) = home.filter(|home| Some(home.server.as_str()) == server) else {
        return false;
    };
    let sent = has_finalizer(machine) && Place::noted(machine).as_ref() == Some(&home);
    sent && !rivals
        .iter()
        .any(|rival| is_recorded(rival, server) || may_be_at(context, machine, rival, &home))
}

/// The rival belongs at this place, or is registered there as far as can be known.
fn may_be_at(
    context: &Context,
    machine: &VirtualMachine,
    rival: &VirtualMachine,
    place: &Place,
) -> bool {
    // The note of another namespace would be anybody's word.
    let neighbour = rival.meta().namespace == machine.meta().namespace;
    let noted = Place::noted(rival).filter(|_| neighbour);
    let places = [home_of(context, rival), noted, Place::recorded(rival)];
    places.into_iter().flatten().any(|other| other == *place)
}

fn uid_of(machine: &VirtualMachine) -> &str {
    machine.meta().uid.as_deref().unwrap_or_default()
}

fn home_of(context: &Context, machine: &VirtualMachine) -> Option<Place> {
    let tenant = tenant_of(context, machine);
    tenant.as_deref().and_then(Place::of_tenant)
}

/// It belongs on this server, or is registered there.
fn is_on(context: &Context, machine: &VirtualMachine, server: Option<&str>) -> bool {
    let belongs = tenant_of(context, machine);
    let belongs = belongs.as_deref().map(|tenant| {
        let reference = &tenant.spec.integration_server_ref;
        reference.name.as_str()
    });
    is_recorded(machine, server) || (belongs == server && server.is_some())
}

fn tenant_of(context: &Context, machine: &VirtualMachine) -> Option<Arc<Tenant>> {
    context.cluster.tenant(&Key {
        namespace: machine.meta().namespace.clone().unwrap_or_default(),
        name: machine.spec.tenant_ref.name.clone(),
    })
}

fn is_recorded(machine: &VirtualMachine, server: Option<&str>) -> bool {
    own_machine_status(machine).is_some_and(|status| {
        status.tenant_id.is_some()
            && status.integration_server.is_some()
            && status.integration_server.as_deref() == server
    })
}

fn permits(
    context: &Context,
    server: Option<&IntegrationServer>,
    machine: &VirtualMachine,
) -> bool {
    let namespace = machine.meta().namespace.as_deref().unwrap_or_default();
    server.is_none_or(|server| context.cluster.permits(server, namespace).unwrap_or(false))
}
