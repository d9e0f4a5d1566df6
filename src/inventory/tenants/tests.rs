#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::inventory::fixtures::{ago, seconds};

fn id(text: &str) -> TenantId {
    TenantId::new(text)
}

fn acme() -> Tenant {
    Tenant::test("1", "Acme")
}

fn other() -> Tenant {
    Tenant::test("2", "Other")
}

/// A complete list of these, a minute ago.
fn listing(tenants: &[Tenant]) -> Tenants {
    let picture = Tenants::default();
    picture.replace(tenants, ago(seconds(60)));
    picture
}

fn status(picture: &Tenants, tenant: &str) -> Option<Status> {
    picture.by_id(&id(tenant)).map(|entry| entry.status)
}

#[test]
fn without_a_list_nothing_is_known() {
    let picture = Tenants::default();
    assert_eq!(picture.by_id(&id("1")), None);
    assert_eq!(picture.by_name("Acme"), None);
    assert_eq!(picture.listed_at(), None);
    assert_eq!(picture.census(), (0, 0, Vec::new()));
    assert!(!picture.missing_twice(&id("1")));
}

#[test]
fn a_list_is_found_by_identifier_and_by_name() {
    let picture = listing(&[acme().complete("ksc-1", "boss").active(), other()]);
    let entry = picture.by_id(&id("1")).unwrap();
    assert_eq!(&*entry.name, "Acme");
    assert_eq!(entry.administrator.as_deref(), Some("boss"));
    assert_eq!(
        entry.virtual_administration_server.as_deref(),
        Some("ksc-1")
    );
    assert_eq!(picture.by_name("Acme"), Some((id("1"), entry)));
    assert_eq!(picture.by_name("acme"), None, "names are compared exactly");
}

#[test]
fn names_are_alike_in_their_normal_form() {
    let alike = |picture: &Tenants, name: &str| {
        let found = picture.alike(name);
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    let listed = [
        Tenant::test("1", "Acme "),
        Tenant::test("5", "Caf\u{e9}"),
        other(),
    ];
    let picture = listing(&listed);
    assert_eq!(alike(&picture, "Acme"), [id("1")]);
    assert_eq!(alike(&picture, "Cafe\u{301}"), [id("5")]);
    assert_eq!(alike(&picture, "acme"), []);
    picture.saw(&Tenant::test("3", " Acme"));
    assert_eq!(alike(&picture, "Acme"), [id("1"), id("3")]);
    picture.saw(&Tenant::test("1", "Renamed"));
    assert_eq!(alike(&picture, "Acme"), [id("3")]);
    picture.proved_absent(&id("3"));
    assert_eq!(alike(&picture, "Acme"), []);
    assert_eq!(Tenants::default().alike("Acme"), []);
}

#[test]
fn a_tenant_that_is_listed_twice_is_one() {
    let picture = listing(&[acme(), acme()]);
    assert_eq!(picture.alike("Acme").len(), 1);
}

#[test]
fn since_when_a_tenant_is_shown_is_remembered() {
    let picture = Tenants::default();
    let first = ago(seconds(90));
    assert!(!picture.was_shown(&id("1"), first));
    picture.replace(&[acme()], first);
    picture.replace(&[acme(), other()], ago(seconds(30)));
    assert!(picture.was_shown(&id("1"), first));
    assert!(picture.was_shown(&id("1"), ago(seconds(60))));
    assert!(!picture.was_shown(&id("1"), ago(seconds(120))), "too early");
    assert!(!picture.was_shown(&id("2"), ago(seconds(60))));
    picture.saw(&Tenant::test("3", "Result"));
    assert!(!picture.was_shown(&id("3"), ago(seconds(0))), "in no list");
    picture.replace(&[other()], ago(seconds(20)));
    picture.replace(&[acme()], ago(seconds(10)));
    assert!(
        !picture.was_shown(&id("1"), ago(seconds(15))),
        "it came back"
    );
}

#[test]
fn tenants_are_counted() {
    let picture = listing(&[acme().active(), other()]);
    let (known, active, mut all) = picture.census();
    all.sort();
    assert_eq!((known, active, all), (2, 1, vec![id("1"), id("2")]));
}

#[test]
fn an_unforeseen_state_is_kept_word_for_word() {
    let picture = listing(&[acme().in_state(TenantStatus::Other("Frozen".to_owned()))]);
    assert_eq!(status(&picture, "1").unwrap().as_str(), "Frozen");
    assert_eq!(picture.census().1, 0);
}

// === What happens while a list is under way ===

#[test]
fn what_was_seen_during_a_list_survives_it() {
    let picture = listing(&[]);
    let began = Instant::now();
    picture.saw(&acme());
    picture.replace(&[], began);
    assert!(picture.by_id(&id("1")).is_some());
    assert!(picture.by_name("Acme").is_some());
}

#[test]
fn a_state_that_changed_during_a_list_survives_it() {
    let picture = listing(&[acme()]);
    let began = Instant::now();
    picture.changed(&id("1"), Status::Active);
    assert_eq!(status(&picture, "1"), Some(Status::Active), "at once");
    picture.replace(&[acme()], began);
    assert_eq!(status(&picture, "1"), Some(Status::Active));
}

#[test]
fn who_was_proved_gone_during_a_list_stays_gone() {
    let picture = listing(&[acme(), other()]);
    let began = Instant::now();
    picture.proved_absent(&id("1"));
    assert_eq!(picture.by_name("Acme"), None, "at once");
    picture.replace(&[acme(), other()], began);
    assert_eq!(picture.by_id(&id("1")), None);
    assert!(picture.is_gone(&id("1")));
    assert!(picture.by_id(&id("2")).is_some());
}

#[test]
fn notes_of_one_list_are_taken_in_their_order() {
    let picture = listing(&[acme()]);
    let began = Instant::now();
    picture.proved_absent(&id("1"));
    picture.saw(&Tenant::test("3", "Acme"));
    picture.changed(&id("3"), Status::Active);
    picture.replace(&[acme()], began);
    let (found, entry) = picture.by_name("Acme").unwrap();
    assert_eq!((found, entry.status), (id("3"), Status::Active));
}

#[test]
fn a_list_that_began_later_has_the_last_word() {
    let picture = listing(&[acme()]);
    picture.changed(&id("1"), Status::Active);
    picture.saw(&other());
    std::thread::sleep(std::time::Duration::from_millis(2));
    picture.replace(&[acme()], Instant::now());
    assert_eq!(status(&picture, "1"), Some(Status::Inactive), "by hand");
    assert_eq!(picture.by_id(&id("2")), None);
}

#[test]
fn notes_do_not_pile_up() {
    let picture = listing(&[acme()]);
    for _ in 0..10 {
        picture.changed(&id("1"), Status::Active);
    }
    std::thread::sleep(std::time::Duration::from_millis(2));
    picture.replace(&[acme()], Instant::now());
    assert!(picture.state().notes.is_empty());
}

#[test]
fn a_tenant_that_took_another_name_is_found_under_that_alone() {
    let picture = listing(&[acme()]);
    picture.saw(&Tenant::test("1", "Acme Ltd."));
    assert_eq!(picture.by_name("Acme"), None);
    assert!(picture.by_name("Acme Ltd.").is_some());
}

#[test]
fn who_goes_does_not_take_the_name_from_its_successor() {
    let picture = listing(&[acme()]);
    picture.saw(&Tenant::test("9", "Acme"));
    picture.proved_absent(&id("1"));
    assert_eq!(picture.by_name("Acme").unwrap().0, id("9"));
}

// === Absence ===

#[test]
fn a_list_alone_proves_nobody_gone() {
    assert!(!listing(&[]).is_gone(&id("1")));
}

#[test]
fn who_is_seen_again_is_not_gone() {
    let picture = listing(&[]);
    picture.proved_absent(&id("1"));
    std::thread::sleep(std::time::Duration::from_millis(2));
    picture.replace(&[acme()], Instant::now());
    assert!(!picture.is_gone(&id("1")));
    picture.proved_absent(&id("1"));
    picture.saw(&acme());
    assert!(!picture.is_gone(&id("1")));
}

#[rstest]
#[case::as_far_apart_as_asked_for(30, true)]
#[case::too_close(29, false)]
fn two_lists_without_it_count_when_they_are_30_seconds_apart(
    #[case] apart: u64,
    #[case] confirmed: bool,
) {
    let picture = Tenants::default();
    let first = ago(seconds(60));
    picture.replace(&[], first);
    assert!(!picture.missing_twice(&id("1")));
    picture.replace(&[], first + seconds(apart));
    assert_eq!(picture.missing_twice(&id("1")), confirmed);
}

#[test]
fn asking_twice_about_one_list_is_not_two_lists() {
    let picture = Tenants::default();
    picture.replace(&[], ago(seconds(600)));
    assert!(!picture.missing_twice(&id("1")));
    assert!(!picture.missing_twice(&id("1")));
}

#[test]
fn the_count_begins_when_somebody_asks_first() {
    let picture = Tenants::default();
    picture.replace(&[], ago(seconds(600)));
    picture.replace(&[], ago(seconds(60)));
    assert!(!picture.missing_twice(&id("1")));
}

#[test]
fn three_lists_count_from_the_first() {
    let picture = Tenants::default();
    let first = ago(seconds(60));
    for after in [0, 20, 40] {
        picture.replace(&[], first + seconds(after));
        picture.missing_twice(&id("1"));
    }
    assert!(picture.missing_twice(&id("1")));
}

#[test]
fn a_list_with_it_between_two_without_it_begins_the_count_anew() {
    let picture = Tenants::default();
    let first = ago(seconds(100));
    picture.replace(&[], first);
    picture.missing_twice(&id("1"));
    picture.replace(&[acme()], first + seconds(20));
    picture.replace(&[], first + seconds(40));
    assert!(!picture.missing_twice(&id("1")));
}

#[test]
fn an_answer_that_shows_it_begins_the_count_anew() {
    let picture = Tenants::default();
    let first = ago(seconds(100));
    picture.replace(&[], first);
    picture.missing_twice(&id("1"));
    picture.saw(&acme());
    picture.state().notes.clear();
    picture.replace(&[], first + seconds(40));
    assert!(!picture.missing_twice(&id("1")));
}

/// An answer that it is gone hides it from a list that shows it. That list was not
/// without it.
#[test]
fn a_list_that_shows_it_is_none_of_two_without_it_whatever_was_answered_since() {
    let picture = Tenants::default();
    let first = ago(seconds(100));
    picture.replace(&[acme()], first);
    picture.proved_absent(&id("1"));
    assert!(!picture.missing_twice(&id("1")));
    picture.replace(&[], Instant::now());
    assert!(!picture.missing_twice(&id("1")), "the first one without it");
}

#[test]
fn a_list_under_way_that_shows_it_begins_the_count_anew() {
    let picture = Tenants::default();
    let first = ago(seconds(100));
    picture.replace(&[], first);
    picture.missing_twice(&id("1"));
    picture.proved_absent(&id("1"));
    picture.replace(&[acme()], first + seconds(20));
    picture.replace(&[], first + seconds(40));
    assert!(!picture.missing_twice(&id("1")));
}

#[test]
fn who_was_asked_for_by_identifier_is_remembered() {
    let picture = listing(&[acme()]);
    assert_eq!(picture.asked_at(&id("1")), None);
    picture.saw(&acme());
    assert_eq!(
        picture.asked_at(&id("1")),
        None,
        "a task's result is no answer"
    );
    let before = Instant::now();
    picture.answered(&acme());
    picture.proved_absent(&id("2"));
    assert!(picture.asked_at(&id("1")).unwrap() >= before);
    assert!(picture.asked_at(&id("2")).unwrap() >= before);
}

#[test]
fn an_answer_that_a_list_contradicts_is_none() {
    let picture = listing(&[acme()]);
    picture.answered(&acme());
    picture.proved_absent(&id("1"));
    assert!(picture.asked_at(&id("1")).is_some());
    picture.replace(&[acme()], Instant::now() + seconds(1));
    assert!(!picture.is_gone(&id("1")));
    assert_eq!(picture.asked_at(&id("1")), None);
}

#[test]
fn uuids_are_compared_as_uuids() {
    let picture = listing(&[Tenant::test("4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10", "Acme")]);
    let braced = id("{4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10}");
    assert!(picture.by_id(&braced).is_some());
}

#[test]
fn without_lists_what_is_noted_does_not_grow() {
    let picture = Tenants::default();
    for _ in 0..100 {
        picture.answered(&acme());
        picture.changed(&id("1"), Status::Active);
        picture.proved_absent(&id("2"));
    }
    assert_eq!(picture.state().notes.len(), 2);
    picture.replace(&[acme(), other()], ago(seconds(60)));
    assert_eq!(status(&picture, "1"), Some(Status::Active));
    assert_eq!(status(&picture, "2"), None);
    assert_eq!(
        picture.state().notes.len(),
        2,
        "a list under way may be older"
    );
    picture.replace(&[acme(), other()], Instant::now());
    assert_eq!(picture.state().notes.len(), 0);
}
