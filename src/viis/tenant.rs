//! A tenant: what the server says of it, and what is said to make one. Pure.

use std::fmt;
use std::net::IpAddr;

use secrecy::SecretString;

use super::identifier::{TenantId, is_identifier};
use super::time::ServerTime;
use super::xml::Element;

/// Longest word of the server that we keep when we do not know it, in characters.
const LONGEST_WORD: usize = 64;

/// A tenant as the server describes it (API page: Tenants).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// When it was made.
    pub created: Option<ServerTime>,
    /// When it was changed last.
    pub updated: Option<ServerTime>,
    /// Its name, unique on the server, word for word.
    pub name: String,
    /// Its description, word for word; `None` when empty.
    pub description: Option<String>,
    /// Its user data, word for word; `None` when empty.
    pub user_data: Option<String>,
    /// Its virtual Administration Server; Complete tenants only.
    pub virtual_administration_server: Option<VirtualAdministrationServer>,
    /// Whether it is active.
    pub status: TenantStatus,
    /// Its type, when the server says it.
    pub tenant_type: Option<TenantType>,
}

/// A Complete tenant's virtual Administration Server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAdministrationServer {
    /// Its identifier.
    pub id: Option<String>,
    /// Its administrator's name.
    pub administrator: Option<String>,
}

/// A tenant's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantStatus {
    /// `Active`
    Active,
    /// `Inactive`
    Inactive,
    /// Something else, cut to 64 characters; empty when the server says none.
    Other(String),
}

impl TenantStatus {
    /// Case says nothing.
    fn read(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "active" => TenantStatus::Active,
            "inactive" => TenantStatus::Inactive,
            _ => TenantStatus::Other(word(text)),
        }
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TenantStatus::Active => "Active",
            TenantStatus::Inactive => "Inactive",
            TenantStatus::Other(word) => word,
        })
    }
}

/// A tenant's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantType {
    /// `Complete`: with a virtual Administration Server.
    Complete,
    /// `Simple`: in the database only.
    Simple,
    /// Something else, cut to 64 characters.
    Other(String),
}

impl TenantType {
    /// Case says nothing.
    fn read(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "complete" => TenantType::Complete,
            "simple" => TenantType::Simple,
            _ => TenantType::Other(word(text)),
        }
    }
}

impl fmt::Display for TenantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TenantType::Complete => "Complete",
            TenantType::Simple => "Simple",
            TenantType::Other(word) => word,
        })
    }
}

/// What is left of a deleted tenant in Kaspersky Security Center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifacts {
    /// Its virtual Administration Server, administrator and folder go too.
    Remove,
    /// They stay; only the database forgets the tenant.
    Keep,
}

/// What is said to make a tenant.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its user data.
    pub user_data: Option<String>,
    /// The address that the tenant's Light Agents connect to.
    pub preferred_viis_address: Option<IpAddr>,
    /// Its type, and what that type needs.
    pub kind: NewTenantKind,
}

/// The type of a tenant to be made.
#[derive(Clone, Debug)]
pub enum NewTenantKind {
    /// In the database only.
    Simple,
    /// With a virtual Administration Server.
    Complete {
        /// The name of the virtual Administration Server's administrator.
        administrator: String,
        /// The administrator's password.
        password: SecretString,
    },
}

/// A word of the server that we do not know: bounded, in one line.
pub(super) fn word(text: &str) -> String {
    text.trim()
        .chars()
        .take(LONGEST_WORD)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

impl Tenant {
    /// Reads a `tenant` element.
    ///
    /// # Errors
    /// Says what is missing, without the server's text: no usable identifier,
    /// or no name.
    #[doc(hidden)]
    pub fn read(element: &Element) -> Result<Self, &'static str> {
        let id = element.attribute("id").unwrap_or_default().trim();
        if !is_identifier(id) {
            return Err("a tenant has no identifier");
        }
        let name = element
            .text_of("name")
            .ok_or("a tenant has no name")?
            .to_owned();
        let status = element.text_of("status").unwrap_or_default();
        Ok(Self {
            id: TenantId::new(id),
            created: element.time("created"),
            updated: element.time("updated"),
            name,
            description: element.text_of("description").map(str::to_owned),
            user_data: element.text_of("userData").map(str::to_owned),
            virtual_administration_server: element
                .child("vKsc")
                .and_then(VirtualAdministrationServer::read),
            status: TenantStatus::read(status),
            // A blank one is what a printer makes of an empty one.
            tenant_type: element
                .text_of("type")
                .filter(|text| !text.trim().is_empty())
                .map(TenantType::read),
        })
    }
}

impl VirtualAdministrationServer {
    fn read(element: &Element) -> Option<Self> {
        let id = element.attribute("id").map(str::trim);
        let server = Self {
            id: id.filter(|id| is_identifier(id)).map(str::to_owned),
            administrator: element
                .child("user")
                .and_then(|user| user.text_of("name"))
                .map(str::to_owned),
        };
        // An empty element says that there is none.
        (server.id.is_some() || server.administrator.is_some()).then_some(server)
    }
}
