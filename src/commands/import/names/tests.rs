#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn id(number: u32) -> TenantId {
    TenantId::new(format!("7A1F3A52-0000-4000-8000-{number:012X}"))
}

#[rstest]
#[case("acme")]
#[case("acme-2.example")]
#[case("4711")]
#[case("acme-1234567")]
#[case("acme-123456789g")]
fn a_name_that_is_valid_is_kept(#[case] name: &str) {
    assert_eq!(of_tenant(name, &id(1)), name);
}

#[rstest]
#[case("Acme Ltd.", "acme-ltd-")]
#[case("  --Ä, b!c  ", "b-c-")]
#[case("Ünïcode", "n-code-")]
#[case("株式会社", "tenant-")]
#[case("", "tenant-")]
#[case("acme.", "acme-")]
#[case(".acme", "acme-")]
#[case("a..b", "a-b-")]
#[case("acme\r\n]]>", "acme-")]
#[case("a/../b", "a-b-")]
#[case::a_file_that_means_something_else("kustomization", "kustomization-")]
fn any_other_name_becomes_one_and_has_a_mark(#[case] name: &str, #[case] beginning: &str) {
    let named = of_tenant(name, &id(1));
    assert_eq!(
        named.strip_prefix(beginning).map(str::len),
        Some(10),
        "{named}"
    );
    assert!(is_object_name(&named), "{named}");
    assert_ne!(named, of_tenant(name, &id(2)), "another tenant");
}

/// Two tenants whose names become one, the second of them made to look like the first.
#[test]
fn a_name_that_looks_like_a_marked_one_is_marked_too() {
    let first = of_tenant("Acme", &id(1));
    let second = of_tenant(&first, &id(2));
    assert_ne!(first, second);
    assert!(second.starts_with(&first));
}

#[test]
fn one_identifier_in_any_form_gives_one_name() {
    let forms = [
        "7a1f3a52-0000-4000-8000-00000000000a",
        "{7A1F3A52-0000-4000-8000-00000000000A}",
    ];
    let names = forms.map(|form| of_tenant("Acme", &TenantId::new(form)));
    assert_eq!(names[0], names[1]);
    // What is no UUID counts as it is.
    let [one, other] = ["17", "018"].map(|form| of_tenant("Acme", &TenantId::new(form)));
    assert_ne!(one, other);
}

/// For ever: who has imported once has these names in Git.
#[test]
fn the_names_do_not_change() {
    let bios_id = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10".parse().unwrap();
    assert_eq!(of_tenant("Acme Ltd.", &id(10)), "acme-ltd-a479ec2926");
    assert_eq!(of_machine(Some("web-1"), bios_id), "web-1-67c2ce5642");
    assert_eq!(of_machine(None, bios_id), "machine-67c2ce5642");
}

#[test]
fn long_names_are_cut_and_still_differ() {
    for length in [52, 53, 62, 63, 64, 253, 254, 1000] {
        for letter in ["a", "A", "a ", "é"] {
            let name = letter.repeat(length);
            let named = of_tenant(&name, &id(1));
            assert!(is_object_name(&named), "{named}");
            let kept = named == name;
            assert!(kept || named != of_tenant(&name, &id(2)), "{named}");
        }
    }
}

proptest! {
    #[test]
    fn every_name_is_valid(name in any::<String>(), number in any::<u32>()) {
        let named = of_tenant(&name, &id(number));
        prop_assert!(is_object_name(&named), "{named}");
        let bios_id = Uuid::from_u128(number.into()).into();
        prop_assert!(is_object_name(&of_machine(Some(&name), bios_id)));
    }

    /// The server has each name and each identifier once.
    #[test]
    fn all_names_differ(names in prop::collection::btree_set("[aA. -]{0,4}(-[0-9a-f]{10})?", 0..50)) {
        let named: BTreeSet<_> = names
            .iter()
            .zip(0..)
            .map(|(name, number)| of_tenant(name, &id(number)))
            .collect();
        prop_assert_eq!(named.len(), names.len());
    }
}
