//! The figures as tables, with the aims and whether they are met. The tables are
//! Markdown, so that they can stand in the documentation as they are.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use super::part::{Figures, Span};
use super::settings::{GO_DELETION_CALLS, GO_WITH_MACHINES, Part};

/// The whole run is meant to be shorter.
const WHOLE: Duration = Duration::from_secs(180);
/// The most memory that the operator is meant to use, in MiB.
const MEMORY: f64 = 24.0;
/// The most questions about tasks until all tenants without machines are Ready.
const POLLS: u64 = 100;

/// The tables so far.
#[derive(Default)]
pub struct Report {
    text: String,
    missed: usize,
}

/// A figure with its aim, where it has one.
struct Row<'a> {
    figure: &'a str,
    value: String,
    aim: Option<(String, bool)>,
}

impl<'a> Row<'a> {
    fn plain(figure: &'a str, value: impl Display) -> Self {
        Self {
            figure,
            value: value.to_string(),
            aim: None,
        }
    }

    fn with_aim(figure: &'a str, value: impl Display, aim: impl Display, met: bool) -> Self {
        Self {
            figure,
            value: value.to_string(),
            aim: Some((aim.to_string(), met)),
        }
    }
}

impl Report {
    /// How many aims were missed.
    pub fn missed(&self) -> usize {
        self.missed
    }

    /// Takes what a part showed.
    pub fn part(&mut self, part: &Part, figures: &Figures) {
        self.head(&part.title());
        self.rows(ready(part, figures));
        self.rows(rest(figures));
        self.rows(deletion(part, figures));
        self.requests("until Ready", &figures.ready);
        self.requests("settling", &figures.settling);
        if let Some(quiet) = &figures.quiet {
            self.requests("quiet time", quiet);
        }
        self.requests("deletion", &figures.deletion);
    }

    /// Takes the time of the whole.
    pub fn whole(&mut self, time: Duration) {
        self.head("The whole run");
        let row = Row::with_aim(
            "time",
            seconds(time),
            format!("at most {}", seconds(WHOLE)),
            time <= WHOLE,
        );
        self.rows(vec![row]);
        let _ = writeln!(self.text, "\n{} aims missed.", self.missed);
    }

    fn head(&mut self, title: &str) {
        let _ = writeln!(
            self.text,
            "\n## {title}\n\n| figure | value | aim | |\n|---|---|---|---|"
        );
    }

    fn rows(&mut self, rows: Vec<Row<'_>>) {
        for row in rows {
            let (aim, verdict) = match row.aim {
                None => (String::new(), ""),
                Some((aim, true)) => (aim, "met"),
                Some((aim, false)) => {
                    self.missed += 1;
                    (aim, "**missed**")
                }
            };
            let Row { figure, value, .. } = row;
            let _ = writeln!(self.text, "| {figure} | {value} | {aim} | {verdict} |");
        }
    }

    fn requests(&mut self, when: &str, span: &Span) {
        let requests = span.requests.to_string();
        if !requests.is_empty() {
            let _ = write!(
                self.text,
                "\nRequests to the API server, {when} (the driver's too):\n\n{requests}"
            );
        }
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn ready(part: &Part, figures: &Figures) -> Vec<Row<'static>> {
    let span = &figures.ready;
    let (time, bound) = (span.time, part.bound());
    let ratio = time.as_secs_f64() / bound.as_secs_f64();
    let ratio_text = format!("{ratio:.2} × ({})", seconds(bound));
    let time_aim = GO_WITH_MACHINES.mul_f64(0.8);
    let polls = span.calls.task_polls();
    let each = |resource, count| per_object(span.requests.changes(resource), count);
    let tenant_limit: u32 = if part.machines == 0 { 5 } else { 6 };
    let of_tenant = each("tenants", part.tenants);
    let mut rows = vec![
        Row::plain(
            "objects made by the driver within",
            seconds(figures.applied),
        ),
        if part.machines == 0 {
            Row::plain("all Ready", seconds(time))
        } else {
            let aim = format!("at most {} (0.8 × Go)", seconds(time_aim));
            Row::with_aim("all Ready", seconds(time), aim, time <= time_aim)
        },
        if part.machines == 0 {
            Row::with_aim(
                "ratio to the server's own bound",
                ratio_text,
                "at most 1.05 ×",
                ratio <= 1.05,
            )
        } else {
            Row::plain("ratio to the server's own bound", ratio_text)
        },
        Row::plain(
            "external calls",
            format!("{}: {}", span.calls.total, span.calls),
        ),
        if part.machines == 0 {
            let aim = format!("at most {POLLS}");
            Row::with_aim("task polls", polls, aim, polls <= POLLS)
        } else {
            Row::plain("task polls", polls)
        },
        Row::with_aim(
            "writes for a Tenant",
            format!("{of_tenant:.2}"),
            format!("at most {tenant_limit}"),
            of_tenant <= f64::from(tenant_limit),
        ),
    ];
    if part.machines > 0 {
        let of_machine = each("virtualmachines", part.tenants * part.machines);
        rows.push(Row::with_aim(
            "writes for a VirtualMachine",
            format!("{of_machine:.2}"),
            "at most 2",
            of_machine <= 2.0,
        ));
    }
    rows.extend([
        Row::plain(
            "writes for the IntegrationServer",
            span.requests.changes("integrationservers"),
        ),
        Row::plain("events", span.requests.made("events")),
        Row::plain("refused writes (conflicts)", span.requests.refused()),
        Row::plain("CPU", cpu(span)),
    ]);
    rows
}

fn rest(figures: &Figures) -> Vec<Row<'static>> {
    let settling = &figures.settling;
    let mut rows = vec![Row::plain(
        "written afterwards, while settling",
        settling.requests.writes(),
    )];
    if let Some(quiet) = &figures.quiet {
        let writes = quiet.requests.writes();
        let resyncs = quiet.calls.of("GET tenants");
        rows.extend([
            Row::with_aim("writes in the quiet minute", writes, "none", writes == 0),
            Row::with_aim(
                "mutating external calls in it",
                quiet.calls.mutating,
                "none",
                quiet.calls.mutating == 0,
            ),
            Row::with_aim("resyncs in it", resyncs, "at least 2", resyncs >= 2),
            Row::plain(
                "external calls in it",
                format!("{}: {}", quiet.calls.total, quiet.calls),
            ),
            Row::plain("reads of our kinds in it", quiet.requests.reads()),
            Row::plain("CPU in it", cpu(quiet)),
        ]);
    }
    rows.extend([
        Row::plain("memory at rest", format!("{:.1} MiB", figures.resident)),
        Row::with_aim(
            "peak memory (to the end)",
            format!("{:.1} MiB", figures.peak),
            format!("at most {MEMORY:.0} MiB"),
            figures.peak <= MEMORY,
        ),
    ]);
    rows
}

fn deletion(part: &Part, figures: &Figures) -> Vec<Row<'static>> {
    let span = &figures.deletion;
    let calls = &span.calls;
    let count = u64::try_from(part.tenants).unwrap_or(u64::MAX);
    // A resync may fall into it: one list of tenants, then one of each one's machines.
    let compared = calls.of("GET tenants") * count;
    let alone = calls.of("GET tenant") <= count
        && calls.of("DELETE tenant") == count
        && calls.of("POST unregister") == 0
        && calls.of("GET vms") <= compared
        && calls.of("GET task") == 0;
    let bound = part.deletion_bound();
    let mut rows = vec![
        Row::plain("all deleted", seconds(span.time)),
        Row::plain(
            "ratio to the server's own bound",
            format!(
                "{:.2} × ({})",
                span.time.as_secs_f64() / bound.as_secs_f64(),
                seconds(bound)
            ),
        ),
        Row::with_aim(
            "external calls for it",
            format!("{}: {}", calls.total, calls),
            "a GET and a DELETE for a tenant, shared polls",
            alone,
        ),
        Row::plain(
            "writes for a Tenant",
            format!(
                "{:.2}",
                per_object(span.requests.changes("tenants"), part.tenants)
            ),
        ),
    ];
    if part.machines > 0 {
        let machines = part.tenants * part.machines;
        let each = per_object(span.requests.changes("virtualmachines"), machines);
        rows.push(Row::plain(
            "writes for a VirtualMachine",
            format!("{each:.2}"),
        ));
        rows.push(Row::plain(
            "external calls of the Go operator for it",
            GO_DELETION_CALLS,
        ));
    }
    rows.extend([
        Row::plain("refused writes (conflicts)", span.requests.refused()),
        Row::plain("reads of our kinds", span.requests.reads()),
        Row::plain("CPU", cpu(span)),
    ]);
    rows
}

fn cpu(span: &Span) -> String {
    let cpu = &span.cpu;
    format!(
        "operator {:.1} s, API server {:.1} s, etcd and controller manager {:.1} s, simulator \
         {:.1} s, driver {:.1} s; everything else on this machine {:.1} s",
        cpu.operator,
        cpu.api_server,
        cpu.other_parts,
        cpu.simulator,
        cpu.driver,
        cpu.strangers()
    )
}

#[expect(clippy::cast_precision_loss)]
fn per_object(writes: u64, objects: usize) -> f64 {
    writes as f64 / objects.max(1) as f64
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
