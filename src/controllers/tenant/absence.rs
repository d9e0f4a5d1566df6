//! A tenant that disappeared from the server: proof, and what is forgotten then.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use tracing::warn;

use super::apply::Next;
use super::apply::Run;
use super::apply::pause;
use super::apply::recorded_id;
use super::memory::Change;
use super::observe::Scene;
use super::report;
use super::report::rests;
use crate::controllers::integration_server::guards;
use crate::inventory::Server as Picture;
use crate::inventory::tenants::ABSENCE_APART;
use crate::plan::tenant::Action;
use crate::telemetry::metrics::Outcome;

impl Run<'_> {
    pub(super) async fn confirm_absence(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let Some(id) = recorded_id(scene) else {
            return Next::Again;
        };
        // Where many are missing, the guard has to see it before anything is proved.
        let server = &scene.tenant.spec.integration_server_ref.name;
        self.context.queues.servers.wake(server.clone());
        if picture.tenants().missing_twice(&id) {
            let got = picture.get_tenant(&id).await;
            return self.after_call(scene, got.map(drop)).await;
        }
        let since = picture.tenants().listed_at().map(|at| at.elapsed());
        if since.is_none_or(|since| since >= ABSENCE_APART) {
            let listed = picture.list_tenants().await;
            return self.after_call(scene, listed).await;
        }
        if !rests(scene)
            && let Some(line) = report::line(scene, self.memory, Action::ConfirmAbsence)
            && let Err(next) = self.say(scene, &line, Action::ConfirmAbsence).await
        {
            return next;
        }
        let left = ABSENCE_APART.saturating_sub(since.unwrap_or_default());
        Next::Stop(Some(left + Duration::from_millis(100)), Outcome::Waiting)
    }

    /// Whether absence on this server is evidence at this moment: a list from now,
    /// judged by the guard. The last verdict may be minutes old, and the server
    /// another one since.
    pub(super) async fn believes_absence(&mut self, scene: &Scene) -> Result<(), Next> {
        let (Some(handle), Some(server)) = (&scene.handle, &scene.integration_server) else {
            return Err(Next::Stop(pause(5), Outcome::Waiting));
        };
        if let Some(left) = self.memory.failure.backoff.left() {
            return Err(Next::Stop(Some(left), Outcome::Waiting));
        }
        if let Err(error) = handle.server.list_tenants().await {
            return Err(self.fail(scene, &error).await);
        }
        let id = recorded_id(scene);
        let shown = id.is_some_and(|id| handle.server.tenants().by_id(&id).is_some());
        let uid = scene.tenant.uid().unwrap_or_default();
        if shown && !handle.wrote_off(&uid) {
            // The list has it after all: one answer was no proof. A list that lags
            // behind is not asked as fast as the two disagree.
            let left = self.memory.failure.backoff.failed(None);
            return Err(Next::Stop(Some(left), Outcome::Waiting));
        }
        let judgement = guards::judge(self.context, server, handle, Timestamp::now());
        if judgement.is_some_and(|judgement| judgement.is_intact()) {
            return Ok(());
        }
        self.context.queues.servers.wake(server.name_any());
        Err(Next::Stop(pause(5), Outcome::Waiting))
    }

    pub(super) async fn forget_tenant(&mut self, scene: &Scene) -> Next {
        if let Err(next) = self.believes_absence(scene).await {
            return next;
        }
        warn!(tenant = ?scene.status.tenant_id, "the tenant is gone from the server and is made again");
        let mut lost = self.rescene(scene);
        lost.status.tenant_id = None;
        lost.status.tenant_name = None;
        lost.status.removal = None;
        lost.status.adopted = None;
        lost.entry = None;
        let status = self.next_status(&lost, Action::ForgetTenant);
        self.memory.lost_change = None;
        if let Some(Change { task, .. }) = self.memory.change.take() {
            // The status names it still; it is none of the next tenant's.
            self.memory.taken_up = Some(task);
        }
        // What was refused to the lost tenant says nothing about the next one.
        self.memory.rejection = None;
        self.memory.alone = false;
        self.context.events.warning(
            scene.tenant.as_ref(),
            "TenantVanished",
            "The tenant is gone from the server, proved; it is made again.",
        );
        self.write_status(scene, &status).await
    }
}
