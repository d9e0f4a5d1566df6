//! The fault matrix (`make faults`): the operator's own program between a real API
//! server and an Integration Server that is played, with faults on both sides, alone
//! and in pairs, at every write and call of a tenant's and a machine's life. What
//! must hold, and what the rows mean: docs/reliability.md.
//!
//! - `plan`: a step and its faults in one word; `matrix`: which plans there are
//! - `kubernetes`, `external`, `texts`: how each row of the table is produced
//! - `trial`: one plan, tried; `life`: its steps and what both sides shall be
//! - `director`: makes the faults happen, `people`: what only people do
//! - `eyes`: what must hold at every moment
//! - `run`: many plans, and what came of them
//! - `soak`: a long run instead (`make soak`)

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod director;
mod external;
mod eyes;
mod kubernetes;
mod life;
mod matrix;
mod people;
mod plan;
mod run;
mod soak;
mod texts;
mod trial;

// The cluster tests stand on the same harness; each of the two uses a part of it.
#[allow(dead_code, unused_imports)]
#[path = "../harness/mod.rs"]
mod harness;

use crate::matrix::{Census, SAMPLE};
use crate::plan::Plan;
use crate::run::{Demand, Report};
use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

/// Without an option: the sample that `make test` tries.
#[derive(Parser)]
struct Options {
    /// Tries this plan only (repeatable).
    #[arg(long)]
    plan: Vec<Plan>,
    /// One fault a plan, at every write and call.
    #[arg(long)]
    singles: bool,
    /// Each fault of one side with each of the other.
    #[arg(long)]
    pairs: bool,
    /// Chooses the places of the pairs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only plans that contain this text.
    #[arg(long)]
    only: Option<String>,
    /// Every so many plans only, from this one on: 0/4.
    #[arg(long, value_parser = part)]
    part: Option<(usize, usize)>,
    /// Prints the plans and tries none.
    #[arg(long)]
    list: bool,
    /// A long run of so many minutes instead.
    #[arg(long, value_name = "MINUTES")]
    soak: Option<f64>,
    /// Tenants of the long run.
    #[arg(long, default_value_t = 50)]
    tenants: usize,
    /// Machines of each of them.
    #[arg(long, default_value_t = 10)]
    machines: usize,
    /// How many plans are tried at the same time.
    #[arg(long, env = "VIIS_TEST_STANDS", default_value_t = 8)]
    stands: usize,
    /// What `cargo test -- name` asks of all programs: there is no such test here.
    #[arg(hide = true)]
    filter: Vec<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.filter.is_empty() {
        println!(
            "faults: no test here has a name, so none of {:?} is",
            options.filter
        );
        return ExitCode::SUCCESS;
    }
    // Who fails says so in the report, not in the middle of the others.
    std::panic::set_hook(Box::new(|_| {}));
    harness::accept_ring();
    match options.soak {
        Some(minutes) => long_run(&options, minutes),
        None => matrix(&options),
    }
}

fn long_run(options: &Options, minutes: f64) -> ExitCode {
    let size = soak::Size {
        minutes,
        tenants: options.tenants,
        machines: options.machines,
        seed: options.seed,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(soak::run(size)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("soak: FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn matrix(options: &Options) -> ExitCode {
    let started = Instant::now();
    let mut outcomes = Vec::new();
    let mut plans = options.plan.clone();
    if options.singles || options.pairs {
        outcomes = run::all(Census::plans(), options.stands);
        let census = Census::of(&outcomes);
        if options.singles {
            plans.extend(census.singles());
        }
        if options.pairs {
            plans.extend(census.pairs(options.seed));
        }
    } else if plans.is_empty() {
        plans.extend(SAMPLE.iter().map(|text| text.parse::<Plan>().unwrap()));
    }
    let plans = chosen(plans, options);
    if options.list {
        for plan in &plans {
            println!("{plan}");
        }
        println!("{} plans", plans.len());
        return ExitCode::SUCCESS;
    }
    outcomes.extend(run::all(plans, options.stands));
    let mut report = Report::of(&outcomes, started);
    report.demand(demand(options));
    report.print();
    match report.failed() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// `0/4`.
fn part(text: &str) -> Result<(usize, usize), String> {
    let (first, every) = text.split_once('/').ok_or("not two numbers, as in 0/4")?;
    let number = |text: &str| text.parse().map_err(|_| format!("no number: {text}"));
    match (number(first)?, number(every)?) {
        (first, every) if first < every => Ok((first, every)),
        _ => Err(format!("{first} is not less than {every}")),
    }
}

/// What these options are meant to show.
fn demand(options: &Options) -> Demand {
    let matrix = options.singles || options.pairs;
    match matrix {
        false => Demand::EachPlan,
        true if options.only.is_none() && options.part.is_none() => Demand::EachRow,
        true => Demand::Any,
    }
}

fn chosen(plans: Vec<Plan>, options: &Options) -> Vec<Plan> {
    let (first, every) = options.part.unwrap_or((0, 1));
    let only = options.only.as_deref().unwrap_or_default();
    plans
        .into_iter()
        .filter(|plan| plan.to_string().contains(only))
        .skip(first)
        .step_by(every)
        .collect()
}
