//! The tables that pages have from `src/api`, so that they cannot say anything else.
//! README.md has them too: hence a file of its own, which knows no page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use viis_operator::api::{conditions, reasons};

/// A page has both tables between their marks, as the code says; or is written anew.
pub fn holds(page: &Path, update: bool, command: &str) {
    let stored = fs::read_to_string(page).unwrap();
    let said = between(&stored, "conditions", &conditions_table());
    let said = between(&said, "reasons", &reasons_table());
    if update {
        fs::write(page, said).unwrap();
        return;
    }
    assert!(
        stored == said,
        "{} is not what src/api says: {command}",
        page.display()
    );
}

/// The text with this table between the marks of that name.
fn between(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name}: begin"),
        format!("<!-- {name}: end -->"),
    );
    let (before, rest) = text.split_once(&begin).expect(&begin);
    let (mark, rest) = rest.split_once("-->\n").expect("the end of the mark");
    let (_, after) = rest.split_once(&end).expect(&end);
    format!("{before}{begin}{mark}-->\n{table}{end}{after}")
}

fn conditions_table() -> String {
    let mut table = String::from("| condition | on | what it says |\n|---|---|---|\n");
    for (condition, kinds, says) in conditions::ALL {
        let _ = writeln!(table, "| `{}` | {kinds} | {says} |", condition.as_str());
    }
    table
}

fn reasons_table() -> String {
    let mut table =
        String::from("| reason | on | what it means | what to do |\n|---|---|---|---|\n");
    for (reason, conditions, meaning, advice) in reasons::ALL {
        let row = format!("| `{reason}` | {conditions} | {meaning} | {advice} |\n");
        assert_eq!(row.matches('|').count(), 5, "a bar in the text: {row}");
        table.push_str(&row);
    }
    table
}
