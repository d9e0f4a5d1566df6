//! What an answer means: a success, or which error. Pure.

use std::time::Duration;

use super::code::{Code, codes};
use super::error::{Class, Effect, Error, LATER, Problem};
use super::method::Method;
use super::redaction::Redactor;
use super::xml::{self, Limits};

/// Longest wait that a server can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// A complete HTTP answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The text of a successful answer to this method.
    ///
    /// # Errors
    /// Every answer that is no success of this method, by the table in the
    /// design's "Errors": HTML and what cannot be read is transient, whatever
    /// its status; only the server's own code proves that an object is absent.
    pub fn success(&self, method: Method, redactor: &Redactor) -> Result<&str, Error> {
        let text = std::str::from_utf8(&self.body);
        if self.status == 401 {
            return Err(self.credentials(method));
        }
        if self.is_html(method) {
            let text = String::from_utf8_lossy(&self.body);
            return Err(self.html(method, &text, redactor));
        }
        if matches!(self.status, 408 | 429 | 500..) {
            let text = String::from_utf8_lossy(&self.body);
            return Err(self.server_error(method, &text, redactor));
        }
        let Ok(text) = text else {
            return Err(self.unexpected(method, "The answer is not UTF-8."));
        };
        match self.status {
            status if is_success(method, status) => Ok(text),
            404 if is_absence(method, text) => Err(self.not_found(method, text, redactor)),
            400..=499 => Err(self.rejected(method, text, redactor)),
            300..=399 => Err(self.unexpected(
                method,
                "The answer is a redirect, which is not followed. \
                 Address and port must be the Integration Server's own.",
            )),
            _ => Err(self.unexpected(method, "This status is not an answer to this call.")),
        }
    }

    /// An error for an answer that is no use, whatever its status.
    pub fn unexpected(&self, method: Method, why: &str) -> Error {
        let status = self.status;
        self.finish(
            Error::transient(
                method,
                Problem::UnexpectedAnswer,
                format!(
                    "The Integration Server's answer to {method} (status {status}) cannot be \
                     used. {why}{LATER}"
                ),
            ),
            Effect::Unknown,
        )
    }

    fn finish(&self, error: Error, effect: Effect) -> Error {
        error.with_status(self.status).with_effect(effect)
    }

    fn credentials(&self, method: Method) -> Error {
        self.finish(
            Error::new(
                method,
                Class::Credentials,
                Problem::Credentials,
                format!(
                    "The Integration Server refused the account ({method} was answered with 401). \
                     Check user name and password."
                ),
            ),
            Effect::None,
        )
    }

    fn html(&self, method: Method, text: &str, redactor: &Redactor) -> Error {
        let status = self.status;
        let said = said(redactor, text);
        let class = Class::Transient {
            retry_after: self.retry_after(),
        };
        self.finish(
            Error::new(
                method,
                class,
                Problem::UnexpectedAnswer,
                format!(
                    "The answer to {method} (status {status}) is an HTML page, not one of the \
                     Integration Server's API. A proxy, or another program, seems to answer at \
                     this address and port.{said}"
                ),
            ),
            Effect::Unknown,
        )
    }

    fn server_error(&self, method: Method, text: &str, redactor: &Redactor) -> Error {
        let status = self.status;
        let class = Class::Transient {
            retry_after: self.retry_after(),
        };
        let (what, effect) = match status {
            429 => ("asks for fewer calls", Effect::None),
            408 => ("did not get the whole request in time", Effect::None),
            _ => ("has an error of its own", Effect::Unknown),
        };
        let said = said(redactor, text);
        self.finish(
            Error::new(
                method,
                class,
                Problem::ServerError,
                format!(
                    "The Integration Server {what} ({method} was answered with {status}).{LATER}{said}"
                ),
            ),
            effect,
        )
        .with_code(redactor.code(text))
    }

    fn not_found(&self, method: Method, text: &str, redactor: &Redactor) -> Error {
        let code = redactor.code(text);
        let what = match &code {
            Some(code) => format!("404, {code}"),
            None => "404".to_owned(),
        };
        let object = match method {
            Method::GetTask | Method::CancelTask => "does not remember this task",
            Method::UnregisterVirtualMachine => "does not know this tenant or virtual machine",
            Method::ListTenants
            | Method::GetTenant
            | Method::CreateTenant
            | Method::ActivateTenant
            | Method::DeactivateTenant
            | Method::DeleteTenant
            | Method::ListVirtualMachines
            | Method::RegisterVirtualMachine
            | Method::ListTasks => "does not know this tenant",
        };
        self.finish(
            Error::new(
                method,
                Class::NotFound,
                Problem::NotFound,
                format!("The Integration Server {object} ({method} was answered with {what})."),
            ),
            Effect::None,
        )
        .with_code(code)
    }

    fn rejected(&self, method: Method, text: &str, redactor: &Redactor) -> Error {
        let status = self.status;
        let code = redactor.code(text);
        let named = match &code {
            Some(code) => format!("{status}, {code}"),
            None => status.to_string(),
        };
        let (problem, advice) = match (status, code.as_ref().and_then(Code::advice)) {
            (403, None) => (Problem::Forbidden, "Check the account's permissions."),
            (403, Some(advice)) => (Problem::Forbidden, advice),
            (_, Some(advice)) => (Problem::Rejected, advice),
            (_, None) => (
                Problem::Rejected,
                "Look at the server's text and its log, and change what it names.",
            ),
        };
        let said = said(redactor, text);
        self.finish(
            Error::new(
                method,
                Class::Rejected,
                problem,
                format!("The Integration Server rejected {method} ({named}). {advice}{said}"),
            ),
            Effect::None,
        )
        .with_code(code)
    }

    /// Seconds only; a date would need a clock that agrees with the server's.
    fn retry_after(&self) -> Option<Duration> {
        if !matches!(self.status, 429 | 503) {
            return None;
        }
        let text = self.retry_after.as_deref()?.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More digits than a number can hold are a long wait too.
        let seconds = text.parse().unwrap_or(u64::MAX);
        Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
    }

    /// Whether a body whose end nothing announced shows by itself that it is whole:
    /// one XML document or JSON object. A success may also have none.
    pub fn is_self_contained(&self) -> bool {
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return false;
        };
        let text = text.trim_start_matches('\u{FEFF}').trim();
        match text.bytes().next() {
            None => (200..300).contains(&self.status),
            Some(b'<') => root_of(text).is_some(),
            Some(b'{') => serde_json::from_str::<serde_json::Value>(text).is_ok(),
            Some(_) => false,
        }
    }

    /// Whether the answer is a page, a proxy's say. What only calls itself one, as
    /// many a framework does by default, is judged by its body where that cannot
    /// be mistaken: never a 404, which is evidence of absence.
    fn is_html(&self, method: Method) -> bool {
        if starts_like_html(&self.body) {
            return true;
        }
        let declared = self.content_type.as_deref().is_some_and(|content_type| {
            let content_type = content_type.trim_start().to_ascii_lowercase();
            content_type.starts_with("text/html") || content_type.starts_with("application/xhtml")
        });
        if !declared {
            return false;
        }
        let text = String::from_utf8_lossy(&self.body);
        let root = root_of(&text);
        match (self.status, root.as_deref()) {
            (200..=299, Some(root)) if is_success(method, self.status) => is_html_name(root),
            (200..=299, None) if is_success(method, self.status) => {
                !(text.trim().is_empty() || is_told_by_body(method))
            }
            (404, _) => true,
            (400..=499, Some(root)) => is_html_name(root) || Code::find(&text).is_none(),
            (_, _) => true,
        }
    }
}

/// The root element's name, of one whole XML document.
fn root_of(text: &str) -> Option<String> {
    // No element has this name: nothing is kept.
    let surroundings = xml::read_items(text, "", Limits::LIST, &mut |_| Ok(()));
    surroundings.ok().map(|surroundings| surroundings.root)
}

/// Whether the body of a success has to say something, so that a page in its place
/// shows when it is read.
fn is_told_by_body(method: Method) -> bool {
    match method {
        Method::ListTenants
        | Method::GetTenant
        | Method::CreateTenant
        | Method::ActivateTenant
        | Method::DeactivateTenant
        | Method::DeleteTenant
        | Method::ListVirtualMachines
        | Method::GetTask
        | Method::ListTasks => true,
        Method::RegisterVirtualMachine | Method::UnregisterVirtualMachine | Method::CancelTask => {
            false
        }
    }
}

/// Elements that a piece of a page begins with.
fn is_html_name(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "html", "head", "body", "title", "meta", "h1", "h2", "h3", "p", "div", "center", "form",
        "script", "style", "span", "table", "a", "br", "b", "pre",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a body begins with `<html` or a document type of HTML, after a BOM,
/// blanks, an XML declaration and comments.
fn starts_like_html(body: &[u8]) -> bool {
    let mut rest = body
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(body)
        .trim_ascii_start();
    loop {
        let end: &[u8] = if rest.starts_with(b"<?") {
            b"?>"
        } else if rest.starts_with(b"<!--") {
            b"-->"
        } else {
            break;
        };
        let Some(at) = rest.windows(end.len()).position(|window| window == end) else {
            return false;
        };
        rest = rest
            .get(at + end.len()..)
            .unwrap_or_default()
            .trim_ascii_start();
    }
    let begins = |word: &[u8]| {
        rest.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    begins(b"<!doctype html") || begins(b"<html")
}

/// An excerpt of what the server said, as a sentence: bounded, and without secrets.
pub(super) fn said(redactor: &Redactor, text: &str) -> String {
    let excerpt = redactor.excerpt(text);
    if excerpt.is_empty() {
        String::new()
    } else {
        format!(" The server's text: {excerpt}")
    }
}

/// The statuses that mean success. A list is a 200 and nothing else: a 206
/// would be a part of it.
fn is_success(method: Method, status: u16) -> bool {
    match method {
        Method::ListTenants
        | Method::GetTenant
        | Method::ListVirtualMachines
        | Method::GetTask
        | Method::ListTasks => status == 200,
        Method::CreateTenant
        | Method::ActivateTenant
        | Method::DeactivateTenant
        | Method::DeleteTenant => matches!(status, 200..=202),
        Method::RegisterVirtualMachine | Method::UnregisterVirtualMachine => {
            matches!(status, 200 | 201 | 204)
        }
        // 405 and 409 are documented outcomes of a cancellation.
        Method::CancelTask => matches!(status, 200 | 202 | 405 | 409),
    }
}

/// Whether a 404 proves that the object is absent: it has this object's code
/// and no other that the API page names. A task's 404 has no code.
fn is_absence(method: Method, text: &str) -> bool {
    let expected: &[&str] = match method {
        Method::GetTask | Method::CancelTask => return true,
        Method::GetTenant
        | Method::ActivateTenant
        | Method::DeactivateTenant
        | Method::DeleteTenant
        | Method::ListVirtualMachines
        | Method::RegisterVirtualMachine => &[codes::TENANT_NOT_FOUND],
        Method::UnregisterVirtualMachine => {
            &[codes::TENANT_NOT_FOUND, codes::VIRTUAL_MACHINE_NOT_FOUND]
        }
        Method::ListTenants | Method::CreateTenant | Method::ListTasks => &[],
    };
    let mut documented = Code::all_in(text).filter(Code::is_documented).peekable();
    documented.peek().is_some() && documented.all(|code| expected.contains(&code.as_str()))
}

#[cfg(test)]
mod tests;
