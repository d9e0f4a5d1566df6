//! Deletions that were decided: how far they are, and what proves anything of them.

use super::*;

#[tokio::test]
async fn a_decision_of_this_very_process_was_certainly_not_sent() {
    let mut memory = Memory {
        removal: Some(RemovalMemory {
            unsent: true,
            ..RemovalMemory::seen("removal-1")
        }),
        ..Memory::default()
    };
    let tenant = acme().recorded("1").deleted().removing(None);
    let removal = look(&Stage::ready(), tenant, &mut memory)
        .facts
        .record
        .removal;
    assert_eq!(removal, Removal::Decided);
}

#[rstest]
#[case::just_seen(0, false)]
#[case::after_30_seconds(30, true)]
#[tokio::test]
async fn a_decision_of_another_process_is_settled_after_30_seconds(
    #[case] age: u64,
    #[case] settled: bool,
) {
    let mut memory = Memory {
        removal: Some(RemovalMemory {
            since: ago(seconds(age)),
            ..RemovalMemory::seen("removal-1")
        }),
        ..Memory::default()
    };
    let tenant = acme().recorded("1").deleted().removing(None);
    let removal = look(&Stage::ready(), tenant, &mut memory)
        .facts
        .record
        .removal;
    assert_eq!(removal, Removal::Unknown { settled });
}

/// Nothing is known then: the tenant is asked for.
#[tokio::test]
async fn a_completed_task_that_says_no_is_no_proof() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    let removal = viis::Task::test("9").of_type(TaskType::DeleteTenant);
    stage
        .picture()
        .shows_tasks(&[removal.completed().saying(" False ")]);
    let tenant = acme().recorded("1").deleted().removing(Some("9"));
    let removal = look(&stage, tenant, &mut following()).facts.record.removal;
    let forgotten = Removal::Task {
        task: Task::Forgotten,
        cancelled: false,
        settled: false,
    };
    assert_eq!(removal, forgotten);
}

#[tokio::test]
async fn a_removals_task_is_followed() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .of_type(TaskType::DeleteTenant)
        .completed()]);
    let far = |memory: &mut Memory| {
        let tenant = acme().recorded("1").deleted().removing(Some("9"));
        match look(&stage, tenant, memory).facts.record.removal {
            Removal::Task { task, .. } => task,
            removal => panic!("{removal:?}"),
        }
    };
    assert_eq!(far(&mut following()), Task::Completed);
    let mut remade = following();
    remade.removal.as_mut().unwrap().created = "2026-05-01T10:00:00".parse().ok();
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .of_type(TaskType::DeleteTenant)
        .made_at("2026-05-01T11:00:00")
        .at_percent(100)
        .completed()]);
    assert_eq!(far(&mut remade), Task::Forgotten, "made at another time");
    assert_eq!(
        far(&mut Memory::default()),
        Task::Forgotten,
        "this process did not send it"
    );
    stage.picture().forgets_task(&TaskId::new("9"));
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("other"));
    assert_eq!(far(&mut following()), Task::Forgotten, "another Tenant's");
}

/// A server that was rolled back does not remember the task, and gives its identifier to
/// the next one, which may delete another tenant.
#[rstest]
#[case::it_lapsed(|stage: &Stage| stage.picture().forgets_task(&TaskId::new("9")))]
#[case::another_tenant_was_given_it(|stage: &Stage| {
    stage.picture().watch_task(&TaskId::new("9"), &owner("other"));
    stage.picture().tasks().forget(&TaskId::new("9"), &owner("other"));
})]
#[tokio::test]
async fn the_end_of_a_task_under_an_identifier_that_came_again_is_no_proof(
    #[case] meanwhile: fn(&Stage),
) {
    let stage = Stage::ready();
    let ended = viis::Task::test("9").of_type(TaskType::DeleteTenant);
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    meanwhile(&stage);
    let mut memory = following();
    let mut removal = || {
        let tenant = acme().recorded("1").deleted().removing(Some("9"));
        let removal = look(&stage, tenant, &mut memory).facts.record.removal;
        stage.picture().shows_tasks(&[ended.clone().completed()]);
        removal
    };
    removal();
    let after = removal();
    let forgotten = matches!(
        after,
        Removal::Task {
            task: Task::Forgotten,
            ..
        }
    );
    assert!(forgotten, "{after:?}");
}

/// This process sent the deletion, and its task is "9".
fn following() -> Memory {
    Memory {
        removal: Some(RemovalMemory {
            followed: true,
            task: Some(TaskId::new("9")),
            ..RemovalMemory::seen("removal-1")
        }),
        ..Memory::default()
    }
}

#[tokio::test]
async fn what_a_forgotten_deletion_left_is_asked_for_after_that_was_known() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1")]);
    stage.picture().tenants().answered(&on_server("1"));
    stage.picture().surveyed(&[], Instant::now());
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    let tenant = || acme().recorded("1").deleted().removing(Some("9"));
    let mut memory = following();
    let world = look(&stage, tenant(), &mut memory).facts.world;
    assert_eq!((world.verified, world.unclaimed_removals), (true, false));
    stage.picture().forgets_task(&TaskId::new("9"));
    memory.removal.as_mut().unwrap().since = ago(HALF_AN_HOUR);
    let facts = look(&stage, tenant(), &mut memory).facts;
    let forgotten = Removal::Task {
        task: Task::Forgotten,
        cancelled: false,
        settled: false,
    };
    assert_eq!(facts.record.removal, forgotten, "the wait begins then");
    let world = facts.world;
    assert_eq!((world.verified, world.unclaimed_removals), (false, true));
    assert!(memory.repeats.left().is_some());
    stage.picture().tenants().answered(&on_server("1"));
    stage.picture().surveyed(&[], Instant::now());
    let world = look(&stage, tenant(), &mut memory).facts.world;
    assert_eq!((world.verified, world.unclaimed_removals), (true, false));
}

#[tokio::test]
async fn a_task_of_another_type_is_not_the_one_that_was_begun() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage
        .picture()
        .shows_tasks(&[viis::Task::test("9").completed()]);
    let tenant = acme().recorded("1").deleted().removing(Some("9"));
    let removal = facts(&stage, tenant).record.removal;
    assert!(
        matches!(
            removal,
            Removal::Task {
                task: Task::Forgotten,
                ..
            }
        ),
        "{removal:?}"
    );
}

#[tokio::test]
async fn a_decision_under_another_attempt_is_not_the_one_that_is_remembered() {
    let mut memory = Memory {
        removal: Some(RemovalMemory {
            unsent: true,
            ..RemovalMemory::seen("an older one")
        }),
        ..Memory::default()
    };
    let tenant = acme().recorded("1").deleted().removing(None);
    let removal = look(&Stage::ready(), tenant, &mut memory)
        .facts
        .record
        .removal;
    assert_eq!(removal, Removal::Unknown { settled: false });
}

#[tokio::test]
async fn a_removal_that_was_decided_on_another_address_is_guarded() {
    let stage = Stage::ready();
    let tenant = || acme().recorded("1").deleted().removing(None);
    assert_eq!(facts(&stage, tenant()).server.reach, Reach::Ready);
    stage.serve_at("127.0.0.1:9999");
    stage.lists(&[]);
    stage.believes();
    assert_eq!(facts(&stage, tenant()).server.reach, Reach::Guarded);
}

#[tokio::test]
async fn a_removal_is_decided_anew_where_the_server_has_moved_with_all_it_holds() {
    let stage = Stage::ready();
    stage.serve_at("127.0.0.1:9999");
    let look_at = |stage: &Stage| {
        let mut memory = Memory {
            rejection: Some(Rejection {
                step: Step::Delete,
                reason: "KSC_ServiceNotConfigured".to_owned(),
                message: String::new(),
                generation: 1,
                at: Instant::now(),
                requested_at: None,
                forbidden: false,
                secret: None,
            }),
            ..Memory::default()
        };
        let tenant = acme().recorded("1").deleted().removing(Some("9"));
        let facts = look(stage, tenant, &mut memory).facts;
        (facts.server.reach, facts.record.removal, facts.rejected)
    };
    let guarded = (
        Reach::Guarded,
        Removal::Unknown { settled: false },
        Some(Step::Delete),
    );
    assert_eq!(
        look_at(&stage),
        (Reach::Guarded, guarded.1, guarded.2),
        "not listed"
    );
    for listed in [vec![], vec![viis::Tenant::test("1", "Somebody")]] {
        stage.lists(&listed);
        stage.believes();
        assert_eq!(look_at(&stage), guarded, "{listed:?}");
    }
    stage.lists(&[on_server("1")]);
    stage.judged(|verdicts| verdicts.intact = false);
    assert_eq!(look_at(&stage), guarded, "the inventory is not believed");
    stage.believes();
    assert_eq!(look_at(&stage), (Reach::Ready, Removal::None, None));
}

#[tokio::test]
async fn a_task_whose_type_no_page_names_is_the_one_that_was_begun() {
    let stage = Stage::ready();
    stage
        .picture()
        .watch_task(&TaskId::new("9"), &owner("acme"));
    stage.picture().shows_tasks(&[viis::Task::test("9")
        .of_type(TaskType::Other("TenantRemoval".to_owned()))
        .completed()]);
    let tenant = acme().recorded("1").deleted().removing(Some("9"));
    let removal = look(&stage, tenant, &mut following()).facts.record.removal;
    assert!(
        matches!(
            removal,
            Removal::Task {
                task: Task::Completed,
                ..
            }
        ),
        "{removal:?}"
    );
}

#[tokio::test]
async fn an_answer_from_before_the_deletion_verifies_nothing() {
    let stage = Stage::ready();
    stage.lists(&[on_server("1")]);
    stage.picture().tenants().answered(&on_server("1"));
    let verified = |memory: &mut Memory| {
        let tenant = acme().recorded("1").deleted();
        look(&stage, tenant, memory).facts.world.verified
    };
    let mut memory = Memory {
        spec_seen: Some((2, None, Instant::now() + seconds(1))),
        ..Memory::default()
    };
    assert!(!verified(&mut memory));
    memory.spec_seen = Some((2, None, ago(seconds(1))));
    assert!(verified(&mut memory));
}
