//! Which events a state offers. A fault is offered where it can make a difference and
//! while there is budget for it; time passes while the leader has nothing to do.

use crate::faults::{Edit, Kind};
use crate::memory::MACHINE;
use crate::model::{Event, Model};
use crate::state::State;
use crate::tenant::Asks;
use crate::turn::Fate;

impl Model {
    pub fn offer_steps(&self, state: &State, asks: &[Asks; 3], events: &mut Vec<Event>) {
        for (object, asks) in asks.iter().enumerate() {
            if *asks == Asks::Nothing && !state.leader.runs[object] {
                continue;
            }
            events.push(Event::Step(object, Fate::Fine));
            if state.budget.faults == 0 {
                continue;
            }
            let mut offer = |kind, fate| {
                if self.offers(kind) {
                    events.push(Event::Step(object, fate));
                }
            };
            match asks {
                Asks::Nothing | Asks::Reads => {}
                Asks::Writes => {
                    offer(Kind::WriteLost, Fate::RequestLost);
                    offer(Kind::WriteLost, Fate::AnswerLost);
                }
                Asks::Changes => {
                    offer(Kind::RequestLost, Fate::RequestLost);
                    offer(Kind::RequestLost, Fate::Unsent);
                    offer(Kind::AnswerLost, Fate::AnswerLost);
                    if !state.budget.was_late {
                        offer(Kind::Late, Fate::Late);
                    }
                    offer(Kind::Rejected, Fate::Rejected);
                    if object == MACHINE {
                        offer(Kind::ListedLate, Fate::ListedLate);
                    }
                }
            }
        }
    }

    /// What goes on by itself.
    pub fn offer_progress(&self, state: &State, asks: &[Asks; 3], events: &mut Vec<Event>) {
        events.extend(state.server.may_end().map(Event::Finish));
        let arriving = state.network.iter().enumerate();
        let arriving = arriving.filter(|(_, request)| state.may_arrive(request));
        events.extend(arriving.map(|(place, _)| Event::Arrive(place)));
        if let Some(paused) = &state.paused {
            events.push(Event::End);
            if state.may_resume(paused) {
                events.push(Event::Resume);
            }
        }
        if state.leader.deaf {
            events.push(Event::Hear);
        }
        let machine = state.leader.machine;
        if machine.is_some_and(|m| m.meta.deleting) && !state.leader.machine_memory.waited {
            events.push(Event::Moment);
        }
        let runs = state.leader.runs.iter().any(|runs| *runs);
        if runs || asks.iter().any(|asks| *asks != Asks::Nothing) {
            return;
        }
        // Longer waits end after shorter ones, and a task ends within 10 minutes.
        let picture = &state.leader.picture;
        let waits = state.leader.waits();
        if waits || picture.recent || picture.survey.is_some() {
            events.push(Event::HalfAMinute);
        }
        if !waits && state.server.running().next().is_none() {
            events.push(Event::HalfAnHour);
        }
        if !state.leader.picture.is_current(&state.server) || self.machine {
            events.push(Event::Resync);
        }
        if !self.wave(state).is_empty() {
            events.push(Event::Agree);
        }
    }

    /// What users do.
    pub fn offer_use(&self, state: &State, events: &mut Vec<Event>) {
        let budget = state.budget;
        let tenants = self.tenants.len();
        for slot in 0..tenants {
            let Some(tenant) = state.api.tenants[slot] else {
                if budget.creations > 0 {
                    events.push(Event::Create(slot));
                }
                continue;
            };
            if budget.edits > 0 {
                let possible = |edit: &&_| {
                    let edit: Edit = **edit;
                    edit.apply(tenant.spec, tenant.is_locked()).is_some()
                };
                let edits = self.edits.iter().filter(possible);
                events.extend(edits.map(|edit| Event::Edit(slot, *edit)));
            }
            // Without its finalizer it would be gone at once, and nobody could help that.
            let replaced = self.has(Kind::Replaced) && !tenant.meta.finalizer;
            if budget.deletions > 0 && !tenant.meta.deleting && !replaced {
                events.push(Event::Delete(slot));
            }
        }
        if !self.machine {
            return;
        }
        let live = state.api.machine.is_some_and(|m| !m.meta.deleting);
        if state.api.machine.is_none() && budget.creations > 0 {
            events.push(Event::Create(MACHINE));
        }
        let replaced = self.has(Kind::Replaced)
            && state
                .api
                .machine
                .is_some_and(|machine| !machine.meta.finalizer);
        if live && budget.deletions > 0 && !replaced {
            events.push(Event::Delete(MACHINE));
        }
        if live && budget.edits > 0 && self.edits.contains(&Edit::Fields) {
            events.push(Event::Edit(MACHINE, Edit::Fields));
        }
    }

    /// What goes wrong.
    pub fn offer_misfortune(&self, state: &State, asks: &[Asks; 3], events: &mut Vec<Event>) {
        if self.offers(Kind::Crash) {
            events.push(Event::Crash { stale: false });
        }
        let behind = state.leader.tenants != state.api.tenants;
        if behind && self.offers(Kind::StaleRestart) {
            events.push(Event::Crash { stale: true });
        }
        if self.has(Kind::Paused) && state.paused.is_none() {
            for (object, asks) in asks.iter().enumerate() {
                let once = *asks == Asks::Changes && !state.budget.was_late;
                if once || *asks == Asks::Writes {
                    self.offers(Kind::Paused);
                    events.push(Event::Pause(object, *asks));
                }
            }
        }
        if !state.leader.deaf && self.offers(Kind::Deaf) {
            events.push(Event::Deafen);
        }
        self.offer_replacement(state, events);
        self.offer_tasks(state, events);
        self.offer_tenants(state, asks, events);
        if let Some(backup) = &state.backup
            && **backup != state.server
        {
            self.offers(Kind::Emptied);
            events.push(Event::RollBack);
            // One backup is enough.
            if backup.next_task == 1 && self.offers(Kind::RolledBack) {
                events.push(Event::BackUp);
            }
        }
    }

    fn offer_replacement(&self, state: &State, events: &mut Vec<Event>) {
        let tenants = state.api.tenants.iter().enumerate();
        let tenants = tenants.filter_map(|(slot, tenant)| Some((slot, tenant.as_ref()?.meta)));
        let machine = state.api.machine.iter();
        let machine = machine.map(|machine| (MACHINE, machine.meta));
        for (object, meta) in tenants.chain(machine) {
            if meta.finalizer && !meta.deleting && self.offers(Kind::Replaced) {
                events.push(Event::Replace(object));
            }
        }
    }

    fn offer_tasks(&self, state: &State, events: &mut Vec<Event>) {
        for task in &state.server.tasks {
            if task.end.is_none() && self.offers(Kind::TaskFails) {
                events.push(Event::Fail(task.id));
            }
            if self.offers(Kind::TaskForgotten) {
                events.push(Event::Forget(task.id, true));
                if task.end.is_none() {
                    events.push(Event::Forget(task.id, false));
                }
            }
        }
    }

    fn offer_tenants(&self, state: &State, asks: &[Asks; 3], events: &mut Vec<Event>) {
        for tenant in state.server.tenants.iter().filter(|t| t.maker.is_some()) {
            if self.offers(Kind::Vanishes) {
                events.push(Event::Vanish(tenant.id));
            }
            if self.offers(Kind::Drifts) {
                events.push(Event::Drift(tenant.id));
                if tenant.machine.is_some() {
                    events.push(Event::DriftMachine(tenant.id));
                }
            }
            let mut owners = state.api.tenants.iter().flatten();
            let owned = owners.any(|owner| owner.own_status().tenant == Some(tenant.id));
            if self.has(Kind::Hidden) && owned {
                let reads = (0..3).filter(|object| asks[*object] == Asks::Reads);
                let reads = reads.filter(|_| self.offers(Kind::Hidden));
                events.extend(reads.map(|object| Event::StepHiding(object, tenant.id)));
            }
        }
        let free = state.server.named(1).is_none();
        if free && self.offers(Kind::Stranger) {
            events.push(Event::Stranger { fields: 0 });
            events.push(Event::Stranger { fields: 1 });
        }
    }
}
