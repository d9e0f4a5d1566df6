//! Servers that store a text differently from what was sent: without outer blanks, with one blank
//! for each run of white space, in NFC, shortened. A tenant that our own task made is ours all
//! the same, and is never created again or left behind.

use serde_json::{Value, json};

use crate::bios_id;
use crate::harness::{Manifest, Stand, has, machine, message, simple_tenant};

/// A server with these settings.
async fn stand_with(settings: Value) -> Stand {
    let stand = Stand::ready().await;
    stand.simulator.settings(settings).await;
    stand
}

fn tenant(name: &str, description: &str) -> Manifest {
    simple_tenant("acme")
        .with("spec.name", name)
        .with("spec.description", description)
}

/// A whole life: created once, Ready, active, with a machine, past a restart and a list, deleted.
/// Returns what the status says of the differences.
async fn lives(mut stand: Stand, manifest: Manifest, stored: &str) -> String {
    stand
        .apply([manifest, machine("web-1", "acme", &bios_id(1))])
        .await;
    let ready = stand.tenant("acme").within(90).becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    assert_eq!(ready.status.unwrap().tenant_name.as_deref(), Some(stored));
    stand.kill_operator();
    stand.start_operator();
    stand.is_quiet_past_the_next_list().await;
    let seen = stand
        .tenant("acme")
        .until("it is Ready and says what differs", |seen| {
            has(seen, "Ready", "True", "Reconciled")
                && has(seen, "Provisioned", "True", "StoredDifferently")
        })
        .await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1, "{state:#?}");
    assert_eq!(state.tenant(stored).status, "Active");
    assert_eq!(state.tasks("CreateTenant", "Completed"), 1);
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
    message(&seen, "Provisioned")
}

#[tokio::test]
async fn a_name_that_is_stored_without_outer_blanks() {
    let stand = stand_with(json!({"storedTexts": "trimmed"})).await;
    let said = lives(stand, tenant("  Contoso  East ", "gold"), "Contoso  East").await;
    let values = "name: sent \"  Contoso  East \", stored \"Contoso  East\"";
    assert!(said.contains(values), "{said}");
}

#[tokio::test]
async fn a_result_that_repeats_what_was_sent() {
    let settings = json!({"storedTexts": "normalized", "resultsAsSent": true});
    let stand = stand_with(settings).await;
    let said = lives(stand, tenant("Contoso\u{a0} ", "gold"), "Contoso").await;
    assert!(said.contains("name: sent"), "{said}");
}

#[tokio::test]
async fn a_result_that_is_an_identifier() {
    let settings = json!({"storedTexts": "normalized", "dialect": "bare"});
    let stand = stand_with(settings).await;
    let said = lives(stand, tenant("Contoso  East", " gold\r\n"), "Contoso East").await;
    assert!(said.contains("name: sent"), "{said}");
    assert!(said.contains("description: sent \" gold\\r\\n\""), "{said}");
}

#[tokio::test]
async fn a_name_that_is_shortened() {
    for as_sent in [false, true] {
        let settings = json!({"storedTexts": "shortened", "resultsAsSent": as_sent});
        let stand = stand_with(settings).await;
        let said = lives(
            stand,
            tenant("Contoso Northern Europe", "gold"),
            "Contoso Northern",
        )
        .await;
        assert!(said.contains("stored \"Contoso Northern\""), "{said}");
    }
}

#[tokio::test]
async fn a_lost_response_and_a_normalized_name_and_description() {
    let stand = stand_with(json!({"storedTexts": "normalized"})).await;
    let lost = json!({"dropAfter": true});
    stand.simulator.fault("POST tenant", 1, lost).await;
    let manifest = tenant("Cafe\u{301}  Nord ", "gold\r\nuntil 2027\n");
    let said = lives(stand, manifest, "Caf\u{e9} Nord").await;
    assert!(said.contains("description: sent"), "{said}");
}

/// Nothing shows whether the shortened description is what was sent.
#[tokio::test]
async fn a_lost_response_and_a_shortened_description() {
    let stand = stand_with(json!({"storedTexts": "shortened"})).await;
    let lost = json!({"dropAfter": true});
    stand.simulator.fault("POST tenant", 1, lost).await;
    stand
        .apply([tenant(
            "Contoso",
            "a description of more than 16 characters",
        )])
        .await;
    let stalled = stand
        .tenant("acme")
        .within(60)
        .stalls("IdentityMismatch")
        .await;
    let id = stand.simulator.state().await.tenant("Contoso").id.clone();
    assert!(message(&stalled, "Stalled").contains(&id), "{stalled:#?}");
    stand.tenant("acme").delete().await;
    let stalled = stand
        .tenant("acme")
        .has("Removed", "False", "IdentityMismatch")
        .await;
    assert!(message(&stalled, "Removed").contains(&id), "{stalled:#?}");
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    // A person removes it: nothing is left to decide.
    stand.simulator.tenant_removed_by_hand("Contoso").await;
    stand.tenant("acme").is_asked_again().await;
    stand.tenant("acme").within(90).is_gone().await;
    stand.ends_well().await;
}

/// A tenant whose name differs in a blank was there before: ours is not looked for under it.
/// The server says that the name is taken, and a person decides by what.
#[tokio::test]
async fn a_tenant_with_a_name_alike_is_not_taken_for_ours() {
    let stand = stand_with(json!({"storedTexts": "trimmed"})).await;
    let theirs = json!({"name": "Contoso", "type": "Simple", "status": "Inactive"});
    stand.simulator.tenant_made_by_hand(theirs).await;
    let lost = json!({"dropAfter": true});
    stand.simulator.fault("POST tenant", 1, lost).await;
    let manifest = simple_tenant("acme").with("spec.name", "Contoso ");
    stand.apply([manifest]).await;
    stand
        .tenant("acme")
        .within(90)
        .stalls("IdentityMismatch")
        .await;
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "IdentityMismatch")
        .await;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    stand.tenant("acme").patch(retain).await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1);
    assert_eq!(state.tenant("Contoso").status, "Inactive");
    stand.ends_well().await;
}

/// From the first sight on, the recorded name counts, exactly.
#[tokio::test]
async fn an_identifier_that_is_reused_for_a_name_alike() {
    let stand = stand_with(json!({"storedTexts": "trimmed"})).await;
    stand.simulator.backup("before").await;
    stand.apply([tenant("Contoso ", "gold")]).await;
    let ready = stand.tenant("acme").within(60).becomes_ready().await;
    let id = ready.status.unwrap().tenant_id.unwrap();
    stand.simulator.restore("before", true).await;
    let theirs = json!({"name": "Contoso ", "type": "Simple", "status": "Inactive"});
    let made = stand.simulator.tenant_made_by_hand(theirs).await;
    assert_eq!(made.id, id, "the identifier is given a second time");
    stand.tenant("acme").is_asked_again().await;
    stand
        .tenant("acme")
        .within(90)
        .stalls("IdentityMismatch")
        .await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenant("Contoso ").status, "Inactive");
    // What is not ours is not deleted either.
    stand.tenant("acme").delete().await;
    stand
        .tenant("acme")
        .has("Removed", "False", "IdentityMismatch")
        .await;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    stand.tenant("acme").patch(retain).await;
    stand.tenant("acme").is_gone().await;
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

#[tokio::test]
async fn names_that_a_server_may_store_alike_are_rivals() {
    let stand = stand_with(json!({"storedTexts": "normalized"})).await;
    stand
        .apply([simple_tenant("one").with("spec.name", "Contoso East")])
        .await;
    stand.tenant("one").becomes_ready().await;
    stand
        .apply([simple_tenant("two").with("spec.name", "Contoso \t East")])
        .await;
    stand.tenant("two").stalls("AlreadyClaimed").await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.tenant("one").delete().await;
    stand.tenant("one").is_gone().await;
    stand.tenant("two").becomes_ready().await;
    stand.tenant("two").delete().await;
    stand.tenant("two").is_gone().await;
    stand.ends_well().await;
}

/// A machine is registered once, and the difference is said.
#[tokio::test]
async fn a_machine_whose_name_is_stored_without_outer_blanks() {
    let stand = stand_with(json!({"storedTexts": "trimmed"})).await;
    let manifest = machine("web-1", "acme", &bios_id(1)).with("spec.name", " web 1 ");
    stand.apply([simple_tenant("acme"), manifest]).await;
    stand.tenant("acme").becomes_ready().await;
    let seen = stand.machine("web-1").becomes_ready().await;
    assert!(
        has(&seen, "Registered", "True", "StoredDifferently"),
        "{seen:#?}"
    );
    assert!(message(&seen, "Registered").contains("name"), "{seen:#?}");
    stand.is_quiet_past_the_next_list().await;
    assert_eq!(stand.simulator.calls().await.of("POST register"), 1);
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}
