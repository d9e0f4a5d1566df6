//! Reads what a client asks: paths, queries and XML bodies, strictly. What the
//! API page does not name is refused, so that a client's mistake is seen.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::codes;
use crate::model::{NewAdministrator, NewTenant};
use crate::world::NewMachine;

/// A request that is answered with an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The documented code, where there is one.
    pub code: Option<&'static str>,
    pub message: String,
}

// === impl Refusal ===

impl Refusal {
    pub fn coded(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code: Some(code),
            message: message.into(),
        }
    }

    /// For what no page names a code.
    pub fn plain(status: u16, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code: None,
            message: message.into(),
        }
    }
}

/// The body of POST tenants.
pub fn new_tenant(body: &[u8]) -> Result<NewTenant, Refusal> {
    let text = utf8(body)?;
    let document = parse(text)?;
    let root = document.root_element();
    let allowed = [
        "name",
        "description",
        "userData",
        "preferredViisAddress",
        "type",
        "vKsc",
    ];
    let children = children_of(root, "tenant", &allowed)?;
    no_attributes(root, &[])?;
    let field = |name: &str| text_of_child(&children, name);
    let name = required(field("name")?, "name")?;
    let complete = match required(field("type")?, "type")?.as_str() {
        "Complete" => true,
        "Simple" => false,
        other => {
            return Err(Refusal::coded(
                400,
                codes::INVALID_TENANT_TYPE,
                format!("There is no tenant type '{other}'"),
            ));
        }
    };
    let preferred_viis_address = field("preferredViisAddress")?;
    if let Some(address) = &preferred_viis_address
        && address.parse::<IpAddr>().is_err()
    {
        return Err(Refusal::coded(
            400,
            codes::INVALID_VIIS_ADDRESS,
            "preferredViisAddress is not an IP address",
        ));
    }
    let vksc = child(&children, "vKsc");
    let administrator = match (complete, vksc) {
        (true, Some(vksc)) => Some(administrator(vksc)?),
        (true, None) => return Err(credentials_missing()),
        (false, None) => None,
        (false, Some(_)) => {
            return Err(Refusal::plain(
                400,
                "vKsc is for tenants of type Complete only",
            ));
        }
    };
    Ok(NewTenant {
        name,
        description: field("description")?,
        user_data: field("userData")?,
        preferred_viis_address,
        administrator,
    })
}

fn administrator(vksc: Node<'_, '_>) -> Result<NewAdministrator, Refusal> {
    let in_vksc = children_of(vksc, "vKsc", &["user"])?;
    let user = child(&in_vksc, "user").ok_or_else(credentials_missing)?;
    let in_user = children_of(user, "user", &["name", "password"])?;
    let given = |name: &str| -> Result<String, Refusal> {
        text_of_child(&in_user, name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(credentials_missing)
    };
    let name = given("name")?;
    let encoded = given("password")?;
    let password = STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Refusal::plain(400, "password is not base64 of UTF-8 text"))?;
    if password.is_empty() {
        return Err(credentials_missing());
    }
    Ok(NewAdministrator {
        name,
        password_length: password.chars().count(),
        password_sha256: sha256(password.as_bytes()),
    })
}

/// Lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The body of POST vms/register.
pub fn new_machine(body: &[u8]) -> Result<NewMachine, Refusal> {
    let text = utf8(body)?;
    let document = parse(text)?;
    let root = document.root_element();
    let children = children_of(root, "vm", &["name", "userData"])?;
    no_attributes(root, &["biosId"])?;
    let bios_id = required(root.attribute("biosId").map(str::to_owned), "biosId")?;
    Ok(NewMachine {
        bios_id: parse_bios_id(&bios_id)?,
        name: text_of_child(&children, "name")?,
        user_data: text_of_child(&children, "userData")?,
    })
}

/// A BIOS ID as a UUID.
pub fn parse_bios_id(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text).map_err(|_| Refusal::plain(400, "biosId is not a UUID"))
}

/// Refuses a missing or empty mandatory parameter.
pub fn required(value: Option<String>, name: &str) -> Result<String, Refusal> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        Refusal::coded(
            400,
            codes::MANDATORY_MISSING,
            format!("The mandatory parameter '{name}' is not specified"),
        )
    })
}

fn credentials_missing() -> Refusal {
    Refusal::coded(
        400,
        codes::VKSC_CREDENTIALS_MISSING,
        "A tenant of type Complete needs the administrator's name and password",
    )
}

fn utf8(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|_| Refusal::plain(400, "The body is not UTF-8"))
}

fn parse(text: &str) -> Result<Document<'_>, Refusal> {
    Document::parse(text)
        .map_err(|error| Refusal::plain(400, format!("The body is not well-formed XML: {error}")))
}

fn children_of<'a, 'input>(
    node: Node<'a, 'input>,
    name: &str,
    allowed: &[&str],
) -> Result<Vec<Node<'a, 'input>>, Refusal> {
    let actual = node.tag_name().name();
    if actual != name {
        let message = format!("The element '{actual}' stands where '{name}' belongs");
        return Err(Refusal::plain(400, message));
    }
    let stray = |node: &Node<'_, '_>| {
        let text = node.text().unwrap_or_default();
        node.is_text() && !text.trim_matches([' ', '\t', '\r', '\n']).is_empty()
    };
    if node.children().any(|child| stray(&child)) {
        let message = format!("There is text between the elements of '{name}'");
        return Err(Refusal::plain(400, message));
    }
    let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    for (index, one) in children.iter().enumerate() {
        let tag = one.tag_name().name();
        let twice = children
            .iter()
            .take(index)
            .any(|other| other.tag_name().name() == tag);
        if twice || !allowed.contains(&tag) {
            let message = format!("The element '{tag}' is unknown or stands twice in '{name}'");
            return Err(Refusal::plain(400, message));
        }
    }
    Ok(children)
}

fn no_attributes(node: Node<'_, '_>, but: &[&str]) -> Result<(), Refusal> {
    match node.attributes().find(|found| !but.contains(&found.name())) {
        Some(found) => {
            let message = format!("The attribute '{}' is unknown", found.name());
            Err(Refusal::plain(400, message))
        }
        None => Ok(()),
    }
}

fn child<'a, 'input>(children: &[Node<'a, 'input>], name: &str) -> Option<Node<'a, 'input>> {
    children
        .iter()
        .find(|node| node.tag_name().name() == name)
        .copied()
}

/// The text verbatim: nothing is trimmed, CDATA and entities are joined.
fn text_of_child(children: &[Node<'_, '_>], name: &str) -> Result<Option<String>, Refusal> {
    let Some(node) = child(children, name) else {
        return Ok(None);
    };
    if node.children().any(|inner| inner.is_element()) {
        let message = format!("The element '{name}' holds elements instead of text");
        return Err(Refusal::plain(400, message));
    }
    let text = node
        .children()
        .filter(Node::is_text)
        .filter_map(|inner| inner.text())
        .collect();
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
