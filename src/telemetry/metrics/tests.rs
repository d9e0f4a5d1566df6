#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::*;
use crate::viis::Observer as _;

/// The text with the samples of each metric in order: they come as a hash map
/// has them.
fn in_order(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut samples: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with('#') {
            samples.sort_unstable();
            lines.append(&mut samples);
            lines.push(line);
        } else {
            samples.push(line);
        }
    }
    lines
        .join("\n")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn the_whole_text() {
    let metrics = Metrics::new();
    metrics.reconciled(Kind::Tenant, Outcome::Settled, Duration::from_millis(10));
    metrics.reconciled(Kind::Tenant, Outcome::Waiting, Duration::from_secs(2));
    metrics.reconciled(
        Kind::VirtualMachine,
        Outcome::Failed(ErrorClass::NotFound),
        Duration::from_secs(200),
    );
    let moment = Duration::from_millis(40);
    metrics.observe(
        viis::Method::ListTenants,
        viis::Outcome::Status(200),
        moment,
    );
    metrics.observe(viis::Method::CreateTenant, viis::Outcome::Failed, moment);
    metrics.observe(
        viis::Method::CreateTenant,
        viis::Outcome::Status(999),
        moment,
    );
    let _reconcile = metrics.begins(Kind::Tenant);
    let source = standing();
    let _shown = metrics.show(&source);
    insta::assert_snapshot!(in_order(&metrics.encode().unwrap()));
}

struct Fixed(Standing);

impl Source for Fixed {
    fn standing(&self) -> Standing {
        self.0.clone()
    }
}

/// One server of which everything is known, one of which nothing is, some resources.
fn standing() -> Arc<dyn Source> {
    let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(seconds));
    let known = ServerStanding {
        name: "main".to_owned(),
        reachable: Some((true, "Connected")),
        intact: Some(true),
        held: (6, 0),
        orphans: 2,
        tenants: Some((312, 300, 4)),
        listed_at: at(1_767_225_600_125),
        tasks: Some(TaskStanding {
            running: 2,
            waiting: 40,
            limit: 8,
            oldest_change: at(1_767_225_599_000),
        }),
    };
    let unknown = ServerStanding {
        name: "second".to_owned(),
        ..ServerStanding::default()
    };
    let resources = State::ALL.into_iter().map(|state| {
        let labels = ResourceLabels {
            kind: Kind::Tenant,
            state,
            reason: "Reconciled",
        };
        (labels, 3)
    });
    Arc::new(Fixed(Standing {
        resources: resources.collect(),
        servers: vec![known, unknown],
    }))
}

/// How many samples a page has of how things stand.
fn gathered(metrics: &Metrics) -> usize {
    let text = metrics.encode().unwrap();
    let samples = text
        .lines()
        .filter(|line| line.starts_with("viis_operator_resources{") || line.contains("server=\""));
    samples.count()
}

#[test]
fn how_things_stand_is_shown_while_somebody_knows_it() {
    let metrics = Metrics::new();
    assert_eq!(gathered(&metrics), 0, "nobody knows anything");
    let source = standing();
    let shown = metrics.show(&source);
    assert!(gathered(&metrics) > 10);
    drop(shown);
    assert_eq!(gathered(&metrics), 0, "who knew it has left");

    let _shown = metrics.show(&source);
    assert!(gathered(&metrics) > 10);
    drop(source);
    assert_eq!(gathered(&metrics), 0, "who knew it is gone");
}

#[test]
fn a_reconcile_that_is_given_up_is_no_longer_in_progress() {
    let metrics = Metrics::new();
    let count = |text: &str| {
        let line = format!("viis_operator_reconciles_in_progress{{kind=\"Tenant\"}} {text}\n");
        metrics.encode().unwrap().contains(&line)
    };
    let first = metrics.begins(Kind::Tenant);
    let second = metrics.begins(Kind::Tenant);
    assert!(count("2"));
    drop(first);
    drop(second);
    assert!(count("0"));
}

#[test]
fn tasks_are_counted_for_the_end_of_the_process() {
    let metrics = Metrics::new();
    metrics.task_started();
    metrics.task_started();
    metrics.task_ended();
    assert_eq!(metrics.tasks_in_flight(), 1);
}

/// What a page says of each metric: its type, its labels, its help.
fn described(text: &str) -> BTreeMap<String, (String, BTreeSet<String>, String)> {
    let mut found: BTreeMap<String, (String, BTreeSet<String>, String)> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            found.entry(name.to_owned()).or_default().2 = help.to_owned();
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            found.entry(name.to_owned()).or_default().0 = kind.to_owned();
        } else {
            let (series, _) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name);
            let labels = labels
                .split("\",")
                .filter_map(|label| label.split_once('='));
            let labels = labels.map(|(label, _)| label.to_owned());
            let entry = found.get_mut(name).unwrap_or_else(|| panic!("{line}"));
            entry.1.extend(labels.filter(|label| label != "le"));
        }
    }
    found
}

/// docs/metrics.md lists the metrics as they are; UPDATE_README=1 writes its table anew.
#[test]
fn the_table_in_the_docs_is_this() {
    let metrics = Metrics::new();
    metrics.observe(
        viis::Method::ListTenants,
        viis::Outcome::Failed,
        Duration::ZERO,
    );
    metrics.reconciled(Kind::Tenant, Outcome::Settled, Duration::ZERO);
    let source = standing();
    let _shown = metrics.show(&source);
    let mut table = "| metric | type | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for (name, (kind, labels, help)) in described(&metrics.encode().unwrap()) {
        assert!(help.ends_with('.') && !help.contains('|'), "{name}: {help}");
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        table.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    let begin = "<!-- metrics: begin (written by `make readme` from src/telemetry) -->\n";
    let end = "<!-- metrics: end -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(begin).expect("the begin of the table");
    let (stored, after) = rest.split_once(end).expect("the end of the table");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert!(
        stored == table,
        "docs/metrics.md is not what src/telemetry says: run make readme"
    );
}

#[test]
fn a_confused_server_cannot_make_series_without_end() {
    let metrics = Metrics::new();
    for status in 0..=u16::MAX {
        metrics.observe(
            viis::Method::ListTenants,
            viis::Outcome::Status(status),
            Duration::ZERO,
        );
    }
    let text = metrics.encode().unwrap();
    let series = text
        .lines()
        .filter(|line| line.starts_with("viis_operator_external_requests_total"));
    assert_eq!(series.count(), 501);
}
