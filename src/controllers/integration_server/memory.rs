//! What this process remembers of an IntegrationServer.

use tokio::time::Instant;

use super::ca_bundle::CaBundle;
use crate::controllers::backoff::Backoff;
use crate::controllers::context::Remember;

/// What this process remembers of an IntegrationServer.
#[derive(Default)]
pub struct Memory {
    /// The last probe.
    pub probe: Option<Probe>,
    /// The pauses after failed probes.
    pub backoff: Backoff,
    /// Since when the server answers.
    pub up_since: Option<Instant>,
    /// When a complete comparison is due, spread out between servers.
    pub resync_at: Option<Instant>,
    /// The `requested-at` annotation that was honoured.
    pub requested_at: Option<String>,
    /// The resourceVersion of the last write: an older view is stale.
    pub written: Option<String>,
    /// Since when counts alone wait to be written.
    pub unwritten: Option<Instant>,
    /// The Secret is missing, and the credentials in memory serve.
    pub secret_missing: Option<Lack>,
    /// What `tls.caBundleRef` led to.
    pub ca_bundle: Option<CaBundle>,
    /// What it names is missing, and the certificates in memory serve.
    pub ca_bundle_missing: Option<Lack>,
    /// The last thing that was said as an event.
    pub said: Option<String>,
}

/// Why a Secret or ConfigMap cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is none.
    Gone,
    /// The operator may not read it.
    Forbidden,
}

/// What the last probe showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// It answered as it should.
    pub reachable: bool,
    /// The reason of the condition `Reachable`.
    pub reason: &'static str,
    /// What to do.
    pub message: String,
}

impl Remember for Memory {
    /// Never: there are few of these.
    fn is_empty(&self) -> bool {
        false
    }
}
