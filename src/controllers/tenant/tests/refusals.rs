//! What was refused, or is gone for good, is not asked for again and again.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::controllers::tenant::memory::Rejection;
use crate::plan::tenant::Step;

/// The server refused its creation a moment ago, with this code.
fn refused(code: &str) -> Tenant {
    let message = "The server's words. It is tried again when the spec changes, when the \
                   annotation viis-operator.io/requested-at gets a new value, or after 30 minutes.";
    let mut tenant = Tenant::test("acme")
        .saying(ConditionType::Ready, false, code)
        .saying(ConditionType::Stalled, true, code)
        .saying(ConditionType::Provisioned, false, code);
    tenant.own().observed_generation = Some(1);
    for condition in &mut tenant.own().conditions {
        condition.message = message.to_owned();
        condition.last_transition_time = Time(Timestamp::now());
    }
    tenant
}

const GROUP_EXISTS: &str = "VIRMT_TenantGroupAlreadyExists";

fn refusing() -> Script {
    Script {
        refuses_creations: Some(GROUP_EXISTS),
        ..Script::default()
    }
}

#[tokio::test]
async fn what_was_refused_is_not_sent_again_by_the_next_process() {
    let play = Play::of(refused(GROUP_EXISTS), refusing());
    play.runs_for(seconds(2)).await;
    assert_eq!(play.calls("POST tenants"), 0, "{:#?}", play.all_calls());
    assert_eq!(play.writes(), 0);
}

#[rstest]
#[case::a_person_asked_for_it(refused(GROUP_EXISTS).annotated("viis-operator.io/requested-at", "now"))]
#[case::the_spec_changed({ let mut t = refused(GROUP_EXISTS); t.metadata.generation = Some(2); t })]
#[case::the_name_may_be_free_now(refused("VIRMT_TenantWithSpecifiedNameAlreadyExists"))]
#[case::the_secret_may_have_changed(refused("VIRMT_PasswordNotComplyPolicy"))]
#[case::it_was_long_ago({
    let mut tenant = refused(GROUP_EXISTS);
    for condition in &mut tenant.own().conditions {
        condition.last_transition_time = Time(Timestamp::now() - jiff::SignedDuration::from_mins(31));
    }
    tenant
})]
#[tokio::test]
async fn what_was_refused_is_sent_again_where_the_answer_may_be_another(#[case] tenant: Tenant) {
    let play = Play::of(tenant, refusing());
    play.runs_for(seconds(2)).await;
    assert_eq!(play.calls("POST tenants"), 1, "{:#?}", play.all_calls());
    assert_eq!(readiness(&play), is("False", GROUP_EXISTS));
}

#[tokio::test]
async fn an_odd_state_is_reported_by_the_next_process_without_another_try() {
    let script = Script {
        tasks: COMPLETED,
        ..in_state("Blocked")
    };
    let mut play = Play::of(ready(), script);
    play.runs_for(seconds(2)).await;
    let writes = play.writes();
    play.restarts();
    play.runs_for(seconds(2)).await;
    assert_eq!(
        play.calls("POST tenants/1/activate"),
        1,
        "{:#?}",
        play.all_calls()
    );
    assert_eq!(play.writes(), writes);
}

#[tokio::test]
async fn a_refusal_ends_with_the_difference_that_it_was_about() {
    let play = Play::of(ready(), server());
    play.memory(|memory| {
        memory.rejection = Some(Rejection {
            step: Step::Change,
            reason: "KSC_ServiceNotConfigured".to_owned(),
            message: "The server's words.".to_owned(),
            generation: 1,
            at: Instant::now(),
            requested_at: None,
            forbidden: false,
            secret: None,
        });
    });
    play.runs_for(seconds(1)).await;
    play.server(|script| {
        (script.listed, script.there) = (Some("Inactive"), Some("Inactive"));
        (script.becomes, script.tasks) = (Some("Active"), COMPLETED);
    });
    play.resyncs().await;
    play.runs_for(seconds(3)).await;
    assert_eq!(
        play.calls("POST tenants/1/activate"),
        1,
        "drift is corrected"
    );
    assert_eq!(readiness(&play), is("True", "Reconciled"));
}

#[tokio::test]
async fn a_password_is_refused_in_the_version_that_was_sent() {
    let tenant = Tenant::test("acme").with(json!({
        "type": "Complete",
        "administrator": {"name": "boss", "passwordSecretRef": {"name": "boss"}},
    }));
    let script = Script {
        refuses_creations: Some("VIRMT_PasswordNotComplyPolicy"),
        ..Script::default()
    };
    let play = Play::of(tenant, script);
    play.runs_for(seconds(2)).await;
    let sent = play.calls("POST tenants");
    assert_eq!(sent, 1, "{:#?}", play.all_calls());
    let refused = play.memory(|memory| memory.rejection.clone()).unwrap();
    assert_eq!(refused.secret.as_deref(), Some("version-1"));
}

// === Absence ===

#[tokio::test]
async fn proving_again_that_a_tenant_is_gone_is_no_news() {
    let code = "VIRMT_TenantWithSpecifiedIdNotFound";
    let mut tenant = refused(code)
        .with(json!({"existingTenantID": "1"}))
        .recorded("1")
        .adopted();
    tenant.own().virtual_machines = Some(0);
    let play = Play::of(tenant, Script::default());
    play.runs_for(seconds(2)).await;
    assert_eq!(play.writes(), 0, "{:#?}", play.status());
}
