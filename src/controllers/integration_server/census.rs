//! Who is counted around an IntegrationServer: the tenants it has, those who refer to
//! it, and an older one with the same address. Reads what is watched and listed.

use std::collections::BTreeSet;

use kube::ResourceExt;

use crate::api::{IntegrationServer, TenantCounts};
use crate::controllers::cluster::{Key, created_at, own_machine_status};
use crate::controllers::context::Context;
use crate::controllers::servers::Handle;
use crate::controllers::writes;
use crate::viis::Endpoint;

/// What the server has; None without a list.
pub fn counts(context: &Context, name: &str, handle: &Handle) -> Option<TenantCounts> {
    handle.server.tenants().listed_at()?;
    let (known, active, ids) = handle.server.tenants().census();
    let unclaimed = ids
        .iter()
        .filter(|id| context.cluster.tenants_with_id(name, id).is_empty())
        .count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(TenantCounts {
        known: number(known),
        active: number(active),
        unclaimed: number(unclaimed),
    })
}

/// How many Tenants and VirtualMachines with our finalizer refer to it. What a machine's
/// annotation notes is no reference: anybody may write that, and where it is true, the
/// Tenant that it speaks of counts.
pub fn referrers(context: &Context, name: &str) -> usize {
    let tenants = context.cluster.tenants_of_server(name);
    let mut machines: BTreeSet<_> = context
        .cluster
        .machines_of_server(name)
        .into_iter()
        .filter(|key| is_recorded_on(context, key, name))
        .collect();
    for tenant in &tenants {
        machines.extend(context.cluster.machines_of_tenant(tenant));
    }
    let tenants = tenants.iter().filter_map(|key| context.cluster.tenant(key));
    let machines = machines
        .iter()
        .filter_map(|key| context.cluster.machine(key));
    tenants
        .filter(|tenant| writes::has_finalizer(tenant.as_ref()))
        .count()
        + machines
            .filter(|machine| writes::has_finalizer(machine.as_ref()))
            .count()
}

/// The machine's status says that it is registered there.
fn is_recorded_on(context: &Context, machine: &Key, server: &str) -> bool {
    context.cluster.machine(machine).is_some_and(|machine| {
        let status = own_machine_status(&machine);
        status.and_then(|status| status.integration_server.as_deref()) == Some(server)
    })
}

/// An older IntegrationServer has this address and port.
pub fn is_outclaimed(context: &Context, server: &IntegrationServer) -> bool {
    let endpoint = |server: &IntegrationServer| {
        let address = server.spec.address.to_ascii_lowercase();
        Endpoint {
            address,
            port: server.spec.port,
        }
    };
    let age = |server: &IntegrationServer| (created_at(server), server.uid());
    let own = endpoint(server);
    context
        .cluster
        .servers()
        .iter()
        .any(|other| endpoint(other) == own && age(other) < age(server))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::api::{REGISTERED_WITH_ANNOTATION, Tenant, VirtualMachine};
    use crate::controllers::fixtures::Stage;

    fn noted() -> VirtualMachine {
        let machine = VirtualMachine::test_resource("web");
        machine.annotated(REGISTERED_WITH_ANNOTATION, "main/1")
    }

    #[tokio::test]
    async fn a_note_that_anybody_can_write_holds_no_server_up() {
        let stage = Stage::ready();
        stage.machine(noted());
        assert_eq!(referrers(&stage.context, "main"), 0);
    }

    #[tokio::test]
    async fn a_status_holds_its_server_up_and_a_tenant_its_machines_too() {
        let stage = Stage::ready();
        stage.machine(noted().registered("1"));
        assert_eq!(referrers(&stage.context, "main"), 1, "the machine");
        stage.tenant(Tenant::test("acme").recorded("1"));
        stage.machine(noted());
        assert_eq!(referrers(&stage.context, "main"), 2, "and the Tenant");
    }
}
