//! What one process knows of the Integration Server: the list of tenants with its notes,
//! the proofs of absence, the survey of tasks, the watched tasks, the list of machines.
//! It stands for `src/inventory`; times are "less than 10 s ago", "30 s ago".

use crate::world::{End, Id, Kind, Server, Task, Tenant};

/// A tenant as the list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub id: Id,
    pub name: u8,
    pub fields: u8,
    pub active: bool,
}

/// What is known of a watched task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Not looked at yet.
    Unseen,
    Running,
    Ended(Kind, End),
    Forgotten,
}

/// One process's picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Picture {
    /// The last complete list, and what this process did since.
    pub list: Option<Vec<Entry>>,
    /// It began less than 10 s ago.
    pub recent: bool,
    /// It began 30 s ago or more.
    pub aged: bool,
    /// Proved absent.
    pub gone: Vec<Id>,
    /// The running tasks of the last survey, while that is recent.
    pub survey: Option<Vec<(Id, Kind)>>,
    /// Tasks that somebody waits for.
    pub watched: Vec<Watched>,
    /// The tenants that were asked for less than 10 s ago, with an answer that holds.
    pub asked: Vec<Id>,
    /// The machine in the list of machines of each tenant that was asked for it.
    pub machines: Vec<(Id, Option<u8>)>,
}

/// A task that this Tenant waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watched {
    pub id: Id,
    pub slot: usize,
    pub view: View,
    /// When the server made it, as it said last.
    pub created: Option<u8>,
    /// The server did not remember it once: what is shown since may be another's.
    pub lapsed: bool,
}

impl Watched {
    fn show(&mut self, task: &Task) {
        self.view = View::of(task);
        self.created = Some(task.created);
    }
}

impl View {
    fn of(task: &Task) -> Self {
        match task.end {
            None => View::Running,
            Some(end) => View::Ended(task.work.kind(), end),
        }
    }
}

impl From<&Tenant> for Entry {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id,
            name: tenant.name,
            fields: tenant.fields,
            active: tenant.active,
        }
    }
}

impl Picture {
    /// Takes a complete list of now, in which `hidden` is not shown.
    pub fn replace(&mut self, server: &Server, hidden: Option<Id>) {
        let shown = server.tenants.iter().filter(|t| Some(t.id) != hidden);
        let list: Vec<Entry> = shown.map(Entry::from).collect();
        let listed = |id: &Id| list.iter().any(|entry| entry.id == *id);
        let gone = &self.gone;
        self.asked.retain(|id| !(gone.contains(id) && listed(id)));
        self.gone.retain(|id| !listed(id));
        self.list = Some(list);
        self.recent = true;
        self.aged = false;
    }

    /// The picture is the one that a list of now would give.
    pub fn is_current(&self, server: &Server) -> bool {
        let truth = server.tenants.iter().map(Entry::from);
        self.list
            .as_ref()
            .is_some_and(|l| l.iter().copied().eq(truth))
    }

    pub fn by_id(&self, id: Id) -> Option<Entry> {
        let list = self.list.as_ref()?;
        list.iter().find(|entry| entry.id == id).copied()
    }

    pub fn by_name(&self, name: u8) -> Option<Entry> {
        let list = self.list.as_ref()?;
        list.iter().find(|entry| entry.name == name).copied()
    }

    pub fn is_gone(&self, id: Id) -> bool {
        self.gone.contains(&id)
    }

    fn answered(&mut self, id: Id) {
        if !self.asked.contains(&id) {
            self.asked.push(id);
            self.asked.sort_unstable();
        }
    }

    /// The server proved this tenant absent: an answer for as long as no list shows it.
    pub fn proved_absent(&mut self, id: Id) {
        if !self.gone.contains(&id) {
            self.gone.push(id);
            self.gone.sort_unstable();
        }
        self.answered(id);
        if let Some(list) = &mut self.list {
            list.retain(|entry| entry.id != id);
        }
    }

    fn put(&mut self, entry: Entry) {
        if let Some(list) = &mut self.list {
            list.retain(|known| known.id != entry.id);
            list.push(entry);
            list.sort_by_key(|entry| entry.id);
        }
    }

    /// `GET` of one tenant.
    pub fn get(&mut self, server: &Server, id: Id) {
        match server.tenant(id) {
            Some(tenant) => {
                self.gone.retain(|gone| *gone != id);
                self.put(Entry::from(tenant));
                self.answered(id);
            }
            None => self.proved_absent(id),
        }
    }

    /// A task of ours changed this tenant's state.
    pub fn changed(&mut self, id: Id, active: bool) {
        if let Some(list) = &mut self.list {
            for entry in list.iter_mut().filter(|entry| entry.id == id) {
                entry.active = active;
            }
        }
    }

    /// A list of all tasks, for those that nobody claims.
    pub fn survey(&mut self, server: &Server) {
        let running = server.running().map(|task| (task.id, task.work.kind()));
        self.survey = Some(running.collect());
        self.poll(server);
        // What the list shows runs again, under an identifier that was given twice say.
        for watched in &mut self.watched {
            if let Some(task) = server.task(watched.id) {
                watched.show(task);
            }
        }
    }

    /// Tasks of this type may run that nobody claims.
    pub fn unclaimed(&self, kind: Kind) -> bool {
        match &self.survey {
            None => true,
            Some(running) => running.iter().any(|(id, found)| {
                *found == kind && !self.watched.iter().any(|watched| watched.id == *id)
            }),
        }
    }

    /// Whoever got an identifier last has it, and who had it before no longer does.
    pub fn watch(&mut self, id: Id, slot: usize) {
        let goes_on = |watched: &Watched| {
            let over = matches!(watched.view, View::Ended(..) | View::Forgotten);
            watched.id == id && watched.slot == slot && !over
        };
        if self.watched.iter().any(goes_on) {
            return;
        }
        self.watched.retain(|watched| watched.id != id);
        self.watched.push(Watched {
            id,
            slot,
            view: View::Unseen,
            created: None,
            lapsed: false,
        });
        self.watched.sort_unstable_by_key(|watched| watched.id);
    }

    pub fn forget(&mut self, id: Id, slot: usize) {
        self.watched
            .retain(|watched| watched.id != id || watched.slot != slot);
    }

    fn watched(&self, id: Id) -> Option<&Watched> {
        self.watched.iter().find(|watched| watched.id == id)
    }

    /// What this Tenant knows of its task. One that another Tenant waits for is another
    /// task with the same identifier.
    pub fn view(&self, id: Id, slot: usize) -> Option<View> {
        let found = self.watched(id)?;
        let ours = found.slot == slot;
        Some(if ours { found.view } else { View::Forgotten })
    }

    /// When the server made this Tenant's task, where it was seen.
    pub fn created(&self, id: Id, slot: usize) -> Option<u8> {
        let found = self.watched(id).filter(|watched| watched.slot == slot)?;
        let seen = matches!(found.view, View::Running | View::Ended(..));
        found.created.filter(|_| seen)
    }

    /// This Tenant watches the task, and the server always remembered it.
    pub fn never_lapsed(&self, id: Id, slot: usize) -> bool {
        let found = self.watched(id).filter(|watched| watched.slot == slot);
        found.is_some_and(|watched| !watched.lapsed)
    }

    /// The poller asks for every watched task that has not ended.
    pub fn poll(&mut self, server: &Server) {
        for watched in &mut self.watched {
            match (watched.view, server.task(watched.id)) {
                (View::Ended(..) | View::Forgotten, _) => {}
                (View::Unseen | View::Running, None) => {
                    watched.view = View::Forgotten;
                    watched.lapsed = true;
                }
                (View::Unseen | View::Running, Some(task)) => watched.show(task),
            }
        }
    }

    /// What the list of this tenant's machines shows; None without one.
    pub fn machine(&self, tenant: Id) -> Option<Option<u8>> {
        let list = self.machines.iter().find(|(listed, _)| *listed == tenant);
        list.map(|(_, found)| *found)
    }

    fn put_machine(&mut self, tenant: Id, found: Option<u8>) {
        self.machines.retain(|(listed, _)| *listed != tenant);
        self.machines.push((tenant, found));
        self.machines.sort_unstable();
    }

    /// A tenant that was made this moment has no machines.
    pub fn no_machine_yet(&mut self, tenant: Id) {
        if self.machine(tenant).is_none() {
            self.put_machine(tenant, None);
        }
    }

    /// The machine is not in the list of this tenant's machines, if there is one.
    pub fn without_machine(&mut self, tenant: Id) {
        if self.machine(tenant).is_some() {
            self.put_machine(tenant, None);
        }
    }

    /// Gets the list of a tenant's machines; false when the server has no such tenant.
    pub fn list_machines(&mut self, server: &Server, tenant: Id) -> bool {
        let Some(found) = server.tenant(tenant) else {
            return false;
        };
        let fields = found.machine.map(|machine| machine.fields);
        self.put_machine(tenant, fields);
        true
    }
}
