//! Terms of leadership: the controllers run while this process leads, and none of
//! them is left when it does not. Each term begins with nothing remembered: what a
//! former one knew may have been changed by the leader in between.

use std::sync::Arc;

use kube::Client;
use tokio_util::sync::CancellationToken;

use super::shutdown::{Ending, GRACE, supervise};
use crate::controllers::{self, leadership::Leadership};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::readiness::Readiness;

/// What a term needs.
pub(super) struct Terms {
    pub(super) client: Client,
    pub(super) options: controllers::Options,
    pub(super) metrics: Arc<Metrics>,
    pub(super) readiness: Readiness,
    pub(super) shutdown: CancellationToken,
}

impl Terms {
    /// Term after term, until a signal or a failure ends it.
    pub(super) async fn run(&self, leadership: &Leadership) -> Ending<controllers::Error> {
        loop {
            if !leadership.holds() {
                self.readiness.standing_by();
            }
            let gained = self.shutdown.run_until_cancelled(leadership.gained());
            if gained.await.is_none() {
                return Ending::Clean;
            }
            if let Some(ending) = self.term(leadership).await {
                return ending;
            }
        }
    }

    /// One term. None: it was lost.
    async fn term(&self, leadership: &Leadership) -> Option<Ending<controllers::Error>> {
        let term = leadership.term();
        self.metrics.leads(true);
        let mut controllers = tokio::spawn(controllers::run(
            self.client.clone(),
            self.options.clone(),
            Arc::clone(&self.metrics),
            self.shutdown.clone(),
            self.readiness.clone(),
            leadership.clone(),
        ));
        let ending = tokio::select! {
            ending = supervise(&mut controllers, &self.shutdown, GRACE) => Some(ending),
            () = leadership.lost(term) => None,
        };
        self.metrics.leads(false);
        if ending.is_none() {
            // Nothing may be finished: what was begun stands in the statuses, and the
            // next leader goes on from there.
            controllers.abort();
            let _ = controllers.await;
        }
        ending
    }
}
