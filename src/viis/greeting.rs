//! Meets a server without an account: does it answer, and with which certificate. One
//! request, without credentials, and only after the certificate was trusted.

use url::Url;

use super::certificate::CertificateRefused;
use super::settings::{ConfigurationError, Endpoint, Fingerprint, Timeouts, Trust};
use super::transport::{http, no_connection, root_cause, server_url};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// How far it went.
    pub outcome: Greeted,
    /// Of the certificate that the server presented, trusted or not.
    pub presented: Option<Fingerprint>,
}

/// How far it went. Each text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeted {
    /// It answers in HTTP, and its certificate is trusted.
    Answered,
    /// It presented a certificate that is not trusted; nothing was sent.
    Distrusted(String),
    /// Its certificate is trusted, and no answer came.
    Silent(String),
    /// There is no connection.
    Unreachable(String),
}

/// Connects, and asks for the root of the server, which needs no account: any answer will
/// do, and its body is not read.
///
/// # Errors
/// Settings that can never work. The sentence says what to change.
pub async fn greet(
    endpoint: &Endpoint,
    trust: &Trust,
    proxy: Option<&Url>,
    timeouts: Timeouts,
) -> Result<Greeting, ConfigurationError> {
    let (http, presented) = http(trust, proxy, timeouts.connect)?;
    let url = server_url(endpoint)?;
    let answer = http.get(url).timeout(timeouts.call).send().await;
    let outcome = match answer {
        Ok(_) => Greeted::Answered,
        Err(error) => match CertificateRefused::find(&error) {
            Some(refused) => Greeted::Distrusted(refused),
            None if error.is_connect() || error.is_builder() => {
                Greeted::Unreachable(no_connection(endpoint, &error, timeouts.connect))
            }
            None => Greeted::Silent(silence(endpoint, &error, timeouts)),
        },
    };
    Ok(Greeting {
        outcome,
        presented: presented.last(),
    })
}

fn silence(endpoint: &Endpoint, error: &reqwest::Error, timeouts: Timeouts) -> String {
    let why = if error.is_timeout() {
        format!(
            "there was no answer within {} s",
            timeouts.call.as_secs_f32()
        )
    } else {
        root_cause(error)
    };
    format!(
        "{endpoint} takes connections and does not answer: {why}. Check whether the Integration \
         Server listens at this address and port, and whether it works."
    )
}
