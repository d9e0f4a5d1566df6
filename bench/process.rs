//! Programs that are started and end with this one, and what the kernel counts
//! of them: CPU time and the peak of memory.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::Outcome;

/// The kernel's clock ticks a second; it is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// A running program. Dropping it ends it.
pub struct Program {
    child: Child,
    /// Ends the program when this process is killed: no destructor runs then.
    watchdog: Option<Child>,
}

impl Program {
    /// Starts a program; its standard error goes to `log`. It either ends when its
    /// standard input is closed, or (`watched`) a shell beside it sees to that.
    pub fn start(command: &mut Command, log: &Path, watched: bool) -> Outcome<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .map_err(|error| format!("{command:?} does not start: {error}"))?;
        let watchdog = if watched {
            let script = format!("cat >/dev/null; kill -9 {}", child.id());
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).stdin(Stdio::piped());
            Some(shell.stdout(Stdio::null()).spawn()?)
        } else {
            None
        };
        Ok(Self { child, watchdog })
    }

    /// The JSON line by which it says that it is ready. What it prints later is
    /// read and dropped.
    pub fn announcement(&mut self, patience: Duration) -> Outcome<Value> {
        let output = self.child.stdout.take().ok_or("already announced")?;
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            while matches!(output.read_line(&mut line), Ok(1..)) {
                if let Ok(Value::Object(said)) = serde_json::from_str(&line) {
                    // Nobody waits any more when the patience was over.
                    let _ = sender.send(Value::Object(said));
                    break;
                }
                line.clear();
            }
            let _ = std::io::copy(&mut output.by_ref(), &mut std::io::sink());
        });
        receiver
            .recv_timeout(patience)
            .map_err(|_| "a program did not say that it is ready; see its log".into())
    }

    /// Drops what it prints.
    pub fn silence(&mut self) {
        if let Some(mut output) = self.child.stdout.take() {
            std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        }
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Before the program's own end: its number may be given to another.
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
            let _ = self.child.kill();
        }
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// This process.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// CPU seconds that it used, in user mode and in the kernel.
    pub fn cpu(self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        // The name in parentheses may hold blanks.
        let fields = text.rsplit(')').next().unwrap_or_default();
        let ticks = |index: usize| {
            let field = fields.split_whitespace().nth(index);
            field.and_then(|field| field.parse::<f64>().ok())
        };
        (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / TICKS
    }

    /// The most memory that was resident, in MiB.
    pub fn peak(self) -> f64 {
        self.status("VmHWM:") / 1024.0
    }

    /// The memory that is resident now, in MiB.
    pub fn resident(self) -> f64 {
        self.status("VmRSS:") / 1024.0
    }

    fn status(self, field: &str) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_default()
    }

    /// Its child whose command line holds this word.
    pub fn child(self, word: &str) -> Option<Self> {
        let children =
            fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.0)).unwrap_or_default();
        let from_threads = fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let all = from_threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
            .fold(children, |all, more| format!("{all} {more}"));
        all.split_whitespace()
            .filter_map(|number| number.parse().ok().map(Self))
            .find(|child| child.command_line().contains(word))
    }

    fn command_line(self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.0)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    }
}

/// The whole machine.
pub struct Machine;

impl Machine {
    /// CPU seconds that all processes together used since it was started.
    pub fn busy() -> f64 {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let fields: Vec<f64> = line
            .split_whitespace()
            .skip(1)
            .filter_map(|field| field.parse().ok())
            .collect();
        // user, nice, system; then idle, iowait; then irq, softirq. Guests are in user.
        let used = [0, 1, 2, 5, 6]
            .iter()
            .filter_map(|index| fields.get(*index));
        used.sum::<f64>() / TICKS
    }

    /// Date, cores, memory and load.
    pub fn describe() -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let total = memory.split_whitespace().nth(1).unwrap_or_default();
        let total: f64 = total.parse().unwrap_or_default();
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown processor", |name| {
                name.trim_start_matches([' ', '\t', ':'])
            });
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = load.split_whitespace().take(3).collect();
        format!(
            "{}: {cores} cores ({model}), {:.0} GiB of memory, load {}",
            jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
            total / 1024.0 / 1024.0,
            load.join(" ")
        )
    }
}
