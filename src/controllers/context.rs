//! What all controllers share: the API server's client, what is watched, the
//! served servers, the queues, and what this process remembers of each object.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};

use super::cluster::{Cluster, Key};
use super::events::Events;
use super::leadership::Leadership;
use super::orphans::Orphans;
use super::servers::Servers;
use super::wake::Queue;
use super::{Options, integration_server, tenant, virtual_machine};
use crate::api::VirtualMachine;
use crate::inventory::{Owner, Wake};
use crate::telemetry::metrics::Metrics;

/// What all controllers share.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// Whether this process may change anything.
    pub leadership: Leadership,
    /// What was asked for on the command line.
    pub options: Options,
    /// What is watched.
    pub cluster: Cluster,
    /// The served IntegrationServers.
    pub servers: Servers,
    /// Who has to be looked at.
    pub queues: Queues,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Outcomes, said to whoever describes an object.
    pub events: Events,
    /// What this process remembers of each Tenant.
    pub tenants: Memories<tenant::memory::Memory>,
    /// What this process remembers of each VirtualMachine.
    pub machines: Memories<virtual_machine::memory::Memory>,
    /// What this process remembers of each IntegrationServer.
    pub integration_servers: Memories<integration_server::memory::Memory>,
    /// What this process knows of orphans.
    pub orphans: Orphans,
}

/// Who has to be looked at.
#[derive(Clone, Default)]
pub struct Queues {
    /// IntegrationServers, by name.
    pub servers: Queue<String>,
    /// Tenants.
    pub tenants: Queue<Key>,
    /// VirtualMachines.
    pub machines: Queue<Key>,
}

impl Queues {
    /// Nothing is looked at any more.
    pub fn close(&self) {
        self.servers.close();
        self.tenants.close();
        self.machines.close();
    }
}

/// What can be remembered of an object.
pub trait Remember: Default {
    /// There is nothing in it that a new one would not say as well.
    fn is_empty(&self) -> bool;
}

/// What this process remembers of the objects of one kind, by UID. Nothing here
/// has to survive a restart, and where there is nothing to remember, nothing is kept.
pub struct Memories<M>(Mutex<HashMap<String, M>>);

impl<M> Default for Memories<M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<M: Remember> Memories<M> {
    /// Takes an object's memory out; whoever looks at the object puts it back.
    pub fn take(&self, uid: &str) -> M {
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memories.remove(uid).unwrap_or_default()
    }

    /// Puts it back.
    pub fn put(&self, uid: &str, memory: M) {
        if memory.is_empty() {
            return;
        }
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memories.insert(uid.to_owned(), memory);
    }

    /// Changes all of them, but for those that are being looked at.
    pub fn each(&self, change: impl FnMut(&mut M)) {
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memories.values_mut().for_each(change);
    }

    /// The object is gone.
    pub fn forget(&self, uid: &str) {
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memories.remove(uid);
    }
}

impl Context {
    /// The API of a namespaced kind, in an object's namespace.
    pub fn api<K>(&self, key: &Key) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    /// The API of a namespaced kind, in one namespace or (None) in all.
    pub fn scoped<K>(&self, scope: Option<&str>) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match scope {
            None => Api::all(self.client.clone()),
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
        }
    }

    /// How this installation is named in `status.operator`.
    pub fn installation(&self) -> String {
        let options = &self.options;
        format!("{}/{}", options.operator_namespace, options.operator_name)
    }

    /// Has the machines of a Tenant looked at.
    pub fn wake_machines_of(&self, tenant: &Key) {
        for machine in self.cluster.machines_of_tenant(tenant) {
            self.queues.machines.wake(machine);
        }
    }

    /// Has everything that refers to a server looked at.
    pub fn wake_all_of_server(&self, server: &str) {
        for tenant in self.cluster.tenants_of_server(server) {
            self.wake_machines_of(&tenant);
            self.queues.tenants.wake(tenant);
        }
        for machine in self.cluster.machines_of_server(server) {
            self.queues.machines.wake(machine);
        }
    }

    /// A Tenant has called a server, or need not any more: the next one may.
    pub fn tenant_called(&self, server: &str, tenant: &Key) {
        if let Some(handle) = self.servers.get(server) {
            for next in handle.tenants.release(tenant) {
                self.queues.tenants.wake(next);
            }
        }
    }

    /// A machine has called a server, or need not any more: the next one may.
    pub fn machine_called(&self, server: &str, machine: &Key) {
        if let Some(handle) = self.servers.get(server) {
            for next in handle.machines.release(machine) {
                self.queues.machines.wake(next);
            }
        }
    }

    /// Has the Tenant of a machine looked at.
    pub fn wake_tenant_of(&self, machine: &VirtualMachine) {
        if let Some(namespace) = machine.meta().namespace.clone() {
            self.queues.tenants.wake(Key {
                namespace,
                name: machine.spec.tenant_ref.name.clone(),
            });
        }
    }
}

/// Wakes, on behalf of one server's picture.
pub struct ServerWake {
    /// The IntegrationServer's name.
    pub name: String,
    /// The queues.
    pub queues: Queues,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

impl Wake for ServerWake {
    fn tenant(&self, owner: &Owner) {
        self.queues.tenants.wake(owner.clone());
    }

    fn server(&self) {
        self.queues.servers.wake(self.name.clone());
    }

    fn task_in_flight(&self, difference: i64) {
        for _ in 0..difference {
            self.metrics.task_started();
        }
        for _ in difference..0 {
            self.metrics.task_ended();
        }
    }
}
