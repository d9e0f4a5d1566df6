//! What the server refuses becomes the reason, with the server's own code; and
//! when the spec, the Secret or the server was mended, it goes on.

use crate::bios_id;
use crate::harness::{Stand, complete_tenant, has, machine, message, simple_tenant};
use serde_json::{Value, json};

fn refused(code: &str) -> Value {
    let body = format!("<error><code>{code}</code><message>no</message></error>");
    json!({"status": 400, "body": body, "contentType": "application/xml"})
}

/// The codes of the call itself, and codes of tasks that the simulator gives only
/// when told to; asking again is what a person does after mending the server.
#[tokio::test]
async fn every_code_of_a_creation_is_the_reason_and_a_request_tries_again() {
    let stand = Stand::ready().await;
    let failed = |code: &str| json!({"taskFails": {"code": code, "message": "no"}});
    let cases = [
        (
            "VIRMT_MandatoryParameterIsNotSpecified",
            refused("VIRMT_MandatoryParameterIsNotSpecified"),
        ),
        (
            "VIRMT_InvalidTenantType",
            refused("VIRMT_InvalidTenantType"),
        ),
        (
            "VIRMT_VKscCredentialsNotSpecified",
            refused("VIRMT_VKscCredentialsNotSpecified"),
        ),
        (
            "VIRMT_InvalidViisAddressFormat",
            refused("VIRMT_InvalidViisAddressFormat"),
        ),
        (
            "VIRMT_SomethingThatNoPageNames",
            refused("VIRMT_SomethingThatNoPageNames"),
        ),
        (
            "KSC_ServiceNotConfigured",
            failed("KSC_ServiceNotConfigured"),
        ),
        (
            "VIRMT_TenantGroupAlreadyExists",
            failed("VIRMT_TenantGroupAlreadyExists"),
        ),
        (
            "VIRMT_PasswordNotComplyPolicy",
            failed("VIRMT_PasswordNotComplyPolicy"),
        ),
        (
            "VIRMT_UserWithSpecifiedNameAlreadyExists",
            failed("VIRMT_UserWithSpecifiedNameAlreadyExists"),
        ),
        (
            "KSC_SomethingThatNoPageNames",
            failed("KSC_SomethingThatNoPageNames"),
        ),
    ];
    for (number, (code, action)) in cases.into_iter().enumerate() {
        let name = format!("tenant-{number}");
        stand.simulator.fault("POST tenant", 1, action).await;
        stand.apply([simple_tenant(&name)]).await;
        let tenant = stand.tenant(&name).stalls(code).await;
        let status = tenant.status.as_ref().unwrap();
        assert!(
            status.creation.is_none() && status.tenant_id.is_none(),
            "{code} ends the attempt: {status:?}"
        );
        stand.tenant(&name).is_asked_again().await;
        stand.tenant(&name).becomes_ready().await;
    }
    let calls = stand.simulator.calls().await;
    assert_eq!(
        calls.of("POST tenant"),
        20,
        "one refused and one more each: {calls:?}"
    );
    stand.ends_well().await;
}

/// Nothing is repeated by itself while nothing changed.
#[tokio::test]
async fn a_refusal_is_not_repeated_by_itself() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .fault("POST tenant", 0, refused("VIRMT_InvalidTenantType"))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").stalls("VIRMT_InvalidTenantType").await;
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    // A spec that was mended is tried at once.
    stand.simulator.mend().await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"description": "mended"}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_server_without_a_connection_to_ksc() {
    let stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand
        .simulator
        .settings(json!({"kscConfigured": false}))
        .await;
    stand.apply([complete_tenant("acme")]).await;
    stand
        .tenant("acme")
        .stalls("KSC_ServiceNotConfigured")
        .await;
    stand
        .simulator
        .settings(json!({"kscConfigured": true}))
        .await;
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").becomes_ready().await;

    // The same code of an activation, and of a deletion.
    stand
        .simulator
        .settings(json!({"kscConfigured": false}))
        .await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand
        .tenant("acme")
        .stalls("KSC_ServiceNotConfigured")
        .await;
    stand
        .simulator
        .settings(json!({"kscConfigured": true}))
        .await;
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").becomes_ready().await;

    stand
        .simulator
        .settings(json!({"kscConfigured": false}))
        .await;
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "KSC_ServiceNotConfigured")
        .await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand
        .simulator
        .settings(json!({"kscConfigured": true}))
        .await;
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// The spec is mended: a rejected creation opens the fields again.
#[tokio::test]
async fn names_that_are_taken_are_changed_in_the_spec() {
    let stand = Stand::ready().await;
    for tenant in ["old", "group", "user"] {
        stand.password_of(tenant).await;
    }
    // A folder of a tenant that went without its artifacts.
    stand
        .apply([complete_tenant("old")
            .with("spec.name", "Acme")
            .with("spec.removeTenantArtifacts", false)])
        .await;
    stand.tenant("old").becomes_ready().await;
    stand.tenant("old").delete().await;
    stand.tenant("old").is_gone().await;

    stand
        .apply([complete_tenant("group").with("spec.name", "Acme")])
        .await;
    stand
        .tenant("group")
        .stalls("VIRMT_TenantGroupAlreadyExists")
        .await;
    stand
        .tenant("group")
        .patch(json!({"spec": {"name": "Acme 2"}}))
        .await;
    stand.tenant("group").becomes_ready().await;

    stand
        .apply([complete_tenant("user").with("spec.administrator.name", "group-admin")])
        .await;
    stand
        .tenant("user")
        .stalls("VIRMT_UserWithSpecifiedNameAlreadyExists")
        .await;
    stand
        .tenant("user")
        .patch(json!({"spec": {"administrator": {"name": "user-admin"}}}))
        .await;
    stand.tenant("user").becomes_ready().await;

    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Taken", "type": "Simple"}))
        .await;
    stand
        .apply([simple_tenant("name").with("spec.name", "Taken")])
        .await;
    let stalled = stand
        .tenant("name")
        .stalls("VIRMT_TenantWithSpecifiedNameAlreadyExists")
        .await;
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains("existingTenantID")
            || said.contains("adoptionPolicy")
            || said.contains("spec.name"),
        "what to set: {said}"
    );
    stand
        .tenant("name")
        .patch(json!({"spec": {"name": "Free"}}))
        .await;
    stand.tenant("name").becomes_ready().await;
    let state = stand.simulator.state().await;
    let names = ["Acme 2", "user", "Taken", "Free"];
    assert!(
        names.iter().all(|name| state.find(name).is_some()) && state.tenants.len() == 4,
        "{state:#?}"
    );
    stand.ends_well().await;
}

/// The Secret is mended: looked at once a minute, where the password was the reason.
#[tokio::test]
async fn a_password_that_breaks_the_rules_is_mended_in_the_secret() {
    let stand = Stand::ready().await;
    stand.password_is("acme", "short").await;
    stand.apply([complete_tenant("acme")]).await;
    stand
        .tenant("acme")
        .stalls("VIRMT_PasswordNotComplyPolicy")
        .await;
    stand.password_of("acme").await;
    stand.tenant("acme").within(90).becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn the_codes_of_machines() {
    let stand = Stand::ready().await;
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Other", "type": "Simple"}))
        .await;
    stand
        .simulator
        .machine_made_by_hand("Other", json!({"biosID": bios_id(1)}))
        .await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    let stalled = stand
        .machine("web-1")
        .stalls("VIRMT_VmWithSpecifiedBiosIdAlreadyExists")
        .await;
    assert!(
        !message(&stalled, "Stalled").contains("Other"),
        "another tenant's name is not shown"
    );
    // A machine that is stalled does not hold up its tenant.
    stand.tenant("acme").becomes_ready().await;
    assert!(
        stand
            .simulator
            .state()
            .await
            .tenant("Other")
            .machine(&bios_id(1))
            .is_some()
    );
    stand
        .simulator
        .machine_removed_by_hand("Other", &bios_id(1))
        .await;
    stand.machine("web-1").is_asked_again().await;
    stand.machine("web-1").becomes_ready().await;

    // Gone by hand, then deleted: the server's 404 is what was wanted.
    stand
        .simulator
        .machine_removed_by_hand("acme", &bios_id(1))
        .await;
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    stand.ends_well().await;
}

/// 403 on one object while the server's own probe is fine.
#[tokio::test]
async fn one_forbidden_object_is_rejected_and_the_server_stays_ready() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("other")]).await;
    stand.tenant("other").becomes_ready().await;
    stand
        .simulator
        .fault(
            "POST tenant",
            1,
            json!({"status": 403, "body": "Forbidden"}),
        )
        .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").stalls("Rejected").await;
    assert!(has(
        &stand.integration_server().get().await,
        "Ready",
        "True",
        "Reconciled"
    ));
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

/// The task's own text may hold anything.
#[tokio::test]
async fn passwords_in_a_servers_message_are_not_shown() {
    let stand = Stand::ready().await;
    let password = stand.password_of("acme").await;
    let message_of_task =
        format!("cannot do <user><name>x</name><password>{password}</password></user> now");
    let action =
        json!({"taskFails": {"code": "KSC_ServiceNotConfigured", "message": message_of_task}});
    stand.simulator.fault("POST tenant", 1, action).await;
    stand.apply([complete_tenant("acme")]).await;
    stand
        .tenant("acme")
        .stalls("KSC_ServiceNotConfigured")
        .await;
    stand.ends_well().await;
}
