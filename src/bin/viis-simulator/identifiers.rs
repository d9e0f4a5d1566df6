//! Identifiers that the server hands out: GUIDs or numbers. The nth one of a
//! kind is always the same, so that a restored snapshot can repeat them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::settings::Dialect;

/// How many of each kind were handed out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identifiers {
    seed: Uuid,
    tenants: u64,
    virtual_servers: u64,
    machines: u64,
    tasks: u64,
    reports: u64,
}

// === impl Identifiers ===

impl Identifiers {
    pub fn new(seed: Uuid) -> Identifiers {
        Identifiers {
            seed,
            tenants: 0,
            virtual_servers: 0,
            machines: 0,
            tasks: 0,
            reports: 0,
        }
    }

    pub fn tenant(&mut self, dialect: Dialect) -> String {
        self.tenants += 1;
        self.identifier("tenant", self.tenants, dialect)
    }

    pub fn virtual_server(&mut self, dialect: Dialect) -> String {
        self.virtual_servers += 1;
        self.identifier("virtual server", self.virtual_servers, dialect)
    }

    pub fn machine(&mut self, dialect: Dialect) -> String {
        self.machines += 1;
        self.identifier("machine", self.machines, dialect)
    }

    pub fn task(&mut self, dialect: Dialect) -> String {
        self.tasks += 1;
        self.identifier("task", self.tasks, dialect)
    }

    pub fn report(&mut self, dialect: Dialect) -> String {
        self.reports += 1;
        self.identifier("report", self.reports, dialect)
    }

    fn identifier(&self, kind: &str, number: u64, dialect: Dialect) -> String {
        match dialect {
            Dialect::Bare => number.to_string(),
            Dialect::Default
            | Dialect::Attributes
            | Dialect::Json
            | Dialect::Location
            | Dialect::Forgetful
            | Dialect::Early
            | Dialect::Untidy => {
                let mut hash = Sha256::new();
                hash.update(self.seed.as_bytes());
                hash.update(kind.as_bytes());
                hash.update(number.to_be_bytes());
                let digest = hash.finalize();
                let mut bytes = [0; 16];
                bytes
                    .iter_mut()
                    .zip(digest)
                    .for_each(|(to, from)| *to = from);
                uuid::Builder::from_random_bytes(bytes)
                    .into_uuid()
                    .to_string()
            }
        }
    }
}

/// One form for all spellings: GUIDs in any case, with or without braces,
/// become lower-case with hyphens; anything else stays as it is.
pub fn canonical(text: &str) -> String {
    match Uuid::parse_str(text) {
        Ok(uuid) => uuid.to_string(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn identifiers_differ_and_repeat_from_a_copy() {
        let mut ids = Identifiers::new(Uuid::new_v4());
        let first = ids.tenant(Dialect::Default);
        let mut copy = ids.clone();
        let second = ids.tenant(Dialect::Default);
        assert_ne!(first, second);
        assert_ne!(second, ids.task(Dialect::Default));
        assert_eq!(second, copy.tenant(Dialect::Default));
        assert_eq!(ids.tenant(Dialect::Bare), "3");
    }

    #[test]
    fn spellings_of_a_guid_are_one() {
        let lower = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";
        assert_eq!(canonical(&lower.to_uppercase()), lower);
        assert_eq!(canonical(&format!("{{{}}}", lower.to_uppercase())), lower);
        assert_eq!(canonical("17"), "17");
    }
}
