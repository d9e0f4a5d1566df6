//! The task identifier in a `202 Accepted`, whose body is not documented.
//!
//! Accepted are (API page: What is not documented): `<task id="…">`, an element
//! whose text is the identifier, a bare or quoted identifier, JSON with `id` or
//! `taskId`, the `Location` header. What is called a task's identifier goes before
//! the header, and the header before what only looks like an identifier. Two
//! different candidates of one kind are none. Pure.

use std::borrow::Cow;

use serde_json::Value;
use uuid::Uuid;

use super::identifier::{TaskId, is_identifier, looks_like_identifier};
use super::xml::{self, Element, Limits};

/// Elements that are about something else than the task.
const OTHERS: [&str; 10] = [
    "tenant",
    "vm",
    "machine",
    "request",
    "correlation",
    "trace",
    "session",
    "user",
    "error",
    "exception",
];
/// Elements whose number says how it went, not which task it is.
const VERDICTS: [&str; 12] = [
    "status", "code", "result", "state", "success", "message", "count", "progress", "percent",
    "version", "time", "date",
];
/// Words that are no identifier, also with a number behind them.
const WORDS: [&str; 8] = [
    "ok", "accepted", "done", "success", "status", "http", "created", "queued",
];

/// Candidates of one kind: `None` when there are none, `Some(None)` when they
/// contradict each other.
type Candidate = Option<Option<String>>;

/// Finds the identifier in a body and in the `Location` header.
pub fn find(body: &str, location: Option<&str>) -> Option<TaskId> {
    let body = body.trim_start_matches('\u{FEFF}').trim();
    let (named, likely) = if body.starts_with('<') {
        match xml::read(body, Limits::ONE) {
            Ok(root) => (named_in(&root), likely_in(&root)),
            Err(_) => (None, None),
        }
    } else if body.starts_with('{') && !looks_like_identifier(body) {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => (named_in_json(&value), key_in(&value, &["id"]).map(Some)),
            Err(_) => (None, None),
        }
    } else {
        (None, bare(body).map(Some))
    };
    let contradicted = matches!(named, Some(None));
    named
        .flatten()
        .or_else(|| location.and_then(in_location))
        .or_else(|| likely.flatten().filter(|_| !contradicted))
        .map(TaskId::new)
}

/// `17`, `"17"`, `{4230D3EF-…}`
fn bare(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']);
    let word = text.trim_end_matches(|letter: char| !letter.is_ascii_alphabetic());
    let verdict = WORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
    (looks_like_identifier(text) && !verdict).then(|| text.to_owned())
}

/// What is called a task's identifier.
fn named_in(root: &Element) -> Candidate {
    let is_task = |element: &Element| element.name().eq_ignore_ascii_case("task");
    let attribute = |element: &Element, names: &[&str]| {
        let found = names.iter().find_map(|name| element.attribute(name))?;
        let id = found.trim();
        is_identifier(id).then(|| id.to_owned())
    };
    let tasks = root.walk().filter(|element| is_task(element));
    // The most telling form that is there at all decides, also when it fails.
    only(tasks.filter_map(|task| attribute(task, &["id", "taskId"])))
        .or_else(|| {
            only(
                root.walk()
                    .filter_map(|element| attribute(element, &["taskId"])),
            )
        })
        .or_else(|| {
            let named = root.walk().flat_map(|element| {
                let inner = element
                    .children()
                    .iter()
                    .filter(|child| is_task(element) && is_id(child));
                let own = is_task(element) || element.name().eq_ignore_ascii_case("taskId");
                inner.chain(own.then_some(element))
            });
            only(named.filter_map(|element| bare(element.text())))
        })
}

fn is_id(element: &Element) -> bool {
    ["id", "identifier"]
        .iter()
        .any(|name| element.name().eq_ignore_ascii_case(name))
}

/// What looks like an identifier, and is not marked as something else's.
fn likely_in(root: &Element) -> Candidate {
    let parts = parts_about_it(root);
    let ids = parts.iter().filter(|element| is_id(element));
    only(ids.filter_map(|element| bare(element.text())))
        .or_else(|| {
            let wraps = ["response", "envelope", "message"]
                .iter()
                .any(|name| root.name().eq_ignore_ascii_case(name));
            let id = root.attribute("id").unwrap_or_default().trim();
            let own = !wraps && !parts.is_empty() && is_identifier(id);
            own.then(|| Some(id.to_owned()))
        })
        .or_else(|| {
            let texts = parts.iter().filter_map(|element| bare(element.text()));
            only(texts.filter(|text| Uuid::parse_str(text).is_ok()))
        })
        .or_else(|| {
            let mut said = parts
                .iter()
                .filter(|element| !element.text().trim().is_empty());
            match (said.next(), said.next()) {
                (Some(element), None) if !contains(element.name(), &VERDICTS) => {
                    bare(element.text()).map(Some)
                }
                (_, _) => None,
            }
        })
}

/// The elements that may be about the task.
fn parts_about_it(root: &Element) -> Vec<&Element> {
    let mut parts = Vec::new();
    let mut waiting = vec![root];
    while let Some(element) = waiting.pop() {
        if !contains(element.name(), &OTHERS) {
            parts.push(element);
            waiting.extend(element.children());
        }
    }
    parts
}

fn contains(name: &str, words: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    words.iter().any(|word| name.contains(word))
}

fn only(mut candidates: impl Iterator<Item = String>) -> Candidate {
    let first = candidates.next()?;
    let same = candidates.all(|other| TaskId::new(other) == TaskId::new(first.as_str()));
    Some(same.then_some(first))
}

fn named_in_json(value: &Value) -> Candidate {
    let own = key_in(value, &["taskId", "task_id"]);
    let task = || {
        let task = value.get("task").or_else(|| value.get("Task"))?;
        identifier_of(task).or_else(|| key_in(task, &["taskId", "task_id", "id"]))
    };
    own.or_else(task).map(Some)
}

/// The identifier under one of these keys.
fn key_in(value: &Value, names: &[&str]) -> Option<String> {
    let object = value.as_object()?;
    names
        .iter()
        .find_map(|name| {
            let same = |key: &&String| key.eq_ignore_ascii_case(name);
            object.keys().find(same).and_then(|key| object.get(key))
        })
        .and_then(identifier_of)
}

fn identifier_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            is_identifier(text).then(|| text.to_owned())
        }
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The segment after `tasks/`.
fn in_location(location: &str) -> Option<String> {
    const TASKS: &str = "tasks/";
    let path = location.split(['?', '#']).next()?;
    // Lower case keeps every byte in its place.
    let lower = path.to_ascii_lowercase();
    let at = match lower.rfind(&format!("/{TASKS}")) {
        Some(at) => at + 1,
        None => lower.starts_with(TASKS).then_some(0)?,
    };
    let after = path.get(at + TASKS.len()..)?;
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
