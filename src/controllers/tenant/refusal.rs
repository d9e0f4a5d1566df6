//! What the server refused, as reason and message.

use kube::Resource;
use tokio::time::Instant;

use super::apply::Run;
use super::memory::Rejection;
use crate::api::reasons;
use crate::controllers::cluster::requested_at;
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
        self.context.events.warning(tenant, &reason, &message);
        self.memory.rejection = Some(Rejection {
            step,
            reason,
            message,
            generation: tenant.meta().generation.unwrap_or_default(),
            at: Instant::now(),
            requested_at: requested_at(tenant).map(str::to_owned),
            forbidden: false,
            secret: None,
        });
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
