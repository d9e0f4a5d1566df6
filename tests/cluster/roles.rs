//! What whoever has the operator's token can do, as the real authorizer decides.

use crate::bios_id;
use crate::harness::{
    Scope, Simulator, Stand, complete_tenant, machine, secret, simple_tenant,
    skipped_on_an_existing_cluster,
};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchParams};
use serde_json::json;
use viis_operator::api::{Tenant, VirtualMachine};

fn is_denied<T: std::fmt::Debug>(answer: kube::Result<T>) {
    let denied = matches!(&answer, Err(kube::Error::Api(status)) if status.code == 403);
    assert!(denied, "{answer:?}");
}

/// The Secrets of a namespace, or of all, with the operator's token.
fn secrets(stand: &Stand, namespace: Option<&str>) -> Api<Secret> {
    let client = stand.account().client.clone();
    match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

/// A Secret of somebody who has nothing to do with the operator.
async fn stranger(stand: &Stand, namespace: &str) {
    let stranger = secret("stranger", &[("password", "not for the operator")]);
    stand.apply([stranger.in_namespace(namespace)]).await;
}

/// In no way that names none, and nothing but reading.
async fn secrets_are_read_by_name_alone(stand: &Stand) {
    is_denied(secrets(stand, None).list(&ListParams::default()).await);
    for namespace in [&stand.namespace, &stand.operator_namespace] {
        let api = secrets(stand, Some(namespace));
        stranger(stand, namespace).await;
        api.get("stranger").await.unwrap();
        is_denied(api.list(&ListParams::default()).await);
        is_denied(api.list_metadata(&ListParams::default()).await);
        // A list of one name is a list.
        let one = ListParams::default().fields("metadata.name=stranger");
        is_denied(api.list(&one).await);
        is_denied(api.watch(&WatchParams::default(), "0").await.map(|_| ()));
        let change = json!({"metadata": {"labels": {"changed": "yes"}}});
        let patch = Patch::Merge(change);
        is_denied(api.patch("stranger", &PatchParams::default(), &patch).await);
        is_denied(api.delete("stranger", &DeleteParams::default()).await);
        let new = serde_json::from_value(secret("new", &[("a", "b")]).0).unwrap();
        is_denied(api.create(&PostParams::default(), &new).await);
    }
}

#[tokio::test]
async fn secrets_cannot_be_listed() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    secrets_are_read_by_name_alone(&stand).await;
    stand.ends_well().await;
}

/// The operator of all namespaces reads any Secret whose name it knows, and lists none.
#[tokio::test]
async fn secrets_cannot_be_listed_where_all_namespaces_are_served() {
    let stand = Stand::serving(Simulator::start(&[]), Scope::Everywhere).await;
    secrets_are_read_by_name_alone(&stand).await;
    let elsewhere = stand.namespace_elsewhere("elsewhere").await;
    stranger(&stand, &elsewhere).await;
    let api = secrets(&stand, Some(&elsewhere));
    api.get("stranger").await.unwrap();
    is_denied(api.list(&ListParams::default()).await);
    stand.ends_well().await;
}

/// With `watchNamespaces`: no Secret, no Tenant, nothing, by whatever way.
#[tokio::test]
async fn nothing_can_be_read_in_a_namespace_that_is_not_watched() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    let elsewhere = stand.namespace_elsewhere("elsewhere").await;
    stranger(&stand, &elsewhere).await;
    stand
        .apply([simple_tenant("acme").in_namespace(&elsewhere)])
        .await;
    let client = || stand.account().client.clone();
    for namespace in [elsewhere.as_str(), "default", "kube-system"] {
        let api = secrets(&stand, Some(namespace));
        is_denied(api.get("stranger").await);
        is_denied(api.list(&ListParams::default()).await);
        let tenants: Api<Tenant> = Api::namespaced(client(), namespace);
        is_denied(tenants.get("acme").await);
        is_denied(tenants.list(&ListParams::default()).await);
        let change = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/x"]}}));
        is_denied(
            tenants
                .patch("acme", &PatchParams::default(), &change)
                .await,
        );
        let machines: Api<VirtualMachine> = Api::namespaced(client(), namespace);
        is_denied(machines.list(&ListParams::default()).await);
    }
    let tenants: Api<Tenant> = Api::all(client());
    is_denied(tenants.list(&ListParams::default()).await);
    // Of other namespaces it sees the labels, which say who may use a server.
    let namespaces: Api<Namespace> = Api::all(client());
    namespaces.list(&ListParams::default()).await.unwrap();
    is_denied(namespaces.get(&elsewhere).await);
    stand.ends_well().await;
}

/// A whole life in two namespaces, with the ClusterRole of an operator of all.
#[tokio::test]
async fn all_namespaces_are_served_with_the_roles_for_that() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = Stand::serving(Simulator::start(&[]), Scope::Everywhere).await;
    stand.start_operator_with(&["--leader-election"]);
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let other = stand.namespace_elsewhere("other").await;
    stand.password_of("acme").await;
    stand
        .apply([
            complete_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            simple_tenant("second").in_namespace(&other),
            machine("web-2", "second", &bios_id(2)).in_namespace(&other),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant_in(&other, "second").becomes_ready().await;
    stand.machine_in(&other, "web-2").becomes_ready().await;
    let events: Api<Event> = Api::namespaced(stand.client.clone(), &other);
    assert!(
        !events
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    stand.machine_in(&other, "web-2").delete().await;
    stand.tenant_in(&other, "second").delete().await;
    stand.tenant_in(&other, "second").is_gone().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}
