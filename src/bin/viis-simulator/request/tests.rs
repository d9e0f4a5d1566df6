#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;

const CREDENTIALS: &str =
    "<vKsc><user><name>root</name><password>cGFzc3dvcmQ=</password></user></vKsc>";

#[test]
fn a_complete_tenant_is_read() {
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><tenant><name>A &amp; B &#13;\n </name>\
         <userData><![CDATA[<a]]>]]&gt;<![CDATA[&amp;]]></userData>\
         <preferredViisAddress>::1</preferredViisAddress><type>Complete</type>{CREDENTIALS}</tenant>"
    );
    let tenant = new_tenant(body.as_bytes()).unwrap();
    assert_eq!(tenant.name, "A & B \r\n ");
    assert_eq!(tenant.description, None);
    assert_eq!(tenant.user_data.as_deref(), Some("<a]]>&amp;"));
    assert_eq!(tenant.preferred_viis_address.as_deref(), Some("::1"));
    let administrator = tenant.administrator.unwrap();
    assert_eq!(administrator.name, "root");
    assert_eq!(administrator.password_length, 8);
    assert_eq!(administrator.password_sha256, sha256(b"password"));
}

#[rstest]
#[case("<type>Simple</type>", Some(codes::MANDATORY_MISSING))]
#[case("<name></name><type>Simple</type>", Some(codes::MANDATORY_MISSING))]
#[case("<name>a</name>", Some(codes::MANDATORY_MISSING))]
#[case("<name>a</name><type>simple</type>", Some(codes::INVALID_TENANT_TYPE))]
#[case(
    "<name>a</name><type>Complete</type>",
    Some(codes::VKSC_CREDENTIALS_MISSING)
)]
#[case(
    "<name>a</name><type>Complete</type><vKsc><user><name>a</name></user></vKsc>",
    Some(codes::VKSC_CREDENTIALS_MISSING)
)]
#[case(
    "<name>a</name><type>Complete</type><vKsc><user><name>a</name><password/></user></vKsc>",
    Some(codes::VKSC_CREDENTIALS_MISSING)
)]
#[case(
    "<name>a</name><type>Complete</type><vKsc><user><name>a</name><password>!</password></user></vKsc>",
    None
)]
#[case(
    "<name>a</name><type>Simple</type><preferredViisAddress>10.0.0</preferredViisAddress>",
    Some(codes::INVALID_VIIS_ADDRESS)
)]
#[case("<name>a</name><type>Simple</type><vKsc/>", None)]
#[case("<name>a</name><type>Simple</type><colour>red</colour>", None)]
#[case("<name>a</name><name>b</name><type>Simple</type>", None)]
#[case("<name>a<b/></name><type>Simple</type>", None)]
#[case("<name>a</name>text<type>Simple</type>", None)]
#[case("<name>&#1;</name><type>Simple</type>", None)]
#[case("<name>\u{1}</name><type>Simple</type>", None)]
#[case("<name>a</name><type>Simple</type></tenant><tenant>", None)]
fn a_wrong_tenant_is_refused(#[case] inside: &str, #[case] code: Option<&str>) {
    let refusal = new_tenant(format!("<tenant>{inside}</tenant>").as_bytes()).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, code), "{refusal:?}");
}

#[test]
fn another_root_an_attribute_or_a_doctype_is_refused() {
    let inside = "<name>a</name><type>Simple</type>";
    for body in [
        format!("<customer>{inside}</customer>"),
        format!("<tenant id='1'>{inside}</tenant>"),
        format!("<!DOCTYPE tenant [<!ENTITY a 'b'>]><tenant>{inside}</tenant>"),
        String::new(),
    ] {
        assert_eq!(new_tenant(body.as_bytes()).unwrap_err().status, 400);
    }
    assert!(new_tenant(format!("<tenant>{inside}</tenant>").as_bytes()).is_ok());
}

#[test]
fn a_machine_is_read() {
    let body = "<vm biosId='{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}'><name> web </name></vm>";
    let machine = new_machine(body.as_bytes()).unwrap();
    assert_eq!(
        machine.bios_id.to_string(),
        "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10"
    );
    assert_eq!(machine.name.as_deref(), Some(" web "));
    assert_eq!(machine.user_data, None);
}

#[rstest]
#[case("<vm><name>a</name></vm>", Some(codes::MANDATORY_MISSING))]
#[case("<vm biosId=''/>", Some(codes::MANDATORY_MISSING))]
#[case("<vm biosId='17'/>", None)]
#[case(
    "<vm biosId='4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10' colour='red'/>",
    None
)]
fn a_wrong_machine_is_refused(#[case] body: &str, #[case] code: Option<&str>) {
    let refusal = new_machine(body.as_bytes()).err().unwrap();
    assert_eq!((refusal.status, refusal.code), (400, code), "{refusal:?}");
}
