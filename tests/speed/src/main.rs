//! Does each operation on each message ten times and then twenty times, with a mark after each: callgrind counts from mark
//! to mark, and a tenth of the difference is what one costs, free of whatever happens once.
//!
//! `cargo skep bench` runs this under callgrind and pairs its counts with the lines printed here, which come in the same
//! order. It is compiled with the profile of the supervisor and the qubes. The values are written into place and not
//! moved afterwards, for each rival alike, so that no copy is counted that a server would not make.
//! Not here: what is promised (`build/skep/src/bench`).

#![forbid(unsafe_code)]

mod messages;
mod rival;

use std::hint::black_box;
use std::mem::MaybeUninit;

use ipc_proto_types::{Bytes, Kind, List, Role, Text};
use ipc_proto_wire::Table;
use messages::{LONG, Mixed, PAGE, SERVICE, SHORT, bytes, letters, mixed};
use rkyv::api::low::{access, to_bytes_in_with_alloc};
use rkyv::rancor::Failure;
use rkyv::ser::allocator::SubAllocator;
use rkyv::ser::writer::Buffer;
use rkyv::util::Align;

/// Rounds of the first run of an operation, and of the second.
const ROUNDS: [u32; 2] = [10, 20];
/// Room for the longest message of anybody.
const ROOM: usize = 2 * LONG;

/// The end of a run. Callgrind looks for this function.
#[inline(never)]
fn mark() {
    black_box(());
}

#[inline(never)]
fn repeat(rounds: u32, operation: &mut impl FnMut()) {
    for _ in 0..rounds {
        operation();
    }
}

fn measure(message: &str, operation: &str, mut run: impl FnMut()) {
    mark();
    for rounds in ROUNDS {
        repeat(rounds, &mut run);
        mark();
    }
    println!("{message} {operation}");
}

/// All operations on one message: its name, the number of its method, its type, its value, and the rival's value and type.
macro_rules! message {
    ($name:literal, $length:expr, $method:literal, $type:ty, $value:expr, $archived:ty, $rival:expr) => {{
        type Arguments = ($type,);
        let table = Table::parse(SERVICE.table).expect("made by the attribute");
        let value: Arguments = ($value,);
        let mut body = vec![0; $length];
        let length = ipc_proto_wire::encode(&value, &mut body).expect("made to fit");
        assert_eq!(length, $length, "the length is part of the promise");
        let check = |body: &[u8]| table.check_body(Role::Client, Kind::Call, $method, body, &mut ());
        assert_eq!(check(&body), Ok(()));
        assert_eq!(ipc_proto_wire::decode::<Arguments>(&body).as_ref(), Ok(&value));
        assert_eq!(postcard::from_bytes::<Arguments>(&body).as_ref(), Ok(&value));
        measure($name, "validate", || {
            black_box(check(black_box(&body))).expect("checked above");
        });
        measure($name, "decode", || {
            black_box(&ipc_proto_wire::decode::<Arguments>(black_box(&body)));
        });
        measure($name, "validate+decode", || {
            let body = black_box(body.as_slice());
            if check(body).is_ok() {
                black_box(&ipc_proto_wire::decode::<Arguments>(body));
            }
        });
        measure($name, "postcard-decode", || {
            black_box(&postcard::from_bytes::<Arguments>(black_box(&body)));
        });
        let mut out = vec![0; $length];
        measure($name, "encode", || {
            black_box(&ipc_proto_wire::encode(black_box(&value), black_box(&mut out)));
        });
        measure($name, "postcard-encode", || {
            black_box(&postcard::to_slice(black_box(&value), black_box(&mut out)));
        });
        let rival = $rival;
        let mut archive = Box::new(Align([0_u8; ROOM]));
        let mut scratch = vec![MaybeUninit::<u8>::uninit(); ROOM];
        let mut write = |archive: &mut Align<[u8; ROOM]>| {
            let allocator = SubAllocator::new(&mut scratch);
            let buffer = Buffer::from(&mut archive.0);
            to_bytes_in_with_alloc::<_, _, Failure>(black_box(&rival), buffer, allocator)
                .map_or(0, |buffer| buffer.len())
        };
        let length = write(&mut archive);
        let archived = archive.get(..length).expect("it was written there");
        assert!(access::<$archived, Failure>(archived).is_ok());
        measure($name, "rkyv-access", || {
            black_box(&access::<$archived, Failure>(black_box(archived)));
        });
        measure($name, "rkyv-encode", || {
            black_box(write(black_box(&mut archive)));
        });
    }};
}

fn main() {
    measure("nothing", "nothing", || {});
    short();
    pages();
    long();
}

fn short() {
    let data = bytes(SHORT - 1);
    let text = letters(SHORT - 1);
    message!(
        "bytes-64",
        SHORT,
        0,
        Bytes<64>,
        Bytes::try_from(data.as_slice()).expect("fits"),
        rival::ArchivedBlob,
        rival::Blob { data: data.clone() }
    );
    message!(
        "text-64",
        SHORT,
        1,
        Text<1024>,
        Text::truncated(&text),
        rival::ArchivedBook,
        rival::Book { text: text.clone() }
    );
    message!("fields-64", SHORT, 2, Mixed, mixed(7), rival::ArchivedMixed, rival::Mixed::from(&mixed(7)));
}

fn pages() {
    let text = letters(PAGE - 2);
    let mut records = List::<Mixed, 64>::new();
    for number in 0..63 {
        records.push(mixed(number)).expect("there is room");
    }
    message!(
        "text-4096",
        PAGE,
        3,
        Text<4096>,
        Text::truncated(&text),
        rival::ArchivedBook,
        rival::Book { text: text.clone() }
    );
    message!(
        "records-4033", 1 + 63 * SHORT, 4, List<Mixed, 64>, records.clone(), rival::ArchivedRecords,
        rival::Records { records: records.iter().map(rival::Mixed::from).collect() }
    );
}

fn long() {
    let data = bytes(LONG - 3);
    let text = letters(LONG - 3);
    message!(
        "bytes-65536",
        LONG,
        5,
        Bytes<65533>,
        Bytes::try_from(data.as_slice()).expect("fits"),
        rival::ArchivedBlob,
        rival::Blob { data: data.clone() }
    );
    message!(
        "text-65536",
        LONG,
        6,
        Text<65533>,
        Text::truncated(&text),
        rival::ArchivedBook,
        rival::Book { text: text.clone() }
    );
}
