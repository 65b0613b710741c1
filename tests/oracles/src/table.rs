//! Oracle `table`: any bytes as a schema table, and what is taken for one run on any body.
//!
//! Input: a byte for where the table comes from. Even: the next byte names a shape made by chance, compiled; the validator must then
//! agree with the plain reference. Odd: the length of a table in words, the table, then the body; running it must come to
//! an end, and every field it hands over must lie in the body.

use std::ops::Range;
use std::sync::OnceLock;

use ipc_proto_types::{Kind, Role};
use ipc_proto_wire::{Field, FieldKind, FieldSink, Fields, Method, MethodKind, Shape, Table, compile};
use tests_conformance::reference::{Chance, accepts};

use crate::input::Input;

/// Deepest shape: loops may be nested four deep.
const DEPTH: u32 = 3;
/// How many shapes there are: one for each value of a byte.
const SHAPES_MAX: usize = 256;

/// The oracle.
///
/// # Panics
/// The validator is wrong about a body, or points outside it.
pub fn table(input: &[u8]) {
    let mut input = Input::new(input);
    if input.byte() & 1 == 0 {
        grown(&mut input);
    } else {
        let words = usize::from(input.u16());
        let bytes = input.take(words * 8).to_vec();
        let body = input.take(usize::MAX);
        if let Ok(table) = Table::parse(&bytes) {
            run(&table, body);
        }
    }
}

/// Runs every program of a table on a body.
fn run(table: &Table<'_>, body: &[u8]) {
    for method in 0..=table.method_count() {
        for sender in [Role::Client, Role::Server] {
            for kind in [Kind::Call, Kind::Reply, Kind::Event, Kind::Error] {
                let mut inside = Inside { length: body.len(), fields: 0 };
                let verdict = table.check_body(sender, kind, method, body, &mut inside);
                assert_eq!(table.check_body(sender, kind, method, body, &mut ()), verdict);
                if let Some(limit) = table.sole_bytes(sender, kind, method)
                    && let Some((count, bytes)) = body.split_first()
                    && *count < limit
                    && usize::from(*count) == bytes.len()
                {
                    assert_eq!(verdict, Ok(()), "`sole_bytes` promised that this passes");
                }
            }
        }
    }
}

/// Takes fields, each of which must lie in the body.
struct Inside {
    length: usize,
    fields: usize,
}

impl FieldSink for Inside {
    fn field(&mut self, _: u8, _: FieldKind, range: Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.length, "a field at {range:?}");
        self.fields += 1;
        // A table has at most 1024 words, and a round of a loop takes a byte at least.
        assert!(self.fields <= 1024 * (self.length + 1), "more fields than there can be");
    }
}

/// A shape, the method that has it as its argument, and their table.
struct Grown {
    shape: &'static Shape,
    request: &'static Shape,
    table: Vec<u8>,
}

/// Shapes made by chance, each with its table; made once, since what a shape refers to lives as long as a constant.
fn shapes() -> &'static [Grown] {
    static SHAPES: OnceLock<Vec<Grown>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let mut grown = Vec::new();
        for seed in 0.. {
            let shape = Chance::new(seed * 7919).shape(DEPTH);
            // A request and a reply of at most 64 KiB: the rule of every service.
            if shape.sizes().max <= 65_536 {
                grown.push(compiled(shape));
            }
            if grown.len() == SHAPES_MAX {
                break;
            }
        }
        grown
    })
}

fn compiled(shape: &'static Shape) -> Grown {
    let fields: &'static [Field] = Vec::leak(vec![Field { name: "value", shape }]);
    let request: &'static Shape = Box::leak(Box::new(Shape::Struct("m", Fields::Named(fields))));
    let method = Method { name: "m", kind: MethodKind::Call, request, reply: shape };
    let compiled = compile("grown", &[method]);
    Grown { shape, request, table: compiled.words().iter().flat_map(|word| word.to_le_bytes()).collect() }
}

/// Holds the validator against the reference, on a shape that the input names.
fn grown(input: &mut Input<'_>) {
    let Some(Grown { shape, request, table }) = shapes().get(usize::from(input.byte())) else { return };
    let table = Table::parse(table).expect("a compiled table parses");
    let body = input.take(usize::MAX);
    run(&table, body);
    let wanted = accepts(shape, body);
    for (sender, kind) in [(Role::Client, Kind::Call), (Role::Server, Kind::Reply)] {
        let verdict = table.check_body(sender, kind, 0, body, &mut ());
        assert_eq!(verdict.is_ok(), wanted, "{verdict:?} for {request:?}");
    }
}
