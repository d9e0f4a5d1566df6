#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::inventory::fixtures::{ago, seconds};

fn healthy() -> Health {
    let health = Health::default();
    health.probed();
    health
}

fn doubted(health: &Health, long_ago: Duration) {
    health.state().doubted = Some(ago(long_ago));
    health.state().probe_wanted = false;
}

#[test]
fn at_first_nothing_is_known_and_a_probe_is_wanted() {
    let health = Health::default();
    assert_eq!(health.availability(), Availability::Unknown);
    assert!(health.probe_wanted());
}

#[test]
fn a_probe_decides() {
    let health = healthy();
    assert_eq!(health.availability(), Availability::Up);
    assert!(!health.probe_wanted());
    health.probe_failed();
    assert_eq!(health.availability(), Availability::Down);
    assert!(!health.probe_wanted(), "the next one comes with backoff");
}

#[rstest]
#[case(Problem::Connect)]
#[case(Problem::Certificate)]
#[case(Problem::Credentials)]
fn what_every_call_would_meet_parks_the_server(#[case] problem: Problem) {
    let health = healthy();
    assert!(health.failed(&Error::test(problem)));
    assert_eq!(health.availability(), Availability::Down);
    assert!(health.probe_wanted());
}

#[rstest]
#[case(Problem::Timeout)]
#[case(Problem::UnexpectedAnswer)]
#[case(Problem::ServerError)]
#[case(Problem::Forbidden)]
fn what_one_call_may_have_met_alone_is_a_reason_to_probe(#[case] problem: Problem) {
    let health = healthy();
    assert!(health.failed(&Error::test(problem)));
    assert_eq!(health.availability(), Availability::Up, "work goes on");
    assert!(health.probe_wanted());
}

#[rstest]
#[case(Problem::Rejected)]
#[case(Problem::NotFound)]
fn an_answer_about_one_object_says_nothing_of_the_server(#[case] problem: Problem) {
    let health = healthy();
    assert!(!health.failed(&Error::test(problem)));
    assert_eq!(health.availability(), Availability::Up);
    assert!(!health.probe_wanted());
}

#[test]
fn a_doubt_is_probed_once_in_ten_seconds() {
    let health = healthy();
    assert!(health.failed(&Error::test(Problem::Timeout)));
    health.probed();
    assert!(!health.failed(&Error::test(Problem::Timeout)));
    assert!(!health.probe_wanted());
    doubted(&health, seconds(9));
    assert!(!health.failed(&Error::test(Problem::ServerError)));
    doubted(&health, seconds(11));
    assert!(health.failed(&Error::test(Problem::ServerError)));
}

#[test]
fn a_recent_doubt_hides_no_outage() {
    let health = healthy();
    assert!(health.failed(&Error::test(Problem::Timeout)));
    assert!(health.failed(&Error::test(Problem::Connect)));
    assert_eq!(health.availability(), Availability::Down);
}

#[test]
fn a_parked_server_is_probed_with_backoff_however_many_calls_fail() {
    let health = healthy();
    health.failed(&Error::test(Problem::Connect));
    health.probe_failed();
    for _ in 0..3 {
        assert!(!health.failed(&Error::test(Problem::Connect)));
    }
    assert!(!health.probe_wanted());
}

#[test]
fn only_a_probe_brings_a_parked_server_back() {
    let health = healthy();
    health.failed(&Error::test(Problem::Credentials));
    health.failed(&Error::test(Problem::NotFound));
    assert_eq!(health.availability(), Availability::Down);
    health.probed();
    assert_eq!(health.availability(), Availability::Up);
}
