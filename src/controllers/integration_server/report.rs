//! What an IntegrationServer's status says: pure, from probe and judgement.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::guards::{Judgement, LONGEST};
use super::memory::{Lack, Probe};
use super::orphans;
use crate::api::{
    ConditionType, IntegrationServer, IntegrationServerStatus, Orphan, TenantCounts, conditions,
    reasons,
};
use crate::connection::ca_bundle;
use crate::controllers::line::accept_command;
use crate::plan::admission::HoldKind;

/// What is known when the status is written.
pub struct Known<'a> {
    /// The installation.
    pub operator: &'a str,
    /// The last probe; None before the first.
    pub probe: Option<&'a Probe>,
    /// What the guards say; None without a picture.
    pub judgement: Option<&'a Judgement>,
    /// The address and port that the picture is of.
    pub endpoint: Option<String>,
    /// What the server has; None without a list.
    pub tenants: Option<TenantCounts>,
    /// Another IntegrationServer has this address and port.
    pub outclaimed: bool,
    /// The Secret is missing, and the credentials in memory serve.
    pub secret_missing: Option<Lack>,
    /// What `tls.caBundleRef` names is missing, and the certificates in memory serve.
    pub ca_bundle_missing: Option<Lack>,
    /// What still refers to it, while it is being deleted.
    pub referrers: Option<usize>,
    /// What deletions without the operator left on it, in order.
    pub orphans: &'a [Orphan],
}

struct Line {
    ready: bool,
    stalled: bool,
    reason: &'static str,
    message: String,
}

/// The status that says all this.
pub fn status(
    server: &IntegrationServer,
    known: &Known<'_>,
    now: Timestamp,
) -> IntegrationServerStatus {
    let mut status = server.status.clone().unwrap_or_default();
    let generation = server.meta().generation.unwrap_or_default();
    status.observed_generation = Some(generation);
    status.operator = Some(known.operator.to_owned());
    if known.tenants.is_some() {
        status.tenants.clone_from(&known.tenants);
    }
    if let Some(judgement) = known.judgement {
        status.hold.clone_from(&judgement.hold);
        let accepted = &judgement.accepted;
        let bounded = |uids: &BTreeSet<String>| uids.iter().take(LONGEST).cloned().collect();
        status.accepted_deletions = bounded(&accepted.deletions);
        status.accepted_absences = bounded(&accepted.absences);
        status
            .last_absence_token
            .clone_from(&accepted.last_absence_token);
        status.deletions.clone_from(&judgement.deletions);
        if judgement.verdicts.intact {
            status.endpoint.clone_from(&known.endpoint);
        }
    }
    let line = line(server, known);
    let all = &mut status.conditions;
    let mut put = |kind, holds: bool, reason: &str, message: &str| {
        conditions::set(all, kind, holds, reason, message, generation, now);
    };
    put(ConditionType::Ready, line.ready, line.reason, &line.message);
    if let Some(probe) = known.probe {
        put(
            ConditionType::Reachable,
            probe.reachable,
            probe.reason,
            &probe.message,
        );
    }
    if let Some(judgement) = known.judgement {
        let (reason, message) = inventory(server, judgement);
        put(
            ConditionType::InventoryIntact,
            judgement.verdicts.intact,
            reason,
            &message,
        );
    }
    if let Some(referrers) = known.referrers {
        put(
            ConditionType::Removed,
            false,
            reasons::IN_USE,
            &in_use(referrers),
        );
    }
    for (kind, holds) in [
        (ConditionType::Reconciling, !line.ready && !line.stalled),
        (ConditionType::Stalled, line.stalled),
    ] {
        if holds {
            conditions::set(all, kind, true, line.reason, &line.message, generation, now);
        } else {
            conditions::remove(all, kind);
        }
    }
    orphans::put(&mut status, known.orphans, generation, now);
    conditions::observed(&mut status.conditions, generation);
    status
}

fn in_use(referrers: usize) -> String {
    format!(
        "{referrers} Tenants and VirtualMachines still refer to it. It goes once they are gone; \
         those with deletionPolicy Retain leave the server untouched."
    )
}

fn line(server: &IntegrationServer, known: &Known<'_>) -> Line {
    let open = |reason, message: &str| Line {
        ready: false,
        stalled: false,
        reason,
        message: message.to_owned(),
    };
    if known.outclaimed {
        return Line {
            stalled: true,
            ..open(
                reasons::ALREADY_CLAIMED,
                "Another IntegrationServer has this address and port: it was served there before, or \
                 is older. Refer to that one, or delete one of the two.",
            )
        };
    }
    if let Some(referrers) = known.referrers {
        let message = format!("{}{}", in_use(referrers), held(server, known));
        return open(reasons::IN_USE, &message);
    }
    let Some(probe) = known.probe else {
        return open(
            reasons::PROGRESSING,
            "The server is being asked for its tenants.",
        );
    };
    if !probe.reachable {
        return open(probe.reason, &probe.message);
    }
    if let Some(judgement) = known.judgement
        && !judgement.verdicts.intact
        && judgement.lost > 0
    {
        let (reason, message) = inventory(server, judgement);
        return Line {
            stalled: true,
            ..open(reason, &message)
        };
    }
    if let Some((reason, message)) = served_from_memory(server, known) {
        return open(reason, &format!("{message}{}", held(server, known)));
    }
    if server.spec.suspend {
        return Line {
            ready: true,
            ..open(
                reasons::SUSPENDED,
                &format!(
                    "The server answers. suspend is set: nothing is changed on it.{}",
                    held(server, known)
                ),
            )
        };
    }
    let message = match held(server, known) {
        held if held.is_empty() => "The server answers, and its inventory is intact.".to_owned(),
        held => format!("The server answers.{held}"),
    };
    Line {
        ready: true,
        ..open(reasons::RECONCILED, &message)
    }
}

/// The object that is missing while the operator keeps using what it read earlier.
fn served_from_memory(
    server: &IntegrationServer,
    known: &Known<'_>,
) -> Option<(&'static str, String)> {
    let secret = &server.spec.credentials_secret_ref.name;
    let secret = || (format!("Secret {secret}"), "credentials");
    let bundle = || {
        let reference = ca_bundle::reference(server).map(ToString::to_string);
        (reference.unwrap_or_default(), "certificates")
    };
    let (reason, (object, what), lack) = match (known.secret_missing, known.ca_bundle_missing) {
        (Some(lack), _) => (reasons::SECRET_NOT_FOUND, secret(), lack),
        (None, Some(lack)) => (reasons::CA_BUNDLE_NOT_FOUND, bundle(), lack),
        (None, None) => return None,
    };
    let (is, mend) = match lack {
        Lack::Gone => ("does not exist in", "Re-create it."),
        Lack::Forbidden => (
            "can no longer be read in",
            "Bind the operator's service account to the roles that come with the operator.",
        ),
    };
    let message = format!(
        "{object} {is} the operator's namespace. The operator keeps using the {what} that it read \
         earlier until it restarts. {mend}"
    );
    Some((reason, message))
}

/// The wave that waits for a person, with the line to run.
fn held(server: &IntegrationServer, known: &Known<'_>) -> String {
    let hold = known
        .judgement
        .and_then(|judgement| judgement.hold.as_ref());
    hold.filter(|hold| hold.kind == HoldKind::Deletion.as_str())
        .map_or_else(String::new, |hold| {
            format!(
                " Held deletions: {}. When all of them are meant, run: {}",
                hold.count,
                accept_command(&server.name_any(), &hold.token)
            )
        })
}

fn inventory(server: &IntegrationServer, judgement: &Judgement) -> (&'static str, String) {
    if judgement.verdicts.intact {
        return (
            reasons::INTACT,
            "Our tenants are where they should be.".to_owned(),
        );
    }
    let token = judgement
        .hold
        .as_ref()
        .filter(|hold| hold.kind == HoldKind::Absence.as_str())
        .map_or("", |hold| &hold.token);
    (
        reasons::MASS_ABSENCE,
        format!(
            "{} of our tenants are missing on the server or carry another name: it may be another \
             server, or one that was rolled back. Nothing is made or destroyed on it. Restore the \
             server or its address; or, when the tenants are really lost and are to be made \
             again, run: {}",
            judgement.lost,
            accept_command(&server.name_any(), token)
        ),
    )
}

#[cfg(test)]
mod tests;
