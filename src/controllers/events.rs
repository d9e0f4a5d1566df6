//! Kubernetes Events for outcomes: best effort, bounded, never in the way.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::telemetry::sentence;

/// At most this many wait to be published; more are dropped.
const WAITING: usize = 256;
/// After so many a new recorder is begun: it keeps each event for minutes, to count
/// repetitions, without a bound of its own.
const REMEMBERED: u32 = 32;
/// How soon it is said again that events cannot be published.
const REPEAT: Duration = Duration::from_secs(60);
/// The API server cuts an event's note off here.
const NOTE_LIMIT: usize = 1024;

/// Says outcomes.
#[derive(Clone)]
pub struct Events(mpsc::Sender<Said>);

struct Said {
    event: Event,
    about: ObjectReference,
}

impl Events {
    /// Publishes in the background, for as long as a handle lives.
    pub fn new(client: Client) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(publish(client, receiver));
        Self(sender)
    }

    /// Says something that went well.
    pub fn normal<K>(&self, object: &K, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.say(object.object_ref(&()), EventType::Normal, reason, note);
    }

    /// Says something that somebody should look at.
    pub fn warning<K>(&self, object: &K, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.warning_about(object.object_ref(&()), reason, note);
    }

    /// The same of an object that may be gone.
    pub fn warning_about(&self, about: ObjectReference, reason: &str, note: &str) {
        self.say(about, EventType::Warning, reason, note);
    }

    fn say(&self, about: ObjectReference, type_: EventType, reason: &str, note: &str) {
        let mut end = note.len().min(NOTE_LIMIT);
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        let event = Event {
            type_,
            reason: reason.chars().take(128).collect(),
            note: note.get(..end).map(str::to_owned),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if self.0.try_send(Said { event, about }).is_err() {
            debug!(reason, "an event is dropped: too many wait to be published");
        }
    }
}

async fn publish(client: Client, mut receiver: mpsc::Receiver<Said>) {
    let recorder = || {
        let reporter = Reporter {
            controller: "viis-operator".to_owned(),
            instance: None,
        };
        Recorder::new(client.clone(), reporter)
    };
    let (mut current, mut published) = (recorder(), 0);
    let mut told: Option<Instant> = None;
    while let Some(said) = receiver.recv().await {
        if published == REMEMBERED {
            (current, published) = (recorder(), 0);
        }
        published += 1;
        let call = current.publish(&said.event, &said.about);
        if let Err(error) = super::writes::bounded(call).await {
            let error = sentence(&error);
            if told.is_none_or(|told| told.elapsed() >= REPEAT) {
                warn!(%error, "an event could not be published; nothing else depends on it");
                told = Some(Instant::now());
            } else {
                debug!(%error, "an event could not be published");
            }
        }
    }
}
