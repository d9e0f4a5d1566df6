//! Status conditions as kstatus reads them. Pure: the clock comes in as a value.

use jiff::{Timestamp, Unit};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Longest message, in bytes.
pub const MESSAGE_LIMIT: usize = 1024;
/// Longest reason, in bytes.
const REASON_LIMIT: usize = 256;
/// The end of a message that was cut.
const CUT: &str = "…";

/// The conditions of all three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// The server agrees with the spec at the observed generation. Always there.
    Ready,
    /// Work is under way. There only while true.
    Reconciling,
    /// Nothing happens until somebody changes something. There only while true.
    Stalled,
    /// Tenant: it is on the server.
    Provisioned,
    /// Tenant: it is active on the server.
    Activated,
    /// VirtualMachine: it is registered with its tenant.
    Registered,
    /// A deletion: how far it is, and what holds it up.
    Removed,
    /// IntegrationServer: it answers, with these credentials and this certificate.
    Reachable,
    /// IntegrationServer: our tenants are where they should be.
    InventoryIntact,
    /// IntegrationServer: it has tenants or machines whose resources were deleted without the
    /// operator. There only while true.
    OrphansFound,
}

/// One line of the table of conditions: the type, the kinds that have it, what it says.
pub type ConditionLine = (ConditionType, &'static str, &'static str);

/// Every condition with the kinds that have it and what it says.
pub const ALL: &[ConditionLine] = &[
    (
        ConditionType::Ready,
        "all",
        "the server agrees with the spec, or the reason why not",
    ),
    (
        ConditionType::Reconciling,
        "all",
        "work is under way and goes on by itself; absent otherwise",
    ),
    (
        ConditionType::Stalled,
        "all",
        "somebody has to change something; a refusal is also tried again after 30 minutes. Absent otherwise",
    ),
    (ConditionType::Provisioned, "Tenant", "it is on the server"),
    (
        ConditionType::Activated,
        "Tenant",
        "it is active on the server",
    ),
    (
        ConditionType::Registered,
        "VirtualMachine",
        "it is registered with its tenant",
    ),
    (
        ConditionType::Removed,
        "all",
        "how far a deletion is, and what holds it up",
    ),
    (
        ConditionType::Reachable,
        "IntegrationServer",
        "it answers, with these credentials and this certificate",
    ),
    (
        ConditionType::InventoryIntact,
        "IntegrationServer",
        "our tenants are where they should be",
    ),
    (
        ConditionType::OrphansFound,
        "IntegrationServer",
        "resources were deleted without the operator, and what they owned may still be on the server; absent otherwise",
    ),
];

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// That could not be told.
    Unknown,
}

/// Puts a condition in place. `lastTransitionTime` stays where the status
/// stays; the message is cut at [`MESSAGE_LIMIT`]; what cannot stand in a
/// reason becomes `_`.
pub fn set(
    conditions: &mut Vec<Condition>,
    condition_type: ConditionType,
    status: impl Into<ConditionStatus>,
    reason: &str,
    message: &str,
    generation: i64,
    now: Timestamp,
) {
    let status = status.into().as_str();
    let mut condition = Condition {
        // Stored without fractions: without them here too, what was written is what is read.
        last_transition_time: Time(now.round(Unit::Second).unwrap_or(now)),
        message: bounded(message),
        observed_generation: Some(generation),
        reason: valid_reason(reason),
        status: status.to_owned(),
        type_: condition_type.as_str().to_owned(),
    };
    match conditions
        .iter_mut()
        .find(|known| known.type_ == condition.type_)
    {
        Some(known) => {
            if known.status == status {
                condition.last_transition_time = known.last_transition_time.clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

/// All of them were looked at for this generation, also those that are as before.
pub fn observed(conditions: &mut [Condition], generation: i64) {
    for condition in conditions {
        condition.observed_generation = Some(generation);
    }
}

/// Takes a condition away, if it is there.
pub fn remove(conditions: &mut Vec<Condition>, condition_type: ConditionType) {
    conditions.retain(|known| known.type_ != condition_type.as_str());
}

/// The condition of this type.
#[must_use]
pub fn find(conditions: &[Condition], condition_type: ConditionType) -> Option<&Condition> {
    conditions
        .iter()
        .find(|known| known.type_ == condition_type.as_str())
}

/// Whether both say the same, in whatever order, whenever it began.
#[must_use]
pub fn same(a: &[Condition], b: &[Condition]) -> bool {
    a.len() == b.len() && a.iter().all(|one| b.iter().any(|other| agrees(one, other)))
}

fn agrees(one: &Condition, other: &Condition) -> bool {
    one.type_ == other.type_
        && one.status == other.status
        && one.reason == other.reason
        && one.message == other.message
        && one.observed_generation == other.observed_generation
}

/// Cut on a character boundary, the cut shown.
fn bounded(message: &str) -> String {
    if message.len() <= MESSAGE_LIMIT {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MESSAGE_LIMIT - CUT.len());
    format!("{}{CUT}", message.get(..end).unwrap_or_default())
}

/// As the API asks for: a letter, then letters, digits, `_`, `,` and `:`, and
/// neither `,` nor `:` at the end. Server codes are not ours to trust.
fn valid_reason(reason: &str) -> String {
    let mut valid: String = reason
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | ',' | ':') {
                c
            } else {
                '_'
            }
        })
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take(REASON_LIMIT)
        .collect();
    while valid.ends_with([',', ':']) {
        valid.pop();
    }
    if valid.is_empty() {
        return super::reasons::REJECTED.to_owned();
    }
    valid
}

// === impl ConditionType ===

impl ConditionType {
    /// The `type` of the condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Provisioned => "Provisioned",
            Self::Activated => "Activated",
            Self::Registered => "Registered",
            Self::Removed => "Removed",
            Self::Reachable => "Reachable",
            Self::InventoryIntact => "InventoryIntact",
            Self::OrphansFound => "OrphansFound",
        }
    }
}

// === impl ConditionStatus ===

impl ConditionStatus {
    /// The `status` of the condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ready(
        status: bool,
        reason: &str,
        message: &str,
        generation: i64,
        now: Timestamp,
    ) -> Vec<Condition> {
        let mut conditions = Vec::new();
        set(
            &mut conditions,
            ConditionType::Ready,
            status,
            reason,
            message,
            generation,
            now,
        );
        conditions
    }

    #[test]
    fn the_transition_time_moves_with_the_status_alone() {
        let mut conditions = ready(false, "Progressing", "working", 1, at(10));
        set(
            &mut conditions,
            ConditionType::Ready,
            false,
            "TransientError",
            "no answer",
            2,
            at(20),
        );
        let known = find(&conditions, ConditionType::Ready).unwrap();
        assert_eq!(known.last_transition_time, Time(at(10)));
        assert_eq!(
            (known.reason.as_str(), known.observed_generation),
            ("TransientError", Some(2))
        );

        set(
            &mut conditions,
            ConditionType::Ready,
            ConditionStatus::Unknown,
            "TransientError",
            "no answer",
            2,
            at(30),
        );
        assert_eq!(
            find(&conditions, ConditionType::Ready)
                .unwrap()
                .last_transition_time,
            Time(at(30))
        );
        assert_eq!(conditions.len(), 1);
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let conditions = ready(
            true,
            "Reconciled",
            "ok",
            1,
            "2024-05-01T10:00:00.9876Z".parse().unwrap(),
        );
        let stored = serde_json::to_string(&conditions).unwrap();
        assert_eq!(
            serde_json::from_str::<Vec<Condition>>(&stored).unwrap(),
            conditions
        );
    }

    #[test]
    fn removing_leaves_the_others() {
        let mut conditions = ready(false, "Progressing", "working", 1, at(10));
        set(
            &mut conditions,
            ConditionType::Reconciling,
            true,
            "Progressing",
            "working",
            1,
            at(10),
        );
        remove(&mut conditions, ConditionType::Reconciling);
        remove(&mut conditions, ConditionType::Stalled);
        assert_eq!(conditions.len(), 1);
        assert!(find(&conditions, ConditionType::Ready).is_some());
    }

    #[test]
    fn order_and_times_make_no_difference() {
        let mut one = ready(true, "Reconciled", "ok", 1, at(10));
        set(
            &mut one,
            ConditionType::Reachable,
            true,
            "Connected",
            "ok",
            1,
            at(10),
        );
        let mut other = Vec::new();
        set(
            &mut other,
            ConditionType::Reachable,
            true,
            "Connected",
            "ok",
            1,
            at(99),
        );
        set(
            &mut other,
            ConditionType::Ready,
            true,
            "Reconciled",
            "ok",
            1,
            at(99),
        );
        assert!(same(&one, &other));
    }

    #[rstest]
    #[case::status(ready(false, "Reconciled", "ok", 1, at(10)))]
    #[case::reason(ready(true, "Suspended", "ok", 1, at(10)))]
    #[case::message(ready(true, "Reconciled", "fine", 1, at(10)))]
    #[case::generation(ready(true, "Reconciled", "ok", 2, at(10)))]
    #[case::absence(Vec::new())]
    fn everything_else_does(#[case] other: Vec<Condition>) {
        let one = ready(true, "Reconciled", "ok", 1, at(10));
        assert!(!same(&one, &other));
        assert!(!same(&other, &one));
    }

    #[rstest]
    #[case::kept("a".repeat(1024), "a".repeat(1024))]
    #[case::cut("a".repeat(1025), format!("{}…", "a".repeat(1021)))]
    #[case::between_characters("ж".repeat(600), format!("{}…", "ж".repeat(510)))]
    fn messages_are_bounded(#[case] message: String, #[case] expected: String) {
        let conditions = ready(true, "Reconciled", &message, 1, at(10));
        let known = find(&conditions, ConditionType::Ready).unwrap();
        assert_eq!(known.message, expected);
        assert!(known.message.len() <= MESSAGE_LIMIT);
    }

    #[rstest]
    #[case("VIRMT_InvalidTenantType", "VIRMT_InvalidTenantType")]
    #[case("a code: with blanks.", "a_code:_with_blanks_")]
    #[case("42Error", "Error")]
    #[case("Error:,", "Error")]
    #[case("Ошибка", "Rejected")]
    #[case("", "Rejected")]
    fn reasons_are_made_valid(#[case] reason: &str, #[case] expected: &str) {
        let conditions = ready(true, reason, "ok", 1, at(10));
        assert_eq!(
            find(&conditions, ConditionType::Ready).unwrap().reason,
            expected
        );
    }
}
