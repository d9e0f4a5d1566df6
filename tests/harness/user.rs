//! What a user does: applies manifests, runs kubectl and the operator's commands.

use super::manifests::Manifest;
use super::plane::says_that_it_skips;
use super::stand::{Stand, ours, resource_of};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

impl Stand {
    /// Server-side apply. Open fields are filled in: namespace and server.
    pub async fn apply(&self, manifests: impl IntoIterator<Item = Manifest>) {
        for manifest in manifests {
            let text = format!("{:?}", manifest.0);
            let applied = self.try_apply(manifest).await;
            assert!(applied.is_ok(), "{applied:?}\n{text}");
        }
    }

    /// Server-side apply that may be refused.
    pub async fn try_apply(&self, manifest: Manifest) -> kube::Result<DynamicObject> {
        let manifest = match manifest.kind() {
            "Tenant" => manifest.or("spec.integrationServerRef.name", &self.server),
            _ => manifest,
        };
        let parameters = PatchParams::apply("tests").force();
        let resource = resource_of(manifest.0["apiVersion"].as_str().unwrap(), manifest.kind());
        let namespace = manifest.0["metadata"]["namespace"].as_str();
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => self.api_of(manifest.kind(), &resource),
        };
        api.patch(manifest.name(), &parameters, &Patch::Apply(&manifest.0))
            .await
    }

    /// Creation of one of our kinds, in the stand's namespace, else as it stands.
    pub async fn create(&self, manifest: Manifest) -> kube::Result<DynamicObject> {
        let manifest = manifest.without("metadata.namespace");
        let object = serde_json::from_value(manifest.0.clone()).unwrap();
        self.our_api(manifest.kind())
            .create(&Default::default(), &object)
            .await
    }

    /// A merge patch of one of our kinds or of its status.
    pub async fn patch(
        &self,
        kind: &str,
        name: &str,
        status: bool,
        change: serde_json::Value,
    ) -> kube::Result<DynamicObject> {
        let (api, parameters) = (self.our_api(kind), PatchParams::default());
        match status {
            true => {
                api.patch_status(name, &parameters, &Patch::Merge(change))
                    .await
            }
            false => api.patch(name, &parameters, &Patch::Merge(change)).await,
        }
    }

    /// One of our kinds, if it is there.
    pub async fn find(&self, kind: &str, name: &str) -> Option<DynamicObject> {
        self.our_api(kind).get_opt(name).await.unwrap()
    }

    /// `kubectl replace` with a manifest that has neither finalizers nor annotations. Returns
    /// the finalizers that it takes off; None when the object is not there or is being deleted.
    pub async fn replace(&self, kind: &str, name: &str) -> Option<Vec<String>> {
        let api = self.our_api(kind);
        loop {
            let mut object = self.find(kind, name).await?;
            if object.metadata.deletion_timestamp.is_some() {
                return None;
            }
            let finalizers = object.metadata.finalizers.take();
            object.metadata.annotations = None;
            object.metadata.managed_fields = None;
            match api.replace(name, &Default::default(), &object).await {
                // Another client was faster, as kubectl's own retry assumes.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                replaced => {
                    replaced.unwrap();
                    return Some(finalizers.unwrap_or_default());
                }
            }
        }
    }

    /// Deletes what may be gone already.
    pub async fn remove_if_there(&self, kind: &str, name: &str) {
        match self.our_api(kind).delete(name, &Default::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => drop(deleted.unwrap()),
        }
    }

    fn our_api(&self, kind: &str) -> Api<DynamicObject> {
        self.api_of(kind, &ours(kind))
    }

    fn api_of(&self, kind: &str, resource: &ApiResource) -> Api<DynamicObject> {
        match kind {
            "IntegrationServer"
            | "Namespace"
            | "CustomResourceDefinition"
            | "ClusterRole"
            | "ClusterRoleBinding" => Api::all_with(self.client.clone(), resource),
            _ => Api::namespaced_with(self.client.clone(), &self.namespace, resource),
        }
    }

    /// The real kubectl, in the stand's namespace; its output when it succeeded.
    pub async fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_kubectl(arguments, input).await;
        output.unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"))
    }

    pub async fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let plane = self.lease.plane();
        let mut command = tokio::process::Command::new(&plane.kubectl);
        command
            .arg("--kubeconfig")
            .arg(&plane.kubeconfig)
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .env("HOME", env!("CARGO_TARGET_TMPDIR"));
        run(&mut command, input).await
    }

    /// The control plane program under another name; nothing on a foreign cluster, which
    /// is said.
    pub async fn control_plane(
        &self,
        arguments: &[&str],
        input: &str,
    ) -> Option<Result<String, String>> {
        let Some(program) = self.lease.plane().program.as_ref() else {
            says_that_it_skips("the control plane is not ours");
            return None;
        };
        Some(run(tokio::process::Command::new(program).args(arguments), input).await)
    }

    /// kubectl, for who starts it otherwise.
    pub fn kubectl_program(&self) -> &Path {
        &self.lease.plane().kubectl
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.lease.plane().kubeconfig
    }

    /// The operator's binary with another command.
    pub async fn command(&self, arguments: &[&str]) -> Result<String, String> {
        let both = self.command_with_errors(arguments).await?;
        Ok(both.0)
    }

    /// The same: standard output and standard error, or both after each other.
    pub async fn command_with_errors(
        &self,
        arguments: &[&str],
    ) -> Result<(String, String), String> {
        self.command_behind(&self.lease.plane().kubeconfig, arguments)
            .await
    }

    /// A kubeconfig like the stand's, for whoever has this token.
    pub fn kubeconfig_with_token(&self, token: &str) -> tempfile::NamedTempFile {
        let text = std::fs::read_to_string(&self.lease.plane().kubeconfig).unwrap();
        let mut kubeconfig: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        for user in kubeconfig["users"].as_array_mut().unwrap() {
            user["user"] = serde_json::json!({"token": token});
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), kubeconfig.to_string()).unwrap();
        file
    }

    /// The same, with another way to the API server.
    pub async fn command_behind(
        &self,
        kubeconfig: &Path,
        arguments: &[&str],
    ) -> Result<(String, String), String> {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_viis-operator"));
        command.env("KUBECONFIG", kubeconfig).args(arguments);
        run_with_errors(&mut command, "").await
    }
}

async fn run(command: &mut tokio::process::Command, input: &str) -> Result<String, String> {
    let both = run_with_errors(command, input).await?;
    Ok(both.0)
}

async fn run_with_errors(
    command: &mut tokio::process::Command,
    input: &str,
) -> Result<(String, String), String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok((text(&output.stdout), text(&output.stderr))),
        false => Err(format!("{}{}", text(&output.stdout), text(&output.stderr))),
    }
}
