//! `docs/reference/`: every field of the three kinds, from their definitions. `make
//! reference` writes the pages, the test compares them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use viis_operator::api::{GROUP, VERSION, conditions, crds};

use crate::page::project;

/// One field, as a row says it.
struct Field {
    path: String,
    kind: String,
    /// None in the status, which nobody but the operator writes.
    needed: Option<String>,
    change: Option<&'static str>,
    says: String,
}

/// What the API server refuses: the field, and the sentence.
type Refusal = (String, String);

/// Fields that one rule of the root locks, and what of them.
type Locks = BTreeMap<String, String>;

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

fn rules(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
}

/// What can break a table or be taken for HTML.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

// === A field ===

fn bounded_kind(schema: &Value) -> String {
    match text(schema, "type") {
        "integer" => match (&schema["minimum"], &schema["maximum"]) {
            (Value::Null, Value::Null) => kind(schema),
            (least, Value::Null) => format!("integer, at least {least}"),
            (Value::Null, most) => format!("integer, at most {most}"),
            (least, most) => format!("integer, {least} to {most}"),
        },
        "string" => match schema["maxLength"].as_u64() {
            Some(most) if !schema["enum"].is_array() => format!("{}, at most {most}", kind(schema)),
            _ => kind(schema),
        },
        _ => kind(schema),
    }
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        return values
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    match text(schema, "type") {
        "array" if schema["items"]["type"] == "object" => "list".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        other => other.to_owned(),
    }
}

/// What stands there when it is left out.
fn needed(schema: &Value, required: bool) -> String {
    match &schema["default"] {
        Value::Null if required => "required".to_owned(),
        // The fields of it have theirs.
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// When the field may change, by the rules on it and on what it is in.
fn change(
    schema: &Value,
    path: &str,
    locks: &Locks,
    inherited: Option<&'static str>,
) -> &'static str {
    let immutable = |rule: &Value| text(rule, "rule") == "self == oldSelf";
    if rules(schema).any(immutable) {
        return "never";
    }
    if let Some(inherited) = inherited {
        return inherited;
    }
    let locked = locks.iter().any(|(field, rule)| {
        let part = format!("self.spec.{field}.");
        // The rule speaks of a part of it: that part is locked, not the rest.
        if rule.contains(&part) {
            path.strip_prefix(&format!("{field}."))
                .is_some_and(|rest| !rest.contains('.') && rule.contains(&format!("{part}{rest}")))
        } else {
            path == field || path.starts_with(&format!("{field}."))
        }
    });
    if locked { "until its creation" } else { "" }
}

fn fields(
    schema: &Value,
    prefix: &str,
    locks: Option<&Locks>,
    inherited: Option<&'static str>,
    found: &mut Vec<Field>,
) {
    let empty = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    for (name, field) in properties {
        let path = format!("{prefix}{name}");
        let required = schema["required"]
            .as_array()
            .is_some_and(|required| required.iter().any(|one| one == name));
        let when = locks.map(|locks| change(field, &path, locks, inherited));
        found.push(Field {
            // Bounds of the status are nobody's concern but the operator's.
            kind: if locks.is_some() {
                bounded_kind(field)
            } else {
                kind(field)
            },
            needed: locks.map(|_| needed(field, required)),
            change: when,
            says: text(field, "description").to_owned(),
            path: path.clone(),
        });
        // Conditions are Kubernetes' own.
        if name == "conditions" {
            continue;
        }
        let below = when.filter(|when| *when == "never");
        fields(field, &format!("{path}."), locks, below, found);
        fields(&field["items"], &format!("{path}[]."), locks, below, found);
    }
}

// === What is refused ===

fn refusals(schema: &Value, path: &str, found: &mut Vec<Refusal>) {
    for rule in rules(schema) {
        let own = text(rule, "fieldPath").trim_start_matches('.');
        let own = own.strip_prefix("spec.").unwrap_or(own);
        let field = match (path, own) {
            ("", own) => own.to_owned(),
            (path, "") => path.to_owned(),
            (path, own) => format!("{path}.{own}"),
        };
        found.push((field, text(rule, "message").to_owned()));
    }
    let properties = schema["properties"].as_object();
    for (name, field) in properties.into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        refusals(field, &path, found);
    }
}

/// The fields that a rule with a computed message speaks of, each with its sentence. What is
/// said once, at the end, belongs to all that only say what is wrong.
fn computed(rule: &Value) -> Vec<(String, String)> {
    let literals = text(rule, "messageExpression")
        .split('\'')
        .skip(1)
        .step_by(2);
    let literals: Vec<&str> = literals.collect();
    let end = literals.last().copied().unwrap_or_default();
    let named = literals.iter().filter_map(|literal| {
        let (field, _) = literal.strip_prefix("spec.")?.split_once(' ')?;
        let sentence = match literal.contains("Undo") {
            true => literal.trim_end_matches([' ', '.']).to_owned(),
            false => format!("{literal}{end}"),
        };
        Some((field.to_owned(), sentence))
    });
    named.collect()
}

/// One sentence, and all the fields that it is said of.
fn refused(spec: &Value, root: &Value) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    refusals(spec, "", &mut found);
    for rule in rules(root) {
        found.extend(computed(rule));
    }
    let mut sentences: Vec<(Vec<String>, String)> = Vec::new();
    for (field, sentence) in found {
        let sentence = sentence.replace(&format!("spec.{field} cannot change"), "cannot change");
        match sentences.iter_mut().find(|known| known.1 == sentence) {
            Some(known) => known.0.push(field),
            None => sentences.push((vec![field], sentence)),
        }
    }
    sentences
}

// === A page ===

fn page(crd: &Value) -> String {
    let (names, version) = (&crd["spec"]["names"], &crd["spec"]["versions"][0]);
    let root = &version["schema"]["openAPIV3Schema"];
    let (spec, status) = (&root["properties"]["spec"], &root["properties"]["status"]);
    let kind = text(names, "kind");
    let mut page = String::new();
    let _ = writeln!(page, "# {kind}\n");
    let _ = writeln!(
        page,
        "<!-- Written by `make reference` from src/api: change it there. -->\n"
    );
    let _ = writeln!(page, "{}\n", cell(text(root, "description")));
    let _ = writeln!(page, "| `kind` | `{kind}` |\n|---|---|");
    let _ = writeln!(page, "| `apiVersion` | `{GROUP}/{VERSION}` |");
    let short = names["shortNames"][0].as_str().unwrap_or_default();
    let plural = text(names, "plural");
    let _ = writeln!(page, "| for kubectl | `{short}`, `{plural}.{GROUP}` |");
    let _ = writeln!(
        page,
        "| is in | {} |",
        match text(&crd["spec"], "scope") {
            "Namespaced" => "a namespace",
            _ => "the cluster, in no namespace",
        }
    );
    columns(&mut page, version);
    spec_table(&mut page, spec, root);
    status_table(&mut page, status, kind);
    page
}

fn columns(page: &mut String, version: &Value) {
    let _ = writeln!(page, "\n## What kubectl get shows\n");
    let _ = writeln!(page, "| column | what it is |\n|---|---|");
    for column in version["additionalPrinterColumns"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let name = text(column, "name").to_uppercase();
        let _ = writeln!(page, "| {name} | {} |", cell(text(column, "description")));
    }
}

fn spec_table(page: &mut String, spec: &Value, root: &Value) {
    let locks: Locks = rules(root)
        .filter(|rule| text(rule, "rule").contains("oldSelf.status"))
        .flat_map(|rule| {
            let sentences = computed(rule).into_iter();
            sentences.map(|(field, _)| (field, text(rule, "rule").to_owned()))
        })
        .collect();
    let mut found = Vec::new();
    fields(spec, "", Some(&locks), None, &mut found);
    let changes = found.iter().any(|field| field.change != Some(""));
    let _ = writeln!(
        page,
        "\n## spec\n\nWhat you write.{}\n",
        if changes {
            " Where the fourth column is empty, the field may change at any time."
        } else {
            " All of it may change at any time."
        }
    );
    let _ = write!(page, "| field | type | left out | ");
    let _ = writeln!(
        page,
        "{}",
        if changes {
            "may change | what it is |\n|---|---|---|---|---|"
        } else {
            "what it is |\n|---|---|---|---|"
        }
    );
    for field in &found {
        let _ = write!(
            page,
            "| `{}` | {} | {} |",
            field.path,
            cell(&field.kind),
            field.needed.as_deref().unwrap_or_default()
        );
        if changes {
            let _ = write!(page, " {} |", field.change.unwrap_or_default());
        }
        let _ = writeln!(page, " {} |", cell(&field.says));
    }
    let _ = writeln!(page, "\n### What is refused\n");
    let _ = writeln!(
        page,
        "Beside wrong types and bounds, the API server refuses what breaks one of these rules, and says so:\n"
    );
    let _ = writeln!(page, "| field | the sentence |\n|---|---|");
    for (fields, sentence) in refused(spec, root) {
        let fields: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
        let _ = writeln!(page, "| {} | {} |", fields.join(", "), cell(&sentence));
    }
}

fn status_table(page: &mut String, status: &Value, kind: &str) {
    let mut found = Vec::new();
    fields(status, "", None, None, &mut found);
    let _ = writeln!(
        page,
        "\n## status\n\nWhat the operator writes, and nobody else.\n"
    );
    let _ = writeln!(page, "| field | type | what it is |\n|---|---|---|");
    for field in found {
        let mut says = cell(&field.says);
        if field.path == "conditions" {
            assert_eq!(field.says, conditions_of(kind), "{kind}");
            says.push_str(" See [conditions and reasons](../conditions.md).");
        }
        let _ = writeln!(
            page,
            "| `{}` | {} | {says} |",
            field.path,
            cell(&field.kind)
        );
    }
}

/// What the schema has to say of the conditions of this kind.
fn conditions_of(kind: &str) -> String {
    let own = |removed: bool| {
        let all = conditions::ALL.iter();
        all.filter(move |(condition, kinds, _)| {
            ["all", kind].contains(kinds) && (condition.as_str() == "Removed") == removed
        })
        .map(|(condition, ..)| condition.as_str())
    };
    let names: Vec<_> = own(false).chain(own(true)).collect();
    format!("The outcome, as conditions: {}.", names.join(", "))
}

fn pages() -> Vec<(PathBuf, String)> {
    // As the files have them: their numbers are whole.
    let files = crds::files().unwrap();
    files
        .iter()
        .map(|file| {
            let crd: Value = serde_saphyr::from_str(file.yaml.trim_start_matches("---")).unwrap();
            let kind = text(&crd["spec"]["names"], "kind").to_lowercase();
            let path = project().join(format!("docs/reference/{kind}.md"));
            (path, page(&crd))
        })
        .collect()
}

#[test]
fn the_reference_is_what_the_definitions_say() {
    for (path, expected) in pages() {
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            fs::write(&path, expected).unwrap();
            continue;
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == expected,
            "{} is not what src/api says: make reference",
            path.display()
        );
    }
}

/// The word for when a field may change is read from the rules; these are known.
#[test]
fn what_may_change_and_when() {
    let tenant = pages()
        .into_iter()
        .find(|(path, _)| path.ends_with("tenant.md"));
    let (_, tenant) = tenant.unwrap();
    let row = |field: &str| {
        let begin = format!("| `{field}` |");
        let row = tenant.lines().find(|line| line.starts_with(&begin));
        row.unwrap_or_else(|| panic!("no {field}")).to_owned()
    };
    for locked in [
        "name",
        "type",
        "integrationServerRef",
        "integrationServerRef.name",
        "administrator.name",
        "existingTenantID",
    ] {
        assert!(row(locked).contains("| until its creation |"), "{locked}");
    }
    for open in [
        "state",
        "suspend",
        "deletionPolicy",
        "administrator.passwordSecretRef",
        "administrator.passwordSecretRef.key",
    ] {
        assert!(!row(open).contains("| until its creation |"), "{open}");
    }
}
