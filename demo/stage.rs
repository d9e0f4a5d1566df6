//! What the demo is played on: a folder, the cluster, the simulator and the
//! operator. They are set up one after the other and cleared in reverse.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::Failure;
use crate::children::{Program, Watchdog};

/// Where a real Integration Server listens, and so do the examples.
pub const USUAL_PORT: u16 = 7271;

/// How long the simulator's tasks run: long enough to see them.
pub const CREATION: &str = "6s";
/// An activation.
pub const ACTIVATION: &str = "2s";
/// A deletion.
pub const DELETION: &str = "4s";

/// Everything that has to be cleared away at the end.
#[derive(Default)]
pub struct Stage {
    folder: Option<TempDir>,
    /// Removes the folder when the demo is killed.
    sweeper: Option<Watchdog>,
    programs: Vec<Program>,
    /// All has been shown: from here on Control-C is the way to end.
    pub is_settled: bool,
}

impl Stage {
    /// The folder of this demo.
    pub fn folder(&mut self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.folder {
            return Ok(folder.path().to_owned());
        }
        let folder = tempfile::Builder::new()
            .prefix("viis-demo-")
            .tempdir()
            .map_err(|error| Failure(format!("cannot make a temporary folder: {error}")))?;
        let path = folder.path().to_owned();
        self.folder = Some(folder);
        // The cluster still writes there for a moment, so once is not enough.
        let sweep = "n=0; while [ -e \"$1\" ] && [ $n -lt 30 ]; do rm -rf \"$1\"; sleep 1; n=$((n+1)); done";
        self.sweeper = Some(Watchdog::start(sweep, &path.display().to_string())?);
        Ok(path)
    }

    /// Starts the cluster; what it announces.
    pub async fn start_cluster(&mut self) -> Result<Value, Failure> {
        let folder = self.folder()?;
        let mut command = Command::new("sh");
        command
            .arg(in_project("tests/controlplane/up.sh"))
            .arg("--dir")
            .arg(folder.join("cluster"))
            .arg("--exit-with-stdin")
            // The demo takes a cluster of its own, whatever the tests may use.
            .env_remove("VIIS_USE_EXISTING_CLUSTER");
        let program =
            Program::that_ends_with_us("cluster", &mut command, folder.join("cluster.log"))?;
        self.announced(program).await
    }

    /// Starts the simulator; what it announces.
    pub async fn start_simulator(&mut self) -> Result<Value, Failure> {
        let folder = self.folder()?;
        let port = if is_free(USUAL_PORT) { USUAL_PORT } else { 0 };
        let mut command = ours("viis-simulator")?;
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--control", "127.0.0.1:0"])
            .args(["--username", "multitenancy", "--password", "simulator"])
            .args(["--dialect", "default", "--latency", "0ms"])
            .args(["--create-duration", CREATION])
            .args(["--activate-duration", ACTIVATION])
            .args(["--delete-duration", DELETION])
            .arg("--exit-with-stdin");
        let log = folder.join("simulator.log");
        let program = Program::that_ends_with_us("simulator", &mut command, log)?;
        self.announced(program).await
    }

    /// Starts the operator; where its log is.
    pub fn start_operator(&mut self, kubeconfig: &Path) -> Result<PathBuf, Failure> {
        let log = self.folder()?.join("operator.log");
        let mut command = ours("viis-operator")?;
        command
            .arg("run")
            .args(["--operator-namespace", "viis-system"])
            .args(["--metrics-address", "127.0.0.1:0"])
            .env("KUBECONFIG", kubeconfig);
        let program = Program::with_watchdog("operator", &mut command, log.clone())?;
        self.programs.push(program);
        Ok(log)
    }

    /// An error when one of the programs has ended.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        self.programs.iter_mut().try_for_each(Program::check_alive)
    }

    /// The end of the operator's log, for a failure's explanation.
    pub fn operator_says(&self) -> String {
        self.programs
            .iter()
            .find(|program| program.name == "operator")
            .map_or_else(String::new, Program::last_lines)
    }

    /// Ends everything, the newest first, and removes the folder.
    pub async fn clear(mut self) {
        while let Some(program) = self.programs.pop() {
            program.end().await;
        }
        if let Some(folder) = self.folder.take() {
            let path = folder.path().to_owned();
            if let Err(error) = folder.close() {
                eprintln!("demo: cannot remove {}: {error}", path.display());
            }
        }
        drop(self.sweeper);
    }

    /// On the stage first: so it is cleared in good order even when the demo is
    /// told to stop while this waits.
    async fn announced(&mut self, program: Program) -> Result<Value, Failure> {
        let name = program.name;
        self.programs.push(program);
        match self.programs.last_mut() {
            Some(program) => program.announcement().await,
            None => Err(Failure(format!("there is no {name}"))),
        }
    }
}

/// A file of the project.
pub fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program of this project, which cargo puts beside `examples/demo`. Its flags
/// can come from the environment too: the demo's are those that it gives.
fn ours(name: &str) -> Result<Command, Failure> {
    let here = std::env::current_exe()
        .map_err(|error| Failure(format!("cannot find the demo's own program: {error}")))?;
    let program = here
        .ancestors()
        .nth(2)
        .map(|folder| folder.join(name))
        .filter(|path| fs::exists(path).unwrap_or(false))
        .ok_or_else(|| {
            Failure(format!(
                "{name} is not built: start the demo by `make demo`"
            ))
        })?;
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("VIIS_") {
            command.env_remove(variable);
        }
    }
    command.env_remove("RUST_LOG");
    Ok(command)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
