//! What is measured: the sizes, how long the server takes for what, and the order in
//! which the operators take turns. Pure: nothing is started here.

use std::str::FromStr;
use std::time::Duration;

use super::row::{OperatorName, Size};

/// Tasks that the simulator runs at the same time.
pub const SERVER_TASKS: usize = 64;
/// `spec.limits.concurrentTasks`: the server's own limit, and four times that.
pub const CONCURRENT_TASKS: [usize; 2] = [SERVER_TASKS, 4 * SERVER_TASKS];
/// `spec.limits.requestsPerSecond`.
pub const REQUESTS_PER_SECOND: usize = 1000;
/// How long a creation takes on the server.
pub const CREATION: Duration = Duration::from_millis(500);
/// How long an activation takes on the server.
pub const ACTIVATION: Duration = Duration::from_millis(100);
/// How long a deletion takes on the server.
pub const DELETION: Duration = Duration::from_millis(200);
/// How long each call takes on the server.
pub const LATENCY: Duration = Duration::from_millis(2);
/// Two of these, with their jitter, fit into the quiet minute.
pub const RESYNC: Duration = Duration::from_secs(25);
/// How long nothing should happen.
pub const QUIET: Duration = Duration::from_secs(60);

/// One run of an operator at some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operator that runs.
    pub operator: OperatorName,
    /// What its IntegrationServer says.
    pub concurrent_tasks: usize,
    /// The runs of a round are compared with each other.
    pub round: usize,
    /// The quiet minute is measured too.
    pub quiet: bool,
}

/// The runs at one size.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many objects.
    pub size: Size,
    rounds: usize,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// One limit, no quiet minute.
    Quick,
    /// Both limits, and a quiet minute in the first round.
    Whole,
}

// === impl Size ===

impl Size {
    /// All objects.
    pub fn objects(self) -> usize {
        self.tenants * (1 + self.machines)
    }

    /// The least time in which the server can create and activate the tenants.
    pub fn creation_bound(self) -> Duration {
        self.server_rounds() * (CREATION + ACTIVATION)
    }

    /// The least time in which the server can delete the tenants.
    pub fn deletion_bound(self) -> Duration {
        self.server_rounds() * DELETION
    }

    fn server_rounds(self) -> u32 {
        u32::try_from(self.tenants.div_ceil(SERVER_TASKS)).unwrap_or(u32::MAX)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |part: &str| part.parse::<usize>().ok();
        let (tenants, machines) = text.split_once('x').unwrap_or_default();
        match (parse(tenants), parse(machines)) {
            (Some(tenants @ 1..=50_000), Some(machines @ 0..=50_000)) => {
                Ok(Self { tenants, machines })
            }
            _ => Err("write it as TENANTSxMACHINES, for example 200x10".to_owned()),
        }
    }
}

// === impl Plan ===

impl Plan {
    /// The plans for these options, small sizes first.
    pub fn all(quick: bool, sizes: &[Size], rounds: Option<usize>) -> Vec<Self> {
        let of = |tenants, machines| Size { tenants, machines };
        let default = if quick {
            vec![of(200, 0), of(50, 10)]
        } else {
            vec![of(200, 0), of(200, 10), of(2000, 0), of(10, 1000)]
        };
        let sizes = if sizes.is_empty() { &default } else { sizes };
        let plan = |size: &Size| Self {
            size: *size,
            rounds: rounds.unwrap_or(if quick || size.objects() > 5000 || size.tenants > 1000 {
                1
            } else {
                3
            }),
            extent: if quick { Extent::Quick } else { Extent::Whole },
        };
        sizes.iter().map(plan).collect()
    }

    /// The runs in their order. The comparator ignores `spec.limits`, so it runs once in
    /// a round and is compared with this operator's run at each limit. The order
    /// alternates: whoever runs first always would always have the fresher API server.
    pub fn steps(self) -> Vec<Step> {
        let mut steps = Vec::new();
        for round in 1..=self.rounds {
            let quiet = round == 1 && self.extent == Extent::Whole;
            let step = |operator, concurrent_tasks, quiet| Step {
                operator,
                concurrent_tasks,
                round,
                quiet,
            };
            let mut runs = vec![
                step(OperatorName::Product, CONCURRENT_TASKS[0], quiet),
                step(OperatorName::Comparator, CONCURRENT_TASKS[0], quiet),
            ];
            // Fewer tenants than the lower limit: a higher one changes nothing.
            if self.extent == Extent::Whole && self.size.tenants > CONCURRENT_TASKS[0] {
                runs.push(step(OperatorName::Product, CONCURRENT_TASKS[1], false));
            }
            if round % 2 == 0 {
                runs.reverse();
            }
            steps.extend(runs);
        }
        steps
    }
}
