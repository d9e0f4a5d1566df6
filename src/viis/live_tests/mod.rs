//! The client against a real TLS server, on 127.0.0.1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exchange;
pub(crate) mod server;
mod trust;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use secrecy::SecretString;

use self::server::{Identity, Reply, Server, http};
use super::*;

/// In base64 with the user: bXVsdGl0ZW5hbmN5OnMzY3JldC13b3Jk
const PASSWORD: &str = "s3cret-word";

/// Remembers what was observed.
#[derive(Default)]
struct Log(Mutex<Vec<(Method, Outcome)>>);

impl Observer for Log {
    fn observe(&self, method: Method, outcome: Outcome, _: Duration) {
        self.0.lock().unwrap().push((method, outcome));
    }
}

impl Log {
    fn calls(&self) -> Vec<(Method, Outcome)> {
        self.0.lock().unwrap().clone()
    }
}

fn settings(address: &str, port: u16, trust: Trust) -> Settings {
    Settings {
        endpoint: Endpoint {
            address: address.to_owned(),
            port,
        },
        credentials: Credentials::new("multitenancy", SecretString::from(PASSWORD)),
        trust,
        proxy: None,
        requests_per_second: NonZeroU32::new(1000).unwrap(),
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(10),
            list: Duration::from_secs(60),
        },
        permit: Permit::default(),
    }
}

fn client(settings: Settings) -> Client {
    Client::new(settings, Arc::new(Log::default())).unwrap()
}

fn pinned(identity: &Identity) -> Trust {
    Trust::Fingerprints(vec![identity.fingerprint()])
}

/// A server with this behaviour, and a client that trusts it.
pub(crate) fn connected(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Server, Client) {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let server = Server::start(identity.config(&[&TLS12, &TLS13]), reply);
    let settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    (server, client(settings))
}

fn empty_list(_: &str) -> Reply {
    Reply::Bytes(http("200 OK", &[], "<tenants/>"))
}

fn transient() -> Class {
    Class::Transient { retry_after: None }
}
