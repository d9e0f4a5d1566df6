//! What can be done for a Tenant, and what can hold it up. Types alone: when each is
//! chosen is decided beside it.

/// A step that the server can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Creation.
    Create,
    /// Activation or deactivation.
    Change,
    /// Deletion.
    Delete,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Not ours to touch, not even its status.
    LeaveAlone,
    /// Put our finalizer on.
    AddFinalizer,
    /// Take our finalizer off.
    RemoveFinalizer(Release),
    /// Get a complete list of the server's tenants that starts now.
    ListTenants,
    /// Look for proof that the recorded tenant is gone.
    ConfirmAbsence,
    /// Get the recorded tenant from the server.
    Verify,
    /// List the VirtualMachines that refer to the Tenant, live.
    ListReferrers,
    /// Read the administrator's password.
    ReadPassword,
    /// Persist the intent to create.
    RecordIntent,
    /// Send the creation.
    Create,
    /// End the attempt: `creation` is cleared, the reason is said.
    EndAttempt(End),
    /// Record the identifier of the tenant that is taken over.
    Adopt(Adoption),
    /// Get the tenant that the attempt made from the server, as the server stores it.
    GetCreated,
    /// Record the identifier of the tenant that the attempt made.
    RecordCreated,
    /// Clear the identifier: the tenant is gone and will be made again.
    ForgetTenant,
    /// Send activation or deactivation, as the spec wants.
    ChangeState,
    /// Cancel the creation's task.
    CancelCreation,
    /// Cancel the deletion's task.
    CancelRemoval,
    /// Persist the decision to delete.
    RecordRemoval,
    /// Send the deletion.
    Delete,
    /// Nothing can be done now.
    Wait(Wait),
    /// The server agrees with the spec.
    Settled,
}

/// Why the finalizer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// The policy says so: the tenant stays on the server.
    Retained,
    /// Nothing of ours was ever there.
    NeverMade,
    /// What is there under our name is not ours.
    NotOurs,
    /// The server proved that it is gone.
    Removed,
}

/// How an attempt ends without a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The server refused it, with the refusal's code.
    Rejected,
    /// Somebody else's tenant has the name.
    NameTaken,
}

/// Which tenant is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Adoption {
    /// The one that `existingTenantID` names.
    ById,
    /// The identical one with our name.
    ByName,
}

/// What holds a Tenant up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// The IntegrationServer does not exist.
    ServerNotFound,
    /// The IntegrationServer is parked.
    ServerNotReady,
    /// The IntegrationServer is being deleted.
    ServerLeaving,
    /// The namespace may not refer to the IntegrationServer.
    NamespaceNotAllowed,
    /// The inventory misses too much.
    InventoryGuard,
    /// `suspend`.
    Suspended,
    /// Another Tenant has the name, or owns the tenant.
    AlreadyClaimed,
    /// The server refused a step, and nothing has changed since.
    Rejected(Step),
    /// The password's Secret is missing.
    SecretNotFound,
    /// The password's Secret lacks its key.
    SecretKeyMissing,
    /// A tenant that is not ours has the name.
    NameTaken,
    /// `existingTenantID` needs another adoption policy.
    AdoptionNotAllowed,
    /// The server has no tenant with the identifier that was asked for.
    ExistingNotFound,
    /// The identifier stands under another name or type.
    IdentityMismatch,
    /// A tenant is there that our creation may have made, and nothing proves it.
    Undecided,
    /// The intent names another address or port than the server has now.
    OtherEndpoint,
    /// The outcome of a request is unknown and not settled yet.
    Settling(Step),
    /// What would be taken over may be what somebody else's deletion is destroying.
    Vanishing,
    /// A task runs.
    TaskRunning(Step),
    /// A task has not changed for 30 minutes.
    TaskStuck(Step),
    /// Machines are registered first.
    VirtualMachines,
    /// Machines that are not being deleted refer to it.
    InUse,
    /// The guard has not answered yet.
    Admission,
    /// The guard holds the wave.
    DeletionHeld,
}
