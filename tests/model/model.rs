//! The model for `stateright`: which steps a state allows, and what comes of each. The
//! operator's own steps are in `tenant.rs`, `removal.rs` and `machine.rs`; their
//! decisions are the real planner's.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use stateright::Property;

use crate::faults::{Budget, Edit, Kind};
use crate::guards::{judge, losses};
use crate::kube::{Activated, Api, Policy, Said, TenantSpec, TenantStatus};
use crate::memory::{MACHINE, Process};
use crate::mutants::Mutant;
use crate::observe::Settings;
use crate::properties::{self, O1, O2, O3, O4, O7};
use crate::state::State;
use crate::tenant::Asks;
use crate::turn::{Fate, Turn};
use crate::world::{Id, NOBODY, Registration, Server, Storage};

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The leader's next step for an object.
    Step(usize, Fate),
    /// The same, with a list in which this tenant is hidden.
    StepHiding(usize, Id),
    /// The paused leader goes on with its step.
    Resume,
    /// The paused leader ends.
    End,
    /// A running task does its work.
    Finish(Id),
    /// A request arrives that nobody waits for.
    Arrive(usize),
    /// A deleted machine's short wait for its Tenant is over.
    Moment,
    HalfAMinute,
    HalfAnHour,
    /// The inventory is compared.
    Resync,
    /// A person agrees to the wave that is shown.
    Agree,
    /// The watches work again.
    Hear,
    Crash {
        stale: bool,
    },
    Pause(usize, Asks),
    Deafen,
    /// `kubectl replace` with a manifest that has no finalizer.
    Replace(usize),
    Fail(Id),
    Forget(Id, bool),
    Vanish(Id),
    Drift(Id),
    DriftMachine(Id),
    Stranger {
        fields: u8,
    },
    BackUp,
    RollBack,
    Edit(usize, Edit),
    Delete(usize),
    Create(usize),
}

/// A configuration: where it begins, what may happen, and how often.
pub struct Model {
    pub name: &'static str,
    pub settings: Settings,
    /// The Tenants that are there first, and the machine.
    pub tenants: Vec<TenantSpec>,
    pub machine: bool,
    pub beginning: Beginning,
    /// A Tenant that is made again is made like this, where that differs.
    pub again: Option<TenantSpec>,
    /// How the server stores what a creation sends.
    pub storage: Storage,
    /// Strangers on the server: name, fields.
    pub strangers: Vec<(u8, u8)>,
    pub faults: &'static [Kind],
    pub edits: &'static [Edit],
    pub budget: Budget,
    pub mutant: Option<Mutant>,
    /// O1 is looked at.
    pub rests: bool,
    /// The kinds of faults that a state offered, as bits.
    pub offered: AtomicU32,
    /// States from which all comes to rest as it should.
    pub settled: Mutex<HashSet<u64>>,
}

/// What is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Nothing,
    /// The tenants: made, recorded and ready.
    Tenants,
    /// The machine, too.
    Machine,
}

/// A Tenant named 1 that is to be active.
pub fn tenant() -> TenantSpec {
    TenantSpec {
        name: 1,
        fields: 0,
        active: true,
        policy: Policy::Unset,
        suspend: false,
        existing: None,
    }
}

/// What the Tenants ask for is there.
fn provision(api: &mut Api, server: &mut Server) {
    for tenant in api.tenants.iter_mut().flatten() {
        let id = server.add(tenant.spec.name, tenant.spec.fields, Some(tenant.meta.uid));
        if let Some(found) = server.tenant_mut(id) {
            found.active = tenant.spec.active;
        }
        tenant.meta.finalizer = true;
        tenant.status = TenantStatus {
            owner: Some(tenant.meta.uid),
            tenant: Some(id),
            said: Said {
                generation: tenant.meta.generation,
                ready: true,
                activated: Activated::Said,
                ..Said::default()
            },
            ..TenantStatus::default()
        };
    }
}

/// The machine is registered with the first Tenant's tenant.
fn register(api: &mut Api, server: &mut Server) {
    let tenant = api.tenants[0].and_then(|tenant| tenant.status.tenant);
    let Some(machine) = &mut api.machine else {
        return;
    };
    machine.meta.finalizer = true;
    machine.noted = tenant;
    machine.tenant = tenant;
    machine.registered = true;
    machine.registered_generation = machine.meta.generation;
    machine.ready = true;
    machine.observed = machine.meta.generation;
    if let Some(found) = tenant.and_then(|id| server.tenant_mut(id)) {
        found.machine = Some(Registration {
            fields: machine.fields,
            maker: Some(machine.meta.uid),
        });
    }
}

impl Model {
    pub fn has(&self, kind: Kind) -> bool {
        self.faults.contains(&kind)
    }

    /// The same, noting that it can happen.
    pub fn offers(&self, kind: Kind) -> bool {
        let offered = self.offered.load(Ordering::Relaxed);
        if offered & 1 << kind as u32 == 0 {
            self.offered.fetch_or(1 << kind as u32, Ordering::Relaxed);
        }
        self.has(kind)
    }

    /// What the configuration has go wrong, and no state lets.
    pub fn never_offered(&self) -> Vec<Kind> {
        let offered = self.offered.load(Ordering::Relaxed);
        let never = |kind: &Kind| offered & 1 << *kind as u32 == 0;
        self.faults.iter().copied().filter(never).collect()
    }

    pub fn first(&self) -> State {
        let mut api = Api::new();
        for (slot, spec) in self.tenants.iter().enumerate() {
            api.create_tenant(slot, *spec);
        }
        if self.machine {
            api.create_machine();
        }
        let mut server = Server::new();
        server.storage = self.storage;
        if self.beginning != Beginning::Nothing {
            provision(&mut api, &mut server);
        }
        if self.beginning == Beginning::Machine {
            register(&mut api, &mut server);
        }
        for (name, fields) in &self.strangers {
            server.add(*name, *fields, None);
        }
        let backup = self.has(Kind::RolledBack) || self.has(Kind::Emptied);
        State {
            leader: Process::start(&api, &server),
            restored: false,
            backup: backup.then(|| Box::new(server.clone())),
            api,
            server,
            network: Vec::new(),
            paused: None,
            budget: self.budget,
            next_attempt: 0,
            breach: None,
        }
    }

    /// The leader's step for an object.
    pub fn step(&self, state: &mut State, object: usize, fate: Fate, hidden: Option<Id>) {
        let mut turn = self.turn(state, fate, hidden);
        if object == MACHINE {
            turn.machine();
        } else {
            turn.tenant(object);
        }
    }

    fn turn<'a>(&self, state: &'a mut State, fate: Fate, hidden: Option<Id>) -> Turn<'a> {
        Turn {
            api: &mut state.api,
            server: &mut state.server,
            network: &mut state.network,
            process: &mut state.leader,
            breach: &mut state.breach,
            next_attempt: &mut state.next_attempt,
            fate,
            settings: self.settings,
            mutant: self.mutant,
            paused: false,
            restored: state.restored,
            hidden,
        }
    }

    pub fn asks(&self, state: &State, object: usize) -> Asks {
        let mut state = state.clone();
        let mut turn = self.turn(&mut state, Fate::Fine, None);
        if object == MACHINE {
            turn.machine_asks()
        } else {
            turn.tenant_asks(object)
        }
    }

    /// The paused leader goes on: one step, and what follows it at once.
    fn resume(&self, state: &mut State) {
        let Some(mut paused) = state.paused.take() else {
            return;
        };
        std::mem::swap(&mut state.leader, &mut paused.process);
        let object = paused.object;
        let mut turn = self.turn(state, Fate::Fine, None);
        turn.paused = true;
        if object == MACHINE {
            turn.machine();
        } else {
            turn.tenant(object);
        }
        let goes_on = state.leader.follows[object].is_some();
        std::mem::swap(&mut state.leader, &mut paused.process);
        state.paused = Some(paused).filter(|_| goes_on);
    }

    /// The Tenants that the absence guard misses: a person may agree to that.
    pub fn wave(&self, state: &State) -> Vec<u8> {
        let (reach, _) = judge(&state.leader, &state.api.accepted, self.settings);
        let lost = losses(&state.leader, &state.api.accepted, self.settings);
        match lost {
            Some(lost) if reach == viis_operator::plan::Reach::Guarded => {
                let uids = lost.lost.iter().map(|candidate| candidate.uid.parse());
                uids.map(|uid| uid.unwrap_or(NOBODY)).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Carries an event out. None: it changes nothing.
    pub fn carry_out(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        match event {
            Event::Step(object, fate) => {
                state.budget.faults -= u8::from(fate != Fate::Fine);
                state.budget.was_late |= fate == Fate::Late;
                self.step(&mut state, object, fate, None);
            }
            Event::StepHiding(object, id) => {
                state.budget.faults -= 1;
                self.step(&mut state, object, Fate::Fine, Some(id));
            }
            Event::Resume => self.resume(&mut state),
            Event::End => state.paused = None,
            Event::Finish(id) => state.server.finish(id),
            Event::Arrive(place) => {
                let request = state.network.remove(place);
                state.server.accept(request.call, request.owner);
            }
            Event::Moment => state.leader.machine_memory.waited = true,
            Event::HalfAMinute => state.half_a_minute(self),
            Event::HalfAnHour => {
                state.half_a_minute(self);
                state.leader.half_an_hour();
            }
            Event::Resync => resync(&mut state),
            Event::Agree => {
                let wave = self.wave(&state);
                state.agree(wave.into_iter());
            }
            Event::Hear => state.leader.deaf = false,
            Event::Edit(..) | Event::Delete(_) | Event::Create(_) => self.use_it(&mut state, event),
            Event::Crash { .. }
            | Event::Pause(..)
            | Event::Deafen
            | Event::Replace(_)
            | Event::Fail(_)
            | Event::Forget(..)
            | Event::Vanish(_)
            | Event::Drift(_)
            | Event::DriftMachine(_)
            | Event::Stranger { .. }
            | Event::RollBack => {
                state.budget.faults -= 1;
                state.budget.was_late |= matches!(event, Event::Pause(_, Asks::Changes));
                misfortune(&mut state, event);
            }
            Event::BackUp => state.backup = Some(Box::new(state.server.clone())),
        }
        state.tidy();
        (state != *before).then_some(state)
    }

    /// A user does something.
    fn use_it(&self, state: &mut State, event: Event) {
        match event {
            Event::Edit(MACHINE, _) => {
                state.budget.edits -= 1;
                state.api.edit_machine();
            }
            Event::Edit(slot, edit) => {
                state.budget.edits -= 1;
                let current = state.api.tenants[slot];
                let new = current.and_then(|t| edit.apply(t.spec, t.is_locked()));
                if let Some(new) = new {
                    state.api.edit_tenant(slot, new);
                }
            }
            Event::Delete(MACHINE) => {
                state.budget.deletions -= 1;
                state.api.delete_machine();
            }
            Event::Delete(slot) => {
                state.budget.deletions -= 1;
                state.api.delete_tenant(slot);
            }
            Event::Create(MACHINE) => {
                state.budget.creations -= 1;
                state.api.create_machine();
            }
            Event::Create(slot) => {
                state.budget.creations -= 1;
                let spec = self.again.or(self.tenants.get(slot).copied());
                let spec = spec.unwrap_or_else(tenant);
                state.api.create_tenant(slot, spec);
            }
            _ => {}
        }
    }
}

/// The inventory is compared: the tenants, and the machines of the first.
pub fn resync(state: &mut State) {
    state.leader.picture.replace(&state.server, None);
    state.leader.listed();
    let tenant = state.leader.tenants[0].filter(|_| state.leader.machine.is_some());
    let home = tenant.and_then(|tenant| tenant.own_status().tenant);
    let picture = &mut state.leader.picture;
    picture.machines.retain(|(listed, _)| Some(*listed) == home);
    if let Some(home) = home {
        picture.list_machines(&state.server, home);
        state.leader.settling.listed(home);
    }
}

fn misfortune(state: &mut State, event: Event) {
    match event {
        Event::Crash { stale } => state.crash(stale),
        Event::Pause(object, asks) => state.pause(object, asks == Asks::Changes),
        Event::Deafen => state.leader.deaf = true,
        Event::Replace(MACHINE) => state.api.replace_machine(),
        Event::Replace(slot) => state.api.replace_tenant(slot),
        Event::Fail(id) => state.fail_task(id),
        Event::Forget(id, goes_on) => state.forget_task(id, goes_on),
        Event::Vanish(id) => state.vanish(id),
        Event::Drift(id) => state.drift(id, false),
        Event::DriftMachine(id) => state.drift(id, true),
        Event::Stranger { fields } => {
            state.server.add(1, fields, None);
            state.server.refuse_others(1);
        }
        Event::RollBack => state.roll_back(),
        _ => {}
    }
}

impl stateright::Model for Model {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![self.first()]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.breach.is_some() {
            return;
        }
        let asks = [0, 1, MACHINE].map(|object| self.asks(state, object));
        self.offer_steps(state, &asks, events);
        self.offer_progress(state, &asks, events);
        self.offer_use(state, events);
        if state.budget.faults > 0 {
            self.offer_misfortune(state, &asks, events);
        }
    }

    fn next_state(&self, before: &State, event: Event) -> Option<State> {
        self.carry_out(before, event)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn keeps(state: &State, property: &'static str) -> bool {
            state
                .breach
                .is_none_or(|breach| breach.property() != property)
        }
        vec![
            Property::always(O1, |model: &Model, state: &State| {
                !model.rests || model.converges(state)
            }),
            Property::always(O2, |_, state| {
                keeps(state, O2) && properties::is_made_once(state)
            }),
            Property::always(O3, |_, state| keeps(state, O3)),
            Property::always(O4, |_, state| keeps(state, O4)),
            Property::always(O7, |_, state| keeps(state, O7)),
        ]
    }
}
