//! `Room`: what `call` needs too much of for a stack.
//!
//! One message at a time is in it, and the description of one service. The qube gives it as a static, the tests on the heap.

use ipc_proto_describe::TEXT_MAX;
use ipc_proto_types::MESSAGE_MAX;
use ipc_proto_wire::HEADER_SIZE;
use zeroize::Zeroize;

/// Room for one message of any service, and for any description.
pub struct Room {
    text: [u8; TEXT_MAX],
    length: usize,
    /// The index of the service whose text it is. Services stay what they are as long as the system runs.
    service: Option<u8>,
    frame: [u8; HEADER_SIZE + MESSAGE_MAX],
}

impl Room {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: [0; TEXT_MAX], length: 0, service: None, frame: [0; HEADER_SIZE + MESSAGE_MAX] }
    }

    /// Whether the text is that of the service at `index`.
    pub(crate) fn holds(&self, index: u8) -> bool {
        self.service == Some(index)
    }

    /// Forgets the text.
    pub(crate) fn clear(&mut self) {
        (self.length, self.service) = (0, None);
    }

    /// How much of the text is there.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Adds a piece to the text; false when there is no room for it.
    pub(crate) fn append(&mut self, piece: &str) -> bool {
        let end = self.length + piece.len();
        let Some(place) = self.text.get_mut(self.length..end) else { return false };
        place.copy_from_slice(piece.as_bytes());
        self.length = end;
        true
    }

    /// The text is whole, and that of the service at `index`.
    pub(crate) fn complete(&mut self, index: u8) {
        self.service = Some(index);
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(self.text.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    /// The text, and the place for a message with its header.
    pub(crate) fn parts(&mut self) -> (&str, &mut [u8]) {
        let text = self.text.get(..self.length).unwrap_or_default();
        (core::str::from_utf8(text).unwrap_or_default(), &mut self.frame)
    }

    /// Wipes the message: there may have been a secret in it.
    pub(crate) fn wipe(&mut self) {
        self.frame.zeroize();
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}
