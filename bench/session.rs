//! What each run starts for itself: a simulator, an operator, and an IntegrationServer
//! that is Ready.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kube::core::DynamicObject;
use kube::runtime::wait::{await_condition, conditions};
use serde_json::Value;

use super::control_plane::{ControlPlane, PASSWORD, START};
use super::operator::Programs;
use super::process::{Process, Program};
use super::row::OperatorName;
use super::scenario::{ACTIVATION, CREATION, DELETION, LATENCY, SERVER_TASKS, Step};
use super::{Outcome, workload};

/// See the head of this file. The programs end in this order.
pub struct Session {
    operator: Program,
    simulator: Program,
    /// The simulator's control endpoint.
    pub control: String,
    /// The address of the operator's metrics.
    pub metrics: String,
    /// Which operator runs.
    pub name: OperatorName,
    servers: Api<DynamicObject>,
}

impl Session {
    /// Starts both, and waits until the IntegrationServer is Ready.
    pub async fn start(
        plane: &ControlPlane,
        programs: &Programs,
        simulator: &Path,
        folder: &Path,
        step: Step,
    ) -> Outcome<Self> {
        let name = step.operator;
        let (simulator, announced) = start_simulator(simulator, folder)?;
        let metrics = free_address()?;
        let mut command = programs.command(name, &plane.kubeconfig, &metrics);
        let mut operator =
            Program::start_watched(&mut command, &folder.join(format!("{}.log", name.title())))?;
        operator.discard_output();
        let control = announced["control"].as_str();
        let kind = workload::kind("IntegrationServer");
        let session = Self {
            operator,
            simulator,
            control: control
                .ok_or("no control endpoint is announced")?
                .to_owned(),
            metrics,
            name,
            servers: Api::all_with(plane.client.clone(), &kind),
        };
        session.serve(&announced, step.concurrent_tasks).await?;
        Ok(session)
    }

    /// Creates the IntegrationServer, and waits until it is Ready.
    async fn serve(&self, announced: &Value, concurrent_tasks: usize) -> Outcome<()> {
        let manifest = workload::integration_server(announced, concurrent_tasks);
        let object: DynamicObject = serde_json::from_value(manifest)?;
        self.servers.create(&PostParams::default(), &object).await?;
        let ready = |object: Option<&DynamicObject>| {
            let conditions = object.and_then(|o| o.data.pointer("/status/conditions")?.as_array());
            conditions.is_some_and(|conditions| {
                let is = |c: &Value| c["type"] == "Ready" && c["status"] == "True";
                conditions.iter().any(is)
            })
        };
        let waited = await_condition(self.servers.clone(), workload::SERVER, ready);
        let waited = tokio::time::timeout(START, waited).await;
        waited.map_err(|_| "the IntegrationServer does not become Ready; see the logs")??;
        Ok(())
    }

    /// Deletes the IntegrationServer while the operator can still answer for it, then
    /// ends both programs.
    pub async fn end(self) -> Outcome<()> {
        let server = self.servers.get(workload::SERVER).await?;
        let uid = server.metadata.uid.unwrap_or_default();
        let params = DeleteParams::default();
        self.servers.delete(workload::SERVER, &params).await?;
        let gone = conditions::is_deleted(&uid);
        let waited = await_condition(self.servers.clone(), workload::SERVER, gone);
        let waited = tokio::time::timeout(START, waited).await;
        waited.map_err(|_| "the IntegrationServer is not deleted; see the logs")??;
        Ok(())
    }

    /// The operator's process.
    pub fn operator(&self) -> Process {
        self.operator.process()
    }

    /// The simulator's process.
    pub fn simulator(&self) -> Process {
        self.simulator.process()
    }
}

fn start_simulator(program: &Path, folder: &Path) -> Outcome<(Program, Value)> {
    let milliseconds = |time: Duration| format!("{}ms", time.as_millis());
    let mut command = Command::new(program);
    command
        .args(["--exit-with-stdin", "--password", PASSWORD])
        .args(["--concurrent-tasks", &SERVER_TASKS.to_string()])
        .args(["--create-duration", &milliseconds(CREATION)])
        .args(["--activate-duration", &milliseconds(ACTIVATION)])
        .args(["--delete-duration", &milliseconds(DELETION)])
        .args(["--latency", &milliseconds(LATENCY)]);
    let mut process = Program::start(&mut command, &folder.join("simulator.log"))?;
    let announced = process.announcement(START)?;
    Ok((process, announced))
}

/// An address that was free a moment ago: neither operator prints the port that the
/// system would choose in the same way.
fn free_address() -> Outcome<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
