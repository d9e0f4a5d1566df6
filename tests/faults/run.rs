//! Tries many plans, several at a time, and says what came of them.

use crate::plan::Plan;
use crate::trial::{self, Outcome};
use crate::{external, kubernetes, texts};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a run has to show, beside that nothing failed: a fault that never struck proves
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// The faults of each plan strike: a person chose them.
    EachPlan,
    /// Each row of the table strikes in one plan at least: where it can, is found by trying.
    EachRow,
    /// A part of the matrix: something strikes.
    Any,
}

/// What came of all plans.
#[derive(Default)]
pub struct Report {
    plans: usize,
    failures: Vec<(String, String)>,
    idle: Vec<String>,
    rows: BTreeMap<String, Row>,
    took: Duration,
}

#[derive(Default)]
struct Row {
    plans: usize,
    struck: usize,
    failures: usize,
    longest: Duration,
}

/// Tries them all, `stands` at a time, each on a thread with a runtime of its own:
/// starting a control plane or a program blocks.
pub fn all(plans: Vec<Plan>, stands: usize) -> Vec<Outcome> {
    let total = plans.len();
    let queue = Mutex::new(VecDeque::from(plans));
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        loop {
            let next = queue.lock().unwrap().pop_front();
            let Some(plan) = next else { return };
            let outcome = runtime.block_on(trial::of(&plan));
            let mut outcomes = outcomes.lock().unwrap();
            say(outcomes.len() + 1, total, &outcome);
            outcomes.push(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..stands.min(total) {
            scope.spawn(work);
        }
    });
    outcomes.into_inner().unwrap()
}

fn say(done: usize, total: usize, outcome: &Outcome) {
    let seconds = outcome.took.as_secs_f64();
    let settled = outcome.settled.as_secs_f64();
    let plan = &outcome.plan;
    let verdict = match (&outcome.failure, outcome.struck) {
        (Some(_), _) => "FAILED",
        (None, true) => "held",
        (None, false) => "idle",
    };
    println!("{done:4}/{total} {verdict:6} {seconds:5.1} s, right after {settled:5.1} s  {plan}");
    if let Some(failure) = &outcome.failure {
        let place = keep(plan, failure, &outcome.trace);
        println!(
            "{}\n     again: make faults PLAN={plan}\n     trace: {}",
            indented(failure),
            place.display()
        );
    }
}

fn indented(text: &str) -> String {
    let short: String = text.chars().take(3000).collect();
    format!("     {}", short.replace('\n', "\n     "))
}

fn keep(plan: &Plan, failure: &str, trace: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
    let place = folder.join(format!("{}.log", plan.to_string().replace('/', "+")));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&place, format!("{plan}\n{failure}\n{trace}")).unwrap();
    place
}

// === impl Report ===

impl Report {
    pub fn of(outcomes: &[Outcome], started: Instant) -> Report {
        let mut report = Report {
            plans: outcomes.len(),
            took: started.elapsed(),
            ..Report::default()
        };
        for outcome in outcomes {
            let plan = outcome.plan.to_string();
            if !outcome.struck && outcome.failure.is_none() {
                report.idle.push(plan.clone());
            }
            for name in rows_of(&outcome.plan) {
                let row = report.rows.entry(name).or_default();
                row.plans += 1;
                row.struck += usize::from(outcome.struck);
                row.failures += usize::from(outcome.failure.is_some());
                row.longest = row.longest.max(outcome.settled);
            }
            if let Some(failure) = &outcome.failure {
                let first = failure.lines().next().unwrap_or_default();
                let first: String = first.chars().take(300).collect();
                report.failures.push((plan, first));
            }
        }
        report
    }

    pub fn failed(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Fails what is demanded and did not happen.
    pub fn demand(&mut self, demand: Demand) {
        let (missing, why): (Vec<String>, _) = match demand {
            Demand::EachPlan => (self.idle.clone(), "its faults did not strike"),
            Demand::EachRow => {
                let kubernetes = kubernetes::ALL.iter().map(|(name, _)| *name);
                let external = external::ALL.iter().map(|(name, _)| *name);
                let texts = texts::ALL.iter().map(|(name, _)| *name);
                let names = kubernetes.chain(external).chain(texts);
                let never = |name: &&str| self.rows.get(*name).is_none_or(|row| row.struck == 0);
                let names = names.filter(never).map(str::to_owned);
                (names.collect(), "it never struck")
            }
            Demand::Any if self.idle.len() == self.plans => {
                (vec!["all plans".to_owned()], "nothing struck")
            }
            Demand::Any => (Vec::new(), ""),
        };
        let missing = missing.into_iter().map(|name| (name, why.to_owned()));
        self.failures.extend(missing);
        if self.plans == 0 {
            let (all, why) = ("all plans", "there are none");
            self.failures.push((all.to_owned(), why.to_owned()));
        }
    }

    pub fn print(&self) {
        println!("\nrow                plans  struck  failures  slowest recovery");
        for (name, row) in &self.rows {
            println!(
                "{name:18} {:5}  {:6}  {:8}  {:6.1} s",
                row.plans,
                row.struck,
                row.failures,
                row.longest.as_secs_f64()
            );
        }
        for (plan, failure) in &self.failures {
            println!("FAILED {plan}\n       {failure}");
        }
        if !self.idle.is_empty() {
            let idle = self.idle.len();
            println!("idle: the moment of a fault did not come in {idle} plans");
        }
        println!(
            "{} plans, {} failures, {:.0} s",
            self.plans,
            self.failures.len(),
            self.took.as_secs_f64()
        );
    }
}

/// The names of the plan's faults, for the table.
fn rows_of(plan: &Plan) -> Vec<String> {
    let kubernetes = plan.kubernetes.map(|at| at.fault.name().to_owned());
    let external = plan.external.as_ref();
    let external = external.map(|at| at.fault.name().to_owned());
    let texts = plan.texts.map(|texts| texts.name().to_owned());
    kubernetes
        .into_iter()
        .chain(external)
        .chain(texts)
        .collect()
}
