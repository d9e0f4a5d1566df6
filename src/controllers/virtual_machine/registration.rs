//! Registers a machine and unregisters it: the only place that changes a machine on the
//! server. What the server's own list does not show is not taken for done.

use kube::{Resource, ResourceExt};
use tracing::info;

use super::apply::{Next, Run};
use super::observe::{self, Scene};
use crate::api::REGISTERED_WITH_ANNOTATION;
use crate::controllers::writes;
use crate::inventory::Server as Picture;
use crate::inventory::machines::Sighting;
use crate::plan::virtual_machine::Release;
use crate::telemetry::metrics::Outcome;
use crate::viis::{self, Class, NewVirtualMachine, TenantId, codes};

impl Run<'_> {
    /// Registers, and lets the server's own list prove it.
    pub(super) async fn register(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
    ) -> Next {
        let server = scene.server.as_deref().unwrap_or_default();
        let note = observe::note(server, tenant);
        let noted = self.machine.annotations().get(REGISTERED_WITH_ANNOTATION);
        if noted.is_some_and(|noted| *noted != note) {
            // Its tenant was made again: a stop between here and the status must not
            // leave a registration that nobody knows of.
            let api = self.api(scene);
            let annotations = serde_json::json!({ REGISTERED_WITH_ANNOTATION: note });
            let written = writes::annotate(&api, self.machine.as_ref(), &annotations).await;
            if let stop @ Next::Stop(..) = self.written(written.map(Some)) {
                return stop;
            }
        }
        let new = NewVirtualMachine {
            bios_id: scene.bios_id,
            name: Some(scene.machine.server_name().to_owned()),
            user_data: scene.machine.spec.user_data.clone(),
        };
        match picture.client().register(tenant, &new).await {
            Ok(()) => {
                self.memory.registered_for = scene.machine.meta().generation;
                let listed = picture.list_machines(tenant).await;
                if listed.is_ok() && !self.is_listed(scene, picture, tenant) {
                    // Visible late: looked at again, with a pause.
                    let left = self.memory.backoff.failed(None);
                    return Next::Stop(Some(left), Outcome::Waiting);
                }
                self.after_call(scene, listed).await
            }
            Err(error) => {
                picture.notice(&error);
                let exists = error
                    .code()
                    .is_some_and(|code| code.as_str() == codes::BIOS_ID_ALREADY_EXISTS);
                if exists {
                    return self.met_another(scene, picture, tenant, &error).await;
                }
                self.fail(scene, &error).await
            }
        }
    }

    fn is_listed(&self, scene: &Scene, picture: &Picture, tenant: &TenantId) -> bool {
        matches!(
            picture.machines().sighting(tenant, scene.bios_id),
            Sighting::Present(_)
        )
    }

    /// The BIOS ID is registered already: by us after a lost answer, or elsewhere.
    async fn met_another(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
        error: &viis::Error,
    ) -> Next {
        if let Err(error) = picture.list_machines(tenant).await {
            return self.fail(scene, &error).await;
        }
        if self.is_listed(scene, picture, tenant) {
            return Next::Again;
        }
        self.reject(
            scene,
            error,
            "The server has this BIOS ID registered with another tenant. Correct biosId, or have \
             the machine unregistered there.",
        );
        Next::Again
    }

    pub(super) async fn unregister(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
        for_good: bool,
    ) -> Next {
        let outcome = picture.client().unregister(tenant, &scene.bios_id).await;
        let gone = match &outcome {
            Ok(()) => true,
            Err(error) => matches!(error.class(), Class::NotFound),
        };
        if gone {
            info!(bios_id = %scene.bios_id, "the machine is unregistered");
            picture.machines().unregistered(tenant, scene.bios_id);
            self.memory.backoff.reset();
            if for_good {
                return self.release(scene, Release::NotOurs).await;
            }
            return Next::Again;
        }
        match outcome {
            Ok(()) => Next::Again,
            Err(error) => {
                picture.notice(&error);
                self.fail(scene, &error).await
            }
        }
    }
}
