//! The twelve methods of the Integration Server's API that the operator needs.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::answer::{Answer, said};
use super::error::Error;
use super::identifier::{BiosId, TaskId, TenantId};
use super::list;
use super::machine::{NewVirtualMachine, VirtualMachine};
use super::method::{Method, Observer};
use super::redaction::Redactor;
use super::request::Request;
use super::sent::Sent;
use super::settings::{ConfigurationError, Endpoint, Fingerprint, Settings};
use super::task::{Task, TaskFilter};
use super::task_identifier;
use super::tenant::{Artifacts, NewTenant, NewTenantKind, Tenant};
use super::transport::Transport;
use super::wholeness;
use super::xml::XmlError;

/// A client of one Integration Server. Cheap to clone: the clones share one
/// pool of connections and one pace.
///
/// # Guarantees
/// - Nothing is sent to a server whose certificate is not trusted.
/// - No request is sent twice, no redirect is followed, and each call ends in time.
/// - A list that is returned is whole.
/// - No error shows the password.
#[derive(Clone)]
pub struct Client(Arc<Parts>);

struct Parts {
    transport: Transport,
    redactor: Redactor,
    sent: Sent,
}

/// What came out of the wish to cancel a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// It is cancelled (200).
    Cancelled,
    /// It is being cancelled (202): its state becomes Stopping.
    Cancelling,
    /// It is a child task, cancelled only with its parent (405).
    Child,
    /// It was cancelled, failed or stopped before (409).
    AlreadyEnded,
}

impl Client {
    /// Makes a client. Nothing is sent.
    ///
    /// # Errors
    /// Settings that can never work. The sentence says what to change.
    pub fn new(
        settings: Settings,
        observer: Arc<dyn Observer>,
    ) -> Result<Client, ConfigurationError> {
        let credentials = &settings.credentials;
        let password = credentials.password.expose_secret();
        let redactor = Redactor::new()
            .hiding(password)
            .hiding(&format!("{}:{password}", credentials.user));
        let transport = Transport::new(&settings, observer)?;
        Ok(Self(Arc::new(Parts {
            transport,
            redactor,
            sent: Sent::default(),
        })))
    }

    /// Where the server listens.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.transport.endpoint()
    }

    /// The fingerprint of the certificate that the server presented last,
    /// trusted or not; `None` before the first connection.
    pub fn presented_fingerprint(&self) -> Option<Fingerprint> {
        self.0.transport.presented()
    }

    /// All tenants. The order means nothing.
    ///
    /// # Errors
    /// Also when one tenant cannot be read: a list that hides one is no evidence.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        self.read(Request::list_tenants(), list::tenants).await
    }

    /// One tenant.
    ///
    /// # Errors
    /// Not found with the server's own code only.
    pub async fn tenant(&self, id: &TenantId) -> Result<Tenant, Error> {
        let request = Request::on_tenant(Method::GetTenant, id, &[])?;
        self.read(request, |text| {
            let tenant = list::tenant(text)?;
            same(tenant.id == *id)?;
            Ok(tenant)
        })
        .await
    }

    /// Begins to make a tenant.
    ///
    /// # Errors
    /// Rejected, without being sent, when XML cannot hold one of the texts.
    pub async fn create_tenant(&self, tenant: &NewTenant) -> Result<TaskId, Error> {
        let request = Request::create_tenant(tenant)?;
        let redactor = self.0.redactor.clone();
        let password = match &tenant.kind {
            NewTenantKind::Simple => return self.start(request, &redactor).await,
            NewTenantKind::Complete { password, .. } => password,
        };
        let redactor = redactor.hiding_administrators(password.expose_secret());
        let task = self.start(request, &redactor).await?;
        self.0.sent.remember(&task, redactor);
        Ok(task)
    }

    /// Begins to activate a tenant.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn activate(&self, id: &TenantId) -> Result<TaskId, Error> {
        let request = Request::on_tenant(Method::ActivateTenant, id, &["activate"])?;
        self.start(request, &self.0.redactor).await
    }

    /// Begins to deactivate a tenant.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn deactivate(&self, id: &TenantId) -> Result<TaskId, Error> {
        let request = Request::on_tenant(Method::DeactivateTenant, id, &["deactivate"])?;
        self.start(request, &self.0.redactor).await
    }

    /// Begins to delete a tenant.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_tenant(
        &self,
        id: &TenantId,
        artifacts: Artifacts,
    ) -> Result<TaskId, Error> {
        let request = Request::delete_tenant(id, artifacts)?;
        self.start(request, &self.0.redactor).await
    }

    /// All virtual machines of a tenant. The order means nothing.
    ///
    /// # Errors
    /// Also when one machine cannot be read: a list that hides one is no evidence.
    pub async fn virtual_machines(&self, tenant: &TenantId) -> Result<Vec<VirtualMachine>, Error> {
        let request = Request::on_tenant(Method::ListVirtualMachines, tenant, &["vms"])?;
        self.read(request, list::virtual_machines).await
    }

    /// Registers a virtual machine.
    ///
    /// # Errors
    /// Rejected, without being sent, when XML cannot hold one of the texts.
    pub async fn register(
        &self,
        tenant: &TenantId,
        machine: &NewVirtualMachine,
    ) -> Result<(), Error> {
        self.read(Request::register(tenant, machine)?, |_| Ok(()))
            .await
    }

    /// Unregisters a virtual machine.
    ///
    /// # Errors
    /// Not found when the server knows no such machine, or no such tenant.
    pub async fn unregister(&self, tenant: &TenantId, machine: &BiosId) -> Result<(), Error> {
        self.read(Request::unregister(tenant, machine)?, wholeness::check_word)
            .await
    }

    /// The tasks that the server remembers and the filter lets through.
    ///
    /// # Errors
    /// Also when one task cannot be read.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>, Error> {
        self.read(Request::list_tasks(filter), |text| {
            list::tasks(text, &|id| self.redactor_of(id))
        })
        .await
    }

    /// One task.
    ///
    /// # Errors
    /// Not found means that the server does not remember it, nothing more.
    pub async fn task(&self, id: &TaskId) -> Result<Task, Error> {
        let request = Request::on_task(Method::GetTask, id, &[])?;
        self.read(request, |text| {
            let task = list::task(text, &|id| self.redactor_of(id))?;
            same(task.id == *id)?;
            Ok(task)
        })
        .await
    }

    /// Asks for a task to be cancelled.
    ///
    /// # Errors
    /// Not found means that the server does not remember it, nothing more.
    pub async fn cancel(&self, id: &TaskId) -> Result<Cancellation, Error> {
        let request = Request::on_task(Method::CancelTask, id, &["cancel"])?;
        let answer = self.0.transport.send(request).await?;
        answer.success(Method::CancelTask, &self.0.redactor)?;
        Ok(match answer.status {
            202 => Cancellation::Cancelling,
            405 => Cancellation::Child,
            409 => Cancellation::AlreadyEnded,
            _ => Cancellation::Cancelled,
        })
    }

    /// Who takes the secrets out of this task's texts.
    fn redactor_of(&self, task: &TaskId) -> Cow<'_, Redactor> {
        match self.0.sent.redactor(task) {
            Some(redactor) => Cow::Owned(redactor),
            None => Cow::Borrowed(&self.0.redactor),
        }
    }

    async fn read<T>(
        &self,
        request: Request,
        parse: impl Fn(&str) -> Result<T, XmlError>,
    ) -> Result<T, Error> {
        let method = request.method;
        let answer = self.0.transport.send(request).await?;
        let text = answer.success(method, &self.0.redactor)?;
        parse(text).map_err(|error| {
            // A list holds what belongs to others, and is long: it is not shown.
            let said = match method {
                Method::GetTenant | Method::GetTask => said(&self.0.redactor, text),
                _ => String::new(),
            };
            let why = format!("It cannot be read: {error}.{said}");
            answer.unexpected(method, &why).with_source(error)
        })
    }

    /// Sends what begins a task, and finds the task.
    async fn start(&self, request: Request, redactor: &Redactor) -> Result<TaskId, Error> {
        let method = request.method;
        let answer = self.0.transport.send(request).await?;
        let text = answer.success(method, redactor)?;
        task_of(&answer, text).ok_or_else(|| {
            let excerpt = redactor.excerpt(text);
            let why = format!("No task identifier is in it, only: \"{excerpt}\".");
            answer.unexpected(method, &why)
        })
    }
}

fn task_of(answer: &Answer, text: &str) -> Option<TaskId> {
    task_identifier::find(text, answer.location.as_deref())
}

fn same(same: bool) -> Result<(), XmlError> {
    if same {
        return Ok(());
    }
    Err(XmlError::Item(
        "it describes another object than was asked for",
    ))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", self.endpoint())
            .finish_non_exhaustive()
    }
}
