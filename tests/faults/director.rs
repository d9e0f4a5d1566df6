//! Makes the faults of a plan happen: orders them, waits for their moments, and does
//! then what only somebody outside can do: kill, stop, replace, change by hand.

use crate::external::External;
use crate::harness::{Calls, Deadline, Fate, Operator, Proxy, Stand, Watching};
use crate::kubernetes::Kubernetes;
use crate::life::{self, TENANT, Wanted};
use crate::people;
use crate::plan::{AtWrite, Plan, Step};
use kube::api::{Api, ListParams};
use std::time::{Duration, Instant};
use viis_operator::api::Tenant;

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
    /// Lists of tenants before an operator was started in the middle of the step.
    lists: Option<u64>,
    past_until: Option<Instant>,
    helped_at: Instant,
    /// These lost the operator's finalizer, and have it again by then (K11).
    replaced: Vec<&'static str>,
    restored_by: Option<Deadline>,
    /// What the operator has not done in time.
    broken: Option<String>,
    /// A moment came, and there was nothing that could be done then.
    missed: bool,
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
            lists: None,
            past_until: None,
            helped_at: Instant::now(),
            replaced: Vec::new(),
            restored_by: None,
            broken: None,
            missed: false,
            wanted: life::after(plan),
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

    async fn restart(&mut self, stand: &mut Stand, proxy: &Proxy) {
        stand.kill_operator();
        self.lists = Some(stand.simulator.calls().await.of("GET tenants"));
        self.start_operator(stand, proxy);
    }

    /// From now on the faults may strike.
    pub async fn order(&mut self, stand: &mut Stand, proxy: &Proxy) {
        self.before = stand.simulator.calls().await;
        let tenants: Api<Tenant> = Api::all(stand.client.clone());
        let list = tenants.list(&ListParams::default()).await.unwrap();
        self.past = list.metadata.resource_version.unwrap();
        if self.plan.is_kubernetes(Kubernetes::TwoLeaders) {
            self.second = Some(stand.another_operator_behind(&proxy.kubeconfig, self.flags()));
        }
        match self.plan.kubernetes {
            Some(at) => at.fault.order(proxy, at.moment),
            None => proxy.plan(|_| Fate::Passes),
        }
        if self.plan.is_kubernetes(Kubernetes::FutureTimes) {
            people::write_future_times(stand).await;
        }
        if let Some(at) = &self.plan.external {
            let order = at.fault.order(&at.call, at.moment);
            self.ordered = Some(stand.simulator.order(order).await);
        }
        let lasting = |at: AtWrite| !at.fault.has_moment();
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

    /// An operator that was started meanwhile has taken up its work, and sees the
    /// present. Until then nothing is proved.
    pub async fn is_at_work(&self, stand: &Stand) -> bool {
        let listed = stand.simulator.calls().await.of("GET tenants");
        self.lists.is_none_or(|before| listed > before)
            && self.past_until.is_none_or(|until| Instant::now() > until)
    }

    /// Does what is due.
    pub async fn act(&mut self, stand: &mut Stand, proxy: &Proxy) {
        match self.kubernetes {
            Stage::Waits => self.kubernetes = self.at_write(stand, proxy).await,
            Stage::Under if self.restored_by.is_some() => {
                self.kubernetes = self.restored(stand).await;
            }
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
        // Not before: an operator restarted for the other fault meets it, too.
        proxy.plan(|_| Fate::Passes);
        match at.fault {
            Kubernetes::CrashBefore | Kubernetes::CrashAfter => self.restart(stand, proxy).await,
            Kubernetes::Recreated => {
                stand.kill_operator();
                self.replace(stand, true).await;
                self.restart(stand, proxy).await;
            }
            Kubernetes::Stripped => {
                self.replace(stand, self.plan.step != Step::Delete).await;
                proxy.releases();
            }
            Kubernetes::ThereAndBack => {
                stand.kill_operator();
                self.missed |= !people::there_and_back(stand).await;
                self.restart(stand, proxy).await;
            }
            Kubernetes::Past => {
                stand.kill_operator();
                self.past_until = Some(Instant::now() + PAST);
                proxy.shows_the_past(&self.past, tokio::time::Instant::now() + PAST);
                self.restart(stand, proxy).await;
            }
            Kubernetes::TwoLeaders => {
                stand.operator().signal("STOP");
                return Stage::Under;
            }
            Kubernetes::Replaced | Kubernetes::ReplacedAway => {
                if at.fault == Kubernetes::ReplacedAway {
                    people::server_goes_away(stand).await;
                }
                self.replaced = people::replace(stand).await;
                self.missed |= self.replaced.is_empty();
                proxy.releases();
                self.restored_by = Some(Deadline::after(people::RESTORED));
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
        self.missed |= !people::strip(stand).await;
        if again {
            if self.plan.step == Step::Delete {
                self.wanted = life::before(&self.plan);
            }
            life::apply(stand, &self.plan, &self.wanted).await;
        }
    }

    /// What was replaced has the operator's finalizer again, although the server may be away.
    async fn restored(&mut self, stand: &Stand) -> Stage {
        let without = people::without_finalizer(stand, &self.replaced).await;
        if !without.is_empty() {
            // A process that was killed for the other fault cannot do it.
            if stand.operator.is_none() {
                self.restored_by = Some(Deadline::after(people::RESTORED));
            }
            if self.restored_by.as_ref().is_some_and(|it| !it.has_passed()) {
                return Stage::Under;
            }
            self.broken = Some(format!("O4: no finalizer was put back on {without:?}"));
        }
        stand.simulator.comes_back().await;
        Stage::Over
    }

    /// The stopped process goes on when the other one has taken its place.
    async fn second_leads(&mut self, stand: &mut Stand, proxy: &Proxy) -> Stage {
        let Some(second) = &self.second else {
            return Stage::Over;
        };
        let page = second.metrics().await;
        let leads = page.lines().any(|line| line == "viis_operator_leader 1");
        if !leads || life::difference(stand, &self.wanted).await.is_some() {
            return Stage::Under;
        }
        proxy.releases();
        resume(stand);
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
            External::Crash => self.restart(stand, proxy).await,
            External::CrashRunning | External::CrashEnded => return Stage::Under,
            External::RolledBack => {
                people::take_the_identifier(stand).await;
            }
            External::RemovedByHand | External::StatusByHand | External::MachineByHand => {
                self.missed |= !people::change_by_hand(stand, &self.plan, at.fault).await;
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
            self.restart(stand, proxy).await;
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
            self.missed |= !running;
            return if running { Stage::Under } else { Stage::Over };
        }
        stand.kill_operator();
        if self.plan.is_external(External::CrashEnded) {
            return Stage::Under;
        }
        self.restart(stand, proxy).await;
        Stage::Over
    }

    // === afterwards ===

    /// The faults stop.
    pub async fn mend(&mut self, stand: &mut Stand, proxy: &Proxy) {
        proxy.plan(|_| Fate::Passes);
        proxy.watching(Watching::Passes);
        proxy.releases();
        stand.simulator.mend().await;
        if self.plan.is_kubernetes(Kubernetes::TwoLeaders) && self.kubernetes == Stage::Under {
            resume(stand);
        }
        if self.plan.is_kubernetes(Kubernetes::ReplacedAway) {
            stand.simulator.comes_back().await;
        }
        if stand.operator.is_none() {
            self.start_operator(stand, proxy);
        }
        self.kubernetes = Stage::Over;
        self.external = Stage::Over;
    }

    /// To be done before the Tenant is deleted, so that its deletion takes its ordinary time.
    pub async fn before_a_deletion(&self, stand: &Stand) -> Result<(), String> {
        if self.plan.is_kubernetes(Kubernetes::FutureTimes) {
            return people::window_passes(stand).await;
        }
        Ok(())
    }

    /// What the operator did not do in time.
    pub fn broken(&self) -> Result<(), String> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Lets the people help who run the server and the cluster, every few seconds.
    pub async fn help(&mut self, stand: &Stand) {
        if self.helped_at.elapsed() < Duration::from_secs(3) {
            return;
        }
        self.helped_at = Instant::now();
        people::help(stand, &self.plan).await;
    }

    /// Both faults found their moment, and what belongs to it was done. To be asked before
    /// [`Self::mend`].
    pub fn has_struck(&self) -> bool {
        self.kubernetes == Stage::Over && self.external == Stage::Over && !self.missed
    }

    /// Whether the proxy did what it was told. Ask when everything has converged: an
    /// operator that was restarted lists and watches a moment later.
    pub fn was_felt(&self, proxy: &Proxy) -> bool {
        self.plan
            .kubernetes
            .is_none_or(|at| at.fault.is_felt(proxy))
    }

    /// Nothing of them lasts until everything is done.
    pub fn strikes_at_once(&self) -> bool {
        let moment = |at: AtWrite| at.fault.has_moment() || at.fault.outlasts_the_step();
        self.plan.kubernetes.is_none_or(moment) && self.plan != Plan::calm(self.plan.step)
    }

    /// Calls since the faults were ordered.
    pub fn before(&self) -> &Calls {
        &self.before
    }
}

/// The stopped process goes on, unless it was killed meanwhile.
fn resume(stand: &Stand) {
    if let Some(operator) = &stand.operator {
        operator.signal("CONT");
    }
}
