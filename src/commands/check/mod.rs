//! `viis-operator check`: whether the cluster and the Integration Servers are as the
//! operator needs them. It changes nothing, and every wait in it has an end.
//!
//! - `definitions`, `permissions`: the cluster; `servers`: a server, step by step
//! - `report`: what is printed; pure

mod definitions;
mod permissions;
mod report;
mod servers;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use futures::future::join_all;

use self::report::{Check, Kind, Output, Report};
use super::cluster::{Cluster, Error};
use super::event_loop;
use super::installation::Installation;

/// The options of `check`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Check this IntegrationServer alone; may be repeated. Without it: all of them
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<String>,

    #[command(flatten)]
    installation: Installation,

    /// How the outcome is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

/// Prints the checks. The exit status is 0 when none failed.
pub fn run(options: CheckOptions) -> ExitCode {
    let report = match event_loop::run(check(&options)) {
        Ok(checks) => Report::new(checks),
        Err(error) => return super::failed(&error),
    };
    let text = match report.print(options.output) {
        Ok(text) => text,
        Err(error) => return super::failed(&error),
    };
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match printed {
        Err(error) => super::failed(&error),
        Ok(()) if report.ok => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
    }
}

async fn check(options: &CheckOptions) -> Vec<Check> {
    let cluster = match Cluster::connect().await {
        Ok(cluster) => cluster,
        Err(error) => return vec![Check::failed(Kind::Kubernetes, "", format!("{error}."))],
    };
    let version = match cluster.version().await {
        Ok(version) => version,
        Err(error) => return vec![Check::failed(Kind::Kubernetes, "", format!("{error}."))],
    };
    let mut checks = vec![Check::ok(
        Kind::Kubernetes,
        "",
        format!("It answers; {version}."),
    )];
    checks.extend(definitions::check(&cluster).await);
    checks.extend(permissions::check(&cluster, &options.installation).await);
    checks.extend(servers(&cluster, options).await);
    checks
}

/// All servers at the same time: those that do not answer must not add up.
async fn servers(cluster: &Cluster, options: &CheckOptions) -> Vec<Check> {
    let found = match cluster.servers(None).await {
        Ok(found) => found,
        Err(error) => return vec![not_listed(&error)],
    };
    let is_wanted = |name: Option<&String>| {
        options.servers.is_empty() || name.is_some_and(|name| options.servers.contains(name))
    };
    let mut checks = Vec::new();
    for name in &options.servers {
        if !found
            .iter()
            .any(|server| server.metadata.name.as_ref() == Some(name))
        {
            let message = "There is no IntegrationServer of this name. Correct --server, or apply \
                           one.";
            checks.push(Check::failed(Kind::Server, name, message));
        }
    }
    if found.is_empty() && options.servers.is_empty() {
        let message = "There is no IntegrationServer yet. Apply one, see \
                       examples/integration-server.yaml.";
        checks.push(Check::skipped(Kind::Server, "", message));
    }
    let own = &options.installation.own.operator_namespace;
    let wanted = found
        .iter()
        .filter(|server| is_wanted(server.metadata.name.as_ref()));
    let looks = join_all(wanted.map(|server| servers::check(cluster, server, own))).await;
    checks.extend(looks.into_iter().flatten());
    checks
}

fn not_listed(error: &Error) -> Check {
    Check::failed(Kind::Server, "", format!("{error}."))
}
