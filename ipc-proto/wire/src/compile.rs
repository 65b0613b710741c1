//! From shapes to a table: runs at compile time, so it may recurse and assert.
//!
//! Every assertion here is a rule of the strict profile; the build of the crate that breaks it fails with the text of
//! the assertion.
//! Source: `ipc-proto/spec/schema-table.md`.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "runs at compile time, where a panic is a build error; counts are asserted to be small"
)]

use ipc_proto_types::{Kind, MAX_METHODS, MESSAGE_MAX, QubeName};

use crate::op::{self, Entry, Op};
use crate::service::{Method, MethodKind};
use crate::shape::{Fields, Shape};

/// A table in the making, and the sizes found on the way.
#[derive(Debug, Clone)]
pub struct Compiled {
    words: [u64; op::WORDS_MAX],
    count: usize,
    /// Longest body the client sends.
    pub request_max: u32,
    /// Longest body the server sends.
    pub reply_max: u32,
    /// The longer of the two.
    pub message_max: u32,
}

/// Compiles the table of a service.
///
/// # Panics
/// At compile time, when the service breaks a rule of the strict profile or is too large.
#[must_use]
pub const fn compile(name: &str, methods: &[Method]) -> Compiled {
    assert!(QubeName::new(name).is_ok(), "a service name is 1 to 16 bytes of [a-z][a-z0-9-]*");
    assert!(!methods.is_empty(), "a service has at least one method");
    assert!(methods.len() <= MAX_METHODS, "a service has at most 32 methods");
    // An error code is one byte from the server; hence 1.
    let mut table =
        Compiled { words: [0; op::WORDS_MAX], count: 0, request_max: 0, reply_max: 1, message_max: 1 };
    table.push(Op(op::MAGIC | (methods.len() as u64) << 40));
    table.push(Op(0));
    table.count += 2 * methods.len();
    let first = table.count;
    let mut at = 0;
    while at < methods.len() {
        let method = &methods[at];
        let request = table.program(method.request, first);
        let size = size(method.request);
        let (mut client, mut server) = (Entry::NONE, Entry::NONE);
        match method.kind {
            MethodKind::Call => {
                let reply = table.program(method.reply, first);
                table.request_max = larger(table.request_max, size);
                table.reply_max = larger(table.reply_max, self::size(method.reply));
                client = client.with(Kind::Call, request);
                server = server.with(Kind::Reply, reply).with(Kind::Error, table.error_program(first));
            }
            MethodKind::Oneway => {
                table.request_max = larger(table.request_max, size);
                client = client.with(Kind::Event, request);
            }
            MethodKind::Event => {
                table.reply_max = larger(table.reply_max, size);
                server = server.with(Kind::Event, request);
            }
        }
        table.words[op::HEADER_WORDS + 2 * at] = client.0;
        table.words[op::HEADER_WORDS + 2 * at + 1] = server.0;
        at += 1;
    }
    table.message_max = larger(table.request_max, table.reply_max);
    table.words[1] = table.count as u64 | (table.message_max as u64) << 32;
    table
}

/// The bytes of a table of `N` bytes.
#[must_use]
pub const fn cut<const N: usize>(table: &Compiled) -> [u8; N] {
    assert!(N == table.size());
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = table.words[at / 8].to_le_bytes()[at % 8];
        at += 1;
    }
    bytes
}

const fn size(shape: &Shape) -> u32 {
    let max = shape.sizes().max;
    assert!(max <= MESSAGE_MAX as u64, "a message of this service can be longer than 64 KiB: lower a bound");
    max as u32
}

const fn larger(a: u32, b: u32) -> u32 {
    if a > b { a } else { b }
}

impl Compiled {
    /// Size of the table in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.count * 8
    }

    /// The words of the table. Its bytes are these, little endian.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        self.words.get(..self.count).unwrap_or_default()
    }

    const fn push(&mut self, word: Op) -> usize {
        assert!(self.count < op::WORDS_MAX, "the table of this service is too large: split the service");
        self.words[self.count] = word.0;
        self.count += 1;
        self.count - 1
    }

    /// Lets the word at `at` go to the next word to come.
    const fn aim(&mut self, at: usize) {
        self.words[at] = Op(self.words[at]).with_ahead((self.count - at - 1) as u16).0;
    }

    /// Ends a program that starts at `start`; gives the first word of an equal one if there is one already.
    const fn finish(&mut self, start: usize, first: usize) -> usize {
        let last = self.count - 1;
        if last >= start && Op(self.words[last]).is_leaf() {
            self.words[last] = Op(self.words[last]).with_ahead(1).0;
        }
        self.push(Op::new(op::END, 0));
        let length = self.count - start;
        let mut earlier = first;
        while earlier + length <= start {
            let mut same = 0;
            while same < length && self.words[earlier + same] == self.words[start + same] {
                same += 1;
            }
            let starts = earlier == first || Op(self.words[earlier - 1]).code() == op::END;
            if same == length && starts {
                self.count = start;
                return earlier;
            }
            earlier += 1;
        }
        start
    }

    /// A program for one body; gives its first word.
    const fn program(&mut self, shape: &Shape, first: usize) -> usize {
        let start = self.count;
        match *shape {
            Shape::Struct(_, Fields::Named(arguments)) => {
                let mut at = 0;
                while at < arguments.len() {
                    self.emit(arguments[at].shape, Place { field: at as u8 + 1, secret: false, depth: 0 });
                    at += 1;
                }
            }
            _ => self.emit(shape, Place { field: 0, secret: false, depth: 0 }),
        }
        self.finish(start, first)
    }

    /// The program for the body of an error frame.
    const fn error_program(&mut self, first: usize) -> usize {
        let start = self.push(Op::new(op::CODE, 0));
        self.finish(start, first)
    }

    const fn leaf(&mut self, code: u8, argument: u32, place: Place) {
        self.push(Op::new(code, argument).with_field(place.field, place.secret));
    }

    const fn emit(&mut self, shape: &Shape, place: Place) {
        match *shape {
            Shape::Unit => {}
            Shape::Bool => self.leaf(op::BOOL, 0, place),
            Shape::U8 => self.leaf(op::BYTE, 0, place),
            Shape::I8 => self.leaf(op::BYTE, op::SIGNED, place),
            Shape::U16 => self.leaf(op::VARINT, 16, place),
            Shape::U32 => self.leaf(op::VARINT, 32, place),
            Shape::U64 => self.leaf(op::VARINT, 64, place),
            Shape::I16 => self.leaf(op::VARINT, 16 | op::SIGNED, place),
            Shape::I32 => self.leaf(op::VARINT, 32 | op::SIGNED, place),
            Shape::I64 => self.leaf(op::VARINT, 64 | op::SIGNED, place),
            Shape::Text(max) => self.leaf(op::TEXT, max, place),
            Shape::Bytes(max) => self.leaf(op::BYTES, max, place),
            Shape::Secret(value) => self.emit(value, Place { secret: true, ..place }),
            Shape::List(item, max) => {
                assert!(!item.is_byte(), "List<u8, N> is checked byte by byte: use Bytes<N>");
                self.rounds(op::LIST, item, max, place.inner());
            }
            Shape::Array(_, 0) => {}
            Shape::Array(item, length) if item.is_byte() => self.leaf(op::RAW, length, place.inner()),
            Shape::Array(item, length) => self.rounds(op::REPEAT, item, length, place.inner()),
            Shape::Option(value) => {
                let option = self.push(Op::new(op::OPTION, 0).with_field(0, place.secret));
                self.emit(value, place.inner());
                self.aim(option);
            }
            Shape::Result(..) => self.choice(shape, 2, place),
            Shape::Tuple(items) => self.items(items, place.inner()),
            Shape::Struct(_, ref fields) => self.fields(fields, place.inner()),
            Shape::Enum(_, variants) => self.choice(shape, variants.len(), place),
        }
    }

    const fn items(&mut self, items: &[&Shape], place: Place) {
        let mut at = 0;
        while at < items.len() {
            self.emit(items[at], place);
            at += 1;
        }
    }

    const fn fields(&mut self, fields: &Fields, place: Place) {
        match *fields {
            Fields::Unit => {}
            Fields::Unnamed(items) => self.items(items, place),
            Fields::Named(fields) => {
                let mut at = 0;
                while at < fields.len() {
                    self.emit(fields[at].shape, place);
                    at += 1;
                }
            }
        }
    }

    /// A sequence: the loop word, one item, the end of the round.
    const fn rounds(&mut self, code: u8, item: &Shape, count: u32, place: Place) {
        assert!(
            item.sizes().min > 0,
            "an item of a sequence takes at least one byte: nothing bounds a sequence of nothing"
        );
        assert!(place.depth < op::DEPTH_MAX, "sequences nest at most 4 deep");
        let start = self.push(Op::new(code, count).with_field(0, place.secret));
        self.emit(item, Place { depth: place.depth + 1, ..place });
        self.push(Op::new(op::NEXT, 0));
        self.aim(start);
    }

    /// An enum or a result: the tag word, a jump for each arm, the arms.
    const fn choice(&mut self, shape: &Shape, count: usize, place: Place) {
        assert!(count > 0, "an enum in a message has at least one variant");
        assert!(count <= op::VARIANTS_MAX, "an enum in a message has at most 128 variants");
        if shape.sizes().max == 1 {
            self.leaf(op::TAG, count as u32, place);
            return;
        }
        let place = place.inner();
        self.push(Op::new(op::ENUM, count as u32).with_field(0, place.secret));
        let first = self.count;
        let mut at = 0;
        while at < count {
            self.push(Op::new(op::JUMP, 0));
            at += 1;
        }
        // The word of each arm that is to be aimed at the end: the jump behind the arm, or the one to it if it is empty.
        let mut ends = [0; op::VARIANTS_MAX];
        let mut last = 0;
        at = 0;
        while at < count {
            ends[at] = first + at;
            if shape.arm_size(at) > 0 {
                self.aim(first + at);
                self.arm(shape, at, place);
                ends[at] = self.push(Op::new(op::JUMP, 0));
                last = at;
            }
            at += 1;
        }
        // The last arm runs into the end by itself.
        self.count -= 1;
        at = 0;
        while at < count {
            if at != last {
                self.aim(ends[at]);
            }
            at += 1;
        }
    }

    const fn arm(&mut self, shape: &Shape, arm: usize, place: Place) {
        match *shape {
            Shape::Result(value, error) => self.emit(if arm == 0 { value } else { error }, place),
            Shape::Enum(_, variants) => self.fields(&variants[arm].fields, place),
            _ => {}
        }
    }
}

/// Where in a message a shape stands.
#[derive(Clone, Copy)]
struct Place {
    /// Number of the argument plus 1, when the shape is the whole argument; else 0.
    field: u8,
    /// Inside a `Secret`.
    secret: bool,
    /// How many sequences it is in.
    depth: usize,
}

impl Place {
    /// A place inside the shape that stands here.
    const fn inner(self) -> Self {
        Self { field: 0, ..self }
    }
}

impl Shape {
    const fn is_byte(&self) -> bool {
        matches!(self, Self::U8 | Self::I8)
    }

    /// Most bytes arm `arm` of an enum or result takes after its tag.
    const fn arm_size(&self, arm: usize) -> u64 {
        match *self {
            Self::Result(value, error) => {
                if arm == 0 {
                    value.sizes().max
                } else {
                    error.sizes().max
                }
            }
            Self::Enum(_, variants) => variants[arm].fields.sizes().max,
            _ => 0,
        }
    }
}
