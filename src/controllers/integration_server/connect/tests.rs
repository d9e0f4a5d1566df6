//! What spec and Secret may hold that no client can be made with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::controllers::fixtures::Stage;

/// Why no client is made of this.
fn refused(user: &str, spec: serde_json::Value) -> Probe {
    let stage = Stage::empty();
    let server = IntegrationServer::test().with(spec);
    let credentials = Credentials::new(user, SecretString::from("word"));
    match client(&stage.context, &server, credentials) {
        Err(Missing::Said(probe)) => probe,
        Err(Missing::ApiServer(error)) => panic!("{error}"),
        Ok(_) => panic!("a client was made"),
    }
}

fn trusting() -> serde_json::Value {
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
    #[case] spec: serde_json::Value,
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
