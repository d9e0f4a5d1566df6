//! The CA certificates that an IntegrationServer trusts: from its spec, or from a ConfigMap or
//! Secret in the operator's namespace. Makes no call: the caller reads the object.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use super::Unusable;
use crate::api::{CaBundleRef, IntegrationServer, reasons};

/// The reference in the spec, if there is one.
pub fn reference(server: &IntegrationServer) -> Option<&CaBundleRef> {
    server.spec.tls.as_ref()?.ca_bundle_ref.as_ref()
}

/// The text that a ConfigMap has under the key.
///
/// # Errors
/// The key is missing, or its value is blank or not UTF-8.
pub fn of_config_map(object: &ConfigMap, reference: &CaBundleRef) -> Result<String, Unusable> {
    let text = object
        .data
        .as_ref()
        .and_then(|data| data.get(&reference.key));
    let binary = object.binary_data.as_ref();
    let binary = binary.and_then(|data| data.get(&reference.key));
    let text = text.cloned();
    present(
        text.or_else(|| String::from_utf8(binary?.0.clone()).ok()),
        reference,
    )
}

/// The text that a Secret has under the key.
///
/// # Errors
/// The key is missing, or its value is blank or not UTF-8.
pub fn of_secret(object: &Secret, reference: &CaBundleRef) -> Result<String, Unusable> {
    let value = object
        .data
        .as_ref()
        .and_then(|data| data.get(&reference.key));
    present(
        value.and_then(|value| String::from_utf8(value.0.clone()).ok()),
        reference,
    )
}

fn present(text: Option<String>, reference: &CaBundleRef) -> Result<String, Unusable> {
    text.filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        let key = &reference.key;
        let message = format!(
            "{reference} has no text under the key {key} that tls.caBundleRef refers to. Store the \
             CA certificates there, in PEM."
        );
        Unusable::new(reasons::CA_BUNDLE_NOT_FOUND, message)
    })
}

/// The object does not exist.
pub fn not_found(reference: &CaBundleRef, namespace: &str) -> Unusable {
    let message = format!(
        "There is no {reference} in namespace {namespace}, but tls.caBundleRef refers to it. Create \
         it with the CA certificates under the key {}.",
        reference.key
    );
    Unusable::new(reasons::CA_BUNDLE_NOT_FOUND, message)
}

/// The operator is not permitted to read the object.
pub fn forbidden(reference: &CaBundleRef, namespace: &str) -> Unusable {
    let message = format!(
        "The operator may not get {reference} in namespace {namespace}. Bind its service account \
         to the roles that come with the operator."
    );
    Unusable::new(reasons::CA_BUNDLE_NOT_FOUND, message)
}

/// Standard base64, with or without padding at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The PEM of a text that is PEM or base64-encoded PEM. Anything else is returned unchanged;
/// the TLS setup then reports that it contains no certificate.
pub fn pem(text: &str) -> String {
    if text.contains("-----BEGIN") {
        return text.to_owned();
    }
    let letters: String = text.split_whitespace().collect();
    let decoded = BASE64.decode(letters).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

    fn config_map_key() -> CaBundleRef {
        serde_json::from_value(json!({"kind": "ConfigMap", "name": "authorities"})).unwrap()
    }

    #[rstest]
    #[case::pem(PEM.to_owned(), PEM)]
    #[case::base64(BASE64.encode(PEM), PEM)]
    #[case::base64_with_a_line_break_at_the_end(format!("{}\n", BASE64.encode(PEM)), PEM)]
    #[case::base64_without_padding(BASE64.encode(PEM).trim_end_matches('=').to_owned(), PEM)]
    #[case::base64_in_lines(BASE64.encode(PEM).replace("S0", "S\n0"), PEM)]
    #[case::neither("hello world".to_owned(), "hello world")]
    #[case::base64_of_what_is_no_text(BASE64.encode([0xff, 0xfe]), "//4=")]
    fn both_forms_are_read(#[case] text: String, #[case] expected: &str) {
        assert_eq!(pem(&text), expected);
    }

    #[rstest]
    #[case::text(json!({"data": {"ca.crt": PEM}}), Some(PEM))]
    #[case::bytes(json!({"binaryData": {"ca.crt": BASE64.encode(PEM)}}), Some(PEM))]
    #[case::another_key(json!({"data": {"tls.crt": PEM}}), None)]
    #[case::blank(json!({"data": {"ca.crt": " \n"}}), None)]
    #[case::empty(json!({}), None)]
    fn a_config_map_has_it_under_its_key(#[case] object: Value, #[case] expected: Option<&str>) {
        let object: ConfigMap = serde_json::from_value(object).unwrap();
        let found = of_config_map(&object, &config_map_key());
        match expected {
            Some(text) => assert_eq!(found.unwrap(), text),
            None => {
                let unusable = found.unwrap_err();
                assert_eq!(unusable.reason, "CABundleNotFound");
                assert!(
                    unusable
                        .message
                        .contains("ConfigMap authorities has no text")
                );
            }
        }
    }

    #[rstest]
    #[case::there(json!({"data": {"ca.crt": BASE64.encode(PEM)}}), Some(PEM))]
    #[case::no_text(json!({"data": {"ca.crt": BASE64.encode([0xff])}}), None)]
    #[case::another_key(json!({"data": {"tls.crt": BASE64.encode(PEM)}}), None)]
    fn a_secret_has_it_under_its_key(#[case] object: Value, #[case] expected: Option<&str>) {
        let object: Secret = serde_json::from_value(object).unwrap();
        let found = of_secret(&object, &config_map_key());
        assert_eq!(found.ok().as_deref(), expected);
    }
}
