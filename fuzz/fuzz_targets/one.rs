//! The answer about one tenant, and about one task.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viis_fuzz::{bounded, check_task, check_tenant, for_every_task, redactor};
use viis_operator::viis::list;

fuzz_target!(|input: &[u8]| {
    let Some(text) = viis_fuzz::text(input) else {
        return;
    };
    let redactor = redactor();
    if let Ok(tenant) = bounded(text.len(), || list::tenant(text)) {
        check_tenant(&tenant);
    }
    let task = bounded(text.len(), || {
        list::task(text, &|_| for_every_task(&redactor))
    });
    if let Ok(task) = task {
        check_task(&task);
    }
});
