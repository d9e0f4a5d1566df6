//! The reasons that conditions carry: ours, and the server's codes. A reason
//! is for programs and never changes its meaning; the message beside it is for
//! people.

/// One line of the table of reasons: the reason, the conditions it appears on,
/// what it means, what to do.
pub type ReasonLine = (&'static str, &'static str, &'static str, &'static str);

macro_rules! reasons {
    ($($constant:ident = $reason:literal on $conditions:literal: $meaning:literal; $advice:literal)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: &str = $reason;
        )*
        /// Every reason with the conditions it appears on, what it means, and what to do.
        pub const ALL: &[ReasonLine] = &[$(($reason, $conditions, $meaning, $advice)),*];
    };
}

reasons! {
    RECONCILED = "Reconciled" on "Ready":
        "The server agrees with the spec."; "Nothing."
    PROGRESSING = "Progressing" on "Ready, Reconciling":
        "The operator is at work on it."; "Wait; the message says what it waits for."
    SUSPENDED = "Suspended" on "Ready, Removed":
        "`suspend` is set on the resource, its Tenant or its IntegrationServer: nothing is changed on the server."; "Set `suspend: false` to go on."
    CREATED = "Created" on "Provisioned":
        "The operator created the tenant on the server."; "Nothing."
    STORED_DIFFERENTLY = "StoredDifferently" on "Provisioned, Registered":
        "The tenant is created or the machine is registered, and the server stores its name or another field differently from what was sent; the message names the fields."; "Nothing, if the stored value is acceptable: the object is managed as the server stores it."
    ADOPTED = "Adopted" on "Provisioned":
        "The tenant was on the server already and was taken over."; "Nothing; it stays there on deletion unless `deletionPolicy: Delete` is set."
    TASK_RUNNING = "TaskRunning" on "Provisioned, Activated, Removed, Ready, Reconciling":
        "A task of the server is under way."; "Wait; `status.task` shows how far it is."
    TASK_STUCK = "TaskStuck" on "Provisioned, Activated, Removed, Ready, Reconciling":
        "A task of the server has not changed for 30 minutes. It is still watched and never sent twice."; "Look at the task on the Integration Server; cancel it there when it is dead."
    ACTIVE = "Active" on "Activated":
        "The tenant is active on the server."; "Nothing."
    INACTIVE = "Inactive" on "Activated":
        "The tenant is inactive on the server."; "Nothing: `state: Inactive` asks for it."
    WAITING_FOR_VIRTUAL_MACHINES = "WaitingForVirtualMachines" on "Activated, Ready, Reconciling":
        "A new tenant is activated once its virtual machines are registered, after 10 minutes in any case."; "Wait, or look at the VirtualMachines that are not registered yet."
    REGISTERED = "Registered" on "Registered":
        "The virtual machine is registered with its tenant."; "Nothing."
    WAITING_FOR_TENANT = "WaitingForTenant" on "Registered, Ready, Reconciling":
        "The tenant has no identifier on the server yet."; "Wait, or look at the conditions of the Tenant."
    TENANT_DELETING = "TenantDeleting" on "Registered, Ready, Reconciling, Removed":
        "The Tenant is being deleted, so nothing is registered with it any more."; "Delete the VirtualMachine, or create the Tenant again once it is gone."
    TENANT_NOT_FOUND = "TenantNotFound" on "Registered, Ready, Reconciling":
        "No Tenant has the name in `tenantRef`, in this namespace."; "Create the Tenant; the virtual machine goes on by itself."
    RELEASED = "Released" on "Ready, Removed":
        "The resource is being deleted, and the operator has nothing left to do for it. Finalizers of other controllers keep it."; "See the message for these finalizers, and their controllers for what they wait for."
    IN_USE = "InUse" on "Removed, Ready, Reconciling":
        "Other resources still refer to the one that is being deleted."; "Delete those that the message names, or keep this one by `deletionPolicy: Retain`."
    DELETION_HELD = "DeletionHeld" on "Removed, Ready, Stalled":
        "More tenants are to be destroyed than the guard of the server lets pass."; "Check that the deletions are meant, then run the line in the message; else set `deletionPolicy: Retain`."
    IDENTITY_MISMATCH = "IdentityMismatch" on "Ready, Stalled, Provisioned, Removed":
        "The server shows another tenant under the recorded identifier, or one that this Tenant may have created and that differs from the spec. Nothing is touched."; "Compare the tenant on the server with the spec; the message names it. A server that was rolled back shows this too."
    INTACT = "Intact" on "InventoryIntact":
        "Our tenants are on the server as they should be."; "Nothing."
    MASS_ABSENCE = "MassAbsence" on "InventoryIntact, Ready, Stalled":
        "So many of our tenants are missing on the server that it may be a wrong or a restored one. Nothing is made or destroyed on it."; "Restore the server or its address; or, when the tenants are really lost, run the line in the message."
    INVENTORY_GUARD = "InventoryGuard" on "Ready, Reconciling, Removed":
        "The inventory of the server is not intact, so nothing is made or destroyed on it."; "See the condition InventoryIntact of the IntegrationServer."
    ORPHANED = "Orphaned" on "OrphansFound":
        "Resources were deleted while the operator's finalizer was missing, so what they owned may still be on the server."; "Delete what `status.orphans` lists on the server; or adopt it: a tenant with a Tenant whose `existingTenantID` identifies it, a virtual machine with a VirtualMachine that has its BIOS ID."
    CONNECTED = "Connected" on "Reachable":
        "The server answers, with these credentials and this certificate."; "Nothing."
    CONNECT_FAILED = "ConnectFailed" on "Reachable, Ready":
        "The server does not answer, or cannot even be asked. It is asked again by itself."; "Check address, port, proxy and network; the message has the cause."
    CERTIFICATE_REJECTED = "CertificateRejected" on "Reachable, Ready":
        "The server's certificate is not the one that `tls` allows, or `tls` holds nothing that a certificate could be compared with."; "Check the server, then correct `tls`; the message shows the fingerprint that the server presents."
    CREDENTIALS_REJECTED = "CredentialsRejected" on "Reachable, Ready":
        "The server refuses the account or its password."; "Correct the Secret that `credentialsSecretRef` names."
    UNEXPECTED_ANSWER = "UnexpectedAnswer" on "Reachable, Ready":
        "What answers does not speak as an Integration Server does."; "Check address and port, and whether a proxy answers in its place."
    SECRET_NOT_FOUND = "SecretNotFound" on "Reachable, Ready, Reconciling, Provisioned":
        "The Secret that the resource names does not exist, or the operator may not read it."; "Create the Secret, or let the operator read it; the message says which."
    SECRET_KEY_MISSING = "SecretKeyMissing" on "Reachable, Ready, Reconciling, Provisioned":
        "The Secret has no usable value under the key."; "Add the key to the Secret; the message has its name."
    CA_BUNDLE_NOT_FOUND = "CABundleNotFound" on "Reachable, Ready, Reconciling":
        "The ConfigMap or Secret in `tls.caBundleRef` does not exist, cannot be read, or has no text under the key."; "Create it or grant the operator access; the message names it."
    INTEGRATION_SERVER_NOT_FOUND = "IntegrationServerNotFound" on "Ready, Reconciling, Removed":
        "No IntegrationServer has the name in `integrationServerRef`."; "Create the IntegrationServer; the resource goes on by itself."
    INTEGRATION_SERVER_NOT_READY = "IntegrationServerNotReady" on "Ready, Reconciling, Stalled, Removed":
        "The IntegrationServer cannot be worked with at the moment."; "See the conditions of the IntegrationServer."
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed" on "Ready, Stalled":
        "The IntegrationServer does not let this namespace refer to it."; "Label the namespace, or extend `allowedNamespaces` of the IntegrationServer."
    ALREADY_CLAIMED = "AlreadyClaimed" on "Ready, Stalled":
        "Another resource has this name, identifier, BIOS ID or address already. This one never touches the server."; "Change the name of one of the two where that is still open, or delete one; then the other takes its turn."
    TRANSIENT_ERROR = "TransientError" on "Ready, Reconciling, Removed":
        "A call failed in a way that passes. It is made again by itself."; "Wait; look at the IntegrationServer when it lasts."
    REJECTED = "Rejected" on "Ready, Stalled, Provisioned, Activated, Registered, Removed":
        "The server refuses the request and gives no code, or shows a state that is not known here; or `adoptionPolicy` does not allow `existingTenantID`."; "See the message; correct the spec, or set the annotation `viis-operator.io/requested-at` to try again."
    MANDATORY_PARAMETER_IS_NOT_SPECIFIED = "VIRMT_MandatoryParameterIsNotSpecified" on "Ready, Stalled, Provisioned, Registered":
        "The server misses a required parameter."; "See the message; this version of the server may want a field that is optional here."
    INVALID_TENANT_TYPE = "VIRMT_InvalidTenantType" on "Ready, Stalled, Provisioned":
        "The server does not know this type of tenant."; "Set another `type`."
    V_KSC_CREDENTIALS_NOT_SPECIFIED = "VIRMT_VKscCredentialsNotSpecified" on "Ready, Stalled, Provisioned":
        "The server misses the name or the password of the administrator."; "Set `administrator`, and a password in its Secret."
    INVALID_VIIS_ADDRESS_FORMAT = "VIRMT_InvalidViisAddressFormat" on "Ready, Stalled, Provisioned":
        "The server does not accept `preferredVIISAddress`."; "Set an IP address in the server's notation."
    KSC_SERVICE_NOT_CONFIGURED = "KSC_ServiceNotConfigured" on "Ready, Stalled, Provisioned, Activated, Removed":
        "The server has no connection settings for Kaspersky Security Center."; "Connect the Integration Server to Kaspersky Security Center."
    TENANT_GROUP_ALREADY_EXISTS = "VIRMT_TenantGroupAlreadyExists" on "Ready, Stalled, Provisioned":
        "Kaspersky Security Center has a folder with the tenant's name already."; "Remove the folder, or set another `name`."
    TENANT_WITH_SPECIFIED_NAME_ALREADY_EXISTS = "VIRMT_TenantWithSpecifiedNameAlreadyExists" on "Ready, Stalled, Provisioned":
        "The server has a tenant with this name already."; "Set another `name`; or take the tenant over by `existingTenantID`, with an `adoptionPolicy` that allows it."
    PASSWORD_NOT_COMPLY_POLICY = "VIRMT_PasswordNotComplyPolicy" on "Ready, Stalled, Provisioned":
        "The administrator's password breaks the password rules of Kaspersky Security Center."; "Put another password into the Secret; the operator sees it within a minute."
    USER_WITH_SPECIFIED_NAME_ALREADY_EXISTS = "VIRMT_UserWithSpecifiedNameAlreadyExists" on "Ready, Stalled, Provisioned":
        "Kaspersky Security Center has a user with the administrator's name already."; "Set another `administrator.name`."
    TENANT_WITH_SPECIFIED_ID_NOT_FOUND = "VIRMT_TenantWithSpecifiedIdNotFound" on "Ready, Stalled, Provisioned, Activated, Registered":
        "The server has no tenant with this identifier."; "Look whether the tenant is still on the server. Where `existingTenantID` is set: correct it if no tenant has been adopted yet, or remove it: then the operator creates the tenant."
    VM_WITH_SPECIFIED_BIOS_ID_ALREADY_EXISTS = "VIRMT_VmWithSpecifiedBiosIdAlreadyExists" on "Ready, Stalled, Registered":
        "A virtual machine with this BIOS ID is registered with another tenant."; "Have it unregistered there and set `viis-operator.io/requested-at`; or create another VirtualMachine with the right `biosID`."
    VM_WITH_SPECIFIED_ID_NOT_FOUND = "VIRMT_VmWithSpecifiedIdNotFound" on "Ready, Stalled, Registered, Removed":
        "The server has no such virtual machine."; "Nothing; a deletion is done then, and a machine that is wanted is registered again."
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_reason_stands_twice() {
        let distinct: BTreeSet<_> = ALL.iter().map(|line| line.0).collect();
        assert_eq!(distinct.len(), ALL.len());
    }

    #[test]
    fn every_reason_is_valid_on_a_condition() {
        for (reason, conditions, meaning, advice) in ALL {
            let mut list = Vec::new();
            let now = jiff::Timestamp::UNIX_EPOCH;
            super::super::conditions::set(
                &mut list,
                super::super::ConditionType::Ready,
                true,
                reason,
                meaning,
                1,
                now,
            );
            assert_eq!(list.first().unwrap().reason, *reason);
            assert!(
                !conditions.is_empty() && meaning.ends_with('.') && advice.ends_with('.'),
                "{reason}"
            );
        }
    }

    #[test]
    fn conditions_in_the_table_exist() {
        let known: Vec<_> = super::super::conditions::ALL
            .iter()
            .map(|(condition, ..)| condition.as_str())
            .collect();
        for (reason, conditions, ..) in ALL {
            assert!(
                conditions
                    .split(", ")
                    .all(|condition| known.contains(&condition)),
                "{reason}: {conditions}"
            );
        }
    }
}
