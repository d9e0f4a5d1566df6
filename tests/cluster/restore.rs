//! A backup tool brings the resources back, as Velero does: with labels, annotations and
//! finalizers, without status, under new UIDs (docs/disaster-recovery.md).

use crate::bios_id;
use crate::disaster::lose_the_cluster;
use crate::harness::{Manifest, Stand, has, machine, simple_tenant};
use serde_json::{Value, json};

/// What a backup keeps of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Everything but the status: what Velero does by default.
    WithoutStatus,
    /// The status too, as with `--status-include-resources`.
    WithStatus,
}

/// An object and its status, ready to be restored.
struct Saved {
    object: Value,
    status: Option<Value>,
}

async fn backup(stand: &Stand, kept: Kept) -> Vec<Saved> {
    let server = stand.integration_server().get().await;
    let tenants = [
        stand.tenant("acme").get().await,
        stand.tenant("globex").get().await,
    ];
    let machines = [stand.machine("acme-web").get().await];
    let mut objects = vec![serde_json::to_value(server).unwrap()];
    objects.extend(tenants.map(|tenant| serde_json::to_value(tenant).unwrap()));
    objects.extend(machines.map(|machine| serde_json::to_value(machine).unwrap()));
    let saved = objects.into_iter().map(|mut object| {
        let status = object.as_object_mut().unwrap().remove("status");
        let metadata = object["metadata"].as_object_mut().unwrap();
        let names = ["name", "namespace", "labels", "annotations", "finalizers"];
        metadata.retain(|field, _| names.contains(&field.as_str()));
        assert!(metadata.contains_key("finalizers"));
        let status = status.filter(|_| kept == Kept::WithStatus);
        Saved { object, status }
    });
    saved.collect()
}

async fn restore(stand: &Stand, saved: Vec<Saved>) {
    for Saved { object, status } in saved {
        let manifest = Manifest(object);
        let (kind, name) = (manifest.kind().to_owned(), manifest.name().to_owned());
        stand.create(manifest).await.unwrap();
        if let Some(status) = status {
            let change = json!({"status": status});
            stand.patch(&kind, &name, true, change).await.unwrap();
        }
    }
}

/// Two tenants, one of them with a machine, were made by the operator; their cluster is
/// lost and restored, and the operator runs again.
async fn restored(kept: Kept) -> Stand {
    let mut stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme").with("spec.description", "Gold"),
            simple_tenant("globex"),
            machine("acme-web", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("globex").becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("acme-web").becomes_ready().await;
    let saved = backup(&stand, kept).await;
    lose_the_cluster(&mut stand).await;
    restore(&stand, saved).await;
    stand.start_operator();
    stand.integration_server().becomes_ready().await;
    stand
}

async fn allow_adoption(stand: &Stand) {
    let policy = json!({"spec": {"adoptionPolicy": "IfIdentical"}});
    stand.integration_server().patch(policy).await;
    for name in ["acme", "globex"] {
        let taken = stand.tenant(name).becomes_ready().await;
        assert!(has(&taken, "Provisioned", "True", "Adopted"));
    }
    stand.machine("acme-web").becomes_ready().await;
}

async fn is_refused(stand: &Stand, kind: &str, name: &str, change: Value) {
    let refused = stand.patch(kind, name, false, json!({"spec": change}));
    let error = refused.await.unwrap_err().to_string();
    assert!(error.contains("cannot change"), "{error}");
}

/// The identity of a Tenant is open until it has its tenant again; that of a machine never.
#[tokio::test]
async fn without_a_status_nothing_is_made_until_adoption_is_allowed() {
    let stand = restored(Kept::WithoutStatus).await;
    let before = stand.simulator.state().await.tenants;
    let calls = stand.simulator.calls().await;
    for name in ["acme", "globex"] {
        stand
            .tenant(name)
            .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
            .await;
    }
    // What its machine was registered with is not known: it waits for its Tenant.
    stand
        .machine("acme-web")
        .is_reconciling("WaitingForTenant")
        .await;
    let open = json!({"spec": {"description": "Silver"}});
    stand.tenant("acme").patch(open).await;
    let back = json!({"spec": {"description": "Gold"}});
    stand.tenant("acme").patch(back).await;
    for change in [
        json!({"biosID": bios_id(2)}),
        json!({"tenantRef": {"name": "globex"}}),
    ] {
        is_refused(&stand, "VirtualMachine", "acme-web", change).await;
    }

    allow_adoption(&stand).await;
    let changes = json!({"description": "Silver"});
    is_refused(&stand, "Tenant", "acme", changes).await;
    assert_eq!(stand.simulator.calls_since(&calls).await.mutating, 0);
    assert_eq!(stand.simulator.state().await.tenants, before);
    stand.ends_well().await;
}

/// A status that belongs to another UID does not count, but it keeps the identity closed.
#[tokio::test]
async fn with_a_status_the_identity_stays_closed() {
    let stand = restored(Kept::WithStatus).await;
    let calls = stand.simulator.calls().await;
    stand
        .tenant("acme")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    allow_adoption(&stand).await;
    let changes = json!({"description": "Silver"});
    is_refused(&stand, "Tenant", "acme", changes).await;
    assert_eq!(stand.simulator.calls_since(&calls).await.mutating, 0);
    stand.ends_well().await;
}

/// Who deletes what was restored, before it has its tenant, destroys nothing on the server.
#[tokio::test]
async fn what_is_deleted_before_adoption_stays_on_the_server() {
    let stand = restored(Kept::WithoutStatus).await;
    let before = stand.simulator.state().await.tenants;
    let calls = stand.simulator.calls().await;
    stand
        .tenant("globex")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    stand.machine("acme-web").delete().await;
    stand.machine("acme-web").is_gone().await;
    for name in ["acme", "globex"] {
        stand.tenant(name).delete().await;
        stand.tenant(name).is_gone().await;
    }
    assert_eq!(stand.simulator.calls_since(&calls).await.mutating, 0);
    assert_eq!(stand.simulator.state().await.tenants, before);
    stand.ends_well().await;
}
