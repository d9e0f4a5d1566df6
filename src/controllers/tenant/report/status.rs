//! The status that says a line: fields, conditions, the task. Knows no sentence but
//! those of the stages.

use jiff::Timestamp;
use kube::Resource;

use crate::api::{
    ConditionType, TaskErrorStatus, TaskStatus, TenantStatus, TenantType, conditions, reasons,
};
use crate::controllers::line::{Line, Mood};
use crate::controllers::tenant::observe::{Scene, stored};
use crate::plan::tenant::{Action, Activity, ById, Step, Wait};
use crate::viis;

/// The status that says this line.
pub fn status(
    scene: &Scene,
    last_task: Option<&viis::Task>,
    line: &Line,
    action: Action,
    now: Timestamp,
) -> TenantStatus {
    let mut status = scene.status.clone();
    let generation = scene.tenant.meta().generation.unwrap_or_default();
    status.observed_generation = Some(generation);
    status.owner_uid.clone_from(&scene.tenant.meta().uid);
    if let Some(task) = scene.task.as_deref().or(last_task) {
        status.task = Some(task_status(task));
    }
    show_tenant(scene, &mut status);
    set_mood(line, generation, now, &mut status);
    set_stages(scene, line, action, generation, now, &mut status);
    conditions::observed(&mut status.conditions, generation);
    status
}

/// What the server shows of the tenant.
fn show_tenant(scene: &Scene, status: &mut TenantStatus) {
    if status.tenant_id.is_some() {
        status.virtual_machines = Some(scene.machines.registered);
        if let (Some(entry), ById::Same(_)) = (&scene.entry, scene.facts.world.by_id) {
            status.state = Some(entry.status.as_str().to_owned());
            status
                .tenant_name
                .get_or_insert_with(|| entry.name.to_string());
            if scene.tenant.spec.tenant_type == TenantType::Complete
                && let Some(id) = &entry.virtual_administration_server
            {
                status.virtual_administration_server_id = Some(id.to_string());
            }
        }
    } else {
        status.tenant_name = None;
        status.state = None;
        status.virtual_machines = None;
        status.virtual_administration_server_id = None;
    }
}

/// The conditions of the whole: Ready always, Reconciling and Stalled only while true.
fn set_mood(line: &Line, generation: i64, now: Timestamp, status: &mut TenantStatus) {
    let mut put = |kind, holds: bool, reason: &str, message: &str| {
        let conditions = &mut status.conditions;
        conditions::set(conditions, kind, holds, reason, message, generation, now);
    };
    let (reason, message) = (line.reason.as_str(), line.message.as_str());
    put(
        ConditionType::Ready,
        line.mood == Mood::Ready,
        reason,
        message,
    );
    if line.mood == Mood::Reconciling {
        put(ConditionType::Reconciling, true, reason, message);
    }
    if line.mood == Mood::Stalled {
        put(ConditionType::Stalled, true, reason, message);
    }
    if line.mood != Mood::Reconciling {
        conditions::remove(&mut status.conditions, ConditionType::Reconciling);
    }
    if line.mood != Mood::Stalled {
        conditions::remove(&mut status.conditions, ConditionType::Stalled);
    }
}

/// The conditions of the stages: on the server, active, removed.
fn set_stages(
    scene: &Scene,
    line: &Line,
    action: Action,
    generation: i64,
    now: Timestamp,
    status: &mut TenantStatus,
) {
    let recorded = status.tenant_id.is_some();
    let adopted = status.adopted == Some(true);
    let state = status.state.clone();
    let stored_differently = stored_differently(scene, status);
    let all = &mut status.conditions;
    let mut put = |kind, holds: bool, reason: &str, message: &str| {
        conditions::set(all, kind, holds, reason, message, generation, now);
    };
    let (reason, message) = (line.reason.as_str(), line.message.as_str());
    if scene.facts.deleting {
        let removed = line.mood == Mood::Released;
        put(ConditionType::Removed, removed, reason, message);
        return;
    }
    let lost = matches!(
        action,
        Action::Wait(Wait::IdentityMismatch | Wait::ExistingNotFound) | Action::ConfirmAbsence
    );
    if !recorded || lost {
        put(ConditionType::Provisioned, false, reason, message);
        conditions::remove(all, ConditionType::Activated);
        return;
    }
    if adopted {
        let message = "The tenant was on the server already and was taken over.";
        put(ConditionType::Provisioned, true, reasons::ADOPTED, message);
    } else if let Some(message) = &stored_differently {
        let reason = reasons::STORED_DIFFERENTLY;
        put(ConditionType::Provisioned, true, reason, message);
    } else {
        let message = "The tenant was made on the server.";
        put(ConditionType::Provisioned, true, reasons::CREATED, message);
    }
    let about_state = matches!(
        action,
        Action::Wait(
            Wait::VirtualMachines
                | Wait::TaskRunning(Step::Change)
                | Wait::TaskStuck(Step::Change)
                | Wait::Settling(Step::Change)
                | Wait::Rejected(Step::Change)
        )
    );
    match state.as_deref() {
        _ if about_state => put(ConditionType::Activated, false, reason, message),
        Some("Active") => {
            let message = "The tenant is active on the server.";
            put(ConditionType::Activated, true, reasons::ACTIVE, message);
        }
        Some("Inactive") | None if scene.facts.spec.wanted == Activity::Inactive => {
            let message = "The tenant is inactive on the server.";
            put(ConditionType::Activated, false, reasons::INACTIVE, message);
        }
        Some(_) | None => put(ConditionType::Activated, false, reason, message),
    }
}

/// How the stored tenant differs from what was sent: as reported when the tenant was recorded,
/// else as far as a list shows it.
fn stored_differently(scene: &Scene, status: &TenantStatus) -> Option<String> {
    let known = conditions::find(&status.conditions, ConditionType::Provisioned);
    let known = known.filter(|known| known.reason == reasons::STORED_DIFFERENTLY);
    if let Some(known) = known {
        return Some(known.message.clone());
    }
    let entry = scene.entry.as_ref()?;
    let differs = stored::differs(&scene.tenant, entry);
    (status.tenant_id.is_some() && differs).then(|| stored::shown(&scene.tenant, entry))
}

/// A task as the status shows it.
pub fn task_status(task: &viis::Task) -> TaskStatus {
    TaskStatus {
        id: task.id.to_string(),
        task_type: task.task_type.as_ref().map(ToString::to_string),
        state: Some(task.state.to_string()),
        stage: task.stage.clone(),
        progress: task.progress,
        created: task.created.as_ref().map(ToString::to_string),
        error: task.error().map(|error| TaskErrorStatus {
            code: error.code.as_ref().map(|code| code.as_str().to_owned()),
            message: Some(error.message.clone()).filter(|message| !message.is_empty()),
        }),
    }
}
