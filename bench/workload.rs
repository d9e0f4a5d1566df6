//! The objects: how they look, and how they are created and deleted. Manifests as a user
//! writes them, with the field names that users see.

use futures::{StreamExt, TryStreamExt, stream};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use super::Outcome;
use super::row::Size;
use super::scenario::{REQUESTS_PER_SECOND, RESYNC};

/// Objects that are created at the same time: as `kubectl apply` by a few people.
const APPLYING: usize = 8;
/// The Secret with the account of the Integration Server.
pub const CREDENTIALS: &str = "viis-main";
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

/// The IntegrationServer of a simulator that announced itself. The guard is off: the
/// comparator has none.
pub fn integration_server(announced: &Value, concurrent_tasks: usize) -> Value {
    let spec = json!({
        "address": announced["address"],
        "port": announced["port"],
        "credentialsSecretRef": {"name": CREDENTIALS},
        "tls": {"fingerprintsSHA256": [announced["fingerprintSHA256"]]},
        "allowedNamespaces": {"from": "All"},
        "resyncInterval": format!("{}s", RESYNC.as_secs()),
        "limits": {
            "concurrentTasks": concurrent_tasks,
            "requestsPerSecond": REQUESTS_PER_SECOND,
        },
        "guard": {"enabled": false},
    });
    document("IntegrationServer", SERVER, &spec)
}

/// Whether a Tenant that breaks a rule, and nothing else, is refused; and a VirtualMachine.
pub async fn rules_apply(client: &kube::Client) -> Outcome<[bool; 2]> {
    let tenant = json!({"integrationServerRef": {"name": SERVER}, "type": "Complete"});
    let machine = json!({"tenantRef": {"name": "a"}, "biosID": "x".repeat(36)});
    Ok([
        is_refused(client, "Tenant", &tenant).await?,
        is_refused(client, "VirtualMachine", &machine).await?,
    ])
}

async fn is_refused(client: &kube::Client, of: &str, spec: &Value) -> Outcome<bool> {
    let object = serde_json::from_value(document(of, "breaks-a-rule", spec))?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind(of));
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match api.create(&params, &object).await {
        Ok(_) => Ok(false),
        Err(kube::Error::Api(status)) if status.is_invalid() => Ok(true),
        Err(error) => Err(error.into()),
    }
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
    format!("tenant-{number:04}")
}

fn machine(tenant: usize, number: usize) -> Value {
    let spec = json!({
        "tenantRef": {"name": tenant_name(tenant)},
        "biosID": format!("4230d3ef-1f2b-8b1c-{tenant:04x}-{number:012x}"),
    });
    document(
        "VirtualMachine",
        &format!("tenant-{tenant:04}-vm-{number}"),
        &spec,
    )
}

/// Every tenant followed by its machines, as in a file for each customer.
fn objects(size: Size) -> Vec<(&'static str, Value)> {
    let machines = size.machines;
    (0..size.tenants)
        .flat_map(|number| {
            let mine = (0..machines).map(move |vm| ("VirtualMachine", machine(number, vm)));
            std::iter::once(("Tenant", tenant(number))).chain(mine)
        })
        .collect()
}

/// Opens as many connections as will be used: their handshakes are not the operators'.
pub async fn warm_up(client: &kube::Client) -> Outcome<()> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind("Tenant"));
    let params = ListParams::default();
    let lists = (0..APPLYING).map(|_| api.list(&params));
    futures::future::try_join_all(lists).await?;
    Ok(())
}

/// Creates all objects, several at the same time.
pub async fn create(client: &kube::Client, size: Size) -> Outcome<()> {
    let params = PostParams::default();
    let created = stream::iter(objects(size)).map(|(name, manifest)| {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind(name));
        let params = &params;
        async move {
            let object: DynamicObject = serde_json::from_value(manifest)?;
            api.create(params, &object).await?;
            Outcome::Ok(())
        }
    });
    created.buffer_unordered(APPLYING).try_collect::<()>().await
}

/// Deletes all tenants and all machines, as the deletion of their namespace does:
/// one request for each kind. Both are sent at once.
pub async fn delete(client: &kube::Client, size: Size) -> Outcome<()> {
    let mut kinds = vec!["Tenant"];
    if size.machines > 0 {
        kinds.push("VirtualMachine");
    }
    let deletions = kinds.into_iter().map(|name| {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &kind(name));
        async move {
            // It may take longer than the API server lets a request run; what remains is
            // requested again, as `kubectl` and the deletion of a namespace do.
            let mut tries = 0;
            while let Err(error) = api
                .delete_collection(&DeleteParams::default(), &ListParams::default())
                .await
            {
                tries += 1;
                if tries == 20 {
                    return Err(error);
                }
                eprintln!("bench: the deletion is requested again: {error}");
            }
            Ok(())
        }
    });
    futures::future::try_join_all(deletions).await?;
    Ok(())
}
