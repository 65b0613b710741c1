//! A driver of the channel device that owns every byte of its rings and checks nothing.
//!
//! It resets the device that the runtime has set up and starts over with rings at known places, so that an attack can say
//! exactly what stands in which descriptor. Control queues, port 0 and the entropy device; nothing else.

use core::cell::UnsafeCell;

use crate::frames::{self, Frame};
use crate::raw::{INFO, PAGE, call, in_ms, now, peek, poke, poke_bytes, port, register, saw, wait};

/// Descriptors of every ring, and buffers behind it.
pub(crate) const SIZE: u16 = 16;
/// Bytes of a buffer of port 0.
pub(crate) const BUFFER: u64 = 4096;
/// Bytes of a buffer of a control queue.
const CONTROL_BUFFER: u64 = 64;
/// Bytes that no ring and no buffer uses.
pub(crate) const SCRATCH: u64 = 96 * 1024;

/// Descriptor flags (VIRTIO 1.2, 2.7.5).
pub(crate) const NEXT: u16 = 1;
pub(crate) const WRITE: u16 = 2;
pub(crate) const INDIRECT: u16 = 4;

/// Events of control messages (VIRTIO 1.2, 5.3.6.2).
pub(crate) mod event {
    pub(crate) const DEVICE_READY: u16 = 0;
    pub(crate) const PORT_READY: u16 = 3;
    pub(crate) const PORT_OPEN: u16 = 6;
}

/// Registers (VIRTIO 1.2, table 4.1).
pub(crate) mod at {
    pub(crate) const DRIVER_FEATURES: u64 = 0x20;
    pub(crate) const DRIVER_FEATURES_SELECT: u64 = 0x24;
    pub(crate) const QUEUE_SELECT: u64 = 0x30;
    pub(crate) const QUEUE_SIZE: u64 = 0x38;
    pub(crate) const QUEUE_READY: u64 = 0x44;
    pub(crate) const STATUS: u64 = 0x70;
    pub(crate) const DESCRIPTORS: u64 = 0x80;
    pub(crate) const DRIVER: u64 = 0x90;
    pub(crate) const DEVICE: u64 = 0xa0;
}

/// Where everything lies in the area: a page for each ring, a page for the buffers of each control queue, those of port 0.
const RINGS: u64 = 5 * PAGE;
const CONTROL: u64 = 2 * PAGE;
const POOLS: u64 = 2 * SIZE as u64 * BUFFER;
const AREA: usize = (RINGS + CONTROL + POOLS + SCRATCH) as usize;

#[repr(C, align(4096))]
struct Area(UnsafeCell<[u8; AREA]>);

// SAFETY: there is one thread, and only addresses are ever taken of it.
unsafe impl Sync for Area {}

static MEMORY: Area = Area(UnsafeCell::new([0; AREA]));

fn area() -> u64 {
    MEMORY.0.get().expose_provenance() as u64
}

/// Memory for an attack to use as it likes.
pub(crate) fn scratch() -> u64 {
    area() + RINGS + CONTROL + POOLS
}

/// One ring.
#[derive(Clone, Copy)]
pub(crate) struct Ring {
    /// Queue number.
    pub(crate) number: u16,
    /// Device 0 or 1.
    device_number: u64,
    /// Descriptor table.
    pub(crate) descriptors: u64,
    /// Available ring.
    pub(crate) driver: u64,
    /// Used ring.
    pub(crate) device: u64,
    /// First buffer, and bytes of each.
    pub(crate) buffers: u64,
    buffer: u64,
    /// Chains offered so far.
    pub(crate) made: u16,
    /// Chains seen to be used.
    seen: u16,
}

impl Ring {
    fn new(number: u16, place: u64, buffers: u64, buffer: u64) -> Self {
        let base = area() + place * PAGE;
        for at in (base..base + PAGE).step_by(8) {
            poke(at, 0_u64);
        }
        let (driver, device) = (base + 0x400, base + 0x600);
        Self {
            number,
            device_number: 0,
            descriptors: base,
            driver,
            device,
            buffers,
            buffer,
            made: 0,
            seen: 0,
        }
    }

    /// Tells the device where the ring is and to use it.
    pub(crate) fn enable(&self) {
        self.enable_as(u32::from(SIZE), self.descriptors, self.driver, self.device);
    }

    /// Tells the device something else.
    pub(crate) fn enable_as(&self, size: u32, descriptors: u64, driver: u64, device: u64) {
        let put = |offset, value| {
            call(port::REGISTER, value, self.device_number << 16 | offset);
        };
        put(at::QUEUE_SELECT, self.number.into());
        put(at::QUEUE_SIZE, size);
        for (offset, area) in [(at::DESCRIPTORS, descriptors), (at::DRIVER, driver), (at::DEVICE, device)] {
            put(offset, area as u32);
            put(offset + 4, (area >> 32) as u32);
        }
        put(at::QUEUE_READY, 1);
    }

    /// The buffer of a descriptor.
    pub(crate) fn buffer(&self, index: u16) -> u64 {
        self.buffers + u64::from(index) * self.buffer
    }

    /// Writes a descriptor.
    pub(crate) fn describe(&self, index: u16, address: u64, length: u32, flags: u16, next: u16) {
        let at = self.descriptors + 16 * u64::from(index);
        poke(at, address);
        poke(at + 8, length);
        poke(at + 12, flags);
        poke(at + 14, next);
    }

    /// Makes a chain available, whether or not there is one.
    pub(crate) fn offer(&mut self, head: u16) {
        poke(self.driver + 4 + 2 * u64::from(self.made % SIZE), head);
        self.made = self.made.wrapping_add(1);
        self.set_index(self.made);
    }

    /// Writes the available index.
    pub(crate) fn set_index(&self, index: u16) {
        poke(self.driver + 2, index);
    }

    /// Tells the device to look.
    pub(crate) fn notify(&self) {
        call(port::NOTIFY, (self.device_number as u32) << 16 | u32::from(self.number), 0);
    }

    /// Offers every buffer for the device to write to.
    pub(crate) fn offer_all(&mut self) {
        for index in 0..SIZE {
            self.describe(index, self.buffer(index), self.buffer as u32, WRITE, 0);
            self.offer(index);
        }
    }

    /// The next chain the device is done with: its head and the bytes written to it.
    pub(crate) fn used(&mut self) -> Option<(u16, u32)> {
        if peek::<u16>(self.device + 2) == self.seen {
            return None;
        }
        let at = self.device + 4 + 8 * u64::from(self.seen % SIZE);
        self.seen = self.seen.wrapping_add(1);
        Some((peek::<u32>(at) as u16, peek(at + 4)))
    }

    /// Asks the entropy device for bytes.
    pub(crate) fn request(&mut self, length: u32) {
        let index = self.made % SIZE;
        self.describe(index, self.buffer(index), length, WRITE, 0);
        self.offer(index);
        self.notify();
    }

    /// Whether its buffers look as if somebody had filled them with random bytes.
    pub(crate) fn is_random(&self) -> bool {
        let words = [0, 8, 16, 24].map(|at| peek::<u64>(self.buffer(0) + at));
        words.iter().all(|&word| word != 0) && words[0] != words[1] && words[2] != words[3]
    }
}

/// The channel device, with port 0.
pub(crate) struct Device {
    pub(crate) control_rx: Ring,
    pub(crate) control_tx: Ring,
    pub(crate) rx: Ring,
    pub(crate) tx: Ring,
    /// Calls made since port 0 opened.
    pub(crate) calls: u64,
}

impl Device {
    /// Resets the device and sets it up anew. Port 0 stays closed.
    pub(crate) fn start() -> Self {
        let pools = area() + RINGS + CONTROL;
        let mut device = Self::negotiate(pools);
        device.control_rx.enable();
        device.control_tx.enable();
        device.rx.enable();
        device.tx.enable();
        device.control_rx.offer_all();
        device.rx.offer_all();
        device.greet();
        device
    }

    /// As [`Device::start`], up to the point where queues are set up.
    pub(crate) fn bare() -> Self {
        Self::negotiate(area() + RINGS + CONTROL)
    }

    fn negotiate(pools: u64) -> Self {
        let control = area() + RINGS;
        let device = Self {
            control_rx: Ring::new(2, 0, control, CONTROL_BUFFER),
            control_tx: Ring::new(3, 1, control + PAGE, CONTROL_BUFFER),
            rx: Ring::new(0, 2, pools, BUFFER),
            tx: Ring::new(1, 3, pools + POOLS / 2, BUFFER),
            calls: 0,
        };
        for status in [0, 1, 3] {
            register(at::STATUS, status);
        }
        for (half, features) in [(0, 2), (1, 1)] {
            register(at::DRIVER_FEATURES_SELECT, half);
            register(at::DRIVER_FEATURES, features);
        }
        register(at::STATUS, 11);
        device
    }

    /// The queues are ready.
    pub(crate) fn greet(&mut self) {
        register(at::STATUS, 15);
        self.control(0, event::DEVICE_READY, 1);
        self.control(0, event::PORT_READY, 1);
    }

    /// Says something on the control queue.
    pub(crate) fn control(&mut self, number: u32, what: u16, value: u16) {
        let ring = &mut self.control_tx;
        let index = ring.made % SIZE;
        let buffer = ring.buffer(index);
        poke(buffer, number);
        poke(buffer + 4, what);
        poke(buffer + 6, value);
        ring.describe(index, buffer, 8, 0, 0);
        ring.offer(index);
        ring.notify();
        while let Some((head, _)) = self.control_rx.used() {
            self.control_rx.offer(head);
        }
    }

    /// Opens port 0 and waits until its peer has done so.
    pub(crate) fn open(&mut self) {
        let until = in_ms(2_000);
        self.calls = 0;
        self.control(0, event::PORT_OPEN, 1);
        while self.state() != 1 && now() < until {
            if self.state() == 2 {
                self.control(0, event::PORT_OPEN, 1);
            }
            wait(in_ms(1));
        }
        if self.state() != 1 {
            saw(format_args!("port 0 does not open"));
        }
    }

    /// State of port 0: 0 closed, 1 open, 2 its peer has a new life.
    pub(crate) fn state(&self) -> u8 {
        peek(INFO + 0x200)
    }

    /// The device, as the one that gives random bytes.
    pub(crate) fn entropy(&self) -> Ring {
        let mut ring = Ring::new(0, 4, scratch(), BUFFER);
        ring.device_number = 1;
        for status in [0, 1, 3] {
            call(port::REGISTER, status, 1 << 16 | at::STATUS);
        }
        call(port::REGISTER, 1, 1 << 16 | at::DRIVER_FEATURES_SELECT);
        call(port::REGISTER, 1, 1 << 16 | at::DRIVER_FEATURES);
        call(port::REGISTER, 11, 1 << 16 | at::STATUS);
        ring.enable();
        call(port::REGISTER, 15, 1 << 16 | at::STATUS);
        ring
    }

    /// Queues a message and tells the device; waits for room, not for an answer.
    pub(crate) fn push(&mut self, message: &[u8]) {
        let until = in_ms(50);
        while self.tx.made.wrapping_sub(peek(self.tx.device + 2)) >= SIZE && now() < until {
            self.drain();
            wait(in_ms(1));
        }
        self.queue(message);
        self.tx.notify();
    }

    /// Queues a message, whether or not there is room.
    fn queue(&mut self, message: &[u8]) {
        let index = self.tx.made % SIZE;
        poke_bytes(self.tx.buffer(index), message);
        self.tx.describe(index, self.tx.buffer(index), message.len() as u32, 0, 0);
        self.tx.offer(index);
    }

    /// Queues a message, and in one exit tells the device and waits until one arrives; the number of that.
    pub(crate) fn push_and_wait(&mut self, message: &[u8]) -> u64 {
        self.queue(message);
        loop {
            call(port::NOTIFY_AND_WAIT, self.tx.number.into(), in_ms(1_000));
            if let Some(number) = self.drain() {
                return number;
            }
        }
    }

    /// Drops what has arrived; the number of the last of it.
    fn drain(&mut self) -> Option<u64> {
        let mut number = None;
        while let Some((head, _)) = self.rx.used() {
            number = Some(peek(self.rx.buffer(head % SIZE) + 24));
            self.rx.offer(head);
        }
        number
    }

    /// The next message on port 0: its frame's address and length, valid until the next look. Waits so long for it.
    pub(crate) fn next(&mut self, ms: u64) -> Option<(u64, u32)> {
        let until = in_ms(ms);
        loop {
            if let Some((head, length)) = self.rx.used() {
                self.rx.offer(head);
                return Some((self.rx.buffer(head % SIZE), length));
            }
            if now() >= until {
                return None;
            }
            wait(until);
        }
    }

    /// Sends a message and notes what comes back.
    pub(crate) fn send(&mut self, message: &[u8]) {
        self.push(message);
        self.listen();
    }

    /// Notes what arrives in a few milliseconds.
    pub(crate) fn listen(&mut self) {
        let mut heard = false;
        while let Some((at, length)) = self.next(5) {
            heard = true;
            frames::note(at, length);
        }
        if !heard {
            saw(format_args!("silence, port 0 in state {}", self.state()));
        }
    }

    /// Asks politely: is there still somebody who answers?
    pub(crate) fn ask(&mut self) {
        self.drain();
        self.calls += 1;
        self.push(Frame::call(frames::SAY, self.calls, &frames::say("still there")).bytes());
        let until = in_ms(100);
        while let Some((at, length)) = self.next(20) {
            if frames::is_reply_to(at, length, self.calls) {
                return saw(format_args!("an answer"));
            }
            if now() > until {
                break;
            }
        }
        saw(format_args!("no answer, port 0 in state {}", self.state()));
    }
}
