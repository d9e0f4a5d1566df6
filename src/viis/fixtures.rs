//! For tests of other rooms: what the Integration Server says, in words that read as English.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::*;

// === impl Tenant ===

impl Tenant {
    /// An inactive Simple tenant without any text.
    pub(crate) fn test(id: &str, name: &str) -> Self {
        Self {
            id: TenantId::new(id),
            created: None,
            updated: None,
            name: name.to_owned(),
            description: None,
            user_data: None,
            virtual_administration_server: None,
            status: TenantStatus::Inactive,
            tenant_type: Some(TenantType::Simple),
        }
    }

    pub(crate) fn active(self) -> Self {
        self.in_state(TenantStatus::Active)
    }

    pub(crate) fn in_state(mut self, status: TenantStatus) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn typed(mut self, tenant_type: Option<TenantType>) -> Self {
        self.tenant_type = tenant_type;
        self
    }

    pub(crate) fn described(mut self, text: &str) -> Self {
        self.description = Some(text.to_owned());
        self
    }

    pub(crate) fn with_user_data(mut self, text: &str) -> Self {
        self.user_data = Some(text.to_owned());
        self
    }

    /// Complete, with a virtual Administration Server and its administrator.
    pub(crate) fn complete(mut self, server: &str, administrator: &str) -> Self {
        self.tenant_type = Some(TenantType::Complete);
        self.virtual_administration_server = Some(VirtualAdministrationServer {
            id: Some(server.to_owned()),
            administrator: Some(administrator.to_owned()),
        });
        self
    }
}

// === impl VirtualMachine ===

impl VirtualMachine {
    /// A machine without name and user data.
    pub(crate) fn test(bios_id: BiosId) -> Self {
        Self {
            id: Some(VirtualMachineId::new("vm-1")),
            bios_id,
            name: None,
            user_data: None,
            created: None,
            updated: None,
        }
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }
}

// === impl Task ===

impl Task {
    /// A creation that runs.
    pub(crate) fn test(id: &str) -> Self {
        Self {
            id: TaskId::new(id),
            created: None,
            state_changed: None,
            changed: None,
            state: TaskState::Running,
            task_type: Some(TaskType::CreateTenant),
            stage: None,
            progress: None,
            outcome: None,
        }
    }

    pub(crate) fn made_at(mut self, time: &str) -> Self {
        self.created = Some(time.parse().unwrap());
        self
    }

    pub(crate) fn of_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }

    pub(crate) fn untyped(mut self) -> Self {
        self.task_type = None;
        self
    }

    pub(crate) fn in_state(mut self, state: TaskState) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn at_percent(mut self, progress: u8) -> Self {
        self.progress = Some(progress);
        self
    }

    pub(crate) fn completed(self) -> Self {
        self.in_state(TaskState::Completed)
    }

    /// Its result is this text.
    pub(crate) fn saying(self, text: &str) -> Self {
        let outcome = TaskOutcome::Result(TaskResult {
            text: text.to_owned(),
            created: None,
        });
        Self {
            outcome: Some(outcome),
            ..self
        }
    }

    /// Completed, and its result describes this tenant.
    pub(crate) fn made(self, tenant: Tenant) -> Self {
        let outcome = TaskOutcome::Result(TaskResult {
            text: String::new(),
            created: Some(CreatedTenant::Tenant(tenant)),
        });
        Self {
            outcome: Some(outcome),
            ..self.completed()
        }
    }

    pub(crate) fn failed(self, code: &str) -> Self {
        let outcome = TaskOutcome::Error(TaskError {
            code: Code::new(code),
            message: "the server's words".to_owned(),
        });
        Self {
            outcome: Some(outcome),
            ..self.in_state(TaskState::Failed)
        }
    }
}

// === impl Error ===

impl Error {
    /// A failure of this kind, in the class that the client gives it.
    pub(crate) fn test(problem: Problem) -> Self {
        let class = match problem {
            Problem::Withheld
            | Problem::Connect
            | Problem::Certificate
            | Problem::Timeout
            | Problem::UnexpectedAnswer
            | Problem::ServerError => Class::Transient { retry_after: None },
            Problem::Credentials => Class::Credentials,
            Problem::Forbidden | Problem::Rejected => Class::Rejected,
            Problem::NotFound => Class::NotFound,
        };
        Self::new(Method::ListTenants, class, problem, "no luck".to_owned())
    }
}

struct NobodyLooks;

impl Observer for NobodyLooks {
    fn observe(&self, _: Method, _: Outcome, _: Duration) {}
}

// === impl Client ===

impl Client {
    /// A client of a server that is nowhere: for tests that make no call.
    pub(crate) fn of_nowhere() -> Self {
        let settings = Settings {
            endpoint: Endpoint {
                address: "127.0.0.1".to_owned(),
                port: 1,
            },
            credentials: Credentials::new("multitenancy", SecretString::from("unused")),
            trust: Trust::Fingerprints(vec![Fingerprint::of_der(b"nobody")]),
            proxy: None,
            requests_per_second: NonZeroU32::new(1000).unwrap(),
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                call: Duration::from_secs(10),
                list: Duration::from_secs(60),
            },
            permit: Permit::default(),
        };
        Self::new(settings, Arc::new(NobodyLooks)).unwrap()
    }
}
