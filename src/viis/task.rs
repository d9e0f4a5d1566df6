//! A task: where it stands and what came out of it. Pure.

use std::borrow::Cow;
use std::fmt;

use super::code::{Code, codes};
use super::identifier::{TaskId, TenantId, is_identifier, looks_like_identifier};
use super::redaction::Redactor;
use super::tenant::{Tenant, word};
use super::time::ServerTime;
use super::xml::{self, Element, Limits};

/// Longest stage that is kept, in characters.
const LONGEST_STAGE: usize = 256;
/// Longest text of a result or an error that is kept, in characters.
const LONGEST_MESSAGE: usize = 512;

/// Who hides the secrets of which task.
#[doc(hidden)]
pub type RedactorOf<'a> = &'a dyn Fn(&TaskId) -> Cow<'a, Redactor>;

/// A task as the server describes it (API page: Tasks).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its identifier.
    pub id: TaskId,
    /// When it was made.
    pub created: Option<ServerTime>,
    /// When its state changed last.
    pub state_changed: Option<ServerTime>,
    /// When anything of it changed last.
    pub changed: Option<ServerTime>,
    /// Its state.
    pub state: TaskState,
    /// What it does.
    pub task_type: Option<TaskType>,
    /// What it is doing, in the server's words.
    pub stage: Option<String>,
    /// How far it is, in percent, 0 to 100.
    pub progress: Option<u8>,
    /// What came out, once it ended.
    pub outcome: Option<TaskOutcome>,
}

/// What came out of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Its result.
    Result(TaskResult),
    /// Its error.
    Error(TaskError),
}

/// A task's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult {
    /// Its text, redacted, at most 512 characters.
    pub text: String,
    /// The tenant that it describes, whatever the task's type; see
    /// [`Task::created_tenant`].
    pub created: Option<CreatedTenant>,
}

/// A task's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskError {
    /// The server's code, when there is one.
    pub code: Option<Code>,
    /// The server's text, redacted, at most 512 characters.
    pub message: String,
}

/// The tenant that a completed `CreateTenant` task made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatedTenant {
    /// The server described it.
    Tenant(Tenant),
    /// The server gave its identifier only.
    Id(TenantId),
}

impl CreatedTenant {
    /// Its identifier.
    pub fn id(&self) -> &TenantId {
        match self {
            CreatedTenant::Tenant(tenant) => &tenant.id,
            CreatedTenant::Id(id) => id,
        }
    }
}

/// A task's state. What is not known is not terminal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// `Created`
    Created,
    /// `Queued`
    Queued,
    /// `Starting`
    Starting,
    /// `Running`
    Running,
    /// `Stopping`
    Stopping,
    /// `Completed`: it has a result.
    Completed,
    /// `Failed`: it has an error.
    Failed,
    /// `Canceled`, also spelt `Cancelled` and `Stopped`.
    Canceled,
    /// Something else, cut to 64 characters; empty when the server says none.
    Other(String),
}

impl TaskState {
    /// Whether nothing will happen any more.
    pub fn is_terminal(&self) -> bool {
        match self {
            TaskState::Completed | TaskState::Failed | TaskState::Canceled => true,
            TaskState::Created
            | TaskState::Queued
            | TaskState::Starting
            | TaskState::Running
            | TaskState::Stopping
            | TaskState::Other(_) => false,
        }
    }

    /// Case says nothing.
    fn read(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "created" => TaskState::Created,
            "queued" => TaskState::Queued,
            "starting" => TaskState::Starting,
            "running" => TaskState::Running,
            "stopping" => TaskState::Stopping,
            "completed" => TaskState::Completed,
            "failed" => TaskState::Failed,
            "canceled" | "cancelled" | "stopped" => TaskState::Canceled,
            _ => TaskState::Other(word(text)),
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskState::Created => "Created",
            TaskState::Queued => "Queued",
            TaskState::Starting => "Starting",
            TaskState::Running => "Running",
            TaskState::Stopping => "Stopping",
            TaskState::Completed => "Completed",
            TaskState::Failed => "Failed",
            TaskState::Canceled => "Canceled",
            TaskState::Other(word) => word,
        })
    }
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TaskType {
    /// `CreateTenant`
    CreateTenant,
    /// `DeleteTenant`
    DeleteTenant,
    /// `ChangeTenantActivation`
    ChangeTenantActivation,
    /// `CreateTenantReport`
    CreateTenantReport,
    /// Something else, cut to 64 characters.
    Other(String),
}

impl TaskType {
    /// Case says nothing.
    fn read(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "createtenant" => TaskType::CreateTenant,
            "deletetenant" => TaskType::DeleteTenant,
            "changetenantactivation" => TaskType::ChangeTenantActivation,
            "createtenantreport" => TaskType::CreateTenantReport,
            _ => TaskType::Other(word(text)),
        }
    }

    /// Whether a task of this type is certainly none of that one. A word that no
    /// page names says as little as none at all: it may be another spelling.
    pub fn rules_out(&self, wanted: &TaskType) -> bool {
        match self {
            TaskType::CreateTenant
            | TaskType::DeleteTenant
            | TaskType::ChangeTenantActivation
            | TaskType::CreateTenantReport => self != wanted,
            TaskType::Other(_) => false,
        }
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskType::CreateTenant => "CreateTenant",
            TaskType::DeleteTenant => "DeleteTenant",
            TaskType::ChangeTenantActivation => "ChangeTenantActivation",
            TaskType::CreateTenantReport => "CreateTenantReport",
            TaskType::Other(word) => word,
        })
    }
}

/// Which tasks to list. The default lists all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Made at this time of the server or later.
    pub created_from: Option<ServerTime>,
    /// In this state.
    pub state: Option<TaskState>,
    /// Of this type.
    pub task_type: Option<TaskType>,
}

impl Task {
    /// The tenant that this task made: only of a completed task that creates
    /// tenants, and `None` in doubt.
    pub fn created_tenant(&self) -> Option<CreatedTenant> {
        let creates = matches!(self.task_type, None | Some(TaskType::CreateTenant));
        if self.state != TaskState::Completed || !creates {
            return None;
        }
        match &self.outcome {
            Some(TaskOutcome::Result(result)) => result.created.clone(),
            Some(TaskOutcome::Error(_)) | None => None,
        }
    }

    /// What went wrong, when the server says it.
    pub fn error(&self) -> Option<&TaskError> {
        match &self.outcome {
            Some(TaskOutcome::Error(error)) => Some(error),
            Some(TaskOutcome::Result(_)) | None => None,
        }
    }

    /// Reads a `task` element. Who hides its secrets depends on which task it is.
    ///
    /// # Errors
    /// The task has no identifier.
    #[doc(hidden)]
    pub fn read(element: &Element, redactor_of: RedactorOf<'_>) -> Result<Self, &'static str> {
        let id = element.attribute("id").unwrap_or_default().trim();
        if !is_identifier(id) {
            return Err("a task has no identifier");
        }
        let id = TaskId::new(id);
        let redactor = &*redactor_of(&id);
        let state = TaskState::read(element.text_of("state").unwrap_or_default());
        let filled = |name| {
            let child: Option<&Element> = element.child(name);
            child.filter(|child| !is_empty(child))
        };
        let error =
            filled("error").map(|child| TaskOutcome::Error(TaskError::read(child, redactor)));
        let result =
            filled("result").map(|child| TaskOutcome::Result(TaskResult::read(child, redactor)));
        // Only one of them is documented; should both stand there, the state decides.
        let outcome = match state {
            TaskState::Completed => result.or(error),
            TaskState::Created
            | TaskState::Queued
            | TaskState::Starting
            | TaskState::Running
            | TaskState::Stopping
            | TaskState::Failed
            | TaskState::Canceled
            | TaskState::Other(_) => error.or(result),
        };
        Ok(Self {
            id,
            created: element.time("created"),
            state_changed: element.time("stateChanged"),
            changed: element.time("changed"),
            state,
            task_type: element.text_of("type").map(TaskType::read),
            stage: element
                .text_of("stage")
                .map(|stage| redactor.bounded(stage, LONGEST_STAGE))
                .filter(|stage| !stage.is_empty()),
            progress: element.text_of("progress").and_then(percent),
            outcome,
        })
    }
}

fn is_empty(element: &Element) -> bool {
    element.children().is_empty()
        && element.text().trim().is_empty()
        && element.attribute("code").is_none()
        && element.attribute("message").is_none()
}

/// `45`, `45%` or `45.5` as a percentage.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to 0..=100 first"
)]
fn percent(text: &str) -> Option<u8> {
    let number: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
    (!number.is_nan()).then(|| number.clamp(0.0, 100.0) as u8)
}

impl TaskError {
    /// A refused password may stand in the text in a form that nothing marks: it is
    /// shown only by who knows the password, and hides it.
    fn read(element: &Element, redactor: &Redactor) -> Self {
        let mut everything = String::new();
        for part in element.walk() {
            for word in part.attributes().chain([part.text()]) {
                everything.push_str(word);
                everything.push(' ');
            }
        }
        let code = redactor.code(&everything);
        let refused = code
            .as_ref()
            .is_some_and(|code| code.is(codes::PASSWORD_NOT_COMPLY_POLICY));
        let message = if refused && !redactor.knows_administrators() {
            String::new()
        } else {
            redactor.element(element, LONGEST_MESSAGE)
        };
        Self { code, message }
    }
}

impl TaskResult {
    fn read(element: &Element, redactor: &Redactor) -> Self {
        Self {
            text: redactor.element(element, LONGEST_MESSAGE),
            created: created_in(element),
        }
    }
}

/// The tenant in a result: a nested element, XML as text, or an identifier.
fn created_in(result: &Element) -> Option<CreatedTenant> {
    if let Some(found) = described_in(result) {
        return found;
    }
    let text = result.text().trim();
    if !result.children().is_empty() {
        return None;
    }
    if text.trim_start_matches('\u{FEFF}').starts_with('<') {
        let inner = xml::read(text, Limits::ONE).ok()?;
        return described_in(&inner).unwrap_or_else(|| identifier_in(inner.text().trim()));
    }
    identifier_in(text)
}

fn identifier_in(text: &str) -> Option<CreatedTenant> {
    let text = text.trim_matches(['"', '\'']);
    looks_like_identifier(text).then(|| CreatedTenant::Id(TenantId::new(text)))
}

/// `Some(None)`: something is described, but it is not clear what.
fn described_in(element: &Element) -> Option<Option<CreatedTenant>> {
    let mut tenants = element.walk().filter(|part| part.name() == "tenant");
    if let Some(tenant) = tenants.next() {
        if tenants.next().is_some() {
            return Some(None);
        }
        return Some(match Tenant::read(tenant) {
            Ok(tenant) => Some(CreatedTenant::Tenant(tenant)),
            Err(_) => tenant
                .attribute("id")
                .map(str::trim)
                .filter(|id| is_identifier(id))
                .map(|id| CreatedTenant::Id(TenantId::new(id))),
        });
    }
    let mut identifiers = element
        .walk()
        .filter(|part| matches!(part.name(), "tenantId" | "id"));
    let identifier = identifiers.next()?;
    if identifiers.next().is_some() {
        return Some(None);
    }
    Some(identifier_in(identifier.text().trim()))
}

#[cfg(test)]
mod tests;
