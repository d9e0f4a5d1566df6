//! The keys under which objects are looked for: who refers to whom, under which name
//! and identifier. Holds no object, and answers whose turn a change makes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use super::Key;
use super::object::{noted, owned_identifier};
use crate::api::{Tenant, VirtualMachine};
use crate::viis::{BiosId, TenantId, normalized};

/// Who is found under what. Read by anybody in this room, changed here alone.
#[derive(Default)]
pub struct Index {
    tenants: HashMap<Key, TenantKeys>,
    machines: BTreeMap<Key, MachineKeys>,
    /// What is known of the namespaces.
    pub namespaces: HashMap<String, Namespace>,
    /// The Tenants that refer to a server.
    pub tenants_by_server: Found<String>,
    /// The Tenants that want a name, by server and the name's normal form.
    pub tenants_by_name: Found<(String, String)>,
    /// The Tenants whose status names a tenant, by server.
    pub tenants_by_id: Found<(String, TenantId)>,
    /// The VirtualMachines that refer to a Tenant.
    pub machines_by_tenant: Found<Key>,
    /// The VirtualMachines with a BIOS ID: pairs, since nearly each has its own, and a
    /// set for each would take more room than all else that is kept of it.
    machines_by_bios: BTreeSet<(BiosId, Key)>,
}

/// The objects that are found under a key.
pub struct Found<K>(HashMap<K, BTreeSet<Key>>);

/// Under what a Tenant is found.
#[derive(Clone, PartialEq, Eq)]
pub struct TenantKeys {
    server: String,
    name: String,
    id: Option<TenantId>,
}

/// Under what a VirtualMachine is found.
#[derive(Clone, PartialEq, Eq)]
pub struct MachineKeys {
    tenant: Box<str>,
    bios_id: Option<BiosId>,
    recorded_server: Option<Box<str>>,
}

/// What is known of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It is being deleted.
    pub terminating: bool,
}

impl<K> Default for Found<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Found<K> {
    /// The objects under this key.
    pub fn under(&self, at: &K) -> Vec<Key> {
        self.0
            .get(at)
            .map(|keys| keys.iter().cloned().collect())
            .unwrap_or_default()
    }

    fn put(&mut self, at: K, key: &Key) {
        self.0.entry(at).or_default().insert(key.clone());
    }

    fn cut(&mut self, at: &K, key: &Key) {
        if let Some(keys) = self.0.get_mut(at) {
            keys.remove(key);
            if keys.is_empty() {
                self.0.remove(at);
            }
        }
    }
}

impl Index {
    /// All Tenants.
    pub fn tenants(&self) -> impl Iterator<Item = &Key> {
        self.tenants.keys()
    }

    /// All VirtualMachines.
    pub fn machines(&self) -> impl Iterator<Item = &Key> {
        self.machines.keys()
    }

    /// The VirtualMachines with this BIOS ID.
    pub fn machines_with(&self, bios_id: BiosId) -> Vec<Key> {
        let first = Key {
            namespace: String::new(),
            name: String::new(),
        };
        self.machines_by_bios
            .range((bios_id, first)..)
            .take_while(|(found, _)| *found == bios_id)
            .map(|(_, key)| key.clone())
            .collect()
    }

    /// The VirtualMachines whose status names this server: seldom asked for, so all
    /// are looked through.
    pub fn machines_on(&self, server: &str) -> Vec<Key> {
        self.machines
            .iter()
            .filter(|(_, keys)| keys.recorded_server.as_deref() == Some(server))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Takes a Tenant as it stands now. Returns who may take its turn, where it lets
    /// something go.
    pub fn upsert_tenant(&mut self, key: Key, keys: TenantKeys) -> Vec<Key> {
        if self.tenants.get(&key) == Some(&keys) {
            return Vec::new();
        }
        let before = self.cut_tenant(&key);
        self.tenants_by_server.put(keys.server.clone(), &key);
        let named = (keys.server.clone(), keys.name.clone());
        self.tenants_by_name.put(named, &key);
        if let Some(id) = &keys.id {
            self.tenants_by_id
                .put((keys.server.clone(), id.clone()), &key);
        }
        self.tenants.insert(key, keys);
        before.map_or_else(Vec::new, |before| {
            self.tenants_by_name.under(&(before.server, before.name))
        })
    }

    /// A Tenant is gone. Returns the Tenants that may take its turn.
    pub fn remove_tenant(&mut self, key: &Key) -> Vec<Key> {
        let Some(keys) = self.cut_tenant(key) else {
            return Vec::new();
        };
        self.tenants_by_name.under(&(keys.server, keys.name))
    }

    /// Takes a VirtualMachine as it stands now.
    pub fn upsert_machine(&mut self, key: Key, keys: MachineKeys) {
        if self.machines.get(&key) == Some(&keys) {
            return;
        }
        self.cut_machine(&key);
        self.machines_by_tenant.put(keys.tenant_of(&key), &key);
        if let Some(bios_id) = keys.bios_id {
            self.machines_by_bios.insert((bios_id, key.clone()));
        }
        self.machines.insert(key, keys);
    }

    /// A VirtualMachine is gone. Returns the VirtualMachines that may take its turn.
    pub fn remove_machine(&mut self, key: &Key) -> Vec<Key> {
        let keys = self.cut_machine(key);
        match keys.and_then(|keys| keys.bios_id) {
            Some(bios_id) => self.machines_with(bios_id),
            None => Vec::new(),
        }
    }

    /// Takes a namespace as it stands now. True when something of it changed.
    pub fn upsert_namespace(&mut self, name: &str, namespace: Namespace) -> bool {
        let before = self.namespaces.insert(name.to_owned(), namespace.clone());
        before != Some(namespace)
    }

    /// A namespace is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    fn cut_tenant(&mut self, key: &Key) -> Option<TenantKeys> {
        let keys = self.tenants.remove(key)?;
        self.tenants_by_server.cut(&keys.server, key);
        let named = (keys.server.clone(), keys.name.clone());
        self.tenants_by_name.cut(&named, key);
        if let Some(id) = &keys.id {
            self.tenants_by_id
                .cut(&(keys.server.clone(), id.clone()), key);
        }
        Some(keys)
    }

    fn cut_machine(&mut self, key: &Key) -> Option<MachineKeys> {
        let keys = self.machines.remove(key)?;
        self.machines_by_tenant.cut(&keys.tenant_of(key), key);
        if let Some(bios_id) = keys.bios_id {
            self.machines_by_bios.remove(&(bios_id, key.clone()));
        }
        Some(keys)
    }
}

impl TenantKeys {
    /// Those of this Tenant.
    pub fn of(tenant: &Tenant) -> Self {
        Self {
            server: tenant.spec.integration_server_ref.name.clone(),
            name: normalized(tenant.server_name()).into_owned(),
            id: owned_identifier(tenant),
        }
    }
}

impl MachineKeys {
    /// Those of this VirtualMachine.
    pub fn of(machine: &VirtualMachine) -> Self {
        Self {
            tenant: machine.spec.tenant_ref.name.as_str().into(),
            bios_id: machine.spec.bios_id.parse().ok(),
            recorded_server: machine
                .status
                .as_ref()
                .and_then(|status| status.integration_server.clone())
                .or_else(|| noted(machine).map(|(server, _)| server))
                .map(String::into_boxed_str),
        }
    }

    /// The Tenant, which is always in the machine's own namespace.
    fn tenant_of(&self, machine: &Key) -> Key {
        Key {
            namespace: machine.namespace.clone(),
            name: self.tenant.to_string(),
        }
    }
}
