//! The program's door: reads the command line and dispatches. No logic.

use std::process::ExitCode;

use clap::Parser as _;
use viis_operator::commands::Cli;

fn main() -> ExitCode {
    Cli::parse().execute()
}
