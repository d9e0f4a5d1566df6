//! The picture as a whole, on a server that is nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::fixtures::{Woken, owner, soon};
use super::*;
use crate::viis::{Problem, Task, TaskId};

/// A picture with one slot. The Tenant "acme" has it for its task "1", and "other" waits.
fn busy() -> (Arc<Server>, Arc<Woken>) {
    let woken = Woken::new();
    let server = Server::of_nowhere(1, Arc::clone(&woken) as Arc<dyn Wake>);
    server.watch_task(&TaskId::new("1"), &owner("acme"));
    assert!(!server.slots().take(&owner("other")));
    (server, woken)
}

#[tokio::test]
async fn the_end_of_a_task_wakes_its_owner_and_who_gets_its_slot() {
    let (server, woken) = busy();
    server.shows_tasks(&[Task::test("1").at_percent(50)]);
    assert_eq!(woken.tenants(), ["acme"]);
    server.shows_tasks(&[Task::test("1").completed()]);
    assert_eq!(woken.tenants(), ["acme", "other"]);
    assert!(server.slots().take(&owner("other")));
}

#[tokio::test]
async fn a_task_that_runs_already_is_watched_beyond_the_limit() {
    let (server, woken) = busy();
    server.watch_task(&TaskId::new("2"), &owner("third"));
    server.shows_tasks(&[Task::test("1").completed()]);
    assert_eq!(woken.tenants(), ["acme"], "the third one runs");
}

#[tokio::test]
async fn an_outage_wakes_the_server_once() {
    let (server, woken) = busy();
    server.health().probed();
    for _ in 0..3 {
        server.notice(&viis::Error::test(Problem::Connect));
    }
    assert_eq!(woken.server(), 1);
}

#[tokio::test]
async fn a_closed_picture_says_so() {
    let (server, _) = busy();
    server.close();
    soon(server.closed()).await;
}

#[rstest]
#[case::no_text(None, Some(""), true)]
#[case::equal(Some("a"), Some("a"), true)]
#[case::another(Some("a"), Some("b"), false)]
#[case::blanks_count(Some("a"), Some("a "), false)]
#[case::some_and_none(Some("a"), None, false)]
fn texts_are_compared_by_their_fingerprints(
    #[case] one: Option<&str>,
    #[case] other: Option<&str>,
    #[case] same: bool,
) {
    assert_eq!(Fingerprint::of(one) == Fingerprint::of(other), same);
}
