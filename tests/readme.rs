//! README.md and `docs/` agree with the code: the table of reasons is the one in
//! `src/api/reasons.rs`, links lead somewhere, and examples can be read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use viis_operator::api::{IntegrationServer, Tenant, VirtualMachine, reasons};

const BEGIN: &str = "<!-- reasons: begin (written by `make readme` from src/api/reasons.rs) -->\n";
const END: &str = "<!-- reasons: end -->";

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table that README.md has to have.
fn table() -> String {
    let mut table =
        String::from("| reason | on | what it means | what to do |\n|---|---|---|---|\n");
    for (reason, conditions, meaning, advice) in reasons::ALL {
        let row = format!("| `{reason}` | {conditions} | {meaning} | {advice} |\n");
        assert_eq!(row.matches('|').count(), 5, "a bar in the text: {row}");
        table.push_str(&row);
    }
    table
}

#[test]
fn the_table_of_reasons_is_the_one_of_the_code() {
    let path = project().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the begin of the table");
    let (stored, after) = rest.split_once(END).expect("the end of the table");
    let expected = table();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert!(
        stored == expected,
        "README.md's table of reasons is not that of src/api/reasons.rs: run make readme"
    );
}

/// README.md and the pages of `docs/`.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![project().join("README.md")];
    for folder in ["docs", "docs/runbooks"] {
        for entry in fs::read_dir(project().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// Where `](…)` leads to.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link)
        .collect()
}

#[test]
fn links_lead_to_files() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            let target = page.parent().unwrap().join(file);
            if !link.contains("://") && !target.exists() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
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
