//! How much work the operator does, counted and never timed: writes, calls, reconciles.
//! Each constant is today's count. Where it is more than the design needs, its comment says
//! so and why; a change that lowers the count lowers the constant.

mod deletion;
mod growth;
mod life;
mod resync;

use crate::harness::{Counts, Life, Lives, Manifest, Stand, machine, told};
use futures::StreamExt;
use std::ops::RangeInclusive;

/// A stand on which nothing happens but what the test does: the next resync is at least an
/// hour away, and calls are not rate limited.
async fn stand(flags: &[&str], change: impl FnOnce(Manifest) -> Manifest) -> Stand {
    Stand::ready_with(flags, |server| {
        change(
            server
                .with("spec.resyncInterval", "2h")
                .with("spec.limits.requestsPerSecond", 1000)
                .with("spec.limits.concurrentTasks", 100),
        )
    })
    .await
}

/// Applies these as several users do at once.
async fn apply(stand: &Stand, manifests: Vec<Manifest>) {
    futures::stream::iter(manifests)
        .for_each_concurrent(8, |manifest| stand.apply([manifest]))
        .await;
}

/// That many machines of a tenant, with BIOS IDs of their own.
fn machines_of(tenant: &str, group: usize, count: usize) -> Vec<Manifest> {
    let bios_id = |number: usize| format!("4230d3ef-1f2b-8b1c-{group:04x}-{number:012x}");
    (0..count)
        .map(|number| machine(&format!("{tenant}-vm-{number}"), tenant, &bios_id(number)))
        .collect()
}

/// The watch showed exactly the writes that the API server counted: neither missed any, and
/// each write changed its object.
fn agree(counts: &Counts, resource: &str, lives: &Lives) {
    let sum = |part: fn(&Life) -> u64| lives.values().map(part).sum::<u64>();
    assert_eq!(counts.created(resource), lives.len() as u64, "{counts}");
    let statuses = counts.patches(&format!("{resource}/status"));
    let told = told(lives);
    assert_eq!(statuses, sum(|life| life.statuses), "{counts}\n{told}");
    let others = counts.patches(resource);
    assert_eq!(others, sum(|life| life.metadata), "{counts}\n{told}");
}

/// The count is in the expected range.
fn within(what: &str, count: u64, expected: &RangeInclusive<u64>, counts: &Counts) {
    assert!(
        expected.contains(&count),
        "{count} {what}, not {expected:?}\n{counts}"
    );
}
