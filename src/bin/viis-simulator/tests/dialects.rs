//! What no page documents, in each dialect.

use super::*;

#[tokio::test]
async fn attributes_are_hard_to_read_but_legal() {
    let server = Server::start(&["--dialect", "attributes"]).await;
    let task = server
        .post("tenants", &complete("a &lt; b", "root"))
        .await
        .task();
    assert!(task.starts_with('{'), "{task}");
    let done = server.completed(&task).await;
    assert!(done.text.starts_with('\u{feff}'));
    let inner = done.element("result");
    let document = Document::parse(&inner).unwrap();
    let id = document.root_element().attribute("id").unwrap().to_owned();
    let tenant = server.get(&format!("tenants/{id}")).await;
    assert_eq!(tenant.status, 200);
    assert!(
        tenant.text.contains("<name>a &lt; b</name></tenant>"),
        "{tenant:?}"
    );
    server.simple("c").await;
    let list = server.get("tenants").await;
    let document = Document::parse(&list.text).unwrap();
    let tenants = document
        .descendants()
        .filter(|n| n.tag_name().name() == "tenant");
    assert_eq!(tenants.count(), 2);

    let list = server.get("tasks").await;
    let document = Document::parse(&list.text).unwrap();
    let child = document
        .descendants()
        .find(|n| n.has_attribute("parentId"))
        .unwrap();
    assert_eq!(child.attribute("parentId"), Some(task.as_str()));

    let unknown = server.get("tenants/x").await;
    assert!(
        unknown.text.contains("<exception code=\"VIRMT_TenantWith"),
        "{unknown:?}"
    );
    server
        .control("PUT", "/settings", json!({"createMs": 60_000}))
        .await;
    let task = server.post("tenants", &simple("d")).await.task();
    server.post(&format!("tasks/{task}/cancel"), "").await;
    assert_eq!(server.ended(&task).await.element("state"), "Cancelled");
    let canceled = server.get("tasks?state=Canceled").await;
    assert!(canceled.text.contains("Cancelled"), "{canceled:?}");
}

#[tokio::test]
async fn bare_answers_are_nothing_but_identifiers() {
    let server = Server::start(&["--dialect", "bare"]).await;
    let accepted = server.post("tenants", &simple("a")).await;
    assert_eq!((accepted.status, &*accepted.text), (202, "1"));
    assert!(
        accepted.headers["Content-Type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(server.completed("1").await.element("result"), "1");
    assert_eq!(server.get("tasks").await.status, 405);
    for path in ["tenants/9/activate", "tenants/9/deactivate"] {
        let answer = server.post(path, "").await;
        assert_eq!(answer.status, 404);
        assert!(
            answer
                .text
                .starts_with("VIRMT_TenantWithSpecifiedIdNotFound ")
        );
    }
    assert_eq!(
        server
            .delete("tenants/9?removeTenantArtifacts=true")
            .await
            .status,
        404
    );

    for name in ["b", "c", "d", "e", "f"] {
        server
            .control("POST", "/tenants", json!({"name": name, "type": "Simple"}))
            .await;
    }
    let first = server.get("tenants").await.text;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(server.get("tenants").await.text);
    }
    assert!(
        others.iter().any(|other| *other != first),
        "always one order"
    );
    assert!(others.iter().all(|other| other.len() == first.len()));
}

#[tokio::test]
async fn untidy_says_the_same_in_other_clothes() {
    let server = Server::start(&["--dialect", "untidy"]).await;
    let empty = server.get("tenants").await;
    assert_eq!(empty.headers["Content-Type"], "text/html; charset=utf-8");
    assert!(
        empty
            .text
            .contains("<status>OK</status><tenants><page>1</page></tenants>"),
        "{empty:?}"
    );
    let body = "<tenant><name>a</name><userData>x</userData><type>Simple</type></tenant>";
    let accepted = server.post("tenants", body).await;
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.element("status"), "202");
    let location = accepted.headers["Location"].to_str().unwrap();
    assert!(location.starts_with("tasks/"), "{location}");
    server
        .until(|state| state["tenants"][0]["name"] == "a")
        .await;
    let task = server.get(location).await;
    assert_eq!(task.element("state"), "completed");
    assert_eq!(task.element("type"), "createtenant");
    let list = server.get("tenants").await;
    assert_eq!(list.element("type"), "simple");
    assert_eq!(list.element("userData"), "\n      x\n    ");
    let refused = server.get("tenants/9").await;
    assert_eq!(refused.status, 404);
    assert!(
        refused.headers["Content-Type"]
            .to_str()
            .unwrap()
            .contains("xml")
    );
}

#[tokio::test]
async fn json_and_location_hide_the_task_elsewhere() {
    let server = Server::start(&["--dialect", "json"]).await;
    let accepted = server.post("tenants", &simple("a")).await;
    let body: Value = serde_json::from_str(&accepted.text).unwrap();
    server.completed(body["taskId"].as_str().unwrap()).await;

    server
        .control("PUT", "/settings", json!({"dialect": "location"}))
        .await;
    let accepted = server.post("tenants", &simple("b")).await;
    assert_eq!((accepted.status, &*accepted.text), (202, ""));
    let location = accepted.headers["Location"].to_str().unwrap();
    let path = location.strip_prefix("/api/2.0/virtualization/").unwrap();
    assert_eq!(server.get(path).await.status, 200);
}

#[tokio::test]
async fn forgetful_remembers_no_ended_task() {
    let server = Server::start(&["--dialect", "forgetful"]).await;
    let task = server.post("tenants", &simple("a")).await.task();
    assert_eq!(server.get(&format!("tasks/{task}")).await.status, 200);
    server
        .until(|state| state["tenants"][0]["name"] == "a")
        .await;
    assert_eq!(server.get(&format!("tasks/{task}")).await.status, 404);
    let list = server.get("tenants").await;
    assert!(
        list.text
            .contains("<response><tenants count=\"1\"><tenant "),
        "{list:?}"
    );
}

#[tokio::test]
async fn early_shows_a_tenant_before_it_is_done() {
    let server = Server::start(&["--dialect", "early", "--create-duration", "1m"]).await;
    let task = server.post("tenants", &complete("a", "root")).await.task();
    assert_eq!(server.tenants().await, ["a"]);
    server.post(&format!("tasks/{task}/cancel"), "").await;
    server.ended(&task).await;
    assert!(server.tenants().await.is_empty());

    server
        .control("PUT", "/settings", json!({"createMs": 100}))
        .await;
    let task = server.post("tenants", &complete("a", "root")).await.task();
    let before = server.state().await["tenants"][0]["id"].clone();
    server.completed(&task).await;
    let after = server.state().await["tenants"][0].clone();
    assert_eq!(
        (&after["id"], &after["type"]),
        (&before, &json!("Complete"))
    );
    let again = server.post("tenants", &simple("a")).await.task();
    server.failed(&again).await;
    assert_eq!(server.tenants().await, ["a"]);
}
