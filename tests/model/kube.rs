//! The API server: two Tenants, a VirtualMachine, the guard's record. UIDs, generations,
//! finalizers, deletion, the lock of CEL, and writes with a precondition. It knows
//! nothing of the Integration Server.
//!
//! An object's whole content stands for its resourceVersion: a write is refused when
//! the object is not exactly the one that the writer holds. (An object that came back
//! to an earlier content counts as unchanged: that refuses less than the real one.)

use crate::world::Id;

/// A resource's UID; its order is the order of creation.
pub type Uid = u8;

/// What objects have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Meta {
    pub uid: Uid,
    pub generation: u8,
    pub finalizer: bool,
    pub deleting: bool,
}

/// `deletionPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    Unset,
    Delete,
    Retain,
}

/// A Tenant's spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantSpec {
    pub name: u8,
    /// Description and user data, as one value.
    pub fields: u8,
    pub active: bool,
    pub policy: Policy,
    pub suspend: bool,
    pub existing: Option<Id>,
}

/// A Tenant's status, without its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TenantStatus {
    pub owner: Option<Uid>,
    pub tenant: Option<Id>,
    pub creation: Option<Attempt>,
    pub removal: Option<Attempt>,
    pub adopted: bool,
    /// `status.task` is an activation that has not ended.
    pub change: Option<Id>,
    pub said: Said,
}

/// `status.creation` or `status.removal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub attempt: u8,
    pub task: Option<Id>,
}

/// The conditions, as far as a decision rests on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Said {
    pub generation: u8,
    pub ready: bool,
    pub stalled: bool,
    /// `Removed=False` with `InUse` or `IdentityMismatch`.
    pub blocked: bool,
    pub activated: Activated,
}

/// The condition `Activated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activated {
    #[default]
    Never,
    WaitingForMachines,
    Said,
}

/// A Tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub meta: Meta,
    pub spec: TenantSpec,
    pub status: TenantStatus,
}

/// A VirtualMachine that refers to the first Tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    pub meta: Meta,
    pub fields: u8,
    pub retain: bool,
    /// The annotation that says with which tenant it is registered.
    pub noted: Option<Id>,
    pub tenant: Option<Id>,
    pub registered: bool,
    pub registered_generation: u8,
    pub ready: bool,
    pub stalled: bool,
    pub observed: u8,
}

/// All that the API server holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Api {
    pub tenants: [Option<Tenant>; 2],
    pub machine: Option<Machine>,
    pub next_uid: Uid,
    /// UIDs of Tenants whose loss a person agreed to (the IntegrationServer's status).
    pub accepted: Vec<Uid>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Done,
    Conflict,
    Gone,
}

impl Tenant {
    /// The status, when it is this UID's.
    pub fn own_status(&self) -> TenantStatus {
        if self.status.owner == Some(self.meta.uid) {
            self.status
        } else {
            TenantStatus::default()
        }
    }

    /// The effective deletion policy is `Retain`.
    pub fn retains(&self) -> bool {
        match self.spec.policy {
            Policy::Retain => true,
            Policy::Delete => false,
            Policy::Unset => self.own_status().adopted,
        }
    }

    /// CEL refuses another name and other fields from now on.
    pub fn is_locked(&self) -> bool {
        self.status.creation.is_some() || self.status.tenant.is_some()
    }
}

fn meta(uid: Uid) -> Meta {
    Meta {
        uid,
        generation: 1,
        finalizer: false,
        deleting: false,
    }
}

impl Api {
    pub fn new() -> Self {
        Self {
            tenants: [None, None],
            machine: None,
            next_uid: 1,
            accepted: Vec::new(),
        }
    }

    fn uid(&mut self) -> Uid {
        self.next_uid += 1;
        self.next_uid - 1
    }

    pub fn create_tenant(&mut self, slot: usize, spec: TenantSpec) {
        let uid = self.uid();
        self.tenants[slot] = Some(Tenant {
            meta: meta(uid),
            spec,
            status: TenantStatus::default(),
        });
    }

    pub fn create_machine(&mut self) {
        let uid = self.uid();
        self.machine = Some(Machine {
            meta: meta(uid),
            fields: 0,
            retain: false,
            noted: None,
            tenant: None,
            registered: false,
            registered_generation: 0,
            ready: false,
            stalled: false,
            observed: 0,
        });
    }

    /// A user writes another spec.
    pub fn edit_tenant(&mut self, slot: usize, spec: TenantSpec) {
        if let Some(tenant) = &mut self.tenants[slot] {
            tenant.spec = spec;
            tenant.meta.generation += 1;
        }
    }

    /// A user writes other user data of the machine.
    pub fn edit_machine(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.fields = 1 - machine.fields;
            machine.meta.generation += 1;
        }
    }

    /// A user replaces it: the finalizer and the annotation are gone, the status stays.
    pub fn replace_tenant(&mut self, slot: usize) {
        if let Some(tenant) = &mut self.tenants[slot] {
            tenant.meta.finalizer = false;
        }
    }

    pub fn replace_machine(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.meta.finalizer = false;
            machine.noted = None;
        }
    }

    /// A user deletes it: it stays while a finalizer is on it.
    pub fn delete_tenant(&mut self, slot: usize) {
        if let Some(tenant) = &mut self.tenants[slot] {
            tenant.meta.deleting = true;
            tenant.meta.generation += 1;
            if !tenant.meta.finalizer {
                self.tenants[slot] = None;
            }
        }
    }

    pub fn delete_machine(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.meta.deleting = true;
            machine.meta.generation += 1;
            if !machine.meta.finalizer {
                self.machine = None;
            }
        }
    }

    /// Writes what the operator made of `held`. Without the precondition the patch hits
    /// whatever is there now.
    pub fn write_tenant(
        &mut self,
        slot: usize,
        held: &Tenant,
        new: &Tenant,
        precondition: bool,
    ) -> Written {
        let Some(current) = &mut self.tenants[slot] else {
            return Written::Gone;
        };
        if precondition && current != held {
            return Written::Conflict;
        }
        patch(current, held, new);
        if current.meta.deleting && !current.meta.finalizer {
            self.tenants[slot] = None;
        }
        Written::Done
    }

    pub fn write_machine(&mut self, held: &Machine, new: &Machine) -> Written {
        let Some(current) = &mut self.machine else {
            return Written::Gone;
        };
        if current != held {
            return Written::Conflict;
        }
        *current = *new;
        if current.meta.deleting && !current.meta.finalizer {
            self.machine = None;
        }
        Written::Done
    }

    /// The Tenant with this UID.
    pub fn tenant_of(&self, uid: Uid) -> Option<&Tenant> {
        let mut all = self.tenants.iter().flatten();
        all.find(|tenant| tenant.meta.uid == uid)
    }
}

/// A merge patch of what differs between `held` and `new`.
fn patch(current: &mut Tenant, held: &Tenant, new: &Tenant) {
    fn field<T: PartialEq + Copy>(current: &mut T, held: T, new: T) {
        if held != new {
            *current = new;
        }
    }
    field(
        &mut current.meta.finalizer,
        held.meta.finalizer,
        new.meta.finalizer,
    );
    let status = &mut current.status;
    let (held, new) = (&held.status, &new.status);
    field(&mut status.owner, held.owner, new.owner);
    field(&mut status.tenant, held.tenant, new.tenant);
    field(&mut status.creation, held.creation, new.creation);
    field(&mut status.removal, held.removal, new.removal);
    field(&mut status.adopted, held.adopted, new.adopted);
    field(&mut status.change, held.change, new.change);
    field(&mut status.said, held.said, new.said);
}
