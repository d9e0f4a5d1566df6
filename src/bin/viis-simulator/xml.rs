//! Writes XML: elements, text, CDATA. Knows nothing of tenants.

/// A document in the making. Elements are closed by the value that opened them.
pub struct Writer {
    out: String,
    /// Put before every element's name, `v:` for example.
    pub prefix: &'static str,
    open: Vec<String>,
}

// === impl Writer ===

impl Writer {
    /// Starts with the given text, an XML declaration for example.
    pub fn new(prolog: &str) -> Writer {
        Writer {
            out: prolog.to_owned(),
            prefix: "",
            open: Vec::new(),
        }
    }

    /// An element with whatever `inside` writes.
    pub fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Writer),
    ) {
        self.start(name, attributes);
        inside(self);
        self.end();
    }

    /// An element that holds text alone.
    pub fn text_element(&mut self, name: &str, text: &str) {
        self.element(name, &[], |w| w.text(text));
    }

    /// An element without anything in it.
    pub fn empty_element(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.out.push_str("/>");
    }

    /// Opens an element.
    pub fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let full = self.tag(name, attributes);
        self.out.push('>');
        self.open.push(full);
    }

    /// Closes the innermost open element.
    pub fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) -> String {
        let full = format!("{}{name}", self.prefix);
        self.out.push('<');
        self.out.push_str(&full);
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            escape(&mut self.out, value, true);
            self.out.push('"');
        }
        full
    }

    /// Escaped text.
    pub fn text(&mut self, text: &str) {
        escape(&mut self.out, text, false);
    }

    /// Text as CDATA. Carriage returns cannot live there, so such a text is escaped.
    pub fn cdata(&mut self, text: &str) {
        if text.contains('\r') {
            self.text(text);
            return;
        }
        self.out.push_str("<![CDATA[");
        self.out.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
        self.out.push_str("]]>");
    }

    /// White space or other markup, as it is.
    pub fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// The document.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }
}

fn escape(out: &mut String, text: &str, attribute: bool) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            other => out.push(other),
        }
    }
}

/// Whether XML 1.0 can hold the text.
pub fn holds(text: &str) -> bool {
    text.chars().all(|character| {
        matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn texts_survive_a_reader() {
        for text in ["a]]>b", "<&>\"'", "a\r\nb\rc\nd", " \t ", "]]", "]]]]>>"] {
            let mut w = Writer::new("");
            w.element("a", &[("b", text)], |w| {
                w.text_element("c", text);
                w.element("d", &[], |w| w.cdata(text));
            });
            let xml = w.finish();
            let document = roxmltree::Document::parse(&xml).unwrap();
            let root = document.root_element();
            assert_eq!(root.attribute("b"), Some(text));
            for child in root.children() {
                let read: String = child.children().filter_map(|t| t.text()).collect();
                assert_eq!(read, text, "{xml}");
            }
        }
    }
}
