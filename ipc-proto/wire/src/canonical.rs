//! The canonical text of a service, whose SHA-256 is the schema id.
//!
//! Everything that gives a message its meaning is in it: names, kinds, bounds, secret marks. The version is not, so a
//! changed schema under an old version shows. Two services have the same text only when they are the same.
//! Source: `ipc-proto/spec/schema-table.md`.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time, where a panic is a build error"
)]

use ipc_proto_types::SchemaId;

use crate::service::{Method, MethodKind};
use crate::sha256::sha256;
use crate::shape::{Fields, Shape};

/// Longest canonical text in bytes.
pub const CANONICAL_MAX: usize = 16384;

/// The canonical text of a service.
#[derive(Debug, Clone)]
pub struct Canonical {
    bytes: [u8; CANONICAL_MAX],
    length: usize,
}

impl Canonical {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("")
    }

    /// The schema id of the text.
    #[must_use]
    pub const fn id(&self) -> SchemaId {
        id_of(&self.bytes, self.length)
    }

    const fn push(&mut self, text: &str) {
        assert!(
            text.is_ascii(),
            "names in a service are ASCII: whoever shows them may cut the text anywhere"
        );
        let text = text.as_bytes();
        assert!(
            self.length + text.len() <= CANONICAL_MAX,
            "the schema of this service is too long to describe"
        );
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
    }

    const fn number(&mut self, number: u32) {
        if number >= 10 {
            self.number(number / 10);
        }
        let digit = b"0123456789".split_at((number % 10) as usize).1.split_at(1).0;
        if let Ok(digit) = core::str::from_utf8(digit) {
            self.push(digit);
        }
    }

    const fn bounded(&mut self, name: &str, max: u32) {
        self.push(name);
        self.push("<");
        self.number(max);
        self.push(">");
    }

    const fn shapes(&mut self, shapes: &[&Shape]) {
        let mut at = 0;
        while at < shapes.len() {
            if at > 0 {
                self.push(", ");
            }
            self.shape(shapes[at]);
            at += 1;
        }
    }

    const fn fields(&mut self, fields: &Fields, open: &str, close: &str) {
        match *fields {
            Fields::Unit => {}
            Fields::Unnamed(shapes) => {
                self.push("(");
                self.shapes(shapes);
                self.push(")");
            }
            Fields::Named(fields) => {
                self.push(open);
                let mut at = 0;
                while at < fields.len() {
                    if at > 0 {
                        self.push(", ");
                    }
                    self.push(fields[at].name);
                    self.push(": ");
                    self.shape(fields[at].shape);
                    at += 1;
                }
                self.push(close);
            }
        }
    }

    const fn shape(&mut self, shape: &Shape) {
        match *shape {
            Shape::Unit => self.push("()"),
            Shape::Bool => self.push("bool"),
            Shape::U8 => self.push("u8"),
            Shape::I8 => self.push("i8"),
            Shape::U16 => self.push("u16"),
            Shape::U32 => self.push("u32"),
            Shape::U64 => self.push("u64"),
            Shape::I16 => self.push("i16"),
            Shape::I32 => self.push("i32"),
            Shape::I64 => self.push("i64"),
            Shape::Text(max) => self.bounded("text", max),
            Shape::Bytes(max) => self.bounded("bytes", max),
            Shape::List(item, max) => {
                self.push("list<");
                self.shape(item);
                self.push(", ");
                self.number(max);
                self.push(">");
            }
            Shape::Array(item, length) => {
                self.push("[");
                self.shape(item);
                self.push("; ");
                self.number(length);
                self.push("]");
            }
            Shape::Option(value) => self.wrapped("option<", &[value], ">"),
            Shape::Result(value, error) => self.wrapped("result<", &[value, error], ">"),
            Shape::Tuple(items) => self.wrapped("(", items, ")"),
            Shape::Struct(name, ref fields) => {
                self.push("struct ");
                self.push(name);
                self.fields(fields, " { ", " }");
            }
            Shape::Enum(name, variants) => {
                self.push("enum ");
                self.push(name);
                self.push(" { ");
                let mut at = 0;
                while at < variants.len() {
                    if at > 0 {
                        self.push(", ");
                    }
                    self.push(variants[at].name);
                    self.fields(&variants[at].fields, " { ", " }");
                    at += 1;
                }
                self.push(" }");
            }
            Shape::Secret(value) => self.wrapped("secret<", &[value], ">"),
        }
    }

    const fn wrapped(&mut self, open: &str, shapes: &[&Shape], close: &str) {
        self.push(open);
        self.shapes(shapes);
        self.push(close);
    }
}

/// The schema id of a canonical text, for whoever has the text alone.
#[must_use]
pub const fn schema_id(text: &str) -> SchemaId {
    id_of(text.as_bytes(), text.len())
}

const fn id_of(bytes: &[u8], length: usize) -> SchemaId {
    let digest = sha256(bytes, length);
    let mut id = [0; 16];
    let mut at = 0;
    while at < 16 {
        id[at] = digest[at];
        at += 1;
    }
    SchemaId(id)
}

/// Writes the canonical text of a service.
///
/// # Panics
/// At compile time, when the text is longer than 16 KiB or a name in it is not ASCII.
#[must_use]
pub const fn canonical(name: &str, methods: &[Method]) -> Canonical {
    let mut text = Canonical { bytes: [0; CANONICAL_MAX], length: 0 };
    text.push("service ");
    text.push(name);
    text.push("\n");
    let mut at = 0;
    while at < methods.len() {
        let method = &methods[at];
        text.push(match method.kind {
            MethodKind::Call => "call ",
            MethodKind::Oneway => "oneway ",
            MethodKind::Event => "event ",
        });
        text.push(method.name);
        if let Shape::Struct(_, ref fields) = *method.request {
            text.fields(fields, "(", ")");
        }
        if let MethodKind::Call = method.kind {
            text.push(" -> ");
            text.shape(method.reply);
        }
        text.push("\n");
        at += 1;
    }
    text
}
