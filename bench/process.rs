//! Programs that are started and end with this one, and what the kernel counts of
//! them: CPU time and memory. A count that cannot be read is an error, never 0.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use super::row::Machine;

/// The kernel's clock ticks a second; it is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// A running program. Dropping it ends it.
pub struct Program {
    child: Child,
    /// Ends the program when this process is killed: no destructor runs then.
    watchdog: Option<Child>,
}

impl Program {
    /// Starts a program that ends when its standard input is closed. Its standard error
    /// goes to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .map_err(|error| format!("{command:?} does not start: {error}"))?;
        Ok(Self {
            child,
            watchdog: None,
        })
    }

    /// Starts a program that would outlive this one, with a shell beside it that ends it.
    pub fn start_watched(command: &mut Command, log: &Path) -> Outcome<Self> {
        let mut program = Self::start(command, log)?;
        let script = format!("cat >/dev/null; kill -9 {}", program.child.id());
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).stdin(Stdio::piped());
        program.watchdog = Some(shell.stdout(Stdio::null()).spawn()?);
        Ok(program)
    }

    /// The JSON line by which it says that it is ready. What it prints later is read and
    /// discarded.
    pub fn announcement(&mut self, patience: Duration) -> Outcome<Value> {
        let output = self.child.stdout.take().ok_or("already announced")?;
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            while matches!(output.read_line(&mut line), Ok(1..)) {
                if let Ok(Value::Object(said)) = serde_json::from_str(&line) {
                    // The receiver is gone if the patience ran out.
                    let _ = sender.send(Value::Object(said));
                    break;
                }
                line.clear();
            }
            let _ = std::io::copy(&mut output.by_ref(), &mut std::io::sink());
        });
        receiver
            .recv_timeout(patience)
            .map_err(|_| "a program did not report that it is ready; see its log".into())
    }

    /// Discards what it prints.
    pub fn discard_output(&mut self) {
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
    pub fn cpu(self) -> Outcome<f64> {
        let text = self.read("stat")?;
        // The name in parentheses may hold blanks.
        let fields = text.rsplit(')').next().unwrap_or_default();
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        match (ticks(), ticks()) {
            (Some(user), Some(kernel)) => Ok((user + kernel) / TICKS),
            _ => Err(format!("/proc/{}/stat cannot be read: {text}", self.0).into()),
        }
    }

    /// The most memory that was resident, in MiB.
    pub fn peak(self) -> Outcome<f64> {
        self.memory("VmHWM:")
    }

    /// The memory that is resident now, in MiB.
    pub fn resident(self) -> Outcome<f64> {
        self.memory("VmRSS:")
    }

    fn memory(self, field: &str) -> Outcome<f64> {
        let text = self.read("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let kib = kib.ok_or_else(|| format!("/proc/{}/status has no {field}", self.0))?;
        Ok((kib / 1024.0 * 10.0).round() / 10.0)
    }

    /// Its child whose command line contains this word.
    pub fn child(self, word: &str) -> Outcome<Self> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let children = fs::read_to_string(thread?.path().join("children"))?;
            for number in children.split_whitespace() {
                let child = Self(number.parse()?);
                if child.read("cmdline")?.replace('\0', " ").contains(word) {
                    return Ok(child);
                }
            }
        }
        Err(format!("the control plane has no process{word}").into())
    }

    fn read(self, file: &str) -> Outcome<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}").into())
    }
}

/// CPU seconds that all processes of the machine used since it was started.
pub fn machine_busy() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "));
    let line = line.ok_or("/proc/stat has no line for all processors")?;
    let fields: Vec<f64> = line
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system; then idle, iowait; then irq, softirq. Guests are in user.
    let [user, nice, system, _, _, irq, softirq, ..] = fields[..] else {
        return Err(format!("/proc/stat has other fields: {line}").into());
    };
    Ok((user + nice + system + irq + softirq) / TICKS)
}

/// What the figures depend on.
pub fn machine() -> Outcome<Machine> {
    let field = |file: &str, name: &str| -> Outcome<String> {
        let text = fs::read_to_string(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.map(|line| line.trim_start_matches([' ', '\t', ':']).to_owned());
        value.ok_or_else(|| format!("{file} has no {name}").into())
    };
    let kib: u64 = field("/proc/meminfo", "MemTotal")?
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .parse()?;
    Ok(Machine {
        cores: std::thread::available_parallelism()?.get(),
        // Some architectures do not name it.
        processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|_| "unknown".to_owned()),
        memory: kib.div_ceil(1024 * 1024),
    })
}
