//! Gathers what decides the VirtualMachine's next step: where it is registered, or may
//! be, and what the picture shows there. As `controllers/virtual_machine/observe.rs` and
//! `whereabouts.rs`, with one server and one namespace: a place is a tenant's identifier.
//! A registration has no identifier of its own here. It calls nobody and decides nothing.

use viis_operator::plan::Reach;
use viis_operator::plan::virtual_machine::{
    Evidence, Facts, Identity, Leftover, Registration, Tenant as Standing, Whereabouts,
};

use crate::guards::judge;
use crate::kube::{Machine, Tenant, Uid};
use crate::memory::{Process, Shown};
use crate::mutants::Mutant;
use crate::observe::Settings;
use crate::world::Id;

/// The VirtualMachine and what decides its next step.
pub struct MachineScene {
    pub view: Machine,
    /// The place that is looked at.
    pub tenant_id: Option<Id>,
    /// Where it is registered beside that.
    pub leftover: Option<Id>,
    /// What the note names and nothing proves.
    pub unproved: Option<Id>,
    pub facts: Facts,
}

/// One look at it.
struct Search<'a> {
    process: &'a Process,
    view: &'a Machine,
    /// Where its Tenant wants it.
    home: Option<Id>,
    mutant: Option<Mutant>,
}

/// Gathers the scene.
pub fn observe(
    process: &Process,
    view: Machine,
    accepted: &[Uid],
    settings: Settings,
    mutant: Option<Mutant>,
) -> MachineScene {
    let tenant = process.tenants[0];
    let search = Search {
        process,
        view: &view,
        home: tenant.and_then(|tenant| tenant.own_status().tenant),
        mutant,
    };
    let (reach, _) = judge(process, accepted, settings);
    let (place, whereabouts, unproved) = search.trail();
    let leftover = search.leftover(reach);
    let memory = &process.machine_memory;
    let generation = view.meta.generation;
    let settled_generation = (view.registered && view.registered_generation == generation)
        || memory.registered_for == Some(generation);
    let shown = search.registration(place);
    let (unsettled, registration) = match place {
        None => (false, shown),
        Some(place) if view.meta.deleting => (
            process
                .settling
                .may_be_registered(place, view.noted == Some(place)),
            shown,
        ),
        Some(_) if settled_generation && shown == Registration::Different => (false, shown),
        Some(place) => process.settling.judge(place, shown),
    };
    let facts = Facts {
        deleting: view.meta.deleting,
        finalizer: view.meta.finalizer,
        owns: view.tenant.is_some()
            || place.is_some_and(|place| process.settling.may_be_registered(place, false)),
        retain: view.retain,
        suspended: tenant.is_some_and(|tenant| tenant.spec.suspend),
        outclaimed: false,
        tenant: standing(tenant.as_ref(), &view),
        reach,
        permitted: true,
        leaving: false,
        identity: search.identity(place, tenant.filter(|_| whereabouts == Whereabouts::Home)),
        registration,
        whereabouts,
        leftover: leftover.map_or(Leftover::None, |(_, left)| left),
        settled_generation,
        awaited: place.is_some_and(|place| memory.sent == Some((place, true))),
        unsettled,
        rejected: memory.rejected == Some((generation, view.meta.deleting)),
        waited: memory.waited && view.meta.deleting,
        evidence: evidence(process, &view, place),
    };
    MachineScene {
        view,
        tenant_id: place,
        leftover: leftover.map(|(place, _)| place),
        unproved,
        facts,
    }
}

/// What the lists since the deletion prove.
fn evidence(process: &Process, view: &Machine, place: Option<Id>) -> Evidence {
    let shown = process.machine_memory.shown;
    let shown = shown.filter(|(listed, _)| view.meta.deleting && Some(*listed) == place);
    let there = place.and_then(|place| process.picture.machine(place));
    match (shown, there) {
        (None | Some((_, Shown::Missing { aged: true })), _) => Evidence::Unlisted,
        (Some(_), Some(Some(_))) => Evidence::Present,
        (Some((_, Shown::Present)), _) => Evidence::Unlisted,
        (Some((_, Shown::Missing { aged: false })), _) => Evidence::Missing,
        (Some((_, Shown::Absent)), _) => Evidence::Absent,
    }
}

fn standing(tenant: Option<&Tenant>, machine: &Machine) -> Standing {
    let Some(tenant) = tenant else {
        return Standing::NotFound;
    };
    let status = tenant.own_status();
    if !tenant.meta.deleting {
        return match status.tenant {
            Some(_) => Standing::Provisioned,
            None => Standing::Unprovisioned,
        };
    }
    let refused = status.removal.is_some() && status.said.stalled;
    let in_use = status.removal.is_none() && status.said.blocked && !machine.meta.deleting;
    if tenant.retains() || refused || in_use {
        Standing::LeavingBlocked
    } else {
        Standing::Leaving
    }
}

impl Search<'_> {
    /// Where a live machine belongs, or what the deletion of one has to undo.
    fn trail(&self) -> (Option<Id>, Whereabouts, Option<Id>) {
        if !self.view.meta.deleting {
            let whereabouts = match self.home {
                Some(_) => Whereabouts::Home,
                None => Whereabouts::Nowhere,
            };
            return (self.home, whereabouts, self.forgotten());
        }
        self.undoing()
    }

    /// A note of a live machine that nothing proves: its next note takes its place.
    fn forgotten(&self) -> Option<Id> {
        let left = &self.process.machine_memory.left;
        self.view.noted.filter(|noted| {
            let known = self.home == Some(*noted) || self.view.tenant == Some(*noted);
            let over = left.contains(noted) || self.process.picture.is_gone(*noted);
            !(known || over || self.is_proved(*noted))
        })
    }

    /// The note first, then the status; without either, where its Tenant is.
    fn undoing(&self) -> (Option<Id>, Whereabouts, Option<Id>) {
        let recorded = self.view.tenant;
        let noted = self.view.noted.filter(|noted| recorded != Some(*noted));
        let (noted, unproved) = match noted {
            Some(noted) if self.is_proved(noted) => (Some(noted), None),
            Some(noted) => (None, Some(noted)),
            None => (None, None),
        };
        let unproved = unproved.filter(|place| !self.process.picture.is_gone(*place));
        let noted = noted.filter(|_| self.mutant != Some(Mutant::OldRegistration));
        let mut counting: Vec<Id> = noted.into_iter().chain(recorded).collect();
        if counting.is_empty() && recorded.is_none() {
            counting.extend(self.home);
        }
        let picture = &self.process.picture;
        let left = &self.process.machine_memory.left;
        let open = || counting.iter().filter(|place| !left.contains(place));
        let undecided = open().find(|place| !picture.is_gone(**place));
        let place = undecided.or_else(|| open().next()).copied();
        let whereabouts = match place {
            None if counting.is_empty() => Whereabouts::Nowhere,
            None => Whereabouts::Left,
            Some(_) if place == self.home => Whereabouts::Home,
            Some(_) => Whereabouts::Elsewhere,
        };
        (place, whereabouts, unproved)
    }

    /// Where a live machine is registered beside its home.
    fn leftover(&self, reach: Reach) -> Option<(Id, Leftover)> {
        let home = self.home?;
        let recorded = self.view.tenant;
        if self.view.meta.deleting || recorded == Some(home) {
            return None;
        }
        let left = &self.process.machine_memory.left;
        let noted = self.view.noted.filter(|noted| self.is_proved(*noted));
        let places = noted.into_iter().chain(recorded);
        places
            .filter(|place| *place != home && !left.contains(place))
            .map(|place| (place, self.left_at(place, reach)))
            .find(|(_, left)| *left != Leftover::None)
    }

    fn left_at(&self, place: Id, reach: Reach) -> Leftover {
        let picture = &self.process.picture;
        match reach {
            Reach::Missing | Reach::Foreign => Leftover::Lost,
            Reach::NotReady | Reach::Guarded => Leftover::Blocked,
            Reach::Ready if picture.is_gone(place) => Leftover::None,
            Reach::Ready => match picture.machine(place) {
                None => Leftover::Unlisted,
                Some(None) => self.absent(place),
                Some(Some(_)) => self.removable(place),
            },
        }
    }

    /// The list does not show it: nothing of ours is there, once nothing can arrive.
    fn absent(&self, place: Id) -> Leftover {
        let settling = &self.process.settling;
        if settling.may_be_registered(place, self.view.noted == Some(place)) {
            Leftover::Unsettled
        } else if settling.is_outdated_for_registrations(place) {
            Leftover::Unlisted
        } else {
            Leftover::None
        }
    }

    fn removable(&self, place: Id) -> Leftover {
        let settling = &self.process.settling;
        if settling.may_be_registered(place, self.view.noted == Some(place)) {
            Leftover::Unsettled
        } else {
            Leftover::Removable
        }
    }

    /// A Tenant of this namespace has that tenant.
    fn is_proved(&self, place: Id) -> bool {
        let mut tenants = self.process.tenants.iter().flatten();
        tenants.any(|tenant| tenant.own_status().tenant == Some(place))
    }

    fn identity(&self, place: Option<Id>, tenant: Option<Tenant>) -> Identity {
        let picture = &self.process.picture;
        match place {
            None => Identity::Unlisted,
            Some(id) if picture.is_gone(id) => Identity::Gone,
            Some(_) if picture.list.is_none() => Identity::Unlisted,
            Some(id) => match (picture.by_id(id), tenant) {
                (None, _) => Identity::Missing,
                (Some(_), None) => Identity::Same,
                (Some(entry), Some(tenant)) if entry.name == tenant.spec.name => Identity::Same,
                (Some(_), Some(_)) => Identity::Other,
            },
        }
    }

    fn registration(&self, place: Option<Id>) -> Registration {
        match place.and_then(|place| self.process.picture.machine(place)) {
            None => Registration::Unlisted,
            Some(None) => Registration::Absent,
            Some(Some(fields)) if fields == self.view.fields => Registration::Equal,
            Some(Some(_)) => Registration::Different,
        }
    }
}
