//! Orphans: what a resource leaves on the server when it is deleted without the operator.
//!
//! A resource that is being deleted and has lost our finalizer cannot get it back, so the
//! operator can only report what stays on the server. [`departure`] decides that when the
//! resource loses the finalizer or disappears; [`fate`] decides later, from the server's
//! inventory, whether the orphan is reported, still there, or no longer one.

/// How the resource was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is being deleted, our finalizer is missing, and another finalizer keeps it.
    Unprotected,
    /// It disappeared from the API server.
    Gone,
}

/// What its status, or its note, says that it owns on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// Nothing.
    Nothing,
    /// A registration that may have been requested.
    Noted,
    /// A tenant, a creation in flight, or a registration.
    Recorded,
    /// A tenant whose deletion was decided and may be complete.
    Deleting,
}

/// Everything that decides whether a resource left an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Departure {
    /// How it was last seen.
    pub presence: Presence,
    /// What it owns.
    pub record: Record,
    /// This process, or the status, says that the operator removed the finalizer.
    pub released: bool,
    /// The effective deletion policy is `Retain`.
    pub retained: bool,
    /// The inventory already proves that nothing is left.
    pub absent: bool,
    /// This process has led for a moment only, so an earlier leader's write may have removed
    /// the finalizer.
    pub inherited: bool,
}

/// How sure an orphan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Only the server's inventory can show that there is one.
    Unproved,
    /// Reported unless the server's inventory can be read, which decides.
    Suspected,
    /// Reported.
    Certain,
}

/// Whether a resource left an orphan. None: it did not.
pub fn departure(facts: Departure) -> Option<Certainty> {
    if facts.released || facts.retained || facts.absent {
        return None;
    }
    match (facts.record, facts.presence) {
        (Record::Nothing, Presence::Unprotected | Presence::Gone) => None,
        (Record::Noted, Presence::Unprotected | Presence::Gone) => Some(Certainty::Unproved),
        (Record::Deleting, Presence::Unprotected | Presence::Gone) => Some(Certainty::Suspected),
        (Record::Recorded, Presence::Gone) if facts.inherited => Some(Certainty::Suspected),
        (Record::Recorded, Presence::Unprotected | Presence::Gone) => Some(Certainty::Certain),
    }
}

/// What a trusted inventory shows of an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sighting {
    /// The server cannot be read, or its inventory is not trusted.
    Unreadable,
    /// There is no list yet that is new enough.
    Unlisted,
    /// It is there.
    Present,
    /// It is proved absent.
    Absent,
}

/// Everything that decides what becomes of an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// How sure it was when its resource was last seen.
    pub certainty: Certainty,
    /// Another resource owns it now.
    pub adopted: bool,
    /// Its Tenant is being deleted, and it with it.
    pub going: bool,
    /// 30 s have passed since its resource was last seen.
    pub waited: bool,
    /// What the inventory shows.
    pub sighting: Sighting,
}

/// What becomes of an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// There is no orphan any more, or there was none.
    Over,
    /// Not decided yet.
    Open,
    /// It is reported.
    Reported,
}

/// What becomes of an orphan.
pub fn fate(evidence: Evidence) -> Fate {
    if evidence.adopted {
        return Fate::Over;
    }
    match (evidence.sighting, evidence.certainty) {
        (Sighting::Absent, Certainty::Unproved | Certainty::Suspected | Certainty::Certain) => {
            Fate::Over
        }
        (Sighting::Unreadable | Sighting::Unlisted | Sighting::Present, Certainty::Certain) => {
            Fate::Reported
        }
        (_, Certainty::Unproved | Certainty::Suspected) if evidence.going => Fate::Open,
        (Sighting::Present, Certainty::Unproved | Certainty::Suspected) => Fate::Reported,
        (Sighting::Unreadable, Certainty::Suspected) if evidence.waited => Fate::Reported,
        (Sighting::Unreadable | Sighting::Unlisted, Certainty::Unproved | Certainty::Suspected) => {
            Fate::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// It disappeared with a recorded tenant, and the operator had not released it.
    const LOST: Departure = Departure {
        presence: Presence::Gone,
        record: Record::Recorded,
        released: false,
        retained: false,
        absent: false,
        inherited: false,
    };

    const KEPT: Departure = Departure {
        presence: Presence::Unprotected,
        ..LOST
    };

    #[rstest]
    #[case::disappeared(LOST, Some(Certainty::Certain))]
    #[case::kept_by_another_finalizer(KEPT, Some(Certainty::Certain))]
    #[case::released(Departure { released: true, ..LOST }, None)]
    #[case::released_and_kept(Departure { released: true, ..KEPT }, None)]
    #[case::retained(Departure { retained: true, ..LOST }, None)]
    #[case::retained_and_kept(Departure { retained: true, ..KEPT }, None)]
    #[case::proved_absent(Departure { absent: true, ..LOST }, None)]
    #[case::proved_absent_and_kept(Departure { absent: true, ..KEPT }, None)]
    #[case::owned_nothing(Departure { record: Record::Nothing, ..LOST }, None)]
    #[case::owned_nothing_and_kept(Departure { record: Record::Nothing, ..KEPT }, None)]
    #[case::noted(Departure { record: Record::Noted, ..LOST }, Some(Certainty::Unproved))]
    #[case::noted_and_kept(Departure { record: Record::Noted, ..KEPT }, Some(Certainty::Unproved))]
    #[case::being_deleted(
        Departure { record: Record::Deleting, ..LOST },
        Some(Certainty::Suspected)
    )]
    #[case::being_deleted_and_kept(
        Departure { record: Record::Deleting, ..KEPT },
        Some(Certainty::Suspected)
    )]
    #[case::perhaps_released_by_an_earlier_leader(
        Departure { inherited: true, ..LOST },
        Some(Certainty::Suspected)
    )]
    #[case::an_earlier_leader_says_so_on_what_is_kept(
        Departure { inherited: true, ..KEPT },
        Some(Certainty::Certain)
    )]
    fn a_departure_leaves(#[case] facts: Departure, #[case] expected: Option<Certainty>) {
        assert_eq!(departure(facts), expected);
    }

    const fn evidence(certainty: Certainty, sighting: Sighting) -> Evidence {
        Evidence {
            certainty,
            adopted: false,
            going: false,
            waited: false,
            sighting,
        }
    }

    #[rstest]
    #[case(Sighting::Unreadable, [Fate::Open, Fate::Open, Fate::Reported])]
    #[case(Sighting::Unlisted, [Fate::Open, Fate::Open, Fate::Reported])]
    #[case(Sighting::Present, [Fate::Reported, Fate::Reported, Fate::Reported])]
    #[case(Sighting::Absent, [Fate::Over, Fate::Over, Fate::Over])]
    fn the_inventory_decides(#[case] sighting: Sighting, #[case] expected: [Fate; 3]) {
        let all = [
            Certainty::Unproved,
            Certainty::Suspected,
            Certainty::Certain,
        ];
        assert_eq!(all.map(|sure| fate(evidence(sure, sighting))), expected);
        for sure in all {
            let adopted = Evidence {
                adopted: true,
                ..evidence(sure, sighting)
            };
            assert_eq!(fate(adopted), Fate::Over, "{sure:?}");
        }
    }

    #[rstest]
    #[case::not_readable(Certainty::Suspected, Sighting::Unreadable, Fate::Reported)]
    #[case::a_list_is_on_its_way(Certainty::Suspected, Sighting::Unlisted, Fate::Open)]
    #[case::only_a_list_counts(Certainty::Unproved, Sighting::Unreadable, Fate::Open)]
    fn a_suspicion_after_30_s(
        #[case] certainty: Certainty,
        #[case] sighting: Sighting,
        #[case] expected: Fate,
    ) {
        let waited = Evidence {
            waited: true,
            ..evidence(certainty, sighting)
        };
        assert_eq!(fate(waited), expected);
    }

    #[rstest]
    #[case(Certainty::Unproved, Sighting::Present, Fate::Open)]
    #[case(Certainty::Suspected, Sighting::Unreadable, Fate::Open)]
    #[case(Certainty::Suspected, Sighting::Present, Fate::Open)]
    #[case(Certainty::Suspected, Sighting::Absent, Fate::Over)]
    #[case(Certainty::Certain, Sighting::Present, Fate::Reported)]
    fn with_a_tenant_that_is_being_deleted(
        #[case] certainty: Certainty,
        #[case] sighting: Sighting,
        #[case] expected: Fate,
    ) {
        let going = Evidence {
            going: true,
            waited: true,
            ..evidence(certainty, sighting)
        };
        assert_eq!(fate(going), expected);
    }
}
