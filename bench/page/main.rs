//! Writes `docs/performance.md` and its charts from the rows in `bench/results.jsonl`
//! (`make performance`). Whatever the page says about figures is generated here, so no
//! sentence can outlive the run that it describes.
//!
//! - here: reading the rows and writing the files; - `sentences`: which operator needs
//!   less; - `tables`: all figures; - `chart`: the pictures; - `page.md`: the fixed text

#[path = "../compare.rs"]
mod compare;
#[path = "../row.rs"]
mod row;

mod chart;
mod sentences;
mod tables;

use std::error::Error;
use std::fs;
use std::path::Path;

use compare::comparisons;
use row::Row;

/// A file that is generated, by its path in the project, and its text.
type Generated = (&'static str, String);

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(source) = std::env::args().nth(1) {
        let text = fs::read_to_string(&source).map_err(|error| format!("{source}: {error}"))?;
        // What cannot be read must not replace what can.
        generated(&text)?;
        fs::write(root.join("bench/results.jsonl"), text)?;
    }
    let text = fs::read_to_string(root.join("bench/results.jsonl"))?;
    for (path, text) in generated(&text)? {
        fs::write(root.join(path), text)?;
        println!("{path}");
    }
    Ok(())
}

/// The page and its charts.
fn generated(results: &str) -> Result<Vec<Generated>, Box<dyn Error>> {
    let rows: Result<Vec<Row>, _> = results.lines().map(serde_json::from_str).collect();
    let rows = rows?;
    let comparisons = comparisons(&rows);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err("there are no rows".into());
    };
    if rows.iter().any(|row| row.machine != first.machine) {
        return Err("the rows come from different machines".into());
    }
    let machine = &first.machine;
    let circumstances = format!(
        "{} runs, {} to {} UTC, {} cores ({}), {} GiB of memory. Other programs on the machine \
         took at most {:.1} % of its CPU time in any run.",
        rows.len(),
        first.started,
        last.started,
        machine.cores,
        machine.processor,
        machine.memory,
        rows.iter().map(unrelated_share).fold(0.0, f64::max) * 100.0,
    );
    let page = include_str!("page.md")
        .replace("{{circumstances}}", &circumstances)
        .replace("{{summary}}", &sentences::summary(&comparisons))
        .replace("{{figures}}", &tables::figures(&comparisons))
        .replace("{{requests}}", &tables::requests(&rows));
    Ok(vec![
        ("docs/performance.md", page),
        (
            "docs/images/performance-times.svg",
            chart::times(&comparisons),
        ),
        (
            "docs/images/performance-ratios.svg",
            chart::ratios(&comparisons),
        ),
    ])
}

/// How much of the machine's CPU time had nothing to do with a run.
#[expect(clippy::cast_precision_loss)]
fn unrelated_share(row: &Row) -> f64 {
    let spans = [Some(&row.creation), row.quiet.as_ref(), Some(&row.deletion)];
    let (unrelated, seconds) = spans
        .into_iter()
        .flatten()
        .map(|span| (span.cpu.unrelated, span.seconds))
        .fold((0.0, 0.0), |sum, span| (sum.0 + span.0, sum.1 + span.1));
    unrelated / (seconds * row.machine.cores as f64)
}

/// A size in a table.
fn title(size: row::Size) -> String {
    format!("{} × {}", grouped(size.tenants), grouped(size.machines))
}

/// A size in a heading.
fn long_title(size: row::Size) -> String {
    let tenants = grouped(size.tenants);
    match size.machines {
        0 => format!("{tenants} tenants without machines"),
        machines => format!("{tenants} tenants × {} machines", grouped(machines)),
    }
}

/// With a comma between thousands.
fn grouped(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::fs;
    use std::path::Path;

    #[test]
    fn the_page_and_its_charts_come_from_the_results() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &str| {
            fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        for (path, text) in super::generated(&read("bench/results.jsonl")).unwrap() {
            assert!(
                read(path) == text,
                "{path} is not what bench/results.jsonl says: make performance"
            );
        }
    }
}
