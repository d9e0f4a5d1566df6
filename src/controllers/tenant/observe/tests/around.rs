//! Server, rivals, machines, guard and refusals.

use super::*;

// === The server ===

#[tokio::test]
async fn a_server_can_be_missing_foreign_parked_guarded_or_ready() {
    let reach = |stage: &Stage| facts(stage, acme()).server.reach;
    assert_eq!(reach(&Stage::empty()), Reach::Missing);
    let foreign = IntegrationServer::test().served_by("elsewhere/viis-operator");
    assert_eq!(reach(&Stage::ready_with(foreign)), Reach::Foreign);
    let ours = IntegrationServer::test().served_by("viis-system/viis-operator");
    assert_eq!(reach(&Stage::ready_with(ours)), Reach::Ready);
    assert_eq!(
        reach(&Stage::knowing(IntegrationServer::test())),
        Reach::NotReady
    );
    assert_eq!(
        reach(&Stage::serving(IntegrationServer::test())),
        Reach::Guarded
    );
}

#[tokio::test]
async fn a_list_that_nobody_judged_is_judged_before_anything_is_decided_on_it() {
    let stage = Stage::ready();
    for number in 0..8 {
        stage.tenant(Tenant::test(&format!("lost-{number}")).recorded(&format!("lost-{number}")));
    }
    stage.lists(&[on_server("1")]);
    assert_eq!(stage.handle().reach(), Reach::Ready, "as judged before");
    assert_eq!(
        facts(&stage, acme().recorded("1")).server.reach,
        Reach::Guarded
    );
}

#[rstest]
#[case::everybody(IntegrationServer::test(), &[], true)]
#[case::chosen(IntegrationServer::test().selective(), &[("viis", "allowed")], true)]
#[case::not_chosen(IntegrationServer::test().selective(), &[("viis", "no")], false)]
#[tokio::test]
async fn a_namespace_is_permitted(
    #[case] server: IntegrationServer,
    #[case] labels: &[(&str, &str)],
    #[case] permitted: bool,
) {
    let stage = Stage::ready_with(server);
    stage.namespace("customers", labels, false);
    assert_eq!(facts(&stage, acme()).server.permitted, permitted);
}

#[rstest]
#[case("Never", false, false)]
#[case("ByID", true, false)]
#[case("IfIdentical", true, true)]
#[tokio::test]
async fn the_adoption_policy(#[case] policy: &str, #[case] by_id: bool, #[case] identical: bool) {
    let server = IntegrationServer::test().with(json!({"adoptionPolicy": policy}));
    let server = facts(&Stage::ready_with(server), acme()).server;
    assert_eq!(
        (server.adopts_by_id, server.adopts_identical),
        (by_id, identical)
    );
}

#[tokio::test]
async fn a_server_that_is_deleted_is_leaving() {
    let stage = Stage::ready_with(IntegrationServer::test().deleted());
    assert!(facts(&stage, acme()).server.leaving);
}

// === Claims ===

fn namesake(name: &str) -> Tenant {
    Tenant::test(name).with(json!({"name": "Acme"}))
}

#[rstest]
#[case::alone(None, false)]
#[case::against_a_younger_one(Some(namesake("rival").made_at(minutes_ago(1))), false)]
#[case::against_an_older_one(Some(namesake("rival").made_at(minutes_ago(9))), true)]
#[case::against_one_that_has_it(Some(namesake("rival").made_at(minutes_ago(1)).recorded("1")), true)]
#[case::against_one_that_is_making_it(Some(namesake("rival").made_at(minutes_ago(1)).creating(None)), true)]
#[case::against_one_whose_status_is_a_restored_ones(
    Some(namesake("rival").recorded("1").under_uid("uid-restored").made_at(minutes_ago(1))),
    false
)]
#[case::against_one_on_another_server(
    Some(namesake("rival").made_at(minutes_ago(9)).with(json!({"integrationServerRef": {"name": "second"}}))),
    false
)]
#[case::against_an_older_one_of_another_namespace(
    Some(namesake("rival").in_namespace("others").made_at(minutes_ago(9))),
    true
)]
#[tokio::test]
async fn a_name_belongs_to_one(#[case] rival: Option<Tenant>, #[case] outclaimed: bool) {
    let stage = Stage::ready();
    if let Some(rival) = rival {
        stage.tenant(rival);
    }
    let ours = namesake("acme").made_at(minutes_ago(5));
    assert_eq!(facts(&stage, ours).outclaimed, outclaimed);
}

#[tokio::test]
async fn a_rival_whose_namespace_may_not_has_no_claim() {
    let stage = Stage::ready_with(IntegrationServer::test().selective());
    stage.namespace("customers", &[("viis", "allowed")], false);
    stage.namespace("others", &[], false);
    stage.tenant(
        namesake("rival")
            .in_namespace("others")
            .made_at(minutes_ago(9)),
    );
    assert!(!facts(&stage, namesake("acme")).outclaimed);
}

// === Machines ===

fn machine(name: &str) -> VirtualMachine {
    VirtualMachine::test_resource(name)
}

#[tokio::test]
async fn machines_are_counted() {
    let stage = Stage::ready();
    stage.machine(machine("registered").registered("1"));
    stage.machine(machine("stalled").saying(ConditionType::Stalled, true, "AlreadyClaimed"));
    stage.machine(machine("new"));
    stage.machine(machine("leaving").registered("1").deleted());
    let scene = look(&stage, acme().recorded("1"), &mut Memory::default());
    let count = Count {
        referring: 3,
        registered: 2,
        unregistered: 1,
    };
    assert_eq!(scene.machines, count);
    assert!(scene.facts.machines.unregistered);
    assert_eq!(scene.referrers.len(), 3);
}

#[rstest]
#[case::not_listed(None, Referrers::Unlisted)]
#[case::listed_and_none(Some((0, vec![])), Referrers::None)]
#[case::listed_and_some(Some((0, vec!["web".to_owned()])), Referrers::Some)]
#[case::listed_long_ago(Some((11, vec![])), Referrers::Unlisted)]
#[tokio::test]
async fn only_a_live_list_shows_that_nobody_refers(
    #[case] listed: Option<(u64, Vec<String>)>,
    #[case] referrers: Referrers,
) {
    let mut memory = Memory {
        referrers: listed.map(|(age, names)| (ago(seconds(age)), names)),
        ..Memory::default()
    };
    let facts = look(&Stage::ready(), acme().deleted(), &mut memory).facts;
    assert_eq!(facts.machines.referrers, referrers);
}

#[tokio::test]
async fn a_watched_machine_makes_a_live_list_old() {
    let stage = Stage::ready();
    stage.machine(machine("web"));
    let mut memory = Memory {
        referrers: Some((Instant::now(), Vec::new())),
        ..Memory::default()
    };
    let facts = look(&stage, acme().deleted(), &mut memory).facts;
    assert_eq!(facts.machines.referrers, Referrers::Some);
    assert!(
        memory.referrers.is_none(),
        "once it is gone, it is listed anew"
    );
}

#[rstest]
#[case::never(acme(), true)]
#[case::waiting_for_machines(acme().saying(ConditionType::Activated, false, reasons::WAITING_FOR_VIRTUAL_MACHINES), true)]
#[case::active(acme().saying(ConditionType::Activated, true, reasons::ACTIVE), false)]
#[case::was_active(acme().saying(ConditionType::Activated, false, reasons::TASK_RUNNING), false)]
#[tokio::test]
async fn machines_come_before_the_first_activation_alone(
    #[case] tenant: Tenant,
    #[case] first: bool,
) {
    assert_eq!(
        facts(&Stage::ready(), tenant).machines.first_activation,
        first
    );
}

#[rstest]
#[case::nine_minutes(9, false)]
#[case::ten_minutes(11, true)]
#[tokio::test]
async fn machines_are_waited_for_ten_minutes(#[case] minutes: i64, #[case] waited: bool) {
    let mut tenant = acme();
    let since = Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    let all = &mut tenant.own().conditions;
    conditions::set(
        all,
        ConditionType::Provisioned,
        true,
        reasons::CREATED,
        "made",
        1,
        since,
    );
    assert_eq!(facts(&Stage::ready(), tenant).machines.waited, waited);
}

// === The guard's word ===

#[tokio::test]
async fn a_destruction_is_pending_granted_or_held() {
    let stage = Stage::ready();
    let admission = |stage: &Stage| facts(stage, acme().recorded("1").deleted()).admission;
    assert_eq!(admission(&Stage::empty()), Admission::Pending);
    stage.judged(|verdicts| {
        verdicts.held.insert("uid-acme".to_owned());
    });
    assert_eq!(admission(&stage), Admission::Held);
    stage.judged(|verdicts| {
        verdicts.admitted.insert("uid-acme".to_owned());
    });
    assert_eq!(admission(&stage), Admission::Granted);
}

// === Refusals ===

fn refused(change: impl FnOnce(&mut Rejection)) -> Memory {
    let mut rejection = Rejection {
        step: Step::Create,
        reason: "VIRMT_PasswordNotComplyPolicy".to_owned(),
        message: "no.".to_owned(),
        generation: 1,
        at: Instant::now(),
        requested_at: None,
        secret: None,
        forbidden: false,
    };
    change(&mut rejection);
    Memory {
        rejection: Some(rejection),
        ..Memory::default()
    }
}

#[rstest]
#[case::nothing_changed(refused(|_| {}), Some(Step::Create))]
#[case::after_29_minutes(refused(|r| r.at = ago(seconds(29 * 60))), Some(Step::Create))]
#[case::after_30_minutes(refused(|r| r.at = ago(HALF_AN_HOUR)), None)]
#[case::another_generation(refused(|r| r.generation = 0), None)]
#[case::it_was_requested(refused(|r| r.requested_at = Some("yesterday".to_owned())), None)]
#[tokio::test]
async fn a_refusal_stands_until_something_changes(
    #[case] mut memory: Memory,
    #[case] rejected: Option<Step>,
) {
    let facts = look(&Stage::ready(), acme(), &mut memory).facts;
    assert_eq!(facts.rejected, rejected);
}

#[tokio::test]
async fn a_new_request_is_a_reason_to_try_again() {
    let requested = acme().annotated(api::REQUESTED_AT_ANNOTATION, "now");
    let facts = look(&Stage::ready(), requested, &mut refused(|_| {})).facts;
    assert_eq!(facts.rejected, None);
}

#[tokio::test]
async fn an_account_that_was_refused_is_tried_again_once_the_server_is_back() {
    let stage = Stage::ready();
    let memory = || refused(|rejection| rejection.forbidden = true);
    let before = look(&stage, acme(), &mut memory()).facts.rejected;
    assert_eq!(before, Some(Step::Create));
    let mut memory = memory();
    stage.picture().health().probe_failed();
    std::thread::sleep(Duration::from_millis(2));
    stage.picture().health().probed();
    assert_eq!(look(&stage, acme(), &mut memory).facts.rejected, None);
}

#[test]
fn codes_say_what_was_refused() {
    let of = |text| refusal(viis::Code::new(text).as_ref());
    assert_eq!(
        of("VIRMT_TenantWithSpecifiedNameAlreadyExists"),
        Refusal::NameExists
    );
    assert_eq!(
        of("VIRMT_TenantWithSpecifiedIdNotFound"),
        Refusal::TenantNotFound
    );
    assert_eq!(of("KSC_ServiceNotConfigured"), Refusal::Other);
    assert_eq!(refusal(None), Refusal::Other);
}
