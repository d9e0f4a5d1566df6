//! The operator's own binary as a process.

use super::patience::patient;
use super::program::{Lines, Program};
use super::subject::PATIENCE;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// A running operator. Dropping it kills it.
pub struct Operator {
    program: Program,
}

/// Who an operator is and what it watches.
pub struct Installation<'a> {
    pub kubeconfig: &'a Path,
    pub namespace: &'a str,
    pub name: &'a str,
    pub watched: &'a [String],
    pub levels: &'a str,
    pub extra: &'a [&'a str],
}

impl Operator {
    pub fn start(installation: &Installation<'_>) -> Operator {
        let ours = env!("CARGO_BIN_EXE_viis-operator").to_owned();
        let binary = std::env::var("VIIS_TEST_OPERATOR").unwrap_or(ours);
        let mut command = Command::new(binary);
        command
            .env("KUBECONFIG", installation.kubeconfig)
            .env("RUST_LOG", installation.levels)
            .arg("run")
            .args(["--operator-namespace", installation.namespace])
            .args(["--operator-name", installation.name])
            // The system chooses the port: one that was free a moment ago may be taken.
            .args(["--metrics-address", "127.0.0.1:0"])
            .args(installation.extra);
        for namespace in installation.watched {
            command.args(["--watch-namespace", namespace]);
        }
        Operator {
            program: Program::with_watchdog("operator", &mut command),
        }
    }

    pub fn log(&self) -> String {
        self.program.log()
    }

    pub fn lines(&self) -> Lines {
        self.program.lines()
    }

    pub fn tail(&self) -> String {
        self.program.tail(120)
    }

    pub fn is_running(&self) -> bool {
        self.program.is_running()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Sends a signal by name: STOP, CONT.
    pub fn signal(&self, signal: &str) {
        self.program.signal(signal);
    }

    /// SIGTERM; the exit status when it ended in time.
    pub async fn terminates_within(&self, patience: Duration) -> Option<ExitStatus> {
        self.program.signal("TERM");
        self.program.ends(patience).await
    }

    /// Where its own pages are, once its log says so.
    fn address(&self) -> Option<String> {
        let log = self.log();
        let (_, rest) = log.split_once("metrics and health answer on ")?;
        let end = |letter: char| letter.is_whitespace() || letter == '"';
        rest.split(end).next().map(str::to_owned)
    }

    /// The text of one of its own pages, with the status.
    pub async fn page(&self, path: &str) -> Option<(u16, String)> {
        super::simulator::accept_ring();
        let url = format!("{}{path}", self.address()?);
        let get = tokio::time::timeout(patient(Duration::from_secs(10)), reqwest::get(url));
        let answer = get.await.ok()?.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    /// What it shows on `/metrics`; the test fails when it shows nothing.
    pub async fn metrics(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.page("/metrics").await;
            match page {
                Some((200, text)) => return text,
                page => assert!(Instant::now() < deadline, "no metrics: {page:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
