//! What a probe's outcome means, and the comparison of machines.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use super::memory::Probe;
use crate::api::reasons;
use crate::controllers::backoff::{jittered, share};
use crate::controllers::cluster::Key;
use crate::controllers::context::Queues;
use crate::controllers::servers::Handle;
use crate::inventory::Server;
use crate::viis::{Class, Error, Problem, TenantId};

/// The server answered.
pub fn connected(handle: &Handle) -> Probe {
    Probe {
        reachable: true,
        reason: reasons::CONNECTED,
        message: format!(
            "{} answers, with these credentials and this certificate.",
            handle.endpoint
        ),
    }
}

/// The server did not answer as it should.
pub fn failed(error: &Error) -> Probe {
    let reason = match error.problem() {
        Problem::Connect | Problem::Timeout => reasons::CONNECT_FAILED,
        Problem::Certificate => reasons::CERTIFICATE_REJECTED,
        Problem::Credentials | Problem::Forbidden => reasons::CREDENTIALS_REJECTED,
        Problem::UnexpectedAnswer
        | Problem::ServerError
        | Problem::Rejected
        | Problem::NotFound => reasons::UNEXPECTED_ANSWER,
    };
    Probe {
        reachable: false,
        reason,
        message: error.to_string(),
    }
}

/// How long to wait at least before the next probe.
pub fn pause(error: &Error) -> Option<Duration> {
    match error.class() {
        // One probe a minute: a wrong password must not become a storm of refusals.
        Class::Credentials | Class::Rejected | Class::NotFound => Some(Duration::from_secs(60)),
        Class::Transient { retry_after } => match error.problem() {
            Problem::Certificate => Some(Duration::from_secs(60)),
            Problem::Connect
            | Problem::Timeout
            | Problem::Credentials
            | Problem::Forbidden
            | Problem::UnexpectedAnswer
            | Problem::ServerError
            | Problem::Rejected
            | Problem::NotFound => *retry_after,
        },
    }
}

/// Whether the next probe comes at a regular pace instead of a growing one: a
/// person mends it, and wants to see that soon.
pub fn is_regular(error: &Error) -> bool {
    match error.problem() {
        Problem::Credentials | Problem::Forbidden | Problem::Certificate => true,
        Problem::Connect
        | Problem::Timeout
        | Problem::UnexpectedAnswer
        | Problem::ServerError
        | Problem::Rejected
        | Problem::NotFound => false,
    }
}

/// When the next comparison is due: the first one anywhere in the interval, so
/// that servers which were started together are not compared together.
pub fn spread(interval: Duration, first: bool) -> Duration {
    if first {
        share(interval)
    } else {
        jittered(interval)
    }
}

/// Lists the machines of these tenants one after the other, and has them looked at.
pub async fn compare(
    picture: Arc<Server>,
    tenants: Vec<(TenantId, Vec<Key>)>,
    queues: Queues,
    pause: Duration,
) {
    for (tenant, machines) in tenants {
        if let Err(error) = picture.list_machines(&tenant).await {
            debug!(%error, "the machines of a tenant could not be compared");
            if !matches!(error.class(), Class::NotFound) {
                return;
            }
        }
        for machine in machines {
            queues.machines.wake(machine);
        }
        tokio::time::sleep(pause).await;
    }
}
