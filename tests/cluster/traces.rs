//! Traces, as a collector gets them: a reconcile and the calls that it makes, no secret,
//! and an operator that works on without a collector.

use crate::harness::{Simulator, Stand, complete_tenant, eventually};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base64::Engine as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Takes traces until it is dropped.
struct Collector {
    address: String,
    batches: Arc<Mutex<Vec<Bytes>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Collector {
    async fn start() -> Collector {
        let batches = Arc::<Mutex<Vec<Bytes>>>::default();
        let taken = Arc::clone(&batches);
        let take = move |body: Bytes| {
            taken.lock().unwrap().push(body);
            std::future::ready("")
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Collector {
            address,
            batches,
            server,
        }
    }

    fn batches(&self) -> Vec<Bytes> {
        self.batches.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.batches().into_iter().map(|batch| {
            let request = ExportTraceServiceRequest::decode(batch);
            request.unwrap()
        });
        requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn value<'s>(span: &'s Span, key: &str) -> Option<&'s Value> {
    let found = span.attributes.iter().find(|pair| pair.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

/// The text of an attribute.
fn attribute(span: &Span, key: &str) -> Option<String> {
    match value(span, key)? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

/// What is in one trace with a reconcile of this object, as `name attribute`.
fn calls_of(spans: &[Span], object: &str) -> Vec<(String, Option<String>)> {
    let reconciles: Vec<&Span> = spans
        .iter()
        .filter(|span| {
            span.name == "reconcile" && attribute(span, "name").as_deref() == Some(object)
        })
        .collect();
    let calls = spans.iter().filter(|span| {
        reconciles.iter().any(|reconcile| {
            span.trace_id == reconcile.trace_id && span.parent_span_id == reconcile.span_id
        })
    });
    calls
        .map(|span| (span.name.clone(), attribute(span, "url.path")))
        .collect()
}

#[tokio::test]
async fn a_reconcile_and_its_calls_are_one_trace() {
    let collector = Collector::start().await;
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.start_operator_with(&["--otlp-endpoint", &collector.address]);
    stand.apply([stand.server_manifest()]).await;
    let administrators = stand.password_of("acme").await;
    stand.apply([complete_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let path = format!(
        "/apis/viis-operator.io/v1alpha1/namespaces/{}/tenants/acme/status",
        stand.namespace
    );
    let expected = [
        ("create_tenant".to_owned(), None),
        ("activate_tenant".to_owned(), None),
        ("PATCH".to_owned(), Some(path)),
    ];
    eventually("the collector has the tenant's life", async || {
        let calls = calls_of(&collector.spans(), "acme");
        expected.iter().all(|call| calls.contains(call))
    })
    .await;
    let spans = collector.spans();
    for span in &spans {
        // A call that nobody's reconcile makes, such as a watch's, is none of a trace.
        let alone = span.parent_span_id.is_empty();
        assert_eq!(alone, span.name == "reconcile", "{span:#?}");
    }
    let created = spans.iter().find(|span| span.name == "create_tenant");
    let status = value(created.unwrap(), "http.response.status_code");
    assert_eq!(status, Some(&Value::IntValue(202)), "{created:#?}");
    let seen: Vec<u8> = collector.batches().concat();
    let account = format!("multitenancy:{}", stand.simulator.password);
    for secret in [&administrators, &account] {
        for form in [
            secret.clone(),
            base64::engine::general_purpose::STANDARD.encode(secret),
        ] {
            let found = seen.windows(form.len()).any(|part| part == form.as_bytes());
            assert!(!found, "a secret is in the traces");
        }
    }
    // Log lines do not speak of calls.
    let logs = stand.all_logs();
    assert!(logs.contains("reconcile{") && !logs.contains("call{"));
    stand.ends_well().await;
}

#[tokio::test]
async fn without_its_collector_an_operator_works_on_and_ends_in_time() {
    let collector = Collector::start().await;
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.start_operator_with(&["--otlp-endpoint", &collector.address]);
    drop(collector);
    stand.apply([stand.server_manifest()]).await;
    stand.password_of("acme").await;
    stand.apply([complete_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    eventually("it says that traces are lost", async || {
        stand.all_logs().contains("traces cannot be sent to http")
    })
    .await;
    stand.operator().signal("TERM");
    let status = stand
        .operator()
        .terminates_within(Duration::from_secs(5))
        .await;
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
    stand.kill_operator();
    stand.ends_well().await;
}
