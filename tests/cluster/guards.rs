//! A wave of destruction, or a server that lost what it held, waits for a person.

use crate::bios_id;
use crate::harness::{
    Stand, eventually, has, is_ready, machine, message, patient, same_identifier, simple_tenant,
    within,
};
use serde_json::json;
use std::time::Duration;
use viis_operator::api::{ACCEPT_ANNOTATION, Tenant};

async fn stand_with_tenants(limit: u32, names: &[&str]) -> Stand {
    let stand = Stand::ready_with(&[], |server| server.with("spec.guard.limit", limit)).await;
    for name in names {
        stand.apply([simple_tenant(name)]).await;
    }
    for name in names {
        stand.tenant(name).becomes_ready().await;
    }
    stand
}

async fn token_of(stand: &Stand, kind: &str, count: u32) -> String {
    let server = stand
        .integration_server()
        .within(60)
        .until("a hold", |server| {
            let hold = server
                .status
                .as_ref()
                .and_then(|status| status.hold.as_ref());
            hold.is_some_and(|hold| hold.kind == kind && hold.count == count)
        })
        .await;
    let hold = server.status.unwrap().hold.unwrap();
    let namespace = format!("{}/", stand.namespace);
    assert_eq!(hold.tenants.len(), usize::try_from(count).unwrap());
    assert!(hold.tenants.iter().all(|name| name.starts_with(&namespace)));
    let token = hold.token;
    assert!(token.starts_with(&format!("{count}-")), "{token}");
    token
}

/// Which of these Tenants say that the guard holds them.
async fn held_of<'a>(stand: &Stand, names: &[&'a str]) -> Vec<&'a str> {
    let mut held = Vec::new();
    for name in names {
        let seen = stand.tenant(name).find().await;
        if seen.is_some_and(|seen| has(&seen, "Removed", "False", "DeletionHeld")) {
            held.push(*name);
        }
    }
    held
}

#[tokio::test]
async fn a_prune_gone_wrong_is_held_until_a_person_agrees() {
    let names = ["one", "two", "three", "four"];
    let mut stand = stand_with_tenants(1, &names).await;
    stand
        .kubectl(
            &[
                "delete",
                "--wait=false",
                "tenants.viis-operator.io",
                "--all",
            ],
            "",
        )
        .await;
    let token = token_of(&stand, "Deletion", 3).await;
    eventually("one is destroyed", async || {
        stand.simulator.state().await.tenants.len() == 3
    })
    .await;
    // Each says so a moment after the guard has decided.
    eventually("three say that they are held", async || {
        held_of(&stand, &names).await.len() == 3
    })
    .await;
    let held = held_of(&stand, &names).await;
    let line = format!("{ACCEPT_ANNOTATION}=");
    for name in &held {
        // The wave grew while it was seen: its last token is said a moment later.
        let says_the_line = |said: &str| said.contains(&token) && said.contains(&line);
        stand
            .tenant(name)
            .until("the line to run", |seen| {
                has(seen, "Removed", "False", "DeletionHeld")
                    && says_the_line(&message(seen, "Removed"))
            })
            .await;
    }

    // It survives a restart, and does not end by waiting or by a wrong token.
    stand.kill_operator();
    stand.start_operator();
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, "3-0000000000")
        .await;
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 3);

    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &token)
        .await;
    for name in held {
        stand.tenant(name).is_gone().await;
    }
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand
        .integration_server()
        .until("no hold", |server| {
            server
                .status
                .as_ref()
                .is_some_and(|status| status.hold.is_none())
        })
        .await;
    stand.ends_well().await;
}

/// An agreement is good for the wave that a person saw.
#[tokio::test]
async fn who_joins_the_wave_later_changes_the_token() {
    let stand = stand_with_tenants(1, &["one", "two", "three"]).await;
    stand.tenant("one").delete().await;
    stand.tenant("one").is_gone().await;
    stand.tenant("two").delete().await;
    let first = token_of(&stand, "Deletion", 1).await;
    stand.tenant("three").delete().await;
    let second = token_of(&stand, "Deletion", 2).await;
    assert_ne!(first, second);
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &first)
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 2);
    // Retain is the way out of a hold, too.
    stand
        .tenant("two")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("two").is_gone().await;
    let third = token_of(&stand, "Deletion", 1).await;
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &third)
        .await;
    stand.tenant("three").is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1);
    assert!(state.find("two").is_some());
    stand.ends_well().await;
}

#[tokio::test]
async fn a_guard_that_is_off_holds_nothing() {
    let stand = Stand::ready_with(&[], |server| {
        server
            .with("spec.guard.enabled", false)
            .with("spec.guard.limit", 1)
    })
    .await;
    for name in ["one", "two", "three"] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
    }
    stand
        .kubectl(
            &[
                "delete",
                "tenants.viis-operator.io",
                "--all",
                "--timeout=10m",
            ],
            "",
        )
        .await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// All of ours are missing: a rolled-back or wrong server.
#[tokio::test]
async fn a_server_without_our_tenants_is_not_filled_again_by_itself() {
    let stand = Stand::ready().await;
    stand.simulator.backup("empty").await;
    for name in ["one", "two"] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
    }
    stand.simulator.backup("full").await;
    let before = stand.simulator.calls().await;
    stand.simulator.restore("empty", false).await;
    let server = stand
        .integration_server()
        .within(90)
        .has("InventoryIntact", "False", "MassAbsence")
        .await;
    let token = token_of(&stand, "Absence", 2).await;
    assert!(message(&server, "InventoryIntact").contains(&token));
    for name in ["one", "two"] {
        stand
            .tenant(name)
            .within(30)
            .has("Ready", "False", "InventoryGuard")
            .await;
    }
    // Nothing is made or destroyed on it, not even what is new.
    stand.apply([simple_tenant("new")]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);

    // The inventory is back: so is everything else.
    stand.simulator.restore("full", false).await;
    stand
        .integration_server()
        .within(60)
        .has("InventoryIntact", "True", "Intact")
        .await;
    for name in ["one", "two", "new"] {
        stand.tenant(name).within(60).becomes_ready().await;
    }
    assert_eq!(
        stand.simulator.calls_since(&before).await.of("POST tenant"),
        1
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn a_mass_absence_that_is_accepted_is_made_again() {
    let stand = Stand::ready().await;
    stand.simulator.backup("empty").await;
    for name in ["one", "two"] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
    }
    stand.simulator.restore("empty", false).await;
    let token = token_of(&stand, "Absence", 2).await;
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &token)
        .await;
    within(Duration::from_secs(90), "both are there", async || {
        stand.simulator.state().await.tenants.len() == 2
    })
    .await;
    let state = stand.simulator.state().await;
    for name in ["one", "two"] {
        let there = &state.tenant(name).id;
        stand
            .tenant(name)
            .until("ready with its new identifier", |tenant| {
                let known = tenant
                    .status
                    .as_ref()
                    .and_then(|status| status.tenant_id.as_ref());
                is_ready(tenant) && known.is_some_and(|known| same_identifier(known, there))
            })
            .await;
    }
    stand
        .integration_server()
        .has("InventoryIntact", "True", "Intact")
        .await;
    stand.ends_well().await;
}

/// Rolled back, and the identifiers were handed out again to others.
#[tokio::test]
async fn an_identifier_that_now_names_somebody_else_is_not_touched() {
    let stand = Stand::ready().await;
    // Enough others of ours, so that one alone is no wave.
    for name in ["one", "two"] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
    }
    stand.simulator.backup("before").await;
    stand.apply([simple_tenant("acme")]).await;
    let acme = stand.tenant("acme").becomes_ready().await;
    let known = acme.status.unwrap().tenant_id.unwrap();
    stand.simulator.restore("before", true).await;
    let stranger = stand
        .simulator
        .tenant_made_by_hand(json!({"name": "Stranger", "type": "Simple", "status": "Inactive"}))
        .await;
    assert!(
        same_identifier(&stranger.id, &known),
        "the identifier is handed out again"
    );
    stand
        .tenant("acme")
        .within(60)
        .has("Ready", "False", "IdentityMismatch")
        .await;
    let before = stand.simulator.calls().await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "IdentityMismatch")
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            state.tenant("Stranger").status.as_str()
        ),
        (3, "Inactive")
    );
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    for name in ["one", "two"] {
        assert!(has(
            &stand.tenant(name).get().await,
            "Ready",
            "True",
            "Reconciled"
        ));
    }
    // The way out.
    stand
        .tenant("acme")
        .patch(json!({"spec": {"deletionPolicy": "Retain"}}))
        .await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}

/// The window counts what was destroyed; it does not free what is held.
#[tokio::test]
async fn a_hold_does_not_end_by_waiting() {
    // Both deletions are to fall into the window.
    let window = patient(Duration::from_secs(5));
    let guard = json!({"limit": 1, "window": format!("{}s", window.as_secs())});
    let stand = Stand::ready_with(&[], |server| server.with("spec.guard", guard)).await;
    for name in ["one", "two"] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
    }
    stand.tenant("one").delete().await;
    stand.tenant("one").is_gone().await;
    stand.tenant("two").delete().await;
    let token = token_of(&stand, "Deletion", 1).await;
    let held = |tenant: &Tenant| has(tenant, "Removed", "False", "DeletionHeld");
    stand.tenant("two").until("held", held).await;
    stand.tenant("two").stays("held", window * 2, held).await;
    assert_eq!(
        token_of(&stand, "Deletion", 1).await,
        token,
        "the same wave has the same token"
    );
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &token)
        .await;
    stand.tenant("two").is_gone().await;
    stand.ends_well().await;
}

/// As many as the limit are made again; one more is a wave.
#[tokio::test]
async fn more_missing_tenants_than_the_limit_are_a_wave() {
    let names = ["one", "two", "three", "four", "five"];
    let stand = stand_with_tenants(2, &names).await;
    for name in ["one", "two"] {
        stand.simulator.tenant_removed_by_hand(name).await;
    }
    within(
        Duration::from_secs(90),
        "the two are made again",
        async || stand.simulator.state().await.tenants.len() == 5,
    )
    .await;
    for name in names {
        stand.tenant(name).becomes_ready().await;
    }
    let before = stand.simulator.calls().await;
    for name in ["one", "two", "three"] {
        stand.simulator.tenant_removed_by_hand(name).await;
    }
    token_of(&stand, "Absence", 3).await;
    // Those that are there are not touched either.
    stand
        .tenant("five")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand
        .tenant("five")
        .has("Ready", "False", "InventoryGuard")
        .await;
    assert_eq!(stand.simulator.calls_since(&before).await.mutating, 0);
    stand.ends_well().await;
}

/// What waits for its machines destroys nothing, so it takes nobody's place.
#[tokio::test]
async fn deletions_in_use_do_not_use_up_the_guard() {
    let stand = stand_with_tenants(1, &["one", "two"]).await;
    stand.apply([machine("web-1", "one", &bios_id(1))]).await;
    stand.machine("web-1").becomes_ready().await;
    stand.tenant("one").delete().await;
    stand.tenant("one").has("Removed", "False", "InUse").await;
    stand.tenant("two").delete().await;
    stand.tenant("two").is_gone().await;
    // Now it could go, and it is the second one.
    stand.machine("web-1").delete().await;
    stand
        .tenant("one")
        .has("Removed", "False", "DeletionHeld")
        .await;
    let token = token_of(&stand, "Deletion", 1).await;
    stand
        .integration_server()
        .annotate(ACCEPT_ANNOTATION, &token)
        .await;
    stand.tenant("one").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}
