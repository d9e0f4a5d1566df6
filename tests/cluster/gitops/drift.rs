//! What was applied stays as it was applied: no default and no write of the operator
//! shows as a difference, and applying it again changes nothing.

use super::gallery::{Gallery, says};
use crate::harness::{Simulator, Stand, skipped_on_an_existing_cluster};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// In the order in which a tool applies them.
const EXAMPLES: [&str; 4] = [
    "customers",
    "integration-server",
    "tenant-acme",
    "tenant-globex",
];

/// Each manifest has its own namespace.
const ANYWHERE: &str = "--namespace=";

const TENANTS: [&str; 2] = ["acme", "globex"];
const MACHINES: [&str; 5] = [
    "acme-web-1",
    "acme-web-2",
    "acme-db",
    "globex-app",
    "globex-backup",
];

/// A namespace, a server, and these; Secrets are not counted.
const APPLIED: usize = 1 + 1 + TENANTS.len() + MACHINES.len();

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of examples/, for this stand's namespaces and server.
fn examples(stand: &Stand) -> String {
    let files = std::fs::read_dir(project().join("examples")).unwrap();
    assert_eq!(files.count(), EXAMPLES.len(), "a new example: name it here");
    let read = |name| std::fs::read_to_string(project().join(format!("examples/{name}.yaml")));
    let texts: Vec<String> = EXAMPLES.iter().map(|name| read(name).unwrap()).collect();
    texts
        .join("\n---\n")
        .replace("viis-system", &stand.operator_namespace)
        .replace("customers", &stand.namespace)
        .replace("7271", &stand.simulator.port.to_string())
        .replace(
            "password: simulator",
            &format!("password: {}", stand.simulator.password),
        )
        .replace(&["00"; 32].join(":"), &stand.simulator.fingerprint)
}

/// What was applied, with generation and version. Without the Secrets: several who apply
/// one's stringData, which is stored as data, take turns in owning it.
async fn versions(stand: &Stand, manifests: &str) -> Vec<String> {
    let columns = "--output=custom-columns=KIND:.kind,NAME:.metadata.name,\
                   GENERATION:.metadata.generation,VERSION:.metadata.resourceVersion";
    let said = stand
        .kubectl(
            &["get", columns, "--no-headers", ANYWHERE, "--filename", "-"],
            manifests,
        )
        .await;
    let others = said.lines().filter(|line| !line.starts_with("Secret "));
    let versions: Vec<String> = others.map(str::to_owned).collect();
    assert_eq!(versions.len(), APPLIED, "{versions:#?}");
    versions
}

async fn all_is_ready(stand: &Stand) {
    stand.integration_server().within(60).becomes_ready().await;
    for name in TENANTS {
        stand.tenant(name).within(60).becomes_ready().await;
    }
    for name in MACHINES {
        stand.machine(name).within(60).becomes_ready().await;
    }
    // The server's counts follow within 10 s.
    let server = stand.integration_server().within(60);
    server
        .until("all are counted", |server| {
            let counts = server.status.as_ref().and_then(|status| status.tenants);
            counts.is_some_and(|counts| (counts.known, counts.active) == (2, 2))
        })
        .await;
    stand.is_quiet_for(Duration::from_secs(3)).await;
}

/// The way of Flux, of Argo CD with ServerSideApply, and of kubectl --server-side.
#[tokio::test]
async fn applied_again_on_the_server_nothing_changes() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.start_operator();
    let manifests = examples(&stand);
    let calls = stand.simulator.calls().await;
    for manager in [
        "--field-manager=argocd-controller",
        "--field-manager=kustomize-controller",
    ] {
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            manager,
            ANYWHERE,
            "--filename",
            "-",
        ];
        stand.kubectl(&apply, &manifests).await;
        all_is_ready(&stand).await;
        let before = versions(&stand, &manifests).await;
        stand.kubectl(&apply, &manifests).await;
        assert_eq!(versions(&stand, &manifests).await, before, "{manager}");
        // Nor would somebody see a difference who never applied it.
        let difference = stand
            .try_kubectl(
                &[
                    "diff",
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=somebody",
                    ANYWHERE,
                    "--filename",
                    "-",
                ],
                &manifests,
            )
            .await;
        assert_eq!(difference.as_deref(), Ok(""));
    }
    // The second tool found everything as the first had left it.
    let since = stand.simulator.calls_since(&calls).await;
    assert_eq!((since.of("POST tenant"), since.of("POST register")), (2, 5));
    let generations = stand
        .kubectl(
            &[
                "get",
                "viis,viistenant,viisvm",
                "--output=jsonpath={.items[*].metadata.generation}",
            ],
            "",
        )
        .await;
    assert_eq!(generations, ["1"; 8].join(" "), "a spec was written");
    stand.ends_well().await;
}

/// The way of Argo CD as it is installed. What lives then is kept for tests/gitops,
/// where Argo CD's own comparison looks at it.
#[tokio::test]
async fn applied_by_the_client_nothing_changes() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.start_operator();
    let manifests = examples(&stand);
    stand
        .kubectl(&["apply", ANYWHERE, "--filename", "-"], &manifests)
        .await;
    all_is_ready(&stand).await;
    let before = versions(&stand, &manifests).await;
    let said = stand
        .kubectl(&["apply", ANYWHERE, "--filename", "-"], &manifests)
        .await;
    // Of a Secret kubectl cannot tell: it never gets stringData back.
    let others = said.lines().filter(|line| !line.starts_with("secret/"));
    let unchanged = others.clone().filter(|line| line.ends_with(" unchanged"));
    assert_eq!(
        (others.count(), unchanged.count()),
        (APPLIED, APPLIED),
        "{said}"
    );
    assert_eq!(versions(&stand, &manifests).await, before);

    let mut gallery = Gallery::of(&stand);
    let ready = says("Ready", "True", "Reconciled");
    let objects = [("IntegrationServer", "main")]
        .into_iter()
        .chain(TENANTS.map(|name| ("Tenant", name)))
        .chain(MACHINES.map(|name| ("VirtualMachine", name)));
    for (kind, name) in objects {
        gallery
            .shows_file(kind, name, &live(kind, name), &ready)
            .await;
    }
    gallery.agrees();
    stand.ends_well().await;
}

/// Where an object of examples/ is kept as it lives.
fn live(kind: &str, name: &str) -> PathBuf {
    project().join(format!("tests/gitops/testdata/live/{kind}-{name}.yaml"))
}
