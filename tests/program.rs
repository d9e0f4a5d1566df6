//! The program as a process: exit statuses, what it prints, and how it waits and
//! stops. The API server here knows no kind of ours: it answers 404 to everything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "harness/patience.rs"]
mod patience;

use patience::patient;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The program, with nothing of this test's own environment in it.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viis-operator"));
    command.args(arguments).env_clear();
    command
}

fn ended(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    program(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// An API server on this machine, and a kubeconfig that leads to it.
fn api_server_without_our_kinds() -> tempfile::NamedTempFile {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer_404(stream.unwrap());
        }
    });
    let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
    write!(
        kubeconfig,
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
         clusters: [{{name: a, cluster: {{server: \"http://{address}\"}}}}]\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         users: [{{name: a, user: {{}}}}]\n"
    )
    .unwrap();
    kubeconfig
}

fn answer_404(mut stream: TcpStream) {
    let mut head = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while head.read_line(&mut line).unwrap_or(0) > 2 {
        line.clear();
    }
    let _ = stream.write_all(
        b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 19\r\n\r\n404 page not found\n",
    );
}

/// A running program. Killed when the test fails.
struct Running {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Running {
    fn start(kubeconfig: &str) -> Self {
        let mut child = program(&["run", "--log-format", "json"])
            .env("KUBECONFIG", kubeconfig)
            .env("VIIS_METRICS_ADDRESS", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = mpsc::sync_channel(10_000);
        thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self { child, log }
    }

    /// The first line from here on whose message contains this.
    fn line(&mut self, part: &str) -> serde_json::Value {
        loop {
            let line = self.log.recv_timeout(patient(Duration::from_secs(20)));
            let line = line.unwrap_or_else(|_| panic!("it did not say {part:?}"));
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["message"].as_str().unwrap().contains(part) {
                return line;
            }
        }
    }

    fn health(&mut self) -> SocketAddr {
        let line = self.line("metrics and health");
        let message = line["message"].as_str().unwrap();
        message.rsplit_once("http://").unwrap().1.parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    fn exit_status(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn waits_for_its_kinds_and_stops_on_either_signal() {
    let kubeconfig = api_server_without_our_kinds();
    for name in ["TERM", "INT"] {
        let mut running = Running::start(kubeconfig.path().to_str().unwrap());
        let health = running.health();
        let line = running.line("waiting for the CRDs of viis-operator.io/v1alpha1");
        assert_eq!(line["level"], "WARN");
        assert!(get(health, "/healthz").starts_with("HTTP/1.1 200 "));
        let ready = get(health, "/readyz");
        assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
        assert!(ready.ends_with("waiting for the CRDs\n"), "{ready}");
        assert!(get(health, "/metrics").contains("viis_operator_build_info"));

        let signalled = Instant::now();
        running.signal(name);
        assert_eq!(running.exit_status(), Some(0), "SIG{name}");
        assert!(signalled.elapsed() < patient(Duration::from_secs(10)));
        running.line("stopped before the controllers started");
    }
}

#[test]
fn says_what_to_do_without_a_cluster() {
    let output = ended(
        &["run"],
        &[
            ("KUBECONFIG", "/nonexistent"),
            ("VIIS_METRICS_ADDRESS", "off"),
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.contains("set KUBECONFIG"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log:?}");
}

/// What is wrong with the file is said without a word of it.
#[test]
fn a_kubeconfig_that_cannot_be_read_is_not_quoted() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"users:\n- name: me\n  user:\n    token: [eyJ-a-secret\n")
        .unwrap();
    let kubeconfig = file.path().to_str().unwrap();
    for command in [&["run", "--metrics-address", "off"][..], &["check"]] {
        let output = ended(command, &[("KUBECONFIG", kubeconfig)]);
        assert_eq!(output.status.code(), Some(1));
        let said = format!("{}{}", text(&output.stderr), text(&output.stdout));
        assert!(said.contains("cannot read the kubeconfig (line "), "{said}");
        assert!(!said.contains("eyJ"), "{said}");
    }
}

#[test]
fn an_address_in_use_ends_it_with_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = ended(&["run"], &[("VIIS_METRICS_ADDRESS", &address)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("--metrics-address"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_environment_is_read_and_checked() {
    let output = ended(&["run"], &[("VIIS_WATCH_NAMESPACE", "a,B")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--watch-namespace"),
        "{}",
        text(&output.stderr)
    );
}

/// Whoever may read the log must not read it there.
#[test]
fn a_password_in_the_collectors_address_is_not_printed() {
    let address = "http://user:a-password@collector:4318";
    for (options, variable) in [
        (vec!["run", "--otlp-endpoint", address], ("NO_COLOR", "1")),
        (vec!["run"], ("VIIS_OTLP_ENDPOINT", address)),
    ] {
        let output = ended(&options, &[variable, ("KUBECONFIG", "/none")]);
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{said}");
        assert!(!said.contains("a-password"), "{said}");
    }
}

#[test]
fn commands_print_to_standard_output_alone() {
    let version = ended(&["version"], &[]);
    assert!(version.status.success() && version.stderr.is_empty());
    assert_eq!(
        text(&version.stdout),
        concat!("viis-operator ", env!("CARGO_PKG_VERSION"), "\n")
    );

    let crds = ended(&["crds"], &[]);
    assert!(crds.status.success() && crds.stderr.is_empty());
    assert_eq!(
        text(&crds.stdout)
            .matches("kind: CustomResourceDefinition\n")
            .count(),
        3
    );
}

#[test]
fn without_a_command_it_explains_itself() {
    let output = ended(&[], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage: viis-operator <COMMAND>"));
}
