//! The decisions. Facts in, one action out: pure, total, no clock, no I/O.
//!
//! Nothing here knows HTTP, Kubernetes or time: whoever gathers the facts turns
//! waiting times into booleans ("settled", "waited long enough"). So every
//! decision can be tabled in tests and explored exhaustively.
//!
//! - [`tenant`]: a Tenant's whole life. Its deletion is decided in `tenant/deletion.rs`.
//! - [`virtual_machine`]: registration and unregistration of one machine.
//! - [`admission`]: which deletions may run, which wave is held for a person.
//! - [`absence`]: whether the server's inventory can be believed.
//! - [`claims`]: who of several resources may have one name or one BIOS ID.
//! - [`orphans`]: what stays on the server after a deletion without the operator.

pub mod absence;
pub mod admission;
pub mod claims;
pub mod orphans;
pub mod tenant;
pub mod virtual_machine;

/// Whether an object of the server can be worked on through its IntegrationServer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The IntegrationServer does not exist (yet).
    Missing,
    /// Another installation serves it: nothing of it is ours to touch.
    Foreign,
    /// Unreachable, refused, misconfigured, or not looked at yet: it is parked.
    NotReady,
    /// It answers, but its inventory misses too much of what is ours.
    Guarded,
    /// It answers and its inventory is intact.
    Ready,
}

/// How far a known task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Running, queued, or not looked at since this process started.
    Running,
    /// Running, without any change for 30 minutes.
    Stuck,
    /// Done.
    Completed,
    /// Failed or cancelled: the answer says what kind of refusal it was.
    Refused(Refusal),
    /// The server does not remember it: its work may be done, half done or undone.
    Forgotten,
}

/// What a refusal of the server says about the object it refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// `VIRMT_TenantWithSpecifiedNameAlreadyExists`.
    NameExists,
    /// `VIRMT_TenantWithSpecifiedIdNotFound`.
    TenantNotFound,
    /// Any other.
    Other,
}
