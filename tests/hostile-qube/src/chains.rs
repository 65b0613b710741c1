//! Chains that lie about themselves.

use crate::Attack::{self, Open};
use crate::frames::{self, Frame};
use crate::raw::{INFO, RAM, REGISTERS, poke_bytes, ram_end};
use crate::ring::{BUFFER, Device, INDIRECT, NEXT, SIZE, WRITE, scratch};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("chain-loop", Open(|device| second(device, scratch(), 8, NEXT, 1))),
    ("chain-empty-loop", Open(|device| second(device, scratch(), 0, NEXT, 0))),
    ("chain-outside", Open(|device| second(device, ram_end() - 8, 64, 0, 0))),
    ("chain-below", Open(|device| second(device, 0x1000, 8, 0, 0))),
    ("chain-far", Open(|device| second(device, 1 << 40, 8, 0, 0))),
    ("chain-registers", Open(|device| second(device, REGISTERS, 8, 0, 0))),
    ("chain-info", Open(|device| second(device, INFO, 8, 0, 0))),
    ("chain-wrap", Open(|device| second(device, u64::MAX - 15, 64, 0, 0))),
    ("chain-four-gib", Open(|device| second(device, RAM, u32::MAX, 0, 0))),
    ("chain-huge", Open(chain_huge)),
    ("chain-long", Open(chain_long)),
    ("chain-flag", Open(|device| second(device, scratch(), 8, 8, 0))),
    ("chain-indirect", Open(|device| second(device, scratch(), 16, INDIRECT, 0))),
    ("chain-writable", Open(|device| second(device, scratch(), 8, WRITE, 0))),
    ("chain-next", Open(|device| second(device, scratch(), 8, NEXT, SIZE))),
    ("chain-next-far", Open(|device| second(device, scratch(), 8, NEXT, u16::MAX))),
    ("head-unlisted", Open(head_unlisted)),
    ("chain-overlap", Open(chain_overlap)),
    ("chain-of-text", Open(|device| second(device, RAM, 8, 0, 0))),
    ("rx-readable", Open(|device| receive_into(device, scratch(), 4096, 0))),
    ("rx-text", Open(|device| receive_into(device, RAM, 4096, WRITE))),
    ("rx-outside", Open(|device| receive_into(device, ram_end(), 4096, WRITE))),
    ("rx-info", Open(|device| receive_into(device, INFO, 4096, WRITE))),
    ("rx-wrap", Open(|device| receive_into(device, u64::MAX - 15, u32::MAX, WRITE))),
    ("rx-chained", Open(|device| receive_into(device, scratch(), 4096, WRITE | NEXT))),
    ("rx-indirect", Open(|device| receive_into(device, scratch(), 4096, WRITE | INDIRECT))),
    ("rx-small", Open(|device| receive_into(device, scratch(), 8, WRITE))),
    ("rx-head", Open(rx_head)),
    ("rx-own-rings", Open(rx_own_rings)),
];

/// A call of two pieces: an honest header with half a text, and a second one as told.
fn second(device: &mut Device, address: u64, length: u32, flags: u16, next: u16) {
    let frame = Frame::call(frames::SAY, 1, &frames::say("half and whole"));
    poke_bytes(device.tx.buffer(0), frame.bytes());
    device.tx.describe(0, device.tx.buffer(0), 40, NEXT, 1);
    device.tx.describe(1, address, length, flags, next);
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
}

/// Four pieces of 32 KiB, all the same memory.
fn chain_huge(device: &mut Device) {
    for index in 0..4 {
        device.tx.describe(index, scratch(), 32 * 1024, if index < 3 { NEXT } else { 0 }, index + 1);
    }
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
}

/// As many pieces as there are descriptors, and then some again.
fn chain_long(device: &mut Device) {
    for index in 0..SIZE {
        device.tx.describe(index, scratch(), 1, NEXT, (index + 1) % SIZE);
    }
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
}

fn head_unlisted(device: &mut Device) {
    device.tx.offer(0x1234);
    device.tx.notify();
    device.listen();
}

/// One piece of memory twice in a message is no crime: the text is there twice.
fn chain_overlap(device: &mut Device) {
    let head = Frame::call(frames::SAY, 1, &[8]).with(20, &9_u32.to_le_bytes());
    poke_bytes(device.tx.buffer(0), head.bytes());
    poke_bytes(scratch(), b"skep");
    device.tx.describe(0, device.tx.buffer(0), 33, NEXT, 1);
    device.tx.describe(1, scratch(), 4, NEXT, 2);
    device.tx.describe(2, scratch(), 4, 0, 0);
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
}

/// An honest call whose answer has no honest place to go.
fn receive_into(device: &mut Device, address: u64, length: u32, flags: u16) {
    for index in 0..SIZE {
        device.rx.describe(index, address, length, flags, 0);
    }
    device.send(Frame::call(frames::SAY, 1, &frames::say("skep")).bytes());
}

fn rx_head(device: &mut Device) {
    for index in 0..SIZE {
        crate::raw::poke(device.rx.driver + 4 + 2 * u64::from(index), 0x4000_u16);
    }
    device.send(Frame::call(frames::SAY, 1, &frames::say("skep")).bytes());
}

/// Answers overwrite the rings that the next ones are taken from.
fn rx_own_rings(device: &mut Device) {
    let rings = device.rx.descriptors;
    for index in 0..SIZE {
        device.rx.describe(index, rings, BUFFER as u32, WRITE, 0);
    }
    for correlation in 1..4 {
        device.push(Frame::call(frames::SAY, correlation, &frames::say("skep skep skep")).bytes());
        crate::raw::wait(crate::raw::in_ms(2));
    }
    device.listen();
}
