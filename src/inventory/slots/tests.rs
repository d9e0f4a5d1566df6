#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::inventory::fixtures::owner;

fn names(owners: Vec<Owner>) -> Vec<String> {
    owners.into_iter().map(|owner| owner.name).collect()
}

/// Two slots: a and b have one each, c and d wait.
fn full() -> Slots {
    let slots = Slots::new(2);
    for name in ["a", "b", "c", "d"] {
        slots.take(&owner(name));
    }
    slots
}

#[test]
fn as_many_as_the_limit_get_a_slot() {
    let slots = Slots::new(2);
    let taken = ["a", "b", "c"].map(|name| slots.take(&owner(name)));
    assert_eq!(taken, [true, true, false]);
}

#[test]
fn who_has_a_slot_keeps_it_when_it_asks_again() {
    let slots = full();
    assert!(slots.take(&owner("a")));
    assert_eq!(names(slots.release(&owner("a"))), ["c"]);
}

#[test]
fn who_asks_twice_waits_once() {
    let slots = full();
    assert!(!slots.take(&owner("c")));
    assert_eq!(names(slots.release(&owner("a"))), ["c"]);
    assert_eq!(names(slots.release(&owner("b"))), ["d"]);
    assert!(slots.release(&owner("c")).is_empty());
}

#[test]
fn first_come_first_served() {
    let slots = full();
    assert_eq!(names(slots.release(&owner("b"))), ["c"]);
    assert!(slots.take(&owner("c")), "it was given the slot");
    assert!(!slots.take(&owner("e")));
    assert_eq!(names(slots.release(&owner("a"))), ["d"]);
    assert_eq!(names(slots.release(&owner("d"))), ["e"]);
}

#[test]
fn a_task_that_runs_already_has_a_slot_beyond_the_limit() {
    let slots = full();
    slots.occupy(&owner("x"));
    assert!(slots.take(&owner("x")));
    assert!(slots.release(&owner("a")).is_empty(), "two still run");
    assert_eq!(names(slots.release(&owner("b"))), ["c"]);
}

#[test]
fn who_waits_and_runs_already_waits_no_more() {
    let slots = full();
    slots.occupy(&owner("c"));
    assert!(slots.release(&owner("a")).is_empty());
    assert_eq!(names(slots.release(&owner("c"))), ["d"]);
}

#[test]
fn who_gives_up_leaves_the_queue() {
    let slots = full();
    assert!(slots.release(&owner("c")).is_empty());
    assert_eq!(names(slots.release(&owner("a"))), ["d"]);
}

#[test]
fn giving_back_twice_gives_one_slot_away() {
    let slots = full();
    assert_eq!(names(slots.release(&owner("a"))), ["c"]);
    assert!(slots.release(&owner("a")).is_empty());
}

#[test]
fn a_stranger_gives_nothing_back() {
    assert!(full().release(&owner("stranger")).is_empty());
}

#[test]
fn a_namesake_of_another_namespace_is_somebody_else() {
    let slots = Slots::new(1);
    let namesake = Owner {
        namespace: "others".to_owned(),
        name: "a".to_owned(),
    };
    assert!(slots.take(&owner("a")));
    assert!(!slots.take(&namesake));
}

#[test]
fn who_waits_is_counted_until_its_turn() {
    let slots = full();
    assert_eq!((slots.limit(), slots.waiting()), (2, 2));
    slots.release(&owner("a"));
    assert_eq!(slots.waiting(), 1);
    slots.release(&owner("d"));
    assert_eq!(slots.waiting(), 0);
}
