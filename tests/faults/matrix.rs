//! Which plans there are: every row at every write or call of every step, and every
//! row of one side with every row of the other.

use crate::external::{self, External};
use crate::kubernetes::{self, Kubernetes};
use crate::plan::{AtCall, AtWrite, Plan, STEPS, Step};
use crate::texts;
use crate::trial::Outcome;
use std::collections::BTreeMap;

/// Polls and lists are many and alike: so many of them are tried.
const READS: u64 = 2;

/// What `make test` tries: each row of the table that a minute has room for.
pub const SAMPLE: [&str; 19] = [
    // It takes 30 s by design, so it begins first.
    "create/K1-after@1",
    "activate/E11-removed.POST-activate@0",
    "re-register/E4-late.POST-unregister@0",
    "create/K1-before@1",
    "create/K2-lost@3/E12-503.GET-tasks@0",
    "create/E1.POST-tenant@0",
    "create/K5-there-and-back@4",
    "create/K10-status@3/E5-ended.POST-tenant@0",
    "deactivate/K4-back/E6-done.POST-deactivate@0",
    "re-register/K6-past@0",
    "register/K7-gone@0/E3.POST-register@0",
    "unregister/K3-500@0/E2-cut.POST-unregister@0",
    "unregister/E12-malformed.POST-unregister@0",
    "create/E16-normalized/E2-lost.POST-tenant@0",
    "activate/K11-away@0",
    "delete/K14-future",
    "delete/K15-finalizer",
    "delete/K9-leaders@1",
    "delete/K1-before@3/E14.DELETE-tenant@0",
];

/// How many writes and which calls a step has without faults.
pub struct Census(BTreeMap<Step, (u64, BTreeMap<String, u64>)>);

// === impl Census ===

impl Census {
    /// The steps without faults.
    pub fn plans() -> Vec<Plan> {
        STEPS.iter().map(|(_, step)| Plan::calm(*step)).collect()
    }

    pub fn of(outcomes: &[Outcome]) -> Census {
        let counts = outcomes.iter().map(|outcome| {
            let calls = outcome.calls.clone();
            (outcome.plan.step, (outcome.writes, calls))
        });
        Census(counts.collect())
    }

    fn steps(&self) -> impl Iterator<Item = (Step, u64, &BTreeMap<String, u64>)> {
        let steps = self.0.iter();
        steps.map(|(step, (writes, calls))| (*step, *writes, calls))
    }

    /// One fault a plan.
    pub fn singles(&self) -> Vec<Plan> {
        let mut plans = Vec::new();
        for (step, writes, calls) in self.steps() {
            let alone = |kubernetes, external| Plan {
                step,
                texts: None,
                kubernetes,
                external,
            };
            plans.extend(texts::ALL.map(|(_, texts)| Plan {
                texts: Some(texts),
                ..Plan::calm(step)
            }));
            for at in at_writes(step, writes) {
                plans.push(alone(Some(at), None));
            }
            for at in at_calls(calls) {
                plans.push(alone(None, Some(at)));
            }
        }
        plans
    }

    /// Each fault of one side with each of the other once, at a step, a write and a
    /// call that the seed chooses; and each with a server that stores texts differently.
    pub fn pairs(&self, seed: u64) -> Vec<Plan> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut plans = Vec::new();
        for (_, fault) in kubernetes::ALL {
            for (_, external) in external::ALL {
                let Some((step, writes, at)) = random.choice(self.places(fault, external)) else {
                    continue;
                };
                plans.push(Plan {
                    step,
                    texts: None,
                    kubernetes: Some(at_any_write(fault, writes, &mut random)),
                    external: Some(at),
                });
            }
        }
        plans.extend(self.pairs_with_texts(&mut random));
        // So that a part of them has something of every row.
        random.shuffle(&mut plans);
        plans
    }

    /// Where both faults can befall the same step.
    fn places(&self, fault: Kubernetes, external: External) -> Vec<(Step, u64, AtCall)> {
        self.steps()
            .filter(|(step, _, _)| fault.befalls(*step))
            .flat_map(|(step, writes, calls)| {
                let calls = at_calls(calls).into_iter();
                calls.map(move |at| (step, writes, at))
            })
            .filter(|(_, _, at)| at.fault == external)
            .collect()
    }

    /// Each fault of either side with one of the ways in which texts are stored.
    fn pairs_with_texts(&self, random: &mut fastrand::Rng) -> Vec<Plan> {
        let mut plans = Vec::new();
        for (_, fault) in kubernetes::ALL {
            // A new resource does not know its predecessor's tenant, and its name differs
            // from the stored one: only a person can tell that it is the same.
            let steps = self.steps().filter(|(step, _, _)| fault.befalls(*step));
            let Some((step, writes, _)) = random.choice(steps.collect::<Vec<_>>()) else {
                continue;
            };
            if !fault.replaces() {
                plans.push(Plan {
                    texts: random.choice(texts::ALL).map(|(_, texts)| texts),
                    kubernetes: Some(at_any_write(fault, writes, random)),
                    ..Plan::calm(step)
                });
            }
        }
        for (_, fault) in external::ALL {
            let places = self.steps().flat_map(|(step, _, calls)| {
                let calls = at_calls(calls).into_iter();
                calls.map(move |at| (step, at))
            });
            let places: Vec<_> = places.filter(|(_, at)| at.fault == fault).collect();
            if let Some((step, at)) = random.choice(places) {
                plans.push(Plan {
                    texts: random.choice(texts::ALL).map(|(_, texts)| texts),
                    external: Some(at),
                    ..Plan::calm(step)
                });
            }
        }
        plans
    }
}

fn at_any_write(fault: Kubernetes, writes: u64, random: &mut fastrand::Rng) -> AtWrite {
    let moment = match fault.has_moment() {
        true => random.u64(0..writes.max(1)),
        false => 0,
    };
    AtWrite { fault, moment }
}

fn at_writes(step: Step, writes: u64) -> Vec<AtWrite> {
    let faults = kubernetes::ALL.iter().map(|(_, fault)| *fault);
    let all = faults
        .filter(|fault| fault.befalls(step))
        .flat_map(|fault| {
            let moments = if fault.has_moment() { writes } else { 1 };
            (0..moments).map(move |moment| AtWrite { fault, moment })
        });
    all.collect()
}

fn at_calls(calls: &BTreeMap<String, u64>) -> Vec<AtCall> {
    let mut all = Vec::new();
    for (_, fault) in external::ALL {
        for (call, count) in calls.iter().filter(|(call, _)| fault.befalls(call)) {
            let count = match call.starts_with("GET") {
                true => (*count).min(READS),
                false => *count,
            };
            all.extend((0..count).map(|moment| AtCall {
                fault,
                call: call.clone(),
                moment,
            }));
        }
    }
    all
}
