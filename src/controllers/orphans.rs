//! What this process knows of orphans: whose finalizer it removed itself, and what other
//! deletions left on a server. Holds the answers only:
//!
//! - `departures` gathers the facts when a resource loses our finalizer or disappears, and
//!   [`crate::plan::orphans`] decides;
//! - the IntegrationServer's controller compares the orphans with the inventory and reports them.

mod departures;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use tokio::time::Instant;

pub use self::departures::{machine_gone, machine_seen, tenant_gone, tenant_seen};
use crate::api::{Orphan, OrphanKind};
use crate::plan::orphans::Certainty;

/// How long an earlier leader's write, or a request to the server, may still take effect.
pub const ARRIVES_WITHIN: Duration = Duration::from_secs(30);
/// How long a watch may still show a resource whose finalizer this process removed.
const RELEASE_KEPT: Duration = Duration::from_secs(10 * 60);
/// The most orphans that are remembered. Further ones are not reported.
const LONGEST: usize = 10_000;

/// What this process knows of orphans.
pub struct Orphans {
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The finalizers that this process removed: the resource's UID, its generation, and when.
    released: HashMap<String, (i64, Instant)>,
    /// By IntegrationServer.
    left: BTreeMap<(String, Orphan), Left>,
}

/// What is remembered of an orphan.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// How sure it is.
    pub certainty: Certainty,
    /// When its resource was last seen, or when this process started to lead.
    pub at: Instant,
    /// UID of the IntegrationServer, where that existed.
    pub server_uid: Option<String>,
    /// The resource that owned it; None if an earlier process saw that.
    pub owner: Option<ObjectReference>,
    /// It is in the IntegrationServer's status, and was announced.
    pub reported: bool,
}

impl Default for Orphans {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            state: Mutex::default(),
        }
    }
}

impl Orphans {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An earlier leader's last write may still take effect.
    pub fn may_inherit(&self) -> bool {
        self.begun.elapsed() < ARRIVES_WITHIN
    }

    /// Our finalizer is about to be removed from this resource, for what this generation of it
    /// asks for. Call this before the write: the watch may be faster than the response.
    pub fn releases<K: Resource>(&self, object: &K) {
        let Some(uid) = object.meta().uid.clone() else {
            return;
        };
        let generation = object.meta().generation.unwrap_or_default();
        let mut state = self.state();
        state
            .released
            .retain(|_, (_, at)| at.elapsed() < RELEASE_KEPT);
        state.released.insert(uid, (generation, Instant::now()));
    }

    /// Whether this process removed our finalizer from this resource. A newer generation may ask
    /// for something else, and the write would not have been accepted.
    pub fn has_released<K: Resource>(&self, object: &K) -> bool {
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        let generation = object.meta().generation.unwrap_or_default();
        let state = self.state();
        let released = state.released.get(uid);
        released.is_some_and(|(released, _)| generation <= *released)
    }

    /// Remembers an orphan. True when that is news.
    pub fn note(&self, server: &str, orphan: Orphan, left: Left) -> bool {
        let mut state = self.state();
        let key = (server.to_owned(), orphan);
        let known = state.left.get(&key);
        let is_known = known.is_some_and(|known| known.certainty >= left.certainty);
        if is_known || (known.is_none() && state.left.len() >= LONGEST) {
            return false;
        }
        state.left.insert(key, left);
        true
    }

    /// Takes the orphans of a status that an earlier process wrote.
    pub fn recall(&self, server: &str, orphans: &[Orphan]) {
        let mut state = self.state();
        for orphan in orphans {
            let key = (server.to_owned(), orphan.clone());
            let left = state.left.entry(key).or_insert(Left {
                certainty: Certainty::Certain,
                at: self.begun,
                server_uid: None,
                owner: None,
                reported: true,
            });
            left.reported = true;
            left.certainty = Certainty::Certain;
        }
    }

    /// The orphans of a server, in order.
    pub fn of_server(&self, server: &str) -> Vec<(Orphan, Left)> {
        let state = self.state();
        let all = state.left.iter();
        all.filter(|((on, _), _)| on == server)
            .map(|((_, orphan), left)| (orphan.clone(), left.clone()))
            .collect()
    }

    /// Identifiers of the tenants whose machine lists show whether orphans are still registered.
    pub fn tenants_to_list(&self, server: &str) -> Vec<String> {
        let orphans = self.of_server(server).into_iter();
        let mut tenants: Vec<String> = orphans
            .filter(|(orphan, _)| orphan.kind == OrphanKind::VirtualMachine)
            .filter_map(|(orphan, _)| orphan.tenant_id)
            .collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }

    /// The orphan is in the status, and announced.
    pub fn was_reported(&self, server: &str, orphan: &Orphan) {
        let mut state = self.state();
        let key = (server.to_owned(), orphan.clone());
        if let Some(left) = state.left.get_mut(&key) {
            left.reported = true;
            left.certainty = Certainty::Certain;
        }
    }

    /// It is no orphan any more, or was none.
    pub fn forget(&self, server: &str, orphan: &Orphan) {
        let key = (server.to_owned(), orphan.clone());
        self.state().left.remove(&key);
    }

    /// This installation does not report for this server.
    pub fn forget_server(&self, server: &str) {
        self.state().left.retain(|(on, _), _| on != server);
    }

    /// Whether there is an orphan with this tenant identifier or this BIOS ID.
    pub fn concern(&self, server: &str, tenant: Option<&str>, bios_id: Option<&str>) -> bool {
        let state = self.state();
        state.left.keys().any(|(on, orphan)| {
            let same_tenant = tenant.is_some() && orphan.tenant_id.as_deref() == tenant;
            let same_machine = bios_id.is_some() && orphan.bios_id.as_deref() == bios_id;
            on == server && (same_tenant || same_machine)
        })
    }
}

#[cfg(test)]
mod tests;
