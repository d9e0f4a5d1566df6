//! The server's error code in any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viis_fuzz::bounded;
use viis_operator::viis::{Code, codes};

fuzz_target!(|input: &[u8]| {
    let Some(text) = viis_fuzz::text(input) else {
        return;
    };
    let Some(code) = bounded(text.len(), || Code::find(text)) else {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        assert!(words.into_iter().all(|word| !codes::ALL.contains(&word)));
        return;
    };
    assert!(text.contains(code.as_str()));
    assert_eq!(Code::new(code.as_str()).as_ref(), Some(&code));
    // As the reason of a Kubernetes condition.
    let word = code.as_str();
    assert!(word.len() <= 128 && word.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    assert!(
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    );
});
