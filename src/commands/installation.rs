//! Options that several commands take: which installation of the operator is meant.

use clap::Args;

/// Where an installation is.
#[derive(Debug, Args)]
pub struct OwnNamespace {
    /// The namespace of this installation: the credentials of the Integration
    /// Servers are read here
    #[arg(
        long,
        env = "VIIS_OPERATOR_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "viis-system",
        value_parser = dns_label,
    )]
    pub operator_namespace: String,
}

/// Who an installation is, and what it serves.
#[derive(Debug, Args)]
pub struct Installation {
    /// Watch this namespace alone; may be repeated. Without it: all namespaces
    #[arg(
        long = "watch-namespace",
        env = "VIIS_WATCH_NAMESPACE",
        value_name = "NAMESPACE",
        value_delimiter = ',',
        value_parser = namespace_or_blank,
    )]
    watch_namespaces: Vec<String>,

    #[command(flatten)]
    pub own: OwnNamespace,

    /// The name of this installation. With the namespace it says who serves an
    /// IntegrationServer, so it must stay the same
    #[arg(
        long,
        env = "VIIS_OPERATOR_NAME",
        value_name = "NAME",
        default_value = "viis-operator",
        value_parser = dns_label,
    )]
    pub operator_name: String,

    /// Of several processes of one installation only the one that holds the Lease of
    /// its name works, the others stand by
    #[arg(long, env = "VIIS_LEADER_ELECTION")]
    pub leader_election: bool,
}

impl Installation {
    /// The namespaces that are served, each once; none: all.
    pub fn watched(&self) -> Vec<String> {
        let mut watched = self.watch_namespaces.clone();
        watched.retain(|name| !name.is_empty());
        watched.sort_unstable();
        watched.dedup();
        watched
    }
}

/// A DNS label (RFC 1123), as Kubernetes wants namespaces to be.
pub fn dns_label(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let outer = |c: char| inner(c) && c != '-';
    if (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && text.starts_with(outer)
        && text.ends_with(outer)
    {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 63 lower-case letters, digits and '-', not '-' at an end".to_owned())
    }
}

/// Blanks are let through, and mean nothing: an environment variable that is
/// set to nothing, or a comma at the end of a list.
fn namespace_or_blank(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Ok(String::new()),
        name => dns_label(name),
    }
}
