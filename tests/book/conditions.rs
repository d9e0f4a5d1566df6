//! `docs/conditions.md` has the tables of the code; `make reference` writes them.

use crate::page::project;
use crate::tables;

#[test]
fn the_page_has_the_tables_of_the_code() {
    let update = std::env::var_os("UPDATE_REFERENCE").is_some();
    tables::holds(
        &project().join("docs/conditions.md"),
        update,
        "make reference",
    );
}
