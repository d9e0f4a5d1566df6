//! Writes XML so that every reader gets the text back, character for character.

use super::is_xml_text;

/// The text holds a character that XML 1.0 cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} holds a character that XML cannot hold, such as a control character; remove it")]
pub struct NotXml(pub &'static str);

/// A document in the making. Element and attribute names are ours, and taken
/// as they are.
#[derive(Clone, Debug)]
pub struct Writer {
    text: String,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An empty document.
    pub fn new() -> Self {
        Self {
            text: String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>"),
        }
    }

    /// `<name>`
    pub fn open(&mut self, name: &'static str) {
        self.push(&["<", name, ">"]);
    }

    /// `<name attribute="value">`
    ///
    /// # Errors
    /// XML cannot hold the value.
    pub fn open_with(
        &mut self,
        name: &'static str,
        attribute: &'static str,
        value: &str,
    ) -> Result<(), NotXml> {
        if !is_xml_text(value) {
            return Err(NotXml(attribute));
        }
        self.push(&["<", name, " ", attribute, "=\""]);
        for letter in value.chars() {
            match letter {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\t' => self.text.push_str("&#9;"),
                '\n' => self.text.push_str("&#10;"),
                '\r' => self.text.push_str("&#13;"),
                _ => self.text.push(letter),
            }
        }
        self.text.push_str("\">");
        Ok(())
    }

    /// `</name>`
    pub fn close(&mut self, name: &'static str) {
        self.push(&["</", name, ">"]);
    }

    /// `<name>text</name>`, escaped.
    ///
    /// # Errors
    /// XML cannot hold the text.
    pub fn element(&mut self, name: &'static str, text: &str) -> Result<(), NotXml> {
        if !is_xml_text(text) {
            return Err(NotXml(name));
        }
        self.open(name);
        for letter in text.chars() {
            match letter {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '\r' => self.text.push_str("&#13;"),
                _ => self.text.push(letter),
            }
        }
        self.close(name);
        Ok(())
    }

    /// `<name><![CDATA[text]]></name>`, the form the server documents for user
    /// data. A carriage return cannot live in CDATA (every reader makes a line
    /// feed of it), so a text with one is escaped instead.
    ///
    /// # Errors
    /// XML cannot hold the text.
    pub fn cdata(&mut self, name: &'static str, text: &str) -> Result<(), NotXml> {
        if text.contains('\r') {
            return self.element(name, text);
        }
        if !is_xml_text(text) {
            return Err(NotXml(name));
        }
        self.open(name);
        self.text.push_str("<![CDATA[");
        self.text.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
        self.text.push_str("]]>");
        self.close(name);
        Ok(())
    }

    /// The document.
    pub fn finish(self) -> String {
        self.text
    }

    fn push(&mut self, parts: &[&str]) {
        self.text.extend(parts.iter().copied());
    }
}
