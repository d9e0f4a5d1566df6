//! Tasks: their order, their states, cancellation.

use super::*;

fn states(state: &Value) -> Vec<String> {
    let tasks = state["tasks"].as_array().unwrap().iter();
    tasks
        .map(|task| task["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn first_in_first_out_and_never_more_than_allowed() {
    let server = Server::start(&["--concurrent-tasks", "2", "--create-duration", "200ms"]).await;
    for number in 0..7 {
        server
            .post("tenants", &simple(&format!("t{number}")))
            .await
            .task();
    }
    let mut most = 0;
    let done = loop {
        let state = server.state().await;
        let waiting = |s: &String| ["Created", "Queued"].contains(&s.as_str());
        let running = |s: &String| ["Starting", "Running"].contains(&s.as_str());
        let all = states(&state);
        most = most.max(all.iter().filter(|s| running(s)).count());
        let first_waiting = all.iter().position(waiting).unwrap_or(7);
        assert!(all[first_waiting..].iter().all(waiting), "{all:?}");
        if all.iter().all(|s| s == "Completed") {
            break state;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    };
    assert_eq!(most, 2);
    let names: Vec<&Value> = done["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["name"])
        .collect();
    assert_eq!(names, ["t0", "t1", "t2", "t3", "t4", "t5", "t6"]);
}

#[tokio::test]
async fn a_running_task_moves() {
    let server = Server::start(&["--create-duration", "4s"]).await;
    let task = server.post("tenants", &complete("a", "root")).await.task();
    let mut seen: Vec<(String, u8, String)> = Vec::new();
    loop {
        let answer = server.get(&format!("tasks/{task}")).await;
        let state = answer.element("state");
        let progress: u8 = answer.element("progress").parse().unwrap();
        if let Some((_, before, _)) = seen.last() {
            assert!(progress >= *before);
        }
        let ended = state == "Completed";
        seen.push((state, progress, answer.element("stage")));
        if ended {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let distinct = |pick: fn(&(String, u8, String)) -> String| {
        let mut all: Vec<String> = seen.iter().map(pick).collect();
        all.dedup();
        all
    };
    assert_eq!(
        distinct(|s| s.0.clone()),
        ["Starting", "Running", "Completed"]
    );
    assert_eq!(distinct(|s| s.2.clone()).len(), 4);
    assert_eq!(seen.last().unwrap().1, 100);
}

#[tokio::test]
async fn cancellation_has_five_answers() {
    let server = Server::start(&["--concurrent-tasks", "1", "--create-duration", "1m"]).await;
    let running = server.post("tenants", &simple("a")).await.task();
    let queued = server.post("tenants", &simple("b")).await.task();
    let cancel = async |task: &str| {
        server
            .post(&format!("tasks/{task}/cancel"), "")
            .await
            .status
    };
    assert_eq!(cancel("x").await, 404);
    assert_eq!(cancel(&queued).await, 200);
    assert_eq!(cancel(&queued).await, 409);
    assert_eq!(cancel(&running).await, 202);
    let stopping = server.get(&format!("tasks/{running}")).await;
    assert_eq!(stopping.element("state"), "Stopping");
    let canceled = server.ended(&running).await;
    assert_eq!(canceled.element("state"), "Canceled");
    assert!(canceled.text.contains("<error>"), "{canceled:?}");
    assert_eq!(cancel(&running).await, 409);
    assert!(server.tenants().await.is_empty());

    let made = json!({"type": "Scan", "durationMs": 60_000});
    let parent = server.control("POST", "/tasks", made).await["id"].clone();
    let made = json!({"type": "Scan", "durationMs": 60_000, "parent": parent});
    let child = server.control("POST", "/tasks", made).await["id"].clone();
    assert_eq!(cancel(child.as_str().unwrap()).await, 405);
    assert_eq!(cancel(parent.as_str().unwrap()).await, 202);
    let ended = server.ended(child.as_str().unwrap()).await;
    assert_eq!(ended.element("state"), "Canceled");
}

#[tokio::test]
async fn a_cancelled_task_gives_its_slot_to_the_next() {
    let server = Server::start(&["--concurrent-tasks", "1", "--activate-duration", "1m"]).await;
    let id = server.simple("a").await;
    let stays = server
        .post(&format!("tenants/{id}/activate"), "")
        .await
        .task();
    let waits = server.post("tenants", &simple("b")).await.task();
    let cancelled = server.post(&format!("tasks/{stays}/cancel"), "").await;
    assert_eq!(cancelled.status, 202);
    server.completed(&waits).await;
    assert_eq!(server.state().await["tenants"][0]["status"], "Inactive");
}

#[tokio::test]
async fn the_list_can_be_narrowed() {
    let server = Server::start(&[]).await;
    let id = server.simple("a").await;
    let activation = server
        .post(&format!("tenants/{id}/activate"), "")
        .await
        .task();
    server.completed(&activation).await;
    let failing = server.post("tenants/x/activate", "").await.task();
    server.failed(&failing).await;
    let count = async |query: &str| {
        let answer = server.get(&format!("tasks{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text.matches("<task ").count()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("?type=CreateTenant").await, 1);
    assert_eq!(count("?state=Completed").await, 2);
    assert_eq!(count("?state=Failed&type=ChangeTenantActivation").await, 1);
    assert_eq!(count("?state=Running").await, 0);
    let state = server.state().await;
    let last = state["tasks"][2]["created"].as_str().unwrap();
    assert!(count(&format!("?createdFrom={last}")).await >= 1);
    assert_eq!(count("?createdFrom=2999-01-01T00%3A00%3A00").await, 0);
    assert_eq!(
        server
            .get("tasks?createdFrom=2999-01-01T00:00:00Z")
            .await
            .status,
        400
    );
}
