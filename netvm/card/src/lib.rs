//! A network card as the device of the stack (`smoltcp::phy::Device`).
//!
//! A byte is copied once here, between the card's memory and a buffer of one frame; the stack copies it a second time, between
//! that buffer and a socket. Frames that are sent wait in the card's ring until [`Card::flush`], which whoever moves the stack
//! calls after each turn, so that a turn costs one register write and not one for each frame.
//!
//! A card that fails, or sends nothing for [`STALL_MS`], is not used any more: [`Card::failure`] says why, and its owner starts it
//! again. No checksum is left to the card, because the card is not trusted.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod numbers;

use numbers::Numbers;
pub use numbers::SECRET_BYTES;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use unikernels_nic::{FRAME_MAX, HEADER, Link, MTU, Nic, NicError};

/// How long a full ring may stay full, in milliseconds. A card sends a ring in far less than one; a partner that asks for a
/// pause (IEEE 802.3x) may stop it for a third of a second at a time.
pub const STALL_MS: i64 = 5000;

/// A card for the stack.
#[derive(Debug)]
pub struct Card<N> {
    nic: N,
    incoming: [u8; FRAME_MAX],
    outgoing: [u8; FRAME_MAX],
    /// How much of either holds something of frames.
    used: usize,
    full_since: Option<Instant>,
    failure: Option<NicError>,
    numbers: Numbers,
}

impl<N: Nic> Card<N> {
    /// The card. From the secret, of this life, it follows where streams begin to count; nobody who does not know it can guess
    /// the numbers of a stream that others have.
    pub fn new(nic: N, secret: &[u8; SECRET_BYTES]) -> Self {
        let numbers = Numbers::new(secret);
        let (incoming, outgoing) = ([0; FRAME_MAX], [0; FRAME_MAX]);
        Self { nic, incoming, outgoing, used: 0, full_since: None, failure: None, numbers }
    }

    /// The driver.
    pub fn nic(&mut self) -> &mut N {
        &mut self.nic
    }

    /// The driver, to stop it.
    pub fn into_nic(self) -> N {
        self.nic
    }

    /// Tells the card of every frame since the last call, and leaves nothing of them in the buffers between it and the stack.
    pub fn flush(&mut self) {
        self.nic.flush();
        for buffer in [&mut self.incoming, &mut self.outgoing] {
            let used = buffer.get_mut(..self.used).unwrap_or_default();
            used.fill(0);
            // Nobody reads these zeros; they must be written all the same.
            core::hint::black_box(used);
        }
        self.used = 0;
        self.numbers.forget();
    }

    /// Whether there is a link; a card that failed has none.
    pub fn link(&mut self) -> Link {
        if self.failure.is_some() {
            return Link::Down;
        }
        self.nic.link().unwrap_or_else(|error| {
            self.failure = Some(error);
            Link::Down
        })
    }

    /// Why the card is not used any more, if it is not.
    #[must_use]
    pub const fn failure(&self) -> Option<NicError> {
        self.failure
    }

    /// Whether a frame can be sent; a full ring is shown to the card first.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let mut has_room = self.nic.has_room();
        if has_room == Ok(false) {
            self.nic.flush();
            has_room = self.nic.has_room();
        }
        match has_room {
            Ok(true) => self.full_since = None,
            Ok(false) => {
                let since = *self.full_since.get_or_insert(now);
                if now.total_millis().saturating_sub(since.total_millis()) >= STALL_MS {
                    self.failure = Some(NicError::Broken);
                }
            }
            Err(error) => self.failure = Some(error),
        }
        has_room == Ok(true)
    }
}

/// A frame that came.
#[derive(Debug)]
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame.
#[derive(Debug)]
pub struct Room<'a, N> {
    nic: &'a mut N,
    outgoing: &'a mut [u8; FRAME_MAX],
    used: &'a mut usize,
    failure: &'a mut Option<NicError>,
    numbers: &'a Numbers,
}

impl<N: Nic> TxToken for Room<'_, N> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // The stack was told how long a frame may be, and goes by it.
        let end = len.min(FRAME_MAX);
        let frame = self.outgoing.get_mut(..end).unwrap_or_default();
        *self.used = end.max(*self.used);
        let result = f(frame);
        self.numbers.leave(frame);
        // There was room for one.
        if let Err(error) = self.nic.transmit(frame) {
            *self.failure = Some(error);
        }
        result
    }
}

impl<N: Nic> Device for Card<N> {
    type RxToken<'a>
        = Received<'a>
    where
        N: 'a;
    type TxToken<'a>
        = Room<'a, N>
    where
        N: 'a;

    /// Without room for an answer nothing is taken: the ring of the card is where frames wait.
    fn receive(&mut self, now: Instant) -> Option<(Received<'_>, Room<'_, N>)> {
        if !self.has_room(now) {
            return None;
        }
        let len = match self.nic.receive(&mut self.incoming) {
            Ok(len) => len?,
            Err(error) => {
                self.failure = Some(error);
                return None;
            }
        };
        let Self { nic, incoming, outgoing, used, failure, numbers, .. } = self;
        *used = len.max(*used);
        let frame = incoming.get_mut(..len)?;
        numbers.come(frame);
        Some((Received(frame), Room { nic, outgoing, used, failure, numbers }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Room<'_, N>> {
        let has_room = self.has_room(now);
        let Self { nic, outgoing, used, failure, numbers, .. } = self;
        has_room.then_some(Room { nic, outgoing, used, failure, numbers })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.nic.mtu().min(MTU).saturating_add(HEADER);
        capabilities
    }
}

#[cfg(test)]
mod tests {
    use unikernels_nic::{Dropped, Mac};

    use super::*;

    /// Receives a frame of `a` after another, and takes what is sent.
    #[derive(Debug)]
    struct Endless;

    impl Nic for Endless {
        fn mac(&self) -> Mac {
            [2, 0, 0, 0, 0, 1]
        }
        fn link(&mut self) -> Result<Link, NicError> {
            Ok(Link::Up)
        }
        fn receive(&mut self, into: &mut [u8]) -> Result<Option<usize>, NicError> {
            into[..FRAME_MAX].fill(b'a');
            Ok(Some(FRAME_MAX))
        }
        fn has_room(&mut self) -> Result<bool, NicError> {
            Ok(true)
        }
        fn transmit(&mut self, _: &[u8]) -> Result<(), NicError> {
            Ok(())
        }
        fn flush(&mut self) {}
        fn acknowledge(&mut self) {}
        fn dropped(&self) -> Dropped {
            Dropped::default()
        }
    }

    #[test]
    fn nothing_of_a_frame_is_left_after_a_flush() {
        let mut card = Card::new(Endless, &[0; SECRET_BYTES]);
        let (received, room) = card.receive(Instant::ZERO).unwrap();
        received.consume(|frame| assert_eq!(frame, [b'a'; FRAME_MAX]));
        room.consume(900, |frame| frame.fill(b'b'));
        assert!(card.incoming.contains(&b'a') && card.outgoing.contains(&b'b'));
        card.flush();
        assert_eq!((card.incoming, card.outgoing), ([0; FRAME_MAX], [0; FRAME_MAX]));
    }
}
