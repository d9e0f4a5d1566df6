#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;
use rstest::rstest;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::logging::object_span;
use crate::telemetry::metrics::Kind;

/// What was exported.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl opentelemetry_sdk::trace::SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

fn exported(work: impl FnOnce()) -> Vec<SpanData> {
    let kept = Kept::default();
    let traces = Traces::sending(kept.clone());
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, work);
    traces.end();
    std::mem::take(&mut *kept.0.lock().unwrap())
}

fn call() -> tracing::Span {
    tracing::info_span!(target: CALL_SPANS, "call", otel.name = "create_tenant")
}

#[test]
fn a_call_is_in_the_trace_of_its_reconcile() {
    let spans = exported(|| {
        object_span(Kind::Tenant, Some("customers"), "acme").in_scope(|| {
            call().in_scope(|| tracing::warn!("it failed"));
            tracing::debug!("planned");
        });
    });
    let [call, reconcile] = spans.as_slice() else {
        panic!("{spans:#?}")
    };
    assert_eq!(
        (call.name.as_ref(), reconcile.name.as_ref()),
        ("create_tenant", "reconcile")
    );
    assert_eq!(reconcile.parent_span_id, SpanId::INVALID);
    assert_eq!(call.parent_span_id, reconcile.span_context.span_id());
    assert_eq!(
        call.span_context.trace_id(),
        reconcile.span_context.trace_id()
    );
    let said = |span: &SpanData| -> Vec<String> {
        let events = span.events.iter();
        events.map(|event| event.name.to_string()).collect()
    };
    assert_eq!(said(call), ["it failed"]);
    assert_eq!(said(reconcile), [""; 0]);
    let attributes: Vec<String> = reconcile
        .attributes
        .iter()
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    for attribute in ["kind=Tenant", "namespace=customers", "name=acme"] {
        assert!(attributes.contains(&attribute.to_owned()), "{attributes:?}");
    }
}

#[test]
fn what_libraries_say_of_themselves_is_left_out() {
    let spans = exported(|| {
        tracing::error_span!(target: "hyper", "connection").in_scope(|| {
            object_span(Kind::IntegrationServer, None, "main")
                .in_scope(|| tracing::error!(target: "kube_client", "a token perhaps"));
        });
    });
    let [reconcile] = spans.as_slice() else {
        panic!("{spans:#?}")
    };
    assert!(reconcile.events.is_empty(), "{reconcile:#?}");
}

#[rstest]
#[case("http://collector:4318", "http://collector:4318/v1/traces")]
#[case(" https://collector/otlp/ ", "https://collector/otlp/v1/traces")]
fn an_endpoint_is_an_address(#[case] text: &str, #[case] traces: &str) {
    let endpoint: Endpoint = text.parse().unwrap();
    assert_eq!(endpoint.traces(), traces);
}

#[rstest]
#[case::no_scheme("collector:4318")]
#[case::grpc("grpc://collector:4317")]
#[case::nothing("")]
#[case::query("http://collector:4318?token=x")]
fn what_is_none_is_refused(#[case] text: &str) {
    assert!(text.parse::<Endpoint>().unwrap_err().contains("4318"));
}

#[test]
fn credentials_are_not_given_in_an_address() {
    let refused = "http://user:secret@collector:4318".parse::<Endpoint>();
    let said = refused.unwrap_err();
    assert!(said.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

/// Answers each connection with this, and says what was asked.
fn collector(answer: &'static str) -> (Endpoint, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/otlp", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::sync_channel(16);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 16 * 1024];
            let length = stream.read(&mut request).unwrap();
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let _ = stream.write_all(answer.as_bytes());
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (address.parse().unwrap(), asked)
}

#[test]
fn the_end_sends_what_is_left() {
    let taken = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let (endpoint, asked) = collector(taken);
    let traces = Traces::start(&endpoint).unwrap();
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, || {
        object_span(Kind::Tenant, Some("customers"), "acme").in_scope(|| {});
    });
    traces.end();
    let asked = asked.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(
        asked.starts_with("POST /otlp/v1/traces HTTP/1.1"),
        "{asked}"
    );
    assert!(asked.contains("application/x-protobuf"), "{asked}");
}

/// Nobody waits for a collector that takes connections and says nothing.
#[test]
fn a_silent_collector_does_not_hold_the_end_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let traces = Traces::start(&endpoint.parse().unwrap()).unwrap();
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, || {
        object_span(Kind::Tenant, Some("customers"), "acme").in_scope(|| {});
    });
    let begun = std::time::Instant::now();
    traces.end();
    assert!(begun.elapsed() < Duration::from_secs(4), "{begun:?}");
}
