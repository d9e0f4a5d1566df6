//! The CEL rules of the schema: what the API server refuses, and the sentence
//! it refuses it with. Each says why, and what to do instead.

use kube::core::{Message, Reason, Rule};

/// The operator has put, or is putting, this tenant on its server.
const LOCKED: &str =
    "has(oldSelf.status) && (has(oldSelf.status.creation) || has(oldSelf.status.tenantID))";

/// Characters that no XML 1.0 document can hold, as a class of RE2.
const NOT_XML: &str = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]";

/// The name of a Kubernetes object.
pub(super) fn object_name() -> Rule {
    Rule::new(r"self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')").message(
        "not a name that an object can have: use small letters, digits, '-' and '.', with a letter or digit at both ends",
    )
}

/// A key of a Secret's data.
pub(super) fn secret_key() -> Rule {
    Rule::new(r"self.matches(r'^[-._a-zA-Z0-9]+$')")
        .message("not a key that a Secret can have: use letters, digits, '-', '_' and '.'")
}

/// A key of the data of a ConfigMap or Secret.
pub(super) fn data_key() -> Rule {
    Rule::new(r"self.matches(r'^[-._a-zA-Z0-9]+$')").message(
        "not a key that a ConfigMap or Secret can have: use letters, digits, '-', '_' and '.'",
    )
}

/// Text that is sent to the server in XML.
pub(super) fn xml_text() -> Rule {
    unless_unchanged(&format!("!self.matches(r'{NOT_XML}')")).message(
        "has a character that XML 1.0 cannot hold, so it cannot be sent to the Integration Server: \
         remove control characters other than tab, line feed and carriage return, and U+FFFE and U+FFFF",
    )
}

/// An unchanged value is not checked again: a text can have 64 KiB, and the API server
/// evaluates the rules of the spec for every write of the status.
fn unless_unchanged(rule: &str) -> Rule {
    Rule::new(format!(
        "oldSelf.hasValue() && oldSelf.value() == self || {rule}"
    ))
    .optional_old_self(true)
}

/// A name on the server: something must be left of it without its blanks.
pub(super) fn not_blank() -> Rule {
    unless_unchanged("self.trim() != ''").message(
        "must not be empty or blank: write a name, or leave the field out where it is optional",
    )
}

/// Where the server is: one host, and nothing else.
pub(super) fn host() -> Rule {
    // A last label that is a number makes an address an IPv4 address in some
    // notation for URL parsers; only the usual notation is meant here.
    Rule::new(
        r"isIP(self) || (self.matches(r'^[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*$') && !self.matches(r'(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)$'))",
    )
    .message(
        "must be one IP address or one DNS name alone: no scheme, port, path, brackets or blanks (the port goes to spec.port)",
    )
}

/// An IP address.
pub(super) fn ip() -> Rule {
    Rule::new("isIP(self)").message("must be an IP address such as 10.0.0.5 or fd00::5: the Integration Server takes no names here")
}

/// Certificates in PEM, or that PEM in base64. There the first line reads in one of three ways,
/// by how many bytes stand before it.
pub(super) fn pem_certificates() -> Rule {
    unless_unchanged(
        "(self.contains('-----BEGIN CERTIFICATE-----') && self.contains('-----END CERTIFICATE-----') \
         || self.matches(r'^[A-Za-z0-9+/\\s]+={0,2}\\s*$') && (self.contains('LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t') \
         || self.contains('0tLS0tQkVHSU4gQ0VSVElGSUNBVEUtLS0tL') || self.contains('tLS0tLUJFR0lOIENFUlRJRklDQVRFLS0tLS')))",
    )
    .message("must hold at least one certificate in PEM (-----BEGIN CERTIFICATE-----): put the certificate of the authority here as text, or the base64 of that text")
}

/// SHA-256 fingerprints.
pub(super) fn fingerprints() -> Rule {
    Rule::new("self.all(f, f.matches('^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$'))").message(
        "each fingerprint must be SHA-256: 32 pairs of hexadecimal digits, with or without colons; while the certificate is not trusted, the message of the condition Reachable shows what the server presents",
    )
}

/// One way of trust, not two that may disagree.
pub(super) fn one_trust() -> Rule {
    Rule::new("!(has(self.caBundle) && has(self.fingerprintsSHA256))")
        .message("set caBundle or fingerprintsSHA256, not both: with both it would be unclear which of them decides")
}

/// A reference has nothing beside it that may disagree.
pub(super) fn reference_alone() -> Rule {
    Rule::new("!has(self.caBundleRef) || !(has(self.caBundle) || has(self.fingerprintsSHA256))")
        .message("set only caBundleRef, without caBundle or fingerprintsSHA256: with both it would be unclear which of them decides")
}

/// A selector where one is evaluated.
pub(super) fn selector_needed() -> Rule {
    Rule::new("self.from != 'Selector' || has(self.selector)")
        .message("from: Selector needs a selector: say which namespaces may refer to this server, or set from: All")
}

/// No selector where none is evaluated.
pub(super) fn selector_unused() -> Rule {
    Rule::new("self.from != 'All' || !has(self.selector)").message(
        "from: All takes no selector, it would have no effect: remove it, or set from: Selector",
    )
}

/// A duration in Go's notation, as far as both sides read it alike.
pub(super) const DURATION: &str = r"^([0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h))+$";

/// A duration that is not shorter than `least`.
pub(super) fn at_least(least: &str) -> Rule {
    Rule::new(format!("self.matches(r'{DURATION}') && duration(self) >= duration('{least}')")).message(
        format!("must be a duration of at least {least}, in hours, minutes and seconds such as 1h30m, 5m or 90s").as_str(),
    )
}

/// An HTTP proxy, without credentials.
pub(super) fn proxy() -> Rule {
    Rule::new(r"self.matches(r'^http://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?$')").message(
        "must be http://host:port and nothing else: the way to the proxy is not encrypted (what goes through it is), no path, and no credentials, everybody who may read this object would see them",
    )
}

/// An identifier of the server.
pub(super) fn server_identifier() -> Rule {
    Rule::new(r"self.matches(r'^[^\pC\pZ]([^\pC]*[^\pC\pZ])?$') && !(self in ['.', '..'])")
        .message("must be the identifier of a tenant as the server shows it: printable text without outer blanks")
}

/// Complete tenants have an administrator.
pub(super) fn administrator_needed() -> Rule {
    Rule::new("self.type != 'Complete' || has(self.administrator) || has(self.existingTenantID)")
        .message("type: Complete needs an administrator, whose account is made with the tenant: set spec.administrator (or existingTenantID for a tenant that is on the server already)")
        .reason(Reason::FieldValueRequired)
        .field_path(".administrator")
}

/// Simple tenants have none.
pub(super) fn administrator_unused() -> Rule {
    Rule::new("self.type != 'Simple' || !has(self.administrator)")
        .message("type: Simple has no virtual Administration Server, so nobody can administer it: remove spec.administrator, or set type: Complete")
        .reason(Reason::FieldValueForbidden)
        .field_path(".administrator")
}

/// A machine's BIOS ID.
pub(super) fn bios_id() -> Rule {
    Rule::new(
        "self.matches('^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[{][0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}[}])$')",
    )
    .message("must be a UUID such as 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, in any case, with or without braces: it is the BIOS UUID that the hypervisor shows")
}

/// A field of a machine that identifies it.
pub(super) fn immutable(what: &str) -> Rule {
    Rule::new("self == oldSelf")
        .message(
            format!("{what} cannot change: delete this VirtualMachine and create another one")
                .as_str(),
        )
        .reason(Reason::FieldValueForbidden)
}

/// The fields of a tenant that is on its server, or on its way there, do not change.
///
/// This is one rule, and the comparison that is nearly always true comes first: the API server
/// evaluates it for every write of the status, and each step into `spec` or `status` costs it a
/// copy of that schema. One rule for each field took four times as long.
pub(super) fn locked() -> Rule {
    let fields = [
        ("integrationServerRef", same("integrationServerRef")),
        ("name", same_name()),
        ("type", same("type")),
        ("description", same_or_absent("description")),
        ("userData", same_or_absent("userData")),
        (
            "preferredVIISAddress",
            same_or_absent("preferredVIISAddress"),
        ),
        ("administrator", same_or_added_administrator()),
    ];
    let identifier = format!(
        "!has(self.spec.existingTenantID) || has(oldSelf.spec.existingTenantID) && {}",
        same("existingTenantID")
    );
    let all: Vec<String> = fields.iter().map(|(_, same)| format!("({same})")).collect();
    let all = all.join(" && ");
    // A list that is joined would be shorter, but the API server cannot estimate its cost.
    let changed = fields.iter().map(|(field, same)| {
        format!(
            "(({same}) ? '' : 'spec.{field} cannot change any more: \
             the Integration Server has no method that changes a tenant. ')"
        )
    });
    let changed: Vec<String> = changed.collect();
    let changed = changed.join(" + ");
    Rule::new(format!(
        "self.spec == oldSelf.spec || !({LOCKED}) || {all} && ({identifier})"
    ))
    .message(Message::Expression(format!(
        "(({identifier}) ? '' : 'spec.existingTenantID can only be removed now: this Tenant has a tenant on the server already. \
         Undo the change, or create another Tenant for the other identifier. ') + \
         ({all} ? '' : {changed} + 'Undo the change, or delete this Tenant and create another one')"
    )))
    .reason(Reason::FieldValueForbidden)
    .field_path(".spec")
}

fn same(field: &str) -> String {
    format!("self.spec.{field} == oldSelf.spec.{field}")
}

/// The same on both sides, or absent on both. Comparing the optional values themselves (`.?`)
/// would be shorter, but the API server cannot estimate the cost of that.
fn same_or_absent(field: &str) -> String {
    format!(
        "(has(self.spec.{field}) ? has(oldSelf.spec.{field}) && {} : !has(oldSelf.spec.{field}))",
        same(field)
    )
}

/// The effective name: setting `name` to what metadata.name says changes nothing.
fn same_name() -> String {
    "(has(self.spec.name) ? self.spec.name : self.metadata.name) == (has(oldSelf.spec.name) ? oldSelf.spec.name : oldSelf.metadata.name)".to_owned()
}

/// An administrator can be added (an adopted tenant has none at first), but not removed or
/// replaced.
fn same_or_added_administrator() -> String {
    "!has(oldSelf.spec.administrator) || has(self.spec.administrator) && self.spec.administrator.name == oldSelf.spec.administrator.name".to_owned()
}
