#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use rstest::rstest;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::controllers::leadership::Leadership;
use crate::operator::client;

const QUICK: Pace = Pace {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(4),
    deadline: Duration::from_secs(30),
    repeat: Duration::from_secs(60),
};

/// An API server: the status it gives to every question, and what was asked.
#[derive(Clone)]
struct ApiServer {
    status: watch::Sender<u16>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ApiServer {
    async fn start(status: u16) -> (Self, Client) {
        let server = Self {
            status: watch::Sender::new(status),
            asked: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (server, client_at(&format!("http://{address}")))
    }

    fn questions(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn client_at(address: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = kube::Config::new(address.parse().unwrap());
    client::from_config(config, Leadership::unopposed()).unwrap()
}

async fn answer(State(server): State<ApiServer>, uri: Uri) -> Response {
    server.asked.lock().unwrap().push(uri.to_string());
    let status = StatusCode::from_u16(*server.status.borrow()).unwrap();
    if status.is_success() {
        let list = r#"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList",
            "metadata":{"resourceVersion":"1"},"items":[]}"#;
        return list.into_response();
    }
    // What the real one answers for a kind that it does not know: plain text.
    (status, "404 page not found\n").into_response()
}

/// Waits until `/readyz` would say this.
async fn says(readiness: &Readiness, sentence: &'static str) {
    while readiness.ready() != Err(sentence) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What never happens is a failure, not a test without an end.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .unwrap()
}

#[tokio::test]
async fn waits_until_the_kinds_are_served() {
    let (server, client) = ApiServer::start(404).await;
    let readiness = Readiness::new();
    let waiting = {
        let readiness = readiness.clone();
        tokio::spawn(async move { wait(&client, &[], &readiness, QUICK).await })
    };
    soon(says(&readiness, "waiting for the CRDs")).await;
    assert!(!waiting.is_finished());
    server.status.send_replace(200);
    soon(waiting).await.unwrap();

    let questions = server.questions();
    let base = "/apis/viis-operator.io/v1alpha1";
    let last = [
        format!("{base}/integrationservers?&limit=1"),
        format!("{base}/tenants?&limit=1"),
        format!("{base}/virtualmachines?&limit=1"),
        "/api/v1/namespaces?&limit=1".to_owned(),
    ];
    assert!(questions.ends_with(&last), "{questions:?}");
}

#[tokio::test]
async fn asks_in_each_watched_namespace() {
    let (server, client) = ApiServer::start(200).await;
    let namespaces = ["a".to_owned(), "b".to_owned()];
    soon(wait(&client, &namespaces, &Readiness::new(), QUICK)).await;
    let questions = server.questions();
    assert_eq!(questions.len(), 6, "{questions:?}");
    for part in [
        "/namespaces/a/tenants",
        "/namespaces/b/tenants",
        "/namespaces/b/virtualmachines",
    ] {
        assert!(
            questions.iter().any(|uri| uri.contains(part)),
            "{part}: {questions:?}"
        );
    }
}

#[rstest]
#[case(404, Trouble::NotServed, "apply crds/")]
#[case(401, Trouble::Unauthorized, "renew the service account's token")]
#[case(403, Trouble::Forbidden, "bind its service account")]
#[case(503, Trouble::NoAnswer, "look at its address")]
#[tokio::test]
async fn each_trouble_is_named_with_what_to_do(
    #[case] status: u16,
    #[case] trouble: Trouble,
    #[case] advice: &str,
) {
    let (_server, client) = ApiServer::start(status).await;
    let finding = look(&client, &[], QUICK.deadline).await.unwrap_err();
    assert_eq!(finding.trouble, trouble);
    assert!(
        finding.sentence().contains(advice),
        "{}",
        finding.sentence()
    );
}

#[tokio::test]
async fn nobody_at_the_address_is_no_answer() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let client = client_at(&format!("http://{address}"));
    let finding = look(&client, &[], QUICK.deadline).await.unwrap_err();
    assert_eq!(finding.trouble, Trouble::NoAnswer);
    assert!(
        finding.detail.to_lowercase().contains("refused"),
        "{}",
        finding.detail
    );
}

#[tokio::test]
async fn silence_at_the_address_is_no_answer() {
    // Bound and never accepted: the connection stands, and nothing comes.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_at(&format!("http://{}", silent.local_addr().unwrap()));
    let finding = look(&client, &[], Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(finding.trouble, Trouble::NoAnswer);
}

#[test]
fn each_trouble_is_said_once_a_minute() {
    let repeat = Duration::from_secs(60);
    let begun = Instant::now();
    let mut said = Said::default();
    assert!(said.is_due(Trouble::NotServed, begun, repeat));
    assert!(!said.is_due(Trouble::NotServed, begun + repeat / 2, repeat));
    assert!(
        said.is_due(Trouble::NoAnswer, begun + repeat / 2, repeat),
        "another one is news"
    );
    assert!(
        !said.is_due(Trouble::NotServed, begun + repeat / 2, repeat),
        "flapping is not"
    );
    assert!(said.is_due(Trouble::NotServed, begun + repeat, repeat));
}
