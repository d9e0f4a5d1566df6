//! What a Tenant's status says: pure, from the scene and what was decided.
//!
//! - `waiting`: a sentence for everything that holds a Tenant up;
//! - `work`: whether anything is to be done; - `status`: the status that says it; - `difference`: whether that is news.

mod difference;
mod status;
mod waiting;
mod work;

pub use self::difference::{Difference, difference};
pub use self::status::{status, task_status};
pub use self::waiting::TRIED_AGAIN;
pub use self::work::{is_being_looked_at, rests};
use super::memory::Memory;
use super::observe::Scene;
use crate::api::reasons;
use crate::controllers::line::{Line, Mood};
use crate::plan::tenant::Action;

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
        Action::Wait(wait) => waiting::line(scene, memory, wait),
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
        | Action::GetCreated
        | Action::ForgetTenant
        | Action::ChangeState
        | Action::CancelCreation
        | Action::CancelRemoval
        | Action::RecordRemoval
        | Action::Delete => Some(Line::reconciling(
            reasons::PROGRESSING,
            progress(scene, action),
        )),
    }
}

/// What the operator is at.
fn progress(scene: &Scene, action: Action) -> &'static str {
    match action {
        Action::RecordIntent | Action::Create => "The tenant is being created.",
        Action::ConfirmAbsence if scene.facts.spec.existing => {
            "The tenant is missing from the server's list. It counts as gone once two lists, 30 s \
             apart, and the server's own answer agree."
        }
        Action::ConfirmAbsence => {
            "The tenant is missing from the server's list. It is made again once two lists, 30 s \
             apart, and the server's own answer agree that it is gone."
        }
        Action::ForgetTenant => "The tenant is gone from the server and will be made again.",
        Action::Adopt(_) | Action::GetCreated | Action::RecordCreated => {
            "The tenant is on the server."
        }
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

#[cfg(test)]
mod tests;
