#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::controllers::fixtures::Stage;
use crate::inventory::fixtures::owner;
use crate::viis::TaskId;

const SERVED: &str = "viis-system/viis-operator";

/// A Tenant that was looked at.
fn looked_at(ready: bool, reason: &str) -> Tenant {
    let mut tenant = Tenant::test("acme").saying(ConditionType::Ready, ready, reason);
    tenant.own().observed_generation = Some(1);
    tenant
}

fn stalled(reason: &str) -> Tenant {
    looked_at(false, reason).saying(ConditionType::Stalled, true, reason)
}

#[rstest]
#[case::new(Tenant::test("acme"), State::Pending, NONE)]
#[case::ready(looked_at(true, "Reconciled"), State::Ready, "Reconciled")]
#[case::at_work(looked_at(false, "TaskRunning"), State::Reconciling, "TaskRunning")]
#[case::refused(stalled("AlreadyClaimed"), State::Stalled, "AlreadyClaimed")]
#[case::going(looked_at(false, "TaskRunning").deleted(), State::Deleting, "TaskRunning")]
#[case::held(stalled("DeletionHeld").deleted(), State::Stalled, "DeletionHeld")]
#[case::suspended(looked_at(false, "Suspended"), State::Suspended, "Suspended")]
#[case::suspended_and_met(looked_at(true, "Suspended"), State::Ready, "Suspended")]
#[case::changed(looked_at(true, "Reconciled").at_generation(2), State::Pending, "Reconciled")]
#[case::restored(looked_at(true, "Reconciled").under_uid("another"), State::Pending, NONE)]
#[case::a_new_code(stalled("VIRMT_FromTheFuture"), State::Stalled, OTHER)]
fn a_resource_stands(#[case] tenant: Tenant, #[case] state: State, #[case] reason: &str) {
    let found = of_tenant(&tenant);
    assert_eq!((found.state, found.reason), (state, reason));
}

fn counted(stage: &Stage) -> Vec<(Kind, State, u32)> {
    let resources = stage.context.standing().resources;
    let counted = resources.iter().map(|(l, n)| (l.kind, l.state, *n));
    counted.collect()
}

#[tokio::test]
async fn resources_are_counted_and_those_that_are_gone_are_not() {
    let stage = Stage::ready();
    let acme = stage.tenant(looked_at(true, "Reconciled"));
    stage.tenant(Tenant::test("other"));
    stage.tenant(Tenant::test("third"));
    stage.machine(VirtualMachine::test_resource("web"));
    assert_eq!(
        counted(&stage),
        [
            (Kind::IntegrationServer, State::Pending, 1),
            (Kind::Tenant, State::Pending, 2),
            (Kind::Tenant, State::Ready, 1),
            (Kind::VirtualMachine, State::Pending, 1),
        ]
    );
    let reference = crate::controllers::cluster::reference(&owner(&acme.name_any()));
    stage.context.cluster.tenants.remove(&reference);
    assert!(!counted(&stage).contains(&(Kind::Tenant, State::Ready, 1)));
}

/// `main`, as its status says it.
fn main_server(reachable: bool, reason: &str) -> IntegrationServer {
    let mut server = IntegrationServer::test().served_by(SERVED);
    let status = json!({
        "operator": SERVED, "observedGeneration": 1,
        "tenants": {"known": 5, "active": 4, "unclaimed": 3},
        "hold": {"kind": "Deletion", "count": 7, "token": "7-abc"},
        "orphans": [
            {"kind": "Tenant", "namespace": "customers", "name": "acme", "tenantID": "1"},
            {"kind": "VirtualMachine", "namespace": "customers", "name": "web"},
        ],
        "unlistedOrphans": 4,
        "conditions": [
            condition("Reachable", reachable, reason),
            condition("InventoryIntact", false, "MassAbsence"),
        ],
    });
    server.status = serde_json::from_value(status).unwrap();
    server
}

fn condition(kind: &str, holds: bool, reason: &str) -> serde_json::Value {
    json!({
        "type": kind, "status": if holds { "True" } else { "False" }, "reason": reason,
        "message": "said", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    })
}

#[tokio::test(start_paused = true)]
async fn a_served_server_stands_as_its_status_and_its_picture_say() {
    let stage = Stage::ready_with(main_server(false, "CredentialsRejected"));
    let picture = stage.picture();
    picture.watch_task(&TaskId::new("1"), &owner("acme"));
    tokio::time::advance(Duration::from_secs(600)).await;
    let standing = stage.context.standing();
    let [server] = standing.servers.as_slice() else {
        panic!("{standing:?}");
    };
    assert_eq!(server.reachable, Some((false, "CredentialsRejected")));
    assert_eq!(server.intact, Some(false));
    assert_eq!(server.held, (7, 0));
    assert_eq!(server.orphans, 6);
    assert_eq!(server.tenants, Some((5, 4, 3)));
    let age = server.listed_at.unwrap().elapsed().unwrap();
    assert!((600..605).contains(&age.as_secs()), "{age:?}");
    let tasks = server.tasks.clone().unwrap();
    assert_eq!((tasks.running, tasks.waiting, tasks.limit), (1, 0, 8));
    let age = tasks.oldest_change.unwrap().elapsed().unwrap();
    assert!((600..605).contains(&age.as_secs()), "{age:?}");
}

#[tokio::test]
async fn a_server_that_nobody_is_connected_to_has_no_tasks() {
    let stage = Stage::knowing(main_server(false, "SecretNotFound"));
    let standing = stage.context.standing();
    assert_eq!(
        standing.servers[0].reachable,
        Some((false, "SecretNotFound"))
    );
    assert_eq!(standing.servers[0].tasks, None);
    assert_eq!(standing.servers[0].listed_at, None);
}

#[tokio::test]
async fn what_another_installation_serves_is_not_ours_to_show() {
    let stage = Stage::knowing(main_server(true, "Connected").served_by("elsewhere/viis-operator"));
    assert_eq!(stage.context.standing(), Standing::default());
}

#[tokio::test]
async fn a_claimed_address_is_not_asked_so_nothing_is_known_of_it() {
    let mut server = main_server(true, "Connected");
    let status = server.status.as_mut().unwrap();
    let ready = condition("Ready", false, "AlreadyClaimed");
    status
        .conditions
        .push(serde_json::from_value(ready).unwrap());
    let stage = Stage::knowing(server);
    assert_eq!(stage.context.standing().servers[0].reachable, None);
}
