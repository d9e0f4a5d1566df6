//! YAML that every reader reads alike. Pure.
//!
//! Readers of Kubernetes manifests follow YAML 1.1 as well as 1.2, so a text is only left
//! without quotes where no version takes it for something else. In quotes it is JSON, with
//! an escape for each character that some reader would change or refuse: carriage returns,
//! other line ends of Unicode, control characters, a byte order mark.

use std::fmt::Write as _;

use serde_json::Value;

/// Words that YAML 1.1 reads as truth values or nothing.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// A document that begins with `---`. The keys of `manifest` are fields of Kubernetes
/// objects: they need no quotes.
pub fn document(manifest: &Value) -> String {
    let mut out = String::from("---\n");
    fields(manifest, 0, &mut out);
    out
}

fn fields(value: &Value, depth: usize, out: &mut String) {
    let Value::Object(fields_of) = value else {
        return;
    };
    for (name, value) in fields_of {
        out.extend(std::iter::repeat_n("  ", depth));
        out.push_str(name);
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                fields(value, depth + 1, out);
            }
            Value::String(text) => {
                out.push(' ');
                scalar(text, out);
                out.push('\n');
            }
            // JSON, which is YAML on one line.
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                let _ = writeln!(out, " {value}");
            }
        }
    }
}

fn scalar(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if is_safe(letter) => out.push(letter),
            letter if u32::from(letter) <= 0xFFFF => {
                let _ = write!(out, "\\u{:04X}", u32::from(letter));
            }
            letter => {
                let _ = write!(out, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    out.push('"');
}

/// A word of letters, digits and few signs, such as an API version.
fn is_plain(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-./".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(sign)
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether every reader takes this character in quotes for itself.
fn is_safe(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        // Line ends for YAML 1.1, invisible marks, what is private or no character.
        '\u{7F}'..='\u{A0}' | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202F}' => false,
        '\u{2060}'..='\u{206F}' | '\u{E000}'..='\u{F8FF}' | '\u{FEFF}' => false,
        '\u{FFF0}'..='\u{FFFF}' | '\u{E0000}'..='\u{10FFFF}' => false,
        letter => !letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(text.trim_start_matches("---\n")).unwrap()
    }

    #[test]
    fn a_manifest_looks_like_one() {
        let manifest = json!({
            "apiVersion": "viis-operator.io/v1alpha1",
            "metadata": {"name": "acme"},
            "spec": {"none": {}, "state": "Active", "suspend": false, "userData": "{\"crm\": 4711}\r\n"},
        });
        let text = document(&manifest);
        assert_eq!(
            text,
            "---\napiVersion: viis-operator.io/v1alpha1\nmetadata:\n  name: acme\nspec:\n  \
             none: {}\n  state: Active\n  suspend: false\n  \
             userData: \"{\\\"crm\\\": 4711}\\r\\n\"\n"
        );
        assert_eq!(read(&text), manifest);
    }

    /// What some reader would take for something else, or change.
    #[rstest]
    #[case("yes")]
    #[case("No")]
    #[case("null")]
    #[case("~")]
    #[case("0x1F")]
    #[case("1e3")]
    #[case("12:30:45")]
    #[case("2026-01-01")]
    #[case(" leading")]
    #[case("trailing ")]
    #[case("a: b")]
    #[case("a #b")]
    #[case("- a")]
    #[case("")]
    #[case("a\nb\r\nc\rd\te")]
    #[case("]]>")]
    #[case("'\"\\")]
    #[case("a\u{85}b\u{2028}c\u{2029}d\u{FEFF}e")]
    #[case("🦀 Ünïcode 株式会社 \u{10FFFD}")]
    fn it_is_in_quotes_and_reads_as_it_was(#[case] text: &str) {
        let written = document(&json!({"a": text}));
        assert!(written.starts_with("---\na: \""), "{written}");
        assert_eq!(written.lines().count(), 2, "{written}");
        assert_eq!(read(&written), json!({"a": text}));
    }

    proptest! {
        #[test]
        fn every_text_reads_as_it_was(text in any::<String>()) {
            let text: String = text.chars().filter(|letter| crate::viis::is_xml_text(&letter.to_string())).collect();
            let manifest = json!({"spec": {"userData": text}});
            prop_assert_eq!(read(&document(&manifest)), manifest);
        }
    }
}
