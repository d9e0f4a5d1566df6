//! One resource that a test speaks about: wait for what it shall become, change
//! it, delete it. Every state that is seen on the way must be well-formed.

use super::patience::Deadline;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::{Duration, Instant};
use viis_operator::api::{IntegrationServer, REQUESTED_AT_ANNOTATION, Tenant, VirtualMachine};

/// How long a test waits unless it says otherwise; longer on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(150);

/// A kind of ours.
pub trait Ours:
    kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize
{
    fn conditions(&self) -> &[Condition];
    fn observed_generation(&self) -> Option<i64>;
}

macro_rules! ours {
    ($kind:ty) => {
        impl Ours for $kind {
            fn conditions(&self) -> &[Condition] {
                self.status
                    .as_ref()
                    .map_or(&[], |status| status.conditions.as_slice())
            }
            fn observed_generation(&self) -> Option<i64> {
                self.status
                    .as_ref()
                    .and_then(|status| status.observed_generation)
            }
        }
    };
}
ours!(IntegrationServer);
ours!(Tenant);
ours!(VirtualMachine);

/// A resource by name.
pub struct Subject<K> {
    api: Api<K>,
    name: String,
    patience: Duration,
}

impl<K: Ours> Subject<K> {
    pub fn new(api: Api<K>, name: &str) -> Subject<K> {
        Subject {
            api,
            name: name.to_owned(),
            patience: PATIENCE,
        }
    }

    /// Waits as long as this in what follows, and longer on a slow machine.
    pub fn within(mut self, seconds: u64) -> Subject<K> {
        self.patience = Duration::from_secs(seconds);
        self
    }

    pub async fn get(&self) -> K {
        self.api.get(&self.name).await.unwrap()
    }

    pub async fn find(&self) -> Option<K> {
        self.api.get_opt(&self.name).await.unwrap()
    }

    /// Waits until the resource is so; `what` is what the test then did not see.
    pub async fn until(&self, what: &str, is_so: impl Fn(&K) -> bool) -> K {
        let deadline = Deadline::after(self.patience);
        let mut last = None;
        while !deadline.has_passed() {
            if let Some(seen) = self.find().await {
                check_form(&seen);
                if is_so(&seen) {
                    return seen;
                }
                last = Some(seen);
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("{} did not become: {what}\n{}", self.name, as_yaml(&last));
    }

    /// `Ready=True` for what the spec says now.
    pub async fn becomes_ready(&self) -> K {
        self.until("ready", is_ready).await
    }

    /// `Ready=True` after having been seen otherwise is not asked: see [`Self::becomes_ready`].
    pub async fn has(&self, condition: &str, status: &str, reason: &str) -> K {
        let what = format!("{condition}={status} {reason}");
        self.until(&what, |seen| has(seen, condition, status, reason))
            .await
    }

    /// Stalled with that reason, and not ready.
    pub async fn stalls(&self, reason: &str) -> K {
        let what = format!("Stalled {reason}");
        self.until(&what, |seen| {
            has(seen, "Stalled", "True", reason) && has(seen, "Ready", "False", reason)
        })
        .await
    }

    /// Neither ready nor given up.
    pub async fn is_reconciling(&self, reason: &str) -> K {
        let what = format!("Reconciling, Ready=False {reason}");
        self.until(&what, |seen| {
            has(seen, "Reconciling", "True", reason) && has(seen, "Ready", "False", reason)
        })
        .await
    }

    pub async fn is_gone(&self) {
        let deadline = Deadline::after(self.patience);
        let mut last = None;
        while !deadline.has_passed() {
            match self.find().await {
                None => return,
                Some(seen) => {
                    check_form(&seen);
                    last = Some(seen);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("{} is not gone\n{}", self.name, as_yaml(&last));
    }

    /// It is so now and stays so for that long.
    pub async fn stays(&self, what: &str, span: Duration, is_so: impl Fn(&K) -> bool) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            let seen = self.get().await;
            check_form(&seen);
            assert!(
                is_so(&seen),
                "{} did not stay: {what}\n{}",
                self.name,
                as_yaml(&Some(seen))
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A merge patch, as a user's `kubectl patch`.
    pub async fn patch(&self, change: Value) -> K {
        self.try_patch(change).await.unwrap()
    }

    pub async fn try_patch(&self, change: Value) -> kube::Result<K> {
        let parameters = PatchParams::default();
        self.api
            .patch(&self.name, &parameters, &Patch::Merge(change))
            .await
    }

    /// A merge patch of the status, for what only another program would write.
    pub async fn patch_status(&self, change: Value) -> K {
        let parameters = PatchParams::default();
        let change = json!({"status": change});
        self.api
            .patch_status(&self.name, &parameters, &Patch::Merge(change))
            .await
            .unwrap()
    }

    pub async fn annotate(&self, key: &str, value: &str) {
        self.patch(json!({"metadata": {"annotations": {key: value}}}))
            .await;
    }

    /// Asks for another look, as a user does after mending the server.
    pub async fn is_asked_again(&self) {
        let now = uuid::Uuid::new_v4().to_string();
        self.annotate(REQUESTED_AT_ANNOTATION, &now).await;
    }

    pub async fn delete(&self) {
        self.api
            .delete(&self.name, &DeleteParams::default())
            .await
            .unwrap();
    }
}

/// `Ready=True` for the generation that is there.
pub fn is_ready<K: Ours>(seen: &K) -> bool {
    let generation = seen.meta().generation;
    let ready = condition(seen, "Ready");
    seen.observed_generation() == generation
        && ready
            .is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation)
}

/// Somebody has to change something.
pub fn is_stalled<K: Ours>(seen: &K) -> bool {
    condition(seen, "Stalled").is_some_and(|stalled| stalled.status == "True")
}

pub fn has<K: Ours>(seen: &K, name: &str, status: &str, reason: &str) -> bool {
    condition(seen, name)
        .is_some_and(|condition| condition.status == status && condition.reason == reason)
}

pub fn condition<'a, K: Ours>(seen: &'a K, name: &str) -> Option<&'a Condition> {
    seen.conditions()
        .iter()
        .find(|condition| condition.type_ == name)
}

/// The message of a condition; the test fails when it is not there.
pub fn message<K: Ours>(seen: &K, name: &str) -> String {
    condition(seen, name)
        .map(|condition| condition.message.clone())
        .unwrap_or_else(|| panic!("no condition {name}\n{}", as_yaml(&Some(seen.clone()))))
}

/// What holds for every status that anybody ever sees.
fn check_form<K: Ours>(seen: &K) {
    let problem = problem_of_form(seen);
    assert!(
        problem.is_none(),
        "{}\n{}",
        problem.unwrap_or_default(),
        as_yaml(&Some(seen.clone()))
    );
}

fn problem_of_form<K: Ours>(seen: &K) -> Option<String> {
    // -1: the operator has not written yet.
    if seen
        .observed_generation()
        .is_none_or(|generation| generation < 0)
    {
        let written = !seen.conditions().is_empty();
        return written.then(|| "conditions without observedGeneration".into());
    }
    let shown = |name: &str| condition(seen, name);
    if shown("Ready").is_none() {
        return Some("there is no Ready".into());
    }
    if shown("Reconciling").is_some() && shown("Stalled").is_some() {
        return Some("Reconciling and Stalled together".into());
    }
    let ready = shown("Ready").is_some_and(|ready| ready.status == "True");
    if ready && (shown("Reconciling").is_some() || shown("Stalled").is_some()) {
        return Some("ready, and Reconciling or Stalled".into());
    }
    for (index, one) in seen.conditions().iter().enumerate() {
        let name = &one.type_;
        if matches!(name.as_str(), "Reconciling" | "Stalled") && one.status != "True" {
            return Some(format!("{name} is there and not True"));
        }
        if one.observed_generation.is_none() {
            return Some(format!("{name} has no observedGeneration"));
        }
        if one.message.len() > 1024 || one.reason.is_empty() {
            return Some(format!("{name} has a long message or no reason"));
        }
        if seen.conditions()[..index]
            .iter()
            .any(|other| other.type_ == *name)
        {
            return Some(format!("{name} is there twice"));
        }
    }
    None
}

/// As `kubectl get --output yaml` shows it, without the book-keeping.
fn as_yaml<K: Ours>(seen: &Option<K>) -> String {
    let Some(seen) = seen else {
        return "(there is no such resource)".into();
    };
    let mut seen = seen.clone();
    seen.meta_mut().managed_fields = None;
    serde_saphyr::to_string(&seen).unwrap()
}
