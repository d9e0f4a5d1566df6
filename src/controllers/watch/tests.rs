#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::core::ObjectMeta;
use serde_json::json;

use super::*;
use crate::controllers::fixtures::{Queued, Stage};
use crate::inventory::fixtures::{owner, soon};
use crate::viis::TaskId;

fn acme() -> Tenant {
    Tenant::test("acme").recorded("1")
}

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web")
}

fn namespace(labels: &[(&str, &str)]) -> PartialObjectMeta<NamespaceObject> {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    PartialObjectMeta {
        types: None,
        metadata: ObjectMeta {
            name: Some("customers".to_owned()),
            labels: Some(labels.collect()),
            ..ObjectMeta::default()
        },
        _phantom: std::marker::PhantomData,
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn a_tenant_that_is_gone_gives_its_slot_and_its_name_back() {
    let stage = Stage::ready();
    let picture = stage.picture();
    stage.tenant(acme().with(json!({"name": "Acme"})));
    stage.tenant(Tenant::test("rival").with(json!({"name": "Acme"})));
    stage.machine(web());
    picture.watch_task(&TaskId::new("9"), &owner("acme"));
    stage.context.tenants.put("uid-acme", Default::default());
    tenant_gone(&stage.context, &owner("acme"));
    let concerned = Queued {
        servers: names(&["main"]),
        tenants: names(&["rival"]),
        machines: names(&["web"]),
    };
    assert_eq!(stage.queued(), concerned);
    assert!(stage.context.cluster.tenant(&owner("acme")).is_none());
    assert!(picture.tasks().view(&TaskId::new("9")).is_none());
    assert_eq!(stage.woken.in_flight(), 0);
}

#[tokio::test]
async fn what_is_known_of_a_tenant_does_not_count_for_its_successor() {
    let stage = Stage::ready();
    let picture = stage.picture();
    let acme = stage.tenant(acme());
    picture.watch_task(&TaskId::new("9"), &owner("acme"));
    stage.context.tenants.put("uid-acme", Default::default());
    tenant_seen(&stage.context, Tenant::clone(&acme));
    assert!(picture.tasks().view(&TaskId::new("9")).is_some());
    let mut successor = Tenant::clone(&acme);
    successor.metadata.uid = Some("uid-successor".to_owned());
    tenant_seen(&stage.context, successor.clone());
    assert!(picture.tasks().view(&TaskId::new("9")).is_none());
    let now = stage.context.cluster.tenant(&owner("acme")).unwrap();
    assert_eq!(now.uid(), successor.uid());
}

#[tokio::test]
async fn what_is_known_of_a_machine_does_not_count_for_its_successor() {
    let stage = Stage::ready();
    let web = stage.machine(web());
    let uid = web.uid().unwrap();
    let released = || crate::controllers::virtual_machine::memory::Memory {
        released: true,
        ..Default::default()
    };
    let mut successor = VirtualMachine::clone(&web);
    successor.metadata.uid = Some("uid-successor".to_owned());
    for (seen, remembered) in [(VirtualMachine::clone(&web), true), (successor, false)] {
        stage.context.machines.put(&uid, released());
        let seen_uid = seen.uid();
        machine_seen(&stage.context, seen);
        assert_eq!(stage.context.machines.take(&uid).released, remembered);
        let now = stage.context.cluster.machine(&owner("web")).unwrap();
        assert_eq!(now.uid(), seen_uid);
    }
}

#[tokio::test]
async fn who_is_gone_already_wakes_only_those_that_refer_to_it() {
    let stage = Stage::ready();
    stage.machine(web());
    tenant_gone(&stage.context, &owner("acme"));
    let concerned = Queued {
        machines: names(&["web"]),
        ..Queued::default()
    };
    assert_eq!(stage.queued(), concerned);
}

#[tokio::test]
async fn a_machine_that_is_gone_wakes_its_tenant_its_rival_and_servers_that_wait_for_it() {
    let stage = Stage::ready_with(IntegrationServer::test().deleted());
    stage.machine(web().registered("1"));
    stage.machine(VirtualMachine::test_resource("rival"));
    machine_gone(&stage.context, &owner("web"));
    let concerned = Queued {
        servers: names(&["main"]),
        tenants: names(&["acme"]),
        machines: names(&["rival"]),
    };
    assert_eq!(stage.queued(), concerned);
    machine_gone(&stage.context, &owner("web"));
    assert_eq!(stage.queued().tenants, [""; 0]);
}

#[tokio::test]
async fn a_server_that_stays_is_not_asked_for_each_machine_that_goes() {
    let stage = Stage::ready();
    let web = stage.machine(web().registered("1"));
    stage.context.orphans.releases(web.as_ref());
    machine_gone(&stage.context, &owner("web"));
    assert_eq!(stage.queued().servers, [""; 0]);
}

#[tokio::test]
async fn only_another_address_or_port_is_a_move() {
    let stage = Stage::ready();
    let mut server = IntegrationServer::test();
    assert!(!server_moved(&stage.context, &server));
    server.spec.suspend = true;
    assert!(!server_moved(&stage.context, &server));
    server.spec.port += 1;
    assert!(server_moved(&stage.context, &server));
    server.metadata.name = Some("new".to_owned());
    assert!(!server_moved(&stage.context, &server), "nobody knew it");
}

#[tokio::test]
async fn a_server_that_is_gone_is_served_no_more() {
    let stage = Stage::ready();
    let picture = stage.picture();
    server_gone(&stage.context, "main");
    soon(picture.closed()).await;
    assert!(stage.context.servers.get("main").is_none());
    assert!(stage.context.cluster.server("main").is_none());
}

#[tokio::test]
async fn only_a_namespace_whose_labels_changed_wakes_its_tenants() {
    let stage = Stage::ready();
    stage.tenant(acme());
    stage.tenant(Tenant::test("elsewhere").in_namespace("others"));
    stage.machine(web());
    let concerned = || Queued {
        tenants: names(&["acme"]),
        machines: names(&["web"]),
        ..Queued::default()
    };
    namespace_changed(&stage.context, &namespace(&[]));
    assert_eq!(stage.queued(), concerned());
    namespace_changed(&stage.context, &namespace(&[]));
    assert_eq!(stage.queued(), Queued::default());
    namespace_changed(&stage.context, &namespace(&[("viis", "allowed")]));
    assert_eq!(stage.queued(), concerned());
}

#[test]
fn a_servers_own_status_is_no_news_for_others() {
    let mut server = IntegrationServer::test();
    assert!(has_news_for_others(&server), "nobody looked at it yet");
    server.status.get_or_insert_default().observed_generation = Some(1);
    assert!(!has_news_for_others(&server));
    assert!(has_news_for_others(&server.clone().deleted()));
    server.metadata.generation = Some(2);
    assert!(has_news_for_others(&server));
}

#[tokio::test]
async fn a_first_list_is_said_once() {
    let (sender, receiver) = oneshot::channel();
    let mut listed = Listed::new(sender);
    listed.complete();
    listed.complete();
    receiver.await.unwrap();
}

/// What counts is the state at the deletion, which the watch may not have shown before.
#[tokio::test]
async fn what_a_deleted_resource_leaves_is_decided_by_its_last_state() {
    let retained = json!({"deletionPolicy": "Retain"});
    for (last, left) in [(acme().with(retained), 0), (acme(), 1)] {
        let stage = Stage::ready();
        stage.tenant(acme());
        tenant_deleted(&stage.context, last);
        assert_eq!(stage.context.orphans.of_server("main").len(), left);
    }
    let retained = json!({"deletionPolicy": "Retain"});
    let registered = || web().registered("1");
    for (last, left) in [(registered().with(retained), 0), (registered(), 1)] {
        let stage = Stage::ready();
        stage.machine(registered());
        machine_deleted(&stage.context, last);
        assert_eq!(stage.context.orphans.of_server("main").len(), left);
    }
}

/// Without a watch event for the deletion: another resource has its name by now, or a list
/// is without it.
#[tokio::test]
async fn what_disappeared_unseen_leaves_an_orphan_too() {
    let stage = Stage::ready();
    tenant_seen(&stage.context, acme());
    tenant_seen(&stage.context, acme().under_uid("uid-successor"));
    machine_seen(&stage.context, web().registered("1"));
    machine_gone(&stage.context, &owner("web"));
    assert_eq!(stage.context.orphans.of_server("main").len(), 2);
}
