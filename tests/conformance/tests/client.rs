//! A client believes nothing it did not ask for, and says what happened to the peer exactly once.

use std::rc::Rc;

use ipc_proto_echo_api::{Echo, EchoClient, SERVICE};
use ipc_proto_rpc::{CallError, Caller, OPEN_WAIT_MS, Port, PortState};
use ipc_proto_types::{Bytes, ErrorCode, Generation, Kind, SchemaId, Text};
use ipc_proto_wire::{Header, encode};
use tests_conformance::channel::{self, FakePort, Handle, Shared, TICKS_PER_SECOND, channel};

/// Method numbers of the echo service.
const SAY: u16 = 0;
const BYTES: u16 = 1;

#[derive(Default)]
struct Echoing {
    sunk: u64,
}

impl Echo for Echoing {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        text
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {
        self.sunk += 1;
    }

    fn sunk(&mut self, _: &Caller) -> u64 {
        self.sunk
    }
}

/// A client's port with a good server behind it.
fn echoing() -> (FakePort, Handle) {
    let (client, mut server, shared) = channel(SERVICE.id);
    let (mut echo, mut buffers) = (Echoing::default(), ipc_proto_echo_api::Buffers::new());
    let client = client.while_asleep(move || {
        ipc_proto_echo_api::serve(&mut echo, &mut server, &mut buffers);
        server.flush();
    });
    (client, shared)
}

/// A client's port whose peer does what `script` says.
fn scripted(mut script: impl FnMut(&mut Shared) + 'static) -> (FakePort, Handle) {
    let (client, _, shared) = channel(SERVICE.id);
    let world = Rc::clone(&shared);
    (client.while_asleep(move || script(&mut world.borrow_mut())), shared)
}

fn frame(kind: Kind, method: u16, correlation: u64, body: &[u8]) -> Vec<u8> {
    channel::frame(SERVICE.id, kind, method, correlation, body)
}

fn text(text: &str) -> Text<1024> {
    Text::truncated(text)
}

/// The body of a reply of `say`.
fn said(words: &str) -> Vec<u8> {
    let mut body = [0; 1100];
    let length = encode(&text(words), &mut body).expect("1100 bytes hold any text of 1024");
    body[..length].to_vec()
}

#[test]
fn a_call_brings_the_reply() {
    let (mut port, shared) = echoing();
    let mut echo = EchoClient::new(&mut port);
    assert_eq!(echo.say(text("grüße")).as_deref(), Ok("grüße"));
    assert_eq!(echo.bytes(Bytes::from([7; 64])).as_deref(), Ok([7; 64].as_slice()));
    assert_eq!(echo.sunk(), Ok(0));
    assert_eq!(shared.borrow().client.slept, 3, "one sleep a call");
}

#[test]
fn what_is_told_is_sent_with_the_next_sleep() {
    let (mut port, shared) = echoing();
    let mut echo = EchoClient::new(&mut port);
    for _ in 0..5 {
        echo.sink(Bytes::new()).unwrap();
    }
    assert_eq!(shared.borrow().client.slept, 0);
    assert_eq!(echo.sunk(), Ok(5));
}

#[test]
fn telling_more_than_the_queue_holds_waits_for_room() {
    let (mut port, shared) = echoing();
    let mut echo = EchoClient::new(&mut port);
    for _ in 0..100 {
        echo.sink(Bytes::new()).unwrap();
    }
    assert_eq!(echo.sunk(), Ok(100));
    assert!(shared.borrow().client.slept < 20);
}

#[test]
fn correlations_count_up_from_one_in_each_life() {
    let (mut port, _, shared) = channel(SERVICE.id);
    let mut echo = EchoClient::new(&mut port);
    echo.client().set_timeout_ms(1);
    let mut seen = Vec::new();
    for call in 0..6 {
        if call == 3 {
            shared.borrow_mut().restart_peer_of(ipc_proto_types::Role::Client);
        }
        let _ = echo.sunk();
        let arrived = std::mem::take(&mut shared.borrow_mut().server.arrived);
        seen.extend(arrived.iter().map(|frame| Header::parse(frame).unwrap().0.correlation));
    }
    assert_eq!(seen, [1, 2, 3, 1, 2]);
}

#[test]
fn a_resumed_client_goes_on_counting() {
    let (mut port, shared) = echoing();
    let last = {
        let mut client = ipc_proto_rpc::Client::new(&mut port);
        let reply: Result<u64, CallError> =
            client.call(SERVICE.id, 3, &(), &mut [0; 100], &mut ipc_proto_rpc::no_events);
        assert_eq!(reply, Ok(0));
        client.correlation()
    };
    assert_eq!(last, 1);
    let mut client = ipc_proto_rpc::Client::resume(&mut port, last);
    let reply: Result<u64, CallError> =
        client.call(SERVICE.id, 3, &(), &mut [0; 100], &mut ipc_proto_rpc::no_events);
    assert_eq!((reply, client.correlation()), (Ok(0), 2));
    assert!(shared.borrow().server.arrived.is_empty());
}

/// Lets a hostile peer send `frames`, and says how a call of `say` ends.
fn after(frames: Vec<Vec<u8>>) -> Result<String, CallError> {
    let mut frames = Some(frames);
    let (mut port, _) =
        scripted(move |shared| shared.client.arrived.extend(frames.take().unwrap_or_default()));
    let mut echo = EchoClient::new(&mut port);
    echo.say(text("?")).map(|text| text.as_str().to_owned())
}

#[test]
fn what_was_not_asked_for_is_dropped() {
    let good = frame(Kind::Reply, SAY, 1, &said("good"));
    let evil = said("evil");
    let mut other_schema = frame(Kind::Reply, SAY, 1, &evil);
    other_schema[..16].copy_from_slice(&SchemaId([9; 16]).0);
    let mut reserved = frame(Kind::Reply, SAY, 1, &evil);
    reserved[19] = 1;
    let mut longer = frame(Kind::Reply, SAY, 1, &evil);
    longer.push(0);
    let mut shorter = frame(Kind::Reply, SAY, 1, &evil);
    shorter.pop();
    let oversized = frame(Kind::Reply, SAY, 1, &[0; 5000]);
    for bad in [
        frame(Kind::Reply, SAY, 2, &evil),
        frame(Kind::Reply, SAY, u64::MAX, &evil),
        frame(Kind::Call, SAY, 1, &evil),
        frame(Kind::Event, SAY, 0, &evil),
        frame(Kind::Error, SAY, 2, &[1]),
        other_schema,
        reserved,
        longer,
        shorter,
        oversized,
        Vec::new(),
        vec![0; 31],
        vec![0xff; 200],
    ] {
        assert_eq!(after(vec![bad.clone()]), Err(CallError::TimedOut), "{bad:?}");
        assert_eq!(after(vec![bad.clone(), good.clone()]).as_deref(), Ok("good"), "{bad:?}");
    }
}

#[test]
fn a_reply_to_this_call_that_is_wrong_ends_it() {
    for bad in [
        frame(Kind::Reply, BYTES, 1, &said("other method")),
        frame(Kind::Reply, SAY, 1, &[]),
        frame(Kind::Reply, SAY, 1, &[3, b'a']),
        frame(Kind::Reply, SAY, 1, &[1, b'a', 0]),
        frame(Kind::Reply, SAY, 1, &[0x81, 0x00, b'a']),
        frame(Kind::Reply, SAY, 1, &[1, 0xff]),
        frame(Kind::Error, SAY, 1, &[]),
        frame(Kind::Error, SAY, 1, &[0x7f]),
        frame(Kind::Error, SAY, 1, &[1, 1]),
    ] {
        assert_eq!(after(vec![bad.clone()]), Err(CallError::Malformed), "{bad:?}");
    }
}

#[test]
fn an_error_frame_becomes_the_error_it_says() {
    let check = |code: ErrorCode, expected| {
        assert_eq!(after(vec![frame(Kind::Error, SAY, 1, &[code.as_u8()])]), Err(expected), "{code:?}");
    };
    check(ErrorCode::Denied, CallError::Denied);
    check(ErrorCode::PeerGone, CallError::PeerGone);
    check(ErrorCode::Malformed, CallError::Malformed);
    check(ErrorCode::TooLarge, CallError::TooLarge);
    check(ErrorCode::Busy, CallError::Refused(ErrorCode::Busy));
    check(ErrorCode::BadCorrelation, CallError::Refused(ErrorCode::BadCorrelation));
    check(ErrorCode::TooManyCalls, CallError::Refused(ErrorCode::TooManyCalls));
    // The supervisor said that there is a new life, and then there was none.
    check(ErrorCode::PeerRestarted, CallError::PeerGone);
}

#[test]
fn the_reply_to_a_call_that_timed_out_is_not_taken_for_the_next_one() {
    let mut sleeps = 0;
    let (mut port, _) = scripted(move |shared| {
        sleeps += 1;
        if sleeps == 2 {
            shared.client.arrived.push_back(frame(Kind::Reply, SAY, 1, &said("late")));
            shared.client.arrived.push_back(frame(Kind::Reply, SAY, 2, &said("right")));
        }
    });
    let mut echo = EchoClient::new(&mut port);
    assert_eq!(echo.say(text("first")), Err(CallError::TimedOut));
    assert_eq!(echo.say(text("second")).as_deref(), Ok("right"));
}

#[test]
fn a_call_ends_at_its_deadline() {
    let (mut port, shared) = scripted(|_| {});
    let mut echo = EchoClient::new(&mut port);
    echo.client().set_timeout_ms(250);
    let before = shared.borrow().now;
    assert_eq!(echo.sunk(), Err(CallError::TimedOut));
    let passed = shared.borrow().now - before;
    assert!((TICKS_PER_SECOND / 4..TICKS_PER_SECOND / 4 + 100).contains(&passed), "{passed}");
}

#[test]
fn a_flood_of_wrong_replies_does_not_keep_a_call_beyond_its_deadline() {
    let (mut port, shared) = scripted(|shared| {
        for _ in 0..1000 {
            shared.client.arrived.push_back(frame(Kind::Reply, SAY, 77, &said("noise")));
        }
    });
    let mut echo = EchoClient::new(&mut port);
    echo.client().set_timeout_ms(20);
    assert_eq!(echo.say(text("?")), Err(CallError::TimedOut));
    assert!(shared.borrow().now < 1000 + TICKS_PER_SECOND / 50 + 2000);
}

#[test]
fn a_restart_before_a_call_is_told_once() {
    let (mut port, shared) = echoing();
    let mut echo = EchoClient::new(&mut port);
    assert_eq!(echo.sunk(), Ok(0));
    shared.borrow_mut().restart_peer_of(ipc_proto_types::Role::Client);
    assert_eq!(echo.sunk(), Err(CallError::PeerRestarted(Generation(2))));
    assert_eq!(echo.sunk(), Ok(0));
    assert_eq!(shared.borrow().client.acknowledged, 1);
}

#[test]
fn a_restart_during_a_call_is_told_once_whether_or_not_an_error_frame_comes_first() {
    for announced in [false, true] {
        let mut sleeps = 0;
        let (mut port, shared) = scripted(move |shared| {
            sleeps += 1;
            match sleeps {
                1 if announced => {
                    shared.client.state = PortState::Closed;
                    let code = ErrorCode::PeerRestarted.as_u8();
                    shared.client.arrived.push_back(frame(Kind::Error, SAY, 1, &[code]));
                }
                1 => shared.client.state = PortState::Closed,
                2 => shared.restart_peer_of(ipc_proto_types::Role::Client),
                3 => shared.client.arrived.push_back(frame(Kind::Reply, SAY, 1, &said("new life"))),
                _ => {}
            }
        });
        let mut echo = EchoClient::new(&mut port);
        assert_eq!(echo.say(text("a")), Err(CallError::PeerRestarted(Generation(2))));
        assert_eq!(echo.say(text("b")).as_deref(), Ok("new life"));
        assert_eq!(shared.borrow().client.acknowledged, 1);
    }
}

#[test]
fn a_reply_of_the_old_life_that_arrived_in_time_counts() {
    let (mut port, _) = scripted(|shared| {
        shared.restart_peer_of(ipc_proto_types::Role::Client);
        shared.client.arrived.push_back(frame(Kind::Reply, SAY, 1, &said("done")));
    });
    let mut echo = EchoClient::new(&mut port);
    assert_eq!(echo.say(text("a")).as_deref(), Ok("done"));
    assert_eq!(echo.say(text("b")), Err(CallError::PeerRestarted(Generation(2))));
}

#[test]
fn whose_life_ends_in_a_call_is_waited_for_no_longer_than_before_one() {
    let (mut port, shared) = scripted(|shared| shared.client.state = PortState::Closed);
    let before = shared.borrow().now;
    assert_eq!(EchoClient::new(&mut port).say(text("a")), Err(CallError::PeerGone));
    let waited = shared.borrow().now - before;
    let most = OPEN_WAIT_MS * TICKS_PER_SECOND / 1000;
    assert!((most..2 * most).contains(&waited), "{waited}");
}

#[test]
fn a_closed_port_is_given_time_to_open() {
    let (mut port, shared) = echoing();
    shared.borrow_mut().client.state = PortState::Closed;
    let before = shared.borrow().now;
    assert_eq!(EchoClient::new(&mut port).sunk(), Err(CallError::PeerGone));
    assert!(shared.borrow().now - before >= OPEN_WAIT_MS * TICKS_PER_SECOND / 1000);

    let (client, _, shared) = channel(SERVICE.id);
    shared.borrow_mut().client.state = PortState::Closed;
    let world = Rc::clone(&shared);
    let mut port = client.while_asleep(move || {
        let mut world = world.borrow_mut();
        world.client.state = PortState::Open;
        if world.server.arrived.pop_front().is_some() {
            world.client.arrived.push_back(frame(Kind::Reply, 3, 1, &[5]));
        }
    });
    assert_eq!(EchoClient::new(&mut port).sunk(), Ok(5));
}

#[test]
fn a_channel_of_another_schema_is_not_used() {
    let (mut port, shared) = echoing();
    shared.borrow_mut().schema = SchemaId([1; 16]);
    let expected = Err(CallError::Refused(ErrorCode::Unsupported));
    assert_eq!(EchoClient::new(&mut port).sunk(), expected);
    assert!(shared.borrow().client.queued.is_empty());
}

#[test]
fn a_request_too_large_for_the_channel_is_not_sent_and_not_counted() {
    let (mut port, shared) = echoing();
    shared.borrow_mut().message_max = 10;
    let mut echo = EchoClient::new(&mut port);
    assert_eq!(echo.say(text("twelve bytes")), Err(CallError::TooLarge));
    assert_eq!(echo.client().correlation(), 0);
    assert_eq!(echo.say(text("fits")).as_deref(), Ok("fits"));
}

#[test]
fn the_buffer_is_wiped_after_every_call() {
    let (mut port, _) = echoing();
    let mut client = ipc_proto_rpc::Client::new(&mut port);
    let mut buffer = [0; 200];
    let secret = (text("correct horse"),);
    let reply: Result<Text<1024>, CallError> =
        client.call(SERVICE.id, SAY, &secret, &mut buffer, &mut ipc_proto_rpc::no_events);
    assert_eq!(reply.as_deref(), Ok("correct horse"));
    assert_eq!(buffer, [0; 200]);
    let mut short = [0; 40];
    let reply: Result<Text<1024>, CallError> =
        client.call(SERVICE.id, SAY, &secret, &mut short, &mut ipc_proto_rpc::no_events);
    assert_eq!(reply, Err(CallError::TooLarge));
    assert_eq!(short, [0; 40]);
    assert!(client.port().facts().state == PortState::Open);
}
