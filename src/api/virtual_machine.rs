//! VirtualMachine: a machine that is registered with a tenant. Types and
//! schema only.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::references::Reference;
use super::tenant::DeletionPolicy;
use super::{lenient, rules};

/// What the user wants of a virtual machine.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "viis-operator.io",
    version = "v1alpha1",
    kind = "VirtualMachine",
    plural = "virtualmachines",
    singular = "virtualmachine",
    shortname = "viisvm",
    category = "viis-operator",
    namespaced,
    status = "VirtualMachineStatus",
    derive = "PartialEq",
    doc = "A virtual machine that is registered with a tenant of an Integration Server. Registering or unregistering switches no protection on or off.",
    selectable = ".spec.tenantRef.name",
    printcolumn(
        name = "Tenant",
        type_ = "string",
        json_path = ".spec.tenantRef.name",
        description = "The Tenant that the machine belongs to"
    ),
    printcolumn(
        name = "BIOS-ID",
        type_ = "string",
        json_path = ".spec.biosID",
        description = "BIOS UUID of the machine"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the server agrees with the spec"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why it is ready, or what holds it up"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the resource was made"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineSpec {
    /// The Tenant that the machine belongs to, in the same namespace. It cannot change.
    #[x_kube(validation = rules::immutable("tenantRef"))]
    pub tenant_ref: Reference,
    /// BIOS UUID of the machine, in any case, with or without braces; unique over all tenants of a server. It cannot change.
    #[serde(rename = "biosID")]
    #[schemars(length(min = 36, max = 38))]
    #[x_kube(validation = rules::bios_id(), validation = rules::immutable("biosID"))]
    pub bios_id: String,
    /// The machine's name on the server. Left out: metadata.name. A new name unregisters the machine and registers it again, there is no other way to change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::not_blank(), validation = rules::xml_text())]
    pub name: Option<String>,
    /// Free text that is kept with the machine on the server. A new text unregisters the machine and registers it again, there is no other way to change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    #[x_kube(validation = rules::xml_text())]
    pub user_data: Option<String>,
    /// What deleting this resource does. Delete: the machine is unregistered. Retain: it stays registered.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What the operator did for a virtual machine, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct VirtualMachineStatus {
    /// The metadata.generation that this status speaks of; -1 until the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// The machine's identifier on the server.
    #[serde(
        rename = "virtualMachineID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 1024))]
    pub virtual_machine_id: Option<String>,
    /// Identifier of the tenant that the machine is registered with.
    #[serde(rename = "tenantID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub tenant_id: Option<String>,
    /// The IntegrationServer that the machine is registered on, so that it can be unregistered after its Tenant is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub integration_server: Option<String>,
    /// UID of the resource whose status this is. Under another UID (a restored backup) nothing of it counts.
    #[serde(rename = "ownerUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner_uid: Option<String>,
    /// The outcome, as conditions: Ready, Reconciling, Stalled, Registered, Removed.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

// === impl VirtualMachine ===

impl VirtualMachine {
    /// The machine's name on the server: `spec.name`, else `metadata.name`.
    #[must_use]
    pub fn server_name(&self) -> &str {
        self.spec
            .name
            .as_deref()
            .or(self.metadata.name.as_deref())
            .unwrap_or_default()
    }
}
