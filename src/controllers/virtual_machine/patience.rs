//! How long a VirtualMachine that waits says nothing of it, and when it is looked at
//! again: what comes in the same file is not worth a write each. Writes nothing itself.

use std::time::Duration;

use tokio::time::Instant;

use super::apply::{Next, Run};
use super::memory::REJECTED_FOR;
use super::observe::{self, Scene};
use crate::api::{ConditionType, conditions, reasons};
use crate::plan::virtual_machine::Wait;
use crate::telemetry::metrics::Outcome;

/// A Tenant that is on its way is not worth a write before this time.
const TENANT_PATIENCE: Duration = Duration::from_secs(15);
/// A Tenant that is being deleted is not worth a write before this time.
const DELETION_PATIENCE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// When to look again at the latest; `Err`: then, and until then nothing is said.
    pub(super) fn patience(&mut self, scene: &Scene, wait: Wait) -> Result<Option<Duration>, Next> {
        let silent = |after| Err(Next::Stop(after, Outcome::Waiting));
        match wait {
            Wait::WaitingForTenant | Wait::TenantNotFound => {
                let left = self.patience_left(self.tenant_patience(scene));
                if !left.is_zero() {
                    return silent(Some(left));
                }
                Ok(None)
            }
            Wait::TenantDeleting if !scene.facts.deleting => {
                // Its own deletion is often a moment away.
                let left = self.patience_left(DELETION_PATIENCE);
                if !left.is_zero() {
                    return silent(Some(left));
                }
                Ok(None)
            }
            Wait::TenantDeleting | Wait::TenantFate if scene.facts.deleting => {
                let left = observe::patience_left(self.memory);
                if !scene.facts.waited {
                    return silent(Some(left));
                }
                Ok(Some(Duration::from_secs(30)))
            }
            Wait::NamespaceNotAllowed
                if self
                    .context
                    .cluster
                    .namespace(&scene.key.namespace)
                    .is_none() =>
            {
                // A namespace as new as the machine: its labels are on their way.
                silent(Some(Duration::from_secs(1)))
            }
            Wait::NamespaceNotAllowed => Ok(Some(Duration::from_secs(15))),
            Wait::Settling => Ok(observe::unsettled_for(scene)),
            Wait::LeftoverSettling => {
                let there = scene.at_leftover(self.context);
                Ok(observe::registers_for(&there).or(Some(Duration::from_secs(1))))
            }
            Wait::AbsenceUnproved => Ok(observe::absence_proved_in(self.memory)),
            Wait::LeftoverBlocked => Ok(Some(Duration::from_secs(60))),
            Wait::Rejected => Ok(self
                .memory
                .rejection
                .as_ref()
                .map(|rejection| REJECTED_FOR.saturating_sub(rejection.at.elapsed()))),
            Wait::TenantDeleting
            | Wait::TenantFate
            | Wait::AlreadyClaimed
            | Wait::ServerNotFound
            | Wait::ServerNotReady
            | Wait::ServerLeaving
            | Wait::InventoryGuard
            | Wait::Suspended
            | Wait::IdentityMismatch => Ok(None),
        }
    }

    /// What is left of a wait's patience.
    fn patience_left(&mut self, patience: Duration) -> Duration {
        let since = *self.memory.waiting_since.get_or_insert_with(Instant::now);
        patience.saturating_sub(since.elapsed())
    }

    /// How long a wait for the Tenant is not worth saying: not at all when the
    /// Tenant itself is held up, a moment when it may just come in the same file.
    fn tenant_patience(&self, scene: &Scene) -> Duration {
        let Some(tenant) = &scene.tenant else {
            return Duration::from_secs(1);
        };
        if scene.status.tenant_id.is_some() {
            // It was registered with a tenant that is gone: its Ready must not stand.
            return Duration::ZERO;
        }
        let held_up = tenant.status.as_ref().is_some_and(|status| {
            let stalled = ConditionType::Stalled;
            conditions::find(&status.conditions, stalled).is_some()
                || conditions::find(&status.conditions, ConditionType::Ready).is_some_and(|ready| {
                    ![reasons::PROGRESSING, reasons::TASK_RUNNING].contains(&ready.reason.as_str())
                })
        });
        if held_up {
            Duration::ZERO
        } else {
            TENANT_PATIENCE
        }
    }
}
