//! The program itself: its start, its pages, and what kubectl and GitOps tools see.

use crate::bios_id;
use crate::harness::{
    Simulator, Stand, complete_tenant, eventually, machine, simple_tenant,
    skipped_on_an_existing_cluster,
};
use std::time::Duration;

#[tokio::test]
async fn started_before_its_crds_exist() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let names = ["tenants", "virtualmachines", "integrationservers"]
        .map(|plural| format!("crd/{plural}.viis-operator.io"));
    for name in &names {
        stand.kubectl(&["delete", name], "").await;
    }
    stand.start_operator();
    eventually("it lives", async || {
        stand
            .operator
            .as_ref()
            .unwrap()
            .page("/healthz")
            .await
            .is_some_and(|page| page.0 == 200)
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stand.operator().is_running(), "it waits for them");
    let ready = stand.operator().page("/readyz").await;
    assert!(
        ready.is_some_and(|page| page.0 != 200),
        "and says that it is not ready"
    );
    stand.install_crds().await;
    stand
        .apply([stand.server_manifest(), simple_tenant("acme")])
        .await;
    stand.tenant("acme").within(60).becomes_ready().await;
    let ready = stand.operator().page("/readyz").await;
    assert_eq!(ready.map(|page| page.0), Some(200));
    stand.ends_well().await;
}

/// What `crds` prints is what was installed: applying it changes nothing.
#[tokio::test]
async fn the_crds_that_it_prints() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    let printed = stand.command(&["crds"]).await.unwrap();
    assert_eq!(printed.matches("kind: CustomResourceDefinition").count(), 3);
    let diff = stand
        .try_kubectl(
            &[
                "diff",
                "--server-side",
                "--force-conflicts",
                "--filename",
                "-",
            ],
            &printed,
        )
        .await;
    assert!(diff.as_ref().is_ok_and(|text| text.is_empty()), "{diff:?}");
    stand.ends_well().await;
}

#[tokio::test]
async fn its_metrics_count_the_calls() {
    let mut stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let (status, text) = stand.operator().page("/metrics").await.unwrap();
    assert_eq!(status, 200);
    let creation =
        r#"viis_operator_external_requests_total{method="create_tenant",status="202"} 1"#;
    assert!(text.lines().any(|line| line == creation), "{text}");
    assert!(text.contains("list_tenants"));
    assert!(!text.contains(&stand.simulator.password));
    for page in ["/healthz", "/readyz"] {
        assert_eq!(
            stand.operator().page(page).await.map(|page| page.0),
            Some(200),
            "{page}"
        );
    }
    stand.ends_well().await;
}

#[tokio::test]
async fn what_kubectl_get_shows() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme"), machine("web-1", "acme", &bios_id(1))])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand
        .tenant("acme")
        .until("its machine is counted", |tenant| {
            tenant
                .status
                .as_ref()
                .is_some_and(|status| status.virtual_machines == Some(1))
        })
        .await;
    let table = async |kind: &str| {
        let text = stand.kubectl(&["get", kind], "").await;
        text.lines()
            .map(|line| {
                line.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    let tenants = table("tenants").await;
    assert_eq!(
        tenants[0],
        [
            "NAME", "TYPE", "STATE", "READY", "REASON", "PROGRESS", "VMS", "AGE"
        ]
    );
    assert_eq!(
        tenants[1][..5],
        ["acme", "Simple", "Active", "True", "Reconciled"]
    );
    let machines = table("virtualmachines.viis-operator.io").await;
    assert_eq!(
        machines[0],
        ["NAME", "TENANT", "BIOS-ID", "READY", "REASON", "AGE"]
    );
    assert_eq!(
        machines[1][..5],
        ["web-1", "acme", &bios_id(1), "True", "Reconciled"]
    );
    let servers = table("viis").await;
    assert_eq!(
        servers[0],
        [
            "NAME", "ADDRESS", "READY", "TENANTS", "HELD", "REASON", "AGE"
        ]
    );
    for (kind, more) in [
        ("viistenant", "SERVER TENANT-ID MESSAGE"),
        ("viisvm", "VM-ID MESSAGE"),
        ("viis", "MESSAGE"),
    ] {
        let wide = stand.kubectl(&["get", kind, "--output=wide"], "").await;
        let header = wide.lines().next().unwrap_or_default();
        let header: Vec<&str> = header.split_whitespace().collect();
        let header = header.join(" ");
        assert!(header.ends_with(&format!(" AGE {more}")), "{header}");
    }
    let server = servers.iter().find(|row| row[0] == stand.server).unwrap();
    assert_eq!(server[1..3], [stand.simulator.address.as_str(), "True"]);
    for category in ["viistenant", "viisvm", "viis-operator"] {
        assert!(
            stand.kubectl(&["get", category], "").await.contains("acme"),
            "{category}"
        );
    }
    let explained = stand
        .kubectl(
            &[
                "explain",
                "tenants.viis-operator.io.spec.removeTenantArtifacts",
            ],
            "",
        )
        .await;
    assert!(explained.contains("DESCRIPTION"), "{explained}");
    stand.ends_well().await;
}

/// The library behind Flux and `kubectl wait`-like tools, not a copy of its rules.
#[tokio::test]
async fn what_kstatus_thinks() {
    let stand = Stand::ready().await;
    let running = stand.simulator.hold_tasks_of("POST tenant").await;
    stand.password_is("weak", "short").await;
    stand
        .apply([
            simple_tenant("acme").with("spec.state", "Inactive"),
            complete_tenant("weak"),
            complete_tenant("waits"),
            machine("web-1", "acme", &bios_id(1)),
        ])
        .await;
    let verdict = async |name: &str| -> Option<String> {
        let object = stand.kubectl(&["get", name, "--output", "json"], "").await;
        let line = stand
            .control_plane(&["kstatus", "-"], &object)
            .await?
            .unwrap();
        let verdict = line.split_whitespace().nth(2).map(str::to_owned);
        Some(verdict.unwrap_or_else(|| panic!("no verdict: {line:?}")))
    };
    let expects = async |name: &str, expected: &str| {
        let found = verdict(name).await;
        assert!(
            found.as_deref().is_none_or(|found| found == expected),
            "{name}: {found:?}, not {expected}"
        );
    };
    stand
        .tenant("acme")
        .has("Provisioned", "False", "TaskRunning")
        .await;
    expects("tenant.viis-operator.io/acme", "InProgress").await;
    stand.simulator.release(running).await;
    stand.tenant("acme").becomes_ready().await;
    stand.machine("web-1").becomes_ready().await;
    stand
        .tenant("weak")
        .stalls("VIRMT_PasswordNotComplyPolicy")
        .await;
    expects("tenant.viis-operator.io/acme", "Current").await;
    expects("tenant.viis-operator.io/weak", "Failed").await;
    expects("virtualmachine.viis-operator.io/web-1", "Current").await;
    expects(
        &format!("integrationserver.viis-operator.io/{}", stand.server),
        "Current",
    )
    .await;
    stand.tenant("acme").delete().await;
    stand.tenant("acme").has("Removed", "False", "InUse").await;
    expects("tenant.viis-operator.io/acme", "Terminating").await;
    stand.ends_well().await;
}

/// The way a pipeline waits.
#[tokio::test]
async fn kubectl_wait_ends_when_it_is_done() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand
        .kubectl(
            &[
                "wait",
                "--for=condition=Ready",
                "tenant.viis-operator.io/acme",
                "--timeout=10m",
            ],
            "",
        )
        .await;
    assert_eq!(
        stand.simulator.state().await.tenant("acme").status,
        "Active"
    );
    stand
        .kubectl(
            &["delete", "tenant.viis-operator.io/acme", "--timeout=10m"],
            "",
        )
        .await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}
