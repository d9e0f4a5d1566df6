//! The control endpoint: looks into the server, and changes it behind the API's
//! back. A request in, a status and JSON out; the connections are `control_door`'s.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;
use crate::faults::NewFault;
use crate::identifiers::canonical;
use crate::model::{NewAdministrator, NewTenant, Work};
use crate::request::sha256;
use crate::route;
use crate::settings::Change;
use crate::show;
use crate::simulator::{Simulator, State};
use crate::world::{MachineKey, NewMachine, Refused};
use crate::xml;

type Answer = Result<(u16, Value), (u16, String)>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HandmadeTenant {
    name: String,
    #[serde(rename = "type")]
    tenant_type: crate::model::TenantType,
    description: Option<String>,
    user_data: Option<String>,
    #[serde(rename = "preferredVIISAddress")]
    preferred_viis_address: Option<String>,
    status: Option<Status>,
    administrator: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Status {
    Active,
    Inactive,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HandmadeMachine {
    #[serde(rename = "biosID")]
    bios_id: Uuid,
    name: Option<String>,
    user_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HandmadeTask {
    #[serde(rename = "type")]
    task_type: String,
    duration_ms: u64,
    parent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Restore {
    reuse_identifiers: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listening {
    listening: bool,
}

/// Answers one request.
pub async fn answer(
    simulator: &Arc<Simulator>,
    method: &str,
    path: &str,
    body: &[u8],
) -> (u16, Value) {
    let segments: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(route::decode)
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answered = match (method, segments.as_slice()) {
        ("PUT", ["listening"]) => listen(simulator, body).await,
        ("GET", ["listening"]) => Ok((200, json!({"listening": simulator.door.is_open().await}))),
        (_, segments) => at_once(simulator, method, segments, body),
    };
    answered.unwrap_or_else(|(status, message)| (status, json!({"error": message})))
}

async fn listen(simulator: &Arc<Simulator>, body: &[u8]) -> Answer {
    let Listening { listening } = read(body)?;
    if listening {
        let opened = simulator.door.open(simulator).await;
        opened.map_err(|error| (500, format!("the port cannot be opened: {error}")))?;
    } else {
        simulator.door.close().await;
    }
    Ok((200, json!({"listening": listening})))
}

fn at_once(simulator: &Arc<Simulator>, method: &str, segments: &[&str], body: &[u8]) -> Answer {
    let mut guard = simulator.lock();
    let state = &mut *guard;
    let answered = match (method, segments) {
        ("GET", ["healthz"]) => return Ok((200, json!({"status": "ok"}))),
        ("GET", ["state"]) => return Ok((200, show::state(state))),
        ("GET", ["calls"]) => return Ok((200, state.calls.counts(&route::NAMES))),
        ("GET", ["log"]) => return Ok((200, state.calls.log())),
        ("GET", ["settings"]) => return Ok((200, state.settings.show())),
        ("GET", ["faults"]) => return Ok((200, state.faults.show())),
        ("POST", ["calls", "reset"]) => {
            state.calls.reset();
            Ok((200, json!({})))
        }
        ("POST", ["tenants"]) => add_tenant(state, body),
        ("DELETE", ["tenants", tenant]) => remove_tenant(state, &canonical(tenant)),
        ("POST", ["tenants", tenant, "status"]) => set_status(state, &canonical(tenant), body),
        ("POST", ["tenants", tenant, "machines"]) => add_machine(state, &canonical(tenant), body),
        ("DELETE", ["tenants", tenant, "machines", bios_id]) => {
            remove_machine(state, &canonical(tenant), bios_id)
        }
        ("POST", ["tasks"]) => add_task(simulator, state, body),
        ("POST", ["snapshots"]) => {
            let Named { name } = read(body)?;
            state.snapshots.insert(name.clone(), state.world.clone());
            Ok((200, json!({"name": name})))
        }
        ("POST", ["snapshots", name, "restore"]) => restore(simulator, state, name, body),
        ("PUT", ["settings"]) => {
            state.settings.take(read::<Change>(body)?);
            simulator.pump(state);
            Ok((200, state.settings.show()))
        }
        ("POST", ["faults"]) => add_fault(state, body),
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            simulator.release(state, None);
            Ok((200, json!({})))
        }
        ("DELETE", ["faults", id]) => remove_fault(simulator, state, id),
        _ => return Err((404, String::from("there is no such control request"))),
    };
    simulator.save(state);
    answered
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (u16, String)> {
    let body: &[u8] = match body {
        b"" | b"null" => b"{}",
        body => body,
    };
    serde_json::from_slice(body).map_err(|error| (400, error.to_string()))
}

fn add_tenant(state: &mut State, body: &[u8]) -> Answer {
    let made: HandmadeTenant = read(body)?;
    let texts = [
        Some(&made.name),
        made.description.as_ref(),
        made.user_data.as_ref(),
        made.administrator.as_ref(),
    ];
    if texts.into_iter().flatten().any(|text| !xml::holds(text)) {
        return Err((400, String::from("XML cannot hold a character of a text")));
    }
    if state.world.name_taken(&made.name) {
        return Err((409, String::from("there is a tenant with this name")));
    }
    let administrator = match made.tenant_type {
        crate::model::TenantType::Complete => Some(NewAdministrator {
            name: made
                .administrator
                .unwrap_or_else(|| format!("{}-admin", made.name)),
            password_length: 0,
            password_sha256: sha256(b""),
        }),
        crate::model::TenantType::Simple => None,
    };
    let new = NewTenant {
        name: made.name,
        description: made.description,
        user_data: made.user_data,
        preferred_viis_address: made.preferred_viis_address,
        administrator,
    };
    let now = clock::now();
    let State {
        world, settings, ..
    } = state;
    let id = world.add_tenant(&new, settings, now).id;
    let active = made.status == Some(Status::Active);
    world.set_active(&id, active, now);
    shown(state, &id)
}

fn shown(state: &State, id: &str) -> Answer {
    let tenant = state.world.tenant(id).ok_or_else(no_tenant)?;
    Ok((200, show::tenant(tenant, state.settings.dialect)))
}

fn no_tenant() -> (u16, String) {
    (404, String::from("there is no such tenant"))
}

/// By hand and thoroughly: KSC's side goes too.
fn remove_tenant(state: &mut State, id: &str) -> Answer {
    if state.world.remove_tenant(id, true, clock::now()) {
        Ok((200, json!({})))
    } else {
        Err(no_tenant())
    }
}

fn set_status(state: &mut State, id: &str, body: &[u8]) -> Answer {
    let NewStatus { status } = read(body)?;
    state
        .world
        .set_active(id, status == Status::Active, clock::now());
    shown(state, id)
}

fn add_machine(state: &mut State, id: &str, body: &[u8]) -> Answer {
    let made: HandmadeMachine = read(body)?;
    let new = NewMachine {
        bios_id: made.bios_id,
        name: made.name,
        user_data: made.user_data,
    };
    let State {
        world, settings, ..
    } = state;
    world
        .register(id, new, settings, clock::now())
        .map_err(refuse)?;
    shown(state, id)
}

fn remove_machine(state: &mut State, id: &str, bios_id: &str) -> Answer {
    let bios_id = Uuid::parse_str(bios_id).map_err(|error| (400, error.to_string()))?;
    let key = MachineKey::Bios(bios_id);
    state
        .world
        .unregister(id, &key, clock::now())
        .map_err(refuse)?;
    shown(state, id)
}

fn refuse(refused: Refused) -> (u16, String) {
    match refused {
        Refused::NoTenant => no_tenant(),
        Refused::NoMachine => (404, String::from("the tenant has no such machine")),
        Refused::MachineExists => (409, String::from("the machine is registered already")),
    }
}

fn add_task(simulator: &Arc<Simulator>, state: &mut State, body: &[u8]) -> Answer {
    let made: HandmadeTask = read(body)?;
    let work = Work::Other {
        task_type: made.task_type,
        duration_ms: made.duration_ms,
    };
    let id = match made.parent {
        Some(parent) => simulator.add_child(state, work, canonical(&parent)),
        None => simulator.add_task(state, work, Default::default()),
    };
    Ok((200, json!({"id": state.settings.dialect.spell(&id)})))
}

fn restore(simulator: &Arc<Simulator>, state: &mut State, name: &str, body: &[u8]) -> Answer {
    let Restore { reuse_identifiers } = read(body)?;
    let mut world = state
        .snapshots
        .get(name)
        .cloned()
        .ok_or_else(|| (404, String::from("there is no such snapshot")))?;
    if !reuse_identifiers {
        world.identifiers = state.world.identifiers.clone();
    }
    state.world = world;
    simulator.restart_tasks(state);
    Ok((200, json!({})))
}

fn add_fault(state: &mut State, body: &[u8]) -> Answer {
    let order: NewFault = read(body)?;
    if order.call != "*" && !route::NAMES.contains(&order.call.as_str()) {
        return Err((400, format!("call is none of {:?} or *", route::NAMES)));
    }
    let status = order.action.as_ref().and_then(|action| action.status);
    if status.is_some_and(|status| !(200..=599).contains(&status)) {
        return Err((400, String::from("status is not between 200 and 599")));
    }
    Ok((200, json!({"id": state.faults.add(order)})))
}

fn remove_fault(simulator: &Arc<Simulator>, state: &mut State, id: &str) -> Answer {
    let id: u64 = id
        .parse()
        .map_err(|_| (400, String::from("a fault's id is a number")))?;
    simulator.release(state, Some(id));
    if state.faults.remove(id) {
        Ok((200, json!({})))
    } else {
        Err((404, String::from("there is no such fault")))
    }
}
