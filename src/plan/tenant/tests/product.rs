//! The product of all facts: enumerated over chosen dimensions, or sampled as a whole.

use super::super::*;
use crate::plan::{Refusal, Task};

type Setter = Box<dyn Fn(&mut Facts)>;

/// One fact, and how to set each of its values.
pub(super) struct Dimension {
    name: &'static str,
    values: Vec<Setter>,
}

fn dimension<T: Copy + 'static>(
    name: &'static str,
    values: impl IntoIterator<Item = T>,
    set: fn(&mut Facts, T),
) -> Dimension {
    let setter = |value| Box::new(move |facts: &mut Facts| set(facts, value)) as Setter;
    Dimension {
        name,
        values: values.into_iter().map(setter).collect(),
    }
}

const BOTH: [bool; 2] = [false, true];

fn tasks() -> Vec<Task> {
    let mut all = vec![Task::Running, Task::Stuck, Task::Completed, Task::Forgotten];
    all.extend(refusals().map(Task::Refused));
    all
}

fn refusals() -> [Refusal; 3] {
    [Refusal::NameExists, Refusal::TenantNotFound, Refusal::Other]
}

fn unknowns() -> Vec<Unknown> {
    (0..8)
        .map(|bits| Unknown {
            here: bits & 1 != 0,
            settled: bits & 2 != 0,
            waited: bits & 4 != 0,
        })
        .collect()
}

fn creations() -> Vec<Creation> {
    let mut all = vec![Creation::None, Creation::Intended];
    all.extend(unknowns().into_iter().map(Creation::Unknown));
    for sole in BOTH {
        all.extend(refusals().map(|refusal| Creation::Refused { refusal, sole }));
        for cancelled in BOTH {
            for task in tasks() {
                all.extend(unknowns().into_iter().map(|unknown| Creation::Task {
                    task,
                    sole,
                    cancelled,
                    unknown,
                }));
            }
        }
    }
    all
}

fn removals() -> Vec<Removal> {
    let mut all = vec![Removal::None, Removal::Decided];
    for settled in BOTH {
        all.push(Removal::Unknown { settled });
        for cancelled in BOTH {
            all.extend(tasks().into_iter().map(|task| Removal::Task {
                task,
                cancelled,
                settled,
            }));
        }
    }
    all
}

const ACTIVITIES: [Activity; 3] = [Activity::Active, Activity::Inactive, Activity::Other];
const SIGHTINGS: [Sighting; 5] = [
    Sighting::Absent,
    Sighting::Owned,
    Sighting::Equal,
    Sighting::Alike,
    Sighting::Different,
];
const PASSWORDS: [Password; 5] = [
    Password::NotNeeded,
    Password::Unread,
    Password::SecretNotFound,
    Password::KeyMissing,
    Password::Read,
];
const REACHES: [Reach; 5] = [
    Reach::Missing,
    Reach::Foreign,
    Reach::NotReady,
    Reach::Guarded,
    Reach::Ready,
];
const CHANGES: [Change; 4] = [
    Change::None,
    Change::Running,
    Change::Stuck,
    Change::Settling,
];
const REFERRERS: [Referrers; 3] = [Referrers::Unlisted, Referrers::None, Referrers::Some];
const ADMISSIONS: [Admission; 3] = [Admission::Pending, Admission::Granted, Admission::Held];
const REJECTIONS: [Option<Step>; 4] = [
    None,
    Some(Step::Create),
    Some(Step::Change),
    Some(Step::Delete),
];

fn by_ids() -> Vec<ById> {
    let mut all = vec![ById::Unlisted, ById::Other, ById::Missing, ById::Gone];
    all.extend(ACTIVITIES.map(ById::Same));
    all
}

/// Every fact that there is. A fact that is missing here breaks [`complete`].
pub(super) fn dimensions() -> Vec<Dimension> {
    vec![
        dimension("deleting", BOTH, |f, v| f.deleting = v),
        dimension("finalizer", BOTH, |f, v| f.finalizer = v),
        dimension("wanted", [Activity::Active, Activity::Inactive], |f, v| {
            f.spec.wanted = v
        }),
        dimension("retain", BOTH, |f, v| f.spec.retain = v),
        dimension("existing", BOTH, |f, v| f.spec.existing = v),
        dimension("suspended", BOTH, |f, v| f.spec.suspended = v),
        dimension("password", PASSWORDS, |f, v| f.spec.password = v),
        dimension("recorded", BOTH, |f, v| f.record.tenant = v),
        dimension("creation", creations(), |f, v| f.record.creation = v),
        dimension("removal", removals(), |f, v| f.record.removal = v),
        dimension("reach", REACHES, |f, v| f.server.reach = v),
        dimension("permitted", BOTH, |f, v| f.server.permitted = v),
        dimension("leaving", BOTH, |f, v| f.server.leaving = v),
        dimension("adopts by id", BOTH, |f, v| f.server.adopts_by_id = v),
        dimension("adopts identical", BOTH, |f, v| {
            f.server.adopts_identical = v
        }),
        dimension("outclaimed", BOTH, |f, v| f.outclaimed = v),
        dimension("fresh", BOTH, |f, v| f.world.fresh = v),
        dimension("by id", by_ids(), |f, v| f.world.by_id = v),
        dimension("unasked", BOTH, |f, v| f.world.unasked = v),
        dimension("verified", BOTH, |f, v| f.world.verified = v),
        dimension("by name", SIGHTINGS, |f, v| f.world.by_name = v),
        dimension("existing tenant", SIGHTINGS, |f, v| f.world.existing = v),
        dimension("unclaimed creations", BOTH, |f, v| {
            f.world.unclaimed_creations = v
        }),
        dimension("unclaimed removals", BOTH, |f, v| {
            f.world.unclaimed_removals = v
        }),
        dimension("may vanish", BOTH, |f, v| f.world.may_vanish = v),
        dimension("change", CHANGES, |f, v| f.change = v),
        dimension("first activation", BOTH, |f, v| {
            f.machines.first_activation = v
        }),
        dimension("unregistered", BOTH, |f, v| f.machines.unregistered = v),
        dimension("machines waited", BOTH, |f, v| f.machines.waited = v),
        dimension("referrers", REFERRERS, |f, v| f.machines.referrers = v),
        dimension("admission", ADMISSIONS, |f, v| f.admission = v),
        dimension("rejected", REJECTIONS, |f, v| f.rejected = v),
    ]
}

/// Every combination of the named facts; the others stay as they are in `base`.
pub(super) fn every(base: &Facts, names: &[&str], mut visit: impl FnMut(&Facts)) -> usize {
    let all = dimensions();
    let chosen: Vec<&Dimension> = names
        .iter()
        .map(|name| {
            let named = all.iter().find(|dimension| dimension.name == *name);
            named.unwrap_or_else(|| panic!("no fact is called {name}"))
        })
        .collect();
    let mut facts = base.clone();
    descend(&chosen, &mut facts, &mut visit)
}

fn descend(rest: &[&Dimension], facts: &mut Facts, visit: &mut impl FnMut(&Facts)) -> usize {
    let Some((first, rest)) = rest.split_first() else {
        visit(facts);
        return 1;
    };
    let mut count = 0;
    for set in &first.values {
        set(facts);
        count += descend(rest, facts, visit);
    }
    count
}

/// `count` points of the whole product, the same ones in every run.
pub(super) fn sample(base: &Facts, count: usize, mut visit: impl FnMut(&Facts)) {
    let all = dimensions();
    let mut facts = base.clone();
    let mut random = SplitMix(0x5EED);
    for _ in 0..count {
        for dimension in &all {
            let index = random.below(dimension.values.len());
            dimension.values[index](&mut facts);
        }
        visit(&facts);
    }
}

/// Sebastiano Vigna's SplitMix64: a line of arithmetic, the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        usize::try_from(z % bound as u64).unwrap()
    }
}

/// Does not compile when a fact is added: then it needs a dimension above.
#[test]
fn complete() {
    let Facts {
        deleting: _,
        finalizer: _,
        spec:
            Spec {
                wanted: _,
                retain: _,
                existing: _,
                suspended: _,
                password: _,
            },
        record:
            Record {
                tenant: _,
                creation: _,
                removal: _,
            },
        server:
            Server {
                reach: _,
                permitted: _,
                leaving: _,
                adopts_by_id: _,
                adopts_identical: _,
            },
        outclaimed: _,
        world:
            World {
                fresh: _,
                by_id: _,
                verified: _,
                by_name: _,
                unasked: _,
                existing: _,
                unclaimed_creations: _,
                unclaimed_removals: _,
                may_vanish: _,
            },
        change: _,
        machines:
            Machines {
                first_activation: _,
                unregistered: _,
                waited: _,
                referrers: _,
            },
        admission: _,
        rejected: _,
    } = super::fixtures::tenant();
    assert_eq!(dimensions().len(), 32);
}
