//! How the server stores a tenant, compared with what was sent. Pure.

use crate::api::Tenant;
use crate::controllers::line::quoted;
use crate::inventory::Text;
use crate::inventory::tenants::Entry;
use crate::viis::{self, normalized};

/// Every field that both sides show is equal. The name and the type are compared elsewhere.
pub fn is_equal(tenant: &Tenant, entry: &Entry) -> bool {
    texts(tenant, entry).all(|(sent, stored)| sent.exact == stored.exact)
        && administrators(tenant, entry).is_none_or(|(sent, stored)| sent == stored)
}

/// The same, where blanks, line ends and composed characters (NFC) make no difference.
pub fn is_alike(tenant: &Tenant, entry: &Entry) -> bool {
    texts(tenant, entry).all(|(sent, stored)| sent.normal == stored.normal)
        && administrators(tenant, entry)
            .is_none_or(|(sent, stored)| normalized(sent) == normalized(stored))
}

/// Whether the server stores the tenant differently from what was sent.
pub fn differs(tenant: &Tenant, entry: &Entry) -> bool {
    *entry.name != *tenant.server_name() || !is_equal(tenant, entry)
}

/// What differs, field by field with both values.
pub fn sentence(tenant: &Tenant, shown: &viis::Tenant) -> String {
    let spec = &tenant.spec;
    let administrator = shown.virtual_administration_server.as_ref();
    let fields = [
        (
            "name",
            Some(tenant.server_name()),
            Some(shown.name.as_str()),
        ),
        (
            "description",
            spec.description.as_deref(),
            shown.description.as_deref(),
        ),
        (
            "userData",
            spec.user_data.as_deref(),
            shown.user_data.as_deref(),
        ),
        (
            "administrator.name",
            spec.administrator.as_ref().map(|a| a.name.as_str()),
            administrator.and_then(|server| server.administrator.as_deref()),
        ),
    ];
    let differences = fields.into_iter().filter_map(|(field, sent, stored)| {
        let (sent, stored) = (sent?, stored?);
        let differs = sent != stored && !sent.is_empty() && !stored.is_empty();
        differs.then(|| format!("{field}: sent {}, stored {}", quoted(sent), quoted(stored)))
    });
    told(differences.collect())
}

/// The same as far as a list shows it: of the texts only which of them differ.
pub fn shown(tenant: &Tenant, entry: &Entry) -> String {
    let (sent, stored) = (tenant.server_name(), &*entry.name);
    let name =
        (sent != stored).then(|| format!("name: sent {}, stored {}", quoted(sent), quoted(stored)));
    let others = (!is_equal(tenant, entry))
        .then(|| "description, userData or administrator.name".to_owned());
    told(name.into_iter().chain(others).collect())
}

fn told(differences: Vec<String>) -> String {
    format!(
        "The operator created the tenant. The Integration Server stores it differently: {}. The \
         tenant is managed as the server stores it.",
        differences.join("; ")
    )
}

/// The texts that both sides show: an empty one is none.
fn texts(tenant: &Tenant, entry: &Entry) -> impl Iterator<Item = (Text, Text)> {
    let spec = &tenant.spec;
    let pairs = [
        (spec.description.as_deref(), entry.description),
        (spec.user_data.as_deref(), entry.user_data),
    ];
    pairs
        .into_iter()
        .filter_map(|(sent, stored)| Text::of(sent).zip(stored))
}

/// The administrators, where both sides name one.
fn administrators<'a>(tenant: &'a Tenant, entry: &'a Entry) -> Option<(&'a str, &'a str)> {
    let sent = tenant.spec.administrator.as_ref().map(|a| a.name.as_str());
    let stored = entry.administrator.as_deref();
    sent.zip(stored.filter(|stored| !stored.is_empty()))
}
