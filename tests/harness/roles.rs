//! What the chart allows the operator: the ServiceAccount, the roles and the bindings
//! of its rendered manifests, put into the namespaces of a stand. `make chart` holds
//! those files equal to the chart, so nothing here needs helm.

use super::manifests::Manifest;
use serde_json::{Value, json};
use std::fmt;

/// Where they are, by the set of values that they are rendered with.
const RENDERED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/charts/viis-operator/tests/snapshots"
);
/// The namespaces that they are rendered for.
const OPERATORS: &str = "viis-system";
const CUSTOMERS: &str = "customers";
/// As in the rendered files.
pub const ACCOUNT: &str = "viis-operator";

/// Who the operator is, and what it may do, as the objects of a cluster.
#[derive(Clone, Debug)]
pub struct Roles {
    pub account: Manifest,
    /// ClusterRole and Roles.
    pub roles: Vec<Manifest>,
    pub bindings: Vec<Manifest>,
}

/// One verb on one resource: a row of the table in docs/permissions.md.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub group: String,
    /// With its subresource: `tenants/status`.
    pub resource: String,
    pub verb: String,
    /// Only objects of this name.
    pub name: Option<String>,
    /// Only in this namespace; else in all of the cluster.
    pub namespace: Option<String>,
}

// === impl Roles ===

impl Roles {
    /// For an operator that serves these namespaces; for all of them without any.
    pub fn rendered(operators: &str, served: &[String]) -> Roles {
        let values = match served {
            [] => "default",
            [_, ..] => "one-namespace",
        };
        let text = std::fs::read_to_string(format!("{RENDERED}/{values}.yaml")).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let ours = |reference: &Value| {
            reference["kind"] == "ServiceAccount" && reference["name"] == ACCOUNT
        };
        let bindings: Vec<&Value> = documents
            .iter()
            .filter(|document| {
                document["subjects"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(ours))
            })
            .collect();
        let bound = |document: &&Value| {
            bindings.iter().any(|binding| {
                binding["roleRef"]["kind"] == document["kind"]
                    && binding["roleRef"]["name"] == document["metadata"]["name"]
                    && binding["metadata"]["namespace"] == document["metadata"]["namespace"]
            })
        };
        let account = documents.iter().find(|document| {
            document["kind"] == "ServiceAccount" && document["metadata"]["name"] == ACCOUNT
        });
        let placed = |documents: Vec<&Value>| {
            let here = |document: &Value| placed(document, operators, served);
            documents.into_iter().flat_map(here).collect::<Vec<_>>()
        };
        Roles {
            account: placed(account.into_iter().collect()).pop().unwrap(),
            roles: placed(documents.iter().filter(bound).collect()),
            bindings: placed(bindings),
        }
    }

    /// Each verb that is allowed.
    pub fn permissions(&self) -> Vec<Permission> {
        self.roles.iter().flat_map(permissions_of).collect()
    }

    /// The role that allows this, allowing everything else that it does.
    pub fn without(&self, withheld: &Permission) -> Manifest {
        let mut found = self
            .roles
            .iter()
            .filter(|role| permissions_of(role).contains(withheld));
        let role = found
            .next()
            .unwrap_or_else(|| panic!("no role allows {withheld}"));
        assert!(
            found.next().is_none(),
            "more than one role allows {withheld}"
        );
        let kept: Vec<Permission> = permissions_of(role)
            .into_iter()
            .filter(|permission| permission != withheld)
            .collect();
        let rules: Vec<Value> = kept.iter().map(Permission::rule).collect();
        role.clone().with("rules", rules)
    }
}

/// A rendered object in the namespaces of a stand; one for each that is served.
fn placed(document: &Value, operators: &str, served: &[String]) -> Vec<Manifest> {
    let into = |customers: &str| {
        let text = document.to_string().replace(OPERATORS, operators);
        let text = text.replace(&format!("\"{CUSTOMERS}\""), &format!("\"{customers}\""));
        Manifest(serde_json::from_str(&text).unwrap())
    };
    match document["metadata"]["namespace"] == CUSTOMERS {
        true => served.iter().map(|namespace| into(namespace)).collect(),
        false => vec![into(CUSTOMERS)],
    }
}

/// Each verb that a role allows.
pub fn permissions_of(role: &Manifest) -> Vec<Permission> {
    let texts = |value: &Value| -> Vec<String> {
        let values = value.as_array().into_iter().flatten();
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let namespace = role.0["metadata"]["namespace"].as_str();
    let mut found = Vec::new();
    for rule in role.0["rules"].as_array().into_iter().flatten() {
        let mut names: Vec<_> = texts(&rule["resourceNames"])
            .into_iter()
            .map(Some)
            .collect();
        if names.is_empty() {
            names.push(None);
        }
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    found.extend(names.iter().map(|name| Permission {
                        group: group.clone(),
                        resource: resource.clone(),
                        verb: verb.clone(),
                        name: name.clone(),
                        namespace: namespace.map(str::to_owned),
                    }));
                }
            }
        }
    }
    found
}

// === impl Permission ===

impl Permission {
    fn rule(&self) -> Value {
        let names: Vec<&str> = self.name.as_deref().into_iter().collect();
        json!({
            "apiGroups": [self.group],
            "resources": [self.resource],
            "verbs": [self.verb],
            "resourceNames": names,
        })
    }

    /// What the authorizer is asked, for a SelfSubjectAccessReview.
    pub fn question(&self) -> Value {
        let (resource, subresource) = self
            .resource
            .split_once('/')
            .unwrap_or((&self.resource, ""));
        json!({
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "verb": self.verb,
            "name": self.name.as_deref().unwrap_or_default(),
            "namespace": self.namespace.as_deref().unwrap_or_default(),
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Permission {
            group,
            resource,
            verb,
            ..
        } = self;
        match group.as_str() {
            "" => write!(f, "{verb} {resource}")?,
            _ => write!(f, "{verb} {resource}.{group}")?,
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => write!(f, " in the cluster"),
        }
    }
}
