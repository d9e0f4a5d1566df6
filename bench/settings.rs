//! What the benchmark does by default, what of it can be changed, and its aims.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Tasks that the simulator runs at once.
pub const CONCURRENT_TASKS: usize = 16;
/// How long a creation runs on it.
pub const CREATION: Duration = Duration::from_millis(500);
/// How long an activation runs on it.
pub const ACTIVATION: Duration = Duration::from_millis(100);
/// How long a deletion runs on it.
pub const DELETION: Duration = Duration::from_millis(500);
/// How long every call waits there.
pub const LATENCY: Duration = Duration::from_millis(2);
/// Twice of this, with its jitter, fits into the quiet minute.
pub const RESYNC: Duration = Duration::from_secs(25);
/// What waits to be written (counts) is written within this time after Ready.
pub const SETTLING: Duration = Duration::from_secs(12);
/// Objects that are made at the same time: as `kubectl apply` by a few people.
pub const APPLYING: usize = 8;
/// The longest wait for any phase: beyond it something is broken.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// A plain Go operator on controller-runtime, 2 cores: 200 tenants with 10 machines each.
pub const GO_WITH_MACHINES: Duration = Duration::from_millis(24_900);
/// Its external calls to delete them.
pub const GO_DELETION_CALLS: u64 = 606;

/// Measures the operator on this machine
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Options {
    /// Exit with status 1 when an aim is missed
    #[arg(long)]
    pub strict: bool,
    /// Tenants in each part
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub tenants: usize,
    /// Machines of each tenant in the second part
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub machines: usize,
    /// Seconds of the quiet time
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub quiet: u64,
    /// Only this part: 1 without machines, 2 with them
    #[arg(long, value_name = "PART")]
    pub only: Option<usize>,
    /// Another operator than the one of this build
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_viis-operator"))]
    pub operator: PathBuf,
    /// Another simulator than the one of this build
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_viis-simulator"))]
    pub simulator: PathBuf,
    /// Keep the logs, and what the counters said, in this folder
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
    /// `cargo bench` gives this flag to every benchmark
    #[arg(long, hide = true)]
    pub bench: bool,
}

/// One part of the benchmark.
#[derive(Clone, Debug)]
pub struct Part {
    /// Tenants.
    pub tenants: usize,
    /// Machines of each of them.
    pub machines: usize,
    /// How long nothing should happen, where that is measured.
    pub quiet: Option<Duration>,
}

impl Part {
    /// The parts that were asked for.
    pub fn all(options: &Options) -> Vec<Self> {
        let bare = Self {
            tenants: options.tenants,
            machines: 0,
            quiet: None,
        };
        let full = Self {
            tenants: options.tenants,
            machines: options.machines,
            quiet: Some(Duration::from_secs(options.quiet)),
        };
        let numbered = [bare, full].into_iter().enumerate();
        numbered
            .filter(|(index, _)| options.only.is_none_or(|only| only == index + 1))
            .map(|(_, part)| part)
            .collect()
    }

    /// Its name.
    pub fn title(&self) -> String {
        format!("{} tenants × {} machines", self.tenants, self.machines)
    }

    /// All objects of it.
    pub fn objects(&self) -> usize {
        self.tenants * (1 + self.machines)
    }

    /// What the server itself needs at least: its tasks, so many at once.
    pub fn bound(&self) -> Duration {
        let rounds = self.tenants.div_ceil(CONCURRENT_TASKS);
        (CREATION + ACTIVATION) * u32::try_from(rounds).unwrap_or(u32::MAX)
    }

    /// The same for the deletion.
    pub fn deletion_bound(&self) -> Duration {
        let rounds = self.tenants.div_ceil(CONCURRENT_TASKS);
        DELETION * u32::try_from(rounds).unwrap_or(u32::MAX)
    }
}
