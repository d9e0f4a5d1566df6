#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use rstest::rstest;

use super::*;

/// What was written, kept in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: Format, rust_log: &str, work: impl FnOnce()) -> String {
    let lines = Lines::default();
    let copy = lines.clone();
    let lines_layer = super::lines(format, filter(rust_log).0, false, move || copy.clone());
    let subscriber = tracing_subscriber::registry().with(lines_layer);
    tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn text_names_the_object_without_colours() {
    let text = logged(Format::Text, "", || {
        object_span(Kind::Tenant, Some("customers"), "acme").in_scope(|| tracing::info!("created"));
    });
    assert!(
        text.contains(r#"reconcile{kind="Tenant" namespace="customers" name="acme"}: "#),
        "{text}"
    );
    assert!(
        text.contains(" INFO ") && text.trim_end().ends_with("created"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn json_names_the_object() {
    let text = logged(Format::Json, "", || {
        object_span(Kind::IntegrationServer, None, "main")
            .in_scope(|| tracing::warn!(count = 3, "two\nlines"));
    });
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["message"], "two\nlines");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["count"], 3);
    let expected = serde_json::json!({"kind": "IntegrationServer", "name": "main"});
    assert_eq!(line["span"], expected);
    assert!(
        line["timestamp"].is_string() && line["target"].is_string(),
        "{text}"
    );
}

#[test]
fn json_has_the_fields_of_outer_spans_too() {
    let text = logged(Format::Json, "", || {
        let outer = tracing::info_span!("reconciling object", reason = "changed", name = "outer");
        let _outer = outer.enter();
        object_span(Kind::Tenant, Some("a"), "b").in_scope(|| tracing::info!("x"));
    });
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected =
        serde_json::json!({"reason": "changed", "kind": "Tenant", "namespace": "a", "name": "b"});
    assert_eq!(line["span"], expected);
}

#[test]
fn json_without_a_span_has_none() {
    let text = logged(
        Format::Json,
        "",
        || tracing::info!(error = %"odd \"text\"", ok = true, "x"),
    );
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line.get("span"), None);
    assert_eq!(
        (&line["error"], &line["ok"]),
        (&"odd \"text\"".into(), &true.into())
    );
}

#[test]
fn the_object_is_named_at_every_level() {
    let text = logged(Format::Text, "error", || {
        object_span(Kind::VirtualMachine, Some("a"), "b").in_scope(|| tracing::error!("x"));
    });
    assert!(text.contains(r#"kind="VirtualMachine""#), "{text}");
}

#[test]
fn rust_log_sets_the_level() {
    let work = || {
        tracing::debug!("quiet");
        tracing::info!("loud");
    };
    assert!(!logged(Format::Text, "", work).contains("quiet"));
    assert!(logged(Format::Text, "debug", work).contains("quiet"));
    assert!(!logged(Format::Text, "warn", work).contains("loud"));
}

#[rstest]
#[case::no_level_of_ours("viis_operator=loud")]
#[case::a_level_that_is_none("warning")]
#[case::for_a_library_alone("hyper=debug")]
fn a_filter_with_a_typing_error_is_reported_and_not_used(#[case] wanted: &str) {
    let (used, complaint) = filter(wanted);
    assert_eq!(used.to_string(), filter("").0.to_string());
    assert!(complaint.is_some());
}

#[rstest]
#[case("off")]
#[case("INFO")]
#[case("hyper=debug, warn")]
#[case("viis_operator::viis=trace")]
fn a_filter_that_says_what_of_ours_is_logged_is_used(#[case] wanted: &str) {
    assert_eq!(filter(wanted).1, None);
}

#[rstest]
#[case("trace")]
#[case("info,viis_operator=debug")]
fn lines_do_not_speak_of_calls(#[case] wanted: &str) {
    let text = logged(Format::Text, wanted, || {
        object_span(Kind::Tenant, Some("a"), "b").in_scope(|| {
            let call = tracing::info_span!(target: crate::viis::CALL_SPANS, "call", x = 1);
            call.in_scope(|| tracing::info!("within"));
        });
    });
    assert!(text.contains(r#"name="b"}: "#), "{text}");
    assert!(text.contains("within") && !text.contains("call"), "{text}");
}
