#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, WatchEvent, WatchParams};
use tokio::net::TcpListener;

use super::*;
use crate::telemetry::sentence;

const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(60);

const NAMED: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;

/// A client of a server that answers this path alone.
async fn client_of(path: &str, route: axum::routing::MethodRouter, call: Duration) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route(path, route);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let config = Config::new(format!("http://{address}").parse().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    with_deadline(config, call, Leadership::unopposed()).unwrap()
}

/// What never happens is a failure, not a test without an end.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG / 3, work).await.unwrap()
}

/// Sends `first`, then nothing for ever.
fn hanging_after(first: &'static str) -> Body {
    let beginning = stream::iter([Ok::<_, Infallible>(first)]);
    Body::from_stream(beginning.chain(stream::pending()))
}

#[tokio::test]
async fn says_who_asks() {
    let route = get(|headers: HeaderMap| async move {
        let agent = headers["user-agent"].to_str().unwrap().to_owned();
        NAMED.replace("\"a\"", &format!("{agent:?}"))
    });
    let client = client_of("/api/v1/namespaces/x/configmaps/a", route, LONG).await;
    let found = soon(Api::<ConfigMap>::namespaced(client, "x").get("a"))
        .await
        .unwrap();
    assert_eq!(found.metadata.name.as_deref(), Some(AGENT));
}

#[tokio::test]
async fn a_call_without_an_answer_ends_in_time() {
    let route = get(|| async { std::future::pending::<()>().await });
    let client = client_of("/api/v1/namespaces/x/configmaps/a", route, SHORT).await;
    let error = soon(Api::<ConfigMap>::namespaced(client, "x").get("a"))
        .await
        .unwrap_err();
    let text = sentence(&error);
    assert!(
        text.contains("no answer from the API server within 0.4 s"),
        "{text}"
    );
}

#[tokio::test]
async fn a_body_that_does_not_end_ends_in_time() {
    let route = get(|| async { hanging_after("{") });
    let client = client_of("/api/v1/namespaces/x/configmaps/a", route, SHORT).await;
    let error = soon(Api::<ConfigMap>::namespaced(client, "x").get("a"))
        .await
        .unwrap_err();
    assert!(sentence(&error).contains("within 0.4 s"), "{error:?}");
}

#[tokio::test]
async fn a_watch_goes_on_after_the_deadline_of_calls() {
    let route = get(|| async {
        let late = stream::once(async {
            tokio::time::sleep(SHORT * 3).await;
            Ok::<_, Infallible>(format!("{{\"type\":\"ADDED\",\"object\":{NAMED}}}\n"))
        });
        Body::from_stream(late)
    });
    let client = client_of("/api/v1/namespaces/x/configmaps", route, SHORT).await;
    let maps = Api::<ConfigMap>::namespaced(client, "x");
    let events = maps.watch(&WatchParams::default(), "0").await.unwrap();
    let events: Vec<_> = events.try_collect().await.unwrap();
    assert!(
        matches!(events.as_slice(), [WatchEvent::Added(_)]),
        "{events:?}"
    );
}

#[tokio::test]
async fn an_error_answer_is_not_asked_for_again() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&asked);
    let route = get(move || async move {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        http::StatusCode::SERVICE_UNAVAILABLE
    });
    let client = client_of("/api/v1/namespaces/x/configmaps/a", route, LONG).await;
    soon(Api::<ConfigMap>::namespaced(client, "x").get("a"))
        .await
        .unwrap_err();
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn watches_are_told_from_calls() {
    for (uri, expected) in [
        ("/a?watch=true&timeoutSeconds=290", true),
        ("/a?&resourceVersion=1&watch=true", true),
        ("/a?limit=1", false),
        ("/a?fieldSelector=watch%3Dtrue", false),
        ("/watch=true", false),
    ] {
        assert_eq!(is_watch(&uri.parse().unwrap()), expected, "{uri}");
    }
}

#[tokio::test]
async fn nothing_is_written_without_leadership_and_everything_can_be_read() {
    use kube::api::{Patch, PatchParams};

    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = std::sync::Arc::clone(&asked);
    let write = move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async { NAMED }
    };
    let path = "/api/v1/namespaces/x/configmaps/a";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route(path, get(|| async { NAMED }).patch(write));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config::new(format!("http://{address}").parse().unwrap());
    let leadership = Leadership::candidate();
    let client = with_deadline(config, LONG, leadership.clone()).unwrap();
    let api = Api::<ConfigMap>::namespaced(client, "x");
    let patch = || {
        let patch = Patch::Merge(serde_json::json!({"data": {"a": "b"}}));
        let api = api.clone();
        async move { api.patch("a", &PatchParams::default(), &patch).await }
    };

    let error = soon(patch()).await.unwrap_err();
    assert!(sentence(&error).contains("does not lead"), "{error:?}");
    soon(api.get("a")).await.unwrap();
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);

    leadership.extend(tokio::time::Instant::now() + LONG);
    soon(patch()).await.unwrap();
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    leadership.end();
    soon(patch()).await.unwrap_err();
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
}
