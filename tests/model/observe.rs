//! Gathers what decides a Tenant's next step, as `controllers/tenant/observe.rs` does:
//! from one process's views, picture and memory. It calls nobody and decides nothing.
//! What was begun is in `attempts.rs`, claims and guards are in `guards.rs`.

use viis_operator::plan::tenant::{
    Activity, ById, Facts, Machines, Password, Record, Referrers, Server, Sighting, Spec, World,
};

use crate::attempts::{change, creation, removal};
use crate::guards::{admission, is_outclaimed, judge};
use crate::kube::{Activated, Tenant, TenantStatus, Uid};
use crate::memory::Process;
use crate::mutants::Mutant;
use crate::picture::{Entry, View};
use crate::world::{End, Id, Kind, Made, normal};

/// What the two sides are set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    pub adopts_by_id: bool,
    pub adopts_identical: bool,
    /// `guard.enabled`, `guard.limit`.
    pub guard: bool,
    pub limit: usize,
}

/// A Tenant and everything around it, at one moment.
pub struct Scene {
    pub slot: usize,
    pub view: Tenant,
    pub status: TenantStatus,
    pub facts: Facts,
    pub named: Option<Entry>,
    /// What the watched task's result names.
    pub made: Option<Made>,
}

/// Gathers the scene.
pub fn observe(
    process: &mut Process,
    slot: usize,
    accepted: &[Uid],
    settings: Settings,
    mutant: Option<Mutant>,
) -> Option<Scene> {
    let view = process.tenants[slot]?;
    let status = view.own_status();
    let record = Record {
        tenant: status.tenant.is_some(),
        creation: creation(process, slot, &status, mutant),
        removal: removal(process, slot, &status, mutant),
    };
    let change = change(process, slot, &status, mutant);
    let machines = machines(process, slot, &status);
    let (reach, written_off) = judge(process, accepted, settings);
    let named = process.picture.by_name(view.spec.name);
    let made = made_by(process, slot, &status);
    let refused = process.memories[slot].rejected;
    let refused = refused.filter(|(_, generation)| *generation == view.meta.generation);
    let mut scene = Scene {
        slot,
        view,
        status,
        named,
        made,
        facts: Facts {
            deleting: view.meta.deleting,
            finalizer: view.meta.finalizer,
            spec: Spec {
                wanted: activity(view.spec.active),
                retain: view.retains(),
                existing: view.spec.existing.is_some(),
                suspended: view.spec.suspend,
                password: Password::NotNeeded,
            },
            record,
            server: Server {
                reach,
                permitted: true,
                leaving: false,
                adopts_by_id: settings.adopts_by_id,
                adopts_identical: settings.adopts_identical,
            },
            outclaimed: is_outclaimed(process, &view),
            world: UNSEEN,
            change,
            machines,
            admission: admission(process, &view, settings),
            rejected: refused.map(|(step, _)| step),
        },
    };
    scene.facts.world = world(process, &scene, &written_off, mutant);
    Some(scene)
}

/// Before anything was looked at.
const UNSEEN: World = World {
    fresh: false,
    by_id: ById::Unlisted,
    verified: false,
    by_name: Sighting::Absent,
    unasked: false,
    existing: Sighting::Absent,
    unclaimed_creations: true,
    unclaimed_removals: true,
    may_vanish: true,
};

/// What the inventory shows.
fn world(process: &Process, scene: &Scene, written_off: &[Uid], mutant: Option<Mutant>) -> World {
    let Scene {
        slot, view, status, ..
    } = scene;
    let memory = process.memories[*slot];
    let other = owner(process, *slot, mutant);
    let by_name = by_name(view, scene.named, scene.made, other);
    let is_free = status.tenant.is_some()
        || status.creation.is_some()
        || (by_name == Sighting::Absent && view.spec.existing.is_none());
    World {
        fresh: is_fresh(process, *slot, status) && (is_free || memory.listed_since_spec),
        by_id: by_id(process, view, status, written_off),
        verified: status
            .tenant
            .is_some_and(|id| process.picture.asked.contains(&id)),
        by_name,
        unasked: is_unasked(process, scene),
        existing: existing(process, view, other),
        unclaimed_creations: unclaimed_creations(process, *slot, mutant),
        unclaimed_removals: unclaimed_removals(process, *slot),
        may_vanish: process.picture.unclaimed(Kind::Delete),
    }
}

pub fn activity(active: bool) -> Activity {
    if active {
        Activity::Active
    } else {
        Activity::Inactive
    }
}

fn machines(process: &mut Process, slot: usize, status: &TenantStatus) -> Machines {
    let machine = process.machine.filter(|_| slot == 0);
    let live = machine.filter(|machine| !machine.meta.deleting);
    let memory = &mut process.memories[slot];
    if live.is_some() {
        memory.referrers = None;
    }
    let registered = live.is_some_and(|m| m.registered && m.tenant == status.tenant);
    Machines {
        first_activation: status.said.activated != Activated::Said,
        unregistered: live.is_some_and(|machine| !registered && !machine.stalled),
        waited: memory.machines_waited,
        referrers: match memory.referrers {
            _ if live.is_some() => Referrers::Some,
            None => Referrers::Unlisted,
            Some(false) => Referrers::None,
            Some(true) => Referrers::Some,
        },
    }
}

/// The identifier that our own completed creation named.
fn made_by(process: &Process, slot: usize, status: &TenantStatus) -> Option<Made> {
    status.creation?;
    let memory = &process.memories[slot];
    let removing = status.removal.and(memory.removal).and_then(|r| r.task);
    let task = removing.or_else(|| memory.attempt.and_then(|attempt| attempt.task))?;
    match process.picture.view(task, slot) {
        Some(View::Ended(_, End::Completed(made))) => made,
        Some(View::Ended(..) | View::Unseen | View::Running | View::Forgotten) | None => None,
    }
}

/// The result of a task that was followed names a tenant that no list shows, and the server
/// was not asked for it.
fn is_unasked(process: &Process, scene: &Scene) -> bool {
    let attempt = process.memories[scene.slot].attempt;
    let followed = attempt.is_some_and(|attempt| attempt.followed && !attempt.asked);
    let made = scene.made.filter(|_| followed);
    made.is_some_and(|made| process.picture.by_id(made.id).is_none())
}

/// What another Tenant has recorded: the identifier, and the name that it has to have.
fn owner(process: &Process, slot: usize, mutant: Option<Mutant>) -> Option<(Id, Option<u8>)> {
    let other = process.tenants[1 - slot]?;
    let name = Some(other.spec.name).filter(|_| mutant != Some(Mutant::OwnsByIdentifier));
    other.own_status().tenant.map(|id| (id, name))
}

fn owns(other: Option<(Id, Option<u8>)>, entry: Entry) -> bool {
    other.is_some_and(|(id, name)| id == entry.id && name.is_none_or(|name| name == entry.name))
}

fn by_name(
    view: &Tenant,
    named: Option<Entry>,
    made: Option<Made>,
    other: Option<(Id, Option<u8>)>,
) -> Sighting {
    match named {
        None => Sighting::Absent,
        Some(entry) if owns(other, entry) => Sighting::Owned,
        Some(entry) if entry.fields == view.spec.fields => Sighting::Equal,
        Some(entry) if made.is_some_and(|made| made.id == entry.id) => Sighting::Equal,
        Some(entry) if is_creating(view) && normal(entry.fields) == normal(view.spec.fields) => {
            Sighting::Alike
        }
        Some(_) => Sighting::Different,
    }
}

fn is_creating(view: &Tenant) -> bool {
    view.own_status().creation.is_some()
}

fn existing(process: &Process, view: &Tenant, other: Option<(Id, Option<u8>)>) -> Sighting {
    let found = view.spec.existing.and_then(|id| process.picture.by_id(id));
    match found {
        None => Sighting::Absent,
        Some(entry) if owns(other, entry) => Sighting::Owned,
        Some(entry) if entry.name == view.spec.name => Sighting::Equal,
        Some(_) => Sighting::Different,
    }
}

fn by_id(process: &Process, view: &Tenant, status: &TenantStatus, written_off: &[Uid]) -> ById {
    let Some(id) = status.tenant else {
        return ById::Unlisted;
    };
    if process.picture.list.is_none() {
        return ById::Unlisted;
    }
    let written_off = !view.meta.deleting && written_off.contains(&view.meta.uid);
    match process.picture.by_id(id) {
        Some(entry) if entry.name == view.spec.name => ById::Same(activity(entry.active)),
        Some(_) if written_off => ById::Gone,
        Some(_) => ById::Other,
        None if written_off || process.picture.is_gone(id) => ById::Gone,
        None => ById::Missing,
    }
}

fn is_fresh(process: &Process, slot: usize, status: &TenantStatus) -> bool {
    let memory = &process.memories[slot];
    if process.picture.list.is_none() || !(process.picture.recent || memory.listed_in_run) {
        return false;
    }
    match (status.creation, memory.attempt) {
        (Some(_), Some(attempt)) if attempt.settled && !attempt.ended => attempt.listed_settled,
        (Some(_), Some(attempt)) => attempt.listed_since,
        (Some(_), None) | (None, _) => true,
    }
}

/// First the tasks, then the tenants: else the list says nothing of what they made.
fn unclaimed_creations(process: &Process, slot: usize, mutant: Option<Mutant>) -> bool {
    let attempt = process.memories[slot].attempt;
    let in_order = attempt.is_none_or(|attempt| attempt.surveyed && attempt.listed_after);
    let unclaimed = process.picture.unclaimed(Kind::Create);
    unclaimed || (!in_order && mutant != Some(Mutant::SurveyAfterList))
}

/// Where the deletion's task was found forgotten, by a survey from after that.
fn unclaimed_removals(process: &Process, slot: usize) -> bool {
    let removal = process.memories[slot].removal;
    let lost = removal.is_some_and(|removal| removal.is_lost() && !removal.surveyed);
    process.picture.unclaimed(Kind::Delete) || lost
}
