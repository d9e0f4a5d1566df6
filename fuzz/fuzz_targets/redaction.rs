//! What is shown of a text of the server. The input: a line with a secret, and the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viis_fuzz::bounded;
use viis_operator::viis::redaction::Redactor;

fuzz_target!(|input: &[u8]| {
    let Some((secret, text)) = viis_fuzz::text(input).and_then(|text| text.split_once('\n')) else {
        return;
    };
    let redactor = Redactor::new().hiding(secret);
    let excerpt = bounded(input.len(), || redactor.excerpt(text));
    check(&excerpt, secret, 300);
    for longest in [1, 17, 512] {
        check(
            &bounded(input.len(), || redactor.bounded(text, longest)),
            secret,
            longest,
        );
    }
});

fn check(shown: &str, secret: &str, longest: usize) {
    assert!(shown.chars().count() <= longest, "too long: {shown:?}");
    assert!(
        !shown.contains(char::is_control),
        "control characters: {shown:?}"
    );
    // Shorter ones stand in every text by chance, others cannot stand in one line.
    let tells = secret.len() >= 6 && secret.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(!(tells && shown.contains(secret)), "the secret: {shown:?}");
}
