//! The cluster is lost, and the same manifests come back (docs/disaster-recovery.md).

use crate::bios_id;
use crate::harness::{
    Manifest, Simulator, Stand, complete_tenant, eventually, has, machine, simple_tenant,
};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

/// What stands in Git.
fn manifests() -> Vec<Manifest> {
    vec![
        complete_tenant("acme")
            .with("spec.name", "Acme Ltd.")
            .with("spec.description", "Gold")
            .with("spec.userData", "<a>]]>&amp;\r\n"),
        simple_tenant("little"),
        simple_tenant("sleeping").with("spec.state", "Inactive"),
        machine("acme-web-1", "acme", &bios_id(1)).with("spec.userData", "\"odd\" ]]>"),
        machine("acme-web-2", "acme", &bios_id(2)).with("spec.name", "web-2"),
        machine("little-web", "little", &bios_id(3)),
        machine("sleeping-web", "sleeping", &bios_id(4)),
    ]
}

async fn all_ready(stand: &Stand) {
    for manifest in manifests() {
        match manifest.kind() {
            "Tenant" => drop(stand.tenant(manifest.name()).becomes_ready().await),
            _ => drop(stand.machine(manifest.name()).becomes_ready().await),
        }
    }
}

/// Everything goes as if the cluster had never been: no finalizer runs.
pub async fn lose_the_cluster(stand: &mut Stand) {
    stand.kill_operator();
    for kind in ["VirtualMachine", "Tenant", "IntegrationServer"] {
        let kind =
            ApiResource::from_gvk(&GroupVersionKind::gvk("viis-operator.io", "v1alpha1", kind));
        let all: Api<DynamicObject> = Api::all_with(stand.client.clone(), &kind);
        for object in all.list(&ListParams::default()).await.unwrap().items {
            let api: Api<DynamicObject> = match object.metadata.namespace.as_deref() {
                Some(namespace) => Api::namespaced_with(stand.client.clone(), namespace, &kind),
                None => all.clone(),
            };
            let name = object.metadata.name.unwrap();
            let freed = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            api.patch(&name, &PatchParams::default(), &freed)
                .await
                .unwrap();
            api.delete(&name, &Default::default()).await.unwrap();
        }
        eventually("it is lost", async || {
            all.list(&ListParams::default())
                .await
                .unwrap()
                .items
                .is_empty()
        })
        .await;
    }
}

/// Made by the operator, lost, and taken back from the same manifests.
#[tokio::test]
async fn the_same_manifests_take_every_tenant_back() {
    let mut stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand.apply(manifests()).await;
    all_ready(&stand).await;
    let before = stand.simulator.state().await;
    let identifier = stand.tenant("acme").get().await.status.unwrap().tenant_id;

    lose_the_cluster(&mut stand).await;
    // The Secret of the administrator did not come back: it is not needed.
    stand.kubectl(&["delete", "secret", "acme-admin"], "").await;
    let calls = stand.simulator.calls().await;
    stand
        .apply([stand
            .server_manifest()
            .with("spec.adoptionPolicy", "IfIdentical")])
        .await;
    // In the wrong order too: the operator is there before the manifests, machines first.
    stand.start_operator();
    let mut turned = manifests();
    turned.reverse();
    stand.apply(turned).await;
    all_ready(&stand).await;

    let acme = stand.tenant("acme").get().await;
    assert!(has(&acme, "Provisioned", "True", "Adopted"));
    assert_eq!(acme.status.unwrap().tenant_id, identifier);
    let since = stand.simulator.calls_since(&calls).await;
    assert_eq!(since.mutating, 0, "{since:?}");
    assert_eq!(stand.simulator.state().await.tenants, before.tenants);

    // Taken over, so a deletion leaves it there; with `Delete` in the manifest it goes.
    stand.machine("little-web").delete().await;
    stand.machine("little-web").is_gone().await;
    stand.tenant("little").delete().await;
    stand.tenant("little").is_gone().await;
    assert!(stand.simulator.state().await.find("little").is_some());
    stand.ends_well().await;
}

/// Without the policy nothing is taken, nothing is made and nothing destroyed.
#[tokio::test]
async fn without_the_policy_they_wait_for_it() {
    let mut stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand.apply(manifests()).await;
    all_ready(&stand).await;
    lose_the_cluster(&mut stand).await;
    let calls = stand.simulator.calls().await;
    stand.start_operator();
    stand.apply([stand.server_manifest()]).await;
    stand.apply(manifests()).await;
    for name in ["acme", "little", "sleeping"] {
        stand
            .tenant(name)
            .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
            .await;
    }
    let policy = json!({"spec": {"adoptionPolicy": "IfIdentical"}});
    stand
        .patch("IntegrationServer", &stand.server, false, policy)
        .await
        .unwrap();
    all_ready(&stand).await;
    assert_eq!(stand.simulator.calls_since(&calls).await.mutating, 0);
    stand.ends_well().await;
}

/// The manifests are lost with the cluster: `import` writes them anew.
#[tokio::test]
async fn without_the_manifests_an_import_writes_them() {
    let mut stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand.apply(manifests()).await;
    all_ready(&stand).await;
    lose_the_cluster(&mut stand).await;
    let calls = stand.simulator.calls().await;
    stand
        .apply([stand.server_manifest().with("spec.adoptionPolicy", "ByID")])
        .await;
    let (server, namespace, own) = (&stand.server, &stand.namespace, &stand.operator_namespace);
    let command = [
        "import",
        "--server",
        server,
        "--namespace",
        namespace,
        "--operator-namespace",
        own,
    ];
    let printed = stand.command(&command).await.unwrap();
    stand.kubectl(&["apply", "--filename", "-"], &printed).await;
    stand.start_operator();
    stand
        .kubectl(
            &[
                "wait",
                "--for=condition=Ready",
                "--timeout=10m",
                "--all",
                "viistenant,viisvm",
            ],
            "",
        )
        .await;
    assert_eq!(stand.simulator.calls_since(&calls).await.mutating, 0);
    stand.ends_well().await;
}

/// docs/simple-tenants-by-hand.md: the order that the vendor gives, by one manifest.
#[tokio::test]
async fn protection_that_was_set_up_by_hand_is_registered_in_the_vendors_order() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.apply([stand.server_manifest()]).await;
    let page = include_str!("../../docs/simple-tenants-by-hand.md");
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    stand
        .kubectl(
            &["apply", "--filename", "-"],
            &text.replace("customers", &stand.namespace),
        )
        .await;
    stand.start_operator();
    stand.tenant("acme").becomes_ready().await;
    let log = stand.simulator.log().await;
    let changes: Vec<_> = log
        .iter()
        .filter(|call| call.call.starts_with("POST"))
        .map(|call| call.call.as_str())
        .collect();
    assert_eq!(
        changes,
        [
            "POST tenant",
            "POST register",
            "POST register",
            "POST activate"
        ]
    );
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenant("Acme Ltd.").status.as_str(),
            state.tenant("Acme Ltd.").machines.len()
        ),
        ("Active", 2)
    );
    stand.ends_well().await;
}
