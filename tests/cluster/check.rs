//! `viis-operator check`: a line for each thing that can be wrong, and what to do about it.

use crate::harness::{
    Manifest, Simulator, Stand, document, eventually, skipped_on_an_existing_cluster,
};
use serde_json::{Value, json};
use std::path::Path;

/// The report as JSON, and whether the exit status was 0.
async fn report(stand: &Stand, kubeconfig: Option<&Path>, options: &[&str]) -> (bool, Value) {
    let arguments = [
        &[
            "check",
            "--output",
            "json",
            "--operator-namespace",
            &stand.operator_namespace,
        ],
        options,
    ]
    .concat();
    let printed = match kubeconfig {
        Some(kubeconfig) => stand.command_behind(kubeconfig, &arguments).await,
        None => stand.command_with_errors(&arguments).await,
    };
    let (well, text) = match printed {
        Ok((text, said)) => {
            assert_eq!(said, "");
            (true, text)
        }
        Err(text) => (false, text),
    };
    assert!(!text.contains(&stand.simulator.password));
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert_eq!(report["ok"], well, "{report:#}");
    (well, report)
}

/// The checks of this name, of that subject.
fn find<'a>(report: &'a Value, check: &str, subject: &str) -> &'a Value {
    let all = report["checks"].as_array().unwrap();
    let wanted =
        |one: &&Value| one["check"] == check && (subject.is_empty() || one["subject"] == subject);
    all.iter()
        .find(wanted)
        .unwrap_or_else(|| panic!("no {check} {subject} in {report:#}"))
}

fn is(report: &Value, check: &str, subject: &str, outcome: &str, words: &str) {
    let found = find(report, check, subject);
    let message = found["message"].as_str().unwrap();
    assert!(
        found["outcome"] == outcome && message.contains(words),
        "{found:#}"
    );
    assert!(
        message.ends_with('.') && !message.contains("asked again later"),
        "{message}"
    );
}

#[tokio::test]
async fn everything_is_as_it_should_be() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    let (well, empty) = report(&stand, None, &[]).await;
    assert!(well, "{empty:#}");
    is(&empty, "server", "", "skipped", "no IntegrationServer yet");

    stand.apply([stand.server_manifest()]).await;
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "one", "type": "Simple"}))
        .await;
    let (well, all) = report(&stand, None, &["--leader-election"]).await;
    assert!(well, "{all:#}");
    let server = &stand.server;
    for check in [
        "secret",
        "connection",
        "certificate",
        "credentials",
        "tenants",
    ] {
        is(&all, check, server, "ok", "");
    }
    is(&all, "tenants", server, "ok", "1 tenants");
    assert_eq!(
        find(&all, "certificate", server)["fingerprintSHA256"],
        stand.simulator.fingerprint
    );
    for plural in ["tenants", "virtualmachines", "integrationservers"] {
        is(
            &all,
            "definition",
            &format!("{plural}.viis-operator.io"),
            "ok",
            "version",
        );
    }
    is(
        &all,
        "permission",
        &format!("leases in namespace {}", stand.operator_namespace),
        "ok",
        "get",
    );
    assert_eq!(stand.simulator.calls().await.mutating, 0);

    // In text: the same, a line each.
    let text = stand
        .command(&[
            "check",
            "--server",
            server,
            "--operator-namespace",
            &stand.operator_namespace,
        ])
        .await
        .unwrap();
    assert!(text.lines().all(|line| line.starts_with("ok ")), "{text}");
    assert!(text.contains(&stand.simulator.fingerprint), "{text}");
    stand.ends_well().await;
}

#[tokio::test]
async fn each_thing_that_is_wrong_with_a_server() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    let manifest = |name: &str| stand.manifest_of(name, &stand.simulator);
    // Never answers, and is no server either: a port that nobody listens on.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    // Takes connections and never speaks.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stand
        .apply([
            manifest("good"),
            manifest("wrong-pin").with("spec.tls.fingerprintsSHA256", vec!["00".repeat(32)]),
            manifest("wrong-password").with("spec.credentialsSecretRef.name", "wrong"),
            manifest("no-secret").with("spec.credentialsSecretRef.name", "nobody"),
            manifest("unreachable").with("spec.port", nobody),
            manifest("mute").with("spec.port", mute.local_addr().unwrap().port()),
            crate::harness::secret(
                "wrong",
                &[("username", "multitenancy"), ("password", "Wrong-one")],
            )
            .in_namespace(&stand.operator_namespace),
        ])
        .await;
    stand.remember("Wrong-one");
    let (well, all) = report(&stand, None, &[]).await;
    assert!(!well);
    is(&all, "tenants", "good", "ok", "");
    let fingerprint = &stand.simulator.fingerprint;
    is(&all, "certificate", "wrong-pin", "failed", fingerprint);
    assert_eq!(
        &find(&all, "certificate", "wrong-pin")["fingerprintSHA256"],
        fingerprint
    );
    is(&all, "connection", "wrong-pin", "ok", "");
    is(&all, "credentials", "wrong-pin", "skipped", "not trusted");
    is(
        &all,
        "credentials",
        "wrong-password",
        "failed",
        "Check user name and password",
    );
    is(&all, "secret", "no-secret", "failed", "Create it with type");
    is(&all, "certificate", "no-secret", "ok", fingerprint);
    is(&all, "credentials", "no-secret", "skipped", "no account");
    is(
        &all,
        "connection",
        "unreachable",
        "failed",
        "Check address, port, proxy and firewall",
    );
    is(
        &all,
        "certificate",
        "unreachable",
        "skipped",
        "no connection",
    );
    is(&all, "connection", "mute", "failed", "within 5 s");
    is(&all, "tenants", "mute", "skipped", "no answer");

    // Only those that are asked for, and one that is not there.
    let (well, one) = report(&stand, None, &["--server", "good"]).await;
    assert!(well && !one.to_string().contains("wrong-pin"), "{one:#}");
    let (well, none) = report(&stand, None, &["--server", "good", "--server", "other"]).await;
    assert!(!well);
    is(
        &none,
        "server",
        "other",
        "failed",
        "no IntegrationServer of this name",
    );

    // Nothing was sent to who is not trusted, and no account where there is none.
    stand
        .simulator
        .fault("GET tenants", 0, json!({"cutBody": true}))
        .await;
    let (_, cut) = report(&stand, None, &["--server", "good"]).await;
    is(&cut, "tenants", "good", "failed", "cut");
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}

#[tokio::test]
async fn definitions_that_are_missing_or_others() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::bare(Simulator::start(&[])).await;
    let old = json!([{"op": "remove", "path": "/spec/versions/0/additionalPrinterColumns/0"}])
        .to_string();
    let crd = "tenants.viis-operator.io";
    stand
        .kubectl(&["patch", "crd", crd, "--type=json", "--patch", &old], "")
        .await;
    let (well, other) = report(&stand, None, &[]).await;
    assert!(!well);
    is(
        &other,
        "definition",
        crd,
        "failed",
        "additionalPrinterColumns differs",
    );
    stand
        .kubectl(
            &["delete", "crd", "integrationservers.viis-operator.io"],
            "",
        )
        .await;
    eventually("it is not served", async || {
        let (_, none) = report(&stand, None, &[]).await;
        find(&none, "server", "")["outcome"] == "failed"
    })
    .await;
    let (_, none) = report(&stand, None, &[]).await;
    is(
        &none,
        "definition",
        "integrationservers.viis-operator.io",
        "failed",
        "kubectl apply",
    );
    is(&none, "server", "", "failed", "kubectl apply");
    stand.install_crds().await;
    stand.ends_well().await;
}

/// As a ServiceAccount that may not do everything, with a kubeconfig of its own.
#[tokio::test]
async fn permissions_that_are_missing() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    stand.apply([stand.server_manifest()]).await;
    let own = &stand.operator_namespace;
    let name = format!("little-{own}");
    let rules = json!([
        {"apiGroups": ["viis-operator.io"], "resources": ["integrationservers"], "verbs": ["list", "watch", "patch"]},
        {"apiGroups": ["viis-operator.io"], "resources": ["tenants"], "verbs": ["list", "watch", "get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    ]);
    let role = document("rbac.authorization.k8s.io/v1", "ClusterRole", &name);
    let binding = document("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", &name);
    let documents = [
        document("v1", "ServiceAccount", "little").in_namespace(own),
        Manifest({
            let mut role = role.0;
            role["rules"] = rules;
            role
        }),
        Manifest({
            let mut binding = binding.0;
            binding["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
            binding["subjects"] =
                json!([{"kind": "ServiceAccount", "name": "little", "namespace": own}]);
            binding
        }),
    ];
    let text: Vec<String> = documents.iter().map(|one| one.0.to_string()).collect();
    stand
        .kubectl(
            &["--namespace", own, "apply", "--filename", "-"],
            &text.join("\n---\n"),
        )
        .await;
    let token = stand
        .kubectl(&["--namespace", own, "create", "token", "little"], "")
        .await;
    let kubeconfig = stand.kubeconfig_with_token(token.trim());

    eventually("the role counts", async || {
        let (_, all) = report(&stand, Some(kubeconfig.path()), &[]).await;
        find(&all, "permission", "secrets")["outcome"] == "ok"
    })
    .await;
    let (well, all) = report(&stand, Some(kubeconfig.path()), &["--leader-election"]).await;
    assert!(!well);
    is(
        &all,
        "permission",
        "integrationservers",
        "ok",
        "list, watch, patch",
    );
    is(&all, "permission", "tenants", "failed", "may not patch. ");
    is(
        &all,
        "permission",
        "tenants",
        "failed",
        &format!("system:serviceaccount:{own}:little"),
    );
    is(
        &all,
        "permission",
        "virtualmachines",
        "failed",
        "may not list, watch, patch. ",
    );
    is(
        &all,
        "permission",
        "events in namespace default",
        "failed",
        "create",
    );
    is(
        &all,
        "permission",
        &format!("leases in namespace {own}"),
        "failed",
        "",
    );
    // It may not read definitions, and need not.
    is(
        &all,
        "definition",
        "tenants.viis-operator.io",
        "skipped",
        "It is served.",
    );
    is(&all, "tenants", &stand.server, "ok", "");
    // Who serves one namespace is asked for that one.
    let (_, one) = report(
        &stand,
        Some(kubeconfig.path()),
        &["--watch-namespace", &stand.namespace],
    )
    .await;
    is(
        &one,
        "permission",
        &format!("tenants in namespace {}", stand.namespace),
        "failed",
        "patch",
    );
    stand
        .kubectl(&["delete", "clusterrole,clusterrolebinding", &name], "")
        .await;
    stand.ends_well().await;
}
