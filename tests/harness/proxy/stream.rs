//! What a watch sees of the truth: events twice, late, or after a newer one; and
//! streams that end in the middle. Each event is one line of JSON.

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How events reach the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watching {
    Passes,
    /// Each event is sent twice.
    Twice,
    /// Each event comes so much later; of one kind only, and so in another order
    /// than the events of the other kinds.
    Late(&'static str, Duration),
    /// After each event of an object comes its previous one, then the event again.
    Back,
}

/// What all watches have in common.
pub struct Watches {
    watching: Mutex<Watching>,
    /// No event is seen before.
    not_before: Mutex<Option<Instant>>,
    cut: Mutex<CancellationToken>,
    gone: AtomicBool,
    /// Watches that are open; how many were cut; events that were seen twice, late or
    /// out of order.
    open: AtomicU64,
    cuts: AtomicU64,
    altered: AtomicU64,
}

/// A watch, as long as it is open.
struct Open(Arc<Watches>);

impl Open {
    fn of(watches: &Arc<Watches>) -> Open {
        watches.open.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(watches))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

type Line = (Instant, Vec<u8>);

impl Watches {
    pub fn new() -> Watches {
        Watches {
            watching: Mutex::new(Watching::Passes),
            not_before: Mutex::new(None),
            cut: Mutex::new(CancellationToken::new()),
            gone: AtomicBool::new(false),
            open: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            altered: AtomicU64::new(0),
        }
    }

    /// How many watches were cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// How many events were seen otherwise than they came.
    pub fn altered(&self) -> u64 {
        self.altered.load(Ordering::SeqCst)
    }

    pub fn become_(&self, watching: Watching) {
        *self.watching.lock().unwrap() = watching;
    }

    pub fn silent_until(&self, moment: Instant) {
        *self.not_before.lock().unwrap() = Some(moment);
    }

    /// All end now; `gone`: with the answer that their past is forgotten (410).
    pub fn cut(&self, gone: bool) {
        self.gone.store(gone, Ordering::SeqCst);
        let open = self.open.load(Ordering::SeqCst);
        self.cuts.fetch_add(open, Ordering::SeqCst);
        let mut token = self.cut.lock().unwrap();
        token.cancel();
        *token = CancellationToken::new();
    }

    /// The same answer, as these watches show it.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is delayed here is what one test's API server sends, and ends with it"
    )]
    pub fn pass(self: Arc<Self>, path: &str, answer: Response) -> Response {
        let cut = self.cut.lock().unwrap().clone();
        let (sender, receiver) = unbounded::<Line>();
        let kind = path.rsplit('/').next().unwrap_or_default().to_owned();
        answer.map(|body| {
            let mut frames = body.into_data_stream();
            let open = Open::of(&self);
            tokio::spawn(async move {
                let _open = open;
                let mut stream = Stream::of(kind, sender);
                loop {
                    tokio::select! {
                        frame = frames.next() => match frame {
                            Some(Ok(frame)) => stream.take(&self, &frame),
                            Some(Err(_)) | None => return,
                        },
                        () = cut.cancelled() => {
                            if self.gone.load(Ordering::SeqCst) {
                                stream.send(Instant::now(), gone());
                            }
                            return;
                        }
                    }
                }
            });
            Body::from_stream(receiver.then(|(due, line)| async move {
                tokio::time::sleep_until(due).await;
                Ok::<Bytes, Infallible>(line.into())
            }))
        })
    }
}

/// One watch.
struct Stream {
    kind: String,
    sender: UnboundedSender<Line>,
    rest: Vec<u8>,
    /// The last event of each object.
    last: HashMap<String, Vec<u8>>,
}

impl Stream {
    fn of(kind: String, sender: UnboundedSender<Line>) -> Stream {
        Stream {
            kind,
            sender,
            rest: Vec::new(),
            last: HashMap::new(),
        }
    }

    fn send(&self, due: Instant, line: Vec<u8>) {
        // Nobody reads any more when the operator is gone.
        let _ = self.sender.unbounded_send((due, line));
    }

    fn take(&mut self, watches: &Watches, frame: &[u8]) {
        self.rest.extend_from_slice(frame);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.event(watches, line);
        }
    }

    fn event(&mut self, watches: &Watches, line: Vec<u8>) {
        let watching = *watches.watching.lock().unwrap();
        let silent = *watches.not_before.lock().unwrap();
        let now = Instant::now();
        let mut due = silent.map_or(now, |moment| moment.max(now));
        if let Watching::Late(kind, delay) = watching
            && kind == self.kind
        {
            due = due.max(now + delay);
            watches.altered.fetch_add(1, Ordering::SeqCst);
        }
        let before = self.remember(&line);
        self.send(due, line.clone());
        match (watching, before) {
            (Watching::Twice, _) => self.send(due, line),
            (Watching::Back, Some(before)) => {
                self.send(due, before);
                self.send(due, line);
            }
            (Watching::Passes | Watching::Late(..) | Watching::Back, _) => return,
        }
        watches.altered.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns what the object's event was before, where both show the object alive.
    fn remember(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let event: serde_json::Value = serde_json::from_slice(line).ok()?;
        let uid = event["object"]["metadata"]["uid"].as_str()?.to_owned();
        match event["type"].as_str()? {
            "ADDED" | "MODIFIED" => self.last.insert(uid, line.to_vec()),
            _ => {
                self.last.remove(&uid);
                None
            }
        }
    }
}

fn gone() -> Vec<u8> {
    let status = serde_json::json!({"type": "ERROR", "object": {
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410,
    }});
    format!("{status}\n").into_bytes()
}
