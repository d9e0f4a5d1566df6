//! What the resources look like, in words: a table to draw, and a line for each
//! resource to print. Pure.

use kube::ResourceExt;
use viis_operator::api::tenant::TaskStatus;
use viis_operator::api::{
    Condition, ConditionType, IntegrationServer, Tenant, VirtualMachine, conditions,
};

use crate::cluster::Look;

/// How a word is to be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// Not at all.
    Plain,
    /// The head of a column.
    Head,
    /// As it should be.
    Good,
    /// Under way.
    Moving,
    /// A person is needed.
    Bad,
}

/// A word of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How.
    pub tint: Tint,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One below the other with those of the other rows.
    pub cells: Vec<Cell>,
    /// What stands on a line of its own below: the task that is under way.
    pub below: Option<Cell>,
}

/// One kind's resources: the first row is the head.
pub type Table = Vec<Row>;

/// How a resource is, as kstatus would say it, but with a word of its own for a
/// deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ready,
    Reconciling,
    Stalled,
    Removing,
    /// The operator has not looked at the newest spec yet.
    Pending,
}

/// What all three kinds have.
struct Outcome<'a> {
    status: Status,
    reason: &'a str,
    message: &'a str,
}

/// One resource, for who cannot redraw.
pub struct Line {
    /// Who it is.
    pub resource: String,
    /// How it is.
    pub says: String,
}

/// How many are not ready at their newest generation. Before the first resource is there,
/// one is.
pub fn unready(look: &Look) -> usize {
    if look.count() == 0 {
        return 1;
    }
    let unready = |(_, outcome): &(_, Outcome)| outcome.status != Status::Ready;
    outcomes(look).filter(unready).count()
}

/// What stands in the way, one line for each resource that is not ready.
pub fn unfinished(look: &Look) -> String {
    outcomes(look)
        .filter(|(_, outcome)| outcome.status != Status::Ready)
        .map(|(resource, outcome)| {
            let Outcome {
                status,
                reason,
                message,
            } = outcome;
            format!("  {resource}: {} ({reason}) {message}\n", status.as_str())
        })
        .collect()
}

/// The three kinds as tables. A kind that nobody has is left out.
pub fn tables(look: &Look) -> Vec<Table> {
    let servers = look.servers.iter().map(server_row).collect();
    let tenants = look.tenants.iter().map(|t| tenant_row(t, look)).collect();
    let machines = look.machines.iter().map(machine_row).collect();
    [
        (
            &["INTEGRATION SERVER", "STATUS", "REASON", "TENANTS"][..],
            servers,
        ),
        (
            &["TENANT", "TYPE", "STATE", "STATUS", "REASON", "VMS"],
            tenants,
        ),
        (&["VIRTUAL MACHINE", "TENANT", "STATUS", "REASON"], machines),
    ]
    .into_iter()
    .filter(|(_, rows): &(_, Vec<Row>)| !rows.is_empty())
    .map(|(head, rows)| {
        let head = head.iter().map(|word| Cell::new(*word, Tint::Head));
        let mut table = vec![Row::new(head.collect())];
        table.extend(rows);
        table
    })
    .collect()
}

/// One line for each resource.
pub fn lines(look: &Look) -> Vec<Line> {
    let tasks = |resource: &str| {
        look.tenants
            .iter()
            .find(|tenant| name_of("Tenant", *tenant) == resource)
            .and_then(running)
            .map(|task| format!(": {}", in_words(task)))
            .unwrap_or_default()
    };
    outcomes(look)
        .map(|(resource, outcome)| {
            let (status, reason) = (outcome.status.as_str(), outcome.reason);
            let task = tasks(&resource);
            let reason = match reason {
                "" => String::new(),
                reason => format!(" ({reason})"),
            };
            Line {
                says: format!("{status}{reason}{task}"),
                resource,
            }
        })
        .collect()
}

fn server_row(server: &IntegrationServer) -> Row {
    let outcome = Outcome::of(server, conditions_of_server(server));
    let known = server
        .status
        .as_ref()
        .and_then(|status| status.tenants.as_ref());
    Row::new(vec![
        Cell::plain(server.name_any()),
        outcome.cell(),
        Cell::plain(outcome.reason),
        Cell::plain(known.map_or_else(String::new, |tenants| tenants.known.to_string())),
    ])
}

fn tenant_row(tenant: &Tenant, look: &Look) -> Row {
    let list = conditions_of_tenant(tenant);
    let outcome = Outcome::of(tenant, list);
    let status = tenant.status.clone().unwrap_or_default();
    let asked = look
        .machines
        .iter()
        .filter(|machine| machine.namespace() == tenant.namespace())
        .filter(|machine| machine.spec.tenant_ref.name == tenant.name_any())
        .count();
    let registered = status.virtual_machines.unwrap_or(0);
    let cells = vec![
        Cell::plain(tenant.name_any()),
        Cell::plain(tenant.spec.tenant_type.as_str()),
        Cell::plain(status.state.unwrap_or_default()),
        outcome.cell(),
        Cell::plain(outcome.reason),
        Cell::plain(format!("{registered}/{asked}")),
    ];
    Row {
        cells,
        below: running(tenant).map(|task| Cell::new(drawn(task), Tint::Moving)),
    }
}

fn machine_row(machine: &VirtualMachine) -> Row {
    let list = conditions_of_machine(machine);
    let outcome = Outcome::of(machine, list);
    Row::new(vec![
        Cell::plain(machine.name_any()),
        Cell::plain(machine.spec.tenant_ref.name.clone()),
        outcome.cell(),
        Cell::plain(outcome.reason),
    ])
}

/// The task that is under way; the last one's outcome is in the conditions.
fn running(tenant: &Tenant) -> Option<&TaskStatus> {
    let task = tenant.status.as_ref()?.task.as_ref()?;
    let state = task.state.as_deref().unwrap_or_default();
    let ended = ["Completed", "Failed", "Canceled", "Cancelled", "Stopped"].contains(&state);
    (!ended).then_some(task)
}

fn in_words(task: &TaskStatus) -> String {
    let name = task.task_type.as_deref().unwrap_or("task");
    let progress = task.progress.unwrap_or(0);
    match &task.stage {
        Some(stage) => format!("{name} {progress} %, {stage}"),
        None => format!("{name} {progress} %"),
    }
}

/// `  CreateTenant [####......]  40 % Creating the administrator's account`
fn drawn(task: &TaskStatus) -> String {
    let name = task.task_type.as_deref().unwrap_or("task");
    let percent = task.progress.unwrap_or(0);
    let done = usize::from(percent.min(100)) / 10;
    let (full, empty) = ("#".repeat(done), ".".repeat(10 - done));
    let stage = task.stage.as_deref().unwrap_or_default();
    format!("  {name} [{full}{empty}] {percent:>3} % {stage}")
}

/// Every resource with how it is, in the order of the tables.
fn outcomes(look: &Look) -> impl Iterator<Item = (String, Outcome<'_>)> {
    let servers = look.servers.iter().map(|server| {
        (
            name_of("IntegrationServer", server),
            Outcome::of(server, conditions_of_server(server)),
        )
    });
    let tenants = look.tenants.iter().map(|tenant| {
        (
            name_of("Tenant", tenant),
            Outcome::of(tenant, conditions_of_tenant(tenant)),
        )
    });
    let machines = look.machines.iter().map(|machine| {
        (
            name_of("VirtualMachine", machine),
            Outcome::of(machine, conditions_of_machine(machine)),
        )
    });
    servers.chain(tenants).chain(machines)
}

fn name_of(kind: &str, resource: &impl ResourceExt) -> String {
    format!("{kind} {}", resource.name_any())
}

fn conditions_of_server(server: &IntegrationServer) -> &[Condition] {
    server.status.as_ref().map_or(&[], |s| &s.conditions)
}

fn conditions_of_tenant(tenant: &Tenant) -> &[Condition] {
    tenant.status.as_ref().map_or(&[], |s| &s.conditions)
}

fn conditions_of_machine(machine: &VirtualMachine) -> &[Condition] {
    machine.status.as_ref().map_or(&[], |s| &s.conditions)
}

// === impl Outcome ===

impl<'a> Outcome<'a> {
    fn of(resource: &impl ResourceExt, list: &'a [Condition]) -> Self {
        let find = |wanted| conditions::find(list, wanted);
        let is_true = |wanted| find(wanted).is_some_and(|c| c.status == "True");
        let leaving = resource.meta().deletion_timestamp.is_some();
        let (status, speaker) = if leaving {
            (Status::Removing, find(ConditionType::Removed))
        } else {
            let ready = find(ConditionType::Ready);
            let current =
                ready.is_some_and(|c| c.observed_generation == resource.meta().generation);
            let status = match (
                is_true(ConditionType::Stalled),
                is_true(ConditionType::Ready),
            ) {
                _ if !current => Status::Pending,
                (true, _) => Status::Stalled,
                (false, true) => Status::Ready,
                (false, false) => Status::Reconciling,
            };
            (status, ready)
        };
        Self {
            status,
            reason: speaker.map_or("", |condition| &condition.reason),
            message: speaker.map_or("", |condition| &condition.message),
        }
    }

    fn cell(&self) -> Cell {
        let tint = match self.status {
            Status::Ready => Tint::Good,
            Status::Reconciling | Status::Removing | Status::Pending => Tint::Moving,
            Status::Stalled => Tint::Bad,
        };
        Cell::new(self.status.as_str(), tint)
    }
}

// === impl Status ===

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Removing => "Removing",
            Self::Pending => "Pending",
        }
    }
}

// === impl Row ===

impl Row {
    fn new(cells: Vec<Cell>) -> Self {
        Self { cells, below: None }
    }
}

// === impl Cell ===

impl Cell {
    fn new(text: impl Into<String>, tint: Tint) -> Self {
        Self {
            text: text.into(),
            tint,
        }
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Tint::Plain)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn tenant(status: serde_json::Value) -> Look {
        let tenant = json!({
            "apiVersion": "viis-operator.io/v1alpha1", "kind": "Tenant",
            "metadata": {"name": "acme", "namespace": "customers", "generation": 2},
            "spec": {"integrationServerRef": {"name": "main"}, "type": "Simple"},
            "status": status,
        });
        Look {
            tenants: vec![serde_json::from_value(tenant).unwrap()],
            ..Look::default()
        }
    }

    fn ready(generation: i64) -> serde_json::Value {
        json!([{
            "type": "Ready", "status": "True", "reason": "Reconciled", "message": "",
            "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
        }])
    }

    #[test]
    fn ready_for_an_older_spec_is_not_ready() {
        assert_eq!(unready(&tenant(json!({"conditions": ready(2)}))), 0);
        assert_eq!(unready(&tenant(json!({"conditions": ready(1)}))), 1);
        assert_eq!(unready(&tenant(json!({}))), 1);
    }

    #[test]
    fn nothing_is_not_ready() {
        assert_eq!(unready(&Look::default()), 1);
    }

    #[test]
    fn a_task_is_shown_until_it_ends() {
        let task = |state: &str| {
            json!({"conditions": ready(2), "task": {
                "id": "1", "type": "CreateTenant", "state": state, "progress": 45, "stage": "folders",
            }})
        };
        let below = |look: &Look| {
            let table = tables(look).remove(0);
            table.last().unwrap().below.clone().map(|cell| cell.text)
        };
        assert_eq!(
            below(&tenant(task("Running"))).unwrap(),
            "  CreateTenant [####......]  45 % folders"
        );
        assert_eq!(below(&tenant(task("Completed"))), None);
        let line = lines(&tenant(task("Running"))).remove(0);
        assert_eq!(line.resource, "Tenant acme");
        assert_eq!(line.says, "Ready (Reconciled): CreateTenant 45 %, folders");
    }
}
