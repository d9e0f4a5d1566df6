//! What a Tenant's status says: pure, from the scene and what was decided.

use jiff::Timestamp;
use kube::Resource;

use super::memory::{Memory, Rejection};
use super::observe::Scene;
use crate::api::{
    ACCEPT_ANNOTATION, Condition, ConditionType, TaskErrorStatus, TaskStatus, TenantStatus,
    TenantType, conditions, reasons,
};
use crate::plan::tenant::{Action, Activity, ById, Step, Wait};
use crate::viis;

/// How it stands, in kstatus' terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// The server agrees.
    Ready,
    /// On the way.
    Reconciling,
    /// Somebody has to change something.
    Stalled,
    /// At rest without agreeing: suspended.
    Resting,
}

/// What is said of a Tenant as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it stands.
    pub mood: Mood,
    /// The reason.
    pub reason: String,
    /// A sentence that says what to do next.
    pub message: String,
}

impl Line {
    fn new(mood: Mood, reason: &str, message: impl Into<String>) -> Self {
        Self {
            mood,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// On the way.
    pub fn reconciling(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Mood::Reconciling, reason, message)
    }

    /// Somebody has to change something.
    pub fn stalled(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Mood::Stalled, reason, message)
    }
}

/// What is said when this was decided. None: the status stays as it is.
pub fn line(scene: &Scene, memory: &Memory, action: Action) -> Option<Line> {
    match action {
        Action::LeaveAlone => None,
        Action::Settled if scene.facts.spec.suspended => Some(Line::new(
            Mood::Ready,
            reasons::SUSPENDED,
            "The server agrees with the spec. suspend is set: nothing is changed on the server.",
        )),
        Action::Settled => Some(Line::new(
            Mood::Ready,
            reasons::RECONCILED,
            "The server agrees with the spec.",
        )),
        Action::Wait(wait) => waiting(scene, memory, wait),
        Action::AddFinalizer
        | Action::RemoveFinalizer(_)
        | Action::ListTenants
        | Action::ConfirmAbsence
        | Action::Verify
        | Action::ListReferrers
        | Action::ReadPassword
        | Action::RecordIntent
        | Action::Create
        | Action::EndAttempt(_)
        | Action::Adopt(_)
        | Action::RecordCreated
        | Action::ForgetTenant
        | Action::ChangeState
        | Action::CancelCreation
        | Action::CancelRemoval
        | Action::RecordRemoval
        | Action::Delete => Some(Line::reconciling(reasons::PROGRESSING, progress(action))),
    }
}

/// What the operator is at.
fn progress(action: Action) -> &'static str {
    match action {
        Action::RecordIntent | Action::Create => "The tenant is being created.",
        Action::ConfirmAbsence => {
            "The tenant is missing from the server's list. It is made again once two lists, 30 s \
             apart, and the server's own answer agree that it is gone."
        }
        Action::ForgetTenant => "The tenant is gone from the server and will be made again.",
        Action::Adopt(_) | Action::RecordCreated => "The tenant is on the server.",
        Action::ChangeState => "The tenant's state is being changed.",
        Action::CancelCreation => "The creation is being cancelled.",
        Action::CancelRemoval => "The deletion is being cancelled: deletionPolicy is Retain now.",
        Action::RecordRemoval | Action::Delete | Action::Verify | Action::ListReferrers => {
            "The tenant is being deleted."
        }
        Action::LeaveAlone
        | Action::AddFinalizer
        | Action::RemoveFinalizer(_)
        | Action::ListTenants
        | Action::ReadPassword
        | Action::EndAttempt(_)
        | Action::Wait(_)
        | Action::Settled => "The operator is at work on it.",
    }
}

fn waiting(scene: &Scene, memory: &Memory, wait: Wait) -> Option<Line> {
    let server = &scene.tenant.spec.integration_server_ref.name;
    let name = scene.tenant.server_name();
    let line = match wait {
        Wait::ServerNotFound => Line::reconciling(
            reasons::INTEGRATION_SERVER_NOT_FOUND,
            format!(
                "There is no IntegrationServer {server}. Create it{}.",
                way_out(scene)
            ),
        ),
        Wait::ServerNotReady if !has_work(scene) => return None,
        Wait::ServerNotReady => Line::reconciling(
            reasons::INTEGRATION_SERVER_NOT_READY,
            format!(
                "IntegrationServer {server} is not ready; its conditions say why. Work on this \
                 tenant goes on once it is{}.",
                way_out(scene)
            ),
        ),
        Wait::ServerLeaving => Line::stalled(
            reasons::INTEGRATION_SERVER_NOT_READY,
            format!(
                "IntegrationServer {server} is being deleted: nothing new is made on it. Refer to \
                 another one, or delete this Tenant."
            ),
        ),
        Wait::NamespaceNotAllowed => Line::stalled(
            reasons::NAMESPACE_NOT_ALLOWED,
            format!(
                "This namespace may not refer to IntegrationServer {server}. Have its \
                 allowedNamespaces, or this namespace's labels, changed."
            ),
        ),
        // Where it is, and as it should be: the guard keeps nothing of it waiting.
        Wait::InventoryGuard
            if !has_work(scene) && matches!(scene.facts.world.by_id, ById::Same(_)) =>
        {
            return None;
        }
        Wait::InventoryGuard => guarded(scene),
        Wait::Suspended => Line::new(
            Mood::Resting,
            reasons::SUSPENDED,
            "suspend is set here or on the IntegrationServer: nothing is changed on the server. \
             Set it to false to go on.",
        ),
        Wait::AlreadyClaimed => Line::stalled(
            reasons::ALREADY_CLAIMED,
            format!(
                "Another Tenant has \"{name}\" on IntegrationServer {server}. Give this one \
                 another name, or delete the other; then it takes its turn."
            ),
        ),
        Wait::Rejected(_) => rejected(memory),
        Wait::SecretNotFound | Wait::SecretKeyMissing => secret(scene, wait),
        Wait::NameTaken => Line::stalled(
            reasons::TENANT_WITH_SPECIFIED_NAME_ALREADY_EXISTS,
            format!(
                "The server has a tenant \"{name}\" that this resource did not make. Choose \
                 another name; or take it over: set existingTenantId to its identifier (with \
                 adoptionPolicy ById), or adoptionPolicy IfIdentical on IntegrationServer \
                 {server} when all fields are equal."
            ),
        ),
        Wait::AdoptionNotAllowed => Line::stalled(
            reasons::REJECTED,
            format!(
                "adoptionPolicy Never of IntegrationServer {server} does not allow \
                 existingTenantId. Have it set to ById, or remove existingTenantId."
            ),
        ),
        Wait::ExistingNotFound => Line::stalled(
            reasons::TENANT_WITH_SPECIFIED_ID_NOT_FOUND,
            "The server has no tenant with the identifier in existingTenantId. Correct it, or \
             remove it: then the tenant is made.",
        ),
        Wait::IdentityMismatch => Line::stalled(
            reasons::IDENTITY_MISMATCH,
            format!(
                "The server shows a tenant with another name or type where \"{name}\" should be; \
                 it may have been rolled back. Nothing is touched. Compare the two, then restore \
                 the server, or delete this Tenant with deletionPolicy Retain."
            ),
        ),
        Wait::OtherEndpoint => Line::stalled(
            reasons::IDENTITY_MISMATCH,
            format!(
                "The creation was sent to {}, and IntegrationServer {server} has another address \
                 now. Set the address back until the creation is settled, or delete this Tenant \
                 with deletionPolicy Retain.",
                scene
                    .status
                    .creation
                    .as_ref()
                    .map_or("", |creation| &creation.server)
            ),
        ),
        Wait::Settling(_) => Line::reconciling(
            reasons::PROGRESSING,
            "An answer of the server was lost. The operator waits until no late effect can come, \
             then the server's inventory decides.",
        ),
        Wait::TaskRunning(step) => Line::reconciling(reasons::TASK_RUNNING, task_runs(scene, step)),
        Wait::TaskStuck(_) => Line::reconciling(
            reasons::TASK_STUCK,
            "The server's task has not changed for 30 minutes. It is watched and not sent again; \
             look at it on the server, and cancel it there when it is dead.",
        ),
        Wait::VirtualMachines => Line::reconciling(
            reasons::WAITING_FOR_VIRTUAL_MACHINES,
            "The tenant is activated once its VirtualMachines are registered, after 10 minutes in \
             any case.",
        ),
        Wait::InUse => in_use(scene, memory),
        Wait::Admission => Line::reconciling(
            reasons::PROGRESSING,
            "The deletion waits for the IntegrationServer's guard.",
        ),
        Wait::DeletionHeld => held(scene),
    };
    Some(line)
}

/// Whether the parked server keeps anything waiting: deletion, a new spec, or what is not ready yet.
fn has_work(scene: &Scene) -> bool {
    let generation = scene.tenant.meta().generation;
    let ready = conditions::find(&scene.status.conditions, ConditionType::Ready);
    let agreed = ready
        .is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation);
    scene.facts.deleting || !agreed
}

fn way_out(scene: &Scene) -> &'static str {
    if scene.facts.deleting {
        ", or set deletionPolicy Retain to let this resource go and leave the tenant"
    } else {
        ""
    }
}

fn task_runs(scene: &Scene, step: Step) -> String {
    let what = match step {
        Step::Create => "creates the tenant",
        Step::Change => "changes the tenant's state",
        Step::Delete => "deletes the tenant",
    };
    let word = scene.task.as_ref().and_then(|task| match &task.state {
        viis::TaskState::Other(word) => Some(word),
        viis::TaskState::Created
        | viis::TaskState::Queued
        | viis::TaskState::Starting
        | viis::TaskState::Running
        | viis::TaskState::Stopping
        | viis::TaskState::Completed
        | viis::TaskState::Failed
        | viis::TaskState::Canceled => None,
    });
    match word {
        Some(word) => format!(
            "A task of the server {what}. Its state is \"{word}\", which is not known here; it is \
             watched."
        ),
        None => format!("A task of the server {what}."),
    }
}

fn rejected(memory: &Memory) -> Line {
    match &memory.rejection {
        Some(Rejection {
            reason, message, ..
        }) => Line::stalled(
            reason,
            format!(
                "{message} It is tried again when the spec changes, when the annotation \
                 viis-operator.io/requested-at gets a new value, or after 30 minutes."
            ),
        ),
        None => Line::stalled(reasons::REJECTED, "The server refused."),
    }
}

fn secret(scene: &Scene, wait: Wait) -> Line {
    let reference = scene.tenant.spec.administrator.as_ref();
    let (name, key) = reference.map_or(("", ""), |administrator| {
        let secret = &administrator.password_secret_ref;
        (secret.name.as_str(), secret.key.as_str())
    });
    if wait == Wait::SecretKeyMissing {
        Line::reconciling(
            reasons::SECRET_KEY_MISSING,
            format!("Secret {name} has no key {key} with a password in it. Add it."),
        )
    } else {
        Line::reconciling(
            reasons::SECRET_NOT_FOUND,
            format!("There is no Secret {name} in this namespace. Create it, with key {key}."),
        )
    }
}

fn in_use(scene: &Scene, memory: &Memory) -> Line {
    let listed = memory.referrers.as_ref().map(|(_, names)| names.as_slice());
    let names = listed.unwrap_or(&scene.referrers);
    let shown: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
    let more = if names.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    Line::reconciling(
        reasons::IN_USE,
        format!(
            "{} VirtualMachines that are not being deleted refer to this Tenant: {}{more}. Delete \
             them too, or set deletionPolicy Retain.",
            names.len(),
            shown.join(", ")
        ),
    )
}

fn guarded(scene: &Scene) -> Line {
    let server = &scene.tenant.spec.integration_server_ref.name;
    let decided = scene
        .status
        .removal
        .as_ref()
        .and_then(|removal| removal.server.as_deref());
    let here = scene
        .handle
        .as_ref()
        .map(|handle| handle.endpoint.to_string());
    if let Some(decided) = decided.filter(|decided| here.as_deref() != Some(*decided)) {
        return Line::stalled(
            reasons::IDENTITY_MISMATCH,
            format!(
                "The deletion was decided on {decided}, and IntegrationServer {server} has another \
                 address now. Set the address back, or set deletionPolicy Retain."
            ),
        );
    }
    let token = scene.handle.as_ref().and_then(|handle| handle.absence());
    let agree = token.map_or_else(String::new, |token| {
        format!(
            " When they are really lost and shall be made again, run: {}",
            accept_command(server, &token)
        )
    });
    Line::reconciling(
        reasons::INVENTORY_GUARD,
        format!(
            "IntegrationServer {server} misses so many tenants that its inventory is not believed; \
             see its condition InventoryIntact. Nothing is made or destroyed.{agree}"
        ),
    )
}

fn held(scene: &Scene) -> Line {
    let server = &scene.tenant.spec.integration_server_ref.name;
    let uid = scene.tenant.meta().uid.as_deref().unwrap_or_default();
    let token = scene.handle.as_ref().and_then(|handle| handle.holds(uid));
    Line::stalled(
        reasons::DELETION_HELD,
        format!(
            "More tenants are to be destroyed than the guard of IntegrationServer {server} lets \
             pass. When all of them are meant, run: {} - else set deletionPolicy Retain.",
            accept_command(server, &token.unwrap_or_default())
        ),
    )
}

/// The line that a person runs to agree to a wave.
pub fn accept_command(server: &str, token: &str) -> String {
    format!("kubectl annotate viis {server} {ACCEPT_ANNOTATION}={token} --overwrite")
}

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
    if status.tenant_id.is_some() {
        status.virtual_machines = Some(scene.machines.registered);
        if let (Some(entry), ById::Same(_)) = (&scene.entry, scene.facts.world.by_id) {
            status.state = Some(entry.status.as_str().to_owned());
            if scene.tenant.spec.tenant_type == TenantType::Complete
                && let Some(id) = &entry.virtual_administration_server
            {
                status.virtual_administration_server_id = Some(id.to_string());
            }
        }
    } else {
        status.state = None;
        status.virtual_machines = None;
        status.virtual_administration_server_id = None;
    }
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
    stages(scene, line, action, generation, now, &mut status);
    status
}

/// The conditions of the stages: on the server, active, removed.
fn stages(
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
    let all = &mut status.conditions;
    let mut put = |kind, holds: bool, reason: &str, message: &str| {
        conditions::set(all, kind, holds, reason, message, generation, now);
    };
    let (reason, message) = (line.reason.as_str(), line.message.as_str());
    if scene.facts.deleting {
        put(ConditionType::Removed, false, reason, message);
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

/// How two statuses differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not at all.
    None,
    /// In a task's progress or a count alone: it can wait a little.
    Small,
    /// In something that somebody may act on.
    Large,
}

/// How two statuses differ. When a condition changed counts for nothing by itself.
pub fn difference(before: &TenantStatus, after: &TenantStatus) -> Difference {
    if same_but_conditions(before, after) && conditions::same(&before.conditions, &after.conditions)
    {
        return Difference::None;
    }
    let mut levelled = after.clone();
    levelled.virtual_machines = before.virtual_machines;
    if levelled
        .task
        .as_ref()
        .is_some_and(|task| is_progress(task, before.task.as_ref()))
    {
        levelled.task.clone_from(&before.task);
    }
    if same_but_conditions(before, &levelled)
        && conditions::same(&wordless(before), &wordless(after))
    {
        Difference::Small
    } else {
        Difference::Large
    }
}

/// A task that goes on, or an activation: it may be repeated, so that nothing is
/// lost when its identifier is written later, or never.
fn is_progress(task: &TaskStatus, before: Option<&TaskStatus>) -> bool {
    let goes_on = before.is_some_and(|before| before.id == task.id);
    let repeatable = task.task_type.as_deref() == Some("ChangeTenantActivation");
    task.error.is_none() && (goes_on || repeatable)
}

/// The conditions without the messages that count: those change with each machine.
fn wordless(status: &TenantStatus) -> Vec<Condition> {
    let mut conditions = status.conditions.clone();
    for condition in &mut conditions {
        if condition.reason == reasons::IN_USE {
            condition.message.clear();
        }
    }
    conditions
}

fn same_but_conditions(a: &TenantStatus, b: &TenantStatus) -> bool {
    let none: Vec<Condition> = Vec::new();
    let bare = |status: &TenantStatus| TenantStatus {
        conditions: none.clone(),
        ..status.clone()
    };
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests;
