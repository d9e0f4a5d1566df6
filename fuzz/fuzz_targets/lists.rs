//! The lists of tenants, machines and tasks. Read item by item, a list says what the
//! same document says when it is read as a whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viis_fuzz::{bounded, check_task, check_tenant, for_every_task, redactor};
use viis_operator::viis::list;
use viis_operator::viis::xml::{Element, Limits, read};

fuzz_target!(|input: &[u8]| {
    let Some(text) = viis_fuzz::text(input) else {
        return;
    };
    let redactor = redactor();
    let tenants = bounded(text.len(), || list::tenants(text));
    let machines = bounded(text.len(), || list::virtual_machines(text));
    let tasks = bounded(text.len(), || {
        list::tasks(text, &|_| for_every_task(&redactor))
    });
    if let Ok(tenants) = tenants {
        tenants.iter().for_each(check_tenant);
        assert_eq!(tenants.len(), outermost(text, "tenant"));
    }
    if let Ok(machines) = machines {
        assert_eq!(machines.len(), outermost(text, "vm"));
    }
    if let Ok(tasks) = tasks {
        tasks.iter().for_each(check_task);
        assert_eq!(tasks.len(), outermost(text, "task"));
    }
});

/// How many elements have this name and are not within another one of it.
fn outermost(text: &str, name: &str) -> usize {
    let root = read(text, Limits::LIST).expect("a list is a document");
    count(&root, name)
}

fn count(element: &Element, name: &str) -> usize {
    if element.name() == name {
        return 1;
    }
    element
        .children()
        .iter()
        .map(|child| count(child, name))
        .sum()
}
