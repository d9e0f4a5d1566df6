//! A program that a test started: its output is kept, and it ends with the test.
//! Knows nothing of Kubernetes or of the Integration Server.

use super::patience::Deadline;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a program writes, as long as it runs.
pub type Lines = Arc<Mutex<Vec<String>>>;

/// A running program. Dropping it kills it.
pub struct Program {
    name: &'static str,
    child: Mutex<Child>,
    lines: Lines,
    /// Kills the program when this test process is killed: no destructor runs then.
    watchdog: Option<Child>,
}

impl Program {
    /// Starts a program that ends by itself when its standard input closes.
    pub fn that_ends_with_us(name: &'static str, command: &mut Command) -> Program {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        keep(child.stdout.take().unwrap(), lines.clone());
        keep(child.stderr.take().unwrap(), lines.clone());
        Program {
            name,
            child: Mutex::new(child),
            lines,
            watchdog: None,
        }
    }

    /// Starts a program that would live on when this process is killed, with a
    /// shell beside it that waits for that.
    pub fn with_watchdog(name: &'static str, command: &mut Command) -> Program {
        let mut program = Program::that_ends_with_us(name, command);
        let script = format!("cat >/dev/null; kill -9 {}", program.id());
        program.watchdog = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok();
        program
    }

    /// The first line that is a JSON object: how these programs say that they are
    /// ready; or what happened instead.
    pub fn announcement(&self, patience: Duration) -> Result<serde_json::Value, String> {
        let deadline = Deadline::after(patience);
        loop {
            let parse = |line: &String| serde_json::from_str(line).ok();
            let said = self.lines.lock().unwrap().iter().find_map(parse);
            if let Some(value) = said.filter(serde_json::Value::is_object) {
                return Ok(value);
            }
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            if ended.is_some() || deadline.has_passed() {
                let (name, tail) = (self.name, self.tail(50));
                return Err(format!(
                    "{name} did not announce itself ({ended:?}):\n{tail}"
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything it wrote until now, both streams.
    pub fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// What it wrote and will write, also for who outlives it.
    pub fn lines(&self) -> Lines {
        Arc::clone(&self.lines)
    }

    /// The last lines that it wrote.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines.lock().unwrap();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Its process is still there.
    pub fn is_running(&self) -> bool {
        matches!(self.child.lock().unwrap().try_wait(), Ok(None))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// kill -9, and waits for the end.
    pub fn kill(&mut self) {
        self.dismiss_watchdog();
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Sends a signal by name: TERM, STOP, CONT.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.id().to_string())
            .status()
            .unwrap();
        assert!(status.success(), "kill -{signal} failed");
    }

    /// Waits for its end, or gives up.
    pub async fn ends(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Deadline::after(patience);
        while !deadline.has_passed() {
            if let Ok(Some(status)) = self.child.lock().unwrap().try_wait() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// Before the program's own end: its process number may be given to another.
    fn dismiss_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

fn keep(stream: impl Read + Send + 'static, lines: Lines) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lock().unwrap().push(line);
        }
    });
}
