//! Reads XML that somebody else wrote: with limits, one root, balanced, and
//! without document types and entities of its own.
//!
//! The parser below it accepts cut documents, two roots, any depth and any
//! size, so all of that is checked here. Errors never quote the document.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::element::Element;
use super::error::XmlError;
use super::is_xml_text;
use super::markup::{read_start, resolve};

/// How much of a document is read before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Elements within elements.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Elements of one item (of the whole, when it is read as one).
    pub item_elements: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Bytes of text directly in one element, and of one attribute's value.
    pub text: usize,
}

impl Limits {
    /// For an answer about one thing.
    pub const ONE: Limits = Limits {
        depth: 64,
        elements: 100_000,
        item_elements: 100_000,
        attributes: 64,
        text: 1 << 20,
    };

    /// For a list.
    pub const LIST: Limits = Limits {
        depth: 64,
        elements: 2_000_000,
        item_elements: 10_000,
        attributes: 64,
        text: 1 << 20,
    };
}

/// What stands around the items of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The root element's local name.
    pub root: String,
    /// How many items there were.
    pub items: usize,
    /// Whether the root itself is an item.
    pub root_is_item: bool,
    /// Names and values of what stands outside the items: attributes, and elements
    /// with a text. The first [`REMARKS`] of them.
    pub remarks: Vec<(String, String)>,
}

/// So many remarks around the items are kept, each with so many bytes.
const REMARKS: usize = 64;
const REMARK_LENGTH: usize = 64;

impl Surroundings {
    fn remark(&mut self, name: &str, value: &str) {
        let value = value.trim();
        let short = !value.is_empty() && name.len().max(value.len()) <= REMARK_LENGTH;
        if short && self.remarks.len() < REMARKS {
            self.remarks.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// Reads a whole document.
///
/// # Errors
/// The document is not well-formed, or exceeds a limit.
pub fn read(text: &str, limits: Limits) -> Result<Element, XmlError> {
    let mut root = None;
    walk(text, limits, &|_| true, &mut |element| {
        root = Some(element);
        Ok(())
    })?;
    root.ok_or(XmlError::NoRoot)
}

/// Reads a list: every outermost element with this local name is handed over
/// as soon as it is complete. What was handed over counts only when the whole
/// document turns out well.
///
/// # Errors
/// The document is not well-formed, exceeds a limit, or `visit` refused an item.
pub fn read_items(
    text: &str,
    item: &str,
    limits: Limits,
    visit: &mut dyn FnMut(Element) -> Result<(), &'static str>,
) -> Result<Surroundings, XmlError> {
    walk(text, limits, &|name| name == item, visit)
}

type IsItem<'a> = &'a dyn Fn(&str) -> bool;
type Visit<'a> = &'a mut dyn FnMut(Element) -> Result<(), &'static str>;

fn walk(
    text: &str,
    limits: Limits,
    is_item: IsItem<'_>,
    visit: Visit<'_>,
) -> Result<Surroundings, XmlError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if !is_xml_text(text) {
        return Err(XmlError::InvalidCharacter);
    }
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::new(limits, is_item, visit);
    loop {
        let at = reader.buffer_position();
        match reader.read_event() {
            Err(_) => return Err(XmlError::Malformed(at)),
            Ok(Event::Eof) => return walk.finish(),
            Ok(Event::Start(start)) => walk.open(&start, at)?,
            Ok(Event::Empty(start)) => {
                walk.open(&start, at)?;
                walk.close()?;
            }
            Ok(Event::End(_)) => walk.close()?,
            Ok(Event::Text(event)) => walk.text(&event.xml10_content())?,
            Ok(Event::CData(event)) => walk.cdata(&event.xml10_content())?,
            Ok(Event::GeneralRef(event)) => {
                let letter = resolve(&event.into_inner())?;
                walk.characters(letter.encode_utf8(&mut [0; 4]))?;
            }
            Ok(Event::DocType(_)) => return Err(XmlError::DocumentType),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
        }
    }
}

/// An element that is not closed yet.
enum Open {
    Outside(Outside),
    Inside(Inside),
}

/// An element outside the items: of its text, the beginning is kept.
struct Outside {
    name: String,
    text: String,
    length: usize,
}

/// An element of an item. Blanks around a CDATA section come from whoever indented
/// the document: they are no part of the text.
struct Inside {
    element: Element,
    /// There is a CDATA section.
    cdata: bool,
    /// How much of the text counts, whatever comes.
    counts: usize,
}

struct Walk<'a> {
    limits: Limits,
    is_item: IsItem<'a>,
    visit: Visit<'a>,
    open: Vec<Open>,
    elements: usize,
    item_elements: usize,
    surroundings: Option<Surroundings>,
}

impl<'a> Walk<'a> {
    fn new(limits: Limits, is_item: IsItem<'a>, visit: Visit<'a>) -> Self {
        Self {
            limits,
            is_item,
            visit,
            open: Vec::new(),
            elements: 0,
            item_elements: 0,
            surroundings: None,
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, at: u64) -> Result<(), XmlError> {
        if self.open.is_empty() && self.surroundings.is_some() {
            return Err(XmlError::SecondRoot);
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::TooDeep);
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(XmlError::TooManyElements);
        }
        let element = read_start(start, &self.limits, at)?;
        let inside = matches!(self.open.last(), Some(Open::Inside(_)));
        let item = !inside && (self.is_item)(&element.name);
        let surroundings = self.surroundings.get_or_insert_with(|| Surroundings {
            root: element.name.clone(),
            root_is_item: item,
            ..Surroundings::default()
        });
        if !inside && !item {
            for (name, value) in &element.attributes {
                surroundings.remark(name, value);
            }
            self.open.push(Open::Outside(Outside {
                name: element.name,
                text: String::new(),
                length: 0,
            }));
            return Ok(());
        }
        self.item_elements = if item { 1 } else { self.item_elements + 1 };
        if self.item_elements > self.limits.item_elements {
            return Err(XmlError::TooManyElements);
        }
        self.open.push(Open::Inside(Inside {
            element,
            cdata: false,
            counts: 0,
        }));
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlError> {
        match (self.open.pop(), self.open.last_mut()) {
            (Some(Open::Inside(inside)), Some(Open::Inside(parent))) => {
                parent.element.children.push(inside.finish());
            }
            (Some(Open::Inside(inside)), Some(Open::Outside(_)) | None) => {
                if let Some(surroundings) = &mut self.surroundings {
                    surroundings.items += 1;
                }
                (self.visit)(inside.finish()).map_err(XmlError::Item)?;
            }
            (Some(Open::Outside(outside)), _) => {
                if let Some(surroundings) = &mut self.surroundings {
                    surroundings.remark(&outside.name, &outside.text);
                }
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// Text that may be blank between elements, or beside a CDATA section.
    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        let blank = text.bytes().all(|byte| b" \t\r\n".contains(&byte));
        if !blank {
            return self.characters(text);
        }
        let Some(Open::Inside(inside)) = self.open.last() else {
            return Ok(());
        };
        let counts = inside.counts;
        self.characters(text)?;
        if let Some(Open::Inside(inside)) = self.open.last_mut() {
            inside.counts = counts;
        }
        Ok(())
    }

    fn cdata(&mut self, text: &str) -> Result<(), XmlError> {
        if let Some(Open::Inside(inside)) = self.open.last_mut() {
            if inside.counts == 0 {
                inside.element.text.clear();
            }
            inside.cdata = true;
        }
        self.characters(text)
    }

    /// Text that counts.
    fn characters(&mut self, text: &str) -> Result<(), XmlError> {
        let length = match self.open.last_mut() {
            None => return Err(XmlError::TextOutsideRoot),
            Some(Open::Outside(outside)) => {
                // One byte more than is kept, so that a cut text is none.
                let room = (REMARK_LENGTH + 1).saturating_sub(outside.text.len());
                outside.text.extend(text.chars().take(room));
                outside.length += text.len();
                outside.length
            }
            Some(Open::Inside(inside)) => {
                inside.element.text.push_str(text);
                inside.counts = inside.element.text.len();
                inside.counts
            }
        };
        if length > self.limits.text {
            return Err(XmlError::TextTooLong);
        }
        Ok(())
    }

    fn finish(self) -> Result<Surroundings, XmlError> {
        if !self.open.is_empty() {
            return Err(XmlError::Unclosed);
        }
        self.surroundings.ok_or(XmlError::NoRoot)
    }
}

impl Inside {
    fn finish(mut self) -> Element {
        if self.cdata {
            self.element.text.truncate(self.counts);
        }
        self.element
    }
}
