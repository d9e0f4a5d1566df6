//! README.md and `examples/` agree with the code: the tables of conditions and reasons
//! are those of `src/api`, and manifests can be read. The pages of `docs/`, and all links,
//! are looked at in `tests/book`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use viis_operator::api::{IntegrationServer, Tenant, VirtualMachine};

#[path = "book/tables.rs"]
mod tables;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_tables_of_conditions_and_reasons_are_those_of_the_code() {
    let update = std::env::var_os("UPDATE_README").is_some();
    tables::holds(&project().join("README.md"), update, "make readme");
}

/// What our types read of a manifest, as they would write it again.
fn read(manifest: &Value) -> Option<Value> {
    let manifest = manifest.clone();
    let read = match manifest["kind"].as_str().unwrap() {
        "IntegrationServer" => serde_json::from_value::<IntegrationServer>(manifest)
            .map(|read| serde_json::to_value(read).unwrap()),
        "Tenant" => serde_json::from_value::<Tenant>(manifest)
            .map(|read| serde_json::to_value(read).unwrap()),
        "VirtualMachine" => serde_json::from_value::<VirtualMachine>(manifest)
            .map(|read| serde_json::to_value(read).unwrap()),
        _ => return None,
    };
    Some(read.unwrap())
}

/// Every field of `written` that `read` lacks or has otherwise.
fn lost(written: &Value, read: &Value, path: &str, lost_fields: &mut Vec<String>) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written {
                let path = format!("{path}.{name}");
                match read.get(name) {
                    Some(read) => lost(value, read, &path, lost_fields),
                    None => lost_fields.push(path),
                }
            }
        }
        (written, read) if written == read => {}
        _ => lost_fields.push(path.to_owned()),
    }
}

fn check(manifests: &str, from: &str) -> usize {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests).unwrap();
    let mut ours = 0;
    for document in &documents {
        let Some(read) = read(document) else { continue };
        ours += 1;
        let mut lost_fields = Vec::new();
        lost(document, &read, "", &mut lost_fields);
        assert!(lost_fields.is_empty(), "{from} has {lost_fields:?}");
    }
    ours
}

#[test]
fn examples_have_no_field_that_we_do_not_know() {
    let mut ours = 0;
    for entry in fs::read_dir(project().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        ours += check(&text, &path.display().to_string());
    }
    assert_eq!(ours, 1 + 2 + 5, "a server, two tenants, five machines");
}

#[test]
fn the_manifest_in_the_readme_has_no_field_that_we_do_not_know() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (manifest, _) = rest.split_once("```").unwrap();
    assert_eq!(check(manifest, "README.md"), 2);
}
