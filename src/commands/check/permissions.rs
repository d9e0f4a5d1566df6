//! What the operator must be allowed to do in the cluster, as `docs/permissions.md` has it,
//! and whether the account that asks is.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::report::{Check, Kind};
use crate::commands::cluster::{Access, Cluster, Error};
use crate::commands::installation::Installation;

/// So many reviews at the same time.
const CALLS: usize = 8;

/// Where a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the whole cluster.
    Cluster,
    /// In each namespace that is served.
    Served,
    /// In the operator's namespace.
    Own,
    /// There, for the object of the installation's name.
    OwnOfItsName,
    /// In the namespace `default`.
    Default,
}

/// What is needed: group, resource, place, verbs.
pub type Needed = (&'static str, &'static str, Place, &'static [&'static str]);

const OURS: &str = crate::api::GROUP;

/// All that is needed, as the table says.
pub const TABLE: [Needed; 14] = [
    (
        OURS,
        "integrationservers",
        Place::Cluster,
        &["list", "watch", "patch"],
    ),
    (
        OURS,
        "integrationservers/status",
        Place::Cluster,
        &["patch"],
    ),
    ("", "namespaces", Place::Cluster, &["list", "watch"]),
    (
        OURS,
        "tenants",
        Place::Served,
        &["list", "watch", "get", "patch"],
    ),
    (OURS, "tenants/status", Place::Served, &["patch"]),
    (
        OURS,
        "virtualmachines",
        Place::Served,
        &["list", "watch", "patch"],
    ),
    (OURS, "virtualmachines/status", Place::Served, &["patch"]),
    ("", "secrets", Place::Served, &["get"]),
    ("", "secrets", Place::Own, &["get"]),
    ("", "configmaps", Place::Own, &["get"]),
    (
        "events.k8s.io",
        "events",
        Place::Served,
        &["create", "patch"],
    ),
    (
        "events.k8s.io",
        "events",
        Place::Default,
        &["create", "patch"],
    ),
    (
        "coordination.k8s.io",
        "leases",
        Place::OwnOfItsName,
        &["get", "update"],
    ),
    ("coordination.k8s.io", "leases", Place::Own, &["create"]),
];

/// A line for each resource and place.
pub async fn check(cluster: &Cluster, installation: &Installation) -> Vec<Check> {
    let who = match cluster.whoami().await {
        Ok(who) => who,
        Err(error) => return vec![Check::failed(Kind::Permission, "", format!("{error}."))],
    };
    let mut checks = Vec::new();
    for needed in TABLE {
        let (group, resource, place, _) = needed;
        if group == "coordination.k8s.io" && !installation.leader_election {
            continue;
        }
        for namespace in namespaces(place, installation) {
            let subject = match &namespace {
                Some(namespace) => format!("{resource} in namespace {namespace}"),
                None => resource.to_owned(),
            };
            let missing = missing(cluster, needed, namespace.as_deref(), installation).await;
            checks.push(line(&subject, needed, missing, &who));
        }
    }
    checks
}

fn line(
    subject: &str,
    (_, _, _, verbs): Needed,
    missing: Result<Vec<&'static str>, Error>,
    who: &str,
) -> Check {
    match missing {
        Err(error) => Check::failed(Kind::Permission, subject, format!("{error}.")),
        Ok(missing) if missing.is_empty() => {
            let message = format!("{who} may {}.", verbs.join(", "));
            Check::ok(Kind::Permission, subject, message)
        }
        Ok(missing) => Check::failed(
            Kind::Permission,
            subject,
            format!(
                "{who} may not {}. Bind it to the roles that come with the operator; \
                 docs/permissions.md says what each is for.",
                missing.join(", ")
            ),
        ),
    }
}

/// Where it is asked for; none: everywhere.
fn namespaces(place: Place, installation: &Installation) -> Vec<Option<String>> {
    let own = &installation.own.operator_namespace;
    match place {
        Place::Cluster => vec![None],
        Place::Served => match installation.watched() {
            watched if watched.is_empty() => vec![None],
            watched => watched.into_iter().map(Some).collect(),
        },
        Place::Own | Place::OwnOfItsName => vec![Some(own.clone())],
        Place::Default => vec![Some("default".to_owned())],
    }
}

async fn missing(
    cluster: &Cluster,
    (group, resource, place, verbs): Needed,
    namespace: Option<&str>,
    installation: &Installation,
) -> Result<Vec<&'static str>, Error> {
    let name = (place == Place::OwnOfItsName).then_some(installation.operator_name.as_str());
    let asked = stream::iter(verbs.iter().copied()).map(|verb| async move {
        let access = Access {
            group,
            resource,
            verb,
            namespace,
            name,
        };
        let allowed = cluster.may(&access).await?;
        Ok::<_, Error>((!allowed).then_some(verb))
    });
    let answers: Vec<_> = asked.buffered(CALLS).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::collections::BTreeSet;

    use super::*;

    /// `resource verb place`, as the page says it.
    fn row(needed: &Needed, verb: &str) -> String {
        let (group, resource, place, _) = needed;
        let place = match place {
            Place::Cluster => "cluster",
            Place::Served => "served",
            Place::Own => "own",
            Place::OwnOfItsName => "own, of its name",
            Place::Default => "default",
        };
        let group = match *group {
            "" | OURS => String::new(),
            group => format!("{group}/"),
        };
        format!("{group}{resource} {verb} {place}")
    }

    #[test]
    fn the_table_is_that_of_the_page() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, text) = page.split_once("\n## The verbs\n").unwrap();
        let (text, _) = text.split_once("\n## ").unwrap();
        let written: BTreeSet<String> = text
            .lines()
            .filter_map(|line| {
                let cells: Vec<_> = line
                    .split('|')
                    .map(|cell| cell.trim_matches([' ', '`']))
                    .collect();
                (cells.len() == 7 && line.contains("](")).then(|| cells[1..4].join(" "))
            })
            .collect();
        let ours: BTreeSet<String> = TABLE
            .iter()
            .flat_map(|needed| needed.3.iter().map(|verb| row(needed, verb)))
            .collect();
        assert!(ours.len() >= 20);
        assert_eq!(ours, written);
    }
}
