//! The cluster as the demo's user sees it: through kubectl, and by watching the
//! three kinds.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use viis_operator::api::{IntegrationServer, Tenant, VirtualMachine};

use crate::Failure;

/// A cluster that runs.
pub struct Cluster {
    /// Its administrator's.
    pub kubeconfig: PathBuf,
    /// The kubectl that fits it.
    pub kubectl: PathBuf,
    client: Client,
}

/// All resources of our kinds at one moment.
#[derive(Default)]
pub struct Look {
    /// IntegrationServers.
    pub servers: Vec<IntegrationServer>,
    /// Tenants of all namespaces.
    pub tenants: Vec<Tenant>,
    /// VirtualMachines of all namespaces.
    pub machines: Vec<VirtualMachine>,
}

impl Cluster {
    /// The cluster that was announced.
    pub async fn connect(announcement: &Value) -> Result<Self, Failure> {
        let path = |field: &str| {
            announcement[field]
                .as_str()
                .map(PathBuf::from)
                .ok_or_else(|| Failure(format!("the cluster does not say its {field}")))
        };
        let (kubeconfig, kubectl) = (path("kubeconfig")?, path("kubectl")?);
        let client = client(&kubeconfig)
            .await
            .map_err(|error| Failure(format!("cannot use {}: {error}", kubeconfig.display())))?;
        Ok(Self {
            kubeconfig,
            kubectl,
            client,
        })
    }

    /// Runs kubectl to its end; what it printed.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.command(arguments).output().await;
        printed(arguments, output)
    }

    /// Gives kubectl a manifest on standard input; what it printed.
    pub async fn kubectl_with_input(
        &self,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, Failure> {
        let mut command = self.command(arguments);
        let broken = |error| Failure(format!("kubectl does not run: {error}"));
        let mut process = command.stdin(Stdio::piped()).spawn().map_err(broken)?;
        if let Some(mut stdin) = process.stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(broken)?;
        }
        printed(arguments, process.wait_with_output().await)
    }

    /// Starts kubectl in the background.
    pub fn kubectl_in_background(&self, arguments: &[&str]) -> Result<Child, Failure> {
        self.command(arguments)
            .spawn()
            .map_err(|error| Failure(format!("kubectl does not run: {error}")))
    }

    /// All resources of our kinds.
    pub async fn look(&self) -> kube::Result<Look> {
        let everything = Default::default();
        let servers = Api::<IntegrationServer>::all(self.client.clone());
        let tenants = Api::<Tenant>::all(self.client.clone());
        let machines = Api::<VirtualMachine>::all(self.client.clone());
        let (servers, tenants, machines) = futures::try_join!(
            servers.list(&everything),
            tenants.list(&everything),
            machines.list(&everything)
        )?;
        Ok(Look {
            servers: servers.items,
            tenants: tenants.items,
            machines: machines.items,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("KUBECONFIG", &self.kubeconfig)
            // Nothing of its user's own settings, and no traces beside them.
            .env("KUBERC", "off")
            .env(
                "KUBECACHEDIR",
                self.kubeconfig.with_file_name("kubectl-cache"),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

impl Look {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.servers.len() + self.tenants.len() + self.machines.len()
    }
}

/// What kubectl printed, or why it failed.
pub fn printed(arguments: &[&str], output: std::io::Result<Output>) -> Result<String, Failure> {
    let command = arguments.join(" ");
    let output =
        output.map_err(|error| Failure(format!("kubectl {command} does not run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Failure(format!(
        "kubectl {command} failed:\n{}",
        complaint.trim_end()
    )))
}

async fn client(kubeconfig: &Path) -> Result<Client, Box<dyn std::error::Error>> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
