//! VirtualMachine: a machine that is registered with a tenant. Types and
//! schema only.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::references::Reference;
use super::tenant::DeletionPolicy;
use super::{lenient, rules, schema};

/// Desired state of the virtual machine.
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
    doc = "A virtual machine that is registered with a tenant on an Integration Server. Registering or unregistering a virtual machine does not switch its protection on or off.",
    selectable = ".spec.tenantRef.name",
    printcolumn(
        name = "Tenant",
        type_ = "string",
        json_path = ".spec.tenantRef.name",
        description = "Name of the Tenant that the virtual machine belongs to"
    ),
    printcolumn(
        name = "BIOS-ID",
        type_ = "string",
        json_path = ".spec.biosID",
        description = "BIOS ID of the virtual machine"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the registration on the Integration Server matches the spec"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Reason of the Ready condition"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the resource was created"
    ),
    printcolumn(
        name = "VM-ID",
        type_ = "string",
        json_path = ".status.virtualMachineID",
        priority = 1,
        description = "Identifier of the virtual machine on the Integration Server"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1,
        description = "Message of the Ready condition: an explanation and what to do about it"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineSpec {
    /// Reference to the Tenant that the virtual machine belongs to, in the same namespace. Immutable.
    #[x_kube(validation = rules::immutable("tenantRef"))]
    pub tenant_ref: Reference,
    /// BIOS ID of the virtual machine: a UUID. Case does not matter and braces are optional. Must be unique across all tenants of an Integration Server. Immutable.
    #[serde(rename = "biosID")]
    #[schemars(length(min = 36, max = 38))]
    #[x_kube(validation = rules::bios_id(), validation = rules::immutable("biosID"))]
    pub bios_id: String,
    /// Name of the virtual machine on the Integration Server. Defaults to metadata.name. If it changes, the operator unregisters the virtual machine and registers it again, because the Integration Server cannot change a registered virtual machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::not_blank(), validation = rules::xml_text())]
    pub name: Option<String>,
    /// Free text that the Integration Server stores with the virtual machine. If it changes, the operator unregisters the virtual machine and registers it again, because the Integration Server cannot change a registered virtual machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    #[x_kube(validation = rules::xml_text())]
    pub user_data: Option<String>,
    /// What happens to the registration when this resource is deleted. Delete unregisters the virtual machine. Retain leaves it registered. Defaults to Delete.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Observed state of the virtual machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct VirtualMachineStatus {
    /// The metadata.generation that this status reflects. It is -1 until the operator has reconciled the resource for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Identifier of the virtual machine on the Integration Server.
    #[serde(
        rename = "virtualMachineID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 1024))]
    pub virtual_machine_id: Option<String>,
    /// Identifier of the tenant that the virtual machine is registered with.
    #[serde(rename = "tenantID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub tenant_id: Option<String>,
    /// Name of the IntegrationServer that the virtual machine is registered on. The operator uses it to unregister the virtual machine after the Tenant is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub integration_server: Option<String>,
    /// UID of the resource that this status belongs to. If it differs from metadata.uid, for example after a restore from a backup, the operator ignores the status.
    #[serde(rename = "ownerUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner_uid: Option<String>,
    /// The outcome, as conditions: Ready, Reconciling, Stalled, Registered, Removed.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
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
