//! Whether the cluster has the definitions of our kinds as this program has them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt as _;
use serde_json::Value;

use super::report::{Check, Kind};
use crate::api::crds;
use crate::commands::cluster::{Cluster, Definition};

/// What mends every one of these.
const APPLY: &str = "Run `viis-operator crds | kubectl apply --server-side --force-conflicts -f -`, \
                     or upgrade what installs them.";

/// A line a definition.
pub async fn check(cluster: &Cluster) -> Vec<Check> {
    let mut checks = Vec::new();
    for ours in crds::all() {
        let name = ours.name_any();
        checks.push(match cluster.definition(&name).await {
            Err(error) => Check::failed(Kind::Definition, &name, format!("{error}.")),
            Ok(found) => compare(&name, &ours, &found),
        });
    }
    checks
}

fn compare(name: &str, ours: &CustomResourceDefinition, found: &Definition) -> Check {
    let version = env!("CARGO_PKG_VERSION");
    match found {
        Definition::Absent | Definition::Unreadable { served: false } => Check::failed(
            Kind::Definition,
            name,
            format!("The API server does not have it. {APPLY}"),
        ),
        Definition::Unreadable { served: true } => Check::skipped(
            Kind::Definition,
            name,
            "It is served. This account may not read definitions, so it was not compared.",
        ),
        Definition::Is(found) if found.metadata.deletion_timestamp.is_some() => Check::failed(
            Kind::Definition,
            name,
            format!("It is being deleted, and all resources of its kind with it. {APPLY}"),
        ),
        Definition::Is(found) => match difference(&spec(ours), &spec(found), "spec") {
            None => Check::ok(
                Kind::Definition,
                name,
                format!("It is that of version {version}."),
            ),
            Some(place) => Check::failed(
                Kind::Definition,
                name,
                format!("It is not that of version {version}: {place} differs. {APPLY}"),
            ),
        },
    }
}

/// The spec, without what the API server adds by itself.
fn spec(crd: &CustomResourceDefinition) -> Value {
    let mut spec = serde_json::to_value(&crd.spec).unwrap_or(Value::Null);
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("conversion");
        if let Some(names) = fields.get_mut("names").and_then(Value::as_object_mut) {
            names.remove("listKind");
        }
    }
    spec
}

/// Where two values differ first.
fn difference(ours: &Value, theirs: &Value, place: &str) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names = ours.keys().chain(theirs.keys());
            let mut named = names.map(|name| {
                let nothing = &Value::Null;
                let ours = ours.get(name).unwrap_or(nothing);
                let theirs = theirs.get(name).unwrap_or(nothing);
                difference(ours, theirs, &format!("{place}.{name}"))
            });
            named.find_map(|found| found)
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours
                .iter()
                .zip(theirs)
                .enumerate()
                .map(|(at, (ours, theirs))| difference(ours, theirs, &format!("{place}[{at}]")));
            pairs.find_map(|found| found)
        }
        (ours, theirs) => (ours != theirs).then(|| place.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::commands::check::report::Outcome;

    fn found(change: impl FnOnce(&mut CustomResourceDefinition)) -> Check {
        let [_, ours, _] = crds::all();
        let mut theirs = ours.clone();
        change(&mut theirs);
        compare("tenants", &ours, &Definition::Is(Box::new(theirs)))
    }

    #[test]
    fn what_the_api_server_adds_is_no_difference() {
        let same = found(|theirs| {
            theirs.spec.names.list_kind = Some("TenantList".to_owned());
            theirs.metadata.uid = Some("1".to_owned());
        });
        assert_eq!(same.outcome, Outcome::Ok, "{}", same.message);
    }

    #[test]
    fn a_difference_is_named() {
        let other = found(|theirs| theirs.spec.versions[0].served = false);
        assert_eq!(other.outcome, Outcome::Failed);
        assert!(
            other.message.contains("spec.versions[0].served differs"),
            "{}",
            other.message
        );
        let other = found(|theirs| theirs.spec.versions[0].schema = None);
        assert!(
            other.message.contains("spec.versions[0].schema differs"),
            "{}",
            other.message
        );
        let other = found(|theirs| {
            theirs.spec.versions[0]
                .additional_printer_columns
                .as_mut()
                .unwrap()
                .pop();
        });
        assert!(
            other.message.contains("additionalPrinterColumns differs"),
            "{}",
            other.message
        );
    }

    #[test]
    fn one_that_is_being_deleted_is_a_failure() {
        let other = found(|theirs| {
            let now = serde_json::from_value("2026-01-01T00:00:00Z".into()).unwrap();
            theirs.metadata.deletion_timestamp = Some(now);
        });
        assert_eq!(other.outcome, Outcome::Failed);
        assert!(other.message.contains("being deleted"));
    }

    #[test]
    fn what_may_not_be_read_is_no_failure_as_long_as_it_is_served() {
        let [_, ours, _] = crds::all();
        let outcome = |found| compare("tenants", &ours, &found).outcome;
        assert_eq!(
            outcome(Definition::Unreadable { served: true }),
            Outcome::Skipped
        );
        assert_eq!(
            outcome(Definition::Unreadable { served: false }),
            Outcome::Failed
        );
        assert_eq!(outcome(Definition::Absent), Outcome::Failed);
    }
}
