//! An error as people read it, in logs and answers. Decides nothing by it.

use std::error::Error;

/// Stands behind a refusal of the API server's authorizer, which names the verb and the
/// resource itself.
const MISSING_PERMISSION: &str =
    "bind the operator's service account to the roles that come with the operator";

/// In place of what a kubeconfig's own program or plug-in said.
const NO_CREDENTIALS: &str = "the kubeconfig's way to credentials fails: try it with kubectl";

/// The longest text that [`sentence`] gives, in bytes.
const SENTENCE_BYTES: usize = 1024;

/// An error and what caused it, in one line of at most 1 kB. Words that an error
/// repeats from its cause are said once.
#[must_use]
pub fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (words, cause) = match error.downcast_ref::<kube::Error>() {
            // kube writes the whole answer of the API server behind its message.
            Some(kube::Error::Api(status)) => (answer(status), None),
            // It quotes what a program said that was asked for a token.
            Some(kube::Error::Auth(_)) => (NO_CREDENTIALS.to_owned(), None),
            _ => (own_words(error), error.source()),
        };
        if !text.contains(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
        next = cause;
    }
    text.truncate(text.floor_char_boundary(SENTENCE_BYTES));
    text
}

fn answer(status: &kube::core::Status) -> String {
    let said = format!("{} ({})", status.message, status.code);
    // Admission refuses with the same code, and no role would help there.
    let authorizer = status.code == 403 && status.message.contains("User \"");
    if authorizer {
        format!("{said}; {MISSING_PERMISSION}")
    } else {
        said
    }
}

/// What an error says itself, without what it repeats at its end from its cause.
fn own_words(error: &(dyn Error + 'static)) -> String {
    let words = error.to_string();
    let Some(cause) = error.source() else {
        return words;
    };
    match words.strip_suffix(&cause.to_string()) {
        Some(own) if !own.is_empty() => own.trim_end_matches([' ', ':']).to_owned(),
        Some(_) | None => words,
    }
}

#[cfg(test)]
mod tests;
