//! The row E16: the server stores texts in a different form than it receives. Such a plan
//! runs on a server with these settings from its beginning to its end.

use serde_json::{Value, json};

/// How the server stores names, descriptions and user data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Texts {
    /// Without outer white space.
    Trimmed,
    /// With one blank for each run of white space, too, and in NFC.
    Normalized,
    /// The same, and the result of a creation repeats the texts that were sent.
    ResultAsSent,
}

use Texts::*;

/// Each with its name on the command line.
pub const ALL: [(&str, Texts); 3] = [
    ("E16-trimmed", Trimmed),
    ("E16-normalized", Normalized),
    ("E16-result-as-sent", ResultAsSent),
];

/// The description and the user data in the manifests.
pub const SENT: &str = " gold \r\n\u{a0}until  Mu\u{308}nchen\n";

// === impl Texts ===

impl Texts {
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(_, texts)| *texts == self)
            .map_or("", |(name, _)| name)
    }

    pub fn named(name: &str) -> Option<Texts> {
        ALL.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, texts)| *texts)
    }

    /// The settings of the simulator.
    pub fn settings(self) -> Value {
        let stored = match self {
            Trimmed => "trimmed",
            Normalized | ResultAsSent => "normalized",
        };
        json!({"storedTexts": stored, "resultsAsSent": self == ResultAsSent})
    }

    /// [`SENT`] as the server stores it.
    pub fn stored(self) -> &'static str {
        match self {
            Trimmed => "gold \r\n\u{a0}until  Mu\u{308}nchen",
            Normalized | ResultAsSent => "gold until M\u{fc}nchen",
        }
    }

    /// The name of [`sent_name`] as the server stores it.
    pub fn stored_name(self, name: &str) -> String {
        match self {
            Trimmed => format!("{name}  Cafe\u{301}"),
            Normalized | ResultAsSent => format!("{name} Caf\u{e9}"),
        }
    }
}

/// A name in the manifests: outer blanks, two blanks in a row, a decomposed letter.
pub fn sent_name(name: &str) -> String {
    format!(" {name}  Cafe\u{301}\u{a0} ")
}
