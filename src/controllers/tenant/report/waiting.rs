//! What is said of a Tenant that waits: for each thing that can hold it up a sentence
//! that says what to do. Which of them it is was decided in [`crate::plan`].

use kube::Resource;

use super::work::{has_work, is_being_looked_at, is_lost};
use crate::api::reasons;
use crate::connection::Flaw;
use crate::controllers::line::{Line, Mood, accept_command, quoted};
use crate::controllers::tenant::memory::{Memory, Rejection};
use crate::controllers::tenant::observe::Scene;
use crate::inventory::tenants::Status;
use crate::plan::tenant::{Step, Wait};
use crate::viis;

/// What follows the server's own words about a refusal.
pub const TRIED_AGAIN: &str = " It is tried again when the spec changes, when the annotation \
                               viis-operator.io/requested-at gets a new value, or after 30 minutes.";
/// The same, where the password was refused.
const TRIED_AGAIN_WITH: &str = " It is tried again when the Secret or the spec changes, when the \
                                annotation viis-operator.io/requested-at gets a new value, or after \
                                30 minutes.";

/// What is said of this wait. None: the status stays as it is.
pub fn line(scene: &Scene, memory: &Memory, wait: Wait) -> Option<Line> {
    let line = match wait {
        Wait::ServerNotFound => server_not_found(scene),
        Wait::ServerNotReady if !has_work(scene) || is_being_looked_at(scene) => return None,
        Wait::ServerNotReady => server_not_ready(scene),
        Wait::ServerLeaving => server_leaving(scene),
        Wait::NamespaceNotAllowed => namespace_not_allowed(scene),
        // Where it is, and as it should be: the guard keeps nothing of it waiting.
        Wait::InventoryGuard if !has_work(scene) && !is_lost(scene) => return None,
        Wait::InventoryGuard => guarded(scene),
        Wait::Suspended => suspended(),
        Wait::AlreadyClaimed => already_claimed(scene),
        Wait::Rejected(step) => rejected(scene, memory, step),
        Wait::SecretNotFound if memory.secret_forbidden => secret_forbidden(scene),
        Wait::SecretNotFound => secret_not_found(scene),
        Wait::SecretKeyMissing => secret_key_missing(scene, memory),
        Wait::NameTaken => name_taken(scene),
        Wait::AdoptionNotAllowed => adoption_not_allowed(scene),
        Wait::ExistingNotFound => existing_not_found(scene),
        Wait::IdentityMismatch => identity_mismatch(scene),
        Wait::Undecided => undecided(scene),
        Wait::OtherEndpoint => other_endpoint(scene),
        Wait::Settling(_) => settling(),
        Wait::Vanishing => vanishing(),
        Wait::TaskRunning(step) => task_running(scene, step),
        Wait::TaskStuck(_) => task_stuck(),
        Wait::VirtualMachines => virtual_machines(),
        Wait::InUse => in_use(scene, memory),
        Wait::Admission => admission(),
        Wait::DeletionHeld => held(scene),
    };
    Some(line)
}

/// The name of the IntegrationServer.
fn server(scene: &Scene) -> &str {
    &scene.tenant.spec.integration_server_ref.name
}

// === The server ===

fn server_not_found(scene: &Scene) -> Line {
    let server = server(scene);
    Line::reconciling(
        reasons::INTEGRATION_SERVER_NOT_FOUND,
        format!(
            "There is no IntegrationServer {server}. Create it{}.",
            way_out(scene)
        ),
    )
}

fn server_not_ready(scene: &Scene) -> Line {
    let server = server(scene);
    Line::reconciling(
        reasons::INTEGRATION_SERVER_NOT_READY,
        format!(
            "IntegrationServer {server} is not ready; its conditions say why. Work on this \
             tenant goes on once it is{}.",
            way_out(scene)
        ),
    )
}

fn server_leaving(scene: &Scene) -> Line {
    let server = server(scene);
    Line::stalled(
        reasons::INTEGRATION_SERVER_NOT_READY,
        format!(
            "IntegrationServer {server} is being deleted: nothing new is made on it. {}",
            if scene.facts.record.tenant || scene.status.creation.is_some() {
                "Delete this Tenant."
            } else {
                "Refer to another one, or delete this Tenant."
            }
        ),
    )
}

fn namespace_not_allowed(scene: &Scene) -> Line {
    let server = server(scene);
    Line::stalled(
        reasons::NAMESPACE_NOT_ALLOWED,
        format!(
            "This namespace may not refer to IntegrationServer {server}. Have its \
             allowedNamespaces, or this namespace's labels, changed."
        ),
    )
}

fn guarded(scene: &Scene) -> Line {
    let server = server(scene);
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
            " When they are really lost and are to be made again, run: {}",
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

fn way_out(scene: &Scene) -> &'static str {
    if scene.facts.deleting {
        ", or set deletionPolicy Retain to let this resource go and leave the tenant"
    } else {
        ""
    }
}

// === What was asked for ===

fn suspended() -> Line {
    Line::new(
        Mood::Resting,
        reasons::SUSPENDED,
        "suspend is set here or on the IntegrationServer: nothing is changed on the server. \
         Set it to false to go on.",
    )
}

fn already_claimed(scene: &Scene) -> Line {
    let server = server(scene);
    let name = scene.tenant.server_name();
    Line::stalled(
        reasons::ALREADY_CLAIMED,
        format!(
            "Another Tenant has \"{name}\" on IntegrationServer {server}. Give this one \
             another name, or delete the other; then it takes its turn."
        ),
    )
}

fn rejected(scene: &Scene, memory: &Memory, step: Step) -> Line {
    let status = scene.entry.as_ref().map(|entry| &entry.status);
    if let (Step::Change, Some(Status::Other(word))) = (step, status)
        && memory.odd_state.is_some()
    {
        return odd_state(word);
    }
    match &memory.rejection {
        Some(Rejection {
            reason,
            message,
            secret,
            ..
        }) => {
            let again = secret.as_ref().map_or(TRIED_AGAIN, |_| TRIED_AGAIN_WITH);
            Line::stalled(reason, format!("{message}{again}"))
        }
        None => Line::stalled(
            reasons::REJECTED,
            format!("The server refused.{TRIED_AGAIN}"),
        ),
    }
}

fn odd_state(word: &str) -> Line {
    Line::stalled(
        reasons::REJECTED,
        format!(
            "The server shows the tenant's state as \"{word}\", which is not known here, also after \
             it was asked to change it. Look at the tenant on the server. The server is asked again \
             when the spec changes, or when the annotation viis-operator.io/requested-at gets a \
             new value."
        ),
    )
}

fn secret_not_found(scene: &Scene) -> Line {
    let (name, key) = secret(scene);
    Line::reconciling(
        reasons::SECRET_NOT_FOUND,
        format!("There is no Secret {name} in this namespace. Create it, with key {key}."),
    )
}

fn secret_forbidden(scene: &Scene) -> Line {
    let (name, _) = secret(scene);
    Line::reconciling(
        reasons::SECRET_NOT_FOUND,
        format!(
            "The operator may not get Secret {name} in this namespace. Bind its service account to \
             the roles that come with the operator."
        ),
    )
}

fn secret_key_missing(scene: &Scene, memory: &Memory) -> Line {
    let (name, key) = secret(scene);
    let message = match memory.secret_flaw {
        Some(flaw @ Flaw::ControlCharacter) => {
            format!("Secret {name} {flaw} {key}. Remove it from the password.")
        }
        Some(Flaw::Missing) | None => {
            format!("Secret {name} has no key {key} with a password in it. Add it.")
        }
    };
    Line::reconciling(reasons::SECRET_KEY_MISSING, message)
}

/// Where the administrator's password is: the Secret and its key.
fn secret(scene: &Scene) -> (&str, &str) {
    let reference = scene.tenant.spec.administrator.as_ref();
    reference.map_or(("", ""), |administrator| {
        let secret = &administrator.password_secret_ref;
        (secret.name.as_str(), secret.key.as_str())
    })
}

// === What is on the server already ===

fn name_taken(scene: &Scene) -> Line {
    let server = server(scene);
    let name = scene.tenant.server_name();
    Line::stalled(
        reasons::TENANT_WITH_SPECIFIED_NAME_ALREADY_EXISTS,
        format!(
            "The server has a tenant \"{name}\" that this resource did not make. Choose \
             another name; or take it over: set existingTenantID to its identifier (with \
             adoptionPolicy ByID), or adoptionPolicy IfIdentical on IntegrationServer \
             {server} when all fields are equal."
        ),
    )
}

fn adoption_not_allowed(scene: &Scene) -> Line {
    let server = server(scene);
    Line::stalled(
        reasons::REJECTED,
        format!(
            "adoptionPolicy Never of IntegrationServer {server} does not allow \
             existingTenantID. Have it set to ByID, or remove existingTenantID."
        ),
    )
}

fn existing_not_found(scene: &Scene) -> Line {
    let what = if scene.facts.record.tenant {
        "The tenant in existingTenantID is gone from the server. Restore it there, or remove \
         existingTenantID: then the operator creates the tenant again (type Complete also needs \
         spec.administrator)."
    } else {
        "The server has no tenant with the identifier in existingTenantID. Correct it, or remove \
         it: then the operator creates the tenant."
    };
    Line::stalled(reasons::TENANT_WITH_SPECIFIED_ID_NOT_FOUND, what)
}

fn identity_mismatch(scene: &Scene) -> Line {
    let name = scene.tenant.server_name();
    Line::stalled(
        reasons::IDENTITY_MISMATCH,
        format!(
            "The server shows a tenant with another name or type where \"{name}\" should be; \
             it may have been rolled back. Nothing is touched. Compare the two, then restore \
             the server, or delete this Tenant with deletionPolicy Retain."
        ),
    )
}

fn undecided(scene: &Scene) -> Line {
    let name = scene.tenant.server_name();
    let found = scene.named.as_ref();
    let shown = found.map_or_else(
        || format!("a tenant {}, which its list does not show", quoted(name)),
        |(id, entry)| format!("tenant {} (identifier {id})", quoted(&entry.name)),
    );
    let way_out = if scene.facts.deleting {
        "Find out whose it is. To keep it, set deletionPolicy: Retain. If it is not needed, \
         delete it on the Integration Server."
    } else {
        "Find out whose it is. To keep it for this customer, delete this Tenant with \
         deletionPolicy: Retain and create one with its name and existingTenantID. If it is not \
         needed, delete it on the Integration Server: the operator then creates it again."
    };
    Line::stalled(
        reasons::IDENTITY_MISMATCH,
        format!(
            "The Integration Server has {shown}, which the operator may have created for this \
             resource. The outcome of the creation is unknown, and the tenant differs from the \
             spec, so nothing is created or deleted. {way_out}"
        ),
    )
}

fn other_endpoint(scene: &Scene) -> Line {
    let server = server(scene);
    Line::stalled(
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
    )
}

// === What takes its time ===

fn settling() -> Line {
    Line::reconciling(
        reasons::PROGRESSING,
        "An answer of the server was lost. The operator waits until no late effect can come, \
         then the server's inventory decides.",
    )
}

fn vanishing() -> Line {
    Line::reconciling(
        reasons::PROGRESSING,
        "The server has a tenant to take over, and a deletion may run there that no Tenant here \
         asked for. The operator waits for its end, 30 seconds at most.",
    )
}

fn task_running(scene: &Scene, step: Step) -> Line {
    Line::reconciling(reasons::TASK_RUNNING, task_runs(scene, step))
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

fn task_stuck() -> Line {
    Line::reconciling(
        reasons::TASK_STUCK,
        "The server's task has not changed for 30 minutes. It is watched and not sent again; \
         look at it on the server, and cancel it there when it is dead.",
    )
}

fn virtual_machines() -> Line {
    Line::reconciling(
        reasons::WAITING_FOR_VIRTUAL_MACHINES,
        "The tenant is activated once its VirtualMachines are registered, after 10 minutes in \
         any case.",
    )
}

// === Deletion ===

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
            "VirtualMachines that are not being deleted refer to this Tenant ({}): {}{more}. Delete \
             them too, or set deletionPolicy Retain.",
            names.len(),
            shown.join(", ")
        ),
    )
}

fn admission() -> Line {
    Line::reconciling(
        reasons::PROGRESSING,
        "The deletion waits for the IntegrationServer's guard.",
    )
}

fn held(scene: &Scene) -> Line {
    let server = server(scene);
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
