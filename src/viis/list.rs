//! Lists of tenants, machines and tasks, and answers about one of them.
//!
//! A list is evidence of absence only when it is whole: one item that cannot
//! be read, or a document that may be something else, makes it an error. Pure.

use super::machine::VirtualMachine;
use super::task::{RedactorOf, Task};
use super::tenant::Tenant;
use super::wholeness;
use super::xml::{Element, Limits, XmlError, read, read_items};

/// All tenants of a list.
///
/// # Errors
/// The list is not whole. The sentence quotes nothing of it.
pub fn tenants(text: &str) -> Result<Vec<Tenant>, XmlError> {
    items(text, "tenant", &Tenant::read)
}

/// All virtual machines of a list.
///
/// # Errors
/// As in [`tenants`].
pub fn virtual_machines(text: &str) -> Result<Vec<VirtualMachine>, XmlError> {
    items(text, "vm", &VirtualMachine::read)
}

/// All tasks of a list.
///
/// # Errors
/// As in [`tenants`].
pub fn tasks(text: &str, redactor_of: RedactorOf<'_>) -> Result<Vec<Task>, XmlError> {
    items(text, "task", &|element| Task::read(element, redactor_of))
}

/// The one tenant of an answer.
///
/// # Errors
/// There is none, more than one, or it cannot be read.
pub fn tenant(text: &str) -> Result<Tenant, XmlError> {
    one(text, "tenant", Tenant::read)
}

/// The one task of an answer.
///
/// # Errors
/// As in [`tenant`].
pub fn task(text: &str, redactor_of: RedactorOf<'_>) -> Result<Task, XmlError> {
    one(text, "task", |element| Task::read(element, redactor_of))
}

fn items<T>(
    text: &str,
    name: &'static str,
    read: &dyn Fn(&Element) -> Result<T, &'static str>,
) -> Result<Vec<T>, XmlError> {
    let mut found = Vec::new();
    let around = read_items(text, name, Limits::LIST, &mut |element| {
        found.push(read(&element)?);
        Ok(())
    })?;
    if found.is_empty() {
        wholeness::check_empty(text, name)?;
    } else {
        wholeness::check_items(&around)?;
    }
    Ok(found)
}

fn one<T>(
    text: &str,
    name: &'static str,
    read_item: impl Fn(&Element) -> Result<T, &'static str>,
) -> Result<T, XmlError> {
    let root = read(text, Limits::ONE)?;
    let mut found = outermost(&root, name).into_iter();
    match (found.next(), found.next()) {
        (Some(element), None) => read_item(element).map_err(XmlError::Item),
        (None, _) => Err(XmlError::Item(
            "the answer does not describe what was asked for",
        )),
        (Some(_), Some(_)) => Err(XmlError::Item(
            "the answer describes more than was asked for",
        )),
    }
}

/// The elements with this name that are not within another one of that name.
fn outermost<'a>(root: &'a Element, name: &str) -> Vec<&'a Element> {
    let mut found = Vec::new();
    let mut waiting = vec![root];
    while let Some(element) = waiting.pop() {
        if element.name() == name {
            found.push(element);
        } else {
            waiting.extend(element.children());
        }
    }
    found
}

#[cfg(test)]
mod tests;
