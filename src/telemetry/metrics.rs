//! What Prometheus can ask: counters, durations and gauges with closed sets of
//! labels. No names of objects: their number has no bound.

mod labels;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::labels::{
    BuildLabels, CallLabels, ErrorLabels, KindLabels, MethodLabels, ReconcileLabels, StatusText,
};
pub use self::labels::{ErrorClass, Kind, Outcome};
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
    external_durations: Family<MethodLabels, Histogram, Buckets>,
    tasks_in_flight: Gauge,
    leader: Gauge,
}

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
            tasks_in_flight: Gauge::default(),
            leader: Gauge::default(),
        };
        metrics.start_at_zero();
        metrics.registered()
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
        self.tasks_in_flight.inc();
    }

    /// A task is no longer watched: it ended, or its resource is gone.
    pub fn task_ended(&self) {
        self.tasks_in_flight.dec();
    }

    /// How many tasks of Integration Servers are watched.
    #[must_use]
    pub fn tasks_in_flight(&self) -> i64 {
        self.tasks_in_flight.get()
    }

    /// This process leads, or does not.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn start_at_zero(&self) {
        for kind in Kind::ALL {
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
        let build = Info::new(BuildLabels {
            version: env!("CARGO_PKG_VERSION"),
        });
        let registry = &mut self.registry;
        registry.register("build", "Which version runs", build);
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
            "Calls to Integration Servers by method and HTTP status (none: no answer)",
            self.external_requests.clone(),
        );
        registry.register_with_unit(
            "external_request_duration",
            "How long calls to Integration Servers took",
            Unit::Seconds,
            self.external_durations.clone(),
        );
        registry.register(
            "tasks_in_flight",
            "Tasks of Integration Servers that are being watched",
            self.tasks_in_flight.clone(),
        );
        registry.register(
            "leader",
            "1 while this process leads, 0 while it stands by",
            self.leader.clone(),
        );
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
            .get_or_create(&MethodLabels { method })
            .observe(took.as_secs_f64());
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
