//! IntegrationServer: one Integration Server, how to reach it and how far the
//! operator may go on it. Types and schema only.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube::core::{Duration, Selector, SelectorExt as _};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::SecretName;
use super::{lenient, rules, schema};

/// What the user wants of an Integration Server.
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
    doc = "An Integration Server of Kaspersky Security for Virtualization Light Agent, on which Tenants and VirtualMachines are kept.",
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".spec.address",
        description = "IP address or DNS name of the server"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the server can be worked with"
    ),
    printcolumn(
        name = "Tenants",
        type_ = "integer",
        json_path = ".status.tenants.known",
        description = "Tenants on the server"
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
pub struct IntegrationServerSpec {
    /// IP address or DNS name of the server: no scheme, port or path.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::host())]
    pub address: String,
    /// TCP port of the server's REST API.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32"))]
    pub port: u16,
    /// A Secret of type kubernetes.io/basic-auth in the operator's namespace: the account `multitenancy` of the server, and its password.
    pub credentials_secret_ref: SecretName,
    /// How the server's certificate is checked. Left out: against the system's roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The namespaces whose Tenants may refer to this server. Withdrawing a permission stops creation and changes; it deletes nothing and stops no deletion.
    pub allowed_namespaces: AllowedNamespaces,
    /// Whether a tenant that is on the server already may be taken over. Never: no. ByID: where existingTenantID names it. IfIdentical: also by name, when every field that both sides show is equal.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// true: no call that changes anything is made to this server, for maintenance. Deletions wait.
    #[serde(default)]
    pub suspend: bool,
    /// How often the inventory of the server is compared with the resources, such as 5m or 1h30m; at least 10s.
    #[serde(default = "default_resync_interval")]
    #[schemars(length(min = 2, max = 32), regex(pattern = rules::DURATION), extend("default" = "5m"))]
    #[x_kube(validation = rules::at_least("10s"))]
    pub resync_interval: Duration,
    /// How much of the server's capacity the operator may use.
    #[serde(default)]
    pub limits: Limits,
    /// Holds a wave of deletions, and all work on a server that lost many of our tenants, until a person agrees.
    #[serde(default)]
    #[schemars(extend("default" = {"enabled": true, "limit": 5, "window": "10m"}))]
    pub guard: Guard,
    /// HTTP proxy to reach the server through, such as http://proxy:3128, without credentials in it. The operator's own proxy settings are not used for the server.
    #[serde(rename = "proxyURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = rules::proxy())]
    pub proxy_url: Option<String>,
}

/// How the server's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::one_trust())]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Certificates of the authorities to trust instead of the system's roots, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    #[x_kube(validation = rules::pem_certificates())]
    pub ca_bundle: Option<String>,
    /// SHA-256 fingerprints of the server's own certificate: trusted is what has one of them, whatever name it bears. Colons are optional, any case; two while the certificate is exchanged. While the certificate is not trusted, the message of the condition Reachable shows what the server presents.
    #[serde(
        rename = "fingerprintsSHA256",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 8), inner(length(min = 64, max = 95)), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = rules::fingerprints())]
    pub fingerprints_sha256: Option<Vec<String>>,
}

/// Who may refer to a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::selector_needed(), validation = rules::selector_unused())]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// All: every namespace. Selector: those whose labels the selector matches.
    pub from: AllowFrom,
    /// Labels of the namespaces that may refer to this server; an empty selector matches every namespace.
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

/// Which namespaces are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllowFrom {
    /// Every namespace.
    All,
    /// Those that the selector matches.
    Selector,
}

/// Whether tenants that are on the server already may be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// No tenant is taken over.
    #[default]
    Never,
    /// A tenant is taken over where `existingTenantID` names it.
    #[serde(rename = "ByID")]
    ById,
    /// As `ByID`, and also by name where every field that both sides show is equal.
    IfIdentical,
}

/// How much of the server's capacity the operator may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// How many tasks the operator lets run on the server at the same time.
    #[schemars(range(min = 1, max = 10_000), extend("format" = "int32"))]
    pub concurrent_tasks: u32,
    /// How many calls a second the operator makes at most.
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

/// Holds a wave of deletions until a person agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Guard {
    /// false: nothing is held, neither a wave of deletions nor a wave of tenants that are missing.
    #[serde(default = "default_enabled")]
    pub enabled: bool,
    /// How many tenants may be deleted within the window, and how many may be missing from the inventory, before a person is asked.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000), extend("format" = "int32"))]
    pub limit: u32,
    /// The time over which deletions are counted, such as 10m.
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

/// What the operator found on an Integration Server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct IntegrationServerStatus {
    /// The metadata.generation that this status speaks of; -1 until the operator has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// The installation that serves this server, as namespace/name. Others leave it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub operator: Option<String>,
    /// address:port that the last intact inventory came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub endpoint: Option<String>,
    /// How many tenants the last complete inventory had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<TenantCounts>,
    /// A wave of changes that waits for a person; what to do stands in the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What a person agreed to: UIDs of Tenants that may be destroyed, Absence/ with UIDs of Tenants whose loss is believed, Used/ with the token of the last such loss.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), inner(length(max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub accepted: Vec<String>,
    /// Tenants destroyed within the guard's window.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), extend("x-kubernetes-list-type" = "atomic"))]
    pub deletions: Vec<Deletion>,
    /// The outcome, as conditions: Ready, Reconciling, Stalled, Reachable, InventoryIntact, Removed.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// How many tenants a server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantCounts {
    /// Tenants on the server.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub known: u32,
    /// Those of them that are active.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub active: u32,
    /// Those of them that belong to no Tenant resource.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub unclaimed: u32,
}

/// A wave that waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Deletion: Tenants that are to be destroyed. Absence: Tenants that are missing on the server.
    #[schemars(length(max = 64))]
    pub kind: String,
    /// How many Tenants are held.
    #[schemars(range(max = 4_294_967_295_u32), extend("format" = "int64"))]
    pub count: u32,
    /// The value of the annotation viis-operator.io/accept that agrees to this wave, and to no other.
    #[schemars(length(max = 256))]
    pub token: String,
    /// UIDs of the held Tenants.
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 10_000), inner(length(max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub members: Vec<String>,
}

/// One destroyed tenant, as the guard counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// UID of the Tenant.
    #[schemars(length(max = 128))]
    pub uid: String,
    /// When the operator decided to destroy it.
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
