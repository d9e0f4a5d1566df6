//! The command line: which commands there are, and what a failure looks like.
//!
//! Each command has its own file; this one only dispatches.

pub mod check;
mod cluster;
pub mod crds;
mod event_loop;
pub mod import;
mod installation;
pub mod run;
pub mod version;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Kubernetes operator for tenants of Kaspersky Security for Virtualization
/// Light Agent
#[derive(Debug, Parser)]
#[command(name = "viis-operator", version, propagate_version = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `viis-operator`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the controllers until SIGTERM or SIGINT
    Run(run::RunOptions),
    /// Read an Integration Server and print manifests for the tenants that it has
    Import(import::ImportOptions),
    /// Check the cluster and the Integration Servers: a line each, exit status 1 when one fails
    Check(check::CheckOptions),
    /// Print the custom resource definitions as YAML, for `kubectl apply -f -`
    Crds,
    /// Print the name and version of this program
    Version,
}

// === impl Cli ===

impl Cli {
    /// Runs the command. The exit status is 0 when it did what it is for.
    pub fn execute(self) -> ExitCode {
        match self.command {
            Command::Run(options) => run::run(options),
            Command::Import(options) => import::run(options),
            Command::Check(options) => check::run(options),
            Command::Crds => print(crds::run),
            Command::Version => print(version::run),
        }
    }
}

/// Runs a command whose result is text on standard output.
fn print<E: Display>(
    command: impl FnOnce(&mut io::StdoutLock<'static>) -> Result<(), E>,
) -> ExitCode {
    let mut out = io::stdout().lock();
    let outcome = command(&mut out);
    // Flushed here: an error at the program's end would be lost.
    let flushed = out.flush();
    match (outcome, flushed) {
        (Err(error), _) => failed(&error),
        (Ok(()), Err(error)) => failed(&error),
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
    }
}

/// Says on standard error why a command failed.
fn failed(error: &dyn Display) -> ExitCode {
    say(error);
    ExitCode::FAILURE
}

/// Says something on standard error.
fn say(what: &dyn Display) {
    // A closed standard error leaves nobody to tell; `eprintln!` would panic.
    let _ = writeln!(io::stderr(), "viis-operator: {what}");
}

#[cfg(test)]
mod tests;
