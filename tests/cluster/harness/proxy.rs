//! A way to the API server that fails when it is told to: answers that are lost
//! after the write was done, refusals before it, watches that end.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

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
}

/// Listens until it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    pub kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    client: kube::Client,
    plan: Mutex<Box<Plan>>,
    writes: AtomicU64,
    hanging: AtomicU64,
    watches: Mutex<CancellationToken>,
}

impl Proxy {
    pub async fn start(client: kube::Client) -> Proxy {
        let shared = Arc::new(Shared {
            client,
            plan: Mutex::new(Box::new(|_| Fate::Passes)),
            writes: AtomicU64::new(0),
            hanging: AtomicU64::new(0),
            watches: Mutex::new(CancellationToken::new()),
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

    /// All watches end in mid-stream.
    pub fn cuts_watches(&self) {
        let mut token = self.shared.watches.lock().unwrap();
        token.cancel();
        *token = CancellationToken::new();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let fate = shared.fate_of(&request);
    match fate {
        Fate::Refused(status) => return refusal(status),
        Fate::HangsBefore => return shared.hang().await,
        Fate::Passes | Fate::AnswerLost | Fate::HangsAfter => {}
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 << 20).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let watch = parts
        .uri
        .query()
        .is_some_and(|query| query.contains("watch="));
    let answered = shared
        .client
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
        Fate::Passes | Fate::Refused(_) | Fate::HangsBefore if watch => shared.until_cut(answer),
        Fate::Passes | Fate::Refused(_) | Fate::HangsBefore => answer,
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

    fn until_cut(&self, answer: Response) -> Response {
        use futures::StreamExt as _;
        let token = self.watches.lock().unwrap().clone();
        answer.map(|body| {
            let cut = async move { token.cancelled().await };
            Body::from_stream(body.into_data_stream().take_until(Box::pin(cut)))
        })
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
