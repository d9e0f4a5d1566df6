//! The Kubernetes client: from the environment, with a deadline for every call, and
//! without a write while this process does not lead.
//!
//! Nothing is repeated here: the controllers and watchers decide what to do
//! again, and when. A repetition below them would hide the first answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::header::USER_AGENT;
use http::{HeaderValue, Method, Request, Response, Uri};
use kube::client::{Body as RequestBody, ClientBuilder, DynBody};
use kube::config::{InferConfigError, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, Layer, Service};
use tracing::{Instrument as _, Span, field};

use crate::controllers::leadership::Leadership;
use crate::telemetry::traces::CALL_SPANS;

const AGENT: &str = concat!("viis-operator/", env!("CARGO_PKG_VERSION"));

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// A whole call, its answer's body too. Of a watch: until it begins to answer.
const CALL: Duration = Duration::from_secs(30);
/// Silence on a connection. Longer than the 295 s after which a silent watch is
/// begun anew, so that it never ends a healthy one.
const SILENCE: Duration = Duration::from_secs(310);
/// The longest answer to a call: pages of lists are far shorter.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a kubeconfig nor a service account was found.
    #[error(
        "cannot find out how to reach Kubernetes: run in a pod with a service account, \
         or set KUBECONFIG to a kubeconfig file"
    )]
    Infer(#[source] InferConfigError),
    /// What the kubeconfig says is no kubeconfig. The library's own words quote the file,
    /// credentials and all, and are left out.
    #[error(
        "cannot read the kubeconfig{}: see that KUBECONFIG names a file in YAML, and that file's form",
        position.map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default()
    )]
    Kubeconfig {
        /// Line and column, from 1, where they are known.
        position: Option<(u64, u64)>,
    },
    /// What was found cannot be used.
    #[error(
        "cannot use the configuration for Kubernetes: look at its certificates and credentials"
    )]
    Build(#[source] kube::Error),
}

impl From<InferConfigError> for Error {
    fn from(error: InferConfigError) -> Self {
        let source = std::error::Error::source(&error);
        match source.and_then(|source| source.downcast_ref()) {
            Some(KubeconfigError::Parse(error)) => Self::Kubeconfig {
                position: error.location().map(|at| (at.line(), at.column())),
            },
            Some(_) | None => Self::Infer(error),
        }
    }
}

/// A client as `KUBECONFIG`, `~/.kube/config` or the pod's service account say. It
/// writes only while `leadership` holds. Makes no call.
///
/// # Errors
/// When there is no configuration, or it cannot be used.
pub async fn from_environment(leadership: Leadership) -> Result<Client, Error> {
    from_config(Config::infer().await?, leadership)
}

/// The same for a command that only reads, and that nobody competes with.
///
/// # Errors
/// As [`from_environment`].
pub async fn for_a_command() -> Result<Client, Error> {
    from_environment(Leadership::unopposed()).await
}

/// A client for this configuration, with this program's deadlines.
///
/// # Errors
/// When the configuration cannot be used.
pub fn from_config(config: Config, leadership: Leadership) -> Result<Client, Error> {
    with_deadline(config, CALL, leadership)
}

fn with_deadline(
    mut config: Config,
    call: Duration,
    leadership: Leadership,
) -> Result<Client, Error> {
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(AGENT)));
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    // Else the time that a connection lay idle counts against its next call.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).map_err(Error::Build)?;
    let door = Door {
        deadline: call,
        leadership,
    };
    Ok(builder.with_layer(&door).build())
}

/// What every call passes: it has a deadline, and a write needs leadership.
#[derive(Clone, Debug)]
struct Door {
    deadline: Duration,
    leadership: Leadership,
}

/// A service behind the door.
#[derive(Clone, Debug)]
struct Guarded<S> {
    inner: S,
    door: Door,
}

// === impl Door ===

impl<S> Layer<S> for Door {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded {
            inner,
            door: self.clone(),
        }
    }
}

// === impl Guarded ===

impl<S> Service<Request<RequestBody>> for Guarded<S>
where
    S: Service<Request<RequestBody>, Response = Response<Box<DynBody>>, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        if *request.method() != Method::GET && !self.door.leadership.holds() {
            return Box::pin(std::future::ready(Err(not_leading().into())));
        }
        let watch = is_watch(request.uri());
        let deadline = self.door.deadline;
        let span = call_span(request.method(), request.uri());
        let answer = self.inner.call(request);
        let answered = async move {
            let whole = async {
                let answer = answer.await?;
                if watch {
                    Ok(answer.map(Body::new))
                } else {
                    read_whole(answer).await
                }
            };
            let answer = tokio::time::timeout(deadline, whole).await;
            let answer = answer.unwrap_or_else(|_| Err(too_late(deadline).into()));
            record(&answer);
            answer
        };
        Box::pin(answered.instrument(span))
    }
}

/// The span of one call; none where nobody asks what a call belongs to.
fn call_span(method: &Method, uri: &Uri) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        target: CALL_SPANS,
        "call",
        otel.name = method.as_str(),
        otel.kind = "client",
        url.path = uri.path(),
        http.response.status_code = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// On the span of the call.
fn record(answer: &Result<Response<Body>, BoxError>) {
    let span = Span::current();
    match answer {
        // As a signed number, which is what becomes one in a trace.
        Ok(answer) => span.record(
            "http.response.status_code",
            i64::from(answer.status().as_u16()),
        ),
        Err(_) => span.record("otel.status_code", "ERROR"),
    };
}

async fn read_whole(answer: Response<Box<DynBody>>) -> Result<Response<Body>, BoxError> {
    let (head, body) = answer.into_parts();
    let bytes = to_bytes(Body::new(body), ANSWER_BYTES).await?;
    Ok(Response::from_parts(head, Body::from(bytes)))
}

fn not_leading() -> io::Error {
    let message = "not sent to the API server: this process does not lead any more";
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

fn too_late(deadline: Duration) -> io::Error {
    let message = format!(
        "no answer from the API server within {} s",
        deadline.as_secs_f32()
    );
    io::Error::new(io::ErrorKind::TimedOut, message)
}

/// A watch's answer goes on for minutes by design; kube asks with `watch=true`.
fn is_watch(uri: &Uri) -> bool {
    uri.query()
        .is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"))
}

#[cfg(test)]
mod tests;
