#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use uuid::Uuid;

use super::*;
use crate::inventory::fixtures::{ago, seconds};

fn acme() -> TenantId {
    TenantId::new("t-acme")
}

fn bios(number: u128) -> BiosId {
    BiosId::from(Uuid::from_u128(number))
}

fn machine(number: u128) -> VirtualMachine {
    VirtualMachine::test(bios(number))
}

/// A list of acme's machines, complete a minute ago.
fn listing(machines: &[VirtualMachine]) -> Machines {
    let picture = Machines::default();
    picture.replace(&acme(), machines, ago(seconds(60)));
    picture
}

fn is_present(picture: &Machines, number: u128) -> bool {
    matches!(
        picture.sighting(&acme(), bios(number)),
        Sighting::Present(_)
    )
}

#[test]
fn without_a_list_nothing_is_known() {
    let picture = Machines::default();
    assert_eq!(picture.sighting(&acme(), bios(1)), Sighting::Unlisted);
    assert_eq!(picture.listed_at(&acme()), None);
}

#[test]
fn a_list_shows_who_is_there_and_who_is_not() {
    let picture = listing(&[machine(1).named("web-1")]);
    let shown = Machine {
        id: Some(VirtualMachineId::new("vm-1")),
        name: Text::of(Some("web-1")),
        user_data: None,
    };
    assert_eq!(picture.sighting(&acme(), bios(1)), Sighting::Present(shown));
    assert_eq!(picture.sighting(&acme(), bios(2)), Sighting::Absent);
    let other = TenantId::new("t-other");
    assert_eq!(picture.sighting(&other, bios(1)), Sighting::Unlisted);
}

#[test]
fn who_was_unregistered_is_gone_at_once() {
    let picture = listing(&[machine(1), machine(2)]);
    picture.unregistered(&acme(), bios(1));
    assert!(!is_present(&picture, 1));
    assert!(is_present(&picture, 2));
}

#[test]
fn a_list_that_began_before_an_unregistration_does_not_bring_it_back() {
    let picture = listing(&[machine(1), machine(2)]);
    let began = Instant::now();
    picture.unregistered(&acme(), bios(1));
    picture.replace(&acme(), &[machine(1), machine(2)], began);
    assert!(!is_present(&picture, 1));
    assert!(is_present(&picture, 2));
}

#[test]
fn a_list_that_began_later_has_the_last_word() {
    let picture = listing(&[machine(1)]);
    picture.unregistered(&acme(), bios(1));
    std::thread::sleep(std::time::Duration::from_millis(2));
    picture.replace(&acme(), &[machine(1)], Instant::now());
    assert!(is_present(&picture, 1), "somebody registered it again");
}

#[test]
fn an_unregistration_during_the_very_first_list_counts_too() {
    let picture = Machines::default();
    let began = Instant::now();
    picture.unregistered(&acme(), bios(1));
    picture.replace(&acme(), &[machine(1)], began);
    assert!(!is_present(&picture, 1));
}

#[test]
fn a_tenant_that_was_just_made_has_no_machines() {
    let picture = Machines::default();
    picture.none_yet(&acme());
    assert_eq!(picture.sighting(&acme(), bios(1)), Sighting::Absent);
    let known = listing(&[machine(1)]);
    known.none_yet(&acme());
    assert!(is_present(&known, 1), "a list that is there stays");
}

#[test]
fn lists_of_tenants_that_nobody_has_are_dropped() {
    let picture = listing(&[machine(1)]);
    let other = TenantId::new("t-other");
    picture.replace(&other, &[], ago(seconds(1)));
    picture.retain(|tenant| *tenant == other);
    assert_eq!(picture.listed_at(&acme()), None);
    picture.forget(&other);
    assert_eq!(picture.listed_at(&other), None);
}

#[test]
fn an_identifier_in_braces_is_the_same_tenant() {
    let plain = TenantId::new("4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10");
    let braced = TenantId::new("{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}");
    let picture = Machines::default();
    picture.replace(&plain, &[machine(1)], ago(seconds(1)));
    assert_ne!(picture.sighting(&braced, bios(1)), Sighting::Unlisted);
}

// === What may still arrive ===

fn begun(ago_: Duration) -> Machines {
    Machines {
        begun: ago(ago_),
        ..Machines::default()
    }
}

#[test]
fn a_new_process_does_not_know_what_was_sent_about_a_registered_machine() {
    let machines = begun(seconds(10));
    assert_eq!(
        machines.unsettled_until(&acme(), bios(1)),
        None,
        "not listed"
    );
    machines.replace(&acme(), &[machine(1)], Instant::now());
    let until = machines.unsettled_until(&acme(), bios(1)).unwrap();
    assert_eq!(until, machines.begun + ARRIVES_WITHIN);
    assert_eq!(
        machines.unsettled_until(&acme(), bios(2)),
        None,
        "not there"
    );
}

#[test]
fn nobody_else_sent_anything_about_what_this_process_registered() {
    let machines = begun(seconds(10));
    machines.replace(&acme(), &[machine(1)], Instant::now());
    machines.registered(bios(1));
    assert_eq!(machines.unsettled_until(&acme(), bios(1)), None);
}

#[test]
fn an_unregistration_without_an_answer_may_arrive_late() {
    let machines = begun(seconds(600));
    machines.replace(&acme(), &[], Instant::now());
    assert_eq!(machines.unsettled_until(&acme(), bios(1)), None);
    let before = Instant::now();
    machines.unanswered(&acme(), bios(1));
    let until = machines.unsettled_until(&acme(), bios(1)).unwrap();
    assert!(until >= before + ARRIVES_WITHIN);
}

#[test]
fn a_registration_without_an_answer_may_arrive_late() {
    let machines = begun(seconds(600));
    let until = |inherited| machines.registers_until(&acme(), bios(1), inherited);
    assert_eq!(until(false), None);
    let before = Instant::now();
    machines.registration_unanswered(&acme(), bios(1));
    assert!(until(false).unwrap() >= before + ARRIVES_WITHIN);
    machines.replace(&acme(), &[machine(1)], Instant::now());
    assert!(
        until(false).is_some(),
        "its repetition may be what is there"
    );
    assert_eq!(
        machines.registers_until(&acme(), bios(2), false),
        None,
        "another machine"
    );
}

#[test]
fn a_registration_of_another_process_arrives_within_half_a_minute() {
    let machines = begun(seconds(10));
    let until = |inherited| machines.registers_until(&acme(), bios(1), inherited);
    assert_eq!(until(true), Some(machines.begun + ARRIVES_WITHIN));
    assert_eq!(until(false), None, "nobody sent one");
    machines.replace(&acme(), &[machine(1)], Instant::now());
    assert!(until(true).is_some(), "what is there may be its repetition");
    machines.registered(bios(1));
    assert!(until(true).is_some(), "as well when that is this process's");
    machines.noted_first(bios(1));
    assert_eq!(until(true), None, "nobody before could send one");
}
