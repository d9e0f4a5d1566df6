//! The IntegrationServers that are served: one client and one picture each, made
//! by the IntegrationServer's controller, used by the others.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::time::Instant;

use crate::inventory::Server;
use crate::inventory::health::Availability;
use crate::inventory::slots::Slots;
use crate::plan::Reach;
use crate::viis::{Credentials, Endpoint};

/// The served IntegrationServers, by name.
#[derive(Default)]
pub struct Servers(RwLock<HashMap<String, Arc<Handle>>>);

/// One served IntegrationServer.
pub struct Handle {
    /// The resource's UID.
    pub uid: String,
    /// Names the settings that the client was made of.
    pub settings: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Client and picture.
    pub server: Arc<Server>,
    /// What its client logs in with: it serves on when the Secret is pruned.
    pub account: Option<Account>,
    verdicts: Mutex<Verdicts>,
    /// Which Tenants may call it at the same time: a server that does not answer
    /// must not take every look there is away from the others.
    pub tenants: Slots,
    /// Which VirtualMachines may call it at the same time.
    pub machines: Slots,
    /// A comparison of its machines is under way.
    pub comparing: AtomicBool,
}

/// The account of a server, and the name of the Secret that it came from.
#[derive(Clone)]
pub struct Account {
    /// The Secret's name.
    pub secret: String,
    /// User and password.
    pub credentials: Credentials,
    /// Names the credentials without showing them.
    pub digest: String,
}

/// So many objects of a kind may wait for one server at the same time.
const CALLERS: usize = 16;

/// What the guards said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// The inventory was judged, and is believed.
    pub intact: bool,
    /// UIDs of Tenants that may be destroyed.
    pub admitted: BTreeSet<String>,
    /// UIDs of Tenants that are held, and the token to agree with.
    pub held: BTreeSet<String>,
    /// The token of the wave that is held.
    pub token: Option<String>,
    /// The token of the loss that a person may agree to.
    pub absence: Option<String>,
    /// UIDs of Tenants whose loss a person agreed to.
    pub written_off: BTreeSet<String>,
    /// When the list of tenants that was judged began.
    pub listed_at: Option<Instant>,
}

impl Handle {
    /// A server that nobody has judged yet.
    pub fn new(uid: String, settings: String, endpoint: Endpoint, server: Arc<Server>) -> Self {
        Self {
            uid,
            settings,
            endpoint,
            server,
            account: None,
            verdicts: Mutex::default(),
            tenants: Slots::new(CALLERS),
            machines: Slots::new(CALLERS),
            comparing: AtomicBool::new(false),
        }
    }

    /// The same, with the account that its client logs in with.
    pub fn with_account(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    /// What the guards said last.
    pub fn verdicts(&self) -> Verdicts {
        self.locked().clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Verdicts> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the list of tenants that was judged last began.
    pub fn judged_at(&self) -> Option<Instant> {
        self.locked().listed_at
    }

    /// Whether the inventory is believed.
    pub fn is_intact(&self) -> bool {
        self.locked().intact
    }

    /// Whether this Tenant may be destroyed.
    pub fn admits(&self, uid: &str) -> bool {
        self.locked().admitted.contains(uid)
    }

    /// The token to agree with, when this Tenant is held.
    pub fn holds(&self, uid: &str) -> Option<String> {
        let verdicts = self.locked();
        verdicts
            .held
            .contains(uid)
            .then(|| verdicts.token.clone().unwrap_or_default())
    }

    /// The token of the loss that a person may agree to.
    pub fn absence(&self) -> Option<String> {
        self.locked().absence.clone()
    }

    /// Whether a person agreed to this Tenant's loss.
    pub fn wrote_off(&self, uid: &str) -> bool {
        self.locked().written_off.contains(uid)
    }

    /// Takes what the guards say now.
    pub fn judge(&self, verdicts: Verdicts) {
        *self.locked() = verdicts;
    }

    /// Takes what the guards say of a newer list before it is persisted: what they
    /// no longer allow ends at once, what they allow anew waits for its write. An
    /// intact inventory needs none, unless it is so by an agreement.
    /// True when the inventory is believed now and was not, or the other way round.
    pub fn judge_at_once(&self, verdicts: &Verdicts) -> bool {
        let mut current = self.locked();
        let before = current.intact;
        let by_agreement = !verdicts.written_off.is_subset(&current.written_off);
        current.intact = verdicts.intact && (current.intact || !by_agreement);
        current
            .admitted
            .retain(|uid| verdicts.admitted.contains(uid));
        current
            .written_off
            .retain(|uid| verdicts.written_off.contains(uid));
        current.listed_at = verdicts.listed_at;
        current.absence.clone_from(&verdicts.absence);
        before != current.intact
    }

    /// How far the server can be worked on.
    pub fn reach(&self) -> Reach {
        match self.server.health().availability() {
            Availability::Unknown | Availability::Down => Reach::NotReady,
            Availability::Up if self.is_intact() => Reach::Ready,
            Availability::Up => Reach::Guarded,
        }
    }
}

impl Servers {
    /// The handle of a served IntegrationServer.
    pub fn get(&self, name: &str) -> Option<Arc<Handle>> {
        let servers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        servers.get(name).map(Arc::clone)
    }

    /// Serves an IntegrationServer through this handle from now on.
    pub fn put(&self, name: &str, handle: Arc<Handle>) {
        let mut servers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = servers.insert(name.to_owned(), handle) {
            before.server.close();
        }
    }

    /// Serves none any more: nothing polls them from here on.
    pub fn close(&self) {
        let mut servers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (_, handle) in servers.drain() {
            handle.server.close();
        }
    }

    /// Serves it no more.
    pub fn remove(&self, name: &str) {
        let mut servers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = servers.remove(name) {
            before.server.close();
        }
    }
}

#[cfg(test)]
mod tests;
