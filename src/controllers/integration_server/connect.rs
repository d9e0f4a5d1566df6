//! Makes the client of an IntegrationServer from its spec and its Secret.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Resource, ResourceExt};
use sha2::{Digest as _, Sha256};

use super::memory::{Lack, Probe};
use crate::api::IntegrationServer;
use crate::connection::{self, Unusable};
use crate::controllers::context::{Context, ServerWake};
use crate::controllers::servers::{Account, Handle};
use crate::controllers::writes::{self, WriteError};
use crate::inventory::Server;
use crate::viis::{Client, Credentials, Observer, Permit};

/// Why there is no client.
pub enum Missing {
    /// Something has to be mended; the probe says what.
    Said(Probe),
    /// The API server failed.
    ApiServer(WriteError),
}

/// What came of looking at spec and Secret.
pub enum Connected {
    /// As before.
    Same,
    /// The Secret is not to be had; the credentials in memory serve on.
    FromMemory(Lack),
    /// A new client.
    New(Arc<Handle>),
    /// A new client for a new spec; the Secret is not to be had, the credentials in memory
    /// serve on.
    NewFromMemory(Arc<Handle>, Lack),
}

impl From<Unusable> for Missing {
    fn from(unusable: Unusable) -> Self {
        Missing::Said(Probe {
            reachable: false,
            reason: unusable.reason,
            message: unusable.message,
        })
    }
}

/// Looks whether spec and Secret ask for another client than the present one. `ca_bundle` is
/// what `tls.caBundleRef` leads to.
///
/// # Errors
/// What is missing or wrong, and what to do about it.
pub async fn connect(
    context: &Context,
    server: &IntegrationServer,
    ca_bundle: Option<&str>,
    current: Option<&Handle>,
) -> Result<Connected, Missing> {
    let name = &server.spec.credentials_secret_ref.name;
    let namespace = &context.options.operator_namespace;
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let secret = match writes::bounded(api.get(name)).await {
        Ok(secret) => secret,
        Err(WriteError::Gone) => {
            return from_memory(context, server, ca_bundle, current, Lack::Gone);
        }
        Err(error) if error.is_forbidden() => {
            return from_memory(context, server, ca_bundle, current, Lack::Forbidden);
        }
        Err(error) => return Err(Missing::ApiServer(error)),
    };
    let digest = account_digest(&secret);
    if current.is_some_and(|current| current.settings == settings(server, ca_bundle, &digest)) {
        return Ok(Connected::Same);
    }
    let account = Account {
        secret: name.clone(),
        credentials: connection::credentials(&secret, name)?,
        digest,
    };
    Ok(Connected::New(handle(context, server, ca_bundle, account)?))
}

/// There is no Secret to be had: what the present client logs in with serves on, under a changed
/// spec too, as long as that names the same Secret.
fn from_memory(
    context: &Context,
    server: &IntegrationServer,
    ca_bundle: Option<&str>,
    current: Option<&Handle>,
    lack: Lack,
) -> Result<Connected, Missing> {
    let namespace = &context.options.operator_namespace;
    let name = &server.spec.credentials_secret_ref.name;
    let current = current.filter(|current| server.uid().as_ref() == Some(&current.uid));
    let account = current.and_then(|current| current.account.as_ref());
    match (current, account.filter(|account| account.secret == *name)) {
        (Some(current), Some(account))
            if current.settings == settings(server, ca_bundle, &account.digest) =>
        {
            Ok(Connected::FromMemory(lack))
        }
        (Some(_), Some(account)) => {
            let handle = handle(context, server, ca_bundle, account.clone())?;
            Ok(Connected::NewFromMemory(handle, lack))
        }
        (_, None) | (None, _) => {
            let unusable = match lack {
                Lack::Gone => connection::without_secret(name, namespace),
                Lack::Forbidden => connection::forbidden_secret(name, namespace),
            };
            Err(unusable.into())
        }
    }
}

/// A client and an empty picture for this spec.
fn handle(
    context: &Context,
    server: &IntegrationServer,
    ca_bundle: Option<&str>,
    account: Account,
) -> Result<Arc<Handle>, Missing> {
    let client = client(context, server, ca_bundle, account.credentials.clone())?;
    let endpoint = client.endpoint().clone();
    let limits = &server.spec.limits;
    let tasks = usize::try_from(limits.concurrent_tasks)
        .unwrap_or(usize::MAX)
        .max(1);
    let wake = Arc::new(ServerWake {
        name: server.name_any(),
        queues: context.queues.clone(),
        metrics: Arc::clone(&context.metrics),
    });
    let picture = Server::new(client, tasks, wake);
    let uid = server.uid().unwrap_or_default();
    let settings = settings(server, ca_bundle, &account.digest);
    let handle = Handle::new(uid, settings, endpoint, picture);
    Ok(Arc::new(handle.with_account(account)))
}

/// Names what a client is made of.
fn settings(server: &IntegrationServer, ca_bundle: Option<&str>, account: &str) -> String {
    let ca_bundle = digest([ca_bundle.map(str::as_bytes)]);
    format!("{}/{ca_bundle}/{account}", spec_settings(server))
}

/// What of the spec decides about the client, with the resource's UID.
fn spec_settings(server: &IntegrationServer) -> String {
    let spec = &server.spec;
    let parts = serde_json::json!([
        server.meta().uid,
        spec.address,
        spec.port,
        spec.credentials_secret_ref.name,
        spec.tls,
        spec.limits,
        spec.proxy_url
    ]);
    parts.to_string()
}

/// Names the credentials without showing them. The Secret's version would change with
/// each label that somebody puts on it.
fn account_digest(secret: &Secret) -> String {
    digest(["username", "password"].map(|key| {
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        value.map(|value| value.0.as_slice())
    }))
}

fn digest<const N: usize>(parts: [Option<&[u8]>; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.unwrap_or_default();
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn client(
    context: &Context,
    server: &IntegrationServer,
    ca_bundle: Option<&str>,
    credentials: Credentials,
) -> Result<Client, Missing> {
    let leadership = context.leadership.clone();
    let permit = Permit::asking(move || leadership.holds());
    let settings = connection::settings(server, ca_bundle, credentials, permit)?;
    let observer: Arc<dyn Observer> = Arc::clone(&context.metrics) as Arc<dyn Observer>;
    Client::new(settings, observer).map_err(|error| {
        Missing::from(Unusable {
            reason: connection::reason_of(error.setting()),
            message: error.to_string(),
        })
    })
}

#[cfg(test)]
mod tests;
