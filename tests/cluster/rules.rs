//! What the API server itself refuses, and the sentence it says.

use crate::bios_id;
use crate::cel_cases::{Case, Expected, all};
use crate::harness::{Manifest, Simulator, Stand, complete_tenant, machine, simple_tenant};
use kube::api::DynamicObject;
use serde_json::{Value, json};

fn parsed(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

async fn outcome(stand: &Stand, case: &Case) -> kube::Result<()> {
    let manifest = Manifest(parsed(case.create));
    let kind = manifest.kind().to_owned();
    let created: kube::Result<DynamicObject> = stand.create(manifest).await;
    let Some(update) = case.update else {
        return created.map(drop);
    };
    created.unwrap_or_else(|error| panic!("{}: the creation is refused: {error}", case.name));
    if let Some(status) = case.status {
        let status = stand.patch(&kind, "case", true, parsed(status)).await;
        status.unwrap_or_else(|error| panic!("{}: the status is refused: {error}", case.name));
    }
    stand
        .patch(&kind, "case", false, parsed(update))
        .await
        .map(drop)
}

fn verdict(case: &Case, outcome: kube::Result<()>) -> Result<(), String> {
    match (case.expected, outcome) {
        (Expected::Accepted, Ok(())) => Ok(()),
        (Expected::Refused(sentence), Err(error)) if error.to_string().contains(sentence) => Ok(()),
        (expected, outcome) => Err(format!(
            "{}: expected {expected:?}, got {outcome:?}",
            case.name
        )),
    }
}

#[tokio::test]
async fn every_rule_of_the_schema() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    let mut wrong = Vec::new();
    for case in all() {
        let outcome = outcome(&stand, &case).await;
        wrong.extend(verdict(&case, outcome).err());
        stand
            .remove_if_there(parsed(case.create)["kind"].as_str().unwrap(), "case")
            .await;
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    stand.ends_well().await;
}

/// By the schema or one of its rules, not by chance.
fn is_refused<T: std::fmt::Debug>(answer: kube::Result<T>, change: &Value) {
    let invalid = matches!(&answer, Err(kube::Error::Api(status)) if status.code == 422);
    assert!(invalid, "{change}: {answer:?}");
}

/// The locks close with the operator's own status, and only then.
#[tokio::test]
async fn what_the_server_cannot_change_is_locked_once_it_is_there() {
    let stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand
        .apply([
            complete_tenant("acme")
                .with("spec.description", "a")
                .with("spec.userData", "b"),
            simple_tenant("open").with("spec.integrationServerRef.name", "nowhere"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand
        .tenant("open")
        .is_reconciling("IntegrationServerNotFound")
        .await;
    let changes = [
        json!({"name": "Other"}),
        json!({"description": "other"}),
        json!({"description": null}),
        json!({"userData": "other"}),
        json!({"preferredVIISAddress": "10.0.0.9"}),
        json!({"type": "Simple", "administrator": null}),
        json!({"administrator": {"name": "other"}}),
        json!({"integrationServerRef": {"name": "other"}}),
        json!({"existingTenantID": "17"}),
    ];
    for change in changes {
        let refused = stand
            .tenant("acme")
            .try_patch(json!({"spec": change}))
            .await;
        is_refused(refused, &change);
    }
    for change in [
        json!({"tenantRef": {"name": "open"}}),
        json!({"biosID": bios_id(2)}),
    ] {
        let refused = stand
            .machine("web-1")
            .try_patch(json!({"spec": change}))
            .await;
        is_refused(refused, &change);
    }
    for change in [
        json!({"state": "Inactive"}),
        json!({"deletionPolicy": "Retain"}),
        json!({"removeTenantArtifacts": false}),
        json!({"suspend": true}),
        json!({"administrator": {"passwordSecretRef": {"name": "elsewhere"}}}),
    ] {
        stand.tenant("acme").patch(json!({"spec": change})).await;
    }
    for change in [
        json!({"name": "Other"}),
        json!({"description": "x"}),
        json!({"integrationServerRef": {"name": stand.server}}),
    ] {
        stand.tenant("open").patch(json!({"spec": change})).await;
    }
    stand.tenant("open").becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_new_object_does_not_count_as_ready_for_anybody() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .apply([
            stand.server_manifest(),
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    let kinds = "viis.viis-operator.io,tenants.viis-operator.io,virtualmachines.viis-operator.io";
    let objects = stand.kubectl(&["get", kinds, "--output", "json"], "").await;
    let list: Value = serde_json::from_str(&objects).unwrap();
    let items = list["items"].as_array().unwrap();
    assert!(items.len() >= 3, "{objects}");
    for object in items {
        assert_eq!(object["status"]["observedGeneration"], -1, "{object:#}");
    }
    if let Some(lines) = stand.control_plane(&["kstatus", "-"], &objects).await {
        let lines = lines.unwrap();
        assert_eq!(
            lines
                .lines()
                .filter(|line| line.contains(" InProgress "))
                .count(),
            3,
            "{lines}"
        );
    }
    stand.ends_well().await;
}
