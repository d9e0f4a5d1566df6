//! The figures of one run, as one line of JSON. The page in docs/ is generated from
//! these lines, so this file knows nothing of how they are measured.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Which operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum OperatorName {
    /// This project's.
    #[serde(rename = "viis-operator")]
    Product,
    /// The plain Go operator of `bench/comparator`.
    #[serde(rename = "comparator")]
    Comparator,
}

/// How many objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Size {
    /// Tenants.
    pub tenants: usize,
    /// VirtualMachines of each tenant.
    pub machines: usize,
}

/// One run of one operator at one size.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// When it began, in UTC.
    pub started: String,
    /// What it ran on.
    pub machine: Machine,
    /// Which operator.
    pub operator: OperatorName,
    /// How many objects.
    pub size: Size,
    /// Tasks that the server runs at the same time.
    pub server_tasks: usize,
    /// `spec.limits.concurrentTasks`, which the comparator ignores.
    pub concurrent_tasks: usize,
    /// Runs with the same size and round are compared with each other.
    pub round: usize,
    /// From the first object until all are Ready.
    pub creation: Span,
    /// Writes after that, until nothing is written any more.
    pub settling_writes: u64,
    /// A minute with at least two resyncs, in the first round.
    pub quiet: Option<Span>,
    /// From the request to delete everything until all is gone.
    pub deletion: Span,
    /// The operator's memory.
    pub memory: Memory,
}

/// What the figures depend on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Machine {
    /// Processor cores.
    pub cores: usize,
    /// The processor's name.
    pub processor: String,
    /// Memory in GiB.
    pub memory: u64,
}

/// What was counted over some time.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    /// How long it took.
    pub seconds: f64,
    /// The least time that the server itself needs; 0 where nothing has to happen.
    pub bound_seconds: f64,
    /// CPU time.
    pub cpu: Cpu,
    /// The operator's successful writes, for example `PATCH tenants/status`.
    pub writes: BTreeMap<String, u64>,
    /// The operator's writes that the API server rejected, conflicts for example.
    pub rejected_writes: BTreeMap<String, u64>,
    /// Calls to the Integration Server, for example `GET tasks`.
    pub calls: BTreeMap<String, u64>,
    /// Reconciles, by the name of the controller.
    pub reconciles: BTreeMap<String, u64>,
}

/// CPU seconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cpu {
    /// The operator.
    pub operator: f64,
    /// The API server.
    pub api_server: f64,
    /// etcd and the controller manager.
    pub other_parts: f64,
    /// The simulator.
    pub simulator: f64,
    /// The benchmark itself.
    pub driver: f64,
    /// Everything else that ran on the machine.
    pub unrelated: f64,
}

/// Resident memory of the operator, in MiB.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Memory {
    /// With an IntegrationServer and nothing else.
    pub idle: f64,
    /// When all objects are Ready and nothing happens any more.
    pub at_rest: f64,
    /// The most at any moment, deletion included.
    pub peak: f64,
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.tenants, self.machines)
    }
}

impl OperatorName {
    /// As it is printed.
    pub fn title(self) -> &'static str {
        match self {
            Self::Product => "viis-operator",
            Self::Comparator => "Go operator",
        }
    }
}

impl Span {
    /// All writes, the rejected ones too: each costs the API server something.
    pub fn all_writes(&self) -> u64 {
        self.writes.values().sum::<u64>() + self.rejected_writes.values().sum::<u64>()
    }

    /// Successful writes to objects of this kind, by its plural.
    pub fn writes_to(&self, resource: &str) -> u64 {
        let of = |name: &str| name.split(['/', ' ']).nth(1) == Some(resource);
        let writes = self.writes.iter().filter(|(name, _)| of(name));
        writes.map(|(_, count)| count).sum()
    }

    /// All calls to the Integration Server.
    pub fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// All reconciles.
    pub fn all_reconciles(&self) -> u64 {
        self.reconciles.values().sum()
    }
}
