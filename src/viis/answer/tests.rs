//! Every shape of answer, and what it means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const HTML: &str = "<html><body>VIRMT_TenantWithSpecifiedIdNotFound</body></html>";
const TENANT_404: &str = "<error><code>VIRMT_TenantWithSpecifiedIdNotFound</code></error>";
const MACHINE_404: &str = "{\"code\": \"VIRMT_VmWithSpecifiedIdNotFound\"}";

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.as_bytes().to_vec(),
        ..Answer::default()
    }
}

fn error(method: Method, status: u16, body: &str) -> Error {
    answer(status, body)
        .success(method, &Redactor::new())
        .unwrap_err()
}

fn transient() -> Class {
    Class::Transient { retry_after: None }
}

#[rstest]
#[case(
    Method::GetTenant,
    401,
    "",
    Class::Credentials,
    Problem::Credentials,
    Effect::None
)]
#[case(
    Method::GetTenant,
    401,
    HTML,
    Class::Credentials,
    Problem::Credentials,
    Effect::None
)]
#[case(
    Method::GetTenant,
    403,
    "",
    Class::Rejected,
    Problem::Forbidden,
    Effect::None
)]
#[case(
    Method::GetTenant,
    403,
    HTML,
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
// 404: only the server's own code for this object proves that it is absent.
#[case(
    Method::GetTenant,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::GetTenant,
    404,
    "",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::GetTenant,
    404,
    "gone",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::GetTenant,
    404,
    MACHINE_404,
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::GetTenant,
    404,
    "VIRMT_Other",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::GetTenant,
    404,
    HTML,
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::GetTenant,
    400,
    TENANT_404,
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::ActivateTenant,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::DeactivateTenant,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::DeleteTenant,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::ListVirtualMachines,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::RegisterVirtualMachine,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::RegisterVirtualMachine,
    404,
    MACHINE_404,
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::UnregisterVirtualMachine,
    404,
    TENANT_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::UnregisterVirtualMachine,
    404,
    MACHINE_404,
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::UnregisterVirtualMachine,
    404,
    "",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::ListTenants,
    404,
    TENANT_404,
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::CreateTenant,
    404,
    TENANT_404,
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::ListTasks,
    404,
    "",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
// A task's 404 has no code.
#[case(
    Method::GetTask,
    404,
    "",
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::CancelTask,
    404,
    "no",
    Class::NotFound,
    Problem::NotFound,
    Effect::None
)]
#[case(
    Method::GetTask,
    404,
    "<HTML>",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::GetTask,
    404,
    "<!DOCTYPE HTML PUBLIC>",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
// Other refusals.
#[case(
    Method::CreateTenant,
    400,
    "VIRMT_InvalidTenantType",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::RegisterVirtualMachine,
    409,
    "",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::ListTasks,
    405,
    "",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::CreateTenant,
    413,
    "",
    Class::Rejected,
    Problem::Rejected,
    Effect::None
)]
#[case(
    Method::CreateTenant,
    429,
    "",
    transient(),
    Problem::ServerError,
    Effect::None
)]
#[case(
    Method::CreateTenant,
    408,
    "",
    transient(),
    Problem::ServerError,
    Effect::None
)]
// The server's own trouble.
#[case(
    Method::CreateTenant,
    500,
    TENANT_404,
    transient(),
    Problem::ServerError,
    Effect::Unknown
)]
#[case(
    Method::CreateTenant,
    502,
    HTML,
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::GetTask,
    503,
    "",
    transient(),
    Problem::ServerError,
    Effect::Unknown
)]
#[case(
    Method::GetTask,
    599,
    "",
    transient(),
    Problem::ServerError,
    Effect::Unknown
)]
#[case(
    Method::GetTask,
    999,
    "",
    transient(),
    Problem::ServerError,
    Effect::Unknown
)]
// Redirects, and successes that are none for this method.
#[case(
    Method::GetTenant,
    302,
    "",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::CreateTenant,
    307,
    "",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::ListTenants,
    206,
    "<l/>",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::ListTenants,
    203,
    "<l/>",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::ListTenants,
    204,
    "",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::ListTenants,
    200,
    HTML,
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::RegisterVirtualMachine,
    202,
    "",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::CancelTask,
    405,
    HTML,
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::GetTask,
    0,
    "",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
#[case(
    Method::GetTask,
    199,
    "",
    transient(),
    Problem::UnexpectedAnswer,
    Effect::Unknown
)]
fn answers_are_classified_once(
    #[case] method: Method,
    #[case] status: u16,
    #[case] body: &str,
    #[case] class: Class,
    #[case] problem: Problem,
    #[case] effect: Effect,
) {
    let error = error(method, status, body);
    assert_eq!(*error.class(), class);
    assert_eq!(error.problem(), problem);
    assert_eq!(error.effect(), effect);
    assert_eq!(error.status(), Some(status));
    assert_eq!(error.method(), method);
    // A page of a proxy is not the server's word.
    let expected = Code::find(body).filter(|_| body != HTML);
    assert_eq!(error.code(), expected.as_ref());
}

#[rstest]
#[case(Method::ListTenants, 200)]
#[case(Method::CreateTenant, 202)]
#[case(Method::ActivateTenant, 202)]
#[case(Method::DeleteTenant, 200)]
#[case(Method::RegisterVirtualMachine, 200)]
#[case(Method::UnregisterVirtualMachine, 204)]
#[case(Method::CancelTask, 200)]
#[case(Method::CancelTask, 202)]
#[case(Method::CancelTask, 405)]
#[case(Method::CancelTask, 409)]
fn successes_give_their_text(#[case] method: Method, #[case] status: u16) {
    let answer = answer(status, "text");
    assert_eq!(answer.success(method, &Redactor::new()).unwrap(), "text");
}

#[rstest]
#[case("text/html", "404")]
#[case(" Text/HTML; charset=utf-8", "404")]
#[case("application/xhtml+xml", "404")]
#[case(
    "",
    "\u{FEFF}\n <?xml version='1.0'?><!-- c --> <!DocType HTML><html/>"
)]
#[case("application/xml", "<html xmlns='http://www.w3.org/1999/xhtml'/>")]
fn html_is_recognised(#[case] content_type: &str, #[case] body: &str) {
    let mut answer = answer(404, body);
    answer.content_type = Some(content_type.to_owned());
    let error = answer
        .success(Method::GetTask, &Redactor::new())
        .unwrap_err();
    assert_eq!(*error.class(), transient());
}

#[rstest]
#[case("<!-- <html> -->")]
#[case("<?xml <html")]
#[case("<ht")]
#[case("no <html>")]
fn not_everything_is_html(#[case] body: &str) {
    let error = error(Method::GetTask, 404, body);
    assert_eq!(*error.class(), Class::NotFound);
}

#[test]
fn a_second_documented_code_leaves_absence_in_doubt() {
    let both = format!("{TENANT_404}{MACHINE_404}");
    let doubtful = error(Method::GetTenant, 404, &both);
    assert_eq!(*doubtful.class(), Class::Rejected);
    // An undocumented one may be part of a name.
    let named = format!("tenant KSC_1: {TENANT_404}");
    let clear = error(Method::GetTenant, 404, &named);
    assert_eq!(*clear.class(), Class::NotFound);
    assert_eq!(clear.code().unwrap().as_str(), codes::TENANT_NOT_FOUND);
}

#[rstest]
#[case(429, Some("7"), Some(7))]
#[case(503, Some(" 7 "), Some(7))]
#[case(503, Some("0"), Some(0))]
#[case(503, Some("86400"), Some(300))]
#[case(503, Some("99999999999999999999999999"), Some(300))]
#[case(503, Some("-1"), None)]
#[case(503, Some("+1"), None)]
#[case(503, Some(""), None)]
#[case(503, Some("Wed, 21 Oct 2026 07:28:00 GMT"), None)]
#[case(503, None, None)]
#[case(500, Some("7"), None)]
fn retry_after_is_honoured_within_bounds(
    #[case] status: u16,
    #[case] header: Option<&str>,
    #[case] seconds: Option<u64>,
) {
    let mut answer = answer(status, "");
    answer.retry_after = header.map(str::to_owned);
    let error = answer
        .success(Method::ListTenants, &Redactor::new())
        .unwrap_err();
    let retry_after = seconds.map(Duration::from_secs);
    assert_eq!(*error.class(), Class::Transient { retry_after });
}

#[test]
fn what_is_not_utf_8_is_unexpected() {
    for status in [200, 404, 400] {
        let mut answer = answer(status, "");
        answer.body = b"<tenants>\xFF</tenants>".to_vec();
        let error = answer
            .success(Method::ListTenants, &Redactor::new())
            .unwrap_err();
        assert_eq!(error.problem(), Problem::UnexpectedAnswer);
        assert_eq!(*error.class(), transient());
    }
}

#[test]
fn messages_say_what_to_do_and_keep_secrets() {
    let redactor = Redactor::new().hiding("s3cret");
    let body = "<error><code>VIRMT_PasswordNotComplyPolicy</code><message>s3cret is weak</message>\
                <password>YWJj</password></error>";
    let error = answer(400, body)
        .success(Method::CreateTenant, &redactor)
        .unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("The Integration Server rejected create_tenant (400, VIRMT_PasswordNotComplyPolicy). Choose"), "{message}");
    assert!(message.contains("is weak"), "{message}");
    for text in [message, format!("{error:?}")] {
        assert!(!text.contains("s3cret") && !text.contains("YWJj"), "{text}");
    }
    let long = answer(400, &"word ".repeat(10_000));
    let error = long.success(Method::CreateTenant, &redactor).unwrap_err();
    assert!(error.to_string().len() <= 1000);
}

/// Found by fuzzing: what looks like a code became the reason, whatever it said.
#[rstest]
#[case(400, "KSC_Summer24 is too weak", None)]
#[case(404, "no task of KSC_Summer24", None)]
#[case(500, "<error>VIRMT_S1NDX1N1bW1lcjI0</error>", None)]
#[case(400, "KSC_Summer24 is too weak: KSC_Weak", Some("KSC_Weak"))]
#[case(
    400,
    "VIRMT_PasswordNotComplyPolicy KSC_Summer24",
    Some("VIRMT_PasswordNotComplyPolicy")
)]
fn a_password_that_looks_like_a_code_is_none(
    #[case] status: u16,
    #[case] body: &str,
    #[case] code: Option<&str>,
) {
    let redactor = Redactor::new().hiding("KSC_Summer24");
    let error = answer(status, body)
        .success(Method::GetTask, &redactor)
        .unwrap_err();
    assert_eq!(error.code().map(Code::as_str), code);
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("Summer24") && !shown.contains("S1NDX1N1bW1lcjI0"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(
        status in any::<u16>(),
        method in prop::sample::select(Method::ALL.to_vec()),
        body in prop::collection::vec(any::<u8>(), 0..200),
        retry_after in prop::option::of(".*"),
        content_type in prop::option::of(".*"),
    ) {
        let answer = Answer { status, content_type, location: None, retry_after, body };
        if let Err(error) = answer.success(method, &Redactor::new().hiding("a")) {
            prop_assert!(error.to_string().len() <= 1000);
            // Only a 404 can prove absence.
            prop_assert!(*error.class() != Class::NotFound || status == 404);
        }
    }
}

const LISTED: &str = "<tenants><tenant id='1'><name>a</name></tenant></tenants>";

/// An answer that calls itself HTML.
fn labelled(status: u16, body: &str) -> Answer {
    Answer {
        content_type: Some("text/html; charset=utf-8".to_owned()),
        ..answer(status, body)
    }
}

#[rstest]
#[case(Method::ListTenants, 200, LISTED)]
#[case(Method::ActivateTenant, 202, "<task id='17'/>")]
#[case(Method::ActivateTenant, 202, "{\"taskId\": 17}")]
#[case(Method::ActivateTenant, 202, "")]
#[case(Method::UnregisterVirtualMachine, 200, "")]
#[case(Method::RegisterVirtualMachine, 200, "<result>true</result>")]
fn a_success_is_judged_by_its_body_and_not_by_its_label(
    #[case] method: Method,
    #[case] status: u16,
    #[case] body: &str,
) {
    let answer = labelled(status, body);
    assert_eq!(answer.success(method, &Redactor::new()).unwrap(), body);
}

#[rstest]
#[case(Method::UnregisterVirtualMachine, 200, "Please log in")]
#[case(Method::UnregisterVirtualMachine, 200, "<div>Please log in</div>")]
#[case(Method::ActivateTenant, 202, "<p>17</p>")]
#[case(Method::ListTenants, 200, "<html/>")]
// Evidence of absence needs more than that.
#[case(Method::GetTenant, 404, TENANT_404)]
#[case(Method::GetTask, 404, "<error/>")]
#[case(Method::CreateTenant, 400, "<error/>")]
#[case(Method::CreateTenant, 500, "<error/>")]
#[case(Method::CancelTask, 409, "")]
fn what_may_be_a_page_is_one(#[case] method: Method, #[case] status: u16, #[case] body: &str) {
    let error = labelled(status, body)
        .success(method, &Redactor::new())
        .unwrap_err();
    assert_eq!(error.problem(), Problem::UnexpectedAnswer);
    assert_eq!(*error.class(), transient());
}

#[test]
fn a_refusal_with_a_code_is_one_whatever_its_label() {
    let body = "<error><code>VIRMT_InvalidTenantType</code></error>";
    let error = labelled(400, body)
        .success(Method::CreateTenant, &Redactor::new())
        .unwrap_err();
    assert_eq!(*error.class(), Class::Rejected);
    assert!(error.code().unwrap().is(codes::INVALID_TENANT_TYPE));
}

#[rstest]
#[case(200, LISTED, true)]
#[case(404, TENANT_404, true)]
#[case(404, MACHINE_404, true)]
#[case(202, "", true)]
#[case(404, "", false)]
#[case(200, "<tenants><tenant id='1'>", false)]
#[case(200, "{\"taskId\": 17", false)]
#[case(202, "17", false)]
#[case(404, "VIRMT_TenantWithSpecifiedIdNotFound", false)]
fn what_shows_by_itself_that_it_is_whole(
    #[case] status: u16,
    #[case] body: &str,
    #[case] whole: bool,
) {
    assert_eq!(answer(status, body).is_self_contained(), whole);
}
