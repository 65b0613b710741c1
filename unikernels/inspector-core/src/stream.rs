//! `Stream`: whole frames out of bytes that come one by one.

use ipc_proto_wire::HEADER_SIZE;

/// Bytes of the length before a frame.
pub const LENGTH_BYTES: usize = 4;

/// After this long without a byte, in milliseconds, half a frame is forgotten, and so is that the line said nonsense.
/// A host that begins anew stays silent for longer than this first.
pub const QUIET_MS: u64 = 250;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The length: so many bytes of it are here.
    Length(usize),
    /// A frame of this length: so many bytes of it are here.
    Frame { length: usize, have: usize },
    /// A length was impossible: where the next frame begins nobody knows until the line is quiet.
    Lost,
}

/// The host's bytes, being put together. `N` is the longest frame there is.
#[derive(Debug)]
pub struct Stream<const N: usize> {
    state: State,
    length: [u8; LENGTH_BYTES],
    frame: [u8; N],
    /// When the last byte came, in milliseconds.
    last_ms: u64,
}

impl<const N: usize> Stream<N> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N > HEADER_SIZE) };
        Self { state: State::Length(0), length: [0; LENGTH_BYTES], frame: [0; N], last_ms: 0 }
    }

    /// Takes a byte; when it completes a frame, gives the frame's length: it lies at the beginning of the buffer.
    pub fn push(&mut self, byte: u8, now_ms: u64) -> Option<usize> {
        if now_ms.saturating_sub(self.last_ms) >= QUIET_MS {
            self.state = State::Length(0);
        }
        self.last_ms = now_ms;
        match self.state {
            State::Length(have) => {
                if let Some(place) = self.length.get_mut(have) {
                    *place = byte;
                }
                self.state = self.after_length(have.saturating_add(1));
                None
            }
            State::Frame { length, have } => {
                if let Some(place) = self.frame.get_mut(have) {
                    *place = byte;
                }
                let have = have.saturating_add(1);
                if have < length {
                    self.state = State::Frame { length, have };
                    return None;
                }
                self.state = State::Length(0);
                Some(length)
            }
            State::Lost => None,
        }
    }

    /// The buffer with the last frame; what is written there is overwritten by the next.
    pub fn buffer(&mut self) -> &mut [u8] {
        &mut self.frame
    }

    /// Whether the stream is between two frames.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.state == State::Length(0)
    }

    fn after_length(&self, have: usize) -> State {
        if have < LENGTH_BYTES {
            return State::Length(have);
        }
        match usize::try_from(u32::from_le_bytes(self.length)) {
            Ok(length) if (HEADER_SIZE..=N).contains(&length) => State::Frame { length, have: 0 },
            _ => State::Lost,
        }
    }
}

impl<const N: usize> Default for Stream<N> {
    fn default() -> Self {
        Self::new()
    }
}
