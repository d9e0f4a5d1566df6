//! States, results and errors of tasks in every shape.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::viis::list;

fn task(body: &str) -> Task {
    let text = format!("<task id='1'>{body}</task>");
    list::task(&text, &|_| Cow::Owned(Redactor::new().hiding("s3cret"))).unwrap()
}

#[rstest]
#[case("Created", TaskState::Created, false)]
#[case("Queued", TaskState::Queued, false)]
#[case("Starting", TaskState::Starting, false)]
#[case("Running", TaskState::Running, false)]
#[case("Stopping", TaskState::Stopping, false)]
#[case(" Completed ", TaskState::Completed, true)]
#[case("Failed", TaskState::Failed, true)]
#[case("Canceled", TaskState::Canceled, true)]
#[case("Cancelled", TaskState::Canceled, true)]
#[case("Stopped", TaskState::Canceled, true)]
#[case("COMPLETED", TaskState::Completed, true)]
#[case("cancelled", TaskState::Canceled, true)]
#[case("running", TaskState::Running, false)]
#[case("Paused", TaskState::Other("Paused".into()), false)]
#[case("", TaskState::Other(String::new()), false)]
fn states_are_known_or_not_terminal(
    #[case] text: &str,
    #[case] state: TaskState,
    #[case] terminal: bool,
) {
    let task = task(&format!("<state>{text}</state>"));
    assert_eq!(task.state, state);
    assert_eq!(task.state.is_terminal(), terminal);
}

#[rstest]
#[case("45", Some(45))]
#[case(" 45 % ", Some(45))]
#[case("45.9", Some(45))]
#[case("-3", Some(0))]
#[case("300", Some(100))]
#[case("inf", Some(100))]
#[case("NaN", None)]
#[case("half", None)]
#[case("", None)]
fn progress_is_a_percentage(#[case] text: &str, #[case] expected: Option<u8>) {
    assert_eq!(
        task(&format!("<progress>{text}</progress>")).progress,
        expected
    );
}

#[rstest]
#[case("<tenant id='17'><name>a</name></tenant>", Some(true))]
#[case(
    "<created><tenant id='17'><name>a</name></tenant></created>",
    Some(true)
)]
#[case(
    "&lt;tenant id='17'&gt;&lt;name&gt;a&lt;/name&gt;&lt;/tenant&gt;",
    Some(true)
)]
#[case(
    "<![CDATA[<?xml version='1.0'?><tenant id='17'><name>a</name></tenant>]]>",
    Some(true)
)]
#[case(
    " \n<![CDATA[<x><tenant id='17'><name>a</name></tenant></x>]]>\n",
    Some(true)
)]
#[case("<tenant id='17'/>", Some(false))]
#[case("17", Some(false))]
#[case(" \"17\" ", Some(false))]
#[case("<tenantId>17</tenantId>", Some(false))]
#[case("&lt;tenantId&gt;17&lt;/tenantId&gt;", Some(false))]
#[case("&lt;guid&gt;17&lt;/guid&gt;", Some(false))]
// In doubt, none.
#[case("", None)]
#[case("true", None)]
#[case("done 17", None)]
#[case("<tenant/>", None)]
#[case("<tenant id='17'/><tenant id='18'/>", None)]
#[case("<tenantId>17</tenantId><tenantId>18</tenantId>", None)]
#[case("<other>17</other>", None)]
#[case("&lt;tenant id='17'&gt;", None)]
#[case("&lt;!DOCTYPE a&gt;&lt;tenant id='17'/&gt;", None)]
fn a_result_names_the_created_tenant(#[case] result: &str, #[case] described: Option<bool>) {
    let completed =
        format!("<state>Completed</state><type>CreateTenant</type><result>{result}</result>");
    let created = task(&completed).created_tenant();
    match (&created, described) {
        (Some(CreatedTenant::Tenant(tenant)), Some(true)) => assert_eq!(tenant.name, "a"),
        (Some(CreatedTenant::Id(_)), Some(false)) | (None, None) => {}
        (Some(_) | None, Some(_) | None) => panic!("{result}: {created:?}"),
    }
    if let Some(created) = created {
        assert_eq!(created.id().as_str(), "17");
    }
    let running = completed.replace("Completed", "Running");
    assert_eq!(task(&running).created_tenant(), None);
    let report = completed.replace("CreateTenant", "CreateTenantReport");
    assert_eq!(task(&report).created_tenant(), None);
}

#[rstest]
#[case(
    "<error><code>KSC_ServiceNotConfigured</code><message>No settings</message></error>",
    Some("KSC_ServiceNotConfigured"),
    "KSC_ServiceNotConfigured No settings"
)]
#[case(
    "<error code='KSC_ServiceNotConfigured'>No settings</error>",
    Some("KSC_ServiceNotConfigured"),
    "No settings"
)]
#[case(
    "<error code='KSC_ServiceNotConfigured' message='No settings'/>",
    Some("KSC_ServiceNotConfigured"),
    "KSC_ServiceNotConfigured No settings"
)]
#[case(
    "<error>KSC_ServiceNotConfigured: no</error>",
    Some("KSC_ServiceNotConfigured"),
    "KSC_ServiceNotConfigured: no"
)]
#[case(
    "<error><![CDATA[<e><c>VIRMT_X1</c></e>]]></error>",
    Some("VIRMT_X1"),
    "<e><c>VIRMT_X1</c></e>"
)]
#[case("<error>Something broke</error>", None, "Something broke")]
#[case("<error>s3cret broke</error>", None, "… broke")]
#[case("<error><password>abc</password><m>broke</m></error>", None, "… broke")]
#[case(
    "<error>&lt;password&gt;abc&lt;/password&gt; broke</error>",
    None,
    "<password…password> broke"
)]
fn an_error_has_a_code_and_a_safe_message(
    #[case] error: &str,
    #[case] code: Option<&str>,
    #[case] message: &str,
) {
    let task = task(&format!("<state>Failed</state>{error}"));
    let error = task.error().unwrap();
    assert_eq!(error.code.as_ref().map(Code::as_str), code);
    assert_eq!(error.message, message);
}

#[test]
fn the_state_decides_between_result_and_error() {
    let both = |state| {
        task(&format!(
            "<state>{state}</state><result>17</result><error>broke</error>"
        ))
    };
    assert!(both("Failed").error().is_some());
    assert!(both("Completed").error().is_none());
    assert!(both("Completed").created_tenant().is_some());
    let empty = task("<state>Completed</state><result/><error/>");
    assert_eq!(empty.outcome, None);
    assert!(task("<state>Failed</state>").error().is_none());
}

#[test]
fn long_words_are_cut() {
    let long = "x".repeat(5000);
    let task = task(&format!(
        "<state>{long}</state><type>{long}</type><stage>{long}</stage><error>{}</error>",
        "y ".repeat(5000)
    ));
    assert_eq!(task.state.to_string().chars().count(), 64);
    assert_eq!(
        task.task_type.clone().unwrap().to_string().chars().count(),
        64
    );
    assert!(task.stage.clone().unwrap().chars().count() <= 256);
    assert!(task.error().unwrap().message.chars().count() <= 512);
}

#[rstest]
#[case("createTenant", TaskType::CreateTenant)]
#[case(" DELETETENANT ", TaskType::DeleteTenant)]
#[case("changetenantactivation", TaskType::ChangeTenantActivation)]
#[case("CREATETENANTREPORT", TaskType::CreateTenantReport)]
#[case("Create Tenant", TaskType::Other("Create Tenant".into()))]
fn types_are_known_in_any_case(#[case] text: &str, #[case] expected: TaskType) {
    let task = task(&format!("<state>Running</state><type>{text}</type>"));
    assert_eq!(task.task_type, Some(expected));
}

#[test]
fn only_a_type_that_a_page_names_is_certainly_another_one() {
    let wanted = TaskType::CreateTenant;
    assert!(!TaskType::CreateTenant.rules_out(&wanted));
    assert!(TaskType::DeleteTenant.rules_out(&wanted));
    assert!(TaskType::CreateTenantReport.rules_out(&wanted));
    assert!(!TaskType::Other("TenantCreation".into()).rules_out(&wanted));
}

const REFUSED: &str = "<task id='1'><state>Failed</state><type>CreateTenant</type>\
    <stage>Account x:p&amp;s'w</stage><error><code>VIRMT_PasswordNotComplyPolicy</code>\
    <message>The password 'p&amp;s'w' (cCZzJ3c=, cCZzJ3c, p&amp;amp;s'w, p&amp;amp;s&amp;apos;w, \
    p&amp;amp;s&amp;#39;w) is too short</message></error></task>";

#[test]
fn a_refused_password_is_hidden_by_who_knows_it() {
    let knows = Redactor::new().hiding_administrators("p&s'w");
    let task = list::task(REFUSED, &|_| Cow::Borrowed(&knows)).unwrap();
    assert_eq!(
        task.error().unwrap().message,
        "VIRMT_PasswordNotComplyPolicy The password '…' (…=, …, …, …, …) is too short"
            .replace("…=", "…")
    );
    assert_eq!(task.stage.as_deref(), Some("Account x:…"));
}

#[test]
fn a_refused_password_that_nobody_knows_takes_its_text_along() {
    let task = list::task(REFUSED, &|_| Cow::Owned(Redactor::new())).unwrap();
    let error = task.error().unwrap();
    assert!(
        error
            .code
            .as_ref()
            .unwrap()
            .is(codes::PASSWORD_NOT_COMPLY_POLICY)
    );
    assert_eq!(error.message, "");
}
