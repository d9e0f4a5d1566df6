//! The benchmark (`make bench`): many tenants at once, first without machines, then
//! with ten each, on a real API server and a simulated Integration Server. It
//! measures from outside: nothing of the operator is linked in but its CRDs.
//!
//! - `settings`: what was asked for, and the aims
//! - `process`: programs that are started, and what the kernel counts of them
//! - `stand`: control plane, simulator and operator of one part
//! - `workload`: the objects, and how they are made and deleted
//! - `progress`: who is Ready and who is gone, as watched
//! - `kubernetes`: what the API server counts; `calls`: what the simulator counts
//! - `part`: one part from the first object to the last; `report`: figures and aims

mod calls;
mod kubernetes;
mod part;
mod process;
mod progress;
mod report;
mod settings;
mod stand;
mod workload;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use self::process::Machine;
use self::report::Report;
use self::settings::{Options, Part};

/// What can go wrong here is said and ends the run.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(missed) if missed > 0 && options.strict => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs both parts. Returns how many aims were missed.
async fn run(options: &Options) -> Outcome<usize> {
    // reqwest is built without a crypto provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let program = stand::control_plane_program()?;
    println!("{}", Machine::describe());
    let started = Instant::now();
    let mut report = Report::default();
    for part in Part::all(options) {
        eprintln!("bench: {}", part.title());
        match part::run(options, &program, &part).await {
            Ok(figures) => report.part(&part, &figures),
            Err(error) => {
                print!("{report}");
                return Err(error);
            }
        }
    }
    report.whole(started.elapsed());
    print!("{report}");
    Ok(report.missed())
}
