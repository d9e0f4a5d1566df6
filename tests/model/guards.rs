//! Claims and guards: what one process knows, put before the real
//! `viis_operator::plan::{claims, absence, admission}`. It judges nothing itself.

use std::collections::BTreeSet;

use viis_operator::plan::Reach;
use viis_operator::plan::absence::{self, Verdict};
use viis_operator::plan::admission::{self, Candidate};
use viis_operator::plan::claims::{Claimant, holder};
use viis_operator::plan::tenant::Admission;

use crate::kube::{Tenant, Uid};
use crate::memory::Process;
use crate::observe::Settings;
use crate::world::Id;

pub fn is_outclaimed(process: &Process, view: &Tenant) -> bool {
    let rivals = process.tenants.iter().flatten();
    let rivals: Vec<&Tenant> = rivals.filter(|t| t.spec.name == view.spec.name).collect();
    if rivals.len() < 2 {
        return false;
    }
    let uids: Vec<String> = rivals.iter().map(|t| t.meta.uid.to_string()).collect();
    let claimants: Vec<Claimant<'_>> = rivals
        .iter()
        .zip(&uids)
        .map(|(rival, uid)| {
            let status = rival.own_status();
            Claimant {
                uid,
                holds: status.tenant.is_some() || status.creation.is_some(),
                permitted: true,
                created: i64::from(rival.meta.uid),
            }
        })
        .collect();
    let own = view.meta.uid.to_string();
    holder(&claimants).is_some_and(|holder| holder != own)
}

fn candidate(tenant: &Tenant, id: Id) -> Candidate {
    Candidate {
        uid: tenant.meta.uid.to_string(),
        tenant: id.to_string(),
    }
}

/// What the absence guard says of a process's list. None: all is there.
pub fn losses(process: &Process, accepted: &[Uid], settings: Settings) -> Option<absence::Facts> {
    let ours = process.tenants.iter().flatten().filter_map(|tenant| {
        let status = tenant.own_status();
        let live = status.removal.is_none();
        status.tenant.filter(|_| live).map(|id| (tenant, id))
    });
    let ours: Vec<(&Tenant, Id)> = ours.collect();
    let lost = ours.iter().filter(|(tenant, id)| {
        let entry = process.picture.by_id(*id);
        entry.is_none_or(|entry| entry.name != tenant.spec.name)
    });
    let lost: Vec<Candidate> = lost.map(|(tenant, id)| candidate(tenant, *id)).collect();
    if lost.is_empty() {
        return None;
    }
    Some(absence::Facts {
        enabled: settings.guard,
        limit: settings.limit,
        moved: false,
        ours: ours.len(),
        lost,
        used: None,
        accepted: accepted.iter().map(ToString::to_string).collect(),
        agreement: None,
    })
}

/// How far the server can be worked on, and whose loss a person agreed to.
pub fn judge(process: &Process, accepted: &[Uid], settings: Settings) -> (Reach, Vec<Uid>) {
    if process.picture.list.is_none() {
        return (Reach::Guarded, Vec::new());
    }
    let Some(facts) = losses(process, accepted, settings) else {
        return (Reach::Ready, Vec::new());
    };
    match absence::judge(&facts) {
        Verdict::Intact | Verdict::Agreed(_) => (Reach::Ready, accepted.to_vec()),
        Verdict::Guarded(_) => (Reach::Guarded, Vec::new()),
    }
}

/// Its destruction could begin at once: who waits for something else is not counted.
fn can_go(process: &Process, slot: usize, tenant: &Tenant) -> Option<Candidate> {
    let status = tenant.own_status();
    let id = status.tenant?;
    let destroys = !tenant.retains() && !tenant.spec.suspend;
    let entry = process.picture.by_id(id);
    let shown = entry.is_some_and(|entry| entry.name == tenant.spec.name);
    let machine = process.machine.filter(|_| slot == 0);
    let in_use = machine.is_some_and(|machine| !machine.meta.deleting);
    let waits = tenant.meta.deleting && status.removal.is_none();
    (waits && destroys && shown && !in_use).then(|| candidate(tenant, id))
}

pub fn admission(process: &Process, view: &Tenant, settings: Settings) -> Admission {
    let status = view.own_status();
    if process.picture.list.is_none() || !view.meta.deleting || status.tenant.is_none() {
        return Admission::Pending;
    }
    if status.removal.is_some() {
        return Admission::Granted;
    }
    let tenants = process.tenants.iter().enumerate();
    let candidates = tenants.filter_map(|(slot, t)| can_go(process, slot, t.as_ref()?));
    let verdict = admission::admit(&admission::Facts {
        enabled: true,
        limit: settings.limit,
        candidates: candidates.collect(),
        destroyed: 0,
        held: BTreeSet::new(),
        accepted: BTreeSet::new(),
        agreement: None,
    });
    let uid = view.meta.uid.to_string();
    if verdict.granted.contains(&uid) {
        Admission::Granted
    } else if verdict.held.iter().any(|held| held.uid == uid) {
        Admission::Held
    } else {
        Admission::Pending
    }
}
