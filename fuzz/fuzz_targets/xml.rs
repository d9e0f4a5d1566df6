//! The reader of XML: it takes a document or refuses it, and what it took and the
//! writer writes again is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viis_fuzz::bounded;
use viis_operator::viis::is_xml_text;
use viis_operator::viis::xml::{Element, Limits, Writer, read, read_items};

fuzz_target!(|input: &[u8]| {
    let Some(text) = viis_fuzz::text(input) else {
        return;
    };
    let Ok(root) = bounded(text.len(), || read(text, Limits::ONE)) else {
        return;
    };
    for element in root.walk() {
        assert!(!element.name().is_empty());
        element.attributes().chain([element.text()]).for_each(check);
    }
    let items = bounded(text.len(), || {
        read_items(text, root.name(), Limits::LIST, &mut |_| Ok(()))
    });
    let surroundings = items.expect("a whole document is a list of itself");
    assert!(surroundings.root_is_item && surroundings.items == 1);
});

/// The writer's ways to write a text, and what is read of them. What a reference alone can
/// stand for is read, and never written.
fn check(text: &str) {
    let by_reference = |letter| letter < ' ' && !matches!(letter, '\t' | '\n' | '\r');
    assert!(!text.contains('\0') && is_xml_text(&text.replace(by_reference, "")));
    if text.contains(by_reference) {
        assert!(written(text).is_err());
        return;
    }
    let again = read(&written(text).expect("text of XML"), Limits::ONE).expect("our own XML");
    assert_eq!(again.attribute("b"), Some(text));
    for name in ["c", "d"] {
        assert_eq!(again.child(name).map(Element::text), Some(text));
    }
}

fn written(text: &str) -> Result<String, viis_operator::viis::xml::NotXml> {
    let mut xml = Writer::new();
    xml.open_with("a", "b", text)?;
    xml.element("c", text)?;
    xml.cdata("d", text)?;
    xml.close("a");
    Ok(xml.finish())
}
