//! Memory, file descriptors and watched tasks of one operator's process over time.

use crate::harness::Stand;

/// Growth that is none: what an allocator keeps, and connections that come and go.
const MEMORY: f64 = 1.15;
const MEMORY_MIB: f64 = 4.0;
const DESCRIPTORS: f64 = 16.0;

/// All samples of the process that lives at the end.
pub struct Gauge {
    process: u32,
    memory: Vec<f64>,
    descriptors: Vec<f64>,
    tasks: Vec<f64>,
}

// === impl Gauge ===

impl Gauge {
    pub fn new() -> Gauge {
        Gauge {
            process: 0,
            memory: Vec::new(),
            descriptors: Vec::new(),
            tasks: Vec::new(),
        }
    }

    pub async fn look(&mut self, stand: &Stand) {
        let Some(operator) = &stand.operator else {
            return;
        };
        if operator.id() != self.process {
            *self = Gauge::new();
            self.process = operator.id();
        }
        let (_, page) = operator.page("/metrics").await.unwrap_or_default();
        self.memory.push(resident_mib(self.process));
        self.descriptors.push(descriptors(self.process));
        self.tasks.push(in_flight(&page));
    }

    /// Prints what was seen; an error when it grew.
    pub fn verdict(&self) -> Result<(), String> {
        let third = self.memory.len() / 3;
        let early = |all: &[f64]| median(&all[..third.max(1)]);
        let late = |all: &[f64]| median(&all[all.len() - third.max(1)..]);
        for (what, all) in [
            ("memory in MiB", &self.memory),
            ("file descriptors", &self.descriptors),
            ("tasks in flight", &self.tasks),
        ] {
            println!(
                "soak: {what}: first third {:.1}, last third {:.1}, most {:.1}, at the end {:.1}",
                early(all),
                late(all),
                all.iter().copied().fold(0.0, f64::max),
                all.last().copied().unwrap_or_default()
            );
        }
        if late(&self.memory) > early(&self.memory) * MEMORY + MEMORY_MIB {
            return Err("the operator's memory grew".to_owned());
        }
        if late(&self.descriptors) > early(&self.descriptors) + DESCRIPTORS {
            return Err("the operator's file descriptors grew".to_owned());
        }
        match self.tasks.last() {
            Some(0.0) => Ok(()),
            last => Err(format!("tasks in flight when all is done: {last:?}")),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn resident_mib(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

fn descriptors(process: u32) -> f64 {
    let folder = std::fs::read_dir(format!("/proc/{process}/fd"));
    folder.map_or(0.0, |entries| entries.count() as f64)
}

fn in_flight(page: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("viis_operator_tasks_in_flight "));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or_default()
}
