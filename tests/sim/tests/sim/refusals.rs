//! Messages that break a rule: each is refused, written down, answered if it was a call, and never delivered.

use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{ErrorCode, Kind, Role, SchemaId};
use ipc_proto_wire::{FrameError, HEADER_SIZE, Header, Table, Violation};
use supervisor_monitor::{Outcome, Record, Refusal};
use supervisor_sim::{Cpu, Driven, Driver, Plan, SECOND, World};
use supervisor_vcpu::Ticks;
use tests_sim::probe;
use tests_sim::{Inbox, Qube, frame, recorder};

use Kind::{Call, Error, Event, Reply};

/// The last audit record.
fn last(driven: &Driven<'_, '_, '_>) -> Record {
    let world = driven.world();
    world.monitor().record(world.monitor().records() - 1).unwrap()
}

/// The code in an error frame about call `correlation`.
fn error_in(message: &[u8], correlation: u64) -> ErrorCode {
    let (header, body) = Header::parse(message).unwrap();
    assert_eq!((header.kind, header.correlation, body.len()), (Error, correlation, 1));
    ErrorCode::from_u8(body[0]).unwrap()
}

/// One client, played by `test`, of a service of a server that keeps what it gets.
fn client(service: &'static ipc_proto_wire::Service, test: impl FnOnce(&Driven<'_, '_, '_>, &Inbox)) {
    let (mut plan, inbox) = (Plan::new(&["client", "server"]), Inbox::default());
    plan.channel("client", "server", service).depth = 16;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| recorder(&inbox));
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    driven.sleep(SECOND / 100);
    test(&driven, &inbox);
}

/// The client says `message`; it is refused for `why`, and the client hears `told`, if anything.
fn refused(message: &[u8], why: Refusal, told: Option<ErrorCode>) {
    client(&probe::SERVICE, |client, inbox| {
        client.send(0, message);
        let record = last(client);
        let outcome = (record.outcome, record.why, record.from, record.to);
        assert_eq!(outcome, (Outcome::Refused, why.code(), 0, 1), "{message:?}");
        assert_eq!(client.world().monitor().carried(), (0, 1));
        let heard = client.next_message(0).map(|message| error_in(&message, 1));
        assert_eq!(heard, told, "{message:?}");
        assert_eq!(client.next_message(0), None);
        assert!(inbox.borrow().is_empty(), "it was delivered");
        // The channel goes on.
        client.send(0, &frame(&probe::SERVICE, 3, Event, 0, b"\x02ok"));
        client.sleep(SECOND / 100);
        assert_eq!(inbox.borrow().len(), 1);
    });
}

#[test]
fn a_frame_that_is_none_is_refused() {
    let good = frame(&probe::SERVICE, 3, Event, 0, b"\x02ok");
    let with = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        bad
    };
    refused(&good[..31], Refusal::Frame(FrameError::Short), None);
    refused(&[], Refusal::Frame(FrameError::Short), None);
    refused(&with(18, 0), Refusal::Frame(FrameError::Kind), None);
    refused(&with(18, 5), Refusal::Frame(FrameError::Kind), None);
    refused(&with(19, 1), Refusal::Frame(FrameError::Reserved), None);
    refused(&with(20, 2), Refusal::Frame(FrameError::Length), None);
    refused(&with(20, 4), Refusal::Frame(FrameError::Length), None);
    refused(&with(23, 0xff), Refusal::Frame(FrameError::Length), None);
    refused(&with(24, 1), Refusal::Frame(FrameError::Correlation), None);
    refused(&with(18, 1), Refusal::Frame(FrameError::Correlation), None);
}

#[test]
fn a_message_of_another_schema_is_refused() {
    refused(&frame(&echo::SERVICE, 3, Call, 1, &[]), Refusal::Schema, None);
    let mut nearly = frame(&probe::SERVICE, 3, Event, 0, b"\x02ok");
    nearly[15] ^= 1;
    refused(&nearly, Refusal::Schema, None);
}

#[test]
fn a_body_that_breaks_the_schema_is_refused_and_its_caller_told() {
    let call = |method, body: &[u8], violation| {
        let message = frame(&probe::SERVICE, method, Call, 1, body);
        refused(&message, Refusal::Body(violation), Some(ErrorCode::Malformed));
    };
    call(0, b"\x01a\x50\x01!", Violation::Trailing);
    call(0, b"\x01a\x50", Violation::Truncated);
    call(0, b"", Violation::Truncated);
    call(0, b"\x01a\xd0\x00\x01", Violation::Varint);
    call(0, b"\x01a\xff\xff\x04\x01", Violation::Varint);
    call(0, b"\x81\x00a\x50\x01", Violation::Varint);
    call(0, b"\x02\xc3\x28\x50\x01", Violation::Utf8);
    call(0, b"\x01a\x50\x02", Violation::Bool);
    call(0, &[&[33][..], &[b'a'; 33], b"\x50\x01"].concat(), Violation::Bound);
    call(0, b"\xff\xff\xff\xff\x0fa", Violation::Bound);
    call(9, b"", Violation::Method);
    call(u16::MAX, b"", Violation::Method);
    call(3, b"\x02ok", Violation::Kind);
    call(4, b"\x01", Violation::Kind);
}

#[test]
fn a_kind_of_message_that_is_the_servers_is_refused_from_a_client() {
    let say = |method, kind, correlation, body: &[u8]| {
        refused(
            &frame(&probe::SERVICE, method, kind, correlation, body),
            Refusal::Body(Violation::Kind),
            None,
        );
    };
    say(0, Reply, 1, &[1]);
    say(0, Error, 1, &[1]);
    say(4, Event, 0, &[1]);
    say(0, Event, 0, b"\x01a\x50\x01");
}

#[test]
fn calls_are_numbered_from_one_without_gaps() {
    client(&probe::SERVICE, |client, inbox| {
        let call = |correlation, expected: Option<ErrorCode>| {
            client.send(0, &frame(&probe::SERVICE, 1, Call, correlation, &[0]));
            assert_eq!(
                client.receive(0).map(|message| error_in(&message, correlation)),
                expected,
                "{correlation}"
            );
        };
        let bad = Some(ErrorCode::BadCorrelation);
        call(2, bad);
        call(u64::MAX, bad);
        call(1, None);
        call(1, bad);
        call(3, bad);
        call(2, None);
        // A call that was refused for its body has used up its number.
        client.send(0, &frame(&probe::SERVICE, 1, Call, 3, &[]));
        assert_eq!(error_in(&client.receive(0).unwrap(), 3), ErrorCode::Malformed);
        call(3, bad);
        call(4, None);
        client.sleep(SECOND / 100);
        assert_eq!(inbox.borrow().len(), 3);
        assert_eq!(last(client).why, 0);
    });
}

#[test]
fn a_ninth_call_without_an_answer_is_refused_and_uses_up_its_number() {
    client(&probe::SERVICE, |client, inbox| {
        for correlation in 1..=8 {
            client.send(0, &frame(&probe::SERVICE, 1, Call, correlation, &[0]));
            assert_eq!(client.receive(0), None);
        }
        for correlation in 9..=12 {
            client.send(0, &frame(&probe::SERVICE, 1, Call, correlation, &[0]));
            assert_eq!(error_in(&client.receive(0).unwrap(), correlation), ErrorCode::TooManyCalls);
            let record = last(client);
            assert_eq!((record.outcome, record.why), (Outcome::Refused, Refusal::TooManyCalls.code()));
        }
        client.sleep(SECOND / 100);
        assert_eq!(inbox.borrow().len(), 8);
    });
}

#[test]
fn a_call_too_large_for_the_servers_buffers_is_refused_and_over() {
    let mut plan = Plan::new(&["client", "server"]);
    plan.channel("client", "server", &echo::SERVICE).depth = 16;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| {
        let mut small = false;
        Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
            // It posts buffers of 64 bytes from the first message on.
            let rx = &mut driver.ports[0].rx;
            if !std::mem::replace(&mut small, true) {
                for slot in 0..rx.size {
                    rx.describe(cpu.ram(), slot, rx.buffer(slot), 64, supervisor_sim::WRITE, 0);
                }
            }
            Ticks::NEVER
        })
    });
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    client.sleep(SECOND / 100);
    // Eight of them, and more: none may be left open.
    for correlation in 1..=20 {
        let body = [&[64][..], &[b'x'; 64]].concat();
        client.send(0, &frame(&echo::SERVICE, 0, Call, correlation, &body));
        assert_eq!(error_in(&client.receive(0).unwrap(), correlation), ErrorCode::TooLarge);
        assert_eq!(last(&client).why, Refusal::ReceiverTooSmall.code());
    }
    client.send(0, &frame(&echo::SERVICE, 0, Call, 21, b"\x01x"));
    assert_eq!(client.receive(0), None);
    assert_eq!(last(&client).outcome, Outcome::Allowed);
}

#[test]
fn a_message_to_a_peer_that_never_opened_is_refused() {
    let mut plan = Plan::new(&["client", "server"]);
    plan.channel("client", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    client.send(0, &frame(&echo::SERVICE, 3, Call, 1, &[]));
    assert_eq!(last(&client).why, Refusal::PeerGone.code());
    assert_eq!(error_in(&client.receive(0).unwrap(), 1), ErrorCode::PeerGone);
    let mut port = client.port(0);
    assert_eq!(EchoClient::new(&mut port).sunk(), Err(CallError::PeerGone));
}

/// What the played server does with the call it got, and what its client then hears.
fn answer(messages: &[(u16, Kind, u64, &[u8])], why: Refusal, told: Option<(Kind, u8)>) {
    let (mut plan, inbox) = (Plan::new(&["client", "server", "other"]), Inbox::default());
    plan.channel("client", "server", &probe::SERVICE);
    plan.channel("other", "server", &probe::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    for name in ["client", "other"] {
        let inbox = inbox.clone();
        world.program(name, move |_| {
            let (inbox, mut called) = (inbox.clone(), false);
            Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
                while let Some(message) = driver.receive(cpu, 0) {
                    inbox.borrow_mut().push((0, message));
                }
                let call = frame(&probe::SERVICE, 1, Call, 1, &[0]);
                if name == "client" && !called && driver.send(cpu, 0, &call).is_ok() {
                    called = true;
                }
                Ticks::NEVER
            })
        });
    }
    let server = world.drive("server");
    world.boot();
    let server = Driven::start(&mut world, server);
    assert_eq!(server.next_message(0), Some(frame(&probe::SERVICE, 1, Call, 1, &[0])));
    for (method, kind, correlation, body) in messages {
        server.send(0, &frame(&probe::SERVICE, *method, *kind, *correlation, body));
    }
    let record = last(&server);
    let outcome = (record.outcome, record.why, record.from, record.to);
    assert_eq!(outcome, (Outcome::Refused, why.code(), 1, 0), "{messages:?}");
    server.sleep(SECOND / 100);
    let heard: Vec<_> =
        inbox.borrow().iter().map(|(_, message)| (message[18], message[HEADER_SIZE])).collect();
    let expected: Vec<_> = told.into_iter().map(|(kind, byte)| (kind.as_u8(), byte)).collect();
    assert_eq!(heard, expected, "{messages:?}");
}

#[test]
fn an_answer_to_no_open_call_is_refused_and_heard_by_nobody() {
    for wrong in [(1, 2), (1, 9), (1, u64::MAX), (0, 1), (9, 1), (u16::MAX, 1)] {
        answer(&[(wrong.0, Reply, wrong.1, &[5])], Refusal::NoSuchCall, None);
        answer(&[(wrong.0, Error, wrong.1, &[1])], Refusal::NoSuchCall, None);
    }
}

#[test]
fn a_second_answer_to_a_call_is_refused() {
    answer(&[(1, Reply, 1, &[5]), (1, Reply, 1, &[6])], Refusal::NoSuchCall, Some((Reply, 5)));
    answer(&[(1, Error, 1, &[2]), (1, Reply, 1, &[6])], Refusal::NoSuchCall, Some((Error, 2)));
}

#[test]
fn an_answer_that_breaks_the_schema_is_refused_and_the_client_hears_that_its_server_failed() {
    let internal = Some((Error, ErrorCode::Internal.as_u8()));
    answer(&[(1, Reply, 1, &[])], Refusal::Body(Violation::Truncated), internal);
    answer(&[(1, Reply, 1, &[1, 2])], Refusal::Body(Violation::Trailing), internal);
}

#[test]
fn an_error_code_that_is_the_supervisors_is_refused_from_a_server() {
    let internal = Some((Error, ErrorCode::Internal.as_u8()));
    for code in 0x80..=0xff {
        answer(&[(1, Error, 1, &[code])], Refusal::ForgedError, internal);
    }
    for body in [&[0][..], &[4], &[], &[1, 1]] {
        answer(&[(1, Error, 1, body)], Refusal::ForgedError, internal);
    }
}

#[test]
fn a_server_cannot_call_its_client() {
    answer(&[(1, Call, 1, &[0])], Refusal::Body(Violation::Kind), None);
    answer(&[(3, Event, 0, b"\x02ok")], Refusal::Body(Violation::Kind), None);
    answer(&[(4, Event, 0, &[])], Refusal::Body(Violation::Truncated), None);
}

#[test]
fn short_byte_strings_pass_exactly_when_the_schema_says_so() {
    // Calls, events and answers of this shape take a short cut.
    let table = Table::parse(echo::SERVICE.table).unwrap();
    let mut bodies = vec![vec![]];
    for length in 0..=70u8 {
        for count in [0, 1, 63, 64, 65, 127, 128, 192, 255, length, length.wrapping_sub(1), length + 1] {
            bodies.push([&[count][..], &vec![0xff; length.into()]].concat());
            bodies.push([&[count | 0x80, 0][..], &vec![7; length.into()]].concat());
        }
    }
    client(&echo::SERVICE, |client, inbox| {
        let mut delivered = 0;
        for body in &bodies {
            // An event each: it needs no number and leaves no call open.
            let length = u32::try_from(body.len()).unwrap();
            let header = Header { schema: echo::SERVICE.id, method: 2, kind: Event, correlation: 0, length };
            let expected = table.check(Role::Client, &header, body, &mut ());
            client.send(0, &frame(&echo::SERVICE, 2, Event, 0, body));
            let record = last(client);
            let why = expected.map_or_else(|violation| Refusal::Body(violation).code(), |()| 0);
            assert_eq!((record.why, record.size, record.method), (why, length, 2), "{body:?}");
            client.sleep(SECOND / 10_000);
            delivered += usize::from(expected.is_ok());
            assert_eq!(inbox.borrow().len(), delivered, "{body:?}");
        }
        assert!(delivered > 65, "every length at least");
    });
    for body in bodies.iter().step_by(7) {
        let length = u32::try_from(body.len()).unwrap();
        let header = Header { schema: echo::SERVICE.id, method: 1, kind: Call, correlation: 1, length };
        let expected = table.check(Role::Client, &header, body, &mut ());
        client(&echo::SERVICE, |client, inbox| {
            client.send(0, &frame(&echo::SERVICE, 1, Call, 1, body));
            let told = client.receive(0).map(|message| error_in(&message, 1));
            assert_eq!(told, expected.err().map(|_| ErrorCode::Malformed), "{body:?}");
            client.sleep(SECOND / 1000);
            assert_eq!(inbox.borrow().len(), usize::from(expected.is_ok()));
        });
    }
}

#[test]
fn a_schema_id_of_zeros_is_nobodys() {
    let mut message = frame(&probe::SERVICE, 3, Event, 0, b"\x02ok");
    message[..16].copy_from_slice(&SchemaId::default().0);
    refused(&message, Refusal::Schema, None);
}
