//! Which actions the planner answered with while it was explored: what is never planned
//! is not explored either. It counts, and decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use viis_operator::plan::tenant::Action;
use viis_operator::plan::virtual_machine::Action as MachineAction;

static TENANT: AtomicU64 = AtomicU64::new(0);
static MACHINE: AtomicU64 = AtomicU64::new(0);

/// The planner answered so for a Tenant.
pub fn planned(action: Action) -> Action {
    note(&TENANT, number(action));
    action
}

/// The planner answered so for the VirtualMachine.
pub fn planned_machine(action: MachineAction) -> MachineAction {
    note(&MACHINE, machine_number(action));
    action
}

fn note(planned: &AtomicU64, number: u32) {
    if planned.load(Ordering::Relaxed) >> number & 1 == 0 {
        planned.fetch_or(1 << number, Ordering::Relaxed);
    }
}

/// The numbers of the actions that were never planned, of Tenants and of the machine.
pub fn missing() -> (Vec<u32>, Vec<u32>) {
    let missing = |planned: &AtomicU64, count: u32| {
        let planned = planned.load(Ordering::Relaxed);
        (0..count).filter(|n| planned >> n & 1 == 0).collect()
    };
    (
        missing(&TENANT, ACTIONS),
        missing(&MACHINE, MACHINE_ACTIONS),
    )
}

const ACTIONS: u32 = 20;

/// What this model cannot reach has numbers beyond: no other installation serves the
/// server, nobody else has a finalizer, Simple tenants need no password, and a process begins
/// with a list of tenants.
fn number(action: Action) -> u32 {
    match action {
        Action::AddFinalizer => 0,
        Action::RemoveFinalizer(_) => 1,
        Action::ListTenants => 2,
        Action::ConfirmAbsence => 3,
        Action::Verify => 4,
        Action::ListReferrers => 5,
        Action::RecordIntent => 6,
        Action::Create => 7,
        Action::EndAttempt(_) => 8,
        Action::Adopt(_) => 9,
        Action::RecordCreated => 10,
        Action::ForgetTenant => 11,
        Action::ChangeState => 12,
        Action::CancelCreation => 13,
        Action::CancelRemoval => 14,
        Action::RecordRemoval => 15,
        Action::Delete => 16,
        Action::Wait(_) => 17,
        Action::Settled => 18,
        Action::GetCreated => 19,
        Action::ReadPassword | Action::LeaveAlone => 40,
    }
}

const MACHINE_ACTIONS: u32 = 10;

fn machine_number(action: MachineAction) -> u32 {
    match action {
        MachineAction::AddFinalizer => 0,
        MachineAction::RemoveFinalizer(_) => 1,
        MachineAction::ListMachines => 2,
        MachineAction::Register => 3,
        MachineAction::Replace => 4,
        MachineAction::Unregister => 5,
        MachineAction::Wait(_) => 6,
        MachineAction::Settled => 7,
        MachineAction::ListLeftover => 8,
        MachineAction::Leave => 9,
        MachineAction::ListTenants | MachineAction::LeaveAlone => 40,
    }
}
