//! The documented elements: tenant, vm, task, as each dialect writes them.

use crate::answer::{DECLARATION, NAMESPACES};
use crate::clock;
use crate::model::{Failure, Machine, Phase, Product, Task, Tenant};
use crate::settings::Dialect;
use crate::task_view;
use crate::xml::Writer;

// === impl Dialect ===

impl Dialect {
    pub fn write_tenant(self, w: &mut Writer, tenant: &Tenant, root: bool) {
        let id = self.spell(&tenant.id);
        let (created, updated) = (clock::local(tenant.created), clock::local(tenant.updated));
        if self != Dialect::Attributes {
            let attributes = [("id", &*id), ("created", &*created), ("updated", &*updated)];
            w.element("tenant", &attributes, |w| {
                w.text_element("name", &tenant.name);
                optional_text(w, "description", tenant.description.as_deref());
                self.write_user_data(w, tenant.user_data.as_deref());
                self.write_vksc(w, tenant);
                w.text_element("status", &self.word(tenant.status()));
                w.text_element("type", &self.word(tenant.tenant_type().as_str()));
            });
            return;
        }
        let mut attributes = vec![("updated", &*updated), ("revision", "7"), ("id", &*id)];
        attributes.push(("created", &created));
        if root {
            attributes.extend(NAMESPACES);
        }
        w.element("tenant", &attributes, |w| {
            w.raw("\r\n    ");
            w.text_element("type", tenant.tenant_type().as_str());
            w.element("license", &[("id", "4711")], |w| {
                w.text_element("name", "Standard");
                w.text_element("type", "Commercial");
                w.text_element("status", "Valid");
            });
            w.raw("\r\n    ");
            w.text_element("status", tenant.status());
            self.write_vksc(w, tenant);
            if let Some(user_data) = &tenant.user_data {
                w.element("userData", &[], |w| w.cdata(user_data));
            }
            if let Some(description) = &tenant.description {
                w.text_element("description", description);
            }
            w.raw("<!-- the name comes last -->");
            w.text_element("name", &tenant.name);
        });
    }

    /// A documented word, as this dialect spells it.
    fn word(self, word: &str) -> String {
        if self == Dialect::Untidy {
            word.to_lowercase()
        } else {
            word.to_owned()
        }
    }

    fn write_user_data(self, w: &mut Writer, text: Option<&str>) {
        // A text with carriage returns is no CDATA, so it is not indented either.
        match text {
            Some(text) if self == Dialect::Untidy && !text.contains('\r') => {
                w.element("userData", &[], |w| {
                    w.raw("\n      ");
                    w.cdata(text);
                    w.raw("\n    ");
                });
            }
            Some(_) | None => optional_cdata(w, "userData", text),
        }
    }

    fn write_vksc(self, w: &mut Writer, tenant: &Tenant) {
        let Some(administration) = &tenant.administration else {
            return;
        };
        let id = self.spell(&administration.vksc_id);
        w.element("vKsc", &[("id", &id)], |w| {
            w.element("user", &[], |w| {
                w.text_element("name", &administration.administrator);
            });
        });
    }

    pub fn write_machine(self, w: &mut Writer, machine: &Machine) {
        let id = self.spell(&machine.id);
        let bios_id = self.spell_uuid(machine.bios_id);
        let (created, updated) = (clock::local(machine.created), clock::local(machine.updated));
        let attributes = [
            ("id", &*id),
            ("biosId", &*bios_id),
            ("created", &*created),
            ("updated", &*updated),
        ];
        w.element("vm", &attributes, |w| {
            if self == Dialect::Attributes {
                w.element("host", &[("id", "h1")], |w| w.text_element("name", "esx-1"));
            }
            optional_text(w, "name", machine.name.as_deref());
            self.write_user_data(w, machine.user_data.as_deref());
        });
    }

    pub fn write_task(self, w: &mut Writer, task: &Task, root: bool) {
        let view = task_view::view(task, clock::now(), self);
        let id = self.spell(&task.id);
        let created = clock::local(task.created);
        let state_changed = clock::local(view.state_changed);
        let changed = clock::local(view.changed);
        let parent = task.parent.as_deref().map(|parent| self.spell(parent));
        let mut attributes = vec![
            ("id", &*id),
            ("created", &*created),
            ("stateChanged", &*state_changed),
            ("changed", &*changed),
        ];
        if let Some(parent) = &parent {
            attributes.push(("parentId", parent));
        }
        if root {
            attributes.extend(NAMESPACES);
        }
        w.element("task", &attributes, |w| {
            w.text_element("state", &self.word(&view.state));
            w.text_element("type", &self.word(task.work.task_type()));
            w.text_element("stage", &view.stage);
            w.text_element("progress", &view.progress.to_string());
            match &task.phase {
                Phase::Waiting | Phase::Running { .. } | Phase::Stopping { .. } => {}
                Phase::Completed { product, .. } => self.write_result(w, product),
                Phase::Failed { failure, .. } => self.write_error(w, failure),
                Phase::Canceled { .. } => {
                    self.write_error(w, &Failure::plain("The task was cancelled"));
                }
            }
        });
    }

    fn write_result(self, w: &mut Writer, product: &Product) {
        w.element("result", &[], |w| match product {
            Product::True => w.text("true"),
            Product::Report(id) => w.text(&self.spell(id)),
            Product::Tenant(tenant) => match self {
                Dialect::Bare => w.text(&self.spell(&tenant.id)),
                Dialect::Attributes => {
                    let mut inner = Writer::new(DECLARATION);
                    self.write_tenant(&mut inner, tenant, true);
                    w.text(&inner.finish());
                }
                Dialect::Default
                | Dialect::Json
                | Dialect::Location
                | Dialect::Forgetful
                | Dialect::Early
                | Dialect::Untidy => self.write_tenant(w, tenant, false),
            },
        });
    }

    fn write_error(self, w: &mut Writer, failure: &Failure) {
        let code = failure.code.as_deref();
        match self {
            Dialect::Attributes => {
                w.element("error", &[("code", code.unwrap_or_default())], |w| {
                    w.text(&failure.message);
                });
            }
            Dialect::Bare => {
                let text = format!("{}: {}", code.unwrap_or("Error"), failure.message);
                w.text_element("error", &text);
            }
            Dialect::Default
            | Dialect::Json
            | Dialect::Location
            | Dialect::Forgetful
            | Dialect::Early
            | Dialect::Untidy => w.element("error", &[], |w| {
                code_and_message(w, code, &failure.message);
            }),
        }
    }
}

/// An error's inside.
pub fn code_and_message(w: &mut Writer, code: Option<&str>, message: &str) {
    if let Some(code) = code {
        w.text_element("code", code);
    }
    w.text_element("message", message);
}

fn optional_text(w: &mut Writer, name: &str, text: Option<&str>) {
    match text {
        Some(text) => w.text_element(name, text),
        None => w.empty_element(name, &[]),
    }
}

fn optional_cdata(w: &mut Writer, name: &str, text: Option<&str>) {
    w.element(name, &[], |w| w.cdata(text.unwrap_or_default()));
}
