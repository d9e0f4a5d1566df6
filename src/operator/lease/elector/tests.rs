//! Electors against an API server of one Lease that can fail, and forget to answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use kube::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const TIMING: Timing = Timing {
    duration: Duration::from_millis(4600),
    renew_deadline: Duration::from_millis(1500),
    retry_period: Duration::from_millis(200),
};

/// So long that a release is told from an expiry on a busy machine, too.
const LONG: Timing = Timing {
    duration: Duration::from_secs(10),
    renew_deadline: Duration::from_secs(3),
    retry_period: Duration::from_millis(200),
};

/// What the API server does with writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Fails, and commits nothing.
    Down,
    /// Commits, and the answer is lost.
    Mute,
}

struct World {
    lease: Option<Value>,
    version: u64,
    mood: Mood,
    refused: u32,
}

#[derive(Clone)]
struct ApiServer(Arc<Mutex<World>>);

impl ApiServer {
    async fn start() -> (Self, Client) {
        let world = World {
            lease: None,
            version: 0,
            mood: Mood::Well,
            refused: 0,
        };
        let server = Self(Arc::new(Mutex::new(world)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = Config::new(format!("http://{address}").parse().unwrap());
        config.default_retry = false;
        (server, Client::try_from(config).unwrap())
    }

    fn set(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    fn holder(&self) -> Option<String> {
        let world = self.0.lock().unwrap();
        let holder = world.lease.as_ref()?["spec"]["holderIdentity"].as_str()?;
        Some(holder.to_owned())
    }

    /// As a write of somebody else.
    fn hand_to(&self, holder: &str) {
        let mut world = self.0.lock().unwrap();
        world.version += 1;
        let version = world.version.to_string();
        let lease = world.lease.as_mut().unwrap();
        lease["spec"]["holderIdentity"] = holder.into();
        lease["metadata"]["resourceVersion"] = version.into();
    }

    fn refused(&self) -> u32 {
        self.0.lock().unwrap().refused
    }
}

async fn answer(State(server): State<ApiServer>, method: Method, body: Bytes) -> Response {
    let mood = server.0.lock().unwrap().mood;
    if mood == Mood::Down {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
    }
    let answer = server.0.lock().unwrap().take(&method, &body);
    if mood == Mood::Mute && method != Method::GET {
        std::future::pending::<()>().await;
    }
    answer
}

impl World {
    fn take(&mut self, method: &Method, body: &[u8]) -> Response {
        if *method == Method::GET {
            return match &self.lease {
                Some(lease) => lease.to_string().into_response(),
                None => failure(StatusCode::NOT_FOUND, "NotFound"),
            };
        }
        let mut lease: Value = serde_json::from_slice(body).unwrap();
        let current = self
            .lease
            .as_ref()
            .map(|lease| lease["metadata"]["resourceVersion"].clone());
        let stale = match (method == Method::POST, &current) {
            (true, None) => false,
            (true, Some(_)) | (false, None) => true,
            (false, Some(current)) => lease["metadata"]["resourceVersion"] != *current,
        };
        if stale {
            self.refused += 1;
            return failure(StatusCode::CONFLICT, "Conflict");
        }
        self.version += 1;
        lease["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.lease = Some(lease.clone());
        lease.to_string().into_response()
    }
}

fn failure(code: StatusCode, reason: &str) -> Response {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "on purpose", "reason": reason, "code": code.as_u16()});
    (code, status.to_string()).into_response()
}

struct Candidate {
    leadership: Leadership,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn candidate(client: &Client, name: &str) -> Candidate {
    candidate_with(client, name, TIMING)
}

fn candidate_with(client: &Client, name: &str, timing: Timing) -> Candidate {
    let election = Election {
        namespace: "viis-system".to_owned(),
        name: "viis-operator".to_owned(),
        timing,
    };
    let (leadership, stop) = (Leadership::candidate(), CancellationToken::new());
    let elector = Elector::new(
        client.clone(),
        &election,
        name.to_owned(),
        leadership.clone(),
    );
    Candidate {
        task: tokio::spawn(elector.run(stop.clone())),
        leadership,
        stop,
    }
}

impl Candidate {
    async fn lost(&self) {
        self.leadership.lost(self.leadership.term()).await;
    }
}

/// What never happens is a failure, not a test without an end.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), work).await.unwrap()
}

#[tokio::test]
async fn of_two_one_leads_and_the_other_follows_a_release_at_once() {
    let (server, client) = ApiServer::start().await;
    let first = candidate_with(&client, "first", LONG);
    soon(first.leadership.gained()).await;
    let second = candidate_with(&client, "second", LONG);
    // Longer than the Lease: renewals keep it.
    let lost = timeout(LONG.duration + LONG.retry_period, async {
        tokio::select! {
            () = first.lost() => {}
            () = second.leadership.gained() => {}
        }
    });
    assert!(
        lost.await.is_err(),
        "the Lease changed hands although it was renewed"
    );
    assert_eq!(server.holder().as_deref(), Some("first"));

    let released = Instant::now();
    first.stop.cancel();
    soon(second.leadership.gained()).await;
    assert!(
        released.elapsed() < Duration::from_secs(8),
        "{:?}",
        released.elapsed()
    );
    soon(first.task).await.unwrap();
    assert!(!first.leadership.holds());
    assert_eq!(server.holder().as_deref(), Some("second"));
}

#[tokio::test]
async fn a_leader_that_disappears_is_replaced_when_its_lease_is_over_and_not_before() {
    let (_server, client) = ApiServer::start().await;
    let first = candidate(&client, "first");
    soon(first.leadership.gained()).await;
    let second = candidate(&client, "second");
    first.task.abort();
    let dead = Instant::now();
    soon(second.leadership.gained()).await;
    assert!(!first.leadership.holds(), "two lead");
    // Others read whole seconds, rounded up; the last renewal may be one pause old.
    let least = Duration::from_secs(5).saturating_sub(TIMING.renewal() + TIMING.retry_period);
    assert!(dead.elapsed() >= least, "{:?}", dead.elapsed());
    assert!(
        dead.elapsed() < Duration::from_secs(30),
        "{:?}",
        dead.elapsed()
    );
}

#[tokio::test]
async fn a_leader_that_cannot_renew_stops_first_and_leads_again_afterwards() {
    let (server, client) = ApiServer::start().await;
    let first = candidate(&client, "first");
    soon(first.leadership.gained()).await;
    server.set(Mood::Down);
    let cut = Instant::now();
    soon(first.lost()).await;
    assert!(cut.elapsed() < TIMING.duration, "{:?}", cut.elapsed());
    assert!(!first.task.is_finished(), "it campaigns on");
    server.set(Mood::Well);
    soon(first.leadership.gained()).await;
    assert_eq!(server.holder().as_deref(), Some("first"));
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_is_no_loss_when_the_next_one_is_answered() {
    let (server, client) = ApiServer::start().await;
    let first = candidate(&client, "first");
    soon(first.leadership.gained()).await;
    server.set(Mood::Mute);
    sleep(TIMING.renewal()).await;
    server.set(Mood::Well);
    let lost = timeout(TIMING.duration, first.lost()).await;
    assert!(lost.is_err(), "it stepped down");
}

#[tokio::test]
async fn a_lease_that_another_has_taken_is_given_up_at_once_and_not_overwritten() {
    let (server, client) = ApiServer::start().await;
    let first = candidate(&client, "first");
    soon(first.leadership.gained()).await;
    server.hand_to("second");
    soon(first.lost()).await;
    assert_eq!(server.holder().as_deref(), Some("second"));
}

#[tokio::test]
async fn of_two_that_take_it_at_once_one_is_refused() {
    let (server, client) = ApiServer::start().await;
    let now = Instant::now();
    let election = Election {
        namespace: "viis-system".to_owned(),
        name: "viis-operator".to_owned(),
        timing: TIMING,
    };
    let elector = |name: &str| {
        let to = Leadership::candidate();
        Elector::new(client.clone(), &election, name.to_owned(), to)
    };
    let (mut first, mut second) = (elector("first"), elector("second"));
    let (first, second) =
        soon(async { tokio::join!(first.compete(now), second.compete(now)) }).await;
    let led = [first.unwrap(), second.unwrap()];
    assert_eq!(
        led.iter().filter(|led| **led == Standing::Ours).count(),
        1,
        "{led:?}"
    );
    assert!(server.refused() <= 1);
}
