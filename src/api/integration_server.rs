//! IntegrationServer: one Integration Server, how to reach it and how far the
//! operator may go on it. Types and schema only.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube::core::{Duration, Selector, SelectorExt as _};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orphans::Orphan;
use super::references::{CaBundleRef, SecretName};
use super::{lenient, rules, schema};

/// How the operator connects to the Integration Server, and what it may do there.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "viis-operator.io",
    version = "v1alpha1",
    kind = "IntegrationServer",
    plural = "integrationservers",
    singular = "integrationserver",
    shortname = "viis",
    category = "viis-operator",
    status = "IntegrationServerStatus",
    derive = "PartialEq",
    doc = "An Integration Server of Kaspersky Security for Virtualization Light Agent. The operator manages Tenants and VirtualMachines on it.",
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".spec.address",
        description = "IP address or DNS name of the Integration Server"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the Integration Server is ready for use by the operator"
    ),
    printcolumn(
        name = "Tenants",
        type_ = "integer",
        json_path = ".status.tenants.known",
        description = "Number of tenants on the Integration Server"
    ),
    printcolumn(
        name = "Held",
        type_ = "integer",
        json_path = ".status.hold.count",
        description = "Number of Tenants that wait for confirmation by a user"
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
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1,
        description = "Message of the Ready condition: an explanation and what to do about it"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationServerSpec {
    /// IP address or DNS name of the Integration Server, without a scheme, port or path.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::host())]
    pub address: String,
    /// TCP port of the Integration Server's REST API. Defaults to 7271.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32"))]
    pub port: u16,
    /// Reference to a Secret of type kubernetes.io/basic-auth in the operator's namespace. The Secret contains the username and password of the Integration Server's multitenancy account.
    pub credentials_secret_ref: SecretName,
    /// How the operator verifies the Integration Server's certificate. Defaults to verification against the system's root certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Namespaces whose Tenants may refer to this IntegrationServer. Withdrawing the permission from a namespace stops creation and changes. It deletes nothing and does not block deletions.
    pub allowed_namespaces: AllowedNamespaces,
    /// Whether the operator may adopt a tenant that already exists on the Integration Server. Never disables adoption. ByID allows a Tenant to adopt the tenant that its existingTenantID identifies. IfIdentical also allows adoption by name, if every field that is set both in the Tenant and on the Integration Server is equal. Defaults to Never.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// Whether the operator stops making changes on the Integration Server, for example during maintenance. Deletions there wait until suspend is false. Defaults to false.
    #[serde(default)]
    pub suspend: bool,
    /// Interval at which the operator compares the Integration Server's inventory with the resources, such as 5m or 1h30m. Must be at least 10s. Defaults to 5m.
    #[serde(default = "default_resync_interval")]
    #[schemars(length(min = 2, max = 32), regex(pattern = rules::DURATION), extend("default" = "5m"))]
    #[x_kube(validation = rules::at_least("10s"))]
    pub resync_interval: Duration,
    /// Limits on how much of the Integration Server's capacity the operator may use.
    #[serde(default)]
    pub limits: Limits,
    /// Safeguard against accidental mass deletion and against the loss of many tenants on the Integration Server. The operator holds deletions that exceed the limit until a user confirms them. If too many tenants are missing, the operator stops all work on the Integration Server until a user confirms their absence or the tenants reappear.
    #[serde(default)]
    #[schemars(extend("default" = {"enabled": true, "limit": 5, "window": "10m"}))]
    pub guard: Guard,
    /// URL of the HTTP proxy for connections to the Integration Server, such as http://proxy:3128, without credentials. The operator does not use its own proxy settings for the Integration Server.
    #[serde(rename = "proxyURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = rules::proxy())]
    pub proxy_url: Option<String>,
}

/// How the operator verifies the Integration Server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::one_trust(), validation = rules::reference_alone())]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// PEM-encoded CA certificates to trust instead of the system's root certificates. The PEM text may itself be encoded in base64. Mutually exclusive with caBundleRef and fingerprintsSHA256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    #[x_kube(validation = rules::pem_certificates())]
    pub ca_bundle: Option<String>,
    /// Reference to a ConfigMap or Secret that contains the CA certificates. The operator reads it again every minute and when the Integration Server's certificate is not trusted, so a change takes effect without a restart. Mutually exclusive with caBundle and fingerprintsSHA256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
    /// SHA-256 fingerprints of the Integration Server's own certificate. A certificate that matches any of these fingerprints is trusted, regardless of its name. Colons are optional and case does not matter. Set two fingerprints while you replace the certificate. If the certificate is not trusted, the message of the Reachable condition shows the fingerprint that the Integration Server presents. Mutually exclusive with caBundle and caBundleRef.
    #[serde(
        rename = "fingerprintsSHA256",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 8), inner(length(min = 64, max = 95)), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = rules::fingerprints())]
    pub fingerprints_sha256: Option<Vec<String>>,
}

/// Namespaces that may refer to an IntegrationServer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::selector_needed(), validation = rules::selector_unused())]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Which namespaces may refer to this IntegrationServer. All allows every namespace. Selector allows the namespaces whose labels match the selector.
    pub from: AllowFrom,
    /// Label selector for the namespaces that may refer to this IntegrationServer. An empty selector matches every namespace. Required if from is Selector, forbidden if from is All.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub selector: Option<LabelSelector>,
}

impl AllowedNamespaces {
    /// Whether a namespace with these labels may refer to the server. A selector that
    /// cannot be evaluated lets none in.
    pub fn lets_in(&self, labels: &BTreeMap<String, String>) -> bool {
        match self.from {
            AllowFrom::All => true,
            AllowFrom::Selector => {
                let selector = self.selector.clone().unwrap_or_default();
                Selector::try_from(selector).is_ok_and(|selector| selector.matches(labels))
            }
        }
    }
}

/// How the namespaces are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllowFrom {
    /// Every namespace.
    All,
    /// The namespaces whose labels match the selector.
    Selector,
}

/// Whether the operator may adopt tenants that already exist on the Integration Server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// The operator adopts no tenant.
    #[default]
    Never,
    /// The operator adopts a tenant that `existingTenantID` identifies.
    #[serde(rename = "ByID")]
    ById,
    /// Like `ByID`, and also by name if every field that is set on both sides is equal.
    IfIdentical,
}

/// Limits on how much of the Integration Server's capacity the operator may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Maximum number of tasks that the operator runs on the Integration Server at the same time. Defaults to 8.
    #[schemars(range(min = 1, max = 10_000), extend("format" = "int32"))]
    pub concurrent_tasks: u32,
    /// Rate limit for requests to the Integration Server, in requests per second. Defaults to 20.
    #[schemars(range(min = 1, max = 10_000), extend("format" = "int32"))]
    pub requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_tasks: 8,
            requests_per_second: 20,
        }
    }
}

/// Safeguard against accidental mass deletion and against the loss of many tenants on the Integration Server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Guard {
    /// Whether the guard is enabled. If false, neither deletions nor missing tenants need confirmation by a user. Defaults to true.
    #[serde(default = "default_enabled")]
    pub enabled: bool,
    /// Maximum number of tenants that the operator deletes within the window, and maximum number that may be missing from the inventory, without confirmation by a user. Confirmation is also required if two or more tenants exist and all of them are missing, or if any tenant is missing after the address or port has changed. Defaults to 5.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000), extend("format" = "int32"))]
    pub limit: u32,
    /// Period over which deletions are counted, such as 10m. Must be at least 1s. Defaults to 10m.
    #[serde(default = "default_window")]
    #[schemars(length(min = 2, max = 32), regex(pattern = rules::DURATION), extend("default" = "10m"))]
    #[x_kube(validation = rules::at_least("1s"))]
    pub window: Duration,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            enabled: default_enabled(),
            limit: default_limit(),
            window: default_window(),
        }
    }
}

/// Observed state of the Integration Server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct IntegrationServerStatus {
    /// The metadata.generation that this status reflects. It is -1 until the operator has reconciled the resource for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Installation of the operator that manages this IntegrationServer, as namespace/name. Other installations ignore the IntegrationServer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub operator: Option<String>,
    /// Address and port that the last intact inventory came from, as address:port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub endpoint: Option<String>,
    /// Tenant counts from the last complete inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<TenantCounts>,
    /// Deletions or missing tenants that wait for confirmation by a user. The conditions say what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// UIDs of Tenants whose deletion on the Integration Server a user has confirmed. Each confirmation is valid for one deletion.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), inner(length(max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub accepted_deletions: Vec<String>,
    /// UIDs of Tenants whose absence from the Integration Server a user has confirmed. The operator creates these tenants again.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), inner(length(max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub accepted_absences: Vec<String>,
    /// Token with which a user last confirmed an absence. It is not valid for a later absence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_absence_token: Option<String>,
    /// Tenant deletions within the guard's window that count towards the guard's limit.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), extend("x-kubernetes-list-type" = "atomic"))]
    pub deletions: Vec<Deletion>,
    /// Tenants and virtual machines that may still be on the Integration Server although their resources were deleted without the operator. Lists at most 20 of them, in alphabetical order.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub orphans: Vec<Orphan>,
    /// Number of further orphans that the list has no room for. The operator forgets them when it restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub unlisted_orphans: Option<u32>,
    /// The outcome, as conditions: Ready, Reconciling, Stalled, Reachable, InventoryIntact, OrphansFound, Removed.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Tenant counts of an Integration Server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantCounts {
    /// Number of tenants on the Integration Server.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub known: u32,
    /// Number of tenants on the Integration Server that are active.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub active: u32,
    /// Number of tenants on the Integration Server that belong to no Tenant resource.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub unclaimed: u32,
}

/// Deletions or missing tenants that wait for confirmation by a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// What waits for confirmation. Deletion means Tenants whose deletion on the Integration Server is held. Absence means Tenants that are missing from the Integration Server.
    #[schemars(length(max = 64))]
    pub kind: String,
    /// Number of Tenants that wait for confirmation.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub count: u32,
    /// Value of the viis-operator.io/accept annotation that confirms exactly these Tenants.
    #[schemars(length(max = 256))]
    pub token: String,
    /// Tenants that wait for confirmation, as namespace/name in alphabetical order. Lists at most 20 Tenants. The total is in count.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 20), inner(length(max = 317)), extend("x-kubernetes-list-type" = "atomic"))]
    pub tenants: Vec<String>,
    /// UIDs of the Tenants that wait for confirmation. If kind is Absence, Tenants whose deletion is held are included.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), inner(length(max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub members: Vec<String>,
}

/// A tenant deletion that counts towards the limit of the guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// UID of the Tenant.
    #[schemars(length(max = 128))]
    pub uid: String,
    /// Time at which the operator allowed the deletion.
    pub at: Time,
}

fn default_port() -> u16 {
    7271
}

fn default_resync_interval() -> Duration {
    std::time::Duration::from_secs(300).into()
}

fn default_enabled() -> bool {
    true
}

fn default_limit() -> u32 {
    5
}

fn default_window() -> Duration {
    std::time::Duration::from_secs(600).into()
}
