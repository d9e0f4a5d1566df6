#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
    metrics.task_started();
    metrics.task_started();
    metrics.task_ended();
    assert_eq!(metrics.tasks_in_flight(), 1);
    insta::assert_snapshot!(in_order(&metrics.encode().unwrap()));
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
