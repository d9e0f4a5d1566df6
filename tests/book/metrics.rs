//! Every metric that a page or a test names exists. After a rename, a page would describe a
//! metric that is never shown, and a test that looks for it would find nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::page::{Page, project};

const PREFIX: &str = "viis_operator_";
/// What `/metrics` answers, as a snapshot that the unit tests hold.
const ALL: &str = "src/telemetry/metrics/snapshots/\
                   viis_operator__telemetry__metrics__tests__the_whole_text.snap";

#[test]
fn metrics_that_are_named_are_there() {
    let all = fs::read_to_string(project().join(ALL)).unwrap();
    let all: BTreeSet<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next())
        .collect();
    let mut texts: Vec<(String, String)> = Page::all()
        .into_iter()
        .map(|page| (page.name, page.text))
        .collect();
    for folder in ["tests/cluster", "tests/faults", "tests/alerts/rules"] {
        read(&project().join(folder), &mut texts);
    }
    let mut named = 0;
    for (file, text) in &texts {
        for name in names(text) {
            named += 1;
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            // `viis_operator_server_…`
            let begun = name.ends_with('_') && all.iter().any(|metric| metric.starts_with(name));
            let known = begun
                || [Some(name), base]
                    .iter()
                    .flatten()
                    .any(|it| all.contains(it));
            assert!(known, "{file}: there is no metric {name}");
        }
    }
    assert!(named > 50, "only {named} were found");
}

/// Every name in a text. The prefix alone is none.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(PREFIX).filter_map(|(start, _)| {
        let rest = &text[start..];
        let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_of_a_name(letter));
        let name = &rest[..end.unwrap_or(rest.len())];
        (name.len() > PREFIX.len()).then_some(name)
    })
}

fn read(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, texts);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            texts.push((path.display().to_string(), text));
        }
    }
}
