//! Lists and single objects in every dialect, and what is no evidence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use rstest::rstest;

use std::borrow::Cow;

use super::*;
use crate::viis::redaction::Redactor;
use crate::viis::{TaskId, TaskState, TaskType, TenantId, TenantStatus, TenantType};

fn secretless(_: &TaskId) -> Cow<'static, Redactor> {
    Cow::Owned(Redactor::new())
}

const TENANT: &str = "<tenant id=\"7A\" created=\"2024-05-31T13:45:00\" updated=\"2024-06-01T00:00:00.5Z\">\
    <name>Acme &amp; Söhne</name><description>Gold</description>\
    <userData><![CDATA[ {\"a\": \"]]]]><![CDATA[>\"}\n]]></userData>\
    <vKsc id=\"V1\"><user><name>acme-admin</name></user></vKsc>\
    <status>Active</status><type>Complete</type></tenant>";

#[test]
fn a_tenant_is_read_whole() {
    let found = tenant(TENANT).unwrap();
    assert_eq!(found.id, TenantId::new("7A"));
    assert_eq!(found.created.unwrap().to_string(), "2024-05-31T13:45:00");
    assert_eq!(found.updated.unwrap().to_string(), "2024-06-01T00:00:00");
    assert_eq!(found.name, "Acme & Söhne");
    assert_eq!(found.description.as_deref(), Some("Gold"));
    assert_eq!(found.user_data.as_deref(), Some(" {\"a\": \"]]>\"}\n"));
    let server = found.virtual_administration_server.unwrap();
    assert_eq!(server.id.as_deref(), Some("V1"));
    assert_eq!(server.administrator.as_deref(), Some("acme-admin"));
    assert_eq!(found.status, TenantStatus::Active);
    assert_eq!(found.tenant_type, Some(TenantType::Complete));
}

#[test]
fn what_is_empty_or_strange_in_a_tenant_is_taken_as_it_is() {
    let text = "<tenant id='{1}' created='soon'><status> Frozen </status><type>Odd</type><name> x </name>\
                <description/><userData></userData><vKsc/><extra id='2'><name>no</name></extra></tenant>";
    let found = tenant(text).unwrap();
    assert_eq!(found.id.as_str(), "{1}");
    assert_eq!(found.name, " x ");
    assert_eq!(found.created, None);
    assert_eq!(found.description, None);
    assert_eq!(found.user_data, None);
    assert_eq!(found.virtual_administration_server, None);
    assert_eq!(found.status, TenantStatus::Other("Frozen".into()));
    assert_eq!(found.tenant_type, Some(TenantType::Other("Odd".into())));
    let bare = tenant("<tenant id='1'><name>x</name></tenant>").unwrap();
    assert_eq!(bare.status, TenantStatus::Other(String::new()));
    assert_eq!(bare.tenant_type, None);
}

#[rstest]
#[case("<tenants>T</tenants>")]
#[case("<?xml version='1.0'?>\n<!-- c -->\n<list count='1'>\n  T\n</list>")]
#[case("<a><b id='9'><c>T</c></b></a>")]
#[case("<x:tenants xmlns:x='urn:x' xmlns='urn:y'><total>1</total>T</x:tenants>")]
#[case("<tenants total='1' page='1' pages='1' number='40017' pageSize='50'>T</tenants>")]
#[case("<a count='?'><total/><total>0</total>T</a>")]
#[case("T")]
#[case("\u{FEFF}<tenants>T</tenants>")]
fn any_root_may_hold_the_items(#[case] shape: &str) {
    let found = tenants(&shape.replace('T', TENANT)).unwrap();
    assert_eq!(found, [tenant(TENANT).unwrap()]);
}

#[rstest]
#[case("<tenants/>")]
#[case("<tenants>\n</tenants>")]
#[case("<ArrayOfTenant xmlns='urn:x'><!-- none --></ArrayOfTenant>")]
#[case("<a><tenants/><count>0</count></a>")]
#[case("<r id='r1'><status>OK</status><tenants><page>1</page></tenants></r>")]
fn an_empty_list_is_a_list(#[case] text: &str) {
    assert_eq!(tenants(text), Ok(vec![]));
}

#[rstest]
// Not XML, or cut.
#[case("")]
#[case("[]")]
#[case("{\"tenants\": []}")]
#[case("<tenants>")]
#[case("<tenants></tenants><tenants/>")]
#[case("<tenants><tenant id='1'><name>a</name></tenant>")]
// An item that cannot be read.
#[case("<tenants><tenant id='1'><name>a</name></tenant><tenant><name>b</name></tenant></tenants>")]
#[case("<tenants><tenant id='1'><name>a</name></tenant><tenant id='2'/></tenants>")]
#[case("<tenants><tenant id=''><name>b</name></tenant></tenants>")]
#[case("<tenants><tenant id='2'><name></name></tenant></tenants>")]
// Emptiness that may be something else.
#[case("<a><tenants/><count>5</count></a>")]
#[case("<error/>")]
#[case("<SomeException/>")]
#[case("<string>Service is starting</string>")]
#[case("<answer code='VIRMT_Something'/>")]
#[case("<tenants><customer id='1'><name>a</name></customer></tenants>")]
// One part of a longer list.
#[case("<tenants total='2'><tenant id='1'><name>a</name></tenant></tenants>")]
#[case(
    "<a><tenants><tenant id='1'><name>a</name></tenant></tenants><TotalCount> 2 </TotalCount></a>"
)]
#[case("<tenants page='2'><tenant id='1'><name>a</name></tenant></tenants>")]
#[case("<a><pages>3</pages><tenants><tenant id='1'><name>a</name></tenant></tenants></a>")]
fn what_is_not_a_whole_list_is_no_evidence(#[case] text: &str) {
    assert!(tenants(text).is_err(), "{text}");
}

#[rstest]
#[case(
    "<vms><vm id='1' biosId='4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10'><name>w</name></vm></vms>",
    true
)]
#[case(
    "<vms><vm biosId='{4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10}'/></vms>",
    true
)]
#[case("<vms><vm id='1'/></vms>", false)]
#[case("<vms><vm id='1' biosId='17'/></vms>", false)]
fn a_machine_needs_a_bios_id(#[case] text: &str, #[case] readable: bool) {
    let found = virtual_machines(text);
    assert_eq!(found.is_ok(), readable, "{found:?}");
    if let Ok(found) = found {
        let id = found[0].bios_id.to_string();
        assert_eq!(id, "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10");
        assert_eq!(found[0].id.is_some(), text.contains(" id="));
    }
}

#[test]
fn a_machine_is_read_whole() {
    let text = "<vm id='8' biosId='4230d3ef1f2b8b1c0a559a4f3a1d7c10' created='2024-05-31T13:45:00' \
                updated='2024-05-31T13:45:01'><userData><![CDATA[<x>]]></userData><name>web 1</name></vm>";
    let found = virtual_machines(text).unwrap();
    assert_eq!(found[0].id.as_ref().unwrap().as_str(), "8");
    assert_eq!(found[0].name.as_deref(), Some("web 1"));
    assert_eq!(found[0].user_data.as_deref(), Some("<x>"));
    assert!(found[0].created < found[0].updated);
}

#[test]
fn tasks_are_read_from_lists_and_alone() {
    let text = "<tasks><task id='1' created='2024-05-31T13:45:00' stateChanged='2024-05-31T13:45:01' \
                changed='2024-05-31T13:45:02'><state>Running</state><type>CreateTenant</type>\
                <stage>Group</stage><progress>45</progress></task>\
                <task id='2'><state>Paused</state><type>Backup</type></task></tasks>";
    let found = tasks(text, &secretless).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].state, TaskState::Running);
    assert_eq!(found[0].task_type, Some(TaskType::CreateTenant));
    assert_eq!(found[0].stage.as_deref(), Some("Group"));
    assert_eq!(found[0].progress, Some(45));
    assert!(found[0].created < found[0].state_changed);
    assert!(found[0].state_changed < found[0].changed);
    assert_eq!(found[1].state, TaskState::Other("Paused".into()));
    assert_eq!(found[1].task_type, Some(TaskType::Other("Backup".into())));
    assert!(
        tasks(
            "<tasks><task><state>Running</state></task></tasks>",
            &secretless
        )
        .is_err()
    );
    assert!(task("<tasks><task id='1'/><task id='2'/></tasks>", &secretless).is_err());
    assert!(task("<tasks/>", &secretless).is_err());
    // A tenant in the result is not a tenant of the list.
    let with_result = "<task id='1'><state>Completed</state><result><tenant id='9'><name>a</name></tenant></result></task>";
    assert!(
        task(with_result, &secretless)
            .unwrap()
            .created_tenant()
            .is_some()
    );
}

#[test]
fn one_object_is_asked_for_and_one_is_taken() {
    assert!(tenant(&format!("<answer>{TENANT}</answer>")).is_ok());
    assert!(tenant(&format!("<answer>{TENANT}{TENANT}</answer>")).is_err());
    assert!(tenant("<answer/>").is_err());
}

#[test]
fn a_long_list_is_read() {
    let list = format!("<tenants>{}</tenants>", TENANT.repeat(20_000));
    assert_eq!(tenants(&list).unwrap().len(), 20_000);
}

proptest! {
    #[test]
    fn no_list_makes_it_panic(text in "(<(tenants|tenant id='1'|vm biosId='x'|task id='2'|name|/tenant|/tenants|/name|result|/result|!DOCTYPE|!--)>?|[a-z<>&;]{0,3}){0,12}") {
        let _ = (tenants(&text), virtual_machines(&text), tasks(&text, &secretless));
        let _ = (tenant(&text), task(&text, &secretless));
    }
}

#[rstest]
#[case("ACTIVE", "COMPLETE", TenantStatus::Active, TenantType::Complete)]
#[case("inactive", " simple ", TenantStatus::Inactive, TenantType::Simple)]
fn the_words_of_a_tenant_are_known_in_any_case(
    #[case] status: &str,
    #[case] tenant_type: &str,
    #[case] expected: TenantStatus,
    #[case] expected_type: TenantType,
) {
    let text = format!(
        "<tenant id='1'><name>a</name><status>{status}</status><type>{tenant_type}</type></tenant>"
    );
    let found = tenant(&text).unwrap();
    assert_eq!(found.status, expected);
    assert_eq!(found.tenant_type, Some(expected_type));
}

#[test]
fn indentation_beside_cdata_is_no_user_data() {
    let text = "<tenants>\n  <tenant id='1'>\n    <name>a</name>\n    <userData>\n      \
                <![CDATA[{}]]>\n    </userData>\n  </tenant>\n</tenants>";
    let found = tenants(text).unwrap();
    assert_eq!(found[0].user_data.as_deref(), Some("{}"));
}
