//! What is said of a Tenant or a VirtualMachine as a whole: one mood, one reason, one
//! sentence. Which line is said when is for the `report` of each kind.

use crate::api::{ACCEPT_ANNOTATION, reasons};

/// How it stands, in kstatus' terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// The server agrees.
    Ready,
    /// On the way.
    Reconciling,
    /// Somebody has to change something.
    Stalled,
    /// At rest without agreeing: suspended.
    Resting,
    /// The operator has nothing left to do for a resource that is being deleted; finalizers
    /// of other controllers keep it.
    Released,
}

/// What is said of an object as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it stands.
    pub mood: Mood,
    /// The reason.
    pub reason: String,
    /// A sentence that says what to do next.
    pub message: String,
}

impl Line {
    /// Stands like this.
    pub fn new(mood: Mood, reason: &str, message: impl Into<String>) -> Self {
        Self {
            mood,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// On the way.
    pub fn reconciling(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Mood::Reconciling, reason, message)
    }

    /// Somebody has to change something.
    pub fn stalled(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Mood::Stalled, reason, message)
    }
}

impl Line {
    /// Nothing is left to do: the outcome, and whose finalizers keep the resource.
    pub fn released(outcome: &str, finalizers: &[&str]) -> Self {
        let message = format!(
            "{outcome} The operator has nothing left to do: finalizers of other controllers keep \
             this resource ({}).",
            finalizers.join(", ")
        );
        Self::new(Mood::Released, reasons::RELEASED, message)
    }
}

/// The command by which a person agrees to a wave or a loss.
pub fn accept_command(server: &str, token: &str) -> String {
    format!("kubectl annotate viis {server} {ACCEPT_ANNOTATION}={token} --overwrite")
}

/// How much of a value a message shows, in characters.
const LONGEST_VALUE: usize = 64;

/// A value in quotes, with visible escapes, cut to its beginning.
pub fn quoted(value: &str) -> String {
    let mut shown: String = value.chars().take(LONGEST_VALUE).collect();
    if shown.len() < value.len() {
        shown.push('\u{2026}');
    }
    format!("{shown:?}")
}
