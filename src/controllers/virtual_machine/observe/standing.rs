//! How the Tenant of a machine stands, as its own status says. Calls nobody.

use kube::Resource;

use crate::api::{ConditionType, Tenant, conditions, reasons};
use crate::controllers::cluster::{key_of, own_status};
use crate::controllers::context::Context;
use crate::controllers::tenant::observe::retains;
use crate::controllers::writes;
use crate::plan::virtual_machine::Tenant as Standing;

/// Whether it is there, is on the server, or goes.
pub(super) fn standing(context: &Context, tenant: Option<&Tenant>) -> Standing {
    let Some(tenant) = tenant else {
        return Standing::NotFound;
    };
    let status = own_status(tenant);
    if tenant.meta().deletion_timestamp.is_none() {
        return if status.tenant_id.is_some() {
            Standing::Provisioned
        } else {
            Standing::Unprovisioned
        };
    }
    if writes::is_released(tenant) {
        return Standing::Released;
    }
    if retains(tenant, &status) {
        return Standing::LeavingBlocked;
    }
    let stalled = conditions::find(&status.conditions, ConditionType::Stalled);
    // What was said before the deletion is another generation's.
    let refused = stalled.is_some_and(|stalled| {
        stalled.status == "True"
            && stalled.reason != reasons::DELETION_HELD
            && stalled.observed_generation == tenant.meta().generation
    });
    if refused {
        return Standing::LeavingBlocked;
    }
    if status.removal.is_some() {
        return Standing::Leaving;
    }
    let removed = conditions::find(&status.conditions, ConditionType::Removed);
    let blocked = removed.is_some_and(|removed| removed.reason == reasons::IN_USE);
    let referred = context
        .cluster
        .machines_of_tenant(&key_of(tenant))
        .iter()
        .filter_map(|machine| context.cluster.machine(machine))
        .any(|machine| machine.meta().deletion_timestamp.is_none());
    if blocked && referred {
        Standing::LeavingBlocked
    } else {
        Standing::Leaving
    }
}
