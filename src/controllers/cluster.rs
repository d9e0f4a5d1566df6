//! What the API server holds, as watched: the objects, and who refers to whom.
//!
//! The objects stand once, on the shelves. This room keeps the keys
//! under which they are looked for. It decides nothing and writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Resource;
use kube::core::{Selector, SelectorExt};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;

use crate::api::{
    AllowFrom, ConditionType, IntegrationServer, REGISTERED_WITH_ANNOTATION, Tenant,
    VirtualMachine, conditions,
};
pub use crate::inventory::Owner as Key;
use crate::viis::{BiosId, TenantId};

/// Everything that is watched.
#[derive(Default)]
pub struct Cluster {
    /// The IntegrationServers.
    pub servers: Shelf<IntegrationServer>,
    /// The Tenants.
    pub tenants: Shelf<Tenant>,
    /// The VirtualMachines.
    pub machines: Shelf<VirtualMachine>,
    index: RwLock<Index>,
}

/// The objects of one kind, of however many watches.
pub struct Shelf<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    store: Store<K>,
    writer: Mutex<Writer<K>>,
}

#[derive(Default)]
struct Index {
    tenants: HashMap<Key, TenantKeys>,
    machines: HashMap<Key, MachineKeys>,
    namespaces: HashMap<String, Namespace>,
    tenants_by_server: HashMap<String, BTreeSet<Key>>,
    tenants_by_name: HashMap<(String, String), BTreeSet<Key>>,
    tenants_by_id: HashMap<(String, TenantId), BTreeSet<Key>>,
    machines_by_tenant: HashMap<Key, BTreeSet<Key>>,
    machines_by_bios: HashMap<BiosId, BTreeSet<Key>>,
    machines_by_server: HashMap<String, BTreeSet<Key>>,
}

#[derive(Clone, PartialEq, Eq)]
struct TenantKeys {
    server: String,
    name: String,
    id: Option<TenantId>,
}

#[derive(Clone, PartialEq, Eq)]
struct MachineKeys {
    tenant: Key,
    bios_id: Option<BiosId>,
    recorded_server: Option<String>,
}

/// What is known of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It is being deleted.
    pub terminating: bool,
}

impl<K> Default for Shelf<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    fn default() -> Self {
        let mut writer = Writer::new(K::DynamicType::default());
        // Empty and ready: whoever starts to use it waits for the watches themselves.
        writer.apply_watcher_event(&Event::Init);
        writer.apply_watcher_event(&Event::InitDone);
        Self {
            store: writer.as_reader(),
            writer: Mutex::new(writer),
        }
    }
}

impl<K> Shelf<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    /// The objects.
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// Takes an object as it stands now.
    pub fn put(&self, object: K) {
        self.event(&Event::Apply(object));
    }

    /// An object is gone.
    pub fn remove(&self, reference: &ObjectRef<K>) -> Option<Arc<K>> {
        let object = self.store.get(reference)?;
        self.event(&Event::Delete(object.as_ref().clone()));
        Some(object)
    }

    fn event(&self, event: &Event<K>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.apply_watcher_event(event);
    }
}

/// The reference to a namespaced object.
pub fn reference<K>(key: &Key) -> ObjectRef<K>
where
    K: Resource<DynamicType = ()>,
{
    ObjectRef::new(&key.name).within(&key.namespace)
}

/// The key of a namespaced object.
pub fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    Key {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

fn put<K: Eq + Hash>(map: &mut HashMap<K, BTreeSet<Key>>, at: K, key: &Key) {
    map.entry(at).or_default().insert(key.clone());
}

fn cut<K: Eq + Hash>(map: &mut HashMap<K, BTreeSet<Key>>, at: &K, key: &Key) {
    if let Some(keys) = map.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            map.remove(at);
        }
    }
}

fn listed<K: Eq + Hash>(map: &HashMap<K, BTreeSet<Key>>, at: &K) -> Vec<Key> {
    map.get(at)
        .map(|keys| keys.iter().cloned().collect())
        .unwrap_or_default()
}

impl Cluster {
    fn index(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// An IntegrationServer.
    pub fn server(&self, name: &str) -> Option<Arc<IntegrationServer>> {
        self.servers.store.get(&ObjectRef::new(name))
    }

    /// All IntegrationServers.
    pub fn servers(&self) -> Vec<Arc<IntegrationServer>> {
        self.servers.store.state()
    }

    /// A Tenant.
    pub fn tenant(&self, key: &Key) -> Option<Arc<Tenant>> {
        self.tenants.store.get(&reference(key))
    }

    /// A VirtualMachine.
    pub fn machine(&self, key: &Key) -> Option<Arc<VirtualMachine>> {
        self.machines.store.get(&reference(key))
    }

    /// A namespace; None when it is not known (yet).
    pub fn namespace(&self, name: &str) -> Option<Namespace> {
        self.index().namespaces.get(name).cloned()
    }

    /// The Tenants that refer to a server.
    pub fn tenants_of_server(&self, server: &str) -> Vec<Key> {
        listed(&self.index().tenants_by_server, &server.to_owned())
    }

    /// The Tenants with this name on this server.
    pub fn tenants_named(&self, server: &str, name: &str) -> Vec<Key> {
        let at = (server.to_owned(), name.to_owned());
        listed(&self.index().tenants_by_name, &at)
    }

    /// The Tenants whose status names this tenant of this server.
    pub fn tenants_with_id(&self, server: &str, id: &TenantId) -> Vec<Key> {
        let at = (server.to_owned(), id.clone());
        listed(&self.index().tenants_by_id, &at)
    }

    /// The Tenants of a namespace.
    pub fn tenants_of_namespace(&self, namespace: &str) -> Vec<Key> {
        let index = self.index();
        let keys = index.tenants.keys();
        keys.filter(|key| key.namespace == namespace)
            .cloned()
            .collect()
    }

    /// The VirtualMachines that refer to a Tenant.
    pub fn machines_of_tenant(&self, tenant: &Key) -> Vec<Key> {
        listed(&self.index().machines_by_tenant, tenant)
    }

    /// The VirtualMachines with this BIOS ID, on any server.
    pub fn machines_with_bios_id(&self, bios_id: BiosId) -> Vec<Key> {
        listed(&self.index().machines_by_bios, &bios_id)
    }

    /// The VirtualMachines whose status names this server.
    pub fn machines_of_server(&self, server: &str) -> Vec<Key> {
        listed(&self.index().machines_by_server, &server.to_owned())
    }

    /// Whether a namespace may refer to a server. None while the namespace is not known.
    pub fn permits(&self, server: &IntegrationServer, namespace: &str) -> Option<bool> {
        match server.spec.allowed_namespaces.from {
            AllowFrom::All => Some(true),
            AllowFrom::Selector => {
                let namespace = self.namespace(namespace)?;
                let selector = server.spec.allowed_namespaces.selector.clone();
                Some(selects(selector.unwrap_or_default(), &namespace.labels))
            }
        }
    }

    /// Takes a Tenant as it stands now. Returns who may take its turn, where it lets
    /// something go.
    pub fn upsert_tenant(&self, tenant: &Tenant) -> Vec<Key> {
        let key = key_of(tenant);
        let keys = TenantKeys {
            server: tenant.spec.integration_server_ref.name.clone(),
            name: tenant.server_name().to_owned(),
            id: owned_identifier(tenant),
        };
        let mut index = self.index_mut();
        if index.tenants.get(&key) == Some(&keys) {
            return Vec::new();
        }
        let before = index.cut_tenant(&key);
        put(&mut index.tenants_by_server, keys.server.clone(), &key);
        let named = (keys.server.clone(), keys.name.clone());
        put(&mut index.tenants_by_name, named, &key);
        if let Some(id) = &keys.id {
            put(
                &mut index.tenants_by_id,
                (keys.server.clone(), id.clone()),
                &key,
            );
        }
        index.tenants.insert(key, keys);
        before.map_or_else(Vec::new, |before| {
            listed(&index.tenants_by_name, &(before.server, before.name))
        })
    }

    /// A Tenant is gone. Returns the Tenants that may take its turn.
    pub fn remove_tenant(&self, key: &Key) -> Vec<Key> {
        let mut index = self.index_mut();
        let Some(keys) = index.cut_tenant(key) else {
            return Vec::new();
        };
        listed(&index.tenants_by_name, &(keys.server, keys.name))
    }

    /// Takes a VirtualMachine as it stands now.
    pub fn upsert_machine(&self, machine: &VirtualMachine) {
        let key = key_of(machine);
        let keys = MachineKeys {
            tenant: Key {
                namespace: key.namespace.clone(),
                name: machine.spec.tenant_ref.name.clone(),
            },
            bios_id: machine.spec.bios_id.parse().ok(),
            recorded_server: machine
                .status
                .as_ref()
                .and_then(|status| status.integration_server.clone())
                .or_else(|| noted(machine).map(|(server, _)| server)),
        };
        let mut index = self.index_mut();
        if index.machines.get(&key) == Some(&keys) {
            return;
        }
        index.cut_machine(&key);
        put(&mut index.machines_by_tenant, keys.tenant.clone(), &key);
        if let Some(bios_id) = keys.bios_id {
            put(&mut index.machines_by_bios, bios_id, &key);
        }
        if let Some(server) = &keys.recorded_server {
            put(&mut index.machines_by_server, server.clone(), &key);
        }
        index.machines.insert(key, keys);
    }

    /// A VirtualMachine is gone. Returns the VirtualMachines that may take its turn.
    pub fn remove_machine(&self, key: &Key) -> Vec<Key> {
        let mut index = self.index_mut();
        let keys = index.cut_machine(key);
        match keys.and_then(|keys| keys.bios_id) {
            Some(bios_id) => listed(&index.machines_by_bios, &bios_id),
            None => Vec::new(),
        }
    }

    /// The keys of all Tenants of a scope (None: everywhere).
    pub fn tenant_keys(&self, scope: Option<&str>) -> Vec<Key> {
        let index = self.index();
        let keys = index.tenants.keys();
        keys.filter(|key| scope.is_none_or(|scope| key.namespace == scope))
            .cloned()
            .collect()
    }

    /// The keys of all VirtualMachines of a scope (None: everywhere).
    pub fn machine_keys(&self, scope: Option<&str>) -> Vec<Key> {
        let index = self.index();
        let keys = index.machines.keys();
        keys.filter(|key| scope.is_none_or(|scope| key.namespace == scope))
            .cloned()
            .collect()
    }

    /// Takes a namespace as it stands now. True when something of it changed.
    pub fn upsert_namespace(&self, name: &str, namespace: Namespace) -> bool {
        let mut index = self.index_mut();
        let before = index.namespaces.insert(name.to_owned(), namespace.clone());
        before != Some(namespace)
    }

    /// A namespace is gone.
    pub fn remove_namespace(&self, name: &str) {
        self.index_mut().namespaces.remove(name);
    }
}

impl Index {
    fn cut_tenant(&mut self, key: &Key) -> Option<TenantKeys> {
        let keys = self.tenants.remove(key)?;
        cut(&mut self.tenants_by_server, &keys.server, key);
        let named = (keys.server.clone(), keys.name.clone());
        cut(&mut self.tenants_by_name, &named, key);
        if let Some(id) = &keys.id {
            cut(
                &mut self.tenants_by_id,
                &(keys.server.clone(), id.clone()),
                key,
            );
        }
        Some(keys)
    }

    fn cut_machine(&mut self, key: &Key) -> Option<MachineKeys> {
        let keys = self.machines.remove(key)?;
        cut(&mut self.machines_by_tenant, &keys.tenant, key);
        if let Some(bios_id) = &keys.bios_id {
            cut(&mut self.machines_by_bios, bios_id, key);
        }
        if let Some(server) = &keys.recorded_server {
            cut(&mut self.machines_by_server, server, key);
        }
        Some(keys)
    }
}

/// Whether a selector that the schema let through matches; a broken one matches nothing.
fn selects(selector: LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    Selector::try_from(selector).is_ok_and(|selector| selector.matches(labels))
}

/// The identifier in a Tenant's status, where the status is this resource's own:
/// under another UID (a restored backup) nothing of it counts.
pub fn owned_identifier(tenant: &Tenant) -> Option<TenantId> {
    let status = tenant.status.as_ref()?;
    if status.owner_uid.as_deref() != tenant.meta().uid.as_deref() {
        return None;
    }
    status.tenant_id.as_deref().map(TenantId::new)
}

/// Whether nothing happens to a machine until somebody changes something.
pub fn is_stalled(machine: &VirtualMachine) -> bool {
    holds(machine, ConditionType::Stalled)
}

/// Whether a machine is registered with this very tenant of the server.
pub fn is_registered_with(machine: &VirtualMachine, tenant: Option<&str>) -> bool {
    let with = machine
        .status
        .as_ref()
        .and_then(|status| status.tenant_id.as_deref());
    is_registered(machine) && with == tenant
}

/// Whether a machine is registered, as its status says.
pub fn is_registered(machine: &VirtualMachine) -> bool {
    holds(machine, ConditionType::Registered)
}

fn holds(machine: &VirtualMachine, kind: ConditionType) -> bool {
    machine.status.as_ref().is_some_and(|status| {
        conditions::find(&status.conditions, kind)
            .is_some_and(|condition| condition.status == "True")
    })
}

/// What the finalizer's write noted on a machine: the server and the tenant that it
/// was about to be registered with.
pub fn noted(machine: &VirtualMachine) -> Option<(String, TenantId)> {
    let annotations = machine.meta().annotations.as_ref()?;
    let (server, id) = annotations
        .get(REGISTERED_WITH_ANNOTATION)?
        .split_once('/')?;
    Some((server.to_owned(), TenantId::new(id)))
}

#[cfg(test)]
mod tests;
