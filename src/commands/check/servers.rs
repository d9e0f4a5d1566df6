//! Whether an Integration Server can be worked with: step by step, the certificate before
//! the account, so that no password leaves for a server that is not trusted.

use std::sync::Arc;

use kube::ResourceExt as _;

use super::report::{Check, Kind};
use crate::api::{IntegrationServer, reasons};
use crate::commands::cluster::Cluster;
use crate::connection::{self, Way};
use crate::viis::{Client, Credentials, Greeted, Permit, Problem, Timeouts, greet};

/// A line a step.
pub async fn check(
    cluster: &Cluster,
    server: &IntegrationServer,
    own_namespace: &str,
) -> Vec<Check> {
    let name = server.name_any();
    let mut checks = Vec::new();
    let secret = &server.spec.credentials_secret_ref.name;
    let account = cluster.credentials(secret, own_namespace).await;
    let account = match account {
        Ok(account) => {
            let message = format!("{secret} has a user name and a password.");
            checks.push(Check::ok(Kind::Secret, &name, message));
            Some(account)
        }
        Err(error) => {
            checks.push(Check::failed(Kind::Secret, &name, sentence(&error)));
            None
        }
    };
    let ca_bundle = cluster.ca_bundle(server, own_namespace).await;
    let ca_bundle = match &ca_bundle {
        Ok(text) => Ok(text.as_deref()),
        Err(error) => Err(sentence(error)),
    };
    let met = meet(server, &name, ca_bundle.clone(), &mut checks).await;
    let account = met.and_then(|()| account.ok_or("Not tried: there is no account."));
    match account {
        Ok(account) => {
            let ca_bundle = ca_bundle.unwrap_or_default();
            log_in(server, &name, account, ca_bundle, &mut checks).await;
        }
        Err(why) => {
            for kind in [Kind::Credentials, Kind::Tenants] {
                checks.push(Check::skipped(kind, &name, why));
            }
        }
    }
    checks
}

/// Connection and certificate, without an account; why the server is not logged in to.
async fn meet(
    server: &IntegrationServer,
    name: &str,
    ca_bundle: Result<Option<&str>, String>,
    checks: &mut Vec<Check>,
) -> Result<(), &'static str> {
    let not_seen = "Not seen: there is no connection.";
    let way = match ca_bundle {
        Ok(ca_bundle) => connection::way(server, ca_bundle)
            .map_err(|unusable| (unusable.reason, unusable.message)),
        Err(message) => Err((reasons::CA_BUNDLE_NOT_FOUND, message)),
    };
    let greeted = match way {
        Err(unusable) => Err(unusable),
        Ok(Way {
            endpoint,
            trust,
            proxy,
        }) => greet(&endpoint, &trust, proxy.as_ref(), Timeouts::default())
            .await
            .map_err(|error| (connection::reason_of(error.setting()), error.to_string())),
    };
    let greeting = match greeted {
        Ok(greeting) => greeting,
        Err((reason, message)) => {
            let (kind, other) = match reason {
                reasons::CERTIFICATE_REJECTED | reasons::CA_BUNDLE_NOT_FOUND => {
                    (Kind::Certificate, Kind::Connection)
                }
                _ => (Kind::Connection, Kind::Certificate),
            };
            checks.push(Check::failed(kind, name, message));
            checks.push(Check::skipped(
                other,
                name,
                "Not tried: the spec cannot be used.",
            ));
            return Err("Not tried: the spec cannot be used.");
        }
    };
    let endpoint = format!("{}:{}", server.spec.address, server.spec.port);
    let seen = greeting
        .presented
        .map(|fingerprint| fingerprint.to_string());
    let connected = || Check::ok(Kind::Connection, name, format!("{endpoint} answers."));
    let trusted = || {
        let shown = seen.clone().unwrap_or_default();
        let message = format!("Trusted; its SHA-256 fingerprint is {shown}.");
        Check::ok(Kind::Certificate, name, message).seen(seen.clone())
    };
    let no_answer = Err("Not tried: there is no answer.");
    let (connection, certificate, met) = match greeting.outcome {
        Greeted::Answered => (connected(), trusted(), Ok(())),
        Greeted::Distrusted(why) => (
            connected(),
            Check::failed(Kind::Certificate, name, why).seen(seen.clone()),
            Err("Not tried: nothing is sent to a server that is not trusted."),
        ),
        Greeted::Silent(why) => (
            Check::failed(Kind::Connection, name, why),
            trusted(),
            no_answer,
        ),
        Greeted::Unreachable(why) => (
            Check::failed(Kind::Connection, name, why),
            Check::skipped(Kind::Certificate, name, not_seen),
            no_answer,
        ),
    };
    checks.extend([connection, certificate]);
    met
}

/// One reading call, with the account.
async fn log_in(
    server: &IntegrationServer,
    name: &str,
    account: Credentials,
    ca_bundle: Option<&str>,
    checks: &mut Vec<Check>,
) {
    let client = connection::settings(server, ca_bundle, account, Permit::asking(|| false))
        .map_err(|unusable| unusable.message)
        .and_then(|settings| {
            Client::new(settings, Arc::new(())).map_err(|error| error.to_string())
        });
    let client = match client {
        Ok(client) => client,
        Err(message) => {
            checks.push(Check::failed(Kind::Credentials, name, message));
            checks.push(Check::skipped(
                Kind::Tenants,
                name,
                "Not tried: there is no client.",
            ));
            return;
        }
    };
    let listed = client.tenants().await;
    let (credentials, tenants) = match listed {
        Ok(tenants) => (
            Check::ok(Kind::Credentials, name, "Accepted."),
            Check::ok(Kind::Tenants, name, format!("{} tenants.", tenants.len())),
        ),
        Err(error) => match error.problem() {
            Problem::Credentials | Problem::Forbidden => (
                Check::failed(Kind::Credentials, name, error.without_promise()),
                Check::skipped(Kind::Tenants, name, "Not tried: the account is refused."),
            ),
            Problem::Connect
            | Problem::Certificate
            | Problem::Timeout
            | Problem::UnexpectedAnswer
            | Problem::ServerError
            | Problem::Rejected
            | Problem::NotFound
            | Problem::Withheld => (
                Check::skipped(Kind::Credentials, name, "Not known: see tenants."),
                Check::failed(Kind::Tenants, name, error.without_promise()),
            ),
        },
    };
    checks.extend([credentials, tenants]);
}

fn sentence(error: &crate::commands::cluster::Error) -> String {
    let text = error.to_string();
    match text.ends_with('.') {
        true => text,
        false => text + ".",
    }
}
