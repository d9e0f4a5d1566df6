//! Whatever the schema lets somebody store is read, and nothing of it is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::CustomResourceExt;
use rstest::rstest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::tests::{required, schema_of, walk};
use super::{
    AdoptionPolicy, DeletionPolicy, DesiredState, IntegrationServer, Tenant, VirtualMachine,
};

fn server() -> Value {
    json!({
        "apiVersion": "viis-operator.io/v1alpha1", "kind": "IntegrationServer", "metadata": {"name": "main"},
        "spec": {
            "address": "viis.example.net", "port": 7272, "credentialsSecretRef": {"name": "viis-main"},
            "tls": {"caBundle": "pem", "fingerprintsSHA256": ["AB"],
                "caBundleRef": {"kind": "ConfigMap", "name": "authorities", "key": "ca.pem"}},
            "allowedNamespaces": {"from": "Selector", "selector": {
                "matchLabels": {"viis": "allowed"},
                "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}},
            "adoptionPolicy": "ByID", "suspend": true, "resyncInterval": "1h30m",
            "limits": {"concurrentTasks": 1, "requestsPerSecond": 2},
            "guard": {"enabled": false, "limit": 3, "window": "1m"}, "proxyURL": "http://proxy:3128"
        },
        "status": {
            "observedGeneration": 1, "operator": "viis-system/viis-operator", "endpoint": "viis.example.net:7272",
            "tenants": {"known": 3, "active": 2, "unclaimed": 1},
            "hold": {"kind": "Deletion", "count": 7, "token": "7-abc", "tenants": ["customers/acme"], "members": ["u1"]},
            "acceptedDeletions": ["u2"], "acceptedAbsences": ["u4"], "lastAbsenceToken": "6-abc",
            "deletions": [{"uid": "u3", "at": "2024-05-01T10:00:00Z"}],
            "orphans": [{"kind": "VirtualMachine", "namespace": "customers", "name": "acme-web-1", "tenantID": "t1",
                "biosID": "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10", "nameOnServer": "web-1"}],
            "unlistedOrphans": 5,
            "conditions": [condition()]
        }
    })
}

fn tenant() -> Value {
    json!({
        "apiVersion": "viis-operator.io/v1alpha1", "kind": "Tenant",
        "metadata": {"name": "acme", "namespace": "customers"},
        "spec": {
            "integrationServerRef": {"name": "main"}, "name": "Acme Ltd.", "type": "Complete", "description": "Gold",
            "userData": "{}", "preferredVIISAddress": "10.0.0.5",
            "administrator": {"name": "acme-admin", "passwordSecretRef": {"name": "acme-admin", "key": "pw"}},
            "state": "Inactive", "existingTenantID": "t1", "deletionPolicy": "Retain",
            "removeTenantArtifacts": false, "suspend": true
        },
        "status": {
            "observedGeneration": 3, "tenantID": "t1", "tenantName": "Acme Ltd", "virtualAdministrationServerID": "v1", "state": "Active",
            "virtualMachines": 20,
            "task": {"id": "k1", "type": "CreateTenant", "state": "Failed", "stage": "s", "progress": 40,
                "created": "2024-05-01T10:00:00", "error": {"code": "KSC_ServiceNotConfigured", "message": "m"}},
            "creation": {"attempt": "a", "server": "viis.example.net:7271", "sent": true, "task": "k1", "alikeTenantIDs": ["t0"]},
            "removal": {"attempt": "a", "server": "viis.example.net:7271", "task": "k2", "removeTenantArtifacts": true},
            "ownerUID": "u", "adopted": true, "conditions": [condition()]
        }
    })
}

fn machine() -> Value {
    json!({
        "apiVersion": "viis-operator.io/v1alpha1", "kind": "VirtualMachine",
        "metadata": {"name": "acme-web-1", "namespace": "customers"},
        "spec": {
            "tenantRef": {"name": "acme"}, "biosID": "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10", "name": "web-1",
            "userData": "x", "deletionPolicy": "Retain"
        },
        "status": {
            "observedGeneration": 1, "virtualMachineID": "m1", "tenantID": "t1", "integrationServer": "main", "ownerUID": "u1",
            "conditions": [condition()]
        }
    })
}

fn condition() -> Value {
    json!({
        "type": "Ready", "status": "True", "reason": "Reconciled", "message": "ok", "observedGeneration": 1,
        "lastTransitionTime": "2024-05-01T10:00:00Z"
    })
}

/// The samples above hold every field of the schema, and none is lost.
#[test]
fn every_field_is_read_and_written_back() {
    complete::<IntegrationServer>(server());
    complete::<Tenant>(tenant());
    complete::<VirtualMachine>(machine());
}

fn complete<K: CustomResourceExt + DeserializeOwned + Serialize>(mut sample: Value) {
    walk(&schema_of(&K::crd().spec.names.kind), "", &mut |path, _| {
        let pointer = path.replace("[]", "/0").replace('.', "/");
        assert!(
            sample.pointer(&pointer).is_some(),
            "the sample misses {path}"
        );
    });
    let read: K = serde_json::from_value(sample.clone()).unwrap();
    let mut written = serde_json::to_value(&read).unwrap();
    // Durations are written back in seconds: the same time, in another notation.
    for at in ["/spec/resyncInterval", "/spec/guard/window"] {
        if let (Some(a), Some(b)) = (sample.pointer_mut(at), written.pointer_mut(at)) {
            let seconds = |value: &Value| {
                value
                    .as_str()
                    .unwrap()
                    .parse::<kube::core::Duration>()
                    .unwrap()
            };
            assert_eq!(seconds(a), seconds(b));
            *a = Value::Null;
            *b = Value::Null;
        }
    }
    assert_eq!(written, sample);
}

/// One object that cannot be read stops the watch of its kind. So whatever the
/// schema lets somebody store is read: fields left out, and nulls.
#[test]
fn whatever_the_schema_lets_in_is_read() {
    tolerant::<IntegrationServer>(&server());
    tolerant::<Tenant>(&tenant());
    tolerant::<VirtualMachine>(&machine());
}

fn tolerant<K: CustomResourceExt + DeserializeOwned>(sample: &Value) {
    let root = schema_of(&K::crd().spec.names.kind);
    let mut tried = 0;
    walk(&root, "", &mut |path, node| {
        let pointer = path.replace("[]", "/0").replace('.', "/");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        if node["nullable"] == json!(true) {
            let mut object = sample.clone();
            *object.pointer_mut(&pointer).unwrap() = Value::Null;
            readable::<K>(object, path);
            tried += 1;
        }
        if !required(&root, path) && key.parse::<usize>().is_err() {
            let mut object = sample.clone();
            object
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(key);
            readable::<K>(object, path);
            tried += 1;
        }
    });
    assert!(tried > 10, "only {tried} variants were tried");
}

fn readable<K: DeserializeOwned>(object: Value, path: &str) {
    if let Err(cause) = serde_json::from_value::<K>(object) {
        panic!("{path}: {cause}");
    }
}

/// A condition's time is checked loosely by the API server; such a condition
/// is left out, not the object.
#[rstest]
#[case(json!(null), 0)]
#[case(json!([condition(), {"type": "Odd", "status": "True", "reason": "Odd", "message": "", "lastTransitionTime": "9999-12-31T23:59:59-23:59"}]), 1)]
fn odd_conditions_are_left_out(#[case] conditions: Value, #[case] left: usize) {
    let mut object = tenant();
    object["status"]["conditions"] = conditions;
    let read: Tenant = serde_json::from_value(object).unwrap();
    assert_eq!(read.status.unwrap().conditions.len(), left);
}

/// The defaults of the Rust types are those of the schema: what the operator
/// reads is what `kubectl get` shows.
#[test]
fn defaults_are_the_same_on_both_sides() {
    let spec: super::IntegrationServerSpec = serde_json::from_value(json!({
        "address": "a", "credentialsSecretRef": {"name": "s"}, "allowedNamespaces": {"from": "All"}
    }))
    .unwrap();
    assert_eq!(
        (spec.port, spec.adoption_policy, spec.suspend),
        (7271, AdoptionPolicy::Never, false)
    );
    let root = schema_of("IntegrationServer");
    for field in [
        "port",
        "adoptionPolicy",
        "suspend",
        "resyncInterval",
        "limits",
        "guard",
    ] {
        let default = root["properties"]["spec"]["properties"][field]["default"].clone();
        let mut object = server();
        object["spec"][field] = default;
        let explicit: IntegrationServer = serde_json::from_value(object.clone()).unwrap();
        object["spec"].as_object_mut().unwrap().remove(field);
        assert_eq!(explicit, serde_json::from_value(object).unwrap(), "{field}");
    }
    for (group, fields) in [
        ("limits", &["concurrentTasks", "requestsPerSecond"][..]),
        ("guard", &["enabled", "limit", "window"]),
    ] {
        let node = &root["properties"]["spec"]["properties"][group];
        for field in fields {
            assert_eq!(
                node["default"][field], node["properties"][field]["default"],
                "{group}.{field}"
            );
        }
    }
}

// === Names on the server ===

#[test]
fn the_name_on_the_server() {
    let mut one: Tenant = serde_json::from_value(tenant()).unwrap();
    assert_eq!(one.server_name(), "Acme Ltd.");
    one.spec.name = None;
    assert_eq!(one.server_name(), "acme");
    let mut other: VirtualMachine = serde_json::from_value(machine()).unwrap();
    assert_eq!(other.server_name(), "web-1");
    other.spec.name = None;
    assert_eq!(other.server_name(), "acme-web-1");
}

#[rstest]
#[case::created(None, Some(false), DeletionPolicy::Delete)]
#[case::before_any_status(None, None, DeletionPolicy::Delete)]
#[case::adopted(None, Some(true), DeletionPolicy::Retain)]
#[case::adopted_but_asked(Some(DeletionPolicy::Delete), Some(true), DeletionPolicy::Delete)]
#[case::created_but_asked(Some(DeletionPolicy::Retain), Some(false), DeletionPolicy::Retain)]
fn what_deletion_does(
    #[case] asked: Option<DeletionPolicy>,
    #[case] adopted: Option<bool>,
    #[case] expected: DeletionPolicy,
) {
    let mut one: Tenant = serde_json::from_value(tenant()).unwrap();
    one.spec.deletion_policy = asked;
    one.status.as_mut().unwrap().adopted = adopted;
    assert_eq!(one.deletion_policy(), expected);
    assert_eq!(one.spec.state, DesiredState::Inactive);
}
