//! The client of the collector. It runs in the exporter's own thread, on a runtime of its
//! own, so that a collector that hangs holds up nothing else.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Runtime;
use url::Url;

use crate::telemetry::sentence;

/// One batch, its answer too.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is a few bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refuses what an event loop needs.
    #[error("the system refuses what an event loop needs")]
    Runtime(#[source] io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// See the head of this file.
pub struct Collector {
    address: String,
    http: reqwest::Client,
    runtime: Runtime,
    /// It did not take the last batch: that is said once.
    away: AtomicBool,
}

impl Collector {
    pub fn new(address: &Url) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("viis-operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Http)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .map_err(Error::Runtime)?;
        Ok(Self {
            address: address.to_string(),
            http,
            runtime,
            away: AtomicBool::new(false),
        })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let mut response = self.http.execute(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err("its answer is too long".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }

    fn note(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let complaint = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(sentence(error.as_ref())),
        };
        let was_away = self.away.swap(complaint.is_some(), Ordering::Relaxed);
        let address = &self.address;
        match complaint {
            Some(complaint) if !was_away => tracing::warn!(
                "traces cannot be sent to {address} ({complaint}): they are dropped until it \
                 takes them. Check --otlp-endpoint and the network; nothing else is affected"
            ),
            None if was_away => tracing::info!("traces are sent to {address} again"),
            Some(_) | None => {}
        }
    }
}

/// The collector is trusted as the system's certificates say.
fn tls() -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

// The answer of the exporter's thread is waited for there and nowhere else.
#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.runtime.block_on(self.exchange(request));
        self.note(&answer);
        answer
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
