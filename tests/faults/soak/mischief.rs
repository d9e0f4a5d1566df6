//! Random faults on both sides. None of them needs a person afterwards.

use super::fleet::Fleet;
use crate::harness::{Fate, Proxy, Stand};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How often what was done.
#[derive(Default)]
pub struct Mischief(BTreeMap<&'static str, usize>);

const CALLS: [&str; 11] = [
    "GET tenants",
    "GET tenant",
    "POST tenant",
    "POST activate",
    "POST deactivate",
    "DELETE tenant",
    "GET vms",
    "POST register",
    "POST unregister",
    "GET tasks",
    "GET task",
];

// === impl Mischief ===

impl Mischief {
    /// One fault by chance.
    pub async fn strike(
        &mut self,
        stand: &mut Stand,
        proxy: &Proxy,
        fleet: &Fleet,
        random: &mut fastrand::Rng,
        may_kill: bool,
    ) {
        let what = match random.u8(0..40) {
            0 if may_kill => {
                stand.kill_operator();
                stand.start_operator_behind(&proxy.kubeconfig);
                "kill -9"
            }
            1 => {
                stand.simulator.goes_away().await;
                tokio::time::sleep(Duration::from_millis(random.u64(100..3000))).await;
                stand.simulator.comes_back().await;
                "the server away"
            }
            2..5 => {
                proxy.cuts_watches();
                "watches cut"
            }
            5..7 => {
                proxy.forgets_watches();
                "410 Gone"
            }
            7..15 => {
                proxy.plan(bad_luck(random.u64(..)));
                "writes fail for a while"
            }
            15..17 => by_hand(stand, fleet, random).await,
            _ => {
                // One at a time: calls are rare while the server is parked, and a
                // stock of faults for its probes would be an outage of its own.
                stand.simulator.mend().await;
                let call = random.choice(CALLS).unwrap_or("*");
                let action = action(random, call);
                let order = json!({"call": call, "times": 1, "action": action});
                stand.simulator.order(order).await;
                "a call fails"
            }
        };
        *self.0.entry(what).or_default() += 1;
    }

    /// All is well from now on; an error when nothing went wrong before.
    pub async fn ends(&self, stand: &Stand, proxy: &Proxy) -> Result<(), String> {
        proxy.plan(|_| Fate::Passes);
        stand.simulator.mend().await;
        match self.0.is_empty() {
            true => Err("nothing went wrong: run longer".to_owned()),
            false => Ok(()),
        }
    }
}

impl fmt::Display for Mischief {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self
            .0
            .iter()
            .map(|(what, count)| format!("{count} × {what}"));
        to.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

/// Of the next forty writes some are refused or their answers lost.
fn bad_luck(seed: u64) -> impl Fn(u64) -> Fate + Send + Sync + 'static {
    move |write| {
        if write >= 40 {
            return Fate::Passes;
        }
        match fastrand::Rng::with_seed(seed ^ write).u8(0..12) {
            0 => Fate::Refused(409),
            1 => Fate::Refused(429),
            2 => Fate::Refused(500),
            3 | 4 => Fate::AnswerLost,
            _ => Fate::Passes,
        }
    }
}

fn action(random: &mut fastrand::Rng, call: &str) -> Value {
    let page = json!({"status": 200, "body": "<html>Sign in</html>", "contentType": "text/html"});
    let mut actions = vec![
        json!({"dropBefore": true}),
        json!({"dropAfter": true}),
        json!({"cutBody": true}),
        json!({"delayMs": 2000}),
        json!({"status": 503, "body": "busy"}),
        json!({"status": 429, "headers": {"Retry-After": "1"}}),
        page,
    ];
    if !call.starts_with("GET") {
        actions.push(json!({"commitLateMs": 1500}));
    }
    if matches!(
        call,
        "POST tenant" | "POST activate" | "POST deactivate" | "DELETE tenant"
    ) {
        actions.push(json!({"taskForgotten": "done"}));
        actions.push(json!({"taskForgotten": "undone"}));
    }
    if call == "POST tenant" {
        actions.push(json!({"hiddenMs": 1500}));
    }
    random.choice(actions).unwrap_or_default()
}

/// Somebody works on the server without the operator.
async fn by_hand(stand: &Stand, fleet: &Fleet, random: &mut fastrand::Rng) -> &'static str {
    let state = stand.simulator.state().await;
    let tenant = fleet.any(random).and_then(|name| state.find(name));
    let Some(tenant) = tenant else {
        return "nothing by hand";
    };
    let machine = tenant.machines.first().filter(|_| random.bool());
    if let Some(machine) = machine {
        let bios_id = &machine.bios_id;
        stand
            .simulator
            .machine_removed_by_hand(&tenant.name, bios_id)
            .await;
        return "a machine removed by hand";
    }
    let other = match tenant.status.as_str() {
        "Active" => "Inactive",
        _ => "Active",
    };
    stand
        .simulator
        .status_set_by_hand(&tenant.name, other)
        .await;
    "a status set by hand"
}
