//! Watches the API server, keeps [`super::cluster`] up to date, and wakes whoever
//! an event concerns: what stands between the kinds instead of polling.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Namespace as NamespaceObject;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tracing::warn;

use super::cluster::{Key, Namespace, key_of, reference};
use super::context::Context;
use super::orphans;
use crate::api::{IntegrationServer, Tenant, VirtualMachine};

/// Annotations that nobody here reads are not kept in memory.
const LARGE_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The events of a kind.
pub fn events<K>(api: Api<K>) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watch(api, watcher::Config::default())
        .default_backoff()
        .modify(|object: &mut K| {
            object.managed_fields_mut().clear();
            object.annotations_mut().remove(LARGE_ANNOTATION);
        })
}

/// Says once that the first list is complete.
pub struct Listed(Option<oneshot::Sender<()>>);

impl Listed {
    /// Says so to this receiver.
    pub fn new(receiver: oneshot::Sender<()>) -> Self {
        Self(Some(receiver))
    }

    fn complete(&mut self) {
        if let Some(receiver) = self.0.take() {
            // Nobody listens any more when the process ends.
            let _ = receiver.send(());
        }
    }
}

fn note<T>(kind: &str, event: Result<T, watcher::Error>) -> Option<T> {
    event
        .inspect_err(|error| {
            warn!(kind, error = %crate::telemetry::sentence(error), "a watch failed; it is renewed");
        })
        .ok()
}

/// Follows the IntegrationServers.
pub async fn servers(context: Arc<Context>, mut first: Listed) {
    let mut events = std::pin::pin!(events::<IntegrationServer>(Api::all(
        context.client.clone()
    )));
    let mut known: HashSet<String> = HashSet::new();
    let mut listed: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        match note("IntegrationServer", event) {
            None => {}
            Some(Event::Init) => listed.clear(),
            Some(Event::InitApply(server)) => {
                listed.insert(server.name_any());
                context.cluster.servers.put(server);
            }
            Some(Event::InitDone) => {
                for name in known.union(&listed) {
                    context.queues.servers.wake(name.clone());
                    context.wake_all_of_server(name);
                    if !listed.contains(name) {
                        server_gone(&context, name);
                    }
                }
                known.clone_from(&listed);
                context
                    .integration_servers
                    .each(|memory| memory.written = None);
                first.complete();
            }
            Some(Event::Apply(server)) => {
                let name = server.name_any();
                let moved = server_moved(&context, &server);
                context.cluster.servers.put(server.clone());
                if known.insert(name.clone()) || moved {
                    context.wake_all_of_server(&name);
                    wake_all_servers(&context);
                }
                context.queues.servers.wake(name.clone());
                if has_news_for_others(&server) {
                    context.wake_all_of_server(&name);
                }
            }
            Some(Event::Delete(server)) => {
                let name = server.name_any();
                known.remove(&name);
                server_gone(&context, &name);
                context.wake_all_of_server(&name);
                // Another one may have waited for this address and port.
                wake_all_servers(&context);
            }
        }
    }
}

/// Its address is another one now: who waited for the last one may have it, and who is at
/// the new one has to be looked at.
fn server_moved(context: &Context, server: &IntegrationServer) -> bool {
    let before = context.cluster.server(&server.name_any());
    before.is_some_and(|before| {
        (&before.spec.address, before.spec.port) != (&server.spec.address, server.spec.port)
    })
}

fn server_gone(context: &Context, name: &str) {
    context.servers.remove(name);
    if let Some(gone) = context.cluster.servers.remove(&ObjectRef::new(name)) {
        context
            .integration_servers
            .forget(&gone.uid().unwrap_or_default());
    }
}

/// The spec was not looked at yet, or it is being deleted.
fn has_news_for_others(server: &IntegrationServer) -> bool {
    let observed = server
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    server.meta().deletion_timestamp.is_some() || observed != server.meta().generation
}

fn wake_all_servers(context: &Context) {
    for server in context.cluster.servers() {
        context.queues.servers.wake(server.name_any());
    }
}

/// Follows the Tenants of a scope (None: of all namespaces).
pub async fn tenants(context: Arc<Context>, scope: Option<String>, mut first: Listed) {
    let api = context.scoped::<Tenant>(scope.as_deref());
    let mut events = std::pin::pin!(events(api));
    let mut listed: HashSet<Key> = HashSet::new();
    while let Some(event) = events.next().await {
        match note("Tenant", event) {
            None => {}
            Some(Event::Init) => listed.clear(),
            Some(Event::InitApply(tenant)) => {
                listed.insert(key_of(&tenant));
                tenant_seen(&context, tenant);
            }
            Some(Event::InitDone) => {
                for key in context.cluster.tenant_keys(scope.as_deref()) {
                    if !listed.contains(&key) {
                        tenant_gone(&context, &key);
                    }
                    context.wake_machines_of(&key);
                    context.queues.tenants.wake(key);
                }
                // A complete list is newer than whatever this process wrote.
                context.tenants.each(|memory| memory.written = None);
                wake_all_servers(&context);
                first.complete();
            }
            Some(Event::Apply(tenant)) => {
                let key = key_of(&tenant);
                for rival in tenant_seen(&context, tenant.clone()) {
                    context.queues.tenants.wake(rival);
                }
                context.wake_machines_of(&key);
                if tenant.meta().deletion_timestamp.is_some() {
                    let server = tenant.spec.integration_server_ref.name.clone();
                    context.queues.servers.wake(server);
                }
                context.queues.tenants.wake(key);
            }
            Some(Event::Delete(tenant)) => tenant_deleted(&context, tenant),
        }
    }
}

/// Returns whom its claims concern. While nothing was heard, one may go and another come
/// under its name: nothing that is known of the first counts for the second.
fn tenant_seen(context: &Context, tenant: Tenant) -> Vec<Key> {
    let key = key_of(&tenant);
    let known = context.cluster.tenant(&key);
    if known.is_some_and(|known| known.uid() != tenant.uid()) {
        tenant_gone(context, &key);
    }
    let rivals = context.cluster.upsert_tenant(&tenant);
    orphans::tenant_seen(context, &tenant);
    context.cluster.tenants.put(tenant);
    rivals
}

/// The event has the last state of what was deleted.
fn tenant_deleted(context: &Context, tenant: Tenant) {
    let key = key_of(&tenant);
    let known = context.cluster.tenant(&key);
    if known.is_some_and(|known| known.uid() == tenant.uid()) {
        context.cluster.tenants.put(tenant);
    }
    tenant_gone(context, &key);
}

fn tenant_gone(context: &Context, key: &Key) {
    for rival in context.cluster.remove_tenant(key) {
        context.queues.tenants.wake(rival);
    }
    if let Some(gone) = context.cluster.tenants.remove(&reference(key)) {
        orphans::tenant_gone(context, &gone);
        context.tenants.forget(&gone.uid().unwrap_or_default());
        let server = &gone.spec.integration_server_ref.name;
        if let Some(handle) = context.servers.get(server) {
            handle.server.free_slot(key);
            handle.server.tasks().forget_owner(key);
        }
        context.tenant_called(server, key);
        context.queues.servers.wake(server.clone());
    }
    context.wake_machines_of(key);
}

/// Follows the VirtualMachines of a scope (None: of all namespaces).
pub async fn machines(context: Arc<Context>, scope: Option<String>, mut first: Listed) {
    let api = context.scoped::<VirtualMachine>(scope.as_deref());
    let mut events = std::pin::pin!(events(api));
    let mut listed: HashSet<Key> = HashSet::new();
    while let Some(event) = events.next().await {
        match note("VirtualMachine", event) {
            None => {}
            Some(Event::Init) => listed.clear(),
            Some(Event::InitApply(machine)) => {
                listed.insert(key_of(&machine));
                machine_seen(&context, machine);
            }
            Some(Event::InitDone) => {
                for key in context.cluster.machine_keys(scope.as_deref()) {
                    if !listed.contains(&key) {
                        machine_gone(&context, &key);
                    }
                    context.queues.machines.wake(key);
                }
                for key in context.cluster.tenant_keys(scope.as_deref()) {
                    context.queues.tenants.wake(key);
                }
                context.machines.each(|memory| memory.written = None);
                first.complete();
            }
            Some(Event::Apply(machine)) => {
                let key = key_of(&machine);
                machine_seen(&context, machine.clone());
                context.wake_tenant_of(&machine);
                context.queues.machines.wake(key);
            }
            Some(Event::Delete(machine)) => machine_deleted(&context, machine),
        }
    }
}

/// As [`tenant_seen`].
fn machine_seen(context: &Context, machine: VirtualMachine) {
    let key = key_of(&machine);
    let known = context.cluster.machine(&key);
    if known.is_some_and(|known| known.uid() != machine.uid()) {
        machine_gone(context, &key);
    }
    context.cluster.upsert_machine(&machine);
    orphans::machine_seen(context, &machine);
    context.cluster.machines.put(machine);
}

/// As [`tenant_deleted`].
fn machine_deleted(context: &Context, machine: VirtualMachine) {
    let key = key_of(&machine);
    let known = context.cluster.machine(&key);
    if known.is_some_and(|known| known.uid() == machine.uid()) {
        context.cluster.machines.put(machine);
    }
    machine_gone(context, &key);
}

fn machine_gone(context: &Context, key: &Key) {
    for rival in context.cluster.remove_machine(key) {
        context.queues.machines.wake(rival);
    }
    let Some(gone) = context.cluster.machines.remove(&reference(key)) else {
        return;
    };
    orphans::machine_gone(context, &gone);
    context.machines.forget(&gone.uid().unwrap_or_default());
    context.wake_tenant_of(&gone);
    for server in context.cluster.servers() {
        let name = server.name_any();
        context.machine_called(&name, key);
        if server.meta().deletion_timestamp.is_some() {
            // It may have waited for just this machine.
            context.queues.servers.wake(name);
        }
    }
}

/// Follows the namespaces: their labels decide who may refer to a server.
pub async fn namespaces(context: Arc<Context>, mut first: Listed) {
    let api: Api<PartialObjectMeta<NamespaceObject>> = Api::all(context.client.clone());
    let events = watch(api, watcher::Config::default()).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match note("Namespace", event) {
            None | Some(Event::Init) => {}
            Some(Event::InitApply(namespace) | Event::Apply(namespace)) => {
                namespace_changed(&context, &namespace);
            }
            Some(Event::InitDone) => first.complete(),
            Some(Event::Delete(namespace)) => {
                context.cluster.remove_namespace(&namespace.name_any());
            }
        }
    }
}

fn namespace_changed(context: &Context, namespace: &PartialObjectMeta<NamespaceObject>) {
    let name = namespace.name_any();
    let seen = Namespace {
        labels: namespace.labels().clone(),
        terminating: namespace.metadata.deletion_timestamp.is_some(),
    };
    if context.cluster.upsert_namespace(&name, seen) {
        for tenant in context.cluster.tenants_of_namespace(&name) {
            context.wake_machines_of(&tenant);
            context.queues.tenants.wake(tenant);
        }
    }
}

#[cfg(test)]
mod tests;
