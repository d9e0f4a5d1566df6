//! The table of `docs/commands.md`, read: what runs each command of a page, or why nothing
//! does. The cluster tests read it too, to know what they have to run.

use crate::page::Page;

/// The page with the table.
pub const TABLE: &str = "docs/commands.md";
/// In place of a command: all of the page that have no row.
pub const EVERY_OTHER: &str = "every other";

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The page, by its path in the project.
    pub page: String,
    pub command: String,
    /// The file and the test that run it; none where nothing does.
    pub run: Option<(String, String)>,
    pub why: String,
}

pub fn rows() -> Vec<Row> {
    let table = Page::read(TABLE);
    let rows = table.text.lines().filter(|line| line.starts_with("| ["));
    rows.map(row).collect()
}

fn row(line: &str) -> Row {
    let line = line.replace("\\|", "\u{0}");
    let cells: Vec<String> = line
        .trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().replace('\u{0}', "|"))
        .collect();
    let [page, command, said] = cells.as_slice() else {
        panic!("not three cells: {line}");
    };
    let page = page.split(['[', ']']).nth(1).unwrap();
    let command = command.trim_matches('`');
    let mut words = said.split('`');
    let run = said.starts_with("run by `").then(|| {
        let file = words.nth(1).unwrap();
        (file.to_owned(), words.nth(1).unwrap().to_owned())
    });
    assert!(run.is_some() || said.starts_with("not run: "), "{line}");
    Row {
        page: page.to_owned(),
        command: command.to_owned(),
        run,
        why: said.to_owned(),
    }
}

/// Whether the command has a row of its own, so that a walk through its page leaves it.
pub fn has_a_row(rows: &[Row], page: &str, command: &str) -> bool {
    rows.iter()
        .any(|row| row.page == page && row.command == command)
}
