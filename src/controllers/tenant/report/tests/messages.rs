//! What the sentences say.

use super::*;

#[tokio::test]
async fn a_claim_shows_nothing_of_another_namespace() {
    let stage = Stage::ready();
    let rival = Tenant::test("rival-tenant").in_namespace("rival-namespace");
    stage.tenant(
        rival
            .with(json!({"name": "Acme"}))
            .made_at(minutes_ago(9999)),
    );
    let scene = scene_on(&stage, acme().with(json!({"name": "Acme"})));
    for action in decisions() {
        if let Some(line) = line(&scene, &Memory::default(), action) {
            assert!(
                !line.message.contains("rival"),
                "{action:?}: {}",
                line.message
            );
        }
    }
}

#[tokio::test]
async fn a_held_deletion_says_the_line_to_run() {
    let stage = Stage::ready();
    stage.judged(|verdicts| {
        verdicts.held.insert("uid-acme".to_owned());
        verdicts.token = Some("7-abcdef".to_owned());
    });
    let scene = scene_on(&stage, agreed().deleted());
    let message = message(&scene, Wait::DeletionHeld);
    let line = "kubectl annotate viis main viis-operator.io/accept=7-abcdef --overwrite";
    assert!(message.contains(line), "{message}");
}

#[tokio::test]
async fn machines_that_hold_up_a_deletion_are_counted_and_the_first_ten_named() {
    let stage = Stage::ready();
    for number in 10..23 {
        stage.machine(VirtualMachine::test_resource(&format!("web-{number}")));
    }
    let message = message(&scene_on(&stage, agreed().deleted()), Wait::InUse);
    assert!(message.contains("refer to this Tenant (13)"), "{message}");
    assert!(
        message.contains("web-10, web-11") && message.contains("web-19, …"),
        "{message}"
    );
    assert!(!message.contains("web-20"), "{message}");
    assert!(message.contains("deletionPolicy Retain"), "{message}");
}

#[tokio::test]
async fn a_live_list_of_machines_counts_more_than_what_is_watched() {
    let stage = Stage::ready();
    let scene = scene_on(&stage, agreed().deleted());
    let memory = Memory {
        referrers: Some((Instant::now(), vec!["seen-live".to_owned()])),
        ..Memory::default()
    };
    let line = line(&scene, &memory, Action::Wait(Wait::InUse)).unwrap();
    assert!(
        line.message.contains("refer to this Tenant (1)") && line.message.contains("seen-live")
    );
}

#[rstest]
#[case(Wait::ServerNotFound)]
#[case(Wait::ServerNotReady)]
#[tokio::test]
async fn a_deletion_without_a_server_says_the_way_out(#[case] wait: Wait) {
    let way_out = "deletionPolicy Retain";
    assert!(message(&scene(agreed().deleted()).await, wait).contains(way_out));
    assert!(!message(&scene(acme()).await, wait).contains(way_out));
}

#[rstest]
#[case(
    Wait::SecretNotFound,
    "SecretNotFound",
    "no Secret boss in this namespace"
)]
#[case(
    Wait::SecretKeyMissing,
    "SecretKeyMissing",
    "Secret boss has no key word"
)]
#[tokio::test]
async fn a_missing_password_says_where_it_is_looked_for(
    #[case] wait: Wait,
    #[case] reason: &str,
    #[case] words: &str,
) {
    let scene = scene(complete()).await;
    let line = line(&scene, &Memory::default(), Action::Wait(wait)).unwrap();
    assert_eq!(line.reason, reason);
    assert!(line.message.contains(words), "{}", line.message);
}

#[tokio::test]
async fn a_refusal_says_the_servers_code_and_when_it_is_tried_again() {
    let memory = Memory {
        rejection: Some(Rejection {
            step: Step::Create,
            reason: "VIRMT_PasswordNotComplyPolicy".to_owned(),
            message: "The creation ended with VIRMT_PasswordNotComplyPolicy.".to_owned(),
            generation: 1,
            at: Instant::now(),
            requested_at: None,
            secret: None,
            forbidden: false,
        }),
        ..Memory::default()
    };
    let scene = scene(acme()).await;
    let action = Action::Wait(Wait::Rejected(Step::Create));
    let line = line(&scene, &memory, action).unwrap();
    let status = status(&scene, None, &line, action, now());
    let stalled = says(&status.conditions, ConditionType::Stalled);
    assert_eq!(stalled, Some(("True", "VIRMT_PasswordNotComplyPolicy")));
    assert!(line.message.contains("requested-at") && line.message.contains("30 minutes"));
}

#[tokio::test]
async fn a_moved_server_says_where_the_creation_was_sent() {
    let message = message(&scene(acme().creating(None)).await, Wait::OtherEndpoint);
    assert!(message.contains("127.0.0.1:7271"), "{message}");
}

#[tokio::test]
async fn an_unknown_task_state_stands_word_for_word() {
    let stage = Stage::ready();
    stage.picture().watch_task(
        &TaskId::new("9"),
        &crate::inventory::fixtures::owner("acme"),
    );
    let dozing = viis::Task::test("9").in_state(TaskState::Other("Dozing".to_owned()));
    stage.picture().shows_tasks(&[dozing]);
    let scene = scene_on(&stage, acme().creating(Some("9")));
    assert!(message(&scene, Wait::TaskRunning(Step::Create)).contains("\"Dozing\""));
}

#[tokio::test]
async fn a_suspended_server_counts_as_the_tenants_own_suspension() {
    let stage = Stage::ready_with(IntegrationServer::test().with(json!({"suspend": true})));
    stage.lists(&[viis::Tenant::test("1", "acme").active()]);
    let status = said(&scene_on(&stage, agreed()), Action::Settled);
    assert_eq!(
        says(&status.conditions, ConditionType::Ready),
        Some(("True", "Suspended"))
    );
}

#[tokio::test]
async fn a_tenant_on_a_guarded_server_says_the_line_to_run() {
    let stage = Stage::ready();
    stage.judged(|verdicts| verdicts.absence = Some("7-abcdef".to_owned()));
    let message = message(&scene_on(&stage, acme()), Wait::InventoryGuard);
    let line = "kubectl annotate viis main viis-operator.io/accept=7-abcdef --overwrite";
    assert!(message.contains(line), "{message}");
}
