//! What people do, at a fault's moment or to mend what only they can mend: on the
//! server by hand, and in the cluster without the operator.

use crate::external::External;
use crate::harness::{Deadline, Stand, State, is_ready};
use crate::kubernetes::Kubernetes;
use crate::life::{self, BIOS_ID, MACHINE, TENANT, THEIRS};
use crate::plan::{Plan, Step};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::Duration;
use viis_operator::api::FINALIZER;

/// Takes the identifier of a tenant that was lost when its server was rolled back.
const IMPOSTOR: &str = "impostor";
/// How long an object may lack the operator's finalizer (K11).
pub const RESTORED: Duration = Duration::from_secs(10);
/// The guard's window in plans with times in the future (K14), and how long the operator may
/// take to correct them.
pub const WINDOW: &str = "1s";
const CORRECTED: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(60);

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
    let name = life::tenant_on_server(plan.texts);
    let Some(tenant) = state.find(&name) else {
        return;
    };
    if plan.step == Step::Delete {
        stand.simulator.tenant_removed_by_hand(&name).await;
    } else if tenant.machine(BIOS_ID).is_some() {
        let simulator = &stand.simulator;
        simulator.machine_removed_by_hand(&name, BIOS_ID).await;
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
pub async fn change_by_hand(stand: &Stand, plan: &Plan, fault: External) -> bool {
    let (state, simulator) = (stand.simulator.state().await, &stand.simulator);
    let name = life::tenant_on_server(plan.texts);
    let Some(tenant) = state.find(&name) else {
        return false;
    };
    let has_machine = tenant.machine(BIOS_ID).is_some();
    match fault {
        External::RemovedByHand => simulator.tenant_removed_by_hand(&name).await,
        External::StatusByHand => {
            let other = match tenant.status.as_str() {
                "Active" => "Inactive",
                _ => "Active",
            };
            simulator.status_set_by_hand(&name, other).await;
        }
        External::MachineByHand if has_machine => {
            simulator.machine_removed_by_hand(&name, BIOS_ID).await;
        }
        External::MachineByHand => {
            let machine = json!({"biosID": BIOS_ID, "name": "by hand"});
            simulator.machine_made_by_hand(&name, machine).await;
        }
        _ => return false,
    }
    true
}

/// The server goes away, and the operator knows.
pub async fn server_goes_away(stand: &Stand) {
    stand.simulator.goes_away().await;
    let server = stand.integration_server();
    server.is_asked_again().await;
    server.until("it is not ready", |it| !is_ready(it)).await;
}

/// `kubectl replace` of all three resources, with manifests that have neither finalizers nor
/// annotations. Returns the kinds that lost the operator's finalizer.
pub async fn replace(stand: &Stand) -> Vec<&'static str> {
    let mut lost = Vec::new();
    for (kind, name) in all(stand) {
        let finalizers = stand.replace(kind, name).await.unwrap_or_default();
        if finalizers.iter().any(|it| it == FINALIZER) {
            lost.push(kind);
        }
    }
    lost
}

/// Those of these kinds that do not have the operator's finalizer.
pub async fn without_finalizer(stand: &Stand, kinds: &[&'static str]) -> Vec<&'static str> {
    let mut without = Vec::new();
    for (kind, name) in all(stand) {
        let object = stand.find(kind, name).await;
        if kinds.contains(&kind) && !object.is_some_and(|it| life::has_our_finalizer(&it)) {
            without.push(kind);
        }
    }
    without
}

/// Every time in a status lies a day ahead, as after a clock that ran ahead: conditions'
/// transitions, and as many deletions as the guard's limit allows.
pub async fn write_future_times(stand: &Stand) {
    let ahead = Timestamp::now() + SignedDuration::from_hours(24);
    let ahead = ahead.to_string();
    for (kind, name) in all(stand) {
        let Some(object) = stand.find(kind, name).await else {
            continue;
        };
        let mut status = json!({});
        let conditions = object.data["status"]["conditions"].as_array().cloned();
        status["conditions"] = conditions
            .into_iter()
            .flatten()
            .map(|mut condition| {
                condition["lastTransitionTime"] = json!(ahead);
                condition
            })
            .collect();
        if kind == "IntegrationServer" {
            let limit = object.data["spec"]["guard"]["limit"].as_u64().unwrap();
            let deletions =
                (0..limit).map(|_| json!({"uid": uuid::Uuid::new_v4().to_string(), "at": ahead}));
            status["deletions"] = deletions.collect();
        }
        let change = json!({"status": status});
        stand.patch(kind, name, true, change).await.unwrap();
    }
}

/// Waits until the window of the guard has passed over every deletion in the status: one that
/// lies in the future counts from the moment in which the operator sees it.
pub async fn window_passes(stand: &Stand) -> Result<(), String> {
    let deadline = Deadline::after(CORRECTED);
    loop {
        let server = stand.integration_server().get().await;
        let window: Duration = server.spec.guard.window.into();
        let deletions = server.status.unwrap_or_default().deletions;
        let past = Timestamp::now() - SignedDuration::try_from(window).unwrap();
        let Some(counted) = deletions.iter().find(|it| it.at.0 > past) else {
            return Ok(());
        };
        if deadline.has_passed() {
            return Err(format!("O1: the guard still counts {counted:?}"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The other controller is done, too.
pub async fn let_go(stand: &Stand) {
    for (kind, name) in [("Tenant", TENANT), ("VirtualMachine", MACHINE)] {
        let object = stand.find(kind, name).await;
        let object = object.unwrap_or_else(|| panic!("the {kind} is gone"));
        // No other is left: the oracle saw that.
        let change = json!({"metadata": {"finalizers": null}});
        assert!(object.metadata.finalizers.is_some_and(|it| it == [THEIRS]));
        stand.patch(kind, name, false, change).await.unwrap();
    }
}

fn all(stand: &Stand) -> [(&'static str, &str); 3] {
    [
        ("IntegrationServer", &stand.server),
        ("Tenant", TENANT),
        ("VirtualMachine", MACHINE),
    ]
}
