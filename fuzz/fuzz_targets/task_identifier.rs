//! The task's identifier in a 202. The input: a line for the `Location` header (empty:
//! none), and the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viis_fuzz::{bounded, check_task_id};
use viis_operator::viis::task_identifier;

fuzz_target!(|input: &[u8]| {
    let Some((location, body)) = viis_fuzz::text(input).and_then(|text| text.split_once('\n'))
    else {
        return;
    };
    let location = Some(location).filter(|location| !location.is_empty());
    if let Some(id) = bounded(input.len(), || task_identifier::find(body, location)) {
        check_task_id(&id);
    }
});
