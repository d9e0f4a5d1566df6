#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::super::rivals::is_outclaimed;
use super::*;
use crate::api::{IntegrationServer, REGISTERED_WITH_ANNOTATION};
use crate::controllers::fixtures::{BIOS_ID, Stage, minutes_ago};
use crate::viis;

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web").deleted()
}

fn noting(machine: VirtualMachine, note: &str) -> VirtualMachine {
    machine.annotated(REGISTERED_WITH_ANNOTATION, note)
}

fn live(mut machine: VirtualMachine) -> VirtualMachine {
    machine.metadata.deletion_timestamp = None;
    machine
}

fn place(text: &str) -> Place {
    let (server, tenant) = text.split_once('/').unwrap();
    Place {
        server: server.to_owned(),
        tenant: TenantId::new(tenant),
    }
}

/// The Tenant `acme` has "1" on `main`.
fn acme() -> Tenant {
    Tenant::test("acme").recorded("1")
}

/// `main` is open to labelled namespaces alone, and lets `customers` in.
fn selective() -> Stage {
    let stage = Stage::ready_with(IntegrationServer::test().selective());
    stage.namespace("customers", &[("viis", "allowed")], false);
    stage
}

/// `second` is served as well, has these tenants, and is believed.
fn with_second(stage: &Stage, change: impl FnOnce(&mut IntegrationServer)) -> Arc<Handle> {
    let mut second = IntegrationServer::test();
    second.metadata.name = Some("second".to_owned());
    change(&mut second);
    stage.context.cluster.servers.put(second);
    let main = stage.handle();
    stage.serve_at("127.0.0.1:7272");
    let handle = stage.handle();
    stage.lists(&[viis::Tenant::test("7", "acme")]);
    stage.believes();
    stage.context.servers.put("second", Arc::clone(&handle));
    stage.context.servers.put("main", main);
    handle
}

fn look<T>(
    stage: &Stage,
    machine: VirtualMachine,
    left: &[Place],
    ask: impl Fn(&Search<'_>) -> T,
) -> T {
    let machine = stage.machine(machine);
    let tenant = stage.context.cluster.tenant(&cluster::Key {
        namespace: machine.meta().namespace.clone().unwrap(),
        name: machine.spec.tenant_ref.name.clone(),
    });
    let home = tenant.as_deref().and_then(Place::of_tenant);
    ask(&Search {
        context: &stage.context,
        machine: &machine,
        bios_id: BIOS_ID.parse().unwrap(),
        home: home.as_ref(),
        left,
    })
}

/// What a deletion undoes now, and what it only warns of.
fn undoes(stage: &Stage, machine: VirtualMachine) -> (Whereabouts, Option<Place>, Option<Place>) {
    let trail = look(stage, machine, &[], |search| search.trail());
    (trail.whereabouts, trail.place, trail.unproved)
}

// === What a note is worth ===

#[rstest]
#[case::nobody_has_that_tenant(vec![])]
#[case::a_tenant_of_another_namespace_has_it(vec![Tenant::test("theirs").in_namespace("others").recorded("9")])]
#[case::its_own_tenant_has_another(vec![acme()])]
#[case::its_own_tenant_had_it_under_another_uid(vec![Tenant::test("acme").recorded("9").under_uid("restored")])]
#[case::it_is_on_another_server(vec![Tenant::test("acme").recorded("9").with(json!({"integrationServerRef": {"name": "second"}}))])]
#[tokio::test]
async fn a_note_that_nothing_proves_is_only_warned_of(#[case] tenants: Vec<Tenant>) {
    let stage = Stage::ready();
    for tenant in tenants {
        stage.tenant(tenant);
    }
    let (_, undone, warned) = undoes(&stage, noting(web(), "main/9"));
    assert_ne!(undone, Some(place("main/9")), "anybody can write a note");
    assert_eq!(warned, Some(place("main/9")));
}

#[tokio::test]
async fn a_note_without_anything_else_is_no_registration() {
    let (whereabouts, ..) = undoes(&Stage::ready(), noting(web(), "main/9"));
    assert_eq!(whereabouts, Whereabouts::Nowhere);
}

#[tokio::test]
async fn a_note_counts_where_a_tenant_of_the_namespace_has_that_tenant() {
    let stage = selective();
    stage.tenant(Tenant::test("other").recorded("9"));
    let noted = (Whereabouts::Elsewhere, Some(place("main/9")), None);
    assert_eq!(undoes(&stage, noting(web(), "main/9")), noted);
    stage.tenant(acme());
    let noted = (Whereabouts::Home, Some(place("main/1")), None);
    assert_eq!(undoes(&stage, noting(web(), "main/1")), noted);
}

#[tokio::test]
async fn a_note_counts_for_nothing_where_the_namespace_may_not_refer_to_the_server() {
    let stage = selective();
    stage.tenant(acme());
    stage.namespace("customers", &[], false);
    let nothing = (Whereabouts::Nowhere, None, Some(place("main/1")));
    assert_eq!(undoes(&stage, noting(web(), "main/1")), nothing);
    let nothing = (Whereabouts::Nowhere, None, None);
    assert_eq!(undoes(&stage, web()), nothing, "nor does its Tenant alone");
}

#[tokio::test]
async fn a_tenant_that_is_proved_gone_is_not_warned_of() {
    let stage = Stage::ready();
    stage.picture().tenants().proved_absent(&TenantId::new("9"));
    let nothing = (Whereabouts::Nowhere, None, None);
    assert_eq!(undoes(&stage, noting(web(), "main/9")), nothing);
}

// === What a status is worth ===

#[tokio::test]
async fn a_status_counts_without_tenant_and_without_permission() {
    let stage = selective();
    stage.namespace("customers", &[], false);
    let recorded = (Whereabouts::Elsewhere, Some(place("main/7")), None);
    assert_eq!(undoes(&stage, web().registered("7")), recorded);
}

#[tokio::test]
async fn nothing_counts_where_a_tenant_of_another_namespace_has_it() {
    let stage = Stage::ready();
    stage.tenant(Tenant::test("theirs").in_namespace("others").recorded("7"));
    let (whereabouts, undone, warned) = undoes(&stage, web().registered("7"));
    assert_eq!((whereabouts, undone), (Whereabouts::Nowhere, None));
    assert_eq!(warned, Some(place("main/7")));
}

/// Both say so: which of the two is right, the tenant's name decides.
#[tokio::test]
async fn its_own_tenant_counts_though_another_namespace_says_the_same() {
    let stage = Stage::ready();
    stage.tenant(Tenant::test("theirs").in_namespace("others").recorded("1"));
    stage.tenant(acme());
    let (whereabouts, undone, _) = undoes(&stage, web().registered("1"));
    assert_eq!(
        (whereabouts, undone),
        (Whereabouts::Home, Some(place("main/1")))
    );
}

// === One pair, and then the other ===

#[tokio::test]
async fn server_and_tenant_come_from_one_source() {
    let stage = Stage::ready();
    stage.tenant(acme().with(json!({"integrationServerRef": {"name": "second"}})));
    let recorded = (Whereabouts::Elsewhere, Some(place("main/7")), None);
    assert_eq!(undoes(&stage, web().registered("7")), recorded);
}

#[tokio::test]
async fn where_note_and_status_differ_both_are_undone() {
    let stage = Stage::ready();
    stage.tenant(Tenant::test("acme").recorded("2"));
    let machine = noting(web().registered("1"), "main/2");
    let mut left = Vec::new();
    let mut followed = Vec::new();
    loop {
        let trail = look(&stage, machine.clone(), &left, |search| search.trail());
        let Some(place) = trail.place else {
            assert_eq!(trail.whereabouts, Whereabouts::Left);
            break;
        };
        followed.push(place.to_string());
        left.push(place);
    }
    assert_eq!(
        followed,
        [
            "tenant 2 of IntegrationServer main",
            "tenant 1 of IntegrationServer main"
        ]
    );
}

#[tokio::test]
async fn a_tenant_that_is_gone_does_not_hide_the_other_place() {
    let stage = Stage::ready();
    stage.tenant(Tenant::test("acme").recorded("2"));
    stage.picture().tenants().proved_absent(&TenantId::new("2"));
    let machine = noting(web().registered("1"), "main/2");
    let (_, undone, _) = undoes(&stage, machine);
    assert_eq!(undone, Some(place("main/1")));
}

#[tokio::test]
async fn without_note_and_status_it_may_be_with_its_tenant() {
    let stage = Stage::ready();
    stage.tenant(acme());
    let home = (Whereabouts::Home, Some(place("main/1")), None);
    assert_eq!(undoes(&stage, web()), home);
}

// === What a live machine left over ===

/// Its Tenant has "1" on `main`.
fn left_over(stage: &Stage, machine: VirtualMachine) -> Option<(Place, Leftover)> {
    stage.lists(&[viis::Tenant::test("1", "acme")]);
    stage.believes();
    stage.tenant(acme());
    look(stage, live(machine), &[], |search| search.leftover())
}

fn on_second(id: &str) -> VirtualMachine {
    let mut machine = web().registered("7");
    let status = machine.status.as_mut().unwrap();
    status.integration_server = Some("second".to_owned());
    status.virtual_machine_id = Some(id.to_owned());
    machine
}

fn shows(handle: &Handle, id: Option<&str>) {
    let mut found = viis::VirtualMachine::test(BIOS_ID.parse().unwrap());
    found.id = id.map(viis::VirtualMachineId::new);
    let now = tokio::time::Instant::now();
    let machines = handle.server.machines();
    machines.replace(&TenantId::new("7"), &[found], now);
}

#[tokio::test]
async fn what_is_where_its_tenant_is_is_not_left_over() {
    let stage = Stage::ready();
    assert_eq!(left_over(&stage, web().registered("1")), None);
    assert_eq!(left_over(&stage, web()), None);
    let stale = noting(web().registered("1"), "main/9");
    assert_eq!(
        left_over(&stage, stale),
        None,
        "the status was written last"
    );
}

#[tokio::test]
async fn a_note_that_came_with_a_copied_manifest_is_no_past() {
    let stage = Stage::ready();
    stage.tenant(Tenant::test("older").recorded("5"));
    let mut machine = noting(web(), "main/5");
    machine.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
    assert!(left_over(&stage, machine.clone()).is_some());
    machine.metadata.finalizers = None;
    assert_eq!(left_over(&stage, machine), None);
}

#[rstest]
#[case::the_very_registration(Some("vm-1"), Leftover::Removable)]
#[case::without_an_identifier(None, Leftover::Removable)]
#[case::another_registration(Some("vm-2"), Leftover::Lost)]
#[tokio::test]
async fn on_the_old_server_stands(#[case] id: Option<&str>, #[case] left: Leftover) {
    let stage = Stage::ready();
    let second = with_second(&stage, |_| {});
    let there = |left| Some((place("second/7"), left));
    assert_eq!(
        left_over(&stage, on_second("vm-1")),
        there(Leftover::Unlisted)
    );
    shows(&second, id);
    assert_eq!(left_over(&stage, on_second("vm-1")), there(left));
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_may_still_be_carried_out_there_is_waited_for() {
    let stage = Stage::ready();
    let second = with_second(&stage, |_| {});
    let there = |left| Some((place("second/7"), left));
    let machine = on_second("vm-1");
    shows(&second, Some("vm-1"));
    let machines = second.server.machines();
    machines.registration_unanswered(&TenantId::new("7"), BIOS_ID.parse().unwrap());
    let late = there(Leftover::Unsettled);
    assert_eq!(left_over(&stage, machine.clone()), late);
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(left_over(&stage, machine.clone()), late);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(left_over(&stage, machine), there(Leftover::Removable));
}

#[tokio::test]
async fn what_another_process_may_have_registered_there_late_is_waited_for() {
    let stage = Stage::ready();
    let second = with_second(&stage, |_| {});
    shows(&second, Some("vm-1"));
    let late = Some((place("second/7"), Leftover::Unsettled));
    assert_eq!(
        left_over(&stage, noting(on_second("vm-1"), "second/7")),
        late
    );
}

#[tokio::test]
async fn a_tenant_that_is_listed_no_more_has_its_machines_listed() {
    let stage = Stage::ready();
    let second = with_second(&stage, |_| {});
    let absent = {
        let mut machine = on_second("vm-1");
        machine.status.as_mut().unwrap().tenant_id = Some("8".to_owned());
        machine
    };
    let unlisted = Some((place("second/8"), Leftover::Unlisted));
    assert_eq!(left_over(&stage, absent.clone()), unlisted);
    second.server.tenants().proved_absent(&TenantId::new("8"));
    assert_eq!(left_over(&stage, absent), None);
}

#[rstest]
#[case::suspended(|server: &mut IntegrationServer| server.spec.suspend = true, Leftover::Blocked)]
#[case::another_installations(
    |server: &mut IntegrationServer| server.status.get_or_insert_default().operator = Some("other/one".to_owned()),
    Leftover::Lost
)]
#[tokio::test]
async fn an_old_server_that_is(#[case] change: fn(&mut IntegrationServer), #[case] left: Leftover) {
    let stage = Stage::ready();
    with_second(&stage, change);
    assert_eq!(
        left_over(&stage, on_second("vm-1")),
        Some((place("second/7"), left))
    );
}

#[rstest]
#[case::it_comes_back(false, Leftover::Blocked)]
#[case::it_is_deleted(true, Leftover::Lost)]
#[tokio::test]
async fn an_old_server_that_does_not_answer(#[case] leaving: bool, #[case] left: Leftover) {
    let stage = Stage::ready();
    let second = with_second(&stage, |server| {
        if leaving {
            *server = server.clone().deleted();
        }
    });
    second.server.health().probe_failed();
    assert_eq!(
        left_over(&stage, on_second("vm-1")),
        Some((place("second/7"), left))
    );
}

#[tokio::test]
async fn an_old_server_that_nobody_knows_is_lost() {
    let lost = Some((place("second/7"), Leftover::Lost));
    assert_eq!(left_over(&Stage::ready(), on_second("vm-1")), lost);
}

#[tokio::test]
async fn what_a_tenant_of_another_namespace_has_now_is_lost() {
    let stage = Stage::ready();
    with_second(&stage, |_| {});
    let theirs = Tenant::test("theirs").in_namespace("others").recorded("7");
    stage.tenant(theirs.with(json!({"integrationServerRef": {"name": "second"}})));
    let lost = Some((place("second/7"), Leftover::Lost));
    assert_eq!(left_over(&stage, on_second("vm-1")), lost);
}

// === A restored backup ===

#[tokio::test]
async fn a_status_of_another_uid_records_nothing() {
    let stage = Stage::ready();
    let restored = web().registered("9").under_uid("restored");
    assert_eq!(undoes(&stage, restored), (Whereabouts::Nowhere, None, None));
    stage.tenant(acme());
    let moved = live(web().registered("9").under_uid("restored"));
    assert_eq!(left_over(&stage, moved), None);
}

// === Claims ===

fn is_outclaimed_on(stage: &Stage, machine: VirtualMachine, server: &str) -> bool {
    let machine = stage.machine(machine);
    let bios_id = BIOS_ID.parse().unwrap();
    is_outclaimed(&stage.context, &machine, Some(server), bios_id)
}

#[tokio::test]
async fn a_status_holds_the_bios_id_on_the_server_that_it_names() {
    let stage = Stage::ready();
    with_second(&stage, |_| {});
    stage.tenant(acme());
    let elsewhere = Tenant::test("elsewhere").recorded("8");
    stage.tenant(elsewhere.with(json!({"integrationServerRef": {"name": "second"}})));
    let rival = VirtualMachine::test_resource("rival").made_at(minutes_ago(60 * 24 * 365));
    stage.machine(rival.with(json!({"tenantRef": {"name": "elsewhere"}})));
    let trail = look(&stage, on_second("vm-1"), &[], |search| search.trail());
    assert_eq!(trail.place, Some(place("second/7")));
    let holds = !is_outclaimed_on(&stage, on_second("vm-1"), "second");
    assert!(holds, "it is registered there");
}

#[tokio::test]
async fn a_note_takes_no_bios_id_away() {
    let stage = Stage::ready();
    stage.tenant(acme());
    let forged = VirtualMachine::test_resource("forged").in_namespace("others");
    stage.machine(noting(forged.made_at(minutes_ago(60)), "main/1"));
    let ours = live(web()).made_at(minutes_ago(5));
    assert!(!is_outclaimed_on(&stage, ours, "main"));
}

fn young() -> VirtualMachine {
    web().made_at(minutes_ago(5))
}

/// An older machine of another tenant of the same namespace.
fn older_of_other(stage: &Stage) -> VirtualMachine {
    stage.tenant(acme());
    stage.tenant(Tenant::test("other").recorded("9"));
    let rival = VirtualMachine::test_resource("rival").made_at(minutes_ago(60));
    rival.with(json!({"tenantRef": {"name": "other"}}))
}

#[rstest]
#[case::with_another_tenant(|rival| rival, false)]
#[case::with_another_tenant_and_recorded(|rival: VirtualMachine| rival.registered("9"), true)]
#[case::with_the_same_tenant(
    |rival: VirtualMachine| rival.with(json!({"tenantRef": {"name": "acme"}})),
    true
)]
#[tokio::test]
async fn whose_registration_was_sent_goes_on_beside_an_older_one(
    #[case] change: fn(VirtualMachine) -> VirtualMachine,
    #[case] outclaimed: bool,
) {
    let stage = Stage::ready();
    let rival = change(older_of_other(&stage));
    stage.machine(rival);
    let sent = noting(live(young()), "main/1");
    assert_eq!(is_outclaimed_on(&stage, sent, "main"), outclaimed);
    let not_sent = live(young());
    assert!(is_outclaimed_on(&stage, not_sent, "main"));
}

#[rstest]
#[case::with_another_tenant(|rival| rival, false)]
#[case::noted_there_too(|rival| noting(rival, "main/1"), true)]
#[case::noted_there_by_another_namespace(
    |rival: VirtualMachine| noting(rival.in_namespace("others"), "main/1"),
    false
)]
#[case::with_the_same_tenant(
    |rival: VirtualMachine| rival.with(json!({"tenantRef": {"name": "acme"}})),
    true
)]
#[tokio::test]
async fn what_only_this_machine_can_have_registered_is_unregistered_with_it(
    #[case] change: fn(VirtualMachine) -> VirtualMachine,
    #[case] anothers: bool,
) {
    let stage = Stage::ready();
    let rival = change(older_of_other(&stage));
    stage.machine(rival);
    let machine = stage.machine(noting(young(), "main/1"));
    let bios_id = BIOS_ID.parse().unwrap();
    let found = may_be_anothers(&stage.context, &machine, &place("main/1"), bios_id);
    assert_eq!(found, anothers);
}
