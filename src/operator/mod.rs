//! The program around the controllers: wires the Kubernetes client, telemetry,
//! health endpoints and signals together, and decides how the process ends. What
//! the controllers do is none of its business.
//!
//! - `client`: the Kubernetes client and its deadlines
//! - `served`: waits until the API server serves our kinds
//! - `health`: `/healthz`, `/readyz`, `/metrics`, with what [`crate::telemetry`] knows
//! - `lease`: which of several processes leads; `terms`: what that means here
//! - `shutdown`: signals and the time to end

pub mod client;
pub mod health;
pub mod lease;
pub mod served;
pub mod shutdown;
mod terms;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::lease::{Campaign, Election};
use self::shutdown::{Ending, Signals};
use self::terms::Terms;
pub use crate::controllers::Options;
use crate::controllers::{self, leadership::Leadership};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::readiness::Readiness;

/// What `run` needs to know.
#[derive(Debug)]
pub struct Settings {
    /// For the controllers.
    pub controllers: Options,
    /// Where metrics and health answer; `None`: nowhere.
    pub metrics_address: Option<SocketAddr>,
    /// The Lease to compete for; `None`: nobody competes.
    pub election: Option<Election>,
}

/// Why the process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refuses to tell us about signals.
    #[error("cannot catch SIGTERM and SIGINT")]
    Signals(#[source] io::Error),
    /// The address for metrics and health cannot be taken.
    #[error(
        "cannot serve metrics and health on {address}: choose another --metrics-address, or \"off\""
    )]
    MetricsAddress {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no usable configuration for Kubernetes.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The system refuses a thread for the leader election.
    #[error("cannot start the leader election")]
    Election(#[source] io::Error),
    /// The leader election ended although nobody asked it to.
    #[error("the leader election ended by itself; the process has to be restarted")]
    ElectionEnded,
    /// The controllers cannot go on.
    #[error("the controllers failed")]
    Controllers(#[source] controllers::Error),
    /// The controllers panicked. The log has the place.
    #[error("the controllers panicked: this is a bug, please report it with the log")]
    Panicked,
    /// The controllers ended although nobody asked them to.
    #[error("the controllers ended by themselves: this is a bug, please report it with the log")]
    Unasked,
}

/// Runs the operator until a signal ends it.
///
/// # Errors
/// When it cannot start, or its controllers cannot go on.
pub async fn run(settings: Settings) -> Result<(), Error> {
    let shutdown = CancellationToken::new();
    let signals = Signals::catch().map_err(Error::Signals)?;
    tokio::spawn(signals.obey(shutdown.clone()));
    // Fails when one is installed already: then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let options = &settings.controllers;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        installation = format!("{}/{}", options.operator_namespace, options.operator_name),
        namespaces = watched(&options.watch_namespaces),
        "starting"
    );
    let metrics = Arc::new(Metrics::new());
    let readiness = Readiness::new();
    if let Some(address) = settings.metrics_address {
        serve_health(address, &metrics, &readiness).await?;
    }
    control(settings, metrics, readiness, shutdown).await
}

async fn serve_health(
    address: SocketAddr,
    metrics: &Arc<Metrics>,
    readiness: &Readiness,
) -> Result<(), Error> {
    let server = health::Server::bind(address)
        .await
        .map_err(|source| Error::MetricsAddress { address, source })?;
    tracing::info!("metrics and health answer on http://{}", server.address());
    // Ends with the runtime, so it answers to the last moment.
    tokio::spawn(server.serve(Arc::clone(metrics), readiness.clone()));
    Ok(())
}

/// From the client to the end of the controllers.
async fn control(
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let options = settings.controllers;
    let leadership = match settings.election {
        None => Leadership::unopposed(),
        Some(_) => Leadership::candidate(),
    };
    let prepare = async {
        let client = client::from_environment(leadership.clone()).await?;
        served::wait(
            &client,
            &options.watch_namespaces,
            &readiness,
            served::Pace::default(),
        )
        .await;
        Ok::<_, Error>(client)
    };
    let Some(client) = shutdown.run_until_cancelled(prepare).await else {
        tracing::info!("stopped before the controllers started");
        return Ok(());
    };
    readiness.waiting_for("the controllers are starting");
    let stopping = readiness.clone();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        stopping.stopping();
    });
    let terms = Terms {
        client: client?,
        options,
        metrics: Arc::clone(&metrics),
        readiness: readiness.clone(),
        shutdown,
    };
    let ending = match settings.election {
        None => terms.run(&leadership).await,
        Some(election) => elected(&terms, election, leadership).await?,
    };
    readiness.controllers_ended();
    conclude(ending, metrics.tasks_in_flight())
}

/// Works while this process leads; the Lease is released at the end.
async fn elected(
    terms: &Terms,
    election: Election,
    leadership: Leadership,
) -> Result<Ending<controllers::Error>, Error> {
    let started = Campaign::start(election, leadership.clone());
    let mut campaign = started.map_err(Error::Election)?;
    let ending = tokio::select! {
        ending = terms.run(&leadership) => ending,
        () = campaign.ended() => return Err(Error::ElectionEnded),
    };
    campaign.end().await;
    Ok(ending)
}

/// Says how it ended. What still runs is no failure: it is found again.
fn conclude(ending: Ending<controllers::Error>, tasks: i64) -> Result<(), Error> {
    match ending {
        Ending::Clean if tasks == 0 => {
            tracing::info!("stopped; nothing is in flight");
            Ok(())
        }
        Ending::Clean => {
            tracing::info!(
                tasks,
                "stopped; tasks of Integration Servers run on, and the next start finds them again"
            );
            Ok(())
        }
        Ending::Overdue => {
            tracing::warn!(
                tasks,
                "stopped while reconciles were running; what they began is recorded in the \
                 status of their resources, and the next start goes on from there"
            );
            Ok(())
        }
        Ending::Unasked => Err(Error::Unasked),
        Ending::Failed(error) => Err(Error::Controllers(error)),
        Ending::Panicked => Err(Error::Panicked),
    }
}

fn watched(namespaces: &[String]) -> String {
    if namespaces.is_empty() {
        "all".to_owned()
    } else {
        namespaces.join(",")
    }
}

#[cfg(test)]
mod tests;
