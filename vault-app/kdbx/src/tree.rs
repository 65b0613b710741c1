//! The document as it is kept: elements, attributes, text and comments in their order.
//!
//! Normal form, which reading makes and writing keeps: no two texts side by side, no empty text, and no text of white
//! space alone beside elements. Text is plain here also where the file protects it; the attribute `Protected` says so.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;
use ipc_proto_types::Secret;
use subtle::ConstantTimeEq;

/// Text of a document. All of it may be secret, so it is wiped when dropped and never printed.
#[derive(Clone)]
pub struct Text(Secret<String>);

impl Text {
    /// Takes a text into custody.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Empty, with room for so many bytes.
    pub(crate) fn with_room(len: usize) -> Self {
        Self::new(String::with_capacity(len))
    }

    /// Appends a character, for which there is room.
    pub(crate) fn push(&mut self, letter: char) {
        self.0.expose_mut().push(letter);
    }

    /// Appends. When it must move it doubles its room and wipes the old one, so many small pieces cost no more than one.
    pub(crate) fn push_str(&mut self, more: &str) {
        let len = self.expose().len() + more.len();
        if len > self.0.expose().capacity() {
            let mut roomy = String::with_capacity(len * 2);
            roomy.push_str(self.expose());
            self.0 = Secret::new(roomy);
        }
        self.0.expose_mut().push_str(more);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Text {}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, prefix included.
    pub name: String,
    /// Its value.
    pub value: Text,
}

/// What an element contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Another element.
    Element(Element),
    /// Text.
    Text(Text),
    /// A comment.
    Comment(Text),
}

impl Node {
    /// The element, if it is one.
    #[must_use]
    pub const fn element(&self) -> Option<&Element> {
        match self {
            Self::Element(element) => Some(element),
            _ => None,
        }
    }

    const fn element_mut(&mut self) -> Option<&mut Element> {
        match self {
            Self::Element(element) => Some(element),
            _ => None,
        }
    }
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name, prefix included.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// What is in it.
    pub children: Vec<Node>,
}

/// A document: its root, and the comments around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Comments before the root.
    pub before: Vec<Text>,
    /// The root.
    pub root: Element,
    /// Comments after the root.
    pub after: Vec<Text>,
}

impl Element {
    /// An element with nothing in it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), attributes: Vec::new(), children: Vec::new() }
    }

    /// An element with a text in it.
    #[must_use]
    pub fn with_text(name: &str, text: &str) -> Self {
        let mut element = Self::new(name);
        element.set_text(text);
        element
    }

    /// This element with another one appended.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// The elements in it, in order.
    pub fn elements(&self) -> impl DoubleEndedIterator<Item = &Self> {
        self.children.iter().filter_map(Node::element)
    }

    /// The elements in it, to be changed.
    pub fn elements_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Self> {
        self.children.iter_mut().filter_map(Node::element_mut)
    }

    /// The elements of this name, in order.
    pub fn children_named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Self> {
        self.elements().filter(move |child| child.name == name)
    }

    /// The first element of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|child| child.name == name)
    }

    /// The first element of this name, to be changed.
    #[must_use]
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.elements_mut().find(|child| child.name == name)
    }

    /// The first element of this name, appended if there is none.
    pub fn child_or_new(&mut self, name: &str) -> &mut Self {
        let is_it = |node: &Node| node.element().is_some_and(|element| element.name == name);
        let at = self.children.iter().position(is_it).unwrap_or_else(|| {
            self.children.push(Node::Element(Self::new(name)));
            self.children.len() - 1
        });
        match &mut self.children[at] {
            Node::Element(element) => element,
            _ => unreachable!("this position is an element's"),
        }
    }

    /// Removes the elements for which `is_it` holds; how many they were.
    pub fn remove_elements(&mut self, mut is_it: impl FnMut(&Self) -> bool) -> usize {
        let before = self.children.len();
        self.children.retain(|node| !node.element().is_some_and(&mut is_it));
        before - self.children.len()
    }

    /// The text in it: empty if there is nothing, `None` if there is anything but one text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text.expose()),
            _ => None,
        }
    }

    /// The text in the first element of this name, if that has nothing else.
    #[must_use]
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name)?.text()
    }

    /// Puts a text in place of everything in it.
    pub fn set_text(&mut self, text: &str) {
        self.children =
            if text.is_empty() { Vec::new() } else { Vec::from([Node::Text(Text::new(text.into()))]) };
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.name == name);
        found.map(|attribute| attribute.value.expose())
    }

    /// Sets an attribute in its place, or appends it.
    pub fn set_attribute(&mut self, name: &str, value: &str) {
        let value = Text::new(value.into());
        match self.attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) => attribute.value = value,
            None => self.attributes.push(Attribute { name: name.into(), value }),
        }
    }

    /// Removes an attribute.
    pub fn remove_attribute(&mut self, name: &str) {
        self.attributes.retain(|attribute| attribute.name != name);
    }

    /// Whether the file hides the text of this element behind the inner stream cipher as well.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.attribute(PROTECTED).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// The attribute that says so.
pub(crate) const PROTECTED: &str = "Protected";
