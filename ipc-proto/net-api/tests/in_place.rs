//! What is made and taken in place is what the typed code makes and takes.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use std::net::IpAddr;

use ipc_proto_net_api::{
    ADDRESSES_MAX, Accepted, Address, DATA_MAX, DATAGRAM_MAX, Datagram, FRAME_MAX, HOST_MAX, Handle, InPlace,
    ListenerId, Net, NetError, POLL_MAX, RECEIVE, RECEIVE_FROM, Readiness, SEND, SEND_TO, SERVICE, SocketId,
    Status, StreamId, dispatch, dispatch_in_place, put_receive, put_send, put_send_to, received,
    received_from,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, ErrorCode, Generation, Kind, List, PortIndex, Text};
use ipc_proto_wire::{Header, decode, encode};
use proptest::prelude::*;

/// Answers as it is told to, and writes down what it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    asked: Vec<String>,
    data: Vec<u8>,
    error: Option<NetError>,
    from: Option<IpAddr>,
}

impl Told {
    fn answer<T>(&mut self, asked: String, answer: T) -> Result<T, NetError> {
        self.asked.push(asked);
        self.error.map_or(Ok(answer), Err)
    }

    fn status() -> Status {
        Status {
            link: true,
            rules: false,
            networks: List::new(),
            routers: List::new(),
            resolvers: List::new(),
        }
    }
}

impl InPlace for Told {
    fn send(&mut self, _: &Caller, stream: StreamId, data: &[u8]) -> Result<usize, NetError> {
        self.answer(format!("send {stream:?} {data:?}"), data.len() / 2)
    }

    fn receive(&mut self, _: &Caller, stream: StreamId, into: &mut [u8]) -> Result<usize, NetError> {
        let count = self.data.len().min(into.len());
        into[..count].copy_from_slice(&self.data[..count]);
        self.answer(format!("receive {stream:?} {}", into.len()), count)
    }

    fn send_to(
        &mut self,
        _: &Caller,
        socket: SocketId,
        host: &str,
        port: u16,
        data: &[u8],
    ) -> Result<(), NetError> {
        self.answer(format!("send_to {socket:?} {host} {port} {data:?}"), ())
    }

    fn receive_from(
        &mut self,
        _: &Caller,
        socket: SocketId,
        into: &mut [u8],
    ) -> Result<(usize, IpAddr, u16), NetError> {
        let count = self.data.len().min(into.len());
        into[..count].copy_from_slice(&self.data[..count]);
        let from = self.from.unwrap_or(IpAddr::from([10, 0, 0, 1]));
        self.answer(format!("receive_from {socket:?}"), (count, from, 50_000))
    }

    fn status(&mut self, _: &Caller) -> Status {
        Self::status()
    }

    fn resolve(&mut self, _: &Caller, name: &str) -> Result<List<Address, ADDRESSES_MAX>, NetError> {
        self.answer(format!("resolve {name}"), List::new())
    }

    fn connect(&mut self, _: &Caller, host: &str, port: u16) -> Result<StreamId, NetError> {
        self.answer(format!("connect {host} {port}"), StreamId(9))
    }

    fn shutdown(&mut self, _: &Caller, stream: StreamId) -> Result<(), NetError> {
        self.answer(format!("shutdown {stream:?}"), ())
    }

    fn close(&mut self, _: &Caller, handle: Handle) -> Result<(), NetError> {
        self.answer(format!("close {handle:?}"), ())
    }

    fn bind_udp(&mut self, _: &Caller, port: u16) -> Result<SocketId, NetError> {
        self.answer(format!("bind_udp {port}"), SocketId(3))
    }

    fn listen(&mut self, _: &Caller, port: u16) -> Result<ListenerId, NetError> {
        self.answer(format!("listen {port}"), ListenerId(4))
    }

    fn accept(&mut self, _: &Caller, listener: ListenerId) -> Result<Accepted, NetError> {
        let accepted = Accepted { stream: StreamId(5), address: Address::V4([1; 4]), port: 6 };
        self.answer(format!("accept {listener:?}"), accepted)
    }

    fn ping(&mut self, _: &Caller, host: &str) -> Result<u32, NetError> {
        self.answer(format!("ping {host}"), 7)
    }

    fn poll(&mut self, _: &Caller, handles: &[Handle]) -> Result<List<Readiness, POLL_MAX>, NetError> {
        self.answer(format!("poll {handles:?}"), List::new())
    }
}

/// The same as a typed server.
struct Typed<'t>(&'t mut Told);

impl Net for Typed<'_> {
    fn status(&mut self, _: &Caller) -> Status {
        Told::status()
    }

    fn send(&mut self, caller: &Caller, stream: StreamId, data: Bytes<DATA_MAX>) -> Result<u32, NetError> {
        InPlace::send(self.0, caller, stream, &data).map(|count| u32::try_from(count).unwrap())
    }

    fn receive(&mut self, caller: &Caller, stream: StreamId, max: u32) -> Result<Bytes<DATA_MAX>, NetError> {
        let mut room = vec![0; usize::try_from(max).unwrap().min(DATA_MAX)];
        let count = InPlace::receive(self.0, caller, stream, &mut room)?;
        Ok(Bytes::try_from(&room[..count]).unwrap())
    }

    fn send_to(
        &mut self,
        caller: &Caller,
        socket: SocketId,
        host: Text<HOST_MAX>,
        port: u16,
        data: Bytes<DATAGRAM_MAX>,
    ) -> Result<(), NetError> {
        InPlace::send_to(self.0, caller, socket, &host, port, &data)
    }

    fn receive_from(&mut self, caller: &Caller, socket: SocketId) -> Result<Datagram, NetError> {
        let mut room = [0; DATAGRAM_MAX];
        let (count, address, port) = InPlace::receive_from(self.0, caller, socket, &mut room)?;
        Ok(Datagram { address: address.into(), port, data: Bytes::try_from(&room[..count]).unwrap() })
    }

    fn resolve(
        &mut self,
        caller: &Caller,
        name: Text<HOST_MAX>,
    ) -> Result<List<Address, ADDRESSES_MAX>, NetError> {
        InPlace::resolve(self.0, caller, &name)
    }

    fn connect(&mut self, caller: &Caller, host: Text<HOST_MAX>, port: u16) -> Result<StreamId, NetError> {
        InPlace::connect(self.0, caller, &host, port)
    }

    fn shutdown(&mut self, caller: &Caller, stream: StreamId) -> Result<(), NetError> {
        InPlace::shutdown(self.0, caller, stream)
    }

    fn close(&mut self, caller: &Caller, handle: Handle) -> Result<(), NetError> {
        InPlace::close(self.0, caller, handle)
    }

    fn bind_udp(&mut self, caller: &Caller, port: u16) -> Result<SocketId, NetError> {
        InPlace::bind_udp(self.0, caller, port)
    }

    fn listen(&mut self, caller: &Caller, port: u16) -> Result<ListenerId, NetError> {
        InPlace::listen(self.0, caller, port)
    }

    fn accept(&mut self, caller: &Caller, listener: ListenerId) -> Result<Accepted, NetError> {
        InPlace::accept(self.0, caller, listener)
    }

    fn ping(&mut self, caller: &Caller, host: Text<HOST_MAX>) -> Result<u32, NetError> {
        InPlace::ping(self.0, caller, &host)
    }

    fn poll(
        &mut self,
        caller: &Caller,
        handles: List<Handle, POLL_MAX>,
    ) -> Result<List<Readiness, POLL_MAX>, NetError> {
        InPlace::poll(self.0, caller, &handles)
    }
}

fn caller() -> Caller {
    Caller { port: PortIndex::new(0).unwrap(), generation: Generation(1) }
}

fn header(method: u16, length: usize) -> Header {
    let length = u32::try_from(length).unwrap();
    Header { schema: SERVICE.id, method, kind: Kind::Call, correlation: 1, length }
}

type Answer = Result<Vec<u8>, ErrorCode>;

/// Both servers' answers to a body, and what each was asked.
fn both(told: &Told, method: u16, body: &[u8]) -> [(Answer, Told); 2] {
    let (mut in_place, mut typed) = (told.clone(), told.clone());
    let header = header(method, body.len());
    let mut out = vec![0xaa; FRAME_MAX];
    let first = dispatch_in_place(&mut in_place, &caller(), &header, body, &mut out)
        .map(|length| out[..length.unwrap()].to_vec());
    let mut out = vec![0x55; FRAME_MAX];
    let second = dispatch(&mut Typed(&mut typed), &caller(), &header, body, &mut out)
        .map(|length| out[..length.unwrap()].to_vec());
    [(first, in_place), (second, typed)]
}

fn agree(told: &Told, method: u16, body: &[u8]) -> Answer {
    let [first, second] = both(told, method, body);
    assert!(first == second, "method {method}, body {:?}", &body[..body.len().min(40)]);
    first.0
}

/// Lengths at which the number of bytes of a length changes.
fn length(max: usize) -> impl Strategy<Value = usize> {
    prop_oneof![0..200_usize, Just(127), Just(128), Just(16_383.min(max)), Just(16_384.min(max)), Just(max)]
}

fn error() -> impl Strategy<Value = Option<NetError>> {
    prop_oneof![Just(None), Just(Some(NetError::WouldBlock)), Just(Some(NetError::TooLong))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn bytes_in_place_are_those_of_the_typed_code(
        stream in any::<u32>(), length in length(DATA_MAX), byte in any::<u8>(), error in error(), max in any::<u32>(),
    ) {
        let data = vec![byte; length];
        let told = Told { data: data.clone(), error, ..Told::default() };
        let mut body = vec![0; FRAME_MAX];
        let end = put_send(&mut body, StreamId(stream), &data).unwrap();
        let mut typed = vec![0; FRAME_MAX];
        let typed_end = encode(&(StreamId(stream), Bytes::<DATA_MAX>::try_from(&data[..]).unwrap()), &mut typed).unwrap();
        prop_assert!(body[..end] == typed[..typed_end]);
        agree(&told, SEND, &body[..end]).unwrap();

        let max = if byte % 2 == 0 { max } else { u32::try_from(length).unwrap() };
        let end = put_receive(&mut body, StreamId(stream), max).unwrap();
        let reply = agree(&told, RECEIVE, &body[..end]).unwrap();
        let ours = received(&reply).unwrap().map(<[u8]>::to_vec);
        let theirs: Result<Bytes<DATA_MAX>, NetError> = decode(&reply).unwrap();
        prop_assert!(ours == theirs.map(|data| data.to_vec()));
    }

    #[test]
    fn datagrams_in_place_are_those_of_the_typed_code(
        socket in any::<u32>(), length in length(DATAGRAM_MAX), byte in any::<u8>(), port in any::<u16>(), error in error(),
        six in any::<u128>(), host in "[a-z:.é]{0,60}",
    ) {
        let data = vec![byte; length.min(DATAGRAM_MAX)];
        let from = if byte % 2 == 0 { IpAddr::V6(six.into()) } else { IpAddr::from([byte; 4]) };
        let told = Told { data: data.clone(), error, from: Some(from), ..Told::default() };
        let mut body = vec![0; FRAME_MAX];
        let end = put_send_to(&mut body, SocketId(socket), &host, port, &data).unwrap();
        let mut typed = vec![0; FRAME_MAX];
        let host = Text::<HOST_MAX>::try_from(host.as_str()).unwrap();
        let bytes = Bytes::<DATAGRAM_MAX>::try_from(&data[..]).unwrap();
        let typed_end = encode(&(SocketId(socket), host, port, bytes), &mut typed).unwrap();
        prop_assert!(body[..end] == typed[..typed_end]);
        agree(&told, SEND_TO, &body[..end]).unwrap();

        let end = encode(&SocketId(socket), &mut body).unwrap();
        let reply = agree(&told, RECEIVE_FROM, &body[..end]).unwrap();
        let theirs: Result<Datagram, NetError> = decode(&reply).unwrap();
        let ours = received_from(&reply).unwrap();
        let ours = ours.map(|(address, port, data)| (address, port, data.to_vec()));
        prop_assert_eq!(ours, theirs.map(|datagram| (datagram.address, datagram.port, datagram.data.to_vec())));
    }

    #[test]
    fn any_body_is_understood_alike(method in 0..17_u16, body in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = agree(&Told::default(), method, &body);
    }

    #[test]
    fn any_reply_is_read_as_the_typed_code_reads_it(body in prop::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..40)) {
        let typed = decode::<Result<Bytes<DATA_MAX>, NetError>>(&body);
        prop_assert_eq!(
            received(&body).ok().map(|reply| reply.map(<[u8]>::to_vec)),
            typed.ok().map(|reply| reply.map(|data| data.to_vec()))
        );
        let typed = decode::<Result<Datagram, NetError>>(&body);
        prop_assert_eq!(
            received_from(&body).ok().map(|reply| reply.map(|(address, port, data)| (address, port, data.to_vec()))),
            typed.ok().map(|reply| reply.map(|reply| (reply.address, reply.port, reply.data.to_vec())))
        );
    }
}

#[test]
fn what_a_message_does_not_carry_is_not_put_into_one() {
    let mut body = vec![0; FRAME_MAX];
    assert_eq!(put_send(&mut body, StreamId(1), &vec![0; DATA_MAX + 1]), None);
    assert_eq!(put_send_to(&mut body, SocketId(1), "a", 1, &[0; DATAGRAM_MAX + 1]), None);
    assert_eq!(put_send_to(&mut body, SocketId(1), &"a".repeat(HOST_MAX + 1), 1, &[]), None);
    assert_eq!(put_send(&mut [0; 8], StreamId(1), &[0; 8]), None);
}

#[test]
fn every_truncation_of_a_message_is_malformed_in_both() {
    let mut body = [0; 64];
    let end = put_send_to(&mut body, SocketId(300), "10.0.0.1", 9, b"hello").unwrap();
    for short in 0..end {
        assert_eq!(agree(&Told::default(), SEND_TO, &body[..short]), Err(ErrorCode::Malformed), "{short}");
    }
    let end = put_send(&mut body, StreamId(300), b"hello").unwrap();
    for short in 0..end {
        assert_eq!(agree(&Told::default(), SEND, &body[..short]), Err(ErrorCode::Malformed), "{short}");
    }
}
