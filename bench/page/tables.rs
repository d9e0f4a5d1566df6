//! All figures as Markdown tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::compare::{Comparison, MEASURES};
use super::long_title;
use super::row::{OperatorName, Row, Size, Span};

/// A table for each size and limit.
pub fn figures(comparisons: &[Comparison<'_>]) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        let count = comparison.pairs.len();
        let plural = if count == 1 { "pair" } else { "pairs" };
        let Some((first, _)) = comparison.pairs.first() else {
            continue;
        };
        let _ = writeln!(
            text,
            "### {}, `concurrentTasks: {}`\n\nMedian of {count} {plural}. The server itself needs \
             {:.1} s to create and activate the tenants, and {:.1} s to delete them.\n\n\
             | | {} | {} | ratio | least to greatest |\n|---|---|---|---|---|",
            long_title(comparison.size),
            comparison.concurrent_tasks,
            first.creation.bound_seconds,
            first.deletion.bound_seconds,
            OperatorName::Product.title(),
            OperatorName::Comparator.title(),
        );
        for measure in MEASURES {
            let Some(figures) = comparison.figures(measure) else {
                continue;
            };
            let of = |value: f64| format!("{value:.*} {}", measure.digits, measure.unit);
            let (ratio, spread) = match figures.ratio {
                None => (String::new(), String::new()),
                Some(ratio) if count == 1 => (format!("{:.2}", ratio.median), String::new()),
                Some(ratio) => (
                    format!("{:.2}", ratio.median),
                    format!("{:.2} to {:.2}", ratio.least, ratio.greatest),
                ),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {ratio} | {spread} |",
                measure.title,
                of(figures.product).trim_end(),
                of(figures.comparator).trim_end(),
            );
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// A part of a run, by its title.
type Part = (&'static str, fn(&Row) -> Option<&Span>);
/// What is counted by name.
type Counts = fn(&Span) -> BTreeMap<String, u64>;

const PARTS: [Part; 3] = [
    ("until Ready", |row| Some(&row.creation)),
    ("quiet minute", |row| row.quiet.as_ref()),
    ("deletion", |row| Some(&row.deletion)),
];

/// Writes by resource and verb, and calls by method, of each operator's first run at each
/// size.
pub fn requests(rows: &[Row]) -> String {
    let sizes: BTreeSet<Size> = rows.iter().map(|row| row.size).collect();
    let mut text = String::new();
    for size in sizes {
        let first = |operator| {
            let at = |row: &&Row| row.size == size && row.operator == operator;
            rows.iter().find(at)
        };
        let (Some(product), Some(comparator)) = (
            first(OperatorName::Product),
            first(OperatorName::Comparator),
        ) else {
            continue;
        };
        let _ = writeln!(
            text,
            "### {}, the first pair\n\n| | | {} | {} |\n|---|---|---|---|",
            long_title(size),
            OperatorName::Product.title(),
            OperatorName::Comparator.title(),
        );
        for (part, span) in PARTS {
            let (Some(product), Some(comparator)) = (span(product), span(comparator)) else {
                continue;
            };
            let kinds: [(&str, Counts); 4] = [
                ("", |span| span.writes.clone()),
                (" (rejected)", |span| span.rejected_writes.clone()),
                ("", |span| span.calls.clone()),
                (" reconciles", |span| span.reconciles.clone()),
            ];
            for (suffix, counts) in kinds {
                let (product, comparator) = (counts(product), counts(comparator));
                let names: BTreeSet<&String> = product.keys().chain(comparator.keys()).collect();
                for name in names {
                    let of = |counts: &BTreeMap<String, u64>| {
                        counts.get(name).copied().unwrap_or_default()
                    };
                    let _ = writeln!(
                        text,
                        "| {part} | {name}{suffix} | {} | {} |",
                        of(&product),
                        of(&comparator)
                    );
                }
            }
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}
