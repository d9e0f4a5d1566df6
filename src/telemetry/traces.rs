//! Traces for a collector that takes OTLP over HTTP: each reconcile, and in it the calls
//! that it makes to the Integration Server and to the API server. Off unless somebody
//! says where the collector is. What is exported are the spans of reconciles and calls,
//! and the log lines in them from INFO on; how many, the sampler of `OTEL_TRACES_SAMPLER`
//! decides. `collector` sends them.

mod collector;

use std::str::FromStr;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use self::collector::Collector;
pub use crate::viis::CALL_SPANS;

/// What the spans of objects are called.
pub(super) const RECONCILE: &str = "reconcile";
/// Where traces go below the collector's address, says OTLP.
const PATH: &str = "v1/traces";
/// The longest that the end of the process waits for what was not sent yet: what the other
/// ends leave of ten seconds.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Where a collector takes OTLP over HTTP, such as `http://collector:4318`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint is none. Nothing of it is quoted: there may be a password in it.
    #[error("--otlp-endpoint: {0}")]
    Endpoint(String),
    /// There is no client for the collector.
    #[error("cannot set up the client for --otlp-endpoint")]
    Client(#[source] collector::Error),
    /// What the environment says of the exporter cannot be used.
    #[error("cannot set up the export of traces: look at the variables OTEL_EXPORTER_OTLP_…")]
    Exporter(#[source] ExporterBuildError),
}

/// What sends traces until it is ended.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

// === impl Endpoint ===

impl Endpoint {
    /// Where traces are posted to.
    fn traces(&self) -> String {
        format!("{}/{PATH}", self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "use the collector's address, as in http://collector:4318".to_owned();
        let url = Url::parse(text.trim()).map_err(|_| wrong())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(wrong());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "it must not hold credentials: set OTEL_EXPORTER_OTLP_HEADERS from a Secret"
                    .to_owned(),
            );
        }
        Ok(Self(url))
    }
}

// === impl Traces ===

impl Traces {
    /// Sends to this collector, in a thread of its own. Nothing is sent yet.
    ///
    /// # Errors
    /// When the system or the environment gives no usable client.
    pub fn start(endpoint: &Endpoint) -> Result<Self, Error> {
        let collector = Collector::new(&endpoint.0).map_err(Error::Client)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(endpoint.traces())
            // The next batch comes in seconds, and tells that the collector is away.
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(Error::Exporter)?;
        Ok(Self::sending(exporter))
    }

    fn sending(exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static) -> Self {
        let mut resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Self(provider)
    }

    /// What takes the spans of this process.
    pub(super) fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(filter_fn(is_told))
            .boxed()
    }

    /// Sends what is left, and ends.
    pub fn end(self) {
        // The collector's client has said it, should that fail.
        let _ = self.0.shutdown_with_timeout(LAST_WORDS);
    }
}

/// Ours alone: what libraries say of themselves may hold anything.
fn is_told(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().starts_with("viis_operator");
    if metadata.is_span() {
        ours && (metadata.name() == RECONCILE || metadata.target() == CALL_SPANS)
    } else {
        ours && *metadata.level() <= Level::INFO
    }
}

#[cfg(test)]
mod tests;
