//! The VirtualMachine controller: observe → plan → apply → report.
//!
//! - `observe` gathers the facts, with `whereabouts` (where it is registered) and
//!   `rivals` (who else has its BIOS ID); - [`crate::plan::virtual_machine`] decides;
//! - `apply` carries the step out, with `registration` on the server and `record` at
//!   the API server; - `patience` is how long a wait is not worth a word;
//! - `report` says how it stands.

mod apply;
pub mod memory;
mod observe;
mod patience;
mod record;
mod registration;
mod report;
mod rivals;
pub mod whereabouts;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;

use self::apply::{Next, Run};
use self::memory::Memory;
use super::cluster::{key_of, own_machine_status};
use super::context::Context;
use crate::api::VirtualMachine;
use crate::plan::virtual_machine::plan;
use crate::telemetry::metrics::Outcome;

/// More steps than a machine's whole life needs.
const STEPS: usize = 16;

/// Looks at one VirtualMachine. Returns when to look again at the latest.
pub async fn reconcile(
    machine: Arc<VirtualMachine>,
    context: &Context,
) -> (Option<Duration>, Outcome) {
    let uid = machine.uid().unwrap_or_default();
    let key = key_of(machine.as_ref());
    let mut memory = context.machines.take(&uid);
    let stop = run(machine, context, &mut memory).await;
    let now = context.cluster.machine(&key);
    if now.is_some_and(|now| now.uid().as_deref() == Some(uid.as_str())) {
        context.machines.put(&uid, memory);
    } else {
        // What this look took, nobody else will give back.
        for server in context.cluster.servers() {
            context.machine_called(&server.name_any(), &key);
        }
    }
    stop
}

async fn run(
    machine: Arc<VirtualMachine>,
    context: &Context,
    memory: &mut Memory,
) -> (Option<Duration>, Outcome) {
    if super::is_stale(machine.as_ref(), memory.written.as_deref()) {
        return (Some(Duration::from_secs(2)), Outcome::Waiting);
    }
    // What is watched has caught up with the last write. Until it is registered, the
    // registration may rest on that.
    if own_machine_status(&machine).is_some_and(|status| status.tenant_id.is_some()) {
        memory.written = None;
        memory.wanted_since = None;
    }
    if memory.released {
        return (None, Outcome::Settled);
    }
    if let Some(left) = memory.writes.left() {
        return (Some(left), Outcome::Waiting);
    }
    let mut run = Run {
        context,
        memory,
        machine,
        queued_at: None,
    };
    let mut stop = (Some(Duration::from_secs(1)), Outcome::Waiting);
    let mut called = BTreeSet::new();
    for _ in 0..STEPS {
        let Some(scene) = observe::observe(&run.machine, context, run.memory) else {
            return (None, Outcome::Settled);
        };
        let left_over = scene.leftover.as_ref().map(|place| &place.server);
        called.extend(scene.server.iter().chain(left_over).cloned());
        let action = plan(&scene.facts);
        tracing::debug!(?action, "planned");
        match run.apply(&scene, action).await {
            Next::Again => {}
            Next::Stop(after, outcome) => {
                stop = (after, outcome);
                break;
            }
        }
    }
    for server in called {
        if run.queued_at.as_ref() != Some(&server) {
            context.machine_called(&server, &key_of(run.machine.as_ref()));
        }
    }
    stop
}

#[cfg(test)]
mod tests;
