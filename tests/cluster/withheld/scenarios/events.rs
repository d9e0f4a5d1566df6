//! The permissions for Events: outcomes are said, and counted when they come again.

use super::{Trial, with_a_server};
use crate::harness::{Stand, complete_tenant, eventually, has};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use serde_json::json;

/// The Events about an object.
async fn events(stand: &Stand, namespace: &str, uid: Option<String>) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(stand.client.clone(), namespace);
    let list = api.list(&ListParams::default()).await.unwrap();
    let about = |event: &Event| event.regarding.as_ref().is_some_and(|it| it.uid == uid);
    list.items.into_iter().filter(about).collect()
}

async fn events_of_tenant(stand: &Stand) -> Vec<Event> {
    let uid = stand.tenant("acme").get().await.uid();
    events(stand, &stand.namespace, uid).await
}

async fn events_of_server(stand: &Stand) -> Vec<Event> {
    let uid = stand.integration_server().get().await.uid();
    events(stand, "default", uid).await
}

fn is_counted(events: &[Event]) -> bool {
    events.iter().any(|event| event.series.is_some())
}

/// A tenant whose creation the server refuses, each time that it is asked.
async fn with_a_refused_tenant(trial: &mut Trial) {
    let stand = &trial.stand;
    stand.password_is("acme", "short").await;
    stand
        .apply([stand.server_manifest(), complete_tenant("acme")])
        .await;
    trial.starts_without(&[]).await;
    trial
        .stand
        .tenant("acme")
        .stalls("VIRMT_PasswordNotComplyPolicy")
        .await;
}

async fn tenant_is_refused_again(stand: &Stand) {
    let before = stand.simulator.calls().await;
    stand.tenant("acme").is_asked_again().await;
    eventually("it is tried again", async || {
        stand.simulator.calls_since(&before).await.of("POST tenant") > 0
    })
    .await;
    stand
        .tenant("acme")
        .stalls("VIRMT_PasswordNotComplyPolicy")
        .await;
}

pub async fn a_tenant_has_no_events(mut trial: Trial) {
    with_a_refused_tenant(&mut trial).await;
    let has_come = async |stand: &Stand| !events_of_tenant(stand).await.is_empty();
    let what = "there is an Event about the tenant";
    trial
        .comes_once_asked_again(what, has_come, tenant_is_refused_again)
        .await;
}

pub async fn a_tenants_events_are_not_counted(mut trial: Trial) {
    with_a_refused_tenant(&mut trial).await;
    tenant_is_refused_again(&trial.stand).await;
    assert!(
        !events_of_tenant(&trial.stand).await.is_empty(),
        "it is said once"
    );
    let has_come = async |stand: &Stand| is_counted(&events_of_tenant(stand).await);
    let what = "the Event is counted";
    trial
        .comes_once_asked_again(what, has_come, tenant_is_refused_again)
        .await;
}

/// Two outcomes: it is suspended, and goes on.
async fn server_is_halted_for_a_moment(stand: &Stand) {
    let server = stand.integration_server();
    server.patch(json!({"spec": {"suspend": true}})).await;
    server
        .until("suspended", |server| {
            has(server, "Ready", "True", "Suspended")
        })
        .await;
    server.patch(json!({"spec": {"suspend": false}})).await;
    server
        .until("at work", |server| {
            has(server, "Ready", "True", "Reconciled")
        })
        .await;
}

pub async fn a_server_has_no_events(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    trial.stand.integration_server().becomes_ready().await;
    let has_come = async |stand: &Stand| !events_of_server(stand).await.is_empty();
    let what = "there is an Event about the server";
    trial
        .comes_once_asked_again(what, has_come, server_is_halted_for_a_moment)
        .await;
}

pub async fn a_servers_events_are_not_counted(mut trial: Trial) {
    with_a_server(&mut trial, &[]).await;
    trial.stand.integration_server().becomes_ready().await;
    server_is_halted_for_a_moment(&trial.stand).await;
    assert!(
        !events_of_server(&trial.stand).await.is_empty(),
        "it is said once"
    );
    let has_come = async |stand: &Stand| is_counted(&events_of_server(stand).await);
    let what = "the Event is counted";
    trial
        .comes_once_asked_again(what, has_come, server_is_halted_for_a_moment)
        .await;
}
