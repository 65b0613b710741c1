//! Messages that break a rule of the frame, of the schema, or of the order of calls.

use crate::Attack::{self, Open};
use crate::frames::{self, BYTES, CALL, ERROR, EVENT, Frame, REPLY, SAY, SINK, SUNK};
use crate::raw::{in_ms, poke_bytes, saw, wait};
use crate::ring::{Device, NEXT, event, scratch};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("frame-empty", Open(|device| device.send(&[]))),
    ("frame-short", Open(|device| device.send(good().sized(31).bytes()))),
    ("frame-kind", Open(|device| device.send(good().with(18, &[5]).bytes()))),
    ("frame-no-kind", Open(|device| device.send(good().with(18, &[0]).bytes()))),
    ("frame-reserved", Open(|device| device.send(good().with(19, &[1]).bytes()))),
    ("frame-truncated", Open(|device| device.send(good().sized(35).bytes()))),
    ("frame-over-long", Open(|device| device.send(good().sized(40).bytes()))),
    ("frame-length-max", Open(|device| device.send(good().with(20, &[0xff; 4]).bytes()))),
    ("schema-wrong", Open(|device| device.send(good().with(0, &[0x5a; 16]).bytes()))),
    ("schema-one-bit", Open(schema_one_bit)),
    ("method-unknown", Open(|device| device.send(Frame::call(4, 1, &[]).bytes()))),
    ("method-max", Open(|device| device.send(Frame::call(u16::MAX, 1, &[]).bytes()))),
    ("kind-reply", Open(|device| device.send(Frame::new(SAY, REPLY, 1, &frames::say("skep")).bytes()))),
    ("kind-error", Open(|device| device.send(Frame::new(SAY, ERROR, 1, &[1]).bytes()))),
    ("kind-event", Open(|device| device.send(Frame::event(SAY, &frames::say("skep")).bytes()))),
    ("kind-call", Open(|device| device.send(Frame::call(SINK, 1, &[0]).bytes()))),
    ("body-trailing", Open(|device| body(device, SAY, b"\x04skep!"))),
    ("body-missing", Open(|device| body(device, SAY, b""))),
    ("body-cut", Open(|device| body(device, SAY, b"\x0askep"))),
    ("body-unasked", Open(|device| body(device, SUNK, b"\x00"))),
    ("varint-over-long", Open(|device| body(device, SAY, b"\x84\x00skep"))),
    ("varint-endless", Open(|device| body(device, SAY, &[0xff; 16]))),
    ("text-not-utf8", Open(|device| body(device, SAY, b"\x02\xc3\x28"))),
    ("text-surrogate", Open(|device| body(device, SAY, b"\x03\xed\xa0\x80"))),
    ("text-over-bound", Open(text_over_bound)),
    ("bytes-over-bound", Open(|device| body(device, BYTES, &[65; 66]))),
    ("count-four-gib", Open(|device| body(device, BYTES, b"\xff\xff\xff\xff\x0f"))),
    ("bool-two", Open(|device| vault_show(device, 2))),
    ("bool-max", Open(|device| vault_show(device, 0xff))),
    ("tag-unknown", Open(|device| vault_add(device, 3, 0))),
    ("option-two", Open(|device| vault_add(device, 0, 2))),
    ("call-zero", Open(|device| device.send(Frame::call(SAY, 0, &frames::say("skep")).bytes()))),
    ("call-twice", Open(|device| calls(device, &[1, 1]))),
    ("call-skips", Open(|device| calls(device, &[2]))),
    ("call-back", Open(|device| calls(device, &[1, 2, 1]))),
    ("call-max", Open(|device| calls(device, &[u64::MAX]))),
    ("event-numbered", Open(|device| device.send(Frame::new(SINK, EVENT, 7, &[0]).bytes()))),
    ("nine-calls", Open(nine_calls)),
    ("denied-method", Open(|device| device.send(Frame::call(SUNK, 1, &[]).bytes()))),
    ("port-closed", Open(port_closed)),
    ("message-64k", Open(message_64k)),
    ("random-frames", Open(random_frames)),
];

fn good() -> Frame {
    Frame::call(SAY, 1, &frames::say("skep"))
}

fn body(device: &mut Device, method: u16, body: &[u8]) {
    device.send(Frame::call(method, 1, body).bytes());
}

fn schema_one_bit(device: &mut Device) {
    let mut schema = [0; 16];
    schema.copy_from_slice(good().bytes().get(..16).unwrap_or(&[0; 16]));
    schema[15] ^= 1;
    device.send(good().with(0, &schema).bytes());
}

/// One more than the text may have, with a length that says so.
fn text_over_bound(device: &mut Device) {
    let mut text = [b'a'; 1027];
    text[0] = 0x81;
    text[1] = 0x08;
    body(device, SAY, &text);
}

/// `vault.show("a", reveal)`, with a byte for the bool.
fn vault_show(device: &mut Device, reveal: u8) {
    body(device, 9, &[1, b'a', reveal]);
}

/// `vault.add`, with tags for the password and the one-time codes.
fn vault_add(device: &mut Device, password: u8, totp: u8) {
    // Title, group, user, no URL, no tags; no end.
    body(device, 6, &[1, b'a', 0, 1, b'b', 0, 0, password, 1, b'c', totp, 0]);
}

fn calls(device: &mut Device, correlations: &[u64]) {
    for correlation in correlations {
        device.push(Frame::call(SAY, *correlation, &frames::say("skep")).bytes());
    }
    device.listen();
}

/// Nine calls before the server has seen one: they are told in one go.
fn nine_calls(device: &mut Device) {
    for correlation in 1..=9 {
        let index = device.tx.made;
        let frame = Frame::call(SAY, correlation, &frames::say("skep"));
        poke_bytes(device.tx.buffer(index), frame.bytes());
        device.tx.describe(index, device.tx.buffer(index), frame.bytes().len() as u32, 0, 0);
        device.tx.offer(index);
    }
    device.tx.notify();
    device.listen();
}

fn port_closed(device: &mut Device) {
    device.control(0, event::PORT_OPEN, 0);
    saw(format_args!("state {}", device.state()));
    device.send(good().bytes());
}

/// The longest message there is, on a channel for shorter ones.
fn message_64k(device: &mut Device) {
    const BODY: u32 = 64 * 1024;
    let head = Frame::call(SAY, 1, &[]).with(20, &BODY.to_le_bytes());
    poke_bytes(device.tx.buffer(0), head.bytes());
    device.tx.describe(0, device.tx.buffer(0), 32, NEXT, 1);
    device.tx.describe(1, scratch(), BODY, 0, 0);
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
}

/// Frames whose every byte behind the schema is noise.
fn random_frames(device: &mut Device) {
    let mut noise = crate::raw::Noise(17);
    for _ in 0..2_000 {
        let mut frame = good();
        for at in 16..48 {
            let word = noise.next();
            if word & 0x300 == 0 {
                frame = frame.with(at, &[word as u8]);
            }
        }
        device.push(frame.sized(32 + noise.next() as usize % 64).bytes());
    }
    wait(in_ms(5));
    saw(format_args!("kind of a call is {CALL}"));
}
