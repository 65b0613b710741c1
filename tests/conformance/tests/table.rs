//! Tables: who may send what, what the policy gets to see, and that no damaged table is ever run.

use std::ops::Range;

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, ErrorCode, Kind, List, Role, SchemaId, Secret, Text};
use ipc_proto_wire::{
    Field, FieldKind, FieldSink, Fields, Header, Method, MethodKind, Shape, Table, TableError, Violation,
    compile, encode,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tests_conformance::SERVICES;
use tests_conformance::reference::Chance;

/// Something without fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
enum Colour {
    Red,
    Blue,
}

/// A service with everything in it.
#[service(name = "all", version = 7)]
trait All {
    /// Number 0: leaves of every kind.
    fn leaves(
        &mut self,
        flag: bool,
        small: u8,
        large: u64,
        below: i16,
        text: Text<9>,
        bytes: Bytes<9>,
        colour: Colour,
        hidden: Secret<Text<9>>,
        raw: [u8; 4],
    ) -> u8;

    /// Number 1: nothing the policy can match on.
    fn nested(&mut self, maybe: Option<u8>, pair: (u8, u8), list: List<u16, 4>);

    /// Number 2.
    #[oneway]
    fn said(&mut self, text: Text<9>);

    /// Number 3.
    #[event]
    fn happened(&mut self, hidden: Secret<Bytes<9>>);
}

fn header(kind: Kind, method: u16, body: &[u8]) -> Header {
    let length = u32::try_from(body.len()).expect("a short body");
    Header { schema: SchemaId([0; 16]), method, kind, correlation: 1, length }
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut body = vec![0; 300];
    let length = encode(value, &mut body).expect("a short value");
    body.truncate(length);
    body
}

/// Remembers the arguments it is shown.
#[derive(Default)]
struct Seen(Vec<(u8, FieldKind, Range<usize>)>);

impl FieldSink for Seen {
    fn field(&mut self, number: u8, kind: FieldKind, range: Range<usize>) {
        self.0.push((number, kind, range));
    }
}

fn seen(sender: Role, kind: Kind, method: u16, body: &[u8]) -> Vec<(u8, FieldKind, Range<usize>)> {
    let mut seen = Seen::default();
    let table = Table::parse(SERVICE.table).expect("a compiled table parses");
    assert_eq!(table.check(sender, &header(kind, method, body), body, &mut seen), Ok(()));
    seen.0
}

#[test]
fn the_policy_is_shown_every_argument_that_is_one_leaf_and_no_secret() {
    let arguments = (
        true,
        200_u8,
        300_u64,
        -3_i16,
        Text::<9>::truncated("hi"),
        Bytes::<9>::try_from([1, 2, 3].as_slice()).unwrap(),
        Colour::Blue,
        Secret::new(Text::<9>::truncated("shh")),
        [9_u8; 4],
    );
    let body = encoded(&arguments);
    let seen = seen(Role::Client, Kind::Call, 0, &body);
    assert_eq!(
        seen,
        [
            (0, FieldKind::Bool(true), 0..1),
            (1, FieldKind::Unsigned(200), 1..2),
            (2, FieldKind::Unsigned(300), 2..4),
            (3, FieldKind::Signed(-3), 4..5),
            (4, FieldKind::Text, 6..8),
            (5, FieldKind::Bytes, 9..12),
            (6, FieldKind::Unsigned(1), 12..13),
            (7, FieldKind::Secret, 14..17),
        ]
    );
    assert_eq!(&body[6..8], b"hi");
    assert_eq!(&body[9..12], [1, 2, 3]);
}

#[test]
fn what_is_no_leaf_is_not_shown() {
    let body = encoded(&(Some(1_u8), (2_u8, 3_u8), List::<u16, 4>::try_from([4, 5].as_slice()).unwrap()));
    assert_eq!(seen(Role::Client, Kind::Call, 1, &body), []);
}

#[test]
fn a_message_of_one_argument_is_shown_as_well() {
    let body = encoded(&Text::<9>::truncated("hi"));
    assert_eq!(seen(Role::Client, Kind::Event, 2, &body), [(0, FieldKind::Text, 1..3)]);
    assert_eq!(seen(Role::Server, Kind::Event, 3, &body), [(0, FieldKind::Secret, 1..3)]);
}

#[test]
fn a_reply_shows_nothing() {
    assert_eq!(seen(Role::Server, Kind::Reply, 0, &[5]), []);
}

#[test]
fn each_end_may_send_only_its_own_kinds_of_message() {
    let table = Table::parse(SERVICE.table).unwrap();
    let text = encoded(&Text::<9>::truncated("hi"));
    let nested = [0, 0, 0, 0];
    let bodies = |method| if method == 1 { nested.as_slice() } else { text.as_slice() };
    let mut allowed = Vec::new();
    for method in 0..4 {
        for sender in [Role::Client, Role::Server] {
            for kind in [Kind::Call, Kind::Reply, Kind::Event, Kind::Error] {
                let body = match (kind, method) {
                    (Kind::Error | Kind::Reply, 0) => [1].as_slice(),
                    (Kind::Error, _) => [1].as_slice(),
                    (Kind::Reply, 1) => [].as_slice(),
                    (_, method) => bodies(method),
                };
                match table.check(sender, &header(kind, method, body), body, &mut ()) {
                    Err(Violation::Kind) => {}
                    // The body does not matter here: the program was found.
                    _ => allowed.push((method, sender, kind)),
                }
            }
        }
    }
    assert_eq!(
        allowed,
        [
            (0, Role::Client, Kind::Call),
            (0, Role::Server, Kind::Reply),
            (0, Role::Server, Kind::Error),
            (1, Role::Client, Kind::Call),
            (1, Role::Server, Kind::Reply),
            (1, Role::Server, Kind::Error),
            (2, Role::Client, Kind::Event),
            (3, Role::Server, Kind::Event),
        ]
    );
    assert_eq!(table.method_count(), 4);
    for method in [4, 5, 0x7fff, 0x8000, 0xffff] {
        let verdict = table.check(Role::Client, &header(Kind::Call, method, &[]), &[], &mut ());
        assert_eq!(verdict, Err(Violation::Method));
    }
}

#[test]
fn a_server_may_send_its_own_error_codes_and_no_others() {
    let table = Table::parse(SERVICE.table).unwrap();
    let check = |body: &[u8]| table.check(Role::Server, &header(Kind::Error, 0, body), body, &mut ());
    for code in 0..=u8::MAX {
        let own = ErrorCode::from_u8(code).is_some_and(|code| !code.is_from_supervisor());
        assert_eq!(check(&[code]), if own { Ok(()) } else { Err(Violation::Tag) }, "{code}");
    }
    assert_eq!(check(&[]), Err(Violation::Truncated));
    assert_eq!(check(&[1, 1]), Err(Violation::Trailing));
}

#[test]
fn a_length_that_is_not_the_bodys_is_refused() {
    let table = Table::parse(SERVICE.table).unwrap();
    let claimed = Header { length: 2, ..header(Kind::Event, 2, &[0]) };
    assert_eq!(table.check(Role::Client, &claimed, &[0], &mut ()), Err(Violation::Length));
}

#[test]
fn secrets_are_marked_in_the_table() {
    let marks = |bytes: &[u8]| bytes.chunks(8).skip(2 + 2 * 4).filter(|word| word[1] & 0x80 != 0).count();
    assert_eq!(marks(SERVICE.table), 2);
}

#[test]
fn sizes_are_those_of_the_longest_messages() {
    assert_eq!(SERVICE.message_max, 50);
    assert_eq!((SERVICE.request_max, SERVICE.reply_max), (50, 10));
    for service in SERVICES {
        assert_eq!(service.message_max, service.request_max.max(service.reply_max));
        assert_eq!(Table::parse(service.table).map(|table| table.message_max()), Ok(service.message_max));
    }
}

#[test]
fn equal_programs_are_stored_once() {
    let unit = Method { name: "m", kind: MethodKind::Call, request: &NOTHING, reply: &Shape::U8 };
    let one = compile("test", &[unit]).size();
    let three = compile("test", &[unit, unit, unit]).size();
    assert_eq!(three - one, 2 * 2 * 8, "a further method costs its two entries and no more");
}

const NOTHING: Shape = Shape::Struct("m", Fields::Named(&[]));

fn compiled(shape: &'static Shape) {
    let value = Box::leak(Box::new([Field { name: "value", shape }]));
    let request = Box::leak(Box::new(Shape::Struct("m", Fields::Named(value))));
    let _ = compile("test", &[Method { name: "m", kind: MethodKind::Oneway, request, reply: &Shape::Unit }]);
}

#[test]
#[should_panic(expected = "nest at most 4 deep")]
fn five_sequences_in_each_other_do_not_compile() {
    compiled(<List<List<List<List<List<u16, 1>, 1>, 1>, 1>, 1> as ipc_proto_wire::Schema>::SHAPE);
}

#[test]
#[should_panic(expected = "takes at least one byte")]
fn a_sequence_of_nothing_does_not_compile() {
    compiled(<List<(), 9> as ipc_proto_wire::Schema>::SHAPE);
}

#[test]
#[should_panic(expected = "use Bytes<N>")]
fn a_list_of_bytes_does_not_compile() {
    compiled(<List<u8, 9> as ipc_proto_wire::Schema>::SHAPE);
}

#[test]
#[should_panic(expected = "longer than 64 KiB")]
fn a_message_over_the_limit_does_not_compile() {
    compiled(<(Bytes<65000>, Bytes<1000>) as ipc_proto_wire::Schema>::SHAPE);
}

#[test]
fn every_cut_of_a_table_is_refused() {
    for service in SERVICES {
        for length in 0..service.table.len() {
            assert!(Table::parse(&service.table[..length]).is_err(), "{} cut to {length}", service.name);
        }
    }
}

#[test]
fn damage_is_named() {
    let check = |word: usize, value: u64, expected: TableError| {
        let mut bytes = compile("test", &[METHOD]).words().to_vec();
        bytes[word] = value;
        let bytes: Vec<u8> = bytes.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(Table::parse(&bytes).map(|_| ()), Err(expected), "word {word} = {value:#x}");
    };
    // Words: 0 magic, 1 limits, 2 and 3 entries, 4 LIST, 5 VARINT, 6 NEXT, 7 END, 8 BYTE, 9 END, 10 CODE, 11 END.
    let words = compile("test", &[METHOD]).words().to_vec();
    assert_eq!(words.len(), 12);
    let (list, varint, next) = (words[4], words[5], words[6]);
    check(0, 0, TableError::Magic);
    check(0, words[0] + (1 << 32), TableError::Magic);
    check(0, words[0] + (1 << 40), TableError::Loop);
    check(0, words[0] & !(0xff << 40), TableError::Limit);
    check(1, words[1] + 1, TableError::Length);
    check(1, words[1] | 1 << 50, TableError::Limit);
    check(2, words[2] + (1 << 16), TableError::Method);
    check(2, words[2] | 1 << 48, TableError::Method);
    check(3, 0, TableError::Method);
    check(4, list + (1 << 16), TableError::Loop);
    check(4, list & 0xffff_ffff | 65537 << 32, TableError::Op);
    check(4, varint, TableError::Loop);
    check(5, next, TableError::Loop);
    check(5, 10, TableError::Loop);
    check(5, 12 | 1 << 32 | 1 << 16, TableError::Loop);
    check(5, varint | 1 << 16, TableError::Op);
    check(5, varint + (1 << 32), TableError::Op);
    check(5, 7 | 1 << 16, TableError::Target);
    check(5, 7 | 99 << 16, TableError::Target);
    check(5, 9 | 2 << 32, TableError::Op);
    check(5, 99, TableError::Op);
    check(6, varint, TableError::Loop);
    check(11, varint, TableError::Op);
}

#[test]
fn a_jump_into_a_loop_out_of_a_loop_or_into_another_program_is_refused() {
    const OPTION: u64 = 7;
    let check = |request: &'static [Field], option: usize, ahead: u64, expected: Result<(), TableError>| {
        let request: &'static Shape = Box::leak(Box::new(Shape::Struct("m", Fields::Named(request))));
        let method = Method { request, kind: MethodKind::Oneway, ..METHOD };
        let other = Method { request: &NOTHING, ..method };
        let mut words = compile("test", &[method, other]).words().to_vec();
        assert_eq!(words[option] & 0xff, OPTION);
        words[option] = OPTION | ahead << 16;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(Table::parse(&bytes).map(|_| ()), expected, "{ahead}");
    };
    const OPTION_THEN_LIST: &[Field] = &[
        Field { name: "maybe", shape: &Shape::Option(&Shape::U16) },
        Field { name: "list", shape: &Shape::List(&Shape::U16, 9) },
    ];
    // Words: 6 OPTION, 7 VARINT, 8 LIST, 9 VARINT, 10 NEXT, 11 END; 12 END of the other program.
    check(OPTION_THEN_LIST, 6, 1, Ok(()));
    check(OPTION_THEN_LIST, 6, 2, Err(TableError::Target));
    check(OPTION_THEN_LIST, 6, 3, Err(TableError::Target));
    check(OPTION_THEN_LIST, 6, 4, Ok(()));
    check(OPTION_THEN_LIST, 6, 5, Err(TableError::Target));
    check(OPTION_THEN_LIST, 6, 6, Err(TableError::Target));
    const LIST_OF_OPTIONS: &[Field] =
        &[Field { name: "list", shape: &Shape::List(&Shape::Option(&Shape::U16), 9) }];
    // Words: 6 LIST, 7 OPTION, 8 VARINT, 9 NEXT, 10 END.
    check(LIST_OF_OPTIONS, 7, 1, Ok(()));
    check(LIST_OF_OPTIONS, 7, 2, Err(TableError::Target));
}

const METHOD: Method = Method {
    name: "m",

    kind: MethodKind::Call,
    request: &Shape::Struct(
        "m",
        Fields::Named(&[Field { name: "list", shape: &Shape::List(&Shape::U16, 9) }]),
    ),
    reply: &Shape::U8,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A damaged table is refused, or runs to an end on any body. That it does so without a panic is the whole test:
    /// an endless loop would show as a test that never ends.
    #[test]
    fn a_damaged_table_never_runs_wild(seed: u64, body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut chance = Chance::new(seed);
        let service = SERVICES[usize::try_from(chance.below(6)).expect("six")];
        let mut bytes = service.table.to_vec();
        for _ in 0..=chance.below(3) {
            let at = usize::try_from(chance.below(bytes.len() as u64)).expect("a short table");
            bytes[at] = if chance.byte() & 1 == 0 { chance.byte() & 15 } else { chance.byte() };
        }
        if let Ok(table) = Table::parse(&bytes) {
            let small: Vec<u8> = body.iter().map(|byte| byte & 3).collect();
            for method in 0..table.method_count() {
                for body in [&body, &small] {
                    for (sender, kind) in [(Role::Client, Kind::Call), (Role::Server, Kind::Reply)] {
                        let mut seen = Seen::default();
                        let _ = table.check(sender, &header(kind, method, body), body, &mut seen);
                        prop_assert!(seen.0.iter().all(|(_, _, range)| range.end <= body.len()));
                    }
                }
            }
        }
    }
}

#[test]
fn a_table_knows_whether_its_messages_can_carry_secrets() {
    let has = |service: &ipc_proto_wire::Service| {
        ipc_proto_wire::Table::parse(service.table).map(|table| table.has_secrets())
    };
    assert_eq!(has(&ipc_proto_vault_api::SERVICE), Ok(true));
    assert_eq!(has(&ipc_proto_vault_api::files::SERVICE), Ok(true));
    assert_eq!(has(&ipc_proto_convert_api::SERVICE), Ok(true));
    for service in [
        ipc_proto_block_api::SERVICE,
        ipc_proto_clock_api::SERVICE,
        ipc_proto_console_api::SERVICE,
        ipc_proto_ctl_api::SERVICE,
        ipc_proto_echo_api::SERVICE,
        ipc_proto_links_api::SERVICE,
        ipc_proto_log_api::SERVICE,
        ipc_proto_net_api::SERVICE,
        ipc_proto_open_api::SERVICE,
        ipc_proto_vault_api::keys::SERVICE,
        ipc_proto_volumes_api::SERVICE,
    ] {
        assert_eq!(has(&service), Ok(false), "{}", service.name);
    }
}
