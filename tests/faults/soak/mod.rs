//! A long run (`make soak`): many tenants with machines, whose manifests change at
//! random while both sides fail at random. Then the faults stop, and soon everything
//! is right; and the operator did not grow.
//!
//! - `fleet`: the tenants that are wanted, and whether both sides are so
//! - `mischief`: what goes wrong
//! - `gauge`: memory, file descriptors and tasks of the operator's process

mod fleet;
mod gauge;
mod mischief;

use self::fleet::Fleet;
use self::gauge::Gauge;
use self::mischief::Mischief;
use crate::harness::{Deadline, Proxy, Simulator, Stand};
use crate::life::shown;
use crate::trial::text_of;
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

/// After the faults everything is right within this time.
const RECOVERY: Duration = Duration::from_secs(60);
/// The fleet is made, and in the end deleted, within this time.
const PATIENCE: Duration = Duration::from_secs(300);
const SAMPLE: Duration = Duration::from_secs(5);

/// What a run is like.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub minutes: f64,
    pub tenants: usize,
    pub machines: usize,
    pub seed: u64,
}

/// Runs it; an error says what did not hold, and the operator's log is kept.
pub async fn run(size: Size) -> Result<(), String> {
    println!("soak: {size:?}");
    let (mut stand, proxy) = stand().await;
    let ran = AssertUnwindSafe(through(size, &mut stand, &proxy)).catch_unwind();
    let ran = ran.await.unwrap_or_else(|panic| Err(text_of(&*panic)));
    if ran.is_err() {
        let server = stand.integration_server().find().await;
        println!(
            "soak: {}",
            server.map(|server| shown(&server)).unwrap_or_default()
        );
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak.log");
        let log = stand.operator.as_ref().map(|operator| operator.log());
        let written = std::fs::write(&place, log.unwrap_or_default());
        println!("soak: trace: {} {written:?}", place.display());
    }
    ran
}

async fn through(size: Size, stand: &mut Stand, proxy: &Proxy) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(size.seed);
    let mut fleet = Fleet::of(size.tenants, size.machines);
    let started = Instant::now();
    fleet.apply_all(stand).await;
    becomes(stand, &fleet, PATIENCE).await?;
    println!(
        "soak: {:4.0} s: everything is there",
        started.elapsed().as_secs_f64()
    );
    let mut gauge = Gauge::new();
    let span = Duration::from_secs_f64(size.minutes * 60.0);
    live(stand, proxy, &mut fleet, &mut random, &mut gauge, span).await?;
    let stopped = Instant::now();
    becomes(stand, &fleet, RECOVERY).await?;
    println!(
        "soak: right {:.1} s after the faults; {}",
        stopped.elapsed().as_secs_f64(),
        fleet.said()
    );
    stand.is_quiet_for(Duration::from_secs(5)).await;
    fleet.made_once(&stand.simulator.state().await)?;
    gauge.look(stand).await?;
    gauge.verdict()?;
    fleet.delete_all(stand).await;
    becomes(stand, &fleet, PATIENCE).await?;
    println!(
        "soak: {:4.0} s: everything is gone",
        started.elapsed().as_secs_f64()
    );
    stand.ended = true;
    match stand.panics_and_secrets().await {
        Some(found) => Err(format!("O9: {found}")),
        None => Ok(()),
    }
}

async fn stand() -> (Stand, Proxy) {
    let mut stand = Stand::bare(Simulator::start(&["--concurrent-tasks", "8"])).await;
    stand.ended = true;
    let proxy = Proxy::start(&stand).await;
    let server = stand
        .server_manifest()
        .with("spec.resyncInterval", "20s")
        .with("spec.limits.requestsPerSecond", 100)
        .with("spec.limits.concurrentTasks", 8)
        // Waves of deletions are wanted here.
        .with("spec.guard.enabled", false);
    stand.apply([server]).await;
    stand.start_operator_behind(&proxy.kubeconfig);
    stand.integration_server().becomes_ready().await;
    (stand, proxy)
}

/// Edits and faults until the time is over. The operator is killed in the first half
/// only: in the second one process lives, whose growth can be seen.
async fn live(
    stand: &mut Stand,
    proxy: &Proxy,
    fleet: &mut Fleet,
    random: &mut fastrand::Rng,
    gauge: &mut Gauge,
    span: Duration,
) -> Result<(), String> {
    let started = Instant::now();
    let mut mischief = Mischief::default();
    let mut sampled = Instant::now();
    while started.elapsed() < span {
        fleet.edit(stand, random).await;
        if random.u8(0..4) == 0 {
            let may_kill = started.elapsed() < span / 2;
            mischief.strike(stand, proxy, fleet, random, may_kill).await;
        }
        if sampled.elapsed() > SAMPLE {
            sampled = Instant::now();
            if started.elapsed() > span / 2 {
                gauge.look(stand).await?;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(50..350))).await;
    }
    println!("soak: {mischief}");
    mischief.ends(stand, proxy).await
}

async fn becomes(stand: &Stand, fleet: &Fleet, patience: Duration) -> Result<(), String> {
    let deadline = Deadline::after(patience);
    loop {
        let differences = fleet.differences(stand).await;
        let Some(first) = differences.first() else {
            return Ok(());
        };
        if deadline.has_passed() {
            let count = differences.len();
            return Err(format!("O1: {count} differences, such as {first}"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
