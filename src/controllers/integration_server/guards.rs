//! Gathers what the guards of one server have to judge, and what came of it.
//! The judging itself is pure: [`crate::plan::absence`], [`crate::plan::admission`].

mod accepted;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, ResourceExt};
use tracing::warn;

pub use self::accepted::Accepted;
use crate::api::{
    ACCEPT_ANNOTATION, ConditionType, Deletion, Hold, IntegrationServer, IntegrationServerStatus,
    Tenant, conditions,
};
use crate::controllers::cluster::{Key, key_of, own_status};
use crate::controllers::context::Context;
use crate::controllers::servers::{Handle, Verdicts};
use crate::controllers::tenant::observe::{is_ours, retains};
use crate::plan::absence::{self, Verdict};
use crate::plan::admission::{self, Candidate, HoldKind, token, token_after};
use crate::viis::TenantId;

/// The longest list of UIDs that a status holds.
pub const LONGEST: usize = 10_000;
/// How many of the held Tenants a status names.
const SHOWN: usize = 20;

/// What the guards say, and what of it has to be persisted before it counts.
pub struct Judgement {
    /// For the controllers of Tenants, once the status is written.
    pub verdicts: Verdicts,
    /// `status.hold`.
    pub hold: Option<Hold>,
    /// `status.acceptedDeletions`, `status.acceptedAbsences`, `status.lastAbsenceToken`.
    pub accepted: Accepted,
    /// `status.deletions`.
    pub deletions: Vec<Deletion>,
    /// The Tenants that the inventory misses.
    pub lost: usize,
}

impl Judgement {
    /// The inventory is believed.
    pub fn is_intact(&self) -> bool {
        self.verdicts.intact
    }
}

/// One Tenant of the server, as the guards see it.
struct Ours {
    uid: String,
    /// namespace/name of the resource.
    name: String,
    id: TenantId,
    deleting: bool,
    destroys: bool,
    decided: bool,
    lost: bool,
    in_use: bool,
    deleted_at: i64,
}

impl Ours {
    /// Its destruction could begin at once: who waits for something else is not counted.
    fn can_go(&self) -> bool {
        !self.lost && !self.in_use
    }
}

/// Judges everything that refers to this server.
pub fn judge(
    context: &Context,
    server: &IntegrationServer,
    handle: &Handle,
    now: Timestamp,
) -> Option<Judgement> {
    // Without a list nothing can be judged, and nothing that is held is let go.
    let listed_at = handle.server.tenants().listed_at()?;
    let status = server.status.clone().unwrap_or_default();
    let agreement = server.annotations().get(ACCEPT_ANNOTATION).cloned();
    let tenants: Vec<Arc<Tenant>> = context
        .cluster
        .tenants_of_server(&server.name_any())
        .iter()
        .filter_map(|key| context.cluster.tenant(key))
        .collect();
    let ours: Vec<Ours> = tenants
        .iter()
        .filter_map(|tenant| ours(context, tenant, handle))
        .collect();
    let mut accepted = Accepted::of(&status, &ours);
    let absent = absence::judge(&absence::Facts {
        accepted: accepted.absences.clone(),
        used: accepted.last_absence_token.clone(),
        agreement: agreement.clone(),
        ..inventory(server, handle, &status, &ours)
    });
    let agreed_now = matches!(absent, Verdict::Agreed(_));
    let belief = Belief::of(absent, &ours, &accepted);
    let deletions = recent(&status, server, now);
    let (admitted, already) = admit(
        server,
        handle,
        &status,
        &ours,
        &accepted.deletions,
        &deletions,
        agreement.clone(),
    );
    if server.spec.guard.enabled {
        accepted.deletions.extend(admitted.agreed.iter().cloned());
    }
    accepted.absences.clone_from(&belief.written_off);
    if agreed_now {
        accepted.last_absence_token = agreement;
    }
    let mut judgement = persist(&ours, belief, admitted, accepted, deletions, now);
    judgement.verdicts.admitted.extend(already);
    judgement.verdicts.listed_at = Some(listed_at);
    Some(judgement)
}

/// What the absence guard says.
struct Belief {
    /// The inventory is trusted.
    intact: bool,
    /// UIDs of Tenants whose absence a user has confirmed.
    written_off: BTreeSet<String>,
    /// The missing Tenants whose absence no user has confirmed.
    lost: Vec<Candidate>,
    /// The token that confirms their absence.
    token: Option<String>,
}

impl Belief {
    fn of(verdict: Verdict, ours: &[Ours], accepted: &Accepted) -> Self {
        let earlier = ours
            .iter()
            .filter(|tenant| tenant.lost && accepted.absences.contains(&tenant.uid))
            .map(|tenant| tenant.uid.clone());
        let (intact, written_off, lost) = match verdict {
            Verdict::Intact => (true, earlier.collect(), Vec::new()),
            Verdict::Agreed(uids) => (true, uids.into_iter().chain(earlier).collect(), Vec::new()),
            Verdict::Guarded(lost) => (false, BTreeSet::new(), lost),
        };
        let before = accepted.last_absence_token.as_deref();
        let token = token_after(HoldKind::Absence, &lost, before);
        Self {
            intact,
            written_off,
            lost,
            token,
        }
    }
}

/// Judges a list that nobody has judged yet, before anything is decided on it.
pub fn keep_current(context: &Context, server: &IntegrationServer, handle: &Handle) {
    let listed_at = handle.server.tenants().listed_at();
    if listed_at.is_none() || listed_at == handle.judged_at() {
        return;
    }
    if let Some(judgement) = judge(context, server, handle, Timestamp::now()) {
        if handle.judge_at_once(&judgement.verdicts) {
            context.wake_all_of_server(&server.name_any());
        }
        context.queues.servers.wake(server.name_any());
    }
}

/// Lets the judgement count, and wakes whom it concerns.
pub fn publish(
    context: &Context,
    name: &str,
    handle: Option<&Arc<Handle>>,
    judgement: Option<Judgement>,
    before: &IntegrationServerStatus,
    after: &IntegrationServerStatus,
) {
    let mut concerned = BTreeSet::new();
    let mut intact_changed = false;
    if let (Some(handle), Some(judgement)) = (handle, judgement) {
        let old = handle.verdicts();
        let new = judgement.verdicts;
        intact_changed = old.intact != new.intact;
        for (old, new) in [
            (&old.admitted, &new.admitted),
            (&old.held, &new.held),
            (&old.written_off, &new.written_off),
        ] {
            concerned.extend(old.symmetric_difference(new).cloned());
        }
        if old.token != new.token {
            concerned.extend(new.held.iter().cloned());
        }
        handle.judge(new);
    }
    let ready = |status: &IntegrationServerStatus| {
        conditions::find(&status.conditions, ConditionType::Ready)
            .map(|ready| (ready.status.clone(), ready.reason.clone()))
    };
    if intact_changed || ready(before) != ready(after) {
        context.wake_all_of_server(name);
        return;
    }
    if concerned.is_empty() {
        return;
    }
    for key in context.cluster.tenants_of_server(name) {
        let tenant = context.cluster.tenant(&key);
        if tenant
            .and_then(|tenant| tenant.uid())
            .is_some_and(|uid| concerned.contains(&uid))
        {
            context.wake_machines_of(&key);
            context.queues.tenants.wake(key);
        }
    }
}

fn ours(context: &Context, tenant: &Tenant, handle: &Handle) -> Option<Ours> {
    let status = own_status(tenant);
    let id = TenantId::new(status.tenant_id.clone()?);
    let entry = handle.server.tenants().by_id(&id);
    let meta = tenant.meta();
    let deleted_at = meta.deletion_timestamp.as_ref();
    let retained = retains(tenant, &status);
    Some(Ours {
        uid: tenant.uid()?,
        name: shown(&key_of(tenant)),
        deleting: deleted_at.is_some(),
        destroys: !retained && !tenant.spec.suspend,
        decided: status.removal.is_some(),
        lost: entry.is_none_or(|entry| !is_ours(tenant, &entry)),
        in_use: deleted_at.is_some() && is_in_use(context, tenant),
        deleted_at: deleted_at.map_or(0, |time| time.0.as_second()),
        id,
    })
}

/// VirtualMachines that are not being deleted refer to it.
fn is_in_use(context: &Context, tenant: &Tenant) -> bool {
    let machines = context.cluster.machines_of_tenant(&key_of(tenant));
    machines
        .iter()
        .filter_map(|machine| context.cluster.machine(machine))
        .any(|machine| machine.meta().deletion_timestamp.is_none())
}

fn candidate(tenant: &Ours) -> Candidate {
    Candidate {
        uid: tenant.uid.clone(),
        tenant: tenant.id.as_str().to_owned(),
    }
}

fn limit(server: &IntegrationServer) -> usize {
    usize::try_from(server.spec.guard.limit).unwrap_or(usize::MAX)
}

/// What the inventory shows of the Tenants; what was agreed to is not in it.
fn inventory(
    server: &IntegrationServer,
    handle: &Handle,
    status: &IntegrationServerStatus,
    ours: &[Ours],
) -> absence::Facts {
    let live: Vec<&Ours> = ours.iter().filter(|tenant| !tenant.decided).collect();
    let last = status.endpoint.as_deref();
    absence::Facts {
        enabled: server.spec.guard.enabled,
        limit: limit(server),
        moved: last.is_some_and(|last| last != handle.endpoint.to_string()),
        ours: live.len(),
        lost: live
            .iter()
            .filter(|tenant| tenant.lost)
            .map(|t| candidate(t))
            .collect(),
        accepted: BTreeSet::new(),
        used: None,
        agreement: None,
    }
}

/// The deletions within the window. One that lies more than a window ahead was recorded by a
/// clock that was wrong, or is: from now on it counts as a deletion of now. Otherwise it would
/// hold every deletion until that time.
fn recent(
    status: &IntegrationServerStatus,
    server: &IntegrationServer,
    now: Timestamp,
) -> Vec<Deletion> {
    let window: std::time::Duration = server.spec.guard.window.into();
    let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
    let clamped = status.deletions.iter().map(|deletion| {
        if deletion.at.0.duration_since(now) <= window {
            return deletion.clone();
        }
        let (at, uid) = (&deletion.at.0, &deletion.uid);
        warn!(server = %server.name_any(), %at, %uid, "a deletion lies in the future: it counts from now on");
        Deletion {
            at: Time(now),
            ..deletion.clone()
        }
    });
    clamped
        .filter(|deletion| now.duration_since(deletion.at.0) < window)
        .collect()
}

/// What the deletion guard says, and who was let through before.
fn admit(
    server: &IntegrationServer,
    handle: &Handle,
    status: &IntegrationServerStatus,
    ours: &[Ours],
    accepted: &BTreeSet<String>,
    deletions: &[Deletion],
    agreement: Option<String>,
) -> (admission::Verdict, Vec<String>) {
    let counted: BTreeSet<&str> = deletions.iter().map(|d| d.uid.as_str()).collect();
    let mut held = handle.verdicts().held;
    if let Some(hold) = &status.hold {
        held.extend(hold.members.iter().cloned());
    }
    // Who was held stays so, whatever became of it: a wave does not end by waiting.
    let mut waiting: Vec<&Ours> = ours
        .iter()
        .filter(|tenant| tenant.deleting && tenant.destroys && !tenant.decided)
        .filter(|tenant| tenant.can_go() || held.contains(&tenant.uid))
        .collect();
    waiting.sort_by_key(|tenant| (tenant.deleted_at, tenant.uid.as_str()));
    let mut already: Vec<String> = ours
        .iter()
        .filter(|tenant| tenant.deleting && tenant.decided)
        .map(|tenant| tenant.uid.clone())
        .collect();
    // Counted before, and not begun yet: it was let through already.
    let (begun, open): (Vec<&Ours>, Vec<&Ours>) = waiting
        .into_iter()
        .partition(|tenant| counted.contains(tenant.uid.as_str()));
    already.extend(begun.iter().map(|tenant| tenant.uid.clone()));
    let mut verdict = admission::admit(&admission::Facts {
        enabled: server.spec.guard.enabled,
        limit: limit(server),
        candidates: open.into_iter().map(candidate).collect(),
        destroyed: deletions.len(),
        held,
        accepted: accepted.clone(),
        agreement,
    });
    if !server.spec.guard.enabled {
        verdict.granted.clear();
    }
    (verdict, already)
}

fn persist(
    ours: &[Ours],
    belief: Belief,
    admitted: admission::Verdict,
    accepted: Accepted,
    mut deletions: Vec<Deletion>,
    now: Timestamp,
) -> Judgement {
    deletions.extend(admitted.granted.iter().map(|uid| Deletion {
        uid: uid.clone(),
        at: Time(now),
    }));
    let held: Vec<Candidate> = admitted.held;
    let deletion = token(HoldKind::Deletion, &held);
    let Belief {
        intact,
        written_off,
        lost,
        token: loss,
    } = belief;
    let (kind, wave, named) = if lost.is_empty() {
        (HoldKind::Deletion, held.as_slice(), deletion.clone())
    } else {
        (HoldKind::Absence, lost.as_slice(), loss.clone())
    };
    let members: BTreeSet<String> = lost.iter().chain(&held).map(|c| c.uid.clone()).collect();
    let hold = named.map(|token| Hold {
        kind: kind.as_str().to_owned(),
        count: u32::try_from(wave.len()).unwrap_or(u32::MAX),
        token,
        tenants: shown_names(ours, wave),
        // A wave of deletions stays held while another kind of wave is shown.
        members: members.into_iter().take(LONGEST).collect(),
    });
    let mut admitted_uids: BTreeSet<String> = admitted.agreed.into_iter().collect();
    admitted_uids.extend(admitted.granted);
    Judgement {
        verdicts: Verdicts {
            intact,
            admitted: admitted_uids,
            held: held.iter().map(|candidate| candidate.uid.clone()).collect(),
            token: deletion,
            written_off,
            absence: loss,
            listed_at: None,
        },
        hold,
        accepted,
        deletions: deletions.into_iter().take(LONGEST).collect(),
        lost: lost.len(),
    }
}

fn shown(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}

/// The first names of a wave, in order: those that a status has room for.
fn shown_names(ours: &[Ours], wave: &[Candidate]) -> Vec<String> {
    let wave: BTreeSet<&str> = wave.iter().map(|held| held.uid.as_str()).collect();
    let held = ours
        .iter()
        .filter(|tenant| wave.contains(tenant.uid.as_str()));
    let names: BTreeSet<&str> = held.map(|tenant| tenant.name.as_str()).collect();
    let shown = names.into_iter().take(SHOWN);
    shown.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
