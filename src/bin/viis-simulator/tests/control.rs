//! The control endpoint: changes behind the API's back.

use super::*;

#[tokio::test]
async fn the_inventory_can_be_changed_by_hand() {
    let server = Server::start(&[]).await;
    let made = json!({"name": "a", "type": "Complete", "administrator": "root",
        "status": "Active", "userData": "<x>"});
    let tenant = server.control("POST", "/tenants", made.clone()).await;
    let id = tenant["id"].as_str().unwrap();
    assert_eq!(tenant["status"], "Active");
    assert_eq!(
        server
            .get(&format!("tenants/{id}"))
            .await
            .element("userData"),
        "<x>"
    );
    assert_eq!(server.try_control("POST", "/tenants", made).await.0, 409);
    let broken = json!({"name": "\u{1}", "type": "Simple"});
    assert_eq!(server.try_control("POST", "/tenants", broken).await.0, 400);

    let machine = json!({"biosID": BIOS_ID, "name": "web"});
    let path = format!("/tenants/{id}/machines");
    server.control("POST", &path, machine.clone()).await;
    assert_eq!(server.try_control("POST", &path, machine).await.0, 409);
    assert!(
        server
            .get(&format!("tenants/{id}/vms"))
            .await
            .text
            .contains("web")
    );
    server
        .control("DELETE", &format!("{path}/{BIOS_ID}"), Value::Null)
        .await;
    let inactive = json!({"status": "Inactive"});
    let tenant = server
        .control("POST", &format!("/tenants/{id}/status"), inactive)
        .await;
    assert_eq!(
        (&tenant["status"], &tenant["machines"]),
        (&json!("Inactive"), &json!([]))
    );
    server
        .control("DELETE", &format!("/tenants/{id}"), Value::Null)
        .await;
    assert_eq!(server.get(&format!("tenants/{id}")).await.status, 404);
    assert_eq!(
        server
            .try_control("DELETE", "/tenants/x", Value::Null)
            .await
            .0,
        404
    );
    assert_eq!(
        server.try_control("GET", "/nothing", Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn a_snapshot_rolls_back_and_may_repeat_identifiers() {
    let server = Server::start(&[]).await;
    server.simple("a").await;
    server
        .control("POST", "/snapshots", json!({"name": "s"}))
        .await;
    let lost = server.simple("b").await;
    let restore = "/snapshots/s/restore";
    server
        .control("POST", restore, json!({"reuseIdentifiers": true}))
        .await;
    assert_eq!(server.tenants().await, ["a"]);
    assert_eq!(server.simple("c").await, lost);
    server.control("POST", restore, Value::Null).await;
    assert_ne!(server.simple("d").await, lost);
    assert_eq!(server.tenants().await, ["a", "d"]);
    assert_eq!(
        server
            .try_control("POST", "/snapshots/x/restore", json!({}))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_restored_task_runs_once() {
    let server = Server::start(&["--create-duration", "150ms"]).await;
    let task = server.post("tenants", &simple("a")).await.task();
    server
        .control("POST", "/snapshots", json!({"name": "s"}))
        .await;
    server
        .control(
            "POST",
            "/snapshots/s/restore",
            json!({"reuseIdentifiers": true}),
        )
        .await;
    server.completed(&task).await;
    let state = server.state().await;
    assert_eq!(state["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(server.tenants().await, ["a"]);
}

#[tokio::test]
async fn a_closed_port_is_refused_and_opens_again() {
    let server = Server::start(&[]).await;
    assert_eq!(server.get("tenants").await.status, 200);
    server
        .fault("GET tenants", json!({"delayMs": 60_000}))
        .await;
    let waiting = tokio::spawn(server.request(Method::GET, "tenants").send());
    let since = Instant::now();
    while server.control("GET", "/calls", Value::Null).await["total"] != 2 {
        assert!(since.elapsed() < PATIENCE);
    }
    server
        .control("PUT", "/listening", json!({"listening": false}))
        .await;
    assert!(
        waiting.await.unwrap().is_err(),
        "an open connection survived"
    );
    let refused = server
        .request(Method::GET, "tenants")
        .send()
        .await
        .unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    server
        .control("PUT", "/listening", json!({"listening": true}))
        .await;
    server
        .control("PUT", "/listening", json!({"listening": true}))
        .await;
    assert_eq!(server.get("tenants").await.status, 200);
}

#[tokio::test]
async fn settings_change_while_it_runs() {
    let mut server = Server::start(&["--concurrent-tasks", "0"]).await;
    let task = server.post("tenants", &simple("a")).await.task();
    let before = server
        .until(|state| state["tasks"][0]["state"] == "Queued")
        .await;
    assert_eq!(before["tenants"], json!([]));
    let shown = server
        .control("PUT", "/settings", json!({"concurrentTasks": 1}))
        .await;
    assert_eq!(shown["concurrentTasks"], 1);
    server.completed(&task).await;

    server
        .control("PUT", "/settings", json!({"password": "another"}))
        .await;
    assert_eq!(server.get("tenants").await.status, 401);
    server.password = "another".into();
    assert_eq!(server.get("tenants").await.status, 200);
    let (status, said) = server
        .try_control("PUT", "/settings", json!({"pasword": "x"}))
        .await;
    assert_eq!(status, 400, "{said}");
    let settings = server.control("GET", "/settings", Value::Null).await;
    assert!(!settings.to_string().contains("another"));
}

#[tokio::test]
async fn calls_are_counted_from_a_reset_on() {
    let server = Server::start(&[]).await;
    server.simple("a").await;
    server.control("POST", "/calls/reset", Value::Null).await;
    server.get("tenants/x").await;
    server.post("tenants/x/activate", "").await;
    let calls = server.control("GET", "/calls", Value::Null).await;
    assert_eq!(
        (&calls["total"], &calls["mutating"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(calls["byStatus"], json!({"202": 1, "404": 1}));
    assert_eq!(calls["byMethod"]["POST activate"], 1);
    assert_eq!(calls["byMethod"]["GET tenants"], 0);
}

#[tokio::test]
async fn the_state_file_survives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let file = file.to_str().unwrap();
    let arguments = ["--state-file", file, "--create-duration", "400ms"];
    let server = Server::start(&arguments).await;
    let id = server.simple("a").await;
    server
        .post(&format!("tenants/{id}/vms/register"), &machine(BIOS_ID))
        .await;
    let running = server.post("tenants", &complete("b", "root")).await.task();
    // What the file holds now is what a killed server leaves.
    let left = folder.path().join("left.json");
    std::fs::copy(file, &left).unwrap();

    let arguments = ["--state-file", left.to_str().unwrap()];
    let second = Server::start(&arguments).await;
    let machines = second.get(&format!("tenants/{id}/vms")).await;
    assert!(machines.text.contains(&BIOS_ID.to_uppercase()));
    second.completed(&running).await;
    assert_eq!(second.tenants().await, ["a", "b"]);
    let kept = std::fs::read_to_string(&left).unwrap();
    assert!(!kept.contains(PASSWORD) && !kept.contains("\"password\""));

    std::fs::write(&left, "nonsense").unwrap();
    let flags = [&["viis-simulator"], &arguments[..]].concat();
    let error = start(&Flags::try_parse_from(flags).unwrap())
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("remove it"), "{error}");
}
