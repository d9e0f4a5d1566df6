//! The Integration Server's client: transport, TLS, XML, errors.
//!
//! Nothing here knows Kubernetes. From the wire inwards:
//!
//! | file | job |
//! |---|---|
//! | `settings` | what a connection needs: endpoint, credentials, trust, times |
//! | `certificate` | whom to trust: roots or pinned fingerprints |
//! | `pace` | so many calls a second, first come first served |
//! | `transport` | one HTTP exchange: bounded, timed, counted |
//! | `request` | method, path, query and body of each call |
//! | `answer` | what an answer means: a success, or which error |
//! | `client` | the twelve methods |
//! | `greeting` | meets a server without an account: does it answer, with which certificate |
//! | `xml` | reading with limits, writing what survives reading |
//! | `list`, `wholeness`, `tenant`, `machine`, `task`, `task_identifier` | the server's words as types |
//! | `identifier`, `time`, `code` | small words of the server |
//! | `normal_form` | what stays of a text however a server stores it |
//! | `error`, `redaction`, `sent` | what is said when it fails, and what is never said |
//!
//! Everything that reads bytes of the server (`answer`, `code`, `list`,
//! `redaction`, `task_identifier`, `xml`) is pure, so that it can be fuzzed.

#[doc(hidden)]
pub mod answer;
mod certificate;
mod client;
mod code;
mod error;
#[cfg(test)]
mod fixtures;
mod greeting;
mod identifier;
#[doc(hidden)]
pub mod list;
#[cfg(test)]
mod long_tests;
mod machine;
mod method;
mod normal_form;
mod pace;
#[doc(hidden)]
pub mod redaction;
mod request;
mod sent;
mod settings;
mod task;
#[doc(hidden)]
pub mod task_identifier;
mod tenant;
mod time;
mod transport;
mod wholeness;
#[doc(hidden)]
pub mod xml;

#[cfg(all(test, feature = "simulator"))]
pub(crate) mod live_tests;

pub use client::{Cancellation, Client};
pub use code::{Code, codes};
pub use error::{Class, Effect, Error, Problem};
pub use greeting::{Greeted, Greeting, greet};
pub use identifier::{BiosId, InvalidBiosId, TaskId, TenantId, VirtualMachineId};
pub use machine::{NewVirtualMachine, VirtualMachine};
pub use method::{CALL_SPANS, Method, Observer, Outcome};
pub use normal_form::normalized;
pub use settings::{
    ConfigurationError, Credentials, Endpoint, Fingerprint, InvalidFingerprint, Permit, Setting,
    Settings, Timeouts, Trust,
};
pub use task::{
    CreatedTenant, Task, TaskError, TaskFilter, TaskOutcome, TaskResult, TaskState, TaskType,
};
pub use tenant::{
    Artifacts, NewTenant, NewTenantKind, Tenant, TenantStatus, TenantType,
    VirtualAdministrationServer,
};
pub use time::{InvalidServerTime, ServerTime};
pub use xml::is_xml_text;
