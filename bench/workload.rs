//! The objects: how they look, and how they are made and deleted. Manifests as a
//! user writes them, by the names that users see.

use futures::{StreamExt, TryStreamExt, stream};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use super::Outcome;
use super::settings::{APPLYING, Part};

/// The namespace of the customers.
pub const NAMESPACE: &str = "customers";
/// The IntegrationServer.
pub const SERVER: &str = "main";

/// One of our kinds.
pub fn kind(name: &str) -> ApiResource {
    let gvk = GroupVersionKind::gvk("viis-operator.io", "v1alpha1", name);
    ApiResource::from_gvk(&gvk)
}

fn document(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "viis-operator.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// The IntegrationServer with its limits and its guard out of the way.
pub fn integration_server(address: &str, port: u64, fingerprint: &str, resync: &str) -> Value {
    let spec = json!({
        "address": address,
        "port": port,
        "credentialsSecretRef": {"name": "viis-main"},
        "tls": {"fingerprintsSHA256": [fingerprint]},
        "allowedNamespaces": {"from": "All"},
        "resyncInterval": resync,
        "limits": {"concurrentTasks": 10_000, "requestsPerSecond": 10_000},
        "guard": {"enabled": false},
    });
    document("IntegrationServer", SERVER, &spec)
}

fn tenant(number: usize) -> Value {
    let spec = json!({
        "integrationServerRef": {"name": SERVER},
        "type": "Simple",
        "description": format!("Customer {number}"),
    });
    document("Tenant", &tenant_name(number), &spec)
}

fn tenant_name(number: usize) -> String {
    format!("tenant-{number:03}")
}

fn machine(tenant: usize, number: usize) -> Value {
    let spec = json!({
        "tenantRef": {"name": tenant_name(tenant)},
        "biosId": format!("4230d3ef-1f2b-8b1c-{tenant:04x}-{number:012x}"),
    });
    document(
        "VirtualMachine",
        &format!("tenant-{tenant:03}-vm-{number}"),
        &spec,
    )
}

/// Every tenant followed by its machines, as in a file for each customer.
fn objects(part: &Part) -> Vec<(&'static str, Value)> {
    let machines = part.machines;
    (0..part.tenants)
        .flat_map(|number| {
            let mine = (0..machines).map(move |vm| ("VirtualMachine", machine(number, vm)));
            std::iter::once(("Tenant", tenant(number))).chain(mine)
        })
        .collect()
}

/// Opens as many connections as will be used: their handshakes are not the operator's.
pub async fn warm_up(client: &kube::Client) -> Outcome<()> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind("Tenant"));
    let params = ListParams::default();
    let lists = (0..APPLYING).map(|_| api.list(&params));
    futures::future::try_join_all(lists).await?;
    Ok(())
}

/// Makes all objects, several at once.
pub async fn apply(client: &kube::Client, part: &Part) -> Outcome<()> {
    let params = PostParams::default();
    let made = stream::iter(objects(part)).map(|(name, manifest)| {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind(name));
        let params = &params;
        async move {
            let object: DynamicObject = serde_json::from_value(manifest)?;
            api.create(params, &object).await?;
            Outcome::Ok(())
        }
    });
    made.buffer_unordered(APPLYING).try_collect::<()>().await
}

/// Deletes all tenants and all machines, as the deletion of their namespace does:
/// one request for each kind. Both are sent at once.
pub async fn delete(client: &kube::Client, part: &Part) -> Outcome<()> {
    let mut kinds = vec!["Tenant"];
    if part.machines > 0 {
        kinds.push("VirtualMachine");
    }
    let deletions = kinds.into_iter().map(|name| {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind(name));
        async move {
            // On a busy machine it takes longer than the API server lets a request
            // run; what is left is asked for again, as `kubectl` and namespaces do.
            let mut tries = 0;
            while let Err(error) = api
                .delete_collection(&DeleteParams::default(), &ListParams::default())
                .await
            {
                tries += 1;
                if tries == 5 {
                    return Err(error);
                }
                eprintln!("bench: the deletion is asked for again: {error}");
            }
            Ok(())
        }
    });
    futures::future::try_join_all(deletions).await?;
    Ok(())
}
