//! One element with what is in it, by local names.

use crate::viis::time::ServerTime;

/// An element that was read. Namespaces are gone: names are local names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of all attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(_, value)| value.as_str())
    }

    /// The attributes by name.
    pub(in crate::viis) fn named_attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The text directly in this element, CDATA included, word for word.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The elements directly in this one.
    pub fn children(&self) -> &[Element] {
        &self.children
    }

    /// The first child with this name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child with this name; `None` when empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name)
            .map(Element::text)
            .filter(|text| !text.is_empty())
    }

    /// Nothing is in it: no text, no attribute, no element.
    pub fn is_bare(&self) -> bool {
        self.children().is_empty()
            && self.text().trim().is_empty()
            && self.named_attributes().next().is_none()
    }

    /// A time in an attribute. One that cannot be read counts as not given:
    /// times only ever narrow a search.
    pub fn time(&self, attribute: &str) -> Option<ServerTime> {
        self.attribute(attribute)?.parse().ok()
    }

    /// This element and all below it, in document order.
    pub fn walk(&self) -> impl Iterator<Item = &Element> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            waiting.extend(next.children.iter().rev());
            Some(next)
        })
    }
}
