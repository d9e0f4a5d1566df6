//! The text of an import: its head, its documents, its files. Pure.

use std::collections::BTreeMap;

use super::manifests::{Import, Part, Wish};
use super::yaml;

/// Everything as one stream of documents.
pub fn stream(wish: &Wish, import: &Import) -> String {
    let (tenants, machines) = import.counts();
    let counted = format!("{tenants} Tenants and {machines} VirtualMachines");
    let mut text = head(wish, &counted);
    for why in &import.left_out {
        text.push_str(&format!("# NOT IN HERE: {}\n", commented(why)));
    }
    for part in import.parts.values() {
        for manifest in part.tenant.iter().chain(part.machines.values()) {
            text.push_str(&yaml::document(manifest));
        }
    }
    text
}

/// A comment's text. Readers of YAML end a comment at line ends of Unicode, too: what the
/// server says must not go on as a document.
fn commented(why: &str) -> String {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    why.chars()
        .map(|c| if is_plain(c) { c } else { '?' })
        .collect()
}

/// The same as files: one for each tenant, with its machines; one for each machine of a
/// tenant that the cluster has, so that no file changes when further machines come.
pub fn files(wish: &Wish, import: &Import) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (name, Part { tenant, machines }) in &import.parts {
        let Some(tenant) = tenant else {
            for (machine, manifest) in machines {
                let text = head(wish, "A VirtualMachine") + &yaml::document(manifest);
                files.insert(format!("machine-{machine}.yaml"), text);
            }
            continue;
        };
        let mut text = head(wish, "A Tenant with its VirtualMachines");
        for manifest in std::iter::once(tenant).chain(machines.values()) {
            text.push_str(&yaml::document(manifest));
        }
        files.insert(format!("{name}.yaml"), text);
    }
    files
}

/// What a person reads of it, a line each.
pub fn summary(wish: &Wish, import: &Import) -> Vec<String> {
    let (tenants, machines) = import.counts();
    let mut lines = vec![format!(
        "{tenants} Tenants and {machines} VirtualMachines for namespace {}",
        wish.namespace
    )];
    if !import.managed.is_empty() {
        let names = import.managed.iter().take(10).cloned().collect::<Vec<_>>();
        let more = match import.managed.len().saturating_sub(names.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let left = match wish.include_managed {
            true => "those in this namespace are printed too",
            false => "left out",
        };
        lines.push(format!(
            "{} tenants are in Tenants already, {left}: {}{more}",
            import.managed.len(),
            names.join(", ")
        ));
    }
    if import.managed_machines > 0 {
        let left = match wish.include_managed {
            true => "those in this namespace are printed too",
            false => "left out",
        };
        lines.push(format!(
            "{} virtual machines are in VirtualMachines already, {left}",
            import.managed_machines
        ));
    }
    lines.extend(import.incomplete.iter().cloned());
    lines.extend(
        import
            .left_out
            .iter()
            .map(|why| format!("not in here: {why}")),
    );
    lines
}

/// Nothing in it changes from one run to the next by itself.
fn head(wish: &Wish, what: &str) -> String {
    let Wish {
        server, namespace, ..
    } = wish;
    format!(
        "# {what} of the IntegrationServer {server}, for namespace {namespace}, written by\n\
         # `viis-operator import`. Before this is applied, the IntegrationServer needs\n\
         # `adoptionPolicy: ByID` or `IfIdentical`, and `allowedNamespaces` must let the namespace in.\n"
    )
}

#[cfg(test)]
mod tests;
