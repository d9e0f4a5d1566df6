//! The seeds of the fuzz targets (`fuzz/seeds/`): what each dialect answers, in the
//! form that each target reads. `make seeds` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use uuid::Uuid;

use crate::answer::Reply;
use crate::clock::Millis;
use crate::codes;
use crate::model::{
    Administration, Failure, Machine, NewAdministrator, NewTenant, Phase, Product, Task, Tenant,
    Work,
};
use crate::request::Refusal;
use crate::settings::Dialect;

/// What the targets hide (`viis_fuzz::PASSWORD`), and the same in base64.
const HIDDEN: [&str; 2] = ["Xy7-Battery!", "WHk3LUJhdHRlcnkh"];
/// Some time in 2024.
const THEN: Millis = 1_717_000_000_000;
const ID: &str = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";
const OTHER_ID: &str = "9b0c7a52-63d4-4e0e-9d0b-6a3f1c2e4d58";

/// Which reader a reply is for.
enum Reader {
    List,
    One,
    Accepted,
    Refusal,
}

/// A reply with its name, the client's method and its reader.
struct Example {
    name: &'static str,
    method: &'static str,
    reader: Reader,
    reply: Reply,
}

type Seeds = BTreeMap<String, Vec<u8>>;

#[test]
fn the_seeds_are_what_the_dialects_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let update = std::env::var_os("UPDATE_SEEDS").is_some();
    if update && folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let seeds = seeds();
    for (name, seed) in &seeds {
        let path = folder.join(name);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, seed).unwrap();
        }
        let stored = std::fs::read(&path).unwrap_or_default();
        assert!(stored == *seed, "{name} is outdated: make seeds");
    }
    let targets = std::fs::read_dir(&folder).unwrap();
    let stored = targets.flat_map(|target| std::fs::read_dir(target.unwrap().path()).unwrap());
    assert_eq!(stored.count(), seeds.len(), "an old seed: make seeds");
}

/// Every seed by `target/name`. What two dialects say alike is there once.
fn seeds() -> Seeds {
    let mut seeds = Seeds::new();
    for dialect in Dialect::value_variants() {
        let prefix = format!("{dialect:?}").to_lowercase();
        for example in examples(*dialect) {
            let name = format!("{prefix}-{}", example.name);
            for (target, seed) in example.seeds() {
                let folder = format!("{target}/");
                let known = seeds
                    .iter()
                    .any(|(path, known)| path.starts_with(&folder) && *known == seed);
                if !known && !seed.is_empty() {
                    seeds.insert(folder + &name, seed);
                }
            }
        }
    }
    seeds
}

impl Example {
    fn new(name: &'static str, method: &'static str, reader: Reader, reply: Reply) -> Example {
        Example {
            name,
            method,
            reader,
            reply,
        }
    }

    /// Its seed for each target that it is of use to.
    fn seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let body = self.reply.body.clone();
        let after = |head: &str| [head.as_bytes(), &body].concat();
        let mut seeds = vec![("answer", after(&self.head()))];
        if body.trim_ascii_start().starts_with(b"<") || body.starts_with(b"\xEF\xBB\xBF<") {
            seeds.push(("xml", body.clone()));
        }
        match self.reader {
            Reader::List => seeds.push(("lists", body)),
            Reader::One => seeds.push(("one", body)),
            Reader::Accepted => {
                let location = self.header("Location");
                seeds.push(("task_identifier", after(&format!("{location}\n"))));
            }
            Reader::Refusal => {
                let secrets = HIDDEN.map(|secret| ("redaction", after(&format!("{secret}\n"))));
                seeds.extend(secrets);
                seeds.push(("code", body));
            }
        }
        seeds
    }

    fn head(&self) -> String {
        let content_type = self.reply.content_type.as_deref().unwrap_or_default();
        format!(
            "{} {}\n{content_type}\n{}\n{}\n",
            self.method,
            self.reply.status,
            self.header("Location"),
            self.header("Retry-After")
        )
    }

    fn header(&self, name: &str) -> &str {
        let mut headers = self.reply.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

fn examples(dialect: Dialect) -> Vec<Example> {
    let first = tenant(ID, "Acme & Sons", true);
    let second = tenant(OTHER_ID, "b", false);
    // This dialect has no order, so one is all that is the same every time.
    let several = dialect != Dialect::Bare;
    let tenants = [&first, &second];
    let tenants = if several { &tenants[..] } else { &tenants[..1] };
    let machines = [machine()];
    let mut examples = vec![
        Example::new(
            "tenants",
            "list_tenants",
            Reader::List,
            dialect.tenants(tenants),
        ),
        Example::new(
            "no-tenants",
            "list_tenants",
            Reader::List,
            dialect.tenants(&[]),
        ),
        Example::new(
            "vms",
            "list_virtual_machines",
            Reader::List,
            dialect.machines(&machines),
        ),
        Example::new(
            "no-vms",
            "list_virtual_machines",
            Reader::List,
            dialect.machines(&[]),
        ),
        Example::new("no-tasks", "list_tasks", Reader::List, dialect.tasks(&[])),
        Example::new("tenant", "get_tenant", Reader::One, dialect.tenant(&first)),
        Example::new("simple", "get_tenant", Reader::One, dialect.tenant(&second)),
        Example::new(
            "vm",
            "register_virtual_machine",
            Reader::One,
            dialect.machine(&machines[0]),
        ),
        Example::new(
            "accepted",
            "create_tenant",
            Reader::Accepted,
            dialect.accepted(ID),
        ),
        Example::new(
            "numbered",
            "delete_tenant",
            Reader::Accepted,
            dialect.accepted("17"),
        ),
        Example::new("done", "cancel_task", Reader::Refusal, dialect.done()),
    ];
    let tasks = tasks(&first);
    let some: Vec<&Task> = tasks.iter().map(|(_, task)| task).collect();
    let some = if several { &some[..] } else { &some[..1] };
    examples.push(Example::new(
        "tasks",
        "list_tasks",
        Reader::List,
        dialect.tasks(some),
    ));
    examples.extend(
        tasks
            .iter()
            .map(|(name, task)| Example::new(name, "get_task", Reader::One, dialect.task(task))),
    );
    examples.extend(refusals().into_iter().map(|(name, method, refusal)| {
        Example::new(name, method, Reader::Refusal, dialect.refuse(&refusal))
    }));
    examples.extend(others());
    examples
}

fn refusals() -> Vec<(&'static str, &'static str, Refusal)> {
    let refusal = |status, code: &'static str, message: &str| {
        let code = Some(code).filter(|code| !code.is_empty());
        let message = message.to_owned();
        Refusal {
            status,
            code,
            message,
        }
    };
    let [password, base64] = HIDDEN;
    let policy = format!("password={password} ({base64}) breaks the rules");
    vec![
        (
            "unknown-tenant",
            "get_tenant",
            refusal(404, codes::TENANT_ID_NOT_FOUND, "No tenant"),
        ),
        (
            "unknown-vm",
            "unregister_virtual_machine",
            refusal(404, codes::VM_NOT_FOUND, "No vm"),
        ),
        (
            "vm-exists",
            "register_virtual_machine",
            refusal(409, codes::VM_EXISTS, "It is there"),
        ),
        (
            "policy",
            "create_tenant",
            refusal(400, codes::PASSWORD_POLICY, &policy),
        ),
        ("no-task", "get_task", refusal(404, "", "No such task")),
        ("account", "list_tenants", refusal(401, "", "Who are you?")),
        (
            "forbidden",
            "list_tenants",
            refusal(403, "", "Access denied"),
        ),
        (
            "own-error",
            "list_tasks",
            refusal(500, codes::KSC_NOT_CONFIGURED, "No connection"),
        ),
    ]
}

/// What stands between the client and the server says.
fn others() -> [Example; 2] {
    let page =
        "<!DOCTYPE html>\n<html><head><title>502</title></head><body>Bad gateway</body></html>";
    let busy = Reply::new(503, "text/plain", "busy").with("Retry-After", "120");
    [
        Example::new(
            "page",
            "list_tenants",
            Reader::Refusal,
            Reply::new(502, "text/html", page),
        ),
        Example::new("busy", "get_tenant", Reader::Refusal, busy),
    ]
}

fn tasks(made: &Tenant) -> [(&'static str, Task); 5] {
    let policy = format!("The password {} breaks the rules", HIDDEN[0]);
    let failure = Failure::coded(codes::PASSWORD_POLICY, policy);
    let product = Product::Tenant(Box::new(made.clone()));
    let (at, since) = (THEN, THEN);
    [
        ("created", task(Phase::Completed { at, product })),
        ("queued", task(Phase::Waiting)),
        (
            "stopping",
            task(Phase::Stopping {
                since,
                progress: 45,
            }),
        ),
        ("failed", task(Phase::Failed { at, failure })),
        ("canceled", task(Phase::Canceled { at, progress: 45 })),
    ]
}

fn task(phase: Phase) -> Task {
    let new = NewTenant {
        name: "Acme & Sons".into(),
        description: None,
        user_data: None,
        preferred_viis_address: None,
        administrator: Some(NewAdministrator {
            name: "acme-admin".into(),
            password_length: 12,
            password_sha256: String::new(),
        }),
    };
    Task {
        id: OTHER_ID.into(),
        work: Work::Create(new),
        created: THEN,
        phase,
        fate: Default::default(),
        parent: None,
        timer: 0,
        tenant: None,
    }
}

fn tenant(id: &str, name: &str, complete: bool) -> Tenant {
    Tenant {
        id: id.into(),
        name: name.into(),
        description: complete.then(|| "<Gold>".into()),
        user_data: complete.then(|| "{\"a\": \"]]>\"}".into()),
        preferred_viis_address: None,
        administration: complete.then(|| Administration {
            vksc_id: OTHER_ID.into(),
            administrator: "acme-admin".into(),
            password_sha256: String::new(),
        }),
        active: complete,
        created: THEN,
        updated: THEN,
        machines: Vec::new(),
        unfinished: false,
        hidden_until: 0,
        unknown_until: 0,
    }
}

fn machine() -> Machine {
    Machine {
        id: OTHER_ID.into(),
        bios_id: Uuid::parse_str(ID).unwrap(),
        name: Some("web-1".into()),
        user_data: Some("a\r\nb".into()),
        created: THEN,
        updated: THEN,
    }
}
