//! Servers that store a text differently from what was sent.

use super::*;

fn contoso(name: &str) -> Tenant {
    Tenant::test("acme").with(json!({"name": name}))
}

fn named(name: &str) -> viis::Tenant {
    viis::Tenant::test("1", name)
}

fn by_name(tenant: Tenant, listed: &[viis::Tenant]) -> Sighting {
    let stage = Stage::ready();
    stage.lists(listed);
    facts(&stage, tenant).world.by_name
}

// === A lost response ===

#[rstest]
#[case::outer_blanks("Contoso ", "Contoso", Sighting::Alike)]
#[case::blanks_that_the_server_adds("Contoso", "Contoso ", Sighting::Alike)]
#[case::inner_blanks("Contoso  East", "Contoso East", Sighting::Alike)]
#[case::normal_form("Cafe\u{301}", "Caf\u{e9}", Sighting::Alike)]
#[case::exactly("Contoso ", "Contoso ", Sighting::Equal)]
#[case::another_case("Contoso", "contoso", Sighting::Absent)]
#[case::shortened("Contoso Northern Europe", "Contoso Northern", Sighting::Absent)]
#[tokio::test]
async fn a_name_is_looked_for_in_its_normal_form(
    #[case] name: &str,
    #[case] stored: &str,
    #[case] sighting: Sighting,
) {
    let creating = contoso(name).creating(None);
    assert_eq!(by_name(creating.clone(), &[named(stored)]), sighting);
    let before = by_name(contoso(name), &[named(stored)]);
    let exact = name == stored;
    assert_eq!(before != Sighting::Absent, exact, "adoption is exact");
    let beside = |alike| by_name(creating.clone().beside(alike), &[named(stored)]);
    let it_was_there = beside(Some(&["1"]));
    assert_eq!(
        it_was_there != Sighting::Absent,
        exact,
        "it was there before"
    );
    if sighting == Sighting::Alike {
        let another_was = beside(Some(&["0"]));
        assert_eq!(another_was, Sighting::Different, "another one was there");
        assert_eq!(beside(None), Sighting::Different, "not known");
    }
}

#[tokio::test]
async fn of_two_names_alike_nobody_can_tell_which_is_ours() {
    let listed = [named("Contoso "), viis::Tenant::test("2", " Contoso")];
    let creating = contoso("Contoso").creating(None);
    assert_eq!(by_name(creating.clone(), &listed), Sighting::Different);
    let one_before = by_name(creating.clone().beside(Some(&["2"])), &listed);
    assert_eq!(one_before, Sighting::Different);
    let both_before = by_name(creating.beside(Some(&["1", "2"])), &listed);
    assert_eq!(both_before, Sighting::Absent);
}

/// Nothing was sent, so the tenant belongs to another user.
#[tokio::test]
async fn before_anything_was_sent_a_name_alike_is_no_matter() {
    let stage = Stage::ready();
    stage.lists(&[named("Contoso ")]);
    let mut memory = remembering(|seen| seen.written_here = true);
    let creating = contoso("Contoso").creating(None).beside(Some(&["0"]));
    let scene = look(&stage, creating, &mut memory);
    assert_eq!(scene.facts.world.by_name, Sighting::Absent);
}

#[tokio::test]
async fn a_task_that_the_status_shows_as_an_earlier_one_names_nothing_of_ours() {
    let sighting = |created: &str| {
        let stage = Stage::ready();
        stage.lists(&[named("Somebody")]);
        stage
            .picture()
            .watch_task(&TaskId::new("9"), &owner("acme"));
        let task = viis::Task::test("9").made_at("2026-01-01T00:00:00");
        stage.picture().shows_tasks(&[task.made(named("Somebody"))]);
        let mut tenant = contoso("Contoso").creating(Some("9"));
        tenant.own().task = Some(api::TaskStatus {
            id: "9".to_owned(),
            created: Some(created.to_owned()),
            ..api::TaskStatus::default()
        });
        facts(&stage, tenant).world.by_name
    };
    assert_eq!(sighting("2026-01-01T00:00:00"), Sighting::Different);
    assert_eq!(sighting("2025-12-31T00:00:00"), Sighting::Absent);
}

#[tokio::test]
async fn what_another_tenant_has_recorded_is_not_ours_however_alike() {
    let stage = Stage::ready();
    stage.lists(&[named("Contoso")]);
    stage.tenant(Tenant::test("other").recorded_as("1", Some("Contoso")));
    let facts = facts(&stage, contoso("Contoso ").creating(None));
    assert_eq!(facts.world.by_name, Sighting::Absent);
}

#[rstest]
#[case::line_ends("gold\r\n", "gold", Sighting::Alike)]
#[case::normal_form("u\u{308}ber", "\u{fc}ber", Sighting::Alike)]
#[case::exactly("gold", "gold", Sighting::Equal)]
#[case::shortened("golden", "gold", Sighting::Different)]
#[tokio::test]
async fn a_description_is_compared_in_its_normal_form(
    #[case] sent: &str,
    #[case] stored: &str,
    #[case] sighting: Sighting,
) {
    let tenant = contoso("Contoso").with(json!({"name": "Contoso", "description": sent}));
    let listed = [named("Contoso").described(stored)];
    assert_eq!(by_name(tenant.clone().creating(None), &listed), sighting);
    let adopted = by_name(tenant, &listed);
    assert_eq!(adopted == Sighting::Equal, sent == stored, "exact");
}

// === Our own task ===

/// The world as it looks when task 9, which this attempt is about, has made a tenant.
fn after(listed: viis::Tenant, attempt: impl FnOnce(&mut Attempt)) -> Scene {
    let stage = Stage::ready();
    stage.lists(&[]);
    let before = stage.picture().tenants().listed_at();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    let made = listed.clone();
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .made_at("2026-01-01T00:00:00")
        .made(made)]);
    stage.picture().tenants().replace(&[listed], Instant::now());
    let mut memory = remembering(|seen| {
        seen.task = Some(TaskId::new("9"));
        seen.recorded = Some(TaskId::new("9"));
        (seen.written_here, seen.followed, seen.sends) = (true, true, 1);
        seen.listed = before;
        attempt(seen);
    });
    look(
        &stage,
        contoso("Contoso Europe").creating(Some("9")),
        &mut memory,
    )
}

#[rstest]
#[case::shortened(named("Contoso").described("x"))]
#[case::in_capitals(named("CONTOSO EUROPE"))]
#[tokio::test]
async fn what_a_followed_task_made_is_ours(#[case] stored: viis::Tenant) {
    let scene = after(stored.clone(), |_| {});
    assert_eq!(scene.facts.world.by_name, Sighting::Equal);
    assert_eq!(scene.named.map(|(id, _)| id), Some(stored.id));
}

#[tokio::test]
async fn what_an_unfollowed_task_names_is_for_a_person_to_decide() {
    let sighting = |attempt: fn(&mut Attempt)| after(named("Contoso"), attempt).facts.world.by_name;
    assert_eq!(sighting(|seen| seen.followed = false), Sighting::Different);
    assert_eq!(sighting(|seen| seen.listed = None), Sighting::Different);
    let since = after(named("Contoso"), |seen| {
        seen.listed = Some(Instant::now() + seconds(1))
    });
    let found = since.facts.world.by_name;
    assert_eq!(found, Sighting::Different, "it was there before the intent");
}

#[tokio::test]
async fn a_task_of_another_time_is_not_the_one_that_was_sent() {
    let earlier = |seen: &mut Attempt| seen.created = "2020-01-01T00:00:00".parse().ok();
    let found = after(named("Contoso"), earlier).facts.world.by_name;
    assert_eq!(found, Sighting::Different);
}

#[tokio::test]
async fn another_type_is_never_ours() {
    let complete = named("Contoso").complete("ksc", "boss");
    assert_eq!(
        after(complete, |_| {}).facts.world.by_name,
        Sighting::Different
    );
}

// === What is recorded ===

#[rstest]
#[case::as_recorded(Some("Contoso"), "Contoso", ById::Same(Activity::Inactive))]
#[case::as_asked_for_and_recorded_otherwise(Some("Contoso"), "Contoso ", ById::Other)]
#[case::as_recorded_in_another_case(Some("Contoso"), "contoso", ById::Other)]
#[case::not_recorded(None, "Contoso ", ById::Same(Activity::Inactive))]
#[case::not_recorded_and_alike(None, "Contoso", ById::Other)]
#[tokio::test]
async fn the_recorded_name_counts_exactly(
    #[case] recorded: Option<&str>,
    #[case] listed: &str,
    #[case] found: ById,
) {
    let stage = Stage::ready();
    stage.lists(&[named(listed)]);
    let tenant = contoso("Contoso ").recorded_as("1", recorded);
    assert_eq!(facts(&stage, tenant).world.by_id, found);
}

// === What is asked for before it is recorded ===

#[tokio::test]
async fn what_no_list_shows_is_asked_for_once() {
    let unasked = |asked: bool| {
        let stage = Stage::ready();
        stage.lists(&[]);
        stage
            .picture()
            .watch_task(&TaskId::new("9"), &owner("acme"));
        let made = viis::Task::test("9").made(named("Contoso Europe"));
        stage.picture().shows_tasks(&[made]);
        let mut memory = remembering(|seen| {
            seen.task = Some(TaskId::new("9"));
            seen.recorded = Some(TaskId::new("9"));
            (seen.written_here, seen.followed, seen.sends) = (true, true, 1);
            seen.listed = stage.picture().tenants().listed_at();
            seen.asked = asked;
        });
        let creating = contoso("Contoso Europe").creating(Some("9"));
        look(&stage, creating, &mut memory).facts.world.unasked
    };
    assert!(unasked(false) && !unasked(true));
}

#[rstest]
#[case::equal("Contoso", "gold", false)]
#[case::another_name("Contoso ", "gold", true)]
#[case::another_description("Contoso", "gold\n", true)]
#[case::not_ours("Contoso", "silver", false)]
#[tokio::test]
async fn what_is_stored_differently_is_asked_for(
    #[case] name: &str,
    #[case] description: &str,
    #[case] unasked: bool,
) {
    let stage = Stage::ready();
    stage.lists(&[named("Contoso").described("gold")]);
    let tenant = Tenant::test("acme").with(json!({"name": name, "description": description}));
    let mut memory = remembering(|_| {});
    let scene = look(&stage, tenant.creating(None), &mut memory);
    assert_eq!(scene.facts.world.unasked, unasked);
}

// === Claims ===

fn rival(name: &str) -> Tenant {
    let rival = Tenant::test("rival").with(json!({"name": name}));
    rival.made_at(minutes_ago(9))
}

#[rstest]
#[case::a_blank_more(contoso("Contoso"), rival("Contoso "), true)]
#[case::another_normal_form(contoso("Caf\u{e9}"), rival("Cafe\u{301}"), true)]
#[case::another_name(contoso("Contoso"), rival("Contoso East"), false)]
#[case::both_on_the_server(contoso("Contoso").recorded("1"), rival("Contoso ").recorded("2"), false)]
#[case::one_on_the_server(contoso("Contoso"), rival("Contoso ").recorded("2"), true)]
#[case::the_same_tenant(
    contoso("Contoso").recorded_as("1", Some("Contoso")),
    rival("Contoso ").recorded_as("1", Some("Contoso")),
    true
)]
#[tokio::test]
async fn who_wants_a_name_alike_is_a_rival(
    #[case] ours: Tenant,
    #[case] rival: Tenant,
    #[case] outclaimed: bool,
) {
    let stage = Stage::ready();
    stage.tenant(rival);
    let ours = ours.made_at(minutes_ago(5));
    assert_eq!(facts(&stage, ours).outclaimed, outclaimed);
}
