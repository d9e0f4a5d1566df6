//! Faults, as a client meets them.

use super::*;

#[tokio::test]
async fn a_dropped_call_is_done_or_not() {
    let server = Server::start(&[]).await;
    server
        .fault("POST tenant", json!({"dropBefore": true}))
        .await;
    assert!(server.try_post("tenants", &simple("a")).await.is_err());
    assert_eq!(server.state().await["tasks"], json!([]));

    server
        .fault("POST tenant", json!({"dropAfter": true}))
        .await;
    assert!(server.try_post("tenants", &simple("a")).await.is_err());
    server
        .until(|state| state["tenants"][0]["name"] == "a")
        .await;

    let calls = server.control("GET", "/calls", Value::Null).await;
    assert_eq!(calls["byMethod"]["POST tenant"], 2);
    assert_eq!(calls["byStatus"], json!({"0": 2}));
    let log = server.control("GET", "/log", Value::Null).await;
    assert_eq!(log[0]["status"], 0);
    assert_eq!(log[0]["path"], "/api/2.0/virtualization/tenants");
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_announced() {
    let server = Server::start(&[]).await;
    let id = server.simple("a").await;
    let whole = server.get("tenants").await.text.len();
    server.fault("GET tenants", json!({"cutBody": true})).await;
    let mut response = server.request(Method::GET, "tenants").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.content_length(), Some(whole as u64));
    let mut received = 0;
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => panic!("the body ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(received, whole / 2, "{error}");

    server
        .fault("DELETE tenant", json!({"cutBody": true}))
        .await;
    let path = format!("tenants/{id}?removeTenantArtifacts=true");
    assert!(answer(server.request(Method::DELETE, &path)).await.is_err());
    server.until(|state| state["tenants"] == json!([])).await;
}

#[tokio::test]
async fn another_answer_stands_in() {
    let server = Server::start(&[]).await;
    let action = json!({"status": 503, "body": "<html>down</html>", "contentType": "text/html",
        "headers": {"Retry-After": "1"}});
    server.fault("POST tenant", action).await;
    let answer = server.post("tenants", &simple("a")).await;
    assert_eq!((answer.status, &*answer.text), (503, "<html>down</html>"));
    assert_eq!(answer.headers["Retry-After"], "1");
    assert_eq!(answer.headers["Content-Type"], "text/html");
    assert_eq!(server.state().await["tasks"], json!([]));
}

#[tokio::test]
async fn a_late_commit_comes_after_the_retry() {
    let server = Server::start(&[]).await;
    server
        .fault("POST tenant", json!({"commitLateMs": 2000}))
        .await;
    assert!(server.try_post("tenants", &simple("a")).await.is_err());
    let retry = server.post("tenants", &simple("a")).await.task();
    server.completed(&retry).await;
    let state = server
        .until(|state| state["tasks"][1]["state"] == "Failed")
        .await;
    let code = &state["tasks"][1]["error"]["code"];
    assert_eq!(code, crate::codes::TENANT_NAME_EXISTS);
    assert_eq!(server.tenants().await, ["a"]);
}

#[tokio::test]
async fn a_delayed_call_is_done_when_the_client_has_gone() {
    let server = Server::start(&[]).await;
    server.fault("POST tenant", json!({"delayMs": 2000})).await;
    let request = server.request(Method::POST, "tenants").body(simple("a"));
    let hasty = request.timeout(Duration::from_millis(50)).send().await;
    assert!(hasty.is_err_and(|error| error.is_timeout()));
    assert_eq!(server.state().await["tasks"], json!([]));
    server
        .until(|state| state["tenants"][0]["name"] == "a")
        .await;
}

#[tokio::test]
async fn a_failing_task_may_leave_half_behind() {
    let server = Server::start(&[]).await;
    let fails = json!({"taskFails": {"code": "KSC_ServiceNotConfigured", "message": "no"}});
    server.fault("POST tenant", fails).await;
    let task = server.post("tenants", &complete("a", "root")).await.task();
    assert_eq!(server.failed(&task).await, "KSC_ServiceNotConfigured");
    assert_eq!(server.state().await["ksc"]["folders"], json!([]));

    let fails = json!({"taskFails": {"code": "X_Y", "message": "no", "partial": true}});
    server.fault("POST tenant", fails).await;
    let task = server.post("tenants", &complete("a", "root")).await.task();
    assert_eq!(server.failed(&task).await, "X_Y");
    assert!(server.tenants().await.is_empty());
    let again = server.post("tenants", &complete("a", "root")).await.task();
    assert_eq!(server.failed(&again).await, crate::codes::GROUP_EXISTS);
}

#[tokio::test]
async fn a_stuck_task_stays_at_fifty() {
    let server = Server::start(&["--concurrent-tasks", "2"]).await;
    server
        .fault("POST tenant", json!({"taskStuck": true}))
        .await;
    let stuck = server.post("tenants", &simple("a")).await.task();
    server.simple("b").await;
    server.simple("c").await;
    let seen = server.get(&format!("tasks/{stuck}")).await;
    assert_eq!(
        (seen.element("state"), seen.element("progress")),
        ("Running".into(), "50".into())
    );
    let cancelled = server.post(&format!("tasks/{stuck}/cancel"), "").await;
    assert_eq!(cancelled.status, 202);
    assert_eq!(server.ended(&stuck).await.element("state"), "Canceled");
}

#[tokio::test]
async fn a_forgotten_task_is_done_or_not() {
    let server = Server::start(&[]).await;
    for (how, tenants) in [("undone", vec![]), ("done", vec!["a"])] {
        server
            .fault("POST tenant", json!({"taskForgotten": how}))
            .await;
        let task = server.post("tenants", &simple("a")).await.task();
        server.until(|state| state["tasks"] == json!([])).await;
        assert_eq!(server.get(&format!("tasks/{task}")).await.status, 404);
        assert_eq!(server.tenants().await, tenants);
    }
}

#[tokio::test]
async fn a_new_tenant_may_be_visible_late() {
    let server = Server::start(&[]).await;
    server.fault("POST tenant", json!({"hiddenMs": 2000})).await;
    let id = server.simple("a").await;
    assert_eq!(server.get(&format!("tenants/{id}")).await.status, 404);
    let since = Instant::now();
    while !server.get("tenants").await.text.contains(&id) {
        assert!(since.elapsed() < PATIENCE);
    }
    assert_eq!(server.get(&format!("tenants/{id}")).await.status, 200);
}

#[tokio::test]
async fn an_unknown_state_lasts_as_long_as_its_fault() {
    let server = Server::start(&[]).await;
    let fault = server
        .fault("POST tenant", json!({"taskState": "Paused"}))
        .await;
    let task = server.post("tenants", &simple("a")).await.task();
    server.simple("b").await;
    assert_eq!(
        server.get(&format!("tasks/{task}")).await.element("state"),
        "Paused"
    );
    assert_eq!(
        server
            .get("tasks?state=Paused")
            .await
            .text
            .matches("<task ")
            .count(),
        1
    );
    server
        .control("DELETE", &format!("/faults/{fault}"), Value::Null)
        .await;
    server.completed(&task).await;
}

#[tokio::test]
async fn the_world_can_change_just_before_a_call() {
    let server = Server::start(&[]).await;
    server
        .control("POST", "/snapshots", json!({"name": "empty"}))
        .await;
    server.simple("a").await;
    let before = json!({"path": "/snapshots/empty/restore", "body": {"reuseIdentifiers": true}});
    let order = json!({"call": "GET tenants", "skip": 1, "before": before});
    server.control("POST", "/faults", order).await;
    assert_eq!(
        server.get("tenants").await.text.matches("<tenant ").count(),
        1
    );
    assert_eq!(
        server.get("tenants").await.text.matches("<tenant ").count(),
        0
    );

    let before = json!({"method": "PUT", "path": "/listening", "body": {"listening": false}});
    let order = json!({"call": "GET tenants", "before": before});
    server.control("POST", "/faults", order).await;
    assert!(
        answer(server.request(Method::GET, "tenants"))
            .await
            .is_err()
    );
    server
        .control("PUT", "/listening", json!({"listening": true}))
        .await;
    assert_eq!(server.get("tenants").await.status, 200);
}

#[tokio::test]
async fn wrong_orders_are_refused() {
    let server = Server::start(&[]).await;
    for order in [
        json!({"call": "GET customers", "action": {"dropBefore": true}}),
        json!({"call": "GET tenants", "action": {"dropbefore": true}}),
        json!({"call": "GET tenants", "action": {"status": 99}}),
        json!({"action": {"status": 500}}),
    ] {
        let (status, said) = server.try_control("POST", "/faults", order).await;
        assert_eq!(status, 400, "{said}");
    }
    server.fault("*", json!({"dropBefore": true})).await;
    let shown = server.control("GET", "/faults", Value::Null).await;
    assert_eq!(
        (&shown[0]["call"], &shown[0]["hits"]),
        (&json!("*"), &json!(0))
    );
    server.control("DELETE", "/faults", Value::Null).await;
    assert_eq!(server.get("tenants").await.status, 200);
}
