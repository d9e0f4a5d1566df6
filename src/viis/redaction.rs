//! Takes secrets out of text that the server wrote, before anybody sees it.
//!
//! The ranges to hide are all found in the original text and hidden together,
//! so that hiding one secret cannot hide another from being found. Pure.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::code::Code;
use super::xml::{self, Element, Limits};

/// What stands in the place of a secret, and of the rest of a cut text.
const HIDDEN: &str = "…";
/// Longest excerpt of a body, in characters.
const LONGEST_EXCERPT: usize = 300;
/// How much of a text is looked at, in bytes.
const LONGEST_INPUT: usize = 64 << 10;
/// The shortest run that counts as base64, in bytes.
const SHORTEST_BASE64: usize = 24;

const SECRET_WORDS: [&str; 5] = ["password", "passwd", "passphrase", "pwd", "secret"];

/// Knows our secrets, and what other people's look like.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<SecretString>,
    knows_administrators: bool,
}

impl Redactor {
    /// Hides nothing but what looks like a secret.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides the password of the administrator that a tenant was created with.
    #[must_use]
    pub fn hiding_administrators(self, password: &str) -> Self {
        Self {
            knows_administrators: true,
            ..self.hiding(password)
        }
    }

    /// Whether the administrator's password is known, and so is hidden.
    pub(super) fn knows_administrators(&self) -> bool {
        self.knows_administrators
    }

    /// Hides this secret too, also as base64 and as XML or JSON would write it.
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        let base64 = STANDARD.encode(secret);
        // A Secret created from a file often ends with a line break.
        let with_line_break = |end: &str| {
            let base64 = STANDARD.encode(format!("{secret}{end}"));
            base64.trim_end_matches('=').to_owned()
        };
        let mut forms = vec![
            secret.to_owned(),
            base64.trim_end_matches('=').to_owned(),
            base64,
            with_line_break("\n"),
            with_line_break("\r\n"),
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;"),
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
            secret.replace('\\', "\\\\").replace('"', "\\\""),
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        ];
        forms.retain(|form| !form.is_empty());
        forms.sort();
        forms.dedup();
        self.secrets
            .extend(forms.into_iter().map(SecretString::from));
        self
    }

    /// The code in a text, as [`Code::find`] finds it; but a password may look like a
    /// code, and a code that no page names may hold one: that is none.
    pub fn code(&self, text: &str) -> Option<Code> {
        let tells = |code: &Code| {
            let mut secrets = self.secrets.iter();
            secrets.any(|secret| code.as_str().contains(secret.expose_secret()))
        };
        Code::first_of(Code::all_in(text).filter(|code| code.is_documented() || !tells(code)))
    }

    /// A short excerpt of a body: the texts of XML, else what stands there.
    pub fn excerpt(&self, body: &str) -> String {
        match xml::read(body, Limits::ONE) {
            Ok(element) => self.element(&element, LONGEST_EXCERPT),
            Err(_) => self.bounded(body, LONGEST_EXCERPT),
        }
    }

    /// The texts of an element, without those named like a password; its
    /// attributes when it has no text.
    pub fn element(&self, element: &Element, longest: usize) -> String {
        let mut text = String::new();
        collect(element, &mut text, false);
        if text.trim().is_empty() {
            collect(element, &mut text, true);
        }
        self.bounded(&text, longest)
    }

    /// A text in one line, without secrets, of at most so many characters.
    pub fn bounded(&self, text: &str, longest: usize) -> String {
        let text = self.head(text);
        let mut hidden = password_values(text);
        hidden.extend(base64_runs(text));
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            hidden.extend(
                text.match_indices(secret)
                    .map(|(start, found)| start..start + found.len()),
            );
        }
        in_one_line(&hide(text, hidden), longest)
    }

    /// The beginning of a text, cut so that it does not end in a part of a secret.
    fn head<'a>(&self, text: &'a str) -> &'a str {
        if text.len() <= LONGEST_INPUT {
            return text;
        }
        let mut head = &text[..text.floor_char_boundary(LONGEST_INPUT)];
        head = head.trim_end_matches(|letter: char| letter.is_ascii() && is_base64(letter as u8));
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            let part = (1..secret.len())
                .rev()
                .filter_map(|length| secret.get(..length))
                .find(|part| head.ends_with(part));
            if let Some(part) = part {
                head = head.strip_suffix(part).unwrap_or(head);
            }
        }
        head
    }
}

/// Whether an element or key with this name holds a secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn collect(element: &Element, text: &mut String, attributes: bool) {
    if is_secret_name(element.name()) {
        text.push_str(HIDDEN);
        return;
    }
    if attributes {
        for (name, value) in element.named_attributes() {
            let value = if is_secret_name(name) { HIDDEN } else { value };
            text.push(' ');
            text.push_str(value);
        }
    }
    text.push_str(element.text());
    for child in element.children() {
        text.push(' ');
        collect(child, text, attributes);
    }
}

fn hide(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let mut shown = String::with_capacity(text.len());
    let mut position = 0;
    for range in ranges {
        if range.start >= position {
            shown.push_str(text.get(position..range.start).unwrap_or_default());
            shown.push_str(HIDDEN);
        }
        position = position.max(range.end);
    }
    shown.push_str(text.get(position..).unwrap_or_default());
    shown
}

/// Control characters and runs of blanks become one space; a longer text is cut.
fn in_one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut blank = false;
    for letter in text.chars() {
        if letter.is_control() || letter.is_whitespace() || is_invisible(letter) {
            blank = length > 0;
            continue;
        }
        let needed = if blank { 2 } else { 1 };
        if length + needed >= longest {
            line.push_str(HIDDEN);
            return line;
        }
        if blank {
            line.push(' ');
        }
        line.push(letter);
        length += needed;
        blank = false;
    }
    line
}

/// Characters that change how the rest of a line looks in a terminal.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// Long runs of base64 letters, but for the server's codes.
fn base64_runs(text: &str) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (position, byte) in text.bytes().chain([b' ']).enumerate() {
        match (is_base64(byte), start) {
            (true, None) => start = Some(position),
            (true, Some(_)) | (false, None) => {}
            (false, Some(first)) => {
                if position - first >= SHORTEST_BASE64 && !is_in_code(text, first) {
                    runs.push(first..position);
                }
                start = None;
            }
        }
    }
    runs
}

/// Whether the word around this position is a code of the server.
fn is_in_code(text: &str, position: usize) -> bool {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (before, after) = text.as_bytes().split_at(position);
    let start = position
        - before
            .iter()
            .rev()
            .take_while(|byte| part(byte))
            .take(128)
            .count();
    let end = position + after.iter().take_while(|byte| part(byte)).take(129).count();
    text.get(start..end)
        .is_some_and(|word| Code::new(word).is_some())
}

/// The values of whatever is named like a password: elements, also escaped
/// ones, attributes, JSON keys, `name=value` and `name: value`.
fn password_values(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let mut found: Vec<Range<usize>> = SECRET_WORDS
        .iter()
        .flat_map(|word| lower.match_indices(word))
        .map(|(start, word)| start..start + word.len())
        .collect();
    found.sort_by_key(|found| found.start);
    let mut ranges = Vec::new();
    let mut position = 0;
    for Range { start, end } in found {
        if start < position {
            continue;
        }
        let word = |byte: &&u8| is_word(**byte);
        let start = start - bytes.iter().take(start).rev().take_while(word).count();
        let end = end + bytes.iter().skip(end).take_while(word).count();
        position = end;
        if text
            .get(start..end)
            .is_some_and(|word| Code::new(word).is_some())
        {
            continue;
        }
        if let Some(value) = value_after(&lower, start, end) {
            position = position.max(value.end);
            ranges.push(value);
        }
    }
    ranges
}

/// Where the value of the name at `start..end` stands, if it has one.
fn value_after(lower: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let before = lower.get(..start)?;
    // A namespace's prefix.
    let before = match before.strip_suffix(':') {
        Some(prefixed) => {
            prefixed.trim_end_matches(|letter: char| letter.is_ascii() && is_word(letter as u8))
        }
        None => before,
    };
    if before.ends_with('/') {
        return None;
    }
    if before.ends_with('<') || before.ends_with("&lt;") {
        return Some(element_value(lower, start, end));
    }
    let after = lower.get(end..)?;
    let sign = after.trim_start_matches(['"', '\'', '\\', ' ', '\t', '\r', '\n']);
    let sign = sign.strip_prefix("&quot;").unwrap_or(sign).trim_start();
    let value = end + (after.len() - sign.len());
    let length = match sign.bytes().next()? {
        b':' | b'=' => 1 + assigned_length(sign.get(1..)?),
        b'>' => sign.find("</").unwrap_or(sign.len()),
        // Escaped more than once: nobody knows where it ends.
        b'&' => sign.len(),
        _ => return None,
    };
    Some(value..value + length)
}

/// From the end of an element's name to its closing tag, or to the end.
fn element_value(lower: &str, start: usize, end: usize) -> Range<usize> {
    let name = lower.get(start..end).unwrap_or_default();
    let rest = lower.get(end..).unwrap_or_default();
    let tag = rest.find('>').or_else(|| rest.find("&gt;"));
    if let Some(tag) = tag
        && rest.get(..tag).is_some_and(|tag| tag.ends_with('/'))
    {
        return end..end + tag;
    }
    let closing = rest.match_indices(name).find(|(at, _)| {
        let before = rest.get(..*at).unwrap_or_default();
        let before = match before.strip_suffix(':') {
            Some(prefixed) => {
                prefixed.trim_end_matches(|letter: char| letter.is_ascii() && is_word(letter as u8))
            }
            None => before,
        };
        before.ends_with("</") || before.ends_with("&lt;/")
    });
    end..closing.map_or(lower.len(), |(at, _)| end + at)
}

/// How long an assigned value is, with the blanks and quotes before it.
fn assigned_length(text: &str) -> usize {
    let value = text.trim_start();
    let blanks = text.len() - value.len();
    let quotes = ["\\\"", "&quot;", "\"", "'"];
    for quote in quotes {
        let Some(inner) = value.strip_prefix(quote) else {
            continue;
        };
        let mut from = 0;
        while let Some(at) = inner.get(from..).and_then(|rest| rest.find(quote)) {
            let end = from + at;
            let escaped = inner
                .get(..end)
                .unwrap_or_default()
                .bytes()
                .rev()
                .take_while(|byte| *byte == b'\\')
                .count()
                % 2
                == 1;
            if !escaped {
                return blanks + quote.len() + end;
            }
            from = end + quote.len();
        }
        return text.len();
    }
    if value.starts_with(['{', '[']) {
        return text.len();
    }
    let end = value.find([
        ' ', '\t', '\r', '\n', ',', ';', '<', '>', '}', ']', '"', '&',
    ]);
    blanks + end.unwrap_or(value.len())
}

#[cfg(test)]
mod tests;
