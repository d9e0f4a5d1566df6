//! What happens in the demo, in order, and what its user reads meanwhile.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::cluster::{Cluster, Look, printed};
use crate::screen::Screen;
use crate::simulator::Simulator;
use crate::stage::{ACTIVATION, CREATION, DELETION, Stage, USUAL_PORT, in_project};
use crate::table;

/// How often the resources are looked at.
const GLANCE: Duration = Duration::from_millis(250);

/// The longest time without progress, even on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// So many looks may fail one after the other.
const BLINKS: usize = 20;

/// What stands in `examples/` where only the demo knows better.
const EXAMPLE: &str = "examples/integration-server.yaml";
const EXAMPLE_PORT: &str = "port: 7271";
const EXAMPLE_FINGERPRINT: &str = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00";

/// The whole demo; `once`: to its end, else until somebody ends it.
pub async fn tell(stage: &mut Stage, screen: &mut Screen, once: bool) -> Result<(), Failure> {
    let cluster = start_cluster(stage, screen).await?;
    let (simulator, server) = start_simulator(stage, screen).await?;
    let log = start_operator(stage, screen, &cluster).await?;
    apply_examples(screen, &cluster, &server).await?;

    screen.step("watching until everything is Ready")?;
    watch(stage, screen, &cluster, "become ready", table::unready).await?;
    screen.keep();
    let holdings = simulator.holdings().await?;
    screen.say(&format!("\n  The server holds {holdings}."))?;
    if holdings.is_nothing() {
        return Err(Failure(
            "all is Ready, and the server holds nothing".to_owned(),
        ));
    }
    if once {
        return take_away(stage, screen, &cluster, &simulator).await;
    }
    screen.step("Ready. It stays so until you press Control-C here")?;
    screen.say(&how_to_go_on(&cluster, &log, &simulator))?;
    stage.is_settled = true;
    hold(stage, screen, &cluster).await
}

async fn start_cluster(stage: &mut Stage, screen: &mut Screen) -> Result<Cluster, Failure> {
    screen.step("cluster: etcd, kube-apiserver and kube-controller-manager")?;
    let started = Instant::now();
    let announcement = stage.start_cluster().await?;
    let cluster = Cluster::connect(&announcement).await?;
    let version = cluster.kubectl(&["version", "-o", "yaml"]).await?;
    let version = version
        .split_once("serverVersion:")
        .and_then(|(_, server)| server.split_once("gitVersion: "))
        .and_then(|(_, rest)| rest.lines().next())
        .unwrap_or_default();
    screen.say(&format!(
        "  Kubernetes {version} at {}, after {:.0} s",
        announcement["server"].as_str().unwrap_or_default(),
        started.elapsed().as_secs_f32(),
    ))?;
    Ok(cluster)
}

/// The simulator, and the example's IntegrationServer as it fits this simulator.
async fn start_simulator(
    stage: &mut Stage,
    screen: &mut Screen,
) -> Result<(Simulator, String), Failure> {
    screen.step("Integration Server: a simulated one")?;
    let said = stage.start_simulator().await?;
    let text = |field: &str| said[field].as_str().unwrap_or_default().to_owned();
    let port = said["port"].as_u64().unwrap_or_default();
    screen.say(&format!(
        "  https://127.0.0.1:{port}, where a creation takes {CREATION}, an activation {ACTIVATION}, a deletion {DELETION}"
    ))?;
    if port != u64::from(USUAL_PORT) {
        screen.say(&format!("  (another program has port {USUAL_PORT})"))?;
    }
    let path = in_project(EXAMPLE);
    let example = std::fs::read_to_string(&path)
        .map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
    for expected in [EXAMPLE_PORT, EXAMPLE_FINGERPRINT] {
        if example.matches(expected).count() != 1 {
            return Err(Failure(format!(
                "{EXAMPLE} should have the line `{expected}` once: the demo sets it"
            )));
        }
    }
    let server = example
        .replace(EXAMPLE_PORT, &format!("port: {port}"))
        .replace(EXAMPLE_FINGERPRINT, &text("fingerprintSHA256"));
    Ok((Simulator::at(&text("control"))?, server))
}

async fn start_operator(
    stage: &mut Stage,
    screen: &mut Screen,
    cluster: &Cluster,
) -> Result<String, Failure> {
    screen.step("operator: its resource definitions, its namespace, its program")?;
    for command in [
        &["apply", "-f", "crds/"][..],
        &[
            "wait",
            "--for=condition=established",
            "--timeout=5m",
            "-f",
            "crds/",
        ],
        &["create", "namespace", "viis-system"],
    ] {
        run(screen, cluster, command).await?;
    }
    let log = stage.start_operator(&cluster.kubeconfig)?;
    screen.say("  $ viis-operator run --operator-namespace viis-system")?;
    Ok(log.display().to_string())
}

async fn apply_examples(
    screen: &mut Screen,
    cluster: &Cluster,
    server: &str,
) -> Result<(), Failure> {
    screen.step("examples: a server, two tenants, five virtual machines")?;
    let input = cluster
        .kubectl_with_input(&["apply", "-f", "-"], server)
        .await?;
    screen.ran(
        &format!("kubectl apply -f {EXAMPLE}   (with this simulator's port and fingerprint)"),
        &input,
    )?;
    for file in ["customers", "tenant-acme", "tenant-globex"] {
        let file = format!("examples/{file}.yaml");
        run(screen, cluster, &["apply", "-f", &file]).await?;
    }
    Ok(())
}

/// Deletes what was applied, and looks whether it is gone on both sides.
async fn take_away(
    stage: &mut Stage,
    screen: &mut Screen,
    cluster: &Cluster,
    simulator: &Simulator,
) -> Result<(), Failure> {
    run(
        screen,
        cluster,
        &["get", "viis-operator", "--all-namespaces"],
    )
    .await?;

    screen.step("deleting everything, in one command, and watching it go")?;
    let command = ["delete", "-f", "examples/"];
    screen.say("  $ kubectl delete -f examples/")?;
    let kubectl = cluster.kubectl_in_background(&command)?;
    watch(stage, screen, cluster, "disappear", Look::count).await?;
    screen.keep();
    let output = tokio::time::timeout(PATIENCE, kubectl.wait_with_output())
        .await
        .map_err(|_| Failure("kubectl delete does not end".to_owned()))?;
    for line in printed(&command, output)?.lines() {
        screen.say(&format!("    {line}"))?;
    }

    let holdings = simulator.holdings().await?;
    let changes = simulator.changes().await?;
    screen.say(&format!(
        "\n  The server holds {holdings}.\n  Changes that it was asked for in all: {changes}."
    ))?;
    if holdings.is_nothing() {
        screen.step("done: gone from the cluster and from the server")
    } else {
        Err(Failure(
            "the resources are gone, but not all of it on the server".to_owned(),
        ))
    }
}

/// Shows the resources until none of them is left to wait for.
async fn watch(
    stage: &mut Stage,
    screen: &mut Screen,
    cluster: &Cluster,
    what: &str,
    left: impl Fn(&Look) -> usize,
) -> Result<(), Failure> {
    let (mut fewest, mut since) = (usize::MAX, Instant::now());
    loop {
        stage.check_alive()?;
        let look = cluster.look().await.map_err(blind)?;
        screen.show(&look)?;
        let left = left(&look);
        if left == 0 {
            return Ok(());
        }
        if left < fewest {
            (fewest, since) = (left, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(Failure(format!(
                "{left} resources do not {what}, and none did in the last {} s:\n{}The end of the operator's log:\n{}",
                PATIENCE.as_secs(),
                table::unfinished(&look),
                stage.operator_says()
            )));
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Shows the resources for ever. Their user may do anything meanwhile, so a look
/// that fails is no reason to end.
async fn hold(stage: &mut Stage, screen: &mut Screen, cluster: &Cluster) -> Result<(), Failure> {
    let mut failed = 0;
    loop {
        stage.check_alive()?;
        match cluster.look().await {
            Ok(look) => {
                failed = 0;
                screen.show(&look)?;
            }
            Err(_) if failed < BLINKS => failed += 1,
            Err(error) => return Err(blind(error)),
        }
        tokio::time::sleep(GLANCE).await;
    }
}

fn blind(error: kube::Error) -> Failure {
    Failure(format!("cannot list the resources: {error}"))
}

async fn run(screen: &mut Screen, cluster: &Cluster, command: &[&str]) -> Result<(), Failure> {
    let said = cluster.kubectl(command).await?;
    screen.ran(&format!("kubectl {}", command.join(" ")), &said)
}

fn how_to_go_on(cluster: &Cluster, log: &str, simulator: &Simulator) -> String {
    let (kubeconfig, kubectl) = (cluster.kubeconfig.display(), cluster.kubectl.display());
    let control = &simulator.control;
    format!(
        "
  In another terminal, in this folder:

    export KUBECONFIG={kubeconfig}
    alias kubectl={kubectl}

    kubectl get viistenant -A -w                      # follow the tenants
    kubectl describe viistenant -n customers acme     # conditions and events
    kubectl explain tenant.spec                       # the manual of every field
    kubectl patch viistenant -n customers acme --type merge -p '{{\"spec\":{{\"state\":\"Inactive\"}}}}'
    kubectl delete -f examples/                       # all of it, in one go

  The operator's log:     {log}
  What the server holds:  {control}/state"
    )
}
