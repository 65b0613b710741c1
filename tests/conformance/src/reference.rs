//! The strict profile a second time: recursive over shapes, slow and plain, sharing no code with the validator.
//!
//! Source: `ipc-proto/spec/strict-postcard.md`.

use std::sync::{Mutex, PoisonError};

use ipc_proto_wire::{Field, Fields, Shape, Variant};

/// Every shape made by chance. They live for ever, as constants do; a leak detector wants to see that they are meant to.
static KEPT: Mutex<Vec<&'static Shape>> = Mutex::new(Vec::new());

/// Whether `body` is a strict encoding of a value of this shape.
#[must_use]
pub fn accepts(shape: &Shape, body: &[u8]) -> bool {
    value(shape, body) == Some(&[])
}

/// Takes one value off the front; gives the rest.
fn value<'b>(shape: &Shape, bytes: &'b [u8]) -> Option<&'b [u8]> {
    match *shape {
        Shape::Unit => Some(bytes),
        Shape::Bool => byte(bytes, |byte| byte < 2),
        Shape::U8 | Shape::I8 => byte(bytes, |_| true),
        Shape::U16 | Shape::I16 => varint(bytes, 16).map(|(_, rest)| rest),
        Shape::U32 | Shape::I32 => varint(bytes, 32).map(|(_, rest)| rest),
        Shape::U64 | Shape::I64 => varint(bytes, 64).map(|(_, rest)| rest),
        Shape::Text(max) => {
            let (text, rest) = counted(bytes, max)?;
            std::str::from_utf8(text).is_ok().then_some(rest)
        }
        Shape::Bytes(max) => counted(bytes, max).map(|(_, rest)| rest),
        Shape::List(item, max) => {
            let (count, rest) = varint(bytes, 64)?;
            if count > u64::from(max) {
                return None;
            }
            (0..count).try_fold(rest, |rest, _| value(item, rest))
        }
        Shape::Array(item, length) => (0..length).try_fold(bytes, |rest, _| value(item, rest)),
        Shape::Option(inner) => match bytes.split_first()? {
            (0, rest) => Some(rest),
            (1, rest) => value(inner, rest),
            _ => None,
        },
        Shape::Result(good, bad) => match varint(bytes, 32)? {
            (0, rest) => value(good, rest),
            (1, rest) => value(bad, rest),
            _ => None,
        },
        Shape::Tuple(items) => items.iter().try_fold(bytes, |rest, item| value(item, rest)),
        Shape::Struct(_, inner) => fields(&inner, bytes),
        Shape::Enum(_, variants) => {
            let (tag, rest) = varint(bytes, 32)?;
            fields(&variants.get(usize::try_from(tag).ok()?)?.fields, rest)
        }
        Shape::Secret(inner) => value(inner, bytes),
    }
}

fn fields<'b>(fields: &Fields, bytes: &'b [u8]) -> Option<&'b [u8]> {
    match fields {
        Fields::Unit => Some(bytes),
        Fields::Unnamed(items) => items.iter().try_fold(bytes, |rest, item| value(item, rest)),
        Fields::Named(named) => named.iter().try_fold(bytes, |rest, field| value(field.shape, rest)),
    }
}

fn byte(bytes: &[u8], legal: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    legal(*first).then_some(rest)
}

/// A varint: the value of the first bytes, which must be the shortest way to write it.
fn varint(bytes: &[u8], bits: u32) -> Option<(u64, &[u8])> {
    let length = bytes.iter().position(|byte| *byte < 0x80)? + 1;
    let (digits, rest) = bytes.split_at(length);
    if length > 10 {
        return None;
    }
    let number = digits.iter().rev().fold(0_u128, |number, digit| number << 7 | u128::from(digit & 0x7f));
    let number = u64::try_from(number).ok().filter(|number| bits == 64 || *number < 1 << bits)?;
    (shortest(number) == digits).then_some((number, rest))
}

/// The shortest varint of a number.
#[must_use]
pub fn shortest(mut number: u64) -> Vec<u8> {
    let mut digits = Vec::new();
    loop {
        let digit = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            digits.push(digit);
            return digits;
        }
        digits.push(digit | 0x80);
    }
}

fn counted(bytes: &[u8], max: u32) -> Option<(&[u8], &[u8])> {
    let (count, rest) = varint(bytes, 64)?;
    if count > u64::from(max) {
        return None;
    }
    rest.split_at_checked(usize::try_from(count).ok()?)
}

/// Chance, from a seed (xorshift64*): the same seed gives the same test.
pub struct Chance(u64);

impl Chance {
    /// Chance from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.any() >> 16) % limit
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.any().to_le_bytes()[7]
    }

    /// A number with any count of bits up to `bits`, so that all lengths of varints come up.
    pub fn number(&mut self, bits: u32) -> u64 {
        let width = self.below(u64::from(bits) + 1);
        if width == 0 { 0 } else { self.any() >> (64 - width) }
    }

    /// A strict encoding of some value of this shape.
    pub fn encoding(&mut self, shape: &Shape) -> Vec<u8> {
        let mut body = Vec::new();
        self.encode(shape, &mut body);
        body
    }

    fn encode(&mut self, shape: &Shape, to: &mut Vec<u8>) {
        match *shape {
            Shape::Unit => {}
            Shape::Bool => to.push(self.byte() & 1),
            Shape::U8 | Shape::I8 => to.push(self.byte()),
            Shape::U16 | Shape::I16 => to.extend(shortest(self.number(16))),
            Shape::U32 | Shape::I32 => to.extend(shortest(self.number(32))),
            Shape::U64 | Shape::I64 => to.extend(shortest(self.number(64))),
            Shape::Text(max) => {
                let text = self.text(max as usize);
                to.extend(shortest(text.len() as u64));
                to.extend(text.bytes());
            }
            Shape::Bytes(max) => {
                let length = self.length(max);
                to.extend(shortest(length));
                to.extend((0..length).map(|_| self.byte()));
            }
            Shape::List(item, max) => {
                let count = self.length(max).min(6);
                to.extend(shortest(count));
                (0..count).for_each(|_| self.encode(item, to));
            }
            Shape::Array(item, length) => (0..length).for_each(|_| self.encode(item, to)),
            Shape::Option(inner) => {
                let some = self.byte() & 1;
                to.push(some);
                (0..some).for_each(|_| self.encode(inner, to));
            }
            Shape::Result(good, bad) => {
                let tag = self.byte() & 1;
                to.push(tag);
                self.encode(if tag == 0 { good } else { bad }, to);
            }
            Shape::Tuple(items) => items.iter().for_each(|item| self.encode(item, to)),
            Shape::Struct(_, inner) => self.encode_fields(&inner, to),
            Shape::Enum(_, variants) => {
                let tag = self.below(variants.len() as u64);
                to.extend(shortest(tag));
                let variant =
                    variants.get(usize::try_from(tag).expect("few variants")).expect("tag is below");
                self.encode_fields(&variant.fields, to);
            }
            Shape::Secret(inner) => self.encode(inner, to),
        }
    }

    fn encode_fields(&mut self, fields: &Fields, to: &mut Vec<u8>) {
        match fields {
            Fields::Unit => {}
            Fields::Unnamed(items) => items.iter().for_each(|item| self.encode(item, to)),
            Fields::Named(named) => named.iter().for_each(|field| self.encode(field.shape, to)),
        }
    }

    /// A length up to a bound; the ends come up often.
    fn length(&mut self, max: u32) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => u64::from(max),
            _ => self.below(u64::from(max) + 1),
        }
    }

    /// A text of at most `max` bytes; every other one is plain ASCII.
    fn text(&mut self, max: usize) -> String {
        let letters: &[char] =
            if self.byte() & 1 == 0 { &['a', 'z', ' ', '~'] } else { &['a', 'ü', '世', '🐝'] };
        let wanted = usize::try_from(self.length(u32::try_from(max).expect("a bound"))).expect("a bound");
        let mut text = String::new();
        while text.len() < wanted {
            let letter = letters[usize::from(self.byte()) % letters.len()];
            text.push(if text.len() + letter.len_utf8() > wanted { 'x' } else { letter });
        }
        text
    }

    /// Some shape, at most `depth` deep. It lives as long as the test: shapes are constants everywhere else.
    pub fn shape(&mut self, depth: u32) -> &'static Shape {
        let leaves = 13;
        let shape = match self.below(if depth == 0 { leaves } else { leaves + 10 }) {
            0 => Shape::Bool,
            1 => Shape::U8,
            2 => Shape::I8,
            3 => Shape::U16,
            4 => Shape::U32,
            5 => Shape::U64,
            6 => Shape::I16,
            7 => Shape::I32,
            8 => Shape::I64,
            9 => Shape::Unit,
            10 => Shape::Text(self.bound()),
            11 => Shape::Bytes(self.bound()),
            12 => Shape::Array(&Shape::U8, self.bound()),
            13 | 14 => Shape::List(self.item(depth), self.bound()),
            15 => Shape::Array(self.item(depth), self.bound().min(3)),
            16 => Shape::Option(self.shape(depth - 1)),
            17 => Shape::Result(self.shape(depth - 1), self.shape(depth - 1)),
            18 => Shape::Tuple(self.shapes(depth - 1)),
            19 => Shape::Struct("S", self.fields(depth - 1)),
            20 | 21 => {
                let count = self.below(5) + 1;
                let variant = |chance: &mut Self| Variant { name: "V", fields: chance.fields(depth - 1) };
                Shape::Enum("E", Vec::leak((0..count).map(|_| variant(self)).collect()))
            }
            _ => Shape::Secret(self.shape(depth - 1)),
        };
        let shape: &'static Shape = Box::leak(Box::new(shape));
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(shape);
        shape
    }

    /// A shape that may stand in a sequence: of some size, and no bare byte.
    fn item(&mut self, depth: u32) -> &'static Shape {
        loop {
            let shape = self.shape(depth - 1);
            if shape.sizes().min > 0 && !matches!(shape, Shape::U8 | Shape::I8) {
                return shape;
            }
        }
    }

    fn bound(&mut self) -> u32 {
        let bounds = [0, 1, 2, 3, 7, 31, 32, 63, 64, 127, 128, 200];
        bounds[usize::from(self.byte()) % bounds.len()]
    }

    fn shapes(&mut self, depth: u32) -> &'static [&'static Shape] {
        let count = self.below(4);
        Vec::leak((0..count).map(|_| self.shape(depth)).collect())
    }

    fn fields(&mut self, depth: u32) -> Fields {
        let count = self.below(4);
        match self.below(3) {
            0 => Fields::Unit,
            1 => Fields::Unnamed(self.shapes(depth)),
            _ => {
                let field = |chance: &mut Self| Field { name: "f", shape: chance.shape(depth) };
                Fields::Named(Vec::leak((0..count).map(|_| field(self)).collect()))
            }
        }
    }

    /// `body` with one thing done to it.
    pub fn mutation(&mut self, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        let at = usize::try_from(self.below(body.len() as u64 + 1)).expect("a short body");
        let odd = [0, 1, 2, 0x7f, 0x80, 0x81, 0xff][usize::from(self.byte()) % 7];
        match (self.below(6), body.get_mut(at)) {
            (0, Some(byte)) => *byte = odd,
            (1, Some(byte)) => *byte ^= 1 << self.below(8),
            (2, Some(byte)) => *byte = byte.wrapping_add(1),
            (3, Some(_)) => {
                body.remove(at);
            }
            // An over-long varint: the same number with a byte more.
            (4, Some(byte)) if *byte < 0x80 => {
                *byte |= 0x80;
                body.insert(at + 1, 0);
            }
            _ => body.insert(at, odd),
        }
        body
    }
}
