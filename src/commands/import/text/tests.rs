#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn wish() -> Wish {
    Wish {
        server: "main".to_owned(),
        namespace: "customers".to_owned(),
        include_managed: false,
    }
}

fn import() -> Import {
    let machine = |name: &str| {
        (
            name.to_owned(),
            json!({"kind": "VirtualMachine", "metadata": {"name": name}}),
        )
    };
    Import {
        parts: BTreeMap::from([
            (
                "acme".to_owned(),
                Part {
                    tenant: Some(json!({"kind": "Tenant", "metadata": {"name": "acme"}})),
                    machines: BTreeMap::from([machine("a"), machine("b")]),
                },
            ),
            (
                "known".to_owned(),
                Part {
                    tenant: None,
                    machines: BTreeMap::from([machine("c")]),
                },
            ),
        ]),
        ..Import::default()
    }
}

fn names(text: &str) -> Vec<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let name = |document: &Value| document["metadata"]["name"].as_str().map(str::to_owned);
    documents.iter().filter_map(name).collect()
}

#[test]
fn a_stream_has_everything_and_says_what_the_server_needs() {
    let text = stream(&wish(), &import());
    assert_eq!(names(&text), ["acme", "a", "b", "c"]);
    assert!(text.starts_with("# 1 Tenants and 3 VirtualMachines of the IntegrationServer main"));
    for word in ["adoptionPolicy: ByID", "allowedNamespaces", "customers"] {
        assert!(text.split_once("---").unwrap().0.contains(word), "{text}");
    }
}

/// Whoever reads it sees that it is not everything; and a text of the server ends no comment.
#[test]
fn what_is_not_in_it_stands_at_its_head() {
    let import = Import {
        left_out: vec!["Tenant \"a\\nb\" (1): its name is blank.".to_owned()],
        ..import()
    };
    let text = stream(&wish(), &import);
    assert!(
        text.contains("\n# NOT IN HERE: Tenant \"a\\nb\" (1): its name is blank.\n---"),
        "{text}"
    );
    assert!(
        summary(&wish(), &import)
            .iter()
            .any(|line| line.starts_with("not in here: "))
    );
}

#[test]
fn a_folder_has_a_file_for_each_tenant_and_for_each_further_machine() {
    let files = files(&wish(), &import());
    assert_eq!(
        files.keys().collect::<BTreeSet<_>>(),
        BTreeSet::from([&"acme.yaml".to_owned(), &"machine-c.yaml".to_owned()])
    );
    assert_eq!(names(&files["acme.yaml"]), ["acme", "a", "b"]);
    assert_eq!(names(&files["machine-c.yaml"]), ["c"]);
}

#[test]
fn many_managed_tenants_are_counted_and_few_are_named() {
    let import = Import {
        managed: (10..40)
            .map(|number| format!("customers/t{number}"))
            .collect(),
        ..Import::default()
    };
    let line = &summary(&wish(), &import)[1];
    assert!(
        line.starts_with("30 tenants") && line.ends_with("and 20 more"),
        "{line}"
    );
}

/// A reader of YAML 1.1 would end the comment there, and go on with a document.
#[test]
fn what_a_server_says_stays_in_its_comment() {
    let mut import = import();
    import.left_out = vec!["Tenant \u{fc} (1\u{2028}kind: Pod\u{2029}\u{85}\r\n- a)".to_owned()];
    let text = stream(&wish(), &import);
    assert!(
        text.contains("# NOT IN HERE: Tenant \u{fc} (1?kind: Pod????- a)\n"),
        "{text}"
    );
}
