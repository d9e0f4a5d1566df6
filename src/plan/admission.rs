//! The deletion guard: which destructions run, and which wave waits for a person.
//!
//! A wave that is held does not end by waiting. A person agrees to one exact set
//! of resources, named by a token; whoever joins later changes the token.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

/// What a wave is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldKind {
    /// Tenants that would be destroyed.
    Deletion,
    /// Tenants that the server no longer shows.
    Absence,
}

impl HoldKind {
    /// The word in `status.hold.kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            HoldKind::Deletion => "Deletion",
            HoldKind::Absence => "Absence",
        }
    }
}

/// Everything that decides which destructions run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `guard.enabled`.
    pub enabled: bool,
    /// `guard.limit`.
    pub limit: usize,
    /// Resources that wait to be destroyed, in the order in which they were deleted.
    pub candidates: Vec<Candidate>,
    /// How many were destroyed within the window, without anybody's agreement.
    pub destroyed: usize,
    /// UIDs that are held already.
    pub held: BTreeSet<String>,
    /// UIDs whose destruction was agreed to.
    pub accepted: BTreeSet<String>,
    /// The token on the IntegrationServer's annotation.
    pub agreement: Option<String>,
}

/// A resource whose tenant would be destroyed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The resource's UID.
    pub uid: String,
    /// The tenant's identifier on the server. It makes a token useless after the
    /// tenant was made again.
    pub tenant: String,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Within the limit: they count.
    pub granted: Vec<String>,
    /// Agreed to by a person: they do not count.
    pub agreed: Vec<String>,
    /// The wave that waits.
    pub held: Vec<Candidate>,
}

/// Which destructions run now.
pub fn admit(facts: &Facts) -> Verdict {
    if !facts.enabled {
        return Verdict {
            agreed: facts.candidates.iter().map(|c| c.uid.clone()).collect(),
            ..Verdict::default()
        };
    }
    let mut verdict = Verdict::default();
    let (agreed, open): (Vec<_>, Vec<_>) = facts
        .candidates
        .iter()
        .partition(|candidate| facts.accepted.contains(&candidate.uid));
    verdict.agreed = agreed.into_iter().map(|c| c.uid.clone()).collect();
    // While a wave is held, everything that comes joins it: the limit is for
    // quiet times, not for eating a wave away window by window.
    let wave = open.iter().any(|c| facts.held.contains(&c.uid));
    let mut room = if wave {
        0
    } else {
        facts.limit.saturating_sub(facts.destroyed)
    };
    for candidate in open {
        if room > 0 {
            room -= 1;
            verdict.granted.push(candidate.uid.clone());
        } else {
            verdict.held.push(candidate.clone());
        }
    }
    let token = token(HoldKind::Deletion, &verdict.held);
    if token.is_some() && token == facts.agreement {
        let wave = std::mem::take(&mut verdict.held);
        verdict.agreed.extend(wave.into_iter().map(|c| c.uid));
    }
    verdict
}

/// The token that names exactly these resources: `<count>-<hash>`. None for none.
pub fn token(kind: HoldKind, wave: &[Candidate]) -> Option<String> {
    token_after(kind, wave, None)
}

/// The same, where the wave before had this token. A server that is rolled back twice can
/// lose the same tenants under the same identifiers: an agreement is good for one wave.
pub fn token_after(kind: HoldKind, wave: &[Candidate], before: Option<&str>) -> Option<String> {
    if wave.is_empty() {
        return None;
    }
    let mut sorted: Vec<&Candidate> = wave.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    hash.update(kind.as_str());
    if let Some(before) = before {
        hash.update([2]);
        hash.update(before);
    }
    for candidate in sorted {
        hash.update([0]);
        hash.update(&candidate.uid);
        hash.update([1]);
        hash.update(&candidate.tenant);
    }
    let digest = hash.finalize();
    let short: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
    Some(format!("{}-{short}", wave.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::*;

    fn candidate(uid: &str) -> Candidate {
        Candidate {
            uid: uid.to_owned(),
            tenant: format!("tenant-of-{uid}"),
        }
    }

    fn candidates(uids: &str) -> Vec<Candidate> {
        uids.split_whitespace().map(candidate).collect()
    }

    fn set(uids: &str) -> BTreeSet<String> {
        uids.split_whitespace().map(str::to_owned).collect()
    }

    /// These are deleted; the guard's limit is 3.
    fn deleted(uids: &str) -> Facts {
        Facts {
            enabled: true,
            limit: 3,
            candidates: candidates(uids),
            destroyed: 0,
            held: BTreeSet::new(),
            accepted: BTreeSet::new(),
            agreement: None,
        }
    }

    impl Facts {
        fn after(mut self, destroyed: usize) -> Self {
            self.destroyed = destroyed;
            self
        }
        fn held(mut self, uids: &str) -> Self {
            self.held = set(uids);
            self
        }
        fn accepted(mut self, uids: &str) -> Self {
            self.accepted = set(uids);
            self
        }
        fn agreed_to(mut self, uids: &str) -> Self {
            self.agreement = token(HoldKind::Deletion, &candidates(uids));
            self
        }
        fn disabled(mut self) -> Self {
            self.enabled = false;
            self
        }
    }

    #[rstest]
    #[case::nothing(deleted(""), "", "", "")]
    #[case::within_the_limit(deleted("a b c"), "a b c", "", "")]
    #[case::beyond_the_limit(deleted("a b c d e"), "a b c", "", "d e")]
    #[case::some_were_destroyed_before(deleted("a b").after(2), "a", "", "b")]
    #[case::more_were_destroyed_than_the_limit(deleted("a").after(9), "", "", "a")]
    #[case::waiting_does_not_end_a_wave(deleted("d e").held("d e"), "", "", "d e")]
    #[case::who_comes_joins_the_wave(deleted("a d").held("d"), "", "", "a d")]
    #[case::a_wave_that_was_retained_is_over(deleted("a").held("d e"), "a", "", "")]
    #[case::agreed(deleted("d e").held("d e").agreed_to("d e"), "", "d e", "")]
    #[case::agreed_in_any_order(deleted("d e").held("d e").agreed_to("e d"), "", "d e", "")]
    #[case::one_joined_after_the_agreement(deleted("d e f").held("d e").agreed_to("d e"), "", "", "d e f")]
    #[case::one_left_after_the_agreement(deleted("d").held("d e").agreed_to("d e"), "", "", "d")]
    #[case::accepted_before_and_one_joins(deleted("d e f").held("d e f").accepted("d e"), "", "d e", "f")]
    #[case::accepted_ones_do_not_count(deleted("a b c d").accepted("a"), "b c d", "a", "")]
    #[case::an_old_agreement_changes_nothing(deleted("a b").agreed_to("x"), "a b", "", "")]
    #[case::agreed_to_what_is_beyond_the_limit(deleted("a b c d").agreed_to("d"), "a b c", "d", "")]
    #[case::guard_off(deleted("a b c d e").after(9).disabled(), "", "a b c d e", "")]
    fn who_may_go(
        #[case] facts: Facts,
        #[case] granted: &str,
        #[case] agreed: &str,
        #[case] held: &str,
    ) {
        let verdict = admit(&facts);
        let uids = |list: &[Candidate]| list.iter().map(|c| c.uid.clone()).collect::<Vec<_>>();
        assert_eq!(verdict.granted.join(" "), granted, "granted");
        assert_eq!(verdict.agreed.join(" "), agreed, "agreed");
        assert_eq!(uids(&verdict.held).join(" "), held, "held");
    }

    #[test]
    fn an_agreement_to_losses_is_none_to_deletions() {
        let mut facts = deleted("d e").held("d e");
        facts.agreement = token(HoldKind::Absence, &facts.candidates);
        assert_eq!(admit(&facts).held.len(), 2);
    }

    /// Everybody gets exactly one answer, and never are more granted than there is room.
    #[test]
    fn whatever_is_deleted() {
        let names = ["a", "b", "c", "d"];
        let subset = |bits: usize| -> String {
            let chosen = names.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1);
            chosen.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
        };
        for deleted_bits in 0..16 {
            for held_bits in 0..16 {
                for accepted_bits in 0..16 {
                    for destroyed in 0..5 {
                        let facts = deleted(&subset(deleted_bits))
                            .held(&subset(held_bits))
                            .accepted(&subset(accepted_bits))
                            .after(destroyed);
                        let verdict = admit(&facts);
                        let room = facts.limit.saturating_sub(destroyed);
                        assert!(verdict.granted.len() <= room, "{facts:?}");
                        let held = verdict.held.iter().map(|c| &c.uid);
                        let mut all: Vec<&String> = held.collect();
                        all.extend(&verdict.granted);
                        all.extend(&verdict.agreed);
                        all.sort();
                        let asked: Vec<&String> = facts.candidates.iter().map(|c| &c.uid).collect();
                        assert_eq!(all, asked, "{facts:?}");
                        for uid in verdict.granted {
                            assert!(!facts.held.contains(&uid), "held ones wait: {facts:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_token_names_exactly_one_wave() {
        let of = |list: &[Candidate]| token(HoldKind::Deletion, list);
        let wave = candidates("a b");
        assert_eq!(of(&[]), None);
        assert!(of(&wave).is_some_and(|token| token.starts_with("2-")));
        assert_eq!(of(&wave), of(&candidates("b a")));
        assert_ne!(of(&wave), of(&candidates("a c")));
        assert_ne!(of(&wave), of(&candidates("a b c")));
        assert_ne!(of(&wave), token(HoldKind::Absence, &wave));
        let mut made_again = wave.clone();
        made_again[0].tenant = "another".to_owned();
        assert_ne!(of(&wave), of(&made_again));
    }

    #[test]
    fn the_same_wave_has_another_token_after_another_one() {
        let after = |before| token_after(HoldKind::Absence, &candidates("a b"), before);
        let first = after(None);
        let second = after(first.as_deref());
        assert_ne!(first, second);
        assert_ne!(second, after(second.as_deref()));
        assert_eq!(first, token(HoldKind::Absence, &candidates("a b")));
    }

    /// It stands in status and annotations and outlives an upgrade: its form is fixed.
    #[test]
    fn the_token_stays_what_it_is() {
        let token = token(HoldKind::Deletion, &candidates("a b"));
        assert_eq!(token.unwrap(), "2-39c08b710759");
        let after = |before| token_after(HoldKind::Absence, &candidates("a b"), before);
        assert_eq!(after(None).unwrap(), "2-a719e7336142");
        assert_eq!(after(Some("2-39c08b710759")).unwrap(), "2-2ba4a329458f");
    }
}
