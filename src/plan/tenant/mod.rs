//! A Tenant's life: what is known of it ([`Facts`]), and the one next step ([`Action`]).
//!
//! [`plan`] is total over the facts. What a live Tenant needs is decided in
//! `live.rs`, what a deleted one needs in `deletion.rs`, and what became of a
//! creation whose end is not recorded yet in `settlement.rs`, for both.

mod action;
mod deletion;
mod facts;
mod live;
mod settlement;
#[cfg(test)]
mod tests;

pub use self::action::{Action, Adoption, End, Release, Step, Wait};
pub use self::facts::{
    Activity, Admission, ById, Change, Creation, Facts, Machines, Password, Record, Referrers,
    Removal, Server, Sighting, Spec, Unknown, World,
};
use super::Reach;

/// The one next step of a Tenant.
pub fn plan(facts: &Facts) -> Action {
    if facts.server.reach == Reach::Foreign {
        return if facts.deleting && facts.finalizer && facts.spec.retain {
            Action::RemoveFinalizer(Release::Retained)
        } else {
            Action::LeaveAlone
        };
    }
    if facts.deleting {
        deletion::plan(facts)
    } else {
        live::plan(facts)
    }
}
