//! What is explored: a beginning, what may go wrong, and how often. The bounds are such
//! that all of them together take half a minute of processor time; `VIIS_MODEL=deep` adds
//! a fault to each.

use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use crate::faults::{Budget, Edit, Kind};
use crate::kube::{Policy, TenantSpec};
use crate::model::{Beginning, Model, tenant};
use crate::mutants::Mutant;
use crate::observe::Settings;
use crate::world::Storage;

/// Everything that can happen to a process, its calls and its tasks.
const ALL: &[Kind] = &[
    Kind::Crash,
    Kind::StaleRestart,
    Kind::WriteLost,
    Kind::AnswerLost,
    Kind::RequestLost,
    Kind::Late,
    Kind::Rejected,
    Kind::Paused,
    Kind::Deaf,
    Kind::TaskFails,
    Kind::TaskForgotten,
    Kind::Hidden,
    Kind::Vanishes,
    Kind::Drifts,
];

/// What makes two Tenants run into each other.
const RACES: &[Kind] = &[
    Kind::Crash,
    Kind::StaleRestart,
    Kind::WriteLost,
    Kind::AnswerLost,
    Kind::Late,
    Kind::Paused,
    Kind::Deaf,
];

const SETTINGS: Settings = Settings {
    adopts_by_id: false,
    adopts_identical: false,
    guard: true,
    limit: 5,
};

const fn budget(faults: u8, edits: u8, deletions: u8, creations: u8) -> Budget {
    Budget {
        faults,
        edits,
        deletions,
        creations,
        was_late: false,
    }
}

fn configuration(name: &'static str, tenants: Vec<TenantSpec>, budget: Budget) -> Model {
    let deep = std::env::var("VIIS_MODEL").is_ok_and(|model| model == "deep");
    Model {
        name,
        settings: SETTINGS,
        tenants,
        machine: false,
        beginning: Beginning::Nothing,
        again: None,
        storage: Storage::AsSent,
        strangers: Vec::new(),
        faults: ALL,
        edits: &[],
        budget: Budget {
            faults: budget.faults + u8::from(deep),
            ..budget
        },
        mutant: None,
        rests: true,
        offered: AtomicU32::new(0),
        settled: Mutex::default(),
    }
}

/// One Tenant's life, with any two faults in it.
pub fn two_faults() -> Model {
    configuration("one Tenant, two faults", vec![tenant()], budget(2, 0, 1, 0))
}

/// One Tenant whose spec changes, which is deleted, and made again under another UID.
pub fn changed_minds() -> Model {
    Model {
        edits: &[
            Edit::State,
            Edit::Policy,
            Edit::Name,
            Edit::Fields,
            Edit::Suspend,
        ],
        ..configuration(
            "one Tenant, edited and made again",
            vec![tenant()],
            budget(1, 1, 1, 1),
        )
    }
}

/// A Tenant and its machine that are replaced without our finalizer, at any moment and under
/// `suspend` too.
pub fn replaced() -> Model {
    Model {
        machine: true,
        faults: &[Kind::Replaced, Kind::Crash, Kind::AnswerLost],
        edits: &[Edit::Suspend],
        ..configuration(
            "a Tenant and its machine, replaced",
            vec![tenant()],
            budget(2, 1, 1, 0),
        )
    }
}

/// A decision to delete, and minds that change around it.
pub fn changed_deletion() -> Model {
    Model {
        faults: &[Kind::Crash, Kind::AnswerLost, Kind::Deaf, Kind::TaskFails],
        edits: &[Edit::Policy, Edit::Suspend],
        ..configuration(
            "one Tenant, deleted and kept",
            vec![tenant()],
            budget(1, 2, 1, 0),
        )
    }
}

/// Two Tenants that want one name.
pub fn one_name() -> Model {
    Model {
        faults: RACES,
        ..configuration(
            "two Tenants, one name",
            vec![tenant(), tenant()],
            budget(1, 0, 1, 0),
        )
    }
}

/// A server that is restored from a backup gives identifiers a second time.
pub fn restored() -> Model {
    let inactive = TenantSpec {
        active: false,
        ..tenant()
    };
    let other = TenantSpec {
        name: 2,
        ..inactive
    };
    Model {
        faults: &[Kind::Emptied],
        ..configuration(
            "two Tenants, a restored server",
            vec![inactive, other],
            budget(1, 0, 1, 0),
        )
    }
}

/// One Tenant on such a server, with crashes and lost tasks.
pub fn restored_alone() -> Model {
    Model {
        faults: &[
            Kind::RolledBack,
            Kind::Crash,
            Kind::TaskForgotten,
            Kind::AnswerLost,
        ],
        ..configuration(
            "one Tenant, a restored server",
            vec![tenant()],
            budget(2, 0, 1, 0),
        )
    }
}

/// Two Tenants that are there and are deleted, while the server is restored from a backup
/// that was made before, in between, or after: one may be back that is gone already, and
/// what it gives to the tasks that come then are the identifiers of those before.
pub fn deleted_around_a_backup() -> Model {
    let restored = restored();
    Model {
        beginning: Beginning::Tenants,
        faults: &[Kind::RolledBack, Kind::Crash, Kind::AnswerLost],
        ..configuration(
            "two Tenants deleted around a backup",
            restored.tenants,
            budget(1, 0, 2, 0),
        )
    }
}

/// Somebody makes a tenant with our name, equal or not, at any moment.
pub fn strangers() -> Model {
    Model {
        faults: &[
            Kind::Stranger,
            Kind::Crash,
            Kind::AnswerLost,
            Kind::RequestLost,
            Kind::Vanishes,
        ],
        ..configuration("one Tenant, a stranger", vec![tenant()], budget(2, 0, 1, 0))
    }
}

/// A server that stores what a creation sends in another form.
pub fn stored(storage: Storage) -> Model {
    let name = match storage {
        Storage::AsSent => "one Tenant, stored as sent",
        Storage::Normalized => "one Tenant, stored in another form",
        Storage::Unrecognizable => "one Tenant, stored unrecognizably",
    };
    Model {
        storage,
        faults: &[
            Kind::Crash,
            Kind::AnswerLost,
            Kind::TaskForgotten,
            Kind::Late,
            Kind::TaskFails,
        ],
        ..configuration(name, vec![tenant()], budget(2, 0, 1, 0))
    }
}

/// The same where identical tenants are taken over.
pub fn adoption() -> Model {
    Model {
        name: "one Tenant, a stranger, IfIdentical",
        settings: Settings {
            adopts_by_id: true,
            adopts_identical: true,
            ..SETTINGS
        },
        ..strangers()
    }
}

/// `existingTenantID`, asked for by two.
pub fn existing() -> Model {
    let asking = TenantSpec {
        existing: Some(1),
        policy: Policy::Delete,
        ..tenant()
    };
    Model {
        settings: Settings {
            adopts_by_id: true,
            ..SETTINGS
        },
        strangers: vec![(1, 1)],
        faults: &[
            Kind::Crash,
            Kind::WriteLost,
            Kind::Deaf,
            Kind::Paused,
            Kind::Vanishes,
        ],
        edits: &[Edit::Policy],
        ..configuration(
            "two Tenants, one existingTenantID",
            vec![asking, asking],
            budget(1, 1, 1, 0),
        )
    }
}

/// A Tenant with its machine; both may be deleted and made again.
pub fn with_machine() -> Model {
    Model {
        machine: true,
        faults: &[
            Kind::Crash,
            Kind::WriteLost,
            Kind::AnswerLost,
            Kind::RequestLost,
            Kind::Rejected,
            Kind::Deaf,
            Kind::Drifts,
            Kind::Vanishes,
            Kind::ListedLate,
        ],
        ..configuration(
            "a Tenant and its machine",
            vec![tenant()],
            budget(1, 0, 2, 1),
        )
    }
}

/// A call for a machine that is carried out when nobody waits for its answer any more.
pub fn machine_with_a_late_call() -> Model {
    Model {
        machine: true,
        beginning: Beginning::Tenants,
        faults: &[Kind::Late, Kind::Crash],
        edits: &[Edit::Fields],
        ..configuration(
            "a machine with a late call",
            vec![tenant()],
            budget(2, 1, 1, 1),
        )
    }
}

/// A machine whose user data change: it is unregistered and registered again.
pub fn machine_that_changes() -> Model {
    Model {
        machine: true,
        faults: &[
            Kind::Crash,
            Kind::AnswerLost,
            Kind::RequestLost,
            Kind::Drifts,
            Kind::Late,
        ],
        edits: &[Edit::Fields],
        ..configuration("a machine that changes", vec![tenant()], budget(1, 1, 1, 0))
    }
}

/// A machine whose Tenant goes, and leaves its tenant behind; the next one has another.
pub fn machine_that_moves() -> Model {
    let kept = TenantSpec {
        policy: Policy::Retain,
        ..tenant()
    };
    Model {
        machine: true,
        again: Some(TenantSpec {
            name: 2,
            ..tenant()
        }),
        faults: &[
            Kind::Crash,
            Kind::WriteLost,
            Kind::AnswerLost,
            Kind::RequestLost,
            Kind::Rejected,
            Kind::ListedLate,
        ],
        ..configuration("a machine that moves", vec![kept], budget(1, 0, 2, 1))
    }
}

/// The same, in the middle of a registration with other user data.
pub fn machine_that_moves_with_a_late_call() -> Model {
    let moves = machine_that_moves();
    Model {
        name: "a machine that moves with a late call",
        beginning: Beginning::Machine,
        faults: &[Kind::Late],
        edits: &[Edit::Fields],
        budget: Budget {
            edits: 1,
            ..moves.budget
        },
        ..moves
    }
}

impl Model {
    /// The same with these kinds of faults alone, as many of them, and this mistake.
    pub fn mutated(mut self, mutant: Mutant, faults: &'static [Kind]) -> Self {
        self.mutant = Some(mutant);
        self.settings.guard = mutant != Mutant::NoGuard;
        self.faults = faults;
        self.budget.faults = u8::try_from(faults.len()).unwrap();
        self.settled = Mutex::default();
        self
    }
}
