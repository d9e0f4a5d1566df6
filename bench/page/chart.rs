//! The charts: SVG with a background of its own, so that it can be read on a dark page too.
//! Rows of bars and dots with their values beside them, and nothing else.

use std::fmt::Write as _;

use super::compare::Comparison;
use super::{long_title, title};

const WIDTH: f64 = 820.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 740.0;
const PRODUCT: &str = "#2563eb";
const COMPARATOR: &str = "#9ca3af";
const MORE: &str = "#c2410c";

/// How long both operators take, at each size: a bar each, and the server's own bound.
pub fn times(comparisons: &[Comparison<'_>]) -> String {
    let mut picture = Picture::new();
    picture.legend(&[
        (PRODUCT, "viis-operator"),
        (COMPARATOR, "Go operator"),
        ("#111827", "what the server itself needs"),
    ]);
    for comparison in comparisons {
        let Some((first, _)) = comparison.pairs.first() else {
            continue;
        };
        let limit = comparison.concurrent_tasks;
        picture.heading(&format!(
            "{}, concurrentTasks: {limit}",
            long_title(comparison.size)
        ));
        let parts = [
            ("all Ready", first.creation.bound_seconds),
            ("all gone", first.deletion.bound_seconds),
        ];
        let figures = parts.map(|(name, bound)| (name, bound, comparison.figures_of(name)));
        let most = figures
            .iter()
            .filter_map(|(_, _, figures)| figures.map(|it| it.product.max(it.comparator)))
            .fold(0.1, f64::max);
        for (name, bound, figures) in figures {
            let Some(figures) = figures else { continue };
            let at = |seconds: f64| LEFT + (RIGHT - LEFT) * seconds / most;
            picture.label(name);
            let top = picture.y;
            for (value, colour) in [(figures.product, PRODUCT), (figures.comparator, COMPARATOR)] {
                picture.bar(at(value), colour, &format!("{value:.1} s"));
            }
            picture.tick(at(bound), top);
            picture.y += 8.0;
        }
    }
    picture.finish("How long both operators take at each size")
}

/// The ratios to the Go operator: a dot for the median, a line from the least to the
/// greatest.
pub fn ratios(comparisons: &[Comparison<'_>]) -> String {
    let measures = [
        "all Ready",
        "all gone",
        "API server's CPU until Ready",
        "operator's CPU until Ready",
        "peak memory",
    ];
    // Logarithmic: half as much and twice as much are equally far from the middle.
    let at = |ratio: f64| {
        let share = (ratio.clamp(0.25, 4.0).log2() + 2.0) / 4.0;
        LEFT + (RIGHT - LEFT) * share
    };
    let mut picture = Picture::new();
    picture.legend(&[
        (PRODUCT, "less than the Go operator, or as much"),
        (MORE, "more"),
    ]);
    for measure in measures {
        picture.heading(measure);
        let top = picture.y;
        for comparison in comparisons {
            let ratio = comparison.figures_of(measure).and_then(|it| it.ratio);
            let Some(ratio) = ratio else { continue };
            let limit = comparison.concurrent_tasks;
            picture.label(&format!("{}, limit {limit}", title(comparison.size)));
            let colour = if ratio.median > 1.05 { MORE } else { PRODUCT };
            picture.dot(
                at(ratio.median),
                [at(ratio.least), at(ratio.greatest)],
                colour,
                &format!("{:.2} ×", ratio.median),
            );
        }
        for (ratio, text) in [(0.25, "¼"), (0.5, "½"), (1.0, "1"), (2.0, "2"), (4.0, "4")] {
            picture.grid(at(ratio), top, text);
        }
        picture.y += 22.0;
    }
    picture.finish("Ratios of viis-operator to the Go operator; below 1 is less")
}

/// What was drawn so far, and how far down.
struct Picture {
    body: String,
    y: f64,
}

impl Picture {
    fn new() -> Self {
        Self {
            body: String::new(),
            y: 34.0,
        }
    }

    fn text(&mut self, x: f64, y: f64, attributes: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.0}" y="{y:.0}" {attributes}>{text}</text>"#
        );
    }

    fn legend(&mut self, entries: &[(&str, &str)]) {
        let mut x = 24.0;
        for (colour, text) in entries {
            let _ = writeln!(
                self.body,
                r#"<rect x="{x:.0}" y="18" width="12" height="12" rx="2" fill="{colour}"/>"#
            );
            self.text(x + 18.0, 29.0, r#"class="note""#, text);
            x += 40.0 + 7.0 * f64::from(u16::try_from(text.len()).unwrap_or(u16::MAX));
        }
        self.y += 14.0;
    }

    fn heading(&mut self, text: &str) {
        self.y += 18.0;
        self.text(24.0, self.y, r#"class="heading""#, text);
        self.y += 12.0;
    }

    fn label(&mut self, text: &str) {
        self.text(LEFT - 12.0, self.y + 12.0, r#"text-anchor="end""#, text);
    }

    fn bar(&mut self, to: f64, colour: &str, value: &str) {
        let (y, width) = (self.y, to - LEFT);
        let _ = writeln!(
            self.body,
            r#"<rect x="{LEFT:.0}" y="{y:.0}" width="{width:.1}" height="14" rx="2" fill="{colour}"/>"#
        );
        self.text(to + 6.0, y + 12.0, "", value);
        self.y += 17.0;
    }

    /// A mark over the bars from `top` to here.
    fn tick(&mut self, x: f64, top: f64) {
        let bottom = self.y;
        let _ = writeln!(
            self.body,
            r##"<path d="M{x:.1} {:.0}V{bottom:.0}" stroke="#111827" stroke-width="2"/>"##,
            top - 2.0
        );
    }

    fn dot(&mut self, x: f64, [from, to]: [f64; 2], colour: &str, value: &str) {
        let y = self.y + 8.0;
        let _ = writeln!(
            self.body,
            r#"<path d="M{from:.1} {y:.0}H{to:.1}" stroke="{colour}" stroke-width="3" stroke-opacity="0.4"/><circle cx="{x:.1}" cy="{y:.0}" r="5" fill="{colour}"/>"#
        );
        self.text(RIGHT + 8.0, y + 4.0, "", value);
        self.y += 19.0;
    }

    /// A line behind the dots from `top` to here, with its value below.
    fn grid(&mut self, x: f64, top: f64, text: &str) {
        let bottom = self.y;
        let line = format!(
            r##"<path d="M{x:.1} {top:.0}V{bottom:.0}" stroke="#d1d5db" stroke-width="{}"/>"##,
            if text == "1" { 2 } else { 1 }
        );
        self.body.insert_str(0, &format!("{line}\n"));
        self.text(
            x,
            bottom + 14.0,
            r#"class="note" text-anchor="middle""#,
            text,
        );
    }

    fn finish(self, description: &str) -> String {
        let height = self.y + 16.0;
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0} {height:.0}" role="img" aria-label="{description}">
<title>{description}</title>
<style>text{{font:13px system-ui,sans-serif;fill:#374151}}.note{{font-size:12px;fill:#6b7280}}.heading{{font-size:14px;font-weight:600;fill:#111827}}</style>
<rect width="{WIDTH:.0}" height="{height:.0}" rx="8" fill="#ffffff"/>
{}</svg>
"##,
            self.body
        )
    }
}
