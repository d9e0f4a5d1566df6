//! What the server's list shows of a machine, and how far that can be believed while an
//! unregistration may still be carried out. Calls nobody.

use std::time::Duration;

use kube::Resource;
use tokio::time::Instant;

use super::super::memory::LISTED_AFTER;
use super::super::whereabouts::registers_until;
use super::{Memory, NEW_LIST as SHARED_LIST, Scene, Spot};
use crate::api::{ConditionType, VirtualMachine, VirtualMachineStatus, conditions};
use crate::controllers::cluster::own_machine_status;
use crate::inventory::Text;
use crate::inventory::machines::{Machine, Sighting};
use crate::plan::virtual_machine::{Evidence, Registration};
use crate::viis::{BiosId, codes};

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

/// What our own tenant's list proves for the deletion of a machine.
pub(super) fn evidence(
    machine: &VirtualMachine,
    memory: &mut Memory,
    spot: &Spot,
    bios_id: BiosId,
) -> Evidence {
    if machine.meta().deletion_timestamp.is_none() {
        return Evidence::Unlisted;
    }
    let seen = *memory.deletion_seen.get_or_insert_with(Instant::now);
    let (Some(handle), Some(place)) = (&spot.handle, spot.place()) else {
        return Evidence::Unlisted;
    };
    let machines = handle.server.machines();
    let until = registers_until(machine, machines, &place, bios_id);
    let began = machines.listed_at(&place.tenant).filter(|began| {
        // The machines of one deletion share a list.
        *began + SHARED_LIST >= seen && until.is_none_or(|until| *began >= until)
    });
    let Some(began) = began else {
        return Evidence::Unlisted;
    };
    if matches!(
        machines.sighting(&place.tenant, bios_id),
        Sighting::Present(_)
    ) {
        memory.missing_since = None;
        return Evidence::Present;
    }
    let first = *memory.missing_since.get_or_insert(began);
    if is_anothers_by_answer(machine) || began >= first + LISTED_AFTER {
        Evidence::Absent
    } else if first.elapsed() >= LISTED_AFTER {
        Evidence::Unlisted
    } else {
        Evidence::Missing
    }
}

/// The server rejected its registration because the BIOS ID belongs to a different tenant, and
/// it was never registered: nothing of ours is there.
fn is_anothers_by_answer(machine: &VirtualMachine) -> bool {
    let status = own_machine_status(machine);
    status.is_some_and(|status| {
        let registered = conditions::find(&status.conditions, ConditionType::Registered);
        status.tenant_id.is_none()
            && registered.is_some_and(|known| known.reason == codes::BIOS_ID_ALREADY_EXISTS)
    })
}

/// How long until a second list can prove that the machine is absent.
pub fn absence_proved_in(memory: &Memory) -> Option<Duration> {
    let first = memory.missing_since?;
    Some(LISTED_AFTER.saturating_sub(first.elapsed()) + Duration::from_millis(100))
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
    let equal = texts(machine, found).all(|(sent, stored)| sent == stored);
    if equal {
        Registration::Equal
    } else {
        Registration::Different
    }
}

/// Whether blanks, line ends and composed characters (NFC) are the only difference: the server
/// may store what it was sent like this, so registering it again would change nothing.
pub(super) fn is_alike(machine: &VirtualMachine, found: &Sighting) -> bool {
    let Sighting::Present(found) = found else {
        return false;
    };
    let normal = |text: Option<Text>| text.and_then(|text| text.normal);
    texts(machine, found).all(|(sent, stored)| normal(sent) == normal(stored))
}

/// The texts that are set, and how the server shows them.
fn texts(
    machine: &VirtualMachine,
    found: &Machine,
) -> impl Iterator<Item = (Option<Text>, Option<Text>)> {
    let pairs = [
        (machine.spec.name.as_deref(), found.name),
        (machine.spec.user_data.as_deref(), found.user_data),
    ];
    pairs
        .into_iter()
        .filter_map(|(sent, stored)| Some((Text::of(Some(sent?)), stored)))
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
