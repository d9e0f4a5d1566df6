//! A backup tool brings the resources back, as Velero does: with labels, annotations and
//! finalizers, without status, under new UIDs (docs/disaster-recovery.md).

use crate::bios_id;
use crate::disaster::lose_the_cluster;
use crate::harness::{Calls, Manifest, Stand, TenantThere, has, machine, simple_tenant};
use rstest::rstest;
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

/// What the server held and was asked for before the operator ran again.
struct Before {
    tenants: Vec<TenantThere>,
    calls: Calls,
}

/// Two tenants, one of them with a machine, were created by the operator; their cluster is
/// lost and restored. The operator does not run yet.
async fn lost_and_restored(kept: Kept) -> (Stand, Before) {
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
    let before = Before {
        tenants: stand.simulator.state().await.tenants,
        calls: stand.simulator.calls().await,
    };
    (stand, before)
}

async fn restored(kept: Kept) -> (Stand, Before) {
    let (mut stand, before) = lost_and_restored(kept).await;
    stand.start_operator();
    stand.integration_server().becomes_ready().await;
    (stand, before)
}

/// Nothing was changed on the server, not even at the start.
async fn nothing_was_changed(stand: &Stand, before: &Before) {
    let calls = stand.simulator.calls_since(&before.calls).await;
    assert_eq!(calls.mutating, 0, "{calls:?}");
    assert_eq!(stand.simulator.state().await.tenants, before.tenants);
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

async fn wait_for_adoption(stand: &Stand) {
    for name in ["acme", "globex"] {
        stand
            .tenant(name)
            .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
            .await;
    }
}

/// The identity of a Tenant is open until it has its tenant again; that of a machine never.
#[rstest]
#[case::without_status(Kept::WithoutStatus)]
#[case::with_the_status_of_another_uid(Kept::WithStatus)]
#[tokio::test]
async fn nothing_is_created_until_adoption_is_allowed(#[case] kept: Kept) {
    let (stand, before) = restored(kept).await;
    wait_for_adoption(&stand).await;
    // What its machine was registered with is not known: it waits for its Tenant.
    stand
        .machine("acme-web")
        .is_reconciling("WaitingForTenant")
        .await;
    for change in [
        json!({"biosID": bios_id(2)}),
        json!({"tenantRef": {"name": "globex"}}),
    ] {
        is_refused(&stand, "VirtualMachine", "acme-web", change).await;
    }
    let change = |description: &str| json!({"spec": {"description": description}});
    stand.tenant("acme").patch(change("Silver")).await;
    stand.tenant("acme").patch(change("Gold")).await;

    allow_adoption(&stand).await;
    let changes = json!({"description": "Silver"});
    is_refused(&stand, "Tenant", "acme", changes).await;
    nothing_was_changed(&stand, &before).await;
    stand.ends_well().await;
}

/// The page warns of it: whoever changes the name of a restored Tenant asks for another tenant.
#[tokio::test]
async fn a_changed_name_is_another_tenant() {
    let (stand, before) = restored(Kept::WithoutStatus).await;
    wait_for_adoption(&stand).await;
    let change = json!({"spec": {"name": "renamed"}});
    stand.tenant("globex").patch(change).await;
    stand.tenant("globex").becomes_ready().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), before.tenants.len() + 1);
    assert!(state.find("globex").is_some() && state.find("renamed").is_some());
    stand.ends_well().await;
}

/// The server was reset as well, which no guard can notice: under `suspend` nothing is created,
/// and what is there is adopted.
#[tokio::test]
async fn a_suspended_server_adopts_and_creates_nothing() {
    let (mut stand, _) = lost_and_restored(Kept::WithoutStatus).await;
    stand.simulator.tenant_removed_by_hand("globex").await;
    let before = Before {
        tenants: stand.simulator.state().await.tenants,
        calls: stand.simulator.calls().await,
    };
    let careful = json!({"spec": {"suspend": true, "adoptionPolicy": "IfIdentical"}});
    stand.integration_server().patch(careful).await;
    stand.start_operator();
    let taken = stand.tenant("acme").becomes_ready().await;
    assert!(has(&taken, "Provisioned", "True", "Adopted"));
    stand
        .tenant("globex")
        .has("Ready", "False", "Suspended")
        .await;
    nothing_was_changed(&stand, &before).await;
    stand.ends_well().await;
}

/// Who deletes what was restored, before it has its tenant, destroys nothing on the server.
#[tokio::test]
async fn what_is_deleted_before_adoption_stays_on_the_server() {
    let (stand, before) = restored(Kept::WithoutStatus).await;
    wait_for_adoption(&stand).await;
    stand.machine("acme-web").delete().await;
    stand.machine("acme-web").is_gone().await;
    for name in ["acme", "globex"] {
        stand.tenant(name).delete().await;
        stand.tenant(name).is_gone().await;
    }
    nothing_was_changed(&stand, &before).await;
    stand.ends_well().await;
}
