//! The task identifier in a `202 Accepted`, whose body is not documented.
//!
//! Accepted are (API page: What is not documented): `<task id="…">`, an element
//! whose text is the identifier, a bare or quoted identifier, JSON with `id` or
//! `taskId`, the `Location` header. Two different candidates are none. Pure.

use std::borrow::Cow;

use super::identifier::{TaskId, is_identifier, looks_like_identifier};
use super::xml::{self, Element, Limits};

/// Finds the identifier in a body, else in the `Location` header.
pub fn find(body: &str, location: Option<&str>) -> Option<TaskId> {
    let body = body.trim_start_matches('\u{FEFF}').trim();
    let found = if body.starts_with('<') {
        xml::read(body, Limits::ONE)
            .ok()
            .and_then(|root| in_xml(&root))
    } else if body.starts_with('{') && !looks_like_identifier(body) {
        in_json(body)
    } else {
        bare(body)
    };
    found
        .or_else(|| location.and_then(in_location))
        .map(TaskId::new)
}

/// `17`, `"17"`, `{4230D3EF-…}`
fn bare(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']);
    looks_like_identifier(text).then(|| text.to_owned())
}

fn in_xml(root: &Element) -> Option<String> {
    let attribute = |element: &Element| {
        let id = element
            .attribute("id")
            .or(element.attribute("taskId"))?
            .trim();
        is_identifier(id).then(|| id.to_owned())
    };
    // The most telling form that is there at all decides, also when it fails.
    let tasks = root
        .walk()
        .filter(|element| element.name().eq_ignore_ascii_case("task"));
    if let Some(found) = only(tasks.filter_map(attribute)) {
        return found;
    }
    let named = root.walk().filter(|element| {
        ["taskId", "id", "task", "identifier"]
            .iter()
            .any(|name| element.name().eq_ignore_ascii_case(name))
    });
    if let Some(found) = only(named.filter_map(|element| bare(element.text()))) {
        return found;
    }
    if !matches!(root.name(), "tenant" | "vm" | "error" | "exception")
        && let Some(found) = attribute(root)
    {
        return Some(found);
    }
    root.children()
        .is_empty()
        .then(|| bare(root.text()))
        .flatten()
}

/// `None`: there is no candidate. `Some(None)`: they contradict each other.
fn only(mut candidates: impl Iterator<Item = String>) -> Option<Option<String>> {
    let first = candidates.next()?;
    let same = candidates.all(|other| TaskId::new(other) == TaskId::new(first.as_str()));
    Some(same.then_some(first))
}

fn in_json(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let inner = value.get("task").or(value.get("Task"));
    [Some(&value), inner]
        .into_iter()
        .flatten()
        .find_map(|object| {
            ["taskId", "TaskId", "id", "Id", "ID"]
                .iter()
                .find_map(|key| object.get(key))
        })
        .and_then(|id| match id {
            serde_json::Value::String(text) => {
                let text = text.trim();
                is_identifier(text).then(|| text.to_owned())
            }
            serde_json::Value::Number(number) => number.as_u64().map(|number| number.to_string()),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        })
}

/// The segment after `/tasks/`.
fn in_location(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next()?;
    let (_, after) = path.rsplit_once("/tasks/")?;
    let segment = after.strip_suffix('/').unwrap_or(after);
    if segment.contains('/') {
        return None;
    }
    let id = percent_decode(segment)?;
    is_identifier(&id).then(|| id.into_owned())
}

fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests;
