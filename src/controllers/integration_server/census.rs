//! Who is counted around an IntegrationServer: the tenants it has, those who refer to
//! it, and an older one with the same address. Reads what is watched and listed.

use std::collections::BTreeSet;

use kube::ResourceExt;

use crate::api::{IntegrationServer, TenantCounts};
use crate::controllers::cluster::{Key, created_at, own_machine_status};
use crate::controllers::context::Context;
use crate::controllers::servers::Handle;
use crate::controllers::writes;
use crate::plan::claims::{Claimant, holder};
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

/// Another IntegrationServer has this address and port: who is served there keeps it, else
/// who was last, else the older one has it.
pub fn is_outclaimed(context: &Context, server: &IntegrationServer) -> bool {
    let own = endpoint(server);
    let servers = context.cluster.servers();
    let rivals = servers.iter().filter(|other| endpoint(other) == own);
    let rivals: Vec<_> = rivals.map(|other| (other, other.uid())).collect();
    let served = rivals
        .iter()
        .any(|(other, _)| is_served_at(context, other, &own));
    let claimants = rivals.iter().map(|(other, uid)| Claimant {
        uid: uid.as_deref().unwrap_or_default(),
        holds: match served {
            true => is_served_at(context, other, &own),
            false => was_served_at(other, &own),
        },
        permitted: true,
        created: created_at(other.as_ref()),
    });
    let claimants: Vec<_> = claimants.collect();
    holder(&claimants).is_some_and(|holder| Some(holder) != server.uid().as_deref())
}

fn endpoint(server: &IntegrationServer) -> Endpoint {
    Endpoint {
        address: server.spec.address.to_ascii_lowercase(),
        port: server.spec.port,
    }
}

fn is_served_at(context: &Context, server: &IntegrationServer, endpoint: &Endpoint) -> bool {
    let handle = context.servers.get(&server.name_any());
    handle.is_some_and(|handle| {
        let own = Some(&handle.uid) == server.metadata.uid.as_ref();
        own && handle
            .endpoint
            .address
            .eq_ignore_ascii_case(&endpoint.address)
            && handle.endpoint.port == endpoint.port
    })
}

fn was_served_at(server: &IntegrationServer, endpoint: &Endpoint) -> bool {
    let status = server.status.as_ref();
    let last = status.and_then(|status| status.endpoint.as_deref());
    last.is_some_and(|last| last.eq_ignore_ascii_case(&endpoint.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

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

    /// Made at this second, under this UID, served last at this endpoint.
    fn main(name: &str, created: i64, uid: &str, served: Option<&str>) -> IntegrationServer {
        let mut server = IntegrationServer::test();
        server.metadata.name = Some(name.to_owned());
        server.metadata.uid = Some(uid.to_owned());
        let created = k8s_openapi::jiff::Timestamp::from_second(created).unwrap();
        server.metadata.creation_timestamp = Some(
            k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(created),
        );
        let status = server.status.get_or_insert_default();
        status.endpoint = served.map(str::to_owned);
        server
    }

    #[rstest]
    #[case::the_older_one(main("a", 1, "2", None), main("b", 2, "1", None), [false, true])]
    #[case::as_old_the_uid(main("a", 1, "2", None), main("b", 1, "1", None), [true, false])]
    #[case::who_is_served_there_keeps_it(
        main("a", 1, "1", Some("elsewhere:7271")),
        main("b", 2, "2", Some("VIIS.example.com:7271")),
        [true, false]
    )]
    #[case::both_were(
        main("a", 1, "1", Some("viis.example.com:7271")),
        main("b", 2, "2", Some("viis.example.com:7271")),
        [false, true]
    )]
    #[tokio::test]
    async fn of_two_with_one_address_has_it(
        #[case] mut first: IntegrationServer,
        #[case] mut second: IntegrationServer,
        #[case] outclaimed: [bool; 2],
    ) {
        first.spec.address = "viis.example.com".to_owned();
        second.spec.address = "viis.EXAMPLE.com".to_owned();
        let stage = Stage::empty();
        for server in [&first, &second] {
            stage.context.cluster.servers.put(server.clone());
        }
        let seen = [&first, &second].map(|server| is_outclaimed(&stage.context, server));
        assert_eq!(seen, outclaimed);
        second.spec.port += 1;
        stage.context.cluster.servers.put(second.clone());
        assert!(!is_outclaimed(&stage.context, &first));
        assert!(!is_outclaimed(&stage.context, &second));
    }

    /// One that comes back to an address where another one is served by now.
    #[tokio::test]
    async fn who_is_served_there_now_keeps_it() {
        let stage = Stage::empty();
        let before = main("a", 1, "1", Some("127.0.0.1:7271"));
        let now = main("main", 2, "uid-main", Some("127.0.0.1:7271"));
        for mut server in [before.clone(), now.clone()] {
            server.spec.address = "127.0.0.1".to_owned();
            stage.context.cluster.servers.put(server);
        }
        let seen =
            |name| is_outclaimed(&stage.context, &stage.context.cluster.server(name).unwrap());
        assert_eq!([seen("a"), seen("main")], [false, true]);
        stage.serve_at("127.0.0.1:7271");
        assert_eq!([seen("a"), seen("main")], [true, false]);
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
