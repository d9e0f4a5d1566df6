//! The normal form of a text: what stays of it however a server stores it. Pure.
//!
//! Nothing documents how an Integration Server stores names and descriptions. Databases and
//! web frameworks trim them, collapse blanks, change line ends and compose characters (NFC).

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// The text without outer white space, with one blank for each run of white space, in NFC.
#[must_use]
pub fn normalized(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    let has_runs = trimmed
        .split(' ')
        .any(|word| word.is_empty() || word.contains(char::is_whitespace));
    let composed = ComposingNormalizerBorrowed::new_nfc();
    if !has_runs {
        return composed.normalize(trimmed);
    }
    let words: Vec<&str> = trimmed.split_whitespace().collect();
    Cow::Owned(composed.normalize(&words.join(" ")).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::normal("Acme Ltd.", "Acme Ltd.")]
    #[case::empty("", "")]
    #[case::blank(" \t\r\n", "")]
    #[case::outer_blanks(" Acme ", "Acme")]
    #[case::a_no_break_space_at_the_end("Acme\u{a0}", "Acme")]
    #[case::two_blanks("Acme  Ltd.", "Acme Ltd.")]
    #[case::a_tab("Acme\tLtd.", "Acme Ltd.")]
    #[case::line_ends("gold\r\nuntil 2027\n", "gold until 2027")]
    #[case::decomposed("Cafe\u{301}", "Caf\u{e9}")]
    #[case::hangul("\u{1112}\u{1161}\u{11ab}", "\u{d55c}")]
    #[case::both(" Cafe\u{301} \u{2003} Nord", "Caf\u{e9} Nord")]
    fn a_text(#[case] text: &str, #[case] normal: &str) {
        assert_eq!(normalized(text), normal);
    }

    #[rstest]
    #[case::case("acme", "Acme")]
    #[case::compatibility("\u{fb01}n", "fin")]
    #[case::another_word("Acme 1", "Acme 2")]
    #[case::no_blank("Acme Ltd", "AcmeLtd")]
    fn different_texts_stay_different(#[case] one: &str, #[case] other: &str) {
        assert_ne!(normalized(one), normalized(other));
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_as_it_is(text in "\\PC{0,24}|[ \\t\\r\\na-c\\u{301}\\u{a0}]{0,24}") {
            let normal = normalized(&text).into_owned();
            prop_assert_eq!(&*normalized(&normal), &*normal);
        }
    }
}
