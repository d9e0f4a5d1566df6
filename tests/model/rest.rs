//! O1: from every state, once nothing goes wrong any more, all comes to rest within so
//! many steps, and then both sides agree. `stateright`'s `eventually` is sound on
//! acyclic paths only; this follows one fair schedule from each state instead, and
//! remembers the states from which it ended well.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::faults::Budget;
use crate::kube::{Machine, Tenant, Uid};
use crate::model::{Event, Model, resync};
use crate::state::State;
use crate::turn::Fate;
use crate::world::{Id, Tenant as Found, normal};

/// More steps than any state needs: beyond this it turns in circles.
const STEPS: usize = 400;

fn fingerprint(state: &State) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(state)
}

impl Model {
    /// What is left to do gets done, and then both sides agree.
    pub fn converges(&self, state: &State) -> bool {
        if state.breach.is_some() {
            return true;
        }
        let mut now = state.clone();
        now.budget = Budget::default();
        let mut passed = Vec::new();
        let mut calm = None;
        for _ in 0..STEPS {
            let print = fingerprint(&now);
            if calm.is_none() {
                if self.settled.lock().unwrap().contains(&print) {
                    self.settled.lock().unwrap().extend(passed);
                    return true;
                }
                passed.push(print);
            }
            if now.breach.is_some() {
                // The exploration itself will come here.
                return true;
            }
            match self.goes_on(&now) {
                Some(next) => now = next,
                None if calm == Some((now.api.clone(), now.server.clone())) => {
                    let converged = self.is_converged(&now);
                    if converged {
                        self.settled.lock().unwrap().extend(passed);
                    }
                    return converged;
                }
                None if now.leader.waits() => now.half_a_minute(self),
                None => {
                    // It stays so, also when everything is looked at anew.
                    calm = Some((now.api.clone(), now.server.clone()));
                    now.leader.half_an_hour();
                    resync(&mut now);
                }
            }
        }
        false
    }

    /// The next step of a schedule in which nothing goes wrong.
    fn goes_on(&self, state: &State) -> Option<State> {
        let mut next = state.clone();
        if next.paused.is_some() || next.leader.deaf || !next.network.is_empty() {
            next.paused = None;
            next.network.clear();
            next.leader.deaf = false;
            next.tidy();
            return Some(next);
        }
        if let Some(id) = state.server.may_end().next() {
            return self.carry_out(state, Event::Finish(id));
        }
        for object in 0..3 {
            let stepped = self.carry_out(state, Event::Step(object, Fate::Fine));
            if stepped.is_some() {
                return stepped;
            }
        }
        if !state.leader.picture.is_current(&state.server) {
            return self.carry_out(state, Event::Resync);
        }
        self.carry_out(state, Event::Agree)
    }

    /// Both sides agree, or say what a person has to decide.
    pub fn is_converged(&self, state: &State) -> bool {
        let tenants = (0..2).all(|slot| match &state.api.tenants[slot] {
            None => true,
            Some(tenant) if tenant.meta.deleting => self.may_stay(state, slot, tenant),
            Some(tenant) => self.agrees(state, slot, tenant) && is_protected(tenant),
        });
        let owned = state.server.tenants.iter().all(|found| {
            let maker = found.maker.filter(|_| !found.restored);
            maker.is_none_or(|maker| self.is_accounted_for(state, maker, found.id))
        });
        let registered = state.server.tenants.iter().all(|found| {
            let maker = found.machine.and_then(|machine| machine.maker);
            maker.is_none_or(|maker| is_traced(state, maker, found.id))
        });
        tenants && owned && registered && self.machine_agrees(state)
    }

    /// A tenant that was made for a resource is recorded there, or that is held up.
    fn is_accounted_for(&self, state: &State, maker: Uid, id: Id) -> bool {
        let mut owners = state.api.tenants.iter().enumerate();
        owners.any(|(slot, owner)| {
            owner.is_some_and(|owner| {
                let recorded = owner.own_status().tenant == Some(id);
                let held_up = || self.holds_up(state, slot, &owner);
                owner.meta.uid == maker && (recorded || held_up())
            })
        })
    }

    fn machine_agrees(&self, state: &State) -> bool {
        let Some(machine) = state.api.machine else {
            return true;
        };
        let tenant = state.api.tenants[0];
        if machine.meta.deleting {
            return tenant.is_some_and(|tenant| self.holds_up(state, 0, &tenant));
        }
        if machine.tenant.is_some() && !machine.meta.finalizer {
            return false;
        }
        let Some(tenant) = tenant.filter(|tenant| !tenant.meta.deleting) else {
            return !machine.ready;
        };
        let held_up = self.holds_up(state, 0, &tenant) || is_taken(state, &machine);
        held_up || is_registered(state, &tenant, &machine)
    }

    /// A Tenant that a person has to look at.
    fn holds_up(&self, state: &State, slot: usize, tenant: &Tenant) -> bool {
        let status = tenant.own_status();
        let named = state.server.named(tenant.spec.name);
        let found = status.tenant.and_then(|id| state.server.tenant(id));
        let mismatch = found.is_some_and(|found| found.name != tenant.spec.name);
        let other = state.api.tenants[1 - slot];
        let rival = other.is_some_and(|other| other.spec.name == tenant.spec.name);
        let uid = tenant.meta.uid;
        let taken = status.tenant.is_none()
            && named.is_some_and(|named| {
                named.maker != Some(uid) || recorded_elsewhere(state, uid, named.id)
            });
        let unknown = tenant.spec.existing.is_some() && found.is_none();
        // Nothing shows whether what is there is what was sent; or the server has said that the
        // name is taken, and nothing shows by what.
        let differs = |named: &Found| normal(named.fields) != normal(tenant.spec.fields);
        let undecided = status.creation.is_some()
            && status.said.stalled
            && named.map_or(tenant.meta.deleting, differs);
        // A restored server gives identifiers twice: that may need a person.
        let stalls = state.restored && status.said.stalled;
        tenant.spec.suspend || mismatch || rival || taken || unknown || undecided || stalls
    }

    /// The server agrees with a live Tenant, and its status says so.
    fn agrees(&self, state: &State, slot: usize, tenant: &Tenant) -> bool {
        let status = tenant.own_status();
        let said = status.said;
        let found = status.tenant.and_then(|id| state.server.tenant(id));
        let equal = found.is_some_and(|found| {
            found.name == tenant.spec.name && found.active == tenant.spec.active
        });
        let current = said.ready && said.generation == tenant.meta.generation;
        if current || !self.holds_up(state, slot, tenant) {
            return equal && current && tenant.meta.finalizer;
        }
        tenant.spec.suspend || said.stalled
    }

    /// A deletion that cannot go on by itself.
    fn may_stay(&self, state: &State, slot: usize, tenant: &Tenant) -> bool {
        let machine = state.api.machine.filter(|machine| !machine.meta.deleting);
        let in_use = slot == 0 && machine.is_some();
        in_use || self.holds_up(state, slot, tenant)
    }
}

/// What owns something on the server has our finalizer, whatever it waits for.
fn is_protected(tenant: &Tenant) -> bool {
    let status = tenant.own_status();
    tenant.meta.finalizer || status.tenant.is_none() && status.creation.is_none()
}

/// An identifier that was given twice: another Tenant has recorded it.
fn recorded_elsewhere(state: &State, uid: Uid, id: Id) -> bool {
    let mut others = state.api.tenants.iter().flatten();
    others.any(|other| other.meta.uid != uid && other.own_status().tenant == Some(id))
}

/// The BIOS ID is registered and not the machine's, and that stalls it.
fn is_taken(state: &State, machine: &Machine) -> bool {
    let registered = state.server.tenants.iter().filter_map(|t| t.machine);
    let mut makers = registered.map(|registration| registration.maker);
    machine.stalled && makers.any(|maker| maker != Some(machine.meta.uid))
}

/// What a machine has on the server, its status or its note says.
fn is_traced(state: &State, maker: Uid, place: Id) -> bool {
    let machine = state
        .api
        .machine
        .filter(|machine| machine.meta.uid == maker);
    machine.is_some_and(|machine| [machine.tenant, machine.noted].contains(&Some(place)))
}

fn is_registered(state: &State, tenant: &Tenant, machine: &Machine) -> bool {
    let id = tenant.own_status().tenant;
    let found = id.and_then(|id| state.server.tenant(id));
    let registered = found.and_then(|found| found.machine);
    let equal = registered.is_some_and(|registered| registered.fields == machine.fields);
    equal && machine.ready && machine.tenant == id
}

impl Model {
    /// Where the fair schedule leads, for a person who reads a counterexample.
    pub fn print_rest(&self, state: &State) {
        let mut now = state.clone();
        now.budget = Budget::default();
        for _ in 0..STEPS {
            match self.goes_on(&now) {
                Some(next) => now = next,
                None if now.leader.waits() => now.half_a_minute(self),
                None => break,
            }
        }
        println!("converged: {}", self.is_converged(&now));
        println!("at rest: {:#?}", (&now.api, &now.server, &now.leader));
    }
}
