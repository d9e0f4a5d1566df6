//! How one object names another. Names only: who may refer to what is decided
//! elsewhere.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// Reference to another resource of this operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Name of the referenced resource. The resource does not have to exist yet.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::object_name())]
    pub name: String,
}

/// Reference to a Secret whose type defines its keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::object_name())]
    pub name: String,
}

/// Reference to a key of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret, in the namespace of the resource that refers to it.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::object_name())]
    pub name: String,
    /// Key in the Secret's data. Defaults to password.
    #[serde(default = "password")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::secret_key())]
    pub key: String,
}

/// Reference to a key of a ConfigMap or Secret in the operator's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaBundleRef {
    /// Kind of the referenced object: ConfigMap or Secret.
    pub kind: CaBundleKind,
    /// Name of the ConfigMap or Secret, in the operator's namespace.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::object_name())]
    pub name: String,
    /// Key in the object's data. The value is PEM text, which may itself be encoded in base64. Defaults to ca.crt.
    #[serde(default = "ca_certificate")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::data_key())]
    pub key: String,
}

/// Kinds of object that can contain CA certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CaBundleKind {
    /// A ConfigMap, for example one that trust-manager writes.
    ConfigMap,
    /// A Secret, for example one that cert-manager writes.
    Secret,
}

impl std::fmt::Display for CaBundleRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            CaBundleKind::ConfigMap => "ConfigMap",
            CaBundleKind::Secret => "Secret",
        };
        write!(f, "{kind} {}", self.name)
    }
}

fn ca_certificate() -> String {
    "ca.crt".to_owned()
}

fn password() -> String {
    "password".to_owned()
}
