//! Why a document is refused. Quotes nothing of it.

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Elements are nested too deeply.
    #[error("the XML is nested too deeply")]
    TooDeep,
    /// There are too many elements.
    #[error("the XML has too many elements")]
    TooManyElements,
    /// An element has too many attributes.
    #[error("the XML has an element with too many attributes")]
    TooManyAttributes,
    /// A text or an attribute's value is too long.
    #[error("the XML has a text that is too long")]
    TextTooLong,
    /// It has a document type, which may define entities.
    #[error("the XML has a document type declaration, which is refused")]
    DocumentType,
    /// It uses an entity that XML does not define.
    #[error("the XML uses an unknown entity")]
    UnknownEntity,
    /// It holds a character that XML 1.0 does not allow.
    #[error("the XML holds a character that XML does not allow")]
    InvalidCharacter,
    /// There is no element at all.
    #[error("the text is no XML: it has no element")]
    NoRoot,
    /// There is a second root element.
    #[error("the XML has a second root element")]
    SecondRoot,
    /// There is text before or after the root element.
    #[error("the XML has text outside its root element")]
    TextOutsideRoot,
    /// It ends within an element.
    #[error("the XML ends within an element: it was cut")]
    Unclosed,
    /// Its syntax is wrong.
    #[error("the XML is malformed near byte {0}")]
    Malformed(u64),
    /// What is around the items may say that they are not all. The sentence quotes nothing.
    #[error("{0}")]
    NotWhole(&'static str),
    /// An item cannot be used. The sentence quotes nothing.
    #[error("{0}")]
    Item(&'static str),
}
