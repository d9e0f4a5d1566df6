//! How everything stands, for the metrics: read off what is watched and the pictures of
//! the servers, whenever somebody asks. Writes nothing and keeps nothing.

use std::collections::BTreeMap;
use std::time::SystemTime;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt as _};
use tokio::time::Instant;

use super::cluster::own_machine_status;
use super::context::Context;
use super::servers::Handle;
use crate::api::{ConditionType, IntegrationServer, Tenant, VirtualMachine, conditions, reasons};
use crate::plan::admission::HoldKind;
use crate::telemetry::metrics::{
    Kind, ResourceLabels, ServerStanding, Source, Standing, State, TaskStanding,
};

/// The label of a reason that is not in the project's table: a code that this version
/// does not know.
const OTHER: &str = "Other";
/// The label where there is no reason yet.
const NONE: &str = "None";

impl Source for Context {
    fn standing(&self) -> Standing {
        let installation = self.installation();
        let servers = self.cluster.servers();
        let served = servers
            .iter()
            .filter(|server| is_served_by(server, &installation));
        Standing {
            resources: self.resources(&installation),
            servers: served.map(|server| self.server_standing(server)).collect(),
        }
    }
}

impl Context {
    fn resources(&self, installation: &str) -> Vec<(ResourceLabels, u32)> {
        let mut counts = BTreeMap::new();
        for server in self.cluster.servers() {
            if is_served_by(&server, installation) {
                *counts.entry(of_server(&server)).or_default() += 1;
            }
        }
        for tenant in self.cluster.tenants.all() {
            *counts.entry(of_tenant(&tenant)).or_default() += 1;
        }
        for machine in self.cluster.machines.all() {
            *counts.entry(of_machine(&machine)).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    fn server_standing(&self, server: &IntegrationServer) -> ServerStanding {
        let name = server.name_any();
        let handle = self.servers.get(&name);
        let status = server.status.as_ref();
        let condition = |kind| {
            let conditions = status.map(|status| status.conditions.as_slice());
            conditions::find(conditions.unwrap_or_default(), kind)
        };
        let hold = status.and_then(|status| status.hold.as_ref());
        let held = |kind: HoldKind| {
            hold.filter(|hold| hold.kind == kind.as_str())
                .map_or(0, |hold| hold.count)
        };
        let tenants = status.and_then(|status| status.tenants.as_ref());
        ServerStanding {
            // One that was claimed by another is not asked: what it says of itself is old.
            reachable: condition(ConditionType::Reachable)
                .filter(|_| {
                    condition(ConditionType::Ready)
                        .is_none_or(|ready| ready.reason != reasons::ALREADY_CLAIMED)
                })
                .map(|condition| (holds(condition), known_reason(&condition.reason))),
            intact: condition(ConditionType::InventoryIntact).map(holds),
            held: (held(HoldKind::Deletion), held(HoldKind::Absence)),
            orphans: status.map_or(0, |status| {
                number(status.orphans.len()).saturating_add(status.unlisted_orphans.unwrap_or(0))
            }),
            tenants: tenants.map(|counts| (counts.known, counts.active, counts.unclaimed)),
            listed_at: handle
                .as_ref()
                .and_then(|handle| handle.server.tenants().listed_at())
                .map(wall_clock),
            tasks: handle.map(|handle| tasks(&handle)),
            name,
        }
    }
}

fn tasks(handle: &Handle) -> TaskStanding {
    let (running, oldest_change) = handle.server.tasks().unchanged();
    let slots = handle.server.slots();
    TaskStanding {
        running: number(running),
        waiting: number(slots.waiting()),
        limit: number(slots.limit()),
        oldest_change: oldest_change.map(wall_clock),
    }
}

fn is_served_by(server: &IntegrationServer, installation: &str) -> bool {
    let status = server.status.as_ref();
    let operator = status.and_then(|status| status.operator.as_deref());
    operator.is_none_or(|operator| operator == installation)
}

fn of_server(server: &IntegrationServer) -> ResourceLabels {
    let status = server.status.as_ref();
    labels(
        Kind::IntegrationServer,
        server,
        status.map(|status| (status.observed_generation, status.conditions.as_slice())),
    )
}

fn of_tenant(tenant: &Tenant) -> ResourceLabels {
    let uid = tenant.meta().uid.as_deref();
    let status = tenant.status.as_ref();
    let status = status.filter(|status| status.owner_uid.as_deref() == uid);
    labels(
        Kind::Tenant,
        tenant,
        status.map(|status| (status.observed_generation, status.conditions.as_slice())),
    )
}

fn of_machine(machine: &VirtualMachine) -> ResourceLabels {
    labels(
        Kind::VirtualMachine,
        machine,
        own_machine_status(machine)
            .map(|status| (status.observed_generation, status.conditions.as_slice())),
    )
}

fn labels<K: Resource>(
    kind: Kind,
    object: &K,
    status: Option<(Option<i64>, &[Condition])>,
) -> ResourceLabels {
    let meta = object.meta();
    let (observed, all) = status.unwrap_or_default();
    let ready = conditions::find(all, ConditionType::Ready);
    let reason = ready.map_or(NONE, |ready| known_reason(&ready.reason));
    let current = observed.is_some() && observed == meta.generation && ready.is_some();
    let state = if !current {
        State::Pending
    } else if conditions::find(all, ConditionType::Stalled).is_some_and(holds) {
        State::Stalled
    } else if meta.deletion_timestamp.is_some() {
        State::Deleting
    } else if ready.is_some_and(holds) {
        State::Ready
    } else if reason == reasons::SUSPENDED {
        State::Suspended
    } else {
        State::Reconciling
    };
    ResourceLabels {
        kind,
        state,
        reason,
    }
}

fn holds(condition: &Condition) -> bool {
    condition.status == "True"
}

/// The reason as the table has it.
fn known_reason(reason: &str) -> &'static str {
    let line = reasons::ALL.iter().find(|line| line.0 == reason);
    line.map_or(OTHER, |line| line.0)
}

fn wall_clock(moment: Instant) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(moment.elapsed()).unwrap_or(now)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
