//! `viis-operator import`: reads an Integration Server and prints manifests for what is on
//! it, so that the operator takes it over as it is. It changes nothing anywhere.
//!
//! - `read`: the server, by reading calls; [`super::cluster`]: the API server
//! - `claims`, `names`, `twice`, `manifests`, `yaml`, `text`: what is printed; pure
//! - `folder`: files instead of standard output

mod claims;
mod folder;
mod manifests;
mod names;
mod read;
mod text;
mod twice;
mod yaml;

use std::fmt::Debug;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use self::claims::Claims;
use self::manifests::Wish;
use super::cluster::{self, Cluster};
use super::installation::{OwnNamespace, dns_label};
use super::{event_loop, say};
use crate::api::{AdoptionPolicy, IntegrationServer, Tenant, VirtualMachine};
use crate::connection;
use crate::viis::{self, Client, Permit};

/// The options of `import`.
#[derive(Debug, Args)]
pub struct ImportOptions {
    /// The IntegrationServer to read
    #[arg(long, value_name = "NAME")]
    server: String,

    /// The namespace that the manifests are for
    #[arg(long, value_name = "NAMESPACE", value_parser = dns_label)]
    namespace: String,

    #[command(flatten)]
    own: OwnNamespace,

    /// Write one file a tenant into this folder, instead of all of them to standard output
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// Overwrite files in that folder whose content is another
    #[arg(long, requires = "output_dir")]
    overwrite: bool,

    /// Also what resources in this namespace have already
    #[arg(long)]
    include_managed: bool,
}

/// Why there is no import.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error("there is no IntegrationServer {name}: {instead}")]
    NoServer { name: String, instead: String },
    #[error("there is no namespace {0}: create it first, or correct --namespace")]
    NoNamespace(String),
    #[error("{0}")]
    Settings(String),
    #[error("{} Nothing is printed, because it would not be whole", .0.without_promise())]
    Server(viis::Error),
    #[error(transparent)]
    Folder(#[from] folder::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

/// Prints the manifests. The exit status is 0 when all of the server is in them, or in
/// resources that there are.
pub fn run(options: ImportOptions) -> ExitCode {
    match event_loop::run(import(options)) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => super::failed(&"not everything is in it, see above"),
        Ok(Err(error)) => super::failed(&error),
        Err(error) => super::failed(&error),
    }
}

/// Whether it is whole.
async fn import(options: ImportOptions) -> Result<bool, Error> {
    let cluster = Cluster::connect().await?;
    let server = server(&cluster, &options.server).await?;
    let lets_in = namespace(&cluster, &server, &options.namespace).await?;
    let client = client(&cluster, &server, &options.own.operator_namespace).await?;
    let wish = Wish {
        server: options.server,
        namespace: options.namespace,
        include_managed: options.include_managed,
    };
    let tenants = read::tenants(&client).await.map_err(Error::Server)?;
    // Afterwards: who has a tenant that was made meanwhile has said so before it was made.
    let owners: Vec<Tenant> = resources(&cluster, &wish).await?;
    let claims = Claims::new(&wish.server, &wish.namespace, &owners);
    say(&format!(
        "{} has {} tenants",
        client.endpoint(),
        tenants.len()
    ));
    // Machines are in the namespace of their Tenant: those of others do not matter here.
    let (matter, elsewhere): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|tenant| {
        claims
            .tenant(tenant)
            .is_none_or(|claim| claim.namespace == wish.namespace)
    });
    let mut found = read::machines(&client, matter)
        .await
        .map_err(Error::Server)?;
    let machines: Vec<VirtualMachine> = resources(&cluster, &wish).await?;
    let claims = claims.with_machines(&machines);
    found.extend(elsewhere.into_iter().map(|tenant| (tenant, Ok(Vec::new()))));
    let import = manifests::write(&wish, found, &claims);
    match &options.output_dir {
        Some(folder) => folder::write(folder, &text::files(&wish, &import), options.overwrite)?,
        None => {
            let mut out = io::stdout().lock();
            let written = out.write_all(text::stream(&wish, &import).as_bytes());
            written.and_then(|()| out.flush()).map_err(Error::Output)?;
        }
    }
    for line in text::summary(&wish, &import) {
        say(&line);
    }
    for line in advice(&wish, &server, lets_in) {
        say(&line);
    }
    Ok(import.left_out.is_empty())
}

async fn server(cluster: &Cluster, name: &str) -> Result<IntegrationServer, Error> {
    if let Some(server) = cluster.servers(Some(name)).await?.into_iter().next() {
        return Ok(server);
    }
    let others = cluster.servers(None).await?;
    let names: Vec<_> = others.iter().take(10).map(ResourceExt::name_any).collect();
    let instead = match names.is_empty() {
        true => {
            "there is none at all; apply one first, see examples/integration-server.yaml".into()
        }
        false => format!("correct --server; there are: {}", names.join(", ")),
    };
    let name = name.to_owned();
    Err(Error::NoServer { name, instead })
}

/// Whether the server lets the namespace in. None: that cannot be told.
async fn namespace(
    cluster: &Cluster,
    server: &IntegrationServer,
    name: &str,
) -> Result<Option<bool>, Error> {
    match cluster.namespace(name).await {
        Ok(Some(namespace)) => {
            let allowed = &server.spec.allowed_namespaces;
            Ok(Some(allowed.lets_in(namespace.labels())))
        }
        Ok(None) => Err(Error::NoNamespace(name.to_owned())),
        Err(cluster::Error::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn client(
    cluster: &Cluster,
    server: &IntegrationServer,
    own_namespace: &str,
) -> Result<Client, Error> {
    let secret = &server.spec.credentials_secret_ref.name;
    let credentials = match cluster.credentials(secret, own_namespace).await {
        Ok(credentials) => credentials,
        Err(cluster::Error::Unusable(unusable)) => {
            return Err(Error::Settings(format!(
                "{unusable} If the operator's namespace is another one than {own_namespace}, give \
                 --operator-namespace"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let ca_bundle = cluster.ca_bundle(server, own_namespace).await?;
    // Nothing may be changed by this client, whoever uses it.
    let permit = Permit::asking(|| false);
    let settings = connection::settings(server, ca_bundle.as_deref(), credentials, permit)
        .map_err(|unusable| Error::Settings(unusable.to_string()))?;
    Client::new(settings, Arc::new(())).map_err(|error| Error::Settings(error.to_string()))
}

/// All objects of a kind; for who may not look everywhere, those where it prints for.
async fn resources<K>(cluster: &Cluster, wish: &Wish) -> Result<Vec<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    match cluster.all(None).await {
        Err(cluster::Error::Forbidden { what, .. }) => {
            let namespace = &wish.namespace;
            say(&format!(
                "{what} is not allowed, so only namespace {namespace} was looked at: what is in \
                 resources of other namespaces is printed too"
            ));
            Ok(cluster.all(Some(namespace)).await?)
        }
        read => Ok(read?),
    }
}

/// What the IntegrationServer lacks for the manifests.
fn advice(wish: &Wish, server: &IntegrationServer, lets_in: Option<bool>) -> Vec<String> {
    let Wish {
        server: name,
        namespace,
        ..
    } = wish;
    let mut advice = Vec::new();
    if server.spec.adoption_policy == AdoptionPolicy::Never {
        advice.push(format!(
            "the IntegrationServer has `adoptionPolicy: Never`; before you apply the manifests: \
             kubectl patch viis {name} --type=merge -p '{{\"spec\":{{\"adoptionPolicy\":\"ByID\"}}}}'"
        ));
    }
    match lets_in {
        Some(true) => {}
        Some(false) => advice.push(format!(
            "the IntegrationServer does not let namespace {namespace} in; before you apply the \
             manifests, label the namespace or extend `allowedNamespaces`"
        )),
        None => advice.push(format!(
            "namespaces may not be read: see that `allowedNamespaces` of the IntegrationServer \
             lets namespace {namespace} in before you apply the manifests"
        )),
    }
    advice
}
