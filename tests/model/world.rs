//! The Integration Server: tenants, one machine's registration, tasks. It follows the
//! help's pages: names are unique, tasks do the work, a task names no tenant before
//! it is done. It knows nothing of Kubernetes or of the operator; `maker` is for the
//! properties alone, no answer shows it.

use viis_operator::plan::Refusal;

use crate::kube::Uid;

/// An identifier of the server.
pub type Id = u8;

/// Nobody's UID.
pub const NOBODY: Uid = 0;

/// How the server stores the fields of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// As they are sent.
    AsSent,
    /// In another form with the same normal form.
    Normalized,
    /// In a form that does not show what was sent.
    Unrecognizable,
}

impl Storage {
    fn of(self, fields: u8) -> u8 {
        match self {
            Storage::AsSent => fields,
            Storage::Normalized => fields + 10,
            Storage::Unrecognizable => fields + 20,
        }
    }
}

/// What stays of fields in their normal form.
pub fn normal(fields: u8) -> u8 {
    if fields < 20 { fields % 10 } else { fields }
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub id: Id,
    pub name: u8,
    /// Description and user data, as one value.
    pub fields: u8,
    pub active: bool,
    /// The resource whose request made it, or which took it over. Nobody asks the server for it.
    pub maker: Option<Uid>,
    /// A backup has brought it back after its deletion.
    pub restored: bool,
    /// The machine's registration.
    pub machine: Option<Registration>,
}

/// A registration of the one machine there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Registration {
    pub fields: u8,
    pub maker: Option<Uid>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Create { name: u8, fields: u8, maker: Uid },
    Change { tenant: Id, active: bool },
    Delete { tenant: Id },
}

/// The type that a task shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Create,
    Change,
    Delete,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Done; a creation's result names the tenant.
    Completed(Option<Made>),
    Failed(Refusal),
    Cancelled,
}

/// What a creation's result says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Made {
    pub id: Id,
    pub name: u8,
    pub fields: u8,
}

/// A task; without an end it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    pub id: Id,
    pub work: Work,
    pub end: Option<End>,
    /// The resource that it was sent for. Nobody asks the server for it.
    pub owner: Uid,
    /// When it was made: how often the server had been restored by then.
    pub created: u8,
}

/// A request that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Begin(Work),
    Cancel(Id),
    Register { tenant: Id, fields: u8 },
    Unregister { tenant: Id },
}

/// The answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Task(Id),
    Done,
    /// 404 with the server's code.
    NotFound,
    /// 409 `VIRMT_VmWithSpecifiedBiosIdAlreadyExists`.
    Exists,
    /// Any other refusal.
    Rejected,
}

/// All that the server holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    pub tenants: Vec<Tenant>,
    pub tasks: Vec<Task>,
    pub next_tenant: Id,
    pub next_task: Id,
    /// How often it was restored.
    pub era: u8,
    pub storage: Storage,
}

impl Work {
    pub fn kind(self) -> Kind {
        match self {
            Work::Create { .. } => Kind::Create,
            Work::Change { .. } => Kind::Change,
            Work::Delete { .. } => Kind::Delete,
        }
    }
}

impl Server {
    pub fn new() -> Self {
        Self {
            tenants: Vec::new(),
            tasks: Vec::new(),
            next_tenant: 1,
            next_task: 1,
            era: 0,
            storage: Storage::AsSent,
        }
    }

    pub fn tenant(&self, id: Id) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    pub fn tenant_mut(&mut self, id: Id) -> Option<&mut Tenant> {
        self.tenants.iter_mut().find(|tenant| tenant.id == id)
    }

    pub fn named(&self, name: u8) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.name == name)
    }

    pub fn task(&self, id: Id) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    /// Somebody makes a tenant on the server itself.
    pub fn add(&mut self, name: u8, fields: u8, maker: Option<Uid>) -> Id {
        let id = self.next_tenant;
        self.next_tenant += 1;
        self.tenants.push(Tenant {
            id,
            name,
            fields,
            active: false,
            maker,
            restored: false,
            machine: None,
        });
        self.tenants.sort_by_key(|tenant| tenant.id);
        id
    }

    pub fn remove(&mut self, id: Id) {
        self.tenants.retain(|tenant| tenant.id != id);
    }

    /// Takes a request that has arrived.
    pub fn accept(&mut self, call: Call, owner: Uid) -> Answer {
        match call {
            Call::Begin(work) => self.begin(work, owner),
            Call::Cancel(id) => match self.tasks.iter_mut().find(|task| task.id == id) {
                None => Answer::NotFound,
                Some(task) if task.end.is_some() => Answer::Rejected,
                Some(task) => {
                    task.end = Some(End::Cancelled);
                    Answer::Done
                }
            },
            Call::Register { tenant, fields } => {
                if self.tenants.iter().any(|found| found.machine.is_some()) {
                    return if self.tenant(tenant).is_some() {
                        Answer::Exists
                    } else {
                        Answer::NotFound
                    };
                }
                match self.tenant_mut(tenant) {
                    None => Answer::NotFound,
                    Some(found) => {
                        let maker = Some(owner);
                        found.machine = Some(Registration { fields, maker });
                        Answer::Done
                    }
                }
            }
            Call::Unregister { tenant } => match self.tenant_mut(tenant) {
                Some(found) if found.machine.is_some() => {
                    found.machine = None;
                    Answer::Done
                }
                Some(_) | None => Answer::NotFound,
            },
        }
    }

    fn begin(&mut self, work: Work, owner: Uid) -> Answer {
        let target = match work {
            Work::Create { .. } => None,
            Work::Change { tenant, .. } | Work::Delete { tenant } => Some(tenant),
        };
        if target.is_some_and(|id| self.tenant(id).is_none()) {
            return Answer::NotFound;
        }
        let id = self.next_task;
        self.next_task += 1;
        // A creation under a name that is there fails as soon as it is looked at.
        let taken = match work {
            Work::Create { name, .. } => self.named(name).is_some() && !self.deletes(name),
            Work::Change { .. } | Work::Delete { .. } => false,
        };
        let end = taken.then_some(End::Failed(Refusal::NameExists));
        self.tasks.push(Task {
            id,
            work,
            end,
            owner,
            created: self.era,
        });
        Answer::Task(id)
    }

    /// A running task does its work, or finds that it cannot.
    pub fn finish(&mut self, id: Id) {
        let running = self.task(id).filter(|task| task.end.is_none());
        let Some(work) = running.map(|task| task.work) else {
            return;
        };
        let end = self.perform(work);
        self.end(id, end);
        if let Work::Create { name, .. } = work {
            self.refuse_others(name);
        }
    }

    /// The other creations under a name that is taken now.
    pub fn refuse_others(&mut self, taken: u8) {
        let running = self.tasks.iter_mut().filter(|task| task.end.is_none());
        for task in running {
            if matches!(task.work, Work::Create { name, .. } if name == taken) {
                task.end = Some(End::Failed(Refusal::NameExists));
            }
        }
    }

    /// A running task ends like this, without doing its work.
    pub fn end(&mut self, id: Id, end: End) {
        if let Some(task) = self.tasks.iter_mut().find(|task| task.id == id) {
            task.end = Some(end);
        }
    }

    fn perform(&mut self, work: Work) -> End {
        match work {
            Work::Create { name, .. } if self.named(name).is_some() => {
                End::Failed(Refusal::NameExists)
            }
            Work::Create {
                name,
                fields,
                maker,
            } => {
                let maker = Some(maker).filter(|maker| *maker != NOBODY);
                let fields = self.storage.of(fields);
                let id = self.add(name, fields, maker);
                End::Completed(Some(Made { id, name, fields }))
            }
            Work::Change { tenant, active } => match self.tenant_mut(tenant) {
                None => End::Failed(Refusal::TenantNotFound),
                Some(tenant) => {
                    tenant.active = active;
                    End::Completed(None)
                }
            },
            Work::Delete { tenant } if self.tenant(tenant).is_some() => {
                self.remove(tenant);
                End::Completed(None)
            }
            Work::Delete { .. } => End::Failed(Refusal::TenantNotFound),
        }
    }

    /// The running tasks that may end next: those of one tenant end in their order.
    pub fn may_end(&self) -> impl Iterator<Item = Id> {
        let first = self.running().enumerate().filter(|(place, task)| {
            let name = self.concerns(task.work);
            let mut before = self.running().take(*place);
            !before.any(|before| name.is_some() && self.concerns(before.work) == name)
        });
        first.map(|(_, task)| task.id)
    }

    /// The name of the tenant that a task is about; None when there is none of that identifier.
    fn concerns(&self, work: Work) -> Option<u8> {
        match work {
            Work::Create { name, .. } => Some(name),
            Work::Change { tenant, .. } | Work::Delete { tenant } => {
                self.tenant(tenant).map(|tenant| tenant.name)
            }
        }
    }

    fn deletes(&self, name: u8) -> bool {
        self.running()
            .any(|task| task.work.kind() == Kind::Delete && self.concerns(task.work) == Some(name))
    }

    /// A task can do something yet.
    pub fn is_about_something(&self, work: Work) -> bool {
        self.concerns(work).is_some()
    }

    /// The tasks that run.
    pub fn running(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.end.is_none())
    }
}

impl Task {
    /// What it makes is nobody's.
    pub fn disown(&mut self) {
        self.owner = NOBODY;
        if let Work::Create { maker, .. } = &mut self.work {
            *maker = NOBODY;
        }
    }
}
