#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::api::{ConditionType, REGISTERED_WITH_ANNOTATION};
use crate::controllers::fixtures::BIOS_ID;

fn key(name: &str) -> Key {
    Key {
        namespace: "customers".to_owned(),
        name: name.to_owned(),
    }
}

fn names(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

fn with_tenants(tenants: &[Tenant]) -> Cluster {
    let cluster = Cluster::default();
    for tenant in tenants {
        cluster.upsert_tenant(tenant);
    }
    cluster
}

fn acme() -> Tenant {
    Tenant::test("acme").with(json!({"name": "Acme"}))
}

// === Who refers to whom ===

#[test]
fn tenants_are_found_by_server_name_and_identifier() {
    let other = Tenant::test("other").with(json!({"integrationServerRef": {"name": "second"}}));
    let cluster = with_tenants(&[acme().recorded("1"), other]);
    assert_eq!(names(&cluster.tenants_of_server("main")), ["acme"]);
    assert_eq!(names(&cluster.tenants_named("main", "Acme")), ["acme"]);
    assert_eq!(names(&cluster.tenants_named("second", "other")), ["other"]);
    assert_eq!(
        names(&cluster.tenants_with_id("main", &TenantId::new("1"))),
        ["acme"]
    );
    assert!(
        cluster
            .tenants_with_id("second", &TenantId::new("1"))
            .is_empty()
    );
}

#[test]
fn who_changed_is_found_under_the_new_keys_alone() {
    let cluster = with_tenants(&[acme().recorded("1")]);
    let renamed = acme().with(json!({
        "name": "Acme Ltd.", "integrationServerRef": {"name": "second"},
    }));
    cluster.upsert_tenant(&renamed.recorded("2"));
    assert!(cluster.tenants_of_server("main").is_empty());
    assert!(cluster.tenants_named("main", "Acme").is_empty());
    assert!(
        cluster
            .tenants_with_id("main", &TenantId::new("1"))
            .is_empty()
    );
    assert_eq!(
        names(&cluster.tenants_named("second", "Acme Ltd.")),
        ["acme"]
    );
    assert_eq!(
        names(&cluster.tenants_with_id("second", &TenantId::new("2"))),
        ["acme"]
    );
}

#[test]
fn who_lets_a_name_go_gives_the_others_their_turn() {
    let rival = Tenant::test("rival").with(json!({"name": "Acme"}));
    let cluster = with_tenants(&[acme(), rival]);
    let renamed = acme().with(json!({"name": "Acme Ltd."}));
    assert_eq!(names(&cluster.upsert_tenant(&renamed)), ["rival"]);
    assert!(
        cluster.upsert_tenant(&renamed).is_empty(),
        "nothing changed"
    );
}

#[test]
fn who_is_gone_gives_the_others_their_turn() {
    let rival = Tenant::test("rival").with(json!({"name": "Acme"}));
    let cluster = with_tenants(&[acme().recorded("1"), rival]);
    assert_eq!(names(&cluster.remove_tenant(&key("acme"))), ["rival"]);
    assert!(
        cluster
            .tenants_with_id("main", &TenantId::new("1"))
            .is_empty()
    );
    assert!(
        cluster.remove_tenant(&key("acme")).is_empty(),
        "it is gone already"
    );
}

#[test]
fn identifiers_are_compared_as_uuids() {
    let cluster = with_tenants(&[acme().recorded(BIOS_ID)]);
    let braced = format!("{{{}}}", BIOS_ID.to_uppercase());
    assert_eq!(
        names(&cluster.tenants_with_id("main", &TenantId::new(braced))),
        ["acme"]
    );
}

#[test]
fn a_status_of_another_uid_is_not_its_own() {
    let restored = acme().recorded("1").under_uid("uid-restored");
    assert_eq!(owned_identifier(&restored), None);
    let cluster = with_tenants(&[restored]);
    assert!(
        cluster
            .tenants_with_id("main", &TenantId::new("1"))
            .is_empty()
    );
}

#[test]
fn keys_are_listed_by_scope() {
    let elsewhere = Tenant::test("elsewhere").in_namespace("others");
    let cluster = with_tenants(&[acme(), elsewhere]);
    assert_eq!(names(&cluster.tenant_keys(Some("others"))), ["elsewhere"]);
    assert_eq!(cluster.tenant_keys(None).len(), 2);
    assert_eq!(names(&cluster.tenants_of_namespace("customers")), ["acme"]);
}

#[test]
fn machines_are_found_by_tenant_bios_id_and_server() {
    let cluster = Cluster::default();
    let web = VirtualMachine::test_resource("web");
    cluster.upsert_machine(&web.clone().registered("1"));
    let upper = json!({"biosID": format!("{{{}}}", BIOS_ID.to_uppercase())});
    cluster.upsert_machine(&VirtualMachine::test_resource("rival").with(upper));
    let bios_id: BiosId = BIOS_ID.parse().unwrap();
    assert_eq!(
        names(&cluster.machines_of_tenant(&key("acme"))),
        ["rival", "web"]
    );
    assert_eq!(
        names(&cluster.machines_with_bios_id(bios_id)),
        ["rival", "web"]
    );
    assert_eq!(names(&cluster.machines_of_server("main")), ["web"]);
    cluster.upsert_machine(&web);
    assert!(cluster.machines_of_server("main").is_empty());
    assert_eq!(names(&cluster.remove_machine(&key("rival"))), ["web"]);
    assert_eq!(names(&cluster.machine_keys(Some("customers"))), ["web"]);
}

#[test]
fn a_namesake_tenant_of_another_namespace_has_other_machines() {
    let cluster = Cluster::default();
    cluster.upsert_machine(&VirtualMachine::test_resource("web").in_namespace("others"));
    assert!(cluster.machines_of_tenant(&key("acme")).is_empty());
}

// === Shelves ===

#[test]
fn a_shelf_shows_what_was_put_last() {
    let cluster = Cluster::default();
    cluster.tenants.put(acme());
    cluster.tenants.put(acme().recorded("1"));
    assert!(cluster.tenant(&key("acme")).unwrap().status.is_some());
    assert!(cluster.tenants.remove(&reference(&key("acme"))).is_some());
    assert!(cluster.tenant(&key("acme")).is_none());
    assert!(cluster.tenants.remove(&reference(&key("acme"))).is_none());
}

// === Who may ===

fn labelled(labels: &[(&str, &str)]) -> Namespace {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()));
    Namespace {
        labels: labels.collect(),
        terminating: false,
    }
}

#[rstest]
#[case::with_the_label(&[("viis", "allowed"), ("team", "a")], true)]
#[case::with_another_value(&[("viis", "denied")], false)]
#[case::without_labels(&[], false)]
fn a_selector_lets_namespaces_in(#[case] labels: &[(&str, &str)], #[case] permitted: bool) {
    let cluster = Cluster::default();
    cluster.upsert_namespace("customers", labelled(labels));
    let server = IntegrationServer::test().selective();
    assert_eq!(cluster.permits(&server, "customers"), Some(permitted));
}

#[test]
fn an_unknown_namespace_is_neither_permitted_nor_refused() {
    let cluster = Cluster::default();
    let selective = IntegrationServer::test().selective();
    assert_eq!(cluster.permits(&selective, "customers"), None);
    assert_eq!(
        cluster.permits(&IntegrationServer::test(), "customers"),
        Some(true)
    );
}

#[test]
fn an_empty_selector_lets_everybody_in_and_a_broken_one_nobody() {
    let cluster = Cluster::default();
    cluster.upsert_namespace("customers", labelled(&[]));
    let with = |selector| {
        IntegrationServer::test()
            .with(json!({"allowedNamespaces": {"from": "Selector", "selector": selector}}))
    };
    assert_eq!(cluster.permits(&with(json!({})), "customers"), Some(true));
    let broken = json!({"matchExpressions": [{"key": "a", "operator": "Near", "values": ["b"]}]});
    assert_eq!(cluster.permits(&with(broken), "customers"), Some(false));
}

#[test]
fn only_a_change_of_a_namespace_is_news() {
    let cluster = Cluster::default();
    assert!(cluster.upsert_namespace("customers", labelled(&[])));
    assert!(!cluster.upsert_namespace("customers", labelled(&[])));
    assert!(cluster.upsert_namespace("customers", labelled(&[("viis", "allowed")])));
    let going = Namespace {
        terminating: true,
        ..labelled(&[("viis", "allowed")])
    };
    assert!(cluster.upsert_namespace("customers", going));
    cluster.remove_namespace("customers");
    assert_eq!(cluster.namespace("customers"), None);
}

// === Machines ===

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web")
}

#[rstest]
#[case::new(web(), false)]
#[case::registered(web().registered("1"), true)]
#[case::registered_with_another_tenant(web().registered("2"), false)]
#[case::no_longer(web().registered("1").saying(ConditionType::Registered, false, "Progressing"), false)]
fn a_machine_is_registered_with_this_tenant(#[case] machine: VirtualMachine, #[case] is: bool) {
    assert_eq!(is_registered_with(&machine, "main", Some("1")), is);
    assert!(!is_registered_with(&machine, "main", None));
    assert!(!is_registered_with(&machine, "other", Some("1")));
}

#[test]
fn a_stalled_machine_is_not_waited_for() {
    assert!(!is_stalled(&web().registered("1")));
    assert!(is_stalled(&web().saying(
        ConditionType::Stalled,
        true,
        "AlreadyClaimed"
    )));
}

#[test]
fn a_noted_registration_makes_the_server_known() {
    let machine = web().annotated(REGISTERED_WITH_ANNOTATION, "main/7/8");
    assert_eq!(
        noted(&machine),
        Some(("main".to_owned(), TenantId::new("7/8")))
    );
    let cluster = Cluster::default();
    cluster.upsert_machine(&machine);
    assert_eq!(names(&cluster.machines_of_server("main")), ["web"]);
    assert_eq!(
        noted(&web().annotated(REGISTERED_WITH_ANNOTATION, "nonsense")),
        None
    );
}
