//! Writes in the life of a Tenant, from its creation until it is Ready.

use super::{agree, apply, machines_of, stand, within};
use crate::harness::{Counts, Lives, Stand, eventually, simple_tenant, told};
use serde_json::json;
use std::time::{Duration, Instant};
use viis_operator::api::{Tenant, VirtualMachine};

/// The finalizer.
const METADATA: u64 = 1;
/// The intent, the task, the identifier, the outcome.
const STATUSES: u64 = 4;
/// The identifier's write says that the Tenant waits for its machines, so that its
/// activation runs is one more.
const STATUSES_WITH_MACHINES: u64 = 5;
/// At most, where a Tenant has to queue. Bad: "as many tasks run" before the creation, the
/// same before the activation, and that the activation runs. The activation queues because
/// the slot is freed when the creation ends. The design needs [`STATUSES`].
const STATUSES_QUEUED: u64 = 7;
/// At least, on average: those that have a slot at once queue for the activation only.
const STATUSES_QUEUED_ON_AVERAGE: u64 = 6;
/// The finalizer with the annotation, and the outcome.
const MACHINE_METADATA: u64 = 1;
const MACHINE_STATUSES: u64 = 1;
/// That the tenant was created.
const EVENTS: u64 = 1;
/// A wait that lasts longer is reported, which costs one more status. Only a slow machine
/// takes this long.
const UNREPORTED: Duration = Duration::from_secs(10);
/// A machine without its Tenant is reported after a second; here with some room.
const TENANT_UNREPORTED: Duration = Duration::from_millis(800);
/// The operator lists the tenants again before it decides on an older list.
const RECENT: Duration = Duration::from_secs(10);

/// What to create, and how many tasks may run.
struct Plan {
    tenants: usize,
    machines: usize,
    slots: usize,
}

/// The lives of the Tenants.
struct Lived {
    lives: Lives,
    /// Statuses that one of them may have more, because it took long.
    more: u64,
}

#[tokio::test]
async fn a_tenant_that_does_not_queue() {
    does_not_queue(12, 0, STATUSES).await;
}

#[tokio::test]
async fn a_tenant_with_machines() {
    does_not_queue(6, 4, STATUSES_WITH_MACHINES).await;
}

#[tokio::test]
async fn a_tenant_that_queues() {
    queues(16, 0).await;
}

#[tokio::test]
async fn a_tenant_with_machines_that_queues() {
    queues(8, 3).await;
}

async fn does_not_queue(tenants: usize, machines: usize, statuses: u64) {
    let slots = 100;
    let plan = Plan {
        tenants,
        machines,
        slots,
    };
    let Lived { lives, more } = live(&plan).await;
    for life in lives.values() {
        let expected = statuses..=statuses + more;
        assert!(
            expected.contains(&life.statuses),
            "not {expected:?}\n{}",
            told(&lives)
        );
    }
}

async fn queues(tenants: usize, machines: usize) {
    let slots = 2;
    let plan = Plan {
        tenants,
        machines,
        slots,
    };
    let Lived { lives, more } = live(&plan).await;
    let most = lives.values().map(|life| life.statuses).max();
    assert!(
        most <= Some(STATUSES_QUEUED + more),
        "{most:?}\n{}",
        told(&lives)
    );
    let (all, tenants) = (total(&lives), tenants as u64);
    // A Tenant in the queue has reported its wait; only those with a slot may add one.
    let expected =
        tenants * STATUSES_QUEUED_ON_AVERAGE..=tenants * STATUSES_QUEUED + slots as u64 * more;
    assert!(
        expected.contains(&all),
        "{all}, not {expected:?}\n{}",
        told(&lives)
    );
}

fn total(lives: &Lives) -> u64 {
    lives.values().map(|life| life.statuses).sum()
}

/// Creates all of it while the Integration Server runs no task, so the same Tenants queue on
/// a machine of any speed.
async fn live(plan: &Plan) -> Lived {
    let flags = ["--concurrent-tasks", "0", "--create-duration", "100ms"];
    let stand = stand(&flags, |server| {
        server.with("spec.limits.concurrentTasks", plan.slots)
    })
    .await;
    let (tenants, machines) = (
        stand.journal::<Tenant>().await,
        stand.journal::<VirtualMachine>().await,
    );
    let before = stand.counts_at_rest().await;
    let began = Instant::now();
    create_machines(&stand, plan, &before).await;
    create_tenants(&stand, plan).await;
    // A machine that waits longer than that for its Tenant reports that there is none.
    let late = began.elapsed() > TENANT_UNREPORTED;
    let settings = json!({"concurrentTasks": plan.slots});
    stand.simulator.settings(settings).await;
    tenants.ready(plan.tenants).await;
    machines.ready(plan.tenants * plan.machines).await;
    let took = began.elapsed();
    let more = u64::from(took > UNREPORTED);

    let counts = stand.counts_at_rest().await.since(&before);
    let (tenants, machines) = (tenants.lives(), machines.lives());
    agree(&counts, "tenants", &tenants);
    for life in tenants.values() {
        assert_eq!(life.metadata, METADATA, "{}", told(&tenants));
    }
    for life in machines.values() {
        let statuses = MACHINE_STATUSES..=MACHINE_STATUSES + more + u64::from(late);
        assert_eq!(life.metadata, MACHINE_METADATA, "{}", told(&machines));
        assert!(
            statuses.contains(&life.statuses),
            "not {statuses:?}\n{}",
            told(&machines)
        );
    }
    if plan.machines > 0 {
        agree(&counts, "virtualmachines", &machines);
    }
    let lives = plan.tenants as u64;
    assert_eq!(counts.rejected_writes(), 0, "{counts}");
    assert_eq!(counts.created("events"), lives * EVENTS, "{counts}");
    assert_eq!(counts.calls("POST tenant"), lives, "{counts}");
    assert_eq!(counts.calls("POST activate"), lives, "{counts}");
    let lists = 0..=2 + took.as_secs() / RECENT.as_secs();
    within(
        "lists of tenants",
        counts.calls("GET tenants"),
        &lists,
        &counts,
    );
    // A created tenant is asked for as the server stores it, unless a list shows it already.
    let asked = counts.calls("GET tenant");
    within("created tenants asked for", asked, &(0..=lives), &counts);
    assert_eq!(counts.calls("GET task"), 0, "tasks are listed\n{counts}");
    stand.ends_well().await;
    Lived {
        lives: tenants,
        more,
    }
}

/// Creates the machines first and waits until the operator knows them: each Tenant then has
/// machines to wait for.
async fn create_machines(stand: &Stand, plan: &Plan, before: &Counts) {
    if plan.machines == 0 {
        return;
    }
    for number in 0..plan.tenants {
        let machines = machines_of(&name(number), number, plan.machines);
        apply(stand, machines).await;
    }
    let count = (plan.tenants * plan.machines) as u64;
    eventually("the operator knows the machines", async || {
        stand
            .counts()
            .await
            .since(before)
            .reconciles("VirtualMachine")
            >= count
    })
    .await;
}

/// Creates the Tenants and waits until all slots are taken and the others queue. It does not
/// look at statuses, which are what is counted.
async fn create_tenants(stand: &Stand, plan: &Plan) {
    let new = (0..plan.tenants).map(|number| simple_tenant(&name(number)));
    apply(stand, new.collect()).await;
    let running = plan.slots.min(plan.tenants);
    let waiting = (plan.tenants - running) as u64;
    eventually("all have a task or queue", async || {
        stand.simulator.state().await.tasks.len() == running
            && stand.tasks_waiting().await == waiting
    })
    .await;
}

fn name(number: usize) -> String {
    format!("tenant-{number:02}")
}
