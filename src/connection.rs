//! How to reach an Integration Server: what the spec of its resource and its Secret say,
//! as settings of a client. The controllers and the commands read them alike. Makes no
//! call.
//!
//! - `ca_bundle`: the CA certificates, from the spec or from the object that it refers to;
//! - `secret_text`: a user name or a password, from a Secret.

pub mod ca_bundle;
mod secret_text;

use std::num::NonZeroU32;

use k8s_openapi::api::core::v1::Secret;
use secrecy::ExposeSecret as _;
use url::Url;

use self::ca_bundle::pem;
pub use self::secret_text::{Flaw, secret_text};

use crate::api::{IntegrationServer, reasons};
use crate::viis::{Credentials, Endpoint, Permit, Setting, Settings, Timeouts, Trust};

/// Spec or Secret cannot be used. The sentence says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unusable {
    /// The condition's reason for it.
    pub reason: &'static str,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl Unusable {
    fn new(reason: &'static str, message: String) -> Self {
        Self { reason, message }
    }
}

/// The way to a server, without an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Whom to trust.
    pub trust: Trust,
    /// The proxy to it.
    pub proxy: Option<Url>,
}

/// The way to a server, by its spec. `ca_bundle` is the text that `tls.caBundleRef` refers to,
/// if the spec has one.
///
/// # Errors
/// A field that cannot be read.
pub fn way(server: &IntegrationServer, ca_bundle: Option<&str>) -> Result<Way, Unusable> {
    let spec = &server.spec;
    let proxy = match &spec.proxy_url {
        None => None,
        Some(url) => Some(url.parse().map_err(|error| {
            let message = format!("proxyURL cannot be read: {error}");
            Unusable::new(reasons::CONNECT_FAILED, message)
        })?),
    };
    Ok(Way {
        endpoint: Endpoint {
            address: spec.address.clone(),
            port: spec.port,
        },
        trust: trust(server, ca_bundle)?,
        proxy,
    })
}

fn trust(server: &IntegrationServer, ca_bundle: Option<&str>) -> Result<Trust, Unusable> {
    let Some(tls) = &server.spec.tls else {
        return Ok(Trust::SystemRoots);
    };
    match (&tls.ca_bundle, &tls.ca_bundle_ref, &tls.fingerprints_sha256) {
        (Some(bundle), _, _) => Ok(Trust::CaBundle(pem(bundle))),
        (None, Some(reference), _) => match ca_bundle {
            Some(bundle) => Ok(Trust::CaBundle(pem(bundle))),
            // Fail closed: the system's roots are no substitute.
            None => Err(Unusable::new(
                reasons::CA_BUNDLE_NOT_FOUND,
                format!("{reference} in tls.caBundleRef was not read."),
            )),
        },
        (None, None, Some(pins)) if !pins.is_empty() => {
            let pins: Result<Vec<_>, _> = pins.iter().map(|pin| pin.parse()).collect();
            pins.map(Trust::Fingerprints).map_err(|error| {
                let message = format!("tls.fingerprintsSHA256 cannot be read: {error}");
                Unusable::new(reasons::CERTIFICATE_REJECTED, message)
            })
        }
        (None, None, _) => Ok(Trust::SystemRoots),
    }
}

/// Everything that a client needs. `ca_bundle` is as for [`way`].
///
/// # Errors
/// A field of the spec that cannot be read.
pub fn settings(
    server: &IntegrationServer,
    ca_bundle: Option<&str>,
    credentials: Credentials,
    permit: Permit,
) -> Result<Settings, Unusable> {
    let Way {
        endpoint,
        trust,
        proxy,
    } = way(server, ca_bundle)?;
    let rate = server.spec.limits.requests_per_second;
    Ok(Settings {
        endpoint,
        credentials,
        trust,
        proxy,
        requests_per_second: NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN),
        timeouts: Timeouts::default(),
        permit,
    })
}

/// The account that a Secret holds.
///
/// # Errors
/// A key that is missing or holds no usable text.
pub fn credentials(secret: &Secret, name: &str) -> Result<Credentials, Unusable> {
    let value = |key: &str| {
        secret_text(secret, key).map_err(|flaw| {
            let mend = match flaw {
                Flaw::Missing => "Add it.",
                Flaw::ControlCharacter => "Remove it.",
            };
            let message = format!("Secret {name} {flaw} {key}. {mend}");
            Unusable::new(reasons::SECRET_KEY_MISSING, message)
        })
    };
    let user = value("username")?;
    Ok(Credentials::new(user.expose_secret(), value("password")?))
}

/// The Secret with the account is not there.
pub fn without_secret(name: &str, namespace: &str) -> Unusable {
    let message = format!(
        "There is no Secret {name} in namespace {namespace}. Create it with type \
         kubernetes.io/basic-auth and the keys username and password."
    );
    Unusable::new(reasons::SECRET_NOT_FOUND, message)
}

/// The Secret with the account may not be read.
pub fn forbidden_secret(name: &str, namespace: &str) -> Unusable {
    let message = format!(
        "The operator may not get Secret {name} in namespace {namespace}. Bind its service \
         account to the roles that come with the operator."
    );
    Unusable::new(reasons::SECRET_NOT_FOUND, message)
}

/// Where the person has to look who reads that a client cannot be made.
pub fn reason_of(setting: Setting) -> &'static str {
    match setting {
        Setting::Endpoint | Setting::Proxy => reasons::CONNECT_FAILED,
        Setting::Credentials => reasons::SECRET_KEY_MISSING,
        Setting::Trust => reasons::CERTIFICATE_REJECTED,
    }
}
