//! What this process remembers of a VirtualMachine.

use std::time::Duration;

use tokio::time::Instant;

use super::whereabouts::Place;
use crate::controllers::backoff::Backoff;
use crate::controllers::context::Remember;
use crate::viis::TenantId;

/// What this process remembers of a VirtualMachine.
#[derive(Default)]
pub struct Memory {
    /// What the server refused.
    pub rejection: Option<Box<Rejection>>,
    /// The generation that this process registered it for.
    pub registered_for: Option<i64>,
    /// The registration that the server has taken, or may have, and did not list yet.
    pub sent: Option<Sent>,
    /// Where this process has unregistered it.
    pub left: Vec<Place>,
    /// The finalizer was taken off: nothing is left to do.
    pub released: bool,
    /// The pauses after writes that failed.
    pub writes: Backoff,
    /// The pauses after failures without a verdict.
    pub backoff: Backoff,
    /// Since when it is to be registered with a tenant that may have it already.
    pub wanted_since: Option<Instant>,
    /// Since when its deletion waits for what becomes of the Tenant.
    pub leaving_since: Option<Instant>,
    /// How long that wait is.
    pub patience: Duration,
    /// Since when its deletion is known: lists that began before prove nothing.
    pub deletion_seen: Option<Instant>,
    /// When the first list of the tenant's machines began that does not show it.
    pub missing_since: Option<Instant>,
    /// Since when it waits for a Tenant that is on its way.
    pub waiting_since: Option<Instant>,
    /// The resourceVersion of the last write: an older view is stale.
    pub written: Option<String>,
}

impl Remember for Memory {
    /// There may be very many machines, nearly all of them settled.
    fn is_empty(&self) -> bool {
        self.rejection.is_none()
            && self.registered_for.is_none()
            && !self.released
            && self.writes.is_fresh()
            && self.backoff.is_fresh()
            && self.leaving_since.is_none()
            && self.deletion_seen.is_none()
            && self.missing_since.is_none()
            && self.wanted_since.is_none()
            && self.waiting_since.is_none()
            && self.written.is_none()
            && self.sent.is_none()
            && self.left.is_empty()
    }
}

/// A registration that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// With this tenant.
    pub tenant: TenantId,
    /// When.
    pub at: Instant,
    /// The server took it; else its answer was lost.
    pub taken: bool,
}

/// So long a server may be behind with its own list.
pub const LISTED_AFTER: Duration = Duration::from_secs(30);

impl Memory {
    /// A registration with this tenant was sent so lately that the list may be behind.
    pub fn may_be_listed_late(&self, tenant: &TenantId) -> bool {
        self.sent
            .as_ref()
            .is_some_and(|sent| sent.tenant == *tenant && sent.at.elapsed() < LISTED_AFTER)
    }

    /// The server took it, and only its list is waited for.
    pub fn awaits(&self, tenant: Option<&TenantId>) -> bool {
        let taken = self.sent.as_ref().is_some_and(|sent| sent.taken);
        taken && tenant.is_some_and(|tenant| self.may_be_listed_late(tenant))
    }
}

/// What the server refused.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The server's code, or `Rejected`.
    pub reason: String,
    /// What the server said.
    pub message: String,
    /// The generation that was refused.
    pub generation: i64,
    /// It was refused while being deleted.
    pub deleting: bool,
    /// When.
    pub at: Instant,
    /// The account lacks the right: another verdict than one on what was asked for.
    pub forbidden: bool,
    /// The `requested-at` annotation at that time.
    pub requested_at: Option<String>,
}

/// A refused machine is looked at again after this time in any case.
pub const REJECTED_FOR: Duration = Duration::from_secs(30 * 60);

impl Rejection {
    /// Whether nothing has changed since that could change the answer.
    pub fn is_in_force(&self, generation: i64, deleting: bool, requested_at: Option<&str>) -> bool {
        self.generation == generation
            && self.deleting == deleting
            && self.requested_at.as_deref() == requested_at
            && self.at.elapsed() < REJECTED_FOR
    }
}
