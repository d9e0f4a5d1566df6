//! Who is trusted, and that nothing leaves for anybody else.

use rstest::rstest;
use rustls::SupportedProtocolVersion;

use super::server::{proxy, silent_port};
use super::*;

async fn refused(server: &Server, settings: Settings) -> Error {
    let client = client(settings);
    let error = client.tenants().await.unwrap_err();
    assert_eq!(error.problem(), Problem::Certificate, "{error}");
    assert_eq!(*error.class(), transient());
    assert_eq!(error.effect(), Effect::None);
    assert_eq!(error.status(), None);
    // A POST is not sent either.
    let posted = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(posted.effect(), Effect::None);
    assert!(server.connections() > 0);
    assert_eq!(server.requests(), Vec::<String>::new());
    error
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
#[tokio::test]
async fn the_right_fingerprint_is_trusted_by_ip(
    #[case] version: &'static SupportedProtocolVersion,
) {
    // Its name does not matter: such certificates are installed by IP.
    for names in [&["127.0.0.1"][..], &["somewhere.example"], &[]] {
        let identity = Identity::issued_for(names);
        let server = Server::start(identity.config(&[version]), empty_list);
        let port = server.address.port();
        let other = Identity::issued_for(&["127.0.0.1"]).fingerprint();
        let both = Trust::Fingerprints(vec![other, identity.fingerprint()]);
        for address in ["127.0.0.1", "localhost"] {
            let client = client(settings(address, port, both.clone()));
            assert_eq!(client.tenants().await.unwrap(), []);
        }
    }
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
#[tokio::test]
async fn nothing_is_sent_to_a_wrong_fingerprint(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let server = Server::start(identity.config(&[version]), empty_list);
    let other = Identity::issued_for(&["127.0.0.1"]);
    let settings = settings("127.0.0.1", server.address.port(), pinned(&other));
    let error = refused(&server, settings).await;
    let message = error.to_string();
    assert!(
        message.contains(&identity.fingerprint().to_string()),
        "{message}"
    );
    assert!(
        message.contains("If this is the new certificate, set"),
        "{message}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[rstest]
#[case(&TLS12)]
#[case(&TLS13)]
#[tokio::test]
async fn nothing_is_sent_to_who_has_the_certificate_but_not_its_key(
    #[case] version: &'static SupportedProtocolVersion,
) {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let thief = Identity::issued_for(&["127.0.0.1"]);
    let server = Server::start(identity.stolen_by(&thief, &[version]), empty_list);
    let settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    refused(&server, settings).await;
}

#[rstest]
#[case(&["127.0.0.1"], "127.0.0.1")]
#[case(&["localhost"], "localhost")]
#[tokio::test]
async fn a_ca_bundle_is_trusted_for_the_right_name(#[case] names: &[&str], #[case] address: &str) {
    let identity = Identity::issued_for(names);
    let server = Server::start(identity.config(&[&TLS12, &TLS13]), empty_list);
    let other = Identity::issued_for(names).ca_pem;
    let bundle = format!("# two of them\n{other}\n{}", identity.ca_pem);
    let settings = settings(address, server.address.port(), Trust::CaBundle(bundle));
    let client = client(settings);
    assert_eq!(client.presented_fingerprint(), None);
    assert_eq!(client.tenants().await.unwrap(), []);
    assert_eq!(client.presented_fingerprint(), Some(identity.fingerprint()));
    assert!(server.requests()[0].contains("bXVsdGl0ZW5hbmN5OnMzY3JldC13b3Jk"));
}

#[rstest]
#[case(&["localhost"], "127.0.0.1")]
#[case(&["127.0.0.1"], "localhost")]
#[case(&["127.0.0.2", "viis.example"], "127.0.0.1")]
#[tokio::test]
async fn nothing_is_sent_when_the_name_is_wrong(#[case] names: &[&str], #[case] address: &str) {
    let identity = Identity::issued_for(names);
    let server = Server::start(identity.config(&[&TLS12, &TLS13]), empty_list);
    let trust = Trust::CaBundle(identity.ca_pem.clone());
    let error = refused(&server, settings(address, server.address.port(), trust)).await;
    assert!(
        error.to_string().contains("not issued for this address"),
        "{error}"
    );
}

#[rstest]
#[case(false)]
#[case(true)]
#[tokio::test]
async fn a_self_signed_certificate_may_be_its_own_bundle(#[case] is_ca: bool) {
    let attempt = |names: &[&str], expired: bool| {
        let identity = Identity::self_signed(names, is_ca, expired);
        let server = Server::start(identity.config(&[&TLS12, &TLS13]), empty_list);
        let trust = Trust::CaBundle(identity.ca_pem.clone());
        let settings = settings("127.0.0.1", server.address.port(), trust);
        (server, settings)
    };
    let (_server, right) = attempt(&["127.0.0.1"], false);
    assert_eq!(client(right).tenants().await.unwrap(), []);
    let (server, other_name) = attempt(&["127.0.0.2"], false);
    let error = refused(&server, other_name).await;
    assert!(
        error.to_string().contains("not issued for this address"),
        "{error}"
    );
    let (server, expired) = attempt(&["127.0.0.1"], true);
    let error = refused(&server, expired).await;
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn nothing_is_sent_when_the_ca_is_wrong() {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let other = Identity::issued_for(&["127.0.0.1"]);
    let server = Server::start(identity.config(&[&TLS12, &TLS13]), empty_list);
    let port = server.address.port();
    for trust in [Trust::CaBundle(other.ca_pem), Trust::SystemRoots] {
        let Ok(_) = Client::new(
            settings("127.0.0.1", port, trust.clone()),
            Arc::new(Log::default()),
        ) else {
            // A machine without roots says so at once.
            assert_eq!(trust, Trust::SystemRoots);
            continue;
        };
        let error = refused(&server, settings("127.0.0.1", port, trust)).await;
        // So that the user can pin it.
        assert!(
            error
                .to_string()
                .contains(&identity.fingerprint().to_string()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn no_plain_text_is_spoken() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let first = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        bytes[..length].to_vec()
    });
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let client = client(settings("127.0.0.1", port, pinned(&identity)));
    let error = client.tenants().await.unwrap_err();
    assert_eq!(error.problem(), Problem::Connect);
    assert_eq!(error.effect(), Effect::None);
    let first = first.join().unwrap();
    // A TLS handshake record.
    assert_eq!(first[0], 0x16);
}

#[tokio::test]
async fn a_proxy_sees_the_target_and_nothing_else() {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let server = Server::start(identity.config(&[&TLS12, &TLS13]), empty_list);
    let (address, told) = proxy();
    let mut settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    settings.proxy = Some(format!("http://{address}").parse().unwrap());
    assert_eq!(client(settings).tenants().await.unwrap(), []);
    let head = told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(
        head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)),
        "{head}"
    );
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
}

#[rstest]
#[case("http://user:word@proxy:3128", "credentials")]
#[case("https://proxy:3128", "http://")]
#[case("socks5://proxy:3128", "http://")]
fn a_wrong_proxy_is_explained(#[case] url: &str, #[case] hint: &str) {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let mut settings = settings("127.0.0.1", 1, pinned(&identity));
    settings.proxy = Some(url.parse().unwrap());
    let error = Client::new(settings, Arc::new(Log::default())).unwrap_err();
    assert!(error.to_string().contains(hint), "{error}");
    assert!(!error.to_string().contains("word"), "{error}");
}

#[rstest]
#[case(Trust::Fingerprints(vec![]), "at least one")]
#[case(Trust::CaBundle(String::new()), "no certificate")]
#[case(Trust::CaBundle("hello".into()), "no certificate")]
#[case(Trust::CaBundle("-----BEGIN CERTIFICATE-----\nAAAA".into()), "PEM")]
#[case(Trust::CaBundle("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----".into()), "PEM")]
#[case(Trust::CaBundle("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into()), "cannot be used")]
fn useless_trust_is_explained(#[case] trust: Trust, #[case] hint: &str) {
    let settings = settings("127.0.0.1", 1, trust);
    let error = Client::new(settings, Arc::new(Log::default())).unwrap_err();
    assert!(error.to_string().contains(hint), "{error}");
}

#[rstest]
#[case("")]
#[case("https://viis")]
#[case("viis/path")]
#[case("viis:7271")]
#[case("user@viis")]
#[case("a b")]
#[case("viis\n")]
#[case("viis?")]
fn a_wrong_address_is_explained(#[case] address: &str) {
    let identity = Identity::issued_for(&[]);
    let settings = settings(address, 7271, pinned(&identity));
    let error = Client::new(settings, Arc::new(Log::default())).unwrap_err();
    assert!(error.to_string().contains("address must be"), "{error}");
}

#[tokio::test]
async fn who_never_says_a_word_is_no_connection() {
    let (address, _listener) = silent_port();
    let identity = Identity::issued_for(&[]);
    let mut settings = settings("127.0.0.1", address.port(), pinned(&identity));
    settings.timeouts.connect = Duration::from_millis(200);
    let error = client(settings).tenants().await.unwrap_err();
    assert_eq!(error.problem(), Problem::Connect, "{error}");
    assert_eq!(error.effect(), Effect::None);
    assert!(error.to_string().contains("within 0.2 s"), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let (address, listener) = silent_port();
    drop(listener);
    let identity = Identity::issued_for(&[]);
    let client = client(settings("127.0.0.1", address.port(), pinned(&identity)));
    let error = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(error.problem(), Problem::Connect);
    assert_eq!(*error.class(), transient());
    assert_eq!(error.effect(), Effect::None);
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn an_unknown_name_is_no_connection() {
    let identity = Identity::issued_for(&[]);
    // Longer than a label may be, so that no resolver is asked.
    let name = "a".repeat(64);
    let client = client(settings(&name, 7271, pinned(&identity)));
    let error = client.tenants().await.unwrap_err();
    assert_eq!(error.problem(), Problem::Connect, "{error}");
    assert_eq!(error.effect(), Effect::None);
}

/// A server is met before the account is known to be safe with it.
#[tokio::test]
async fn a_greeting_sends_no_account_and_shows_the_certificate() {
    let identity = Identity::issued_for(&["127.0.0.1"]);
    let server = Server::start(identity.config(&[&TLS12, &TLS13]), empty_list);
    let endpoint = Endpoint {
        address: "127.0.0.1".to_owned(),
        port: server.address.port(),
    };
    let times = Timeouts::default();
    let other = Identity::issued_for(&["127.0.0.1"]);
    let refused = greet(&endpoint, &pinned(&other), None, times)
        .await
        .unwrap();
    assert_eq!(refused.presented, Some(identity.fingerprint()));
    assert!(
        matches!(refused.outcome, Greeted::Distrusted(_)),
        "{refused:?}"
    );
    assert_eq!(server.requests(), Vec::<String>::new());
    let met = greet(&endpoint, &pinned(&identity), None, times)
        .await
        .unwrap();
    assert_eq!(
        (met.outcome, met.presented),
        (Greeted::Answered, Some(identity.fingerprint()))
    );
    let [request] = server.requests().try_into().unwrap();
    assert!(
        !request.to_lowercase().contains("authorization"),
        "{request}"
    );
}
