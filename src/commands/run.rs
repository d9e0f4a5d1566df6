//! `viis-operator run`: its options, and how its end is reported. What runs is wired in
//! [`crate::operator`].

use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::event_loop;
use super::installation::Installation;
use crate::operator;
use crate::operator::lease::{Election, Timing, WrongTiming};
use crate::telemetry::traces::{self, Traces};
use crate::telemetry::{logging, sentence};

/// The options of `run`, each with an environment variable.
#[derive(Debug, Args)]
pub struct RunOptions {
    #[command(flatten)]
    installation: Installation,

    /// Where /metrics, /healthz and /readyz answer; "off" for nowhere
    #[arg(
        long,
        env = "VIIS_METRICS_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "0.0.0.0:8080"
    )]
    metrics_address: MetricsAddress,

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

    /// Where a collector takes traces by OTLP over HTTP, as http://collector:4318; without
    /// it, there are none
    #[arg(long, env = "VIIS_OTLP_ENDPOINT", value_name = "URL")]
    // Read below: what is refused here is printed, and somebody may put a password in it.
    otlp_endpoint: Option<String>,

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
    let traces = match options.traces() {
        Ok(traces) => traces,
        Err(error) => {
            logging::start(options.log_format, None);
            tracing::error!("cannot start: {}", sentence(&error));
            return ExitCode::FAILURE;
        }
    };
    logging::start(options.log_format, traces.as_ref());
    let settings = match options.settings() {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = match event_loop::run(operator::run(settings)) {
        Ok(outcome) => report(outcome),
        Err(error) => {
            tracing::error!(%error, "cannot start: the system refuses what the event loop needs");
            ExitCode::FAILURE
        }
    };
    if let Some(traces) = traces {
        traces.end();
    }
    ended
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

/// A time such as `15s`, `1m30s` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let time = text.trim().parse::<jiff::SignedDuration>().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "use a time such as 15s, 1m30s or 500ms".to_owned())
}

// === impl RunOptions ===

impl RunOptions {
    fn settings(self) -> Result<operator::Settings, WrongTiming> {
        let election = self.election()?;
        Ok(operator::Settings {
            controllers: operator::Options {
                watch_namespaces: self.installation.watched(),
                operator_namespace: self.installation.own.operator_namespace,
                operator_name: self.installation.operator_name,
            },
            metrics_address: self.metrics_address.0,
            election,
        })
    }

    /// What sends traces, if anything; blank is nothing.
    fn traces(&self) -> Result<Option<Traces>, traces::Error> {
        let endpoint = self.otlp_endpoint.as_deref().unwrap_or_default().trim();
        if endpoint.is_empty() {
            return Ok(None);
        }
        let endpoint = endpoint.parse().map_err(traces::Error::Endpoint)?;
        Traces::start(&endpoint).map(Some)
    }

    /// The Lease to compete for: it has the installation's name and namespace.
    fn election(&self) -> Result<Option<Election>, WrongTiming> {
        if !self.installation.leader_election {
            return Ok(None);
        }
        let timing = Timing {
            duration: self.lease_duration,
            renew_deadline: self.lease_renew_deadline,
            retry_period: self.lease_retry_period,
        };
        Ok(Some(Election {
            namespace: self.installation.own.operator_namespace.clone(),
            name: self.installation.operator_name.clone(),
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
