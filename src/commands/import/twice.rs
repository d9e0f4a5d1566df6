//! What a server has more than once where a resource can have one only: names of tenants,
//! BIOS IDs. Pure.

use std::collections::HashMap;

use super::claims::Claims;
use super::manifests::{Found, speak};
use super::names;
use crate::viis::{self, BiosId};

/// What the server has more than once, where a resource can have one only.
pub struct Twice<'a> {
    names: HashMap<&'a str, usize>,
    /// With whom each is registered.
    machines: HashMap<BiosId, Vec<&'a viis::Tenant>>,
}

impl<'a> Twice<'a> {
    /// Of everything that was found.
    pub fn of(found: &'a [Found]) -> Self {
        let mut twice = Self {
            names: HashMap::new(),
            machines: HashMap::new(),
        };
        for (tenant, machines) in found {
            *twice.names.entry(&tenant.name).or_default() += 1;
            for machine in machines.iter().flatten() {
                let tenants = twice.machines.entry(machine.bios_id).or_default();
                tenants.push(tenant);
            }
        }
        twice
    }

    /// The name for a tenant that no resource has.
    pub fn free_name(&self, tenant: &viis::Tenant, claims: &Claims) -> Result<String, String> {
        if let Some(count @ 2..) = self.names.get(tenant.name.as_str()) {
            return Err(format!(
                "{count} tenants have this name, and one Tenant alone can have it. Delete on the \
                 server what is not wanted, then import again."
            ));
        }
        let name = names::of_tenant(&tenant.name, &tenant.id);
        if !claims.uses_tenant_name(&name) {
            return Ok(name);
        }
        let marked = names::marked_tenant(&tenant.name, &tenant.id);
        if claims.uses_tenant_name(&marked) {
            return Err(format!(
                "the names {name} and {marked} are those of other Tenants. Write its manifest by \
                 hand."
            ));
        }
        Ok(marked)
    }

    /// Why a machine that no resource has is left alone.
    pub fn machine(&self, machine: &viis::VirtualMachine, claims: &Claims) -> Option<String> {
        let bios_id = machine.bios_id;
        let tenants = self.machines.get(&bios_id).filter(|it| it.len() > 1)?;
        if claims.machine(bios_id).is_some() {
            return None;
        }
        let tenants: Vec<String> = tenants.iter().map(|tenant| speak(tenant)).collect();
        Some(format!(
            "Virtual machine {bios_id}: it is registered {} times, with {}, and one VirtualMachine \
             alone can have it. Unregister on the server what is not wanted, then import again.",
            tenants.len(),
            tenants.join(" and ")
        ))
    }
}
