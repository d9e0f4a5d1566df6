//! What a resync costs when nothing has changed.

use super::{apply, machines_of};
use crate::harness::{Stand, eventually, simple_tenant};
use viis_operator::api::{Tenant, VirtualMachine};

const TENANTS: usize = 20;
const MACHINES: usize = 5;
const RESYNCS: u64 = 2;

/// For each resync. Bad: every Tenant and every machine is reconciled, changed or not. The
/// design needs none of these.
const TENANT_RECONCILES: u64 = TENANTS as u64;
const MACHINE_RECONCILES: u64 = (TENANTS * MACHINES) as u64;
/// One lists the tenants and wakes the next, which evaluates the guards on that list. The
/// design needs 1.
const SERVER_RECONCILES: u64 = 2;
/// One for each tenant with machines.
const LISTS: u64 = TENANTS as u64;

#[tokio::test]
async fn a_resync_that_finds_nothing_changed() {
    let stand = Stand::ready_with(&[], |server| {
        server
            .with("spec.resyncInterval", "10s")
            .with("spec.limits.requestsPerSecond", 1000)
            .with("spec.limits.concurrentTasks", 100)
    })
    .await;
    let tenants = stand.journal::<Tenant>().await;
    let machines = stand.journal::<VirtualMachine>().await;
    for number in 0..TENANTS {
        let name = format!("tenant-{number:02}");
        apply(&stand, vec![simple_tenant(&name)]).await;
        apply(&stand, machines_of(&name, number, MACHINES)).await;
    }
    tenants.ready(TENANTS).await;
    machines.ready(TENANTS * MACHINES).await;
    // The counts of the Integration Server's tenants are written a little later.
    let all = TENANTS as u32;
    let server = stand.integration_server();
    let counted = server.until("all are counted", |server| {
        let status = server.status.as_ref();
        status
            .and_then(|status| status.tenants)
            .is_some_and(|it| it.active == all)
    });
    counted.await;
    resync(&stand, 1).await;

    let before = stand.counts_at_rest().await;
    resync(&stand, RESYNCS).await;
    let counts = stand.counts_at_rest().await.since(&before);
    // On a busy machine another one may have begun.
    let resyncs = counts.calls("GET tenants");
    assert!(resyncs >= RESYNCS, "{counts}");
    assert_eq!(counts.writes(), 0, "{counts}");
    assert_eq!(counts.mutating_calls(), 0, "{counts}");
    assert_eq!(counts.calls("GET vms"), resyncs * LISTS, "{counts}");
    for (kind, reconciles) in [
        ("Tenant", TENANT_RECONCILES),
        ("VirtualMachine", MACHINE_RECONCILES),
        ("IntegrationServer", SERVER_RECONCILES),
    ] {
        assert_eq!(
            counts.reconciles(kind),
            resyncs * reconciles,
            "{kind}\n{counts}"
        );
    }
    stand.ends_well().await;
}

/// Waits until that many more resyncs have begun.
async fn resync(stand: &Stand, times: u64) {
    let before = stand.simulator.calls().await;
    eventually("the next resync", async || {
        stand.simulator.calls_since(&before).await.of("GET tenants") >= times
    })
    .await;
}
