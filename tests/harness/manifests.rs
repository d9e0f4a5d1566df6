//! Manifests as a user writes them: plain documents by the names that users see,
//! not the operator's own types, so that a renamed field is noticed.

use serde_json::{Value, json};

const API_VERSION: &str = "viis-operator.io/v1alpha1";

/// One document. What is left open (namespace, server) the stand fills in.
#[derive(Clone, Debug)]
pub struct Manifest(pub Value);

/// A tenant in the database only.
pub fn simple_tenant(name: &str) -> Manifest {
    ours("Tenant", name).with("spec.type", "Simple")
}

/// A tenant with a virtual Administration Server; its password is in the Secret
/// `{name}-admin`, which the stand makes with [`super::Stand::password_of`].
pub fn complete_tenant(name: &str) -> Manifest {
    let administrator = format!("{name}-admin");
    ours("Tenant", name)
        .with("spec.type", "Complete")
        .with("spec.administrator.name", administrator.as_str())
        .with(
            "spec.administrator.passwordSecretRef.name",
            administrator.as_str(),
        )
}

/// A machine of that tenant.
pub fn machine(name: &str, tenant: &str, bios_id: &str) -> Manifest {
    ours("VirtualMachine", name)
        .with("spec.tenantRef.name", tenant)
        .with("spec.biosID", bios_id)
}

/// A Secret with these keys.
pub fn secret(name: &str, keys: &[(&str, &str)]) -> Manifest {
    let mut manifest = document("v1", "Secret", name);
    manifest.0["stringData"] = keys.iter().map(|(key, value)| (*key, *value)).collect();
    manifest
}

/// Any document.
pub fn document(api_version: &str, kind: &str, name: &str) -> Manifest {
    Manifest(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}))
}

fn ours(kind: &str, name: &str) -> Manifest {
    document(API_VERSION, kind, name)
}

impl Manifest {
    /// An IntegrationServer that everybody may use.
    pub fn integration_server(name: &str, address: &str, port: u16) -> Manifest {
        ours("IntegrationServer", name)
            .with("spec.address", address)
            .with("spec.port", port)
            .with("spec.allowedNamespaces.from", "All")
    }

    /// Labels it as made by a test.
    pub fn labelled(mut self, label: &str) -> Manifest {
        self.0["metadata"]["labels"][label] = "true".into();
        self
    }

    /// Sets a field by its path, with dots.
    pub fn with(mut self, path: &str, value: impl Into<Value>) -> Manifest {
        let mut place = &mut self.0;
        for step in path.split('.') {
            place = &mut place[step];
        }
        *place = value.into();
        self
    }

    /// Sets a field only when it is not there.
    pub fn or(self, path: &str, value: &str) -> Manifest {
        let pointer = format!("/{}", path.replace('.', "/"));
        match self.0.pointer(&pointer) {
            Some(_) => self,
            None => self.with(path, value),
        }
    }

    pub fn without(mut self, path: &str) -> Manifest {
        let (parent, last) = path.rsplit_once('.').unwrap();
        let pointer = format!("/{}", parent.replace('.', "/"));
        if let Some(Value::Object(fields)) = self.0.pointer_mut(&pointer) {
            fields.remove(last);
        }
        self
    }

    pub fn in_namespace(self, namespace: &str) -> Manifest {
        self.with("metadata.namespace", namespace)
    }

    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }
}
