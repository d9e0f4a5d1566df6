//! One HTTP exchange: at its turn, in its time, within its bounds, counted.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tracing::Instrument as _;
use url::Url;

use super::answer::Answer;
use super::certificate::{self, CertificateRefused, Presented};
use super::error::{Class, Effect, Error, LATER, Problem};
use super::method::{Method, Observer, Outcome, call_span};
use super::pace::Pace;
use super::request::Request;
use super::settings::{
    ConfigurationError, Credentials, Endpoint, Fingerprint, Permit, Setting, Settings, Timeouts,
    Trust,
};

/// Longest body of an answer, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;
/// Longest body of a list, in bytes.
const LONGEST_LIST: usize = 64 << 20;
/// Shorter than a server's own patience, so that it rarely closes first.
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests to one server.
pub(super) struct Transport {
    endpoint: Endpoint,
    server: Url,
    http: reqwest::Client,
    authorization: HeaderValue,
    timeouts: Timeouts,
    pace: Pace,
    /// How often the account was refused.
    refusals: AtomicU64,
    presented: Presented,
    observer: Arc<dyn Observer>,
    permit: Permit,
}

impl Transport {
    pub(super) fn new(
        settings: &Settings,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ConfigurationError> {
        let (http, presented) = http(
            &settings.trust,
            settings.proxy.as_ref(),
            settings.timeouts.connect,
        )?;
        Ok(Self {
            endpoint: settings.endpoint.clone(),
            server: server_url(&settings.endpoint)?,
            http,
            authorization: authorization(&settings.credentials)?,
            timeouts: settings.timeouts,
            pace: Pace::new(settings.requests_per_second),
            refusals: AtomicU64::new(0),
            presented,
            observer,
            permit: settings.permit.clone(),
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn presented(&self) -> Option<Fingerprint> {
        self.presented.last()
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, Error> {
        let method = request.method;
        let refusals = self.refusals.load(Ordering::Acquire);
        self.pace.turn().await;
        // After the wait for the turn: what was true before it may be so no more.
        if method.mutates() && !self.permit.holds() {
            return Err(self.withheld(method));
        }
        // Each further login that is refused may bring the account nearer to a lock.
        if self.refusals.load(Ordering::Acquire) != refusals {
            return Err(refused_meanwhile(method));
        }
        let start = Instant::now();
        let span = call_span(method, &self.endpoint.address);
        let result = self.exchange(request).instrument(span.clone()).await;
        if result.as_ref().is_ok_and(|answer| answer.status == 401) {
            self.refusals.fetch_add(1, Ordering::AcqRel);
        }
        let outcome = match &result {
            Ok(answer) => {
                // As a signed number, which is what becomes one in a trace.
                span.record("http.response.status_code", i64::from(answer.status));
                Outcome::Status(answer.status)
            }
            Err(_) => {
                span.record("otel.status_code", "ERROR");
                Outcome::Failed
            }
        };
        self.observer.observe(method, outcome, start.elapsed());
        result
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Error> {
        let method = request.method;
        let timeout = self.timeout(method);
        let mut builder = self
            .http
            .request(request.http_method(), request.url(&self.server))
            .header(header::AUTHORIZATION, self.authorization.clone())
            .timeout(timeout);
        builder = match request.body {
            Some(body) => builder
                .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
                .body(body),
            // A POST without a body says so: some servers insist (411).
            None if request_has_length(method) => builder.header(header::CONTENT_LENGTH, 0),
            None => builder,
        };
        let response = builder
            .send()
            .await
            .map_err(|error| self.failure(method, error, None))?;
        let headers = response.headers();
        let text = |name| text_of(headers, name);
        let mut answer = Answer {
            status: response.status().as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            retry_after: text(header::RETRY_AFTER),
            body: Vec::new(),
        };
        self.read_body(method, response, &mut answer).await?;
        Ok(answer)
    }

    async fn read_body(
        &self,
        method: Method,
        mut response: reqwest::Response,
        answer: &mut Answer,
    ) -> Result<(), Error> {
        let longest = if method.lists() {
            LONGEST_LIST
        } else {
            LONGEST_ANSWER
        };
        let too_long = |answer: &Answer| answer.unexpected(method, "It is too long.");
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).is_ok_and(|length| length > longest) {
            return Err(too_long(answer));
        }
        let bounded = has_bounds(response.headers());
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(()),
                Ok(Some(chunk)) if answer.body.len() + chunk.len() > longest => {
                    return Err(too_long(answer));
                }
                Ok(Some(chunk)) => answer.body.extend_from_slice(&chunk),
                // The status alone says it, and nobody must ask in a loop.
                Err(_) if answer.status == 401 => return Ok(()),
                // Many a small server closes without a word of TLS. Where nothing but
                // the end of the connection ends the body, the body itself must show
                // that it is whole.
                Err(error) if !bounded && is_end(&error) && answer.is_self_contained() => {
                    return Ok(());
                }
                Err(error) => return Err(self.failure(method, error, Some(answer.status))),
            }
        }
    }

    fn withheld(&self, method: Method) -> Error {
        let message = format!(
            "{method} was not sent to {}: this process does not lead any more.",
            self.endpoint
        );
        Error::transient(method, Problem::Withheld, message)
    }

    fn timeout(&self, method: Method) -> Duration {
        if method.lists() {
            self.timeouts.list
        } else {
            self.timeouts.call
        }
    }

    /// An exchange that gave no answer, or (with a status) only a part of one.
    fn failure(&self, method: Method, error: reqwest::Error, status: Option<u16>) -> Error {
        let endpoint = &self.endpoint;
        let cause = root_cause(&error);
        let unsent = error.is_connect() || error.is_builder();
        let (problem, message) = if let Some(refused) = CertificateRefused::find(&error) {
            (Problem::Certificate, refused)
        } else if unsent {
            let message = no_connection(endpoint, &error, self.timeouts.connect);
            (Problem::Connect, message)
        } else if error.is_timeout() {
            let seconds = self.timeout(method).as_secs_f32();
            let message = format!(
                "{endpoint} did not finish its answer to {method} within {seconds} s.{LATER}"
            );
            (Problem::Timeout, message)
        } else if status.is_some() {
            let message = format!("The answer of {endpoint} to {method} was cut: {cause}.{LATER}");
            (Problem::UnexpectedAnswer, message)
        } else {
            let message = format!(
                "The connection to {endpoint} broke before {method} was answered: {cause}.{LATER}"
            );
            (Problem::Connect, message)
        };
        let effect = if unsent {
            Effect::None
        } else {
            Effect::Unknown
        };
        let failed = Error::transient(method, problem, message).with_effect(effect);
        let failed = match status {
            Some(status) => failed.with_status(status),
            None => failed,
        };
        failed.with_source(error)
    }
}

/// No connection came about.
pub(super) fn no_connection(
    endpoint: &Endpoint,
    error: &reqwest::Error,
    patience: Duration,
) -> String {
    if error.is_timeout() {
        let seconds = patience.as_secs_f32();
        return format!(
            "No connection to {endpoint} within {seconds} s. Check address, port, proxy and \
             firewall."
        );
    }
    let cause = root_cause(error);
    format!("No connection to {endpoint}: {cause}. Check address, port, proxy and firewall.")
}

/// The account was refused while this call waited for its turn.
fn refused_meanwhile(method: Method) -> Error {
    let message = format!(
        "The Integration Server has just refused the account, so {method} was not sent. Check \
         user name and password."
    );
    Error::new(method, Class::Credentials, Problem::Credentials, message)
}

fn request_has_length(method: Method) -> bool {
    method.mutates() && method != Method::DeleteTenant
}

/// Whether the head says where the body ends.
fn has_bounds(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

/// Whether the connection simply ended.
fn is_end(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    for _ in 0..32 {
        let Some(inner) = cause else { break };
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return io.kind() == io::ErrorKind::UnexpectedEof;
        }
        cause = inner.source();
    }
    false
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// The innermost error, in one bounded line: "Connection refused (os error 111)".
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &(dyn StdError + 'static) = error;
    for _ in 0..32 {
        let Some(inner) = cause.source() else { break };
        cause = inner;
    }
    cause
        .to_string()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(200)
        .collect()
}

/// The HTTP side of a client, and where it notes the certificate that the server presents.
pub(super) fn http(
    trust: &Trust,
    through: Option<&Url>,
    connect: Duration,
) -> Result<(reqwest::Client, Presented), ConfigurationError> {
    let (tls, presented) = certificate::tls(trust)?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // Who calls decides what may be sent twice.
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(IDLE)
        .default_headers(default_headers())
        .user_agent(concat!("viis-operator/", env!("CARGO_PKG_VERSION")));
    if let Some(url) = through {
        builder = builder.proxy(proxy(url)?);
    }
    let http = builder.build().map_err(|error| {
        ConfigurationError::new(
            Setting::Trust,
            format!("The client cannot be set up: {error}."),
        )
    })?;
    Ok((http, presented))
}

fn default_headers() -> HeaderMap {
    let accepted = "application/xml, text/xml;q=0.9, */*;q=0.5";
    HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accepted))])
}

fn authorization(credentials: &Credentials) -> Result<HeaderValue, ConfigurationError> {
    let Credentials { user, password } = credentials;
    if user.is_empty() || user.contains(':') {
        return Err(ConfigurationError::new(
            Setting::Credentials,
            "The user name must not be empty or hold a colon.".to_owned(),
        ));
    }
    let pair = format!("{user}:{}", password.expose_secret());
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).map_err(|_| {
            ConfigurationError::new(Setting::Credentials, "The password is too long.".to_owned())
        })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn server_url(endpoint: &Endpoint) -> Result<Url, ConfigurationError> {
    let wrong = || {
        ConfigurationError::new(
            Setting::Endpoint,
            "The address must be an IP address or a DNS name, without scheme, port and path."
                .to_owned(),
        )
    };
    let url = Url::parse(&format!("https://{endpoint}/")).map_err(|_| wrong())?;
    let plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.port_or_known_default() == Some(endpoint.port)
        && !endpoint.address.contains(['/', '?', '#', '@', '\\'])
        && !endpoint
            .address
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control());
    if plain { Ok(url) } else { Err(wrong()) }
}

fn proxy(url: &Url) -> Result<reqwest::Proxy, ConfigurationError> {
    if url.scheme() != "http" || url.host_str().is_none() {
        return Err(ConfigurationError::new(
            Setting::Proxy,
            "The proxy must be given as http://address:port.".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigurationError::new(
            Setting::Proxy,
            "The proxy's address must not hold credentials.".to_owned(),
        ));
    }
    reqwest::Proxy::all(url.clone()).map_err(|_| {
        ConfigurationError::new(
            Setting::Proxy,
            "The proxy's address cannot be used.".to_owned(),
        )
    })
}
