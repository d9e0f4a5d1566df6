//! What the figures say in words: at which sizes this operator needs less than the
//! comparator, about as much, or more.

use std::fmt::Write as _;

use super::compare::{Comparison, Figures, MEASURES, Measure};
use super::title;

/// Closer than this to the comparator's figure is no difference: runs differ by as much.
const SAME: f64 = 0.05;
/// The measures that a reader asks for first, and the words for less and for more.
const HEADLINES: [(&str, &str, &str); 5] = [
    ("all Ready", "faster", "slower"),
    ("all gone", "faster", "slower"),
    ("API server's CPU until Ready", "less", "more"),
    ("operator's CPU until Ready", "less", "more"),
    ("peak memory", "less", "more"),
];

/// A table with a row for each size and limit, and a sentence that names each size at which
/// the product is slower.
pub fn summary(comparisons: &[Comparison<'_>]) -> String {
    let mut text = String::from("| tenants × machines, limit |");
    for (title, ..) in HEADLINES {
        let _ = write!(text, " {title} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(HEADLINES.len()));
    text.push('\n');
    for comparison in comparisons {
        let limit = comparison.concurrent_tasks;
        let _ = write!(text, "| {}, {limit} |", title(comparison.size));
        for headline in HEADLINES {
            let _ = write!(text, " {} |", cell(comparison, headline));
        }
        text.push('\n');
    }
    let _ = write!(text, "\n{}", slower(comparisons));
    text
}

fn cell(comparison: &Comparison<'_>, (title, less, more): (&str, &str, &str)) -> String {
    let found = measure(title).and_then(|measure| Some((measure, comparison.figures(measure)?)));
    let Some((measure, figures)) = found else {
        return "not measured".to_owned();
    };
    let of = |value: f64| format!("{value:.*}", measure.digits);
    let verdict = match figures.ratio.map(|ratio| ratio.median) {
        None => String::new(),
        Some(ratio) if ratio > 1.0 + SAME => format!(", **{ratio:.2} × ({more})**"),
        Some(ratio) if ratio < 1.0 - SAME => format!(", {ratio:.2} × ({less})"),
        Some(ratio) => format!(", {ratio:.2} × (the same)"),
    };
    format!(
        "{} {} against {}{verdict}",
        of(figures.product),
        measure.unit,
        of(figures.comparator)
    )
}

/// At which sizes the product takes longer.
fn slower(comparisons: &[Comparison<'_>]) -> String {
    let mut sentences = Vec::new();
    for (name, what) in [
        ("all Ready", "until everything is Ready"),
        ("all gone", "until everything is gone"),
    ] {
        let places: Vec<String> = comparisons
            .iter()
            .filter(|comparison| is_slower(comparison.figures_of(name)))
            .map(|comparison| {
                let limit = comparison.concurrent_tasks;
                format!("{} (`concurrentTasks: {limit}`)", title(comparison.size))
            })
            .collect();
        sentences.push(if places.is_empty() {
            format!("At no size does viis-operator take longer {what}.")
        } else {
            format!(
                "**viis-operator takes longer than the Go operator {what} at {}.**",
                places.join(", ")
            )
        });
    }
    sentences.join(" ")
}

fn is_slower(figures: Option<Figures>) -> bool {
    figures
        .and_then(|figures| figures.ratio)
        .is_some_and(|ratio| ratio.median > 1.0 + SAME)
}

fn measure(title: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.title == title)
}

impl Comparison<'_> {
    /// The figures of a measure by its title.
    pub fn figures_of(&self, title: &str) -> Option<Figures> {
        self.figures(measure(title)?)
    }
}
