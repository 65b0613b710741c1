//! A server that lies: this qube holds the server's end of port 0, and somebody calls.

use crate::Attack::{self, Open};
use crate::frames::{self, CALL, ERROR, EVENT, Frame, REPLY, SAY, SINK};
use crate::raw::{in_ms, peek, saw, wait};
use crate::ring::{Device, event};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("reply-unasked", Open(|device| device.send(Frame::new(SAY, REPLY, 1, &frames::say("lie")).bytes()))),
    ("reply-twice", Open(|device| serve(device, &[good, good]))),
    ("reply-other", Open(|device| serve(device, &[|call| reply(call + 1, b"\x03lie")]))),
    ("reply-before", Open(|device| serve(device, &[|call| reply(call.wrapping_sub(8), b"\x03lie")]))),
    ("reply-zero", Open(|device| serve(device, &[|_| reply(0, b"\x03lie")]))),
    ("reply-method", Open(|device| serve(device, &[|call| Frame::new(SINK, REPLY, call, b"\x03lie")]))),
    ("reply-not-utf8", Open(|device| serve(device, &[|call| reply(call, b"\x02\xc3\x28")]))),
    ("reply-trailing", Open(|device| serve(device, &[|call| reply(call, b"\x03lies")]))),
    ("reply-cut", Open(|device| serve(device, &[|call| reply(call, b"\x09lie")]))),
    ("reply-varint", Open(|device| serve(device, &[|call| reply(call, b"\x83\x00lie")]))),
    ("reply-schema", Open(|device| serve(device, &[|call| good(call).with(0, &[0; 16])]))),
    ("error-forged", Open(|device| serve(device, &[|call| error(call, &[0x81])]))),
    ("error-denied", Open(|device| serve(device, &[|call| error(call, &[0x80])]))),
    ("error-none", Open(|device| serve(device, &[|call| error(call, &[0])]))),
    ("error-long", Open(|device| serve(device, &[|call| error(call, &[1, 1])]))),
    ("error-empty", Open(|device| serve(device, &[|call| error(call, &[])]))),
    ("event-unknown", Open(|device| device.send(Frame::event(9, &[]).bytes()))),
    ("event-not-ours", Open(|device| device.send(Frame::new(SINK, EVENT, 0, &[0]).bytes()))),
    ("call-by-server", Open(|device| device.send(Frame::new(SAY, CALL, 1, &frames::say("lie")).bytes()))),
    ("server-mute", Open(server_mute)),
    ("server-leaves", Open(server_leaves)),
    ("server-slams", Open(server_slams)),
];

/// How long a call may take to come.
const PATIENCE_MS: u64 = 500;

/// Waits for a call and answers it with each of these; all are given its number.
fn serve(device: &mut Device, answers: &[fn(u64) -> Frame]) {
    let Some(call) = await_call(device) else { return };
    for answer in answers {
        device.push(answer(call).bytes());
    }
    wait(in_ms(5));
}

/// The number of the next call.
fn await_call(device: &mut Device) -> Option<u64> {
    let called = device.next(PATIENCE_MS).map(|(at, _)| peek::<u64>(at + 24));
    match called {
        Some(call) => saw(format_args!("call {call}")),
        None => saw(format_args!("no call")),
    }
    called
}

fn good(call: u64) -> Frame {
    reply(call, b"\x05truth")
}

fn reply(call: u64, body: &[u8]) -> Frame {
    Frame::new(SAY, REPLY, call, body)
}

fn error(call: u64, body: &[u8]) -> Frame {
    Frame::new(SAY, ERROR, call, body)
}

/// Takes calls and never answers.
fn server_mute(device: &mut Device) {
    for _ in 0..10 {
        await_call(device);
    }
}

/// Ends while a call is open.
fn server_leaves(device: &mut Device) {
    await_call(device);
}

/// Closes its end while a call is open.
fn server_slams(device: &mut Device) {
    await_call(device);
    device.control(0, event::PORT_OPEN, 0);
    wait(in_ms(20));
}
