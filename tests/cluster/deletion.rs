//! The end of resources, in every order that a user or a tool may choose.

use crate::bios_id;
use crate::harness::{
    Scope, Simulator, Stand, complete_tenant, eventually, machine, message, simple_tenant,
    skipped_on_an_existing_cluster,
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_namespace_goes_with_everything_in_it() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    // With a Role in the namespace the operator could not end what it began: see below.
    let stand = Stand::serving(Simulator::start(&[]), Scope::Everywhere).await;
    let stand = stand.becomes_ready_with(|server| server).await;
    stand.password_of("acme").await;
    stand
        .apply([complete_tenant("acme"), simple_tenant("second")])
        .await;
    for number in 0..4 {
        stand
            .apply([machine(&format!("web-{number}"), "acme", &bios_id(number))])
            .await;
    }
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("second").becomes_ready().await;
    for number in 0..4 {
        stand
            .machine(&format!("web-{number}"))
            .becomes_ready()
            .await;
    }
    stand
        .kubectl(
            &["delete", "namespace", &stand.namespace, "--timeout=10m"],
            "",
        )
        .await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty(), "{state:#?}");
    stand
        .integration_server()
        .until("nothing is counted", |server| {
            server
                .status
                .as_ref()
                .and_then(|status| status.tenants)
                .is_some_and(|counts| counts.known == 0)
        })
        .await;
    stand.integration_server().delete().await;
    stand.integration_server().is_gone().await;
    stand.ends_well().await;
}

/// With `watchNamespaces` the namespace takes the RoleBinding along, before everything
/// else is gone. What docs/uninstall.md says about that helps.
#[tokio::test]
async fn a_namespace_that_takes_the_operators_permissions_along() {
    let mut stand = Stand::ready().await;
    stand.lacks_permissions = true;
    stand
        .apply([simple_tenant("acme"), machine("web", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web").becomes_ready().await;
    let namespace = stand.namespace.clone();
    stand
        .kubectl(&["delete", "namespace", &namespace, "--wait=false"], "")
        .await;
    let account = stand.account();
    let mut lost = stand.roles().permissions();
    lost.retain(|permission| permission.namespace.as_ref() == Some(&namespace));
    assert!(!lost.is_empty());
    for permission in &lost {
        eventually(&format!("nobody may {permission}"), async || {
            !account.may(permission).await
        })
        .await;
    }
    let name = format!("rescue-{namespace}");
    let kinds = "--resource=tenants.viis-operator.io,tenants.viis-operator.io/status,\
                 virtualmachines.viis-operator.io,virtualmachines.viis-operator.io/status";
    let verbs = "--verb=get,list,watch,patch";
    stand
        .kubectl(&["create", "clusterrole", &name, verbs, kinds], "")
        .await;
    let role = format!("--clusterrole={name}");
    let operator = format!(
        "--serviceaccount={}:viis-operator",
        stand.operator_namespace
    );
    stand
        .kubectl(
            &["create", "clusterrolebinding", &name, &role, &operator],
            "",
        )
        .await;
    let gone = [
        "wait",
        "--for=delete",
        &format!("namespace/{namespace}"),
        "--timeout=10m",
    ];
    stand.kubectl(&gone, "").await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    for kind in ["clusterrolebinding", "clusterrole"] {
        stand.kubectl(&["delete", kind, &name], "").await;
    }
    stand.ends_well().await;
}

/// Credentials in memory stay in use; the administrator's password is not needed.
#[tokio::test]
async fn the_secrets_are_deleted_first() {
    let stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand
        .apply([
            complete_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            machine("web-2", "acme", &bios_id(2)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.machine("web-2").becomes_ready().await;
    stand.kubectl(&["delete", "secret", "acme-admin"], "").await;
    stand
        .kubectl(
            &[
                "--namespace",
                &stand.operator_namespace,
                "delete",
                "secret",
                "viis-main",
            ],
            "",
        )
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // One machine alone, then all.
    stand.machine("web-2").delete().await;
    stand.machine("web-2").is_gone().await;
    assert!(
        stand
            .simulator
            .state()
            .await
            .tenant("acme")
            .machine(&bios_id(2))
            .is_none()
    );
    stand
        .kubectl(
            &[
                "delete",
                "--wait=false",
                "tenants.viis-operator.io,virtualmachines.viis-operator.io",
                "--all",
            ],
            "",
        )
        .await;
    stand.tenant("acme").is_gone().await;
    stand.machine("web-1").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.integration_server().delete().await;
    stand.integration_server().is_gone().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_tenant_waits_for_machines_that_stay() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            machine("web-2", "acme", &bios_id(2)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.machine("web-2").becomes_ready().await;
    stand.machine("web-2").delete().await;
    stand.machine("web-2").is_gone().await;
    stand.tenant("acme").delete().await;
    let waiting = stand.tenant("acme").has("Removed", "False", "InUse").await;
    let said = message(&waiting, "Removed");
    assert!(
        said.contains('1') && said.contains("web-1"),
        "count and names: {said}"
    );
    stand.is_quiet_for(Duration::from_secs(2)).await;
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 0);
    stand.machine("web-1").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.machine("web-1").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn machines_go_with_their_tenant_in_one_call() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    for number in 0..8 {
        stand
            .apply([machine(&format!("web-{number}"), "acme", &bios_id(number))])
            .await;
    }
    for number in 0..8 {
        stand
            .machine(&format!("web-{number}"))
            .becomes_ready()
            .await;
    }
    stand.tenant("acme").becomes_ready().await;
    let running = stand.simulator.hold_tasks_of("DELETE tenant").await;
    let before = stand.simulator.calls().await;
    stand.tenant("acme").delete().await;
    stand
        .kubectl(
            &[
                "delete",
                "--wait=false",
                "virtualmachines.viis-operator.io",
                "--all",
            ],
            "",
        )
        .await;
    stand
        .tenant("acme")
        .has("Removed", "False", "TaskRunning")
        .await;
    stand.simulator.release(running).await;
    stand.tenant("acme").is_gone().await;
    for number in 0..8 {
        stand.machine(&format!("web-{number}")).is_gone().await;
    }
    let calls = stand.simulator.calls_since(&before).await;
    assert_eq!(
        (calls.of("DELETE tenant"), calls.mutating),
        (1, 1),
        "{calls:?}"
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn a_server_waits_for_those_who_use_it() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    stand.integration_server().delete().await;
    stand
        .integration_server()
        .has("Removed", "False", "InUse")
        .await;
    // Nothing new is made on it.
    let before = stand.simulator.calls().await;
    stand.apply([simple_tenant("late")]).await;
    stand
        .tenant("late")
        .until("not ready", |tenant| {
            tenant.status.as_ref().is_some_and(|status| {
                status
                    .conditions
                    .iter()
                    .any(|one| one.type_ == "Ready" && one.status == "False")
            })
        })
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        stand.simulator.calls_since(&before).await.of("POST tenant"),
        0
    );
    stand.tenant("late").delete().await;
    stand.tenant("late").is_gone().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.integration_server().is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn a_tenant_that_is_already_gone_lets_the_resource_go() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), simple_tenant("other")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("other").becomes_ready().await;
    stand.simulator.tenant_removed_by_hand("acme").await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").within(60).is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1);
    stand.ends_well().await;
}

/// Nobody ever touched the server for it.
#[tokio::test]
async fn what_never_was_on_the_server_goes_at_once() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("lost").with("spec.integrationServerRef.name", "nowhere"),
            complete_tenant("waits"),
            machine("alone", "nobody", &bios_id(1)),
        ])
        .await;
    stand
        .tenant("lost")
        .is_reconciling("IntegrationServerNotFound")
        .await;
    stand
        .tenant("waits")
        .has("Ready", "False", "SecretNotFound")
        .await;
    stand
        .machine("alone")
        .has("Ready", "False", "TenantNotFound")
        .await;
    let before = stand.simulator.calls().await;
    stand.tenant("lost").delete().await;
    stand.tenant("waits").delete().await;
    stand.machine("alone").delete().await;
    stand.tenant("lost").within(10).is_gone().await;
    stand.tenant("waits").within(10).is_gone().await;
    stand.machine("alone").within(10).is_gone().await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    stand.ends_well().await;
}

/// The IntegrationServer was removed by force: its tenants say so, and Retain is the way out.
#[tokio::test]
async fn the_server_resource_is_gone_by_force() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("going"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("going").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand.integration_server().delete().await;
    stand
        .integration_server()
        .has("Removed", "False", "InUse")
        .await;
    stand
        .integration_server()
        .patch(json!({"metadata": {"finalizers": null}}))
        .await;
    stand.integration_server().is_gone().await;
    stand
        .tenant("acme")
        .has("Ready", "False", "IntegrationServerNotFound")
        .await;
    stand.tenant("going").delete().await;
    stand
        .tenant("going")
        .has("Removed", "False", "IntegrationServerNotFound")
        .await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 2);
    // It comes back, and everything goes on; nothing was made twice.
    stand.apply([stand.server_manifest()]).await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("going").is_gone().await;
    let calls = stand.simulator.calls().await;
    assert_eq!(
        (
            calls.of("POST tenant"),
            calls.of("POST register"),
            calls.of("DELETE tenant")
        ),
        (2, 1, 1)
    );
    stand.integration_server().delete().await;
    stand
        .integration_server()
        .patch(json!({"metadata": {"finalizers": null}}))
        .await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand
        .machine("web-1")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.machine("web-1").is_gone().await;
    stand.ends_well().await;
}
