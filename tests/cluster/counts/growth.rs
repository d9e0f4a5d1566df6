//! What machines cost: writes, registrations, lists, and how the reconciles grow with
//! their number.

use super::{agree, apply, machines_of, stand, within};
use crate::harness::{Counts, Lives, Stand, simple_tenant, told};
use std::ops::RangeInclusive;
use viis_operator::api::{Tenant, VirtualMachine};

/// The finalizer with the annotation, and the outcome.
const METADATA: u64 = 1;
const STATUSES: u64 = 1;
/// The number of registered machines, written at most every 10 s.
const TENANT_STATUSES: RangeInclusive<u64> = 0..=3;
/// Bad: each of the 16 concurrent callers waits for a list that begins after its own
/// registration, so one list proves at most 16 machines. Measured: 40 to 52 on a busy
/// machine. The design needs about 10.
const LISTS_FOR_200: RangeInclusive<u64> = 13..=100;
/// How long each call takes. Lists follow one another, so this bounds their number on a
/// machine of any speed.
const LATENCY: &str = "200ms";
/// At most. Bad: each event of a machine (its creation, the finalizer, the status) wakes its
/// Tenant; events that arrive during a reconcile are merged. Measured: 0.7 to 1.4. The design
/// needs a number that does not grow with the machines.
const TENANT_RECONCILES_PER_MACHINE: f64 = 3.0;
/// Reconciles of the Tenant for 100 machines, divided by those for 10. Measured: 5 to 8. The
/// design needs 1.
const TENANT_GROWTH: RangeInclusive<f64> = 2.0..=30.0;
/// Bad: the operator's own two writes wake the machine again, and each status of its Tenant
/// wakes all machines. Measured: 2.8 to 4.9. The design needs 1.
const RECONCILES_PER_MACHINE: RangeInclusive<f64> = 1.5..=6.0;
/// For a machine that is registered while no other is: the list that proves it. This is
/// exact, so a second list is noticed here.
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

/// Creates machines of a new Tenant that is Ready, all at once, and waits until they are
/// Ready.
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
    assert_eq!(counts.rejected_writes(), 0, "{counts}");
    counts
}
