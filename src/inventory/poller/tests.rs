//! The poller against a real TLS server on 127.0.0.1, in real time: what is
//! tested is when it calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;

use crate::inventory::Wake;
use crate::inventory::fixtures::{Woken, owner, seconds};
use crate::inventory::health::Availability;
use crate::inventory::tasks::View;
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

fn task(id: &str, state: &str) -> String {
    format!("<task id=\"{id}\"><state>{state}</state><type>CreateTenant</type></task>")
}

fn answer(script: &Shared, request: &str) -> Reply {
    let mut script = script.lock().unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.trim_start_matches("/api/2.0/virtualization/tasks");
    let show = |id: &str, completed: &[String]| {
        let done = completed.iter().any(|known| known == id);
        task(id, if done { "Completed" } else { "Running" })
    };
    if let Some(id) = path.strip_prefix('/') {
        script.singles.push(id.to_owned());
        return Reply::Bytes(if script.running.contains(&id) {
            http("200 OK", &[], &show(id, &script.completed))
        } else {
            http("404 Not Found", &[], "<error/>")
        });
    }
    script.lists.push(Instant::now());
    if let Some((status, body)) = script.list {
        return Reply::Bytes(http(status, &[], body));
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

#[test]
fn the_pace_goes_from_200_milliseconds_to_2_seconds_and_back() {
    let mut pace = Pace {
        pause: FASTEST,
        single_until: None,
    };
    let mut longest = FASTEST;
    for _ in 0..20 {
        pace.follow(false);
        assert!(pace.pause >= longest);
        longest = pace.pause;
    }
    assert_eq!(longest, seconds(2));
    pace.follow(true);
    assert_eq!(pace.pause, Duration::from_millis(200));
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
