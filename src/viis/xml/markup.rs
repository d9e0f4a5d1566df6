//! One start tag: its name, its attributes, and the characters that references stand for.

use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attribute;

use super::element::Element;
use super::error::XmlError;
use super::is_xml_character;
use super::read::Limits;

/// The element that a start tag opens, without its content.
pub(super) fn read_start(
    start: &BytesStart<'_>,
    limits: &Limits,
    at: u64,
) -> Result<Element, XmlError> {
    if !is_name(start.name().as_ref()) {
        return Err(XmlError::Malformed(at));
    }
    let mut element = Element {
        name: start.local_name().as_ref().to_owned(),
        ..Element::default()
    };
    for (count, attribute) in start.attributes().enumerate() {
        if count >= limits.attributes {
            return Err(XmlError::TooManyAttributes);
        }
        let attribute = attribute.map_err(|_| XmlError::Malformed(at))?;
        if attribute.value.len() > limits.text {
            return Err(XmlError::TextTooLong);
        }
        read_attribute(&attribute, &mut element, at)?;
    }
    Ok(element)
}

fn read_attribute(
    attribute: &Attribute<'_>,
    element: &mut Element,
    at: u64,
) -> Result<(), XmlError> {
    let full = attribute.key.as_ref();
    if !is_name(full) {
        return Err(XmlError::Malformed(at));
    }
    let value = normalize(&attribute.value, at)?;
    if full == "xmlns" || full.starts_with("xmlns:") {
        return Ok(());
    }
    let local = attribute.key.local_name().as_ref().to_owned();
    let known = element
        .attributes
        .iter_mut()
        .find(|(name, _)| *name == local);
    match known {
        None => element.attributes.push((local, value)),
        // `id` counts more than `other:id`, whichever comes first.
        Some(known) if full == local => known.1 = value,
        Some(_) => {}
    }
    Ok(())
}

/// The names that occur: not all of XML's rule, but no markup and no blanks.
fn is_name(name: &str) -> bool {
    let part =
        |letter: char| letter.is_alphanumeric() || "_:-.".contains(letter) || !letter.is_ascii();
    name.chars().all(part)
        && !name.ends_with(':')
        && !name.starts_with(|letter: char| letter.is_ascii_digit() || "-.:".contains(letter))
        && !name.is_empty()
}

/// An attribute's value as XML 1.0 (3.3.3) wants it: blanks become spaces,
/// references become characters.
fn normalize(raw: &str, at: u64) -> Result<String, XmlError> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(position) = rest.find(['\t', '\n', '\r', '&', '<']) {
        let (before, special) = rest.split_at(position);
        value.push_str(before);
        if let Some(reference) = special.strip_prefix('&') {
            let (name, after) = reference.split_once(';').ok_or(XmlError::Malformed(at))?;
            value.push(resolve(name)?);
            rest = after;
        } else if special.starts_with('<') {
            return Err(XmlError::Malformed(at));
        } else {
            value.push(' ');
            let blank = if special.starts_with("\r\n") { 2 } else { 1 };
            rest = special.get(blank..).unwrap_or_default();
        }
    }
    value.push_str(rest);
    Ok(value)
}

/// What XML 1.1 lets a reference stand for, and writers for 1.0 put into a text that
/// somebody pasted: one such description must not hide all tenants.
fn is_control(letter: char) -> bool {
    letter.is_control() && letter != '\0'
}

/// The character that `&name;` stands for.
pub(super) fn resolve(name: &str) -> Result<char, XmlError> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(XmlError::UnknownEntity),
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    if digits.starts_with('+') {
        return Err(XmlError::InvalidCharacter);
    }
    u32::from_str_radix(digits, radix)
        .ok()
        .and_then(char::from_u32)
        .filter(|letter| is_xml_character(*letter) || is_control(*letter))
        .ok_or(XmlError::InvalidCharacter)
}
