#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt;

use super::*;

#[derive(Debug)]
struct Layered(&'static str, Option<Box<Layered>>);

impl fmt::Display for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

#[test]
fn a_sentence_tells_the_causes_once() {
    let cause = Layered("connection refused", None);
    let repeated = Layered("connect error: connection refused", Some(Box::new(cause)));
    let error = Layered("cannot list", Some(Box::new(repeated)));
    assert_eq!(
        sentence(&error),
        "cannot list: connect error: connection refused"
    );
}

#[test]
fn a_sentence_is_bounded() {
    let long: &'static str = "ä".repeat(2000).leak();
    let text = sentence(&Layered(long, None));
    assert_eq!(text.len(), SENTENCE_BYTES);
    let odd = Layered("x", Some(Box::new(Layered(long, None))));
    assert!(sentence(&odd).len() <= SENTENCE_BYTES);
}

#[test]
fn an_answer_of_the_api_server_is_not_shown_as_debug_text() {
    let status = kube::core::Status::failure("no such thing", "NotFound").with_code(404);
    assert_eq!(
        sentence(&kube::Error::Api(status.boxed())),
        "no such thing (404)"
    );
}

fn forbidden(message: &str) -> kube::Error {
    kube::Error::Api(
        kube::core::Status::failure(message, "Forbidden")
            .with_code(403)
            .boxed(),
    )
}

#[test]
fn a_missing_permission_is_said_with_what_to_do() {
    let said = "tenants.viis-operator.io is forbidden: User \"system:serviceaccount:a:b\" cannot \
                list resource \"tenants\" in API group \"viis-operator.io\" at the cluster scope";
    let error = kube::runtime::watcher::Error::InitialListFailed(forbidden(said));
    assert_eq!(
        sentence(&error),
        format!("failed to perform initial object list: {said} (403); {MISSING_PERMISSION}")
    );
}

#[test]
fn what_admission_refuses_is_no_missing_permission() {
    let said = "events is forbidden: the namespace is being terminated";
    assert_eq!(sentence(&forbidden(said)), format!("{said} (403)"));
}

#[test]
fn what_a_kubeconfigs_program_said_is_not_quoted() {
    let said = kube::client::AuthError::AuthExec("eyJ-a-secret".to_owned());
    assert_eq!(sentence(&kube::Error::Auth(said)), NO_CREDENTIALS);
}
