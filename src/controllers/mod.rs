//! The controllers: observe → plan → apply → report, one room a kind.
//!
//! - [`integration_server`], [`tenant`], [`virtual_machine`]: one kind each.
//! - `cluster`: what the API server holds, as watched; `watch` keeps it up to date
//!   and wakes whoever an event concerns; `wake` are the queues.
//! - `servers`: the served IntegrationServers, with client and picture each.
//! - `writes`: every write to the API server; `events`: what is said on the side.
//! - `leadership`: whether this process may change anything now.
//! - `orphans`: what deletions without the operator left on the servers.
//! - `line`: what is said of an object as a whole, for the `report` of each kind.
//! - `context`: what all share; `backoff`: pauses after failures.
//! - `standing`: how everything stands, for the metrics.

mod backoff;
mod cluster;
mod context;
mod events;
#[cfg(test)]
mod fixtures;
pub mod integration_server;
pub mod leadership;
mod line;
mod orphans;
mod servers;
mod standing;
pub mod tenant;
pub mod virtual_machine;
mod wake;
mod watch;
mod writes;

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource, ResourceExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info};

use self::cluster::reference;
use self::context::{Context, Queues};
use self::leadership::Leadership;
use self::watch::Listed;
use crate::telemetry::logging;
use crate::telemetry::metrics::{Kind, Metrics, Outcome, Source};
use crate::telemetry::readiness::Readiness;

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespaces whose objects are served; empty: all.
    pub watch_namespaces: Vec<String>,
    /// The namespace of this installation, where the servers' Secrets are.
    pub operator_namespace: String,
    /// The name of this installation.
    pub operator_name: String,
}

/// Why the controllers cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A task that should run for ever ended.
    #[error("the controllers' {0} ended unexpectedly; the process has to be restarted")]
    Ended(&'static str),
    /// A task that should run for ever panicked.
    #[error("a part of the controllers failed; the process has to be restarted: {0}")]
    Failed(#[from] tokio::task::JoinError),
}

/// How many objects of a kind are looked at, at the same time.
const CONCURRENCY: u16 = 32;

/// Runs the controllers until `shutdown`. Returns once everything that was being
/// looked at has been looked at.
///
/// # Errors
/// When a watch or a controller ended by itself.
pub async fn run(
    client: Client,
    options: Options,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    ready: Readiness,
    leadership: Leadership,
) -> Result<(), Error> {
    let context = Arc::new(Context {
        events: events::Events::new(client.clone()),
        client,
        leadership,
        options,
        cluster: cluster::Cluster::default(),
        servers: servers::Servers::default(),
        queues: Queues::default(),
        metrics,
        tenants: context::Memories::default(),
        machines: context::Memories::default(),
        integration_servers: context::Memories::default(),
        orphans: orphans::Orphans::default(),
    });
    // When this run is aborted, the pollers that it started end with it.
    let mut closing = Closing(Some(Arc::clone(&context)));
    let mut watches = JoinSet::new();
    let mut controllers = JoinSet::new();
    for listed in start_watches(&context, &mut watches) {
        // Nothing is decided on half a view.
        tokio::select! {
            _ = listed => {}
            () = shutdown.cancelled() => return Ok(()),
        }
    }
    start_controllers(&context, &mut controllers);
    let source: Arc<dyn Source> = Arc::clone(&context) as Arc<dyn Source>;
    let _shown = context.metrics.show(&source);
    ready.controllers_started();
    info!("the controllers are at work");
    tokio::select! {
        () = shutdown.cancelled() => {}
        ended = watches.join_next() => return Err(failure(ended, "watch")),
        ended = controllers.join_next() => return Err(failure(ended, "controller")),
    }
    context.queues.close();
    while controllers.join_next().await.is_some() {}
    // The process ends: what is in flight is told after this.
    closing.0 = None;
    Ok(())
}

/// Ends what a run of the controllers has started beside itself.
struct Closing(Option<Arc<Context>>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.queues.close();
            context.servers.close();
        }
    }
}

fn failure(ended: Option<Result<(), tokio::task::JoinError>>, what: &'static str) -> Error {
    match ended {
        Some(Err(error)) => Error::Failed(error),
        Some(Ok(())) | None => Error::Ended(what),
    }
}

/// The namespaces to watch: `None` is all of them.
fn scopes(options: &Options) -> Vec<Option<String>> {
    if options.watch_namespaces.is_empty() {
        return vec![None];
    }
    options.watch_namespaces.iter().cloned().map(Some).collect()
}

/// Starts the watches. Each says when its first list is complete.
fn start_watches(context: &Arc<Context>, watches: &mut JoinSet<()>) -> Vec<oneshot::Receiver<()>> {
    let mut waiting = Vec::new();
    let mut listed = || {
        let (sender, receiver) = oneshot::channel();
        waiting.push(receiver);
        Listed::new(sender)
    };
    watches.spawn(watch::namespaces(Arc::clone(context), listed()));
    watches.spawn(watch::servers(Arc::clone(context), listed()));
    for scope in scopes(&context.options) {
        watches.spawn(watch::tenants(Arc::clone(context), scope.clone(), listed()));
        watches.spawn(watch::machines(Arc::clone(context), scope, listed()));
    }
    waiting
}

fn start_controllers(context: &Arc<Context>, controllers: &mut JoinSet<()>) {
    let queue = context
        .queues
        .servers
        .clone()
        .map(|name| ObjectRef::new(&name));
    let store = context.cluster.servers.store();
    let kind = Kind::IntegrationServer;
    controllers.spawn(look_at(
        queue,
        store,
        Arc::clone(context),
        kind,
        |object, context| {
            async move { integration_server::reconcile(object, &context).await }.boxed()
        },
    ));
    let queue = context.queues.tenants.clone().map(|key| reference(&key));
    let store = context.cluster.tenants.store();
    controllers.spawn(look_at(
        queue,
        store,
        Arc::clone(context),
        Kind::Tenant,
        |object, context| async move { tenant::reconcile(object, &context).await }.boxed(),
    ));
    let queue = context.queues.machines.clone().map(|key| reference(&key));
    let store = context.cluster.machines.store();
    let kind = Kind::VirtualMachine;
    controllers.spawn(look_at(
        queue,
        store,
        Arc::clone(context),
        kind,
        |object, context| async move { virtual_machine::reconcile(object, &context).await }.boxed(),
    ));
}

/// When to look again, and what came of it.
type Look = (Option<Duration>, Outcome);

/// Looks at the objects of a queue, each by one look at a time.
async fn look_at<K>(
    queue: impl Stream<Item = ObjectRef<K>> + Send,
    store: Store<K>,
    context: Arc<Context>,
    kind: Kind,
    look: impl Fn(Arc<K>, Arc<Context>) -> BoxFuture<'static, Look> + Send,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    let queue = queue.map(Ok::<_, Infallible>);
    let reconcile = |object: Arc<K>, context: Arc<Context>| {
        let span = logging::object_span(kind, object.namespace().as_deref(), &object.name_any());
        let started = Instant::now();
        let metrics = Arc::clone(&context.metrics);
        let look = look(object, context);
        async move {
            let _in_progress = metrics.begins(kind);
            let (after, outcome) = look.await;
            metrics.reconciled(kind, outcome, started.elapsed());
            Ok::<_, Infallible>(after.map_or_else(Action::await_change, Action::requeue))
        }
        .instrument(span)
        .boxed()
    };
    let config = Config::default().concurrency(CONCURRENCY);
    let never = |_: Arc<K>, error: &Infallible, _: Arc<Context>| match *error {};
    applier(reconcile, never, context, store, queue, config)
        // An object that is gone meanwhile is no error.
        .for_each(|_| std::future::ready(()))
        .await;
}

/// Whether this view is older than the last write: then the watch brings a newer one.
fn is_stale<K: Resource>(object: &K, written: Option<&str>) -> bool {
    let number = |version: Option<&str>| version.and_then(|version| version.parse::<u64>().ok());
    match (
        number(object.meta().resource_version.as_deref()),
        number(written),
    ) {
        (Some(seen), Some(written)) => seen < written,
        (None, _) | (_, None) => false,
    }
}
