//! Situations that read as English: `tenant().recorded().deleting()`.

use super::super::*;
use crate::plan::{Refusal, Task};

/// A live Simple tenant on a healthy server, with our finalizer, before
/// anything was sent: its name is free.
pub(super) fn tenant() -> Facts {
    Facts {
        deleting: false,
        finalizer: true,
        spec: Spec {
            wanted: Activity::Active,
            retain: false,
            existing: false,
            suspended: false,
            password: Password::NotNeeded,
        },
        record: Record {
            tenant: false,
            creation: Creation::None,
            removal: Removal::None,
        },
        server: Server {
            reach: Reach::Ready,
            permitted: true,
            leaving: false,
            adopts_by_id: false,
            adopts_identical: false,
        },
        outclaimed: false,
        world: World {
            fresh: true,
            by_id: ById::Unlisted,
            verified: false,
            by_name: Sighting::Absent,
            unasked: false,
            existing: Sighting::Absent,
            unclaimed_creations: false,
            unclaimed_removals: false,
            may_vanish: false,
        },
        change: Change::None,
        machines: Machines {
            first_activation: false,
            unregistered: false,
            waited: false,
            referrers: Referrers::Unlisted,
        },
        admission: Admission::Pending,
        rejected: None,
    }
}

/// The outcome is unknown, 30 s are over, on the server that the intent names.
pub(super) const SETTLED: Unknown = Unknown {
    here: true,
    settled: true,
    waited: false,
};
/// The outcome has just become unknown.
pub(super) const UNSETTLED: Unknown = Unknown {
    settled: false,
    ..SETTLED
};
/// Ten minutes are over.
pub(super) const WAITED: Unknown = Unknown {
    waited: true,
    ..SETTLED
};
/// The server's address or port changed since the intent.
pub(super) const ELSEWHERE: Unknown = Unknown {
    here: false,
    ..WAITED
};

impl Facts {
    pub(super) fn without_finalizer(mut self) -> Self {
        self.finalizer = false;
        self
    }
    pub(super) fn deleting(mut self) -> Self {
        self.deleting = true;
        self
    }
    pub(super) fn retained(mut self) -> Self {
        self.spec.retain = true;
        self
    }
    pub(super) fn suspended(mut self) -> Self {
        self.spec.suspended = true;
        self
    }
    pub(super) fn wanting(mut self, wanted: Activity) -> Self {
        self.spec.wanted = wanted;
        self
    }
    pub(super) fn password(mut self, password: Password) -> Self {
        self.spec.password = password;
        self
    }
    /// `existingTenantID` is set, and the policy honours it.
    pub(super) fn existing(mut self, sighting: Sighting) -> Self {
        self.spec.existing = true;
        self.server.adopts_by_id = true;
        self.world.existing = sighting;
        self
    }
    pub(super) fn adopting_nothing(mut self) -> Self {
        self.server.adopts_by_id = false;
        self.server.adopts_identical = false;
        self
    }
    pub(super) fn adopting_identical(mut self) -> Self {
        self.server.adopts_identical = true;
        self
    }
    /// Its identifier is in the status, and it is on the server, active.
    pub(super) fn recorded(mut self) -> Self {
        self.record.tenant = true;
        self.world.by_id = ById::Same(Activity::Active);
        self.world.by_name = Sighting::Equal;
        self
    }
    pub(super) fn inactive(self) -> Self {
        self.found(ById::Same(Activity::Inactive))
    }
    pub(super) fn found(mut self, by_id: ById) -> Self {
        self.world.by_id = by_id;
        self
    }
    /// A call made for this decision showed this.
    pub(super) fn verified(mut self, by_id: ById) -> Self {
        self.world.verified = true;
        self.world.by_id = by_id;
        self
    }
    /// The server has to be asked for what the creation made.
    pub(super) fn unasked(mut self) -> Self {
        self.world.unasked = true;
        self
    }
    /// It was not asked for, for this decision.
    pub(super) fn verify_again(mut self) -> Self {
        self.world.verified = false;
        self
    }
    /// The tenant under our name.
    pub(super) fn named(mut self, sighting: Sighting) -> Self {
        self.world.by_name = sighting;
        self
    }
    pub(super) fn stale(mut self) -> Self {
        self.world.fresh = false;
        self
    }
    pub(super) fn with_unclaimed_creations(mut self) -> Self {
        self.world.unclaimed_creations = true;
        self
    }
    pub(super) fn with_unclaimed_removals(mut self) -> Self {
        self.world.unclaimed_removals = true;
        self
    }
    pub(super) fn may_vanish(mut self) -> Self {
        self.world.may_vanish = true;
        self
    }
    pub(super) fn reach(mut self, reach: Reach) -> Self {
        self.server.reach = reach;
        self
    }
    pub(super) fn not_permitted(mut self) -> Self {
        self.server.permitted = false;
        self
    }
    pub(super) fn on_a_leaving_server(mut self) -> Self {
        self.server.leaving = true;
        self
    }
    pub(super) fn outclaimed(mut self) -> Self {
        self.outclaimed = true;
        self
    }
    pub(super) fn rejected(mut self, step: Step) -> Self {
        self.rejected = Some(step);
        self
    }
    pub(super) fn changing(mut self, change: Change) -> Self {
        self.change = change;
        self
    }
    /// It was never activated, and some of its machines are not registered.
    pub(super) fn with_machines_to_register(mut self) -> Self {
        self.machines.first_activation = true;
        self.machines.unregistered = true;
        self
    }
    pub(super) fn after_waiting_for_machines(mut self) -> Self {
        self.machines.waited = true;
        self
    }
    pub(super) fn referred_to_by(mut self, referrers: Referrers) -> Self {
        self.machines.referrers = referrers;
        self
    }
    pub(super) fn admitted(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }
    pub(super) fn creation(mut self, creation: Creation) -> Self {
        self.record.creation = creation;
        self
    }
    pub(super) fn intended(self) -> Self {
        self.creation(Creation::Intended)
    }
    pub(super) fn unknown(self, unknown: Unknown) -> Self {
        self.creation(Creation::Unknown(unknown))
    }
    /// The attempt's only request was refused.
    pub(super) fn refused(self, refusal: Refusal) -> Self {
        self.creation(Creation::Refused {
            refusal,
            sole: true,
        })
    }
    /// A repeated request was refused.
    pub(super) fn refused_again(self, refusal: Refusal) -> Self {
        self.creation(Creation::Refused {
            refusal,
            sole: false,
        })
    }
    /// The creation's task is known; it was the only request.
    pub(super) fn creating(self, task: Task) -> Self {
        self.task(task, true, SETTLED)
    }
    /// The creation's task is known; an earlier request's answer was lost.
    pub(super) fn creating_again(self, task: Task, unknown: Unknown) -> Self {
        self.task(task, false, unknown)
    }
    pub(super) fn task(self, task: Task, sole: bool, unknown: Unknown) -> Self {
        self.creation(Creation::Task {
            task,
            sole,
            cancelled: false,
            unknown,
        })
    }
    pub(super) fn creating_cancelled(self, task: Task) -> Self {
        self.creation(Creation::Task {
            task,
            sole: true,
            cancelled: true,
            unknown: SETTLED,
        })
    }
    pub(super) fn removal(mut self, removal: Removal) -> Self {
        self.record.removal = removal;
        self
    }
    pub(super) fn removing(self, task: Task) -> Self {
        self.removal(Removal::Task {
            task,
            cancelled: false,
            settled: true,
        })
    }
    pub(super) fn removing_cancelled(self, task: Task) -> Self {
        self.removal(Removal::Task {
            task,
            cancelled: true,
            settled: true,
        })
    }
    /// Deleted, on the server, no machines, agreed to, ours by a call of this moment.
    pub(super) fn ready_to_go(self) -> Self {
        self.recorded()
            .deleting()
            .referred_to_by(Referrers::None)
            .admitted(Admission::Granted)
            .verified(ById::Same(Activity::Active))
    }
}
