//! What the targets share: a bound for memory, and what is checked of everything
//! that comes out of the client's readers.
//!
//! Every target reads text, so its seeds can be read by people too. Time is bounded
//! by libFuzzer (`-timeout`).

use std::alloc::System;
use std::borrow::Cow;

use cap::Cap;
use viis_operator::viis::redaction::Redactor;
use viis_operator::viis::{CreatedTenant, Task, TaskOutcome, TaskState, TaskType, Tenant};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that every input may take.
const BASE: usize = 256 << 10;
/// Bytes that may be taken for each byte of the input.
const PER_BYTE: usize = 128;

/// Our own password in the inputs.
pub const PASSWORD: &str = "Xy7-Battery!";
/// The same in base64.
pub const PASSWORD_BASE64: &str = "WHk3LUJhdHRlcnkh";

/// Does the work. What takes more memory than the input's length allows ends the
/// process.
///
/// # Panics
/// The limit cannot be set.
pub fn bounded<T>(input: usize, work: impl FnOnce() -> T) -> T {
    let limit = ALLOCATOR.allocated() + BASE + PER_BYTE * input;
    ALLOCATOR
        .set_limit(limit)
        .expect("a limit above what is allocated");
    let result = work();
    ALLOCATOR.set_limit(usize::MAX).expect("no limit");
    result
}

/// The input as text: only what is UTF-8 gets as far as the readers.
pub fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Hides [`PASSWORD`].
pub fn redactor() -> Redactor {
    Redactor::new().hiding_administrators(PASSWORD)
}

/// The same for every task.
pub fn for_every_task(redactor: &Redactor) -> Cow<'_, Redactor> {
    Cow::Borrowed(redactor)
}

/// Checks a text that people will see.
///
/// # Panics
/// It is longer than that many characters, has control characters, or shows the password.
pub fn check_shown(shown: &str, longest: usize) {
    assert!(shown.chars().count() <= longest, "too long: {shown:?}");
    assert!(
        !shown.contains(char::is_control),
        "control characters: {shown:?}"
    );
    assert!(!shown.contains(PASSWORD), "the password: {shown:?}");
    assert!(
        !shown.contains(PASSWORD_BASE64),
        "the password in base64: {shown:?}"
    );
}

fn check_identifier(id: &str) {
    assert!(!id.is_empty() && id.len() <= 128, "identifier: {id:?}");
    assert!(!matches!(id, "." | ".."), "identifier: {id:?}");
    assert!(!id.contains(char::is_control), "identifier: {id:?}");
}

/// Checks a tenant that was read.
///
/// # Panics
/// It says something that could not be used.
pub fn check_tenant(tenant: &Tenant) {
    check_identifier(tenant.id.as_str());
    assert!(!tenant.name.is_empty());
    assert_ne!(tenant.description.as_deref(), Some(""));
    assert_ne!(tenant.user_data.as_deref(), Some(""));
    assert!(tenant.status.to_string().chars().count() <= 64);
}

/// Checks a task that was read with [`redactor`].
///
/// # Panics
/// It says something that could not be used, or shown.
pub fn check_task(task: &Task) {
    check_identifier(task.id.as_str());
    assert!(task.progress.is_none_or(|percent| percent <= 100));
    if let Some(stage) = &task.stage {
        check_shown(stage, 256);
    }
    if let TaskState::Other(word) = &task.state {
        assert!(word.chars().count() <= 64 && !task.state.is_terminal());
    }
    if let Some(TaskType::Other(word)) = &task.task_type {
        assert!(word.chars().count() <= 64);
    }
    match &task.outcome {
        Some(TaskOutcome::Error(error)) => check_shown(&error.message, 512),
        Some(TaskOutcome::Result(result)) => {
            check_shown(&result.text, 512);
            match &result.created {
                Some(CreatedTenant::Tenant(tenant)) => check_tenant(tenant),
                Some(CreatedTenant::Id(id)) => check_identifier(id.as_str()),
                None => {}
            }
        }
        None => {}
    }
}

/// Checks the identifier of a task.
///
/// # Panics
/// It could not be used in a path.
pub fn check_task_id(id: &viis_operator::viis::TaskId) {
    check_identifier(id.as_str());
}
