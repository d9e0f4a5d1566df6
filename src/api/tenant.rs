//! Tenant: a tenant of an Integration Server. Types and schema only.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::{Reference, SecretKey};
use super::{lenient, rules, schema};

/// What the user wants of a tenant.
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
    doc = "A tenant of an Integration Server. The server cannot change a tenant: what identifies it is fixed once its creation began.",
    selectable = ".spec.integrationServerRef.name",
    validation = rules::locked("integrationServerRef"),
    validation = rules::locked_name(),
    validation = rules::locked("type"),
    validation = rules::locked("description"),
    validation = rules::locked("userData"),
    validation = rules::locked("preferredVIISAddress"),
    validation = rules::locked_administrator(),
    validation = rules::locked_identifier(),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type", description = "Complete or Simple"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "Whether the tenant is active, as the server says"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether the server agrees with the spec"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", description = "Why it is ready, or what holds it up"),
    printcolumn(name = "Progress", type_ = "integer", json_path = ".status.task.progress", description = "Percent of the server's current or last task"),
    printcolumn(name = "VMs", type_ = "integer", json_path = ".status.virtualMachines", description = "Virtual machines registered through the operator"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since the resource was made")
)]
#[x_kube(validation = rules::administrator_needed(), validation = rules::administrator_unused())]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// The IntegrationServer to keep the tenant on. Fixed once the creation began.
    pub integration_server_ref: Reference,
    /// The tenant's name on the server, unique there. Left out: metadata.name. Fixed once the creation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::not_blank(), validation = rules::xml_text())]
    pub name: Option<String>,
    /// Complete: with a virtual Administration Server of its own and its administrator. Simple: an entry in the server's database only, for reports. Fixed once the creation began.
    #[serde(rename = "type")]
    pub tenant_type: TenantType,
    /// Free text that is kept with the tenant on the server. Fixed once the creation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = rules::xml_text())]
    pub description: Option<String>,
    /// Free text that is kept with the tenant on the server, such as a customer number. Fixed once the creation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    #[x_kube(validation = rules::xml_text())]
    pub user_data: Option<String>,
    /// IP address of the Integration Server that the tenant's Light Agents connect to. Left out: the address of the IntegrationServer. Fixed once the creation began.
    #[serde(
        rename = "preferredVIISAddress",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = rules::ip())]
    pub preferred_viis_address: Option<String>,
    /// The administrator of the tenant's virtual Administration Server. Required for Complete (optional with existingTenantID), forbidden for Simple.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<Administrator>,
    /// Whether the tenant is active on the server. It is put right again when somebody changes it there.
    #[serde(default)]
    pub state: DesiredState,
    /// Identifier of a tenant that is on the server already: it is managed, and none is created. The server's adoptionPolicy must allow it, name and type must be equal. It can be removed later, not changed.
    #[serde(
        rename = "existingTenantID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = rules::server_identifier())]
    pub existing_tenant_id: Option<String>,
    /// What deleting this resource does. Delete: the tenant is deleted on the server. Retain: it stays there. Left out: Delete for a tenant that the operator created, Retain for one that it took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_deletion_policy")]
    #[x_kube(validation = rules::deletion_policy())]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Whether deleting the tenant also removes its virtual Administration Server, its administrator's account and its folder. false: only its entry in the server's database goes.
    #[serde(default = "default_true")]
    pub remove_tenant_artifacts: bool,
    /// true: no call that changes anything is made for this tenant and its virtual machines. A deletion waits.
    #[serde(default)]
    pub suspend: bool,
}

/// The administrator of a Complete tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// Name of the account, unique in the Kaspersky Security Center. Fixed once the creation began.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::not_blank(), validation = rules::xml_text())]
    pub name: String,
    /// Where the account's password is. It is read only to create the tenant, and may change at any time.
    pub password_secret_ref: SecretKey,
}

/// The kind of a tenant (API page: Tenants).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TenantType {
    /// With a virtual Administration Server of its own.
    Complete,
    /// An entry in the database only.
    Simple,
}

/// The state that the user wants a tenant in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// Activated.
    #[default]
    Active,
    /// Deactivated.
    Inactive,
}

/// What deleting the resource does on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// What it stands for is deleted there too.
    #[default]
    Delete,
    /// What it stands for stays there.
    Retain,
}

/// What the operator did for a tenant, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct TenantStatus {
    /// The metadata.generation that this status speaks of; -1 until the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// The tenant's identifier on the server.
    #[serde(rename = "tenantID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub tenant_id: Option<String>,
    /// Identifier of the tenant's virtual Administration Server; Complete only.
    #[serde(
        rename = "virtualAdministrationServerID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 1024))]
    pub virtual_administration_server_id: Option<String>,
    /// Whether the tenant is active, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub state: Option<String>,
    /// How many virtual machines are registered through the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub virtual_machines: Option<u32>,
    /// The server's current task for this tenant, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskStatus>,
    /// A creation that is in flight; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation: Option<Creation>,
    /// The decision to delete the tenant on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    /// UID of the resource whose status this is. Under another UID (a restored backup) nothing of it counts.
    #[serde(rename = "ownerUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner_uid: Option<String>,
    /// true when the tenant was on the server already and was taken over, not created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<bool>,
    /// The outcome, as conditions: Ready, Reconciling, Stalled, Provisioned, Activated, Removed.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// A task of the server, in its own words (API page: Tasks). Nothing of it is
/// an enum: a value that nobody foresaw must not block the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// The task's identifier.
    #[schemars(length(max = 1024))]
    pub id: String,
    /// What the task does, such as CreateTenant.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub task_type: Option<String>,
    /// The task's state, word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub state: Option<String>,
    /// The step that the task is at, word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub stage: Option<String>,
    /// How far the task is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 255), extend("format" = "int32"))]
    pub progress: Option<u8>,
    /// When the server made the task, by its own clock; it gives no time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub created: Option<String>,
    /// Why the task failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskErrorStatus>,
}

/// Why a task failed, in the server's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskErrorStatus {
    /// The server's code, such as VIRMT_PasswordNotComplyPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub code: Option<String>,
    /// The server's text, cut and without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
}

/// A creation in flight: written before the server is called, so that a
/// restart knows what may have been sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Creation {
    /// Names this attempt.
    #[schemars(length(max = 128))]
    pub attempt: String,
    /// address:port of the server that the attempt is for.
    #[schemars(length(max = 512))]
    pub server: String,
    /// true once the server has answered the request with a task. false proves nothing: an answer may have been lost.
    #[serde(default)]
    pub sent: bool,
    /// The identifier of the server's task, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub task: Option<String>,
}

/// The decision to delete, and its task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// Names this attempt.
    #[schemars(length(max = 128))]
    pub attempt: String,
    /// Address and port of the server that the deletion was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub server: Option<String>,
    /// The identifier of the server's task, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub task: Option<String>,
    /// Whether the tenant's artifacts go with it, as it was sent.
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
