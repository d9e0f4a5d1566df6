//! What `import` and `check` ask the API server: reads, and reviews of access, which change
//! nothing. Each call has the client's deadline; what fails is a sentence that says what to do.

use std::fmt::Debug;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, PostParams};
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::api::{CaBundleKind, GROUP, IntegrationServer, VERSION};
use crate::connection::{self, Unusable, ca_bundle};
use crate::operator::client;
use crate::telemetry::sentence;
use crate::viis::Credentials;

/// So many objects a page.
const PAGE: u32 = 500;

/// Why a question has no answer. The sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no client.
    #[error("{}", sentence(.0))]
    Client(#[from] client::Error),
    /// The API server does not know our kinds.
    #[error(
        "the API server does not serve {GROUP}/{VERSION}: run \
         `viis-operator crds | kubectl apply --server-side -f -`"
    )]
    NotServed,
    /// It does not know who asks.
    #[error(
        "the API server does not accept the credentials ({0}): renew the token or the kubeconfig"
    )]
    Unauthorized(String),
    /// It says no.
    #[error("{what} is not allowed ({said}): use an account that may, see docs/permissions.md")]
    Forbidden {
        /// What was asked for.
        what: String,
        /// The API server's words.
        said: String,
    },
    /// No answer, or none that helps.
    #[error("{what} failed ({said}): look at the API server's address, network and certificate")]
    Failed {
        /// What was asked for.
        what: String,
        /// What happened.
        said: String,
    },
    /// What it holds cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

/// A definition as the API server has it.
#[derive(Debug)]
pub enum Definition {
    /// This one.
    Is(Box<CustomResourceDefinition>),
    /// None.
    Absent,
    /// Definitions may not be read; whether the kind is served.
    Unreadable {
        /// The kind can be asked for.
        served: bool,
    },
}

/// Access that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural, with `/status` where that is meant.
    pub resource: &'a str,
    /// The verb.
    pub verb: &'a str,
    /// The namespace; none: all of them, or the cluster.
    pub namespace: Option<&'a str>,
    /// The only object that is meant.
    pub name: Option<&'a str>,
}

/// The API server, as a command sees it.
pub struct Cluster(Client);

impl Cluster {
    /// As `KUBECONFIG`, `~/.kube/config` or the pod's service account say.
    pub async fn connect() -> Result<Self, Error> {
        // Fails when one is installed already: then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self(client::for_a_command().await?))
    }

    /// The API server's version, which it tells whoever may talk to it.
    pub async fn version(&self) -> Result<String, Error> {
        let version = self.0.apiserver_version().await;
        let version = version.map_err(|error| failed(&error, "asking its version".to_owned()))?;
        Ok(version.git_version)
    }

    /// All IntegrationServers, or the one with this name; by name.
    pub async fn servers(&self, name: Option<&str>) -> Result<Vec<IntegrationServer>, Error> {
        // A list, because that is what the operator's own account may do.
        let wanted = match name {
            Some(name) => ListParams::default().fields(&format!("metadata.name={name}")),
            None => ListParams::default(),
        };
        let mut servers = self
            .list(
                Api::all(self.0.clone()),
                wanted,
                "listing integrationservers",
            )
            .await?;
        servers
            .sort_by(|one: &IntegrationServer, other| one.metadata.name.cmp(&other.metadata.name));
        Ok(servers)
    }

    /// All objects of a kind, in this namespace or in all.
    pub async fn all<K>(&self, namespace: Option<&str>) -> Result<Vec<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let plural = K::plural(&());
        let (api, what) = match namespace {
            Some(namespace) => (
                Api::namespaced(self.0.clone(), namespace),
                format!("listing {plural} in namespace {namespace}"),
            ),
            None => (
                Api::all(self.0.clone()),
                format!("listing {plural} in all namespaces"),
            ),
        };
        self.list(api, ListParams::default(), &what).await
    }

    /// The account of a server, from its Secret.
    pub async fn credentials(&self, name: &str, namespace: &str) -> Result<Credentials, Error> {
        let api: Api<Secret> = Api::namespaced(self.0.clone(), namespace);
        let what = format!("reading Secret {name} in namespace {namespace}");
        match api
            .get_opt(name)
            .await
            .map_err(|error| failed(&error, what))?
        {
            Some(secret) => Ok(connection::credentials(&secret, name)?),
            None => Err(connection::without_secret(name, namespace).into()),
        }
    }

    /// What `tls.caBundleRef` of a server leads to; None without a reference.
    pub async fn ca_bundle(
        &self,
        server: &IntegrationServer,
        namespace: &str,
    ) -> Result<Option<String>, Error> {
        let Some(reference) = ca_bundle::reference(server) else {
            return Ok(None);
        };
        let what = || format!("reading {reference} in namespace {namespace}");
        let text = match reference.kind {
            CaBundleKind::ConfigMap => {
                let api: Api<ConfigMap> = Api::namespaced(self.0.clone(), namespace);
                let found = api.get_opt(&reference.name).await;
                let found = found.map_err(|error| failed(&error, what()))?;
                found.map(|object| ca_bundle::of_config_map(&object, reference))
            }
            CaBundleKind::Secret => {
                let api: Api<Secret> = Api::namespaced(self.0.clone(), namespace);
                let found = api.get_opt(&reference.name).await;
                let found = found.map_err(|error| failed(&error, what()))?;
                found.map(|object| ca_bundle::of_secret(&object, reference))
            }
        };
        match text {
            Some(text) => Ok(Some(text?)),
            None => Err(ca_bundle::not_found(reference, namespace).into()),
        }
    }

    /// The labels of a namespace, if it is there.
    pub async fn namespace(
        &self,
        name: &str,
    ) -> Result<Option<PartialObjectMeta<Namespace>>, Error> {
        let api: Api<Namespace> = Api::all(self.0.clone());
        let wanted = ListParams::default().fields(&format!("metadata.name={name}"));
        let found = api.list_metadata(&wanted).await;
        let found = found.map_err(|error| failed(&error, "listing namespaces".to_owned()))?;
        Ok(found.items.into_iter().next())
    }

    /// One of our definitions.
    pub async fn definition(&self, name: &str) -> Result<Definition, Error> {
        let api: Api<CustomResourceDefinition> = Api::all(self.0.clone());
        match api.get_opt(name).await {
            Ok(Some(found)) => Ok(Definition::Is(Box::new(found))),
            Ok(None) => Ok(Definition::Absent),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                let plural = name.split('.').next().unwrap_or(name);
                let served = self.serves(plural).await?;
                Ok(Definition::Unreadable { served })
            }
            Err(error) => Err(failed(&error, format!("reading the definition {name}"))),
        }
    }

    /// Whether the API server serves one of our kinds. Everybody may ask that.
    async fn serves(&self, plural: &str) -> Result<bool, Error> {
        let version = format!("{GROUP}/{VERSION}");
        match self.0.list_api_group_resources(&version).await {
            Ok(list) => Ok(list.resources.iter().any(|kind| kind.name == plural)),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
            Err(error) => Err(failed(&error, format!("asking what {version} has"))),
        }
    }

    /// Whether this account has this access.
    pub async fn may(&self, access: &Access<'_>) -> Result<bool, Error> {
        let (resource, subresource) = match access.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (access.resource, None),
        };
        let owned = |text: &str| Some(text.to_owned());
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: owned(access.group),
                    resource: owned(resource),
                    subresource: subresource.and_then(owned),
                    verb: owned(access.verb),
                    namespace: access.namespace.and_then(owned),
                    name: access.name.and_then(owned),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.0.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| failed(&error, "a review of access".to_owned()))?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// Who this account is.
    pub async fn whoami(&self) -> Result<String, Error> {
        let api: Api<SelfSubjectReview> = Api::all(self.0.clone());
        let asked = SelfSubjectReview::default();
        let answer = api.create(&PostParams::default(), &asked).await;
        let answer = answer.map_err(|error| failed(&error, "asking who we are".to_owned()))?;
        let user = answer.status.and_then(|status| status.user_info);
        Ok(user.and_then(|user| user.username).unwrap_or_default())
    }

    async fn list<K>(&self, api: Api<K>, wanted: ListParams, what: &str) -> Result<Vec<K>, Error>
    where
        K: Clone + Debug + DeserializeOwned,
    {
        let mut found = Vec::new();
        let mut page = wanted.limit(PAGE);
        loop {
            let list = api.list(&page).await;
            let list = list.map_err(|error| failed(&error, what.to_owned()))?;
            found.extend(list.items);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}

/// The classes that a person acts upon.
fn failed(error: &kube::Error, what: String) -> Error {
    let said = sentence(error);
    match error {
        kube::Error::Api(status) => match status.code {
            401 => Error::Unauthorized(said),
            403 => Error::Forbidden { what, said },
            404 => Error::NotServed,
            _ => Error::Failed { what, said },
        },
        kube::Error::Auth(_) => Error::Unauthorized(said),
        _ => Error::Failed { what, said },
    }
}
