//! What the server shows, and how old that is.

use super::*;

// === What stands under the identifier ===

#[rstest]
#[case::active(on_server("1").active(), ById::Same(Activity::Active))]
#[case::inactive(on_server("1"), ById::Same(Activity::Inactive))]
#[case::in_an_unknown_state(on_server("1").in_state(viis::TenantStatus::Other("Frozen".to_owned())), ById::Same(Activity::Other))]
#[case::without_a_type(on_server("1").typed(None), ById::Same(Activity::Inactive))]
#[case::another_name(viis::Tenant::test("1", "Somebody"), ById::Other)]
#[case::another_type(on_server("1").complete("ksc", "boss"), ById::Other)]
#[case::a_type_that_no_page_names(on_server("1").typed(Some(viis::TenantType::Other("Odd".to_owned()))), ById::Other)]
#[case::another_identifier(on_server("2"), ById::Missing)]
#[tokio::test]
async fn under_the_recorded_identifier_stands(#[case] listed: viis::Tenant, #[case] found: ById) {
    let stage = Stage::ready();
    stage.lists(&[listed]);
    assert_eq!(facts(&stage, acme().recorded("1")).world.by_id, found);
}

#[tokio::test]
async fn without_a_list_nothing_is_missing() {
    let stage = Stage::serving(IntegrationServer::test());
    assert_eq!(
        facts(&stage, acme().recorded("1")).world.by_id,
        ById::Unlisted
    );
    assert_eq!(
        facts(&Stage::empty(), acme().recorded("1")).world.by_id,
        ById::Unlisted
    );
}

#[tokio::test]
async fn what_the_server_proved_absent_is_gone_for_a_deletion() {
    let stage = Stage::ready();
    stage.lists(&[]);
    stage.picture().tenants().proved_absent(&TenantId::new("1"));
    let by_id = |tenant| facts(&stage, tenant).world.by_id;
    assert_eq!(by_id(acme().recorded("1").deleted()), ById::Gone);
    assert_eq!(
        by_id(acme().recorded("1")),
        ById::Missing,
        "one answer is too little to make it again"
    );
}

#[tokio::test]
async fn what_was_missing_twice_and_is_proved_absent_is_gone() {
    let stage = Stage::ready();
    let tenants = || stage.picture();
    let by_id = || facts(&stage, acme().recorded("1")).world.by_id;
    tenants().tenants().replace(&[], ago(seconds(40)));
    assert_eq!(by_id(), ById::Missing);
    assert!(!tenants().tenants().missing_twice(&TenantId::new("1")));
    tenants().tenants().proved_absent(&TenantId::new("1"));
    assert_eq!(by_id(), ById::Missing, "in one list");
    tenants().tenants().replace(&[], ago(seconds(1)));
    assert_eq!(by_id(), ById::Gone, "in two, 30 s apart");
}

#[rstest]
#[case::missing(vec![])]
#[case::under_another_name(vec![viis::Tenant::test("1", "Somebody")])]
#[tokio::test]
async fn what_a_person_wrote_off_is_gone(#[case] listed: Vec<viis::Tenant>) {
    let stage = Stage::ready();
    stage.lists(&listed);
    stage.judged(|verdicts| {
        verdicts.written_off.insert("uid-acme".to_owned());
    });
    assert_eq!(facts(&stage, acme().recorded("1")).world.by_id, ById::Gone);
}

#[tokio::test]
async fn a_deletion_needs_the_servers_own_proof() {
    let stage = Stage::ready();
    stage.judged(|verdicts| {
        verdicts.written_off.insert("uid-acme".to_owned());
    });
    let deleted = acme().recorded("1").deleted();
    assert_eq!(facts(&stage, deleted).world.by_id, ById::Missing);
}

#[tokio::test]
async fn what_was_written_off_and_stands_there_again_is_ours() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1").active()]);
    stage.judged(|verdicts| {
        verdicts.written_off.insert("uid-acme".to_owned());
    });
    let by_id = facts(&stage, acme().recorded("1")).world.by_id;
    assert_eq!(by_id, ById::Same(Activity::Active));
}

// === What stands under the name ===

fn by_name(tenant: Tenant, listed: &[viis::Tenant]) -> Sighting {
    let stage = Stage::ready();
    stage.lists(listed);
    facts(&stage, tenant).world.by_name
}

#[rstest]
#[case::nothing_of_the_kind(viis::Tenant::test("1", "Acme"), Sighting::Absent)]
#[case::equal(on_server("1"), Sighting::Equal)]
#[case::with_what_the_spec_leaves_open(on_server("1").described("by hand").with_user_data("x"), Sighting::Equal)]
#[case::another_type(on_server("1").complete("ksc", "boss"), Sighting::Different)]
#[tokio::test]
async fn a_tenant_with_our_name(#[case] listed: viis::Tenant, #[case] sighting: Sighting) {
    assert_eq!(by_name(acme(), &[listed]), sighting);
}

#[rstest]
#[case::equal(on_server("1").described("gold").with_user_data("4711"), Sighting::Equal)]
#[case::not_shown(on_server("1"), Sighting::Equal)]
#[case::another_description(on_server("1").described("silver"), Sighting::Different)]
#[case::other_user_data(on_server("1").described("gold").with_user_data("4712"), Sighting::Different)]
#[tokio::test]
async fn every_field_that_both_sides_show_is_compared(
    #[case] listed: viis::Tenant,
    #[case] sighting: Sighting,
) {
    let tenant = acme().with(json!({"description": "gold", "userData": "4711"}));
    assert_eq!(by_name(tenant, &[listed]), sighting);
}

#[rstest]
#[case("boss", Sighting::Equal)]
#[case("somebody", Sighting::Different)]
#[tokio::test]
async fn administrators_are_compared(#[case] administrator: &str, #[case] sighting: Sighting) {
    let tenant = acme().with(json!({
        "type": "Complete",
        "administrator": {"name": "boss", "passwordSecretRef": {"name": "boss"}},
    }));
    assert_eq!(
        by_name(tenant, &[on_server("1").complete("ksc", administrator)]),
        sighting
    );
}

#[tokio::test]
async fn a_tenant_that_another_resource_owns_is_owned() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1")]);
    let namesake = Tenant::test("other").with(json!({"name": "acme"}));
    stage.tenant(namesake.recorded("1"));
    let asking = acme().with(json!({"existingTenantID": "1"}));
    let world = facts(&stage, asking).world;
    assert_eq!(
        (world.by_name, world.existing),
        (Sighting::Owned, Sighting::Owned)
    );
}

#[tokio::test]
async fn an_identifier_that_was_given_a_second_time_is_not_its_first_owners() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1")]);
    stage.tenant(Tenant::test("other").recorded("1"));
    assert_eq!(facts(&stage, acme()).world.by_name, Sighting::Equal);
}

#[tokio::test]
async fn what_our_own_task_made_is_ours_however_the_server_writes_it() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1").described("GOLD")]);
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage
        .picture()
        .shows_tasks(&[viis::Task::test("9").made(on_server("1"))]);
    let tenant = acme().with(json!({"description": "gold"}));
    let made = facts(&stage, tenant.clone().creating(Some("9")))
        .world
        .by_name;
    assert_eq!(made, Sighting::Equal);
    assert_eq!(facts(&stage, tenant).world.by_name, Sighting::Different);
}

#[rstest]
#[case::there(on_server("7"), Sighting::Equal)]
#[case::with_other_texts(on_server("7").described("by hand"), Sighting::Equal)]
#[case::under_another_name(viis::Tenant::test("7", "Somebody"), Sighting::Different)]
#[case::of_another_type(on_server("7").complete("ksc", "boss"), Sighting::Different)]
#[case::not_there(on_server("8"), Sighting::Absent)]
#[tokio::test]
async fn the_tenant_that_is_asked_for(#[case] listed: viis::Tenant, #[case] sighting: Sighting) {
    let stage = Stage::ready();
    stage.lists(&[listed]);
    let asking = acme().with(json!({"existingTenantID": "7", "description": "gold"}));
    assert_eq!(facts(&stage, asking).world.existing, sighting);
}

// === Fresh lists ===

#[rstest]
#[case::just_made(0, true)]
#[case::old(11, false)]
#[tokio::test]
async fn a_list_is_fresh_for_ten_seconds(#[case] age: u64, #[case] fresh: bool) {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(age)));
    assert_eq!(facts(&stage, acme()).world.fresh, fresh);
}

#[tokio::test]
async fn a_slow_list_that_this_very_look_asked_for_is_fresh() {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(40)));
    let mut memory = Memory {
        run_started: Some(ago(seconds(41))),
        ..Memory::default()
    };
    assert!(look(&stage, acme(), &mut memory).facts.world.fresh);
}

#[rstest]
#[case::from_before_the_attempt(5, 8, false)]
#[case::from_after_the_attempt(5, 2, true)]
#[case::from_before_it_was_settled(31, 5, false)]
#[case::from_after_it_was_settled(39, 5, true)]
#[tokio::test]
async fn what_a_list_says_of_an_attempt_depends_on_when_it_began(
    #[case] attempt: u64,
    #[case] list: u64,
    #[case] fresh: bool,
) {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(list)));
    let mut memory = remembering(|seen| seen.since = ago(seconds(attempt)));
    let facts = look(&stage, acme().creating(None), &mut memory).facts;
    assert_eq!(facts.world.fresh, fresh);
}

#[rstest]
#[case::a_free_name(acme(), true)]
#[case::a_taken_name(acme().with(json!({"name": "taken"})), false)]
#[case::an_identifier_that_is_asked_for(acme().with(json!({"existingTenantID": "9"})), false)]
#[case::a_tenant_of_ours(acme().recorded("1"), true)]
#[tokio::test]
async fn what_a_person_is_told_rests_on_a_list_from_after_the_spec(
    #[case] tenant: Tenant,
    #[case] fresh: bool,
) {
    let stage = Stage::ready();
    let listed = [viis::Tenant::test("5", "taken"), on_server("1")];
    let listed = if tenant.status.is_some() {
        &listed[..]
    } else {
        &listed[..1]
    };
    stage.picture().tenants().replace(listed, ago(seconds(5)));
    let mut memory = Memory {
        spec_seen: Some((1, None, ago(seconds(1)))),
        ..Memory::default()
    };
    let look_again = |memory: &mut Memory| look(&stage, tenant.clone(), memory).facts.world.fresh;
    assert_eq!(look_again(&mut memory), fresh);
    memory.spec_seen = Some((1, None, ago(seconds(6))));
    assert!(
        look_again(&mut memory),
        "a list from after the spec is good for everything"
    );
}

// === Tasks that nobody claims ===

#[tokio::test]
async fn without_a_recent_survey_tasks_may_run() {
    let stage = Stage::ready();
    let unclaimed = |stage: &Stage| {
        let world = facts(stage, acme()).world;
        (world.unclaimed_creations, world.unclaimed_removals)
    };
    assert_eq!(unclaimed(&stage), (true, true), "nobody looked");
    let deletion = [viis::Task::test("9").of_type(TaskType::DeleteTenant)];
    stage.picture().surveyed(&deletion, ago(seconds(11)));
    assert_eq!(unclaimed(&stage), (true, true), "somebody looked, long ago");
    stage.picture().surveyed(&deletion, ago(seconds(1)));
    assert_eq!(unclaimed(&stage), (false, true));
}

/// `survey`, `list`: how many seconds ago they were made, `seen`: the Tenant, `waits`:
/// since when that is waited for.
#[rstest]
#[case::nothing_runs(None, 8, 5, 9, None, false)]
#[case::a_deletion_runs(Some(TaskType::DeleteTenant), 8, 5, 9, None, true)]
#[case::something_else_runs(Some(TaskType::CreateTenant), 8, 5, 9, None, false)]
#[case::the_tenants_were_listed_first(None, 5, 8, 9, None, true)]
#[case::the_tasks_were_listed_long_ago(None, 12, 8, 13, None, true)]
#[case::the_tasks_were_listed_before_it_came(None, 8, 5, 7, None, true)]
#[case::a_deletion_runs_for_half_a_minute(Some(TaskType::DeleteTenant), 8, 5, 99, Some(30), false)]
#[case::a_deletion_runs_for_almost_half_a_minute(
    Some(TaskType::DeleteTenant),
    8,
    5,
    99,
    Some(29),
    true
)]
#[case::the_tasks_cannot_be_listed_for_half_a_minute(None, 60, 5, 40, Some(30), false)]
#[case::it_waited_for_something_else(Some(TaskType::DeleteTenant), 8, 5, 99, None, true)]
#[tokio::test]
async fn what_would_be_taken_over_may_be_on_its_way_out(
    #[case] runs: Option<TaskType>,
    #[case] survey: u64,
    #[case] list: u64,
    #[case] seen: u64,
    #[case] waits: Option<u64>,
    #[case] may_vanish: bool,
) {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(list)));
    let tasks: Vec<_> = runs
        .into_iter()
        .map(|of_type| viis::Task::test("9").of_type(of_type))
        .collect();
    stage.picture().surveyed(&tasks, ago(seconds(survey)));
    let mut memory = Memory {
        spec_seen: Some((1, None, ago(seconds(seen)))),
        vanishing_since: waits.map(|waits| ago(seconds(waits))),
        ..Memory::default()
    };
    let world = look(&stage, acme(), &mut memory).facts.world;
    assert_eq!(world.may_vanish, may_vanish);
}

#[rstest]
#[case::the_tenants_first(40, 5, 8, true)]
#[case::the_tasks_first(40, 8, 5, false)]
#[case::the_tasks_before_it_was_settled(36, 8, 5, true)]
#[case::not_settled_yet(20, 8, 5, false)]
#[tokio::test]
async fn a_list_says_nothing_of_what_ran_when_it_began(
    #[case] attempt: u64,
    #[case] survey: u64,
    #[case] list: u64,
    #[case] unclaimed: bool,
) {
    let stage = Stage::ready();
    stage.picture().tenants().replace(&[], ago(seconds(list)));
    stage.picture().surveyed(&[], ago(seconds(survey)));
    let mut memory = remembering(|seen| seen.since = ago(seconds(attempt)));
    let world = look(&stage, acme().creating(None), &mut memory).facts.world;
    assert_eq!(world.unclaimed_creations, unclaimed);
}
