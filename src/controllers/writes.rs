//! What the operator writes to the API server. Every write of a status or of
//! finalizers carries the resourceVersion that the decision was made on: a write
//! from a stale view is refused, and so is the late write of an operator that
//! was paused while another took over.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::api::FINALIZER;

/// No write waits longer for the API server.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a write did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Somebody else wrote in between: look again.
    #[error("the object changed meanwhile")]
    Conflict,
    /// The object does not exist any more.
    #[error("the object is gone")]
    Gone,
    /// The API server did not answer in time: the write may or may not have happened.
    #[error("the API server did not answer within {} s", WRITE_TIMEOUT.as_secs())]
    TimedOut,
    /// Anything else.
    #[error("the API server refused or failed")]
    Failed(#[from] kube::Error),
}

impl WriteError {
    /// The API server knows who asks, and says no.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Failed(kube::Error::Api(status)) if status.is_forbidden())
    }
}

/// So many calls wait for the API server at the same time. More would not be faster:
/// each has a connection of its own, and a busy API server lets them run into their
/// timeouts.
static CALLS: Semaphore = Semaphore::const_new(16);

/// The write's answer, or why there is none.
pub async fn bounded<T>(
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, WriteError> {
    // Waiting for a turn is no part of the timeout. The semaphore is never closed.
    let _turn = CALLS.acquire().await;
    match timeout(WRITE_TIMEOUT, call).await {
        Err(_) => Err(WriteError::TimedOut),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.is_conflict() => Err(WriteError::Conflict),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => Err(WriteError::Gone),
        Ok(Err(error)) => Err(WriteError::Failed(error)),
    }
}

/// Writes what differs between two statuses. None when nothing does.
///
/// # Errors
/// [`WriteError`]; a conflict when the object is not the one that `object` shows.
pub async fn status<K, S>(
    api: &Api<K>,
    object: &K,
    before: &S,
    after: &S,
) -> Result<Option<K>, WriteError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
    S: Serialize,
{
    let before = serde_json::to_value(before).unwrap_or(Value::Null);
    let after = serde_json::to_value(after).unwrap_or(Value::Null);
    let Some(difference) = difference(&before, &after) else {
        return Ok(None);
    };
    let patch = json!({
        "metadata": { "resourceVersion": object.resource_version() },
        "status": difference,
    });
    let params = PatchParams::default();
    let name = object.name_any();
    let written = bounded(api.patch_status(&name, &params, &Patch::Merge(&patch))).await?;
    Ok(Some(written))
}

/// Puts our finalizer on.
///
/// # Errors
/// [`WriteError`].
pub async fn add_finalizer<K>(api: &Api<K>, object: &K) -> Result<K, WriteError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    add_finalizer_noting(api, object, &Value::Null).await
}

/// Puts our finalizer on, and with the same write these annotations (an object of texts).
///
/// # Errors
/// [`WriteError`].
pub async fn add_finalizer_noting<K>(
    api: &Api<K>,
    object: &K,
    annotations: &Value,
) -> Result<K, WriteError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    write_finalizers(api, object, &finalizers, annotations).await
}

/// Writes these annotations (an object of texts).
///
/// # Errors
/// [`WriteError`].
pub async fn annotate<K>(api: &Api<K>, object: &K, annotations: &Value) -> Result<K, WriteError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let patch = json!({ "metadata": {
        "resourceVersion": object.resource_version(),
        "annotations": annotations,
    }});
    let params = PatchParams::default();
    bounded(api.patch(&object.name_any(), &params, &Patch::Merge(&patch))).await
}

/// Takes our finalizer off, and nobody else's.
///
/// # Errors
/// [`WriteError`].
pub async fn remove_finalizer<K>(api: &Api<K>, object: &K) -> Result<K, WriteError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let mut finalizers = object.finalizers().to_vec();
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    write_finalizers(api, object, &finalizers, &Value::Null).await
}

async fn write_finalizers<K>(
    api: &Api<K>,
    object: &K,
    finalizers: &[String],
    annotations: &Value,
) -> Result<K, WriteError>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let mut patch = json!({ "metadata": {
        "resourceVersion": object.resource_version(),
        "uid": object.uid(),
        "finalizers": finalizers,
    }});
    if annotations.is_object() {
        patch["metadata"]["annotations"] = annotations.clone();
    }
    let params = PatchParams::default();
    bounded(api.patch(&object.name_any(), &params, &Patch::Merge(&patch))).await
}

/// The object is being deleted and our finalizer is not on it, so the operator has nothing left
/// to do for it. Other controllers' finalizers may keep it for any time.
pub fn is_released<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some() && !has_finalizer(object)
}

/// The finalizers of other controllers.
pub fn foreign_finalizers<K: Resource>(object: &K) -> Vec<&str> {
    let finalizers = object.meta().finalizers.iter().flatten();
    let foreign = finalizers.filter(|finalizer| *finalizer != FINALIZER);
    foreign.map(String::as_str).collect()
}

/// Whether our finalizer is on.
pub fn has_finalizer<K: Resource>(object: &K) -> bool {
    object.finalizers().iter().any(|f| f == FINALIZER)
}

/// The merge patch that makes `after` of `before`; None when they are equal.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        let change = match before.get(key) {
            None => Some(value.clone()),
            Some(old) => difference(old, value),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_statuses_make_no_patch() {
        let status = json!({"a": 1, "b": {"c": [1, 2]}});
        assert_eq!(difference(&status, &status), None);
    }

    #[test]
    fn what_vanished_is_nulled_and_what_changed_is_sent_alone() {
        let before = json!({"gone": 1, "same": 2, "deep": {"x": 1, "y": 2}, "list": [1]});
        let after = json!({"same": 2, "deep": {"x": 1, "y": 3}, "list": [1, 2], "new": true});
        let patch = json!({"gone": null, "deep": {"y": 3}, "list": [1, 2], "new": true});
        assert_eq!(difference(&before, &after), Some(patch));
    }
}

#[cfg(test)]
mod request_tests;
