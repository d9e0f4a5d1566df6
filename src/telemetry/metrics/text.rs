//! Prometheus' own text format, made of the OpenMetrics text that the library writes.
//! Everything that reads metrics understands it, `promtool check metrics` nothing else.
//! They differ in three things here: a counter is declared under its whole name, and
//! there is neither a unit nor an end mark.

/// The content type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The same metrics in Prometheus' text format.
pub(super) fn of_openmetrics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut help = "";
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            // Its name depends on the type, which comes next.
            help = line;
        } else if let Some(declared) = line.strip_prefix("# TYPE ") {
            declare(&mut plain, help, declared);
        } else if !line.starts_with('#') {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain
}

fn declare(plain: &mut String, help: &str, declared: &str) {
    let (name, kind) = declared.split_once(' ').unwrap_or((declared, "untyped"));
    let suffix = if kind == "counter" { "_total" } else { "" };
    let said = help
        .strip_prefix("# HELP ")
        .and_then(|help| help.strip_prefix(name))
        .unwrap_or_default();
    plain.push_str(&format!(
        "# HELP {name}{suffix}{said}\n# TYPE {name}{suffix} {kind}\n"
    ));
}
