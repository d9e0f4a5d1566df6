//! What an answer means: status, headers and body of any kind.
//!
//! The input: a line with the method's name and the status, one each for the content
//! type, the location and the wait that was asked for (empty: no such header), and
//! the body.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use viis_fuzz::{bounded, check_shown, redactor};
use viis_operator::viis::answer::Answer;
use viis_operator::viis::{Class, Error, Method};

fuzz_target!(|input: &[u8]| {
    let Some((method, answer)) = read(input) else {
        return;
    };
    let redactor = redactor();
    let outcome = bounded(input.len(), || {
        answer.success(method, &redactor).map(str::len)
    });
    match outcome {
        Ok(length) => {
            assert_eq!(length, answer.body.len());
            let cancellation = method == Method::CancelTask && matches!(answer.status, 405 | 409);
            assert!(cancellation || (200..300).contains(&answer.status));
        }
        Err(error) => check(&error, &answer),
    }
    bounded(input.len(), || answer.is_self_contained());
});

fn read(input: &[u8]) -> Option<(Method, Answer)> {
    let mut lines = input.splitn(5, |byte| *byte == b'\n');
    let mut line = || std::str::from_utf8(lines.next()?).ok();
    let (name, status) = line()?.split_once(' ')?;
    let mut header = || line().map(|line| Some(line.to_owned()).filter(|line| !line.is_empty()));
    let (content_type, location, retry_after) = (header()?, header()?, header()?);
    let answer = Answer {
        status: status.parse().ok()?,
        content_type,
        location,
        retry_after,
        body: lines.next()?.to_vec(),
    };
    let method = Method::ALL
        .into_iter()
        .find(|method| method.as_str() == name)?;
    Some((method, answer))
}

fn check(error: &Error, answer: &Answer) {
    check_shown(&error.to_string(), 1024);
    assert_eq!(error.status(), Some(answer.status));
    if let Some(code) = error.code() {
        assert!(code.as_str().len() <= 128);
    }
    match error.class() {
        Class::NotFound => assert_eq!(answer.status, 404),
        Class::Credentials => assert_eq!(answer.status, 401),
        Class::Rejected => assert!((400..500).contains(&answer.status)),
        Class::Transient { retry_after } => {
            assert!(retry_after.is_none_or(|wait| wait <= Duration::from_secs(300)));
        }
    }
}
