//! What a person agreed to, as the status of the IntegrationServer keeps it. Pure.

use std::collections::BTreeSet;

use super::Ours;
use crate::api::IntegrationServerStatus;

/// What a person agreed to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// UIDs of Tenants whose deletion was agreed to.
    pub deletions: BTreeSet<String>,
    /// UIDs of Tenants whose absence was agreed to: an agreement to a deletion is none to it.
    pub absences: BTreeSet<String>,
    /// The token of the last agreement to an absence: it was good for one wave.
    pub last_absence_token: Option<String>,
}

impl Accepted {
    /// What was agreed to and is not over. An agreement is good for one deletion or one
    /// absence, and ends with it.
    pub(super) fn of(status: &IntegrationServerStatus, ours: &[Ours]) -> Self {
        let open: BTreeSet<&str> = ours
            .iter()
            .filter(|tenant| tenant.deleting || tenant.lost)
            .map(|tenant| tenant.uid.as_str())
            .collect();
        let still_open = |uids: &[String]| {
            let uids = uids.iter().filter(|uid| open.contains(uid.as_str()));
            uids.cloned().collect()
        };
        Self {
            deletions: still_open(&status.accepted_deletions),
            absences: still_open(&status.accepted_absences),
            last_absence_token: status.last_absence_token.clone(),
        }
    }
}
