//! From tree to text. What [`super::read`] would refuse is refused here, so what was written can be read.

use base64ct::{Base64, Encoding};
use xmlparser::XmlCharExt;
use zeroize::Zeroizing;

use crate::bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NODES_MAX};
use crate::edit::GROUP;
use crate::error::{KdbxError, XmlError};
use crate::inner::InnerStream;
use crate::key::SecretBytes;
use crate::tree::{Document, Element, Node, PROTECTED};
use crate::value::Uuid;
use crate::xml::read::is_name;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n";

/// What becomes of protected values.
enum Protect<'a> {
    /// They are encrypted with this stream.
    With(&'a mut InnerStream),
    /// Only the length counts, which encryption does not change.
    Measure,
}

/// What is written at the end of a group without having been there: called with the group's identifier, it puts elements.
pub type Fill<'a> = &'a dyn Fn(Uuid, Put<'_>) -> Result<(), KdbxError>;
/// Takes an element.
pub type Put<'a> = &'a mut dyn FnMut(&Element) -> Result<(), KdbxError>;

/// Appends the document to `out`.
pub(crate) fn write(
    out: &mut SecretBytes,
    document: &Document,
    fill: Fill<'_>,
    stream: &mut InnerStream,
) -> Result<(), KdbxError> {
    run(document, fill, Protect::With(stream), &mut |bytes| out.extend_from_slice(bytes))
}

/// How many bytes [`write`] appends.
pub(crate) fn written_len(document: &Document, fill: Fill<'_>) -> Result<usize, KdbxError> {
    let mut len = 0;
    run(document, fill, Protect::Measure, &mut |bytes| len += bytes.len())?;
    Ok(len)
}

type Sink<'a> = &'a mut dyn FnMut(&[u8]);

fn run(document: &Document, fill: Fill<'_>, protect: Protect<'_>, sink: Sink<'_>) -> Result<(), KdbxError> {
    let mut writer = Writer { sink, fill, protect, nodes: 0 };
    writer.put(DECLARATION);
    for comment in &document.before {
        writer.comment(comment.expose())?;
    }
    writer.element(&document.root, 0)?;
    for comment in &document.after {
        writer.comment(comment.expose())?;
    }
    Ok(())
}

struct Writer<'a> {
    sink: Sink<'a>,
    fill: Fill<'a>,
    protect: Protect<'a>,
    nodes: usize,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        (self.sink)(text.as_bytes());
    }

    fn count(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        if self.nodes > XML_NODES_MAX { Err(XmlError::TooMany) } else { Ok(()) }
    }

    /// `depth` is how many elements are open around it.
    fn element(&mut self, element: &Element, depth: usize) -> Result<(), KdbxError> {
        self.count()?;
        if depth == XML_DEPTH_MAX {
            return Err(XmlError::TooDeep.into());
        }
        if !is_name(&element.name) {
            return Err(XmlError::Name.into());
        }
        self.put("<");
        self.put(&element.name);
        self.attributes(element)?;
        let protected = is_protected(element)?;
        if element.children.is_empty() {
            self.put("/>");
            return Ok(());
        }
        self.put(">");
        if protected {
            self.protected(element)?;
        } else {
            for child in &element.children {
                match child {
                    Node::Element(child) => self.element(child, depth + 1)?,
                    Node::Text(text) => self.escaped(text.expose(), escape_text)?,
                    Node::Comment(text) => self.comment(text.expose())?,
                }
            }
            self.filled(element, depth)?;
        }
        self.put("</");
        self.put(&element.name);
        self.put(">");
        Ok(())
    }

    /// What a group is filled with.
    fn filled(&mut self, element: &Element, depth: usize) -> Result<(), KdbxError> {
        if element.name != GROUP {
            return Ok(());
        }
        let Some(uuid) = element.child_text("UUID").and_then(Uuid::from_text) else { return Ok(()) };
        (self.fill)(uuid, &mut |more| self.element(more, depth + 1))
    }

    fn attributes(&mut self, element: &Element) -> Result<(), XmlError> {
        if element.attributes.len() > XML_ATTRIBUTES_MAX {
            return Err(XmlError::Attributes);
        }
        for (at, attribute) in element.attributes.iter().enumerate() {
            if element.attributes.iter().take(at).any(|other| other.name == attribute.name) {
                return Err(XmlError::Attributes);
            }
            if !is_name(&attribute.name) {
                return Err(XmlError::Name);
            }
            self.put(" ");
            self.put(&attribute.name);
            self.put("=\"");
            self.escaped(attribute.value.expose(), escape_attribute)?;
            self.put("\"");
        }
        Ok(())
    }

    fn protected(&mut self, element: &Element) -> Result<(), KdbxError> {
        let mut text = Zeroizing::new(element.text().ok_or(KdbxError::ProtectedValue)?.as_bytes().to_vec());
        if let Protect::With(stream) = &mut self.protect {
            stream.apply(&mut text)?;
        }
        self.put(&Base64::encode_string(&text));
        Ok(())
    }

    /// Writes `text`, replacing the characters that `escape` has something for.
    fn escaped(&mut self, text: &str, escape: fn(char) -> Option<&'static str>) -> Result<(), XmlError> {
        if !text.chars().all(|letter| letter.is_xml_char()) {
            return Err(XmlError::Character);
        }
        let mut rest = text;
        while let Some(at) = rest.find(|letter| escape(letter).is_some()) {
            let (plain, special) = rest.split_at(at);
            self.put(plain);
            let mut letters = special.chars();
            self.put(letters.next().and_then(escape).unwrap_or_default());
            rest = letters.as_str();
        }
        self.put(rest);
        Ok(())
    }

    fn comment(&mut self, text: &str) -> Result<(), XmlError> {
        self.count()?;
        if text.contains("--") || text.ends_with('-') || text.contains('\r') {
            return Err(XmlError::Comment);
        }
        if !text.chars().all(|letter| letter.is_xml_char()) {
            return Err(XmlError::Character);
        }
        self.put("<!--");
        self.put(text);
        self.put("-->");
        Ok(())
    }
}

/// A bare carriage return would be read as a line feed.
const fn escape_text(letter: char) -> Option<&'static str> {
    match letter {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#13;"),
        _ => None,
    }
}

/// White space other than a blank would be read as a blank.
const fn escape_attribute(letter: char) -> Option<&'static str> {
    match letter {
        '"' => Some("&quot;"),
        '\n' => Some("&#10;"),
        '\t' => Some("&#9;"),
        _ => escape_text(letter),
    }
}

/// Any other value of the attribute is refused: another reader might take it for either, and lose the place in the key
/// stream.
fn is_protected(element: &Element) -> Result<bool, KdbxError> {
    match element.attribute(PROTECTED) {
        Some(value) if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") => {
            Err(KdbxError::ProtectedValue)
        }
        _ => Ok(element.is_protected()),
    }
}

/// Decrypts the element if it is protected. To be called of all elements in the order in which they end.
pub(crate) fn reveal(element: &mut Element, stream: &mut InnerStream) -> Result<(), KdbxError> {
    if is_protected(element)? { reveal_text(element, stream) } else { Ok(()) }
}

fn reveal_text(element: &mut Element, stream: &mut InnerStream) -> Result<(), KdbxError> {
    let hidden = element.text().ok_or(KdbxError::ProtectedValue)?;
    let mut bytes = Zeroizing::new(alloc::vec![0; hidden.len()]);
    let len = Base64::decode(hidden, &mut bytes).map_err(|_| KdbxError::ProtectedValue)?.len();
    let bytes = bytes.get_mut(..len).ok_or(KdbxError::ProtectedValue)?;
    stream.apply(bytes)?;
    let text = core::str::from_utf8(bytes).map_err(|_| KdbxError::ProtectedValue)?;
    element.set_text(text);
    Ok(())
}
