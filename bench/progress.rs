//! Which objects are Ready and which are gone, by a watch: polling lists would cost what
//! is being measured.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::Api;
use kube::core::Object;
use kube::runtime::{WatchStreamExt, watcher};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Outcome;
use super::workload;

/// No object became Ready or was deleted for so long: something is broken. The whole
/// takes as long as the machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// As much of a spec as is read here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Nothing {}

/// As much of a status as is read here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    observed_generation: Option<i64>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// An object of any of our kinds.
pub type Watched = Object<Nothing, Status>;

/// How many there are, and how many of them are Ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Objects.
    pub present: usize,
    /// Ready ones.
    pub ready: usize,
}

/// The objects of a namespace, of both kinds.
pub struct Progress {
    objects: Arc<Mutex<HashMap<String, String>>>,
    counts: watch::Receiver<Count>,
    /// Ended with this: the control plane is gone by then.
    _watches: JoinSet<()>,
}

impl Progress {
    /// Follows the objects of both namespaced kinds, for as long as this lives.
    pub fn follow(client: &kube::Client) -> Self {
        let objects = Arc::new(Mutex::new(HashMap::new()));
        let (sender, counts) = watch::channel(Count::default());
        let sender = Arc::new(sender);
        let mut watches = JoinSet::new();
        for kind in ["Tenant", "VirtualMachine"] {
            let resource = workload::kind(kind);
            let api: Api<Watched> =
                Api::namespaced_with(client.clone(), workload::NAMESPACE, &resource);
            let (objects, sender) = (Arc::clone(&objects), Arc::clone(&sender));
            watches.spawn(async move {
                let mut events = watcher(api, watcher::Config::default())
                    .default_backoff()
                    .boxed();
                while let Some(event) = events.next().await {
                    match event {
                        Ok(event) => take(kind, event, &objects, &sender),
                        Err(error) => eprintln!("bench: a watch failed: {error}"),
                    }
                }
            });
        }
        Self {
            objects,
            counts,
            _watches: watches,
        }
    }

    /// Waits until it is true of the counts, and returns the moment. Gives up when the
    /// counts stay as they are for a long time.
    pub async fn wait(&mut self, what: &str, is_so: impl Fn(&Count) -> bool) -> Outcome<Instant> {
        loop {
            if is_so(&self.counts.borrow_and_update()) {
                return Ok(Instant::now());
            }
            match tokio::time::timeout(PATIENCE, self.counts.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err("the watches ended".into()),
                Err(_) => {
                    let examples = self.examples();
                    return Err(format!(
                        "not all objects are {what}, and nothing changed for {PATIENCE:?}: \
                         {examples}"
                    )
                    .into());
                }
            }
        }
    }

    /// Fails when an object is missing or not Ready at this moment.
    pub fn all_ready(&self, objects: usize) -> Outcome<()> {
        match *self.counts.borrow() {
            count if count.ready == objects && count.present == objects => Ok(()),
            _ => Err(format!("no longer Ready: {}", self.examples()).into()),
        }
    }

    /// Some of those that are not Ready, and how many they are.
    fn examples(&self) -> String {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let open: Vec<String> = objects
            .iter()
            .filter(|(_, state)| *state != READY)
            .map(|(name, state)| format!("{name}: {state}"))
            .collect();
        let shown: Vec<&str> = open.iter().take(3).map(String::as_str).collect();
        format!("{} of {}; {}", open.len(), objects.len(), shown.join("; "))
    }
}

const READY: &str = "Ready";

fn take(
    kind: &str,
    event: watcher::Event<Watched>,
    objects: &Mutex<HashMap<String, String>>,
    counts: &watch::Sender<Count>,
) {
    use watcher::Event;
    let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
    let name = |object: &Watched| {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        format!("{kind} {name}")
    };
    let (before, after) = match event {
        Event::Init | Event::InitDone => return,
        Event::InitApply(object) | Event::Apply(object) => {
            let state = state(&object);
            let ready = state == READY;
            (objects.insert(name(&object), state), Some(ready))
        }
        Event::Delete(object) => (objects.remove(&name(&object)), None),
    };
    let was_ready = before.is_some_and(|state| state == READY);
    let is_ready = after.unwrap_or_default();
    let present = objects.len();
    counts.send_if_modified(|count| {
        let old = *count;
        count.present = present;
        count.ready = count.ready + usize::from(is_ready) - usize::from(was_ready);
        *count != old
    });
}

/// `Ready`, or what the condition says instead.
fn state(object: &Watched) -> String {
    let Some(status) = &object.status else {
        return "no status".to_owned();
    };
    let current = status.observed_generation == object.metadata.generation;
    let ready = status.conditions.iter().find(|c| c.kind == "Ready");
    match ready {
        Some(ready) if ready.status == "True" && current => READY.to_owned(),
        Some(ready) => format!("{} {}", ready.reason, ready.message),
        None => "no condition yet".to_owned(),
    }
}
