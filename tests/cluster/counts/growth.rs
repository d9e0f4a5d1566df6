//! What machines cost: writes, registrations, lists, and how the reconciles grow with
//! their number.

use super::{agree, apply, machines_of, stand, within};
use crate::harness::{Counts, Lives, Stand, simple_tenant, told};
use std::ops::RangeInclusive;
use viis_operator::api::{Tenant, VirtualMachine};

/// The finalizer with the annotation, and the outcome.
const METADATA: u64 = 1;
const STATUSES: u64 = 1;
/// The number of registered machines, at most once in 10 s.
const TENANT_STATUSES: RangeInclusive<u64> = 0..=3;
/// Bad: each of 16 callers waits for a list that begins after its registration, so one
/// list proves 16 machines at most, and mostly fewer. The design needs about 10 lists.
const LISTS_FOR_200: RangeInclusive<u64> = 13..=50;
/// So long a call takes: lists are shared by whoever waits meanwhile, and their number
/// depends on this instead of the speed of the machine.
const LATENCY: &str = "200ms";
/// Bad: each event of a machine (its creation, the finalizer, the status) wakes its Tenant;
/// those that come while it is reconciled are one. The design needs a number that does not
/// grow with the machines.
const TENANT_RECONCILES_PER_MACHINE: f64 = 3.0;
/// Of 10 and of 100 machines. The design needs 1.
const TENANT_GROWTH: RangeInclusive<f64> = 2.0..=30.0;
/// Bad: the operator's own two writes wake the machine again, and each status of the Tenant
/// all of them. The design needs 1.
const RECONCILES_PER_MACHINE: RangeInclusive<f64> = 1.5..=6.0;
/// A machine that is registered alone: the list that proves it.
const LISTS_FOR_ONE: u64 = 1;

#[tokio::test]
async fn one_machine_after_the_other() {
    let stand = stand(&[], |server| server).await;
    for group in 0..3 {
        let counts = register(&stand, group, 1).await;
        assert_eq!(counts.calls("GET vms"), LISTS_FOR_ONE, "{counts}");
    }
    stand.ends_well().await;
}

#[tokio::test]
async fn two_hundred_machines_of_one_tenant() {
    let stand = stand(&["--latency", LATENCY], |server| server).await;
    let counts = register(&stand, 0, 200).await;
    within("lists", counts.calls("GET vms"), &LISTS_FOR_200, &counts);
    stand.ends_well().await;
}

#[tokio::test]
async fn ten_times_the_machines() {
    let stand = stand(&[], |server| server).await;
    let ten = register(&stand, 0, 10).await;
    let hundred = register(&stand, 1, 100).await;
    for (counts, machines) in [(&ten, 10.0), (&hundred, 100.0)] {
        let of_tenant = counts.reconciles("Tenant") as f64;
        let most = TENANT_RECONCILES_PER_MACHINE * machines + 5.0;
        assert!(of_tenant <= most, "{of_tenant} of the Tenant\n{counts}");
        let of_each = counts.reconciles("VirtualMachine") as f64 / machines;
        let expected = RECONCILES_PER_MACHINE;
        assert!(
            expected.contains(&of_each),
            "{of_each} of each machine\n{counts}"
        );
    }
    let growth = hundred.reconciles("Tenant") as f64 / ten.reconciles("Tenant") as f64;
    assert!(
        TENANT_GROWTH.contains(&growth),
        "{growth}\n{ten}\n{hundred}"
    );
    stand.ends_well().await;
}

/// Creates these machines of a Tenant that is Ready, all at once, until they are Ready.
async fn register(stand: &Stand, group: usize, count: usize) -> Counts {
    let name = format!("tenant-{group}");
    stand.apply([simple_tenant(&name)]).await;
    stand.tenant(&name).becomes_ready().await;
    let tenants = stand.journal::<Tenant>().await;
    let machines = stand.journal::<VirtualMachine>().await;
    let known = machines.lives().len();
    let before = stand.counts_at_rest().await;
    apply(stand, machines_of(&name, group, count)).await;
    machines.ready(known + count).await;
    let counts = stand.counts_at_rest().await.since(&before);

    let mine = machines.lives().into_iter();
    let mine: Lives = mine
        .filter(|(machine, _)| machine.starts_with(&name))
        .collect();
    agree(&counts, "virtualmachines", &mine);
    for life in mine.values() {
        assert_eq!(life.metadata, METADATA, "{}", told(&mine));
        assert_eq!(life.statuses, STATUSES, "{}", told(&mine));
    }
    let tenants = tenants.lives();
    let tenant = &tenants[&name];
    assert_eq!(tenant.metadata, 0, "{}", told(&tenants));
    within(
        "statuses of the Tenant",
        tenant.statuses,
        &TENANT_STATUSES,
        &counts,
    );
    assert_eq!(counts.calls("POST register"), count as u64, "{counts}");
    assert_eq!(counts.mutating_calls(), count as u64, "{counts}");
    assert_eq!(counts.created("events"), 0, "{counts}");
    assert_eq!(counts.failed_writes(), 0, "{counts}");
    counts
}
