//! What the server refused: as reason and message, and as the status remembers it.

use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;
use tokio::time::Instant;

use super::apply::Run;
use super::memory::{Memory, Rejection};
use super::report::TRIED_AGAIN;
use crate::api::{ConditionType, Tenant, conditions, reasons};
use crate::controllers::cluster::{own_status, requested_at};
use crate::plan::tenant::Step;
use crate::viis;

impl Run<'_> {
    /// The server refused a request: as [`Run::reject`], with the answer's words.
    pub(super) fn reject_by(&mut self, step: Step, error: &viis::Error) {
        self.reject(step, reason_of(error), error.to_string());
        if let Some(rejection) = &mut self.memory.rejection {
            rejection.forbidden = error.problem() == viis::Problem::Forbidden;
        }
    }

    /// The server refused a step: it is not sent again until something changes.
    pub(super) fn reject(&mut self, step: Step, reason: String, message: String) {
        let tenant = self.tenant.as_ref();
        let (generation, requested_at) = asked_by(tenant);
        self.context.events.warning(tenant, &reason, &message);
        self.memory.rejection = Some(Rejection {
            step,
            reason,
            message,
            generation,
            at: Instant::now(),
            requested_at,
            forbidden: false,
            secret: None,
        });
    }
}

/// What a person asks for by spec and annotation: another one is a reason to try again.
pub(super) fn asked_by(tenant: &Tenant) -> (i64, Option<String>) {
    let generation = tenant.meta().generation.unwrap_or_default();
    (generation, requested_at(tenant).map(str::to_owned))
}

/// Takes into account what the status says of a refusal: a process that has just begun
/// would send again what was refused to the one before it. Where a person asked for
/// another try by annotation, nobody knows whether that was before the refusal.
pub(super) fn recall(tenant: &Tenant, memory: &mut Memory) {
    if std::mem::replace(&mut memory.status_read, true) || requested_at(tenant).is_some() {
        return;
    }
    let status = own_status(tenant);
    let stalled = conditions::find(&status.conditions, ConditionType::Stalled);
    let generation = tenant.meta().generation;
    let Some(stalled) = stalled.filter(|stalled| stalled.observed_generation == generation) else {
        return;
    };
    let generation = generation.unwrap_or_default();
    if status.tenant_id.is_some() {
        let odd = !matches!(status.state.as_deref(), None | Some("Active" | "Inactive"));
        if odd && stalled.reason == reasons::REJECTED {
            memory.odd_state = Some((generation, None));
        }
        return;
    }
    let elapsed = Timestamp::now().duration_since(stalled.last_transition_time.0);
    let at = Duration::try_from(elapsed)
        .ok()
        .and_then(|elapsed| Instant::now().checked_sub(elapsed));
    // What the inventory or a Secret decides is looked at anyway.
    let refused = status.creation.is_none()
        && tenant.spec.existing_tenant_id.is_none()
        && is_lasting(&stalled.reason);
    if let Some(at) = at.filter(|_| refused) {
        let message = stalled.message.strip_suffix(TRIED_AGAIN);
        memory.rejection = Some(Rejection {
            step: Step::Create,
            reason: stalled.reason.clone(),
            message: message.unwrap_or(&stalled.message).to_owned(),
            generation,
            at,
            requested_at: None,
            forbidden: false,
            secret: None,
        });
    }
}

/// The server refused for a reason that neither its inventory nor a Secret shows.
fn is_lasting(reason: &str) -> bool {
    match reason {
        reasons::TENANT_WITH_SPECIFIED_NAME_ALREADY_EXISTS
        | reasons::PASSWORD_NOT_COMPLY_POLICY => false,
        reason => reason.starts_with("VIRMT_") || reason.starts_with("KSC_"),
    }
}

/// The server's code, else `Rejected`.
pub(super) fn reason_of(error: &viis::Error) -> String {
    error
        .code()
        .map_or(reasons::REJECTED, viis::Code::as_str)
        .to_owned()
}

pub(super) fn task_refusal(what: &str, error: Option<&viis::TaskError>) -> (String, String) {
    let code = error.and_then(|error| error.code.as_ref());
    let reason = code
        .map_or(reasons::REJECTED, viis::Code::as_str)
        .to_owned();
    let text = error
        .map(|error| error.message.as_str())
        .unwrap_or_default();
    let advice = reasons::ALL
        .iter()
        .find(|(known, ..)| *known == reason)
        .map_or("", |(_, _, _, advice)| *advice);
    let message = match (text.is_empty(), advice.is_empty()) {
        (true, _) => format!("{what} ended with {reason}. {advice}"),
        (false, true) => format!("{what} ended with {reason}: {text}."),
        (false, false) => format!("{what} ended with {reason}: {text}. {advice}"),
    };
    (reason, message.trim_end().to_owned())
}
