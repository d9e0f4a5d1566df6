//! Started before its CRDs exist, or before its permissions, the operator waits for
//! them. It lists one object of each kind that it is going to watch: reading CRD
//! objects would need one more permission and prove less.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::api::{GROUP, IntegrationServer, Tenant, VERSION, VirtualMachine};
use crate::telemetry::readiness::Readiness;
use crate::telemetry::sentence;

/// When to ask, and when to say what was answered.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The pause after the first question; it doubles from there.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// The time that one question may take.
    pub deadline: Duration,
    /// How soon the same trouble is said again.
    pub repeat: Duration,
}

/// What keeps the controllers from starting. Each is said on its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// 404: the API server does not serve the kind.
    NotServed,
    /// 401: it does not know who asks.
    Unauthorized,
    /// 403: it knows, and says no.
    Forbidden,
    /// No answer, or one that says nothing about the kind.
    NoAnswer,
}

/// A trouble, the plural of the kind it was met at, and the answer's own words.
#[derive(Debug)]
struct Finding {
    trouble: Trouble,
    plural: String,
    detail: String,
}

/// When each trouble was last said.
#[derive(Debug, Default)]
struct Said(Vec<(Trouble, Instant)>);

/// Returns once the API server lists our three kinds and the namespaces for us. What it waits for
/// stands in `readiness` and, seldom, in the log.
pub async fn wait(client: &Client, namespaces: &[String], readiness: &Readiness, pace: Pace) {
    let mut said = Said::default();
    let mut pause = pace.first;
    while let Err(finding) = look(client, namespaces, pace.deadline).await {
        readiness.waiting_for(finding.trouble.summary());
        if said.is_due(finding.trouble, Instant::now(), pace.repeat) {
            tracing::warn!("{}", finding.sentence());
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(pace.longest);
    }
    if !said.0.is_empty() {
        tracing::info!("the API server serves {GROUP}/{VERSION} now: starting the controllers");
    }
}

/// Asks for each kind, in each namespace that will be watched.
async fn look(client: &Client, namespaces: &[String], deadline: Duration) -> Result<(), Finding> {
    ask::<IntegrationServer>(Api::all(client.clone()), deadline).await?;
    for tenants in scoped::<Tenant>(client, namespaces) {
        ask(tenants, deadline).await?;
    }
    for machines in scoped::<VirtualMachine>(client, namespaces) {
        ask(machines, deadline).await?;
    }
    ask::<Namespace>(Api::all(client.clone()), deadline).await
}

fn scoped<K>(client: &Client, namespaces: &[String]) -> Vec<Api<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    if namespaces.is_empty() {
        return vec![Api::all(client.clone())];
    }
    namespaces
        .iter()
        .map(|name| Api::namespaced(client.clone(), name))
        .collect()
}

/// Metadata is enough, and an object that our types cannot read is no reason to
/// wait.
async fn ask<K>(api: Api<K>, deadline: Duration) -> Result<(), Finding>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let one = ListParams::default().limit(1);
    let (trouble, detail) = match tokio::time::timeout(deadline, api.list_metadata(&one)).await {
        Ok(Ok(_)) => return Ok(()),
        // What to do about it stands in the sentence already.
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
            (Trouble::Forbidden, status.message)
        }
        Ok(Err(error)) => (Trouble::of(&error), sentence(&error)),
        Err(_) => {
            let detail = format!("no answer within {} s", deadline.as_secs());
            (Trouble::NoAnswer, detail)
        }
    };
    Err(Finding {
        trouble,
        plural: K::plural(&()).into_owned(),
        detail,
    })
}

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(15),
            deadline: Duration::from_secs(10),
            repeat: Duration::from_secs(60),
        }
    }
}

// === impl Trouble ===

impl Trouble {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                401 => Self::Unauthorized,
                403 => Self::Forbidden,
                404 => Self::NotServed,
                _ => Self::NoAnswer,
            },
            kube::Error::Auth(_) => Self::Unauthorized,
            // Everything else happened on the way, and may pass.
            _ => Self::NoAnswer,
        }
    }

    /// For `/readyz`, which everybody can read: no address, no answer's words.
    const fn summary(self) -> &'static str {
        match self {
            Self::NotServed => "waiting for the CRDs",
            Self::Unauthorized => "the API server does not accept the operator's credentials",
            Self::Forbidden => "the operator lacks permissions",
            Self::NoAnswer => "waiting for the API server",
        }
    }
}

// === impl Finding ===

impl Finding {
    fn sentence(&self) -> String {
        let Self {
            trouble,
            plural,
            detail,
        } = self;
        match trouble {
            Trouble::NotServed => format!(
                "waiting for the CRDs of {GROUP}/{VERSION}: apply crds/, or run \
                 `viis-operator crds | kubectl apply -f -` (the API server does not serve {plural})"
            ),
            Trouble::Unauthorized => format!(
                "waiting: the API server does not accept the operator's credentials ({detail}); \
                 renew the service account's token or the kubeconfig"
            ),
            Trouble::Forbidden => format!(
                "waiting: the operator may not list {plural} ({detail}); \
                 bind its service account to the roles that come with the operator"
            ),
            Trouble::NoAnswer => format!(
                "waiting for the API server ({detail}); \
                 look at its address, the network and its certificate"
            ),
        }
    }
}

// === impl Said ===

impl Said {
    /// Whether to say it now; if so, it counts as said.
    fn is_due(&mut self, trouble: Trouble, now: Instant, repeat: Duration) -> bool {
        match self.0.iter_mut().find(|(known, _)| *known == trouble) {
            Some((_, last)) if now.duration_since(*last) < repeat => false,
            Some((_, last)) => {
                *last = now;
                true
            }
            None => {
                self.0.push((trouble, now));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
