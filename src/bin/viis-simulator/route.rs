//! Which method of the API a request asks for.

use crate::identifiers::canonical;

const BASE: &str = "/api/2.0/virtualization/";

/// A request, read to its end.
pub struct Received {
    pub method: String,
    pub path: String,
    pub query: String,
    pub authorization: Option<String>,
    pub accept: Option<String>,
    pub content_type: Option<String>,
    pub range: Option<String>,
    pub body: Vec<u8>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    ListTenants,
    GetTenant(String),
    CreateTenant,
    Activate(String),
    Deactivate(String),
    DeleteTenant(String),
    ListMachines(String),
    Register(String),
    Unregister(String),
    ListTasks,
    GetTask(String),
    CancelTask(String),
    CreateReport,
    GetReport(String),
    /// Another method of a known path.
    WrongMethod,
    Unknown,
}

/// The names of calls, as faults and counters use them.
pub const NAMES: [&str; 15] = [
    "GET tenants",
    "GET tenant",
    "POST tenant",
    "POST activate",
    "POST deactivate",
    "DELETE tenant",
    "GET vms",
    "POST register",
    "POST unregister",
    "GET tasks",
    "GET task",
    "POST cancel",
    "POST report",
    "GET report",
    "other",
];

// === impl Call ===

impl Call {
    /// Finds the method.
    pub fn of(method: &str, path: &str) -> Call {
        let Some(rest) = path.strip_prefix(BASE) else {
            return Call::Unknown;
        };
        let segments: Vec<String> = rest.split('/').map(decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let id = |text: &&str| canonical(text);
        match (method, segments.as_slice()) {
            ("GET", ["tenants"]) => Call::ListTenants,
            ("POST", ["tenants"]) => Call::CreateTenant,
            ("GET", ["tenants", tenant]) => Call::GetTenant(id(tenant)),
            ("DELETE", ["tenants", tenant]) => Call::DeleteTenant(id(tenant)),
            ("POST", ["tenants", tenant, "activate"]) => Call::Activate(id(tenant)),
            ("POST", ["tenants", tenant, "deactivate"]) => Call::Deactivate(id(tenant)),
            ("GET", ["tenants", tenant, "vms"]) => Call::ListMachines(id(tenant)),
            ("POST", ["tenants", tenant, "vms", "register"]) => Call::Register(id(tenant)),
            ("POST", ["tenants", tenant, "vms", "unregister"]) => Call::Unregister(id(tenant)),
            ("GET", ["tasks"]) => Call::ListTasks,
            ("GET", ["tasks", task]) => Call::GetTask(id(task)),
            ("POST", ["tasks", task, "cancel"]) => Call::CancelTask(id(task)),
            ("POST", ["reports", "tenants"]) => Call::CreateReport,
            ("GET", ["reports", "tenants", report]) => Call::GetReport(id(report)),
            (
                _,
                ["tenants" | "tasks"]
                | ["tenants" | "tasks", _]
                | ["tenants", _, "activate" | "deactivate" | "vms"]
                | ["tenants", _, "vms", "register" | "unregister"]
                | ["tasks", _, "cancel"]
                | ["reports", "tenants"]
                | ["reports", "tenants", _],
            ) => Call::WrongMethod,
            _ => Call::Unknown,
        }
    }

    /// One of [`NAMES`].
    pub fn name(&self) -> &'static str {
        match self {
            Call::ListTenants => "GET tenants",
            Call::GetTenant(_) => "GET tenant",
            Call::CreateTenant => "POST tenant",
            Call::Activate(_) => "POST activate",
            Call::Deactivate(_) => "POST deactivate",
            Call::DeleteTenant(_) => "DELETE tenant",
            Call::ListMachines(_) => "GET vms",
            Call::Register(_) => "POST register",
            Call::Unregister(_) => "POST unregister",
            Call::ListTasks => "GET tasks",
            Call::GetTask(_) => "GET task",
            Call::CancelTask(_) => "POST cancel",
            Call::CreateReport => "POST report",
            Call::GetReport(_) => "GET report",
            Call::WrongMethod | Call::Unknown => "other",
        }
    }

    /// Whether it changes anything on the server.
    pub fn mutates(&self) -> bool {
        let name = self.name();
        name.starts_with("POST") || name.starts_with("DELETE")
    }
}

/// Undoes percent-encoding. What is none stays as it is.
pub fn decode(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let encoded = tail.get(..2).filter(|_| *first == b'%');
        let byte = encoded
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = tail
            .get(if byte.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn identifiers_are_found_in_any_spelling() {
        let id = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";
        for spelling in [id.to_owned(), id.to_uppercase(), format!("%7B{id}%7d")] {
            let call = Call::of("GET", &format!("{BASE}tenants/{spelling}"));
            assert_eq!(call, Call::GetTenant(id.into()));
        }
    }

    #[test]
    fn unknown_paths_and_methods_differ() {
        let of = |method, path: &str| Call::of(method, &format!("{BASE}{path}"));
        assert_eq!(of("PUT", "tenants/1"), Call::WrongMethod);
        assert_eq!(of("GET", "tenants/1/activate"), Call::WrongMethod);
        assert_eq!(of("GET", "tenant/1"), Call::Unknown);
        assert_eq!(Call::of("GET", "/tenants"), Call::Unknown);
    }

    #[test]
    fn a_broken_escape_stays() {
        assert_eq!(decode("%41%4+%"), "A%4+%");
    }
}
