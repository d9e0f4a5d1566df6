//! A tenant's and a machine's life without trouble.

use crate::bios_id;
use crate::harness::{
    Simulator, Stand, complete_tenant, eventually, has, machine, message, same_identifier, secret,
    simple_tenant, within,
};
use serde_json::json;
use std::time::{Duration, Instant};

/// `kubectl get viis` never shows 0 beside tenants that are Ready.
#[tokio::test]
async fn the_count_of_tenants_follows_within_two_seconds() {
    let stand = Stand::ready().await;
    for (name, count) in [("acme", 1), ("globex", 2)] {
        stand.apply([simple_tenant(name)]).await;
        stand.tenant(name).becomes_ready().await;
        within(
            Duration::from_secs(2),
            &format!("{count} tenants are counted"),
            async || {
                let server = stand.integration_server().get().await;
                let counts = server.status.and_then(|status| status.tenants);
                counts.is_some_and(|counts| counts.known == count)
            },
        )
        .await;
    }
    stand.ends_well().await;
}

/// An editor leaves a line break at the end of a file, and `--from-file` keeps it.
#[tokio::test]
async fn a_line_break_at_the_end_of_a_password_is_no_part_of_it() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let password = stand.simulator.password.clone();
    stand.credentials(&format!("{password}\n")).await;
    stand.remember("Sum-mer 24!");
    stand.password_is("acme", "Sum-mer 24!\r\n").await;
    stand.password_is("globex", "two\nlines").await;
    stand.apply([stand.server_manifest()]).await;
    stand.start_operator();
    stand.integration_server().becomes_ready().await;
    stand
        .apply([complete_tenant("acme"), complete_tenant("globex")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    let state = stand.simulator.state().await;
    let there = state.tenant("acme").password_sha256.clone();
    assert_eq!(there, Some(sha256("Sum-mer 24!")));
    let refused = stand
        .tenant("globex")
        .has("Ready", "False", "SecretKeyMissing")
        .await;
    let said = message(&refused, "Ready");
    assert!(
        said.contains("control character") && said.contains("password"),
        "{said}"
    );
    assert!(state.find("globex").is_none());
    stand.password_is("globex", "one-line").await;
    stand.tenant("globex").becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_complete_tenant_from_birth_to_death() {
    let stand = Stand::ready().await;
    let password = stand.password_of("acme").await;
    let user_data = "  <a b='c'>&amp; ]]> \r\n\t\u{fc}\u{1f600}  ";
    let manifest = complete_tenant("acme")
        .with("spec.name", "Acme & Sons <Ltd.>")
        .with("spec.description", " Gold \"contract\" ")
        .with("spec.userData", user_data)
        .with("spec.preferredVIISAddress", "10.0.0.5");
    stand.apply([manifest]).await;
    let tenant = stand.tenant("acme").becomes_ready().await;

    let state = stand.simulator.state().await;
    let there = state.tenant("Acme & Sons <Ltd.>");
    assert_eq!(there.tenant_type, "Complete");
    assert_eq!(there.status, "Active");
    assert_eq!(there.description.as_deref(), Some(" Gold \"contract\" "));
    assert_eq!(there.user_data.as_deref(), Some(user_data));
    assert_eq!(there.preferred_viis_address.as_deref(), Some("10.0.0.5"));
    assert_eq!(there.administrator.as_deref(), Some("acme-admin"));
    assert_eq!(there.password_sha256, Some(sha256(&password)));
    assert_eq!(state.ksc.virtual_servers.len(), 1);

    assert!(has(&tenant, "Ready", "True", "Reconciled"));
    assert!(has(&tenant, "Provisioned", "True", "Created"));
    assert!(has(&tenant, "Activated", "True", "Active"));
    let status = tenant.status.unwrap();
    assert!(same_identifier(&status.tenant_id.unwrap(), &there.id));
    let virtual_server = status.virtual_administration_server_id.unwrap();
    assert!(same_identifier(
        &virtual_server,
        there.v_ksc_id.as_ref().unwrap()
    ));
    assert_eq!(status.state.as_deref(), Some("Active"));
    assert_eq!(status.owner_uid, tenant.metadata.uid);
    assert!(
        status.creation.is_none(),
        "no creation is in flight any more"
    );

    stand.is_quiet_for(Duration::from_secs(3)).await;
    let calls = stand.simulator.calls().await;
    assert_eq!((calls.of("POST tenant"), calls.of("POST activate")), (1, 1));

    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty());
    assert!(
        state.ksc.folders.is_empty()
            && state.ksc.users.is_empty()
            && state.ksc.virtual_servers.is_empty()
    );
    let deletions = stand.simulator.paths_of("DELETE tenant").await;
    assert!(
        deletions.len() == 1 && deletions[0].ends_with("?removeTenantArtifacts=true"),
        "{deletions:?}"
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn a_simple_tenant_takes_its_own_name() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    let tenant = stand.tenant("acme").becomes_ready().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenant("acme").tenant_type, "Simple");
    assert!(state.ksc.virtual_servers.is_empty());
    assert!(
        tenant
            .status
            .unwrap()
            .virtual_administration_server_id
            .is_none()
    );
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// A whole customer in one file, as a GitOps tool sends it.
fn one_file(stand: &Stand) -> Vec<String> {
    let server = &stand.server;
    let tenant = format!(
        "apiVersion: viis-operator.io/v1alpha1\nkind: Tenant\nmetadata: {{name: acme}}\nspec:\n  \
         integrationServerRef: {{name: {server}}}\n  name: Acme Ltd.\n  type: Complete\n  administrator:\n    \
         name: acme-admin\n    passwordSecretRef: {{name: acme-admin}}\n"
    );
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: acme-admin}\nstringData: {password: Pass-word-1}\n";
    let machine = |number: usize| {
        format!(
            "apiVersion: viis-operator.io/v1alpha1\nkind: VirtualMachine\nmetadata: {{name: acme-web-{number}}}\n\
             spec: {{tenantRef: {{name: acme}}, biosID: {}}}\n",
            bios_id(number)
        )
    };
    let server = serde_saphyr::to_string(&stand.server_manifest().0).unwrap();
    let mut documents = vec![server, secret.to_owned(), tenant];
    documents.extend((1..=5).map(machine));
    documents
}

async fn lives_from_one_file(reversed: bool) {
    let mut stand = Stand::bare(crate::harness::Simulator::start(&[])).await;
    stand.start_operator();
    stand.remember("Pass-word-1");
    let mut documents = one_file(&stand);
    if reversed {
        documents.reverse();
    }
    stand
        .kubectl(&["apply", "--filename", "-"], &documents.join("---\n"))
        .await;
    let tenant = stand.tenant("acme").becomes_ready().await;
    for number in 1..=5 {
        let machine = stand
            .machine(&format!("acme-web-{number}"))
            .becomes_ready()
            .await;
        assert!(has(&machine, "Registered", "True", "Registered"));
        let status = machine.status.unwrap();
        assert_eq!(status.tenant_id, tenant.status.as_ref().unwrap().tenant_id);
        assert_eq!(
            status.integration_server.as_deref(),
            Some(stand.server.as_str())
        );
    }
    stand
        .tenant("acme")
        .until("five machines", |tenant| {
            tenant
                .status
                .as_ref()
                .is_some_and(|status| status.virtual_machines == Some(5))
        })
        .await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenant("Acme Ltd.").machines.len(), 5);
    assert_eq!(
        state
            .tenant("Acme Ltd.")
            .machine(&bios_id(3))
            .unwrap()
            .name
            .as_deref(),
        Some("acme-web-3")
    );
    let calls = stand.simulator.calls().await;
    assert_eq!(
        (
            calls.of("POST tenant"),
            calls.of("POST register"),
            calls.of("POST activate")
        ),
        (1, 5, 1)
    );
    if reversed {
        let log = stand.simulator.log().await;
        let order: Vec<&str> = log
            .iter()
            .map(|call| call.call.as_str())
            .filter(|call| call.starts_with("POST"))
            .collect();
        assert_eq!(order.first(), Some(&"POST tenant"), "{order:?}");
        assert_eq!(
            order.last(),
            Some(&"POST activate"),
            "machines are registered before: {order:?}"
        );
    }
    stand.is_quiet_for(Duration::from_secs(3)).await;

    // The same file away again: one deletion on the server, no call for each machine.
    stand
        .kubectl(
            &["delete", "--wait=false", "--filename", "-"],
            &documents.join("---\n"),
        )
        .await;
    stand.tenant("acme").is_gone().await;
    stand.machine("acme-web-1").is_gone().await;
    stand.integration_server().is_gone().await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

#[tokio::test]
async fn everything_in_one_file() {
    lives_from_one_file(false).await;
}

#[tokio::test]
async fn everything_in_one_file_in_the_other_order() {
    lives_from_one_file(true).await;
}

#[tokio::test]
async fn the_state_follows_the_spec() {
    let stand = Stand::ready().await;
    stand
        .apply([
            simple_tenant("acme"),
            simple_tenant("idle").with("spec.state", "Inactive"),
        ])
        .await;
    stand.tenant("acme").becomes_ready().await;
    let idle = stand.tenant("idle").becomes_ready().await;
    assert!(has(&idle, "Activated", "False", "Inactive"));
    let status_of = async |name: &str| stand.simulator.state().await.tenant(name).status.clone();
    assert_eq!(status_of("acme").await, "Active");
    assert_eq!(status_of("idle").await, "Inactive");
    let path = stand.simulator.paths_of("POST activate").await;
    assert_eq!(path.len(), 1, "what shall be inactive is never activated");

    for (state, reason) in [
        ("Inactive", "Inactive"),
        ("Active", "Active"),
        ("Inactive", "Inactive"),
    ] {
        stand
            .tenant("acme")
            .patch(json!({"spec": {"state": state}}))
            .await;
        let tenant = stand.tenant("acme").becomes_ready().await;
        let shown = if state == "Active" { "True" } else { "False" };
        assert!(has(&tenant, "Activated", shown, reason));
        assert_eq!(tenant.status.unwrap().state.as_deref(), Some(state));
        assert_eq!(
            status_of("acme").await,
            state,
            "ready only when the server is so"
        );
    }
    let calls = stand.simulator.calls().await;
    assert_eq!(
        (calls.of("POST activate"), calls.of("POST deactivate")),
        (2, 2)
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn artifacts_stay_when_the_spec_says_so() {
    let stand = Stand::ready().await;
    stand.password_of("acme").await;
    stand.apply([complete_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    // Open at any time, also just before the end.
    stand
        .tenant("acme")
        .patch(json!({"spec": {"removeTenantArtifacts": false}}))
        .await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    let state = stand.simulator.state().await;
    assert!(state.tenants.is_empty());
    assert_eq!(
        (
            state.ksc.folders.is_empty(),
            state.ksc.virtual_servers.len()
        ),
        (false, 1),
        "{:?}",
        state.ksc
    );
    let deletions = stand.simulator.paths_of("DELETE tenant").await;
    assert!(
        deletions.len() == 1 && deletions[0].ends_with("?removeTenantArtifacts=false"),
        "{deletions:?}"
    );
    stand.ends_well().await;
}

/// Nothing changes, so nothing is done: over two inventories.
#[tokio::test]
async fn the_steady_state_is_silent() {
    let stand = Stand::ready().await;
    stand.password_of("one").await;
    stand
        .apply([
            complete_tenant("one"),
            simple_tenant("two"),
            simple_tenant("three").with("spec.state", "Inactive"),
        ])
        .await;
    for number in 0..6 {
        let tenant = ["one", "two", "three"][number % 3];
        stand
            .apply([machine(&format!("m-{number}"), tenant, &bios_id(number))])
            .await;
    }
    for name in ["one", "two", "three"] {
        stand.tenant(name).becomes_ready().await;
    }
    for number in 0..6 {
        stand.machine(&format!("m-{number}")).becomes_ready().await;
    }
    // The counters on the two other kinds follow the last machine.
    eventually("the counters have settled", async || {
        let server = stand.integration_server().get().await.status.unwrap();
        server.tenants.is_some_and(|tenants| {
            tenants.known == 3 && tenants.active == 2 && tenants.unclaimed == 0
        })
    })
    .await;
    for name in ["one", "two", "three"] {
        stand
            .tenant(name)
            .until("its machines are counted", |tenant| {
                let status = tenant.status.as_ref();
                status.and_then(|status| status.virtual_machines) == Some(2)
            })
            .await;
    }
    stand.is_quiet_for(Duration::from_secs(2)).await;
    let (before, began) = (stand.simulator.calls().await, Instant::now());
    stand.is_silent_for(Duration::from_secs(22)).await;
    let calls = stand.simulator.calls_since(&before).await;
    let inventories = calls.of("GET tenants");
    let most = began.elapsed().as_secs() / 9 + 1;
    assert!(
        (1..=most).contains(&inventories),
        "an inventory every 10 s: {calls:?}"
    );
    assert!(
        calls.total <= most * (1 + 3) + 4,
        "one list of tenants, one of machines for each tenant: {calls:?}"
    );
    stand.ends_well().await;
}

#[tokio::test]
async fn the_password_may_come_later_and_go_early() {
    let stand = Stand::ready().await;
    stand.apply([complete_tenant("acme")]).await;
    stand
        .tenant("acme")
        .has("Ready", "False", "SecretNotFound")
        .await;
    stand
        .apply([secret("acme-admin", &[("other", "value-of-another-key")])])
        .await;
    stand.tenant("acme").is_asked_again().await;
    stand
        .tenant("acme")
        .has("Ready", "False", "SecretKeyMissing")
        .await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 0);
    stand.password_of("acme").await;
    stand.tenant("acme").within(75).becomes_ready().await;
    // Read only to create.
    stand.kubectl(&["delete", "secret", "acme-admin"], "").await;
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
