//! The way to the API server fails. K1, K2, K3 and K7 of the reliability page.

use crate::bios_id;
use crate::harness::{Deadline, Fate, Proxy, Simulator, Stand, eventually, machine, simple_tenant};
use serde_json::json;
use std::time::Duration;

async fn stand_behind_a_proxy() -> (Stand, Proxy) {
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let proxy = Proxy::start(&stand).await;
    stand.apply([stand.server_manifest()]).await;
    stand.start_operator_behind(&proxy.kubeconfig);
    stand.integration_server().becomes_ready().await;
    (stand, proxy)
}

/// Whatever the way does: one tenant, one machine, made once, and then silence.
async fn lives_under(plan: impl Fn(u64) -> Fate + Send + Sync + Clone + 'static) {
    let (stand, proxy) = stand_behind_a_proxy().await;
    proxy.plan(plan.clone());
    stand
        .apply([
            simple_tenant("acme"),
            machine("web-1", "acme", &bios_id(1)),
            simple_tenant("other"),
        ])
        .await;
    for name in ["acme", "other"] {
        stand.tenant(name).within(120).becomes_ready().await;
    }
    stand.machine("web-1").within(60).becomes_ready().await;
    let state = stand.simulator.state().await;
    assert_eq!(
        (
            state.tenants.len(),
            state.tasks("CreateTenant", "Completed")
        ),
        (2, 2),
        "{state:#?}"
    );
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 2);
    assert!(proxy.writes() > 4);
    stand
        .tenant("acme")
        .patch(json!({"spec": {"state": "Inactive"}}))
        .await;
    stand.tenant("acme").within(60).becomes_ready().await;
    stand.tenant("acme").delete().await;
    stand.machine("web-1").delete().await;
    stand.tenant("acme").within(90).is_gone().await;
    stand.machine("web-1").within(60).is_gone().await;
    let state = stand.simulator.state().await;
    assert_eq!(state.tenants.len(), 1);
    assert_eq!(stand.simulator.calls().await.of("DELETE tenant"), 1);
    proxy.plan(|_| Fate::Passes);
    stand.is_quiet_past_the_next_list().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn every_second_writes_answer_is_lost() {
    lives_under(|number| {
        if number % 2 == 0 {
            Fate::AnswerLost
        } else {
            Fate::Passes
        }
    })
    .await;
}

#[tokio::test]
async fn writes_are_refused_now_and_then() {
    lives_under(|number| match number % 8 {
        0 => Fate::Refused(409),
        2 => Fate::Refused(429),
        4 => Fate::Refused(500),
        6 => Fate::Refused(403),
        _ => Fate::Passes,
    })
    .await;
}

#[tokio::test]
async fn watches_end_in_mid_stream() {
    let (stand, proxy) = stand_behind_a_proxy().await;
    for number in 0..4 {
        let name = format!("tenant-{number}");
        proxy.cuts_watches();
        stand
            .apply([
                simple_tenant(&name),
                machine(&name, &name, &bios_id(number)),
            ])
            .await;
        proxy.cuts_watches();
    }
    for number in 0..4 {
        let name = format!("tenant-{number}");
        stand.tenant(&name).within(60).becomes_ready().await;
        stand.machine(&name).becomes_ready().await;
        proxy.cuts_watches();
    }
    proxy.cuts_watches();
    stand.tenant("tenant-0").delete().await;
    stand.machine("tenant-0").delete().await;
    stand.tenant("tenant-0").within(60).is_gone().await;
    let calls = stand.simulator.calls().await;
    assert_eq!((calls.of("POST tenant"), calls.of("DELETE tenant")), (4, 1));
    assert!(proxy.cuts() > 4, "{} watches were cut", proxy.cuts());
    stand.ends_well().await;
}

/// kill -9 at each write of a tenant's life in turn; `after`: it was done, and the
/// operator did not learn that.
async fn killed_at_every_write(after: bool) {
    let (mut stand, proxy) = stand_behind_a_proxy().await;
    stand
        .integration_server()
        .patch(json!({"spec": {"guard": {"enabled": false}}}))
        .await;
    stand.integration_server().becomes_ready().await;
    let fate = if after {
        Fate::HangsAfter
    } else {
        Fate::HangsBefore
    };
    let mut born = 0;
    for moment in 0..40 {
        let name = format!("tenant-{moment}");
        proxy.plan(move |number| if number == moment { fate } else { Fate::Passes });
        stand
            .apply([simple_tenant(&name), machine(&name, &name, &bios_id(born))])
            .await;
        let struck = killed_when_it_hangs(&mut stand, &proxy).await;
        stand.tenant(&name).within(90).becomes_ready().await;
        stand.machine(&name).within(60).becomes_ready().await;
        born += 1;
        let state = stand.simulator.state().await;
        assert_eq!(
            state.tenants.len(),
            born,
            "killed at write {moment}: {state:#?}"
        );
        assert_eq!(
            stand.simulator.calls().await.of("POST tenant") as usize,
            born,
            "killed at write {moment}"
        );
        if !struck {
            break;
        }
    }
    assert!(born > 4, "there were {born} writes only");
    let mut struck = 0;
    for moment in 0..born as u64 {
        let name = format!("tenant-{moment}");
        proxy.plan(move |number| if number == moment { fate } else { Fate::Passes });
        stand.tenant(&name).delete().await;
        stand.machine(&name).delete().await;
        struck += u64::from(killed_when_it_hangs(&mut stand, &proxy).await);
        stand.tenant(&name).within(90).is_gone().await;
        stand.machine(&name).within(60).is_gone().await;
        assert!(
            stand.simulator.state().await.find(&name).is_none(),
            "killed at write {moment}"
        );
    }
    assert!(struck > 2, "{struck} writes of a deletion only");
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// Waits a while for the write that hangs; kills the operator then and starts it again.
async fn killed_when_it_hangs(stand: &mut Stand, proxy: &Proxy) -> bool {
    let deadline = Deadline::after(Duration::from_secs(3));
    while !deadline.has_passed() {
        if proxy.hangs() {
            stand.kill_operator();
            proxy.plan(|_| Fate::Passes);
            stand.start_operator_behind(&proxy.kubeconfig);
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    proxy.plan(|_| Fate::Passes);
    false
}

#[tokio::test]
async fn killed_before_every_write() {
    killed_at_every_write(false).await;
}

#[tokio::test]
async fn killed_after_every_write() {
    killed_at_every_write(true).await;
}

/// The API server is away for a while; the Integration Server works on.
#[tokio::test]
async fn no_write_is_taken_for_a_while() {
    let (stand, proxy) = stand_behind_a_proxy().await;
    proxy.plan(|number| {
        if number < 5 {
            Fate::Refused(503)
        } else {
            Fate::Passes
        }
    });
    stand.apply([simple_tenant("acme")]).await;
    eventually("it tries", async || proxy.writes() > 1).await;
    stand.tenant("acme").within(90).becomes_ready().await;
    assert_eq!(stand.simulator.calls().await.of("POST tenant"), 1);
    stand.ends_well().await;
}
