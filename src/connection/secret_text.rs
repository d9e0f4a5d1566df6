//! The text under a key of a Secret, as a user name or a password. Makes no call.

use k8s_openapi::api::core::v1::Secret;
use secrecy::{ExposeSecret as _, SecretString};

/// Why a Secret has no usable text under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The key is missing, or its value is empty or not UTF-8.
    #[error("has no text under the key")]
    Missing,
    /// The value contains a control character other than one line break at its end. An
    /// invisible character in a password locks an account or a customer out.
    #[error("contains a control character, for example a line break or a tab, under the key")]
    ControlCharacter,
}

/// The text under this key. One line feed at its end, or carriage return and line feed, is not
/// part of it: editors and `--from-file` leave one there.
///
/// # Errors
/// There is no usable text.
pub fn secret_text(secret: &Secret, key: &str) -> Result<SecretString, Flaw> {
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    let value = value.ok_or(Flaw::Missing)?;
    let text = std::str::from_utf8(&value.0).map_err(|_| Flaw::Missing)?;
    let text = text
        .strip_suffix('\n')
        .map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    let text = SecretString::from(text);
    if text.expose_secret().is_empty() {
        return Err(Flaw::Missing);
    }
    if text.expose_secret().chars().any(char::is_control) {
        return Err(Flaw::ControlCharacter);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use k8s_openapi::ByteString;
    use rstest::rstest;

    use super::*;

    fn read(value: &[u8]) -> Result<String, Flaw> {
        let secret = Secret {
            data: Some([("word".to_owned(), ByteString(value.to_vec()))].into()),
            ..Secret::default()
        };
        assert_eq!(secret_text(&secret, "other").unwrap_err(), Flaw::Missing);
        secret_text(&secret, "word").map(|text| text.expose_secret().to_owned())
    }

    #[rstest]
    #[case::plain(b"s3cret", "s3cret")]
    #[case::line_feed(b"s3cret\n", "s3cret")]
    #[case::carriage_return_and_line_feed(b"s3cret\r\n", "s3cret")]
    #[case::outer_blanks_stay(b" s3cret ", " s3cret ")]
    #[case::blank_before_the_line_feed(b"s3cret \n", "s3cret ")]
    #[case::not_ascii("p\u{e4}ss\n".as_bytes(), "p\u{e4}ss")]
    fn one_line_break_at_the_end_is_no_part(#[case] value: &[u8], #[case] text: &str) {
        assert_eq!(read(value).as_deref(), Ok(text));
    }

    #[rstest]
    #[case::two_line_feeds(b"s3cret\n\n")]
    #[case::carriage_return_alone(b"s3cret\r")]
    #[case::line_feed_first(b"\ns3cret")]
    #[case::line_feed_within(b"s3\ncret")]
    #[case::tab(b"s3\tcret")]
    #[case::nul(b"s3cret\0")]
    #[case::delete(b"s3cret\x7f")]
    #[case::c1("s3cret\u{85}".as_bytes())]
    fn other_control_characters_are_rejected(#[case] value: &[u8]) {
        assert_eq!(read(value), Err(Flaw::ControlCharacter));
    }

    #[rstest]
    #[case::empty(b"")]
    #[case::nothing_but_a_line_break(b"\n")]
    #[case::no_utf_8(b"\xff\xfe")]
    fn what_is_empty_or_no_text_is_missing(#[case] value: &[u8]) {
        assert_eq!(read(value), Err(Flaw::Missing));
    }
}
