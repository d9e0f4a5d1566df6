//! What reaches the API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::api::{Tenant, TenantStatus};
use crate::controllers::fixtures::{ApiServer, Asked, count_check};

fn api(server: &ApiServer) -> Api<Tenant> {
    Api::namespaced(server.client(), "customers")
}

fn acme() -> Tenant {
    Tenant::test("acme")
}

fn state(state: &str) -> TenantStatus {
    TenantStatus {
        state: Some(state.to_owned()),
        tenant_id: Some("1".to_owned()),
        ..TenantStatus::default()
    }
}

fn only(asked: &[Asked]) -> &Asked {
    count_check!(1, asked);
    &asked[0]
}

#[tokio::test]
async fn an_equal_status_is_not_written() {
    let server = ApiServer::answering(&acme());
    let same = state("Active");
    let written = status(&api(&server), &acme(), &same, &same.clone()).await;
    assert!(written.unwrap().is_none());
    count_check!(0, server.asked());
}

#[tokio::test]
async fn a_status_is_written_with_the_version_it_was_decided_on_and_what_differs_alone() {
    let server = ApiServer::answering(&acme());
    let mut after = state("Inactive");
    after.virtual_machines = Some(2);
    let before = TenantStatus {
        adopted: Some(true),
        ..state("Active")
    };
    let written = status(&api(&server), &acme(), &before, &after).await;
    assert!(written.unwrap().is_some());
    let asked = server.asked();
    let asked = only(&asked);
    assert_eq!(asked.method, "PATCH");
    assert!(
        asked
            .path
            .ends_with("/namespaces/customers/tenants/acme/status"),
        "{}",
        asked.path
    );
    let patch = json!({
        "metadata": {"resourceVersion": "10"},
        "status": {"state": "Inactive", "virtualMachines": 2, "adopted": null},
    });
    assert_eq!(asked.body, patch);
}

#[rstest]
#[case(409, "Conflict")]
#[case(404, "Gone")]
#[case(403, "Failed")]
#[case(422, "Failed")]
#[case(500, "Failed")]
#[tokio::test]
async fn a_refused_write_says_why(#[case] code: u16, #[case] why: &str) {
    let server = ApiServer::failing(code);
    let refused = status(&api(&server), &acme(), &state("Active"), &state("Inactive")).await;
    let error = format!("{:?}", refused.unwrap_err());
    assert!(error.starts_with(why), "{error}");
    count_check!(1, server.asked());
}

#[tokio::test]
async fn our_finalizer_joins_the_others() {
    let server = ApiServer::answering(&acme());
    let mut tenant = acme();
    tenant.metadata.finalizers = Some(vec!["example.net/theirs".to_owned()]);
    add_finalizer(&api(&server), &tenant).await.unwrap();
    let asked = server.asked();
    let patch = json!({"metadata": {
        "resourceVersion": "10",
        "uid": "uid-acme",
        "finalizers": ["example.net/theirs", FINALIZER],
    }});
    assert_eq!(only(&asked).body, patch);
    assert!(only(&asked).path.ends_with("/tenants/acme"));
}

#[tokio::test]
async fn our_finalizer_goes_and_the_others_stay() {
    let server = ApiServer::answering(&acme());
    let mut tenant = acme();
    tenant.metadata.finalizers = Some(vec![FINALIZER.to_owned(), "example.net/theirs".to_owned()]);
    remove_finalizer(&api(&server), &tenant).await.unwrap();
    let patch = json!({"metadata": {
        "resourceVersion": "10",
        "uid": "uid-acme",
        "finalizers": ["example.net/theirs"],
    }});
    assert_eq!(only(&server.asked()).body, patch);
}

#[tokio::test]
async fn a_note_is_written_with_the_finalizer_in_one_call() {
    let server = ApiServer::answering(&acme());
    let note = json!({"example.net/note": "main/1"});
    add_finalizer_noting(&api(&server), &acme(), &note)
        .await
        .unwrap();
    assert_eq!(only(&server.asked()).body["metadata"]["annotations"], note);
}

#[test]
fn our_finalizer_is_told_from_others() {
    let mut tenant = acme();
    assert!(has_finalizer(&tenant));
    tenant.metadata.finalizers = Some(vec![format!("{FINALIZER}-not")]);
    assert!(!has_finalizer(&tenant));
}

#[rstest]
#[case::a_scalar(json!({"a": 1}), json!({"a": 2}), json!({"a": 2}))]
#[case::an_object_becomes_a_scalar(json!({"a": {"b": 1}}), json!({"a": 1}), json!({"a": 1}))]
#[case::a_nested_key_goes(json!({"a": {"b": 1, "c": 1}}), json!({"a": {"c": 1}}), json!({"a": {"b": null}}))]
#[case::a_list_is_replaced_as_a_whole(json!({"a": [1, 2]}), json!({"a": [2]}), json!({"a": [2]}))]
#[case::everything_goes(json!({"a": 1}), json!({}), json!({"a": null}))]
#[case::from_nothing(json!({}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}}))]
fn the_patch_makes_the_one_of_the_other(
    #[case] before: Value,
    #[case] after: Value,
    #[case] patch: Value,
) {
    assert_eq!(difference(&before, &after), Some(patch));
}
