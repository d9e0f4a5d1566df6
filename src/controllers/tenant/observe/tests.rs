#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod around;
mod attempts;
mod removals;
mod stored;
mod world;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::api::{self, ConditionType, VirtualMachine, conditions, reasons};
use crate::controllers::fixtures::{Stage, minutes_ago};
use crate::controllers::tenant::memory::{
    Attempt, LostChange, Rejection, Removal as RemovalMemory,
};
use crate::inventory::fixtures::{ago, owner, seconds};
use crate::plan::tenant::{Admission, ById, Change, Creation, Referrers, Removal, Unknown};
use crate::plan::{Reach, Refusal, Task};
use crate::viis::TaskType;
use crate::viis::{TaskId, TaskState};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

fn acme() -> Tenant {
    Tenant::test("acme")
}

fn on_server(id: &str) -> viis::Tenant {
    viis::Tenant::test(id, "acme")
}

/// Looks at a Tenant with this memory.
fn look(stage: &Stage, tenant: Tenant, memory: &mut Memory) -> Scene {
    observe(
        &stage.tenant(tenant),
        &stage.context,
        memory,
        Password::Unread,
    )
}

/// Looks at a Tenant for the first time.
fn facts(stage: &Stage, tenant: Tenant) -> Facts {
    look(stage, tenant, &mut Memory::default()).facts
}

/// This process remembers the attempt "attempt-1".
fn remembering(attempt: impl FnOnce(&mut Attempt)) -> Memory {
    let mut seen = Attempt::seen("attempt-1");
    attempt(&mut seen);
    Memory {
        attempt: Some(seen),
        ..Memory::default()
    }
}

fn creation_of(memory: &mut Memory, tenant: Tenant) -> Creation {
    look(&Stage::ready(), tenant, memory).facts.record.creation
}

const FIRST_SEEN: Unknown = Unknown {
    here: true,
    settled: false,
    waited: false,
};

// === Whose status it is ===

#[tokio::test]
async fn under_another_uid_nothing_of_a_status_counts() {
    let restored = acme()
        .recorded("1")
        .creating(Some("9"))
        .removing(None)
        .adopted();
    let scene = look(
        &Stage::ready(),
        restored.under_uid("uid-restored"),
        &mut Memory::default(),
    );
    assert_eq!(scene.status, TenantStatus::default());
    let nothing = Record {
        tenant: false,
        creation: Creation::None,
        removal: Removal::None,
    };
    assert_eq!(scene.facts.record, nothing);
    assert!(
        !scene.facts.spec.retain,
        "whoever was adopted, it was not this one"
    );
}

#[rstest]
#[case::created(acme(), false)]
#[case::adopted(acme().adopted(), true)]
#[case::adopted_and_to_be_deleted(acme().adopted().with(json!({"deletionPolicy": "Delete"})), false)]
#[case::created_and_to_be_kept(acme().with(json!({"deletionPolicy": "Retain"})), true)]
#[tokio::test]
async fn what_was_adopted_stays_unless_asked_otherwise(
    #[case] tenant: Tenant,
    #[case] retain: bool,
) {
    assert_eq!(
        facts(&Stage::ready(), tenant.recorded("1")).spec.retain,
        retain
    );
}

// === Passwords ===

#[tokio::test]
async fn a_simple_tenant_needs_no_password() {
    assert_eq!(
        facts(&Stage::ready(), acme()).spec.password,
        Password::NotNeeded
    );
    let complete = acme().with(json!({"type": "Complete"}));
    assert_eq!(
        facts(&Stage::ready(), complete).spec.password,
        Password::Unread
    );
}
