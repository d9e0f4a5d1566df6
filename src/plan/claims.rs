//! Claims: of several resources with one name (or one BIOS ID) on one server,
//! exactly one may touch it.

/// A resource that wants something which can be had once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant<'a> {
    /// Its UID.
    pub uid: &'a str,
    /// It has it on the server already, or a creation of it is in flight.
    pub holds: bool,
    /// Its namespace is allowed.
    pub permitted: bool,
    /// Its creation time, seconds since the epoch.
    pub created: i64,
}

/// Who has the claim: who holds it, else the oldest permitted one (creation
/// time, then UID). None when nobody may have it.
pub fn holder<'a>(claimants: &[Claimant<'a>]) -> Option<&'a str> {
    claimants
        .iter()
        .filter(|claimant| claimant.holds || claimant.permitted)
        .min_by_key(|claimant| (!claimant.holds, claimant.created, claimant.uid))
        .map(|claimant| claimant.uid)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::*;

    fn claimant(uid: &str, created: i64) -> Claimant<'_> {
        Claimant {
            uid,
            holds: false,
            permitted: true,
            created,
        }
    }

    fn holding(claimant: Claimant<'_>) -> Claimant<'_> {
        Claimant {
            holds: true,
            ..claimant
        }
    }

    fn not_permitted(claimant: Claimant<'_>) -> Claimant<'_> {
        Claimant {
            permitted: false,
            ..claimant
        }
    }

    #[rstest]
    #[case::nobody(vec![], None)]
    #[case::alone(vec![claimant("a", 1)], Some("a"))]
    #[case::the_oldest(vec![claimant("a", 2), claimant("b", 1)], Some("b"))]
    #[case::as_old_then_the_uid(vec![claimant("b", 1), claimant("a", 1)], Some("a"))]
    #[case::who_has_it_keeps_it(vec![claimant("a", 1), holding(claimant("b", 2))], Some("b"))]
    #[case::who_has_it_keeps_it_without_permission(
        vec![claimant("a", 1), not_permitted(holding(claimant("b", 2)))],
        Some("b")
    )]
    #[case::of_several_that_have_it_the_oldest(
        vec![holding(claimant("a", 3)), holding(claimant("b", 2)), claimant("c", 1)],
        Some("b")
    )]
    #[case::the_oldest_permitted(vec![not_permitted(claimant("a", 1)), claimant("b", 2)], Some("b"))]
    #[case::nobody_is_permitted(vec![not_permitted(claimant("a", 1))], None)]
    fn who_has_the_claim(#[case] claimants: Vec<Claimant<'_>>, #[case] uid: Option<&str>) {
        assert_eq!(holder(&claimants), uid);
        let reversed: Vec<_> = claimants.into_iter().rev().collect();
        assert_eq!(holder(&reversed), uid, "the order of a list means nothing");
    }
}
