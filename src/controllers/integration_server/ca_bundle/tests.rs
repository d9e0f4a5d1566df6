//! When the CA bundle is read, and what happens if it cannot be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use super::*;
use crate::controllers::fixtures::{ApiServer, Stage};

const PEM: &str = "-----BEGIN CERTIFICATE-----";

fn referring_to(name: &str) -> IntegrationServer {
    let reference = json!({"kind": "ConfigMap", "name": name});
    IntegrationServer::test().with(json!({"tls": {"caBundleRef": reference}}))
}

fn config_map(text: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authorities"},
        "data": {"ca.crt": text},
    })
}

/// One reconcile against this API server: what the bundle is, and how often it was read.
async fn reads(
    api: &ApiServer,
    server: &IntegrationServer,
    memory: &mut Memory,
) -> (Result<Option<String>, String>, usize) {
    let mut stage = Stage::knowing(server.clone());
    stage.context.client = api.client();
    let before = api.asked().len();
    let found = current(&stage.context, server, memory).await;
    let found = found.map_err(|missing| match missing {
        Missing::Said(probe) => format!("{}: {}", probe.reason, probe.message),
        Missing::ApiServer(error) => error.to_string(),
    });
    (found, api.asked().len() - before)
}

#[tokio::test(start_paused = true)]
async fn it_is_read_at_most_once_a_minute() {
    let (api, server) = (
        ApiServer::answering(&config_map(PEM)),
        referring_to("authorities"),
    );
    let mut memory = Memory::default();
    let text = || Ok(Some(PEM.to_owned()));
    assert_eq!(due_in(&memory), None);
    assert_eq!(reads(&api, &server, &mut memory).await, (text(), 1));
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(reads(&api, &server, &mut memory).await, (text(), 0));
    assert_eq!(due_in(&memory), Some(Duration::from_secs(1)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(reads(&api, &server, &mut memory).await, (text(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_certificate_has_it_read_again_once() {
    let (api, server) = (
        ApiServer::answering(&config_map(PEM)),
        referring_to("authorities"),
    );
    let mut memory = Memory::default();
    reads(&api, &server, &mut memory).await.0.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let reconcile_started = Instant::now();
    doubt(&mut memory, reconcile_started);
    assert_eq!(due_in(&memory), Some(Duration::ZERO));
    assert_eq!(reads(&api, &server, &mut memory).await.1, 1);
    // It was read in the same reconcile: reading it once more would change nothing.
    doubt(&mut memory, reconcile_started);
    assert_eq!(due_in(&memory), Some(GOOD_FOR));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_or_forbidden_object_is_served_from_memory() {
    let server = referring_to("authorities");
    for (status, lack) in [(404, Lack::Gone), (403, Lack::Forbidden)] {
        let mut memory = Memory::default();
        let there = ApiServer::answering(&config_map(PEM));
        reads(&there, &server, &mut memory).await.0.unwrap();
        tokio::time::advance(GOOD_FOR).await;
        let (found, _) = reads(&ApiServer::failing(status), &server, &mut memory).await;
        assert_eq!(found, Ok(Some(PEM.to_owned())));
        assert_eq!(memory.ca_bundle_missing, Some(lack));
        tokio::time::advance(GOOD_FOR).await;
        reads(&there, &server, &mut memory).await.0.unwrap();
        assert_eq!(memory.ca_bundle_missing, None, "it is back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_of_another_reference_is_never_used() {
    let mut memory = Memory::default();
    let there = ApiServer::answering(&config_map(PEM));
    let first = referring_to("authorities");
    reads(&there, &first, &mut memory).await.0.unwrap();
    let gone = ApiServer::failing(404);
    let (found, _) = reads(&gone, &referring_to("others"), &mut memory).await;
    let said = found.unwrap_err();
    assert!(
        said.starts_with("CABundleNotFound: There is no ConfigMap others"),
        "{said}"
    );
    // A spec without a reference needs no bundle.
    let (found, asked) = reads(&gone, &IntegrationServer::test(), &mut memory).await;
    assert_eq!((found, asked), (Ok(None), 0));
    assert_eq!(due_in(&memory), None);
}

/// A CA that was withdrawn by emptying the key is not trusted again when the object goes too.
#[tokio::test(start_paused = true)]
async fn without_a_text_under_the_key_there_is_no_trust() {
    let mut memory = Memory::default();
    let server = referring_to("authorities");
    let there = ApiServer::answering(&config_map(PEM));
    reads(&there, &server, &mut memory).await.0.unwrap();
    tokio::time::advance(GOOD_FOR).await;
    let empty = ApiServer::answering(&config_map(" "));
    let (found, _) = reads(&empty, &server, &mut memory).await;
    let said = found.unwrap_err();
    assert!(said.contains("has no text under the key ca.crt"), "{said}");
    let (found, _) = reads(&ApiServer::failing(404), &server, &mut memory).await;
    let said = found.unwrap_err();
    assert!(said.contains("There is no ConfigMap authorities"), "{said}");
}
