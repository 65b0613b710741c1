//! A masked copy shows no byte of a secret, and is the body in everything else.
//!
//! Held against a second way to mask, recursive over shapes, and against the validator: a whole copy is a body in order.

use ipc_proto_types::{Bytes, Kind, List, Role, Secret, Text};
use ipc_proto_wire::{Field, Fields, Method, MethodKind, Schema, Shape, Table, compile, encode};
use proptest::prelude::*;
use serde::Serialize;
use tests_conformance::reference::{Chance, accepts};

/// The table of a service whose only message, one-way, has this one argument.
fn table(shape: &'static Shape) -> Vec<u8> {
    let arguments = Vec::leak(vec![Field { name: "value", shape }]);
    let request = Box::leak(Box::new(Shape::Struct("say", Fields::Named(arguments))));
    let methods = [Method { name: "say", kind: MethodKind::Oneway, request, reply: &Shape::Unit }];
    compile("test", &methods).words().iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn mask(shape: &'static Shape, body: &[u8], most: usize) -> Vec<u8> {
    let bytes = table(shape);
    let table = Table::parse(&bytes).expect("a compiled table parses");
    let mut copy = vec![0x55; most];
    let length = table.mask(Role::Client, Kind::Event, 0, body, &mut copy);
    copy.truncate(length);
    copy
}

/// The other way: takes one value off the front, and writes it masked. `None` ends the copy.
struct Plain<'b> {
    rest: &'b [u8],
    copy: Vec<u8>,
}

impl Plain<'_> {
    fn bytes(&mut self, count: usize, mask: Option<u8>) {
        let (taken, rest) = self.rest.split_at(count);
        self.copy.extend(taken.iter().map(|byte| mask.unwrap_or(*byte)));
        self.rest = rest;
    }

    /// A varint, as it stands. Gives its value.
    fn varint(&mut self) -> usize {
        let length = self.varint_length();
        let value =
            self.rest[..length].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
        self.bytes(length, None);
        value
    }

    fn varint_length(&self) -> usize {
        self.rest.iter().position(|byte| *byte < 0x80).expect("an end") + 1
    }

    fn value(&mut self, shape: &Shape, secret: bool) -> Option<()> {
        match *shape {
            Shape::Unit => {}
            Shape::Bool | Shape::U8 | Shape::I8 => self.bytes(1, secret.then_some(0)),
            Shape::U16 | Shape::U32 | Shape::U64 | Shape::I16 | Shape::I32 | Shape::I64 => {
                let length = self.varint_length();
                if secret && length > 1 {
                    return None;
                }
                self.bytes(length, secret.then_some(0));
            }
            Shape::Text(_) | Shape::Bytes(_) => {
                let length = self.varint();
                self.bytes(length, secret.then_some(b'*'));
            }
            // Bytes without a length are one leaf.
            Shape::Array(Shape::U8 | Shape::I8, length) => {
                self.bytes(length as usize, secret.then_some(b'*'))
            }
            Shape::Array(item, length) => (0..length).try_for_each(|_| self.value(item, secret))?,
            // A tag of one byte that nothing follows is a leaf.
            Shape::Result(..) | Shape::Enum(..) if shape.sizes().max == 1 => {
                self.bytes(1, secret.then_some(0))
            }
            Shape::List(..) | Shape::Option(_) | Shape::Result(..) | Shape::Enum(..) if secret => {
                return None;
            }
            Shape::List(item, _) => {
                let count = self.varint();
                (0..count).try_for_each(|_| self.value(item, secret))?;
            }
            Shape::Option(inner) => (0..self.varint()).try_for_each(|_| self.value(inner, secret))?,
            Shape::Result(good, bad) => {
                let shape = [good, bad][self.varint()];
                self.value(shape, secret)?;
            }
            Shape::Enum(_, variants) => {
                let tag = self.varint();
                self.fields(&variants[tag].fields, secret)?;
            }
            Shape::Tuple(items) => items.iter().try_for_each(|item| self.value(item, secret))?,
            Shape::Struct(_, ref fields) => self.fields(fields, secret)?,
            Shape::Secret(inner) => self.value(inner, true)?,
        }
        Some(())
    }

    fn fields(&mut self, fields: &Fields, secret: bool) -> Option<()> {
        match fields {
            Fields::Unit => Some(()),
            Fields::Unnamed(items) => items.iter().try_for_each(|item| self.value(item, secret)),
            Fields::Named(named) => named.iter().try_for_each(|field| self.value(field.shape, secret)),
        }
    }
}

fn plainly(shape: &Shape, body: &[u8]) -> Vec<u8> {
    let mut plain = Plain { rest: body, copy: Vec::new() };
    let _ = plain.value(shape, false);
    plain.copy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_to_mask_agree_and_what_is_whole_is_in_order(seed: u64) {
        let mut chance = Chance::new(seed);
        let shape = chance.shape(3);
        prop_assume!(shape.sizes().max <= 65536);
        let body = chance.encoding(shape);
        let copy = mask(shape, &body, body.len());
        prop_assert_eq!(&copy, &plainly(shape, &body));
        if copy.len() == body.len() {
            prop_assert!(accepts(shape, &copy), "{:?} {:x?}", shape, copy);
        }
        let short = body.len() / 2;
        prop_assert_eq!(mask(shape, &body, short), &copy[..short.min(copy.len())]);
    }

    #[test]
    fn of_a_body_that_is_not_in_order_nothing_is_copied(seed: u64) {
        let mut chance = Chance::new(seed);
        let shape = chance.shape(2);
        prop_assume!(shape.sizes().max <= 65536);
        let encoding = chance.encoding(shape);
        let body = chance.mutation(&encoding);
        if !accepts(shape, &body) {
            prop_assert_eq!(mask(shape, &body, body.len()), []);
        }
    }
}

#[derive(Serialize, ipc_proto_derive::Schema)]
struct Login {
    user: Text<8>,
    password: Secret<Text<16>>,
    tries: u8,
}

#[test]
fn a_secret_is_masked_wherever_it_stands() {
    fn check<T: Serialize + Schema>(value: &T, expected: &[u8]) {
        let mut body = [0; 100];
        let length = encode(value, &mut body).unwrap();
        assert_eq!(mask(T::SHAPE, &body[..length], 100), expected, "{:?}", T::SHAPE);
    }
    let text = |text: &str| Text::<16>::truncated(text);
    check(&Secret::new(text("hunter2")), b"\x07*******");
    check(&(1_u8, Secret::new(text("hunter2")), 2_u8), b"\x01\x07*******\x02");
    check(&(Secret::new(Bytes::<4>::from([1, 2, 3, 4])), true), b"\x04****\x01");
    check(&(Secret::new(9_u8), Secret::new(true), Secret::new(100_u64), 7_u8), b"\0\0\0\x07");
    check(&(7_u8, Secret::new(300_u64), 8_u8), b"\x07");
    check(&(7_u8, Secret::new(Some(300_u64)), 8_u8), b"\x07");
    check(&(7_u8, Secret::new(List::<u16, 4>::try_from([1, 2].as_slice()).unwrap()), 8_u8), b"\x07");
    check(&Some(Secret::new(text("pin"))), b"\x01\x03***");
    let login =
        |user: &str| Login { user: Text::truncated(user), password: Secret::new(text("pass")), tries: 3 };
    let logins = [login("ann"), login("bob")];
    let mut body = vec![2];
    for login in &logins {
        let mut one = [0; 40];
        let length = encode(login, &mut one).unwrap();
        body.extend(&one[..length]);
    }
    let shape = Box::leak(Box::new(Shape::List(Login::SHAPE, 4)));
    assert_eq!(mask(shape, &body, 100), b"\x02\x03ann\x04****\x03\x03bob\x04****\x03");
}

#[test]
fn an_error_is_copied_as_it_is_whoever_sent_it() {
    let bytes = table(u8::SHAPE);
    let table = Table::parse(&bytes).expect("a compiled table parses");
    let mut copy = [0; 4];
    assert_eq!(table.mask(Role::Server, Kind::Error, 0, &[6], &mut copy), 1);
    assert_eq!(copy, [6, 0, 0, 0]);
    assert_eq!(table.mask(Role::Server, Kind::Reply, 0, &[6], &mut copy), 0);
    assert_eq!(table.mask(Role::Client, Kind::Event, 9, &[6], &mut copy), 0);
}
