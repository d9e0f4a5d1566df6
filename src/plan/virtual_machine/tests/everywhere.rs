//! What holds in every situation: the product of all facts.

use super::*;

const TENANTS: [Tenant; 6] = [
    Tenant::NotFound,
    Tenant::Unprovisioned,
    Tenant::Provisioned,
    Tenant::Leaving,
    Tenant::LeavingBlocked,
    Tenant::Released,
];
const REACHES: [Reach; 5] = [
    Reach::Missing,
    Reach::Foreign,
    Reach::NotReady,
    Reach::Guarded,
    Reach::Ready,
];
const IDENTITIES: [Identity; 5] = [
    Identity::Unlisted,
    Identity::Same,
    Identity::Other,
    Identity::Missing,
    Identity::Gone,
];
const REGISTRATIONS: [Registration; 4] = [
    Registration::Unlisted,
    Registration::Absent,
    Registration::Equal,
    Registration::Different,
];

const WHEREABOUTS: [Whereabouts; 4] = [
    Whereabouts::Nowhere,
    Whereabouts::Home,
    Whereabouts::Elsewhere,
    Whereabouts::Left,
];
const LEFTOVERS: [Leftover; 6] = [
    Leftover::None,
    Leftover::Unlisted,
    Leftover::Removable,
    Leftover::Unsettled,
    Leftover::Blocked,
    Leftover::Lost,
];

const EVIDENCE: [Evidence; 4] = [
    Evidence::Unlisted,
    Evidence::Present,
    Evidence::Missing,
    Evidence::Absent,
];

/// The whole product of the facts that a live machine is looked at with.
fn every_live(mut visit: impl FnMut(&Facts)) -> usize {
    product(0..1 << 9, |bit, facts| {
        let facts = Facts {
            permitted: bit(4),
            leaving: bit(5),
            settled_generation: bit(6),
            awaited: bit(7),
            owns: bit(8),
            ..facts
        };
        let mut count = 0;
        for registration in REGISTRATIONS {
            for leftover in LEFTOVERS {
                count += 1;
                visit(&Facts {
                    registration,
                    leftover,
                    ..facts.clone()
                });
            }
        }
        count
    })
}

/// The whole product of the facts that a deletion is looked at with.
fn every_deletion(mut visit: impl FnMut(&Facts)) -> usize {
    product(0..1 << 7, |bit, facts| {
        for whereabouts in WHEREABOUTS {
            for evidence in EVIDENCE {
                visit(&Facts {
                    deleting: true,
                    retain: bit(4),
                    waited: bit(5),
                    unsettled: bit(6),
                    whereabouts,
                    evidence,
                    ..facts.clone()
                });
            }
        }
        WHEREABOUTS.len() * EVIDENCE.len()
    })
}

/// The product of the facts that count for both.
fn product(
    all: std::ops::Range<u16>,
    mut visit: impl FnMut(&dyn Fn(u16) -> bool, Facts) -> usize,
) -> usize {
    let mut count = 0;
    for bits in all {
        let bit = |index: u16| bits & (1 << index) != 0;
        for tenant in TENANTS {
            for reach in REACHES {
                for identity in IDENTITIES {
                    let facts = Facts {
                        finalizer: bit(0),
                        suspended: bit(1),
                        outclaimed: bit(2),
                        rejected: bit(3),
                        tenant,
                        reach,
                        identity,
                        ..machine()
                    };
                    count += visit(&bit, facts);
                }
            }
        }
    }
    count
}

fn on_mutation(facts: &Facts) {
    assert!(facts.finalizer && !facts.suspended && !facts.outclaimed && !facts.rejected);
    assert_eq!(facts.reach, Reach::Ready);
    let one_call = facts.tenant != Tenant::Leaving || facts.whereabouts == Whereabouts::Elsewhere;
    assert!(one_call, "one call, not 1001");
}

fn holds(facts: &Facts, action: Action) {
    match action {
        Action::LeaveAlone => {
            assert!(facts.reach == Reach::Foreign || (facts.deleting && !facts.finalizer));
        }
        Action::AddFinalizer => assert!(!facts.deleting && !facts.finalizer),
        Action::RemoveFinalizer(why) => {
            assert!(facts.deleting && facts.finalizer);
            match why {
                Release::Retained => assert!(facts.retain),
                Release::NotOurs => {
                    assert!(facts.outclaimed || facts.whereabouts == Whereabouts::Nowhere);
                }
                Release::Unregistered => assert!(
                    facts.whereabouts == Whereabouts::Left || facts.evidence == Evidence::Absent
                ),
                Release::TenantGone => {
                    assert_eq!(facts.identity, Identity::Gone);
                    assert_ne!(facts.reach, Reach::Guarded, "one answer proves nothing");
                }
            }
        }
        Action::ListTenants => assert_eq!(facts.identity, Identity::Unlisted),
        Action::ListMachines => {
            let late = facts.awaited && facts.registration == Registration::Absent;
            let proof = facts.deleting && facts.evidence == Evidence::Unlisted;
            assert!(late || proof || facts.registration == Registration::Unlisted);
        }
        Action::ListLeftover => assert_eq!(facts.leftover, Leftover::Unlisted),
        Action::Register | Action::Replace | Action::Leave => {
            on_mutation(facts);
            assert!(!facts.deleting && facts.permitted && !facts.leaving);
            assert_eq!(facts.tenant, Tenant::Provisioned);
            assert_eq!(facts.identity, Identity::Same);
            if action == Action::Leave {
                assert_eq!(facts.leftover, Leftover::Removable);
                return;
            }
            assert!(
                matches!(facts.leftover, Leftover::None | Leftover::Lost),
                "registered once"
            );
            if action == Action::Replace {
                assert_eq!(facts.registration, Registration::Different);
                assert!(!facts.settled_generation, "once a generation");
            } else {
                assert_eq!(facts.registration, Registration::Absent);
                assert!(!facts.awaited, "the list had its time");
            }
        }
        Action::Unregister => {
            on_mutation(facts);
            assert!(facts.deleting && !facts.retain);
            assert!(!facts.unsettled, "nothing arrives after it");
            assert_eq!(facts.evidence, Evidence::Present, "our own list shows it");
            assert!(matches!(
                facts.whereabouts,
                Whereabouts::Home | Whereabouts::Elsewhere
            ));
            assert!(matches!(facts.identity, Identity::Same | Identity::Missing));
        }
        Action::Wait(_) => {}
        Action::Settled => {
            assert!(!facts.deleting && facts.finalizer && !facts.outclaimed && facts.permitted);
            assert_eq!(facts.identity, Identity::Same);
            assert!(matches!(facts.leftover, Leftover::None | Leftover::Lost));
            let reported =
                facts.registration == Registration::Different && facts.settled_generation;
            assert!(facts.registration == Registration::Equal || reported);
        }
    }
    let unprotected = !facts.deleting && !facts.finalizer && facts.owns;
    if unprotected && facts.reach != Reach::Foreign {
        assert_eq!(action, Action::AddFinalizer, "before any wait");
    }
    let way_out = facts.deleting && facts.finalizer && facts.retain;
    assert!(!way_out || action == release(Release::Retained));
}

#[test]
fn in_every_situation() {
    let check = |facts: &Facts| {
        let action = plan(facts);
        let checked = std::panic::catch_unwind(|| holds(facts, action));
        assert!(checked.is_ok(), "{facts:#?}\nis answered by {action:?}");
    };
    assert_eq!(every_live(check), 512 * 150 * 24);
    assert_eq!(every_deletion(check), 128 * 150 * 16);
}

#[test]
fn unregistering_does_not_look_at_what_only_registration_needs() {
    every_deletion(|facts| {
        let mut other = facts.clone();
        other.permitted = !facts.permitted;
        other.leaving = !facts.leaving;
        other.settled_generation = !facts.settled_generation;
        other.awaited = !facts.awaited;
        other.registration = Registration::Unlisted;
        other.leftover = Leftover::Removable;
        other.owns = !facts.owns;
        assert_eq!(plan(facts), plan(&other), "{facts:#?}");
    });
}

#[test]
fn a_live_machine_is_not_looked_at_with_what_only_its_deletion_needs() {
    every_live(|facts| {
        let mut other = facts.clone();
        other.retain = !facts.retain;
        other.waited = !facts.waited;
        other.whereabouts = Whereabouts::Nowhere;
        other.evidence = Evidence::Missing;
        assert_eq!(plan(facts), plan(&other), "{facts:#?}");
    });
}
