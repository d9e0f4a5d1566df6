//! A preprocessor of mdBook, for `make docs`: links that lead out of `docs/` are named
//! instead of linked, since the site has the pages alone.
//!
//! mdBook gives `[context, book]` as JSON on standard input and takes the book back. Only
//! texts are touched; what else is in the book goes through as it came.

use std::error::Error;
use std::io;

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    // Asked whether it serves a renderer: any.
    if std::env::args().nth(1).as_deref() == Some("supports") {
        return Ok(());
    }
    let mut input: Value = serde_json::from_reader(io::stdin())?;
    let book = input.get_mut(1).ok_or("no book on standard input")?;
    visit(book);
    serde_json::to_writer(io::stdout(), book)?;
    Ok(())
}

/// Every chapter below, with the folder that it is in.
fn visit(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(visit),
        Value::Object(fields) => {
            let depth = fields
                .get("path")
                .and_then(Value::as_str)
                .map_or(0, |path| path.matches('/').count());
            if let Some(Value::String(content)) = fields.get_mut("content") {
                *content = named(content, depth);
            }
            fields.values_mut().for_each(visit);
        }
        _ => {}
    }
}

/// The text with links out of `docs/` replaced: `[text](../src/x.rs)` becomes the text,
/// and the path where the text does not say it.
fn named(content: &str, depth: usize) -> String {
    let outside = "../".repeat(depth + 1);
    let mut rest = content;
    let mut said = String::with_capacity(content.len());
    let mark = format!("]({outside}");
    while let Some((before, after)) = rest.split_once(&mark) {
        let Some((path, after)) = after.split_once(')') else {
            break;
        };
        let Some((start, text)) = before.rsplit_once('[') else {
            break;
        };
        said.push_str(start);
        said.push_str(text);
        let path = path.split('#').next().unwrap_or_default();
        if text.trim_matches('`').trim_end_matches('/') != path.trim_end_matches('/') {
            said.push_str(&format!(" (`{path}`)"));
        }
        rest = after;
    }
    said.push_str(rest);
    said
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn what_leads_out_is_named_and_the_rest_stays() {
        for (link, depth, expected) in [
            ("see [it](tls.md#a)", 0, "see [it](tls.md#a)"),
            (
                "[`x.rs`](../src/x.rs), [y](z.md)",
                0,
                "`x.rs` (`src/x.rs`), [y](z.md)",
            ),
            ("[`deploy/`](../deploy)", 0, "`deploy/`"),
            (
                "[the README](../README.md#how)",
                0,
                "the README (`README.md`)",
            ),
            ("[c](../conditions.md)", 1, "[c](../conditions.md)"),
            ("[c](../../CHANGELOG.md)", 1, "c (`CHANGELOG.md`)"),
        ] {
            assert_eq!(named(link, depth), expected);
        }
    }
}
