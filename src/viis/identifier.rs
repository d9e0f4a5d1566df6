//! The server's identifiers, and how two of them are compared. No I/O.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use uuid::Uuid;

use super::code::Code;

/// Longest identifier, in bytes.
const LONGEST: usize = 128;

/// Whether `text` can be an identifier of the server: short, printable, and
/// not a relative path (which would address something else in a URL).
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && !matches!(text, "." | "..")
        && !text.chars().any(char::is_control)
}

/// Whether a text that nothing marks as an identifier looks like one: a UUID,
/// or one plain word with a digit in it ("17", but not "Accepted").
pub(super) fn looks_like_identifier(text: &str) -> bool {
    is_identifier(text)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_{}".contains(&byte))
        && (text.bytes().any(|byte| byte.is_ascii_digit()) || Uuid::parse_str(text).is_ok())
        && Code::new(text).is_none()
}

/// Two identifiers are one when they are equal as UUIDs, or else exactly.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key<'a> {
    Uuid(Uuid),
    Text(&'a str),
}

impl<'a> Key<'a> {
    fn of(text: &'a str) -> Self {
        match Uuid::parse_str(text) {
            Ok(uuid) => Key::Uuid(uuid),
            Err(_) => Key::Text(text),
        }
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Kept as the server wrote it. Compared as UUIDs when both are (any
        /// case, with or without braces), else exactly.
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            /// An identifier as the server wrote it.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// As the server wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0 || Key::of(&self.0) == Key::of(&other.0)
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                Key::of(&self.0).cmp(&Key::of(&other.0))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                Key::of(&self.0).hash(state);
            }
        }
    };
}

identifier! {
    /// A tenant's identifier.
    TenantId
}
identifier! {
    /// A virtual machine's identifier in the server's database (not its BIOS ID).
    VirtualMachineId
}
identifier! {
    /// A task's identifier.
    TaskId
}

/// A virtual machine's BIOS ID: a UUID. Shown in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BiosId(Uuid);

impl BiosId {
    /// The UUID itself.
    pub fn uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for BiosId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for BiosId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The text is no UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a BIOS ID is a UUID, such as 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10 (any case, braces allowed)"
)]
pub struct InvalidBiosId;

impl FromStr for BiosId {
    type Err = InvalidBiosId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text.trim())
            .map(Self)
            .map_err(|_| InvalidBiosId)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::collections::HashSet;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10",
        "{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}",
        true
    )]
    #[case("17", "17", true)]
    #[case("17", "017", false)]
    #[case("abc", "ABC", false)]
    #[case("4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10", "17", false)]
    fn identifiers_compare_as_uuids_or_exactly(
        #[case] left: &str,
        #[case] right: &str,
        #[case] same: bool,
    ) {
        let (left, right) = (TenantId::new(left), TenantId::new(right));
        assert_eq!(left == right, same);
        assert_eq!(left.cmp(&right) == Ordering::Equal, same);
        let set = HashSet::from([left]);
        assert_eq!(set.contains(&right), same);
    }

    #[test]
    fn an_identifier_is_shown_as_the_server_wrote_it() {
        assert_eq!(TaskId::new("{ABC}").to_string(), "{ABC}");
    }

    #[rstest]
    #[case("4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10")]
    #[case("{4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10}")]
    #[case(" 4230d3ef1f2b8b1c0a559a4f3a1d7c10 ")]
    fn a_bios_id_is_read_in_any_form_and_shown_in_one(#[case] text: &str) {
        let id: BiosId = text.parse().unwrap();
        assert_eq!(id.to_string(), "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10");
    }

    #[rstest]
    #[case("")]
    #[case("17")]
    #[case("4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c1")]
    #[case("4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c1g")]
    fn what_is_no_uuid_is_no_bios_id(#[case] text: &str) {
        assert_eq!(text.parse::<BiosId>(), Err(InvalidBiosId));
    }

    #[rstest]
    #[case("17", true, true)]
    #[case("{4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}", true, true)]
    #[case("abcdefab-abcd-abcd-abcd-abcdefabcdef", true, true)]
    #[case("Accepted", true, false)]
    #[case("a/1", true, false)]
    #[case("a 1", true, false)]
    #[case("KSC_Error1", true, false)]
    #[case("..", false, false)]
    #[case("", false, false)]
    #[case("a\u{7}1", false, false)]
    fn identifiers_are_told_from_other_text(
        #[case] text: &str,
        #[case] possible: bool,
        #[case] likely: bool,
    ) {
        assert_eq!(is_identifier(text), possible);
        assert_eq!(looks_like_identifier(text), likely);
        assert!(!is_identifier(&"1".repeat(LONGEST + 1)));
    }
}
