//! One plan, tried: a stand of its own, the step with its faults, the time after
//! them, the end of the life, and the verdict.

use crate::director::Director;
use crate::external::External;
use crate::eyes::{Eyes, NEIGHBOUR};
use crate::harness::{Deadline, Manifest, Proxy, Simulator, Stand, patient};
use crate::kubernetes::Kubernetes;
use crate::life::{self, TENANT, Wanted};
use crate::people;
use crate::plan::{AtWrite, Plan};
use futures::FutureExt as _;
use serde_json::json;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// How long the faults have to strike once everything looks done.
const STRIKE: Duration = Duration::from_millis(1500);
/// How long they have in any case.
const UNDER_FAULTS: Duration = Duration::from_secs(60);
/// After the faults everything is right again within this time. A creation whose
/// outcome is unknown waits 30 s; refused credentials are tried once a minute; a
/// lost tenant is made again after two lists 30 s apart.
const RECOVERY: Duration = Duration::from_secs(100);
const LOOK: Duration = Duration::from_millis(60);
/// The number of machines in a Tenant's status is right at last.
const COUNTED: Duration = Duration::from_secs(15);
/// Silence at the end (O5).
const SILENCE: Duration = Duration::from_secs(2);

/// What came of a plan.
#[derive(Debug)]
pub struct Outcome {
    pub plan: Plan,
    /// None: everything held.
    pub failure: Option<String>,
    /// Both faults found their moment.
    pub struck: bool,
    /// Writes and calls of the step, for plans to be made of.
    pub writes: u64,
    pub calls: BTreeMap<String, u64>,
    /// From the start of the step until both sides were right.
    pub settled: Duration,
    pub took: Duration,
    /// Everything that was written, for a failure.
    pub trace: String,
}

struct Trial {
    plan: Plan,
    stand: Stand,
    proxy: Proxy,
    eyes: Eyes,
    director: Director,
    outcome: Outcome,
}

/// Tries a plan on a stand of its own.
pub async fn of(plan: &Plan) -> Outcome {
    let started = Instant::now();
    let mut outcome = match AssertUnwindSafe(prepared(plan)).catch_unwind().await {
        Ok(trial) => trial.tried().await,
        Err(panic) => Outcome::failed(plan, format!("no stand: {}", text_of(&*panic))),
    };
    outcome.took = started.elapsed();
    outcome
}

async fn prepared(plan: &Plan) -> Trial {
    let slow = plan.external_is(|it| matches!(it, External::CrashRunning | External::CrashEnded));
    let slow: &[&str] = match slow {
        true => &[
            "--create-duration",
            "1500ms",
            "--activate-duration",
            "1500ms",
            "--delete-duration",
            "1500ms",
        ],
        false => &[],
    };
    let mut stand = Stand::bare(Simulator::start(slow)).await;
    stand.ended = true;
    let stripped = |it: &AtWrite| matches!(it.fault, Kubernetes::Stripped | Kubernetes::Recreated);
    stand.leaves_orphans = plan.kubernetes.as_ref().is_some_and(stripped);
    let neighbour = json!({"name": NEIGHBOUR, "type": "Simple", "status": "Active"});
    stand.simulator.tenant_made_by_hand(neighbour).await;
    let machine = json!({"biosID": "4230d3ef-1f2b-8b1c-0a55-00000000ffff", "name": "theirs"});
    stand
        .simulator
        .machine_made_by_hand(NEIGHBOUR, machine)
        .await;
    stand.simulator.backup("before").await;
    let proxy = Proxy::start(&stand).await;
    stand.password_of(TENANT).await;
    if let Some(texts) = plan.texts {
        stand.simulator.settings(texts.settings()).await;
    }
    stand.apply([server_manifest(&stand, plan)]).await;
    let director = Director::of(plan);
    director.start_operator(&mut stand, &proxy);
    stand.integration_server().becomes_ready().await;
    let eyes = Eyes::open(&stand, plan).await;
    Trial {
        plan: plan.clone(),
        outcome: Outcome::of(plan),
        stand,
        proxy,
        eyes,
        director,
    }
}

fn server_manifest(stand: &Stand, plan: &Plan) -> Manifest {
    let server = stand.server_manifest();
    if plan.replaces() {
        // Nothing in the cluster knows what was made for the first resource.
        return server.with("spec.adoptionPolicy", "IfIdentical");
    }
    match plan.is_kubernetes(Kubernetes::FutureTimes) {
        true => server.with("spec.guard.window", people::WINDOW),
        false => server,
    }
}

// === impl Outcome ===

impl Outcome {
    fn of(plan: &Plan) -> Outcome {
        Outcome {
            plan: plan.clone(),
            failure: None,
            struck: false,
            writes: 0,
            calls: BTreeMap::new(),
            settled: Duration::ZERO,
            took: Duration::ZERO,
            trace: String::new(),
        }
    }

    fn failed(plan: &Plan, failure: String) -> Outcome {
        Outcome {
            failure: Some(failure),
            ..Outcome::of(plan)
        }
    }
}

// === impl Trial ===

impl Trial {
    async fn tried(mut self) -> Outcome {
        let lived = AssertUnwindSafe(self.lives()).catch_unwind().await;
        let lived = lived.unwrap_or_else(|panic| Err(text_of(&*panic)));
        let seen = self.eyes.violations();
        let failure = match (lived, seen.as_slice()) {
            (Ok(()), []) => None,
            (Ok(()), seen) => Some(seen.join("\n")),
            (Err(failure), seen) => Some(format!("{failure}\n{}", seen.join("\n"))),
        };
        if failure.is_some() {
            self.outcome.trace = self.trace().await;
        }
        self.outcome.failure = failure;
        self.outcome
    }

    async fn lives(&mut self) -> Result<(), String> {
        let before = life::before(&self.plan);
        life::apply(&self.stand, &self.plan, &before).await;
        self.becomes(&before, "before the step").await?;
        let started = Instant::now();
        self.director.order(&mut self.stand, &self.proxy).await;
        if self.director.wanted.tenant.is_none() {
            self.director.before_a_deletion(&self.stand).await?;
        }
        life::take(&self.stand, &self.plan).await;
        self.under_faults().await;
        self.director.broken()?;
        self.outcome.struck = self.director.has_struck();
        self.outcome.writes = self.proxy.writes();
        let calls = self.stand.simulator.calls_since(self.director.before());
        self.outcome.calls = calls.await.by_method;
        self.director.mend(&mut self.stand, &self.proxy).await;
        let wanted = self.director.wanted.clone();
        self.becomes(&wanted, "after the faults").await?;
        self.outcome.struck &= self.director.was_felt(&self.proxy) && self.eyes.saw_the_texts();
        self.outcome.settled = started.elapsed();
        self.eyes.count_destructions(&self.stand).await;
        self.stand.is_quiet_for(SILENCE).await;
        self.stays(&wanted).await?;
        self.ends().await
    }

    async fn under_faults(&mut self) {
        let started = Instant::now();
        let mut settled: Option<Instant> = None;
        while started.elapsed() < patient(UNDER_FAULTS) {
            self.director.act(&mut self.stand, &self.proxy).await;
            self.eyes.look(&self.stand).await;
            if self.director.is_over() && self.director.strikes_at_once() {
                return;
            }
            let differs = life::difference(&self.stand, &self.director.wanted).await;
            match (differs, settled) {
                (Some(_), _) => settled = None,
                (None, None) => settled = Some(Instant::now()),
                (None, Some(since)) if since.elapsed() > patient(STRIKE) => return,
                (None, Some(_)) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn becomes(&mut self, wanted: &Wanted, when: &str) -> Result<(), String> {
        let deadline = Deadline::after(RECOVERY);
        loop {
            self.eyes.look(&self.stand).await;
            let differs = life::difference(&self.stand, wanted).await;
            if differs.is_none() && self.director.is_at_work(&self.stand).await {
                return Ok(());
            }
            if deadline.has_passed() {
                let differs = differs.unwrap_or_else(|| "the operator does not work".to_owned());
                let span = patient(RECOVERY).as_secs();
                return Err(format!("O1: {when}, {span} s long: {differs}"));
            }
            self.director.help(&self.stand).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn stays(&mut self, wanted: &Wanted) -> Result<(), String> {
        self.eyes.look(&self.stand).await;
        if let Some(differs) = life::difference(&self.stand, wanted).await {
            return Err(format!("O1: it did not stay: {differs}"));
        }
        // The count may be 10 s late: without faults there is time to wait for it.
        let calm = self.plan == Plan::calm(self.plan.step);
        let expected = Some(u32::from(wanted.machine.is_some()));
        let deadline = Deadline::after(COUNTED);
        while calm && wanted.tenant.is_some() && life::count(&self.stand).await != expected {
            if deadline.has_passed() {
                return Err("O1: the Tenant's number of machines is wrong".to_owned());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// The life ends without faults, and nothing is left of it.
    async fn ends(&mut self) -> Result<(), String> {
        if self.director.wanted.tenant.is_some() {
            let nothing = life::nothing(&self.plan);
            self.director.before_a_deletion(&self.stand).await?;
            self.stand.remove_if_there("Tenant", TENANT).await;
            let machine = ("VirtualMachine", life::MACHINE);
            self.stand.remove_if_there(machine.0, machine.1).await;
            self.director.wanted = nothing.clone();
            self.becomes(&nothing, "after the deletion").await?;
        }
        if self.director.wanted.kept {
            self.stand.is_quiet_for(SILENCE).await;
            people::let_go(&self.stand).await;
            self.director.wanted.kept = false;
            let nothing = self.director.wanted.clone();
            self.becomes(&nothing, "without the other finalizer")
                .await?;
        }
        let state = self.stand.simulator.state().await;
        self.eyes.nothing_stays(&state);
        self.eyes.count_creations(&self.stand).await;
        if let Some(found) = self.stand.false_orphan() {
            return Err(format!("a false orphan: {found}"));
        }
        match self.stand.panics_and_secrets().await {
            Some(found) => Err(format!("O9: {found}")),
            None if self.stand.operator().is_running() => Ok(()),
            None => Err("O9: the operator ended by itself".to_owned()),
        }
    }

    async fn trace(&mut self) -> String {
        let calls = self.stand.simulator.log().await;
        let calls: Vec<String> = calls
            .iter()
            .map(|call| format!("{} {} {} {}", call.at, call.call, call.path, call.status))
            .collect();
        let state = self.stand.simulator.state().await;
        format!(
            "=== calls\n{}\n=== state\n{state:#?}\n=== operators\n{}\n",
            calls.join("\n"),
            self.stand.all_logs()
        )
    }
}

/// What a panic said.
pub fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}
