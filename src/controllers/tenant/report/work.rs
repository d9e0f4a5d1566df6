//! Whether anything is to be done for a Tenant: only then is an outage worth a word on it.
//! Reads what is there; says nothing itself.

use kube::Resource;

use crate::api::{ConditionType, conditions};
use crate::controllers::tenant::observe::Scene;
use crate::inventory::health::Availability;
use crate::plan::tenant::ById;

/// Whether the parked server keeps anything waiting: deletion, a new spec, or what was
/// under way.
pub fn has_work(scene: &Scene) -> bool {
    scene.facts.deleting || !rests(scene)
}

/// Whether the status says, of this very spec, that there is nothing to do: it is Ready,
/// or it waits for somebody else.
pub fn rests(scene: &Scene) -> bool {
    let all = &scene.status.conditions;
    let ready = conditions::find(all, ConditionType::Ready);
    ready.is_some_and(|ready| ready.observed_generation == scene.tenant.meta().generation)
        && conditions::find(all, ConditionType::Reconciling).is_none()
}

/// Whether the server has just been taken up, and its first answer is on its way.
pub fn is_being_looked_at(scene: &Scene) -> bool {
    let handle = scene.handle.as_ref();
    handle.is_some_and(|handle| handle.server.health().availability() == Availability::Unknown)
}

/// Whether a tenant of ours is not where it should be.
pub fn is_lost(scene: &Scene) -> bool {
    scene.facts.record.tenant && !matches!(scene.facts.world.by_id, ById::Same(_))
}
