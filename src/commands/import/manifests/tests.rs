#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::api::crds;
use crate::viis::{TenantId, VirtualAdministrationServer};

fn wish() -> Wish {
    Wish {
        server: "main".to_owned(),
        namespace: "customers".to_owned(),
        include_managed: false,
    }
}

fn tenant(number: u32, name: &str) -> viis::Tenant {
    viis::Tenant {
        id: TenantId::new(format!("7A1F3A52-0000-4000-8000-{number:012X}")),
        created: None,
        updated: None,
        name: name.to_owned(),
        description: None,
        user_data: None,
        virtual_administration_server: None,
        status: TenantStatus::Active,
        tenant_type: Some(viis::TenantType::Simple),
    }
}

fn machine(number: u128, name: &str) -> viis::VirtualMachine {
    viis::VirtualMachine {
        id: None,
        bios_id: uuid::Uuid::from_u128(number).into(),
        name: Some(name.to_owned()),
        user_data: None,
        created: None,
        updated: None,
    }
}

fn unclaimed(found: Vec<Found>) -> Import {
    write(&wish(), found, &Claims::default())
}

/// What the only tenant becomes.
fn spec(tenant: viis::Tenant) -> Value {
    let import = unclaimed(vec![(tenant, Ok(Vec::new()))]);
    assert_eq!(import.left_out, Vec::<String>::new());
    let part = import.parts.into_values().next().unwrap();
    part.tenant.unwrap()["spec"].clone()
}

fn left_out(tenant: viis::Tenant) -> String {
    let import = unclaimed(vec![(tenant, Ok(vec![machine(1, "a")]))]);
    assert!(import.parts.is_empty(), "{import:?}");
    let [why] = import.left_out.try_into().unwrap();
    why
}

/// A resource in the cluster.
fn resource<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn managed(namespace: &str, name: &str, spec: Value, status: Value) -> Tenant {
    let mut whole = json!({"integrationServerRef": {"name": "main"}, "type": "Simple"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    resource(json!({
        "apiVersion": "viis-operator.io/v1alpha1", "kind": "Tenant",
        "metadata": {"name": name, "namespace": namespace}, "spec": whole, "status": status,
    }))
}

fn registered(namespace: &str, name: &str, tenant: &str, bios_id: String) -> VirtualMachine {
    resource(json!({
        "apiVersion": "viis-operator.io/v1alpha1", "kind": "VirtualMachine",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"tenantRef": {"name": tenant}, "biosID": bios_id},
    }))
}

#[test]
fn a_tenant_and_its_machine_as_they_are() {
    let odd = " <a>]]>&amp;\r\n\"'\u{2028}";
    let found = viis::Tenant {
        description: Some("Gold".to_owned()),
        user_data: Some(odd.to_owned()),
        status: TenantStatus::Inactive,
        tenant_type: Some(viis::TenantType::Complete),
        virtual_administration_server: Some(VirtualAdministrationServer {
            id: None,
            administrator: Some("acme-admin".to_owned()),
        }),
        ..tenant(1, "acme")
    };
    let mut there = machine(7, "web-1");
    there.user_data = Some(odd.to_owned());
    let import = unclaimed(vec![(found, Ok(vec![there]))]);
    let part = &import.parts["acme"];
    assert_eq!(
        part.tenant.as_ref().unwrap(),
        &json!({
            "apiVersion": "viis-operator.io/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": "acme", "namespace": "customers"},
            "spec": {
                "integrationServerRef": {"name": "main"},
                "name": "acme",
                "type": "Complete",
                "description": "Gold",
                "userData": odd,
                "state": "Inactive",
                "existingTenantID": "7A1F3A52-0000-4000-8000-000000000001",
                "deletionPolicy": "Retain",
            },
        })
    );
    let (name, manifest) = part.machines.iter().next().unwrap();
    assert!(name.starts_with("web-1-"));
    assert_eq!(
        manifest["spec"],
        json!({
            "tenantRef": {"name": "acme"},
            "biosID": "00000000-0000-0000-0000-000000000007",
            "name": "web-1",
            "userData": odd,
            "deletionPolicy": "Retain",
        })
    );
    assert_eq!(import.counts(), (1, 1));
    assert_eq!((import.left_out.len(), import.incomplete.len()), (0, 0));
}

#[test]
fn the_order_of_the_server_means_nothing() {
    let one = || {
        (
            tenant(1, "Acme"),
            Ok(vec![machine(1, "a"), machine(2, "a")]),
        )
    };
    let other = || {
        (
            tenant(2, "acme"),
            Ok(vec![machine(4, "a"), machine(3, "b")]),
        )
    };
    let mut turned = vec![other(), one()];
    for (_, machines) in &mut turned {
        machines.as_mut().unwrap().reverse();
    }
    assert_eq!(unclaimed(vec![one(), other()]), unclaimed(turned));
    // Nor for what is left out.
    let odd = |first: u128, second: u128| {
        let long = |number| machine(number, &"n".repeat(257));
        let tenants = [(1, "a"), (2, "b")].map(|(number, name)| {
            let machines = vec![machine(7, "x"), machine(8, "y"), long(first), long(second)];
            (tenant(number, name), Ok(machines))
        });
        unclaimed(tenants.to_vec())
    };
    let import = odd(3, 4);
    assert!(
        import.left_out.len() == 4 && import == odd(4, 3),
        "{import:?}"
    );
}

#[test]
fn a_tenant_that_comes_later_changes_no_name() {
    let early = unclaimed(vec![(tenant(5, "Acme"), Ok(vec![machine(1, "web")]))]);
    let later = unclaimed(vec![
        (tenant(1, "ACME"), Ok(vec![machine(2, "web")])),
        (tenant(5, "Acme"), Ok(vec![machine(1, "web")])),
        (tenant(9, "acme"), Ok(Vec::new())),
    ]);
    assert_eq!(later.parts.len(), 3);
    for (name, part) in &early.parts {
        assert_eq!(later.parts.get(name), Some(part));
    }
}

#[rstest]
#[case::too_long("a".repeat(257))]
#[case::blank(" \u{A0}".to_owned())]
#[case::not_xml("a\u{FFFE}".to_owned())]
fn a_tenant_whose_name_the_definition_refuses_is_left_out(#[case] name: String) {
    let why = left_out(tenant(1, &name));
    assert!(
        why.contains("its name") && why.contains("1 virtual machines"),
        "{why}"
    );
    assert!(!why.contains('\n') && why.len() < 400, "{why}");
}

#[test]
fn a_state_or_a_type_that_is_not_ours_is_left_out() {
    let frozen = TenantStatus::Other("Frozen".to_owned());
    let why = left_out(viis::Tenant {
        status: frozen,
        ..tenant(1, "a")
    });
    assert!(why.contains("\"Frozen\""), "{why}");
    let tenant_type = Some(viis::TenantType::Other("Huge".to_owned()));
    let why = left_out(viis::Tenant {
        tenant_type,
        ..tenant(1, "a")
    });
    assert!(why.contains("\"Huge\""), "{why}");
    let id = TenantId::new("a\u{200B}b");
    assert!(
        left_out(viis::Tenant {
            id,
            ..tenant(1, "a")
        })
        .contains("identifier")
    );
}

#[test]
fn a_type_that_is_not_shown_is_guessed_and_said() {
    let shown = |server| viis::Tenant {
        tenant_type: None,
        virtual_administration_server: server,
        ..tenant(1, "a")
    };
    let server = VirtualAdministrationServer {
        id: Some("1".to_owned()),
        administrator: None,
    };
    assert_eq!(spec(shown(Some(server)))["type"], "Complete");
    let import = unclaimed(vec![(shown(None), Ok(Vec::new()))]);
    assert_eq!(
        import.parts["a"].tenant.as_ref().unwrap()["spec"]["type"],
        "Simple"
    );
    assert!(
        import.incomplete[0].contains("type"),
        "{:?}",
        import.incomplete
    );
}

#[test]
fn a_text_that_the_definition_refuses_is_left_on_the_server() {
    let long = viis::Tenant {
        description: Some("ä".repeat(4097)),
        user_data: Some("ä".repeat(65_536)),
        ..tenant(1, "a")
    };
    let mut there = machine(1, &"n".repeat(257));
    there.user_data = Some("u".repeat(65_537));
    let import = unclaimed(vec![(long, Ok(vec![there]))]);
    let spec = &import.parts["a"].tenant.as_ref().unwrap()["spec"];
    assert_eq!(spec.get("description"), None);
    assert_eq!(spec["userData"].as_str().unwrap().chars().count(), 65_536);
    let machine = import.parts["a"].machines.values().next().unwrap();
    assert_eq!(
        (machine["spec"].get("name"), machine["spec"].get("userData")),
        (None, None)
    );
    assert_eq!(import.incomplete.len(), 3, "{:?}", import.incomplete);
    assert!(import.left_out.is_empty());
}

/// The lengths here are those of the definitions.
#[test]
fn the_bounds_are_those_of_the_definitions() {
    let [_, tenant, machine] = crds::all().map(|crd| serde_json::to_value(crd).unwrap());
    let longest = |crd: &Value, field: &str| {
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
        crd.pointer(&format!("{spec}/{field}/maxLength"))
            .unwrap()
            .as_u64()
            .unwrap()
    };
    let as_number = |bound: usize| u64::try_from(bound).unwrap();
    assert_eq!(longest(&tenant, "name"), as_number(NAME));
    assert_eq!(longest(&tenant, "description"), as_number(DESCRIPTION));
    assert_eq!(longest(&tenant, "userData"), as_number(USER_DATA));
    assert_eq!(longest(&machine, "name"), as_number(NAME));
    assert_eq!(longest(&machine, "userData"), as_number(USER_DATA));
}

#[rstest]
#[case::recorded(json!({"name": "Acme"}), json!({"tenantID": "{7a1f3a52-0000-4000-8000-000000000001}"}))]
#[case::wished(json!({"name": "Acme"}), Value::Null)]
fn what_a_resource_has_is_left_out(#[case] spec: Value, #[case] status: Value) {
    for namespace in ["customers", "other"] {
        let tenants = [managed(namespace, "ours", spec.clone(), status.clone())];
        let claims = Claims::new("main", "customers", &tenants);
        let found = || {
            vec![
                (tenant(1, "Acme"), Ok(Vec::new())),
                (tenant(2, "b"), Ok(Vec::new())),
            ]
        };
        let import = write(&wish(), found(), &claims);
        assert_eq!(import.parts.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(import.managed, [format!("{namespace}/ours")]);
        // On request those of this namespace are printed, under the name that they have.
        let everything = Wish {
            include_managed: true,
            ..wish()
        };
        let import = write(&everything, found(), &claims);
        let expected: &[&str] = if namespace == "customers" {
            &["b", "ours"]
        } else {
            &["b"]
        };
        assert_eq!(import.parts.keys().collect::<Vec<_>>(), expected);
        // Another server's Tenants have nothing of this one.
        let claims = Claims::new("second", "customers", &tenants);
        assert_eq!(write(&wish(), found(), &claims).parts.len(), 2);
    }
}

#[test]
fn new_machines_of_a_managed_tenant_are_written_alone() {
    let tenants = [managed(
        "customers",
        "ours",
        json!({"name": "Acme"}),
        Value::Null,
    )];
    let known = [registered(
        "customers",
        "web",
        "ours",
        machine(1, "").bios_id.to_string(),
    )];
    let claims = Claims::new("main", "customers", &tenants).with_machines(&known);
    let found = vec![(
        tenant(1, "Acme"),
        Ok(vec![machine(1, "one"), machine(2, "two")]),
    )];
    let import = write(&wish(), found, &claims);
    let part = &import.parts["ours"];
    assert_eq!(part.tenant, None);
    let (name, manifest) = part.machines.iter().next().unwrap();
    assert!(
        part.machines.len() == 1 && name.starts_with("two-"),
        "{import:?}"
    );
    assert_eq!(manifest["spec"]["tenantRef"]["name"], "ours");
    assert_eq!(import.managed_machines, 1);
}

/// A name is had by one Tenant on a server: of two, each would wait for the other.
#[test]
fn tenants_with_one_name_are_left_out() {
    let import = unclaimed(vec![
        (tenant(1, "Acme"), Ok(vec![machine(1, "web")])),
        (tenant(2, "Acme"), Ok(Vec::new())),
        (tenant(3, "acme"), Ok(Vec::new())),
    ]);
    assert_eq!(import.parts.keys().collect::<Vec<_>>(), ["acme"]);
    assert_eq!(import.left_out.len(), 2, "{import:?}");
    for why in &import.left_out {
        assert!(why.contains("2 tenants have this name"), "{why}");
    }
}

/// Whichever were printed, the operator would change the other on the server.
#[rstest]
#[case::in_one_tenant(vec![(tenant(1, "a"), Ok(vec![machine(1, "web"), machine(1, "db")]))])]
#[case::in_two_tenants(vec![
    (tenant(1, "a"), Ok(vec![machine(1, "web")])),
    (tenant(2, "b"), Ok(vec![machine(1, "web")])),
])]
fn a_machine_that_is_registered_twice_is_left_out(#[case] found: Vec<Found>) {
    let import = unclaimed(found.clone());
    let machines = import.parts.values().map(|part| part.machines.len());
    assert_eq!(machines.sum::<usize>(), 0, "{import:?}");
    let [why] = import.left_out.as_slice() else {
        panic!("{import:?}")
    };
    assert!(why.contains("registered 2 times"), "{why}");
    assert!(why.contains("\"a\""), "{why}");
    // Whose machine it is, is decided where a resource has it.
    let known = [registered(
        "customers",
        "web",
        "a",
        machine(1, "").bios_id.to_string(),
    )];
    let tenants = [managed("customers", "a", json!({}), Value::Null)];
    let claims = Claims::new("main", "customers", &tenants).with_machines(&known);
    assert!(write(&wish(), found.clone(), &claims).left_out.is_empty());
    // And printed as that one alone.
    let everything = Wish {
        include_managed: true,
        ..wish()
    };
    let import = write(&everything, found, &claims);
    assert!(import.left_out.is_empty(), "{import:?}");
    let machines = import.parts.values().flat_map(|part| part.machines.iter());
    let [(name, manifest)] = machines.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(
        (name.as_str(), &manifest["spec"]["tenantRef"]["name"]),
        ("web", &json!("a"))
    );
}

#[test]
fn a_tenant_whose_machines_cannot_be_read_is_left_out_alone() {
    let import = unclaimed(vec![
        (tenant(1, "a"), Err("It says nothing.".to_owned())),
        (tenant(2, "b"), Ok(Vec::new())),
    ]);
    assert_eq!(import.parts.keys().collect::<Vec<_>>(), ["b"]);
    let [why] = import.left_out.as_slice() else {
        panic!("{import:?}")
    };
    assert!(
        why.contains("\"a\"") && why.ends_with("It says nothing."),
        "{why}"
    );
}

/// As on a server that was set back, and gave the identifier to another tenant.
#[rstest]
#[case::in_the_status(json!({}), json!({"tenantID": "{7a1f3a52-0000-4000-8000-000000000001}"}))]
#[case::in_the_spec(json!({"existingTenantID": "7A1F3A52-0000-4000-8000-000000000001"}), Value::Null)]
fn an_identifier_alone_is_no_tenant_of_ours(#[case] spec: Value, #[case] status: Value) {
    let tenants = [managed("customers", "acme", spec, status)];
    let claims = Claims::new("main", "customers", &tenants);
    let found = vec![(tenant(1, "Beta"), Ok(vec![machine(1, "web")]))];
    let import = write(&wish(), found, &claims);
    assert!(
        import.parts.is_empty() && import.managed.is_empty(),
        "{import:?}"
    );
    let [why] = import.left_out.as_slice() else {
        panic!("{import:?}")
    };
    assert!(
        why.contains("Tenant customers/acme has its identifier"),
        "{why}"
    );
}

#[test]
fn names_that_other_resources_have_are_not_used() {
    let elsewhere = json!({"integrationServerRef": {"name": "second"}});
    let tenants = [managed("customers", "acme", elsewhere.clone(), Value::Null)];
    let claims = Claims::new("main", "customers", &tenants);
    let found = vec![(tenant(1, "acme"), Ok(Vec::new()))];
    let import = write(&wish(), found.clone(), &claims);
    let marked = import.parts.keys().next().unwrap().clone();
    assert!(marked.starts_with("acme-"), "{marked}");
    let tenants =
        ["acme", &marked].map(|name| managed("customers", name, elsewhere.clone(), Value::Null));
    let claims = Claims::new("main", "customers", &tenants);
    let import = write(&wish(), found, &claims);
    assert!(
        import.parts.is_empty() && import.left_out.len() == 1,
        "{import:?}"
    );
    // And so for machines.
    let name = names::of_machine(Some("web"), machine(1, "").bios_id);
    let known = [registered(
        "customers",
        &name,
        "other",
        machine(2, "").bios_id.to_string(),
    )];
    let claims = Claims::new("main", "customers", &[]).with_machines(&known);
    let import = write(
        &wish(),
        vec![(tenant(1, "b"), Ok(vec![machine(1, "web")]))],
        &claims,
    );
    assert!(
        import.parts["b"].machines.is_empty() && import.left_out.len() == 1,
        "{import:?}"
    );
}
