//! What people do, at a fault's moment or to mend what only they can mend: on the
//! server by hand, and in the cluster without the operator.

use crate::external::External;
use crate::harness::{Stand, State};
use crate::kubernetes::Kubernetes;
use crate::life::{BIOS_ID, MACHINE, TENANT};
use crate::plan::{Plan, Step};
use serde_json::json;

/// Takes the identifier of a tenant that was lost when its server was rolled back.
const IMPOSTOR: &str = "impostor";

/// Mends what the plan leaves to people, and asks for another look.
pub async fn help(stand: &Stand, plan: &Plan) {
    let by_people = plan.external_is(External::needs_a_person);
    // What lost its finalizer and is not made anew, nobody in the cluster knows of.
    let orphan = (plan.is_kubernetes(Kubernetes::Stripped) && plan.step == Step::Delete)
        || (plan.replaces() && plan.step == Step::Unregister);
    if !(by_people || orphan) {
        return;
    }
    let state = stand.simulator.state().await;
    if plan.is_external(External::Stuck) {
        for task in state.tasks.iter().filter(|task| !task.has_ended()) {
            stand.simulator.task_cancelled_by_hand(&task.id).await;
        }
    }
    if state.find(IMPOSTOR).is_some() {
        stand.simulator.tenant_removed_by_hand(IMPOSTOR).await;
    }
    if orphan && state.tasks.iter().all(|task| task.has_ended()) {
        remove_the_orphan(stand, plan, &state).await;
    }
    let now = json!({"metadata": {"annotations": {
        viis_operator::api::REQUESTED_AT_ANNOTATION: uuid::Uuid::new_v4().to_string(),
    }}});
    for (kind, name) in [("Tenant", TENANT), ("VirtualMachine", MACHINE)] {
        // One that is gone needs no other look.
        let _ = stand.patch(kind, name, false, now.clone()).await;
    }
}

async fn remove_the_orphan(stand: &Stand, plan: &Plan, state: &State) {
    let Some(tenant) = state.find(TENANT) else {
        return;
    };
    if plan.step == Step::Delete {
        stand.simulator.tenant_removed_by_hand(TENANT).await;
    } else if tenant.machine(BIOS_ID).is_some() {
        let simulator = &stand.simulator;
        simulator.machine_removed_by_hand(TENANT, BIOS_ID).await;
    }
}

/// Both resources go without their finalizers; again where the operator has just put
/// its finalizer back. False when neither was there.
pub async fn strip(stand: &Stand) -> bool {
    let mut stripped = false;
    for (kind, name) in [("VirtualMachine", MACHINE), ("Tenant", TENANT)] {
        let free = json!({"metadata": {"finalizers": null}});
        while stand.patch(kind, name, false, free.clone()).await.is_ok() {
            stand.remove_if_there(kind, name).await;
            stripped = true;
        }
    }
    stripped
}

/// The specs change and change back. False when no change was taken.
pub async fn there_and_back(stand: &Stand) -> bool {
    let mut changed = false;
    for (kind, name, field, other) in [
        ("Tenant", TENANT, "state", "Inactive"),
        ("VirtualMachine", MACHINE, "name", "passing"),
    ] {
        let nothing = json!({"metadata": {}});
        let Ok(object) = stand.patch(kind, name, false, nothing).await else {
            continue;
        };
        let now = object.data["spec"][field].clone();
        let other = if now == other { "Active" } else { other };
        for value in [json!(other), now] {
            let change = json!({"spec": {field: value}});
            // One that is being deleted takes no other name.
            changed |= stand.patch(kind, name, false, change).await.is_ok();
        }
    }
    changed
}

/// A tenant of somebody else gets the identifier that is handed out again.
pub async fn take_the_identifier(stand: &Stand) {
    let impostor = json!({"name": IMPOSTOR, "type": "Simple", "status": "Active"});
    stand.simulator.tenant_made_by_hand(impostor).await;
}

/// Changes the tenant or its machine on the server. False when there is none.
pub async fn change_by_hand(stand: &Stand, fault: External) -> bool {
    let state = stand.simulator.state().await;
    let Some(tenant) = state.find(TENANT) else {
        return false;
    };
    let has_machine = tenant.machine(BIOS_ID).is_some();
    match fault {
        External::RemovedByHand => stand.simulator.tenant_removed_by_hand(TENANT).await,
        External::StatusByHand => {
            let other = match tenant.status.as_str() {
                "Active" => "Inactive",
                _ => "Active",
            };
            stand.simulator.status_set_by_hand(TENANT, other).await;
        }
        External::MachineByHand if has_machine => {
            let simulator = &stand.simulator;
            simulator.machine_removed_by_hand(TENANT, BIOS_ID).await;
        }
        External::MachineByHand => {
            let machine = json!({"biosID": BIOS_ID, "name": "by hand"});
            stand.simulator.machine_made_by_hand(TENANT, machine).await;
        }
        _ => return false,
    }
    true
}
