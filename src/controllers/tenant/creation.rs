//! Carries creation and adoption out: intent, request, identifier. What became of a
//! request is decided in [`crate::plan::tenant`], not here.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::Resource;
use kube::ResourceExt;
use secrecy::SecretString;
use tokio::time::Instant;
use tracing::info;
use tracing::warn;

use super::apply::Next;
use super::apply::Run;
use super::memory::Attempt;
use super::observe::Proof;
use super::observe::Scene;
use super::observe::activity_of;
use super::observe::refusal;
use super::observe::stored;
use super::refusal::reason_of;
use super::refusal::task_refusal;
use super::report;
use crate::api;
use crate::api::ConditionType;
use crate::api::Tenant;
use crate::api::TenantType;
use crate::api::conditions;
use crate::api::reasons;
use crate::connection::Flaw;
use crate::connection::secret_text;
use crate::controllers::line::Line;
use crate::controllers::writes;
use crate::controllers::writes::WriteError;
use crate::inventory::Server as Picture;
use crate::inventory::tenants::Entry;
use crate::inventory::tenants::Tenants;
use crate::plan::tenant::Action;
use crate::plan::tenant::Adoption;
use crate::plan::tenant::ById;
use crate::plan::tenant::End;
use crate::plan::tenant::Password;
use crate::plan::tenant::Step;
use crate::plan::tenant::Wait;
use crate::viis;
use crate::viis::Class;
use crate::viis::Effect;
use crate::viis::TenantId;

/// A Secret is not watched: it is looked for this often.
pub(super) const SECRET_PAUSE: Duration = Duration::from_secs(10);
/// As many tenants with a name alike a status has room for.
const MOST_ALIKE: usize = 16;
/// A Secret that may mend a refusal is looked at this often.
pub(super) const SECRET_LOOK: Duration = Duration::from_secs(60);

impl Run<'_> {
    pub(super) async fn read_password(&mut self, scene: &Scene) -> Next {
        match self.secret(scene).await {
            Err(next) => return next,
            Ok(None) => self.password_state = Password::SecretNotFound,
            Ok(Some(secret)) => {
                let key = scene.tenant.spec.administrator.as_ref();
                let key = key.map_or("password", |a| a.password_secret_ref.key.as_str());
                let version = secret.resource_version();
                let text = secret_text(&secret, key);
                self.memory.secret_flaw = text.as_ref().err().copied();
                match text {
                    Ok(password) => {
                        self.password = Some(password);
                        self.password_version = version;
                        self.password_state = Password::Read;
                    }
                    Err(Flaw::Missing | Flaw::ControlCharacter) => {
                        self.password_state = Password::KeyMissing;
                    }
                }
            }
        }
        Next::Again
    }

    /// The Secret with the administrator's password; None where there is none, or none
    /// that may be read.
    pub(super) async fn secret(&mut self, scene: &Scene) -> Result<Option<Secret>, Next> {
        let Some(administrator) = &scene.tenant.spec.administrator else {
            return Ok(None);
        };
        let api: Api<Secret> = self.context.api(&scene.key);
        let read = writes::bounded(api.get(&administrator.password_secret_ref.name)).await;
        self.memory.secret_forbidden = read.as_ref().is_err_and(WriteError::is_forbidden);
        match read {
            Ok(secret) => Ok(Some(secret)),
            Err(WriteError::Gone) => Ok(None),
            Err(_) if self.memory.secret_forbidden => Ok(None),
            Err(error) => Err(self.written(Err(error))),
        }
    }

    /// A refused password is tried again when its Secret changes.
    pub(super) async fn look_at_secret(&mut self, scene: &Scene) -> Option<Next> {
        let known = self.memory.rejection.as_ref()?.secret.clone()?;
        let looked = self.memory.secret_looked_at;
        if looked.is_some_and(|at| at.elapsed() < SECRET_LOOK) {
            return None;
        }
        self.memory.secret_looked_at = Some(Instant::now());
        let now = match self.secret(scene).await {
            Ok(secret) => secret.and_then(|secret| secret.resource_version()),
            Err(next) => return Some(next),
        };
        if now.is_some_and(|now| now != known) {
            info!("the administrator's Secret changed: the creation is tried again");
            self.memory.rejection = None;
            return Some(Next::Again);
        }
        None
    }

    pub(super) async fn record_intent(&mut self, scene: &Scene) -> Next {
        let Some(handle) = &scene.handle else {
            return Next::Again;
        };
        if let Some(next) = self
            .wait_for_slot(scene, &handle.server, Action::RecordIntent)
            .await
        {
            return next;
        }
        let attempt = uuid::Uuid::new_v4().to_string();
        let tenants = handle.server.tenants();
        self.memory.attempt = Some(Attempt {
            written_here: true,
            listed: tenants.listed_at(),
            ..Attempt::seen(&attempt)
        });
        let mut status = self.next_status(scene, Action::RecordIntent);
        status.creation = Some(api::Creation {
            attempt,
            server: handle.endpoint.to_string(),
            sent: false,
            task: None,
            alike_tenant_ids: alike_ids(tenants, scene.tenant.server_name()),
        });
        self.write_status(scene, &status).await
    }

    pub(super) async fn create(&mut self, scene: &Scene, picture: &Picture) -> Next {
        if let Some(next) = self.wait_for_slot(scene, picture, Action::Create).await {
            return next;
        }
        let Some(new) = new_tenant(&scene.tenant, self.password.as_ref()) else {
            self.password_state = Password::Unread;
            return Next::Again;
        };
        let Some(attempt) = &mut self.memory.attempt else {
            return Next::Again;
        };
        // Late writes of an operator that lost its leadership between the intent
        // and this call are harmless: names are unique on the server, so of two
        // creations one fails, and only who can write the status records anything.
        attempt.sends += 1;
        attempt.since = Instant::now();
        attempt.secret.clone_from(&self.password_version);
        if let Some(before) = attempt.task.take() {
            picture.tasks().forget(&before, &scene.key);
            attempt.replaced = Some(before);
        }
        attempt.ended = None;
        (attempt.followed, attempt.created) = (false, None);
        (attempt.asked, attempt.stored) = (false, None);
        match picture.client().create_tenant(&new).await {
            Ok(task) => {
                info!(%task, "the tenant's creation was sent");
                attempt.task = Some(task.clone());
                attempt.followed = true;
                picture.watch_task(&task, &scene.key);
                self.memory.failure.clear();
                self.persist_task(scene, &task, Step::Create).await
            }
            Err(error) => {
                picture.notice(&error);
                let refused = matches!(error.class(), Class::Rejected | Class::NotFound);
                if refused && error.effect() == Effect::None {
                    attempt.refusal = Some(refusal(error.code()));
                    attempt.answer = Some((reason_of(&error), error.to_string()));
                    return Next::Again;
                }
                if error.effect() == Effect::None {
                    attempt.sends -= 1;
                } else {
                    attempt.since = Instant::now();
                }
                self.fail(scene, &error).await
            }
        }
    }

    pub(super) async fn end_attempt(&mut self, scene: &Scene, end: End) -> Next {
        let (reason, message) = match end {
            End::Rejected => self.refused_with(scene),
            End::NameTaken => {
                let taken = Action::Wait(Wait::NameTaken);
                let line = report::line(scene, self.memory, taken);
                let line = line.unwrap_or_else(|| Line::stalled(reasons::REJECTED, ""));
                (line.reason, line.message)
            }
        };
        warn!(%reason, %message, "the creation ended without a tenant");
        // Where the inventory shows who has the name, it also shows when that is over.
        let shown = end == End::NameTaken && scene.named.is_some();
        let line = Line::stalled(&reason, message.clone());
        if !shown {
            // The version that was sent: the Secret may have been mended since. Where
            // that is not known, the next look finds another one.
            let sent = self.memory.attempt.as_ref().and_then(|a| a.secret.clone());
            let about_password = reason == reasons::PASSWORD_NOT_COMPLY_POLICY;
            let secret = about_password.then(|| sent.unwrap_or_default());
            self.memory.secret_looked_at = Some(Instant::now());
            self.reject(Step::Create, reason, message);
            if let Some(rejection) = &mut self.memory.rejection {
                rejection.secret = secret;
            }
        } else {
            let tenant = scene.tenant.as_ref();
            self.context.events.warning(tenant, &reason, &message);
        }
        let mut status = self.status_saying(scene, &line, Action::EndAttempt(end));
        status.creation = None;
        let next = self.write_status(scene, &status).await;
        if matches!(next, Next::Again) {
            self.drop_attempt(scene);
        }
        next
    }

    pub(super) fn drop_attempt(&mut self, scene: &Scene) {
        if let Some(attempt) = self.memory.attempt.take()
            && let (Some(task), Some(handle)) = (attempt.task, &scene.handle)
        {
            handle.server.tasks().forget(&task, &scene.key);
        }
    }

    /// Reason and message of the refusal that ended a creation.
    pub(super) fn refused_with(&self, scene: &Scene) -> (String, String) {
        if let Some(answer) = self.memory.attempt.as_ref().and_then(|a| a.answer.clone()) {
            return answer;
        }
        let error = scene.task.as_ref().and_then(|task| task.error());
        task_refusal("The server's task to create the tenant", error)
    }

    pub(super) async fn adopt(&mut self, scene: &Scene, adoption: Adoption) -> Next {
        let existing = scene
            .tenant
            .spec
            .existing_tenant_id
            .clone()
            .map(TenantId::new);
        let id = match adoption {
            Adoption::ById => existing,
            Adoption::ByName => scene.named.as_ref().map(|(id, _)| id.clone()),
        };
        let Some(id) = id else {
            return Next::Again;
        };
        let note = format!("Tenant {id} of the server was taken over.");
        self.record_tenant(
            scene,
            &id,
            Some(true),
            Action::Adopt(adoption),
            (reasons::ADOPTED, &note),
        )
        .await
    }

    /// Asks the server for the tenant that the creation made: it is recorded as it is stored.
    pub(super) async fn get_created(&mut self, scene: &Scene, picture: &Picture) -> Next {
        let made = scene
            .made
            .as_ref()
            .filter(|made| made.proof == Proof::Followed);
        let named = scene.named.as_ref().map(|(id, _)| id);
        let Some(id) = made.map(|made| &made.id).or(named) else {
            return Next::Again;
        };
        let got = picture.get_tenant(id).await;
        if let (Ok(found), Some(attempt)) = (&got, &mut self.memory.attempt) {
            attempt.asked = true;
            attempt.stored.clone_from(found);
        }
        self.after_call(scene, got.map(drop)).await
    }

    /// What the server stores differently from what was sent.
    fn stored_differently(&self, scene: &Scene, id: &TenantId) -> Option<String> {
        let stored = self.memory.attempt.as_ref()?.stored.as_ref()?;
        let differs = stored.id == *id && stored::differs(&scene.tenant, &Entry::from(stored));
        let is_ours = scene.status.adopted != Some(true);
        (differs && is_ours).then(|| stored::sentence(&scene.tenant, stored))
    }

    pub(super) async fn record_created(&mut self, scene: &Scene) -> Next {
        let Some((id, _)) = scene.named.clone() else {
            return Next::Again;
        };
        let sole = self.memory.attempt.as_ref().is_some_and(|attempt| {
            attempt.written_here && attempt.sends == 1 && attempt.task.is_some()
        });
        let note = format!("Tenant {id} was made on the server.");
        let next = self
            .record_tenant(
                scene,
                &id,
                None,
                Action::RecordCreated,
                (reasons::CREATED, &note),
            )
            .await;
        if sole && matches!(next, Next::Again) {
            self.memory.alone = true;
            if let Some(handle) = &scene.handle {
                handle.server.machines().none_yet(&id);
            }
        }
        next
    }

    pub(super) async fn record_tenant(
        &mut self,
        scene: &Scene,
        id: &TenantId,
        adopted: Option<bool>,
        action: Action,
        (reason, note): (&str, &str),
    ) -> Next {
        info!(tenant = %id, "the tenant's identifier is recorded");
        self.memory.last_task.clone_from(&scene.task);
        let mut scene = self.rescene(scene);
        scene.status.tenant_id = Some(id.to_string());
        scene.status.creation = None;
        scene.status.adopted = adopted;
        scene.entry = scene
            .handle
            .as_ref()
            .and_then(|handle| handle.server.tenants().by_id(id));
        // What was decided on, should a list that lags behind have come since.
        let named = scene.named.as_ref().filter(|(named, _)| named == id);
        let shown = named.map(|(_, entry)| entry).or(scene.entry.as_ref());
        let name = shown.map(|entry| entry.name.to_string());
        scene.status.tenant_name = name;
        scene.facts.world.by_id = ById::Same(scene.facts.spec.wanted);
        let waits = scene.facts.machines.unregistered
            && scene.facts.spec.wanted == crate::plan::tenant::Activity::Active
            && !scene.facts.deleting;
        let changes = scene.entry.as_ref().is_some_and(|entry| {
            activity_of(&entry.status) != scene.facts.spec.wanted && !scene.facts.deleting
        });
        // Says already what comes next: one write instead of two.
        let action = match (waits, changes) {
            (true, _) => Action::Wait(Wait::VirtualMachines),
            (false, true) => Action::Wait(Wait::TaskRunning(Step::Change)),
            (false, false) => action,
        };
        let mut status = self.next_status(&scene, action);
        if let Some(message) = self.stored_differently(&scene, id) {
            info!(%message, "the server stores the tenant differently");
            conditions::set(
                &mut status.conditions,
                ConditionType::Provisioned,
                true,
                reasons::STORED_DIFFERENTLY,
                &message,
                scene.tenant.meta().generation.unwrap_or_default(),
                Timestamp::now(),
            );
        }
        let next = self.write_status(&scene, &status).await;
        if matches!(next, Next::Again) {
            self.drop_attempt(&scene);
            // The counts of the server change with it.
            let server = scene.tenant.spec.integration_server_ref.name.clone();
            self.context.queues.servers.wake(server);
            self.context
                .events
                .normal(scene.tenant.as_ref(), reason, note);
        }
        next
    }
}

/// The tenants with a name like this one. None: too many for a status.
fn alike_ids(tenants: &Tenants, name: &str) -> Option<Vec<String>> {
    let alike = tenants.alike(name).into_iter();
    let ids: Vec<String> = alike.map(|(id, _)| id.to_string()).collect();
    (ids.len() <= MOST_ALIKE).then_some(ids)
}

/// The tenant as it is asked for. None when the password is not at hand.
pub(super) fn new_tenant(
    tenant: &Tenant,
    password: Option<&SecretString>,
) -> Option<viis::NewTenant> {
    let spec = &tenant.spec;
    let kind = match spec.tenant_type {
        TenantType::Simple => viis::NewTenantKind::Simple,
        TenantType::Complete => viis::NewTenantKind::Complete {
            administrator: spec.administrator.as_ref()?.name.clone(),
            password: password?.clone(),
        },
    };
    Some(viis::NewTenant {
        name: tenant.server_name().to_owned(),
        description: spec.description.clone(),
        user_data: spec.user_data.clone(),
        preferred_viis_address: spec
            .preferred_viis_address
            .as_ref()
            .and_then(|a| a.parse().ok()),
        kind,
    })
}
