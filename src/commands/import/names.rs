//! Names of Kubernetes objects for what is on a server. Pure.
//!
//! A name follows from the tenant or the machine alone, never from what else is on the
//! server: who comes or goes later changes no name that was given. So a name that is
//! valid already is kept (the server has it once), and any other one gets a mark that is
//! made of the identifier, whether it collides today or not.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::viis::{BiosId, TenantId};

/// The longest name, in bytes: as a label, and with `.yaml` behind it, it still fits.
const LONGEST: usize = 63;
/// In a folder of manifests a file of this name is not one of them.
const KUSTOMIZATION: &str = "kustomization";
/// Hexadecimal digits of the mark: two of 5,000 like names meet once in 100,000 servers.
const MARK: usize = 10;

/// The name of a Tenant.
pub fn of_tenant(name: &str, id: &TenantId) -> String {
    if is_object_name(name) && !ends_like_a_mark(name) && name != KUSTOMIZATION {
        return name.to_owned();
    }
    marked_tenant(name, id)
}

/// The name of a Tenant, where the first one is taken.
pub fn marked_tenant(name: &str, id: &TenantId) -> String {
    // Some versions of the server write the same identifier in another case, or in braces.
    let id = Uuid::parse_str(id.as_str()).map_or(id.as_str().to_owned(), |id| id.to_string());
    marked(&stem(name, "tenant"), &id)
}

/// The name of a VirtualMachine. Names of machines may be there many times.
pub fn of_machine(name: Option<&str>, bios_id: BiosId) -> String {
    marked(
        &stem(name.unwrap_or_default(), "machine"),
        &bios_id.to_string(),
    )
}

/// Small letters and digits of a name; what is between them becomes one hyphen.
fn stem(name: &str, otherwise: &str) -> String {
    let room = LONGEST - 1 - MARK;
    let mut stem = String::new();
    for letter in name.chars() {
        match letter.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => stem.push(letter),
            _ if stem.is_empty() || stem.ends_with('-') => {}
            _ => stem.push('-'),
        }
        if stem.len() == room {
            break;
        }
    }
    match stem.trim_end_matches('-') {
        "" => otherwise.to_owned(),
        stem => stem.to_owned(),
    }
}

fn marked(stem: &str, identifier: &str) -> String {
    let hash = Sha256::digest(identifier.as_bytes());
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{stem}-{}", &digits[..MARK])
}

/// As Kubernetes wants names of objects (RFC 1123), and not longer than ours.
fn is_object_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= LONGEST
        && name.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(inner)
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// Such a name could be what another one becomes.
fn ends_like_a_mark(name: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    name.rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == MARK && end.as_bytes().iter().all(digit))
}

#[cfg(test)]
mod tests;
