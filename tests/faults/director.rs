//! Makes the faults of a plan happen: orders them, waits for their moments, and does
//! then what only somebody outside can do: kill, stop, replace, change by hand.

use crate::external::External;
use crate::harness::{Calls, Operator, Proxy, Stand};
use crate::kubernetes::Kubernetes;
use crate::life::{self, BIOS_ID, MACHINE, TENANT, Wanted};
use crate::plan::{Plan, Step};
use kube::api::{Api, ListParams};
use serde_json::json;
use std::time::{Duration, Instant};
use viis_operator::api::Tenant;

/// Takes the identifier of a tenant that was lost when its server was rolled back.
const IMPOSTOR: &str = "impostor";
/// How long the past is shown (K6).
const PAST: Duration = Duration::from_secs(4);
/// Two leaders: short, with the margins of the defaults.
const ELECTION: [&str; 4] = [
    "--leader-election",
    "--lease-duration=4s",
    "--lease-renew-deadline=2s",
    "--lease-retry-period=500ms",
];

/// How far a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waits,
    /// It struck, and something has to come before it is over.
    Under,
    Over,
}

/// See the head of this file.
pub struct Director {
    plan: Plan,
    second: Option<Operator>,
    kubernetes: Stage,
    external: Stage,
    ordered: Option<u64>,
    before: Calls,
    past: String,
    struck_at: Option<Instant>,
    helped_at: Instant,
    /// What shall be there in the end.
    pub wanted: Wanted,
}

// === impl Director ===

impl Director {
    pub fn of(plan: &Plan) -> Director {
        Director {
            plan: plan.clone(),
            second: None,
            kubernetes: Stage::Waits,
            external: Stage::Waits,
            ordered: None,
            before: Calls::default(),
            past: String::new(),
            struck_at: None,
            helped_at: Instant::now(),
            wanted: life::after(plan.step),
        }
    }

    fn flags(&self) -> &'static [&'static str] {
        match self.plan.is_kubernetes(Kubernetes::TwoLeaders) {
            true => &ELECTION,
            false => &[],
        }
    }

    pub fn start_operator(&self, stand: &mut Stand, proxy: &Proxy) {
        let operator = stand.another_operator_behind(&proxy.kubeconfig, self.flags());
        stand.operator = Some(operator);
    }

    fn restart(&self, stand: &mut Stand, proxy: &Proxy) {
        stand.kill_operator();
        proxy.plan(|_| crate::harness::Fate::Passes);
        self.start_operator(stand, proxy);
    }

    /// From now on the faults may strike.
    pub async fn order(&mut self, stand: &mut Stand, proxy: &Proxy) {
        self.before = stand.simulator.calls().await;
        let tenants: Api<Tenant> = Api::all(stand.client.clone());
        let list = tenants.list(&ListParams::default()).await.unwrap();
        self.past = list.metadata.resource_version.unwrap_or_default();
        if self.plan.is_kubernetes(Kubernetes::TwoLeaders) {
            self.second = Some(stand.another_operator_behind(&proxy.kubeconfig, self.flags()));
        }
        match self.plan.kubernetes {
            Some(at) => at.fault.order(proxy, at.moment),
            None => proxy.plan(|_| crate::harness::Fate::Passes),
        }
        if let Some(at) = &self.plan.external {
            let order = at.fault.order(&at.call, at.moment);
            self.ordered = Some(stand.simulator.order(order).await);
        }
        let lasting = |at: crate::plan::AtWrite| !at.fault.has_moment();
        if self.plan.kubernetes.is_none_or(lasting) {
            self.kubernetes = Stage::Over;
        }
        if self.plan.external.is_none() {
            self.external = Stage::Over;
        }
    }

    /// Everything that shall go wrong did, and has had its time.
    pub fn is_over(&self) -> bool {
        let lasts = self
            .plan
            .external
            .as_ref()
            .map_or(0, |at| at.fault.lasts_ms());
        let lasts = Duration::from_millis(lasts);
        let past = self.struck_at.is_none_or(|at| at.elapsed() >= lasts);
        self.kubernetes == Stage::Over && self.external == Stage::Over && past
    }

    /// Does what is due.
    pub async fn act(&mut self, stand: &mut Stand, proxy: &Proxy) {
        match self.kubernetes {
            Stage::Waits => self.kubernetes = self.at_write(stand, proxy).await,
            Stage::Under => self.kubernetes = self.second_leads(stand, proxy).await,
            Stage::Over => {}
        }
        match self.external {
            Stage::Waits => self.external = self.at_call(stand, proxy).await,
            Stage::Under => self.external = self.around_completion(stand, proxy).await,
            Stage::Over => {}
        }
    }

    // === at a write ===

    async fn at_write(&mut self, stand: &mut Stand, proxy: &Proxy) -> Stage {
        let Some(at) = self.plan.kubernetes else {
            return Stage::Over;
        };
        let due = match at.fault.stops_the_write() {
            true => proxy.hangs(),
            false => proxy.writes() > at.moment,
        };
        if !due {
            return Stage::Waits;
        }
        match at.fault {
            Kubernetes::CrashBefore | Kubernetes::CrashAfter => self.restart(stand, proxy),
            Kubernetes::Recreated => {
                stand.kill_operator();
                self.replace(stand, true).await;
                self.restart(stand, proxy);
            }
            Kubernetes::Stripped => {
                self.replace(stand, self.plan.step != Step::Delete).await;
                proxy.releases();
            }
            Kubernetes::ThereAndBack => {
                stand.kill_operator();
                there_and_back(stand).await;
                self.restart(stand, proxy);
            }
            Kubernetes::Past => {
                stand.kill_operator();
                proxy.shows_the_past(&self.past, tokio::time::Instant::now() + PAST);
                self.restart(stand, proxy);
            }
            Kubernetes::TwoLeaders => {
                stand.operator().signal("STOP");
                return Stage::Under;
            }
            Kubernetes::Cut => proxy.cuts_watches(),
            Kubernetes::Gone => proxy.forgets_watches(),
            _ => {}
        }
        Stage::Over
    }

    /// The resources go without their finalizers, and come again under other UIDs.
    async fn replace(&mut self, stand: &Stand, again: bool) {
        for kind in ["VirtualMachine", "Tenant"] {
            let name = if kind == "Tenant" { TENANT } else { MACHINE };
            let free = json!({"metadata": {"finalizers": null}});
            if stand.patch(kind, name, false, free).await.is_ok() {
                stand.remove_if_there(kind, name).await;
            }
        }
        if again {
            if self.plan.step == Step::Delete {
                self.wanted = life::before(Step::Delete);
            }
            life::apply(stand, &self.plan, &self.wanted).await;
        }
    }

    /// The stopped process goes on when the other one has taken its place.
    async fn second_leads(&mut self, stand: &mut Stand, proxy: &Proxy) -> Stage {
        let Some(second) = &self.second else {
            return Stage::Over;
        };
        let page = second.page("/metrics").await.unwrap_or_default().1;
        let leads = page.lines().any(|line| line == "viis_operator_leader 1");
        if !leads || life::difference(stand, &self.wanted).await.is_some() {
            return Stage::Under;
        }
        proxy.releases();
        stand.operator().signal("CONT");
        Stage::Over
    }

    // === at a call ===

    async fn at_call(&mut self, stand: &mut Stand, proxy: &Proxy) -> Stage {
        let (Some(at), Some(ordered)) = (self.plan.external.clone(), self.ordered) else {
            return Stage::Over;
        };
        if stand.simulator.hits(ordered).await == 0 {
            return Stage::Waits;
        }
        self.struck_at = Some(Instant::now());
        match at.fault {
            External::Crash => self.restart(stand, proxy),
            External::CrashRunning | External::CrashEnded => return Stage::Under,
            External::RolledBack => {
                let impostor = json!({"name": IMPOSTOR, "type": "Simple", "status": "Active"});
                stand.simulator.tenant_made_by_hand(impostor).await;
            }
            External::RemovedByHand | External::StatusByHand | External::MachineByHand => {
                by_hand(stand, at.fault).await;
            }
            _ => {}
        }
        Stage::Over
    }

    /// The task's identifier is in the status: killed while it runs, or away until it
    /// has ended.
    async fn around_completion(&mut self, stand: &mut Stand, proxy: &Proxy) -> Stage {
        let state = stand.simulator.state().await;
        let running = state.tasks.iter().any(|task| !task.has_ended());
        if stand.operator.is_none() {
            if running {
                return Stage::Under;
            }
            self.restart(stand, proxy);
            return Stage::Over;
        }
        let tenant = stand.tenant(TENANT).find().await;
        let known = tenant
            .and_then(|tenant| tenant.status?.task)
            .is_some_and(|known| {
                state
                    .tasks
                    .iter()
                    .any(|t| t.id == known.id && !t.has_ended())
            });
        if !known {
            // Over before anybody could act.
            return if running { Stage::Under } else { Stage::Over };
        }
        stand.kill_operator();
        if self.plan.is_external(External::CrashEnded) {
            return Stage::Under;
        }
        self.restart(stand, proxy);
        Stage::Over
    }

    // === afterwards ===

    /// The faults stop.
    pub async fn mend(&mut self, stand: &mut Stand, proxy: &Proxy) {
        proxy.plan(|_| crate::harness::Fate::Passes);
        proxy.watching(crate::harness::Watching::Passes);
        proxy.releases();
        stand.simulator.mend().await;
        if self.plan.is_kubernetes(Kubernetes::TwoLeaders) && self.kubernetes == Stage::Under {
            stand.operator().signal("CONT");
        }
        if stand.operator.is_none() {
            self.start_operator(stand, proxy);
        }
        self.kubernetes = Stage::Over;
        self.external = Stage::Over;
    }

    /// What the people do who run the server and the cluster, every few seconds.
    pub async fn help(&mut self, stand: &Stand) {
        let by_people = self.plan.external_is(External::needs_a_person);
        let orphan =
            self.plan.is_kubernetes(Kubernetes::Stripped) && self.plan.step == Step::Delete;
        if !(by_people || orphan) || self.helped_at.elapsed() < Duration::from_secs(3) {
            return;
        }
        self.helped_at = Instant::now();
        let state = stand.simulator.state().await;
        if self.plan.is_external(External::Stuck) {
            for task in state.tasks.iter().filter(|task| !task.has_ended()) {
                stand.simulator.task_cancelled_by_hand(&task.id).await;
            }
        }
        if state.find(IMPOSTOR).is_some() {
            stand.simulator.tenant_removed_by_hand(IMPOSTOR).await;
        }
        if orphan && state.find(TENANT).is_some() && state.tasks.iter().all(|t| t.has_ended()) {
            stand.simulator.tenant_removed_by_hand(TENANT).await;
        }
        let now = json!({"metadata": {"annotations": {
            viis_operator::api::REQUESTED_AT_ANNOTATION: uuid::Uuid::new_v4().to_string(),
        }}});
        for (kind, name) in [("Tenant", TENANT), ("VirtualMachine", MACHINE)] {
            // One that is gone needs no other look.
            let _ = stand.patch(kind, name, false, now.clone()).await;
        }
    }

    /// Both faults found their moment. To be asked before [`Self::mend`].
    pub fn has_struck(&self) -> bool {
        self.kubernetes != Stage::Waits && self.external != Stage::Waits
    }

    /// Nothing of them lasts until everything is done.
    pub fn strikes_at_once(&self) -> bool {
        let moment = |at: crate::plan::AtWrite| at.fault.has_moment();
        self.plan.kubernetes.is_none_or(moment)
            && (self.plan.kubernetes.is_some() || self.plan.external.is_some())
    }

    /// The second process, when there is one.
    pub fn second_log(&self) -> String {
        self.second.as_ref().map(Operator::log).unwrap_or_default()
    }

    /// Calls since the faults were ordered.
    pub fn before(&self) -> &Calls {
        &self.before
    }
}

/// The specs change and change back while nobody looks.
async fn there_and_back(stand: &Stand) {
    for (kind, name, field, other) in [
        ("Tenant", TENANT, "state", "Inactive"),
        ("VirtualMachine", MACHINE, "name", "passing"),
    ] {
        let Ok(object) = stand
            .patch(kind, name, false, json!({"metadata": {}}))
            .await
        else {
            continue;
        };
        let now = object.data["spec"][field].clone();
        let other = if now == other { "Active" } else { other };
        for value in [json!(other), now] {
            let _ = stand
                .patch(kind, name, false, json!({"spec": {field: value}}))
                .await;
        }
    }
}

async fn by_hand(stand: &Stand, fault: External) {
    let state = stand.simulator.state().await;
    let Some(tenant) = state.find(TENANT) else {
        return;
    };
    let has_machine = tenant.machine(BIOS_ID).is_some();
    match fault {
        External::RemovedByHand => stand.simulator.tenant_removed_by_hand(TENANT).await,
        External::StatusByHand => {
            let other = match tenant.status.as_str() {
                "Active" => "Inactive",
                _ => "Active",
            };
            stand.simulator.status_set_by_hand(TENANT, other).await;
        }
        External::MachineByHand if has_machine => {
            stand
                .simulator
                .machine_removed_by_hand(TENANT, BIOS_ID)
                .await;
        }
        External::MachineByHand => {
            let machine = json!({"biosId": BIOS_ID, "name": "by hand"});
            stand.simulator.machine_made_by_hand(TENANT, machine).await;
        }
        _ => {}
    }
}
