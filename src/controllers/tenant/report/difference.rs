//! How two statuses differ, so that a write can be put off. When it is written is
//! decided by whoever writes.

use crate::api::{Condition, TaskStatus, TenantStatus, conditions, reasons};

/// How two statuses differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not at all.
    None,
    /// In a task's progress or a count alone: it can wait a little.
    Small,
    /// In something that somebody may act on.
    Large,
}

/// How two statuses differ. When a condition changed counts for nothing by itself.
pub fn difference(before: &TenantStatus, after: &TenantStatus) -> Difference {
    if same_but_conditions(before, after) && conditions::same(&before.conditions, &after.conditions)
    {
        return Difference::None;
    }
    let mut levelled = after.clone();
    levelled.virtual_machines = before.virtual_machines;
    if levelled
        .task
        .as_ref()
        .is_some_and(|task| is_progress(task, before.task.as_ref()))
    {
        levelled.task.clone_from(&before.task);
    }
    if same_but_conditions(before, &levelled)
        && conditions::same(&wordless(before), &wordless(after))
    {
        Difference::Small
    } else {
        Difference::Large
    }
}

/// A task that goes on, or an activation: it may be repeated, so that nothing is
/// lost when its identifier is written later, or never.
fn is_progress(task: &TaskStatus, before: Option<&TaskStatus>) -> bool {
    let goes_on = before.is_some_and(|before| before.id == task.id);
    let repeatable = task.task_type.as_deref() == Some("ChangeTenantActivation");
    task.error.is_none() && (goes_on || repeatable)
}

/// The conditions without the messages that count: those change with each machine.
fn wordless(status: &TenantStatus) -> Vec<Condition> {
    let mut conditions = status.conditions.clone();
    for condition in &mut conditions {
        if condition.reason == reasons::IN_USE {
            condition.message.clear();
        }
    }
    conditions
}

fn same_but_conditions(a: &TenantStatus, b: &TenantStatus) -> bool {
    let none: Vec<Condition> = Vec::new();
    let bare = |status: &TenantStatus| TenantStatus {
        conditions: none.clone(),
        ..status.clone()
    };
    bare(a) == bare(b)
}
