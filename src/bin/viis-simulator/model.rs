//! The things a server holds: tenants, machines, KSC's side, tasks. Types only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Millis;

/// The tenant types of the API page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TenantType {
    /// With a virtual Administration Server in KSC.
    Complete,
    /// In the database only.
    Simple,
}

/// What a request asks to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTenant {
    pub name: String,
    pub description: Option<String>,
    pub user_data: Option<String>,
    pub preferred_viis_address: Option<String>,
    /// `None`: a Simple tenant.
    pub administrator: Option<NewAdministrator>,
}

/// The administrator of a Complete tenant. The password itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAdministrator {
    pub name: String,
    /// In characters, for KSC's rule.
    pub password_length: usize,
    /// So that a test can tell which password arrived.
    pub password_sha256: String,
}

/// A tenant in the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tenant {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub user_data: Option<String>,
    pub preferred_viis_address: Option<String>,
    pub administration: Option<Administration>,
    pub active: bool,
    pub created: Millis,
    pub updated: Millis,
    pub machines: Vec<Machine>,
    /// Its creation still runs: only the `early` dialect shows it.
    #[serde(default)]
    pub unfinished: bool,
    /// Before this moment the API does not show it, though it is there.
    #[serde(default)]
    pub hidden_until: Millis,
    /// Before this moment tasks do not find it either.
    #[serde(default)]
    pub unknown_until: Millis,
}

/// A Complete tenant's side in KSC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Administration {
    pub vksc_id: String,
    pub administrator: String,
    pub password_sha256: String,
}

/// A registered machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub id: String,
    pub bios_id: Uuid,
    pub name: Option<String>,
    pub user_data: Option<String>,
    pub created: Millis,
    pub updated: Millis,
}

/// Kaspersky Security Center, as far as tenants touch it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ksc {
    /// `Multitenancy KSV LA/{tenant name}`.
    pub folders: BTreeSet<String>,
    /// User names; twice the same one only when the check is off.
    pub users: Vec<String>,
    /// Identifier and name of each virtual Administration Server.
    pub virtual_servers: BTreeMap<String, String>,
}

/// A stretch of time in which a machine was protected, for reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Protection {
    pub tenant_id: String,
    pub tenant_name: String,
    pub machine_id: String,
    pub machine_name: String,
    pub from: Millis,
    pub to: Option<Millis>,
}

/// What a task is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Work {
    Create(NewTenant),
    Delete {
        tenant: String,
        artifacts: bool,
    },
    Activation {
        tenant: String,
        active: bool,
    },
    Report(ReportScope),
    /// Something of the server's own, without an effect on tenants.
    Other {
        task_type: String,
        duration_ms: u64,
    },
}

/// What a report covers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportScope {
    pub tenant: Option<String>,
    pub from: Option<Millis>,
    pub to: Option<Millis>,
}

/// What a task made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Product {
    Tenant(Box<Tenant>),
    True,
    Report(String),
}

/// Why a task failed. A code where a page names one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: Option<String>,
    pub message: String,
}

/// Where a task stands. The states in between follow from the time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Phase {
    Waiting,
    Running { since: Millis, duration_ms: u64 },
    Stopping { since: Millis, progress: u8 },
    Completed { at: Millis, product: Product },
    Failed { at: Millis, failure: Failure },
    Canceled { at: Millis, progress: u8 },
}

/// How a task goes astray, set by a fault.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fate {
    pub fails: Option<Failure>,
    /// With `fails`: half of its effect stays.
    pub partial: bool,
    /// Running at 50 for ever.
    pub stuck: bool,
    /// The task is not remembered; whether its work is done.
    pub forgotten: Option<bool>,
    /// The tenant that it makes is shown only so many milliseconds later.
    #[serde(default)]
    pub hidden_ms: Option<u64>,
    /// The same, and tasks do not find it before.
    #[serde(default)]
    pub unknown_ms: Option<u64>,
    /// A state that no page names, as long as this fault stands.
    pub held: Option<Hold>,
}

/// The fault that holds a task, and the state it shows meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hold {
    pub fault: u64,
    pub state: String,
}

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub id: String,
    pub work: Work,
    pub created: Millis,
    pub phase: Phase,
    pub fate: Fate,
    /// A child is cancelled only with its parent, and takes no slot.
    pub parent: Option<String>,
    /// The only timer that may move it on; 0 when none runs.
    #[serde(skip)]
    pub timer: u64,
    /// The tenant that it shows before it is done (`early`).
    #[serde(default)]
    pub tenant: Option<String>,
}

// === impl Tenant ===

impl Tenant {
    /// Complete or Simple.
    pub fn tenant_type(&self) -> TenantType {
        match self.administration {
            Some(_) => TenantType::Complete,
            None => TenantType::Simple,
        }
    }

    /// `Active` or `Inactive`.
    pub fn status(&self) -> &'static str {
        if self.active { "Active" } else { "Inactive" }
    }
}

// === impl TenantType ===

impl TenantType {
    pub fn as_str(self) -> &'static str {
        match self {
            TenantType::Complete => "Complete",
            TenantType::Simple => "Simple",
        }
    }
}

// === impl Work ===

impl Work {
    /// The type's name on the wire.
    pub fn task_type(&self) -> &str {
        match self {
            Work::Create(_) => "CreateTenant",
            Work::Delete { .. } => "DeleteTenant",
            Work::Activation { .. } => "ChangeTenantActivation",
            Work::Report(_) => "CreateTenantReport",
            Work::Other { task_type, .. } => task_type,
        }
    }
}

// === impl Failure ===

impl Failure {
    /// A failure with a documented code.
    pub fn coded(code: &str, message: impl Into<String>) -> Failure {
        Failure {
            code: Some(code.to_owned()),
            message: message.into(),
        }
    }

    /// A failure for which no page names a code.
    pub fn plain(message: impl Into<String>) -> Failure {
        Failure {
            code: None,
            message: message.into(),
        }
    }
}

// === impl Phase ===

impl Phase {
    /// Nothing more happens to it.
    pub fn ended(&self) -> bool {
        match self {
            Phase::Waiting | Phase::Running { .. } | Phase::Stopping { .. } => false,
            Phase::Completed { .. } | Phase::Failed { .. } | Phase::Canceled { .. } => true,
        }
    }
}
