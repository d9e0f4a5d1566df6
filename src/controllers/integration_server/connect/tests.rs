//! When a client is made anew, with which account, and of what none can be made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::{Value, json};

use secrecy::SecretString;

use super::*;
use crate::api::reasons;
use crate::controllers::fixtures::{ApiServer, Stage};

fn main_server() -> IntegrationServer {
    let pin = "ab".repeat(32);
    IntegrationServer::test().with(json!({"tls": {"fingerprintsSHA256": [pin]}}))
}

/// The API server has the Secret, or answers like this.
fn stage(api: &ApiServer) -> Stage {
    let mut stage = Stage::knowing(main_server());
    stage.context.client = api.client();
    stage
}

fn with_secret() -> Stage {
    // "multitenancy" and "s3cret-word".
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "viis-main"},
        "data": {"username": "bXVsdGl0ZW5hbmN5", "password": "czNjcmV0LXdvcmQ="},
    });
    stage(&ApiServer::answering(&secret))
}

fn without_secret() -> Stage {
    stage(&ApiServer::failing(404))
}

/// The client that was made while the Secret was there.
async fn present() -> Arc<Handle> {
    let stage = with_secret();
    match connect(&stage.context, &main_server(), None, None).await {
        Ok(Connected::New(handle)) => handle,
        Ok(_) | Err(_) => panic!("there was no client"),
    }
}

#[tokio::test]
async fn a_secret_that_did_not_change_makes_no_client() {
    let present = present().await;
    let same = connect(&with_secret().context, &main_server(), None, Some(&present)).await;
    assert!(matches!(same, Ok(Connected::Same)));
}

#[tokio::test]
async fn without_the_secret_the_present_client_serves_on() {
    let present = present().await;
    let same = connect(
        &without_secret().context,
        &main_server(),
        None,
        Some(&present),
    )
    .await;
    assert!(matches!(same, Ok(Connected::FromMemory(Lack::Gone))));
}

/// A permission that was taken away is no reason to stop.
#[tokio::test]
async fn where_the_secret_may_not_be_read_the_present_client_serves_on() {
    let forbidden = stage(&ApiServer::failing(403));
    let present = present().await;
    let same = connect(&forbidden.context, &main_server(), None, Some(&present)).await;
    assert!(matches!(same, Ok(Connected::FromMemory(Lack::Forbidden))));
    let Err(Missing::Said(probe)) = connect(&forbidden.context, &main_server(), None, None).await
    else {
        panic!("it was served")
    };
    assert!(
        probe.message.contains("may not get Secret viis-main") && probe.message.contains("roles"),
        "{}",
        probe.message
    );
}

#[rstest]
#[case::limits(json!({"limits": {"concurrentTasks": 2, "requestsPerSecond": 5}}))]
#[case::port(json!({"port": 7272}))]
#[case::trust(json!({"tls": {"fingerprintsSHA256": ["cd".repeat(32)]}}))]
#[tokio::test]
async fn without_the_secret_a_changed_spec_is_served_with_the_account_in_memory(
    #[case] spec: Value,
) {
    let present = present().await;
    let changed = main_server().with(spec);
    let stage = without_secret();
    let Ok(Connected::NewFromMemory(renewed, Lack::Gone)) =
        connect(&stage.context, &changed, None, Some(&present)).await
    else {
        panic!("the account in memory is lost")
    };
    let again = connect(&stage.context, &changed, None, Some(&renewed)).await;
    assert!(
        matches!(again, Ok(Connected::FromMemory(Lack::Gone))),
        "and stays"
    );
    let back = connect(&with_secret().context, &changed, None, Some(&renewed)).await;
    assert!(matches!(back, Ok(Connected::Same)), "the Secret came back");
}

#[rstest]
#[case::another_secret(main_server().with(json!({"credentialsSecretRef": {"name": "other"}})))]
#[case::another_resource({ let mut server = main_server(); server.metadata.uid = Some("new".into()); server })]
#[tokio::test]
async fn an_account_serves_the_secret_and_the_resource_that_it_came_with(
    #[case] server: IntegrationServer,
) {
    let present = present().await;
    let Err(Missing::Said(probe)) =
        connect(&without_secret().context, &server, None, Some(&present)).await
    else {
        panic!("it was served")
    };
    assert_eq!(probe.reason, reasons::SECRET_NOT_FOUND);
}

/// Why no client is made of this.
fn refused(user: &str, spec: Value) -> Probe {
    let stage = Stage::empty();
    let server = IntegrationServer::test().with(spec);
    let credentials = Credentials::new(user, SecretString::from("word"));
    match client(&stage.context, &server, None, credentials) {
        Err(Missing::Said(probe)) => probe,
        Err(Missing::ApiServer(error)) => panic!("{error}"),
        Ok(_) => panic!("a client was made"),
    }
}

fn trusting() -> Value {
    json!({"tls": {"fingerprintsSHA256": ["AB".repeat(32)]}})
}

#[rstest]
#[case::a_user_with_a_colon("a:b", trusting(), "SecretKeyMissing", "colon")]
#[case::an_address("a", json!({"address": "https://viis"}), "ConnectFailed", "address")]
#[case::an_https_proxy("a", json!({"proxyURL": "https://proxy:3128"}), "ConnectFailed", "http://")]
#[case::no_proxy_at_all("a", json!({"proxyURL": "::"}), "ConnectFailed", "proxyURL")]
#[case::no_fingerprint("a", json!({"tls": {"fingerprintsSHA256": ["AB"]}}), "CertificateRejected", "fingerprint")]
#[case::no_certificate("a", json!({"tls": {"caBundle": "hello"}}), "CertificateRejected", "CA bundle")]
#[tokio::test]
async fn each_setting_has_its_own_reason(
    #[case] user: &str,
    #[case] spec: Value,
    #[case] reason: &str,
    #[case] hint: &str,
) {
    let mut whole = trusting();
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let probe = refused(user, whole);
    assert_eq!(probe.reason, reason, "{}", probe.message);
    assert!(probe.message.contains(hint), "{}", probe.message);
    assert!(!probe.reachable);
}
