//! The absence guard: whether a server's inventory can be believed.
//!
//! One tenant that disappeared was deleted by somebody. Many at once, or any
//! after the address changed, is another or a rolled-back server: then nothing
//! is made or destroyed on it until a person agrees or the inventory is back.

use std::collections::BTreeSet;

use super::admission::{Candidate, HoldKind, token_after};

/// Everything that decides whether the inventory is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `guard.enabled`.
    pub enabled: bool,
    /// `guard.limit`.
    pub limit: usize,
    /// Address or port differ from those of the last intact inventory.
    pub moved: bool,
    /// How many tenants are recorded as ours, without those whose deletion has begun.
    pub ours: usize,
    /// Those of them that are missing or carry another name.
    pub lost: Vec<Candidate>,
    /// UIDs whose loss was agreed to.
    pub accepted: BTreeSet<String>,
    /// The token of the last loss that was agreed to.
    pub used: Option<String>,
    /// The token on the IntegrationServer's annotation.
    pub agreement: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What it shows is believed.
    Intact,
    /// A person agreed: these are lost, and will be made again.
    Agreed(Vec<String>),
    /// It is not believed.
    Guarded(Vec<Candidate>),
}

/// Whether the inventory is believed.
pub fn judge(facts: &Facts) -> Verdict {
    let lost: Vec<Candidate> = facts
        .lost
        .iter()
        .filter(|candidate| !facts.accepted.contains(&candidate.uid))
        .cloned()
        .collect();
    // Those that were agreed to are lost nevertheless: when the last one follows
    // them, nothing of ours is left.
    let all = facts.ours >= 2 && facts.lost.len() == facts.ours;
    let too_many = lost.len() > facts.limit || all || facts.moved;
    if !facts.enabled || lost.is_empty() || !too_many {
        return Verdict::Intact;
    }
    let used = facts.used.as_deref();
    if token_after(HoldKind::Absence, &lost, used) == facts.agreement {
        return Verdict::Agreed(lost.into_iter().map(|candidate| candidate.uid).collect());
    }
    Verdict::Guarded(lost)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::super::admission::token;
    use super::*;

    fn candidate(number: usize) -> Candidate {
        Candidate {
            uid: format!("uid-{number}"),
            tenant: format!("tenant-{number}"),
        }
    }

    /// `lost` of `ours` tenants are lost; the guard's limit is 3.
    fn inventory(lost: usize, ours: usize) -> Facts {
        Facts {
            enabled: true,
            limit: 3,
            moved: false,
            ours,
            lost: (0..lost).map(candidate).collect(),
            accepted: BTreeSet::new(),
            used: None,
            agreement: None,
        }
    }

    impl Facts {
        fn moved(mut self) -> Self {
            self.moved = true;
            self
        }
        fn disabled(mut self) -> Self {
            self.enabled = false;
            self
        }
        fn agreed_to(mut self, lost: usize) -> Self {
            let wave: Vec<_> = (0..lost).map(candidate).collect();
            self.agreement = token(HoldKind::Absence, &wave);
            self
        }
        fn accepted(mut self, lost: usize) -> Self {
            self.accepted = (0..lost).map(|number| candidate(number).uid).collect();
            self
        }
    }

    #[rstest]
    #[case::nothing_of_ours(inventory(0, 0))]
    #[case::all_there(inventory(0, 10))]
    #[case::one_gone(inventory(1, 10))]
    #[case::as_many_as_the_limit(inventory(3, 10))]
    #[case::the_only_one_gone(inventory(1, 1))]
    #[case::another_address_with_all_of_them(inventory(0, 10).moved())]
    #[case::guard_off(inventory(10, 10).moved().disabled())]
    #[case::all_that_are_lost_were_accepted(inventory(5, 10).accepted(5))]
    #[case::one_more_after_the_agreement(inventory(5, 10).accepted(4))]
    fn believed(#[case] facts: Facts) {
        assert_eq!(judge(&facts), Verdict::Intact);
    }

    #[rstest]
    #[case::more_than_the_limit(inventory(4, 10), 0)]
    #[case::all_of_two(inventory(2, 2), 0)]
    #[case::all_of_three(inventory(3, 3), 0)]
    #[case::one_after_the_address_changed(inventory(1, 10).moved(), 0)]
    #[case::the_only_one_after_the_address_changed(inventory(1, 1).moved(), 0)]
    #[case::agreed_to_a_smaller_wave(inventory(5, 10).agreed_to(4), 0)]
    #[case::agreed_to_a_greater_wave(inventory(4, 10).agreed_to(5), 0)]
    #[case::another_wave_after_the_agreement(inventory(8, 10).accepted(4), 4)]
    #[case::the_last_one_after_the_agreement(inventory(2, 2).accepted(1), 1)]
    #[case::one_more_of_a_moved_server(inventory(2, 10).moved().accepted(1), 1)]
    fn not_believed(#[case] facts: Facts, #[case] first: usize) {
        let wave = (first..facts.lost.len()).map(candidate).collect();
        assert_eq!(judge(&facts), Verdict::Guarded(wave));
    }

    #[rstest]
    #[case::more_than_the_limit(inventory(4, 10).agreed_to(4), 4)]
    #[case::all_of_ours(inventory(2, 2).agreed_to(2), 2)]
    #[case::after_the_address_changed(inventory(1, 10).moved().agreed_to(1), 1)]
    fn agreed(#[case] facts: Facts, #[case] count: usize) {
        let uids = (0..count).map(|number| candidate(number).uid).collect();
        assert_eq!(judge(&facts), Verdict::Agreed(uids));
    }

    /// A server that is rolled back twice loses the same tenants twice.
    #[test]
    fn an_agreement_is_good_once() {
        let mut facts = inventory(4, 10).agreed_to(4);
        facts.used.clone_from(&facts.agreement);
        assert!(matches!(judge(&facts), Verdict::Guarded(_)));
        facts.agreement = token_after(HoldKind::Absence, &facts.lost, facts.used.as_deref());
        assert!(matches!(judge(&facts), Verdict::Agreed(_)));
    }

    #[test]
    fn an_agreement_to_deletions_is_none_to_losses() {
        let mut facts = inventory(4, 10);
        facts.agreement = token(HoldKind::Deletion, &facts.lost);
        assert!(matches!(judge(&facts), Verdict::Guarded(_)));
    }
}
