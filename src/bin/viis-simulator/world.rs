//! What the server holds and what each method does to it: the rules of the API
//! page. No clock, no tasks' timing, no wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Millis;
use crate::codes;
use crate::identifiers::Identifiers;
use crate::model::{
    Administration, Failure, Ksc, Machine, NewAdministrator, NewTenant, Product, Protection, Task,
    Tenant, Work,
};
use crate::settings::Settings;

/// Everything that a snapshot or the state file keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub identifiers: Identifiers,
    pub tenants: Vec<Tenant>,
    pub tasks: Vec<Task>,
    pub ksc: Ksc,
    pub protections: Vec<Protection>,
    /// Finished reports: identifier and CSV.
    pub reports: BTreeMap<String, String>,
}

/// A machine to register.
pub struct NewMachine {
    pub bios_id: Uuid,
    pub name: Option<String>,
    pub user_data: Option<String>,
}

/// Which machine to unregister.
pub enum MachineKey {
    Bios(Uuid),
    Id(String),
}

/// Why a synchronous method refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    NoTenant,
    NoMachine,
    MachineExists,
}

// === impl World ===

impl World {
    /// An empty server that hands out identifiers of its own.
    pub fn new(seed: Uuid) -> World {
        World {
            identifiers: Identifiers::new(seed),
            tenants: Vec::new(),
            tasks: Vec::new(),
            ksc: Ksc::default(),
            protections: Vec::new(),
            reports: BTreeMap::new(),
        }
    }

    pub fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    pub fn tenant_mut(&mut self, id: &str) -> Option<&mut Tenant> {
        self.tenants.iter_mut().find(|tenant| tenant.id == id)
    }

    /// Does a task's work, wholly or not at all. `shown` is the identifier under
    /// which a tenant could be seen while its creation ran.
    pub fn perform(
        &mut self,
        work: &Work,
        shown: Option<String>,
        settings: &Settings,
        now: Millis,
    ) -> Result<Product, Failure> {
        match work {
            Work::Create(new) => {
                let stored = stored(new, settings);
                self.check_creation(&stored, settings)?;
                let mut tenant = match shown {
                    Some(id) => self.add_tenant_as(id, &stored, settings, now),
                    None => self.add_tenant(&stored, settings, now),
                };
                if settings.results_as_sent {
                    tenant.name.clone_from(&new.name);
                    tenant.description.clone_from(&new.description);
                    tenant.user_data.clone_from(&new.user_data);
                }
                Ok(Product::Tenant(Box::new(tenant)))
            }
            Work::Delete { tenant, artifacts } => {
                let complete = self.find_for_task(tenant)?.administration.is_some();
                if complete && *artifacts && !settings.ksc_configured {
                    return Err(ksc_not_configured());
                }
                self.remove_tenant(tenant, *artifacts, now);
                Ok(Product::True)
            }
            Work::Activation { tenant, active } => {
                let complete = self.find_for_task(tenant)?.administration.is_some();
                if complete && !settings.ksc_configured {
                    return Err(ksc_not_configured());
                }
                self.set_active(tenant, *active, now);
                Ok(Product::True)
            }
            Work::Report(scope) => {
                let csv = crate::reports::csv(&self.protections, scope, now);
                let id = self.identifiers.report(settings.dialect);
                self.reports.insert(id.clone(), csv);
                Ok(Product::Report(id))
            }
            Work::Other { .. } => Ok(Product::True),
        }
    }

    /// Half of a task's work, as a step that failed and was not rolled back.
    pub fn perform_half(&mut self, work: &Work, now: Millis) {
        match work {
            Work::Create(new) => {
                self.ksc.folders.insert(folder(&new.name));
            }
            Work::Delete { tenant, .. } => {
                if let Some(name) = self.tenant(tenant).map(|tenant| tenant.name.clone()) {
                    self.ksc.folders.remove(&folder(&name));
                }
            }
            Work::Activation { tenant, active } => self.set_active(tenant, *active, now),
            Work::Report(_) | Work::Other { .. } => {}
        }
    }

    fn find_for_task(&self, id: &str) -> Result<&Tenant, Failure> {
        self.tenant(id)
            .filter(|tenant| !tenant.unfinished && tenant.unknown_until <= crate::clock::now())
            .ok_or_else(|| {
                Failure::coded(
                    codes::TENANT_ID_NOT_FOUND,
                    "There is no tenant with the specified identifier",
                )
            })
    }

    fn check_creation(&self, new: &NewTenant, settings: &Settings) -> Result<(), Failure> {
        let complete = new.administrator.as_ref();
        if complete.is_some() && !settings.ksc_configured {
            return Err(ksc_not_configured());
        }
        if self.name_taken(&new.name) {
            return Err(Failure::coded(
                codes::TENANT_NAME_EXISTS,
                "The database already has a tenant with the specified name",
            ));
        }
        match complete {
            Some(administrator) => self.check_ksc(&new.name, administrator, settings),
            None => Ok(()),
        }
    }

    /// Whether a finished tenant has the name.
    pub fn name_taken(&self, name: &str) -> bool {
        self.tenants
            .iter()
            .any(|tenant| !tenant.unfinished && tenant.name == name)
    }

    fn check_ksc(
        &self,
        name: &str,
        administrator: &NewAdministrator,
        settings: &Settings,
    ) -> Result<(), Failure> {
        if self.ksc.folders.contains(&folder(name)) {
            return Err(Failure::coded(
                codes::GROUP_EXISTS,
                "Kaspersky Security Center already has a folder with the tenant's name",
            ));
        }
        if administrator.password_length < settings.minimum_password_length {
            return Err(Failure::coded(
                codes::PASSWORD_POLICY,
                "The administrator's password does not comply with the password rules",
            ));
        }
        if settings.unique_users && self.ksc.users.contains(&administrator.name) {
            return Err(Failure::coded(
                codes::USER_EXISTS,
                "Kaspersky Security Center already has a user with the specified name",
            ));
        }
        if self.ksc.virtual_servers.len() >= settings.vksc_limit {
            return Err(Failure::plain(
                "The number of virtual Administration Servers has reached its limit",
            ));
        }
        Ok(())
    }

    /// Adds the tenant, and its side in KSC, without any check.
    pub fn add_tenant(&mut self, new: &NewTenant, settings: &Settings, now: Millis) -> Tenant {
        let id = self.identifiers.tenant(settings.dialect);
        self.add_tenant_as(id, new, settings, now)
    }

    /// As [`World::add_tenant`], under an identifier that was handed out before.
    pub fn add_tenant_as(
        &mut self,
        id: String,
        new: &NewTenant,
        settings: &Settings,
        now: Millis,
    ) -> Tenant {
        let administration = new.administrator.as_ref().map(|administrator| {
            let vksc_id = self.identifiers.virtual_server(settings.dialect);
            self.ksc.folders.insert(folder(&new.name));
            self.ksc.users.push(administrator.name.clone());
            self.ksc
                .virtual_servers
                .insert(vksc_id.clone(), new.name.clone());
            Administration {
                vksc_id,
                administrator: administrator.name.clone(),
                password_sha256: administrator.password_sha256.clone(),
            }
        });
        let tenant = Tenant {
            id,
            name: new.name.clone(),
            description: new.description.clone(),
            user_data: new.user_data.clone(),
            preferred_viis_address: new.preferred_viis_address.clone(),
            administration,
            active: false,
            created: now,
            updated: now,
            machines: Vec::new(),
            unfinished: false,
            hidden_until: 0,
            unknown_until: 0,
        };
        self.tenants.push(tenant.clone());
        tenant
    }

    /// Takes the tenant out of the database; with artifacts out of KSC too.
    /// False when there is none.
    pub fn remove_tenant(&mut self, id: &str, artifacts: bool, now: Millis) -> bool {
        let Some(index) = self.tenants.iter().position(|tenant| tenant.id == id) else {
            return false;
        };
        let tenant = self.tenants.remove(index);
        self.end_protection(|protection| protection.tenant_id == tenant.id, now);
        if let (true, Some(administration)) = (artifacts, tenant.administration) {
            self.ksc.folders.remove(&folder(&tenant.name));
            self.ksc.virtual_servers.remove(&administration.vksc_id);
            let users = &mut self.ksc.users;
            if let Some(index) = users
                .iter()
                .position(|user| *user == administration.administrator)
            {
                users.remove(index);
            }
        }
        true
    }

    /// Switches the tenant's status.
    pub fn set_active(&mut self, id: &str, active: bool, now: Millis) {
        let Some(tenant) = self.tenant_mut(id) else {
            return;
        };
        if tenant.active == active {
            return;
        }
        tenant.active = active;
        tenant.updated = now;
        if active {
            let begun: Vec<Protection> = tenant
                .machines
                .iter()
                .map(|machine| begin_protection(tenant, machine, now))
                .collect();
            self.protections.extend(begun);
        } else {
            self.end_protection(|protection| protection.tenant_id == id, now);
        }
    }

    /// Registers a machine. A BIOS ID is unique over all tenants.
    pub fn register(
        &mut self,
        tenant_id: &str,
        new: NewMachine,
        settings: &Settings,
        now: Millis,
    ) -> Result<Machine, Refused> {
        if self.tenant(tenant_id).is_none() {
            return Err(Refused::NoTenant);
        }
        let taken = |tenant: &Tenant| tenant.machines.iter().any(|m| m.bios_id == new.bios_id);
        if self.tenants.iter().any(taken) {
            return Err(Refused::MachineExists);
        }
        let machine = Machine {
            id: self.identifiers.machine(settings.dialect),
            bios_id: new.bios_id,
            name: new.name.map(|name| settings.stored_texts.of(&name)),
            user_data: new.user_data.map(|text| settings.stored_texts.of(&text)),
            created: now,
            updated: now,
        };
        let tenant = self.tenant_mut(tenant_id).ok_or(Refused::NoTenant)?;
        tenant.machines.push(machine.clone());
        if tenant.active {
            let begun = begin_protection(tenant, &machine, now);
            self.protections.push(begun);
        }
        Ok(machine)
    }

    /// Unregisters a machine of this tenant.
    pub fn unregister(
        &mut self,
        tenant_id: &str,
        key: &MachineKey,
        now: Millis,
    ) -> Result<(), Refused> {
        let tenant = self.tenant_mut(tenant_id).ok_or(Refused::NoTenant)?;
        let index = tenant
            .machines
            .iter()
            .position(|machine| match key {
                MachineKey::Bios(bios_id) => machine.bios_id == *bios_id,
                MachineKey::Id(id) => machine.id == *id,
            })
            .ok_or(Refused::NoMachine)?;
        let machine = tenant.machines.remove(index);
        self.end_protection(|protection| protection.machine_id == machine.id, now);
        Ok(())
    }

    fn end_protection(&mut self, ends: impl Fn(&Protection) -> bool, now: Millis) {
        for protection in &mut self.protections {
            if protection.to.is_none() && ends(protection) {
                protection.to = Some(now);
            }
        }
    }
}

/// The tenant as the server stores it.
fn stored(new: &NewTenant, settings: &Settings) -> NewTenant {
    let texts = settings.stored_texts;
    let mut stored = new.clone();
    stored.name = texts.of(&new.name);
    stored.description = new.description.as_deref().map(|text| texts.of(text));
    stored.user_data = new.user_data.as_deref().map(|text| texts.of(text));
    if let Some(administrator) = &mut stored.administrator {
        administrator.name = texts.of(&administrator.name);
    }
    stored
}

/// KSC's folder of a tenant (API page: Tenants).
pub fn folder(tenant_name: &str) -> String {
    format!("Multitenancy KSV LA/{tenant_name}")
}

fn begin_protection(tenant: &Tenant, machine: &Machine, now: Millis) -> Protection {
    Protection {
        tenant_id: tenant.id.clone(),
        tenant_name: tenant.name.clone(),
        machine_id: machine.id.clone(),
        machine_name: machine.name.clone().unwrap_or_default(),
        from: now,
        to: None,
    }
}

fn ksc_not_configured() -> Failure {
    Failure::coded(
        codes::KSC_NOT_CONFIGURED,
        "Connection settings for Kaspersky Security Center are not specified",
    )
}
