//! The benchmark (`make bench`): this operator and a plain Go operator, one after the
//! other, on the same API server, the same CRDs and the same simulated Integration
//! Server. It measures both from outside; of the product it links only the CRDs.
//!
//! - `scenario`: sizes, durations, and the order of the runs
//! - `operator`: the two operators: how each is started and what its metrics are called
//! - `control_plane`, `session`: what runs share, and what each run starts
//! - `workload`: the objects; `progress`: which of them are Ready or gone, by a watch
//! - `process`, `kubernetes`, `calls`, `reconciles`: what is counted, and by whom;
//!   `metric_text`: the format of metrics
//! - `run`: one operator at one size; `row`: its figures, one line of JSON
//! - `compare`: pairs of rows and their ratios; `table`: the same for a terminal
//! - `profile`: where CPU time goes (`make profile`)
//! - `rules`: what the validation rules of the CRDs cost (`--rules`)

mod calls;
mod compare;
mod control_plane;
mod kubernetes;
mod metric_text;
mod operator;
mod process;
mod profile;
mod progress;
mod reconciles;
mod row;
mod rules;
mod run;
mod scenario;
mod session;
mod table;
mod workload;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use self::control_plane::ControlPlane;
use self::operator::Programs;
use self::row::{Row, Size};
use self::run::Run;
use self::scenario::Plan;

/// Whatever goes wrong is printed and ends the benchmark.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measure this operator and a plain Go operator on this machine
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// Two small sizes, one pair each, without the quiet minute
    #[arg(long)]
    quick: bool,
    /// Only this size, written as TENANTSxMACHINES; may be repeated
    #[arg(long = "size", value_name = "SIZE")]
    sizes: Vec<Size>,
    /// Rounds at each size, instead of three at small sizes and one at large ones
    #[arg(long, value_name = "COUNT")]
    rounds: Option<usize>,
    /// Record CPU profiles of this operator and of the API server into this folder,
    /// instead of measuring
    #[arg(long, value_name = "FOLDER")]
    profile: Option<PathBuf>,
    /// Measure this operator with and without the validation rules of the CRDs, instead of
    /// beside the Go operator
    #[arg(long)]
    rules: bool,
    /// A different build of this operator
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_viis-operator"))]
    operator: PathBuf,
    /// A different simulator
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_viis-simulator"))]
    simulator: PathBuf,
    /// Where the rows are written, one line of JSON each
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench.jsonl"))]
    output: PathBuf,
    /// Keep the logs of all programs in this folder
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
    /// `cargo bench` passes this flag to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    // reqwest is built without a crypto provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = match &options.profile {
        Some(folder) => profile::record(&options, folder).await,
        None if options.rules => rules::measure(&options).await,
        None => measure(&options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes all runs and prints the comparison.
async fn measure(options: &Options) -> Outcome<()> {
    let programs = Programs::build(&options.operator)?;
    let control_plane_program = control_plane::program()?;
    let plans = Plan::all(options.quick, &options.sizes, options.rounds);
    let started = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    for plan in plans {
        let temporary = tempfile::tempdir()?;
        let folder = options.logs.as_deref().unwrap_or(temporary.path());
        let folder = folder.join(plan.size.to_string());
        let plane = ControlPlane::start(&control_plane_program, &folder).await?;
        for step in plan.steps() {
            let run = Run {
                plane: &plane,
                programs: &programs,
                simulator: &options.simulator,
                folder: &folder,
                size: plan.size,
                step,
                profile: None,
            };
            rows.push(run.measure().await?);
            // A run that fails later must not cost those before it.
            write(&options.output.with_extension("part"), &rows)?;
        }
    }
    write(&options.output, &rows)?;
    println!("{}", table::of(&rows));
    println!(
        "{} runs in {:.0} s; the figures are in {}",
        rows.len(),
        started.elapsed().as_secs_f64(),
        options.output.display()
    );
    Ok(())
}

fn write(path: &Path, rows: &[Row]) -> Outcome<()> {
    let mut text = String::new();
    for row in rows {
        text.push_str(&serde_json::to_string(row)?);
        text.push('\n');
    }
    Ok(fs::write(path, text)?)
}
