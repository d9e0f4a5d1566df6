//! Log lines: text for people, JSON for collectors, both through `tracing` and
//! on standard error, so that standard output is free for what a command prints.

mod json;

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use tracing::Span;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use self::json::JsonLine;
use super::metrics::Kind;
use super::traces::{RECONCILE, Traces};

/// What is logged when `RUST_LOG` says nothing.
const DEFAULT_FILTER: &str = "info";

/// Said by whoever asked for them, these need not be said twice: the Kubernetes
/// client logs every failed request, its controller opens a span beside ours.
const QUIET: [&str; 2] = [
    "kube_client::client::builder=off",
    "kube_runtime::controller=warn",
];

/// Calls are in traces alone, whatever the level is.
const NO_CALLS: &str = "viis_operator::call=off";

/// What the log line of every panic ends with.
pub const PANIC: &str = "This is a bug: please report it";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line of text, with colours when it goes to a terminal.
    Text,
    /// One JSON object a line; `span` says which object is worked on.
    Json,
}

/// Starts logging for the whole process, and the collection of these traces. A second
/// call changes nothing.
///
/// A filter in `RUST_LOG` that cannot be read is reported and ignored: a typing
/// error in it is no reason not to serve.
pub fn start(format: Format, traces: Option<&Traces>) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let (filter, complaint) = filter(&wanted);
    let colours = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = lines(format, filter, colours, io::stderr);
    let layers: Vec<_> = [Some(lines), traces.map(Traces::layer)]
        .into_iter()
        .flatten()
        .collect();
    let subscriber = tracing_subscriber::registry().with(layers);
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
        Some(namespace) => tracing::error_span!(RECONCILE, kind, namespace, name),
        None => tracing::error_span!(RECONCILE, kind, name),
    }
}

fn filter(wanted: &str) -> (EnvFilter, Option<String>) {
    if wanted.trim().is_empty() {
        return (quiet(DEFAULT_FILTER), None);
    }
    match EnvFilter::try_new(wanted) {
        Ok(_) if speaks_of_us(wanted) => (quiet(wanted), None),
        Ok(_) => {
            let complaint = "none of its levels is for this program".to_owned();
            (quiet(DEFAULT_FILTER), Some(complaint))
        }
        Err(error) => (quiet(DEFAULT_FILTER), Some(error.to_string())),
    }
}

/// Whether the filter says how much of ours is logged. A word that is no level, such as
/// `warning`, is read as the name of a library, and everything else is silent then.
fn speaks_of_us(wanted: &str) -> bool {
    wanted.split(',').map(str::trim).any(|directive| {
        directive.starts_with("viis_operator") || directive.parse::<LevelFilter>().is_ok()
    })
}

/// The filter, with the libraries that nobody named in it kept quiet.
fn quiet(wanted: &str) -> EnvFilter {
    QUIET
        .iter()
        .filter(|line| !wanted.contains(line.split(':').next().unwrap_or_default()))
        .chain([&NO_CALLS])
        .filter_map(|line| line.parse().ok())
        .fold(EnvFilter::new(wanted), EnvFilter::add_directive)
}

fn lines<W>(
    format: Format,
    filter: EnvFilter,
    colours: bool,
    writer: W,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // Its own complaints about a closed standard error would panic.
        .log_internal_errors(false);
    match format {
        Format::Text => lines.with_ansi(colours).with_filter(filter).boxed(),
        Format::Json => {
            let lines = lines.json().event_format(JsonLine);
            lines.with_filter(filter).boxed()
        }
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
    tracing::error!(place, "panic: {message}. {PANIC}");
}

#[cfg(test)]
mod tests;
