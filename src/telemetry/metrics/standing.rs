//! How things stand, as gauges: gathered when Prometheus asks, so that nothing is kept
//! up to date in between, and what is gone is gone from here too. Who gathers is told
//! to us; while nobody does, as in a process that stands by, there are no gauges.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::labels::ResourceLabels;

/// Who knows how things stand.
pub trait Source: Send + Sync {
    /// How they stand now.
    fn standing(&self) -> Standing;
}

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The watched resources, counted. Each combination at most once.
    pub resources: Vec<(ResourceLabels, u32)>,
    /// The IntegrationServers that this installation serves.
    pub servers: Vec<ServerStanding>,
}

/// How one IntegrationServer stands. What is not known is not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerStanding {
    /// The resource's name. It is a label: there are few servers, and administrators alone
    /// make them.
    pub name: String,
    /// Whether it answers as it should, and the reason on its condition.
    pub reachable: Option<(bool, &'static str)>,
    /// Whether its inventory is believed.
    pub intact: Option<bool>,
    /// How many Tenants wait for a person: at the guard of deletions, at that of absence.
    pub held: (u32, u32),
    /// How many orphans its status reports.
    pub orphans: u32,
    /// Tenants on it: all, active, in no Tenant.
    pub tenants: Option<(u32, u32, u32)>,
    /// When its last complete list of tenants was asked for.
    pub listed_at: Option<SystemTime>,
    /// Its tasks; None while nobody is connected to it.
    pub tasks: Option<TaskStanding>,
}

/// How the tasks of one IntegrationServer stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskStanding {
    /// How many run and are watched.
    pub running: u32,
    /// How many Tenants wait until they may start one.
    pub waiting: u32,
    /// How many may run at once.
    pub limit: u32,
    /// The last change of the one that has not changed for the longest time.
    pub oldest_change: Option<SystemTime>,
}

/// Where the source is, while there is one.
#[derive(Clone, Default)]
pub(super) struct Sources(Arc<Mutex<Option<Weak<dyn Source>>>>);

/// Keeps a source asked until it is dropped.
#[must_use = "the source is asked no more once this is dropped"]
#[derive(Debug)]
pub struct Shown(Sources);

// === impl Sources ===

impl Sources {
    /// Asks this source from now on.
    pub(super) fn show(&self, source: &Arc<dyn Source>) -> Shown {
        self.set(Some(Arc::downgrade(source)));
        Shown(self.clone())
    }

    fn set(&self, source: Option<Weak<dyn Source>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = source;
    }

    fn standing(&self) -> Option<Standing> {
        let source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = source.as_ref().and_then(Weak::upgrade)?;
        Some(source.standing())
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

// === impl Shown ===

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

// === the gauges ===

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(standing) = self.standing() else {
            return Ok(());
        };
        let mut gauges = Gauges(encoder);
        gauges.resources(&standing.resources)?;
        gauges.conditions(&standing.servers)?;
        gauges.tenants(&standing.servers)?;
        gauges.tasks(&standing.servers)
    }
}

struct Gauges<'a>(DescriptorEncoder<'a>);

impl Gauges<'_> {
    fn family(&mut self, name: &str, help: &str, samples: Samples<'_>) -> fmt::Result {
        samples(Family(self.0.encode_descriptor(
            name,
            help,
            None,
            MetricType::Gauge,
        )?))
    }

    /// A gauge with one sample for each server of which the value is known.
    fn by_server(
        &mut self,
        name: &str,
        help: &str,
        servers: &[ServerStanding],
        value: impl Fn(&ServerStanding) -> Option<f64>,
    ) -> fmt::Result {
        self.family(name, help, &|mut family| {
            for server in servers {
                if let Some(value) = value(server) {
                    family.sample(&[("server", server.name.as_str())], value)?;
                }
            }
            Ok(())
        })
    }

    fn resources(&mut self, resources: &[(ResourceLabels, u32)]) -> fmt::Result {
        let help = "Watched resources by kind, state and the reason of the condition Ready.";
        self.family("resources", help, &|mut family| {
            for (labels, number) in resources {
                family.sample(labels, f64::from(*number))?;
            }
            Ok(())
        })
    }

    fn conditions(&mut self, servers: &[ServerStanding]) -> fmt::Result {
        let help = "1 while the Integration Server answers as it should, else 0, with the reason.";
        self.family("server_reachable", help, &|mut family| {
            for ServerStanding {
                name, reachable, ..
            } in servers
            {
                if let Some((reachable, reason)) = *reachable {
                    let labels = [("server", name.as_str()), ("reason", reason)];
                    family.sample(&labels, one_if(reachable))?;
                }
            }
            Ok(())
        })?;
        self.by_server(
            "server_inventory_intact",
            "1 while the inventory of the Integration Server is believed, else 0.",
            servers,
            |server| server.intact.map(one_if),
        )?;
        let help = "Tenants that a guard holds until a person agrees.";
        self.family("server_held_tenants", help, &|mut family| {
            for ServerStanding { name, held, .. } in servers {
                for (guard, number) in [("deletion", held.0), ("absence", held.1)] {
                    let labels = [("server", name.as_str()), ("guard", guard)];
                    family.sample(&labels, f64::from(number))?;
                }
            }
            Ok(())
        })
    }

    fn tenants(&mut self, servers: &[ServerStanding]) -> fmt::Result {
        self.by_server(
            "server_orphans",
            "Tenants and virtual machines that may still be on the Integration Server although \
             their resources were deleted without the operator.",
            servers,
            |server| Some(f64::from(server.orphans)),
        )?;
        self.by_server(
            "server_tenants",
            "Tenants on the Integration Server.",
            servers,
            |server| server.tenants.map(|tenants| f64::from(tenants.0)),
        )?;
        self.by_server(
            "server_active_tenants",
            "Active tenants on the Integration Server.",
            servers,
            |server| server.tenants.map(|tenants| f64::from(tenants.1)),
        )?;
        self.by_server(
            "server_unclaimed_tenants",
            "Tenants on the Integration Server that are in no Tenant resource.",
            servers,
            |server| server.tenants.map(|tenants| f64::from(tenants.2)),
        )?;
        self.by_server(
            "server_inventory_timestamp_seconds",
            "When the last complete list of tenants was asked for, in seconds since 1970.",
            servers,
            |server| server.listed_at.map(seconds),
        )
    }

    fn tasks(&mut self, servers: &[ServerStanding]) -> fmt::Result {
        let tasks = |server: &ServerStanding| server.tasks.clone();
        self.by_server(
            "server_tasks_in_flight",
            "Tasks of the Integration Server that are being watched.",
            servers,
            |server| tasks(server).map(|tasks| f64::from(tasks.running)),
        )?;
        self.by_server(
            "server_tasks_waiting",
            "Tenants that wait until they may start a task on the Integration Server.",
            servers,
            |server| tasks(server).map(|tasks| f64::from(tasks.waiting)),
        )?;
        self.by_server(
            "server_task_limit",
            "How many tasks may run at once on the Integration Server for this installation.",
            servers,
            |server| tasks(server).map(|tasks| f64::from(tasks.limit)),
        )?;
        self.by_server(
            "server_oldest_task_change_timestamp_seconds",
            "When the task that has not changed for the longest time changed last, in seconds \
             since 1970; absent while none runs.",
            servers,
            |server| tasks(server).and_then(|tasks| tasks.oldest_change.map(seconds)),
        )
    }
}

/// Writes the samples of a gauge.
type Samples<'a> = &'a dyn Fn(Family<'_>) -> fmt::Result;

struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    fn sample(&mut self, labels: &impl EncodeLabelSet, value: f64) -> fmt::Result {
        ConstGauge::new(value).encode(self.0.encode_family(labels)?)
    }
}

fn one_if(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// Whole milliseconds: what is finer differs from one look to the next.
fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    (since.unwrap_or_default().as_secs_f64() * 1000.0).round() / 1000.0
}
