//! Faults that last: whatever a server keeps doing wrong, it is asked seldom, and the
//! Tenant says so once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod play;
mod refusals;

use std::time::Duration;

use rstest::rstest;

use self::play::{Play, Script};
use crate::api::{ConditionType, TaskStatus, Tenant, reasons};
use crate::controllers::fixtures::says;

const COMPLETED: Option<&str> = Some("<state>Completed</state><result>true</result>");

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Made, active, and Ready at its generation.
fn ready() -> Tenant {
    let mut tenant = Tenant::test("acme")
        .recorded("1")
        .saying(ConditionType::Ready, true, reasons::RECONCILED)
        .saying(ConditionType::Provisioned, true, reasons::CREATED)
        .saying(ConditionType::Activated, true, reasons::ACTIVE);
    tenant.own().state = Some("Active".to_owned());
    tenant.own().observed_generation = Some(1);
    tenant.own().virtual_machines = Some(0);
    tenant
}

/// Another process began an activation and wrote it down.
fn activating(state: &str) -> Tenant {
    let mut tenant = ready();
    tenant.own().task = Some(TaskStatus {
        id: "task-0".to_owned(),
        task_type: Some("ChangeTenantActivation".to_owned()),
        state: Some(state.to_owned()),
        ..TaskStatus::default()
    });
    tenant
}

/// Its deletion is decided.
fn deciding() -> Tenant {
    ready().deleted().removing(None)
}

fn server() -> Script {
    Script {
        listed: Some("Active"),
        there: Some("Active"),
        ..Script::default()
    }
}

fn in_state(state: &'static str) -> Script {
    Script {
        listed: Some(state),
        there: Some(state),
        ..Script::default()
    }
}

fn readiness(play: &Play) -> Option<(String, String)> {
    says(&play.status().conditions, ConditionType::Ready)
        .map(|(status, reason)| (status.to_owned(), reason.to_owned()))
}

fn is(status: &str, reason: &str) -> Option<(String, String)> {
    Some((status.to_owned(), reason.to_owned()))
}

// === Activations ===

#[tokio::test]
async fn an_activation_that_nobody_remembers_is_taken_up_once_after_a_restart() {
    let play = Play::of(activating("Running"), server());
    play.runs_for(seconds(4)).await;
    assert_eq!(readiness(&play), is("True", "Reconciled"));
    assert!(
        play.calls("GET tasks/task-0") <= 1,
        "{:#?}",
        play.all_calls()
    );
    assert!(play.calls("GET tenants/1") <= 1, "{:#?}", play.all_calls());
    assert!(play.writes() <= 3, "{} writes", play.writes());
    let task = play.status().task;
    assert_eq!(task, None, "what nobody remembers does not run for ever");
}

#[tokio::test]
async fn an_activation_that_ended_while_nobody_looked_is_taken_up_once() {
    let script = Script {
        tasks: COMPLETED,
        ..server()
    };
    let play = Play::of(activating("Running"), script);
    play.runs_for(seconds(4)).await;
    assert_eq!(readiness(&play), is("True", "Reconciled"));
    assert!(
        play.calls("GET tasks/task-0") <= 1,
        "{:#?}",
        play.all_calls()
    );
    assert!(play.calls("GET tenants/1") <= 1, "{:#?}", play.all_calls());
}

#[tokio::test]
async fn a_forgotten_activation_does_not_hold_up_a_deletion() {
    let mut tenant = activating("Running").deleted().removing(None);
    tenant.own().task = activating("Running").status.unwrap().task;
    let play = Play::of(tenant, server());
    play.runs_for(seconds(4)).await;
    assert!(
        play.calls("DELETE tenants/1") >= 1,
        "{:#?}",
        play.all_calls()
    );
}

#[tokio::test]
async fn an_activation_whose_task_is_forgotten_and_undone_is_sent_more_and_more_seldom() {
    let play = Play::of(ready(), in_state("Inactive"));
    play.runs_for(seconds(8)).await;
    let sent = play.calls("POST tenants/1/activate");
    assert!((2..=4).contains(&sent), "{:#?}", play.all_calls());
}

#[tokio::test]
async fn a_state_that_no_page_names_is_changed_once_and_then_reported() {
    let script = Script {
        tasks: COMPLETED,
        ..in_state("Blocked")
    };
    let play = Play::of(ready(), script);
    for _ in 0..4 {
        play.runs_for(seconds(1)).await;
        play.resyncs().await;
    }
    play.runs_for(seconds(1)).await;
    assert_eq!(
        play.calls("POST tenants/1/activate"),
        1,
        "{:#?}",
        play.all_calls()
    );
    assert_eq!(readiness(&play), is("False", "Rejected"));
    let status = play.status();
    assert_eq!(status.state.as_deref(), Some("Blocked"));
    assert!(says(&status.conditions, ConditionType::Stalled).is_some());
    assert!(
        says(&status.conditions, ConditionType::Activated).is_some_and(|(is, _)| is == "False")
    );
    let ready = crate::api::conditions::find(&status.conditions, ConditionType::Ready).unwrap();
    assert!(ready.message.contains("\"Blocked\""), "{}", ready.message);
    let writes = play.writes();
    play.resyncs().await;
    play.runs_for(seconds(1)).await;
    assert_eq!(play.writes(), writes, "said once");
}

#[tokio::test]
async fn a_refused_activation_of_an_active_tenant_needs_one_look_at_it() {
    let script = Script {
        listed: Some("Inactive"),
        there: Some("Active"),
        refuses_changes: Some(("409 Conflict", "<error>the tenant is active</error>")),
        ..Script::default()
    };
    let play = Play::of(ready(), script);
    play.runs_for(seconds(2)).await;
    assert_eq!(
        play.calls("POST tenants/1/activate"),
        1,
        "{:#?}",
        play.all_calls()
    );
    assert_eq!(readiness(&play), is("True", "Reconciled"));
}

// === Deletions ===

#[tokio::test]
async fn a_deletion_whose_task_is_forgotten_and_undone_is_sent_more_and_more_seldom() {
    let play = Play::of(deciding(), server());
    play.runs_for(seconds(8)).await;
    let sent = play.calls("DELETE tenants/1");
    assert!((2..=4).contains(&sent), "{:#?}", play.all_calls());
    assert!(play.writes() <= 3 * sent + 2, "{} writes", play.writes());
    let calls = play.all_calls();
    let deletions = calls.split(|call| call == "DELETE tenants/1");
    for between in deletions.skip(1).take(sent - 1) {
        assert!(
            between.iter().any(|call| call == "GET tenants/1"),
            "{calls:#?}"
        );
        assert!(between.iter().any(|call| call == "GET tasks"), "{calls:#?}");
    }
}

#[tokio::test]
async fn a_deletion_whose_task_is_forgotten_and_done_is_over_soon() {
    let play = Play::of(deciding(), server());
    while play.calls("DELETE tenants/1") == 0 {
        play.runs_for(Duration::from_millis(100)).await;
    }
    play.server(|script| (script.there, script.listed) = (None, None));
    play.runs_for(seconds(60)).await;
    assert!(play.is_released(), "{:#?}", play.all_calls());
    assert_eq!(play.calls("DELETE tenants/1"), 1);
}

#[rstest]
#[case::decided(deciding())]
#[case::in_a_task_that_was_forgotten(ready().deleted().removing(Some("task-0")))]
#[tokio::test]
async fn a_list_that_lags_behind_single_calls_is_asked_seldom(#[case] tenant: Tenant) {
    let script = Script {
        there: None,
        ..server()
    };
    let play = Play::of(tenant, script);
    play.runs_for(seconds(8)).await;
    assert!(!play.is_released(), "the list shows it");
    assert!(
        play.calls("DELETE tenants/1") <= 1,
        "{:#?}",
        play.all_calls()
    );
    assert!(play.calls("GET tenants") <= 6, "{:#?}", play.all_calls());
    play.server(|script| script.listed = None);
    play.resyncs().await;
    play.runs_for(seconds(60)).await;
    assert!(play.is_released(), "{:#?}", play.all_calls());
}

#[tokio::test]
async fn a_completed_deletion_that_this_process_did_not_send_is_believed_on_proof_alone() {
    let script = Script {
        tasks: Some("<state>Completed</state>"),
        ..server()
    };
    let mut play = Play::of(deciding(), script);
    play.server(|script| script.tasks = Some("<state>Running</state>"));
    play.runs_for(seconds(1)).await;
    assert_eq!(play.calls("DELETE tenants/1"), 1, "{:#?}", play.all_calls());
    // The server is rolled back, and the identifier is that of somebody's deletion.
    play.server(|script| script.tasks = Some("<state>Completed</state>"));
    play.restarts();
    // Less than the shortest pause before the deletion is sent again.
    play.runs_for(Duration::from_millis(900)).await;
    assert!(
        !play.is_released(),
        "it is still there: {:#?}",
        play.all_calls()
    );
    play.server(|script| (script.there, script.listed) = (None, None));
    play.runs_for(seconds(60)).await;
    assert!(play.is_released(), "{:#?}", play.all_calls());
}

#[tokio::test]
async fn a_deletion_that_this_process_sent_and_followed_needs_no_further_call() {
    let script = Script {
        tasks: Some("<state>Completed</state>"),
        ..server()
    };
    let play = Play::of(deciding(), script);
    play.runs_for(seconds(60)).await;
    assert!(play.is_released());
    assert_eq!(play.calls("GET tenants"), 0, "{:#?}", play.all_calls());
}
