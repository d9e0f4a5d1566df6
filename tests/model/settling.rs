//! Calls for the machine that nobody has an answer to, as `src/inventory/machines.rs` and
//! `controllers/virtual_machine/observe/shown.rs` keep them: each may still be carried out,
//! for half a minute. It decides nothing.

use viis_operator::plan::virtual_machine::Registration;

use crate::picture::Picture;
use crate::world::Id;

/// What one process knows of such calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settling {
    /// Another process may have sent something less than 30 s ago.
    pub young: bool,
    /// This one registered the machine since: what came before was refused, or is done.
    pub registered: bool,
    /// This one was the first that noted where: nobody before could send a registration.
    pub noted_first: bool,
    /// Where an unregistration was sent and not answered.
    unanswered: Vec<Id>,
    /// Where a registration was.
    sent: Vec<Id>,
    /// Where that is over, and no list began since.
    outdated: Vec<Id>,
    /// The same for registrations.
    outdated_registrations: Vec<Id>,
}

impl Settling {
    /// The answer to an unregistration was lost.
    pub fn lost(&mut self, place: Id) {
        if !self.unanswered.contains(&place) {
            self.unanswered.push(place);
            self.unanswered.sort_unstable();
        }
    }

    /// The answer to a registration was lost.
    pub fn registration_lost(&mut self, place: Id) {
        if !self.sent.contains(&place) {
            self.sent.push(place);
            self.sent.sort_unstable();
        }
    }

    /// A list of the machines there has arrived.
    pub fn listed(&mut self, place: Id) {
        self.outdated.retain(|outdated| *outdated != place);
        self.outdated_registrations
            .retain(|outdated| *outdated != place);
    }

    /// Half a minute passes.
    pub fn half_a_minute(&mut self, picture: &Picture) {
        let foreign = self.young && !self.registered;
        let listed = picture.machines.iter();
        let outdated = listed.filter(|(place, found)| {
            let over = self.outdated.contains(place) || self.unanswered.contains(place);
            over || (foreign && found.is_some())
        });
        self.outdated = outdated.map(|(place, _)| *place).collect();
        let listed = picture.machines.iter().map(|(place, _)| *place);
        let late = listed.filter(|place| {
            self.young || self.sent.contains(place) || self.outdated_registrations.contains(place)
        });
        self.outdated_registrations = late.collect();
        self.unanswered.clear();
        self.sent.clear();
        self.young = false;
        self.registered = false;
        self.noted_first = false;
    }

    /// It is over after half a minute.
    pub fn waits(&self) -> bool {
        self.young || !self.unanswered.is_empty() || !self.sent.is_empty()
    }

    /// Whether an unregistration may still be carried out there; and what the list shows,
    /// where it is from a time when none could any more.
    pub fn judge(&self, place: Id, shown: Registration) -> (bool, Registration) {
        let foreign = self.young && !self.registered && shown == Registration::Different;
        match shown {
            Registration::Unlisted | Registration::Equal => (false, shown),
            _ if foreign || self.unanswered.contains(&place) => (true, shown),
            _ if self.outdated.contains(&place) => (false, Registration::Unlisted),
            Registration::Different | Registration::Absent => (false, shown),
        }
    }

    /// The list there began while a registration could still arrive.
    pub fn is_outdated_for_registrations(&self, place: Id) -> bool {
        self.outdated_registrations.contains(&place)
    }

    /// A registration may still be carried out there: one of this process, or of another one.
    pub fn may_be_registered(&self, place: Id, noted: bool) -> bool {
        let inherited = self.young && noted && !self.noted_first;
        inherited || self.sent.contains(&place)
    }
}
