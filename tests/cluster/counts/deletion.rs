//! Writes and calls of a deletion.

use super::{apply, machines_of, stand, within};
use crate::harness::{Life, Lives, Stand, simple_tenant, told};
use kube::api::{Api, DeleteParams, ListParams};
use std::ops::RangeInclusive;
use viis_operator::api::{Tenant, VirtualMachine};

const TENANTS: usize = 3;
const MACHINES: usize = 4;

/// The removal of the finalizer.
const METADATA: u64 = 1;
/// The decision and the task. Bad: a Tenant that plans its deletion before the
/// IntegrationServer's controller has admitted it reports that it waits for the guard, even
/// if the guard is off. The design needs 2.
const STATUSES: RangeInclusive<u64> = 2..=3;
/// `status.deletions` of the IntegrationServer: one write for all Tenants that are evaluated
/// together.
const SERVER_STATUSES: RangeInclusive<u64> = 1..=TENANTS as u64;
/// Without the guard no deletion is recorded; the count of tenants may be due.
const SERVER_STATUSES_WITHOUT: RangeInclusive<u64> = 0..=1;
/// A GET proves the identity of what is deleted.
const GETS: u64 = 1;
/// All tasks in one call, a few times a second.
const POLLS: RangeInclusive<u64> = 1..=12;
/// That the tenant is gone.
const EVENTS: u64 = 1;

#[tokio::test]
async fn a_deletion_with_the_guard() {
    delete(true, &SERVER_STATUSES).await;
}

#[tokio::test]
async fn a_deletion_without_the_guard() {
    delete(false, &SERVER_STATUSES_WITHOUT).await;
}

async fn delete(guard: bool, server_statuses: &RangeInclusive<u64>) {
    let stand = stand(&[], |server| server.with("spec.guard.enabled", guard)).await;
    let tenants = stand.journal::<Tenant>().await;
    let machines = stand.journal::<VirtualMachine>().await;
    for number in 0..TENANTS {
        let name = format!("tenant-{number}");
        stand.apply([simple_tenant(&name)]).await;
        apply(&stand, machines_of(&name, number, MACHINES)).await;
    }
    tenants.ready(TENANTS).await;
    machines.ready(TENANTS * MACHINES).await;
    let before = stand.counts_at_rest().await;
    let (old, old_machines) = (tenants.lives(), machines.lives());
    delete_all(&stand).await;
    tenants.gone().await;
    machines.gone().await;

    let counts = stand.counts_at_rest().await.since(&before);
    let (tenants, machines) = (tenants.lives(), machines.lives());
    let told = format!("{}\n{}\n{counts}", told(&tenants), told(&machines));
    for (name, life) in &tenants {
        assert_eq!(
            grown(&old, name, life, |it| it.metadata),
            METADATA,
            "{told}"
        );
        let statuses = grown(&old, name, life, |it| it.statuses);
        assert!(STATUSES.contains(&statuses), "{statuses}\n{told}");
    }
    for (name, life) in &machines {
        assert_eq!(
            grown(&old_machines, name, life, |it| it.metadata),
            METADATA,
            "{told}"
        );
        assert_eq!(
            grown(&old_machines, name, life, |it| it.statuses),
            0,
            "{told}"
        );
    }
    let sum = |part: fn(&Life) -> u64| {
        let tenants = tenants
            .iter()
            .map(|(name, life)| grown(&old, name, life, part));
        tenants.sum::<u64>()
    };
    assert_eq!(
        counts.patches("tenants/status"),
        sum(|it| it.statuses),
        "{told}"
    );
    assert_eq!(counts.patches("tenants"), sum(|it| it.metadata), "{told}");
    let machines = machines.len() as u64;
    assert_eq!(
        counts.patches("virtualmachines"),
        machines * METADATA,
        "{counts}"
    );
    assert_eq!(counts.patches("virtualmachines/status"), 0, "{counts}");
    let server = counts.patches("integrationservers/status");
    within(
        "statuses of the IntegrationServer",
        server,
        server_statuses,
        &counts,
    );
    assert_eq!(counts.rejected_writes(), 0, "{counts}");

    let all = TENANTS as u64;
    assert_eq!(counts.created("events"), all * EVENTS, "{counts}");
    assert_eq!(counts.calls("DELETE tenant"), all, "{counts}");
    assert_eq!(
        counts.mutating_calls(),
        all,
        "nothing is unregistered\n{counts}"
    );
    assert_eq!(counts.calls("GET tenant"), all * GETS, "{counts}");
    assert_eq!(counts.calls("GET tenants"), 0, "{counts}");
    assert_eq!(counts.calls("GET vms"), 0, "{counts}");
    within("polls", counts.calls("GET tasks"), &POLLS, &counts);
    stand.ends_well().await;
}

/// One request for each kind, as the deletion of a namespace sends them.
async fn delete_all(stand: &Stand) {
    let (everything, parameters) = (ListParams::default(), DeleteParams::default());
    let tenants: Api<Tenant> = Api::namespaced(stand.client.clone(), &stand.namespace);
    let deleted = tenants.delete_collection(&parameters, &everything).await;
    deleted.unwrap();
    let machines: Api<VirtualMachine> = Api::namespaced(stand.client.clone(), &stand.namespace);
    let deleted = machines.delete_collection(&parameters, &everything).await;
    deleted.unwrap();
}

fn grown(old: &Lives, name: &str, life: &Life, part: impl Fn(&Life) -> u64) -> u64 {
    part(life) - part(&old[name])
}
