//! The serial port as a teletype: bytes typed wait in a ring, bytes to be shown in a buffer.
//!
//! The device's line interrupts when it goes up, so whenever we sleep we have read all there is, as far as the ring has
//! room. When it has none, the device holds the rest back from the sender.

use heapless::{Deque, Vec};
use unikernels_rt::{Qube, Serial};

/// Typed ahead: more than the longest line.
const TYPED_MAX: usize = 4096;
const SHOWN_MAX: usize = 1024;
/// How long to wait for the device to take more, should its interrupt be swallowed by one for input.
const ROOM_WAIT_MS: u64 = 20;

/// The serial port with its buffers.
pub(crate) struct Teletype {
    qube: Qube,
    serial: Serial,
    typed: Deque<u8, TYPED_MAX>,
    shown: Vec<u8, SHOWN_MAX>,
}

impl Teletype {
    pub(crate) fn new(qube: Qube, mut serial: Serial) -> Self {
        serial.wake_on_input();
        Self { qube, serial, typed: Deque::new(), shown: Vec::new() }
    }

    /// The next byte that was typed.
    pub(crate) fn read(&mut self) -> Option<u8> {
        self.drain();
        self.typed.pop_front()
    }

    /// Whether typed bytes wait.
    pub(crate) fn has_input(&mut self) -> bool {
        self.drain();
        !self.typed.is_empty()
    }

    /// Takes bytes to be shown.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.shown.is_full() {
                self.flush();
            }
            let pushed = self.shown.push(byte);
            debug_assert!(pushed.is_ok(), "it was just emptied");
        }
    }

    /// Sends all that is to be shown; sleeps while the device has no room.
    pub(crate) fn flush(&mut self) {
        let mut sent = 0;
        let mut woken = false;
        while let Some(rest) = self.shown.get(sent..)
            && !rest.is_empty()
        {
            let taken = self.serial.write(rest);
            sent += taken;
            if taken == 0 {
                if !core::mem::replace(&mut woken, true) {
                    self.serial.wake_on_room();
                }
                self.drain();
                self.qube.wait(Some(self.qube.in_ms(ROOM_WAIT_MS)));
                self.serial.acknowledge();
            }
        }
        if woken {
            self.serial.no_wake_on_room();
        }
        self.shown.clear();
    }

    /// Takes note of the device's interrupt.
    pub(crate) fn acknowledge(&mut self) {
        self.serial.acknowledge();
    }

    /// Reads all the device has, as far as there is room.
    fn drain(&mut self) {
        while !self.typed.is_full()
            && let Some(byte) = self.serial.read()
        {
            let pushed = self.typed.push_back(byte);
            debug_assert!(pushed.is_ok(), "it was not full");
        }
    }
}
