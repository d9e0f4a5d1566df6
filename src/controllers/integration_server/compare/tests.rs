//! The comparison against a real TLS server on 127.0.0.1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::controllers::fixtures::drain;
use crate::inventory::Wake;
use crate::inventory::fixtures::{Woken, owner, soon};
use crate::viis::live_tests::connected;
use crate::viis::live_tests::server::{Reply, http};

const MACHINES: &str = "<vms><vm id='1' biosId='4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10'/></vms>";

/// Who is looked at, and how many lists were asked for, when the machines of the
/// tenants 1, 2 and 3 are compared and the second one is answered like this.
async fn compared(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Vec<String>, usize) {
    let (remote, client) = connected(move |request| {
        if request.contains("/tenants/2/") {
            reply()
        } else {
            Reply::Bytes(http("200 OK", &[], MACHINES))
        }
    });
    let picture = Server::new(client, 1, Woken::new() as Arc<dyn Wake>);
    picture.health().probed();
    let queues = Queues::default();
    let tenants = ["1", "2", "3"].map(|id| {
        let machine = Key {
            namespace: "customers".to_owned(),
            name: format!("of-{id}"),
        };
        (TenantId::new(id), vec![machine])
    });
    let work = compare(picture, tenants.to_vec(), queues.clone(), Duration::ZERO);
    soon(work).await;
    let mut woken: Vec<_> = drain(&queues.machines)
        .into_iter()
        .map(|key| key.name)
        .collect();
    woken.sort();
    (woken, remote.requests().len())
}

#[rstest]
#[case::refused("403 Forbidden", "")]
#[case::failing("500 Internal Server Error", "")]
#[case::a_machine_without_a_bios_id("200 OK", "<vms><vm id='1' biosId='17'/></vms>")]
#[tokio::test]
async fn one_tenant_that_cannot_be_compared_leaves_the_others_alone(
    #[case] status: &'static str,
    #[case] body: &'static str,
) {
    let (woken, lists) = compared(move || Reply::Bytes(http(status, &[], body))).await;
    assert_eq!(woken, ["of-1", "of-3"]);
    assert_eq!(lists, 3);
}

#[tokio::test]
async fn the_machines_of_a_tenant_that_is_gone_are_looked_at() {
    let gone = "<error>VIRMT_TenantWithSpecifiedIdNotFound</error>";
    let (woken, _) = compared(move || Reply::Bytes(http("404 Not Found", &[], gone))).await;
    assert_eq!(woken, ["of-1", "of-2", "of-3"]);
}

#[tokio::test]
async fn a_server_that_is_gone_is_not_asked_on() {
    let (woken, lists) = compared(|| Reply::Reset).await;
    assert_eq!(woken, ["of-1"]);
    assert_eq!(lists, 2);
}

fn of(tenant: &str) -> (TenantId, Vec<Key>) {
    (TenantId::new(tenant), vec![owner(tenant)])
}

/// At the start every machine with work to do lists its tenant's machines itself.
#[tokio::test]
async fn what_was_listed_meanwhile_is_not_listed_again() {
    let (remote, client) = connected(|_| Reply::Bytes(http("200 OK", &[], "<vms/>")));
    let picture = Server::new(client, 8, Woken::new() as Arc<dyn Wake>);
    let queues = Queues::default();
    // Longer than this test needs for a list, whatever else the machine does.
    let pause = Duration::from_secs(3);
    let tenants = vec![of("1"), of("2")];
    let work = tokio::spawn(compare(
        Arc::clone(&picture),
        tenants,
        queues.clone(),
        pause,
    ));
    while picture.machines().listed_at(&TenantId::new("1")).is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    picture.list_machines(&TenantId::new("2")).await.unwrap();
    soon(work).await.unwrap();
    assert_eq!(remote.requests().len(), 2, "one list a tenant");
    assert_eq!(drain(&queues.machines), [owner("1"), owner("2")]);
}

#[tokio::test]
async fn what_was_listed_before_is_compared_with_a_new_list() {
    let (remote, client) = connected(|_| Reply::Bytes(http("200 OK", &[], "<vms/>")));
    let picture = Server::new(client, 8, Woken::new() as Arc<dyn Wake>);
    picture.list_machines(&TenantId::new("1")).await.unwrap();
    let pause = Duration::from_millis(1);
    let work = compare(picture, vec![of("1")], Queues::default(), pause);
    soon(work).await;
    assert_eq!(remote.requests().len(), 2);
}
