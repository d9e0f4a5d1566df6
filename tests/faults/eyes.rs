//! What must hold at every moment, looked at again and again while a plan runs, and
//! what the server's records say at its end.

use crate::external::External;
use crate::harness::{Stand, State, TaskThere, TenantThere, is_ready};
use crate::kubernetes::Kubernetes;
use crate::life::{self, BIOS_ID, TENANT, shown};
use crate::plan::{Plan, Step};
use crate::texts;
use std::collections::BTreeSet;
use viis_operator::api::{Tenant, VirtualMachine};

/// A tenant that was there before and belongs to nobody here.
pub const NEIGHBOUR: &str = "neighbour";

/// See the head of this file.
pub struct Eyes {
    plan: Plan,
    neighbour: TenantThere,
    was_there: bool,
    /// Security Center showed something of the tenant.
    was_in_ksc: bool,
    /// The server showed the tenant with other texts than were sent.
    differed: bool,
    violations: BTreeSet<String>,
}

// === impl Eyes ===

impl Eyes {
    pub async fn open(stand: &Stand, plan: &Plan) -> Eyes {
        Eyes {
            plan: plan.clone(),
            neighbour: stand.simulator.state().await.tenant(NEIGHBOUR).clone(),
            was_there: false,
            was_in_ksc: false,
            differed: false,
            violations: BTreeSet::new(),
        }
    }

    /// What was seen that must not be.
    pub fn violations(&self) -> Vec<String> {
        self.violations.iter().cloned().collect()
    }

    fn object(&mut self, oracle: &str, what: &str) {
        self.violations.insert(format!("{oracle}: {what}"));
    }

    /// One look at everything.
    pub async fn look(&mut self, stand: &Stand) {
        let before = stand.simulator.state().await;
        let tenant = stand.tenant(TENANT).find().await;
        let machine = stand.machine(life::MACHINE).find().await;
        let after = stand.simulator.state().await;
        self.of_server(&after);
        // Made anew, the resource does not know what its predecessor left.
        if self.was_there && life::is_released(tenant.as_ref()) && !self.plan.replaces() {
            self.nothing_is_left(&after);
        }
        if self.plan.is_kubernetes(Kubernetes::OtherFinalizer) && self.plan.external.is_none() {
            self.no_machine_is_left(machine.as_ref(), &after);
        }
        self.was_there |= tenant.is_some();
        self.was_in_ksc |= is_in_ksc(&after);
        // Somebody changes the server by hand: the status may lag behind that.
        let lags = self.plan.external_is(External::is_by_hand)
            || self.plan.is_external(External::ListEmpty)
            || self.plan.is_kubernetes(Kubernetes::Past);
        let name = life::tenant_on_server(self.plan.texts);
        let found = before.find(&name).cloned();
        if lags || found != after.find(&name).cloned() {
            return;
        }
        if let Some(tenant) = tenant.filter(|it| it.metadata.deletion_timestamp.is_none())
            && is_ready(&tenant)
            && found.as_ref().map(|it| it.status.clone()) != wanted_state(&tenant)
        {
            let text = format!("ready, and the server has {found:?}: {}", shown(&tenant));
            self.object("O6", &text);
        }
        if let Some(machine) = machine.filter(|it| it.metadata.deletion_timestamp.is_none())
            && is_ready(&machine)
        {
            let there = found.as_ref().and_then(|tenant| tenant.machine(BIOS_ID));
            let name = there.and_then(|machine| machine.name.clone());
            let wanted = life::machine_on_server(self.plan.texts, machine.server_name());
            if name != Some(wanted) {
                let text = format!("ready, and the server has {found:?}: {}", shown(&machine));
                self.object("O6", &text);
            }
        }
    }

    fn of_server(&mut self, state: &State) {
        if state.find(NEIGHBOUR) != Some(&self.neighbour) {
            self.object("O3", "a tenant of somebody else was touched");
        }
        let name = life::tenant_on_server(self.plan.texts);
        let differs = |it: &TenantThere| it.description.as_deref() != Some(texts::SENT);
        self.differed |= self.plan.texts.is_some() && state.find(&name).is_some_and(differs);
        let ours = |task: &&TaskThere| {
            !task.has_ended() && (self.creates_it(task) || task.tenant_id.is_some())
        };
        let running: Vec<&TaskThere> = state.tasks.iter().filter(ours).collect();
        let creations = running
            .iter()
            .filter(|task| task.task_type == "CreateTenant");
        // A request that the server does after its repetition overlaps with that, and
        // a resource that was made anew knows nothing of its predecessor's.
        let late = self.plan.is_external(External::LaterThanRetry);
        if creations.count() > 1 && !late && !self.plan.replaces() {
            self.object("O7", &format!("two creations run: {running:?}"));
        }
        let known =
            self.plan.kubernetes.is_none() && !self.plan.external_is(External::hides_the_outcome);
        if known && running.len() > 1 {
            self.object("O7", &format!("two known tasks run: {running:?}"));
        }
    }

    fn nothing_is_left(&mut self, state: &State) {
        if let Some(left) = state.find(&life::tenant_on_server(self.plan.texts)) {
            let text = format!("the Tenant's finalizer is off, and there is {left:?}");
            self.object("O4", &text);
        }
    }

    fn no_machine_is_left(&mut self, machine: Option<&VirtualMachine>, state: &State) {
        let tenant = state.find(&life::tenant_on_server(self.plan.texts));
        let left = tenant.and_then(|tenant| tenant.machine(BIOS_ID)).cloned();
        if let (Some(machine), Some(left)) = (machine, left)
            && life::is_released(Some(machine))
        {
            let text = format!("the VirtualMachine's finalizer is off, and there is {left:?}");
            self.object("O4", &text);
        }
    }

    /// This task creates our tenant. Servers name it as it was sent.
    fn creates_it(&self, task: &TaskThere) -> bool {
        let sent = match self.plan.texts {
            Some(_) => texts::sent_name(TENANT),
            None => TENANT.to_owned(),
        };
        task.tenant_name == Some(sent)
    }

    /// The server stored texts otherwise than they were sent, if that belongs to the plan.
    pub fn saw_the_texts(&self) -> bool {
        self.plan.texts.is_none() || self.differed
    }

    /// O2: how often the tenant was made, and asked for.
    pub async fn count_creations(&mut self, stand: &Stand) {
        let state = stand.simulator.state().await;
        let lives = 1
            + u64::from(self.plan.external_is(External::loses_the_tenant))
            + u64::from(self.plan.replaces());
        let done = |task: &&TaskThere| self.creates_it(task) && task.state == "Completed";
        let made = state.tasks.iter().filter(done).count() as u64;
        if made > lives {
            self.object("O2", &format!("made {made} times"));
        }
        // A fault of the server's may forget the task.
        if made == 0 && self.plan.external.is_none() {
            self.object("O2", "no task shows that it was ever made");
        }
        let asked = stand.simulator.calls().await.of("POST tenant");
        if asked == 0 {
            self.object("O2", "it was never asked for");
        }
        let external = self.plan.external.as_ref();
        let again = match external {
            Some(at) if at.call == "POST tenant" => at.fault.creations() - 1,
            Some(at) => u64::from(at.fault.loses_the_tenant()),
            None => 0,
        };
        // A server that goes away may do the call that is under way, or not.
        let away = u64::from(self.plan.is_kubernetes(Kubernetes::ReplacedAway));
        let allowed = 1 + again + away + u64::from(self.plan.replaces());
        if asked > allowed {
            self.object(
                "O2",
                &format!("asked for {asked} times, {allowed} is right"),
            );
        }
    }

    /// O3: what nobody asked for was not done. To be asked before the life is ended.
    pub async fn count_destructions(&mut self, stand: &Stand) {
        let calls = stand.simulator.calls().await;
        // What the manifest said a moment ago may be done once more: only creations and
        // deletions are asked for by a write that an old view cannot make.
        let back = self.plan.is_kubernetes(Kubernetes::ThereAndBack)
            || self.plan.is_kubernetes(Kubernetes::Past);
        let by_hand = self.plan.external_is(External::is_by_hand);
        // The operator may see the deletion before its finalizer is off.
        let anew = self.plan.replaces();
        let step = self.plan.step;
        let unregisters = matches!(step, Step::Unregister | Step::Reregister | Step::Delete);
        let wanted = [
            ("DELETE tenant", step == Step::Delete),
            (
                "POST deactivate",
                step == Step::Deactivate || back || by_hand,
            ),
            ("POST unregister", unregisters || back || by_hand || anew),
        ];
        for (call, is_wanted) in wanted {
            if !is_wanted && calls.of(call) > 0 {
                self.object("O3", &format!("{call}, and nobody asked for that"));
            }
        }
    }

    /// O1 at the end of all.
    pub fn nothing_stays(&mut self, state: &State) {
        if let Some(left) = life::of_server(&life::nothing(&self.plan), state) {
            self.object("O4", &left);
        }
        // What half a creation leaves at Security Center, its people clear away.
        let half = |fault| matches!(fault, External::ForgottenHalf | External::FailsPartly);
        if self.plan.external_is(half) {
            return;
        }
        if is_in_ksc(state) {
            self.object("O4", &format!("Security Center keeps {:?}", state.ksc));
        }
        if !self.was_in_ksc {
            self.object("O4", "Security Center never had anything of the tenant");
        }
    }
}

fn is_in_ksc(state: &State) -> bool {
    let ours = |text: &String| text.contains(TENANT);
    state.ksc.folders.iter().chain(&state.ksc.users).any(ours)
}

/// The state that the manifest asks for, as the server names it.
fn wanted_state(tenant: &Tenant) -> Option<String> {
    let spec = serde_json::to_value(&tenant.spec).unwrap();
    Some(spec["state"].as_str().unwrap().to_owned())
}
