//! The server's error codes, and how one is found in any text. Pure.

use std::fmt;

/// Codes that the API page names.
pub mod codes {
    /// No tenant has this identifier.
    pub const TENANT_NOT_FOUND: &str = "VIRMT_TenantWithSpecifiedIdNotFound";
    /// No virtual machine of this tenant has this BIOS ID.
    pub const VIRTUAL_MACHINE_NOT_FOUND: &str = "VIRMT_VmWithSpecifiedIdNotFound";
    /// A virtual machine with this BIOS ID is registered already.
    pub const BIOS_ID_ALREADY_EXISTS: &str = "VIRMT_VmWithSpecifiedBiosIdAlreadyExists";
    /// A required parameter is missing.
    pub const MANDATORY_PARAMETER_IS_NOT_SPECIFIED: &str = "VIRMT_MandatoryParameterIsNotSpecified";
    /// No such type of tenant.
    pub const INVALID_TENANT_TYPE: &str = "VIRMT_InvalidTenantType";
    /// Complete without administrator name or password.
    pub const VKSC_CREDENTIALS_NOT_SPECIFIED: &str = "VIRMT_VKscCredentialsNotSpecified";
    /// Malformed IP address.
    pub const INVALID_VIIS_ADDRESS_FORMAT: &str = "VIRMT_InvalidViisAddressFormat";
    /// The server has no connection settings for Kaspersky Security Center.
    pub const KSC_SERVICE_NOT_CONFIGURED: &str = "KSC_ServiceNotConfigured";
    /// Kaspersky Security Center has a folder with the tenant's name already.
    pub const TENANT_GROUP_ALREADY_EXISTS: &str = "VIRMT_TenantGroupAlreadyExists";
    /// The database has a tenant with this name already.
    pub const TENANT_NAME_ALREADY_EXISTS: &str = "VIRMT_TenantWithSpecifiedNameAlreadyExists";
    /// The administrator's password breaks Kaspersky Security Center's rules.
    pub const PASSWORD_NOT_COMPLY_POLICY: &str = "VIRMT_PasswordNotComplyPolicy";
    /// Kaspersky Security Center has a user with the administrator's name already.
    pub const USER_NAME_ALREADY_EXISTS: &str = "VIRMT_UserWithSpecifiedNameAlreadyExists";

    /// All of them.
    pub const ALL: [&str; 12] = [
        TENANT_NOT_FOUND,
        VIRTUAL_MACHINE_NOT_FOUND,
        BIOS_ID_ALREADY_EXISTS,
        MANDATORY_PARAMETER_IS_NOT_SPECIFIED,
        INVALID_TENANT_TYPE,
        VKSC_CREDENTIALS_NOT_SPECIFIED,
        INVALID_VIIS_ADDRESS_FORMAT,
        KSC_SERVICE_NOT_CONFIGURED,
        TENANT_GROUP_ALREADY_EXISTS,
        TENANT_NAME_ALREADY_EXISTS,
        PASSWORD_NOT_COMPLY_POLICY,
        USER_NAME_ALREADY_EXISTS,
    ];
}

/// Longest code, in bytes. With its letters, digits and underscores every code
/// can stand as the reason of a Kubernetes condition.
const LONGEST: usize = 128;

const PREFIXES: [&str; 2] = ["VIRMT_", "KSC_"];

/// A code of the server, such as `VIRMT_InvalidTenantType`: a letter first,
/// then letters, digits and underscores, at most 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

impl Code {
    /// The code, if the whole text is one.
    pub fn new(text: &str) -> Option<Self> {
        let name = PREFIXES
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))?;
        let plain = name.bytes().all(is_word);
        let named = name.bytes().any(|byte| byte.is_ascii_alphanumeric());
        (plain && named && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// The code that a text contains: the first one that the API page names,
    /// else the first one.
    pub fn find(text: &str) -> Option<Self> {
        Self::first_of(Self::all_in(text))
    }

    /// The one that counts of several: the first one that the API page names, else
    /// the first one.
    pub(super) fn first_of(codes: impl Iterator<Item = Self>) -> Option<Self> {
        let mut first = None;
        for code in codes {
            if code.is_documented() {
                return Some(code);
            }
            first.get_or_insert(code);
        }
        first
    }

    /// Every code in a text, in order.
    pub(super) fn all_in(text: &str) -> impl Iterator<Item = Self> + '_ {
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .filter_map(Self::new)
    }

    /// As the server wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this one (see [`codes`]).
    pub fn is(&self, code: &str) -> bool {
        self.0 == code
    }

    /// What to do about it, in a sentence; codes that the API page names only.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self.as_str() {
            codes::TENANT_NOT_FOUND => "The server has no tenant with this identifier.",
            codes::VIRTUAL_MACHINE_NOT_FOUND => {
                "The tenant has no virtual machine with this BIOS ID."
            }
            codes::BIOS_ID_ALREADY_EXISTS => {
                "A virtual machine with this BIOS ID is registered already, perhaps with another \
                 tenant."
            }
            codes::MANDATORY_PARAMETER_IS_NOT_SPECIFIED => "Fill in what is missing.",
            codes::INVALID_TENANT_TYPE => "The type must be Complete or Simple.",
            codes::VKSC_CREDENTIALS_NOT_SPECIFIED => {
                "A Complete tenant needs an administrator with a name and a password."
            }
            codes::INVALID_VIIS_ADDRESS_FORMAT => {
                "The preferred address of the Integration Server must be an IP address."
            }
            codes::KSC_SERVICE_NOT_CONFIGURED => {
                "Configure the connection to Kaspersky Security Center on the Integration Server."
            }
            codes::TENANT_GROUP_ALREADY_EXISTS => {
                "Kaspersky Security Center has a folder with the tenant's name already: remove \
                 it, or choose another name."
            }
            codes::TENANT_NAME_ALREADY_EXISTS => {
                "The server has a tenant with this name already: choose another name."
            }
            codes::PASSWORD_NOT_COMPLY_POLICY => {
                "Choose an administrator's password that meets the rules of Kaspersky Security \
                 Center."
            }
            codes::USER_NAME_ALREADY_EXISTS => {
                "Kaspersky Security Center has a user with the administrator's name already: \
                 choose another one."
            }
            _ => return None,
        })
    }

    pub(super) fn is_documented(&self) -> bool {
        codes::ALL.contains(&self.as_str())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "<error><code>VIRMT_InvalidTenantType</code></error>",
        Some("VIRMT_InvalidTenantType")
    )]
    #[case(
        r#"<exception code="KSC_ServiceNotConfigured">x</exception>"#,
        Some("KSC_ServiceNotConfigured")
    )]
    #[case("Error VIRMT_SomethingNew: no", Some("VIRMT_SomethingNew"))]
    #[case(r#"{"code":"KSC_Odd_1"}"#, Some("KSC_Odd_1"))]
    // A code that the API page names wins over one that stands in a name.
    #[case(
        "KSC_Ltd: VIRMT_TenantGroupAlreadyExists",
        Some("VIRMT_TenantGroupAlreadyExists")
    )]
    #[case("NOT_VIRMT_InvalidTenantType", None)]
    #[case("VIRMT_", None)]
    #[case("VIRMT_ KSC_", None)]
    #[case("virmt_invalidtenanttype", None)]
    #[case("", None)]
    fn a_code_is_found_in_any_text(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(Code::find(text).as_ref().map(Code::as_str), expected);
    }

    #[test]
    fn documented_codes_are_codes() {
        for code in codes::ALL {
            assert!(Code::new(code).unwrap().is_documented());
        }
    }

    proptest! {
        #[test]
        fn every_code_can_be_a_condition_reason(text in ".*(VIRMT_|KSC_)[A-Za-z0-9_]{0,200}.*") {
            for code in Code::all_in(&text) {
                let code = code.as_str();
                prop_assert!(code.len() <= 128);
                prop_assert!(code.starts_with(|c: char| c.is_ascii_alphabetic()));
                prop_assert!(code.bytes().all(is_word));
            }
        }
    }
}
