//! Log lines: text for people, JSON for collectors, both through `tracing` and
//! on standard error, so that standard output is free for what a command prints.

mod json;

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use self::json::JsonLine;
use super::metrics::Kind;

/// What is logged when `RUST_LOG` says nothing.
const DEFAULT_FILTER: &str = "info";

/// Said by whoever asked for them, these need not be said twice: the Kubernetes
/// client logs every failed request, its controller opens a span beside ours.
const QUIET: [&str; 2] = [
    "kube_client::client::builder=off",
    "kube_runtime::controller=warn",
];

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line of text, with colours when it goes to a terminal.
    Text,
    /// One JSON object a line; `span` says which object is worked on.
    Json,
}

/// Starts logging for the whole process. A second call changes nothing.
///
/// A filter in `RUST_LOG` that cannot be read is reported and ignored: a typing
/// error in it is no reason not to serve.
pub fn start(format: Format) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let (filter, complaint) = filter(&wanted);
    let colours = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = subscriber(format, filter, colours, io::stderr);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    if let Some(complaint) = complaint {
        tracing::warn!(
            "RUST_LOG is not used ({complaint}): write it as in \"info,viis_operator=debug\""
        );
    }
}

/// The span of one reconcile: which object every log line inside is about.
///
/// `namespace` is `None` for an IntegrationServer, and then not in the lines.
#[must_use]
pub fn object_span(kind: Kind, namespace: Option<&str>, name: &str) -> Span {
    let kind = kind.as_str();
    match namespace {
        Some(namespace) => tracing::error_span!("reconcile", kind, namespace, name),
        None => tracing::error_span!("reconcile", kind, name),
    }
}

fn filter(wanted: &str) -> (EnvFilter, Option<String>) {
    if wanted.trim().is_empty() {
        return (quiet(DEFAULT_FILTER), None);
    }
    match EnvFilter::try_new(wanted) {
        Ok(_) => (quiet(wanted), None),
        Err(error) => (quiet(DEFAULT_FILTER), Some(error.to_string())),
    }
}

/// The filter, with the libraries that nobody named in it kept quiet.
fn quiet(wanted: &str) -> EnvFilter {
    QUIET
        .iter()
        .filter(|line| !wanted.contains(line.split(':').next().unwrap_or_default()))
        .filter_map(|line| line.parse().ok())
        .fold(EnvFilter::new(wanted), EnvFilter::add_directive)
}

fn subscriber<W>(
    format: Format,
    filter: EnvFilter,
    colours: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        // Its own complaints about a closed standard error would panic.
        .log_internal_errors(false);
    match format {
        Format::Text => Box::new(lines.with_ansi(colours).finish()),
        Format::Json => Box::new(lines.json().event_format(JsonLine).finish()),
    }
}

/// A panic is a log line like any other: a collector of JSON would lose the
/// standard hook's text.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(place, "panic: {message}. This is a bug: please report it");
}

#[cfg(test)]
mod tests;
