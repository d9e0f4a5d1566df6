//! What the runs at one size share: an API server with etcd, the kinds, the namespaces
//! and the credentials. Fresh for each size.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Config};
use serde_json::json;

use super::process::{Process, Program};
use super::rules::{self, Rules};
use super::{Outcome, operator, workload};

/// The account's password on the simulator.
pub const PASSWORD: &str = "simulator";
/// The longest start of a program.
pub const START: Duration = Duration::from_secs(120);
/// An API server that uses less than this share of a core is idle.
const IDLE: f64 = 0.15;

/// See the head of this file.
pub struct ControlPlane {
    program: Program,
    /// A client with all permissions.
    pub client: Client,
    /// For programs with all permissions.
    pub kubeconfig: PathBuf,
    api_server: Process,
    other_parts: [Process; 2],
}

/// The program; built the first time, which takes minutes.
pub fn program() -> Outcome<PathBuf> {
    operator::built_by("/tests/controlplane/build.sh")
}

impl ControlPlane {
    /// Starts one.
    pub async fn start(program: &Path, folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder)?;
        let mut command = Command::new(program);
        // For `make profile`; without a request for a profile it costs nothing.
        command.args([
            "run",
            "--exit-with-stdin",
            "--apiserver-flag=--profiling=true",
        ]);
        command.arg("--dir");
        command.arg(folder.join("control-plane"));
        let mut program = Program::start(&mut command, &folder.join("control-plane.log"))?;
        let announced = program.announcement(START)?;
        let kubeconfig = announced["kubeconfig"].as_str();
        let kubeconfig: PathBuf = kubeconfig.ok_or("no kubeconfig is announced")?.into();
        let config = Config::from_custom_kubeconfig(
            Kubeconfig::read_from(&kubeconfig)?,
            &KubeConfigOptions::default(),
        )
        .await?;
        let client = Client::try_from(config)?;
        install(&client).await?;
        workload::warm_up(&client).await?;
        let part = |word: &str| program.process().child(word);
        Ok(Self {
            api_server: part(" kube-apiserver")?,
            other_parts: [part(" etcd")?, part(" kube-controller-manager")?],
            program,
            client,
            kubeconfig,
        })
    }

    /// CPU seconds of the API server so far.
    pub fn api_server_cpu(&self) -> Outcome<f64> {
        self.api_server.cpu()
    }

    /// CPU seconds of everything else in it so far.
    pub fn other_cpu(&self) -> Outcome<f64> {
        let [etcd, manager] = self.other_parts;
        Ok(etcd.cpu()? + manager.cpu()? + self.program.process().cpu()?)
    }

    /// Has the CRDs validate with these rules from now on.
    pub async fn use_rules(&self, rules: Rules) -> Outcome<()> {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        for mut crd in viis_operator::api::crds::all() {
            if rules == Rules::None {
                crd = rules::stripped(&crd)?;
            }
            let name = crd.metadata.name.clone().unwrap_or_default();
            let current = crds.get(&name).await?;
            crd.metadata.resource_version = current.metadata.resource_version;
            crds.replace(&name, &PostParams::default(), &crd).await?;
        }
        // The API server takes a new definition over a moment later.
        let deadline = Instant::now() + START;
        while workload::rules_apply(&self.client).await? != [rules == Rules::All; 2] {
            if Instant::now() > deadline {
                return Err("the API server does not take the CRDs over".into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Waits until the API server is idle, so that no run pays for the one before.
    pub async fn calm_down(&self) -> Outcome<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            let before = self.api_server_cpu()?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.api_server_cpu()? - before < IDLE {
                return Ok(());
            }
        }
        eprintln!("bench: the API server does not become idle");
        Ok(())
    }
}

/// The kinds, the namespaces, and the Secret with the credentials.
async fn install(client: &Client) -> Outcome<()> {
    let params = PostParams::default();
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in viis_operator::api::crds::all() {
        let created = crds.create(&params, &crd).await?;
        let name = created.metadata.name.unwrap_or_default();
        let waited = await_condition(crds.clone(), &name, conditions::is_crd_established());
        tokio::time::timeout(START, waited).await??;
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in [workload::NAMESPACE, operator::NAMESPACE] {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        namespaces.create(&params, &namespace).await?;
    }
    let secret = serde_json::from_value(json!({
        "metadata": {"name": workload::CREDENTIALS},
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": "multitenancy", "password": PASSWORD},
    }))?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), operator::NAMESPACE);
    secrets.create(&params, &secret).await?;
    Ok(())
}
