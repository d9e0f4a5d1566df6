//! The methods of the API page: what each does and answers. Synchronous: waiting and faults are `exchange`'s.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use crate::answer::Reply;
use crate::clock;
use crate::codes;
use crate::identifiers::canonical;
use crate::model::{Fate, ReportScope, Task, Tenant, Work};
use crate::request::{self, Refusal, required};
use crate::route::{Call, Received};
use crate::settings::{Dialect, Settings};
use crate::simulator::{Simulator, State};
use crate::task_view;
use crate::tasks::Cancellation;
use crate::world::{MachineKey, Refused};

/// Does what is asked and says what came of it.
pub fn answer(simulator: &Arc<Simulator>, received: &Received, call: &Call, fate: Fate) -> Reply {
    let mut guard = simulator.lock();
    let state = &mut *guard;
    let dialect = state.settings.dialect;
    let visit = Visit {
        simulator,
        received,
        dialect,
    };
    let reply = if authorized(&state.settings, received.authorization.as_deref()) {
        visit.answer(state, call, fate)
    } else {
        Err(Refusal::plain(
            401,
            "The user name or the password is wrong",
        ))
    };
    if call.mutates() {
        simulator.save(state);
    }
    reply.unwrap_or_else(|refusal| dialect.refuse(&refusal))
}

fn authorized(settings: &Settings, header: Option<&str>) -> bool {
    let given = header
        .and_then(|header| header.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
    let password = settings.password.expose_secret();
    given.is_some_and(|given| given == format!("{}:{password}", settings.username).into_bytes())
}

struct Visit<'a> {
    simulator: &'a Arc<Simulator>,
    received: &'a Received,
    dialect: Dialect,
}

// === impl Visit ===

impl Visit<'_> {
    fn answer(&self, state: &mut State, call: &Call, fate: Fate) -> Result<Reply, Refusal> {
        let dialect = self.dialect;
        match call {
            Call::ListTenants => {
                let tenants = state.world.tenants.iter();
                let shown: Vec<&Tenant> = tenants.filter(|tenant| is_shown(tenant)).collect();
                Ok(dialect.tenants(&shown))
            }
            Call::GetTenant(id) => Ok(dialect.tenant(shown(state, id)?)),
            Call::CreateTenant => {
                self.expect_xml()?;
                let new = request::new_tenant(&self.received.body)?;
                Ok(self.accept(state, Work::Create(new), fate))
            }
            Call::Activate(id) => self.change_activation(state, id, true, fate),
            Call::Deactivate(id) => self.change_activation(state, id, false, fate),
            Call::DeleteTenant(id) => self.delete(state, id, fate),
            Call::ListMachines(id) => Ok(dialect.machines(&shown(state, id)?.machines)),
            Call::Register(id) => self.register(state, id),
            Call::Unregister(id) => self.unregister(state, id),
            Call::ListTasks => self.list_tasks(state),
            Call::GetTask(id) => {
                let task = state.world.tasks.iter().find(|task| task.id == *id);
                Ok(dialect.task(task.ok_or_else(no_task)?))
            }
            Call::CancelTask(id) => self.cancel(state, id),
            Call::CreateReport => self.create_report(state, fate),
            Call::GetReport(id) => self.get_report(state, id),
            Call::WrongMethod => Err(Refusal::plain(405, "The method is not allowed here")),
            Call::Unknown => Err(Refusal::plain(404, "There is no such method")),
        }
    }

    fn accept(&self, state: &mut State, work: Work, fate: Fate) -> Reply {
        let task = self.simulator.add_task(state, work, fate);
        self.dialect.accepted(&task)
    }

    /// Undocumented: an unknown tenant is a failing task, in `bare` a 404.
    fn known_if_bare(&self, state: &State, tenant: &str) -> Result<(), Refusal> {
        if self.dialect == Dialect::Bare && state.world.tenant(tenant).is_none() {
            return Err(no_tenant());
        }
        Ok(())
    }

    fn change_activation(
        &self,
        state: &mut State,
        id: &str,
        active: bool,
        fate: Fate,
    ) -> Result<Reply, Refusal> {
        self.known_if_bare(state, id)?;
        let tenant = id.to_owned();
        Ok(self.accept(state, Work::Activation { tenant, active }, fate))
    }

    fn delete(&self, state: &mut State, id: &str, fate: Fate) -> Result<Reply, Refusal> {
        let artifacts = match self.parameter("removeTenantArtifacts").as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => {
                let message = "removeTenantArtifacts is neither true nor false";
                return Err(Refusal::plain(400, message));
            }
        };
        self.known_if_bare(state, id)?;
        let tenant = id.to_owned();
        Ok(self.accept(state, Work::Delete { tenant, artifacts }, fate))
    }

    fn register(&self, state: &mut State, id: &str) -> Result<Reply, Refusal> {
        self.expect_xml()?;
        let new = request::new_machine(&self.received.body)?;
        shown(state, id)?;
        let State {
            world, settings, ..
        } = state;
        let machine = world
            .register(id, new, settings, clock::now())
            .map_err(refuse)?;
        Ok(match self.dialect {
            Dialect::Default | Dialect::Attributes | Dialect::Early => {
                self.dialect.machine(&machine)
            }
            Dialect::Bare
            | Dialect::Json
            | Dialect::Location
            | Dialect::Forgetful
            | Dialect::Untidy => self.dialect.done(),
        })
    }

    fn unregister(&self, state: &mut State, id: &str) -> Result<Reply, Refusal> {
        let key = match (self.parameter("biosId"), self.parameter("vmId")) {
            (Some(bios_id), _) => {
                MachineKey::Bios(request::parse_bios_id(&required(Some(bios_id), "biosId")?)?)
            }
            (None, machine) => MachineKey::Id(canonical(&required(machine, "biosId")?)),
        };
        state
            .world
            .unregister(id, &key, clock::now())
            .map_err(refuse)?;
        Ok(self.dialect.done())
    }

    fn list_tasks(&self, state: &State) -> Result<Reply, Refusal> {
        if self.dialect == Dialect::Bare {
            return Err(Refusal::plain(405, "Tasks cannot be listed"));
        }
        let from = self.time("createdFrom")?;
        let wanted = self.parameter("state").filter(|text| !text.is_empty());
        let task_type = self.parameter("type").filter(|text| !text.is_empty());
        let now = clock::now();
        let fits = |task: &&Task| {
            // Times are told in whole seconds, so they are compared so.
            from.is_none_or(|from| task.created.div_euclid(1000) >= from.div_euclid(1000))
                && task_type
                    .as_ref()
                    .is_none_or(|wanted| wanted == task.work.task_type())
                && wanted.as_ref().is_none_or(|wanted| {
                    let shown = task_view::view(task, now, self.dialect).state;
                    shown == *wanted || (shown.starts_with("Cancel") && wanted == "Canceled")
                })
        };
        let fitting: Vec<&Task> = state.world.tasks.iter().filter(fits).collect();
        Ok(self.dialect.tasks(&fitting))
    }

    fn cancel(&self, state: &mut State, id: &str) -> Result<Reply, Refusal> {
        let cancellation = self.simulator.cancel(state, id);
        self.simulator.pump(state);
        match cancellation {
            Cancellation::Cancelled => Ok(self.dialect.done()),
            Cancellation::Cancelling => Ok(Reply::empty(202)),
            Cancellation::NotFound => Err(no_task()),
            Cancellation::Child => Err(Refusal::plain(
                405,
                "A child task is cancelled only with its parent",
            )),
            Cancellation::Ended => Err(Refusal::plain(409, "The task has ended already")),
        }
    }

    fn create_report(&self, state: &mut State, fate: Fate) -> Result<Reply, Refusal> {
        self.expect_csv_accepted()?;
        if !state.settings.reports_enabled {
            return Err(Refusal::plain(403, "Protection reports are switched off"));
        }
        let scope = ReportScope {
            tenant: self.parameter("tenantId").map(|id| canonical(&id)),
            from: self.time("from")?,
            to: self.time("to")?,
        };
        Ok(self.accept(state, Work::Report(scope), fate))
    }

    fn get_report(&self, state: &State, id: &str) -> Result<Reply, Refusal> {
        self.expect_csv_accepted()?;
        let report = state
            .world
            .reports
            .get(id)
            .ok_or_else(|| Refusal::plain(404, "There is no report with this identifier"))?;
        let whole = report.as_bytes();
        let Some(range) = &self.received.range else {
            return Ok(Reply::new(200, "application/csv", whole));
        };
        let (from, to) = byte_range(range, whole.len())
            .ok_or_else(|| Refusal::plain(416, "The range cannot be served"))?;
        let part = whole.get(from..=to).unwrap_or_default();
        Ok(Reply::new(206, "application/csv", part).with(
            "Content-Range",
            // With an equals sign: so the API page writes it.
            format!("bytes={from}-{to}/{}", whole.len()),
        ))
    }

    fn expect_xml(&self) -> Result<(), Refusal> {
        match &self.received.content_type {
            Some(text) if !text.contains("xml") => {
                Err(Refusal::plain(415, "The body's content type is not XML"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn expect_csv_accepted(&self) -> Result<(), Refusal> {
        match self.received.accept.as_deref() {
            Some("application/csv") => Ok(()),
            Some(_) | None => Err(Refusal::plain(
                415,
                "Reports need the header Accept: application/csv",
            )),
        }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.received.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    fn time(&self, name: &str) -> Result<Option<clock::Millis>, Refusal> {
        let Some(text) = self.parameter(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let message = format!("{name} is not a time as 2026-01-31T23:59:59");
        clock::parse_local(&text)
            .map(Some)
            .ok_or_else(|| Refusal::plain(400, message))
    }
}

fn is_shown(tenant: &Tenant) -> bool {
    tenant.hidden_until <= clock::now()
}

fn shown<'a>(state: &'a State, id: &str) -> Result<&'a Tenant, Refusal> {
    let tenant = state.world.tenant(id);
    tenant
        .filter(|tenant| is_shown(tenant))
        .ok_or_else(no_tenant)
}

fn byte_range(header: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let last = length.checked_sub(1)?;
    let to = match to {
        "" => last,
        to => to.parse::<usize>().ok()?.min(last),
    };
    (from <= to).then_some((from, to))
}

fn no_tenant() -> Refusal {
    Refusal::coded(
        404,
        codes::TENANT_ID_NOT_FOUND,
        "There is no tenant with the specified identifier",
    )
}

fn no_task() -> Refusal {
    Refusal::plain(404, "There is no task with the specified identifier")
}

fn refuse(refused: Refused) -> Refusal {
    match refused {
        Refused::NoTenant => no_tenant(),
        Refused::NoMachine => Refusal::coded(
            404,
            codes::VM_NOT_FOUND,
            "The tenant has no virtual machine with the specified identifier",
        ),
        Refused::MachineExists => Refusal::coded(
            409,
            codes::VM_EXISTS,
            "A virtual machine with the specified BIOS ID is registered already",
        ),
    }
}
