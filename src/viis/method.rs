//! The twelve methods by name, who is told about each call, and its span. No I/O.

use std::fmt;
use std::time::Duration;

use tracing::{Span, field};

/// A method of the Integration Server's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `GET tenants`
    ListTenants,
    /// `GET tenants/{id}`
    GetTenant,
    /// `POST tenants`
    CreateTenant,
    /// `POST tenants/{id}/activate`
    ActivateTenant,
    /// `POST tenants/{id}/deactivate`
    DeactivateTenant,
    /// `DELETE tenants/{id}`
    DeleteTenant,
    /// `GET tenants/{id}/vms`
    ListVirtualMachines,
    /// `POST tenants/{id}/vms/register`
    RegisterVirtualMachine,
    /// `POST tenants/{id}/vms/unregister`
    UnregisterVirtualMachine,
    /// `GET tasks/{id}`
    GetTask,
    /// `GET tasks`
    ListTasks,
    /// `POST tasks/{id}/cancel`
    CancelTask,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 12] = [
        Method::ListTenants,
        Method::GetTenant,
        Method::CreateTenant,
        Method::ActivateTenant,
        Method::DeactivateTenant,
        Method::DeleteTenant,
        Method::ListVirtualMachines,
        Method::RegisterVirtualMachine,
        Method::UnregisterVirtualMachine,
        Method::GetTask,
        Method::ListTasks,
        Method::CancelTask,
    ];

    /// The name in metrics and messages, such as `list_tenants`.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::ListTenants => "list_tenants",
            Method::GetTenant => "get_tenant",
            Method::CreateTenant => "create_tenant",
            Method::ActivateTenant => "activate_tenant",
            Method::DeactivateTenant => "deactivate_tenant",
            Method::DeleteTenant => "delete_tenant",
            Method::ListVirtualMachines => "list_virtual_machines",
            Method::RegisterVirtualMachine => "register_virtual_machine",
            Method::UnregisterVirtualMachine => "unregister_virtual_machine",
            Method::GetTask => "get_task",
            Method::ListTasks => "list_tasks",
            Method::CancelTask => "cancel_task",
        }
    }

    /// Whether it changes something on the server.
    pub fn mutates(self) -> bool {
        match self {
            Method::ListTenants
            | Method::GetTenant
            | Method::ListVirtualMachines
            | Method::GetTask
            | Method::ListTasks => false,
            Method::CreateTenant
            | Method::ActivateTenant
            | Method::DeactivateTenant
            | Method::DeleteTenant
            | Method::RegisterVirtualMachine
            | Method::UnregisterVirtualMachine
            | Method::CancelTask => true,
        }
    }

    /// Whether it answers with a list: longer, and worth more patience.
    pub(super) fn lists(self) -> bool {
        matches!(
            self,
            Method::ListTenants | Method::ListVirtualMachines | Method::ListTasks
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The target of the spans of calls, for whoever collects them.
pub const CALL_SPANS: &str = "viis_operator::call";

/// The span of one call; none where nobody asks what a call belongs to.
pub(super) fn call_span(method: Method, server: &str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        target: CALL_SPANS,
        "call",
        otel.name = method.as_str(),
        otel.kind = "client",
        server.address = server,
        http.response.status_code = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// How a call ended, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A complete answer with this HTTP status.
    Status(u16),
    /// No answer, or one that was cut or too long.
    Failed,
}

/// Is told about every call that was made.
pub trait Observer: Send + Sync {
    /// `took` is the time from sending to the end of the answer; waiting for
    /// the pace is not in it.
    fn observe(&self, method: Method, outcome: Outcome, took: Duration);
}

/// Who counts nothing.
impl Observer for () {
    fn observe(&self, _: Method, _: Outcome, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_method_has_its_own_name() {
        let names: HashSet<_> = Method::ALL.iter().map(|method| method.as_str()).collect();
        assert_eq!(names.len(), Method::ALL.len());
        assert_eq!(
            Method::ALL.iter().filter(|method| method.mutates()).count(),
            7
        );
    }
}
