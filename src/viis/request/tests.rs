//! Paths, queries and bodies, word for word.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::viis::xml::{self, Limits, is_xml_text};
use crate::viis::{Effect, TaskState, TaskType};

fn url(request: &Request) -> String {
    request
        .url(&Url::parse("https://viis:7271/").unwrap())
        .to_string()
}

fn tail(request: &Request) -> String {
    let url = url(request);
    url.strip_prefix("https://viis:7271/api/2.0/virtualization/")
        .unwrap()
        .to_owned()
}

#[test]
fn paths_and_queries_are_those_of_the_api() {
    let tenant = TenantId::new("{4230D3EF}");
    let machine: BiosId = "{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}".parse().unwrap();
    let on = |method, action: &[&str]| Request::on_tenant(method, &tenant, action).unwrap();
    assert_eq!(tail(&Request::list_tenants()), "tenants");
    assert_eq!(tail(&on(Method::GetTenant, &[])), "tenants/%7B4230D3EF%7D");
    assert_eq!(
        tail(&on(Method::ActivateTenant, &["activate"])),
        "tenants/%7B4230D3EF%7D/activate"
    );
    let remove = Request::delete_tenant(&TenantId::new("17"), Artifacts::Remove).unwrap();
    assert_eq!(tail(&remove), "tenants/17?removeTenantArtifacts=true");
    let keep = Request::delete_tenant(&TenantId::new("17"), Artifacts::Keep).unwrap();
    assert_eq!(tail(&keep), "tenants/17?removeTenantArtifacts=false");
    assert_eq!(keep.http_method(), http::Method::DELETE);
    let unregister = Request::unregister(&TenantId::new("17"), &machine).unwrap();
    assert_eq!(
        tail(&unregister),
        "tenants/17/vms/unregister?biosId=4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10"
    );
    let cancel = Request::on_task(Method::CancelTask, &TaskId::new("9"), &["cancel"]).unwrap();
    assert_eq!(tail(&cancel), "tasks/9/cancel");
    assert_eq!(cancel.http_method(), http::Method::POST);
}

#[test]
fn a_task_list_is_filtered() {
    assert_eq!(tail(&Request::list_tasks(&TaskFilter::default())), "tasks");
    let filter = TaskFilter {
        created_from: Some("2024-05-31T13:45:00.9Z".parse().unwrap()),
        state: Some(TaskState::Running),
        task_type: Some(TaskType::CreateTenant),
    };
    assert_eq!(
        tail(&Request::list_tasks(&filter)),
        "tasks?createdFrom=2024-05-31T13%3A45%3A00&state=Running&type=CreateTenant"
    );
}

#[rstest]
#[case("..")]
#[case(".")]
#[case("")]
#[case("a\nb")]
fn an_identifier_that_would_address_something_else_is_not_sent(#[case] id: &str) {
    let error = Request::on_tenant(Method::DeleteTenant, &TenantId::new(id), &[]).unwrap_err();
    assert_eq!(*error.class(), Class::Rejected);
    assert_eq!(error.effect(), Effect::None);
    assert_eq!(error.status(), None);
    assert!(Request::on_task(Method::GetTask, &TaskId::new(id), &[]).is_err());
}

#[rstest]
#[case("a/b", "a%2Fb")]
#[case("a?b#c", "a%3Fb%23c")]
#[case("a%2e", "a%252e")]
#[case("../x", "..%2Fx")]
#[case("%2e%2e", "%252e%252e")]
#[case("a b", "a%20b")]
#[case("é", "%C3%A9")]
fn identifiers_stay_one_segment(#[case] id: &str, #[case] expected: &str) {
    let request = Request::on_tenant(Method::GetTenant, &TenantId::new(id), &["vms"]).unwrap();
    assert_eq!(tail(&request), format!("tenants/{expected}/vms"));
}

fn tenant() -> NewTenant {
    NewTenant {
        name: "Acme & Co".into(),
        description: Some("<Gold>".into()),
        user_data: Some("{\"a\": \"]]>\"}".into()),
        preferred_viis_address: Some("10.0.0.5".parse().unwrap()),
        kind: NewTenantKind::Complete {
            administrator: "acme-admin".into(),
            password: SecretString::from("pässwörd"),
        },
    }
}

#[test]
fn a_complete_tenant_is_written_whole() {
    let request = Request::create_tenant(&tenant()).unwrap();
    assert_eq!(
        request.body.as_deref().unwrap(),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><tenant><name>Acme &amp; Co</name>\
         <description>&lt;Gold&gt;</description>\
         <userData><![CDATA[{\"a\": \"]]]]><![CDATA[>\"}]]></userData>\
         <preferredViisAddress>10.0.0.5</preferredViisAddress><type>Complete</type>\
         <vKsc><user><name>acme-admin</name><password>cMOkc3N3w7ZyZA==</password></user></vKsc></tenant>"
    );
    assert_eq!(tail(&request), "tenants");
}

#[test]
fn a_simple_tenant_needs_a_name_only() {
    let simple = NewTenant {
        name: "a".into(),
        description: None,
        user_data: None,
        preferred_viis_address: None,
        kind: NewTenantKind::Simple,
    };
    let request = Request::create_tenant(&simple).unwrap();
    assert_eq!(
        request.body.unwrap(),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><tenant><name>a</name><type>Simple</type></tenant>"
    );
}

#[test]
fn a_machine_is_written_whole() {
    let machine = NewVirtualMachine {
        bios_id: "4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10".parse().unwrap(),
        name: Some("web-1".into()),
        user_data: Some("a\rb".into()),
    };
    let request = Request::register(&TenantId::new("17"), &machine).unwrap();
    assert_eq!(tail(&request), "tenants/17/vms/register");
    assert_eq!(
        request.body.unwrap(),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <vm biosId=\"4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10\"><name>web-1</name>\
         <userData>a&#13;b</userData></vm>"
    );
}

#[test]
fn text_that_xml_cannot_hold_is_not_sent() {
    let mut broken = tenant();
    broken.user_data = Some("a\u{0}".into());
    let error = Request::create_tenant(&broken).unwrap_err();
    assert_eq!(*error.class(), Class::Rejected);
    assert_eq!(error.problem(), Problem::Rejected);
    assert_eq!(error.effect(), Effect::None);
    assert!(error.to_string().contains("userData"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn debug_of_a_new_tenant_shows_no_password() {
    assert!(!format!("{:?}", tenant()).contains("pässwörd"));
}

/// Texts full of what XML treats specially.
fn any_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec!["]]>", "<", ">", "&amp;", "\r\n", " ", "\"", "\u{1}"]);
    let part = prop_oneof![
        3 => special.prop_map(String::from),
        7 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 1..12).prop_map(|parts| parts.concat())
}

/// What a body says under this path of names; empty where nothing is said.
fn said<'a>(root: &'a xml::Element, path: &[&str]) -> &'a str {
    let found = path
        .iter()
        .try_fold(root, |element, name| element.child(name));
    found.map_or("", xml::Element::text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_text_of_a_tenant_arrives_or_nothing_is_sent(
        texts in prop::array::uniform4(any_text()),
        password in any_text(),
    ) {
        let [name, description, user_data, administrator] = texts.clone();
        let request = Request::create_tenant(&NewTenant {
            name,
            description: Some(description),
            user_data: Some(user_data),
            preferred_viis_address: None,
            kind: NewTenantKind::Complete {
                administrator,
                password: SecretString::from(password.clone()),
            },
        });
        let Ok(request) = request else {
            prop_assert!(!texts.iter().all(|text| is_xml_text(text)));
            return Ok(());
        };
        let root = xml::read(&request.body.unwrap(), Limits::ONE).unwrap();
        prop_assert_eq!(root.name(), "tenant");
        let paths: [&[&str]; 4] = [&["name"], &["description"], &["userData"], &["vKsc", "user", "name"]];
        for (path, text) in paths.iter().zip(&texts) {
            prop_assert_eq!(said(&root, path), text);
        }
        // A password is any text: base64 hides it from XML.
        let sent = said(&root, &["vKsc", "user", "password"]);
        prop_assert_eq!(STANDARD.decode(sent).unwrap(), password.as_bytes());
    }

    #[test]
    fn every_text_of_a_machine_arrives_or_nothing_is_sent(name in any_text(), user_data in any_text()) {
        let request = Request::register(&TenantId::new("17"), &NewVirtualMachine {
            bios_id: "4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10".parse().unwrap(),
            name: Some(name.clone()),
            user_data: Some(user_data.clone()),
        });
        let Ok(request) = request else {
            prop_assert!(!is_xml_text(&name) || !is_xml_text(&user_data));
            return Ok(());
        };
        let root = xml::read(&request.body.unwrap(), Limits::ONE).unwrap();
        prop_assert_eq!(said(&root, &["name"]), &name);
        prop_assert_eq!(said(&root, &["userData"]), &user_data);
    }
}
