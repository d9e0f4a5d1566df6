//! A virtual machine: what the server says of it, and what is said to
//! register one. Pure.

use super::identifier::{BiosId, VirtualMachineId, is_identifier};
use super::time::ServerTime;
use super::xml::Element;

/// A registered virtual machine as the server describes it
/// (API page: Virtual machines).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualMachine {
    /// Its identifier in the server's database.
    pub id: Option<VirtualMachineId>,
    /// Its BIOS ID, unique over all tenants.
    pub bios_id: BiosId,
    /// Its name, word for word; `None` when empty.
    pub name: Option<String>,
    /// Its user data, word for word; `None` when empty.
    pub user_data: Option<String>,
    /// When it was registered.
    pub created: Option<ServerTime>,
    /// When it was changed last.
    pub updated: Option<ServerTime>,
}

/// What is said to register a virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVirtualMachine {
    /// Its BIOS ID.
    pub bios_id: BiosId,
    /// Its name.
    pub name: Option<String>,
    /// Its user data.
    pub user_data: Option<String>,
}

impl VirtualMachine {
    /// Reads a `vm` element.
    ///
    /// # Errors
    /// Its BIOS ID is missing or no UUID.
    #[doc(hidden)]
    pub fn read(element: &Element) -> Result<Self, &'static str> {
        let bios_id = element
            .attribute("biosId")
            .and_then(|text| text.parse().ok())
            .ok_or("a virtual machine has no BIOS ID that is a UUID")?;
        let id = element.attribute("id").map(str::trim);
        Ok(Self {
            id: id.filter(|id| is_identifier(id)).map(VirtualMachineId::new),
            bios_id,
            name: element.text_of("name").map(str::to_owned),
            user_data: element.text_of("userData").map(str::to_owned),
            created: element.time("created"),
            updated: element.time("updated"),
        })
    }
}
