//! What is made and taken in place is what the typed code makes and takes.

use ipc_proto_block_api::{
    Block, BlockError, DATA_MAX, FRAME_MAX, InPlace, READ, SECTOR, SERVICE, WRITE, dispatch,
    dispatch_in_place, put_read, put_write, read_data,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, ErrorCode, Generation, Kind, PortIndex};
use ipc_proto_wire::{Header, decode, encode};
use proptest::prelude::*;

/// Answers by the arguments alone, and writes them down.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    asked: Vec<(u64, Vec<u8>)>,
    error: Option<BlockError>,
}

fn byte(from: u64) -> u8 {
    from.to_le_bytes()[0]
}

impl Told {
    fn answer(&mut self, at: u64, data: &[u8]) -> Result<(), BlockError> {
        self.asked.push((at, data.to_vec()));
        self.error.map_or(Ok(()), Err)
    }
}

impl InPlace for Told {
    fn size(&mut self, _: &Caller) -> Result<u64, BlockError> {
        self.answer(0, &[]).map(|()| 300)
    }

    fn read(&mut self, _: &Caller, from: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.answer(from, &into.len().to_le_bytes())?;
        into.fill(byte(from));
        Ok(())
    }

    fn write(&mut self, _: &Caller, to: u64, data: &[u8]) -> Result<(), BlockError> {
        self.answer(to, data)
    }

    fn flush(&mut self, _: &Caller) -> Result<(), BlockError> {
        self.answer(1, &[])
    }

    fn discard(&mut self, _: &Caller, from: u64, count: u64) -> Result<(), BlockError> {
        self.answer(from, &count.to_le_bytes())
    }
}

/// The same as a typed server, with the checks that are made in place.
struct Typed<'t>(&'t mut Told);

impl Block for Typed<'_> {
    fn size(&mut self, caller: &Caller) -> Result<u64, BlockError> {
        InPlace::size(self.0, caller)
    }

    fn read(&mut self, caller: &Caller, from: u64, count: u16) -> Result<Bytes<DATA_MAX>, BlockError> {
        match count {
            0 => Err(BlockError::Unaligned),
            1..=120 => {
                let mut data = vec![0; usize::from(count) * SECTOR];
                InPlace::read(self.0, caller, from, &mut data)?;
                Ok(Bytes::try_from(data.as_slice()).expect("at most 120 sectors"))
            }
            _ => Err(BlockError::OutOfRange),
        }
    }

    fn write(&mut self, caller: &Caller, to: u64, data: Bytes<DATA_MAX>) -> Result<(), BlockError> {
        if data.is_empty() || !data.len().is_multiple_of(SECTOR) {
            return Err(BlockError::Unaligned);
        }
        InPlace::write(self.0, caller, to, &data)
    }

    fn flush(&mut self, caller: &Caller) -> Result<(), BlockError> {
        InPlace::flush(self.0, caller)
    }

    fn discard(&mut self, caller: &Caller, from: u64, count: u64) -> Result<(), BlockError> {
        InPlace::discard(self.0, caller, from, count)
    }
}

type Answered = Result<Option<Vec<u8>>, ErrorCode>;

/// Hands a body to both; gives the answer on which they agree.
fn both(method: u16, kind: Kind, body: &[u8], error: Option<BlockError>) -> Answered {
    let header = Header { schema: SERVICE.id, method, kind, correlation: 1, length: 0 };
    let caller = Caller { port: PortIndex::new(2).expect("legal"), generation: Generation(1) };
    let (mut one, mut two) = (Told { error, ..Told::default() }, Told { error, ..Told::default() });
    let mut out = vec![0xee; FRAME_MAX];
    let in_place = dispatch_in_place(&mut one, &caller, &header, body, &mut out)
        .map(|length| length.map(|length| out[..length].to_vec()));
    let typed = dispatch(&mut Typed(&mut two), &caller, &header, body, &mut out)
        .map(|length| length.map(|length| out[..length].to_vec()));
    assert_eq!(in_place.is_ok(), typed.is_ok());
    assert!(in_place == typed, "another answer in place");
    assert!(one == two, "something else was asked in place");
    in_place
}

/// Lengths about the places where the length of a length changes, and of many sectors.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![0_usize..3000, Just(127), Just(128), Just(16_383), Just(16_384), Just(DATA_MAX), Just(61_439)]
}

/// Numbers of every length.
fn numbers() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(number, by)| number >> by)
}

proptest! {
    #[test]
    fn a_write_is_the_typed_write(to in numbers(), length in lengths(), cut in 0_usize..20, failing in any::<bool>()) {
        let data = vec![0xa5; length];
        let mut body = vec![0; FRAME_MAX];
        let end = put_write(&mut body, to, &data).expect("it fits");
        let mut typed = vec![0; FRAME_MAX];
        let bytes = Bytes::<DATA_MAX>::try_from(data.as_slice()).expect("it fits");
        let typed_end = encode(&(to, bytes), &mut typed).expect("it fits");
        prop_assert!(body[..end] == typed[..typed_end]);
        let error = failing.then_some(BlockError::Full);
        prop_assert!(both(WRITE, Kind::Call, &body[..end], error).is_ok());
        // Shorter and longer ones are refused.
        prop_assert_eq!(both(WRITE, Kind::Call, &body[..end.saturating_sub(cut + 1)], None), Err(ErrorCode::Malformed));
        prop_assert_eq!(both(WRITE, Kind::Call, &body[..end + 1 + cut], None), Err(ErrorCode::Malformed));
    }

    #[test]
    fn a_read_is_the_typed_read(from in numbers(), count in 0_u16..130, failing in any::<bool>()) {
        let mut body = [0; 32];
        let end = put_read(&mut body, from, count).expect("it fits");
        prop_assert_eq!(decode(&body[..end]), Ok((from, count)));
        let error = failing.then_some(BlockError::Failed);
        let answer = both(READ, Kind::Call, &body[..end], error).expect("a legal call").expect("an answer");
        let typed: Result<Bytes<DATA_MAX>, BlockError> = decode(&answer).expect("a legal reply");
        prop_assert!(read_data(&answer) == Ok(typed.as_ref().map(|data| data.as_slice()).map_err(|error| *error)));
        for cut in [0, 1, answer.len() / 2, answer.len() - 1] {
            let cut = &answer[..cut];
            prop_assert!(read_data(cut).is_err() && decode::<Result<Bytes<DATA_MAX>, BlockError>>(cut).is_err());
        }
    }

    #[test]
    fn any_bytes_are_taken_as_the_typed_code_takes_them(
        method in 0_u16..7,
        event in any::<bool>(),
        body in proptest::collection::vec(prop_oneof![Just(0), Just(0x80), Just(0xff), any::<u8>()], 0..600),
    ) {
        let kind = if event { Kind::Event } else { Kind::Call };
        let answer = both(method, kind, &body, None);
        prop_assert_eq!(answer.is_ok_and(|answer| answer.is_none()), false);
        let typed = decode::<Result<Bytes<DATA_MAX>, BlockError>>(&body);
        let in_place = read_data(&body);
        prop_assert_eq!(in_place.is_ok(), typed.is_ok());
        if let (Ok(in_place), Ok(typed)) = (in_place, typed) {
            prop_assert!(in_place == typed.as_ref().map(|data| data.as_slice()).map_err(|error| *error));
        }
    }
}

#[test]
fn more_than_a_message_carries_is_not_put() {
    let mut body = vec![0; FRAME_MAX];
    assert_eq!(put_write(&mut body, 0, &vec![0; DATA_MAX + 1]), None);
    assert_eq!(put_write(&mut body[..100], 0, &[0; 100]), None);
    assert_eq!(put_read(&mut body[..1], u64::MAX, 1), None);
}
