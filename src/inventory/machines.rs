//! The machines of the tenants that somebody asked for, with what this process did since.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Text;
use crate::viis::{BiosId, TenantId, VirtualMachine, VirtualMachineId};

/// So long a call whose answer was lost may still be carried out.
pub const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// The machines of one server, by tenant.
pub struct Machines {
    /// Before this, another process may have sent something.
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lists: HashMap<TenantId, List>,
    /// What was unregistered: it counts until a list starts later.
    removed: HashMap<TenantId, HashMap<BiosId, Instant>>,
    /// Unregistrations without an answer. They may be carried out later.
    unanswered: HashMap<(TenantId, BiosId), Instant>,
    /// Registrations without an answer, likewise.
    sent: HashMap<(TenantId, BiosId), Instant>,
    /// What this process registered at its beginning: nobody before it sent anything
    /// about these.
    registered: HashSet<BiosId>,
    /// Where these are registered this process noted at its beginning, before anybody
    /// could send a registration.
    noted: HashSet<BiosId>,
}

impl Default for Machines {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            state: Mutex::default(),
        }
    }
}

struct List {
    started: Instant,
    machines: HashMap<BiosId, Machine>,
}

/// A machine, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its identifier in the server's database.
    pub id: Option<VirtualMachineId>,
    /// Its name.
    pub name: Option<Text>,
    /// Its user data.
    pub user_data: Option<Text>,
}

/// What the list shows of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// There is no complete list of this tenant's machines.
    Unlisted,
    /// It is not in the list.
    Absent,
    /// It is.
    Present(Machine),
}

impl Machines {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a complete list whose call started at `started`.
    pub fn replace(&self, tenant: &TenantId, machines: &[VirtualMachine], started: Instant) {
        let mut state = self.state();
        let removed = state.removed.entry(tenant.clone()).or_default();
        removed.retain(|_, at| *at >= started);
        let machines = machines
            .iter()
            .filter(|machine| !removed.contains_key(&machine.bios_id))
            .map(|machine| {
                let reduced = Machine {
                    id: machine.id.clone(),
                    name: Text::of(machine.name.as_deref()),
                    user_data: Text::of(machine.user_data.as_deref()),
                };
                (machine.bios_id, reduced)
            })
            .collect();
        if removed.is_empty() {
            state.removed.remove(tenant);
        }
        if self.begun.elapsed() >= ARRIVES_WITHIN {
            state.registered = HashSet::new();
            state.noted = HashSet::new();
        }
        state
            .lists
            .insert(tenant.clone(), List { started, machines });
    }

    /// A tenant that was made this moment has no machines.
    pub fn none_yet(&self, tenant: &TenantId) {
        self.state().lists.entry(tenant.clone()).or_insert(List {
            started: Instant::now(),
            machines: HashMap::new(),
        });
    }

    /// The server unregistered this machine.
    pub fn unregistered(&self, tenant: &TenantId, bios_id: BiosId) {
        let mut state = self.state();
        if let Some(list) = state.lists.get_mut(tenant) {
            list.machines.remove(&bios_id);
        }
        // Also for a list that is on its way, the first one perhaps.
        let removed = state.removed.entry(tenant.clone()).or_default();
        removed.insert(bios_id, Instant::now());
    }

    /// This process registered this machine.
    pub fn registered(&self, bios_id: BiosId) {
        self.remember(bios_id, |state| &mut state.registered);
    }

    /// This process noted where this machine is to be registered, and nobody before it.
    pub fn noted_first(&self, bios_id: BiosId) {
        self.remember(bios_id, |state| &mut state.noted);
    }

    /// What came before is of no interest after half a minute.
    fn remember(&self, bios_id: BiosId, set: fn(&mut State) -> &mut HashSet<BiosId>) {
        let mut state = self.state();
        if self.begun.elapsed() < ARRIVES_WITHIN {
            set(&mut state).insert(bios_id);
        } else {
            *set(&mut state) = HashSet::new();
        }
    }

    /// The answer to an unregistration was lost.
    pub fn unanswered(&self, tenant: &TenantId, bios_id: BiosId) {
        note(&mut self.state().unanswered, tenant, bios_id);
    }

    /// The answer to a registration was lost.
    pub fn registration_unanswered(&self, tenant: &TenantId, bios_id: BiosId) {
        note(&mut self.state().sent, tenant, bios_id);
    }

    /// Until when a registration that nobody knows of may be carried out. `noted`: it is
    /// noted that the machine is registered there, so another process may have sent one,
    /// also before one that this process knows of.
    pub fn registers_until(
        &self,
        tenant: &TenantId,
        bios_id: BiosId,
        noted: bool,
    ) -> Option<Instant> {
        let state = self.state();
        // What is listed may be another one's doing: that which was sent first may come last.
        let inherited = noted && !state.noted.contains(&bios_id);
        let foreign = inherited.then_some(self.begun);
        let sent = state.sent.get(&(tenant.clone(), bios_id)).copied();
        sent.max(foreign).map(|since| since + ARRIVES_WITHIN)
    }

    /// Until when an unregistration that nobody knows of any more may be carried out. Only
    /// a machine that is registered can have one from another process.
    pub fn unsettled_until(&self, tenant: &TenantId, bios_id: BiosId) -> Option<Instant> {
        let state = self.state();
        let list = state.lists.get(tenant);
        let present = list.is_some_and(|list| list.machines.contains_key(&bios_id));
        let foreign = present && !state.registered.contains(&bios_id);
        let unanswered = state.unanswered.get(&(tenant.clone(), bios_id)).copied();
        let since = unanswered.max(foreign.then_some(self.begun));
        since.map(|since| since + ARRIVES_WITHIN)
    }

    /// The tenant is gone, and its list with it.
    pub fn forget(&self, tenant: &TenantId) {
        let mut state = self.state();
        state.lists.remove(tenant);
        state.removed.remove(tenant);
    }

    /// Keeps only the lists of these tenants.
    pub fn retain(&self, keep: impl Fn(&TenantId) -> bool) {
        let mut state = self.state();
        state.lists.retain(|tenant, _| keep(tenant));
        state.removed.retain(|tenant, _| keep(tenant));
    }

    /// What is known of one machine.
    pub fn sighting(&self, tenant: &TenantId, bios_id: BiosId) -> Sighting {
        match self.state().lists.get(tenant) {
            None => Sighting::Unlisted,
            Some(list) => match list.machines.get(&bios_id) {
                None => Sighting::Absent,
                Some(machine) => Sighting::Present(machine.clone()),
            },
        }
    }

    /// When the list of this tenant's machines started.
    pub fn listed_at(&self, tenant: &TenantId) -> Option<Instant> {
        self.state().lists.get(tenant).map(|list| list.started)
    }
}

/// Notes a call without an answer.
fn note(calls: &mut HashMap<(TenantId, BiosId), Instant>, tenant: &TenantId, bios_id: BiosId) {
    // Nobody looks at one twice as old.
    calls.retain(|_, at| at.elapsed() < ARRIVES_WITHIN * 2);
    calls.insert((tenant.clone(), bios_id), Instant::now());
}

#[cfg(test)]
mod tests;
