//! What came of the checks: their names, and both forms in which they are printed. Pure.

use clap::ValueEnum;
use serde::Serialize;

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line a check
    Text,
    /// One JSON object
    Json,
}

/// What is checked. In JSON these names stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The API server answers.
    Kubernetes,
    /// A definition of our kinds.
    Definition,
    /// A permission in the cluster.
    Permission,
    /// An IntegrationServer exists.
    Server,
    /// Its Secret.
    Secret,
    /// The way to it.
    Connection,
    /// Its certificate.
    Certificate,
    /// The account on it.
    Credentials,
    /// Its list of tenants.
    Tenants,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Something has to be changed.
    Failed,
    /// It could not be tried, or there is nothing to try.
    Skipped,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What is checked.
    pub check: Kind,
    /// Of what: the name of a definition, a resource or an IntegrationServer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// A sentence; where it failed, with what to do.
    pub message: String,
    /// Of the certificate that a server presents, trusted or not.
    #[serde(rename = "fingerprintSHA256", skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// All of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// None failed.
    pub ok: bool,
    /// In the order in which they are printed.
    pub checks: Vec<Check>,
}

// === impl Kind ===

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Definition => "definition",
            Self::Permission => "permission",
            Self::Server => "server",
            Self::Secret => "secret",
            Self::Connection => "connection",
            Self::Certificate => "certificate",
            Self::Credentials => "credentials",
            Self::Tenants => "tenants",
        }
    }
}

// === impl Check ===

impl Check {
    /// A check of this subject; an empty one is none.
    pub fn new(check: Kind, subject: &str, outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            check,
            subject: (!subject.is_empty()).then(|| subject.to_owned()),
            outcome,
            message: message.into(),
            fingerprint: None,
        }
    }

    /// As it should be.
    pub fn ok(check: Kind, subject: &str, message: impl Into<String>) -> Self {
        Self::new(check, subject, Outcome::Ok, message)
    }

    /// Something has to be changed.
    pub fn failed(check: Kind, subject: &str, message: impl Into<String>) -> Self {
        Self::new(check, subject, Outcome::Failed, message)
    }

    /// It could not be tried.
    pub fn skipped(check: Kind, subject: &str, message: impl Into<String>) -> Self {
        Self::new(check, subject, Outcome::Skipped, message)
    }

    /// With the fingerprint that was seen.
    pub fn seen(mut self, fingerprint: Option<String>) -> Self {
        self.fingerprint = fingerprint;
        self
    }

    fn line(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped",
        };
        let subject = match &self.subject {
            Some(subject) => format!("{subject}: "),
            None => String::new(),
        };
        // Each check is one line, whatever an answer said.
        let message = self.message.replace(['\n', '\r'], " ");
        format!("{outcome:8}{:12}{subject}{message}\n", self.check.word())
    }
}

// === impl Report ===

impl Report {
    /// Of these checks.
    pub fn new(checks: Vec<Check>) -> Self {
        let ok = checks.iter().all(|check| check.outcome != Outcome::Failed);
        Self { ok, checks }
    }

    /// In the form that was asked for.
    ///
    /// # Errors
    /// When JSON cannot be written, which would be a defect.
    pub fn print(&self, output: Output) -> Result<String, serde_json::Error> {
        match output {
            Output::Json => Ok(serde_json::to_string_pretty(self)? + "\n"),
            Output::Text => Ok(self.checks.iter().map(Check::line).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::{Value, json};

    use super::*;

    fn checks() -> Vec<Check> {
        vec![
            Check::ok(Kind::Kubernetes, "", "It answers."),
            Check::failed(Kind::Certificate, "main", "Not\ntrusted.").seen(Some("AB:CD".into())),
            Check::skipped(Kind::Credentials, "main", "Not tried."),
        ]
    }

    #[test]
    fn a_line_each() {
        assert_eq!(
            Report::new(checks()).print(Output::Text).unwrap(),
            "ok      kubernetes  It answers.\n\
             FAILED  certificate main: Not trusted.\n\
             skipped credentials main: Not tried.\n"
        );
    }

    /// These names are for ever: scripts read them.
    #[test]
    fn the_names_in_json() {
        let text = Report::new(checks()).print(Output::Json).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            json!({"ok": false, "checks": [
                {"check": "kubernetes", "outcome": "ok", "message": "It answers."},
                {"check": "certificate", "subject": "main", "outcome": "failed",
                 "message": "Not\ntrusted.", "fingerprintSHA256": "AB:CD"},
                {"check": "credentials", "subject": "main", "outcome": "skipped",
                 "message": "Not tried."},
            ]})
        );
        assert!(
            Report::new(checks().split_off(2)).ok,
            "skipped is no failure"
        );
    }

    #[test]
    fn the_words_are_the_names_in_json() {
        for kind in [
            Kind::Kubernetes,
            Kind::Definition,
            Kind::Permission,
            Kind::Server,
            Kind::Secret,
            Kind::Connection,
            Kind::Certificate,
            Kind::Credentials,
            Kind::Tenants,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }
}
