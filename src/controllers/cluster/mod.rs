//! What the API server holds, as watched: the objects, and who refers to whom.
//! It decides nothing and writes nothing.
//!
//! - `shelf`: the objects, which stand once; - `index`: the keys under which they are
//!   looked for; - `object`: what one object says of itself.

mod index;
mod object;
mod shelf;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::runtime::reflector::ObjectRef;

pub use self::index::Namespace;
use self::index::{Index, MachineKeys, TenantKeys};
pub use self::object::{
    created_at, is_registered, is_registered_with, is_stalled, key_of, noted, own_machine_status,
    own_status, owned_identifier, recorded_name, requested_at,
};
pub use self::shelf::{Shelf, reference};
use crate::api::{AllowFrom, IntegrationServer, Tenant, VirtualMachine};
pub use crate::inventory::Owner as Key;
use crate::viis::{BiosId, TenantId, normalized};

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

impl Cluster {
    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// An IntegrationServer.
    pub fn server(&self, name: &str) -> Option<Arc<IntegrationServer>> {
        self.servers.get(&ObjectRef::new(name))
    }

    /// All IntegrationServers.
    pub fn servers(&self) -> Vec<Arc<IntegrationServer>> {
        self.servers.all()
    }

    /// A Tenant.
    pub fn tenant(&self, key: &Key) -> Option<Arc<Tenant>> {
        self.tenants.get(&reference(key))
    }

    /// A VirtualMachine.
    pub fn machine(&self, key: &Key) -> Option<Arc<VirtualMachine>> {
        self.machines.get(&reference(key))
    }

    /// A namespace; None when it is not known (yet).
    pub fn namespace(&self, name: &str) -> Option<Namespace> {
        self.index().namespaces.get(name).cloned()
    }

    /// The Tenants that refer to a server.
    pub fn tenants_of_server(&self, server: &str) -> Vec<Key> {
        self.index().tenants_by_server.under(&server.to_owned())
    }

    /// The Tenants that want this name on this server, or one that differs from it in white space
    /// and normal form at most: a server may store both alike.
    pub fn tenants_named(&self, server: &str, name: &str) -> Vec<Key> {
        let at = (server.to_owned(), normalized(name).into_owned());
        self.index().tenants_by_name.under(&at)
    }

    /// The Tenants whose status names this tenant of this server.
    pub fn tenants_with_id(&self, server: &str, id: &TenantId) -> Vec<Key> {
        let at = (server.to_owned(), id.clone());
        self.index().tenants_by_id.under(&at)
    }

    /// The Tenants of a namespace.
    pub fn tenants_of_namespace(&self, namespace: &str) -> Vec<Key> {
        let index = self.index();
        let keys = index.tenants();
        keys.filter(|key| key.namespace == namespace)
            .cloned()
            .collect()
    }

    /// The VirtualMachines that refer to a Tenant.
    pub fn machines_of_tenant(&self, tenant: &Key) -> Vec<Key> {
        self.index().machines_by_tenant.under(tenant)
    }

    /// The VirtualMachines with this BIOS ID, on any server.
    pub fn machines_with_bios_id(&self, bios_id: BiosId) -> Vec<Key> {
        self.index().machines_with(bios_id)
    }

    /// The VirtualMachines whose status names this server.
    pub fn machines_of_server(&self, server: &str) -> Vec<Key> {
        self.index().machines_on(server)
    }

    /// Whether a namespace may refer to a server. None while the namespace is not known.
    pub fn permits(&self, server: &IntegrationServer, namespace: &str) -> Option<bool> {
        let allowed = &server.spec.allowed_namespaces;
        match allowed.from {
            AllowFrom::All => Some(true),
            AllowFrom::Selector => Some(allowed.lets_in(&self.namespace(namespace)?.labels)),
        }
    }

    /// Takes a Tenant as it stands now. Returns who may take its turn, where it lets
    /// something go.
    pub fn upsert_tenant(&self, tenant: &Tenant) -> Vec<Key> {
        let (key, keys) = (key_of(tenant), TenantKeys::of(tenant));
        self.index_mut().upsert_tenant(key, keys)
    }

    /// A Tenant is gone. Returns the Tenants that may take its turn.
    pub fn remove_tenant(&self, key: &Key) -> Vec<Key> {
        self.index_mut().remove_tenant(key)
    }

    /// Takes a VirtualMachine as it stands now.
    pub fn upsert_machine(&self, machine: &VirtualMachine) {
        let (key, keys) = (key_of(machine), MachineKeys::of(machine));
        self.index_mut().upsert_machine(key, keys);
    }

    /// A VirtualMachine is gone. Returns the VirtualMachines that may take its turn.
    pub fn remove_machine(&self, key: &Key) -> Vec<Key> {
        self.index_mut().remove_machine(key)
    }

    /// The keys of all Tenants of a scope (None: everywhere).
    pub fn tenant_keys(&self, scope: Option<&str>) -> Vec<Key> {
        let index = self.index();
        let keys = index.tenants();
        keys.filter(|key| scope.is_none_or(|scope| key.namespace == scope))
            .cloned()
            .collect()
    }

    /// The keys of all VirtualMachines of a scope (None: everywhere).
    pub fn machine_keys(&self, scope: Option<&str>) -> Vec<Key> {
        let index = self.index();
        let keys = index.machines();
        keys.filter(|key| scope.is_none_or(|scope| key.namespace == scope))
            .cloned()
            .collect()
    }

    /// Takes a namespace as it stands now. True when something of it changed.
    pub fn upsert_namespace(&self, name: &str, namespace: Namespace) -> bool {
        self.index_mut().upsert_namespace(name, namespace)
    }

    /// A namespace is gone.
    pub fn remove_namespace(&self, name: &str) {
        self.index_mut().remove_namespace(name);
    }
}

#[cfg(test)]
mod tests;
