//! Network cards as frames: the trait between drivers and a stack.
//!
//! A frame is an Ethernet frame without its preamble and its check sequence. A driver copies each byte once, between the memory
//! of the card and the caller's, because memory that a card writes is referred to by nobody. All rings are bounded: what does not
//! fit is refused when it is sent, and lost by the card when it comes.
//!
//! Neither the card nor the network behind it is trusted. What a card says about a frame is checked; a frame that cannot be is
//! dropped and counted; a card that breaks its rings is not used any more until it is started again.

#![no_std]
#![forbid(unsafe_code)]

pub use unikernels_ports::{Dma, Registers, Wait};

/// Bytes of an Ethernet header: two addresses and a type.
pub const HEADER: usize = 14;
/// Bytes of payload that every card takes, which is Ethernet's own limit.
pub const MTU: usize = 1500;
/// Bytes of the longest frame. Tags of virtual networks are not used.
pub const FRAME_MAX: usize = HEADER + MTU;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// Whether this is the address of one station, as a card needs it: not of a group, and not empty.
#[must_use]
pub fn is_station(mac: Mac) -> bool {
    mac[0] & 1 == 0 && mac != [0; 6]
}

/// Why a card did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NicError {
    /// The caller: an empty frame, or one of more than [`FRAME_MAX`] bytes.
    Length,
    /// The caller: `into` is shorter than [`FRAME_MAX`].
    Short,
    /// The ring is full: the card has to send first.
    Full,
    /// The card broke the rules of its rings. It may still use them, so it has to be started again.
    Broken,
    /// The card is gone: its registers read as ones.
    Gone,
}

/// Whether the card has a partner at the other end of the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It has none.
    Down,
    /// It has one.
    Up,
}

/// What a driver did not pass on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Frames whose length cannot be, or of more than one buffer.
    pub length: u64,
    /// Frames that the card itself calls damaged.
    pub damaged: u64,
}

/// A network card that runs.
pub trait Nic {
    /// Its address.
    fn mac(&self) -> Mac;

    /// Bytes of payload that it takes; at least [`MTU`].
    fn mtu(&self) -> usize {
        MTU
    }

    /// Whether it has a link.
    ///
    /// # Errors
    /// [`NicError::Gone`], [`NicError::Broken`].
    fn link(&mut self) -> Result<Link, NicError>;

    /// Copies the next frame into `into` and says its length; `None` if there is none. It looks at no more frames than the ring
    /// has, so `None` under a flood of bad ones means only that the caller may do something else first.
    ///
    /// # Errors
    /// [`NicError::Short`], [`NicError::Gone`], [`NicError::Broken`].
    fn receive(&mut self, into: &mut [u8]) -> Result<Option<usize>, NicError>;

    /// Whether [`Nic::transmit`] has room. If not, the card will interrupt when it has.
    ///
    /// # Errors
    /// [`NicError::Gone`], [`NicError::Broken`].
    fn has_room(&mut self) -> Result<bool, NicError>;

    /// Puts a frame into the ring. The card is told with the next [`Nic::flush`].
    ///
    /// # Errors
    /// See [`NicError`]; the frame is not sent then.
    fn transmit(&mut self, frame: &[u8]) -> Result<(), NicError>;

    /// Tells the card of everything put into its rings, with one register write for each: once a turn, not once a frame.
    fn flush(&mut self);

    /// Takes note of an interrupt, so that another can come. To be called before frames are received, or one that comes
    /// between is not told.
    fn acknowledge(&mut self);

    /// To be called before whoever uses the card sleeps until its interrupt: asks for one when `frames` more have come, or sooner
    /// where a card cannot count. Says whether so many are there already; then there may be none. Without it, or once
    /// [`Nic::receive`] was called after it, a card need not interrupt for frames that come.
    ///
    /// # Errors
    /// [`NicError::Gone`], [`NicError::Broken`].
    fn wake_after(&mut self, frames: u16) -> Result<bool, NicError> {
        // A card that interrupts for every frame has nothing to be told.
        let _ = frames;
        Ok(false)
    }

    /// What was not passed on since the start.
    fn dropped(&self) -> Dropped;
}
