//! The serial port as a teletype: bytes typed wait in a ring, bytes to be shown in a buffer.
//!
//! The device's line interrupts when it goes up, so whenever we sleep we have read all there is, as far as the ring has
//! room. When it has none, the device holds the rest back from the sender. Both forget what has left them: passphrases are
//! typed here and passwords shown.

use unikernels_console_core::Ring;
use unikernels_rt::{Qube, Serial};
use zeroize::Zeroize;

/// Typed ahead: more than the longest line.
const TYPED_MAX: usize = 4096;
const SHOWN_MAX: usize = 1024;
/// How long to wait for the device to take more, should its interrupt be swallowed by one for input.
const ROOM_WAIT_MS: u64 = 20;

/// The serial port with its buffers.
pub(crate) struct Teletype {
    qube: Qube,
    serial: Serial,
    typed: Ring<TYPED_MAX>,
    shown: [u8; SHOWN_MAX],
    shown_length: usize,
}

impl Teletype {
    pub(crate) fn new(qube: Qube, mut serial: Serial) -> Self {
        serial.wake_on_input();
        Self { qube, serial, typed: Ring::new(), shown: [0; SHOWN_MAX], shown_length: 0 }
    }

    /// The next byte that was typed.
    pub(crate) fn read(&mut self) -> Option<u8> {
        self.drain();
        self.typed.pop()
    }

    /// Whether typed bytes wait.
    pub(crate) fn has_input(&mut self) -> bool {
        self.drain();
        !self.typed.is_empty()
    }

    /// Takes bytes to be shown.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.shown_length == SHOWN_MAX {
                self.flush();
            }
            if let Some(place) = self.shown.get_mut(self.shown_length) {
                *place = byte;
                self.shown_length += 1;
            }
        }
    }

    /// Sends all that is to be shown; sleeps while the device has no room.
    pub(crate) fn flush(&mut self) {
        let mut sent = 0;
        let mut woken = false;
        while let Some(rest) = self.shown.get(sent..self.shown_length)
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
        self.shown.get_mut(..self.shown_length).unwrap_or_default().zeroize();
        self.shown_length = 0;
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
            let pushed = self.typed.push(byte);
            debug_assert!(pushed, "it was not full");
        }
    }
}
