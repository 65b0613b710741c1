//! The services: a channel is one volume, whatever its messages say, and a client gets refusals at most.

#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, or cut on purpose")]

mod simulated;

use ipc_proto_block_api::{self as block, BlockError, DATA_MAX, InPlace, SECTOR, dispatch_in_place};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, ErrorCode, Generation, Kind, PortIndex, Text};
use ipc_proto_volumes_api::{Volumes, VolumesError};
use ipc_proto_wire::{Header, decode, encode};
use proptest::prelude::*;
use simulated::Ram;
use unikernels_storage_core::{Name, Server, Store};

fn name(text: &str) -> Name {
    Name::new(text).expect("a legal name")
}

fn text(text: &str) -> Text<32> {
    Text::try_from(text).expect("short")
}

fn caller(port: u8) -> Caller {
    Caller { port: PortIndex::new(port).expect("legal"), generation: Generation(1) }
}

/// Two volumes, behind ports 1 and 2.
fn server() -> Server<Ram> {
    let mut store = Store::format(Ram::new(5400)).expect("it is large enough");
    for (volume, sectors) in [("one", 300), ("two", 200)] {
        store.make(&name(volume), sectors).expect("there is room");
    }
    let mut server = Server::new(store);
    for (port, volume) in [(1, "one"), (2, "two"), (3, "later")] {
        server.bind(PortIndex::new(port).expect("legal"), name(volume));
    }
    server
}

/// Sends a call as bytes; gives the body of the reply.
fn call(server: &mut Server<Ram>, port: u8, method: u16, body: &[u8]) -> Result<Option<Vec<u8>>, ErrorCode> {
    let header = Header { schema: block::SERVICE.id, method, kind: Kind::Call, correlation: 1, length: 0 };
    let mut out = vec![0; block::FRAME_MAX];
    let length = dispatch_in_place(server, &caller(port), &header, body, &mut out)?;
    Ok(length.map(|length| out[..length].to_vec()))
}

#[test]
fn each_channel_reads_what_it_wrote_and_nothing_else() {
    let mut server = server();
    for (port, byte) in [(1, 0x11), (2, 0x22)] {
        let mut body = vec![0; block::FRAME_MAX];
        let end = block::put_write(&mut body, 80, &[byte; DATA_MAX]).expect("it fits");
        let reply = call(&mut server, port, block::WRITE, &body[..end]).expect("legal").expect("a reply");
        assert_eq!(decode(&reply), Ok(Ok::<(), BlockError>(())));
    }
    for (port, byte, sectors) in [(1, 0x11, 300_u64), (2, 0x22, 200)] {
        let mut body = [0; 16];
        let end = block::put_read(&mut body, 80, 120).expect("it fits");
        let reply = call(&mut server, port, block::READ, &body[..end]).expect("legal").expect("a reply");
        let data: Result<Bytes<DATA_MAX>, BlockError> = decode(&reply).expect("a legal reply");
        assert!(data.is_ok_and(|data| data.len() == DATA_MAX && data.iter().all(|it| *it == byte)));
        assert_eq!(InPlace::size(&mut server, &caller(port)), Ok(sectors));
        assert_eq!(
            InPlace::read(&mut server, &caller(port), sectors, &mut [0; SECTOR]),
            Err(BlockError::OutOfRange)
        );
    }
}

#[test]
fn a_channel_without_a_volume_is_told_that_there_is_none_until_it_is_made() {
    let mut server = server();
    for port in [0, 3, 23] {
        assert_eq!(InPlace::size(&mut server, &caller(port)), Err(BlockError::Gone));
        assert_eq!(InPlace::write(&mut server, &caller(port), 0, &[0; SECTOR]), Err(BlockError::Gone));
        assert_eq!(InPlace::flush(&mut server, &caller(port)), Err(BlockError::Gone));
    }
    assert_eq!(Volumes::make(&mut server, &caller(9), text("later"), 7), Ok(()));
    assert_eq!(InPlace::size(&mut server, &caller(3)), Ok(7));
    assert!(Volumes::erase(&mut server, &caller(9), text("later")).is_ok());
    assert_eq!(InPlace::discard(&mut server, &caller(3), 0, 1), Err(BlockError::Gone));
}

#[test]
fn the_administrator_is_refused_what_can_not_be_with_the_reason() {
    let mut server = server();
    let it = caller(9);
    assert_eq!(Volumes::make(&mut server, &it, text("../x"), 7), Err(VolumesError::BadName));
    assert_eq!(Volumes::make(&mut server, &it, text("one"), 7), Err(VolumesError::Exists));
    assert_eq!(Volumes::make(&mut server, &it, text("x"), 0), Err(VolumesError::BadSize));
    assert_eq!(Volumes::make(&mut server, &it, text("x"), u64::MAX), Err(VolumesError::BadSize));
    assert_eq!(Volumes::make(&mut server, &it, text("x"), 1 << 20), Err(VolumesError::Full));
    assert_eq!(Volumes::grow(&mut server, &it, text("one"), 299), Err(VolumesError::Shrinks));
    assert_eq!(Volumes::grow(&mut server, &it, text("one"), 100), Err(VolumesError::Shrinks));
    assert_eq!(Volumes::grow(&mut server, &it, text("x"), 100), Err(VolumesError::NoSuchVolume));
    assert_eq!(Volumes::grow(&mut server, &it, text("one"), 1 << 20), Err(VolumesError::Full));
    assert_eq!(Volumes::clone(&mut server, &it, text("x"), text("y")), Err(VolumesError::NoSuchVolume));
    assert_eq!(Volumes::clone(&mut server, &it, text("one"), text("two")), Err(VolumesError::Exists));
    assert_eq!(Volumes::erase(&mut server, &it, text("x")), Err(VolumesError::NoSuchVolume));
    assert_eq!(Volumes::list(&mut server, &it, 0).total, 2);
}

#[test]
fn there_are_64_volumes_at_most_and_pages_list_each_once() {
    let store = Store::format(Ram::new(20_000)).expect("it is large enough");
    let mut server = Server::new(store);
    let it = caller(9);
    for number in 0..64 {
        let name = text(&format!("volume-{number}"));
        assert_eq!(Volumes::make(&mut server, &it, name, 1), Ok(()));
    }
    assert_eq!(Volumes::make(&mut server, &it, text("more"), 1), Err(VolumesError::TooMany));
    assert_eq!(Volumes::clone(&mut server, &it, text("volume-0"), text("more")), Err(VolumesError::TooMany));
    let mut names = Vec::new();
    while let Some(volume) = Volumes::list(&mut server, &it, names.len() as u16).volumes.pop() {
        let page = Volumes::list(&mut server, &it, names.len() as u16);
        assert_eq!((page.total, page.volumes.last().map(|last| last.name.clone())), (64, Some(volume.name)));
        names.extend(page.volumes.into_iter().map(|volume| volume.name));
    }
    assert_eq!(names.len(), 64);
    assert!(names.is_sorted_by(|one, next| one < next));
}

#[test]
fn space_is_set_aside_when_a_volume_is_made_and_given_back_when_it_is_erased() {
    let mut server = server();
    let it = caller(9);
    let before = Volumes::space(&mut server, &it);
    assert_eq!(before.sectors - before.free, 128 * (3 + 2));
    assert_eq!(Volumes::clone(&mut server, &it, text("one"), text("copy")), Ok(()));
    assert_eq!(Volumes::space(&mut server, &it).free, before.free - 384);
    assert!(Volumes::erase(&mut server, &it, text("copy")).is_ok());
    assert_eq!(Volumes::space(&mut server, &it), before);
}

proptest! {
    #[test]
    fn a_hostile_client_gets_refusals_and_changes_no_other_volume(
        calls in proptest::collection::vec(
            (0_u16..7, prop_oneof![0_u64..400, Just(u64::MAX), any::<u64>()], any::<u64>(), 0_usize..3000, any::<bool>()),
            1..40,
        ),
    ) {
        let mut server = server();
        prop_assert_eq!(InPlace::write(&mut server, &caller(2), 0, &[0x22; 200 * SECTOR]), Ok(()));
        for (method, at, count, length, strict) in calls {
            let mut body = vec![0; 4096];
            let end = match method {
                1 => block::put_read(&mut body, at, count as u16),
                2 => block::put_write(&mut body, at, &vec![0x11; length]),
                4 => encode(&(at, count), &mut body).ok(),
                _ => Some(0),
            };
            let end = end.expect("it fits") + usize::from(!strict);
            let reply = call(&mut server, 1, method, &body[..end]);
            let expected = if method > 4 { Err(ErrorCode::Unsupported) } else { Err(ErrorCode::Malformed) };
            let right = if strict && method <= 4 { reply.is_ok() } else { reply == expected };
            prop_assert!(right);
        }
        let mut read = vec![0; 200 * SECTOR];
        prop_assert_eq!(InPlace::read(&mut server, &caller(2), 0, &mut read), Ok(()));
        prop_assert!(read.iter().all(|byte| *byte == 0x22));
    }
}
