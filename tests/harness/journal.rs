//! The writes of each object, as a watch of the API server shows them. The test fails if
//! the watch may have missed one.

use super::patience::patient;
use super::stand::Stand;
use super::subject::{Ours, PATIENCE, condition, is_ready};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::core::NamespaceResourceScope;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// The objects of a kind in the stand's namespace, from a moment on.
pub struct Journal {
    lives: watch::Receiver<Lives>,
    /// Ends when this is dropped.
    _watch: tokio::task::JoinSet<()>,
}

/// What happened to each object, by name.
pub type Lives = BTreeMap<String, Life>;

/// What happened to one object.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Writes of finalizers and annotations, the last finalizer's removal included.
    pub metadata: u64,
    /// Writes of the status.
    pub statuses: u64,
    /// Ready at its present generation.
    pub ready: bool,
    /// Its status says this reason for Ready.
    pub reason: String,
    pub gone: bool,
    /// Each write in a line, for a test that fails.
    pub story: Vec<String>,
    last: Value,
}

impl Stand {
    /// Follows the objects of a kind from now on.
    pub async fn journal<K>(&self) -> Journal
    where
        K: Ours + kube::Resource<Scope = NamespaceResourceScope> + Send + 'static,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let listed = api.list(&ListParams::default()).await.unwrap();
        let version = listed.metadata.resource_version.unwrap();
        let mut first = Lives::new();
        for object in &listed.items {
            let life = first.entry(name_of(object)).or_default();
            life.see(object);
        }
        let (sender, lives) = watch::channel(first);
        let mut watch = tokio::task::JoinSet::new();
        watch.spawn(follow(api, version, sender));
        Journal {
            lives,
            _watch: watch,
        }
    }
}

/// Follows the objects from this version on. The API server ends a watch whose reader is
/// slow; the next watch begins where that one ended. If that version is too old, this ends
/// and drops the sender, which fails the test.
async fn follow<K: Ours + Send + 'static>(
    api: Api<K>,
    mut version: String,
    lives: watch::Sender<Lives>,
) {
    loop {
        let Ok(events) = api.watch(&WatchParams::default(), &version).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut events = events.boxed();
        while let Ok(Some(event)) = events.try_next().await {
            let take: fn(&mut Life, &K) = match &event {
                WatchEvent::Added(_) => Life::see,
                WatchEvent::Modified(_) => Life::modified,
                WatchEvent::Deleted(_) => Life::deleted,
                WatchEvent::Bookmark(bookmark) => {
                    version.clone_from(&bookmark.metadata.resource_version);
                    continue;
                }
                WatchEvent::Error(_) => return,
            };
            let (WatchEvent::Added(object)
            | WatchEvent::Modified(object)
            | WatchEvent::Deleted(object)) = event
            else {
                continue;
            };
            version = object.meta().resource_version.clone().unwrap();
            lives.send_modify(|lives| take(lives.entry(name_of(&object)).or_default(), &object));
        }
    }
}

impl Journal {
    /// What happened until now.
    pub fn lives(&self) -> Lives {
        assert!(self.lives.has_changed().is_ok(), "the watch ended");
        self.lives.borrow().clone()
    }

    /// Waits until it is so, for as long as objects keep being written.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Lives) -> bool) {
        let mut lives = self.lives.clone();
        loop {
            if is_so(&lives.borrow_and_update()) {
                return;
            }
            let next = tokio::time::timeout(patient(PATIENCE), lives.changed()).await;
            let Ok(next) = next else {
                panic!("did not come true: {what}\n{}", told(&lives.borrow()));
            };
            next.expect("the watch ended");
        }
    }

    /// Waits until that many objects are Ready.
    pub async fn ready(&self, count: usize) {
        let what = format!("{count} objects are Ready");
        let ready = |lives: &Lives| lives.values().filter(|life| life.ready).count() == count;
        self.until(&what, ready).await;
    }

    /// Waits until all objects are gone.
    pub async fn gone(&self) {
        let gone = |lives: &Lives| lives.values().all(|life| life.gone);
        self.until("all objects are gone", gone).await;
    }
}

impl Life {
    pub fn writes(&self) -> u64 {
        self.metadata + self.statuses
    }

    fn see<K: Ours>(&mut self, object: &K) {
        self.ready = is_ready(object);
        let ready = condition(object, "Ready");
        self.reason = ready.map(|ready| ready.reason.clone()).unwrap_or_default();
        self.last = serde_json::to_value(object).unwrap();
    }

    fn modified<K: Ours>(&mut self, object: &K) {
        let before = std::mem::take(&mut self.last);
        self.see(object);
        let changed = |pointer: &str| before.pointer(pointer) != self.last.pointer(pointer);
        if changed("/metadata/deletionTimestamp") {
            self.story.push("its deletion was requested".to_owned());
        } else if changed("/status") {
            self.statuses += 1;
            let ready = condition(object, "Ready");
            let said = ready.map(|it| format!("{} {}: {}", it.status, it.reason, it.message));
            let said = said.unwrap_or_default();
            self.story.push(format!("status: Ready={said}"));
        } else if changed("/spec") {
            self.story.push("its spec was changed".to_owned());
        } else {
            self.metadata += 1;
            self.story.push("finalizers or annotations".to_owned());
        }
    }

    fn deleted<K: Ours>(&mut self, object: &K) {
        self.gone = true;
        self.ready = false;
        let held = self.last.pointer("/metadata/finalizers");
        if held.is_some_and(|held| held.as_array().is_some_and(|held| !held.is_empty())) {
            self.metadata += 1;
            self.story.push("the last finalizer".to_owned());
        }
        self.last = serde_json::to_value(object).unwrap();
    }
}

/// The stories of these objects, for a test that fails.
pub fn told(lives: &Lives) -> String {
    let told = |(name, life): (&String, &Life)| format!("{name}:\n  {}", life.story.join("\n  "));
    lives.iter().map(told).collect::<Vec<_>>().join("\n")
}

fn name_of<K: Ours>(object: &K) -> String {
    object.meta().name.clone().unwrap()
}
