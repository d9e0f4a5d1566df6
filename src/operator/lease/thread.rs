//! Where the elector runs: a thread with an event loop and a client of its own. A
//! burst of work in the controllers, which share one thread, cannot starve it; that
//! they turn at all is what `/healthz` says.

use std::io;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Election;
use super::elector::Elector;
use crate::controllers::leadership::Leadership;
use crate::operator::client;
use crate::telemetry::sentence;

/// The longest wait for the Lease to be released: what is left of the ten seconds that
/// the end of the process may take.
const RELEASE: Duration = Duration::from_millis(1500);

/// A running campaign.
#[derive(Debug)]
pub struct Campaign {
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Campaign {
    /// Starts to compete for the Lease, and says in `leadership` whether this process
    /// has it.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(election: Election, leadership: Leadership) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (sender, ended) = oneshot::channel();
        let stop_thread = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()?;
        std::thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || {
                runtime.block_on(compete(election, leadership, stop_thread));
                // Nobody listens any more when the process ended without it.
                let _ = sender.send(());
            })?;
        Ok(Self { stop, ended })
    }

    /// Completes when the campaign ended although nobody asked it to.
    pub async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }

    /// Releases the Lease, if it is ours.
    pub async fn end(self) {
        self.stop.cancel();
        if tokio::time::timeout(RELEASE, self.ended).await.is_err() {
            tracing::warn!("the Lease was not released in time; it expires");
        }
    }
}

async fn compete(election: Election, leadership: Leadership, stop: CancellationToken) {
    // The Lease itself is written by whoever does not lead yet.
    let client = match client::from_environment(Leadership::unopposed()).await {
        Ok(client) => client,
        Err(error) => {
            tracing::error!("{}", sentence(&error));
            return;
        }
    };
    let elector = Elector::new(client, &election, identity(), leadership);
    elector.run(stop).await;
}

/// The pod's name where there is one, and in any case something that no other
/// process, and no later one of this pod, has.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "viis-operator".to_owned());
    format!("{host}_{}", uuid::Uuid::new_v4())
}
