//! What a Tenant's status says, and when that is written: the part of
//! `controllers/tenant/report.rs` that decisions rest on. It decides nothing.

use viis_operator::plan::tenant::{Action, Activity, ById, Creation, Step, Wait};

use crate::kube::{Activated, Said, Tenant};
use crate::memory::{Attempt, Change};
use crate::mutants::Mutant;
use crate::observe::Scene;
use crate::picture::View;
use crate::turn::{Next, Turn};
use crate::world::Kind;

/// Somebody has to change something.
fn stalls(wait: Wait) -> bool {
    match wait {
        Wait::ServerLeaving
        | Wait::NamespaceNotAllowed
        | Wait::AlreadyClaimed
        | Wait::Rejected(_)
        | Wait::NameTaken
        | Wait::AdoptionNotAllowed
        | Wait::ExistingNotFound
        | Wait::IdentityMismatch
        | Wait::Undecided
        | Wait::OtherEndpoint
        | Wait::DeletionHeld => true,
        Wait::ServerNotFound
        | Wait::ServerNotReady
        | Wait::InventoryGuard
        | Wait::Suspended
        | Wait::SecretNotFound
        | Wait::SecretKeyMissing
        | Wait::Settling(_)
        | Wait::Vanishing
        | Wait::TaskRunning(_)
        | Wait::TaskStuck(_)
        | Wait::VirtualMachines
        | Wait::InUse
        | Wait::Admission => false,
    }
}

fn activated(scene: &Scene, new: &Tenant, action: Action) -> Activated {
    let before = new.status.said.activated;
    if scene.facts.deleting {
        return before;
    }
    let lost = matches!(
        action,
        Action::Wait(Wait::IdentityMismatch | Wait::ExistingNotFound) | Action::ConfirmAbsence
    );
    if new.status.tenant.is_none() || lost {
        return Activated::Never;
    }
    match action {
        Action::Wait(Wait::VirtualMachines) => Activated::WaitingForMachines,
        _ => Activated::Said,
    }
}

impl Turn<'_> {
    /// The Tenant with the tasks that could not be written down at once.
    pub fn noted(&self, slot: usize, held: &Tenant) -> Tenant {
        let mut new = *held;
        new.status = held.own_status();
        new.status.owner = Some(held.meta.uid);
        let memory = &self.process.memories[slot];
        if let (Some(recorded), Some(attempt)) = (&mut new.status.creation, memory.attempt)
            && recorded.attempt == attempt.id
            && attempt.task.is_some()
        {
            recorded.task = attempt.task;
        }
        if let (Some(recorded), Some(removal)) = (&mut new.status.removal, memory.removal)
            && recorded.attempt == removal.id
            && removal.task.is_some()
        {
            recorded.task = removal.task;
        }
        new
    }

    /// The Tenant with the status that says this now.
    pub fn next_status(&mut self, scene: &Scene, action: Action) -> Tenant {
        let held = self.process.tenants[scene.slot].unwrap_or(scene.view);
        let mut new = self.noted(scene.slot, &held);
        let (stalled, blocked) = match action {
            Action::Wait(wait) => (
                stalls(wait),
                scene.facts.deleting
                    && matches!(wait, Wait::InUse | Wait::IdentityMismatch | Wait::Undecided),
            ),
            _ => (false, false),
        };
        let memory = self.process.memories[scene.slot];
        match memory.change {
            Some(Change { task, .. })
                if self.process.picture.view(task, scene.slot) == Some(View::Running) =>
            {
                new.status.change = Some(task);
            }
            _ if memory.last_task => new.status.change = None,
            _ => {}
        }
        if new.status.change == memory.settled_change {
            // One that the server did not remember: nobody shall follow it again.
            new.status.change = None;
        }
        new.status.said = Said {
            generation: new.meta.generation,
            ready: action == Action::Settled,
            stalled,
            blocked,
            activated: activated(scene, &new, action),
        };
        new
    }

    /// Says already what comes after the tenant was recorded.
    pub fn say_provisioned(&mut self, scene: &Scene, new: &mut Tenant) {
        let waits = scene.facts.machines.unregistered
            && scene.facts.spec.wanted == Activity::Active
            && !scene.facts.deleting;
        new.status.said.activated = match (scene.facts.deleting, waits) {
            (true, _) => new.status.said.activated,
            (false, true) => Activated::WaitingForMachines,
            (false, false) => Activated::Said,
        };
        new.status.change = None;
    }

    /// What is said while nothing else can be done. None: the status stays as it is.
    pub fn saying(&mut self, scene: &Scene, action: Action) -> Option<Tenant> {
        let said = scene.view.status.said;
        let agreed = said.ready && said.generation == scene.view.meta.generation;
        let has_work = scene.facts.deleting || !agreed;
        let same = matches!(scene.facts.world.by_id, ById::Same(_));
        match action {
            Action::LeaveAlone | Action::Wait(Wait::ServerNotReady) => None,
            Action::Wait(Wait::InventoryGuard) if !has_work && same => None,
            _ => Some(self.next_status(scene, action)),
        }
    }

    /// A survey of the tasks may end this wait.
    pub fn surveys_again(&self, slot: usize, action: Action) -> bool {
        let attempt = self.process.memories[slot].attempt;
        let surveyed = |attempt: Attempt| attempt.surveyed;
        let early = !self.is(Mutant::SurveyAfterList) && !attempt.is_none_or(surveyed);
        let removal = self.process.memories[slot].removal;
        let lost = removal.is_some_and(|removal| removal.is_lost() && !removal.surveyed);
        let change = self.process.memories[slot].lost_change;
        let unsurveyed = change.is_some_and(|lost| !lost.surveyed);
        match action {
            Action::Wait(Wait::Settling(Step::Create)) if early => true,
            Action::Wait(Wait::Settling(Step::Delete)) if lost => true,
            Action::Wait(Wait::Settling(Step::Change)) if unsurveyed => true,
            Action::Wait(Wait::Settling(_) | Wait::Vanishing) => {
                self.process.picture.survey.is_none()
            }
            _ => false,
        }
    }

    /// Nothing can be done now: says so.
    pub fn rest(&mut self, scene: &Scene, action: Action) -> Next {
        if self.surveys_again(scene.slot, action) {
            self.list_tasks();
            // What ended a moment ago made its tenant after the last list.
            let creation = scene.facts.record.creation;
            let early = matches!(creation, Creation::Unknown(unknown) if !unknown.settled);
            let shown = match action {
                Action::Wait(Wait::Settling(Step::Create)) => Some(Kind::Create),
                Action::Wait(Wait::Vanishing) => Some(Kind::Delete),
                _ => None,
            };
            let ended = shown.is_some_and(|kind| !self.process.picture.unclaimed(kind));
            if ended && !early && !self.is(Mutant::SurveyAfterList) {
                self.list_tenants();
            }
            return Next::Again;
        }
        if let Some(new) = self.saying(scene, action)
            && self.write(scene.slot, &new) == Next::Again
        {
            self.process.memories[scene.slot].last_task = false;
        }
        Next::Stop
    }
}
