//! What a probe's outcome means: reason, message, and when the next one is due. Makes
//! no call itself.

use std::time::Duration;

use super::memory::Probe;
use crate::api::reasons;
use crate::controllers::servers::Handle;
use crate::viis::{Class, Error, Problem};

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
        | Problem::NotFound
        | Problem::Withheld => reasons::UNEXPECTED_ANSWER,
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
            | Problem::NotFound
            | Problem::Withheld => *retry_after,
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
        | Problem::NotFound
        | Problem::Withheld => false,
    }
}
