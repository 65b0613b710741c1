//! Rings that are set up wrongly, and indexes that run away.

use crate::Attack::{self, Open};
use crate::frames::{self, Frame};
use crate::raw::{INFO, RAM, REGISTERS, in_ms, peek, poke, poke_bytes, ram_end, saw, wait};
use crate::ring::{Device, SIZE, WRITE, at, event, scratch};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("ring-outside", Open(|_| set_up(|base| (16, ram_end(), base + 0x400, base + 0x600)))),
    ("ring-at-end", Open(|_| set_up(|base| (16, ram_end() - 16, base + 0x400, base + 0x600)))),
    ("ring-below", Open(|_| set_up(|base| (16, 0x1000, base + 0x400, base + 0x600)))),
    ("ring-wrap", Open(|_| set_up(|base| (16, u64::MAX - 15, base + 0x400, base + 0x600)))),
    ("ring-crooked", Open(|_| set_up(|base| (16, base + 8, base + 0x400, base + 0x600)))),
    ("ring-odd-driver", Open(|_| set_up(|base| (16, base, base + 0x401, base + 0x600)))),
    ("ring-odd-device", Open(|_| set_up(|base| (16, base, base + 0x400, base + 0x602)))),
    ("ring-read-only", Open(|_| set_up(|base| (16, base, base + 0x400, RAM)))),
    ("ring-registers", Open(|_| set_up(|base| (16, REGISTERS, base + 0x400, base + 0x600)))),
    ("ring-info", Open(|_| set_up(|base| (16, base, base + 0x400, INFO)))),
    ("ring-empty", Open(|_| set_up(|base| (0, base, base + 0x400, base + 0x600)))),
    ("ring-uneven", Open(|_| set_up(|base| (12, base, base + 0x400, base + 0x600)))),
    ("ring-huge", Open(|_| set_up(|base| (128, base, base + 0x800, base + 0xa00)))),
    ("ring-endless", Open(|_| set_up(|base| (1 << 31, base, base + 0x400, base + 0x600)))),
    ("ring-twice", Open(ring_twice)),
    ("queue-unlisted", Open(queue_unlisted)),
    ("no-features", Open(no_features)),
    ("tx-index-ahead", Open(|device| spoil_index(device, 100))),
    ("tx-index-back", Open(|device| spoil_index(device, u16::MAX))),
    ("rx-index-ahead", Open(rx_index)),
    ("control-index", Open(control_index)),
    ("control-rx-index", Open(control_rx_index)),
    ("control-rx-bad", Open(control_rx_bad)),
    ("control-long", Open(control_long)),
    ("control-outside", Open(control_outside)),
    ("used-on-table", Open(used_on_table)),
    ("used-on-driver", Open(used_on_driver)),
    ("used-on-message", Open(used_on_message)),
    ("ring-of-ring", Open(ring_of_ring)),
    ("after-poison", Open(after_poison)),
    ("entropy-bad", Open(entropy_bad)),
];

/// Starts over and sets the transmit queue up as told, given where an honest one would be.
fn set_up(areas: impl FnOnce(u64) -> (u32, u64, u64, u64)) {
    let device = Device::bare();
    let (size, descriptors, driver, used) = areas(device.tx.descriptors);
    device.tx.enable_as(size, descriptors, driver, used);
    saw(format_args!("ready {}", peek::<u32>(REGISTERS + at::QUEUE_READY)));
    device.tx.notify();
}

fn ring_twice(device: &mut Device) {
    device.tx.enable_as(16, scratch(), scratch() + 0x400, scratch() + 0x600);
    device.ask();
}

fn queue_unlisted(device: &mut Device) {
    for number in [4, 63, 0x8000, 0xffff] {
        let mut ring = device.tx;
        ring.number = number;
        ring.enable();
        ring.notify();
    }
    device.ask();
}

/// Queues before the features are agreed on.
fn no_features(_: &mut Device) {
    let device = Device::bare();
    crate::raw::register(at::STATUS, 0);
    crate::raw::register(at::STATUS, 3);
    device.tx.enable();
    saw(format_args!("ready {}", peek::<u32>(REGISTERS + at::QUEUE_READY)));
}

fn spoil_index(device: &mut Device, ahead: u16) {
    device.tx.set_index(device.tx.made.wrapping_add(ahead));
    device.tx.notify();
    device.listen();
}

/// The receiving index runs ahead while an answer is on its way.
fn rx_index(device: &mut Device) {
    device.rx.set_index(device.rx.made.wrapping_add(100));
    device.send(Frame::call(frames::SAY, 1, &frames::say("skep")).bytes());
}

fn control_index(device: &mut Device) {
    device.control_tx.set_index(device.control_tx.made.wrapping_add(0x4000));
    device.control_tx.notify();
    device.listen();
}

/// The supervisor is offered more buffers for announcements than there are.
fn control_rx_index(device: &mut Device) {
    device.control_rx.set_index(device.control_rx.made.wrapping_add(100));
    device.control(0, event::PORT_READY, 1);
    device.listen();
}

/// The supervisor has nowhere to announce to.
fn control_rx_bad(device: &mut Device) {
    for index in 0..SIZE {
        device.control_rx.describe(index, RAM, 64, WRITE, 0);
    }
    device.control(0, event::PORT_READY, 1);
    device.listen();
}

fn control_long(device: &mut Device) {
    for length in [0, 1, 7] {
        short_control(device, scratch(), length);
    }
    short_control(device, scratch(), 9);
    device.listen();
}

fn control_outside(device: &mut Device) {
    short_control(device, ram_end() - 4, 8);
    device.listen();
}

fn short_control(device: &mut Device, address: u64, length: u32) {
    let index = device.control_tx.made % SIZE;
    device.control_tx.describe(index, address, length, 0, 0);
    device.control_tx.offer(index);
    device.control_tx.notify();
}

/// Starts over with the transmit queue's used ring somewhere else.
fn with_used(device: &mut Device, used: u64) {
    *device = Device::bare();
    device.tx.device = used;
    device.control_rx.enable();
    device.control_tx.enable();
    device.rx.enable();
    device.tx.enable();
    device.control_rx.offer_all();
    device.rx.offer_all();
    device.greet();
    device.open();
}

/// What the device gives back overwrites the first descriptor: the next message is what is left of it.
fn used_on_table(device: &mut Device) {
    let table = device.tx.descriptors;
    with_used(device, table);
    device.send(Frame::call(frames::SAY, 1, &frames::say("skep")).bytes());
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
}

/// What the device gives back overwrites what is offered.
fn used_on_driver(device: &mut Device) {
    let ring = device.tx.driver;
    with_used(device, ring);
    for correlation in 1..4 {
        device.send(Frame::call(frames::SAY, correlation, &frames::say("skep")).bytes());
    }
}

/// The message changes while it is handled: its text lies where the device writes that it is done, and it is there twice, the
/// second time through a descriptor of its own.
fn used_on_message(device: &mut Device) {
    with_used(device, scratch());
    let (first, second) = (Frame::call(frames::SAY, 1, &[8]), *b"original");
    let text = scratch() + 4;
    poke_bytes(device.tx.buffer(0), first.with(20, &9_u32.to_le_bytes()).bytes());
    poke_bytes(text, &second);
    device.tx.describe(0, device.tx.buffer(0), 33, 1, 1);
    device.tx.describe(1, text, 8, 0, 0);
    device.tx.offer(0);
    device.tx.notify();
    device.listen();
    let now = peek::<[u8; 8]>(text);
    saw(format_args!("the text is overwritten {}", now != second));
}

/// Both directions share one descriptor table and one available ring, so every buffer is offered to both.
fn ring_of_ring(device: &mut Device) {
    *device = Device::bare();
    device.rx.descriptors = device.tx.descriptors;
    device.rx.driver = device.tx.driver;
    device.control_rx.enable();
    device.control_tx.enable();
    device.rx.enable();
    device.tx.enable();
    device.control_rx.offer_all();
    device.greet();
    device.open();
    device.send(Frame::call(frames::SAY, 1, &frames::say("skep")).bytes());
}

/// A poisoned port stays closed, whatever its owner does to open it.
fn after_poison(device: &mut Device) {
    spoil_index(device, 100);
    for _ in 0..3 {
        device.control(0, event::PORT_OPEN, 1);
        saw(format_args!("state {} after opening", device.state()));
    }
    *device = Device::start();
    device.control(0, event::PORT_OPEN, 1);
    wait(in_ms(5));
    saw(format_args!("state {} after a reset", device.state()));
    device.send(Frame::call(frames::SAY, 1, &frames::say("skep")).bytes());
}

/// The other device's queue, with a buffer that may not be written.
fn entropy_bad(device: &mut Device) {
    let mut entropy = device.entropy();
    poke(entropy.descriptors, RAM);
    entropy.describe(0, RAM, 64, WRITE, 0);
    entropy.offer(0);
    entropy.notify();
    device.ask();
}
