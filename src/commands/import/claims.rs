//! What the cluster's resources have of a server already, and which names they use. Pure.

use std::collections::{HashMap, HashSet};

use kube::ResourceExt;

use crate::api::{Tenant, VirtualMachine};
use crate::viis::{self, BiosId, TenantId};

/// A resource that has a tenant or a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What resources have of one server.
#[derive(Debug, Default)]
pub struct Claims {
    server: String,
    /// The namespace that names are wanted for.
    namespace: String,
    /// The Tenants of this server, by namespace and name.
    ours: HashSet<(String, String)>,
    /// With the name that the Tenant has on the server.
    by_id: HashMap<TenantId, (String, Claim)>,
    by_name: HashMap<String, Claim>,
    /// With the name of its Tenant.
    machines: HashMap<BiosId, (String, Claim)>,
    tenant_names: HashSet<String>,
    machine_names: HashSet<String>,
}

impl Claims {
    /// Of the server with this name; Tenants in `namespace` use names there.
    pub fn new(server: &str, namespace: &str, tenants: &[Tenant]) -> Self {
        let mut claims = Self {
            server: server.to_owned(),
            namespace: namespace.to_owned(),
            ..Self::default()
        };
        for tenant in tenants {
            let claim = claim(tenant);
            if claim.namespace == namespace {
                claims.tenant_names.insert(claim.name.clone());
            }
            if tenant.spec.integration_server_ref.name != server {
                continue;
            }
            let key = (claim.namespace.clone(), claim.name.clone());
            claims.ours.insert(key);
            let recorded = tenant
                .status
                .as_ref()
                .and_then(|status| status.tenant_id.as_ref());
            let name = tenant.server_name();
            for id in recorded.into_iter().chain(&tenant.spec.existing_tenant_id) {
                let named = (name.to_owned(), claim.clone());
                claims.by_id.insert(TenantId::new(id.clone()), named);
            }
            claims.by_name.insert(name.to_owned(), claim);
        }
        claims
    }

    /// The same, and what these VirtualMachines have.
    pub fn with_machines(mut self, machines: &[VirtualMachine]) -> Self {
        for machine in machines {
            let claim = claim(machine);
            if claim.namespace == self.namespace {
                self.machine_names.insert(claim.name.clone());
            }
            let tenant = (
                claim.namespace.clone(),
                machine.spec.tenant_ref.name.clone(),
            );
            let status = machine.status.as_ref();
            let there = status.and_then(|status| status.integration_server.as_deref());
            if let Ok(bios_id) = machine.spec.bios_id.parse::<BiosId>()
                && (self.ours.contains(&tenant) || there == Some(self.server.as_str()))
            {
                self.machines.insert(bios_id, (tenant.1, claim));
            }
        }
        self
    }

    /// The Tenant that has this tenant, or says that it wants one of this name: another one
    /// beside it would stall.
    pub fn tenant(&self, tenant: &viis::Tenant) -> Option<&Claim> {
        self.by_name.get(&tenant.name)
    }

    /// The Tenant that has this identifier under another name: on a server that was set back,
    /// or in place of another one, it is another tenant's.
    pub fn mistaken(&self, tenant: &viis::Tenant) -> Option<&Claim> {
        let (name, claim) = self.by_id.get(&tenant.id)?;
        (*name != tenant.name).then_some(claim)
    }

    /// The VirtualMachine that has this machine.
    pub fn machine(&self, bios_id: BiosId) -> Option<&Claim> {
        self.machines.get(&bios_id).map(|(_, claim)| claim)
    }

    /// The name of the Tenant that it belongs to.
    pub fn tenant_of_machine(&self, bios_id: BiosId) -> Option<&str> {
        self.machines
            .get(&bios_id)
            .map(|(tenant, _)| tenant.as_str())
    }

    /// A Tenant in the namespace has this name.
    pub fn uses_tenant_name(&self, name: &str) -> bool {
        self.tenant_names.contains(name)
    }

    /// A VirtualMachine in the namespace has this name.
    pub fn uses_machine_name(&self, name: &str) -> bool {
        self.machine_names.contains(name)
    }
}

fn claim(resource: &impl ResourceExt) -> Claim {
    Claim {
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
    }
}
