//! A tenant `acme` with a machine `web-1`: its steps, and whether both sides are as
//! the manifests want them.

use crate::external::External;
use crate::harness::{MachineThere, Manifest, Ours, State, TenantThere, has, message};
use crate::harness::{Stand, complete_tenant, condition, is_ready, machine, simple_tenant};
use crate::kubernetes::Kubernetes;
use crate::plan::{Plan, Step};
use crate::texts::{self, Texts};
use kube::ResourceExt as _;
use serde_json::json;
use viis_operator::api::{FINALIZER, Tenant, VirtualMachine};

pub const TENANT: &str = "acme";
pub const MACHINE: &str = "web-1";
pub const BIOS_ID: &str = "4230d3ef-1f2b-8b1c-0a55-000000000001";
/// The machine's other name.
const RENAMED: &str = "renamed";
/// Another controller's finalizer (K15).
pub const THEIRS: &str = "example.com/theirs";

/// What the manifests want. None: the resource is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub tenant: Option<&'static str>,
    /// The machine's name.
    pub machine: Option<&'static str>,
    /// How the server stores texts, where that is not as they are sent.
    pub texts: Option<Texts>,
    /// Another controller's finalizer keeps a resource that is deleted.
    pub kept: bool,
}

/// What is there before the step.
pub fn before(plan: &Plan) -> Wanted {
    let step = plan.step;
    let state = match step {
        Step::Activate => "Inactive",
        _ => "Active",
    };
    Wanted {
        tenant: (step != Step::Create).then_some(state),
        machine: (!matches!(step, Step::Create | Step::Register)).then_some(MACHINE),
        texts: plan.texts,
        kept: false,
    }
}

/// What shall be there after it.
pub fn after(plan: &Plan) -> Wanted {
    let state = match plan.step {
        Step::Deactivate => "Inactive",
        _ => "Active",
    };
    Wanted {
        tenant: (plan.step != Step::Delete).then_some(state),
        machine: match plan.step {
            Step::Reregister => Some(RENAMED),
            Step::Unregister | Step::Delete => None,
            _ => Some(MACHINE),
        },
        ..nothing(plan)
    }
}

/// What shall be there when both are deleted.
pub fn nothing(plan: &Plan) -> Wanted {
    Wanted {
        tenant: None,
        machine: None,
        texts: plan.texts,
        kept: plan.is_kubernetes(Kubernetes::OtherFinalizer),
    }
}

/// The tenant's name on the server.
pub fn tenant_on_server(texts: Option<Texts>) -> String {
    texts.map_or(TENANT.to_owned(), |texts| texts.stored_name(TENANT))
}

/// The name on the server of a machine that has this name in its manifest.
pub fn machine_on_server(texts: Option<Texts>, in_manifest: &str) -> String {
    let base = [MACHINE, RENAMED]
        .into_iter()
        .find(|name| texts::sent_name(name) == in_manifest);
    match (texts, base) {
        (Some(texts), Some(base)) => texts.stored_name(base),
        _ => in_manifest.to_owned(),
    }
}

/// Makes what is wanted, as a user applies manifests.
pub async fn apply(stand: &Stand, plan: &Plan, wanted: &Wanted) {
    let with_theirs = |manifest: Manifest| match plan.is_kubernetes(Kubernetes::OtherFinalizer) {
        true => manifest.with("metadata.finalizers", vec![THEIRS]),
        false => manifest,
    };
    if let Some(state) = wanted.tenant {
        // What a failed or forgotten creation leaves of a Complete tenant, somebody
        // has to clear away at Security Center; of a Simple one nothing stays.
        let half = |fault| matches!(fault, External::FailsPartly | External::ForgottenHalf);
        let mut tenant = match plan.external_is(half) {
            true => simple_tenant(TENANT),
            false => complete_tenant(TENANT),
        };
        if plan.texts.is_some() {
            tenant = tenant
                .with("spec.name", texts::sent_name(TENANT))
                .with("spec.description", texts::SENT)
                .with("spec.userData", texts::SENT);
        }
        let tenant = tenant
            .with("spec.state", state)
            .with("spec.deletionPolicy", "Delete");
        stand.apply([with_theirs(tenant)]).await;
    }
    if let Some(name) = wanted.machine {
        let machine = machine(MACHINE, TENANT, BIOS_ID);
        let machine = match plan.texts {
            Some(_) => machine
                .with("spec.name", texts::sent_name(name))
                .with("spec.userData", texts::SENT),
            None => machine.with("spec.name", name),
        };
        stand.apply([with_theirs(machine)]).await;
    }
}

/// Makes the step.
pub async fn take(stand: &Stand, plan: &Plan) {
    let wanted = after(plan);
    if wanted.tenant.is_none() {
        stand.tenant(TENANT).delete().await;
    }
    if wanted.machine.is_none() && before(plan).machine.is_some() {
        stand.machine(MACHINE).delete().await;
    }
    apply(stand, plan, &wanted).await;
}

/// What still differs from what is wanted, on either side.
pub async fn difference(stand: &Stand, wanted: &Wanted) -> Option<String> {
    let tenant = stand.tenant(TENANT).find().await;
    let machine = stand.machine(MACHINE).find().await;
    let state = stand.simulator.state().await;
    of_resources(wanted, tenant.as_ref(), machine.as_ref())
        .or_else(|| of_server(wanted, &state))
        .or_else(|| of_tasks(&state))
}

fn of_resources(
    wanted: &Wanted,
    tenant: Option<&Tenant>,
    machine: Option<&VirtualMachine>,
) -> Option<String> {
    match (wanted.tenant, tenant) {
        (None, tenant) => {
            if let Some(differs) = of_deleted(wanted, "Tenant", tenant) {
                return Some(differs);
            }
        }
        (Some(_), None) => return Some("there is no Tenant".to_owned()),
        (Some(state), Some(tenant)) if !is_true(tenant, state, wanted.texts) => {
            return Some(format!("the Tenant's status: {}", shown(tenant)));
        }
        (Some(_), Some(_)) => {}
    }
    match (wanted.machine, machine) {
        (None, machine) => of_deleted(wanted, "VirtualMachine", machine),
        (Some(_), None) => Some("there is no VirtualMachine".to_owned()),
        (Some(_), Some(machine)) => {
            let good = is_ready(machine)
                && has_our_finalizer(machine)
                && is_stored(machine, "Registered", wanted.texts);
            (!good).then(|| format!("the VirtualMachine's status: {}", shown(machine)))
        }
    }
}

/// Gone; or the operator has released it, and only another controller keeps it.
fn of_deleted<K>(wanted: &Wanted, kind: &str, resource: Option<&K>) -> Option<String>
where
    K: Ours + serde::Serialize,
{
    match resource {
        None if wanted.kept => Some(format!("the {kind} is gone, with {THEIRS} on it")),
        None => None,
        Some(resource) => {
            let good = wanted.kept
                && resource.meta().deletion_timestamp.is_some()
                && resource.finalizers() == [THEIRS]
                && has(resource, "Removed", "True", "Released")
                && message(resource, "Removed").contains(THEIRS);
            (!good).then(|| format!("the {kind} is there: {}", shown(resource)))
        }
    }
}

/// The operator has taken its finalizer off, or the resource is gone.
pub fn is_released<K: kube::Resource>(resource: Option<&K>) -> bool {
    resource.is_none_or(|it| it.meta().deletion_timestamp.is_some() && !has_our_finalizer(it))
}

pub fn has_our_finalizer<K: kube::Resource>(resource: &K) -> bool {
    resource.finalizers().iter().any(|it| it == FINALIZER)
}

/// The condition is True, and says whether the texts are stored as they were sent.
fn is_stored<K: Ours>(resource: &K, name: &str, texts: Option<Texts>) -> bool {
    condition(resource, name).is_some_and(|found| {
        found.status == "True" && (found.reason == "StoredDifferently") == texts.is_some()
    })
}

fn is_true(tenant: &Tenant, state: &str, texts: Option<Texts>) -> bool {
    let activated = match state {
        "Active" => "True",
        _ => "False",
    };
    let status = tenant.status.clone().unwrap_or_default();
    tenant.metadata.deletion_timestamp.is_none()
        && has_our_finalizer(tenant)
        && is_ready(tenant)
        && is_stored(tenant, "Provisioned", texts)
        && condition(tenant, "Activated").is_some_and(|found| found.status == activated)
        && status.state.as_deref() == Some(state)
        && status.creation.is_none()
}

/// How the server differs from what is wanted.
pub fn of_server(wanted: &Wanted, state: &State) -> Option<String> {
    let name = tenant_on_server(wanted.texts);
    let found: Vec<&TenantThere> = state
        .tenants
        .iter()
        .filter(|it| it.name.contains(TENANT))
        .collect();
    let good = match (wanted.tenant, found.as_slice()) {
        (None, found) => found.is_empty(),
        (Some(status), [tenant]) => {
            tenant.name == name
                && tenant.status == status
                && are_stored(wanted, &[&tenant.description, &tenant.user_data])
                && are_registered(wanted, &tenant.machines)
        }
        (Some(_), _) => false,
    };
    (!good).then(|| format!("the server has {found:?}"))
}

fn are_registered(wanted: &Wanted, machines: &[MachineThere]) -> bool {
    match (wanted.machine, machines) {
        (None, machines) => machines.is_empty(),
        (Some(name), [machine]) => {
            let name = wanted
                .texts
                .map_or(name.to_owned(), |texts| texts.stored_name(name));
            machine.bios_id == BIOS_ID
                && machine.name.as_deref() == Some(&name)
                && are_stored(wanted, &[&machine.user_data])
        }
        (Some(_), _) => false,
    }
}

/// These have the stored form of what the manifests send, if they send any.
fn are_stored(wanted: &Wanted, texts: &[&Option<String>]) -> bool {
    let stored = wanted.texts.map(Texts::stored);
    texts.iter().all(|text| text.as_deref() == stored)
}

fn of_tasks(state: &State) -> Option<String> {
    let running = state.tasks.iter().find(|task| !task.has_ended());
    running.map(|task| format!("a task is not over: {task:?}"))
}

/// The number of machines in the Tenant's status, where it has one.
pub async fn count(stand: &Stand) -> Option<u32> {
    let tenant = stand.tenant(TENANT).find().await;
    tenant?.status?.virtual_machines
}

/// A resource's metadata that matters, and its status, in one line.
pub fn shown<K: kube::Resource + serde::Serialize>(resource: &K) -> String {
    let whole = serde_json::to_value(resource).unwrap();
    json!({
        "uid": resource.uid(), "generation": resource.meta().generation,
        "deletion": whole["metadata"]["deletionTimestamp"],
        "finalizers": resource.finalizers(), "status": whole["status"],
    })
    .to_string()
}
