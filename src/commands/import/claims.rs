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
    by_id: HashMap<TenantId, Claim>,
    by_name: HashMap<String, Claim>,
    machines: HashMap<BiosId, Claim>,
    tenant_names: HashSet<String>,
    machine_names: HashSet<String>,
}

impl Claims {
    /// Of the server with this name; resources in `namespace` use names there.
    pub fn new(
        server: &str,
        namespace: &str,
        tenants: &[Tenant],
        machines: &[VirtualMachine],
    ) -> Self {
        let mut claims = Self::default();
        let mut ours = HashSet::new();
        for tenant in tenants {
            let claim = claim(tenant);
            if claim.namespace == namespace {
                claims.tenant_names.insert(claim.name.clone());
            }
            if tenant.spec.integration_server_ref.name != server {
                continue;
            }
            ours.insert((claim.namespace.clone(), claim.name.clone()));
            let recorded = tenant
                .status
                .as_ref()
                .and_then(|status| status.tenant_id.as_ref());
            for id in recorded.into_iter().chain(&tenant.spec.existing_tenant_id) {
                claims
                    .by_id
                    .insert(TenantId::new(id.clone()), claim.clone());
            }
            claims
                .by_name
                .insert(tenant.server_name().to_owned(), claim);
        }
        for machine in machines {
            let claim = claim(machine);
            if claim.namespace == namespace {
                claims.machine_names.insert(claim.name.clone());
            }
            let tenant = (
                claim.namespace.clone(),
                machine.spec.tenant_ref.name.clone(),
            );
            let status = machine.status.as_ref();
            let there = status.and_then(|status| status.integration_server.as_deref());
            if let Ok(bios_id) = machine.spec.bios_id.parse::<BiosId>()
                && (ours.contains(&tenant) || there == Some(server))
            {
                claims.machines.insert(bios_id, claim);
            }
        }
        claims
    }

    /// The Tenant that has this tenant, or says that it wants one of this name: another one
    /// beside it would stall.
    pub fn tenant(&self, tenant: &viis::Tenant) -> Option<&Claim> {
        self.by_id
            .get(&tenant.id)
            .or_else(|| self.by_name.get(&tenant.name))
    }

    /// The VirtualMachine that has this machine.
    pub fn machine(&self, bios_id: BiosId) -> Option<&Claim> {
        self.machines.get(&bios_id)
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
