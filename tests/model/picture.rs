//! What one process knows of the Integration Server: the list of tenants with its notes,
//! the proofs of absence, the survey of tasks, the watched tasks, the list of machines.
//! It stands for `src/inventory`; times are "less than 10 s ago", "30 s ago".

use crate::world::{End, Id, Kind, Made, Server, Task, Tenant};

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
    pub watched: Vec<(Id, View)>,
    /// The machine in the list of machines of this tenant.
    pub machines: Option<(Id, Option<u8>)>,
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
        self.gone.retain(|id| !list.iter().any(|e| e.id == *id));
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

    /// The server proved this tenant absent.
    pub fn proved_absent(&mut self, id: Id) {
        if !self.gone.contains(&id) {
            self.gone.push(id);
            self.gone.sort_unstable();
        }
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
            }
            None => self.proved_absent(id),
        }
    }

    /// The result of a creation's task, where no list from after its end knows better.
    pub fn was_made(&mut self, made: Made) {
        self.put(Entry {
            id: made.id,
            name: made.name,
            fields: made.fields,
            active: false,
        });
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
        for (id, view) in &mut self.watched {
            if let Some(task) = server.task(*id) {
                *view = View::of(task);
            }
        }
    }

    /// Tasks of this type may run that nobody claims.
    pub fn unclaimed(&self, kind: Kind) -> bool {
        match &self.survey {
            None => true,
            Some(running) => running.iter().any(|(id, found)| {
                *found == kind && !self.watched.iter().any(|(watched, _)| watched == id)
            }),
        }
    }

    pub fn watch(&mut self, id: Id) {
        if self.view(id).is_none() {
            self.watched.push((id, View::Unseen));
            self.watched.sort_unstable_by_key(|(id, _)| *id);
        }
    }

    pub fn forget(&mut self, id: Id) {
        self.watched.retain(|(watched, _)| *watched != id);
    }

    pub fn view(&self, id: Id) -> Option<View> {
        let found = self.watched.iter().find(|(watched, _)| *watched == id);
        found.map(|(_, view)| *view)
    }

    /// The poller asks for every watched task that has not ended.
    pub fn poll(&mut self, server: &Server) {
        for (id, view) in &mut self.watched {
            *view = match (*view, server.task(*id)) {
                (over @ (View::Ended(..) | View::Forgotten), _) => over,
                (View::Unseen | View::Running, None) => View::Forgotten,
                (View::Unseen | View::Running, Some(task)) => View::of(task),
            };
        }
    }

    /// Gets the list of a tenant's machines; false when the server has no such tenant.
    pub fn list_machines(&mut self, server: &Server, tenant: Id) -> bool {
        let Some(found) = server.tenant(tenant) else {
            return false;
        };
        let fields = found.machine.map(|machine| machine.fields);
        self.machines = Some((tenant, fields));
        true
    }
}
