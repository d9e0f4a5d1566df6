//! What a VirtualMachine's status says: pure.

use jiff::Timestamp;
use kube::Resource;

use super::memory::Memory;
use super::observe::Scene;
use crate::api::{ConditionType, VirtualMachineStatus, conditions, reasons};
use crate::controllers::line::{Line, Mood, quoted};
use crate::inventory::Text;
use crate::plan::virtual_machine::{Action, Identity, Registration, Wait};

/// What is said when this was decided. None: the status stays as it is.
pub fn line(scene: &Scene, memory: &Memory, action: Action) -> Option<Line> {
    match action {
        Action::LeaveAlone => None,
        Action::Settled => Some(settled(scene)),
        Action::Wait(wait) => waiting(scene, memory, wait),
        Action::AddFinalizer
        | Action::RemoveFinalizer(_)
        | Action::ListTenants
        | Action::ListMachines
        | Action::Register
        | Action::Replace
        | Action::ListLeftover
        | Action::Leave
        | Action::Unregister => Some(Line::reconciling(
            reasons::PROGRESSING,
            "The operator is at work on it.",
        )),
    }
}

fn settled(scene: &Scene) -> Line {
    let ready = |reason: &str, message: &str| Line {
        mood: Mood::Ready,
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    if scene.facts.registration == Registration::Different {
        return ready(reasons::RECONCILED, &stored_differently(scene));
    }
    if scene.facts.suspended {
        return ready(
            reasons::SUSPENDED,
            "The machine is registered. suspend is set: nothing is changed on the server.",
        );
    }
    ready(reasons::RECONCILED, "The machine is registered.")
}

/// A list shows what the server stores only as a fingerprint.
fn stored_differently(scene: &Scene) -> String {
    let spec = &scene.machine.spec;
    let fields = [
        (
            "name",
            spec.name.as_deref(),
            scene.found.as_ref().and_then(|found| found.name),
        ),
        (
            "userData",
            spec.user_data.as_deref(),
            scene.found.as_ref().and_then(|found| found.user_data),
        ),
    ];
    let differing: Vec<String> = fields
        .into_iter()
        .filter_map(|(field, sent, stored)| {
            let sent = sent.filter(|sent| Text::of(Some(sent)) != stored)?;
            Some(format!("{field} (sent: {})", quoted(sent)))
        })
        .collect();
    format!(
        "The machine is registered. The Integration Server stores these fields differently: {}. \
         The machine is not registered again because of that.",
        differing.join(", ")
    )
}

fn waiting(scene: &Scene, memory: &Memory, wait: Wait) -> Option<Line> {
    let tenant = &scene.machine.spec.tenant_ref.name;
    let line = match wait {
        Wait::TenantNotFound => Line::reconciling(
            reasons::TENANT_NOT_FOUND,
            format!(
                "There is no Tenant {tenant} in this namespace. Create it{}.",
                way_out(scene)
            ),
        ),
        Wait::WaitingForTenant => Line::reconciling(
            reasons::WAITING_FOR_TENANT,
            format!("Tenant {tenant} is not on the server yet; its conditions say why."),
        ),
        Wait::TenantDeleting if scene.facts.deleting => Line::reconciling(
            reasons::TENANT_DELETING,
            format!(
                "Tenant {tenant} is being deleted, and this machine goes with it; the Tenant's \
                 condition Removed says what holds that up."
            ),
        ),
        Wait::TenantDeleting => Line::reconciling(
            reasons::TENANT_DELETING,
            format!(
                "Tenant {tenant} is being deleted. Delete this machine too, or create the Tenant \
                 again once it is gone."
            ),
        ),
        Wait::TenantFate => return None,
        Wait::AlreadyClaimed => already_claimed(scene),
        Wait::NamespaceNotAllowed => namespace_not_allowed(scene),
        Wait::ServerNotFound => server_not_found(scene),
        Wait::ServerNotReady if is_agreed(scene) => return None,
        Wait::ServerNotReady => server_not_ready(scene),
        Wait::ServerLeaving => server_leaving(scene),
        // Its tenant is where it was: the guard keeps nothing of it waiting.
        Wait::InventoryGuard if is_agreed(scene) && scene.facts.identity == Identity::Same => {
            return None;
        }
        Wait::InventoryGuard => guarded(scene),
        Wait::Suspended => Line::new(
            Mood::Resting,
            reasons::SUSPENDED,
            "suspend is set on the Tenant or the IntegrationServer: nothing is changed on the \
             server. Set it to false to go on.",
        ),
        Wait::IdentityMismatch => Line::stalled(
            reasons::IDENTITY_MISMATCH,
            format!(
                "The server shows another tenant where Tenant {tenant} should be. Nothing is \
                 touched; see the conditions of the Tenant."
            ),
        ),
        Wait::LeftoverBlocked => leftover_blocked(scene),
        Wait::LeftoverSettling => leftover_settling(scene),
        Wait::Settling if scene.facts.deleting => Line::reconciling(
            reasons::PROGRESSING,
            "An earlier registration may still arrive at the server. The machine is unregistered \
             once that can no longer happen, within 30 s.",
        ),
        Wait::AbsenceUnproved => Line::reconciling(
            reasons::PROGRESSING,
            "The Integration Server's list does not show this machine with its tenant. It counts \
             as unregistered once a second list, 30 s later, agrees.",
        ),
        Wait::Settling => Line::reconciling(
            reasons::PROGRESSING,
            "An earlier unregistration may still arrive at the server. The machine is registered \
             anew once that can no longer happen, within 30 s.",
        ),
        Wait::Rejected => match &memory.rejection {
            Some(rejection) => Line::stalled(&rejection.reason, &rejection.message),
            None => Line::stalled(
                reasons::REJECTED,
                "The server refused. Set the annotation viis-operator.io/requested-at to try again.",
            ),
        },
    };
    Some(line)
}

fn server(scene: &Scene) -> &str {
    scene.server.as_deref().unwrap_or_default()
}

fn already_claimed(scene: &Scene) -> Line {
    let server = server(scene);
    Line::stalled(
        reasons::ALREADY_CLAIMED,
        format!(
            "Another VirtualMachine has this BIOS ID on IntegrationServer {server}. Delete one of \
             the two; then the other takes its turn."
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
             machine goes on once it is{}.",
            way_out(scene)
        ),
    )
}

fn way_out(scene: &Scene) -> &'static str {
    if scene.facts.deleting {
        ", or set deletionPolicy Retain to let this resource go and leave the machine registered"
    } else {
        ""
    }
}

fn server_leaving(scene: &Scene) -> Line {
    let server = server(scene);
    Line::stalled(
        reasons::INTEGRATION_SERVER_NOT_READY,
        format!(
            "IntegrationServer {server} is being deleted: nothing new is made on it. Delete this \
             VirtualMachine, or move its Tenant to another server."
        ),
    )
}

fn guarded(scene: &Scene) -> Line {
    let server = server(scene);
    Line::reconciling(
        reasons::INVENTORY_GUARD,
        format!(
            "The inventory of IntegrationServer {server} is not believed; see its condition \
             InventoryIntact. Nothing is made or destroyed."
        ),
    )
}

fn left_with(scene: &Scene) -> String {
    let left = scene.leftover.as_ref();
    left.map_or_else(|| "another tenant".to_owned(), ToString::to_string)
}

fn leftover_settling(scene: &Scene) -> Line {
    let place = left_with(scene);
    Line::reconciling(
        reasons::PROGRESSING,
        format!(
            "An earlier registration with {place} may still arrive at the server. The machine is \
             unregistered there once that can no longer happen, within 30 s, and then registered \
             with its present tenant."
        ),
    )
}

fn leftover_blocked(scene: &Scene) -> Line {
    let place = left_with(scene);
    let left = scene.leftover.as_ref();
    let server = left.map_or("", |place| place.server.as_str());
    Line::reconciling(
        reasons::INTEGRATION_SERVER_NOT_READY,
        format!(
            "The machine is still registered with {place}. It is unregistered there first, as soon \
             as that server is ready and not suspended; see its conditions. When it is gone for \
             good, delete the IntegrationServer {server}: then the registration there is left."
        ),
    )
}

/// Ready for this very spec: a server that is parked or not believed keeps nothing of it waiting.
fn is_agreed(scene: &Scene) -> bool {
    let ready = conditions::find(&scene.status.conditions, ConditionType::Ready);
    !scene.facts.deleting
        && ready.is_some_and(|ready| {
            ready.status == "True" && ready.observed_generation == scene.machine.meta().generation
        })
}

/// The status that says this line.
pub fn status(scene: &Scene, line: &Line, now: Timestamp) -> VirtualMachineStatus {
    let mut status = scene.status.clone();
    let generation = scene.machine.meta().generation.unwrap_or_default();
    status.observed_generation = Some(generation);
    status.owner_uid.clone_from(&scene.machine.meta().uid);
    let ready = line.mood == Mood::Ready;
    if ready {
        status.tenant_id = scene.tenant_id.as_ref().map(ToString::to_string);
        status.integration_server.clone_from(&scene.server);
        let id = scene.found.as_ref().and_then(|found| found.id.as_ref());
        status.virtual_machine_id = id.map(ToString::to_string);
    }
    let all = &mut status.conditions;
    let (reason, message) = (line.reason.as_str(), line.message.as_str());
    let mut put = |kind, holds: bool, reason: &str| {
        conditions::set(all, kind, holds, reason, message, generation, now);
    };
    put(ConditionType::Ready, ready, reason);
    if scene.facts.deleting {
        put(ConditionType::Removed, line.mood == Mood::Released, reason);
    } else {
        let reason = match scene.facts.registration {
            _ if !ready => reason,
            Registration::Different => reasons::STORED_DIFFERENTLY,
            Registration::Equal | Registration::Unlisted | Registration::Absent => {
                reasons::REGISTERED
            }
        };
        put(ConditionType::Registered, ready, reason);
    }
    for (kind, holds) in [
        (ConditionType::Reconciling, line.mood == Mood::Reconciling),
        (ConditionType::Stalled, line.mood == Mood::Stalled),
    ] {
        if holds {
            conditions::set(all, kind, true, reason, message, generation, now);
        } else {
            conditions::remove(all, kind);
        }
    }
    status
}

#[cfg(test)]
mod tests;
