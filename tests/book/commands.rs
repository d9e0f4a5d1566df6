//! `docs/commands.md` says of each command in the documentation what runs it, or why
//! nothing does. A new command fails here until it is in the table.

use std::fs;

use crate::page::{Page, project};
use crate::table::{EVERY_OTHER, Row, TABLE, has_a_row, rows};

#[test]
fn every_command_is_classified() {
    let rows = rows();
    let mut open = Vec::new();
    for page in Page::all() {
        let of_page: Vec<&Row> = rows.iter().filter(|row| row.page == page.name).collect();
        let others = of_page.iter().any(|row| row.command == EVERY_OTHER);
        for command in page.commands() {
            if !others && !has_a_row(&rows, &page.name, &command) {
                open.push(format!("{}: {command}", page.name));
            }
        }
    }
    assert!(open.is_empty(), "not in {TABLE}: {open:#?}");
}

#[test]
fn every_row_is_a_command_of_its_page() {
    for row in rows() {
        let commands = Page::read(&row.page).commands();
        let known = row.command == EVERY_OTHER || commands.contains(&row.command);
        assert!(known, "{}: no command `{}`", row.page, row.command);
    }
}

/// The tests that the table names are there; and what runs "every other" command really
/// reads the page, since only then does it run a new one too.
#[test]
fn the_tests_that_are_named_are_there() {
    for row in rows() {
        let Some((file, test)) = &row.run else {
            assert_ne!(row.command, EVERY_OTHER, "{}: {}", row.page, row.why);
            continue;
        };
        let text = fs::read_to_string(project().join(file)).unwrap_or_default();
        assert!(names(&text, test), "{}: no {test} in {file}", row.page);
        if row.command == EVERY_OTHER {
            assert!(
                text.contains(&format!("\"{}\"", row.page)),
                "{file} does not read {}",
                row.page
            );
        }
    }
}

/// A test by its name, or else a text that is in the file as it stands.
fn names(file: &str, test: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    match test.chars().all(is_name) {
        true => file.contains(&format!("fn {test}(")) || file.contains(&format!("func {test}(")),
        false => file.contains(test),
    }
}
