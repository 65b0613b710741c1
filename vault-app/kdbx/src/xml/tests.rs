//! What is read, what is refused, and the limits.

use std::format;
use std::string::{String, ToString};

use super::{Reading, read, written_len};
use crate::bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NAME_MAX, XML_NODES_MAX};
use crate::error::{KdbxError, XmlError};
use crate::tree::{Document, Element, Node};

/// The text of the root of a document.
fn text(document: &str) -> Result<String, XmlError> {
    read(document.as_bytes()).map(|document| document.root.text().unwrap_or("(mixed)").to_string())
}

#[test]
fn text_is_read_as_xml_says() {
    let check =
        |document: &str, expected: &str| assert_eq!(text(document).as_deref(), Ok(expected), "{document}");
    check("<a/>", "");
    check("<a></a>", "");
    check("<a> </a>", " ");
    check("\u{feff}<a>x</a>", "x");
    check("<?xml version='1.0' encoding='UTF-8'?>\n<a>x</a>\n", "x");
    check("<?xml version=\"1.0\"?><a>x</a>", "x");
    check("<a>&lt;&gt;&amp;&quot;&apos;</a>", "<>&\"'");
    check("<a>&#65;&#x42;&#x1F511;&#13;</a>", "AB\u{1f511}\r");
    check("<a>one\r\ntwo\rthree\n</a>", "one\ntwo\nthree\n");
    check("<a>x<![CDATA[<b>&amp;</b>]]>y</a>", "x<b>&amp;</b>y");
    check("<a><![CDATA[]]></a>", "");
    check("<a>x<!-- c -->y</a>", "(mixed)");
    check("<a>x<b/></a>", "(mixed)");
}

#[test]
fn attributes_are_read_as_xml_says() {
    let document = read(b"<a b='&lt;x\ty\r\nz\"' c:d=\"'&#10;\"/>").unwrap();
    assert_eq!(document.root.attribute("b"), Some("<x y z\""));
    assert_eq!(document.root.attribute("c:d"), Some("'\n"));
}

#[test]
fn layout_goes_and_everything_else_stays_in_order() {
    let document = read(b"<!--1--> <a>\n\t<b/> <!--2-->\n<b>x</b>\n</a>\n<!--3-->").unwrap();
    assert_eq!((document.before.len(), document.after.len()), (1, 1));
    let kind = |node: &Node| match node {
        Node::Element(_) => 'e',
        Node::Text(_) => 't',
        Node::Comment(_) => 'c',
    };
    let kinds: String = document.root.children.iter().map(kind).collect();
    assert_eq!(kinds, "ece");
    let mixed = read(b"<a> <b/> x <b/> </a>").unwrap();
    assert_eq!(mixed.root.children.len(), 5);
}

#[test]
fn what_is_not_our_xml_is_refused_by_name() {
    let check = |document: &str, error| assert_eq!(text(document), Err(error), "{document}");
    check("", XmlError::Malformed);
    check("x", XmlError::Malformed);
    check("<!-- only -->", XmlError::Malformed);
    check("<a>", XmlError::Unbalanced);
    check("<a><b></a>", XmlError::Unbalanced);
    check("<a></b>", XmlError::Unbalanced);
    check("<x:a></a>", XmlError::Unbalanced);
    check("<a/><b/>", XmlError::Malformed);
    check("<a/>x", XmlError::Malformed);
    check("<a", XmlError::Unbalanced);
    check("<a b='c'<d/>", XmlError::Malformed);
    check("<a>]]></a>", XmlError::Malformed);
    check("<a b='<'/>", XmlError::Malformed);
    check("<a b=c/>", XmlError::Malformed);
    check("<a b='1' b='2'/>", XmlError::Attributes);
    check("<a>&nbsp;</a>", XmlError::Entity);
    check("<a>&</a>", XmlError::Entity);
    check("<a>&amp</a>", XmlError::Entity);
    check("<a>&#+65;</a>", XmlError::Entity);
    check("<a>&#x;</a>", XmlError::Entity);
    check("<a>&#99999999999999999999;</a>", XmlError::Entity);
    check("<a>&#0;</a>", XmlError::Character);
    check("<a>&#xD800;</a>", XmlError::Character);
    check("<a>&#xFFFE;</a>", XmlError::Character);
    check("<a>&#x110000;</a>", XmlError::Character);
    check("<a><?x y?></a>", XmlError::Instruction);
    check("<?x y?><a/>", XmlError::Instruction);
    check("<!DOCTYPE a><a/>", XmlError::Dtd);
    check("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", XmlError::Dtd);
    check("<?xml version='1.0' encoding='latin1'?><a/>", XmlError::Encoding);
    check("<a:b:c/>", XmlError::Malformed);
    assert!(text("<a>\u{1}</a>").is_err());
    assert_eq!(read(b"<a>\xff</a>"), Err(XmlError::Encoding));
}

#[test]
fn every_truncation_of_a_document_is_refused() {
    let whole = "<?xml version=\"1.0\"?><a b=\"c\"><!-- d --><e>&amp;<![CDATA[f]]></e></a>";
    assert!(read(whole.as_bytes()).is_ok());
    for len in 0..whole.len() {
        assert!(read(&whole.as_bytes()[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn limits_hold_on_reading() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(read(nested(XML_DEPTH_MAX).as_bytes()).is_ok());
    assert_eq!(read(nested(XML_DEPTH_MAX + 1).as_bytes()), Err(XmlError::TooDeep));
    assert_eq!(read("<a>".repeat(1_000_000).as_bytes()), Err(XmlError::TooDeep));

    let wide = |nodes: usize| format!("<a>{}</a>", "<b/>".repeat(nodes - 1));
    assert!(read(wide(XML_NODES_MAX).as_bytes()).is_ok());
    assert_eq!(read(wide(XML_NODES_MAX + 1).as_bytes()), Err(XmlError::TooMany));
    let comments = format!("{}<a/>", "<!---->".repeat(XML_NODES_MAX));
    assert_eq!(read(comments.as_bytes()), Err(XmlError::TooMany));

    let attributes = |count: usize| {
        let all: String = (0..count).map(|at| format!(" a{at}=''")).collect();
        format!("<a{all}/>")
    };
    assert!(read(attributes(XML_ATTRIBUTES_MAX).as_bytes()).is_ok());
    assert_eq!(read(attributes(XML_ATTRIBUTES_MAX + 1).as_bytes()), Err(XmlError::Attributes));

    let named = |len: usize| format!("<{}/>", "a".repeat(len));
    assert!(read(named(XML_NAME_MAX - 1).as_bytes()).is_ok());
    assert_eq!(read(named(XML_NAME_MAX + 1).as_bytes()), Err(XmlError::Name));
}

/// Small pieces of text must not cost their square: this would copy for hours.
#[test]
fn many_pieces_of_text_are_joined_in_time() {
    let document = format!("<a>{}</a>", "<![CDATA[x]]>".repeat(2_000_000));
    assert_eq!(text(&document).map(|text| text.len()), Ok(2_000_000));
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let check = |root: Element, error: XmlError| {
        let document = Document { before: [].into(), root, after: [].into() };
        assert_eq!(written_len(&document, &|_, _| Ok(())), Err(KdbxError::Xml(error)));
    };
    for name in ["", "a b", "1a", "a:b:c", ":a", "a:", "a>", &"a".repeat(XML_NAME_MAX + 1)] {
        check(Element::new(name), XmlError::Name);
        let mut element = Element::new("a");
        element.set_attribute(name, "");
        check(element, XmlError::Name);
    }
    check(Element::with_text("a", "\0"), XmlError::Character);
    check(Element::with_text("a", "\u{ffff}"), XmlError::Character);
    let mut element = Element::new("a");
    element.set_attribute("b", "\u{1b}");
    check(element, XmlError::Character);
    for comment in ["a--b", "a-", "\r"] {
        let mut element = Element::new("a");
        element.children.push(Node::Comment(crate::Text::new(comment.into())));
        check(element, XmlError::Comment);
    }
    let mut deep = Element::new("a");
    for _ in 0..XML_DEPTH_MAX {
        deep = Element::new("a").with(deep);
    }
    check(deep, XmlError::TooDeep);
    let mut doubled = Element::new("a");
    doubled.set_attribute("b", "");
    doubled.attributes.push(doubled.attributes[0].clone());
    check(doubled, XmlError::Attributes);
}

/// Reads a document in which values may be protected.
fn revealed(document: &str) -> Result<Document, KdbxError> {
    let mut stream = crate::inner::InnerStream::chacha20(b"key");
    let reveal = &mut |element: &mut Element| super::reveal(element, &mut stream);
    Reading { nodes_max: XML_NODES_MAX, reveal, visit: None }.read(document.as_bytes())
}

#[test]
fn a_protected_value_must_be_text_and_plainly_so() {
    let check = |root: &str| {
        let document = read(root.as_bytes()).unwrap();
        assert_eq!(written_len(&document, &|_, _| Ok(())), Err(KdbxError::ProtectedValue), "{root}");
        assert_eq!(revealed(root), Err(KdbxError::ProtectedValue));
    };
    check("<a Protected='True'><b/></a>");
    check("<a Protected='True'>x<!--c--></a>");
    check("<a Protected='yes'/>");
    check("<a Protected=''>x</a>");
    check("<a><b><c Protected='1'/></b></a>");
    assert_eq!(revealed("<a Protected='True'>not base64</a>"), Err(KdbxError::ProtectedValue));
}
