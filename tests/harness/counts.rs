//! What is counted from outside: requests by the API server, calls by the simulator,
//! reconciles by the operator's own metrics. A counter that is missing fails the test;
//! it is never read as 0.

use super::patience::Deadline;
use super::simulator::Calls;
use super::stand::Stand;
use super::subject::PATIENCE;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The groups of our kinds and of events.
const GROUPS: [&str; 2] = ["viis-operator.io", "events.k8s.io"];
/// The operator deletes no object; the namespaces of earlier tests go away meanwhile.
const WRITES: [&str; 4] = ["POST", "PUT", "PATCH", "APPLY"];
const KINDS: [&str; 3] = ["IntegrationServer", "Tenant", "VirtualMachine"];
/// Time between two readings of the counters.
const READING: Duration = Duration::from_millis(250);
/// Counters that stay the same for this many readings are at rest.
const READINGS_AT_REST: u32 = 4;
const READINGS_AT_MOST: u32 = 240;

/// One kind of request to the API server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    resource: String,
    subresource: String,
    verb: String,
    code: String,
}

/// All counters of a stand, or how much they grew.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    requests: BTreeMap<Request, u64>,
    calls: Calls,
    reconciles: BTreeMap<&'static str, u64>,
    /// Reconciles that have begun and not ended.
    in_progress: u64,
}

impl Stand {
    /// All counters at this moment.
    pub async fn counts(&self) -> Counts {
        let page = self.operators_metrics().await;
        Counts {
            requests: self.requests().await,
            calls: self.simulator.calls().await,
            reconciles: by_kind(&page, "viis_operator_reconciles_total"),
            in_progress: by_kind(&page, "viis_operator_reconciles_in_progress")
                .values()
                .sum(),
        }
    }

    /// All counters, once nothing is counted any more.
    pub async fn counts_at_rest(&self) -> Counts {
        let mut last = self.counts().await;
        let mut equal = 0;
        for _ in 0..READINGS_AT_MOST {
            tokio::time::sleep(READING).await;
            let now = self.counts().await;
            equal = if now == last && now.in_progress == 0 {
                equal + 1
            } else {
                0
            };
            if equal == READINGS_AT_REST {
                return now;
            }
            last = now;
        }
        panic!("something is counted again and again\n{last}");
    }

    /// How many Tenants wait for a slot, as the operator says.
    pub async fn tasks_waiting(&self) -> u64 {
        let page = self.operators_metrics().await;
        let samples = samples(&page, "viis_operator_server_tasks_waiting");
        samples.iter().map(|(_, count)| count).sum()
    }

    async fn operators_metrics(&self) -> String {
        let operator = self.operator.as_ref().expect("no operator is running");
        let deadline = Deadline::after(PATIENCE);
        loop {
            if let Some((200, page)) = operator.page("/metrics").await {
                return page;
            }
            assert!(!deadline.has_passed(), "the operator shows no metrics");
            tokio::time::sleep(READING).await;
        }
    }

    async fn requests(&self) -> BTreeMap<Request, u64> {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let page = self.client.request_text(request).await.unwrap();
        let mut requests = BTreeMap::new();
        for (labels, count) in samples(&page, "apiserver_request_total") {
            let label = |name: &str| {
                let value = labels.get(name);
                value.unwrap_or_else(|| panic!("no label {name} in {labels:?}"))
            };
            let verb = label("verb").as_str();
            // Watches are counted when they end, reads are counted by the test itself too.
            if GROUPS.contains(&label("group").as_str()) && WRITES.contains(&verb) {
                let request = Request {
                    resource: label("resource").clone(),
                    subresource: label("subresource").clone(),
                    verb: verb.to_owned(),
                    code: label("code").clone(),
                };
                *requests.entry(request).or_default() += count;
            }
        }
        requests
    }
}

/// The samples of a metric of the operator, summed up for each kind.
fn by_kind(page: &str, metric: &str) -> BTreeMap<&'static str, u64> {
    let samples = samples(page, metric);
    let of = |kind: &'static str| {
        let mine = samples.iter().filter(|(labels, _)| labels["kind"] == kind);
        let counts: Vec<u64> = mine.map(|(_, count)| *count).collect();
        assert!(!counts.is_empty(), "no {metric} of {kind} on\n{page}");
        (kind, counts.iter().sum())
    };
    KINDS.into_iter().map(of).collect()
}

/// The samples of a counter, with their labels.
fn samples(page: &str, metric: &str) -> Vec<(BTreeMap<String, String>, u64)> {
    let prefix = format!("{metric}{{");
    let lines = page.lines().filter_map(|line| line.strip_prefix(&prefix));
    let samples: Vec<_> = lines.map(sample).collect();
    assert!(!samples.is_empty(), "there is no {metric}");
    samples
}

/// `one="a",two="b"} 3`
fn sample(line: &str) -> (BTreeMap<String, String>, u64) {
    let (labels, count) = line.rsplit_once("} ").unwrap();
    let labels = labels.strip_suffix('"').unwrap().split("\",");
    let label = |label: &str| {
        let (name, value) = label.split_once("=\"").unwrap();
        (name.to_owned(), value.to_owned())
    };
    // Large counters are written with an exponent.
    let count: f64 = count.parse().unwrap();
    (labels.map(label).collect(), count as u64)
}

impl Counts {
    /// How much they grew since `before`.
    pub fn since(&self, before: &Counts) -> Counts {
        let grown = |(request, count): (&Request, &u64)| {
            let old = before.requests.get(request).copied();
            // A series appears with the first request of its kind.
            let new = count - old.unwrap_or_default();
            (new > 0).then(|| (request.clone(), new))
        };
        let calls = self.calls.by_method.iter();
        let reconciles = self.reconciles.iter();
        Counts {
            requests: self.requests.iter().filter_map(grown).collect(),
            calls: Calls {
                total: self.calls.total - before.calls.total,
                mutating: self.calls.mutating - before.calls.mutating,
                by_method: calls
                    .map(|(method, count)| (method.clone(), count - before.calls.by_method[method]))
                    .collect(),
            },
            reconciles: reconciles
                .map(|(kind, count)| (*kind, count - before.reconciles[kind]))
                .collect(),
            in_progress: self.in_progress,
        }
    }

    /// How often the simulator was called by this method, such as `GET vms`.
    pub fn calls(&self, method: &str) -> u64 {
        let count = self.calls.by_method.get(method);
        *count.unwrap_or_else(|| panic!("the simulator does not count {method}"))
    }

    /// Calls that change something on the Integration Server.
    pub fn mutating_calls(&self) -> u64 {
        self.calls.mutating
    }

    /// How often objects of this kind were reconciled.
    pub fn reconciles(&self, kind: &str) -> u64 {
        self.reconciles[kind]
    }

    /// Successful merge patches of a resource such as `tenants` or `tenants/status`: the
    /// operator's writes. The harness applies, creates and deletes.
    pub fn patches(&self, resource: &str) -> u64 {
        self.sum(|it| it.names(resource) && it.verb == "PATCH" && it.succeeded())
    }

    /// Objects of a resource that were created.
    pub fn created(&self, resource: &str) -> u64 {
        self.sum(|it| it.names(resource) && it.code == "201")
    }

    /// Writes that were rejected: conflicts, and objects that were gone. A 5xx of an API
    /// server that is overloaded is no fault of the operator.
    pub fn rejected_writes(&self) -> u64 {
        self.sum(|it| it.code.starts_with('4'))
    }

    /// All writes of our kinds and of events, the test's own included.
    pub fn writes(&self) -> u64 {
        self.sum(|_| true)
    }

    fn sum(&self, wanted: impl Fn(&Request) -> bool) -> u64 {
        let wanted = self.requests.iter().filter(|(request, _)| wanted(request));
        wanted.map(|(_, count)| count).sum()
    }
}

impl Request {
    fn names(&self, resource: &str) -> bool {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        self.resource == resource && self.subresource == subresource
    }

    fn succeeded(&self) -> bool {
        self.code.starts_with('2')
    }
}

/// As a test prints it when a count is wrong.
impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (request, count) in &self.requests {
            let Request {
                resource,
                subresource,
                verb,
                code,
            } = request;
            writeln!(
                formatter,
                "{count:>6} {verb} {resource} {subresource} ({code})"
            )?;
        }
        for (method, count) in self.calls.by_method.iter().filter(|(_, count)| **count > 0) {
            writeln!(formatter, "{count:>6} {method}")?;
        }
        for (kind, count) in &self.reconciles {
            writeln!(formatter, "{count:>6} reconciles of {kind}")?;
        }
        Ok(())
    }
}

#[test]
#[should_panic(expected = "there is no apiserver_request_total")]
fn a_counter_that_is_missing_is_not_zero() {
    samples(
        "apiserver_requests_total{verb=\"PATCH\"} 3",
        "apiserver_request_total",
    );
}

#[test]
#[should_panic(expected = "no reconciles of VirtualMachine")]
fn a_kind_that_is_missing_is_not_zero() {
    let page = KINDS[..2]
        .iter()
        .map(|kind| format!("reconciles{{kind=\"{kind}\"}} 3\n"));
    by_kind(&page.collect::<String>(), "reconciles");
}
