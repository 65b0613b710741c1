//! Frames that are right until an attack makes them wrong (`ipc-proto/spec/wire-format.md`).

use crate::raw::{INFO, peek, saw};

/// Methods of service `echo`.
pub(crate) const SAY: u16 = 0;
pub(crate) const BYTES: u16 = 1;
pub(crate) const SINK: u16 = 2;
pub(crate) const SUNK: u16 = 3;

/// Kinds of frames.
pub(crate) const CALL: u8 = 1;
pub(crate) const REPLY: u8 = 2;
pub(crate) const EVENT: u8 = 3;
pub(crate) const ERROR: u8 = 4;

/// Bytes of a header.
const HEADER: usize = 32;
/// Longest frame here.
const MAX: usize = 2048;

/// A frame of the channel on port 0.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    bytes: [u8; MAX],
    length: usize,
}

impl Frame {
    /// A frame with the channel's schema.
    pub(crate) fn new(method: u16, kind: u8, correlation: u64, body: &[u8]) -> Self {
        let mut frame = Self { bytes: [0; MAX], length: HEADER + body.len() };
        let schema = peek::<[u8; 16]>(INFO + 0x200 + 16);
        frame = frame.with(0, &schema).with(16, &method.to_le_bytes()).with(18, &[kind]);
        frame = frame.with(20, &(body.len() as u32).to_le_bytes()).with(24, &correlation.to_le_bytes());
        frame.with(HEADER, body)
    }

    /// A call.
    pub(crate) fn call(method: u16, correlation: u64, body: &[u8]) -> Self {
        Self::new(method, CALL, correlation, body)
    }

    /// An event.
    pub(crate) fn event(method: u16, body: &[u8]) -> Self {
        Self::new(method, EVENT, 0, body)
    }

    /// With other bytes at a place.
    pub(crate) fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self
    }

    /// Shorter or longer, whatever its header says.
    pub(crate) fn sized(mut self, length: usize) -> Self {
        self.length = length;
        self
    }

    /// The frame.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// The body of `say`, for a short text.
pub(crate) fn say(text: &str) -> Text {
    let mut bytes = [0; 64];
    let length = text.len().min(63);
    bytes[0] = length as u8;
    for (place, byte) in bytes.iter_mut().skip(1).zip(text.bytes()) {
        *place = byte;
    }
    Text { bytes, length: length + 1 }
}

/// A short body.
pub(crate) struct Text {
    bytes: [u8; 64],
    length: usize,
}

impl core::ops::Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

/// Whether the frame at an address is a reply to this call.
pub(crate) fn is_reply_to(at: u64, length: u32, correlation: u64) -> bool {
    length >= 32 && peek::<u8>(at + 18) == REPLY && peek::<u64>(at + 24) == correlation
}

/// Notes a frame for the judge.
pub(crate) fn note(at: u64, length: u32) {
    let (kind, correlation) = (peek::<u8>(at + 18), peek::<u64>(at + 24));
    let mut body = [0; 16];
    for (place, at) in body.iter_mut().zip(at + 32..at + u64::from(length)) {
        *place = peek(at);
    }
    let body = body.get(..(length as usize).saturating_sub(HEADER).min(16)).unwrap_or(&[]);
    match kind {
        REPLY => saw(format_args!("reply to {correlation}: {}", body.escape_ascii())),
        ERROR => saw(format_args!("error to {correlation}: {body:x?}")),
        _ => saw(format_args!("frame of kind {kind}, {length} bytes")),
    }
}
