//! An error as people read it, in logs and answers. Decides nothing by it.

use std::error::Error;

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
            Some(kube::Error::Api(status)) => {
                (format!("{} ({})", status.message, status.code), None)
            }
            _ => (error.to_string(), error.source()),
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

#[cfg(test)]
mod tests;
