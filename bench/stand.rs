//! What one part runs on: a control plane, a simulator and an operator, all of
//! them fresh, with the kinds installed and the IntegrationServer Ready.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::DynamicObject;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use super::process::{Process, Program};
use super::progress::Progress;
use super::settings::{
    ACTIVATION, CONCURRENT_TASKS, CREATION, DELETION, LATENCY, Options, PATIENCE, RESYNC,
};
use super::{Outcome, workload};

const PASSWORD: &str = "simulator";
const OPERATOR_NAMESPACE: &str = "viis-system";
/// The longest start of a program.
const START: Duration = Duration::from_secs(60);
/// A control plane that uses less than this share of a core has nothing to do.
const IDLE: f64 = 0.15;

/// See the head of this file. The fields are dropped in this order.
pub struct Stand {
    operator: Program,
    simulator: Program,
    control_plane: Program,
    /// The simulator's control endpoint.
    pub control: String,
    /// A client with everybody's rights.
    pub client: Client,
}

/// CPU seconds so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// The operator.
    pub operator: f64,
    /// The API server.
    pub api_server: f64,
    /// etcd and the controller manager.
    pub other_parts: f64,
    /// The simulator.
    pub simulator: f64,
    /// This program.
    pub driver: f64,
    /// All processes of the machine.
    pub machine: f64,
}

/// The control plane's program; built the first time, which takes minutes.
pub fn control_plane_program() -> Outcome<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/controlplane/build.sh");
    let output = Command::new("sh")
        .arg(script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{script} failed").into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().last().unwrap_or_default().trim().into())
}

impl Stand {
    /// Starts everything, and waits until nothing moves any more.
    pub async fn start(options: &Options, program: &Path, folder: &Path) -> Outcome<Self> {
        let (control_plane, client, kubeconfig) = control_plane(program, folder).await?;
        install(&client).await?;
        let (simulator, said) = simulator(options, folder)?;
        // As users run it, unless somebody looks for something.
        let levels = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
        let mut operator = Command::new(&options.operator);
        operator
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", levels)
            .args(["run", "--operator-namespace", OPERATOR_NAMESPACE])
            .args(["--metrics-address", "127.0.0.1:0"]);
        let mut operator = Program::start(&mut operator, &folder.join("operator.log"), true)?;
        operator.silence();
        let stand = Self {
            operator,
            simulator,
            control_plane,
            control: said["control"].as_str().unwrap_or_default().to_owned(),
            client,
        };
        stand.serve(&said).await?;
        workload::warm_up(&stand.client).await?;
        stand.calm_down().await;
        Ok(stand)
    }

    /// Makes the IntegrationServer, and waits until it is Ready.
    async fn serve(&self, said: &Value) -> Outcome<()> {
        let manifest = workload::integration_server(
            said["address"].as_str().unwrap_or_default(),
            said["port"].as_u64().unwrap_or_default(),
            said["fingerprintSHA256"].as_str().unwrap_or_default(),
            &format!("{}s", RESYNC.as_secs()),
        );
        let kind = workload::kind("IntegrationServer");
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
        let object: DynamicObject = serde_json::from_value(manifest)?;
        api.create(&PostParams::default(), &object).await?;
        let ready = |object: Option<&DynamicObject>| {
            let conditions = object.and_then(|o| o.data.pointer("/status/conditions")?.as_array());
            conditions.is_some_and(|conditions| {
                let is = |c: &Value| c["type"] == "Ready" && c["status"] == "True";
                conditions.iter().any(is)
            })
        };
        let waited = await_condition(api, workload::SERVER, ready);
        tokio::time::timeout(PATIENCE, waited)
            .await
            .map_err(|_| "the IntegrationServer does not become Ready; see the operator's log")??;
        Ok(())
    }

    /// Waits until the control plane has done what a new kind makes it do.
    async fn calm_down(&self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline {
            let before = self.cpu();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let after = self.cpu();
            if after.api_server - before.api_server < IDLE {
                return;
            }
        }
    }

    /// Follows the objects of our namespaced kinds.
    pub fn progress(&self) -> Progress {
        let kinds = ["Tenant", "VirtualMachine"].map(workload::kind);
        Progress::follow(&self.client, workload::NAMESPACE, &kinds)
    }

    /// The operator's process.
    pub fn operator(&self) -> Process {
        self.operator.process()
    }

    /// What everybody used so far.
    pub fn cpu(&self) -> Cpu {
        let plane = self.control_plane.process();
        let of = |word: &str| plane.child(word).map_or(0.0, Process::cpu);
        Cpu {
            operator: self.operator.process().cpu(),
            api_server: of(" kube-apiserver"),
            other_parts: of(" etcd") + of(" kube-controller-manager"),
            simulator: self.simulator.process().cpu(),
            driver: Process::own().cpu(),
            machine: super::Machine::busy(),
        }
    }
}

impl Cpu {
    /// What was used between two moments.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            operator: self.operator - before.operator,
            api_server: self.api_server - before.api_server,
            other_parts: self.other_parts - before.other_parts,
            simulator: self.simulator - before.simulator,
            driver: self.driver - before.driver,
            machine: self.machine - before.machine,
        }
    }

    /// What programs used that have nothing to do with this.
    pub fn strangers(&self) -> f64 {
        let ours =
            self.operator + self.api_server + self.other_parts + self.simulator + self.driver;
        (self.machine - ours).max(0.0)
    }
}

async fn control_plane(program: &Path, folder: &Path) -> Outcome<(Program, Client, PathBuf)> {
    let mut command = Command::new(program);
    command.args(["run", "--exit-with-stdin", "--dir"]);
    command.arg(folder.join("control-plane"));
    let mut process = Program::start(&mut command, &folder.join("control-plane.log"), false)?;
    let said = process.announcement(START * 2)?;
    let kubeconfig: PathBuf = said["kubeconfig"].as_str().unwrap_or_default().into();
    let config = Config::from_custom_kubeconfig(
        Kubeconfig::read_from(&kubeconfig)?,
        &KubeConfigOptions::default(),
    )
    .await?;
    Ok((process, Client::try_from(config)?, kubeconfig))
}

fn simulator(options: &Options, folder: &Path) -> Outcome<(Program, Value)> {
    let milliseconds = |time: Duration| format!("{}ms", time.as_millis());
    let mut command = Command::new(&options.simulator);
    command
        .args(["--exit-with-stdin", "--password", PASSWORD])
        .args(["--concurrent-tasks", &CONCURRENT_TASKS.to_string()])
        .args(["--create-duration", &milliseconds(CREATION)])
        .args(["--activate-duration", &milliseconds(ACTIVATION)])
        .args(["--delete-duration", &milliseconds(DELETION)])
        .args(["--latency", &milliseconds(LATENCY)]);
    let mut process = Program::start(&mut command, &folder.join("simulator.log"), false)?;
    let said = process.announcement(START)?;
    Ok((process, said))
}

/// The kinds, the namespaces, and the Secret with the credentials.
async fn install(client: &Client) -> Outcome<()> {
    let params = PostParams::default();
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in viis_operator::api::crds::all() {
        let made = crds.create(&params, &crd).await?;
        let name = made.metadata.name.unwrap_or_default();
        let waited = await_condition(crds.clone(), &name, conditions::is_crd_established());
        tokio::time::timeout(START, waited).await??;
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in [workload::NAMESPACE, OPERATOR_NAMESPACE] {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        namespaces.create(&params, &namespace).await?;
    }
    let secret = serde_json::from_value(json!({
        "metadata": {"name": "viis-main"},
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": "multitenancy", "password": PASSWORD},
    }))?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    secrets.create(&params, &secret).await?;
    Ok(())
}
