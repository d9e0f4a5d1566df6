//! Gathers what decides a Tenant's next step. Reads what is watched, the shared
//! picture of the server, and this process's memory; calls nobody.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;
use tokio::time::Instant;

use super::memory::{Attempt, Change as ChangeMemory, Memory, Removal as RemovalMemory};
use crate::api::{
    self, AdoptionPolicy, ConditionType, DeletionPolicy, DesiredState, IntegrationServer, Tenant,
    TenantStatus, TenantType, conditions,
};
use crate::controllers::cluster::{Cluster, Key, is_registered_with, is_stalled, key_of};
use crate::controllers::context::Context;
use crate::controllers::integration_server::guards;
use crate::controllers::servers::Handle;
use crate::inventory::tasks::View;
use crate::inventory::tenants::{Entry, Status};
use crate::inventory::{Fingerprint, Server as Picture};
use crate::plan::claims::{Claimant, holder};
use crate::plan::tenant::{
    Activity, Admission, ById, Change, Creation, Facts, Machines, Password, Record, Referrers,
    Removal, Server, Sighting, Spec, Unknown, World,
};
use crate::plan::{Reach, Refusal, Task};
use crate::viis::{self, TaskId, TaskType, TenantId, codes};

/// An unknown outcome is settled after this time.
pub const SETTLED_AFTER: Duration = Duration::from_secs(30);
/// Unclaimed tasks, and machines, are waited for this long.
pub const WAIT_LIMIT: Duration = Duration::from_secs(10 * 60);
/// A list is recent enough for a decision for this long.
const RECENT: Duration = Duration::from_secs(10);

/// A Tenant and everything around it, at one moment.
pub struct Scene {
    /// Its key.
    pub key: Key,
    /// The resource.
    pub tenant: Arc<Tenant>,
    /// Its status; empty when it is another UID's.
    pub status: TenantStatus,
    /// The IntegrationServer it refers to.
    pub integration_server: Option<Arc<IntegrationServer>>,
    /// How that is served.
    pub handle: Option<Arc<Handle>>,
    /// What decides.
    pub facts: Facts,
    /// The tenant under the recorded identifier.
    pub entry: Option<Entry>,
    /// The tenant with our name.
    pub named: Option<(TenantId, Entry)>,
    /// The task that is watched for it.
    pub task: Option<Arc<viis::Task>>,
    /// Machines: referring, registered, neither registered nor stalled.
    pub machines: Count,
    /// The machines that hold up a deletion, as watched.
    pub referrers: Vec<String>,
}

/// The machines that refer to a Tenant and are not being deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub referring: u32,
    /// Those that are registered.
    pub registered: u32,
    /// Those that are neither registered nor stalled.
    pub unregistered: u32,
}

/// The status of this very resource: under another UID nothing of it counts.
pub fn own_status(tenant: &Tenant) -> TenantStatus {
    match &tenant.status {
        Some(status) if status.owner_uid.as_deref() == tenant.meta().uid.as_deref() => {
            status.clone()
        }
        Some(_) | None => TenantStatus::default(),
    }
}

/// Gathers the scene.
pub fn observe(
    tenant: &Arc<Tenant>,
    context: &Context,
    memory: &mut Memory,
    password: Password,
) -> Scene {
    let key = key_of(tenant.as_ref());
    let status = own_status(tenant);
    let server_name = &tenant.spec.integration_server_ref.name;
    let integration_server = context.cluster.server(server_name);
    let handle = context.servers.get(server_name);
    if let (Some(server), Some(handle)) = (&integration_server, &handle) {
        guards::keep_current(context, server, handle);
    }
    let picture = handle.as_ref().map(|handle| handle.server.as_ref());
    let id = status.tenant_id.as_deref().map(TenantId::new);
    let uid = tenant.meta().uid.clone().unwrap_or_default();

    let creation = creation(&status, handle.as_deref(), memory, &key);
    let removal = removal(&status, handle.as_deref(), memory, &key);
    let change = change(&status, picture, memory, &key);
    let (machines, referrers) = count_machines(&context.cluster, &key, status.tenant_id.as_deref());
    if machines.referring > 0 {
        // What is watched shows referrers: only their absence needs a live list.
        memory.referrers = None;
    }
    let entry = id
        .as_ref()
        .zip(picture)
        .and_then(|(id, picture)| picture.tenants().by_id(id));
    let named = picture.and_then(|picture| picture.tenants().by_name(tenant.server_name()));
    let generation = tenant.meta().generation.unwrap_or_default();
    let requested_at = requested_at(tenant.as_ref());
    let rejected = memory
        .rejection
        .as_ref()
        .filter(|rejection| rejection.is_in_force(generation, requested_at))
        // An account that lost its rights refused for everybody: once the server is
        // back, each is asked again.
        .filter(|rejection| {
            let up_since = picture.and_then(|picture| picture.health().up_since());
            !rejection.forbidden || up_since.is_none_or(|up| up <= rejection.at)
        })
        .map(|rejection| rejection.step);
    let task = watched_task(&status, memory, picture);

    let made = made_by(task.as_deref(), &status);
    let by_name = by_name(
        tenant,
        named.as_ref(),
        made.as_ref(),
        &context.cluster,
        &key,
    );
    // A free name may come from a list that is a moment old: the server has the last
    // word on it. What a person is told must not.
    let is_free = id.is_some()
        || status.creation.is_some()
        || (by_name == Sighting::Absent && tenant.spec.existing_tenant_id.is_none());

    let mut server = server_facts(
        context,
        integration_server.as_deref(),
        handle.as_deref(),
        &key,
    );
    let decided_at = status
        .removal
        .as_ref()
        .and_then(|removal| removal.server.as_deref());
    let here = handle.as_ref().map(|handle| handle.endpoint.to_string());
    if server.reach == Reach::Ready && decided_at.is_some() && decided_at != here.as_deref() {
        // A deletion that was decided on another address: what this one does not
        // have proves nothing.
        server.reach = Reach::Guarded;
    }

    let facts = Facts {
        deleting: tenant.meta().deletion_timestamp.is_some(),
        finalizer: crate::controllers::writes::has_finalizer(tenant.as_ref()),
        spec: Spec {
            wanted: match tenant.spec.state {
                DesiredState::Active => Activity::Active,
                DesiredState::Inactive => Activity::Inactive,
            },
            retain: retains(tenant, &status),
            existing: tenant.spec.existing_tenant_id.is_some(),
            suspended: tenant.spec.suspend
                || integration_server
                    .as_ref()
                    .is_some_and(|server| server.spec.suspend),
            password: match tenant.spec.tenant_type {
                TenantType::Simple => Password::NotNeeded,
                TenantType::Complete => password,
            },
        },
        record: Record {
            tenant: id.is_some(),
            creation,
            removal,
        },
        server,
        outclaimed: is_outclaimed(context, integration_server.as_deref(), tenant, &uid),
        world: World {
            fresh: is_fresh(&status, picture, memory)
                && (is_free || is_from_after_the_spec(picture, memory)),
            by_id: by_id(tenant, id.as_ref(), entry.as_ref(), handle.as_deref()),
            verified: id
                .as_ref()
                .zip(picture)
                .and_then(|(id, picture)| picture.tenants().asked_at(id))
                .is_some_and(|at| at.elapsed() < RECENT),
            by_name,
            existing: existing(tenant, picture, &context.cluster, &key),
            unclaimed_creations: unclaimed(picture, &TaskType::CreateTenant),
            unclaimed_removals: unclaimed(picture, &TaskType::DeleteTenant),
        },
        change,
        machines: Machines {
            first_activation: is_first_activation(&status),
            unregistered: machines.unregistered > 0,
            waited: waited_for_machines(&status),
            referrers: match &memory.referrers {
                _ if machines.referring > 0 => Referrers::Some,
                Some((at, names)) if at.elapsed() < RECENT => {
                    if names.is_empty() {
                        Referrers::None
                    } else {
                        Referrers::Some
                    }
                }
                Some(_) | None => Referrers::Unlisted,
            },
        },
        admission: match &handle {
            Some(handle) if handle.admits(&uid) => Admission::Granted,
            Some(handle) if handle.holds(&uid).is_some() => Admission::Held,
            Some(_) | None => Admission::Pending,
        },
        rejected,
    };
    Scene {
        key,
        tenant: Arc::clone(tenant),
        status,
        integration_server,
        handle,
        facts,
        entry,
        named,
        task,
        machines,
        referrers,
    }
}

/// The `requested-at` annotation.
pub fn requested_at<K: Resource>(object: &K) -> Option<&str> {
    let annotations = object.meta().annotations.as_ref()?;
    annotations
        .get(api::REQUESTED_AT_ANNOTATION)
        .map(String::as_str)
}

/// The effective deletion policy is `Retain`.
pub fn retains(tenant: &Tenant, status: &TenantStatus) -> bool {
    let policy = tenant.spec.deletion_policy.unwrap_or({
        if status.adopted == Some(true) {
            DeletionPolicy::Retain
        } else {
            DeletionPolicy::Delete
        }
    });
    policy == DeletionPolicy::Retain
}

fn creation(
    status: &TenantStatus,
    handle: Option<&Handle>,
    memory: &mut Memory,
    key: &Key,
) -> Creation {
    let Some(recorded) = &status.creation else {
        return Creation::None;
    };
    if memory
        .attempt
        .as_ref()
        .is_none_or(|attempt| attempt.id != recorded.attempt)
    {
        memory.attempt = Some(Attempt::seen(&recorded.attempt));
    }
    let Some(attempt) = &mut memory.attempt else {
        return Creation::None;
    };
    let sole = attempt.written_here && attempt.sends <= 1;
    let unknown = Unknown {
        here: handle.is_some_and(|handle| handle.endpoint.to_string() == recorded.server),
        settled: attempt.since.elapsed() >= SETTLED_AFTER,
        waited: attempt.since.elapsed() >= WAIT_LIMIT,
    };
    let unsent = attempt.written_here && attempt.sends == 0 && recorded.task.is_none();
    if handle.is_some() && !unknown.here && !unsent {
        // Another server's tasks say nothing about this attempt.
        return Creation::Unknown(unknown);
    }
    let task = recorded.task.as_ref().map(|id| TaskId::new(id.clone()));
    // What this process sent last is newer than what it could write down.
    if let Some(id) = attempt.task.clone().or(task) {
        attempt.task = Some(id.clone());
        let task = handle.map_or(Task::Running, |handle| {
            follow(&handle.server, &id, &TaskType::CreateTenant, key)
        });
        if !matches!(task, Task::Running | Task::Stuck) && attempt.ended.is_none() {
            attempt.ended = Some(Instant::now());
            attempt.since = Instant::now();
        }
        return Creation::Task {
            task,
            sole,
            cancelled: attempt.cancelled,
            unknown,
        };
    }
    match attempt.refusal {
        Some(refusal) if sole => Creation::Refused { refusal, sole },
        // A refused retry has an earlier, lost request beside it: its wait has an end.
        Some(refusal) => Creation::Task {
            task: Task::Refused(refusal),
            sole,
            cancelled: false,
            unknown,
        },
        // Nothing was sent, and the server has moved: another intent names it anew.
        None if attempt.written_here && attempt.sends == 0 && !unknown.here => Creation::None,
        None if attempt.written_here && attempt.sends == 0 => Creation::Intended,
        None => Creation::Unknown(unknown),
    }
}

fn removal(
    status: &TenantStatus,
    handle: Option<&Handle>,
    memory: &mut Memory,
    key: &Key,
) -> Removal {
    let Some(recorded) = &status.removal else {
        return Removal::None;
    };
    if memory
        .removal
        .as_ref()
        .is_none_or(|removal| removal.id != recorded.attempt)
    {
        memory.removal = Some(RemovalMemory::seen(&recorded.attempt));
    }
    let Some(removal) = &mut memory.removal else {
        return Removal::None;
    };
    let settled = removal.since.elapsed() >= SETTLED_AFTER;
    let here = handle.map(|handle| handle.endpoint.to_string());
    if here.is_some() && recorded.server.is_some() && recorded.server != here {
        // Another server's tasks say nothing about this deletion.
        return Removal::Unknown { settled: false };
    }
    let picture = handle.map(|handle| handle.server.as_ref());
    let task = recorded.task.as_ref().map(|id| TaskId::new(id.clone()));
    match removal.task.clone().or(task) {
        Some(id) => {
            removal.task = Some(id.clone());
            Removal::Task {
                task: picture.map_or(Task::Running, |picture| {
                    follow(picture, &id, &TaskType::DeleteTenant, key)
                }),
                cancelled: removal.cancelled,
                settled,
            }
        }
        None if removal.unsent => Removal::Decided,
        None => Removal::Unknown { settled },
    }
}

/// Watches a task, and says how far it is.
fn follow(picture: &Picture, id: &TaskId, task_type: &TaskType, key: &Key) -> Task {
    let view = match picture.tasks().view(id) {
        Some(view) => view,
        None => {
            picture.watch_task(id, key);
            View::Unseen
        }
    };
    match view {
        View::Forgotten => Task::Forgotten,
        // A rolled-back server gives identifiers a second time: this one is somebody
        // else's task.
        View::Seen(task)
            if task
                .task_type
                .as_ref()
                .is_some_and(|found| found != task_type) =>
        {
            Task::Forgotten
        }
        View::Seen(task) if task.state.is_terminal() => match task.state {
            viis::TaskState::Completed => Task::Completed,
            viis::TaskState::Created
            | viis::TaskState::Queued
            | viis::TaskState::Starting
            | viis::TaskState::Running
            | viis::TaskState::Stopping
            | viis::TaskState::Failed
            | viis::TaskState::Canceled
            | viis::TaskState::Other(_) => Task::Refused(refusal_of(task.error())),
        },
        View::Unseen | View::Seen(_) => {
            if picture.tasks().is_stuck(id) {
                Task::Stuck
            } else {
                Task::Running
            }
        }
    }
}

fn refusal_of(error: Option<&viis::TaskError>) -> Refusal {
    refusal(error.and_then(|error| error.code.as_ref()))
}

/// What a code says of the object that was refused.
pub fn refusal(code: Option<&viis::Code>) -> Refusal {
    match code.map(viis::Code::as_str) {
        Some(codes::TENANT_NAME_ALREADY_EXISTS) => Refusal::NameExists,
        Some(codes::TENANT_NOT_FOUND) => Refusal::TenantNotFound,
        Some(_) | None => Refusal::Other,
    }
}

fn change(
    status: &TenantStatus,
    picture: Option<&Picture>,
    memory: &mut Memory,
    key: &Key,
) -> Change {
    // A task that another process started, and wrote down, is followed too.
    if memory.change.is_none()
        && let Some(task) = status.task.as_ref()
        && task.task_type.as_deref() == Some("ChangeTenantActivation")
        && !task.state.as_deref().is_some_and(is_terminal_word)
        && !memory.alone
    {
        memory.change = Some(ChangeMemory::Task(TaskId::new(task.id.clone()), None));
    }
    match &memory.change {
        None => Change::None,
        Some(ChangeMemory::Lost(at)) if at.elapsed() < SETTLED_AFTER => Change::Settling,
        Some(ChangeMemory::Lost(_)) => {
            memory.change = None;
            Change::None
        }
        Some(ChangeMemory::Task(id, _)) => {
            match picture.map_or(Task::Running, |picture| {
                follow(picture, id, &TaskType::ChangeTenantActivation, key)
            }) {
                Task::Running => Change::Running,
                Task::Stuck => Change::Stuck,
                // Its end is taken up by whoever looks at the outcome.
                Task::Completed | Task::Refused(_) | Task::Forgotten => Change::None,
            }
        }
    }
}

fn is_terminal_word(state: &str) -> bool {
    matches!(
        state,
        "Completed" | "Failed" | "Canceled" | "Cancelled" | "Stopped"
    )
}

fn watched_task(
    status: &TenantStatus,
    memory: &Memory,
    picture: Option<&Picture>,
) -> Option<Arc<viis::Task>> {
    let removing = status.removal.as_ref().and(memory.removal.as_ref());
    let creating = status.creation.as_ref().and(memory.attempt.as_ref());
    let changing = match &memory.change {
        Some(ChangeMemory::Task(id, _)) => Some(id.clone()),
        Some(ChangeMemory::Lost(_)) | None => None,
    };
    let id = removing
        .and_then(|removal| removal.task.clone())
        .or_else(|| creating.and_then(|attempt| attempt.task.clone()))
        .or(changing)?;
    match picture?.tasks().view(&id)? {
        View::Seen(task) => Some(task),
        View::Unseen | View::Forgotten => None,
    }
}

fn server_facts(
    context: &Context,
    server: Option<&IntegrationServer>,
    handle: Option<&Handle>,
    key: &Key,
) -> Server {
    let Some(server) = server else {
        return Server {
            reach: Reach::Missing,
            permitted: true,
            leaving: false,
            adopts_by_id: false,
            adopts_identical: false,
        };
    };
    let policy = server.spec.adoption_policy;
    Server {
        reach: reach(context, server, handle),
        permitted: context
            .cluster
            .permits(server, &key.namespace)
            .unwrap_or(false),
        leaving: server.meta().deletion_timestamp.is_some(),
        adopts_by_id: policy != AdoptionPolicy::Never,
        adopts_identical: policy == AdoptionPolicy::IfIdentical,
    }
}

/// Whether an existing IntegrationServer can be worked on.
pub fn reach(context: &Context, server: &IntegrationServer, handle: Option<&Handle>) -> Reach {
    let operator = server
        .status
        .as_ref()
        .and_then(|status| status.operator.as_deref());
    if operator.is_some_and(|operator| operator != context.installation()) {
        return Reach::Foreign;
    }
    handle.map_or(Reach::NotReady, Handle::reach)
}

fn is_outclaimed(
    context: &Context,
    server: Option<&IntegrationServer>,
    tenant: &Tenant,
    uid: &str,
) -> bool {
    let server_name = &tenant.spec.integration_server_ref.name;
    let rivals = context
        .cluster
        .tenants_named(server_name, tenant.server_name());
    if rivals.len() < 2 {
        return false;
    }
    let rivals: Vec<Arc<Tenant>> = rivals
        .iter()
        .filter_map(|rival| context.cluster.tenant(rival))
        .collect();
    let claimants: Vec<Claimant<'_>> = rivals
        .iter()
        .map(|rival| {
            let status = own_status(rival);
            Claimant {
                uid: rival.meta().uid.as_deref().unwrap_or_default(),
                holds: status.tenant_id.is_some() || status.creation.is_some(),
                permitted: server.is_none_or(|server| {
                    let namespace = rival.meta().namespace.as_deref().unwrap_or_default();
                    context.cluster.permits(server, namespace).unwrap_or(false)
                }),
                created: created_at(rival.as_ref()),
            }
        })
        .collect();
    holder(&claimants).is_some_and(|holder| holder != uid)
}

/// An object's creation time in seconds.
pub fn created_at<K: Resource>(object: &K) -> i64 {
    let created = object.meta().creation_timestamp.as_ref();
    created.map_or(0, |time| time.0.as_second())
}

/// Whether the list is recent, and from after everything the decision rests on.
fn is_fresh(status: &TenantStatus, picture: Option<&Picture>, memory: &Memory) -> bool {
    let Some(listed_at) = picture.and_then(|picture| picture.tenants().listed_at()) else {
        return false;
    };
    // A slow list is old when it arrives: one that this very look asked for counts.
    let asked_now = memory.run_started.is_some_and(|run| listed_at >= run);
    if listed_at.elapsed() > RECENT && !asked_now {
        return false;
    }
    match (&status.creation, &memory.attempt) {
        (Some(_), Some(attempt)) => {
            let settled = attempt.since + SETTLED_AFTER;
            let from = if settled <= Instant::now() && attempt.ended.is_none() {
                settled
            } else {
                attempt.since
            };
            listed_at >= from
        }
        (Some(_), None) | (None, _) => true,
    }
}

fn is_from_after_the_spec(picture: Option<&Picture>, memory: &Memory) -> bool {
    let listed_at = picture.and_then(|picture| picture.tenants().listed_at());
    match (&memory.spec_seen, listed_at) {
        (Some((_, _, seen)), Some(listed_at)) => listed_at >= *seen,
        (None, _) | (_, None) => false,
    }
}

fn by_id(
    tenant: &Tenant,
    id: Option<&TenantId>,
    entry: Option<&Entry>,
    handle: Option<&Handle>,
) -> ById {
    let (Some(id), Some(handle)) = (id, handle) else {
        return ById::Unlisted;
    };
    let tenants = handle.server.tenants();
    if tenants.listed_at().is_none() {
        return ById::Unlisted;
    }
    // A deletion needs the server's own proof, whatever a person agreed to.
    let uid = tenant.meta().uid.as_deref().unwrap_or_default();
    let written_off = tenant.meta().deletion_timestamp.is_none() && handle.wrote_off(uid);
    match entry {
        Some(entry) if has_identity(tenant, entry) => ById::Same(activity_of(&entry.status)),
        Some(_) if written_off => ById::Gone,
        Some(_) => ById::Other,
        None if written_off || tenants.is_gone(id) => ById::Gone,
        None => ById::Missing,
    }
}

/// A tenant's state, as decisions see it.
pub fn activity_of(status: &Status) -> Activity {
    match status {
        Status::Active => Activity::Active,
        Status::Inactive => Activity::Inactive,
        Status::Other(_) => Activity::Other,
    }
}

/// Whether what stands under an identifier has our name and type.
pub fn has_identity(tenant: &Tenant, entry: &Entry) -> bool {
    *entry.name == *tenant.server_name()
        && entry
            .tenant_type
            .as_ref()
            .is_none_or(|found| is_type(tenant.spec.tenant_type, found))
}

fn is_type(wanted: TenantType, found: &viis::TenantType) -> bool {
    match found {
        viis::TenantType::Complete => wanted == TenantType::Complete,
        viis::TenantType::Simple => wanted == TenantType::Simple,
        viis::TenantType::Other(_) => false,
    }
}

/// Every field that both sides show is equal.
fn is_identical(tenant: &Tenant, entry: &Entry) -> bool {
    let spec = &tenant.spec;
    let same =
        |ours: Option<&str>, theirs: Option<Fingerprint>| match (Fingerprint::of(ours), theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, _) | (_, None) => true,
        };
    let administrator = spec.administrator.as_ref().map(|a| a.name.as_str());
    has_identity(tenant, entry)
        && same(spec.description.as_deref(), entry.description)
        && same(spec.user_data.as_deref(), entry.user_data)
        && administrator
            .zip(entry.administrator.as_deref())
            .is_none_or(|(ours, theirs)| ours == theirs)
}

fn is_owned_by_another(cluster: &Cluster, tenant: &Tenant, id: &TenantId, key: &Key) -> bool {
    let server = &tenant.spec.integration_server_ref.name;
    cluster
        .tenants_with_id(server, id)
        .iter()
        .any(|owner| owner != key)
}

/// The identifier that our own completed creation named.
fn made_by(task: Option<&viis::Task>, status: &TenantStatus) -> Option<TenantId> {
    status.creation.as_ref()?;
    Some(task?.created_tenant()?.id().clone())
}

fn by_name(
    tenant: &Tenant,
    named: Option<&(TenantId, Entry)>,
    made: Option<&TenantId>,
    cluster: &Cluster,
    key: &Key,
) -> Sighting {
    match named {
        None => Sighting::Absent,
        Some((id, _)) if is_owned_by_another(cluster, tenant, id, key) => Sighting::Owned,
        Some((_, entry)) if is_identical(tenant, entry) => Sighting::Equal,
        // The server named it as what our task made: a field that it writes in
        // another way does not make it somebody else's.
        Some((id, entry)) if made == Some(id) && has_identity(tenant, entry) => Sighting::Equal,
        Some(_) => Sighting::Different,
    }
}

fn existing(tenant: &Tenant, picture: Option<&Picture>, cluster: &Cluster, key: &Key) -> Sighting {
    let (Some(id), Some(picture)) = (&tenant.spec.existing_tenant_id, picture) else {
        return Sighting::Absent;
    };
    let id = TenantId::new(id.clone());
    match picture.tenants().by_id(&id) {
        None => Sighting::Absent,
        Some(_) if is_owned_by_another(cluster, tenant, &id, key) => Sighting::Owned,
        Some(entry) if has_identity(tenant, &entry) => Sighting::Equal,
        Some(_) => Sighting::Different,
    }
}

/// Whether tasks of this type may run that nobody claims: by a recent survey, else yes.
fn unclaimed(picture: Option<&Picture>, task_type: &TaskType) -> bool {
    let Some(picture) = picture else {
        return true;
    };
    let recent = picture
        .tasks()
        .surveyed_at()
        .is_some_and(|at| at.elapsed() < RECENT);
    !recent || picture.tasks().unclaimed(task_type)
}

fn is_first_activation(status: &TenantStatus) -> bool {
    match conditions::find(&status.conditions, ConditionType::Activated) {
        None => true,
        Some(activated) => {
            activated.status != "True"
                && activated.reason == crate::api::reasons::WAITING_FOR_VIRTUAL_MACHINES
        }
    }
}

fn waited_for_machines(status: &TenantStatus) -> bool {
    let provisioned = conditions::find(&status.conditions, ConditionType::Provisioned);
    provisioned.is_some_and(|provisioned| {
        let since = Timestamp::now().duration_since(provisioned.last_transition_time.0);
        provisioned.status == "True" && since.as_secs() >= WAIT_LIMIT.as_secs().cast_signed()
    })
}

fn count_machines(cluster: &Cluster, key: &Key, tenant_id: Option<&str>) -> (Count, Vec<String>) {
    let mut count = Count::default();
    let mut referrers = Vec::new();
    for name in cluster.machines_of_tenant(key) {
        let Some(machine) = cluster.machine(&name) else {
            continue;
        };
        let registered = is_registered_with(&machine, tenant_id);
        count.registered += u32::from(registered);
        if machine.meta().deletion_timestamp.is_some() {
            continue;
        }
        count.referring += 1;
        referrers.push(name.name);
        count.unregistered += u32::from(!registered && !is_stalled(&machine));
    }
    (count, referrers)
}

#[cfg(test)]
mod tests;
