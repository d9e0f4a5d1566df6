//! The programs that the demo starts: each writes a log of its own, says when it
//! is ready, and never outlives the demo, however that ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Failure;

/// How long a program gets to end by itself.
const FAREWELL: Duration = Duration::from_secs(15);

/// So much of its log is shown when a program fails.
const LAST_LINES: usize = 15;

/// A program that was started.
pub struct Program {
    /// How the demo speaks of it.
    pub name: &'static str,
    /// What it wrote on standard error.
    pub log: PathBuf,
    process: Child,
    /// Held open: whoever was told to ends when it closes.
    stdin: Option<ChildStdin>,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    watchdog: Option<Watchdog>,
}

/// A shell that waits for the end of the demo, then does one thing. Only needed
/// when the demo is killed: no destructor runs then.
pub struct Watchdog(Child);

// === impl Program ===

impl Program {
    /// Starts a program that ends when its standard input is closed, and that
    /// says on standard output when it is ready.
    pub fn that_ends_with_us(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let mut process = detached(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file(&log)?)
            .spawn()
            .map_err(|error| Failure(format!("the {name} does not start: {error}")))?;
        Ok(Self {
            name,
            log,
            stdin: process.stdin.take(),
            stdout: process.stdout.take().map(|out| BufReader::new(out).lines()),
            process,
            watchdog: None,
        })
    }

    /// Starts a program that would live on, with a watchdog beside it.
    pub fn with_watchdog(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let process = detached(command)
            .stdin(Stdio::null())
            .stdout(log_file(&log)?)
            .stderr(log_file(&log)?)
            .spawn()
            .map_err(|error| Failure(format!("the {name} does not start: {error}")))?;
        let id = process.id().unwrap_or_default().to_string();
        Ok(Self {
            name,
            log,
            process,
            stdin: None,
            stdout: None,
            watchdog: Some(Watchdog::start("kill -9 \"$1\"", &id)?),
        })
    }

    /// The first line of JSON that it prints, which is how it says that it is ready.
    pub async fn announcement(&mut self) -> Result<Value, Failure> {
        if let Some(lines) = &mut self.stdout {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                    return Ok(value);
                }
            }
        }
        let _ = tokio::time::timeout(FAREWELL, self.process.wait()).await;
        Err(self.obituary())
    }

    /// An error when it has ended, which none does by itself.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(self.obituary()),
        }
    }

    /// The end of its log.
    pub fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(LAST_LINES);
        let last = lines.get(skipped..).unwrap_or_default();
        last.join("\n")
    }

    /// Has it end, and waits for that.
    pub async fn end(mut self) {
        if self.stdin.take().is_none()
            && let Some(id) = self.process.id()
        {
            // The shell's own `kill`: there need not be a program of that name.
            let mut kill = Command::new("sh");
            kill.args(["-c", "kill -TERM \"$1\"", "sh", &id.to_string()]);
            let _ = detached(&mut kill).status().await;
        }
        if tokio::time::timeout(FAREWELL, self.process.wait())
            .await
            .is_err()
        {
            let _ = self.process.kill().await;
        }
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.dismiss().await;
        }
    }

    fn obituary(&self) -> Failure {
        Failure(format!(
            "the {} ended unexpectedly. The end of its log:\n{}",
            self.name,
            self.last_lines()
        ))
    }
}

// === impl Watchdog ===

impl Watchdog {
    /// Runs `script`, with `argument` as its `$1`, after the demo has ended.
    pub fn start(script: &str, argument: &str) -> Result<Self, Failure> {
        let script = format!("cat >/dev/null; {script}");
        let mut command = Command::new("sh");
        command
            .args(["-c", &script, "sh", argument])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command
            .spawn()
            .map_err(|error| Failure(format!("sh does not start: {error}")))?;
        Ok(Self(process))
    }

    async fn dismiss(mut self) {
        let _ = self.0.start_kill();
        let _ = self.0.wait().await;
    }
}

/// In a process group of its own: Control-C in the terminal is for the demo,
/// which then ends its programs in the right order. It is killed with the demo's
/// handle to it, so that no way out of the demo forgets it.
fn detached(command: &mut Command) -> &mut Command {
    command.process_group(0).kill_on_drop(true)
}

fn log_file(path: &Path) -> Result<File, Failure> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| Failure(format!("cannot write {}: {error}", path.display())))
}
