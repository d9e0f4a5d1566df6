//! The complete list of a server's tenants, with what this process did since it was made.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::Text;
use crate::viis::{Tenant, TenantId, TenantStatus, TenantType, normalized};

/// The tenants of one server.
#[derive(Default)]
pub struct Tenants(Mutex<State>);

#[derive(Default)]
struct State {
    list: Option<List>,
    /// What happened to each tenant since the list that is there began.
    notes: HashMap<TenantId, Notes>,
    /// When each tenant was last asked for by its identifier, and was there.
    asked: HashMap<TenantId, Instant>,
    /// Proved absent by the server's own 404 or a completed deletion.
    gone: HashMap<TenantId, Instant>,
    /// In how many complete lists in a row, 30 s apart, a tenant was missing.
    missing: HashMap<TenantId, Missing>,
    /// When the first list of an unbroken series that shows a tenant began.
    shown_since: HashMap<TenantId, Instant>,
}

struct List {
    started: Instant,
    by_id: HashMap<TenantId, Entry>,
    /// By the normal form of its name. Should two have one name, the later one comes last.
    by_name: HashMap<Box<str>, Vec<TenantId>>,
}

#[derive(Clone, Copy)]
struct Missing {
    first: Instant,
    confirmed: bool,
}

/// What happened after a list may have been read: it counts until a list starts later.
/// Of a tenant only the last of each is kept, however long no list is to be had.
#[derive(Default)]
struct Notes {
    /// As it was seen; None: it is gone.
    whole: Option<(Instant, Option<Entry>)>,
    /// Its state, when that is newer.
    status: Option<(Instant, Status)>,
}

/// A tenant's state on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// `Active`.
    Active,
    /// `Inactive`.
    Inactive,
    /// What else the server says, word for word.
    Other(Box<str>),
}

impl Status {
    /// The server's word.
    pub fn as_str(&self) -> &str {
        match self {
            Status::Active => "Active",
            Status::Inactive => "Inactive",
            Status::Other(word) => word,
        }
    }
}

impl From<&TenantStatus> for Status {
    fn from(status: &TenantStatus) -> Self {
        match status {
            TenantStatus::Active => Status::Active,
            TenantStatus::Inactive => Status::Inactive,
            TenantStatus::Other(word) => Status::Other(word.as_str().into()),
        }
    }
}

/// A tenant, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Box<str>,
    /// Its type; None where the server does not say.
    pub tenant_type: Option<TenantType>,
    /// Its state.
    pub status: Status,
    /// Its description.
    pub description: Option<Text>,
    /// Its user data.
    pub user_data: Option<Text>,
    /// The administrator's name, where the server shows it.
    pub administrator: Option<Box<str>>,
    /// The virtual Administration Server.
    pub virtual_administration_server: Option<Box<str>>,
}

impl From<&Tenant> for Entry {
    fn from(tenant: &Tenant) -> Self {
        let server = tenant.virtual_administration_server.as_ref();
        Self {
            name: tenant.name.as_str().into(),
            tenant_type: tenant.tenant_type.clone(),
            status: Status::from(&tenant.status),
            description: Text::of(tenant.description.as_deref()),
            user_data: Text::of(tenant.user_data.as_deref()),
            administrator: server
                .and_then(|s| s.administrator.as_deref())
                .map(Into::into),
            virtual_administration_server: server.and_then(|s| s.id.as_deref()).map(Into::into),
        }
    }
}

impl List {
    fn put(&mut self, id: TenantId, entry: Entry) {
        self.remove(&id);
        let name = normalized(&entry.name).into();
        self.by_name.entry(name).or_default().push(id.clone());
        self.by_id.insert(id, entry);
    }

    fn remove(&mut self, id: &TenantId) {
        let Some(entry) = self.by_id.remove(id) else {
            return;
        };
        let name = normalized(&entry.name);
        if let Some(ids) = self.by_name.get_mut(name.as_ref()) {
            ids.retain(|found| found != id);
            if ids.is_empty() {
                self.by_name.remove(name.as_ref());
            }
        }
    }

    /// The tenants whose names have the same normal form as this one.
    fn alike(&self, name: &str) -> impl DoubleEndedIterator<Item = (&TenantId, &Entry)> {
        let ids = self.by_name.get(normalized(name).as_ref());
        ids.into_iter()
            .flatten()
            .filter_map(|id| Some((id, self.by_id.get(id)?)))
    }

    fn apply(&mut self, id: &TenantId, entry: Option<Entry>) {
        match entry {
            Some(entry) => self.put(id.clone(), entry),
            None => self.remove(id),
        }
    }

    fn apply_status(&mut self, id: &TenantId, status: Status) {
        if let Some(entry) = self.by_id.get_mut(id) {
            entry.status = status;
        }
    }
}

impl State {
    fn is_shown(&self, id: &TenantId) -> bool {
        self.shown_since.contains_key(id) || self.asked.contains_key(id)
    }
}

impl Notes {
    /// Forgets what a list that began then knows better.
    fn outlive(&mut self, started: Instant) -> bool {
        self.whole.take_if(|(at, _)| *at < started);
        self.status.take_if(|(at, _)| *at < started);
        self.whole.is_some() || self.status.is_some()
    }
}

/// Two complete lists without a tenant count as two when they are this far apart.
pub const ABSENCE_APART: std::time::Duration = std::time::Duration::from_secs(30);

/// A proof of absence is kept this long; later it is proved again.
const GONE_FOR: std::time::Duration = std::time::Duration::from_secs(60 * 60);

impl Tenants {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a complete list whose call started at `started`.
    pub fn replace(&self, tenants: &[Tenant], started: Instant) {
        let mut state = self.state();
        let mut list = List {
            started,
            by_id: HashMap::with_capacity(tenants.len()),
            by_name: HashMap::with_capacity(tenants.len()),
        };
        let mut shown_since = HashMap::with_capacity(tenants.len());
        for tenant in tenants {
            list.put(tenant.id.clone(), Entry::from(tenant));
            let since = state.shown_since.get(&tenant.id).copied();
            shown_since.insert(tenant.id.clone(), since.unwrap_or(started));
        }
        state.shown_since = shown_since;
        // What the list itself shows, whatever was noted while it was under way.
        state.missing.retain(|id, missing| {
            !list.by_id.contains_key(id) && missing.first.elapsed() < GONE_FOR
        });
        state.notes.retain(|_, notes| notes.outlive(started));
        let mut seen: Vec<_> = state.notes.iter().collect();
        // Should two have one name, the later one has it.
        seen.sort_by_key(|(_, notes)| notes.whole.as_ref().map(|(at, _)| *at));
        for (id, notes) in seen {
            if let Some((_, entry)) = &notes.whole {
                list.apply(id, entry.clone());
            }
            if let Some((_, status)) = &notes.status {
                list.apply_status(id, status.clone());
            }
        }
        let listed = |id: &TenantId| list.by_id.contains_key(id);
        state
            .gone
            .retain(|id, at| !listed(id) && at.elapsed() < GONE_FOR);
        for missing in state.missing.values_mut() {
            missing.confirmed |= started.duration_since(missing.first) >= ABSENCE_APART;
        }
        state.asked.retain(|_, at| at.elapsed() < ABSENCE_APART);
        state.list = Some(list);
    }

    fn note(&self, id: &TenantId, entry: Option<Entry>) {
        let mut state = self.state();
        if let Some(list) = &mut state.list {
            list.apply(id, entry.clone());
        }
        let whole = Some((Instant::now(), entry));
        let notes = Notes {
            whole,
            status: None,
        };
        state.notes.insert(id.clone(), notes);
    }

    /// The server answered the question for this tenant.
    pub fn answered(&self, tenant: &Tenant) {
        let mut state = self.state();
        state.asked.insert(tenant.id.clone(), Instant::now());
        drop(state);
        self.saw(tenant);
    }

    /// Whether the last list, or an answer about this very tenant, shows it.
    pub fn is_shown(&self, id: &TenantId) -> bool {
        self.state().is_shown(id)
    }

    /// The server showed this tenant, in the result of a task say.
    pub fn saw(&self, tenant: &Tenant) {
        let mut state = self.state();
        state.gone.remove(&tenant.id);
        state.missing.remove(&tenant.id);
        drop(state);
        self.note(&tenant.id, Some(Entry::from(tenant)));
    }

    /// A task of ours changed this tenant's state.
    pub fn changed(&self, id: &TenantId, status: Status) {
        let mut state = self.state();
        if let Some(list) = &mut state.list {
            list.apply_status(id, status.clone());
        }
        let notes = state.notes.entry(id.clone()).or_default();
        notes.status = Some((Instant::now(), status));
    }

    /// The server proved that this tenant is gone. That counts as an answer for as long
    /// as no list shows the tenant.
    pub fn proved_absent(&self, id: &TenantId) {
        let mut state = self.state();
        state.asked.remove(id);
        state.gone.insert(id.clone(), Instant::now());
        drop(state);
        self.note(id, None);
    }

    /// When the last complete list started.
    pub fn listed_at(&self) -> Option<Instant> {
        self.state().list.as_ref().map(|list| list.started)
    }

    /// When this tenant was last asked for by its identifier, with an answer that holds.
    pub fn asked_at(&self, id: &TenantId) -> Option<Instant> {
        let state = self.state();
        let answer = state.asked.get(id).or_else(|| state.gone.get(id));
        answer.copied()
    }

    /// The tenant under this identifier.
    pub fn by_id(&self, id: &TenantId) -> Option<Entry> {
        self.state().list.as_ref()?.by_id.get(id).cloned()
    }

    /// The tenant with exactly this name.
    pub fn by_name(&self, name: &str) -> Option<(TenantId, Entry)> {
        let state = self.state();
        let list = state.list.as_ref()?;
        let mut alike = list.alike(name).rev();
        let (id, entry) = alike.find(|(_, entry)| *entry.name == *name)?;
        Some((id.clone(), entry.clone()))
    }

    /// The tenants whose names differ from this one in white space and normal form at most.
    pub fn alike(&self, name: &str) -> Vec<(TenantId, Entry)> {
        let state = self.state();
        let list = state.list.as_ref();
        list.into_iter()
            .flat_map(|list| list.alike(name))
            .map(|(id, entry)| (id.clone(), entry.clone()))
            .collect()
    }

    /// Whether a list that began then, or an earlier one, showed this tenant, and every list
    /// since.
    pub fn was_shown(&self, id: &TenantId, then: Instant) -> bool {
        let state = self.state();
        state
            .shown_since
            .get(id)
            .is_some_and(|since| *since <= then)
    }

    /// True when the server itself proved this tenant gone since it was last seen.
    pub fn is_gone(&self, id: &TenantId) -> bool {
        self.state().gone.contains_key(id)
    }

    /// Counts a complete list without this tenant. True once two of them, 30 s
    /// apart, were without it: then a call for the tenant itself can prove it gone.
    /// A list that may show it, with a later note that it is gone, is none of the two.
    pub fn missing_twice(&self, id: &TenantId) -> bool {
        let mut state = self.state();
        let Some(list) = &state.list else {
            return false;
        };
        let first = list.started;
        let noted = state
            .notes
            .get(id)
            .is_some_and(|notes| notes.whole.is_some());
        if noted && !state.missing.contains_key(id) {
            return false;
        }
        let missing = state.missing.entry(id.clone()).or_insert(Missing {
            first,
            confirmed: false,
        });
        missing.confirmed
    }

    /// How many tenants the server has, how many of them are active, and all identifiers.
    pub fn census(&self) -> (usize, usize, Vec<TenantId>) {
        let state = self.state();
        let Some(list) = &state.list else {
            return (0, 0, Vec::new());
        };
        let active = list
            .by_id
            .values()
            .filter(|entry| entry.status == Status::Active)
            .count();
        (
            list.by_id.len(),
            active,
            list.by_id.keys().cloned().collect(),
        )
    }
}

#[cfg(test)]
mod tests;
