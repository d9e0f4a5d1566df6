//! The tests: every configuration holds, and every mutant is caught by its property.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Instant;

use rstest::rstest;
use stateright::{Checker, HasDiscoveries, Model as _};

use crate::configurations as of;
use crate::coverage;
use crate::faults::Kind;
use crate::model::Model;
use crate::mutants::Mutant;
use crate::properties::{O1, O2, O3, O4, O7};
use crate::world::Storage;

/// Explores all of it, or up to a break of this property. Says which were broken, and
/// which faults no state offered.
fn explore(model: Model, until: Option<&'static str>) -> (BTreeSet<&'static str>, Vec<Kind>) {
    let name = match model.mutant {
        None => model.name.to_owned(),
        Some(mutant) => format!("{mutant:?} ({})", model.name),
    };
    let started = Instant::now();
    let finish = until.map_or(HasDiscoveries::AnyFailures, |property| {
        HasDiscoveries::AnyOf([property].into())
    });
    let checker = model.checker().finish_when(finish).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let seconds = started.elapsed().as_secs_f32();
    let counts = format!("{name}: {states} states, depth {depth}, {seconds:.1} s");
    if until.is_none() {
        // Not by a macro: what tests print is shown of failed ones only.
        let line = format!("{counts}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    } else {
        println!("{counts}");
    }
    let model = checker.model();
    assert!(until.is_some() || states > 100, "{name}: {states} states");
    let mut broken = BTreeSet::new();
    for (property, path) in checker.discoveries() {
        broken.insert(property);
        let events = path.clone().into_actions().len();
        println!("    breaks \"{property}\" after {events} events");
        if until.is_none() {
            println!("{:#?}", path.clone().into_actions());
            model.print_rest(path.last_state());
        }
    }
    (broken, model.never_offered())
}

#[rstest]
#[case::two_faults(of::two_faults())]
#[case::changed_minds(of::changed_minds())]
#[case::changed_deletion(of::changed_deletion())]
#[case::replaced(of::replaced())]
#[case::one_name(of::one_name())]
#[case::restored(of::restored())]
#[case::restored_alone(of::restored_alone())]
#[case::deleted_around_a_backup(of::deleted_around_a_backup())]
#[case::stored_in_another_form(of::stored(Storage::Normalized))]
#[case::stored_unrecognizably(of::stored(Storage::Unrecognizable))]
#[case::strangers(of::strangers())]
#[case::adoption(of::adoption())]
#[case::existing(of::existing())]
#[case::with_machine(of::with_machine())]
#[case::machine_with_a_late_call(of::machine_with_a_late_call())]
#[case::machine_that_changes(of::machine_that_changes())]
#[case::machine_that_moves(of::machine_that_moves())]
#[case::machine_that_moves_with_a_late_call(of::machine_that_moves_with_a_late_call())]
fn the_planner_holds(#[case] model: Model) {
    let (broken, never) = explore(model, None);
    assert!(broken.is_empty(), "broken: {broken:?}");
    assert!(never.is_empty(), "no state offers {never:?}");
}

/// Few faults are enough to have everything planned that can be.
#[test]
fn every_action_is_planned() {
    for (mut model, faults) in [
        (of::two_faults(), 1),
        (of::changed_deletion(), 0),
        (of::adoption(), 1),
        (of::machine_that_changes(), 1),
        (of::with_machine(), 0),
        (of::machine_that_moves(), 0),
    ] {
        model.name = "for what is planned";
        model.budget.faults = faults;
        model.rests = false;
        explore(model, None);
    }
    assert_eq!(coverage::missing(), (Vec::new(), Vec::new()));
}

#[rstest]
#[case(Mutant::NoIntent, of::changed_minds(), &[Kind::AnswerLost], O2)]
#[case(Mutant::AlwaysFresh, of::two_faults(), &[Kind::AnswerLost], O4)]
#[case(Mutant::AlwaysSettled, of::two_faults(), &[Kind::Late], O4)]
#[case(Mutant::NoUnclaimed, of::two_faults(), &[Kind::AnswerLost], O4)]
#[case(Mutant::SurveyAfterList, of::two_faults(), &[Kind::AnswerLost], O4)]
#[case(Mutant::EqualBytes, of::stored(Storage::Normalized), &[Kind::AnswerLost], O1)]
#[case(Mutant::LeavesUndecided, of::stored(Storage::Unrecognizable), &[Kind::AnswerLost], O4)]
#[case(Mutant::NameIsEnough, of::strangers(), &[Kind::AnswerLost, Kind::Stranger], O3)]
#[case(Mutant::IdentifierIsEnough, of::restored(), &[Kind::Emptied], O3)]
#[case(Mutant::OldAbsence, of::two_faults(), &[Kind::Hidden], O4)]
#[case(Mutant::NoDecision, of::two_faults(), &[], O3)]
#[case(Mutant::NoRetain, of::changed_deletion(), &[], O3)]
#[case(Mutant::EarlyRelease, of::two_faults(), &[], O4)]
#[case(Mutant::ReleaseOnFailure, of::two_faults(), &[Kind::TaskFails], O4)]
#[case(Mutant::ForgetsCreation, of::two_faults(), &[Kind::AnswerLost], O4)]
#[case(Mutant::DeleteAgain, of::two_faults(), &[], O7)]
#[case(Mutant::CreateAgain, of::two_faults(), &[], O7)]
#[case(Mutant::WaitsUnprotected, of::replaced(), &[Kind::Replaced], O1)]
#[case(Mutant::MachineWaitsUnprotected, of::replaced(), &[Kind::Replaced], O1)]
#[case(Mutant::NoFinalizer, of::two_faults(), &[], O1)]
#[case(Mutant::NoClaims, of::one_name(), &[Kind::Paused], O2)]
#[case(Mutant::NoGuard, of::restored(), &[Kind::Emptied], O3)]
#[case(Mutant::KeepsRegistration, of::with_machine(), &[], O4)]
#[case(Mutant::MachineWithoutFinalizer, of::with_machine(), &[], O1)]
#[case(Mutant::OldRegistration, of::with_machine(), &[Kind::Vanishes], O4)]
#[case(Mutant::ForgetsLeftover, of::machine_that_moves(), &[], O1)]
#[case(Mutant::FollowsAgain, of::two_faults(), &[Kind::Crash, Kind::TaskForgotten], O1)]
#[case(Mutant::OwnTaskAlone, of::two_faults(), &[Kind::TaskFails, Kind::Paused], O7)]
#[case(Mutant::OwnsByIdentifier, of::restored(), &[Kind::Emptied], O4)]
#[case(Mutant::WriteWithoutPrecondition, of::changed_deletion(), &[], O3)]
#[case(Mutant::RepeatOnOldView, of::changed_deletion(), &[Kind::Deaf, Kind::AnswerLost], O3)]
#[case(Mutant::FollowsForeign, of::deleted_around_a_backup(), &[Kind::RolledBack], O4)]
#[case(Mutant::AnyEndCounts, of::two_faults(), &[Kind::TaskFails], O4)]
#[case(Mutant::NoNote, of::machine_that_moves(), &[Kind::AnswerLost], O4)]
#[case(Mutant::RegistersUnsettled, of::machine_with_a_late_call(), &[Kind::Late], O7)]
#[case(Mutant::UnregistersUnsettled, of::machine_with_a_late_call(), &[Kind::Late], O4)]
#[case(Mutant::LeavesUnsettled, of::machine_that_moves_with_a_late_call(), &[Kind::Late], O4)]
fn a_mutant_is_caught(
    #[case] mutant: Mutant,
    #[case] model: Model,
    #[case] faults: &'static [Kind],
    #[case] by: &'static str,
) {
    let mut model = model.mutated(mutant, faults);
    model.rests = by == O1;
    let (broken, _) = explore(model, Some(by));
    assert!(broken.contains(by), "{mutant:?} broke {broken:?}, not {by}");
}
