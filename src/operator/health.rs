//! `/healthz`, `/readyz` and `/metrics` over plain HTTP, for the kubelet and
//! Prometheus. Reads state, changes none.

mod listener;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use self::listener::Bounded;
use crate::telemetry::metrics::{self, Metrics};
use crate::telemetry::readiness::Readiness;

/// A bound address that does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

#[derive(Clone, Debug)]
struct Sources {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

// === impl Server ===

impl Server {
    /// Takes the address. Port 0 takes any free one.
    ///
    /// # Errors
    /// When the system refuses the address, for example because it is in use.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped: probes must see the end from its beginning
    /// to its last moment.
    pub async fn serve(self, metrics: Arc<Metrics>, readiness: Readiness) {
        let routes = Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics_text))
            .with_state(Sources { metrics, readiness });
        if let Err(error) = axum::serve(Bounded::new(self.listener), routes).await {
            tracing::error!(%error, "the metrics and health endpoints stopped answering");
        }
    }
}

// === the endpoints ===

async fn healthz(State(sources): State<Sources>) -> Response {
    probe(sources.readiness.healthy())
}

async fn readyz(State(sources): State<Sources>) -> Response {
    probe(sources.readiness.ready())
}

fn probe(answer: Result<(), &'static str>) -> Response {
    match answer {
        Ok(()) => "ok\n".into_response(),
        Err(sentence) => (StatusCode::SERVICE_UNAVAILABLE, format!("{sentence}\n")).into_response(),
    }
}

async fn metrics_text(State(sources): State<Sources>) -> Response {
    match sources.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the metrics could not be written as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
