//! [`judge`] in every situation: the product of facts, part by part and sampled as a whole.

use super::super::*;
use super::always::judge;
use super::fixtures::tenant;
use super::product::{dimensions, every, sample};

#[test]
fn in_every_life_before_the_identifier() {
    let facts = [
        "finalizer",
        "suspended",
        "permitted",
        "leaving",
        "outclaimed",
        "creation",
        "reach",
        "fresh",
        "by name",
        "unasked",
        "unclaimed creations",
        "adopts identical",
    ];
    let count = every(&tenant(), &facts, judge);
    assert_eq!(count, 2_usize.pow(9) * 240 * 5 * 5);
}

#[test]
fn with_every_password() {
    let facts = [
        "finalizer",
        "suspended",
        "creation",
        "fresh",
        "by name",
        "password",
    ];
    let count = every(&tenant(), &facts, judge);
    assert_eq!(count, 2_usize.pow(3) * 240 * 5 * 5);
}

#[test]
fn in_every_adoption() {
    let facts = [
        "finalizer",
        "suspended",
        "permitted",
        "leaving",
        "outclaimed",
        "existing",
        "reach",
        "fresh",
        "by name",
        "existing tenant",
        "adopts by id",
        "adopts identical",
        "password",
        "rejected",
    ];
    let count = every(&tenant(), &facts, judge);
    assert_eq!(count, 2_usize.pow(9) * 5 * 5 * 5 * 5 * 4);
}

#[test]
fn in_every_life_with_an_identifier() {
    let facts = [
        "finalizer",
        "wanted",
        "suspended",
        "existing",
        "permitted",
        "leaving",
        "outclaimed",
        "reach",
        "fresh",
        "by id",
        "change",
        "first activation",
        "unregistered",
        "machines waited",
        "rejected",
    ];
    let count = every(&tenant().recorded(), &facts, judge);
    assert_eq!(count, 2_usize.pow(11) * 5 * 7 * 4 * 4);
}

#[test]
fn in_every_deletion_before_the_identifier() {
    let facts = [
        "finalizer",
        "retain",
        "suspended",
        "outclaimed",
        "creation",
        "reach",
        "fresh",
        "by name",
        "unasked",
        "unclaimed creations",
        "adopts identical",
    ];
    let count = every(&tenant().deleting(), &facts, judge);
    assert_eq!(count, 2_usize.pow(8) * 240 * 5 * 5);
}

#[test]
fn in_every_deletion_with_an_identifier() {
    let facts = [
        "finalizer",
        "retain",
        "suspended",
        "outclaimed",
        "removal",
        "reach",
        "by id",
        "verified",
        "unclaimed removals",
        "referrers",
        "admission",
    ];
    let count = every(&tenant().recorded().deleting(), &facts, judge);
    assert_eq!(count, 2_usize.pow(6) * 32 * 5 * 7 * 3 * 3);
}

#[test]
fn in_every_deletion_beside_other_steps() {
    let facts = [
        "retain",
        "suspended",
        "removal",
        "reach",
        "by id",
        "verified",
        "change",
        "rejected",
        "unclaimed removals",
    ];
    let count = every(&tenant().ready_to_go(), &facts, judge);
    assert_eq!(count, 2_usize.pow(4) * 32 * 5 * 7 * 4 * 4);
}

#[test]
fn anywhere_in_the_whole_product() {
    sample(&tenant(), 500_000, judge);
}

/// Deletion needs nothing but the server: no Secret, no permission, no adoption
/// policy, and whatever the rest of the spec says.
#[test]
fn a_deletion_does_not_look_at_what_only_creation_needs() {
    let ignored = [
        "wanted",
        "existing",
        "password",
        "permitted",
        "leaving",
        "adopts by id",
        "adopts identical",
        "existing tenant",
        "first activation",
        "unregistered",
        "machines waited",
    ];
    assert!(dimensions().len() > ignored.len());
    let mut round = 0_usize;
    sample(&tenant(), 20_000, |facts| {
        let mut facts = facts.clone();
        facts.deleting = true;
        let action = plan(&facts);
        let name = ignored[round % ignored.len()];
        round += 1;
        every(&facts, &[name], |other| {
            assert_eq!(plan(other), action, "{name} changes the plan of {facts:#?}");
        });
    });
}

/// A live tenant's plan does not depend on what only its deletion asks.
#[test]
fn a_live_tenant_does_not_look_at_what_only_deletion_needs() {
    let ignored = [
        "retain",
        "removal",
        "verified",
        "unclaimed removals",
        "referrers",
        "admission",
    ];
    let mut round = 0_usize;
    sample(&tenant(), 20_000, |facts| {
        let mut facts = facts.clone();
        facts.deleting = false;
        let action = plan(&facts);
        let name = ignored[round % ignored.len()];
        round += 1;
        every(&facts, &[name], |other| {
            assert_eq!(plan(other), action, "{name} changes the plan of {facts:#?}");
        });
    });
}
