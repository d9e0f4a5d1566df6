//! `viis-operator run`: its options, and the runtime that it runs in. What runs
//! is wired in [`crate::operator`].

use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::operator;
use crate::operator::lease::{Election, Timing, WrongTiming};
use crate::telemetry::{logging, sentence};

/// The longest that the end waits for threads that ask the resolver for an
/// address: they cannot be interrupted, and nothing depends on them any more.
const LINGER: Duration = Duration::from_millis(200);

/// The most threads for work that blocks, which is host name lookups. One that
/// hangs must not hold up the other servers' lookups.
const LOOKUP_THREADS: usize = 8;

/// The options of `run`, each with an environment variable.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Watch this namespace alone; may be repeated. Without it: all namespaces
    #[arg(
        long = "watch-namespace",
        env = "VIIS_WATCH_NAMESPACE",
        value_name = "NAMESPACE",
        value_delimiter = ',',
        value_parser = namespace_or_blank,
    )]
    watch_namespaces: Vec<String>,

    /// The namespace of this installation: the credentials of the Integration
    /// Servers are read here
    #[arg(
        long,
        env = "VIIS_OPERATOR_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "viis-system",
        value_parser = dns_label,
    )]
    operator_namespace: String,

    /// The name of this installation. With the namespace it says who serves an
    /// IntegrationServer, so it must stay the same
    #[arg(
        long,
        env = "VIIS_OPERATOR_NAME",
        value_name = "NAME",
        default_value = "viis-operator",
        value_parser = dns_label,
    )]
    operator_name: String,

    /// Where /metrics, /healthz and /readyz answer; "off" for nowhere
    #[arg(
        long,
        env = "VIIS_METRICS_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "0.0.0.0:8080"
    )]
    metrics_address: MetricsAddress,

    /// Of several processes of one installation only the one that holds the Lease of
    /// its name works, the others stand by
    #[arg(long, env = "VIIS_LEADER_ELECTION")]
    leader_election: bool,

    /// How long others wait, after they saw the leader's last renewal, before one
    /// takes the Lease
    #[arg(
        long,
        env = "VIIS_LEASE_DURATION",
        value_name = "TIME",
        default_value = "15s",
        value_parser = duration,
    )]
    lease_duration: Duration,

    /// How long a leader that cannot renew the Lease goes on before it stops
    #[arg(
        long,
        env = "VIIS_LEASE_RENEW_DEADLINE",
        value_name = "TIME",
        default_value = "10s",
        value_parser = duration,
    )]
    lease_renew_deadline: Duration,

    /// How often who stands by looks at the Lease
    #[arg(
        long,
        env = "VIIS_LEASE_RETRY_PERIOD",
        value_name = "TIME",
        default_value = "1s",
        value_parser = duration,
    )]
    lease_retry_period: Duration,

    /// How log lines look. Their levels are set by RUST_LOG
    #[arg(
        long,
        env = "VIIS_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    log_format: logging::Format,
}

/// Where metrics and health are served, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MetricsAddress(Option<SocketAddr>);

/// Runs the controllers until a signal ends them.
pub fn run(options: RunOptions) -> ExitCode {
    logging::start(options.log_format);
    let settings = match options.settings() {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime() {
        Ok(runtime) => {
            let outcome = runtime.block_on(operator::run(settings));
            runtime.shutdown_timeout(LINGER);
            report(outcome)
        }
        Err(error) => {
            tracing::error!(%error, "cannot start: the system refuses what the event loop needs");
            ExitCode::FAILURE
        }
    }
}

/// One thread does everything: the work is waiting for answers, and one heap
/// (glibc keeps one for each thread that allocates) is what keeps a few
/// thousand objects within a few MiB. It also makes `/healthz` honest: it
/// answers only while the loop that reconciles still turns.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUP_THREADS)
        .build()
}

fn report(outcome: Result<(), operator::Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// A DNS label (RFC 1123), as Kubernetes wants namespaces to be.
fn dns_label(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let outer = |c: char| inner(c) && c != '-';
    if (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && text.starts_with(outer)
        && text.ends_with(outer)
    {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 63 lower-case letters, digits and '-', not '-' at an end".to_owned())
    }
}

/// A time such as `15s`, `1m30s` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let time = text.trim().parse::<jiff::SignedDuration>().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "use a time such as 15s, 1m30s or 500ms".to_owned())
}

/// Blanks are let through, and mean nothing: an environment variable that is
/// set to nothing, or a comma at the end of a list.
fn namespace_or_blank(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Ok(String::new()),
        name => dns_label(name),
    }
}

// === impl RunOptions ===

impl RunOptions {
    fn settings(self) -> Result<operator::Settings, WrongTiming> {
        let election = self.election()?;
        let mut watch_namespaces = self.watch_namespaces;
        watch_namespaces.retain(|name| !name.is_empty());
        watch_namespaces.sort_unstable();
        watch_namespaces.dedup();
        Ok(operator::Settings {
            controllers: operator::Options {
                watch_namespaces,
                operator_namespace: self.operator_namespace,
                operator_name: self.operator_name,
            },
            metrics_address: self.metrics_address.0,
            election,
        })
    }

    /// The Lease to compete for: it has the installation's name and namespace.
    fn election(&self) -> Result<Option<Election>, WrongTiming> {
        if !self.leader_election {
            return Ok(None);
        }
        let timing = Timing {
            duration: self.lease_duration,
            renew_deadline: self.lease_renew_deadline,
            retry_period: self.lease_retry_period,
        };
        Ok(Some(Election {
            namespace: self.operator_namespace.clone(),
            name: self.operator_name.clone(),
            timing: timing.check()?,
        }))
    }
}

// === impl MetricsAddress ===

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "" | "off" => Ok(Self(None)),
            address => address
                .parse()
                .map(|address| Self(Some(address)))
                .map_err(|_| {
                    "use an IP address and a port, as in 0.0.0.0:8080 or [::]:8080, or \"off\""
                        .to_owned()
                }),
        }
    }
}

#[cfg(test)]
mod tests;
