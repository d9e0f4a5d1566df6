//! XML as this client reads and writes it. Pure: text in, text out.

mod element;
mod error;
mod markup;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use element::Element;
pub use error::XmlError;
pub use read::{Limits, Surroundings, read, read_items};
pub use write::{NotXml, Writer};

/// Whether XML 1.0 can hold this text at all: no control characters but tab,
/// line feed and carriage return, no U+FFFE and U+FFFF.
pub fn is_xml_text(text: &str) -> bool {
    text.chars().all(is_xml_character)
}

fn is_xml_character(letter: char) -> bool {
    matches!(letter,
        '\t' | '\n' | '\r'
        | '\u{20}'..='\u{D7FF}'
        | '\u{E000}'..='\u{FFFD}'
        | '\u{10000}'..='\u{10FFFF}')
}
