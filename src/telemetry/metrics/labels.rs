//! The labels of the metrics, as types: a series outside these sets cannot be
//! made.

use std::fmt::{self, Write as _};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::viis;

/// The kind of object that a reconcile was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An Integration Server.
    IntegrationServer,
    /// A tenant.
    Tenant,
    /// A virtual machine.
    VirtualMachine,
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Settled,
    /// Something is left, and somebody else must act first: a task, another
    /// object, a person. No error.
    Waiting,
    /// It met an error of this class.
    Failed(ErrorClass),
}

/// The class of an error, as the design names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The Integration Server may answer better later.
    Transient,
    /// The Integration Server refused the account.
    Credentials,
    /// The Integration Server refused what was asked.
    Rejected,
    /// The Integration Server says that the object does not exist.
    NotFound,
    /// The Kubernetes API server failed or refused.
    Kubernetes,
}

/// How a watched resource stands. The first that is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nobody has looked at its present spec yet.
    Pending,
    /// Somebody has to change something.
    Stalled,
    /// It is being deleted.
    Deleting,
    /// The server agrees with the spec.
    Ready,
    /// It waits while `suspend` is set.
    Suspended,
    /// Work is under way, and goes on by itself.
    Reconciling,
}

/// How a call was answered, for its duration: those that nobody answers take their
/// whole timeout, and must not hide how fast the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum AnswerText {
    /// With a status below 400.
    Ok,
    /// With 4xx.
    Refused,
    /// With any other status, or not at all.
    Failed,
}

/// [`Outcome`] without the class, which has a metric of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OutcomeText {
    Settled,
    Waiting,
    Failed,
}

/// An HTTP status as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum StatusText {
    /// A status that HTTP defines a class for: 100 to 599.
    Code(u16),
    /// Any other number: a confused server must not make new series for ever.
    Other,
    /// No answer came.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReconcileLabels {
    pub(super) kind: Kind,
    pub(super) outcome: OutcomeText,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ErrorLabels {
    pub(super) kind: Kind,
    pub(super) class: ErrorClass,
}

/// `method` is what [`viis::Method::as_str`] gives: a closed set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) method: &'static str,
    pub(super) status: StatusText,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AnswerLabels {
    pub(super) method: &'static str,
    pub(super) answer: AnswerText,
}

/// What is counted together of the watched resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct ResourceLabels {
    /// Their kind.
    pub kind: Kind,
    /// How they stand.
    pub state: State,
    /// The reason of `Ready`: one of the project's own table, so that neither a server nor
    /// a user can make new series.
    pub reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BuildLabels {
    pub(super) version: &'static str,
}

// === impl Kind ===

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::IntegrationServer, Self::Tenant, Self::VirtualMachine];

    /// The kind as it is written in a manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IntegrationServer => "IntegrationServer",
            Self::Tenant => "Tenant",
            Self::VirtualMachine => "VirtualMachine",
        }
    }
}

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

// === impl ErrorClass ===

impl ErrorClass {
    /// All classes.
    pub const ALL: [Self; 5] = [
        Self::Transient,
        Self::Credentials,
        Self::Rejected,
        Self::NotFound,
        Self::Kubernetes,
    ];

    /// The class as the label shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Credentials => "credentials",
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
            Self::Kubernetes => "kubernetes",
        }
    }
}

impl EncodeLabelValue for ErrorClass {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

// === impl OutcomeText ===

impl OutcomeText {
    pub(super) const ALL: [Self; 3] = [Self::Settled, Self::Waiting, Self::Failed];
}

impl From<Outcome> for OutcomeText {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Settled => Self::Settled,
            Outcome::Waiting => Self::Waiting,
            Outcome::Failed(_) => Self::Failed,
        }
    }
}

impl EncodeLabelValue for OutcomeText {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Settled => "settled",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        })
    }
}

// === impl State ===

impl State {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Stalled,
        Self::Deleting,
        Self::Ready,
        Self::Suspended,
        Self::Reconciling,
    ];

    /// The state as the label shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Stalled => "stalled",
            Self::Deleting => "deleting",
            Self::Ready => "ready",
            Self::Suspended => "suspended",
            Self::Reconciling => "reconciling",
        }
    }
}

impl EncodeLabelValue for State {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

// === impl AnswerText ===

impl From<viis::Outcome> for AnswerText {
    fn from(outcome: viis::Outcome) -> Self {
        match outcome {
            viis::Outcome::Status(0..=399) => Self::Ok,
            viis::Outcome::Status(400..=499) => Self::Refused,
            viis::Outcome::Status(_) | viis::Outcome::Failed => Self::Failed,
        }
    }
}

impl EncodeLabelValue for AnswerText {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        })
    }
}

// === impl StatusText ===

impl From<viis::Outcome> for StatusText {
    fn from(outcome: viis::Outcome) -> Self {
        match outcome {
            viis::Outcome::Status(code @ 100..=599) => Self::Code(code),
            viis::Outcome::Status(_) => Self::Other,
            viis::Outcome::Failed => Self::None,
        }
    }
}

impl EncodeLabelValue for StatusText {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(encoder, "{code}"),
            Self::Other => encoder.write_str("other"),
            Self::None => encoder.write_str("none"),
        }
    }
}
