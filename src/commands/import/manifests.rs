//! Manifests for what is on a server: which are written, under which names, and what has to
//! be left out. Pure: a server that was read goes in, documents and sentences come out.

use std::collections::BTreeMap;

use kube::Resource;
use serde::Serialize;
use serde_json::{Value, json};

use super::claims::{Claim, Claims};
use super::names;
use super::twice::Twice;
use crate::api::{
    DeletionPolicy, DesiredState, Reference, Tenant, TenantSpec, TenantType, VirtualMachine,
    VirtualMachineSpec,
};
use crate::viis::{self, TenantStatus, is_xml_text};

/// The longest texts that the definitions of our kinds accept, in characters.
const NAME: usize = 256;
const DESCRIPTION: usize = 4096;
const USER_DATA: usize = 65_536;

/// A tenant with its machines, as the server has it; or why those cannot be read.
pub type Found = (viis::Tenant, Result<Vec<viis::VirtualMachine>, String>);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The IntegrationServer.
    pub server: String,
    /// The namespace of the manifests.
    pub namespace: String,
    /// What resources have already is written too.
    pub include_managed: bool,
}

/// What is written of one tenant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Its Tenant, unless the cluster has that already.
    pub tenant: Option<Value>,
    /// Its VirtualMachines, by name.
    pub machines: BTreeMap<String, Value>,
}

/// All that is written, and what is not.
#[derive(Debug, Default, PartialEq)]
pub struct Import {
    /// By the name of the Tenant.
    pub parts: BTreeMap<String, Part>,
    /// What cannot be written at all, a sentence each.
    pub left_out: Vec<String>,
    /// What is written without one of its texts, or with a guess: a sentence each.
    pub incomplete: Vec<String>,
    /// Tenants that a resource has already, as `namespace/name`.
    pub managed: Vec<String>,
    /// How many machines a resource has already.
    pub managed_machines: usize,
}

/// The manifests. The order of what was found does not matter.
pub fn write(wish: &Wish, mut found: Vec<Found>, claims: &Claims) -> Import {
    found.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    let mut import = Import::default();
    let twice = Twice::of(&found);
    for (tenant, machines) in &found {
        if let Some(why) = mistaken(tenant, claims) {
            import.left_out.push(why);
            continue;
        }
        let machines = match machines {
            Ok(machines) => machines,
            Err(why) => {
                let sentence = format!(
                    "{}: its virtual machines cannot be read. {why}",
                    speak(tenant)
                );
                import.left_out.push(sentence);
                continue;
            }
        };
        let named = match claims.tenant(tenant) {
            None => twice.free_name(tenant, claims).map(|name| (name, true)),
            Some(claim) => {
                import
                    .managed
                    .push(format!("{}/{}", claim.namespace, claim.name));
                if claim.namespace != wish.namespace {
                    continue;
                }
                Ok((claim.name.clone(), wish.include_managed))
            }
        };
        let written = named.and_then(|(name, is_written)| {
            let manifest = match is_written {
                true => Some(import.tenant(wish, &name, tenant)?),
                false => None,
            };
            Ok((name, manifest))
        });
        match written {
            Ok((name, _)) if import.parts.contains_key(&name) => {
                import.left_out.push(format!(
                    "{}: it would be named {name}, like another one. Write its manifest by hand.",
                    speak(tenant)
                ));
            }
            Ok((name, manifest)) => {
                let mut part = Part {
                    tenant: manifest,
                    machines: BTreeMap::new(),
                };
                for machine in machines {
                    match twice.machine(machine, claims) {
                        Some(why) if import.left_out.contains(&why) => {}
                        Some(why) => import.left_out.push(why),
                        None => import.machine(wish, &name, machine, claims, &mut part),
                    }
                }
                import.parts.insert(name, part);
            }
            Err(why) => {
                let machines = match machines.len() {
                    0 => String::new(),
                    count => format!(" Its {count} virtual machines are left out with it."),
                };
                import
                    .left_out
                    .push(format!("{}: {why}{machines}", speak(tenant)));
            }
        }
    }
    import
        .parts
        .retain(|_, part| part.tenant.is_some() || !part.machines.is_empty());
    import.managed.sort_unstable();
    import.left_out.sort_unstable();
    import.incomplete.sort_unstable();
    import
}

/// Why a tenant is left alone whose identifier a Tenant has under another name.
fn mistaken(tenant: &viis::Tenant, claims: &Claims) -> Option<String> {
    let Claim { namespace, name } = claims.mistaken(tenant)?;
    Some(format!(
        "{}: Tenant {namespace}/{name} has its identifier, and another name. See the conditions \
         of that one.",
        speak(tenant)
    ))
}

impl Import {
    /// How many Tenants and VirtualMachines are written.
    pub fn counts(&self) -> (usize, usize) {
        let tenants = self.parts.values().filter(|part| part.tenant.is_some());
        let machines = self.parts.values().map(|part| part.machines.len());
        (tenants.count(), machines.sum())
    }

    fn tenant(&mut self, wish: &Wish, name: &str, tenant: &viis::Tenant) -> Result<Value, String> {
        check_name(&tenant.name)?;
        check_identifier(tenant.id.as_str())?;
        let state = match &tenant.status {
            TenantStatus::Active => DesiredState::Active,
            TenantStatus::Inactive => DesiredState::Inactive,
            TenantStatus::Other(word) => {
                return Err(format!(
                    "its status {word:?} is neither Active nor Inactive. Activate or deactivate it."
                ));
            }
        };
        let spec = TenantSpec {
            integration_server_ref: Reference {
                name: wish.server.clone(),
            },
            name: Some(tenant.name.clone()),
            tenant_type: self.type_of(tenant)?,
            description: self.text(tenant, "description", &tenant.description, DESCRIPTION),
            user_data: self.text(tenant, "user data", &tenant.user_data, USER_DATA),
            preferred_viis_address: None,
            administrator: None,
            state,
            existing_tenant_id: Some(tenant.id.as_str().to_owned()),
            deletion_policy: Some(DeletionPolicy::Retain),
            remove_tenant_artifacts: true,
            suspend: false,
        };
        Ok(manifest::<Tenant>(wish, name, &spec))
    }

    fn type_of(&mut self, tenant: &viis::Tenant) -> Result<TenantType, String> {
        let shows_server = tenant.virtual_administration_server.is_some();
        match &tenant.tenant_type {
            Some(viis::TenantType::Complete) => Ok(TenantType::Complete),
            Some(viis::TenantType::Simple) => Ok(TenantType::Simple),
            Some(viis::TenantType::Other(word)) => {
                Err(format!("its type {word:?} is neither Complete nor Simple."))
            }
            None if shows_server => Ok(TenantType::Complete),
            None => {
                self.incomplete.push(format!(
                    "{}: the server does not show its type. It is written as Simple, because it \
                     shows no virtual Administration Server; correct it where that is wrong.",
                    speak(tenant)
                ));
                Ok(TenantType::Simple)
            }
        }
    }

    /// A text that the operator can do without.
    fn text(
        &mut self,
        tenant: &viis::Tenant,
        what: &str,
        text: &Option<String>,
        longest: usize,
    ) -> Option<String> {
        let why = check_text(text.as_deref()?, longest);
        if let Err(why) = &why {
            self.incomplete.push(format!(
                "{}: its {what} {why}. It is written without, and keeps it on the server.",
                speak(tenant)
            ));
        }
        why.ok().and(text.clone())
    }

    fn machine(
        &mut self,
        wish: &Wish,
        tenant: &str,
        machine: &viis::VirtualMachine,
        claims: &Claims,
        part: &mut Part,
    ) {
        let bios_id = machine.bios_id;
        let claim = claims.machine(bios_id);
        self.managed_machines += usize::from(claim.is_some());
        let here = claim.filter(|claim| claim.namespace == wish.namespace);
        let name = match (claim, here) {
            (None, _) => names::of_machine(machine.name.as_deref(), bios_id),
            // It may be registered a second time elsewhere: that is not this resource's.
            (Some(_), Some(here))
                if wish.include_managed && claims.tenant_of_machine(bios_id) == Some(tenant) =>
            {
                here.name.clone()
            }
            (Some(_), _) => return,
        };
        if claim.is_some() && part.machines.contains_key(&name) {
            return;
        }
        let taken = claim.is_none() && claims.uses_machine_name(&name);
        if taken || part.machines.contains_key(&name) || self.has_machine(&name) {
            self.left_out.push(format!(
                "Virtual machine {bios_id}: its name {name} is that of another VirtualMachine. \
                 Write its manifest by hand."
            ));
            return;
        }
        let mut without = |what: &str, why: String| {
            self.incomplete.push(format!(
                "Virtual machine {bios_id}: its {what} {why}. It is written without, and keeps it \
                 on the server until it is registered anew."
            ));
        };
        let mut kept =
            |what: &str, text: &Option<String>, checked: Result<(), String>| match checked {
                Ok(()) => text.clone(),
                Err(why) => {
                    without(what, why);
                    None
                }
            };
        let user_data = machine.user_data.as_deref();
        let spec = VirtualMachineSpec {
            tenant_ref: Reference {
                name: tenant.to_owned(),
            },
            bios_id: bios_id.to_string(),
            name: kept(
                "name",
                &machine.name,
                machine.name.as_deref().map_or(Ok(()), check_label),
            ),
            user_data: kept(
                "user data",
                &machine.user_data,
                user_data.map_or(Ok(()), |text| check_text(text, USER_DATA)),
            ),
            deletion_policy: DeletionPolicy::Retain,
        };
        let manifest = manifest::<VirtualMachine>(wish, &name, &spec);
        part.machines.insert(name, manifest);
    }

    fn has_machine(&self, name: &str) -> bool {
        self.parts
            .values()
            .any(|part| part.machines.contains_key(name))
    }
}

/// A manifest without what the definition says by itself.
fn manifest<K: Resource<DynamicType = ()>>(
    wish: &Wish,
    name: &str,
    spec: &impl Serialize,
) -> Value {
    let mut spec = serde_json::to_value(spec).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut spec {
        // Neither is known of a tenant on the server, and both are as by default.
        fields.remove("removeTenantArtifacts");
        fields.remove("suspend");
    }
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name, "namespace": wish.namespace},
        "spec": spec,
    })
}

/// A tenant in a sentence, in one line whatever its name is.
pub fn speak(tenant: &viis::Tenant) -> String {
    let name: String = tenant.name.chars().take(60).collect();
    format!("Tenant {name:?} ({})", tenant.id)
}

/// A name that identifies: without it there is no manifest.
fn check_name(name: &str) -> Result<(), String> {
    check_label(name).map_err(|why| format!("its name {why}, so no manifest can have it."))
}

fn check_label(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("is blank".to_owned());
    }
    check_text(name, NAME)
}

fn check_text(text: &str, longest: usize) -> Result<(), String> {
    let length = text.chars().count();
    if length > longest {
        return Err(format!(
            "has {length} characters, {longest} are accepted at most"
        ));
    }
    match is_xml_text(text) {
        true => Ok(()),
        false => Err("has a character that XML cannot hold".to_owned()),
    }
}

/// As the definition wants it; of what is not ASCII none is known.
fn check_identifier(id: &str) -> Result<(), String> {
    let outer_blank = id.starts_with(' ') || id.ends_with(' ');
    let printable = id
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    match printable && !outer_blank {
        true => Ok(()),
        false => Err("its identifier is no printable text, so no manifest can have it.".to_owned()),
    }
}

#[cfg(test)]
mod tests;
