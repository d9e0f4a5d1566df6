//! What holds in every situation, whatever the facts are.

use super::super::*;
use crate::plan::{Refusal, Task};

/// It changes something on the server.
fn mutates(action: Action) -> bool {
    match action {
        Action::Create
        | Action::ChangeState
        | Action::CancelCreation
        | Action::CancelRemoval
        | Action::Delete => true,
        Action::LeaveAlone
        | Action::AddFinalizer
        | Action::RemoveFinalizer(_)
        | Action::ListTenants
        | Action::ConfirmAbsence
        | Action::Verify
        | Action::ListReferrers
        | Action::ReadPassword
        | Action::RecordIntent
        | Action::EndAttempt(_)
        | Action::Adopt(_)
        | Action::RecordCreated
        | Action::GetCreated
        | Action::ForgetTenant
        | Action::RecordRemoval
        | Action::Wait(_)
        | Action::Settled => false,
    }
}

/// The creation's task is known to be at work.
fn creation_runs(facts: &Facts) -> bool {
    matches!(
        facts.record.creation,
        Creation::Task {
            task: Task::Running | Task::Stuck,
            ..
        }
    )
}

/// The deletion's task is known to be at work.
fn removal_runs(facts: &Facts) -> bool {
    matches!(
        facts.record.removal,
        Removal::Task {
            task: Task::Running | Task::Stuck,
            ..
        }
    )
}

/// The name is absent in a list of now, long enough after the last request.
fn settled_absent(facts: &Facts) -> bool {
    let unknown = match facts.record.creation {
        Creation::Unknown(unknown) => unknown,
        Creation::Task {
            task: Task::Forgotten | Task::Completed,
            unknown,
            ..
        } => unknown,
        Creation::None | Creation::Intended | Creation::Refused { .. } | Creation::Task { .. } => {
            return false;
        }
    };
    unknown.here
        && unknown.settled
        && facts.world.fresh
        && facts.world.by_name == Sighting::Absent
        && (!facts.world.unclaimed_creations || unknown.waited)
}

/// The server has said for 10 minutes that the name is taken, and shows no such tenant. Names
/// are unique there, so asking again makes nothing twice.
fn refused_for_long(facts: &Facts) -> bool {
    let Creation::Task {
        task: Task::Refused(Refusal::NameExists),
        sole: false,
        unknown,
        ..
    } = facts.record.creation
    else {
        return false;
    };
    let absent = facts.world.fresh && facts.world.by_name == Sighting::Absent;
    unknown.here && unknown.waited && absent
}

/// What every mutating step, and every decision to take one, has to respect.
fn on_any_step(facts: &Facts, action: Action) {
    let intact = facts.server.reach == Reach::Ready
        || (facts.server.reach == Reach::Guarded && action == Action::CancelRemoval);
    assert!(intact, "the server can be worked on");
    assert!(!facts.spec.suspended, "suspend");
    assert!(facts.finalizer, "our finalizer is on");
    let own_task = matches!(action, Action::CancelCreation | Action::CancelRemoval);
    assert!(own_task || !facts.outclaimed, "it has the claim");
}

/// What makes something on the server, or changes it.
fn on_live_step(facts: &Facts) {
    assert!(!facts.deleting, "live");
    assert!(facts.server.permitted, "permitted");
}

fn on_making(facts: &Facts) {
    on_live_step(facts);
    assert!(!facts.record.tenant, "not made yet");
    assert!(!facts.server.leaving, "the server stays");
    assert_eq!(facts.world.by_name, Sighting::Absent);
    assert!(matches!(
        facts.spec.password,
        Password::NotNeeded | Password::Read
    ));
    assert!(!creation_runs(facts), "never sent twice");
}

fn on_destroying(facts: &Facts) {
    assert!(facts.deleting, "a live tenant is never deleted");
    assert!(!facts.spec.retain, "not retained");
    assert!(facts.record.tenant, "only the recorded identifier");
    assert!(facts.world.verified, "asked for this decision");
    assert!(matches!(facts.world.by_id, ById::Same(_)), "ours");
    assert!(!removal_runs(facts), "never sent twice");
    assert_ne!(facts.change, Change::Running, "no other task of ours runs");
    assert_ne!(facts.rejected, Some(Step::Delete));
}

fn on_release(facts: &Facts, release: Release) {
    assert!(facts.deleting && facts.finalizer);
    let believed = facts.server.reach == Reach::Ready;
    match release {
        Release::Retained => assert!(facts.spec.retain),
        Release::NeverMade => {
            assert!(!facts.record.tenant);
            let nothing_sent = matches!(facts.record.creation, Creation::None | Creation::Intended);
            assert!(nothing_sent || (believed && settled_absent(facts)));
        }
        Release::NotOurs => {
            assert!(!facts.record.tenant && believed && !creation_runs(facts));
            let rolled_back = matches!(
                facts.record.creation,
                Creation::Refused { .. }
                    | Creation::Task {
                        task: Task::Refused(_),
                        ..
                    }
            );
            // What may be ours is not left behind: only what another Tenant has recorded,
            // or what the server's own answer says was there before.
            let another = facts.world.by_name == Sighting::Owned;
            assert!(rolled_back || another, "something else is there");
            let task_failed = matches!(
                facts.record.creation,
                Creation::Task {
                    task: Task::Refused(Refusal::Other | Refusal::TenantNotFound),
                    ..
                }
            );
            assert!(!task_failed || facts.world.by_name != Sighting::Different);
        }
        Release::Removed => {
            assert!(facts.record.tenant || facts.spec.retain);
            let proof = match facts.record.removal {
                Removal::Task { task, .. } => match task {
                    Task::Completed => true,
                    Task::Refused(Refusal::TenantNotFound) => believed || facts.spec.retain,
                    Task::Refused(_) | Task::Running | Task::Stuck | Task::Forgotten => false,
                },
                Removal::None | Removal::Decided | Removal::Unknown { .. } => false,
            };
            let gone = believed && facts.world.verified && facts.world.by_id == ById::Gone;
            assert!(proof || gone, "the server's proof");
        }
    }
}

/// Everything that may never be broken, of one situation and what is planned in it.
fn holds(facts: &Facts, action: Action) {
    if mutates(action) {
        on_any_step(facts, action);
    }
    match action {
        Action::LeaveAlone => {
            assert!(facts.server.reach == Reach::Foreign || (facts.deleting && !facts.finalizer));
        }
        Action::AddFinalizer => assert!(!facts.deleting && !facts.finalizer),
        Action::RemoveFinalizer(release) => on_release(facts, release),
        // A question that was answered is not asked again: that would never end.
        Action::ListTenants => {
            assert!(!facts.world.fresh || facts.world.by_id == ById::Unlisted);
        }
        Action::Verify => assert!(
            !facts.world.verified || matches!(facts.world.by_id, ById::Unlisted | ById::Missing)
        ),
        Action::ListReferrers => assert_eq!(facts.machines.referrers, Referrers::Unlisted),
        Action::ReadPassword => assert_eq!(facts.spec.password, Password::Unread),
        Action::ConfirmAbsence => assert_eq!(facts.world.by_id, ById::Missing),
        Action::RecordIntent => {
            on_any_step(facts, action);
            on_making(facts);
            assert_eq!(facts.record.creation, Creation::None);
            assert!(facts.world.fresh && !facts.spec.existing);
            assert_ne!(facts.rejected, Some(Step::Create));
        }
        Action::Create => {
            on_making(facts);
            let intended = facts.record.creation == Creation::Intended;
            assert!(intended || settled_absent(facts) || refused_for_long(facts));
        }
        Action::EndAttempt(_) => {
            assert!(!facts.deleting && !facts.record.tenant && !creation_runs(facts));
            assert_ne!(facts.record.creation, Creation::None);
        }
        Action::Adopt(adoption) => {
            assert!(!facts.world.may_vanish);
            on_live_step(facts);
            assert!(facts.finalizer && !facts.outclaimed && !facts.record.tenant);
            match adoption {
                Adoption::ById => {
                    assert!(facts.spec.existing && facts.server.adopts_by_id);
                    assert!(facts.world.fresh && facts.world.existing == Sighting::Equal);
                }
                Adoption::ByName => {
                    assert!(facts.server.adopts_identical);
                    assert_eq!(facts.world.by_name, Sighting::Equal);
                }
            }
        }
        Action::RecordCreated => {
            assert!(!facts.world.unasked, "as the server stores it");
            assert!(facts.finalizer && !facts.record.tenant && !creation_runs(facts));
            assert!(matches!(
                facts.world.by_name,
                Sighting::Equal | Sighting::Alike
            ));
            assert_eq!(facts.server.reach, Reach::Ready);
            assert!(!matches!(
                facts.record.creation,
                Creation::None | Creation::Intended
            ));
        }
        Action::GetCreated => {
            assert!(facts.finalizer && !facts.record.tenant && !creation_runs(facts));
            assert!(
                facts.world.unasked,
                "a question that was answered is not asked again"
            );
            assert_eq!(facts.server.reach, Reach::Ready);
            assert!(!matches!(
                facts.record.creation,
                Creation::None | Creation::Intended
            ));
        }
        Action::ForgetTenant => {
            on_any_step(facts, action);
            on_live_step(facts);
            assert!(facts.world.by_id == ById::Gone && !facts.spec.existing);
        }
        Action::ChangeState => {
            on_live_step(facts);
            assert!(facts.record.tenant && facts.world.fresh);
            assert!(matches!(facts.world.by_id, ById::Same(is) if is != facts.spec.wanted));
            assert_eq!(facts.change, Change::None, "never sent twice");
            assert_ne!(facts.rejected, Some(Step::Change));
        }
        Action::CancelCreation => {
            assert!(facts.deleting && !facts.spec.retain && creation_runs(facts));
        }
        Action::CancelRemoval => {
            assert!(facts.deleting && facts.spec.retain && removal_runs(facts));
        }
        Action::RecordRemoval => {
            on_any_step(facts, action);
            on_destroying(facts);
            assert_eq!(facts.record.removal, Removal::None);
            assert_eq!(facts.machines.referrers, Referrers::None);
            assert_eq!(facts.admission, Admission::Granted);
        }
        Action::Delete => {
            on_destroying(facts);
            assert_ne!(facts.record.removal, Removal::None, "decided before");
        }
        Action::Wait(_) => {}
        Action::Settled => {
            assert!(!facts.deleting && facts.finalizer && !facts.outclaimed);
            assert!(facts.server.permitted && facts.server.reach == Reach::Ready);
            assert_eq!(facts.world.by_id, ById::Same(facts.spec.wanted));
        }
    }
    let unprotected = !facts.deleting && !facts.finalizer && facts.record.owns();
    if unprotected && facts.server.reach != Reach::Foreign {
        assert_eq!(action, Action::AddFinalizer, "before any wait");
    }
    let way_out = facts.deleting && facts.finalizer && facts.spec.retain && !removal_runs(facts);
    assert!(!way_out || matches!(action, Action::RemoveFinalizer(_)));
}

/// Says in which situation something was broken.
pub(super) fn judge(facts: &Facts) {
    struct Situation<'a>(&'a Facts, Action);
    impl Drop for Situation<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("{:#?}\nis answered by {:?}", self.0, self.1);
            }
        }
    }
    let situation = Situation(facts, plan(facts));
    holds(facts, situation.1);
}
