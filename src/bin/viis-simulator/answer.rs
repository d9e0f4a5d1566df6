//! What the server answers, in each dialect: the documented elements in one of
//! the shapes that the API page leaves open.

use serde_json::json;
use uuid::Uuid;

use crate::elements;
use crate::model::{Machine, Task, Tenant};
use crate::request::Refusal;
use crate::settings::Dialect;
use crate::xml::Writer;

pub const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
/// Declared on a root whose elements have prefixes.
pub const NAMESPACES: [(&str, &str); 2] = [
    ("xmlns", "urn:viis-simulator:default"),
    ("xmlns:v", "urn:viis-simulator:default"),
];

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

// === impl Reply ===

impl Reply {
    pub fn empty(status: u16) -> Reply {
        Reply {
            status,
            content_type: None,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            content_type: Some(content_type.to_owned()),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn with(mut self, header: &str, value: impl Into<String>) -> Reply {
        self.headers.push((header.to_owned(), value.into()));
        self
    }
}

// === impl Dialect: identifiers ===

impl Dialect {
    /// An identifier as this dialect spells it.
    pub fn spell(self, id: &str) -> String {
        match Uuid::parse_str(id) {
            Ok(uuid) => self.spell_uuid(uuid),
            Err(_) => id.to_owned(),
        }
    }

    /// A UUID as this dialect spells it.
    pub fn spell_uuid(self, uuid: Uuid) -> String {
        match self {
            Dialect::Default | Dialect::Forgetful | Dialect::Early | Dialect::Untidy => {
                uuid.to_string().to_uppercase()
            }
            Dialect::Attributes => format!("{{{uuid}}}"),
            Dialect::Bare | Dialect::Json | Dialect::Location => uuid.to_string(),
        }
    }
}

// === impl Dialect: whole answers ===

impl Dialect {
    /// 202: the task that does it.
    pub fn accepted(self, task: &str) -> Reply {
        let id = self.spell(task);
        match self {
            Dialect::Default | Dialect::Forgetful | Dialect::Early => {
                let mut w = self.writer();
                w.empty_element("task", &[("id", &id)]);
                self.xml(202, w)
            }
            Dialect::Attributes => {
                let mut w = self.writer();
                w.prefix = "v:";
                w.element("taskId", &NAMESPACES, |w| w.text(&id));
                self.xml(202, w)
            }
            Dialect::Bare => Reply::new(202, "text/plain; charset=utf-8", id),
            Dialect::Json => Reply::new(202, "application/json", json!({"taskId": id}).to_string()),
            Dialect::Location => {
                Reply::empty(202).with("Location", format!("/api/2.0/virtualization/tasks/{id}"))
            }
            Dialect::Untidy => {
                let mut w = self.writer();
                w.element("response", &[("id", "req-9")], |w| {
                    w.text_element("status", "202");
                });
                self.xml(202, w).with("Location", format!("tasks/{id}"))
            }
        }
    }

    /// 200 without anything to tell.
    pub fn done(self) -> Reply {
        match self {
            Dialect::Default | Dialect::Bare | Dialect::Location | Dialect::Early => {
                Reply::empty(200)
            }
            Dialect::Attributes | Dialect::Forgetful => {
                let mut w = self.writer();
                w.text_element("result", "true");
                self.xml(200, w)
            }
            Dialect::Json => Reply::new(200, "application/json", "true"),
            Dialect::Untidy => Reply::new(200, "text/html; charset=utf-8", ""),
        }
    }

    /// An error.
    pub fn refuse(self, refusal: &Refusal) -> Reply {
        let code = refusal.code.unwrap_or_default();
        let reply = match self {
            Dialect::Bare => {
                let text = format!("{code} {}", refusal.message);
                Reply::new(refusal.status, "text/plain; charset=utf-8", text.trim())
            }
            Dialect::Attributes => {
                let mut w = self.writer();
                w.element("exception", &[("code", code)], |w| w.text(&refusal.message));
                self.xml(refusal.status, w)
            }
            Dialect::Default
            | Dialect::Json
            | Dialect::Location
            | Dialect::Forgetful
            | Dialect::Early
            | Dialect::Untidy => {
                let mut w = self.writer();
                w.element("error", &[], |w| {
                    elements::code_and_message(w, refusal.code, &refusal.message);
                });
                self.xml(refusal.status, w)
            }
        };
        match refusal.status {
            401 => reply.with("WWW-Authenticate", "Basic realm=\"Integration Server\""),
            _ => reply,
        }
    }

    /// 200: one tenant.
    pub fn tenant(self, tenant: &Tenant) -> Reply {
        let mut w = self.writer();
        self.write_tenant(&mut w, tenant, self == Dialect::Attributes);
        self.xml(200, w)
    }

    /// 200: all tenants.
    pub fn tenants(self, tenants: &[&Tenant]) -> Reply {
        self.list(200, "tenants", tenants, |w, tenant| {
            self.write_tenant(w, tenant, false);
        })
    }

    /// 200: a tenant's machines.
    pub fn machines(self, machines: &[Machine]) -> Reply {
        self.list(200, "vms", machines, |w, machine| {
            self.write_machine(w, machine);
        })
    }

    /// 200: a machine that was registered.
    pub fn machine(self, machine: &Machine) -> Reply {
        let mut w = self.writer();
        self.write_machine(&mut w, machine);
        self.xml(200, w)
    }

    /// 200: one task.
    pub fn task(self, task: &Task) -> Reply {
        let mut w = self.writer();
        self.write_task(&mut w, task, self == Dialect::Attributes);
        self.xml(200, w)
    }

    /// 200: tasks.
    pub fn tasks(self, tasks: &[&Task]) -> Reply {
        self.list(200, "tasks", tasks, |w, task| {
            self.write_task(w, task, false);
        })
    }

    fn list<T>(
        self,
        status: u16,
        name: &str,
        items: &[T],
        mut write: impl FnMut(&mut Writer, &T),
    ) -> Reply {
        let mut w = self.writer();
        match self {
            Dialect::Default | Dialect::Json | Dialect::Location | Dialect::Early => {
                w.element(name, &[], |w| items.iter().for_each(|item| write(w, item)));
            }
            Dialect::Forgetful => w.element("response", &[], |w| {
                w.element(name, &[("count", &items.len().to_string())], |w| {
                    items.iter().for_each(|item| write(w, item));
                });
            }),
            Dialect::Untidy => w.element("response", &[("id", "req-9")], |w| {
                w.text_element("status", "OK");
                w.element(name, &[], |w| {
                    w.text_element("page", "1");
                    items.iter().for_each(|item| write(w, item));
                });
            }),
            Dialect::Bare => {
                let mut order: Vec<&T> = items.iter().collect();
                order.sort_by_cached_key(|_| Uuid::new_v4());
                w.element(&format!("ArrayOf_{name}"), &[], |w| {
                    order.iter().for_each(|item| write(w, item));
                });
            }
            Dialect::Attributes => {
                w.prefix = "v:";
                w.start("collection", &NAMESPACES);
                w.text_element("total", &items.len().to_string());
                for (index, item) in items.iter().enumerate() {
                    w.prefix = if index % 2 == 0 { "v:" } else { "" };
                    w.raw("\r\n  ");
                    write(&mut w, item);
                }
            }
        }
        self.xml(status, w)
    }

    fn writer(self) -> Writer {
        match self {
            Dialect::Attributes => Writer::new(&format!("\u{feff}{DECLARATION}\r\n<!-- v -->\r\n")),
            Dialect::Bare => Writer::new(""),
            Dialect::Default
            | Dialect::Json
            | Dialect::Location
            | Dialect::Forgetful
            | Dialect::Early
            | Dialect::Untidy => Writer::new(DECLARATION),
        }
    }

    fn xml(self, status: u16, w: Writer) -> Reply {
        let content_type = match self {
            Dialect::Attributes => "text/xml",
            // What some frameworks call every text; their errors are made elsewhere.
            Dialect::Untidy if status < 300 => "text/html; charset=utf-8",
            Dialect::Default
            | Dialect::Bare
            | Dialect::Json
            | Dialect::Location
            | Dialect::Forgetful
            | Dialect::Early
            | Dialect::Untidy => "application/xml; charset=utf-8",
        };
        Reply::new(status, content_type, w.finish())
    }
}
