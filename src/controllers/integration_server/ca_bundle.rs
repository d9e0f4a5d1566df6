//! Reads the CA certificates that `tls.caBundleRef` refers to: at most once a minute, and
//! immediately after a server certificate was rejected. Like the credentials, they are read
//! with `get`; nothing is watched.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use tokio::time::Instant;

use super::connect::Missing;
use super::memory::{Lack, Memory};
use crate::api::{CaBundleKind, CaBundleRef, IntegrationServer};
use crate::connection::{Unusable, ca_bundle};
use crate::controllers::context::Context;
use crate::controllers::writes::{self, WriteError};

/// How long a CA bundle is used before it is read again.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// The CA bundle that was read last.
pub struct CaBundle {
    reference: CaBundleRef,
    text: String,
    read_at: Instant,
    /// The server's certificate was rejected after this was read.
    doubted: bool,
}

/// The CA bundle that the spec refers to; None without a reference. If the object was deleted
/// or can no longer be read, the operator keeps using the bundle it read last.
///
/// # Errors
/// The bundle was never read, or the API server does not respond.
pub async fn current(
    context: &Context,
    server: &IntegrationServer,
    memory: &mut Memory,
) -> Result<Option<String>, Missing> {
    let reference = ca_bundle::reference(server);
    memory
        .ca_bundle
        .take_if(|known| Some(&known.reference) != reference);
    let Some(reference) = reference else {
        memory.ca_bundle_missing = None;
        return Ok(None);
    };
    if let Some(known) = &memory.ca_bundle
        && left(known) > Duration::ZERO
    {
        return Ok(Some(known.text.clone()));
    }
    let (text, lack) = match read(context, reference).await {
        // What was emptied was withdrawn: the earlier text must not come back if the object is
        // deleted afterwards.
        Ok(Err(unusable)) => {
            memory.ca_bundle = None;
            return Err(unusable.into());
        }
        Ok(Ok(text)) => (text, None),
        Err(WriteError::Gone) => (
            remembered(context, reference, memory, Lack::Gone)?,
            Some(Lack::Gone),
        ),
        Err(error) if error.is_forbidden() => (
            remembered(context, reference, memory, Lack::Forbidden)?,
            Some(Lack::Forbidden),
        ),
        Err(error) => return Err(Missing::ApiServer(error)),
    };
    memory.ca_bundle_missing = lack;
    memory.ca_bundle = Some(CaBundle {
        reference: reference.clone(),
        text: text.clone(),
        read_at: Instant::now(),
        doubted: false,
    });
    Ok(Some(text))
}

/// How long until the bundle has to be read again; None if there is no bundle.
pub fn due_in(memory: &Memory) -> Option<Duration> {
    memory.ca_bundle.as_ref().map(left)
}

/// The server's certificate was rejected: a bundle that was read before this reconcile started
/// is read again immediately.
pub fn doubt(memory: &mut Memory, reconcile_started: Instant) {
    if let Some(known) = &mut memory.ca_bundle
        && known.read_at < reconcile_started
    {
        known.doubted = true;
    }
}

/// No client could be made with it: it is read again with the next reconcile.
pub fn was_not_applied(memory: &mut Memory) {
    if let Some(known) = &mut memory.ca_bundle {
        known.doubted = true;
    }
}

fn left(known: &CaBundle) -> Duration {
    match known.doubted {
        true => Duration::ZERO,
        false => GOOD_FOR.saturating_sub(known.read_at.elapsed()),
    }
}

async fn read(
    context: &Context,
    reference: &CaBundleRef,
) -> Result<Result<String, Unusable>, WriteError> {
    let namespace = &context.options.operator_namespace;
    let client = context.client.clone();
    match reference.kind {
        CaBundleKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client, namespace);
            let object = writes::bounded(api.get(&reference.name)).await?;
            Ok(ca_bundle::of_config_map(&object, reference))
        }
        CaBundleKind::Secret => {
            let api: Api<Secret> = Api::namespaced(client, namespace);
            let object = writes::bounded(api.get(&reference.name)).await?;
            Ok(ca_bundle::of_secret(&object, reference))
        }
    }
}

fn remembered(
    context: &Context,
    reference: &CaBundleRef,
    memory: &Memory,
    lack: Lack,
) -> Result<String, Unusable> {
    let namespace = &context.options.operator_namespace;
    let known = memory.ca_bundle.as_ref();
    known
        .map(|known| known.text.clone())
        .ok_or_else(|| match lack {
            Lack::Gone => ca_bundle::not_found(reference, namespace),
            Lack::Forbidden => ca_bundle::forbidden(reference, namespace),
        })
}

#[cfg(test)]
mod tests;
