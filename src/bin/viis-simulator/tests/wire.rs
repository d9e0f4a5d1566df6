//! The methods and codes of the API page, in the default dialect.

use rstest::rstest;

use super::*;
use crate::codes;

#[tokio::test]
async fn a_complete_tenants_life() {
    let server = Server::start(&[]).await;
    let body = "<tenant><name>A &amp; B</name><description>x</description>\
        <userData><![CDATA[<a>]]]]><![CDATA[>&amp;]]></userData><preferredViisAddress>10.0.0.5</preferredViisAddress>\
        <type>Complete</type><vKsc><user><name>root</name><password>cGFzc3dvcmQ=</password></user></vKsc></tenant>";
    let task = server.post("tenants", body).await.task();
    let done = server.completed(&task).await;
    let document = Document::parse(&done.text).unwrap();
    let result = document.descendants().find(|n| n.has_tag_name("result"));
    let id = result.unwrap().first_element_child().unwrap();
    let id = id.attribute("id").unwrap();
    assert_eq!(id, id.to_uppercase());

    let tenant = server.get(&format!("tenants/{id}")).await;
    assert_eq!(tenant.element("userData"), "<a>]]>&amp;");
    assert_eq!(tenant.element("status"), "Inactive");
    assert!(!tenant.text.contains("10.0.0.5") && !tenant.text.contains(PASSWORD));
    let state = server.state().await;
    assert_eq!(state["tenants"][0]["preferredVIISAddress"], "10.0.0.5");
    assert_eq!(
        state["tenants"][0]["passwordSHA256"],
        crate::request::sha256(b"password")
    );
    assert_eq!(
        state["ksc"]["folders"],
        json!(["Multitenancy KSV LA/A & B"])
    );

    let register = format!("tenants/{id}/vms/register");
    assert_eq!(server.post(&register, &machine(BIOS_ID)).await.status, 200);
    let task = server
        .post(&format!("tenants/{id}/activate"), "")
        .await
        .task();
    assert_eq!(server.completed(&task).await.element("result"), "true");
    assert_eq!(
        server.get(&format!("tenants/{id}")).await.element("status"),
        "Active"
    );
    let machines = server.get(&format!("tenants/{id}/vms")).await;
    assert!(
        machines.text.contains(&BIOS_ID.to_uppercase()),
        "{machines:?}"
    );

    let path = format!("tenants/{id}?removeTenantArtifacts=true");
    let task = server.delete(&path).await.task();
    server.completed(&task).await;
    assert_eq!(
        server.get(&format!("tenants/{id}")).await.refusal(),
        (404, codes::TENANT_ID_NOT_FOUND.into())
    );
    assert_eq!(
        server.state().await["ksc"],
        json!({"folders": [], "users": [], "virtualServers": []})
    );
}

#[tokio::test]
async fn without_the_password_nothing_is_told() {
    let mut server = Server::start(&[]).await;
    server.password = "wrong".into();
    for path in ["tenants", "tenants/x", "nothing"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 401);
        assert!(answer.headers.contains_key("WWW-Authenticate"));
    }
    let refused = server.post("tenants", &simple("a")).await;
    assert_eq!(refused.status, 401);
    assert_eq!(server.state().await["tasks"], json!([]));
}

#[rstest]
#[case("<tenant><type>Simple</type></tenant>", codes::MANDATORY_MISSING)]
#[case(
    "<tenant><name>a</name><type>Big</type></tenant>",
    codes::INVALID_TENANT_TYPE
)]
#[case(
    "<tenant><name>a</name><type>Complete</type></tenant>",
    codes::VKSC_CREDENTIALS_MISSING
)]
#[case(
    "<tenant><name>a</name><type>Simple</type><preferredViisAddress>a</preferredViisAddress></tenant>",
    codes::INVALID_VIIS_ADDRESS
)]
#[tokio::test]
async fn a_wrong_tenant_makes_no_task(#[case] body: &str, #[case] code: &str) {
    let server = Server::start(&[]).await;
    assert_eq!(
        server.post("tenants", body).await.refusal(),
        (400, code.into())
    );
    assert_eq!(server.state().await["tasks"], json!([]));
}

#[tokio::test]
async fn what_a_creation_can_fail_with() {
    let server = Server::start(&[]).await;
    server.simple("taken").await;
    let created = server
        .post("tenants", &complete("first", "root"))
        .await
        .task();
    server.completed(&created).await;

    let create = async |body: String| {
        let task = server.post("tenants", &body).await.task();
        server.failed(&task).await
    };
    assert_eq!(create(simple("taken")).await, codes::TENANT_NAME_EXISTS);
    assert_eq!(create(complete("second", "root")).await, codes::USER_EXISTS);
    // "short": five characters, and eight are needed.
    let short = complete_with("second", "other", "c2hvcnQ=");
    assert_eq!(create(short).await, codes::PASSWORD_POLICY);

    let id = server.state().await["tenants"][1]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let task = server
        .delete(&format!("tenants/{id}?removeTenantArtifacts=false"))
        .await
        .task();
    server.completed(&task).await;
    assert_eq!(
        create(complete("first", "other")).await,
        codes::GROUP_EXISTS
    );

    let lax = json!({"uniqueUsers": false});
    server.control("PUT", "/settings", lax).await;
    let task = server
        .post("tenants", &complete("lax", "root"))
        .await
        .task();
    server.completed(&task).await;
    server
        .control("PUT", "/settings", json!({"vkscLimit": 1}))
        .await;
    let limited = server
        .post("tenants", &complete("second", "other"))
        .await
        .task();
    let limited = server.ended(&limited).await;
    assert_eq!(limited.element("state"), "Failed");
    assert!(!limited.text.contains("<code>"), "{limited:?}");

    server
        .control("PUT", "/settings", json!({"kscConfigured": false}))
        .await;
    assert_eq!(
        create(complete("second", "other")).await,
        codes::KSC_NOT_CONFIGURED
    );
    server.simple("without KSC").await;
    assert_eq!(server.tenants().await, ["taken", "lax", "without KSC"]);
}

#[tokio::test]
async fn what_activation_and_deletion_can_fail_with() {
    let server = Server::start(&[]).await;
    let made = json!({"name": "a", "type": "Complete"});
    let id = server.control("POST", "/tenants", made).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    server
        .control("PUT", "/settings", json!({"kscConfigured": false}))
        .await;
    for (id, code) in [
        (&*id, codes::KSC_NOT_CONFIGURED),
        ("x", codes::TENANT_ID_NOT_FOUND),
    ] {
        let task = server
            .post(&format!("tenants/{id}/activate"), "")
            .await
            .task();
        assert_eq!(server.failed(&task).await, code);
        let task = server
            .post(&format!("tenants/{id}/deactivate"), "")
            .await
            .task();
        assert_eq!(server.failed(&task).await, code);
        let path = format!("tenants/{id}?removeTenantArtifacts=true");
        let task = server.delete(&path).await.task();
        assert_eq!(server.failed(&task).await, code);
    }
    assert_eq!(server.tenants().await, ["a"]);
    assert_eq!(
        server
            .delete(&format!("tenants/{id}?removeTenantArtifacts=yes"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_bios_id_is_registered_once() {
    let server = Server::start(&[]).await;
    let (a, b) = (server.simple("a").await, server.simple("b").await);
    let not_found = (404, codes::VM_NOT_FOUND.to_owned());
    let no_tenant = (404, codes::TENANT_ID_NOT_FOUND.to_owned());

    let register = async |id: &str| {
        server
            .post(&format!("tenants/{id}/vms/register"), &machine(BIOS_ID))
            .await
    };
    assert_eq!(register(&a).await.status, 200);
    let taken = (409, codes::VM_EXISTS.to_owned());
    assert_eq!(register(&a).await.refusal(), taken);
    assert_eq!(register(&b).await.refusal(), taken);
    assert_eq!(register("x").await.refusal(), no_tenant);

    let unregister = async |id: &str, query: &str| {
        server
            .post(&format!("tenants/{id}/vms/unregister?{query}"), "")
            .await
    };
    let by_bios_id = format!("biosId={}", BIOS_ID.to_uppercase());
    assert_eq!(unregister(&b, &by_bios_id).await.refusal(), not_found);
    assert_eq!(unregister("x", &by_bios_id).await.refusal(), no_tenant);
    let missing = (400, codes::MANDATORY_MISSING.to_owned());
    assert_eq!(unregister(&a, "").await.refusal(), missing);
    assert_eq!(unregister(&a, "biosId=1").await.status, 400);
    assert_eq!(unregister(&a, &by_bios_id).await.status, 200);
    assert_eq!(unregister(&a, &by_bios_id).await.refusal(), not_found);

    assert_eq!(register(&b).await.status, 200);
    let id = server.state().await["tenants"][1]["machines"][0]["id"].clone();
    let by_id = format!("vmId={}", id.as_str().unwrap());
    assert_eq!(unregister(&b, &by_id).await.status, 200);
    assert_eq!(server.get("tenants/x/vms").await.refusal(), no_tenant);
}

#[tokio::test]
async fn reports_tell_who_was_protected() {
    let server = Server::start(&[]).await;
    let id = server.simple("a").await;
    server
        .post(&format!("tenants/{id}/vms/register"), &machine(BIOS_ID))
        .await;
    let active = json!({"status": "Active"});
    server
        .control("POST", &format!("/tenants/{id}/status"), active)
        .await;

    let csv = |method, path: &str| {
        server
            .request(method, path)
            .header("Accept", "application/csv")
    };
    let path = format!("reports/tenants?tenantId={id}");
    assert_eq!(server.post(&path, "").await.status, 415);
    let task = answer(csv(Method::POST, &path)).await.unwrap().task();
    let report = server.completed(&task).await.element("result");
    let path = format!("reports/tenants/{report}");
    let whole = answer(csv(Method::GET, &path)).await.unwrap();
    assert_eq!(whole.text.split(';').count(), 6, "{whole:?}");
    let part = csv(Method::GET, &path).header("Range", "bytes=0-3");
    let part = answer(part).await.unwrap();
    assert_eq!((part.status, &*part.text), (206, &whole.text[..4]));
    let range = format!("bytes=0-3/{}", whole.text.len());
    assert_eq!(part.headers["Content-Range"], range.as_str());
    assert_eq!(server.get(&path).await.status, 415);
    let unknown = csv(Method::GET, "reports/tenants/x");
    assert_eq!(answer(unknown).await.unwrap().status, 404);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let server = Server::start(&[]).await;
    assert_eq!(server.get("customers").await.status, 404);
    assert_eq!(server.delete("tenants").await.status, 405);
    let json = server
        .request(Method::POST, "tenants")
        .header("Content-Type", "application/json");
    assert_eq!(answer(json.body(simple("a"))).await.unwrap().status, 415);
}
