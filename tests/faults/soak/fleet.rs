//! The tenants that are wanted, their random changes, and whether both sides are so.

use crate::harness::{Stand, State, is_ready, machine, simple_tenant};
use crate::life::shown;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use viis_operator::api::{Tenant, VirtualMachine};

/// All that are wanted now.
pub struct Fleet {
    tenants: Vec<Wanted>,
    edits: usize,
}

struct Wanted {
    name: String,
    active: bool,
    /// How often it was made.
    lives: u64,
    is_there: bool,
    /// Name on the server; None: the machine is not there.
    machines: Vec<Option<String>>,
}

// === impl Fleet ===

impl Fleet {
    pub fn of(tenants: usize, machines: usize) -> Fleet {
        let tenant = |number: usize| Wanted {
            name: format!("tenant-{number:03}"),
            active: true,
            lives: 1,
            is_there: true,
            machines: (0..machines).map(|_| Some("first".to_owned())).collect(),
        };
        Fleet {
            tenants: (0..tenants).map(tenant).collect(),
            edits: 0,
        }
    }

    /// What was done.
    pub fn said(&self) -> String {
        format!("{} edits", self.edits)
    }

    /// A tenant by chance that is wanted.
    pub fn any(&self, random: &mut fastrand::Rng) -> Option<&str> {
        let tenant = &self.tenants[random.usize(..self.tenants.len())];
        tenant.is_there.then_some(tenant.name.as_str())
    }

    pub async fn apply_all(&self, stand: &Stand) {
        for (number, _) in self.tenants.iter().enumerate() {
            self.apply(stand, number).await;
        }
    }

    async fn apply(&self, stand: &Stand, number: usize) {
        let tenant = &self.tenants[number];
        let state = if tenant.active { "Active" } else { "Inactive" };
        let manifest = simple_tenant(&tenant.name).with("spec.state", state);
        stand.apply([manifest]).await;
        for (index, name) in tenant.machines.iter().enumerate() {
            if let Some(name) = name {
                let manifest = machine(
                    &machine_name(&tenant.name, index),
                    &tenant.name,
                    &bios_id(number, index),
                );
                stand
                    .apply([manifest.with("spec.name", name.as_str())])
                    .await;
            }
        }
    }

    pub async fn delete_all(&mut self, stand: &Stand) {
        for number in 0..self.tenants.len() {
            if self.tenants[number].is_there {
                self.delete(stand, number).await;
            }
        }
    }

    async fn delete(&mut self, stand: &Stand, number: usize) {
        let tenant = &mut self.tenants[number];
        tenant.is_there = false;
        stand.remove_if_there("Tenant", &tenant.name).await;
        for (index, name) in tenant.machines.iter_mut().enumerate() {
            if name.take().is_some() {
                let machine = machine_name(&tenant.name, index);
                stand.remove_if_there("VirtualMachine", &machine).await;
            }
        }
    }

    /// One change by chance, as a user makes it.
    pub async fn edit(&mut self, stand: &Stand, random: &mut fastrand::Rng) {
        self.edits += 1;
        let number = random.usize(..self.tenants.len());
        if !self.tenants[number].is_there {
            self.returns(stand, number).await;
            return;
        }
        let index = random.usize(..self.tenants[number].machines.len().max(1));
        match random.u8(0..20) {
            0 => self.delete(stand, number).await,
            1..8 => {
                let tenant = &mut self.tenants[number];
                tenant.active = !tenant.active;
                let state = if tenant.active { "Active" } else { "Inactive" };
                let change = json!({"spec": {"state": state}});
                stand.tenant(&tenant.name).patch(change).await;
            }
            _ => self.edit_machine(stand, random, number, index).await,
        }
    }

    async fn edit_machine(
        &mut self,
        stand: &Stand,
        random: &mut fastrand::Rng,
        number: usize,
        index: usize,
    ) {
        let tenant = &mut self.tenants[number];
        let name = machine_name(&tenant.name, index);
        let Some(slot) = tenant.machines.get_mut(index) else {
            return;
        };
        match (slot.is_some(), random.bool()) {
            (true, true) => {
                *slot = None;
                stand.remove_if_there("VirtualMachine", &name).await;
            }
            (true, false) => {
                let other = format!("named-{}", random.u32(..1000));
                *slot = Some(other.clone());
                let change = json!({"spec": {"name": other}});
                stand.machine(&name).patch(change).await;
            }
            (false, _) if stand.machine(&name).find().await.is_none() => {
                *slot = Some("again".to_owned());
                let manifest = machine(&name, &tenant.name, &bios_id(number, index));
                stand.apply([manifest.with("spec.name", "again")]).await;
            }
            // It is still going.
            (false, _) => {}
        }
    }

    /// A tenant that was deleted comes again, once it is gone.
    async fn returns(&mut self, stand: &Stand, number: usize) {
        let tenant = &mut self.tenants[number];
        if stand.tenant(&tenant.name).find().await.is_some() {
            return;
        }
        for index in 0..tenant.machines.len() {
            let machine = machine_name(&tenant.name, index);
            if stand.machine(&machine).find().await.is_some() {
                return;
            }
        }
        tenant.is_there = true;
        tenant.lives += 1;
        for machine in &mut tenant.machines {
            *machine = Some("again".to_owned());
        }
        self.apply(stand, number).await;
    }

    // === whether it is so ===

    /// What differs from what is wanted, on either side.
    pub async fn differences(&self, stand: &Stand) -> Vec<String> {
        let tenants: Api<Tenant> = Api::namespaced(stand.client.clone(), &stand.namespace);
        let machines: Api<VirtualMachine> = Api::namespaced(stand.client.clone(), &stand.namespace);
        let all = ListParams::default();
        let tenants = tenants.list(&all).await.unwrap().items;
        let machines = machines.list(&all).await.unwrap().items;
        let state = stand.simulator.state().await;
        let mut found = self.of_resources(&tenants, &machines);
        found.extend(self.of_server(&state));
        found
    }

    fn of_resources(&self, tenants: &[Tenant], machines: &[VirtualMachine]) -> Vec<String> {
        let wanted = self.tenants.iter().filter(|tenant| tenant.is_there);
        let wanted_machines = wanted.clone().flat_map(|tenant| {
            let there = tenant.machines.iter().enumerate();
            there
                .filter(|(_, name)| name.is_some())
                .map(|(index, _)| machine_name(&tenant.name, index))
        });
        let mut found = names(tenants, wanted.map(|tenant| tenant.name.clone()));
        found.extend(names(machines, wanted_machines));
        let waiting = tenants.iter().filter(|tenant| !is_ready(*tenant));
        found.extend(waiting.map(shown));
        let waiting = machines.iter().filter(|machine| !is_ready(*machine));
        found.extend(waiting.map(shown));
        found
    }

    fn of_server(&self, state: &State) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let wanted = self.tenants.iter().enumerate();
        let wanted = wanted.filter(|(_, tenant)| tenant.is_there);
        let mut expected: BTreeMap<&str, (&str, BTreeMap<String, String>)> = BTreeMap::new();
        for (number, tenant) in wanted {
            let machines = tenant.machines.iter().enumerate();
            let machines = machines
                .filter_map(|(index, name)| Some((bios_id(number, index), name.clone()?)))
                .collect();
            let status = if tenant.active { "Active" } else { "Inactive" };
            expected.insert(&tenant.name, (status, machines));
        }
        for tenant in &state.tenants {
            let machines: BTreeMap<String, String> = tenant
                .machines
                .iter()
                .map(|machine| {
                    (
                        machine.bios_id.clone(),
                        machine.name.clone().unwrap_or_default(),
                    )
                })
                .collect();
            let there = (tenant.status.as_str(), machines);
            if expected.remove(tenant.name.as_str()) != Some(there) {
                found.push(format!("the server has {tenant:?}"));
            }
        }
        let missing = expected.keys();
        found.extend(missing.map(|name| format!("the server has no {name}")));
        found
    }

    /// O2: nobody was made more often than it was wanted.
    pub fn made_once(&self, state: &State) -> Result<(), String> {
        let mut all = 0;
        for tenant in &self.tenants {
            let made = state.tasks.iter().filter(|task| {
                task.tenant_name.as_deref() == Some(&tenant.name) && task.state == "Completed"
            });
            let made = made.count() as u64;
            all += made;
            if made > tenant.lives {
                let (name, lives) = (&tenant.name, tenant.lives);
                return Err(format!(
                    "O2: {name} was made {made} times, wanted {lives} times"
                ));
            }
        }
        match all {
            0 => Err("O2: no task shows that a tenant was ever made".to_owned()),
            _ => Ok(()),
        }
    }
}

/// The names that are there and not wanted, or wanted and not there.
fn names<K: kube::Resource>(there: &[K], wanted: impl Iterator<Item = String>) -> Vec<String> {
    let there: BTreeSet<String> = there.iter().map(|object| object.name_any()).collect();
    let wanted: BTreeSet<String> = wanted.collect();
    there
        .symmetric_difference(&wanted)
        .map(|name| format!("{name} is there and not wanted, or the other way round"))
        .collect()
}

fn machine_name(tenant: &str, index: usize) -> String {
    format!("{tenant}-machine-{index}")
}

fn bios_id(tenant: usize, index: usize) -> String {
    format!("4230d3ef-1f2b-8b1c-{tenant:04x}-{index:012x}")
}
