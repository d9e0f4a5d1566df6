//! What an Integration Server holds, and which tasks run on it: one shared picture a server.
//!
//! The room knows the server's client and nothing of Kubernetes. Controllers read
//! the picture, ask for a newer one, and are woken when a task of theirs changes;
//! they never poll.
//!
//! - [`tenants`]: the complete list of tenants, with what this process did since.
//! - [`machines`]: the machines of the tenants that somebody asked for.
//! - [`tasks`]: the tasks that somebody waits for. `poller` asks for all of them at once.
//! - [`slots`]: how many tasks may run at once for us.
//! - [`flight`]: many askers, one call.
//! - [`health`]: whether the server is worth asking.

#[cfg(test)]
pub(crate) mod fixtures;
pub mod flight;
pub mod health;
pub mod machines;
mod poller;
pub mod slots;
pub mod tasks;
pub mod tenants;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::viis;
use flight::{Flight, Flights, Shared};

/// The Tenant resource that a task or a slot belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Who is told when something changed.
pub trait Wake: Send + Sync {
    /// A task of this Tenant changed, or a slot became free for it.
    fn tenant(&self, owner: &Owner);
    /// The server should be probed, or its counts written.
    fn server(&self);
    /// A task is waited for (`1`) or no longer (`-1`).
    fn task_in_flight(&self, difference: i64);
}

/// A text reduced to what comparing needs, so that the picture stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of a text; an empty one is no text, as on the wire.
    pub fn of(text: Option<&str>) -> Option<Self> {
        let text = text.filter(|text| !text.is_empty())?;
        let digest = Sha256::digest(text.as_bytes());
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Some(Self(short))
    }
}

/// A text reduced to two fingerprints: as it is, and in its normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    /// Of the text as it is.
    pub exact: Fingerprint,
    /// Of its normal form; None where nothing but white space is in it.
    pub normal: Option<Fingerprint>,
}

impl Text {
    /// Of a text; an empty one is no text, as on the wire.
    pub fn of(text: Option<&str>) -> Option<Self> {
        let exact = Fingerprint::of(text)?;
        let normal = text.and_then(|text| Fingerprint::of(Some(&viis::normalized(text))));
        Some(Self { exact, normal })
    }
}

/// One Integration Server: its client and the shared picture of it.
pub struct Server {
    client: viis::Client,
    tenants: tenants::Tenants,
    machines: machines::Machines,
    tasks: tasks::Tasks,
    slots: slots::Slots,
    health: health::Health,
    tenant_flight: Flight,
    machine_flights: Flights<viis::TenantId>,
    task_flight: Flight,
    wake: Arc<dyn Wake>,
    closed: CancellationToken,
}

impl Server {
    /// A picture that is empty, and a poller that is silent until a task is watched.
    pub fn new(client: viis::Client, concurrent_tasks: usize, wake: Arc<dyn Wake>) -> Arc<Self> {
        let stop = CancellationToken::new();
        let server = Arc::new(Self {
            client,
            tenants: tenants::Tenants::default(),
            machines: machines::Machines::default(),
            tasks: tasks::Tasks::new(Arc::clone(&wake)),
            slots: slots::Slots::new(concurrent_tasks),
            health: health::Health::default(),
            tenant_flight: Flight::default(),
            machine_flights: Flights::default(),
            task_flight: Flight::default(),
            wake,
            closed: stop.clone(),
        });
        tokio::spawn(poller::run(Arc::clone(&server), stop));
        server
    }

    /// Stops the poller: another picture has taken this one's place.
    pub fn close(&self) {
        self.closed.cancel();
        self.tasks.forget_all();
    }

    /// Completes when the picture was closed.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// The client, for the calls that change something.
    pub fn client(&self) -> &viis::Client {
        &self.client
    }

    /// The tenants.
    pub fn tenants(&self) -> &tenants::Tenants {
        &self.tenants
    }

    /// The machines.
    pub fn machines(&self) -> &machines::Machines {
        &self.machines
    }

    /// The tasks that somebody waits for.
    pub fn tasks(&self) -> &tasks::Tasks {
        &self.tasks
    }

    /// The limit of tasks at once.
    pub fn slots(&self) -> &slots::Slots {
        &self.slots
    }

    /// Whether the server is worth asking.
    pub fn health(&self) -> &health::Health {
        &self.health
    }

    /// Gets a complete list of tenants that starts now or later. Many askers share one call.
    pub async fn list_tenants(&self) -> Result<(), Shared> {
        self.tenant_flight
            .join(|| async {
                let started = Instant::now();
                let tenants = self.client.tenants().await?;
                self.tenants.replace(&tenants, started);
                Ok(())
            })
            .await
            .inspect_err(|error| self.notice(error))
    }

    /// Gets a complete list of a tenant's machines that starts now or later.
    pub async fn list_machines(&self, tenant: &viis::TenantId) -> Result<(), Shared> {
        self.machine_flights
            .get(tenant)
            .join(|| async {
                let started = Instant::now();
                let machines = self.client.virtual_machines(tenant).await?;
                self.machines.replace(tenant, &machines, started);
                Ok(())
            })
            .await
            .inspect_err(|error| self.notice(error))
    }

    /// Gets a list of the server's tasks that starts now or later, and with it
    /// which running ones nobody claims.
    pub async fn list_tasks(&self) -> Result<(), Shared> {
        self.task_flight
            .join(|| async {
                let started = Instant::now();
                let filter = viis::TaskFilter::default();
                let tasks = self.client.tasks(&filter).await?;
                self.settle_tasks(&tasks);
                self.tasks.survey(&tasks, started);
                Ok(())
            })
            .await
            .inspect_err(|error| self.notice(error))
    }

    /// Asks the server for one tenant, and takes the answer into the picture.
    /// Absence counts only as the server's own 404: None.
    pub async fn get_tenant(&self, id: &viis::TenantId) -> Result<Option<viis::Tenant>, Shared> {
        match self.client.tenant(id).await {
            Ok(tenant) => {
                self.tenants.answered(&tenant);
                Ok(Some(tenant))
            }
            Err(error) if matches!(error.class(), viis::Class::NotFound) => {
                self.tenants.proved_absent(id);
                Ok(None)
            }
            Err(error) => {
                let error = Shared::new(error);
                self.notice(&error);
                Err(error)
            }
        }
    }

    /// Says what a failed call means for the server as a whole.
    pub fn notice(&self, error: &viis::Error) {
        if self.health.failed(error) {
            self.wake.server();
        }
    }

    /// Watches a task for its Tenant, which gets a slot for it whatever the limit says.
    pub fn watch_task(&self, id: &viis::TaskId, owner: &Owner) {
        self.slots.occupy(owner);
        self.tasks.watch(id, owner);
    }

    /// Takes what a list or a call says of watched tasks, and gives the slots of
    /// finished ones to who waits.
    fn settle_tasks(&self, tasks: &[viis::Task]) {
        for owner in self.tasks.update(tasks) {
            self.free_slot(&owner);
        }
    }

    /// Gives a Tenant's slot back and wakes whoever got it.
    pub fn free_slot(&self, owner: &Owner) {
        for next in self.slots.release(owner) {
            self.wake.tenant(&next);
        }
    }
}

/// How long a task may stay without any change before it counts as stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(30 * 60);
