//! The loop that reads, takes, renews and releases the Lease. It decides nothing
//! ([`super::decide`] does) and changes nothing but the Lease.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::decide::{Decision, Observed, Record, decide, observe};
use super::{Election, Timing};
use crate::controllers::leadership::Leadership;
use crate::telemetry::sentence;

/// How soon it is told again that the API server fails.
const REPEAT: Duration = Duration::from_secs(60);

/// One who competes for a Lease.
pub(super) struct Elector {
    api: Api<Lease>,
    name: String,
    me: String,
    timing: Timing,
    leadership: Leadership,
    observed: Option<Observed>,
    leading: bool,
    /// The holder that was told last.
    told_holder: Option<String>,
    /// When it was told that the API server fails.
    told_failure: Option<Instant>,
}

/// What a look at the Lease showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is ours from the beginning of the look on.
    Ours,
    /// Another process has it.
    Theirs,
    /// Somebody wrote it in between: only another look tells who.
    Overtaken,
}

/// Why a look brought nothing.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("the API server did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the API server refused or failed")]
    Api(#[from] kube::Error),
}

impl Elector {
    pub(super) fn new(client: Client, election: &Election, me: String, to: Leadership) -> Self {
        Self {
            api: Api::namespaced(client, &election.namespace),
            name: election.name.clone(),
            me,
            timing: election.timing,
            leadership: to,
            observed: None,
            leading: false,
            told_holder: None,
            told_failure: None,
        }
    }

    /// Competes until `stop`; then the Lease is released if it is ours.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while let Some(pause) = stop.run_until_cancelled(self.look()).await {
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                break;
            }
        }
        self.release().await;
    }

    /// Reads the Lease and does what is to be done. Returns when to look again.
    async fn look(&mut self) -> Duration {
        let started = Instant::now();
        let outcome = self.compete(started).await;
        match outcome {
            Ok(Standing::Ours) => {
                self.leadership.extend(started + self.timing.renew_deadline);
                if !self.leading {
                    info!(lease = self.name, holder = self.me, "leading");
                }
                self.leading = true;
                (self.told_holder, self.told_failure) = (None, None);
                return jittered(self.timing.renewal());
            }
            Ok(Standing::Theirs) => {
                self.told_failure = None;
                self.step_down("another process has taken the Lease");
            }
            Ok(Standing::Overtaken) => {
                self.told_failure = None;
                // Perhaps by our own write whose answer was lost: what was renewed before
                // holds until its own deadline.
                if !self.leadership.holds() {
                    self.step_down("the Lease could not be renewed in time");
                }
            }
            Err(error) => {
                if self
                    .told_failure
                    .is_none_or(|told| told.elapsed() >= REPEAT)
                {
                    let error = sentence(&error);
                    warn!(lease = self.name, %error, "the Lease could not be renewed or read; it \
                           is tried again");
                    self.told_failure = Some(Instant::now());
                }
                // What was renewed before holds until its own deadline.
                if !self.leadership.holds() {
                    self.step_down("the Lease could not be renewed in time");
                }
            }
        }
        jittered(self.timing.retry_period)
    }

    fn step_down(&mut self, why: &str) {
        self.leadership.end();
        if self.leading {
            warn!(
                lease = self.name,
                why, "leading no more; nothing is changed from here on"
            );
        }
        self.leading = false;
    }

    async fn compete(&mut self, started: Instant) -> Result<Standing, LookError> {
        let Some(lease) = self.bounded(self.api.get_opt(&self.name)).await? else {
            let lease = self.ours(None);
            return self
                .written(self.api.create(&PostParams::default(), &lease))
                .await;
        };
        let record = record(&lease);
        let observed = observe(self.observed.take(), record, started);
        let decision = decide(&observed, &self.me, self.timing.duration, started);
        let holder = observed.record.holder.clone();
        self.observed = Some(observed);
        match decision {
            Decision::Wait => {
                if self.told_holder != holder {
                    info!(lease = self.name, holder, "standing by");
                    self.told_holder = holder;
                }
                Ok(Standing::Theirs)
            }
            Decision::Take | Decision::Renew => {
                let lease = self.ours(Some(lease));
                self.written(self.api.replace(&self.name, &PostParams::default(), &lease))
                    .await
            }
        }
    }

    async fn written(
        &self,
        call: impl Future<Output = Result<Lease, kube::Error>>,
    ) -> Result<Standing, LookError> {
        match self.bounded(call).await {
            Ok(_) => Ok(Standing::Ours),
            Err(LookError::Api(kube::Error::Api(status)))
                if status.is_conflict() || status.is_already_exists() =>
            {
                debug!(lease = self.name, "somebody else wrote the Lease first");
                Ok(Standing::Overtaken)
            }
            Err(error) => Err(error),
        }
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, LookError> {
        let limit = self.timing.call();
        match timeout(limit, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(LookError::TimedOut(limit)),
        }
    }

    /// The Lease as it says that we hold it, on the version that was read.
    fn ours(&self, before: Option<Lease>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let mut lease = before.unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        lease.metadata.managed_fields = None;
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        if spec.holder_identity.as_deref() != Some(self.me.as_str()) {
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
            spec.acquire_time = Some(now.clone());
            spec.holder_identity = Some(self.me.clone());
        }
        spec.lease_duration_seconds = Some(self.timing.seconds());
        spec.renew_time = Some(now);
        lease
    }

    /// Lets the next one begin at once.
    async fn release(self) {
        self.leadership.end();
        if !self.leading {
            return;
        }
        match self.give_back().await {
            Ok(Standing::Ours) => info!(lease = self.name, "the Lease is released"),
            Ok(Standing::Theirs | Standing::Overtaken) => {
                info!(lease = self.name, "another process has the Lease already");
            }
            Err(error) => {
                let error = sentence(&error);
                warn!(lease = self.name, %error, "the Lease could not be released; it expires");
            }
        }
    }

    /// Ours: it was, and is given back.
    async fn give_back(&self) -> Result<Standing, LookError> {
        let Some(mut lease) = self.bounded(self.api.get_opt(&self.name)).await? else {
            return Ok(Standing::Theirs);
        };
        if record(&lease).holder.as_deref() != Some(self.me.as_str()) {
            return Ok(Standing::Theirs);
        }
        lease.metadata.managed_fields = None;
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            spec.lease_duration_seconds = Some(1);
        }
        let params = PostParams::default();
        self.written(self.api.replace(&self.name, &params, &lease))
            .await
    }
}

fn record(lease: &Lease) -> Record {
    let Some(spec) = &lease.spec else {
        return Record::default();
    };
    let seconds = spec.lease_duration_seconds.filter(|seconds| *seconds > 0);
    Record {
        holder: spec.holder_identity.clone(),
        renewed: spec.renew_time.as_ref().map(|time| time.0.to_string()),
        duration: seconds.map(|seconds| Duration::from_secs(u64::from(seconds.unsigned_abs()))),
    }
}

/// Up to a tenth less, so that candidates do not act as one.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 - fastrand::f64() / 10.0)
}

#[cfg(test)]
mod tests;
