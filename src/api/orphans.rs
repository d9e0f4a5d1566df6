//! An orphan as `status.orphans` of an IntegrationServer lists it. Types and schema only.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most orphans that a status lists.
pub const LISTED: usize = 20;

/// Something on the Integration Server whose resource was deleted without the operator.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Kind of the resource that owned it: Tenant or VirtualMachine.
    #[schemars(with = "String", length(max = 64))]
    pub kind: OrphanKind,
    /// Namespace of the resource that owned it.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Name of the resource that owned it.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Identifier of the tenant on the Integration Server. For a VirtualMachine, the tenant that the virtual machine is registered with. Absent if the creation of the tenant was still in progress.
    #[serde(rename = "tenantID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub tenant_id: Option<String>,
    /// BIOS ID of the virtual machine.
    #[serde(rename = "biosID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub bios_id: Option<String>,
    /// Name of the tenant or virtual machine on the Integration Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub name_on_server: Option<String>,
}

/// Kind of the resource that owned an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OrphanKind {
    /// A tenant.
    Tenant,
    /// A virtual machine that is registered with a tenant.
    VirtualMachine,
}

// === impl Orphan ===

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace, name, ..
        } = self;
        let on_server = self.name_on_server.as_deref().unwrap_or(name);
        let tenant = self.tenant_id.as_deref().unwrap_or("unknown");
        match self.kind {
            OrphanKind::Tenant => write!(
                f,
                "Tenant {namespace}/{name} (tenant {on_server}, identifier {tenant})"
            ),
            OrphanKind::VirtualMachine => {
                let bios_id = self.bios_id.as_deref().unwrap_or("unknown");
                write!(
                    f,
                    "VirtualMachine {namespace}/{name} (BIOS ID {bios_id}, tenant identifier \
                     {tenant})"
                )
            }
        }
    }
}
