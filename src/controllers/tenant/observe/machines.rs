//! The VirtualMachines around a Tenant: what an activation waits for, and what holds a
//! deletion up. Counts what is watched; asks nobody.

use jiff::Timestamp;
use kube::Resource;

use super::freshness::RECENT;
use super::{Around, WAIT_LIMIT};
use crate::api::{ConditionType, TenantStatus, conditions, reasons};
use crate::controllers::cluster::{is_registered_with, is_stalled};
use crate::controllers::tenant::memory::Memory;
use crate::plan::tenant::{Machines, Referrers};

/// The machines that refer to a Tenant and are not being deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub referring: u32,
    /// Those that are registered.
    pub registered: u32,
    /// Those that are neither registered nor stalled.
    pub unregistered: u32,
}

/// What of the machines decides.
pub fn facts(status: &TenantStatus, memory: &Memory, count: Count) -> Machines {
    Machines {
        first_activation: is_first_activation(status),
        unregistered: count.unregistered > 0,
        waited: has_waited(status),
        referrers: referrers(memory, count),
    }
}

/// By a live list, where nothing that is watched shows some.
fn referrers(memory: &Memory, count: Count) -> Referrers {
    match &memory.referrers {
        _ if count.referring > 0 => Referrers::Some,
        Some((at, names)) if at.elapsed() < RECENT => {
            if names.is_empty() {
                Referrers::None
            } else {
                Referrers::Some
            }
        }
        Some(_) | None => Referrers::Unlisted,
    }
}

fn is_first_activation(status: &TenantStatus) -> bool {
    match conditions::find(&status.conditions, ConditionType::Activated) {
        None => true,
        Some(activated) => {
            activated.status != "True" && activated.reason == reasons::WAITING_FOR_VIRTUAL_MACHINES
        }
    }
}

fn has_waited(status: &TenantStatus) -> bool {
    let provisioned = conditions::find(&status.conditions, ConditionType::Provisioned);
    provisioned.is_some_and(|provisioned| {
        let since = Timestamp::now().duration_since(provisioned.last_transition_time.0);
        provisioned.status == "True" && since.as_secs() >= WAIT_LIMIT.as_secs().cast_signed()
    })
}

/// Counts them, and names those that hold up a deletion.
pub fn count(around: &Around<'_>) -> (Count, Vec<String>) {
    let cluster = &around.context.cluster;
    let mut count = Count::default();
    let mut referrers = Vec::new();
    let server = &around.tenant.spec.integration_server_ref.name;
    let tenant = around.status.tenant_id.as_deref();
    for name in cluster.machines_of_tenant(around.key) {
        let Some(machine) = cluster.machine(&name) else {
            continue;
        };
        let registered = is_registered_with(&machine, server, tenant);
        count.registered += u32::from(registered);
        if machine.meta().deletion_timestamp.is_some() {
            continue;
        }
        count.referring += 1;
        referrers.push(name.name);
        count.unregistered += u32::from(!registered && !is_stalled(&machine));
    }
    (count, referrers)
}
