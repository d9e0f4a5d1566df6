#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::telemetry::metrics::{Kind, Outcome};

struct Fixture {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// The endpoints on a free port of this machine.
async fn serving() -> Fixture {
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = server.address();
    let metrics = Arc::new(Metrics::new());
    let readiness = Readiness::new();
    tokio::spawn(server.serve(Arc::clone(&metrics), readiness.clone()));
    Fixture {
        address,
        metrics,
        readiness,
    }
}

/// The whole answer to one GET, head and body.
async fn get_text(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let whole = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), whole)
        .await
        .unwrap()
        .unwrap();
    answer
}

async fn expect(address: SocketAddr, path: &str, status: &str, body: &str) {
    let answer = get_text(address, path).await;
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{path}: {answer}"
    );
    assert!(
        answer.ends_with(&format!("\r\n\r\n{body}\n")),
        "{path}: {answer}"
    );
}

#[tokio::test]
async fn probes_follow_the_life_of_the_process() {
    let Fixture {
        address, readiness, ..
    } = serving().await;
    expect(address, "/healthz", "200", "ok").await;
    expect(address, "/readyz", "503", "starting").await;

    readiness.waiting_for("waiting for the CRDs");
    expect(address, "/readyz", "503", "waiting for the CRDs").await;
    expect(address, "/healthz", "200", "ok").await;

    readiness.controllers_started();
    expect(address, "/readyz", "200", "ok").await;

    readiness.stopping();
    expect(address, "/readyz", "503", "stopping").await;
    expect(address, "/healthz", "200", "ok").await;

    readiness.controllers_ended();
    expect(address, "/healthz", "503", "the controllers ended").await;
}

#[tokio::test]
async fn metrics_are_served_as_prometheus_reads_them() {
    let Fixture {
        address,
        metrics: counted,
        ..
    } = serving().await;
    counted.reconciled(Kind::Tenant, Outcome::Settled, Duration::from_millis(3));
    let answer = get_text(address, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains(&format!("content-type: {}\r\n", metrics::CONTENT_TYPE)),
        "{answer}"
    );
    let sample = r#"viis_operator_reconciles_total{kind="Tenant",outcome="settled"} 1"#;
    assert!(answer.contains(sample), "{answer}");
    assert!(!answer.contains("# EOF"), "{answer}");
}

#[tokio::test]
async fn nothing_else_is_served() {
    let Fixture { address, .. } = serving().await;
    assert!(get_text(address, "/").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let Fixture { address, .. } = serving().await;
    let error = Server::bind(address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn connections_have_a_bounded_number_and_life() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/healthz", get(|| async { "ok" }));
    let one_for_a_moment = Bounded::with(listener, 1, Duration::from_millis(500));
    tokio::spawn(async move { axum::serve(one_for_a_moment, routes).await });

    // It takes the only place and says nothing.
    let mut silent = TcpStream::connect(address).await.unwrap();
    // It is answered once the silent one has been sent away.
    let answer = get_text(address, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut nothing = Vec::new();
    let end = silent.read_to_end(&mut nothing).await;
    assert!(matches!(end, Ok(0)) || end.is_err(), "{nothing:?}");
}
