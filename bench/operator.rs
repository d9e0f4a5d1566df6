//! The two operators: how each is built and started, and what its metrics are called.
//! Knows nothing of what is measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Outcome;
use super::row::OperatorName;

/// The namespace with the servers' credentials.
pub const NAMESPACE: &str = "viis-system";

/// The programs.
pub struct Programs {
    product: PathBuf,
    comparator: PathBuf,
}

impl Programs {
    /// Builds what is not there yet; the first time that takes minutes.
    pub fn build(product: &Path) -> Outcome<Self> {
        Ok(Self {
            product: product.to_owned(),
            comparator: built_by("/bench/comparator/build.sh")?,
        })
    }

    /// The command that starts an operator as users run it.
    pub fn command(&self, operator: OperatorName, kubeconfig: &Path, metrics: &str) -> Command {
        let mut command = match operator {
            OperatorName::Product => {
                let levels = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
                let mut command = Command::new(&self.product);
                command.env("RUST_LOG", levels).arg("run");
                command
            }
            OperatorName::Comparator => {
                let mut command = Command::new(&self.comparator);
                // No client-side limit, which is controller-runtime's default.
                command.arg("--kube-api-qps=-1");
                command
            }
        };
        command
            .env("KUBECONFIG", kubeconfig)
            .args(["--operator-namespace", NAMESPACE])
            .args(["--metrics-address", metrics]);
        command
    }
}

impl OperatorName {
    /// The counter of its reconciles.
    pub fn reconcile_counter(self) -> &'static str {
        match self {
            Self::Product => "viis_operator_reconciles_total",
            Self::Comparator => "controller_runtime_reconcile_total",
        }
    }

    /// The counter's label that names the controller.
    pub fn controller_label(self) -> &'static str {
        match self {
            Self::Product => "kind",
            Self::Comparator => "controller",
        }
    }
}

/// The program that a script of this repository builds; its last line says where it is.
pub fn built_by(script: &str) -> Outcome<PathBuf> {
    let script = format!("{}{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("sh")
        .arg(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    match text.lines().last() {
        Some(path) if output.status.success() => Ok(path.trim().into()),
        _ => Err(format!("{script} failed").into()),
    }
}
