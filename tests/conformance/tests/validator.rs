//! The validator accepts exactly what decodes and encodes again to the same bytes.
//!
//! Held against two others: the typed codec (postcard plus comparison) on types as services use them, and the plain
//! reference on shapes made by chance.

use ipc_proto_types::{Bytes, Kind, Label, List, Role, SchemaId, Secret, Text};
use ipc_proto_wire::{
    Field, Fields, Header, Method, MethodKind, Schema, Shape, Table, Violation, compile, decode, encode,
};
use proptest::prelude::*;
use tests_conformance::reference::{Chance, accepts};

/// A type, as the tests see it.
struct Specimen {
    name: &'static str,
    shape: &'static Shape,
    /// Whether the typed codec takes the bytes; `None` when it takes them and writes others.
    decodes: fn(&[u8]) -> Option<bool>,
}

fn decodes<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<bool> {
    let Ok(value) = decode::<T>(bytes) else { return Some(false) };
    let mut again = vec![0; bytes.len()];
    (encode(&value, &mut again) == Ok(bytes.len()) && again == bytes).then_some(true)
}

macro_rules! specimens {
    ($($type:ty),* $(,)?) => {
        [$(Specimen { name: stringify!($type), shape: <$type>::SHAPE, decodes: decodes::<$type> }),*]
    };
}

fn specimens() -> impl IntoIterator<Item = Specimen> {
    use ipc_proto_ctl_api as ctl;
    use ipc_proto_vault_api as vault;
    specimens![
        (),
        bool,
        u8,
        i8,
        u16,
        u32,
        u64,
        i16,
        i32,
        i64,
        Label,
        Text<0>,
        Text<5>,
        Text<64>,
        Text<300>,
        Bytes<3>,
        Bytes<64>,
        Bytes<128>,
        Secret<Text<40>>,
        [u8; 4],
        [u16; 3],
        [List<bool, 2>; 2],
        Option<u32>,
        Option<()>,
        Option<Option<bool>>,
        Result<u8, Text<3>>,
        Result<(), ()>,
        (u8,),
        (Text<64>, bool),
        (u16, Option<Bytes<2>>, (bool, i8)),
        List<u16, 3>,
        List<Text<4>, 200>,
        List<List<bool, 2>, 3>,
        List<List<List<List<u16, 2>, 2>, 2>, 2>,
        List<Option<Result<u16, bool>>, 4>,
        ctl::SystemInfo,
        ctl::QubeInfo,
        ctl::ChannelInfo,
        ctl::AuditPage,
        ctl::EndReason,
        ctl::ServiceInfo,
        vault::Status,
        vault::VaultError,
        vault::NewEntry,
        vault::Entry,
        vault::Page,
        vault::Code,
        vault::Change,
        vault::Versions,
        vault::ReportPage,
        vault::files::Imported,
        vault::keys::PendingPage,
        ipc_proto_log_api::LogChunk,
        ipc_proto_clock_api::Time,
    ]
}

/// The table of a service with one method that takes and gives this shape.
fn table(shape: &'static Shape) -> Vec<u8> {
    let value = Box::leak(Box::new([Field { name: "value", shape }]));
    let request = Box::leak(Box::new(Shape::Struct("m", Fields::Named(value))));
    let method = Method { name: "m", kind: MethodKind::Call, request, reply: shape };
    compile("test", &[method]).words().iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn header(kind: Kind, body: &[u8]) -> Header {
    let length = u32::try_from(body.len()).expect("a short body");
    Header { schema: SchemaId([0; 16]), method: 0, kind, correlation: 1, length }
}

/// What the validator says of `body` as a request; that it says the same of it as a reply.
fn verdict(table: &Table<'_>, body: &[u8]) -> Result<(), Violation> {
    let request = table.check(Role::Client, &header(Kind::Call, body), body, &mut ());
    let reply = table.check(Role::Server, &header(Kind::Reply, body), body, &mut ());
    assert_eq!(request, reply);
    request
}

/// Holds the validator against `accepts` on encodings, their truncations and mutations.
fn sweep(name: &str, shape: &'static Shape, chance: &mut Chance, accepts: impl Fn(&[u8]) -> bool) {
    let bytes = table(shape);
    let table = Table::parse(&bytes).expect("a compiled table parses");
    let body = chance.encoding(shape);
    assert_eq!(verdict(&table, &body), Ok(()), "{name}: {body:x?}");
    assert!(accepts(&body), "{name}: {body:x?}");
    for length in 0..body.len() {
        let cut = body.get(..length).expect("below the length");
        assert!(verdict(&table, cut).is_err(), "{name}: {cut:x?}");
        assert!(!accepts(cut), "{name}: {cut:x?}");
    }
    let mut mutation = body.clone();
    for round in 0..40 {
        mutation = chance.mutation(if round % 4 == 0 { &body } else { &mutation });
        assert_eq!(verdict(&table, &mutation).is_ok(), accepts(&mutation), "{name}: {mutation:x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_validator_agrees_with_the_typed_codec(seed: u64) {
        let mut chance = Chance::new(seed);
        for specimen in specimens() {
            let typed = |bytes: &[u8]| (specimen.decodes)(bytes).expect("what decodes is written the same way again");
            sweep(specimen.name, specimen.shape, &mut chance, typed);
        }
    }

    #[test]
    fn the_reference_agrees_with_the_typed_codec(seed: u64) {
        let mut chance = Chance::new(seed);
        for Specimen { name, shape, decodes } in specimens() {
            let mut body = chance.encoding(shape);
            for _ in 0..10 {
                body = chance.mutation(&body);
                assert_eq!(decodes(&body), Some(accepts(shape, &body)), "{name}: {body:x?}");
            }
        }
    }

    #[test]
    fn bytes_by_chance_get_the_same_verdict_from_all_three(seed: u64, body in proptest::collection::vec(any::<u8>(), 0..12)) {
        let mut chance = Chance::new(seed);
        let few: Vec<u8> = body.iter().map(|byte| byte & 3).collect();
        for Specimen { name, shape, decodes } in specimens() {
            let bytes = table(shape);
            let table = Table::parse(&bytes).expect("a compiled table parses");
            for body in [&body, &few, &chance.mutation(&few)] {
                let expected = accepts(shape, body);
                assert_eq!(verdict(&table, body).is_ok(), expected, "{name}: {body:x?}");
                assert_eq!(decodes(body), Some(expected), "{name}: {body:x?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_validator_agrees_with_the_reference_on_shapes_by_chance(seed: u64) {
        let mut chance = Chance::new(seed);
        let shape = chance.shape(3);
        // What would not compile as a service is none of the validator's business.
        prop_assume!(shape.sizes().max <= 65536 && table_fits(shape));
        sweep("by chance", shape, &mut chance, |bytes| accepts(shape, bytes));
    }
}

/// Whether the table of this shape stays below the limit on words: each leaf is a word, each arm at most two more.
fn table_fits(shape: &Shape) -> bool {
    fn words(shape: &Shape) -> usize {
        match *shape {
            Shape::List(item, _) | Shape::Array(item, _) => 2 + words(item),
            Shape::Option(inner) | Shape::Secret(inner) => 1 + words(inner),
            Shape::Result(good, bad) => 5 + words(good) + words(bad),
            Shape::Tuple(items) => items.iter().map(|item| words(item)).sum(),
            Shape::Struct(_, ref fields) => of(fields),
            Shape::Enum(_, variants) => {
                1 + variants.iter().map(|variant| 2 + of(&variant.fields)).sum::<usize>()
            }
            _ => 1,
        }
    }
    fn of(fields: &Fields) -> usize {
        match fields {
            Fields::Unit => 0,
            Fields::Unnamed(items) => items.iter().map(|item| words(item)).sum(),
            Fields::Named(named) => named.iter().map(|field| words(field.shape)).sum(),
        }
    }
    words(shape) < 450
}

#[test]
fn each_violation_is_named() {
    let check = |shape: &'static Shape, body: &[u8], expected: Violation| {
        let bytes = table(shape);
        let table = Table::parse(&bytes).unwrap();
        assert_eq!(verdict(&table, body), Err(expected), "{shape:?} {body:x?}");
    };
    check(u16::SHAPE, &[0x80, 0x00], Violation::Varint);
    check(u16::SHAPE, &[0xff, 0xff, 0x04], Violation::Varint);
    check(u32::SHAPE, &[0xff, 0xff, 0xff, 0xff, 0x10], Violation::Varint);
    check(u64::SHAPE, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], Violation::Varint);
    check(u64::SHAPE, &[0xff; 20], Violation::Varint);
    check(u64::SHAPE, &[0xff; 9], Violation::Truncated);
    check(bool::SHAPE, &[2], Violation::Bool);
    check(<Text<4>>::SHAPE, &[1, 0xff], Violation::Utf8);
    check(<Text<4>>::SHAPE, &[2, 0xc0, 0x80], Violation::Utf8);
    check(<Text<4>>::SHAPE, &[5, b'a', b'a', b'a', b'a', b'a'], Violation::Bound);
    check(<Text<4>>::SHAPE, &[4, b'a'], Violation::Truncated);
    check(<Text<4>>::SHAPE, &[1, b'a', b'a'], Violation::Trailing);
    check(<Text<4>>::SHAPE, &[0x81, 0x00, b'a'], Violation::Varint);
    check(<Text<4>>::SHAPE, &[0xff, 0xff, 0xff, 0xff, 0x0f], Violation::Bound);
    check(<Text<200>>::SHAPE, &[0xff, 0x01, b'a'], Violation::Bound);
    check(<List<u16, 2>>::SHAPE, &[3, 1, 2, 3], Violation::Bound);
    check(<List<u16, 2>>::SHAPE, &[2, 1], Violation::Truncated);
    check(<Option<u8>>::SHAPE, &[2, 1], Violation::Tag);
    check(<Result<u8, u8>>::SHAPE, &[2, 1], Violation::Tag);
    check(<Result<u8, u8>>::SHAPE, &[0x80, 0x00, 1], Violation::Tag);
    check(Label::SHAPE, &[8], Violation::Tag);
    check(<()>::SHAPE, &[0], Violation::Trailing);
    check(u8::SHAPE, &[], Violation::Truncated);
}
