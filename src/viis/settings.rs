//! What a connection needs: where, who, whom to trust, how long to wait. No I/O.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

/// Where an Integration Server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// An IP address or a DNS name, without scheme, port or path.
    pub address: String,
    /// The TCP port, 7271 by default on the server's side.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') && !self.address.starts_with('[') {
            write!(f, "[{}]:{}", self.address, self.port)
        } else {
            write!(f, "{}:{}", self.address, self.port)
        }
    }
}

/// The account of the Integration Server that the calls are made with.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub(super) user: String,
    pub(super) password: SecretString,
}

impl Credentials {
    /// The account's name (`multitenancy` is the built-in one) and password.
    pub fn new(user: impl Into<String>, password: SecretString) -> Self {
        Self {
            user: user.into(),
            password,
        }
    }
}

/// The SHA-256 fingerprint of a certificate (of its DER form).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER form.
    pub fn of_der(der: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(der).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no SHA-256 fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 fingerprint is 64 hexadecimal digits, with or without colons")]
pub struct InvalidFingerprint;

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Hexadecimal in any case, colons optional.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = text.trim().chars().filter(|letter| *letter != ':');
        let mut bytes = [0u8; 32];
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|letter| letter.to_digit(16));
            let (high, low) = (digit(), digit());
            let (Some(high), Some(low)) = (high, low) else {
                return Err(InvalidFingerprint);
            };
            *byte = u8::try_from(high * 16 + low).map_err(|_| InvalidFingerprint)?;
        }
        if digits.next().is_some() {
            return Err(InvalidFingerprint);
        }
        Ok(Self(bytes))
    }
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The certificates of this machine's trust store.
    SystemRoots,
    /// Only these certificates, as PEM. The name or address must match.
    CaBundle(String),
    /// Exactly these leaf certificates, whatever their name, issuer and dates.
    Fingerprints(Vec<Fingerprint>),
}

/// How long to wait. Waiting for the pace counts in none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For name resolution, TCP and TLS together.
    pub connect: Duration,
    /// For one call, from sending to the end of the answer.
    pub call: Duration,
    /// The same for a call that lists.
    pub list: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(30),
            list: Duration::from_secs(120),
        }
    }
}

/// Whether anything may be changed on the server at this moment: asked before each
/// call that would.
#[derive(Clone)]
pub struct Permit(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permit {
    /// Asks this.
    pub fn asking(may_change: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(may_change))
    }

    /// The answer now.
    pub(super) fn holds(&self) -> bool {
        (self.0)()
    }
}

impl Default for Permit {
    /// Always.
    fn default() -> Self {
        Self::asking(|| true)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.holds()).finish()
    }
}

/// Everything that a client needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// The account.
    pub credentials: Credentials,
    /// Whom to trust.
    pub trust: Trust,
    /// An `http://` proxy, without credentials. The environment's is never used.
    pub proxy: Option<url::Url>,
    /// The pace of calls; as many may go at once after a pause.
    pub requests_per_second: NonZeroU32,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Whether anything may be changed.
    pub permit: Permit,
}

/// Which setting a client cannot be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Where the server listens.
    Endpoint,
    /// The account.
    Credentials,
    /// Whom to trust.
    Trust,
    /// The proxy.
    Proxy,
}

/// The settings cannot make a client. The sentence says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigurationError {
    setting: Setting,
    message: String,
}

impl ConfigurationError {
    pub(super) fn new(setting: Setting, message: impl Into<String>) -> Self {
        Self {
            setting,
            message: message.into(),
        }
    }

    /// Which setting it is.
    pub fn setting(&self) -> Setting {
        self.setting
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_timeouts_are_those_of_the_design() {
        let Timeouts {
            connect,
            call,
            list,
        } = Timeouts::default();
        assert_eq!(
            [connect, call, list].map(|time| time.as_secs()),
            [5, 30, 120]
        );
    }

    #[rstest]
    #[case("viis.example.net", "viis.example.net:7271")]
    #[case("10.0.0.5", "10.0.0.5:7271")]
    #[case("::1", "[::1]:7271")]
    #[case("[::1]", "[::1]:7271")]
    fn an_endpoint_is_shown_with_its_port(#[case] address: &str, #[case] expected: &str) {
        let endpoint = Endpoint {
            address: address.into(),
            port: 7271,
        };
        assert_eq!(endpoint.to_string(), expected);
    }

    #[test]
    fn a_fingerprint_is_read_in_any_form_and_shown_in_one() {
        let colons = ["AB"; 32].join(":");
        for text in [colons.clone(), colons.to_lowercase(), "aB".repeat(32)] {
            let fingerprint: Fingerprint = text.parse().unwrap();
            assert_eq!(fingerprint.to_string(), colons);
        }
    }

    #[rstest]
    #[case("")]
    #[case("AB")]
    #[case(&"AB".repeat(33))]
    #[case(&"AG".repeat(32))]
    #[case(&"é".repeat(64))]
    fn what_is_no_fingerprint_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Fingerprint>(), Err(InvalidFingerprint));
    }

    #[test]
    fn no_password_in_debug() {
        let credentials = Credentials::new("multitenancy", SecretString::from("s3cret-word"));
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }
}
