//! What is known of a Tenant. Types alone: who fills them in is none of this room's
//! business, what follows from them is decided beside it.

use super::Step;
use crate::plan::{Reach, Refusal, Task};

/// Everything that decides a Tenant's next step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The resource has a deletion timestamp.
    pub deleting: bool,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// What the manifest asks for.
    pub spec: Spec,
    /// What the status says, under this resource's own UID.
    pub record: Record,
    /// The IntegrationServer it refers to.
    pub server: Server,
    /// Another Tenant has this name on this server.
    pub outclaimed: bool,
    /// What the server's inventory shows.
    pub world: World,
    /// Activation or deactivation under way.
    pub change: Change,
    /// The VirtualMachines that refer to it.
    pub machines: Machines,
    /// Whether its destruction was agreed to.
    pub admission: Admission,
    /// The server refused this step, and nothing has changed since.
    pub rejected: Option<Step>,
}

/// What the manifest asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// `state`.
    pub wanted: Activity,
    /// The effective deletion policy is `Retain`.
    pub retain: bool,
    /// `existingTenantID` is set.
    pub existing: bool,
    /// `suspend`, here or on the IntegrationServer.
    pub suspended: bool,
    /// The administrator's password, which a Complete tenant's creation needs.
    pub password: Password,
}

/// A tenant's state on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activity {
    /// `Active`.
    Active,
    /// `Inactive`.
    Inactive,
    /// A state that no page names.
    Other,
}

/// The administrator's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Password {
    /// A Simple tenant needs none.
    NotNeeded,
    /// Its Secret has not been read yet.
    Unread,
    /// Its Secret does not exist.
    SecretNotFound,
    /// The Secret lacks the key.
    KeyMissing,
    /// At hand.
    Read,
}

/// What the status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// `tenantID` is recorded.
    pub tenant: bool,
    /// `creation`.
    pub creation: Creation,
    /// `removal`.
    pub removal: Removal,
}

impl Record {
    /// A tenant on the server belongs to the resource, or may after a request in flight.
    pub fn owns(&self) -> bool {
        self.tenant || self.creation != Creation::None
    }
}

/// A creation in flight, as far as this process can know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Creation {
    /// None.
    None,
    /// This very process persisted the intent and has certainly sent nothing.
    Intended,
    /// It may have been sent: the answer was lost, or another process wrote the intent.
    Unknown(Unknown),
    /// The server refused the request itself.
    Refused {
        /// What it said.
        refusal: Refusal,
        /// It was the attempt's only request, sent by this very process.
        sole: bool,
    },
    /// Its task is known.
    Task {
        /// How far it is.
        task: Task,
        /// It was the attempt's only request, sent by this very process.
        sole: bool,
        /// Its cancellation was asked for.
        cancelled: bool,
        /// When the inventory has to decide (forgotten, or done and not visible).
        unknown: Unknown,
    },
}

/// How long an outcome has been unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unknown {
    /// The intent names the address and port that the server has now.
    pub here: bool,
    /// 30 s have passed since this process, as leader, first saw it.
    pub settled: bool,
    /// 10 minutes have passed: unclaimed tasks are no longer waited for.
    pub waited: bool,
}

/// The deletion on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Removal {
    /// Not decided.
    None,
    /// Decided and persisted by this process, which has certainly sent nothing since.
    Decided,
    /// Decided; it may have been sent.
    Unknown {
        /// 30 s have passed since this process first saw it.
        settled: bool,
    },
    /// Its task is known.
    Task {
        /// How far it is.
        task: Task,
        /// Its cancellation was asked for.
        cancelled: bool,
        /// 30 s have passed since the task was found forgotten.
        settled: bool,
    },
}

/// The IntegrationServer as far as this Tenant is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// Whether it can be worked on.
    pub reach: Reach,
    /// `allowedNamespaces` lets this namespace in.
    pub permitted: bool,
    /// It is being deleted: nothing new is made on it.
    pub leaving: bool,
    /// `adoptionPolicy` honours `existingTenantID`.
    pub adopts_by_id: bool,
    /// `adoptionPolicy` is `IfIdentical`.
    pub adopts_identical: bool,
}

/// What the inventory shows of this Tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// A complete list from after everything that this decision rests on.
    pub fresh: bool,
    /// The tenant under the recorded identifier.
    pub by_id: ById,
    /// `by_id` comes from a call made for this very decision.
    pub verified: bool,
    /// The tenant with our name, or the one that our own completed task names.
    pub by_name: Sighting,
    /// The server has to be asked for the tenant that our creation made, before it is recorded:
    /// no list shows it, or it is not stored as it was sent.
    pub unasked: bool,
    /// The tenant that `existingTenantID` names. Name and type alone decide whether it is equal.
    pub existing: Sighting,
    /// CreateTenant tasks run that no resource claims, or did when the list of tenants
    /// began (or the tasks cannot be listed).
    pub unclaimed_creations: bool,
    /// DeleteTenant tasks run that no resource claims (or the tasks cannot be listed).
    pub unclaimed_removals: bool,
    /// Such tasks run, or did when the list of tenants began: what the list shows may be
    /// on its way out. Not after 30 s of waiting for that.
    pub may_vanish: bool,
}

/// What stands under the recorded identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ById {
    /// No complete list yet.
    Unlisted,
    /// Ours: the recorded name, exactly, and our type.
    Same(Activity),
    /// Another name or type: a rolled-back server, a reused identifier.
    Other,
    /// Not in the last complete list. No proof yet.
    Missing,
    /// Proved absent: two complete lists and a 404 with the server's code, or the
    /// 404 alone where it answers a call made for this decision.
    Gone,
}

/// A tenant of the server that is not recorded as ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sighting {
    /// Not in the list.
    Absent,
    /// There, and another Tenant owns it.
    Owned,
    /// There, unowned, and every field that both sides show is equal; or our own task, followed
    /// from its request to its end, named it.
    Equal,
    /// There, unowned, and equal after normalization only (blanks, line ends, NFC). No tenant was
    /// when the creation began, so the server has stored ours differently from what was sent.
    Alike,
    /// There, unowned, and a field differs.
    Different,
}

/// Activation or deactivation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// None.
    None,
    /// A task runs.
    Running,
    /// A task runs without any change for 30 minutes.
    Stuck,
    /// An answer was lost; it may be repeated once this is over.
    Settling,
}

/// The VirtualMachines that refer to the Tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machines {
    /// The tenant was never activated: its machines come first.
    pub first_activation: bool,
    /// Some are neither registered nor stalled.
    pub unregistered: bool,
    /// 10 minutes of waiting for them are over.
    pub waited: bool,
    /// Those that are not being deleted, by a live list.
    pub referrers: Referrers,
}

/// A live list of the VirtualMachines that hold up a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Referrers {
    /// Not listed for this decision yet.
    Unlisted,
    /// None.
    None,
    /// Some.
    Some,
}

/// Whether the deletion guard lets a destruction through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Not asked, or not answered yet.
    Pending,
    /// Within the limit, or agreed to.
    Granted,
    /// Part of a wave that waits for a person.
    Held,
}
