//! The comparisons as tables for a terminal.

use std::fmt::Write as _;

use super::compare::{Comparison, MEASURES, comparisons};
use super::row::{OperatorName, Row};

/// A table for each size and limit.
pub fn of(rows: &[Row]) -> String {
    let mut text = String::new();
    for comparison in comparisons(rows) {
        let Comparison {
            size,
            concurrent_tasks,
            ref pairs,
        } = comparison;
        let count = pairs.len();
        let (first, _) = pairs[0];
        let _ = writeln!(
            text,
            "\n{size}, concurrentTasks {concurrent_tasks} on a server that runs {}: {count} \
             pair{}; the server needs {:.1} s, and {:.1} s for the deletion",
            first.server_tasks,
            if count == 1 { "" } else { "s" },
            first.creation.bound_seconds,
            first.deletion.bound_seconds,
        );
        let _ = writeln!(
            text,
            "  {:40}{:>14}{:>14}   ratio, least to greatest",
            "",
            OperatorName::Product.title(),
            OperatorName::Comparator.title()
        );
        for measure in MEASURES {
            if let Some(figures) = comparison.figures(measure) {
                let of = |value: f64| format!("{value:.*} {}", measure.digits, measure.unit);
                let ratio = figures.ratio.map_or_else(String::new, |ratio| {
                    format!(
                        "{:.2} ({:.2} to {:.2})",
                        ratio.median, ratio.least, ratio.greatest
                    )
                });
                let _ = writeln!(
                    text,
                    "  {:40}{:>14}{:>14}   {ratio}",
                    measure.title,
                    of(figures.product).trim_end(),
                    of(figures.comparator).trim_end(),
                );
            }
        }
    }
    text
}
