//! Registers a machine and unregisters it: the only place that changes a machine on the
//! server. What the server's own list does not show is not taken for done.

use kube::Resource;
use tokio::time::Instant;
use tracing::info;

use super::apply::{Next, Run};
use super::memory::Sent;
use super::observe::Scene;
use super::record::noted_first;
use super::whereabouts::Place;
use crate::api::REGISTERED_WITH_ANNOTATION;
use crate::controllers::writes;
use crate::inventory::Server as Picture;
use crate::inventory::flight::Shared;
use crate::inventory::machines::{Machines, Sighting};
use crate::telemetry::metrics::Outcome;
use crate::viis::{self, Class, Effect, NewVirtualMachine, TenantId, codes};

/// The reason of the Event that says where a machine may still be registered.
const STILL_REGISTERED: &str = "StillRegistered";

impl Run<'_> {
    /// Registers, and lets the server's own list prove it.
    pub(super) async fn register(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
    ) -> Next {
        if let Err(stop) = self.note(scene).await {
            return stop;
        }
        let new = NewVirtualMachine {
            bios_id: scene.bios_id,
            name: Some(scene.machine.server_name().to_owned()),
            user_data: scene.machine.spec.user_data.clone(),
        };
        // Also when the answer is lost: from here on it may be there again.
        let home = scene.place();
        self.memory.left.retain(|left| Some(left) != home.as_ref());
        match picture.client().register(tenant, &new).await {
            Ok(()) => {
                self.memory.registered_for = scene.machine.meta().generation;
                picture.machines().registered(scene.bios_id);
                self.sent(tenant, true);
                let listed = picture.list_machines(tenant).await;
                self.after_list(scene, picture, tenant, listed).await
            }
            Err(error) => {
                picture.notice(&error);
                let exists = error
                    .code()
                    .is_some_and(|code| code.as_str() == codes::BIOS_ID_ALREADY_EXISTS);
                if exists {
                    return self.met_another(scene, picture, tenant, &error).await;
                }
                if matches!(error.class(), Class::Transient { .. }) {
                    // It may have been done, though the answer is lost.
                    self.sent(tenant, false);
                }
                if error.effect() == Effect::Unknown {
                    self.each_picture(scene, picture, |machines| {
                        machines.registration_unanswered(tenant, scene.bios_id);
                    });
                }
                self.fail(scene, &error).await
            }
        }
    }

    /// Notes where it will be registered, on the version that was decided on: a stop
    /// between here and the status must not leave a registration that nobody knows of, and
    /// an old view must not register what is deleted since. The write changes nothing where
    /// the note stands there already, and is saved when this process has just made it.
    async fn note(&mut self, scene: &Scene) -> Result<(), Next> {
        let Some(place) = scene.place() else {
            return Ok(());
        };
        let version = self.machine.meta().resource_version.as_deref();
        let fresh = version.is_some() && self.memory.written.as_deref() == version;
        if fresh && Place::noted(&self.machine).as_ref() == Some(&place) {
            return Ok(());
        }
        let api = self.api(scene);
        let annotations = serde_json::json!({ REGISTERED_WITH_ANNOTATION: place.note() });
        let known = Place::noted(&self.machine);
        let written = writes::annotate(&api, self.machine.as_ref(), &annotations).await;
        if let stop @ Next::Stop(..) = self.written(written.map(Some)) {
            return Err(stop);
        }
        if known.as_ref() != Some(&place) {
            noted_first(scene);
        }
        // The old note may have been all that told of another registration.
        self.warn_of(scene, scene.unproved.as_ref());
        Ok(())
    }

    fn sent(&mut self, tenant: &TenantId, taken: bool) {
        let first = self
            .memory
            .sent
            .as_ref()
            .filter(|sent| sent.tenant == *tenant);
        let at = match first {
            // Of several whose answers were lost the first may have done it.
            Some(first) if !taken => first.at,
            Some(_) | None => Instant::now(),
        };
        self.memory.sent = Some(Sent {
            tenant: tenant.clone(),
            at,
            taken,
        });
    }

    /// A list came: what was registered a moment ago may be visible late, and is looked
    /// at again with a pause.
    pub(super) async fn after_list(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
        listed: Result<(), Shared>,
    ) -> Next {
        let behind = self.memory.awaits(Some(tenant)) && !self.is_listed(scene, picture, tenant);
        if listed.is_ok() && behind {
            let left = self.memory.backoff.failed(None);
            return Next::Stop(Some(left), Outcome::Waiting);
        }
        self.after_call(scene, listed).await
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
        if self.memory.may_be_listed_late(tenant) {
            // Most likely by us: no other tenant is blamed before the list had its time.
            if let Some(sent) = &mut self.memory.sent {
                sent.taken = true;
            }
            let left = self.memory.backoff.failed(None);
            return Next::Stop(Some(left), Outcome::Waiting);
        }
        self.reject(
            scene,
            error,
            "The server has this BIOS ID registered with another tenant. Have the machine \
             unregistered there and set the annotation viis-operator.io/requested-at, or delete \
             this VirtualMachine and create one with the right biosID. It is tried again after 30 \
             minutes in any case.",
        );
        Next::Again
    }

    /// The picture that a call was made with, and the one that has taken its place since,
    /// with another password perhaps: what may still arrive, arrives there all the same.
    fn each_picture(&self, scene: &Scene, picture: &Picture, note: impl Fn(&Machines)) {
        note(picture.machines());
        let server = scene.server.as_deref();
        if let Some(now) = server.and_then(|name| self.context.servers.get(name)) {
            note(now.server.machines());
        }
    }

    /// Unregisters it where it does not belong any more.
    pub(super) async fn leave(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
    ) -> Next {
        match self.unregistered(scene, picture, tenant).await {
            Ok(()) => {
                self.memory.left.extend(scene.place());
                Next::Again
            }
            Err(stop) => stop,
        }
    }

    /// Unregisters it, to register it again.
    pub(super) async fn replace(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
    ) -> Next {
        match self.unregistered(scene, picture, tenant).await {
            Ok(()) => Next::Again,
            Err(stop) => stop,
        }
    }

    async fn unregistered(
        &mut self,
        scene: &Scene,
        picture: &Picture,
        tenant: &TenantId,
    ) -> Result<(), Next> {
        match picture.client().unregister(tenant, &scene.bios_id).await {
            Err(error) if !matches!(error.class(), Class::NotFound) => {
                picture.notice(&error);
                if error.effect() == Effect::Unknown {
                    self.each_picture(scene, picture, |machines| {
                        machines.unanswered(tenant, scene.bios_id);
                    });
                }
                Err(self.fail(scene, &error).await)
            }
            Ok(()) | Err(_) => {
                info!(bios_id = %scene.bios_id, "the machine is unregistered");
                picture.machines().unregistered(tenant, scene.bios_id);
                self.memory.backoff.reset();
                self.memory.sent = None;
                Ok(())
            }
        }
    }

    /// Says where it may still be registered, when nothing will remember that.
    pub(super) fn warn_of(&self, scene: &Scene, place: Option<&Place>) {
        if let Some(place) = place {
            // Anybody can have written the place.
            let short = |text: &str| text.chars().take(128).collect::<String>();
            let (server, tenant) = (short(&place.server), short(place.tenant.as_str()));
            let note = format!(
                "The machine may still be registered with tenant {tenant} of IntegrationServer \
                 {server}. It was not unregistered there: nothing shows that this registration is \
                 its own, or nothing can be done on that server. Have the server's administrator \
                 look for BIOS ID {} in GET /api/2.0/virtualization/tenants/{tenant}/vms, and \
                 unregister it there if it is not wanted.",
                scene.bios_id
            );
            self.context
                .events
                .warning(scene.machine.as_ref(), STILL_REGISTERED, &note);
        }
    }
}
