//! Tenant: a tenant of an Integration Server. Types and schema only.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::{Reference, SecretKey};
use super::{lenient, rules, schema};

/// Desired state of the tenant.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "viis-operator.io",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    singular = "tenant",
    shortname = "viistenant",
    category = "viis-operator",
    namespaced,
    status = "TenantStatus",
    derive = "PartialEq",
    doc = "A tenant on an Integration Server. The Integration Server cannot change the properties of an existing tenant, so the fields that define it are immutable once creation has started.",
    selectable = ".spec.integrationServerRef.name",
    validation = rules::locked(),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type", description = "Type of the tenant: Complete or Simple"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "State of the tenant as last reported by the Integration Server"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether the tenant on the Integration Server matches the spec"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", description = "Reason of the Ready condition"),
    printcolumn(name = "Progress", type_ = "integer", json_path = ".status.task.progress", description = "Progress of the current or most recent task, in percent"),
    printcolumn(name = "VMs", type_ = "integer", json_path = ".status.virtualMachines", description = "Number of virtual machines registered through VirtualMachine resources"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since the resource was created"),
    printcolumn(name = "Server", type_ = "string", json_path = ".spec.integrationServerRef.name", priority = 1, description = "Name of the IntegrationServer that the tenant belongs to"),
    printcolumn(name = "Tenant-ID", type_ = "string", json_path = ".status.tenantID", priority = 1, description = "Identifier of the tenant on the Integration Server"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1, description = "Message of the Ready condition: an explanation and what to do about it")
)]
#[x_kube(validation = rules::administrator_needed(), validation = rules::administrator_unused())]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// Reference to the IntegrationServer that the tenant belongs to. Immutable once creation has started.
    pub integration_server_ref: Reference,
    /// Name of the tenant on the Integration Server. Must be unique there. Defaults to metadata.name. Immutable once creation has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::not_blank(), validation = rules::xml_text())]
    pub name: Option<String>,
    /// Type of the tenant. A Complete tenant has its own virtual Administration Server and an administrator. A Simple tenant is only an entry in the Integration Server's database, for reports. Immutable once creation has started.
    #[serde(rename = "type")]
    pub tenant_type: TenantType,
    /// Free text that the Integration Server stores with the tenant. Immutable once creation has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = rules::xml_text())]
    pub description: Option<String>,
    /// Free text that the Integration Server stores with the tenant, such as a customer number. Immutable once creation has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    #[x_kube(validation = rules::xml_text())]
    pub user_data: Option<String>,
    /// IP address at which the tenant's Light Agents connect to the Integration Server. Defaults to the address of the IntegrationServer. Immutable once creation has started.
    #[serde(
        rename = "preferredVIISAddress",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = rules::ip())]
    pub preferred_viis_address: Option<String>,
    /// Administrator of the tenant's virtual Administration Server. Required for Complete tenants unless existingTenantID is set. Forbidden for Simple tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<Administrator>,
    /// Whether the tenant is active on the Integration Server. Drift is corrected. Defaults to Active.
    #[serde(default)]
    pub state: DesiredState,
    /// Identifier of an existing tenant on the Integration Server. The operator adopts this tenant instead of creating one. The adoptionPolicy of the IntegrationServer must allow this, and the name and type must match. Once the tenant has been adopted or creation has started, this field can only be removed.
    #[serde(
        rename = "existingTenantID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = rules::server_identifier())]
    pub existing_tenant_id: Option<String>,
    /// What happens to the tenant on the Integration Server when this resource is deleted. Delete deletes the tenant. Retain leaves it on the Integration Server. Defaults to Delete for a tenant that the operator created, and to Retain for a tenant that the operator adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_deletion_policy")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Whether deleting the tenant also deletes its artifacts in Kaspersky Security Center: the virtual Administration Server, the administrator's account and the folder. If false, only the tenant's entry in the Integration Server's database is deleted. Defaults to true.
    #[serde(default = "default_true")]
    pub remove_tenant_artifacts: bool,
    /// Whether the operator stops making changes on the Integration Server for this tenant and its virtual machines. Deletions there wait until suspend is false. Defaults to false.
    #[serde(default)]
    pub suspend: bool,
}

/// Administrator of a Complete tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// Name of the administrator's account. Must be unique in Kaspersky Security Center. Immutable once creation has started.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::not_blank(), validation = rules::xml_text())]
    pub name: String,
    /// Reference to the Secret key that contains the account's password. The operator reads the password only to create the tenant. The reference and the Secret can be changed at any time.
    pub password_secret_ref: SecretKey,
}

/// Type of a tenant (API page: Tenants).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TenantType {
    /// A tenant with its own virtual Administration Server and an administrator.
    Complete,
    /// Only an entry in the Integration Server's database.
    Simple,
}

/// Desired state of a tenant on the Integration Server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// The tenant is activated.
    #[default]
    Active,
    /// The tenant is deactivated.
    Inactive,
}

/// What happens on the Integration Server when a resource is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The tenant is deleted, or the virtual machine is unregistered.
    #[default]
    Delete,
    /// The tenant stays, or the virtual machine stays registered.
    Retain,
}

/// Observed state of the tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct TenantStatus {
    /// The metadata.generation that this status reflects. It is -1 until the operator has reconciled the resource for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Identifier of the tenant on the Integration Server.
    #[serde(rename = "tenantID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub tenant_id: Option<String>,
    /// Name of the tenant as the Integration Server shows it. The server may store a name differently from what was sent, for example without outer blanks. Only a tenant with this identifier and exactly this name belongs to this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub tenant_name: Option<String>,
    /// Identifier of the tenant's virtual Administration Server. Set only for Complete tenants.
    #[serde(
        rename = "virtualAdministrationServerID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 1024))]
    pub virtual_administration_server_id: Option<String>,
    /// State of the tenant as last reported by the Integration Server, such as Active or Inactive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub state: Option<String>,
    /// Number of virtual machines that are registered with the tenant through VirtualMachine resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub virtual_machines: Option<u32>,
    /// Current or most recent task on the Integration Server for this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskStatus>,
    /// Internal; may change between versions. The operator's journal of a creation in progress. Absent if no creation is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation: Option<Creation>,
    /// Internal; may change between versions. The operator's journal of the deletion of the tenant on the Integration Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    /// UID of the resource that this status belongs to. If it differs from metadata.uid, for example after a restore from a backup, the operator ignores the status.
    #[serde(rename = "ownerUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner_uid: Option<String>,
    /// Whether the operator adopted an existing tenant instead of creating one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<bool>,
    /// The outcome, as conditions: Ready, Reconciling, Stalled, Provisioned, Activated, Removed.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// A task as the Integration Server reports it (API page: Tasks). No field is an
/// enum: an unknown value must not block the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Identifier of the task.
    #[schemars(length(max = 1024))]
    pub id: String,
    /// Type of the task, such as CreateTenant.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub task_type: Option<String>,
    /// State of the task as reported by the Integration Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub state: Option<String>,
    /// Current step of the task as reported by the Integration Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub stage: Option<String>,
    /// Progress of the task, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100), extend("format" = "int32"))]
    pub progress: Option<u8>,
    /// Time at which the Integration Server created the task, according to the server's clock. The value has no time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub created: Option<String>,
    /// Error with which the task failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskErrorStatus>,
}

/// Error of a failed task as reported by the Integration Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskErrorStatus {
    /// Error code from the Integration Server, such as VIRMT_PasswordNotComplyPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub code: Option<String>,
    /// Error message from the Integration Server. The operator truncates long messages and removes secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
}

/// A creation in progress. The operator writes it before it calls the Integration
/// Server, so that after a restart it knows what may have been sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Creation {
    /// Identifier of this attempt.
    #[schemars(length(max = 128))]
    pub attempt: String,
    /// Address and port of the Integration Server that this attempt is for, as address:port.
    #[schemars(length(max = 512))]
    pub server: String,
    /// Whether the Integration Server has responded to the request with a task. False does not mean that the request failed, because a response may have been lost.
    #[serde(default)]
    pub sent: bool,
    /// Identifier of the task on the Integration Server, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub task: Option<String>,
    /// Identifiers of the tenants on the Integration Server that had a name like this one when this attempt began. Names are alike if they differ only in white space and Unicode normalization.
    #[serde(
        rename = "alikeTenantIDs",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 16), inner(length(max = 1024)), extend("x-kubernetes-list-type" = "atomic"))]
    pub alike_tenant_ids: Option<Vec<String>>,
}

/// The decision to delete the tenant on the Integration Server, and the task that deletes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// Identifier of this attempt.
    #[schemars(length(max = 128))]
    pub attempt: String,
    /// Address and port of the Integration Server that the deletion was decided for, as address:port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub server: Option<String>,
    /// Identifier of the task on the Integration Server, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub task: Option<String>,
    /// Value of spec.removeTenantArtifacts in the deletion request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_tenant_artifacts: Option<bool>,
}

// === impl Tenant ===

impl Tenant {
    /// The tenant's name on the server: `spec.name`, else `metadata.name`.
    #[must_use]
    pub fn server_name(&self) -> &str {
        self.spec
            .name
            .as_deref()
            .or(self.metadata.name.as_deref())
            .unwrap_or_default()
    }

    /// What deleting this resource does on the server. Unset means `Delete`
    /// for what was created and `Retain` for what was taken over.
    #[must_use]
    pub fn deletion_policy(&self) -> DeletionPolicy {
        let adopted = self
            .status
            .as_ref()
            .and_then(|status| status.adopted)
            .unwrap_or(false);
        self.spec.deletion_policy.unwrap_or(if adopted {
            DeletionPolicy::Retain
        } else {
            DeletionPolicy::Delete
        })
    }
}

// === impl TenantType ===

impl TenantType {
    /// The word of the wire format (API page: Tenants).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::Simple => "Simple",
        }
    }
}

fn default_true() -> bool {
    true
}
