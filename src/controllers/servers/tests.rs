#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::api::IntegrationServer;
use crate::controllers::fixtures::Stage;
use crate::inventory::fixtures::soon;

fn uids(uids: &[&str]) -> BTreeSet<String> {
    uids.iter().map(|&uid| uid.to_owned()).collect()
}

fn intact() -> Verdicts {
    Verdicts {
        intact: true,
        ..Verdicts::default()
    }
}

fn admitting(admitted: &[&str]) -> Verdicts {
    Verdicts {
        admitted: uids(admitted),
        ..intact()
    }
}

fn writing_off(written_off: &[&str]) -> Verdicts {
    Verdicts {
        written_off: uids(written_off),
        ..intact()
    }
}

fn handle() -> Arc<Handle> {
    Stage::serving(IntegrationServer::test()).handle()
}

// === How far a server can be worked on ===

#[tokio::test]
async fn a_server_that_nobody_judged_is_guarded() {
    assert_eq!(handle().reach(), Reach::Guarded);
}

#[tokio::test]
async fn an_intact_server_that_answers_is_ready() {
    let handle = handle();
    handle.judge(intact());
    assert_eq!(handle.reach(), Reach::Ready);
    handle.server.health().probe_failed();
    assert_eq!(
        handle.reach(),
        Reach::NotReady,
        "whatever its inventory was"
    );
}

// === Verdicts ===

#[tokio::test]
async fn a_held_tenant_has_the_token_of_its_wave() {
    let handle = handle();
    handle.judge(Verdicts {
        held: uids(&["a"]),
        token: Some("1-abc".to_owned()),
        ..admitting(&["b"])
    });
    assert_eq!(handle.holds("a").as_deref(), Some("1-abc"));
    assert_eq!(handle.holds("b"), None);
    assert!(handle.admits("b") && !handle.admits("a"));
}

#[tokio::test]
async fn what_is_no_longer_allowed_ends_before_it_is_persisted() {
    let handle = handle();
    handle.judge(admitting(&["a", "b"]));
    handle.judge_at_once(&admitting(&["b", "c"]));
    assert!(!handle.admits("a"), "revoked at once");
    assert!(handle.admits("b"), "stays");
    assert!(!handle.admits("c"), "waits for its write");
    handle.judge(admitting(&["b", "c"]));
    assert!(handle.admits("c"));
}

#[rstest]
#[case::not_believed_any_more(intact(), Verdicts::default(), false)]
#[case::believed_anew(Verdicts::default(), intact(), true)]
#[case::believed_by_an_agreement(Verdicts::default(), writing_off(&["a"]), false)]
#[case::believed_and_agreed_to_already(writing_off(&["a"]), writing_off(&["a"]), true)]
#[tokio::test]
async fn an_agreement_is_persisted_before_it_counts(
    #[case] before: Verdicts,
    #[case] after: Verdicts,
    #[case] is_intact: bool,
) {
    let handle = handle();
    handle.judge(before);
    handle.judge_at_once(&after);
    assert_eq!(handle.is_intact(), is_intact);
}

#[tokio::test]
async fn a_loss_that_is_agreed_to_counts_once_it_is_persisted() {
    let handle = handle();
    handle.judge(writing_off(&["a"]));
    handle.judge_at_once(&writing_off(&["a", "b"]));
    assert!(handle.wrote_off("a") && !handle.wrote_off("b"));
    handle.judge_at_once(&intact());
    assert!(!handle.wrote_off("a"));
}

// === Who is served ===

#[tokio::test]
async fn who_takes_a_servers_place_closes_the_picture_before() {
    let stage = Stage::serving(IntegrationServer::test());
    let before = stage.picture();
    stage.serve_at("127.0.0.1:7272");
    soon(before.closed()).await;
    let now = stage.picture();
    assert_eq!(stage.handle().endpoint.port, 7272);
    stage.context.servers.remove("main");
    soon(now.closed()).await;
    assert!(stage.context.servers.get("main").is_none());
}
