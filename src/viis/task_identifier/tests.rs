//! Every shape of a `202 Accepted`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const ID: &str = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";

#[rstest]
#[case(format!("<task id=\"{ID}\"/>"))]
#[case(format!("\u{FEFF}<?xml version=\"1.0\"?>\n<task id=\"{ID}\"><state>Created</state></task>"))]
#[case(format!("<x:task xmlns:x=\"urn:x\" id='{ID}'/>"))]
#[case(format!("<answer id=\"9\"><task id=\"{ID}\"/></answer>"))]
#[case(format!("<task id=\"{ID}\"><result><tenant id=\"9\"/></result></task>"))]
#[case(format!("<taskId>{ID}</taskId>"))]
#[case(format!("<answer><taskId> {ID} </taskId></answer>"))]
#[case(format!("<task><id>{ID}</id></task>"))]
#[case(format!("<task>{ID}</task>"))]
#[case(format!("<answer><taskId>{ID}</taskId><taskId>{{{}}}</taskId></answer>", ID.to_uppercase()))]
#[case(format!("<accepted taskId=\"{ID}\"/>"))]
#[case(format!("<response id=\"req-9\"><taskId>{ID}</taskId></response>"))]
#[case(format!("{{\"taskId\": \"{ID}\"}}"))]
#[case(format!("{{\"id\": 9, \"taskId\": \"{ID}\"}}"))]
#[case(format!("{{\"task\": {{\"id\": \"{ID}\"}}}}"))]
#[case(format!("{{\"task\": \"{ID}\"}}"))]
#[case(format!("{{\"TaskId\": \"{{{ID}}}\"}}"))]
fn what_is_called_a_task_is_found(#[case] body: String) {
    let found = find(&body, None);
    assert_eq!(found, Some(TaskId::new(ID)), "{body}");
    // It goes before the header.
    assert_eq!(find(&body, Some("/api/2.0/virtualization/tasks/9")), found);
}

#[rstest]
#[case(format!("<guid xmlns=\"http://schemas.example/\">{ID}</guid>"))]
#[case(format!("<string>\"{ID}\"</string>"))]
#[case(format!("<accepted id=\"{ID}\"/>"))]
#[case(format!("<answer><id>{ID}</id></answer>"))]
#[case(format!("<response><value>{ID}</value></response>"))]
#[case(format!("<response><status>202</status><value>{ID}</value></response>"))]
#[case(format!("<response><tenant><id>9</id></tenant><id>{ID}</id></response>"))]
#[case(format!("<response><result>{ID}</result></response>"))]
#[case(ID.to_owned())]
#[case(format!("  {ID}\r\n"))]
#[case(format!("\"{ID}\""))]
#[case(format!("{{\"id\": \"{ID}\", \"state\": \"Created\"}}"))]
fn what_looks_like_an_identifier_is_found(#[case] body: String) {
    let found = find(&body, None);
    assert_eq!(found, Some(TaskId::new(ID)), "{body}");
    // The header names a task; this does not.
    let header = find(&body, Some("/api/2.0/virtualization/tasks/9"));
    assert_eq!(header, Some(TaskId::new("9")), "{body}");
}

#[rstest]
#[case("17", "17")]
#[case("\"17\"", "17")]
#[case("{\"id\": 17}", "17")]
#[case("<task id=\"abc\"/>", "abc")]
#[case(
    "{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}",
    "{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}"
)]
fn identifiers_are_kept_as_the_server_wrote_them(#[case] body: &str, #[case] expected: &str) {
    assert_eq!(find(body, None).unwrap().as_str(), expected);
}

#[rstest]
#[case("")]
#[case("Accepted")]
#[case("true")]
#[case("null")]
#[case("OK, task 17 was created")]
#[case("KSC_Error17")]
#[case("OK1")]
#[case("HTTP-202")]
#[case("<status>202</status>")]
#[case("<result>1</result>")]
#[case("<response id=\"req-9\"/>")]
#[case("<response><requestId>4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10</requestId></response>")]
#[case("<response><a>17</a><b>18</b></response>")]
#[case("<accepted/>")]
#[case("<string>Accepted</string>")]
#[case("<answer><taskId>17</taskId><taskId>18</taskId></answer>")]
#[case("<l><task id='17'/><task id='18'/></l>")]
#[case("<tenant id=\"17\"/>")]
#[case("<task id=\"17\"")]
#[case("<task id=\"..\"/>")]
#[case("<task id=\"\"/>")]
#[case("<!DOCTYPE a><task id=\"17\"/>")]
#[case("{\"id\": null}")]
#[case("{\"id\": -1}")]
#[case("{\"id\": 1.5}")]
#[case("{\"id\": {\"id\": 1}}")]
#[case("{\"name\": \"17\"}")]
#[case("{\"id\": \"17\"")]
#[case("[17]")]
fn in_doubt_there_is_none(#[case] body: &str) {
    assert_eq!(find(body, None), None);
}

#[rstest]
#[case("/api/2.0/virtualization/tasks/17", Some("17"))]
#[case("https://viis:7271/api/2.0/virtualization/tasks/17/?a=b#c", Some("17"))]
#[case("/api/2.0/virtualization/tasks/%7B17%7d", Some("{17}"))]
#[case("tasks/17", Some("17"))]
#[case("../tasks/17", Some("17"))]
#[case("/api/2.0/Virtualization/Tasks/17", Some("17"))]
#[case("subtasks/17", None)]
#[case("/api/2.0/virtualization/tasks/", None)]
#[case("/api/2.0/virtualization/tasks/17/cancel", None)]
#[case("/api/2.0/virtualization/tenants/17", None)]
#[case("/tasks/%", None)]
#[case("/tasks/%zz", None)]
#[case("/tasks/%ff", None)]
#[case("/tasks/%2e%2e", None)]
#[case("", None)]
fn the_location_names_a_task(#[case] location: &str, #[case] expected: Option<&str>) {
    let found = find("", Some(location));
    assert_eq!(found.as_ref().map(TaskId::as_str), expected);
    for body in [
        "Accepted",
        "OK1",
        "<status>202</status>",
        "<response id=\"req-9\"/>",
        "<result>1</result>",
        "<l><task id='17'/><task id='18'/></l>",
    ] {
        assert_eq!(find(body, Some(location)), found, "{body}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in ".*", location in prop::option::of("(/tasks/)?[%0-9a-f/?{}é]*")) {
        let _ = find(&body, location.as_deref());
    }

    #[test]
    fn what_is_found_is_an_identifier(body in "[<>/\"'{}:= taskIdid0-9]*") {
        if let Some(id) = find(&body, None) {
            prop_assert!(is_identifier(id.as_str()));
        }
    }
}
