//! What Prometheus can ask: counters, durations and gauges with closed sets of
//! labels. No names of Tenants and VirtualMachines: their number has no bound.
//!
//! - here: what is counted as it happens; - `standing`: what is gathered when it is asked
//!   for; - `labels`: the closed sets; - `text`: the format

mod labels;
mod standing;
mod text;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::labels::{
    AnswerLabels, AnswerText, BuildLabels, CallLabels, ErrorLabels, KindLabels, ReconcileLabels,
    StatusText,
};
pub use self::labels::{ErrorClass, Kind, Outcome, ResourceLabels, State};
use self::standing::Sources;
pub use self::standing::{ServerStanding, Shown, Source, Standing, TaskStanding};
pub use self::text::CONTENT_TYPE;
use crate::viis;

/// Upper bounds in seconds. A reconcile that writes nothing takes milliseconds,
/// one that makes calls seconds; a call may take its timeout of 120 s.
const BUCKETS: [f64; 9] = [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 120.0];

/// All metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_durations: Family<KindLabels, Histogram, Buckets>,
    reconcile_errors: Family<ErrorLabels, Counter>,
    external_requests: Family<CallLabels, Counter>,
    external_durations: Family<AnswerLabels, Histogram, Buckets>,
    in_progress: Family<KindLabels, Gauge>,
    orphans: Family<KindLabels, Counter>,
    leader: Gauge,
    sources: Sources,
    /// Not shown: the standing has the tasks by server. This one outlives the controllers.
    tasks_in_flight: AtomicI64,
}

/// A reconcile that is under way, until this is dropped.
#[derive(Debug)]
pub struct InProgress(Gauge);

/// Makes histograms with [`BUCKETS`].
#[derive(Clone, Copy, Debug, Default)]
struct Buckets;

// === impl Metrics ===

impl Metrics {
    /// Empty metrics. Series whose labels are known beforehand start at 0, so
    /// that a rate over the first event is right.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("viis_operator"),
            reconciles: Family::default(),
            reconcile_durations: Family::new_with_constructor(Buckets),
            reconcile_errors: Family::default(),
            external_requests: Family::default(),
            external_durations: Family::new_with_constructor(Buckets),
            in_progress: Family::default(),
            orphans: Family::default(),
            leader: Gauge::default(),
            sources: Sources::default(),
            tasks_in_flight: AtomicI64::new(0),
        };
        metrics.start_at_zero();
        metrics.registered()
    }

    /// A reconcile begins.
    #[must_use = "it counts as under way until this is dropped"]
    pub fn begins(&self, kind: Kind) -> InProgress {
        let gauge = self.in_progress.get_or_create_owned(&KindLabels { kind });
        gauge.inc();
        InProgress(gauge)
    }

    /// Counts one reconcile of an object: how it ended and how long it took.
    pub fn reconciled(&self, kind: Kind, outcome: Outcome, took: Duration) {
        self.reconciles
            .get_or_create(&ReconcileLabels {
                kind,
                outcome: outcome.into(),
            })
            .inc();
        self.reconcile_durations
            .get_or_create(&KindLabels { kind })
            .observe(took.as_secs_f64());
        match outcome {
            Outcome::Failed(class) => {
                self.reconcile_errors
                    .get_or_create(&ErrorLabels { kind, class })
                    .inc();
            }
            Outcome::Settled | Outcome::Waiting => {}
        }
    }

    /// A task of an Integration Server is watched from now on.
    pub fn task_started(&self) {
        self.tasks_in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A task is no longer watched: it ended, or its resource is gone.
    pub fn task_ended(&self) {
        self.tasks_in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many tasks of Integration Servers are watched.
    #[must_use]
    pub fn tasks_in_flight(&self) -> i64 {
        self.tasks_in_flight.load(Ordering::Relaxed)
    }

    /// A resource of this kind was deleted without the operator, and what it owned may still be
    /// on its Integration Server.
    pub fn orphaned(&self, kind: Kind) {
        self.orphans.get_or_create(&KindLabels { kind }).inc();
    }

    /// This process leads, or does not.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Shows how things stand, as this source says it whenever somebody asks, until what
    /// is returned is dropped or the source is gone.
    pub fn show(&self, source: &Arc<dyn Source>) -> Shown {
        self.sources.show(source)
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text::of_openmetrics(&text))
    }

    fn start_at_zero(&self) {
        for kind in [Kind::Tenant, Kind::VirtualMachine] {
            drop(self.orphans.get_or_create(&KindLabels { kind }));
        }
        for kind in Kind::ALL {
            drop(self.in_progress.get_or_create(&KindLabels { kind }));
            for outcome in labels::OutcomeText::ALL {
                drop(
                    self.reconciles
                        .get_or_create(&ReconcileLabels { kind, outcome }),
                );
            }
            for class in ErrorClass::ALL {
                drop(
                    self.reconcile_errors
                        .get_or_create(&ErrorLabels { kind, class }),
                );
            }
        }
    }

    fn registered(mut self) -> Self {
        let build = Family::<BuildLabels, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&BuildLabels { version }).set(1);
        let registry = &mut self.registry;
        registry.register("build_info", "Which version runs; always 1", build);
        registry.register(
            "reconciles",
            "Reconciles by kind and outcome",
            self.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "How long reconciles took",
            Unit::Seconds,
            self.reconcile_durations.clone(),
        );
        registry.register(
            "reconcile_errors",
            "Failed reconciles by kind and class of the error",
            self.reconcile_errors.clone(),
        );
        registry.register(
            "external_requests",
            "Calls to Integration Servers by method and HTTP status (none: no answer; other: a status \
             that HTTP does not have)",
            self.external_requests.clone(),
        );
        registry.register_with_unit(
            "external_request_duration",
            "How long calls to Integration Servers took, by method and answer (ok, refused: 4xx, \
             failed: 5xx or no answer)",
            Unit::Seconds,
            self.external_durations.clone(),
        );
        registry.register(
            "reconciles_in_progress",
            "Reconciles that are under way, by kind",
            self.in_progress.clone(),
        );
        registry.register(
            "orphans",
            "Resources that were deleted without the operator, by kind: what they owned may still be \
             on the Integration Server",
            self.orphans.clone(),
        );
        registry.register(
            "leader",
            "1 while this process leads, 0 while it stands by",
            self.leader.clone(),
        );
        registry.register_collector(Box::new(self.sources.clone()));
        self
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl viis::Observer for Metrics {
    fn observe(&self, method: viis::Method, outcome: viis::Outcome, took: Duration) {
        let method = method.as_str();
        let status = StatusText::from(outcome);
        self.external_requests
            .get_or_create(&CallLabels { method, status })
            .inc();
        self.external_durations
            .get_or_create(&AnswerLabels {
                method,
                answer: AnswerText::from(outcome),
            })
            .observe(took.as_secs_f64());
    }
}

// === impl InProgress ===

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

// === impl Buckets ===

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

#[cfg(test)]
mod tests;
