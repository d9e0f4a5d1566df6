//! The state as the control endpoint shows it. Identifiers are spelled as the
//! API spells them; BIOS IDs are always lower-case.

use serde_json::{Value, json};

use crate::clock;
use crate::model::{Machine, Phase, Product, Task, Tenant, Work};
use crate::settings::Dialect;
use crate::simulator::State;
use crate::task_view;

/// Tenants, tasks and KSC.
pub fn state(state: &State) -> Value {
    let dialect = state.settings.dialect;
    let world = &state.world;
    let tenants: Vec<Value> = world.tenants.iter().map(|t| tenant(t, dialect)).collect();
    let tasks: Vec<Value> = world.tasks.iter().map(|t| task(t, dialect)).collect();
    let virtual_servers: Vec<&String> = world.ksc.virtual_servers.values().collect();
    json!({
        "tenants": tenants,
        "tasks": tasks,
        "ksc": {
            "folders": world.ksc.folders,
            "users": world.ksc.users,
            "virtualServers": virtual_servers,
        },
    })
}

/// One tenant with its machines.
pub fn tenant(tenant: &Tenant, dialect: Dialect) -> Value {
    let administration = tenant.administration.as_ref();
    let machines: Vec<Value> = tenant
        .machines
        .iter()
        .map(|m| machine(m, dialect))
        .collect();
    json!({
        "id": dialect.spell(&tenant.id),
        "name": tenant.name,
        "description": tenant.description,
        "userData": tenant.user_data,
        "type": tenant.tenant_type().as_str(),
        "status": tenant.status(),
        "administrator": administration.map(|a| &a.administrator),
        "passwordSHA256": administration.map(|a| &a.password_sha256),
        "vKscId": administration.map(|a| dialect.spell(&a.vksc_id)),
        "preferredVIISAddress": tenant.preferred_viis_address,
        "created": clock::local(tenant.created),
        "updated": clock::local(tenant.updated),
        "machines": machines,
    })
}

fn machine(machine: &Machine, dialect: Dialect) -> Value {
    json!({
        "id": dialect.spell(&machine.id),
        "biosID": machine.bios_id,
        "name": machine.name,
        "userData": machine.user_data,
    })
}

fn task(task: &Task, dialect: Dialect) -> Value {
    let view = task_view::view(task, clock::now(), dialect);
    let (tenant_id, tenant_name) = match (&task.work, &task.phase) {
        (Work::Create(new), Phase::Completed { product, .. }) => (made(product), Some(&new.name)),
        (Work::Create(new), _) => (None, Some(&new.name)),
        (Work::Delete { tenant, .. } | Work::Activation { tenant, .. }, _) => (Some(tenant), None),
        (Work::Report(_) | Work::Other { .. }, _) => (None, None),
    };
    let mut shown = json!({
        "id": dialect.spell(&task.id),
        "type": task.work.task_type(),
        "state": view.state,
        "stage": view.stage,
        "progress": view.progress,
        "created": clock::local(task.created),
    });
    let more = [
        ("tenantName", tenant_name.map(|name| json!(name))),
        ("tenantID", tenant_id.map(|id| json!(dialect.spell(id)))),
        (
            "parentId",
            task.parent.as_ref().map(|id| json!(dialect.spell(id))),
        ),
        ("error", error(&task.phase)),
    ];
    if let Some(fields) = shown.as_object_mut() {
        for (name, value) in more {
            fields.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    shown
}

fn made(product: &Product) -> Option<&String> {
    match product {
        Product::Tenant(tenant) => Some(&tenant.id),
        Product::True | Product::Report(_) => None,
    }
}

fn error(phase: &Phase) -> Option<Value> {
    match phase {
        Phase::Failed { failure, .. } => {
            Some(json!({"code": failure.code, "message": failure.message}))
        }
        Phase::Waiting
        | Phase::Running { .. }
        | Phase::Stopping { .. }
        | Phase::Completed { .. }
        | Phase::Canceled { .. } => None,
    }
}
