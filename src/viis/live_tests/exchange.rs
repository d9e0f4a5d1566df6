//! Exchanges that go well, and those that break at every point.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rstest::rstest;

use super::*;

const BIOS_ID: &str = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";

fn machine() -> NewVirtualMachine {
    NewVirtualMachine {
        bios_id: BIOS_ID.parse().unwrap(),
        name: Some("web-1".into()),
        user_data: None,
    }
}

/// Answers as the API page says.
fn api(request: &str) -> Reply {
    let (line, _) = request.split_once("\r\n").unwrap();
    let path = line.split(' ').nth(1).unwrap();
    let path = path.strip_prefix("/api/2.0/virtualization/").unwrap();
    let task = "<task id=\"17\"/>";
    let (status, body) = match (line.split(' ').next().unwrap(), path) {
        ("GET", "tenants") => ("200 OK", "<l><tenant id='1'><name>a</name></tenant></l>"),
        ("GET", "tenants/1") => ("200 OK", "<tenant id='1'><name>a</name></tenant>"),
        ("GET", "tenants/2") => ("200 OK", "<tenant id='1'><name>a</name></tenant>"),
        ("POST", "tenants") => ("202 Accepted", task),
        ("POST", "tenants/1/activate" | "tenants/1/deactivate") => ("202 Accepted", task),
        ("DELETE", "tenants/1?removeTenantArtifacts=true") => ("202 Accepted", task),
        ("DELETE", "tenants/1?removeTenantArtifacts=false") => ("202 Accepted", task),
        ("GET", "tenants/1/vms") => ("200 OK", "<vms/>"),
        ("POST", "tenants/1/vms/register") => ("200 OK", ""),
        ("POST", path) if path == format!("tenants/1/vms/unregister?biosId={BIOS_ID}") => {
            ("200 OK", "")
        }
        ("GET", "tasks?type=DeleteTenant") => (
            "200 OK",
            "<tasks><task id='17'><state>Queued</state></task></tasks>",
        ),
        ("GET", "tasks/17") => ("200 OK", "<task id='17'><state>Running</state></task>"),
        ("GET", "tasks/18") => ("404 Not Found", ""),
        ("POST", "tasks/17/cancel") => ("200 OK", ""),
        ("POST", "tasks/18/cancel") => ("202 Accepted", ""),
        ("POST", "tasks/19/cancel") => ("405 Method Not Allowed", ""),
        ("POST", "tasks/20/cancel") => ("409 Conflict", ""),
        _ => ("400 Bad Request", "VIRMT_Unforeseen"),
    };
    Reply::Bytes(http(status, &["Content-Type: application/xml"], body))
}

#[tokio::test]
async fn every_method_speaks_the_api_over_one_connection() {
    let (server, client) = connected(api);
    let one = TenantId::new("1");
    let task = TaskId::new("17");
    let new = NewTenant {
        name: "a".into(),
        description: None,
        user_data: None,
        preferred_viis_address: None,
        kind: NewTenantKind::Simple,
    };
    let filter = TaskFilter {
        task_type: Some(TaskType::DeleteTenant),
        ..TaskFilter::default()
    };
    assert_eq!(client.tenants().await.unwrap().len(), 1);
    assert_eq!(client.tenant(&one).await.unwrap().name, "a");
    assert_eq!(client.create_tenant(&new).await.unwrap(), task);
    assert_eq!(client.activate(&one).await.unwrap(), task);
    assert_eq!(client.deactivate(&one).await.unwrap(), task);
    for artifacts in [Artifacts::Remove, Artifacts::Keep] {
        assert_eq!(client.delete_tenant(&one, artifacts).await.unwrap(), task);
    }
    assert_eq!(client.virtual_machines(&one).await.unwrap(), []);
    client.register(&one, &machine()).await.unwrap();
    client
        .unregister(&one, &BIOS_ID.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        client.tasks(&filter).await.unwrap()[0].state,
        TaskState::Queued
    );
    assert_eq!(client.task(&task).await.unwrap().state, TaskState::Running);
    let gone = client.task(&TaskId::new("18")).await.unwrap_err();
    assert_eq!(*gone.class(), Class::NotFound);
    let mut cancellations = Vec::new();
    for id in ["17", "18", "19", "20"] {
        cancellations.push(client.cancel(&TaskId::new(id)).await.unwrap());
    }
    assert_eq!(
        cancellations,
        [
            Cancellation::Cancelled,
            Cancellation::Cancelling,
            Cancellation::Child,
            Cancellation::AlreadyEnded
        ]
    );
    // Another object than was asked for is no answer.
    let other = client.tenant(&TenantId::new("2")).await.unwrap_err();
    assert_eq!(other.problem(), Problem::UnexpectedAnswer);

    assert_eq!(server.connections(), 1);
    let requests = server.requests();
    assert_eq!(requests.len(), 18);
    for request in &requests {
        let head = request.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(head.contains("authorization: basic "), "{request}");
        assert!(head.contains(concat!(
            "user-agent: viis-operator/",
            env!("CARGO_PKG_VERSION")
        )));
        assert!(head.contains("accept: application/xml"), "{request}");
        assert!(
            !request.starts_with("POST") || head.contains("content-length: "),
            "{request}"
        );
        assert_eq!(
            request.contains("<?xml"),
            head.contains("content-type: application/xml; charset=utf-8")
        );
    }
}

#[tokio::test]
async fn calls_are_observed_once_each() {
    let identity = Identity::issued_for(&[]);
    let server = Server::start(identity.config(&[&TLS13]), |request| {
        if request.contains("tenants/9") {
            Reply::Reset
        } else {
            api(request)
        }
    });
    let log = Arc::new(Log::default());
    let settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    let client = Client::new(settings, Arc::clone(&log) as Arc<dyn Observer>).unwrap();
    client.tenants().await.unwrap();
    client.task(&TaskId::new("18")).await.unwrap_err();
    client.tenant(&TenantId::new("9")).await.unwrap_err();
    // Not sent, so not observed.
    client.tenant(&TenantId::new("..")).await.unwrap_err();
    let expected = [
        (Method::ListTenants, Outcome::Status(200)),
        (Method::GetTask, Outcome::Status(404)),
        (Method::GetTenant, Outcome::Failed),
    ];
    assert_eq!(log.calls(), expected);
    assert_eq!(client.endpoint().to_string(), server.address.to_string());
    assert!(!format!("{client:?}").contains(PASSWORD));
}

#[tokio::test]
async fn a_reset_after_the_request_leaves_the_effect_unknown_and_is_not_repeated() {
    let (server, client) = connected(|_| Reply::Reset);
    let error = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(error.problem(), Problem::Connect, "{error}");
    assert_eq!(*error.class(), transient());
    assert_eq!(error.effect(), Effect::Unknown);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_reset_of_a_kept_connection_is_not_repeated_either() {
    let count = AtomicUsize::new(0);
    let (server, client) = connected(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => api(request),
        _ => Reply::Reset,
    });
    client.tenants().await.unwrap();
    let error = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(error.effect(), Effect::Unknown);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_close_without_an_answer_leaves_the_effect_unknown() {
    let (server, client) = connected(|_| Reply::Close(Vec::new()));
    let error = client
        .register(&TenantId::new("1"), &machine())
        .await
        .unwrap_err();
    assert_eq!(error.problem(), Problem::Connect, "{error}");
    assert_eq!(error.effect(), Effect::Unknown);
    assert_eq!(server.requests().len(), 1);
}

#[rstest]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<tenants/>")]
#[case("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\nVIRMT_TenantWithSpecifiedIdNotFound")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n<tenants/>\r\n")]
#[tokio::test]
async fn a_cut_body_is_no_answer(#[case] answer: &'static str) {
    let (_server, client) = connected(|_| Reply::Close(answer.into()));
    let listed = client.tenants().await.unwrap_err();
    assert_eq!(listed.problem(), Problem::UnexpectedAnswer, "{listed}");
    assert_eq!(*listed.class(), transient());
    assert_eq!(listed.effect(), Effect::Unknown);
    assert!(listed.status().is_some());
    // Whatever the status said: a cut 404 proves nothing.
    let posted = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(*posted.class(), transient());
    assert_eq!(posted.effect(), Effect::Unknown);
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_must_be_whole_xml() {
    // Without a length nothing but the XML itself shows a cut.
    let whole = "HTTP/1.1 200 OK\r\n\r\n<tenants/>";
    let (_server, client) = connected(|_| Reply::Close(whole.into()));
    assert_eq!(client.tenants().await.unwrap(), []);
    let (_server, client) =
        connected(|_| Reply::Close(whole.replace('/', "").replace("HTTP", "HTTP/").into()));
    let error = client.tenants().await.unwrap_err();
    assert_eq!(error.problem(), Problem::UnexpectedAnswer, "{error}");
}

#[tokio::test]
async fn a_body_that_ends_without_a_word_of_tls_counts_when_it_is_whole() {
    for version in ["1.0", "1.1"] {
        let whole = format!("HTTP/{version} 200 OK\r\n\r\n<tenants/>");
        let (_server, client) = connected(move |_| Reply::Vanish(whole.clone().into()));
        assert_eq!(client.tenants().await.unwrap(), []);
    }
    let (_server, client) = connected(|_| Reply::Vanish("HTTP/1.0 200 OK\r\n\r\n".into()));
    client
        .register(&TenantId::new("1"), &machine())
        .await
        .unwrap();
    let gone = "HTTP/1.0 404 Not Found\r\n\r\n<e>VIRMT_TenantWithSpecifiedIdNotFound</e>";
    let (_server, client) = connected(|_| Reply::Vanish(gone.into()));
    let error = client.tenant(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(*error.class(), Class::NotFound);
}

#[rstest]
#[case("HTTP/1.0 200 OK\r\n\r\n<tenants>")]
#[case("HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n<tenants/>")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n<tenants/>\r\n")]
#[case("HTTP/1.0 404 Not Found\r\n\r\n")]
#[case("HTTP/1.0 404 Not Found\r\n\r\nVIRMT_TenantWithSpecifiedIdNotFound")]
#[tokio::test]
async fn what_ends_without_a_word_of_tls_and_may_be_cut_is_cut(#[case] answer: &'static str) {
    let (_server, client) = connected(|_| Reply::Vanish(answer.into()));
    for error in [
        client.tenants().await.unwrap_err(),
        client.task(&TaskId::new("1")).await.unwrap_err(),
    ] {
        assert_eq!(error.problem(), Problem::UnexpectedAnswer, "{error}");
        assert_eq!(*error.class(), transient());
    }
}

#[rstest]
#[case("")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<tenants>")]
#[tokio::test]
async fn who_does_not_finish_in_time_is_left(#[case] sent: &'static str) {
    let identity = Identity::issued_for(&[]);
    let server = Server::start(identity.config(&[&TLS13]), move |_| {
        Reply::Stall(sent.into())
    });
    let mut settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    settings.timeouts.call = Duration::from_millis(300);
    settings.timeouts.list = Duration::from_millis(600);
    let client = client(settings);
    let start = Instant::now();
    let error = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(error.problem(), Problem::Timeout, "{error}");
    assert_eq!(*error.class(), transient());
    assert_eq!(error.effect(), Effect::Unknown);
    assert!(error.to_string().contains("within 0.3 s"), "{error}");
    let start = Instant::now();
    let error = client.tenants().await.unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(600));
    assert_eq!(error.problem(), Problem::Timeout);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, _) = connected(empty_list);
    let location = format!("Location: https://{}/", elsewhere.address);
    let (server, client) =
        connected(move |_| Reply::Bytes(http("307 Temporary Redirect", &[&location], "")));
    let error = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(error.problem(), Problem::UnexpectedAnswer);
    assert_eq!(error.effect(), Effect::Unknown);
    assert_eq!(*error.class(), transient());
    assert!(error.to_string().contains("redirect"), "{error}");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn retry_after_is_handed_on() {
    let (_server, client) = connected(|_| Reply::Bytes(http("503 Busy", &["Retry-After: 7"], "")));
    let error = client.tenants().await.unwrap_err();
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(*error.class(), Class::Transient { retry_after });
    assert_eq!(error.problem(), Problem::ServerError);
}

#[tokio::test]
async fn a_location_alone_names_the_task() {
    let location = "Location: /api/2.0/virtualization/tasks/17";
    let (_server, client) = connected(move |_| Reply::Bytes(http("202 Accepted", &[location], "")));
    let task = client.activate(&TenantId::new("1")).await.unwrap();
    assert_eq!(task, TaskId::new("17"));
}

#[tokio::test]
async fn an_answer_without_a_task_leaves_the_effect_unknown_and_shows_itself() {
    let body = format!("<accepted>welcome {PASSWORD}</accepted>");
    let (_server, client) = connected(move |_| Reply::Bytes(http("202 Accepted", &[], &body)));
    let error = client.activate(&TenantId::new("1")).await.unwrap_err();
    assert_eq!(error.problem(), Problem::UnexpectedAnswer);
    assert_eq!(error.effect(), Effect::Unknown);
    let message = error.to_string();
    assert!(message.contains("welcome"), "{message}");
    assert!(!message.contains(PASSWORD), "{message}");
}

#[tokio::test]
async fn an_echo_of_the_request_shows_no_password() {
    // The worst server: it says everything that it was told.
    let (_server, client) = connected(|request| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        Reply::Bytes(http("400 Bad Request", &[], body))
    });
    let administrator = "Adm1n's <word>";
    let new = NewTenant {
        name: "a".into(),
        description: None,
        user_data: Some(format!("{PASSWORD} {administrator}")),
        preferred_viis_address: None,
        kind: NewTenantKind::Complete {
            administrator: "x".into(),
            password: SecretString::from(administrator),
        },
    };
    let error = client.create_tenant(&new).await.unwrap_err();
    assert_eq!(*error.class(), Class::Rejected);
    assert!(
        error.to_string().contains("The server's text: a … …"),
        "{error}"
    );
    for text in [error.to_string(), format!("{error:?}")] {
        for secret in [
            PASSWORD,
            administrator,
            "Adm1n",
            "bXVsdGl0ZW5hbmN5",
            "QWRtMW4ncyA8d29yZD4",
        ] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[rstest]
#[case((1 << 20) + 1, false, false)]
#[case(1 << 20, true, false)]
#[case((64 << 20) + 1, false, true)]
#[case(5 << 20, true, true)]
#[tokio::test]
async fn bodies_are_bounded(#[case] length: usize, #[case] accepted: bool, #[case] list: bool) {
    let body = |length: usize| {
        let (before, after) = ("<!--", "--><l><tenant id='1'><name>a</name></tenant></l>");
        format!(
            "{before}{}{after}",
            "x".repeat(length - before.len() - after.len())
        )
    };
    // Once with its length announced, once in chunks that do not say when they end.
    let announced = http("200 OK", &[], &body(length));
    let check = |result: Result<(), Error>| match result {
        Ok(()) => assert!(accepted),
        Err(error) => {
            assert!(!accepted, "{error}");
            assert_eq!(error.problem(), Problem::UnexpectedAnswer);
            assert_eq!(error.effect(), Effect::Unknown);
            assert!(error.to_string().contains("too long"), "{error}");
        }
    };
    let (_server, client) = connected(move |_| Reply::Bytes(announced.clone()));
    check(call(&client, list).await);
    if !accepted {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let chunk = vec![b'x'; 64 << 10];
        let times = length / chunk.len() + 1;
        let (_server, client) =
            connected(move |_| Reply::Chunks(head.clone(), chunk.clone(), times));
        check(call(&client, list).await);
    }
}

async fn call(client: &Client, list: bool) -> Result<(), Error> {
    if list {
        client.tenants().await.map(drop)
    } else {
        client.tenant(&TenantId::new("1")).await.map(drop)
    }
}

#[tokio::test]
async fn calls_keep_the_pace() {
    let identity = Identity::issued_for(&[]);
    let server = Server::start(identity.config(&[&TLS13]), empty_list);
    let mut settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    settings.requests_per_second = NonZeroU32::new(10).unwrap();
    // Waiting for the pace is part of no timeout.
    settings.timeouts.list = Duration::from_millis(900);
    let client = client(settings);
    let start = Instant::now();
    let calls = (0..25).map(|_| client.tenants());
    let results = futures::future::join_all(calls).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    // Ten at once, fifteen at ten a second.
    assert!(
        start.elapsed() >= Duration::from_millis(1400),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(server.requests().len(), 25);
}

#[tokio::test]
async fn html_is_no_answer_whatever_its_status() {
    for status in ["200 OK", "202 Accepted", "404 Not Found", "403 Forbidden"] {
        let html = ["Content-Type: text/html"];
        let (_server, client) = connected(move |_| {
            Reply::Bytes(http(status, &html, "VIRMT_TenantWithSpecifiedIdNotFound"))
        });
        let error = client.tenant(&TenantId::new("1")).await.unwrap_err();
        assert_eq!(error.problem(), Problem::UnexpectedAnswer);
        assert_eq!(*error.class(), transient());
    }
}

#[tokio::test]
async fn a_401_is_about_credentials_even_when_it_is_cut() {
    let cut = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\n<html>";
    let (_server, client) = connected(|_| Reply::Close(cut.into()));
    let error = client.tenants().await.unwrap_err();
    assert_eq!(*error.class(), Class::Credentials);
    assert_eq!(error.effect(), Effect::None);
}

#[tokio::test]
async fn who_waits_for_the_pace_is_not_sent_once_the_account_is_refused() {
    let identity = Identity::issued_for(&[]);
    let server = Server::start(identity.config(&[&TLS13]), |_| {
        Reply::Bytes(http("401 Unauthorized", &[], ""))
    });
    let mut settings = settings("127.0.0.1", server.address.port(), pinned(&identity));
    settings.requests_per_second = NonZeroU32::new(2).unwrap();
    let client = client(settings);
    let calls = (0..10).map(|_| client.tenants());
    let started = Instant::now();
    for result in futures::future::join_all(calls).await {
        let error = result.unwrap_err();
        assert_eq!(*error.class(), Class::Credentials, "{error}");
        assert_eq!(error.effect(), Effect::None);
    }
    // Two at once, and those that were let go before their answer came.
    let sent = server.requests().len();
    assert!(sent < 7, "{sent} in {:?}", started.elapsed());
    // Whoever asks from now on has a reason: other credentials, or a probe.
    client.tenants().await.unwrap_err();
    assert_eq!(server.requests().len(), sent + 1);
}

/// The administrator's password, in the texts of the task that its creation began.
async fn refused_creation(client: &Client) -> Task {
    let new = NewTenant {
        name: "a".into(),
        description: None,
        user_data: None,
        preferred_viis_address: None,
        kind: NewTenantKind::Complete {
            administrator: "x".into(),
            password: SecretString::from("Summer24"),
        },
    };
    let id = client.create_tenant(&new).await.unwrap();
    client.task(&id).await.unwrap()
}

fn tells_the_password(request: &str) -> Reply {
    let error = "<code>VIRMT_PasswordNotComplyPolicy</code>\
                 <message>The password 'Summer24' (U3VtbWVyMjQ=) is too short</message>";
    let task = |id| {
        format!(
            "<task id='{id}'><state>Failed</state><type>CreateTenant</type><error>{error}</error></task>"
        )
    };
    let (status, body) = if request.starts_with("POST") {
        ("202 Accepted", "<task id='17'/>".to_owned())
    } else if request.starts_with("GET /api/2.0/virtualization/tasks/17 ") {
        ("200 OK", task("17"))
    } else {
        (
            "200 OK",
            format!("<tasks>{}{}</tasks>", task("17"), task("18")),
        )
    };
    Reply::Bytes(http(status, &[], &body))
}

#[tokio::test]
async fn a_creations_task_shows_no_password() {
    let (server, client) = connected(tells_the_password);
    let shown = refused_creation(&client).await;
    let message = "VIRMT_PasswordNotComplyPolicy The password '…' (…) is too short";
    assert_eq!(shown.error().unwrap().message, message);
    let listed = client.tasks(&TaskFilter::default()).await.unwrap();
    assert_eq!(listed[0].error().unwrap().message, message);
    // Another process's: nobody here knows what to hide.
    assert_eq!(listed[1].error().unwrap().message, "");
    assert!(!format!("{listed:?}{client:?}").contains("Summer24"));
    drop(server);
}
