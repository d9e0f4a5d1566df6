//! The comparison against a real TLS server on 127.0.0.1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;

use super::*;
use crate::controllers::fixtures::drain;
use crate::inventory::Wake;
use crate::inventory::fixtures::{Woken, soon};
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
