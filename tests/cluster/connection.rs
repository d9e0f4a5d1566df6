//! The way to the server: address, certificate, account.

use crate::harness::{
    Simulator, Stand, authority_in, condition, document, foreign_authority, has, message,
    says_that_it_skips, secret, simple_tenant,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A server that is not there yet, or not as the spec says, is mended step by step.
#[tokio::test]
async fn what_is_wrong_with_the_connection_is_the_reason() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .kubectl(
            &[
                "--namespace",
                &stand.operator_namespace,
                "delete",
                "secret",
                "viis-main",
            ],
            "",
        )
        .await;
    stand.start_operator();
    let wrong = "00".repeat(32);
    stand
        .apply([
            stand
                .server_manifest()
                .with("spec.tls.fingerprintsSHA256", vec![wrong]),
            simple_tenant("acme"),
        ])
        .await;
    let server = stand.integration_server();
    server.has("Reachable", "False", "SecretNotFound").await;
    server.has("Ready", "False", "SecretNotFound").await;
    stand
        .tenant("acme")
        .is_reconciling("IntegrationServerNotReady")
        .await;

    stand.credentials("Wrong-password").await;
    let server = stand.integration_server().within(75);
    let refused = server
        .has("Reachable", "False", "CertificateRejected")
        .await;
    let said = message(&refused, "Reachable");
    let plain = said.replace(':', "").to_uppercase();
    assert!(
        plain.contains(&stand.simulator.fingerprint.replace(':', "").to_uppercase()),
        "the fingerprint that was seen: {said}"
    );
    assert_eq!(
        stand.simulator.calls().await.total,
        0,
        "no byte of the application reached the server"
    );

    // Small letters without colons are the same fingerprint.
    let right = stand.simulator.fingerprint.replace(':', "").to_lowercase();
    server
        .patch(json!({"spec": {"tls": {"fingerprintsSHA256": [right]}}}))
        .await;
    server
        .has("Reachable", "False", "CredentialsRejected")
        .await;

    stand.credentials(&stand.simulator.password).await;
    let ready = server.becomes_ready().await;
    assert!(
        has(&ready, "Reachable", "True", "Connected")
            && has(&ready, "InventoryIntact", "True", "Intact")
    );
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_secret_without_a_password() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .kubectl(
            &[
                "--namespace",
                &stand.operator_namespace,
                "delete",
                "secret",
                "viis-main",
            ],
            "",
        )
        .await;
    let incomplete = crate::harness::secret("viis-main", &[("username", "multitenancy")]);
    stand
        .apply([
            incomplete
                .with("type", "kubernetes.io/basic-auth")
                .in_namespace(&stand.operator_namespace),
            stand.server_manifest(),
        ])
        .await;
    stand.start_operator();
    stand
        .integration_server()
        .has("Ready", "False", "SecretKeyMissing")
        .await;
    stand.credentials(&stand.simulator.password).await;
    stand.integration_server().within(75).becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_ca_bundle_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut stand = Stand::bare(Simulator::start(&["--certificate-dir", path])).await;
    stand.start_operator();
    let authority = authority_in(folder.path());
    let by_name = stand
        .server_manifest()
        .with("spec.tls", json!({"caBundle": authority}));
    stand.apply([by_name]).await;
    stand.integration_server().becomes_ready().await;
    // A name is checked against the certificate as well.
    stand
        .integration_server()
        .patch(json!({"spec": {"address": "localhost"}}))
        .await;
    stand.integration_server().becomes_ready().await;
    // Without it the system's roots decide, and they do not know it.
    stand
        .integration_server()
        .patch(json!({"spec": {"tls": null}}))
        .await;
    stand
        .integration_server()
        .has("Reachable", "False", "CertificateRejected")
        .await;
    // As webhooks and external-secrets write it: the base64 of the same.
    let authority = STANDARD.encode(authority);
    stand
        .integration_server()
        .patch(json!({"spec": {"tls": {"caBundle": authority}}}))
        .await;
    stand.integration_server().within(75).becomes_ready().await;
    stand.ends_well().await;
}

/// Where it is kept changes and is lost while the operator runs.
#[tokio::test]
async fn a_ca_bundle_is_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut stand = Stand::bare(Simulator::start(&["--certificate-dir", path])).await;
    stand.start_operator();
    let authority = authority_in(folder.path());
    let other = foreign_authority();
    let own = stand.operator_namespace.clone();
    let authorities = |text: &str| {
        document("v1", "ConfigMap", "authorities")
            .in_namespace(&own)
            .with("data", json!({"authority.pem": text}))
    };
    let kept = |kind: &str, key: &str| {
        let reference = json!({"kind": kind, "name": "authorities", "key": key});
        json!({"tls": {"caBundleRef": reference, "caBundle": null, "fingerprintsSHA256": null}})
    };
    let server = stand.integration_server();
    stand.apply([stand.server_manifest()]).await;
    server.becomes_ready().await;

    server
        .patch(json!({"spec": kept("ConfigMap", "authority.pem")}))
        .await;
    let missing = server.has("Reachable", "False", "CABundleNotFound").await;
    let said = message(&missing, "Reachable");
    assert!(said.contains("There is no ConfigMap authorities"), "{said}");

    stand.apply([authorities(&other)]).await;
    server
        .has("Reachable", "False", "CertificateRejected")
        .await;
    // The right one arrives: nothing but the ConfigMap changes.
    stand.apply([authorities(&authority)]).await;
    let ready = stand.integration_server().within(75).becomes_ready().await;
    assert_eq!(ready.metadata.generation, missing.metadata.generation);

    // What is gone serves on, and that is said.
    let gone = ["--namespace", &own, "delete", "configmap", "authorities"];
    stand.kubectl(&gone, "").await;
    let warned = stand
        .integration_server()
        .within(75)
        .has("Ready", "False", "CABundleNotFound")
        .await;
    assert!(has(&warned, "Reachable", "True", "Connected"));

    let secret = secret("authorities", &[("ca.crt", &STANDARD.encode(&authority))]);
    stand.apply([secret.in_namespace(&own)]).await;
    server
        .patch(json!({"spec": kept("Secret", "ca.crt")}))
        .await;
    stand.integration_server().within(75).becomes_ready().await;
    stand.ends_well().await;
}

/// Withdrawn: the certificate that was trusted is not trusted any more a minute later.
#[tokio::test]
async fn an_authority_that_is_withdrawn_is_not_trusted_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut stand = Stand::bare(Simulator::start(&["--certificate-dir", path])).await;
    stand.start_operator();
    let own = stand.operator_namespace.clone();
    let authorities = |text: &str| {
        document("v1", "ConfigMap", "authorities")
            .in_namespace(&own)
            .with("data", json!({"ca.crt": text}))
    };
    let reference = json!({"caBundleRef": {"kind": "ConfigMap", "name": "authorities"}});
    stand
        .apply([
            authorities(&authority_in(folder.path())),
            stand.server_manifest().with("spec.tls", reference),
        ])
        .await;
    stand.integration_server().becomes_ready().await;
    stand.apply([authorities(&foreign_authority())]).await;
    stand
        .integration_server()
        .within(75)
        .has("Reachable", "False", "CertificateRejected")
        .await;
    stand.ends_well().await;
}

#[tokio::test]
async fn nobody_listens_and_then_somebody_does() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.simulator.goes_away().await;
    stand.start_operator();
    stand
        .apply([stand.server_manifest(), simple_tenant("acme")])
        .await;
    stand
        .integration_server()
        .has("Reachable", "False", "ConnectFailed")
        .await;
    let waiting = stand
        .tenant("acme")
        .is_reconciling("IntegrationServerNotReady")
        .await;
    assert!(condition(&waiting, "Stalled").is_none());
    stand.simulator.comes_back().await;
    stand.integration_server().within(60).becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn something_else_answers() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let page = json!({"status": 200, "body": "<!DOCTYPE html><html>It works!</html>", "contentType": "text/html"});
    stand.simulator.fault("*", 0, page).await;
    stand.start_operator();
    stand.apply([stand.server_manifest()]).await;
    stand
        .integration_server()
        .has("Reachable", "False", "UnexpectedAnswer")
        .await;
    stand.simulator.mend().await;
    stand.integration_server().within(60).becomes_ready().await;
    stand.ends_well().await;
}

/// 403 of the probe is about the account, not about one object.
#[tokio::test]
async fn an_account_without_permission() {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .simulator
        .fault("*", 0, json!({"status": 403, "body": "Forbidden"}))
        .await;
    stand.start_operator();
    stand
        .apply([stand.server_manifest(), simple_tenant("acme")])
        .await;
    stand
        .integration_server()
        .has("Reachable", "False", "CredentialsRejected")
        .await;
    stand
        .tenant("acme")
        .is_reconciling("IntegrationServerNotReady")
        .await;
    stand.simulator.mend().await;
    stand.integration_server().is_asked_again().await;
    stand.integration_server().within(75).becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

/// Where the machine has an IPv6 loopback.
#[tokio::test]
async fn an_address_of_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        says_that_it_skips("this machine has no IPv6 loopback");
        return;
    }
    let mut stand = Stand::bare(Simulator::start(&["--listen", "[::1]:0"])).await;
    stand.start_operator();
    assert_eq!(stand.simulator.address, "::1");
    stand
        .apply([stand.server_manifest(), simple_tenant("acme")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

/// A new address that does not answer: nothing was seen there, so nothing is missing.
#[tokio::test]
async fn a_new_address_that_does_not_answer_is_not_an_absence() {
    let stand = Stand::ready().await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    let port = stand.simulator.port;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = nobody.local_addr().unwrap().port();
    drop(nobody);
    stand
        .integration_server()
        .patch(json!({"spec": {"port": closed}}))
        .await;
    let server = stand
        .integration_server()
        .has("Reachable", "False", "ConnectFailed")
        .await;
    assert!(
        !has(&server, "InventoryIntact", "False", "MassAbsence"),
        "{:#?}",
        server.status
    );
    assert!(server.status.unwrap().hold.is_none());
    stand
        .integration_server()
        .patch(json!({"spec": {"port": port}}))
        .await;
    stand.integration_server().within(60).becomes_ready().await;
    stand.tenant("acme").becomes_ready().await;
    stand.ends_well().await;
}

/// The proxy is used for the server, and a dead one is a failed connection; the pinned
/// certificate is still the server's own.
#[tokio::test]
async fn a_proxy_carries_the_calls_and_its_end_is_said() {
    let (port, tunnels, proxy) = tunnelling_proxy().await;
    let stand = Stand::ready_with(&[], |server| {
        server.with("spec.proxyURL", format!("http://127.0.0.1:{port}"))
    })
    .await;
    stand.apply([simple_tenant("acme")]).await;
    stand.tenant("acme").becomes_ready().await;
    assert!(
        tunnels.load(Ordering::SeqCst) > 0,
        "the server was called past the proxy"
    );

    proxy.abort();
    let server = stand
        .integration_server()
        .within(60)
        .has("Reachable", "False", "ConnectFailed")
        .await;
    let said = message(&server, "Reachable");
    assert!(said.contains("proxy"), "{said}");
    stand
        .integration_server()
        .patch(json!({"spec": {"proxyURL": null}}))
        .await;
    stand.integration_server().within(60).becomes_ready().await;
    stand.ends_well().await;
}

/// An HTTP proxy that knows CONNECT alone. Its end takes its tunnels along.
async fn tunnelling_proxy() -> (u16, Arc<AtomicUsize>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tunnels = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tunnels);
    let proxy = tokio::spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            open.spawn(tunnel(client, Arc::clone(&counted)));
        }
    });
    (port, tunnels, proxy)
}

async fn tunnel(mut client: TcpStream, tunnels: Arc<AtomicUsize>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).unwrap_or_default();
    let mut server = TcpStream::connect(target).await?;
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    tunnels.fetch_add(1, Ordering::SeqCst);
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
