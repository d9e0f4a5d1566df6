//! What the server's list shows of a machine, and how far that can be believed while an
//! unregistration may still be carried out. Calls nobody.

use std::time::Duration;

use tokio::time::Instant;

use super::super::whereabouts::registers_until;
use super::{Memory, Scene, Spot};
use crate::api::{ConditionType, VirtualMachine, VirtualMachineStatus, conditions};
use crate::inventory::Fingerprint;
use crate::inventory::machines::Sighting;
use crate::plan::virtual_machine::Registration;
use crate::viis::BiosId;

/// Whether an unregistration may still be carried out; and what the list shows, where it
/// is from a time when none could any more.
pub(super) fn settling(
    spot: &Spot,
    bios_id: BiosId,
    registration: Registration,
) -> (bool, Registration) {
    let (Some(handle), Some(tenant)) = (&spot.handle, &spot.tenant) else {
        return (false, registration);
    };
    let machines = handle.server.machines();
    let Some(until) = machines.unsettled_until(tenant, bios_id) else {
        return (false, registration);
    };
    if Instant::now() < until {
        return (true, registration);
    }
    let later = machines.listed_at(tenant).is_some_and(|at| at >= until);
    (
        false,
        if later {
            registration
        } else {
            Registration::Unlisted
        },
    )
}

/// How long a call whose answer nobody has may still be carried out.
pub fn unsettled_for(scene: &Scene) -> Option<Duration> {
    if scene.facts.deleting {
        return registers_for(scene);
    }
    let machines = scene.handle.as_ref()?.server.machines();
    let until = machines.unsettled_until(scene.tenant_id.as_ref()?, scene.bios_id)?;
    Some(left_of(until))
}

/// How long a registration may still be carried out.
pub fn registers_for(scene: &Scene) -> Option<Duration> {
    let machines = scene.handle.as_ref()?.server.machines();
    let until = registers_until(&scene.machine, machines, &scene.place()?, scene.bios_id)?;
    Some(left_of(until))
}

fn left_of(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()) + Duration::from_millis(100)
}

/// Fields that are not set are not compared; an unset name is the resource's name.
pub(super) fn registration(machine: &VirtualMachine, found: &Sighting) -> Registration {
    let found = match found {
        Sighting::Unlisted => return Registration::Unlisted,
        Sighting::Absent => return Registration::Absent,
        Sighting::Present(found) => found,
    };
    let same = |ours: Option<&str>, theirs: Option<Fingerprint>| {
        ours.is_none() || Fingerprint::of(ours) == theirs
    };
    let equal = same(machine.spec.name.as_deref(), found.name)
        && same(machine.spec.user_data.as_deref(), found.user_data);
    if equal {
        Registration::Equal
    } else {
        Registration::Different
    }
}

/// The same, as the status says or this process knows. Where the server shows what was
/// asked for, nothing will be repeated, and nothing need be remembered.
pub(super) fn was_settled(
    status: Option<&VirtualMachineStatus>,
    generation: i64,
    memory: &mut Memory,
    registration: Registration,
) -> bool {
    if status.is_some_and(|status| is_settled(status, generation)) {
        memory.registered_for = match registration {
            Registration::Equal => None,
            Registration::Unlisted | Registration::Absent | Registration::Different => {
                Some(generation)
            }
        };
        return true;
    }
    memory.registered_for == Some(generation)
}

/// Registered in this generation already.
fn is_settled(status: &VirtualMachineStatus, generation: i64) -> bool {
    conditions::find(&status.conditions, ConditionType::Registered).is_some_and(|registered| {
        registered.status == "True" && registered.observed_generation == Some(generation)
    })
}
