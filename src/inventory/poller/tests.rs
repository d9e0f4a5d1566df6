//! The poller against a real TLS server on 127.0.0.1, in real time: what is
//! tested is when it calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;

use rstest::rstest;

use crate::inventory::fixtures::{Woken, owner, seconds};
use crate::inventory::health::Availability;
use crate::inventory::tasks::View;
use crate::inventory::{STUCK_AFTER, Wake};
use crate::viis::live_tests::connected;
use crate::viis::live_tests::server::{self, Reply, http};

use super::*;

/// An Integration Server's tasks, as the test wants them.
#[derive(Default)]
struct Script {
    running: Vec<&'static str>,
    completed: Vec<String>,
    /// The answer to a list instead of the list.
    list: Option<(&'static str, &'static str)>,
    /// The answer to a list with parameters.
    filtered: Option<(&'static str, &'static str)>,
    /// The answer to the call for this task.
    single: Vec<(&'static str, &'static str, &'static str)>,
    retry_after: Option<&'static str>,
    created: bool,
    filters: Vec<String>,
    lists: Vec<Instant>,
    singles: Vec<String>,
}

type Shared = Arc<Mutex<Script>>;

struct Stand {
    script: Shared,
    picture: Arc<Server>,
    woken: Arc<Woken>,
    _remote: server::Server,
}

fn task(id: &str, state: &str, created: bool) -> String {
    let created = if created {
        " created=\"2024-05-01T10:00:00\""
    } else {
        ""
    };
    format!("<task id=\"{id}\"{created}><state>{state}</state><type>CreateTenant</type></task>")
}

fn answer(script: &Shared, request: &str) -> Reply {
    let mut script = script.lock().unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.trim_start_matches("/api/2.0/virtualization/tasks");
    let created = script.created;
    let show = |id: &str, completed: &[String]| {
        let done = completed.iter().any(|known| known == id);
        task(id, if done { "Completed" } else { "Running" }, created)
    };
    if let Some(id) = path.strip_prefix('/') {
        script.singles.push(id.to_owned());
        if let Some((_, status, body)) = script.single.iter().find(|single| single.0 == id) {
            return Reply::Bytes(http(status, &[], body));
        }
        return Reply::Bytes(if script.running.contains(&id) {
            http("200 OK", &[], &show(id, &script.completed))
        } else {
            http("404 Not Found", &[], "<error/>")
        });
    }
    script.lists.push(Instant::now());
    script.filters.push(path.to_owned());
    let filtered = script.filtered.filter(|_| path.starts_with('?'));
    if let Some((status, body)) = filtered.or(script.list) {
        let headers: Vec<String> = script
            .retry_after
            .map(|wait| format!("Retry-After: {wait}"))
            .into_iter()
            .collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        return Reply::Bytes(http(status, &headers, body));
    }
    let tasks: String = script
        .running
        .iter()
        .map(|id| show(id, &script.completed))
        .collect();
    Reply::Bytes(http("200 OK", &[], &format!("<tasks>{tasks}</tasks>")))
}

impl Stand {
    fn new(running: &[&'static str]) -> Self {
        let script = Shared::default();
        script.lock().unwrap().running = running.to_vec();
        let replies = Arc::clone(&script);
        let (remote, client) = connected(move |request| answer(&replies, request));
        let woken = Woken::new();
        let picture = Server::new(client, 8, Arc::clone(&woken) as Arc<dyn Wake>);
        picture.health().probed();
        Self {
            script,
            picture,
            woken,
            _remote: remote,
        }
    }

    fn refusing_lists(self, status: &'static str, body: &'static str) -> Self {
        self.script.lock().unwrap().list = Some((status, body));
        self
    }

    fn watch(&self, tasks: &[&str]) {
        for task in tasks {
            self.picture.watch_task(&TaskId::new(*task), &owner(task));
        }
    }

    fn complete(&self, tasks: &[&str]) {
        let mut script = self.script.lock().unwrap();
        script
            .completed
            .extend(tasks.iter().map(|&id| id.to_owned()));
    }

    fn lists(&self) -> usize {
        self.script.lock().unwrap().lists.len()
    }

    fn singles(&self) -> Vec<String> {
        self.script.lock().unwrap().singles.clone()
    }

    fn is_over(&self, task: &str) -> bool {
        let view = self.picture.tasks().view(&TaskId::new(task));
        view.is_some_and(|view| view.is_over())
    }

    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let waited = timeout(seconds(15), async {
            while !condition(self) {
                sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("what was waited for never happened");
    }

    /// How long it was between one list and the next.
    fn pauses(&self) -> Vec<Duration> {
        let script = self.script.lock().unwrap();
        let pairs = script.lists.windows(2);
        pairs.map(|pair| pair[1] - pair[0]).collect()
    }
}

#[tokio::test]
async fn it_is_silent_when_nothing_runs() {
    let stand = Stand::new(&["1"]);
    sleep(FASTEST * 2).await;
    assert_eq!(stand.lists(), 0, "before anything is watched");
    stand.complete(&["1"]);
    stand.watch(&["1"]);
    stand.until(|stand| stand.is_over("1")).await;
    let lists = stand.lists();
    sleep(FASTEST * 3).await;
    assert_eq!(stand.lists(), lists, "after the last one ended");
}

/// Whoever waits for a slot does not wait for a task that may never end.
#[tokio::test]
async fn a_stuck_task_gives_its_slot_back_and_wakes_its_owner() {
    let stand = Stand::new(&["1"]);
    for number in 1..=8 {
        assert!(stand.picture.slots().take(&owner(&number.to_string())));
    }
    assert!(!stand.picture.slots().take(&owner("9")), "there are eight");
    stand.watch(&["1"]);
    let seen = |stand: &Stand| {
        let view = stand.picture.tasks().view(&TaskId::new("1"));
        matches!(view, Some(View::Seen(_)))
    };
    stand.until(seen).await;
    stand.woken.tenants();
    stand.picture.tasks().unchanged_for("1", STUCK_AFTER);
    stand
        .until(|stand| stand.picture.slots().take(&owner("9")))
        .await;
    assert!(stand.woken.tenants().contains(&"1".to_owned()));
}

#[tokio::test]
async fn many_tasks_are_asked_for_in_one_call() {
    let tasks = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let stand = Stand::new(&tasks);
    stand.watch(&tasks);
    stand.until(|stand| stand.lists() == 2).await;
    stand.complete(&tasks);
    stand
        .until(|stand| tasks.iter().all(|task| stand.is_over(task)))
        .await;
    assert!(stand.lists() <= 4, "{} lists", stand.lists());
    assert_eq!(stand.singles(), [""; 0]);
    assert_eq!(stand.woken.in_flight(), 0);
}

#[tokio::test]
async fn it_slows_down_while_nothing_ends_and_hurries_for_a_new_task() {
    let stand = Stand::new(&["1", "2"]);
    stand.watch(&["1"]);
    stand.until(|stand| stand.lists() == 6).await;
    let pauses = stand.pauses();
    assert!(pauses[4] > Duration::from_millis(800), "{pauses:?}");
    assert!(pauses[4] > pauses[1] * 2, "{pauses:?}");
    let asked = Instant::now();
    stand.watch(&["2"]);
    stand.until(|stand| stand.lists() == 7).await;
    assert!(
        asked.elapsed() < Duration::from_millis(1200),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn a_refused_list_is_replaced_by_single_calls() {
    let stand = Stand::new(&["1", "2"]).refusing_lists("400 Bad Request", "<error/>");
    stand.watch(&["1", "2"]);
    stand.until(|stand| stand.singles().len() >= 4).await;
    stand.complete(&["1", "2"]);
    stand
        .until(|stand| stand.is_over("1") && stand.is_over("2"))
        .await;
    assert_eq!(stand.lists(), 1, "a refused list is not repeated each time");
}

#[tokio::test]
async fn a_task_that_a_list_leaves_out_is_asked_for_alone() {
    let stand = Stand::new(&["1"]).refusing_lists("200 OK", "<tasks/>");
    stand.complete(&["1"]);
    stand.watch(&["1"]);
    stand.until(|stand| stand.is_over("1")).await;
    let view = stand.picture.tasks().view(&TaskId::new("1"));
    assert!(
        matches!(view, Some(View::Seen(_))),
        "left out is not forgotten"
    );
}

#[tokio::test]
async fn only_the_servers_own_404_makes_a_task_forgotten() {
    let stand = Stand::new(&[]);
    let waiting: Vec<_> = (0..9).map(|number| owner(&number.to_string())).collect();
    stand.watch(&["gone"]);
    for owner in &waiting {
        stand.picture.slots().take(owner);
    }
    stand.until(|stand| stand.is_over("gone")).await;
    assert_eq!(stand.singles(), ["gone"]);
    let view = stand.picture.tasks().view(&TaskId::new("gone"));
    assert!(matches!(view, Some(View::Forgotten)));
    let woken = stand.woken.tenants();
    assert!(woken.contains(&"gone".to_owned()), "{woken:?}");
    assert!(
        woken.contains(&"7".to_owned()),
        "it gives its slot back: {woken:?}"
    );
}

#[tokio::test]
async fn a_server_that_fails_is_asked_less_often_and_its_tasks_stay() {
    let stand = Stand::new(&["1"]).refusing_lists("503 Service Unavailable", "");
    stand.watch(&["1"]);
    stand.until(|stand| stand.lists() == 3).await;
    let pauses = stand.pauses();
    assert!(pauses[1] > pauses[0], "{pauses:?}");
    assert!(!stand.is_over("1"));
    assert_eq!(stand.singles(), [""; 0]);
    assert_eq!(stand.woken.server(), 1, "one probe is asked for");
}

#[tokio::test]
async fn rejected_credentials_park_the_server_after_one_call() {
    let stand = Stand::new(&["1"]).refusing_lists("401 Unauthorized", "");
    stand.watch(&["1"]);
    stand
        .until(|stand| stand.picture.health().availability() == Availability::Down)
        .await;
    sleep(FASTEST * 3).await;
    assert_eq!(stand.lists(), 1);
}

#[tokio::test]
async fn a_closed_picture_asks_no_more() {
    let stand = Stand::new(&["1"]);
    stand.watch(&["1"]);
    stand.until(|stand| stand.lists() == 1).await;
    stand.picture.close();
    sleep(FASTEST * 3).await;
    assert_eq!(stand.lists(), 1);
}

#[rstest]
#[case::server_error("500 Internal Server Error", "")]
#[case::not_implemented("501 Not Implemented", "")]
#[case::html("200 OK", "<html><body>Please log in</body></html>")]
#[case::nothing("204 No Content", "")]
#[case::an_unreadable_item("200 OK", "<tasks><task><state>Running</state></task></tasks>")]
#[tokio::test]
async fn a_list_that_only_ever_fails_is_replaced_by_single_calls(
    #[case] status: &'static str,
    #[case] body: &'static str,
) {
    let stand = Stand::new(&["1", "2"]).refusing_lists(status, body);
    stand.complete(&["1", "2"]);
    stand.watch(&["1", "2"]);
    stand
        .until(|stand| {
            // The server answers its probes.
            stand.picture.health().probed();
            stand.is_over("1") && stand.is_over("2")
        })
        .await;
    assert!(stand.lists() >= 3, "one failure is no reason");
    assert_eq!(stand.singles().len(), 2);
}

#[tokio::test]
async fn a_list_whose_parameters_are_refused_is_asked_for_without_them() {
    let stand = Stand::new(&["1", "2"]);
    stand.script.lock().unwrap().created = true;
    stand.watch(&["1"]);
    stand.until(|stand| stand.lists() == 1).await;
    stand.script.lock().unwrap().filtered = Some(("400 Bad Request", "<error/>"));
    stand.until(|stand| stand.lists() >= 4).await;
    stand.complete(&["1"]);
    stand.until(|stand| stand.is_over("1")).await;
    let filters = stand.script.lock().unwrap().filters.clone();
    let refused = filters.iter().filter(|filter| !filter.is_empty()).count();
    assert_eq!(refused, 1, "{filters:?}");
    assert_eq!(stand.singles(), [""; 0]);
}

#[rstest]
#[case::refused("403 Forbidden", "")]
#[case::failing("500 Internal Server Error", "")]
#[case::a_page_of_a_proxy("404 Not Found", "<html/>")]
#[case::unreadable("200 OK", "<task><state>Completed</state></task>")]
#[tokio::test]
async fn a_task_that_cannot_be_had_holds_nobody_up(
    #[case] status: &'static str,
    #[case] body: &'static str,
) {
    let tasks = ["1", "2", "3", "4", "5", "6"];
    let stand = Stand::new(&tasks).refusing_lists("200 OK", "<tasks/>");
    stand.complete(&tasks);
    let broken = ["1", "2", "3"];
    stand.script.lock().unwrap().single = broken.map(|id| (id, status, body)).to_vec();
    stand.watch(&tasks);
    stand
        .until(|stand| ["4", "5", "6"].iter().all(|task| stand.is_over(task)))
        .await;
    sleep(FASTEST * 5).await;
    for task in broken {
        assert!(!stand.is_over(task));
        let asked = stand.singles().iter().filter(|id| *id == task).count();
        assert_eq!(asked, 1, "it is asked for less and less often");
    }
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_respected() {
    let stand = Stand::new(&["1", "2"]).refusing_lists("503 Service Unavailable", "");
    stand.script.lock().unwrap().retry_after = Some("2");
    stand.watch(&["1"]);
    stand.until(|stand| stand.lists() == 1).await;
    // Not even a new task is a reason to hurry then.
    stand.watch(&["2"]);
    stand.until(|stand| stand.lists() == 2).await;
    let pauses = stand.pauses();
    assert!(pauses[0] >= seconds(2), "{pauses:?}");
    assert_eq!(stand.singles(), [""; 0]);
}
