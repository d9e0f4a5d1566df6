//! A tenant `acme` with a machine `web-1`: its steps, and whether both sides are as
//! the manifests want them.

use crate::external::External;
use crate::harness::{Stand, complete_tenant, condition, is_ready, machine, simple_tenant};
use crate::harness::{State, TenantThere};
use crate::plan::{Plan, Step};
use kube::ResourceExt as _;
use serde_json::json;
use viis_operator::api::{Tenant, VirtualMachine};

pub const TENANT: &str = "acme";
pub const MACHINE: &str = "web-1";
pub const BIOS_ID: &str = "4230d3ef-1f2b-8b1c-0a55-000000000001";

/// What the manifests want. None: the resource is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub tenant: Option<&'static str>,
    /// The machine's name on the server.
    pub machine: Option<&'static str>,
}

/// What is there before the step.
pub fn before(step: Step) -> Wanted {
    let state = match step {
        Step::Activate => "Inactive",
        _ => "Active",
    };
    Wanted {
        tenant: (step != Step::Create).then_some(state),
        machine: (!matches!(step, Step::Create | Step::Register)).then_some(MACHINE),
    }
}

/// What shall be there after it.
pub fn after(step: Step) -> Wanted {
    let state = match step {
        Step::Deactivate => "Inactive",
        _ => "Active",
    };
    Wanted {
        tenant: (step != Step::Delete).then_some(state),
        machine: match step {
            Step::Reregister => Some("renamed"),
            Step::Unregister | Step::Delete => None,
            _ => Some(MACHINE),
        },
    }
}

/// Makes what is wanted, as a user applies manifests.
pub async fn apply(stand: &Stand, plan: &Plan, wanted: &Wanted) {
    if let Some(state) = wanted.tenant {
        // What a failed or forgotten creation leaves of a Complete tenant, somebody
        // has to clear away at Security Center; of a Simple one nothing stays.
        let half = |fault| matches!(fault, External::FailsPartly | External::ForgottenHalf);
        let tenant = match plan.external_is(half) {
            true => simple_tenant(TENANT),
            false => complete_tenant(TENANT),
        };
        let tenant = tenant
            .with("spec.state", state)
            .with("spec.deletionPolicy", "Delete");
        stand.apply([tenant]).await;
    }
    if let Some(name) = wanted.machine {
        let machine = machine(MACHINE, TENANT, BIOS_ID).with("spec.name", name);
        stand.apply([machine]).await;
    }
}

/// Makes the step.
pub async fn take(stand: &Stand, plan: &Plan) {
    let wanted = after(plan.step);
    if wanted.tenant.is_none() {
        stand.tenant(TENANT).delete().await;
    }
    if wanted.machine.is_none() && before(plan.step).machine.is_some() {
        stand.machine(MACHINE).delete().await;
    }
    apply(stand, plan, &wanted).await;
}

/// What still differs from what is wanted, on either side.
pub async fn difference(stand: &Stand, wanted: &Wanted) -> Option<String> {
    let tenant = stand.tenant(TENANT).find().await;
    let machine = stand.machine(MACHINE).find().await;
    let state = stand.simulator.state().await;
    of_resources(wanted, tenant.as_ref(), machine.as_ref())
        .or_else(|| of_server(wanted, &state))
        .or_else(|| of_tasks(&state))
}

fn of_resources(
    wanted: &Wanted,
    tenant: Option<&Tenant>,
    machine: Option<&VirtualMachine>,
) -> Option<String> {
    match (wanted.tenant, tenant) {
        (None, None) => {}
        (None, Some(tenant)) => return Some(format!("the Tenant is there: {}", shown(tenant))),
        (Some(_), None) => return Some("there is no Tenant".to_owned()),
        (Some(state), Some(tenant)) if !is_true(tenant, state) => {
            return Some(format!("the Tenant's status: {}", shown(tenant)));
        }
        (Some(_), Some(_)) => {}
    }
    match (wanted.machine, machine) {
        (None, None) => None,
        (None, Some(machine)) => Some(format!("the VirtualMachine is there: {}", shown(machine))),
        (Some(_), None) => Some("there is no VirtualMachine".to_owned()),
        (Some(_), Some(machine)) => {
            let registered = condition(machine, "Registered");
            let good = is_ready(machine) && registered.is_some_and(|it| it.status == "True");
            (!good).then(|| format!("the VirtualMachine's status: {}", shown(machine)))
        }
    }
}

fn is_true(tenant: &Tenant, state: &str) -> bool {
    let is = |name: &str, status: &str| {
        condition(tenant, name).is_some_and(|condition| condition.status == status)
    };
    let activated = match state {
        "Active" => "True",
        _ => "False",
    };
    let status = tenant.status.clone().unwrap_or_default();
    tenant.metadata.deletion_timestamp.is_none()
        && is_ready(tenant)
        && is("Provisioned", "True")
        && is("Activated", activated)
        && status.state.as_deref() == Some(state)
        && status.creation.is_none()
}

/// How the server differs from what is wanted.
pub fn of_server(wanted: &Wanted, state: &State) -> Option<String> {
    let found: Vec<&TenantThere> = state
        .tenants
        .iter()
        .filter(|it| it.name == TENANT)
        .collect();
    let machines = |tenant: &TenantThere| -> Vec<(String, Option<String>)> {
        let machines = tenant.machines.iter();
        machines
            .map(|machine| (machine.bios_id.clone(), machine.name.clone()))
            .collect()
    };
    let expected: Vec<(String, Option<String>)> = wanted
        .machine
        .map(|name| (BIOS_ID.to_owned(), Some(name.to_owned())))
        .into_iter()
        .collect();
    match (wanted.tenant, found.as_slice()) {
        (None, []) => None,
        (Some(status), [tenant]) if tenant.status == status && machines(tenant) == expected => None,
        (_, found) => Some(format!("the server has {found:?}")),
    }
}

fn of_tasks(state: &State) -> Option<String> {
    let running = state.tasks.iter().find(|task| !task.has_ended());
    running.map(|task| format!("a task is not over: {task:?}"))
}

/// The number of machines in the Tenant's status, where it has one.
pub async fn count(stand: &Stand) -> Option<u32> {
    let tenant = stand.tenant(TENANT).find().await;
    tenant?.status?.virtual_machines
}

/// A resource's metadata that matters, and its status, in one line.
pub fn shown<K: kube::Resource + serde::Serialize>(resource: &K) -> String {
    let whole = serde_json::to_value(resource).unwrap();
    json!({
        "uid": resource.uid(), "generation": resource.meta().generation,
        "deletion": whole["metadata"]["deletionTimestamp"],
        "finalizers": resource.finalizers(), "status": whole["status"],
    })
    .to_string()
}
