//! Secrets stay secret when everything that can be logged is logged, the libraries'
//! lines too, and the server quotes passwords wherever it can. What is searched is in
//! [`Stand::ends_well`].

use crate::bios_id;
use crate::harness::{Simulator, Stand, complete_tenant, eventually, machine};
use base64::Engine as _;
use serde_json::{Value, json};

/// All levels of all crates.
const EVERYTHING: &str = "trace";
const POLICY: &str = "VIRMT_PasswordNotComplyPolicy";

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn answered(status: u16, content_type: &str, body: String) -> Value {
    json!({"status": status, "contentType": content_type, "body": body})
}

fn task_fails(code: &str, message: &str) -> Value {
    json!({"taskFails": {"code": code, "message": message}})
}

async fn traced() -> Stand {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.levels = EVERYTHING;
    stand.start_operator();
    stand
}

/// The search itself: it looks into each place, and finds a password in each form.
#[tokio::test]
async fn what_is_searched_for_passwords_is_there_and_they_are_found() {
    let stand = traced().await;
    let secret = "A-password-that-is-written-down";
    let forms = [
        secret.to_owned(),
        base64(secret),
        base64(&format!("multitenancy:{secret}")),
    ];
    stand.apply([stand.server_manifest()]).await;
    let server = stand.integration_server();
    server.becomes_ready().await;
    server.patch(json!({"spec": {"suspend": true}})).await;
    server.has("Ready", "True", "Suspended").await;
    // Each word is in this place, and in none that is searched before.
    for (place, word) in [
        ("events", "involvedObject"),
        ("resources", "resyncInterval"),
        ("metrics", "viis_operator_build_info"),
        ("log", "metrics and health answer on"),
        // A library's line: all levels of all crates are logged here.
        ("log", "hyper_util::client"),
    ] {
        stand.forget_all();
        stand.remember(word);
        eventually(&format!("{word} in the {place}"), async || {
            let found = stand.panics_and_secrets().await;
            found.is_some_and(|found| found.starts_with(&format!("a password in the {place},")))
        })
        .await;
    }
    stand.forget_all();
    stand.remember(secret);
    assert_eq!(stand.panics_and_secrets().await, None);
    for form in forms {
        server.annotate("example.com/written", &form).await;
        assert!(stand.panics_and_secrets().await.is_some(), "{form}");
        server.annotate("example.com/written", "nothing").await;
    }
    stand.forget_all();
    stand.ends_well().await;
}

/// The account's own password comes back as the request sent it.
#[tokio::test]
async fn the_accounts_password_is_not_seen_when_the_server_quotes_it() {
    let stand = traced().await;
    let password = &stand.simulator.password;
    let basic = base64(&format!("multitenancy:{password}"));
    let said = [
        answered(
            500,
            "text/plain",
            format!("in: Authorization: Basic {basic}"),
        ),
        answered(500, "application/xml", format!("<error>{password}</error>")),
        answered(
            403,
            "application/json",
            json!({"why": password}).to_string(),
        ),
        answered(401, "text/html", format!("<html>{basic} {password}</html>")),
    ];
    for action in said {
        stand.simulator.fault("GET tenants", 1, action).await;
    }
    stand.apply([stand.server_manifest()]).await;
    let server = stand.integration_server().within(120);
    server.has("Ready", "False", "CredentialsRejected").await;
    // It is long before a refused account is tried again: somebody could lock it.
    server.is_asked_again().await;
    server.becomes_ready().await;
    stand.ends_well().await;
}

/// What a creation can come to, with the administrator's password in it: the reason,
/// and what the server does.
fn refusals(password: &str) -> [(&'static str, Value); 5] {
    let encoded = base64(password);
    let request = format!(
        "<error><code>{POLICY}</code><message>{password} is weak</message>\
         <request><vKsc><user><password>{encoded}</password></user></vKsc></request></error>"
    );
    let told = format!("'{password}' (sent as {encoded}) is refused");
    [
        (POLICY, answered(400, "application/xml", request)),
        (POLICY, task_fails(POLICY, &told)),
        (
            "KSC_SomethingThatNoPageNames",
            task_fails("KSC_SomethingThatNoPageNames", &told),
        ),
        ("Rejected", answered(422, "text/plain", told.clone())),
        (
            "Rejected",
            answered(400, "application/json", json!({"echo": told}).to_string()),
        ),
    ]
}

#[tokio::test]
async fn no_password_is_seen_in_a_refused_creation_at_the_most_verbose_level() {
    let stand = traced().await;
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;

    let password = stand.password_of("acme").await;
    for (number, (reason, action)) in refusals(&password).into_iter().enumerate() {
        let name = format!("refused-{number}");
        stand.password_is(&name, &password).await;
        stand.simulator.fault("POST tenant", 1, action).await;
        stand.apply([complete_tenant(&name)]).await;
        stand.tenant(&name).stalls(reason).await;
    }
    stand.ends_well().await;
}

#[tokio::test]
async fn no_password_is_seen_in_a_tenants_life_at_the_most_verbose_level() {
    let stand = traced().await;
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;

    let password = stand.password_of("acme").await;
    // Errors of the server's own are asked again without anybody's help.
    let page = format!("<html>POST tenants: {password}</html>");
    stand
        .simulator
        .fault("POST tenant", 1, answered(502, "text/html", page))
        .await;
    let dump = format!("{} {password}", base64(&password));
    stand
        .simulator
        .fault("POST tenant", 1, answered(500, "text/plain", dump))
        .await;
    stand.apply([complete_tenant("acme")]).await;
    stand.tenant("acme").within(120).becomes_ready().await;

    stand.apply([machine("web-1", "acme", &bios_id(1))]).await;
    stand.machine("web-1").becomes_ready().await;
    stand.machine("web-1").delete().await;
    stand.machine("web-1").is_gone().await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").is_gone().await;
    stand.ends_well().await;
}

/// Who comes after the process that sent a password does not know it: it shows nothing
/// of why it was refused.
#[tokio::test]
async fn a_successor_shows_nothing_of_a_password_that_it_did_not_send() {
    let mut stand = traced().await;
    stand.apply([stand.server_manifest()]).await;
    stand.integration_server().becomes_ready().await;
    let password = stand.password_of("acme").await;
    let mut held = task_fails(POLICY, &format!("{password} is refused"));
    held["taskState"] = "Running".into();
    stand.simulator.fault("POST tenant", 1, held).await;
    stand.apply([complete_tenant("acme")]).await;
    stand
        .tenant("acme")
        .until("the task is known", |tenant| {
            let status = tenant.status.as_ref();
            let creation = status.and_then(|status| status.creation.as_ref());
            creation.is_some_and(|creation| creation.task.is_some())
        })
        .await;
    stand.kill_operator();
    stand.simulator.mend().await;
    stand.start_operator();
    stand.tenant("acme").stalls(POLICY).await;
    stand.ends_well().await;
}
