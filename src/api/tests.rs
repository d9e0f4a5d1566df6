//! What must never change about the resources, and what must hold for every field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt, Resource};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    ACCEPT_ANNOTATION, FINALIZER, GROUP, IntegrationServer, REGISTERED_WITH_ANNOTATION,
    REQUESTED_AT_ANNOTATION, Tenant, VERSION, VirtualMachine, crds,
};

// === Names do not change within a version ===

#[test]
fn names_of_the_api() {
    assert_eq!(GROUP, "viis-operator.io");
    assert_eq!(VERSION, "v1alpha1");
    assert_eq!(FINALIZER, "viis-operator.io/finalizer");
    assert_eq!(ACCEPT_ANNOTATION, "viis-operator.io/accept");
    assert_eq!(REQUESTED_AT_ANNOTATION, "viis-operator.io/requested-at");
    assert_eq!(
        REGISTERED_WITH_ANNOTATION,
        "viis-operator.io/registered-with"
    );
}

#[rstest]
#[case(
    IntegrationServer::crd(),
    "IntegrationServer",
    "integrationservers",
    "integrationserver",
    "viis",
    "Cluster"
)]
#[case(
    Tenant::crd(),
    "Tenant",
    "tenants",
    "tenant",
    "viistenant",
    "Namespaced"
)]
#[case(
    VirtualMachine::crd(),
    "VirtualMachine",
    "virtualmachines",
    "virtualmachine",
    "viisvm",
    "Namespaced"
)]
fn names_of_the_kinds(
    #[case] crd: CustomResourceDefinition,
    #[case] kind: &str,
    #[case] plural: &str,
    #[case] singular: &str,
    #[case] short: &str,
    #[case] scope: &str,
) {
    assert_eq!(
        crd.metadata.name.unwrap(),
        format!("{plural}.viis-operator.io")
    );
    assert_eq!(crd.spec.group, GROUP);
    assert_eq!(crd.spec.scope, scope);
    let names = crd.spec.names;
    assert_eq!(
        (
            names.kind.as_str(),
            names.plural.as_str(),
            names.singular.unwrap().as_str()
        ),
        (kind, plural, singular)
    );
    assert_eq!(names.short_names.unwrap(), [short]);
    assert_eq!(names.categories.unwrap(), ["viis-operator"]);
    assert_eq!(
        crd.spec
            .versions
            .iter()
            .map(|version| version.name.as_str())
            .collect::<Vec<_>>(),
        [VERSION]
    );
}

#[test]
fn the_derived_group_is_the_constant() {
    assert_eq!(Tenant::group(&()), GROUP);
    assert_eq!(Tenant::version(&()), VERSION);
}

#[rstest]
#[case(
    IntegrationServer::crd(),
    "Address Ready Tenants Held Reason Age | Message"
)]
#[case(
    Tenant::crd(),
    "Type State Ready Reason Progress VMs Age | Server Tenant-ID Message"
)]
#[case(
    VirtualMachine::crd(),
    "Tenant BIOS-ID Ready Reason Age | VM-ID Message"
)]
/// Those after the bar are shown with `-o wide` alone.
fn columns(#[case] crd: CustomResourceDefinition, #[case] expected: &str) {
    let columns = crd.spec.versions[0]
        .additional_printer_columns
        .as_ref()
        .unwrap();
    let names = |wide: bool| {
        let shown = columns
            .iter()
            .filter(|column| column.priority.is_some() == wide);
        let names: Vec<_> = shown.map(|column| column.name.as_str()).collect();
        names.join(" ")
    };
    assert_eq!(format!("{} | {}", names(false), names(true)), expected);
}

/// Every field with its type: a change here is a change of the contract.
#[test]
fn fields() {
    let mut lines = Vec::new();
    for crd in crds::all() {
        let kind = crd.spec.names.kind.clone();
        let root = schema(&crd);
        walk(&root, "", &mut |path, node| {
            let is_item = path.ends_with("[]");
            let optional = match is_item || required(&root, path) || node.get("default").is_some() {
                true => "",
                false => "?",
            };
            let default = node
                .get("default")
                .map(|value| format!(" = {value}"))
                .unwrap_or_default();
            lines.push(format!(
                "{kind}{path}: {}{optional}{default}",
                node["type"].as_str().unwrap_or("-")
            ));
        });
    }
    insta::assert_snapshot!(lines.join("\n"));
}

// === The files ===

#[test]
fn the_files_are_what_is_generated() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let files = crds::files().unwrap();
    for file in &files {
        let path = folder.join(&file.name);
        if std::env::var_os("UPDATE_CRDS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &file.yaml).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == file.yaml,
            "{} is outdated: run UPDATE_CRDS=1 cargo test --lib the_files_are",
            path.display()
        );
    }
    let mut stored: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    stored.sort();
    assert_eq!(
        stored,
        files.into_iter().map(|file| file.name).collect::<Vec<_>>()
    );
}

#[test]
fn yaml_says_what_the_definition_says() {
    let documents: Vec<CustomResourceDefinition> =
        serde_saphyr::from_multiple(&crds::yaml().unwrap()).unwrap();
    assert_eq!(documents, crds::all());
}

// === The schema ===

#[test]
fn every_field_has_a_description() {
    let mut silent = Vec::new();
    for crd in crds::all() {
        walk(&schema(&crd), &crd.spec.names.kind, &mut |path, node| {
            if node["description"]
                .as_str()
                .is_none_or(|text| text.trim().is_empty())
            {
                silent.push(path.to_owned());
            }
        });
    }
    assert_eq!(silent, Vec::<String>::new());
}

/// A field's own words, not those of its type: the type's are the same
/// wherever it is used.
#[test]
fn descriptions_are_the_fields_own() {
    let tenant = schema(&Tenant::crd());
    let text = |path: &str| {
        tenant
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    assert!(text("/properties/spec/properties/deletionPolicy/description").contains("Defaults to"));
    assert!(
        text("/properties/spec/properties/administrator/description")
            .contains("Required for Complete")
    );
    assert!(text("/properties/spec/properties/state/description").contains("Drift is corrected"));
}

/// Rules over unbounded texts and lists cost too much; unbounded texts of the
/// server would fill the store.
#[test]
fn texts_and_lists_are_bounded() {
    let mut unbounded = Vec::new();
    for crd in crds::all() {
        walk(&schema(&crd), &crd.spec.names.kind, &mut |path, node| {
            let free_text = node["type"] == "string"
                && node.get("enum").is_none()
                && node.get("format").is_none();
            if free_text && node.get("maxLength").is_none() {
                unbounded.push(path.to_owned());
            }
            if node["type"] == "array" && node.get("maxItems").is_none() {
                unbounded.push(path.to_owned());
            }
            if node["type"] == "integer"
                && !path.contains(".conditions[]")
                && node.get("maximum").is_none()
            {
                unbounded.push(path.to_owned());
            }
        });
    }
    assert_eq!(unbounded, Vec::<String>::new());
}

/// Defaults inside lists show as drift in Argo CD for ever.
#[test]
fn no_defaults_inside_lists() {
    for crd in crds::all() {
        walk(&schema(&crd), &crd.spec.names.kind, &mut |path, node| {
            assert!(
                !path.contains("[]") || node.get("default").is_none(),
                "{path} has a default"
            );
        });
    }
}

/// An object without status counts as ready for kstatus.
#[test]
fn a_status_is_there_from_the_start() {
    for crd in crds::all() {
        assert_eq!(
            schema(&crd)["properties"]["status"]["default"],
            json!({"observedGeneration": -1})
        );
    }
}

/// The API server never rejects a status because of what the Integration Server returned. The
/// limits of conditions are no obstacle: the operator itself keeps within them.
#[test]
fn status_has_no_enumeration_and_no_pattern() {
    for crd in crds::all() {
        walk(
            &schema(&crd)["properties"]["status"],
            "status",
            &mut |path, node| {
                assert!(
                    path.contains(".conditions[]")
                        || node.get("enum").is_none() && node.get("pattern").is_none(),
                    "{path}"
                );
            },
        );
    }
}

/// The API server warns about formats that it does not know.
#[test]
fn formats_are_known_to_the_api_server() {
    for crd in crds::all() {
        walk(&schema(&crd), &crd.spec.names.kind, &mut |path, node| {
            let known = [json!("int32"), json!("int64"), json!("date-time")];
            assert!(
                node.get("format")
                    .is_none_or(|format| known.contains(format)),
                "{path}: {}",
                node["format"]
            );
        });
    }
}

#[test]
fn every_rule_has_a_sentence() {
    for crd in crds::all() {
        let kind = crd.spec.names.kind.clone();
        let check = |path: &str, node: &Value| {
            for rule in node
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str().unwrap_or_default();
                let computed = rule.get("messageExpression").is_some();
                assert!(
                    computed
                        && rule["messageExpression"]
                            .as_str()
                            .is_some_and(|text| text.len() > 30)
                        || message.len() > 30 && message.len() < 400 && !message.contains('\n'),
                    "{path}: {rule}"
                );
            }
        };
        check(&kind, &schema(&crd));
        walk(&schema(&crd), &kind, &mut |path, node| check(path, node));
    }
}

#[test]
fn the_written_policy_is_the_type() {
    let policy = |kind: &str| {
        schema_of(kind)["properties"]["spec"]["properties"]["deletionPolicy"]["enum"].clone()
    };
    assert_eq!(policy("Tenant"), policy("VirtualMachine"));
}

/// A field that is unset is absent: null has no meaning of its own.
#[test]
fn nothing_is_nullable() {
    for crd in crds::all() {
        let text = serde_json::to_string(&crd).unwrap();
        assert!(!text.contains("nullable"), "{text}");
    }
}

// === Walking the schema ===

/// The schema of a kind as it is shipped.
pub(super) fn schema_of(kind: &str) -> Value {
    let mut all = crds::all().into_iter();
    let crd = all.find(|crd| crd.spec.names.kind == kind);
    schema(&crd.unwrap())
}

pub(super) fn schema(crd: &CustomResourceDefinition) -> Value {
    let root = crd.spec.versions[0]
        .schema
        .as_ref()
        .unwrap()
        .open_api_v3_schema
        .as_ref()
        .unwrap();
    serde_json::to_value(root).unwrap()
}

/// Whether the object that holds this field must have it.
pub(super) fn required(root: &Value, path: &str) -> bool {
    let (parent, field) = path.rsplit_once('.').unwrap();
    let pointer = parent.replace("[]", "/items").replace('.', "/properties/");
    root.pointer(&pointer).unwrap()["required"]
        .as_array()
        .is_some_and(|names| names.contains(&json!(field)))
}

/// Every field below `node`, with its path: `.` for a field, `[]` for an item.
pub(super) fn walk(node: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, field);
        walk(field, &path, visit);
    }
    if let Some(items) = node.get("items") {
        walk(items, &format!("{path}[]"), visit);
    }
}
