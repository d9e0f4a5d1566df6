//! `viis-operator import`: a server that was filled by hand is taken over as it is.

use crate::bios_id;
use crate::harness::{
    Manifest, Simulator, Stand, all_come, eventually, has, is_ready, same_identifier, simple_tenant,
};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use viis_operator::api::{Tenant, VirtualMachine};

/// What XML can hold and YAML would change, if it were let.
const ODD: &str =
    " \t<a>]]>&amp;\r\n\"quotes' \\ : # - yes ~ \u{85}\u{2028}\u{FEFF}\u{A0} Ünïcode 株式会社 🦀\r";

async fn stand(policy: &str) -> Stand {
    let stand = Stand::bare(Simulator::start(&[])).await;
    stand
        .apply([stand.server_manifest().with("spec.adoptionPolicy", policy)])
        .await;
    stand
}

/// The command in this stand, with further options.
async fn import(stand: &Stand, options: &[&str]) -> Result<(String, String), String> {
    let arguments = [
        &[
            "import",
            "--server",
            &stand.server,
            "--namespace",
            &stand.namespace,
            "--operator-namespace",
            &stand.operator_namespace,
        ],
        options,
    ]
    .concat();
    stand.command_with_errors(&arguments).await
}

async fn refused(stand: &Stand, options: &[&str]) -> String {
    match import(stand, options).await {
        Ok((out, said)) => panic!("it was not refused:\n{out}\n{said}"),
        Err(said) => said,
    }
}

fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect()
}

/// Every Tenant and VirtualMachine of the stand's namespace is ready.
async fn all_ready(stand: &Stand, tenants: usize, machines: usize) {
    let there: Api<Tenant> = Api::namespaced(stand.client.clone(), &stand.namespace);
    let theirs: Api<VirtualMachine> = Api::namespaced(stand.client.clone(), &stand.namespace);
    all_come(tenants + machines, "everything is ready", async || {
        let found = there.list(&ListParams::default()).await.unwrap().items;
        let ready = found.iter().filter(|tenant| is_ready(*tenant)).count();
        let found = theirs.list(&ListParams::default()).await.unwrap().items;
        ready + found.iter().filter(|machine| is_ready(*machine)).count()
    })
    .await;
}

/// What a server has that people filled.
async fn fill_with_oddities(simulator: &Simulator) {
    let long = "Very long ".repeat(25) + "name";
    assert!(long.len() > 253);
    let names = [
        "acme",
        "Acme",
        "ACME",
        "Acme Ltd.",
        "acme-ltd",
        "株式会社",
        " blank ",
        "]]>",
        "yes",
        "4711",
        "a\"b'c\\d",
        "../etc",
        "x.y",
        &long,
    ];
    for (number, name) in names.iter().enumerate() {
        let complete = number % 3 == 0;
        simulator
            .tenant_made_by_hand(json!({
                "name": name,
                "type": if complete { "Complete" } else { "Simple" },
                "administrator": complete.then(|| format!("admin-{number}")),
                "status": if number % 4 == 1 { "Inactive" } else { "Active" },
                "description": (number % 2 == 0).then_some(ODD),
                "userData": (number % 2 == 1).then(|| format!("{ODD}{number}")),
            }))
            .await;
        for machine in 0..3 {
            let name = (machine > 0).then_some(if machine == 1 { "web" } else { ODD });
            let bios_id = bios_id(number * 10 + machine);
            let machine =
                json!({"biosID": bios_id, "name": name, "userData": (machine == 2).then_some(ODD)});
            simulator.machine_made_by_hand(names[number], machine).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_was_filled_by_hand_is_taken_over_as_it_is() {
    let mut stand = stand("ByID").await;
    fill_with_oddities(&stand.simulator).await;
    let before = stand.simulator.state().await;
    let (text, said) = import(&stand, &[]).await.unwrap();
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    assert!(!text.contains(&stand.simulator.password) && !said.contains(&stand.simulator.password));
    assert!(text.contains("# `adoptionPolicy: ByID`"), "{text}");
    assert!(said.contains("14 Tenants and 42 VirtualMachines"), "{said}");
    assert_eq!(import(&stand, &[]).await.unwrap().0, text, "a second run");
    // Names that were given do not change when others come that are like them.
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "acmE", "type": "Simple"}))
        .await;
    let (more, _) = import(&stand, &[]).await.unwrap();
    let all: BTreeSet<_> = documents(&more).iter().map(Value::to_string).collect();
    assert!(
        documents(&text)
            .iter()
            .all(|document| all.contains(&document.to_string()))
    );
    assert_eq!(all.len(), 14 + 42 + 1);
    stand.simulator.tenant_removed_by_hand("acmE").await;

    // What is on the server is in the manifests, letter by letter, through the API server too.
    stand.kubectl(&["apply", "--filename", "-"], &text).await;
    stand.start_operator();
    stand.integration_server().becomes_ready().await;
    all_ready(&stand, 14, 42).await;
    let tenants: Api<Tenant> = Api::namespaced(stand.client.clone(), &stand.namespace);
    let tenants = tenants.list(&ListParams::default()).await.unwrap().items;
    for there in &before.tenants {
        let named = |tenant: &&Tenant| tenant.server_name() == there.name;
        let tenant = tenants
            .iter()
            .find(named)
            .unwrap_or_else(|| panic!("no {:?}", there.name));
        assert_eq!(tenant.spec.description, there.description);
        assert_eq!(tenant.spec.user_data, there.user_data);
        assert!(same_identifier(
            tenant.spec.existing_tenant_id.as_ref().unwrap(),
            &there.id
        ));
        assert!(has(tenant, "Provisioned", "True", "Adopted"));
    }
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    assert_eq!(stand.simulator.state().await.tenants, before.tenants);

    // Again: what resources have already is left out, or printed as it was.
    let (nothing, said) = import(&stand, &[]).await.unwrap();
    assert_eq!(documents(&nothing), Vec::<Value>::new(), "{nothing}");
    assert!(said.contains("14 tenants are in Tenants already"), "{said}");
    assert_eq!(
        import(&stand, &["--include-managed"]).await.unwrap().0,
        text
    );
    // A machine that somebody registers later comes alone.
    let machine = json!({"biosID": bios_id(900), "name": "late"});
    stand.simulator.machine_made_by_hand("acme", machine).await;
    let (late, _) = import(&stand, &[]).await.unwrap();
    let [late] = documents(&late).try_into().unwrap();
    assert_eq!(
        (&late["kind"], &late["spec"]["tenantRef"]["name"]),
        (&json!("VirtualMachine"), &json!("acme"))
    );
    let before = stand.simulator.state().await;
    stand.apply([Manifest(late)]).await;
    all_ready(&stand, 14, 43).await;
    // Where the operator's list is a moment older than the registration, it asks for it, and
    // learns that it is there.
    assert!(stand.simulator.calls().await.mutating <= 1);
    assert_eq!(stand.simulator.state().await, before);
    stand.ends_well().await;
}

#[tokio::test]
async fn three_hundred_tenants() {
    let mut stand = stand("IfIdentical").await;
    // Many have one name after the other signs are gone.
    for number in 0..300 {
        let name = match number % 3 {
            0 => format!("customer-{number}"),
            1 => format!("Customer {}", "!".repeat(number / 3 + 1)),
            _ => format!("Kunde {number} GmbH & Co. KG"),
        };
        let complete = number % 5 == 0;
        let made = stand
            .simulator
            .tenant_made_by_hand(json!({
                "name": name,
                "type": if complete { "Complete" } else { "Simple" },
                "administrator": complete.then(|| format!("admin-{number}")),
                "status": if number % 7 == 0 { "Inactive" } else { "Active" },
                "userData": format!("{{\"crm\": {number}}}"),
            }))
            .await;
        assert_eq!(made.name, name);
        let machine = json!({"biosID": bios_id(number), "name": "web-1"});
        stand.simulator.machine_made_by_hand(&name, machine).await;
    }
    let before = stand.simulator.state().await;
    // 20 calls a second, which is the default, would take 15 s.
    let faster = json!({"spec": {"limits": {"requestsPerSecond": 200}}});
    stand
        .patch("IntegrationServer", &stand.server, false, faster)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers");
    let to_folder = ["--output-dir", path.to_str().unwrap()];
    let (out, _) = import(&stand, &to_folder).await.unwrap();
    assert_eq!(out, "");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 300);
    let (text, _) = import(&stand, &[]).await.unwrap();
    assert_eq!(import(&stand, &[]).await.unwrap().0, text);
    assert_eq!(documents(&text).len(), 600);

    stand
        .kubectl(
            &[
                "apply",
                "--server-side",
                "--filename",
                path.to_str().unwrap(),
            ],
            "",
        )
        .await;
    stand.start_operator();
    all_ready(&stand, 300, 300).await;
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    assert_eq!(stand.simulator.state().await.tenants, before.tenants);
    // What is in the folder stays as it is.
    import(&stand, &to_folder).await.unwrap();
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 300);
    stand.ends_well().await;
}

/// A list that was cut, or a machine list that fails, is no import.
#[tokio::test]
async fn what_is_not_whole_is_not_printed() {
    let stand = stand("ByID").await;
    for name in ["one", "two"] {
        stand
            .simulator
            .tenant_made_by_hand(json!({"name": name, "type": "Simple"}))
            .await;
    }
    for (method, action) in [
        ("GET tenants", json!({"cutBody": true})),
        ("GET vms", json!({"cutBody": true})),
        ("GET vms", json!({"status": 503})),
    ] {
        stand.simulator.fault(method, 0, action).await;
        let said = refused(&stand, &[]).await;
        stand.simulator.mend().await;
        assert!(
            said.starts_with("viis-operator: "),
            "nothing on standard output: {said}"
        );
        assert!(said.contains("not be whole"), "{said}");
        assert!(
            !said.contains("kind:") && !said.contains("asked again later"),
            "{said}"
        );
    }
    // What passes is asked for again.
    stand
        .simulator
        .fault(
            "GET vms",
            1,
            json!({"status": 503, "headers": {"Retry-After": "1"}}),
        )
        .await;
    let (text, _) = import(&stand, &[]).await.unwrap();
    assert_eq!(documents(&text).len(), 2);
    // A machine without a BIOS ID keeps its own tenant out, and that is said.
    let odd = "<vms><vm id=\"1\" biosId=\"unknown\"/></vms>";
    let answer = json!({"status": 200, "body": odd, "contentType": "application/xml"});
    stand.simulator.fault("GET vms", 0, answer).await;
    let said = refused(&stand, &[]).await;
    stand.simulator.mend().await;
    assert_eq!(said.matches("# NOT IN HERE: ").count(), 2, "{said}");
    assert!(
        said.contains("no BIOS ID") && !said.contains("not be whole"),
        "{said}"
    );
    // What no manifest can have is left out, and said at every place.
    let name = "n".repeat(257);
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": name, "type": "Simple"}))
        .await;
    let said = refused(&stand, &[]).await;
    assert!(
        said.contains("# NOT IN HERE: ") && said.contains("257 characters"),
        "{said}"
    );
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}

#[tokio::test]
async fn a_refused_import_says_what_to_do() {
    let stand = stand("Never").await;
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "one", "type": "Simple"}))
        .await;
    let (_, said) = import(&stand, &[]).await.unwrap();
    assert!(
        said.contains("adoptionPolicy: Never") && said.contains("kubectl patch viis main"),
        "{said}"
    );

    let ask = async |server: &str, namespace: &str, own: &str| {
        let arguments = [
            "import",
            "--server",
            server,
            "--namespace",
            namespace,
            "--operator-namespace",
            own,
        ];
        match stand.command_with_errors(&arguments).await {
            Ok((out, said)) => panic!("it was not refused:\n{out}\n{said}"),
            Err(said) => said,
        }
    };
    let (server, namespace, own) = (&stand.server, &stand.namespace, &stand.operator_namespace);
    let said = ask("nobody", namespace, own).await;
    assert!(
        said.contains("no IntegrationServer nobody") && said.contains(server.as_str()),
        "{said}"
    );
    let said = ask(server, "nowhere", own).await;
    assert!(
        said.contains("no namespace nowhere") && said.contains("--namespace"),
        "{said}"
    );
    let said = ask(server, namespace, "nowhere").await;
    assert!(
        said.contains("no Secret viis-main") && said.contains("--operator-namespace"),
        "{said}"
    );

    stand.credentials("Wrong-password").await;
    let said = ask(server, namespace, own).await;
    assert!(
        said.contains("user name and password") && !said.contains("Wrong-password"),
        "{said}"
    );
    let wrong = json!({"spec": {"tls": {"fingerprintsSHA256": ["00".repeat(32)]}}});
    stand
        .patch("IntegrationServer", server, false, wrong)
        .await
        .unwrap();
    let said = ask(server, namespace, own).await;
    assert!(said.contains(&stand.simulator.fingerprint), "{said}");

    let closed = json!({"spec": {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}},
        "tls": {"fingerprintsSHA256": [stand.simulator.fingerprint]}}});
    stand
        .patch("IntegrationServer", server, false, closed)
        .await
        .unwrap();
    stand.credentials(&stand.simulator.password).await;
    let (_, said) = import(&stand, &[]).await.unwrap();
    assert!(said.contains("does not let namespace"), "{said}");

    if !crate::harness::skipped_on_an_existing_cluster() {
        let crd = ["delete", "crd", "integrationservers.viis-operator.io"];
        stand.kubectl(&crd, "").await;
        eventually("it is not served", async || {
            refused(&stand, &[])
                .await
                .contains("viis-operator crds | kubectl apply")
        })
        .await;
        stand.install_crds().await;
    }
    assert_eq!(stand.simulator.calls().await.mutating, 0);
    stand.ends_well().await;
}

/// What a Tenant has that was made in another way is not printed a second time.
#[tokio::test]
async fn what_the_operator_made_is_no_import() {
    let stand = Stand::ready().await;
    stand
        .apply([simple_tenant("acme").with("spec.name", "Acme Ltd.")])
        .await;
    stand.tenant("acme").becomes_ready().await;
    stand
        .simulator
        .tenant_made_by_hand(json!({"name": "by-hand", "type": "Simple"}))
        .await;
    let (text, said) = import(&stand, &[]).await.unwrap();
    let names: Vec<_> = documents(&text)
        .iter()
        .map(|one| one["metadata"]["name"].clone())
        .collect();
    assert_eq!(names, ["by-hand"], "{text}");
    assert!(said.contains("1 tenants are in Tenants already"), "{said}");
    stand.ends_well().await;
}
