//! What a person does who was woken up, brings tenants in, or lost a cluster: the pages
//! for that, done as they stand (`pages.rs`), in the situation that each is for.

use serde_json::json;
use viis_operator::api::FINALIZER;

use crate::bios_id;
use crate::harness::{Stand, simple_tenant, skipped_on_an_existing_cluster};
use crate::pages::Reader;

#[tokio::test]
async fn credentials_are_refused() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::ready().await;
    let reader = Reader::of(&stand);
    stand.credentials("Not-The-Password-1").await;
    let server = stand.integration_server().within(120);
    server.is_asked_again().await;
    server
        .has("Reachable", "False", "CredentialsRejected")
        .await;
    reader.follows("docs/runbooks/credentials-refused.md").await;
    server.becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_server_is_unreachable() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::ready().await;
    let reader = Reader::of(&stand);
    stand.simulator.goes_away().await;
    let server = stand.integration_server().within(120);
    server.has("Reachable", "False", "ConnectFailed").await;
    stand.simulator.comes_back().await;
    reader.follows("docs/runbooks/server-unreachable.md").await;
    server.becomes_ready().await;
    stand.ends_well().await;
}

/// And a task that is at work: its page asks for no more.
#[tokio::test]
async fn tenants_are_stalled() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::ready().await;
    let reader = Reader::of(&stand);
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "acme", "type": "Simple"}))
        .await;
    stand.apply([simple_tenant("acme")]).await;
    let code = "VIRMT_TenantWithSpecifiedNameAlreadyExists";
    stand.tenant("acme").stalls(code).await;
    let page = "docs/runbooks/tenants-stalled.md";
    reader.follows(page).await;
    stand.simulator.tenant_removed_by_hand("acme").await;
    // What the page says to type has it tried again.
    reader.follows(page).await;
    stand.tenant("acme").becomes_ready().await;
    reader.follows("docs/runbooks/task-stuck.md").await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_guard_holds() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let names = ["acme", "globex", "initech"];
    let stand =
        Stand::ready_with(&[], |server| server.with("spec.guard", json!({"limit": 1}))).await;
    let reader = Reader::of(&stand);
    stand.apply(names.map(simple_tenant)).await;
    for name in names {
        stand.tenant(name).becomes_ready().await;
    }
    reader
        .also("kubectl -n customers delete viistenant --all --wait=false")
        .await;
    reader
        .also("kubectl wait viis/main --for=jsonpath='{.status.hold.count}'=2 --timeout=60s")
        .await;
    reader.follows("docs/runbooks/guard-holds.md").await;
    for name in names {
        stand.tenant(name).is_gone().await;
    }
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn orphans_are_found() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = Stand::ready().await;
    stand.leaves_orphans = true;
    let reader = Reader::of(&stand);
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let kept_by = |finalizers: &[&str]| json!({"metadata": {"finalizers": finalizers}});
    let theirs = "example.net/theirs";
    stand
        .tenant("acme")
        .patch(kept_by(&[FINALIZER, theirs]))
        .await;
    stand.simulator.goes_away().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").patch(kept_by(&[theirs])).await;
    let server = stand.integration_server().within(90);
    server.has("OrphansFound", "True", "Orphaned").await;
    reader.follows("docs/runbooks/orphans.md").await;
    stand.ends_well().await;
}

#[tokio::test]
async fn checking_and_bringing_in_what_is_there() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::ready().await;
    let reader = Reader::of(&stand);
    for (number, name) in ["Acme Ltd.", "globex"].into_iter().enumerate() {
        stand
            .simulator
            .tenant_made_by_hand(json!({"name": name, "type": "Simple", "status": "Active"}))
            .await;
        let machine = json!({"biosID": bios_id(number), "name": "web"});
        stand.simulator.machine_made_by_hand(name, machine).await;
    }
    let before = stand.simulator.calls().await;
    reader.follows("docs/check.md").await;
    reader.follows("docs/import.md").await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    let there = stand.simulator.state().await.tenants;
    assert_eq!(there.len(), 2);
    stand.ends_well().await;
}

/// The second page is for a cluster that was lost: here it finds everything in its place.
#[tokio::test]
async fn a_simple_tenant_and_recovery() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::ready().await;
    let reader = Reader::of(&stand);
    reader.follows("docs/simple-tenants-by-hand.md").await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    reader.follows("docs/disaster-recovery.md").await;
    stand.ends_well().await;
}
