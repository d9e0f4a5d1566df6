//! A way to the API server that fails when it is told to: answers that are lost
//! after the write was done, refusals before it, other writers in between, watches
//! that end, and (`stream`, `past`) what is seen twice, late or old.

mod past;
mod stream;

use self::past::Past;
use self::stream::Watches;
pub use self::stream::Watching;
use super::stand::Stand;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What happens to a write, by its number from 0.
pub type Plan = dyn Fn(u64) -> Fate + Send + Sync;

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passes,
    /// Answered with this status, and not done.
    Refused(u16),
    /// Done, and the answer is a gateway's.
    AnswerLost,
    /// Not done, and never answered: the moment to kill the operator.
    HangsBefore,
    /// Done, and never answered.
    HangsAfter,
    /// Done when [`Proxy::releases`] is called: the moment to stop the operator.
    Held,
    /// Done after somebody else has written the same object.
    Overtaken(Other),
}

/// What somebody else writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// An annotation.
    Metadata,
    /// A status, as if nobody had looked at the object yet.
    Status,
}

/// Listens until it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    pub kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    /// With the operator's token: what it may not do, it may not do here either.
    operator: kube::Client,
    /// Who else writes.
    other: kube::Client,
    plan: Mutex<Box<Plan>>,
    writes: AtomicU64,
    hanging: AtomicU64,
    overtaken: AtomicU64,
    release: Notify,
    past: Past,
    watches: Arc<Watches>,
}

impl Proxy {
    /// For the operators of a stand.
    pub async fn start(stand: &Stand) -> Proxy {
        let shared = Arc::new(Shared {
            operator: stand.account().client.clone(),
            other: stand.client.clone(),
            plan: Mutex::new(Box::new(|_| Fate::Passes)),
            writes: AtomicU64::new(0),
            hanging: AtomicU64::new(0),
            overtaken: AtomicU64::new(0),
            release: Notify::new(),
            past: Past::default(),
            watches: Arc::new(Watches::new()),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
             clusters: [{{name: it, cluster: {{server: \"http://{address}\"}}}}]\n\
             contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\nusers: [{{name: it, user: {{}}}}]\n"
        );
        std::fs::write(&kubeconfig, text).unwrap();
        Proxy {
            shared,
            kubeconfig,
            _folder: folder,
            server,
        }
    }

    /// From now on writes go by this plan; they are counted from 0 again.
    pub fn plan(&self, plan: impl Fn(u64) -> Fate + Send + Sync + 'static) {
        let mut place = self.shared.plan.lock().unwrap();
        self.shared.writes.store(0, Ordering::SeqCst);
        self.shared.hanging.store(0, Ordering::SeqCst);
        *place = Box::new(plan);
    }

    /// How many writes there were under this plan.
    pub fn writes(&self) -> u64 {
        self.shared.writes.load(Ordering::SeqCst)
    }

    /// A write hangs: the plan's moment has come.
    pub fn hangs(&self) -> bool {
        self.shared.hanging.load(Ordering::SeqCst) > 0
    }

    /// How many writes were overtaken by another client's successful write.
    pub fn overtaken(&self) -> u64 {
        self.shared.overtaken.load(Ordering::SeqCst)
    }

    /// How many watches were cut, in mid-stream or with a 410.
    pub fn cuts(&self) -> u64 {
        self.shared.watches.cuts()
    }

    /// How many events were seen twice, late or out of order.
    pub fn altered_events(&self) -> u64 {
        self.shared.watches.altered()
    }

    /// How many lists were of the past.
    pub fn past_lists(&self) -> u64 {
        self.shared.past.covered()
    }

    /// What is held goes on.
    pub fn releases(&self) {
        self.shared.release.notify_waiters();
    }

    /// All watches end in mid-stream.
    pub fn cuts_watches(&self) {
        self.shared.watches.cut(false);
    }

    /// All watches end, and what they knew is forgotten: 410.
    pub fn forgets_watches(&self) {
        self.shared.watches.cut(true);
    }

    /// From now on events are seen so.
    pub fn watching(&self, watching: Watching) {
        self.shared.watches.become_(watching);
    }

    /// Whoever starts to watch sees what was there at that version, and nothing newer
    /// until that moment.
    pub fn shows_the_past(&self, resource_version: &str, until: Instant) {
        self.shared.past.begins(resource_version, until);
        self.shared.watches.silent_until(until);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    let fate = shared.fate_of(&request);
    match fate {
        Fate::Refused(status) => return refusal(status),
        Fate::HangsBefore => return shared.hang().await,
        Fate::Held => shared.hold().await,
        Fate::Overtaken(other) => shared.overtake(request.uri().path(), other).await,
        Fate::Passes | Fate::AnswerLost | Fate::HangsAfter => {}
    }
    shared.past.cover(&mut request);
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 << 20).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let watch = parts
        .uri
        .query()
        .is_some_and(|query| query.contains("watch="));
    let path = parts.uri.path().to_owned();
    let answered = shared
        .operator
        .send(Request::from_parts(parts, body.to_vec().into()))
        .await;
    let answer = match answered {
        Ok(answer) => answer.map(Body::new),
        // The API server's own refusals come as errors here.
        Err(kube::Error::Api(status)) => refusal_as(&status),
        Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
    };
    match fate {
        Fate::AnswerLost => refusal(504),
        Fate::HangsAfter => shared.hang().await,
        _ if watch => shared.watches.clone().pass(&path, answer),
        _ => answer,
    }
}

impl Shared {
    /// Events and the lease are not counted: how many there are is chance.
    fn fate_of(&self, request: &Request) -> Fate {
        let path = request.uri().path();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if reads || !path.contains("/viis-operator.io/") {
            return Fate::Passes;
        }
        let plan = self.plan.lock().unwrap();
        plan(self.writes.fetch_add(1, Ordering::SeqCst))
    }

    async fn hang(&self) -> Response {
        self.hanging.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    /// A write that is done although its sender may be gone by then.
    async fn hold(&self) {
        let released = self.release.notified();
        self.hanging.fetch_add(1, Ordering::SeqCst);
        released.await;
    }

    async fn overtake(&self, path: &str, other: Other) {
        let object = path.trim_end_matches("/status");
        let (path, change) = match other {
            Other::Metadata => (
                object.to_owned(),
                serde_json::json!({"metadata": {"annotations": {"example.com/touched": "yes"}}}),
            ),
            Other::Status => (
                format!("{object}/status"),
                serde_json::json!({"status": {"observedGeneration": 0}}),
            ),
        };
        let request = http::Request::patch(path)
            .header("content-type", "application/merge-patch+json")
            .body(change.to_string().into_bytes())
            .unwrap();
        // Refused when the object is gone: then there was nobody to be in between.
        let written = self.other.request_text(request).await.is_ok();
        self.overtaken
            .fetch_add(u64::from(written), Ordering::SeqCst);
    }
}

fn refusal(status: u16) -> Response {
    let reason = match status {
        403 => "Forbidden",
        409 => "Conflict",
        429 => "TooManyRequests",
        504 => "Timeout",
        _ => "InternalError",
    };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "ordered by a test", "reason": reason, "code": status,
    });
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        [("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn refusal_as(status: &kube::core::Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::BAD_GATEWAY);
    let body = serde_json::to_string(status).unwrap();
    (code, [("content-type", "application/json")], body).into_response()
}
