//! Who else has a machine's BIOS ID on a server. The judging itself is pure:
//! [`crate::plan::claims`].

use std::sync::Arc;

use kube::Resource;

use crate::api::{IntegrationServer, VirtualMachine};
use crate::controllers::cluster::{Key, created_at};
use crate::controllers::context::Context;
use crate::plan::claims::{Claimant, holder};
use crate::viis::BiosId;

/// Whether another VirtualMachine has the BIOS ID on this server. Only a status holds a
/// claim: a note would let anybody take one away.
pub fn is_outclaimed(
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
        .filter(|rival| rival.meta().uid == machine.meta().uid || is_on(context, rival, server))
        .collect();
    let integration_server = server.and_then(|name| context.cluster.server(name));
    let claimants: Vec<Claimant<'_>> = rivals
        .iter()
        .map(|rival| Claimant {
            uid: rival.meta().uid.as_deref().unwrap_or_default(),
            holds: is_recorded(rival, server),
            permitted: permits(context, integration_server.as_deref(), rival),
            created: created_at(rival.as_ref()),
        })
        .collect();
    holder(&claimants).is_some_and(|holder| holder != uid)
}

/// It belongs on this server, or is registered there.
fn is_on(context: &Context, machine: &VirtualMachine, server: Option<&str>) -> bool {
    let tenant = context.cluster.tenant(&Key {
        namespace: machine.meta().namespace.clone().unwrap_or_default(),
        name: machine.spec.tenant_ref.name.clone(),
    });
    let belongs = tenant.as_deref().map(|tenant| {
        let reference = &tenant.spec.integration_server_ref;
        reference.name.as_str()
    });
    is_recorded(machine, server) || (belongs == server && server.is_some())
}

fn is_recorded(machine: &VirtualMachine, server: Option<&str>) -> bool {
    machine.status.as_ref().is_some_and(|status| {
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
