//! What can go wrong with a call, classified once, where it happens. No I/O.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::code::Code;
use super::method::Method;

/// Longest message, in bytes.
const LONGEST_MESSAGE: usize = 1000;

/// What the operator does about an error that passes.
pub(super) const LATER: &str = " It is asked again later.";

/// A call that did not succeed. Its text is one sentence or two, without
/// secrets, at most 1 kB, and says what to do.
#[derive(Clone)]
pub struct Error(Box<Parts>);

#[derive(Clone)]
struct Parts {
    method: Method,
    class: Class,
    code: Option<Code>,
    status: Option<u16>,
    effect: Effect,
    problem: Problem,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What the caller may do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again later.
    Transient {
        /// The server's own wish, at most five minutes.
        retry_after: Option<Duration>,
    },
    /// The account is refused (401): ask for other credentials.
    Credentials,
    /// The server understood and said no: something must be changed first.
    Rejected,
    /// The object is not there: for a tenant or a machine with the server's
    /// own code, for a task any 404 of the API.
    NotFound,
}

/// What is known of the request's effect on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Certainly nothing was done.
    None,
    /// The request may have been carried out, or may yet be.
    Unknown,
}

/// What the trouble is: a closed set, for condition reasons and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// No connection, or it broke.
    Connect,
    /// The server's certificate is not trusted.
    Certificate,
    /// No answer in time.
    Timeout,
    /// 401.
    Credentials,
    /// 403.
    Forbidden,
    /// HTML, unreadable, cut, a redirect, too long, or without a task identifier.
    UnexpectedAnswer,
    /// 5xx, 408 and 429.
    ServerError,
    /// The server said no.
    Rejected,
    /// The object is not there.
    NotFound,
    /// It was not sent, because nothing may be changed now.
    Withheld,
}

impl Error {
    pub(super) fn new(method: Method, class: Class, problem: Problem, message: String) -> Self {
        Self(Box::new(Parts {
            method,
            class,
            code: None,
            status: None,
            effect: Effect::None,
            problem,
            message: bound(message),
            source: None,
        }))
    }

    pub(super) fn transient(method: Method, problem: Problem, message: String) -> Self {
        Self::new(
            method,
            Class::Transient { retry_after: None },
            problem,
            message,
        )
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(super) fn with_code(mut self, code: Option<Code>) -> Self {
        self.0.code = code;
        self
    }

    pub(super) fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    pub(super) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The method that was called.
    pub fn method(&self) -> Method {
        self.0.method
    }

    /// What the caller may do about it.
    pub fn class(&self) -> &Class {
        &self.0.class
    }

    /// The server's code, when its answer had one.
    pub fn code(&self) -> Option<&Code> {
        self.0.code.as_ref()
    }

    /// The HTTP status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What is known of the request's effect on the server.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// The text for who does not ask again by itself.
    pub fn without_promise(&self) -> String {
        self.0.message.replacen(LATER, "", 1)
    }

    /// What the trouble is.
    pub fn problem(&self) -> Problem {
        self.0.problem
    }
}

fn bound(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE - '…'.len_utf8()));
        message.push('…');
    }
    message
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("method", &self.0.method)
            .field("class", &self.0.class)
            .field("code", &self.0.code)
            .field("status", &self.0.status)
            .field("effect", &self.0.effect)
            .field("problem", &self.0.problem)
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
