//! The three resources: their types, their schema, their validation rules and
//! their conditions. No I/O, no clock, nothing of HTTP.
//!
//! What these files say is what users see (`kubectl explain` prints the doc
//! comments of the fields), and it is a contract: names never change within
//! `v1alpha1`.
//!
//! - [`integration_server`], [`tenant`], [`virtual_machine`]: one kind each;
//! - [`orphans`]: what an IntegrationServer reports of deletions without the operator;
//! - [`references`]: how one object names another;
//! - [`conditions`], [`reasons`]: the outcome as status conditions;
//! - [`crds`]: the three CustomResourceDefinitions as YAML.

// Each printer column has a type and a path; the lint takes them for doubles.
#![allow(clippy::duplicated_attributes)]

pub mod conditions;
pub mod crds;
pub mod integration_server;
mod lenient;
pub mod orphans;
#[cfg(test)]
mod reading_tests;
pub mod reasons;
pub mod references;
mod rules;
mod schema;
pub mod tenant;
#[cfg(test)]
mod tests;
pub mod virtual_machine;

pub use conditions::{ConditionStatus, ConditionType};
pub use integration_server::{
    AdoptionPolicy, AllowFrom, AllowedNamespaces, Deletion, Guard, Hold, IntegrationServer,
    IntegrationServerSpec, IntegrationServerStatus, Limits, TenantCounts, Tls,
};
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
pub use orphans::{Orphan, OrphanKind};
pub use references::{CaBundleKind, CaBundleRef, Reference, SecretKey, SecretName};
pub use tenant::{
    Administrator, Creation, DeletionPolicy, DesiredState, Removal, TaskErrorStatus, TaskStatus,
    Tenant, TenantSpec, TenantStatus, TenantType,
};
pub use virtual_machine::{VirtualMachine, VirtualMachineSpec, VirtualMachineStatus};

/// The API group of all three kinds.
pub const GROUP: &str = "viis-operator.io";
/// The only version of the API.
pub const VERSION: &str = "v1alpha1";
/// The finalizer on every object that the operator serves.
pub const FINALIZER: &str = "viis-operator.io/finalizer";
/// Annotation on an IntegrationServer: the token of a held wave that a person agrees to.
pub const ACCEPT_ANNOTATION: &str = "viis-operator.io/accept";
/// Annotation on a VirtualMachine, written with the finalizer: server and tenant that it
/// is about to be registered with, should the operator stop before its status says so.
pub const REGISTERED_WITH_ANNOTATION: &str = "viis-operator.io/registered-with";
/// Annotation on any object: a new value asks for another try now.
pub const REQUESTED_AT_ANNOTATION: &str = "viis-operator.io/requested-at";
