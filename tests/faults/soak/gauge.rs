//! Memory, file descriptors and watched tasks of one operator's process over time.

use crate::harness::{Operator, Stand};
use std::time::{Duration, Instant};

/// Growth that is none: what an allocator keeps, and connections that come and go.
const MEMORY: f64 = 1.15;
const MEMORY_MIB: f64 = 4.0;
const DESCRIPTORS: f64 = 16.0;
/// The first and the last third are compared: two samples each.
const FEWEST_SAMPLES: usize = 6;
/// Tasks that are watched, by server: src/telemetry/metrics/standing.rs.
const METRIC: &str = "viis_operator_server_tasks_in_flight";
const METRIC_PATIENCE: Duration = Duration::from_secs(30);

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

    /// Takes one sample; an error when one of the values cannot be read.
    pub async fn look(&mut self, stand: &Stand) -> Result<(), String> {
        let operator = stand.operator.as_ref().ok_or("no operator to measure")?;
        if operator.id() != self.process {
            *self = Gauge::new();
            self.process = operator.id();
        }
        self.memory.push(resident_mib(self.process)?);
        self.descriptors.push(descriptors(self.process)?);
        self.tasks.push(tasks_in_flight(operator).await?);
        Ok(())
    }

    /// Prints what was seen; an error when it grew.
    pub fn verdict(&self) -> Result<(), String> {
        let samples = self.memory.len();
        if samples < FEWEST_SAMPLES {
            return Err(format!(
                "{samples} samples of the operator's last process, {FEWEST_SAMPLES} are needed: run longer"
            ));
        }
        let third = samples / 3;
        let early = |all: &[f64]| median(&all[..third]);
        let late = |all: &[f64]| median(&all[all.len() - third..]);
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
                all[samples - 1]
            );
        }
        if late(&self.memory) > early(&self.memory) * MEMORY + MEMORY_MIB {
            return Err("the operator's memory grew".to_owned());
        }
        if late(&self.descriptors) > early(&self.descriptors) + DESCRIPTORS {
            return Err("the operator's file descriptors grew".to_owned());
        }
        match self.tasks[samples - 1] {
            0.0 => Ok(()),
            last => Err(format!("tasks in flight when all is done: {last}")),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn resident_mib(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    let kib = kib.ok_or_else(|| format!("no VmRSS in {path}"))?;
    Ok(kib / 1024.0)
}

fn descriptors(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/fd");
    let folder = std::fs::read_dir(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(folder.count() as f64)
}

/// Waits for the metric: an operator that has just started does not show it yet.
async fn tasks_in_flight(operator: &Operator) -> Result<f64, String> {
    let deadline = Instant::now() + METRIC_PATIENCE;
    loop {
        let page = operator.page("/metrics").await;
        let sum = page.as_ref().and_then(|(_, text)| sum_of(METRIC, text));
        if let Some(sum) = sum {
            return Ok(sum);
        }
        if Instant::now() > deadline {
            return Err(format!("no {METRIC} on /metrics: {page:?}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The sum over all servers; none when the page does not have the metric.
fn sum_of(metric: &str, page: &str) -> Option<f64> {
    let values = page.lines().filter_map(|line| {
        let (_, value) = line
            .strip_prefix(metric)?
            .strip_prefix('{')?
            .rsplit_once(' ')?;
        value.parse::<f64>().ok()
    });
    values.reduce(|sum, value| sum + value)
}
