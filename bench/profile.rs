//! `make profile`: records where this operator and the API server spend CPU time while
//! many objects are created and deleted. It only records; `profile.sh` draws.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use http_body_util::BodyExt;
use kube::client::Body;
use tokio::task::JoinHandle;

use super::control_plane::ControlPlane;
use super::operator::Programs;
use super::row::{OperatorName, Size};
use super::run::Run;
use super::scenario::{CONCURRENT_TASKS, Step};
use super::session::Session;
use super::{Options, Outcome, control_plane};

/// Samples of the operator's stacks a second; not a divisor of what the kernel does in
/// round intervals.
const FREQUENCY: &str = "199";
/// How long one profile of the API server is. The last one is lost, so not longer.
const SECONDS: u32 = 5;

/// What is recorded at one size, until [`Recording::end`].
pub struct Recording {
    perf: Child,
    api_server: JoinHandle<Outcome<()>>,
}

/// Records both sizes that the issue of cost is about: many tenants, many machines.
pub async fn record(options: &Options, folder: &Path) -> Outcome<()> {
    let programs = Programs::build(&options.operator)?;
    let control_plane_program = control_plane::program()?;
    let default = [(2000, 0), (10, 1000)].map(|(tenants, machines)| Size { tenants, machines });
    let sizes = if options.sizes.is_empty() {
        &default[..]
    } else {
        &options.sizes
    };
    for &size in sizes {
        let folder = folder.join(size.to_string());
        let plane = ControlPlane::start(&control_plane_program, &folder).await?;
        let run = Run {
            plane: &plane,
            programs: &programs,
            simulator: &options.simulator,
            folder: &folder,
            size,
            step: Step {
                operator: OperatorName::Product,
                concurrent_tasks: CONCURRENT_TASKS[0],
                round: 1,
                quiet: false,
            },
            profile: Some(&folder),
        };
        run.measure().await?;
    }
    Ok(())
}

impl Recording {
    /// Starts to record.
    pub fn start(plane: &ControlPlane, session: &Session, folder: &Path) -> Outcome<Self> {
        let perf = Command::new("perf")
            .args(["record", "--quiet", "--event=cpu-clock", "-F", FREQUENCY])
            .args(["--call-graph=fp", "--pid"])
            .arg(session.operator().0.to_string())
            .arg("--output")
            .arg(folder.join("operator.perf"))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("perf does not start: {error}"))?;
        let (client, folder) = (plane.client.clone(), folder.to_owned());
        let api_server = tokio::spawn(record_api_server(client, folder));
        Ok(Self { perf, api_server })
    }

    /// Ends both recordings.
    pub async fn end(mut self) -> Outcome<()> {
        if self.api_server.is_finished() {
            self.api_server.await??;
            return Err("the API server's profile ended early".into());
        }
        self.api_server.abort();
        // perf writes its file when it is interrupted.
        let interrupt = ["-INT", &self.perf.id().to_string()];
        Command::new("kill").args(interrupt).status()?;
        self.perf.wait()?;
        Ok(())
    }
}

/// One profile after the other, until the task is aborted.
async fn record_api_server(client: kube::Client, folder: PathBuf) -> Outcome<()> {
    for number in 0.. {
        let path = format!("/debug/pprof/profile?seconds={SECONDS}");
        let response = client.send(http::Request::get(path).body(Body::empty())?);
        let response = response.await?;
        if !response.status().is_success() {
            return Err(format!("the API server's profiler says {}", response.status()).into());
        }
        let profile = response.into_body().collect().await?.to_bytes();
        fs::write(
            folder.join(format!("api-server-{number:03}.pprof")),
            profile,
        )?;
    }
    Ok(())
}
