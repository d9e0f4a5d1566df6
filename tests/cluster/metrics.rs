//! What `/metrics` of a running operator shows: what docs/metrics.md says, in the form that
//! Prometheus asks for, and everything that the chart's alerts and dashboard ask for.

use crate::harness::{Operator, Simulator, Stand, eventually, simple_tenant};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The labels of a metric's samples, by the metric.
type Labels = BTreeMap<String, BTreeSet<String>>;

/// What a page has: each metric that has a help, with the labels of its samples.
fn live(page: &str) -> Labels {
    let helped = page.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let mut found: Labels = helped
        .map(|line| (line.split(' ').next().unwrap().to_owned(), BTreeSet::new()))
        .collect();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let metric = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .filter(|base| found.contains_key(*base))
            .unwrap_or(name);
        let labels = labels
            .split(',')
            .filter_map(|label| label.split_once("=\""));
        let known = found.get_mut(metric);
        let known = known.unwrap_or_else(|| panic!("no help for {line}"));
        known.extend(labels.map(|(label, _)| label.to_owned()));
        known.remove("le");
    }
    found
}

/// What docs/metrics.md says that there is.
fn documented() -> Labels {
    let page = std::fs::read_to_string(project().join("docs/metrics.md")).unwrap();
    let (_, rest) = page.split_once("<!-- metrics: begin").unwrap();
    let (table, _) = rest.split_once("<!-- metrics: end").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(", ").filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.trim_matches('`').to_owned());
        (cells[1].trim_matches('`').to_owned(), labels.collect())
    })
    .collect()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where promtool and the reader of expressions are; builds them the first time.
fn tools() -> PathBuf {
    let build = Command::new(project().join("tests/alerts/build.sh")).output();
    let build = build.unwrap();
    let said = String::from_utf8_lossy(&build.stdout).into_owned();
    assert!(
        build.status.success(),
        "{}",
        String::from_utf8_lossy(&build.stderr)
    );
    PathBuf::from(said.lines().last().unwrap())
}

/// Each metric that alerts and dashboard ask for, with the labels that they need of it.
fn asked_for(tools: &Path) -> Vec<(String, String, Vec<String>)> {
    let chart = project().join("charts/viis-operator");
    let out = Command::new(tools.join("expressions"))
        .arg(chart.join("files/alerts.yaml"))
        .arg(chart.join("dashboards/viis-operator.json"))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let out = String::from_utf8(out.stdout).unwrap();
    out.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let labels = fields[2].split(',').filter(|label| !label.is_empty());
            let labels = labels.map(str::to_owned).collect();
            (fields[0].to_owned(), fields[1].to_owned(), labels)
        })
        .collect()
}

/// `promtool check metrics` has nothing to say about the page.
fn promtool_accepts(tools: &Path, page: &str) {
    let mut promtool = Command::new(tools.join("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(page.as_bytes()).unwrap();
    drop(input);
    let out = promtool.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    assert!(
        out.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// A stand on which everything happens that metrics tell of: of four tenants one is stuck in
/// its creation, one waits for its turn, and three deletions are two more than the guard
/// lets pass.
async fn busy() -> Stand {
    let stand = Stand::ready_with(&[], |server| {
        server
            .with("spec.guard.limit", 1)
            .with("spec.limits.concurrentTasks", 1)
    })
    .await;
    let going = ["one", "two", "three"];
    for name in going {
        stand.apply([simple_tenant(name)]).await;
    }
    for name in going {
        stand.tenant(name).becomes_ready().await;
        stand.tenant(name).delete().await;
    }
    let stuck = json!({"taskStuck": true});
    stand.simulator.fault("POST tenant", 1, stuck).await;
    let rivals = ["first", "second"];
    stand.apply(rivals.map(simple_tenant)).await;
    stand
}

#[tokio::test]
async fn the_endpoint_has_what_the_docs_the_alerts_and_the_dashboard_name() {
    let mut stand = busy().await;
    let server = stand.server.clone();
    let samples = [
        format!("viis_operator_server_held_tenants{{server=\"{server}\",guard=\"deletion\"}} 2.0"),
        format!("viis_operator_server_tasks_in_flight{{server=\"{server}\"}} 1.0"),
        format!("viis_operator_server_tasks_waiting{{server=\"{server}\"}} 1.0"),
        format!("viis_operator_server_task_limit{{server=\"{server}\"}} 1.0"),
        format!("viis_operator_server_reachable{{server=\"{server}\",reason=\"Connected\"}} 1.0"),
        format!("viis_operator_server_inventory_intact{{server=\"{server}\"}} 1.0"),
        r#"viis_operator_resources{kind="Tenant",state="stalled",reason="DeletionHeld"} 2.0"#
            .to_owned(),
        r#"viis_operator_resources{kind="Tenant",state="reconciling",reason="TaskRunning"} 1.0"#
            .to_owned(),
        "viis_operator_leader 1".to_owned(),
    ];
    for sample in samples {
        eventually(&sample, async || {
            let page = stand.operator.as_ref().unwrap().metrics().await;
            page.lines().any(|line| line == sample)
        })
        .await;
    }

    let page = stand.operator().metrics().await;
    let live = live(&page);
    assert_eq!(
        live,
        documented(),
        "docs/metrics.md and the endpoint\n{page}"
    );
    let tools = tools();
    promtool_accepts(&tools, &page);
    // Prometheus itself puts these on what it reads of a target, and `le` on buckets.
    let given = ["namespace", "job", "pod", "instance", "le"];
    let asked = asked_for(&tools);
    assert!(asked.len() > 20, "{asked:?}");
    for (by, metric, labels) in asked {
        let base = metric.strip_suffix("_bucket").unwrap_or(&metric);
        let has = live.get(base);
        let has = has.unwrap_or_else(|| panic!("{by} asks for {metric}, which is not there"));
        let missing: Vec<_> = labels
            .iter()
            .filter(|label| !has.contains(*label) && !given.contains(&label.as_str()))
            .collect();
        assert!(missing.is_empty(), "{by} asks {metric} for {missing:?}");
    }
    stand.simulator.mend().await;
    stand.ends_well().await;
}

/// How many samples tell how things stand.
async fn gathered(operator: &Operator) -> usize {
    let page = operator.metrics().await;
    let samples = page
        .lines()
        .filter(|line| line.starts_with("viis_operator_resources{") || line.contains("{server=\""));
    samples.count()
}

#[tokio::test]
async fn a_server_that_is_deleted_vanishes_and_who_stands_by_shows_nothing() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let flags = ["--leader-election", "--lease-retry-period=100ms"];
    stand.start_operator_with(&flags);
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let second = stand.another_operator(&flags);
    eventually("the second stands by", async || {
        let page = second.metrics().await;
        page.contains("\nviis_operator_leader 0\n")
    })
    .await;
    eventually("the first shows the server", async || {
        gathered(stand.operator.as_ref().unwrap()).await > 10
    })
    .await;
    assert_eq!(gathered(&second).await, 0);

    let ended = stand
        .operator()
        .terminates_within(Duration::from_secs(10))
        .await;
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    eventually("the second shows it", async || gathered(&second).await > 10).await;

    stand.integration_server().delete().await;
    stand.integration_server().is_gone().await;
    eventually("nothing is left of it", async || {
        gathered(&second).await == 0
    })
    .await;
    stand.kill_operator();
    stand.operator = Some(second);
    stand.ends_well().await;
}
