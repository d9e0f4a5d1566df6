//! What is sent for each call: path, query and body. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use url::Url;

use super::error::{Class, Error, Problem};
use super::identifier::{BiosId, TaskId, TenantId, is_identifier};
use super::machine::NewVirtualMachine;
use super::method::Method;
use super::task::TaskFilter;
use super::tenant::{Artifacts, NewTenant, NewTenantKind};
use super::xml::{NotXml, Writer};

const BASE: [&str; 3] = ["api", "2.0", "virtualization"];

/// One call, ready to be sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

impl Request {
    fn new(method: Method, segments: &[&str]) -> Self {
        Self {
            method,
            segments: segments.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
        }
    }

    pub(super) fn list_tenants() -> Self {
        Self::new(Method::ListTenants, &["tenants"])
    }

    /// A call on one tenant: `action` comes after its identifier.
    pub(super) fn on_tenant(
        method: Method,
        tenant: &TenantId,
        action: &[&str],
    ) -> Result<Self, Error> {
        check_identifier(method, tenant.as_str())?;
        let mut request = Self::new(method, &["tenants", tenant.as_str()]);
        request
            .segments
            .extend(action.iter().map(|&part| part.to_owned()));
        Ok(request)
    }

    pub(super) fn create_tenant(tenant: &NewTenant) -> Result<Self, Error> {
        let mut request = Self::new(Method::CreateTenant, &["tenants"]);
        request.body =
            Some(tenant_xml(tenant).map_err(|error| refused(Method::CreateTenant, error))?);
        Ok(request)
    }

    pub(super) fn delete_tenant(tenant: &TenantId, artifacts: Artifacts) -> Result<Self, Error> {
        let mut request = Self::on_tenant(Method::DeleteTenant, tenant, &[])?;
        let remove = match artifacts {
            Artifacts::Remove => "true",
            Artifacts::Keep => "false",
        };
        request
            .query
            .push(("removeTenantArtifacts", remove.to_owned()));
        Ok(request)
    }

    pub(super) fn register(tenant: &TenantId, machine: &NewVirtualMachine) -> Result<Self, Error> {
        let method = Method::RegisterVirtualMachine;
        let mut request = Self::on_tenant(method, tenant, &["vms", "register"])?;
        request.body = Some(machine_xml(machine).map_err(|error| refused(method, error))?);
        Ok(request)
    }

    pub(super) fn unregister(tenant: &TenantId, machine: &BiosId) -> Result<Self, Error> {
        let method = Method::UnregisterVirtualMachine;
        let mut request = Self::on_tenant(method, tenant, &["vms", "unregister"])?;
        request.query.push(("biosId", machine.to_string()));
        Ok(request)
    }

    pub(super) fn list_tasks(filter: &TaskFilter) -> Self {
        let mut request = Self::new(Method::ListTasks, &["tasks"]);
        let TaskFilter {
            created_from,
            state,
            task_type,
        } = filter;
        let parameters = [
            ("createdFrom", created_from.map(|time| time.to_string())),
            ("state", state.as_ref().map(ToString::to_string)),
            ("type", task_type.as_ref().map(ToString::to_string)),
        ];
        request.query = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        request
    }

    pub(super) fn on_task(method: Method, task: &TaskId, action: &[&str]) -> Result<Self, Error> {
        check_identifier(method, task.as_str())?;
        let mut request = Self::new(method, &["tasks", task.as_str()]);
        request
            .segments
            .extend(action.iter().map(|&part| part.to_owned()));
        Ok(request)
    }

    /// The address to send it to, at `server` (`https://address:port/`).
    pub(super) fn url(&self, server: &Url) -> Url {
        let mut url = server.clone();
        // An `https` address always has segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(BASE).extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    pub(super) fn http_method(&self) -> http::Method {
        match self.method {
            Method::ListTenants
            | Method::GetTenant
            | Method::ListVirtualMachines
            | Method::GetTask
            | Method::ListTasks => http::Method::GET,
            Method::DeleteTenant => http::Method::DELETE,
            Method::CreateTenant
            | Method::ActivateTenant
            | Method::DeactivateTenant
            | Method::RegisterVirtualMachine
            | Method::UnregisterVirtualMachine
            | Method::CancelTask => http::Method::POST,
        }
    }
}

/// An identifier like `..` would address something else.
fn check_identifier(method: Method, id: &str) -> Result<(), Error> {
    if is_identifier(id) {
        return Ok(());
    }
    Err(not_sent(
        method,
        "an identifier is 1 to 128 bytes of printable text, and neither \".\" nor \"..\"",
    ))
}

fn refused(method: Method, error: NotXml) -> Error {
    not_sent(method, &error.to_string()).with_source(error)
}

fn not_sent(method: Method, why: &str) -> Error {
    Error::new(
        method,
        Class::Rejected,
        Problem::Rejected,
        format!("The call {method} was not sent: {why}."),
    )
}

fn tenant_xml(tenant: &NewTenant) -> Result<String, NotXml> {
    let mut xml = Writer::new();
    xml.open("tenant");
    xml.element("name", &tenant.name)?;
    if let Some(description) = &tenant.description {
        xml.element("description", description)?;
    }
    if let Some(user_data) = &tenant.user_data {
        xml.cdata("userData", user_data)?;
    }
    if let Some(address) = &tenant.preferred_viis_address {
        xml.element("preferredViisAddress", &address.to_string())?;
    }
    match &tenant.kind {
        NewTenantKind::Simple => xml.element("type", "Simple")?,
        NewTenantKind::Complete {
            administrator,
            password,
        } => {
            xml.element("type", "Complete")?;
            xml.open("vKsc");
            xml.open("user");
            xml.element("name", administrator)?;
            xml.element("password", &STANDARD.encode(password.expose_secret()))?;
            xml.close("user");
            xml.close("vKsc");
        }
    }
    xml.close("tenant");
    Ok(xml.finish())
}

fn machine_xml(machine: &NewVirtualMachine) -> Result<String, NotXml> {
    let mut xml = Writer::new();
    xml.open_with("vm", "biosId", &machine.bios_id.to_string())?;
    if let Some(name) = &machine.name {
        xml.element("name", name)?;
    }
    if let Some(user_data) = &machine.user_data {
        xml.cdata("userData", user_data)?;
    }
    xml.close("vm");
    Ok(xml.finish())
}

#[cfg(test)]
mod tests;
