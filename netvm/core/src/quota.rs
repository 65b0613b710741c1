//! `Quota`: how much of everything one client may have.
//!
//! Each client has its own, whole, whatever the others do: what one opens is never taken from another, and nothing is evicted
//! for somebody else. So memory is bounded by clients times quota, and [`Quota::within`] gives one that so many bytes can hold.

use crate::question::QUESTION_BYTES;

/// Bytes of a socket beside its buffers, with what the heap adds to each piece; generous.
const SOCKET: usize = 2048;
/// Bytes of everything that is small: echoes, answers that are known.
const SMALL: usize = 32 * 1024;
/// Bytes of a datagram in a buffer.
const DATAGRAM: usize = 1536;
/// Fewer streams than this are no network worth having.
const STREAMS_MIN: usize = 8;

/// How much one client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Streams, those that listeners hold included.
    pub streams: usize,
    /// Streams that were closed and still have something to send; then the oldest is broken off.
    pub closing: usize,
    /// Bytes of the buffer into which a stream receives.
    pub stream_bytes: usize,
    /// Bytes of the buffer from which it sends.
    pub send_bytes: usize,
    /// Of the first streams that are open at a time, so many receive into a larger buffer: most clients have few, and the more
    /// comes at once, the less often anybody has to be woken.
    pub wide: usize,
    /// Bytes of that buffer.
    pub wide_bytes: usize,
    /// Sockets for datagrams.
    pub sockets: usize,
    /// Datagrams that each of the two buffers of a socket holds.
    pub datagrams: usize,
    /// Others whose datagrams one socket takes; then the one it sent to first is forgotten.
    pub peers: usize,
    /// Listeners.
    pub listeners: usize,
    /// Streams that may be opened to one listener at the same time.
    pub backlog: usize,
    /// Names that are being asked for.
    pub questions: usize,
    /// Echoes that are under way.
    pub pings: usize,
}

impl Quota {
    /// 64 streams of 2 times 16 KiB, which is most of it: 3.7 MiB when all of it is used.
    pub const USUAL: Self = Self {
        streams: 64,
        closing: 16,
        stream_bytes: 16 * 1024,
        send_bytes: 16 * 1024,
        wide: 4,
        wide_bytes: 64 * 1024,
        sockets: 8,
        datagrams: 8,
        peers: 16,
        listeners: 4,
        backlog: 4,
        questions: 8,
        pings: 4,
    };

    /// For where memory is short: fewer of everything but streams, of which there are as many as fit. They send from smaller
    /// buffers, because most clients receive more than they send.
    const LEAN: Self = Self {
        closing: 8,
        send_bytes: 8 * 1024,
        wide: 2,
        sockets: 4,
        listeners: 2,
        backlog: 2,
        questions: 4,
        ..Self::USUAL
    };

    /// Bytes that a client takes when it has all of it.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.fixed().saturating_add(self.streams.saturating_mul(self.stream()))
    }

    /// The usual quota, or one with less, that takes no more than so many bytes; `None` when they are too few.
    #[must_use]
    pub fn within(bytes: usize) -> Option<Self> {
        if Self::USUAL.bytes() <= bytes {
            return Some(Self::USUAL);
        }
        let streams = bytes.checked_sub(Self::LEAN.fixed())?.checked_div(Self::LEAN.stream())?;
        let streams = streams.min(Self::USUAL.streams);
        (streams >= STREAMS_MIN).then_some(Self { streams, ..Self::LEAN })
    }

    /// Bytes of a stream.
    const fn stream(&self) -> usize {
        self.stream_bytes.saturating_add(self.send_bytes).saturating_add(SOCKET)
    }

    /// Bytes of everything but streams.
    const fn fixed(&self) -> usize {
        let places = self.closing.saturating_add(self.listeners.saturating_mul(self.backlog));
        let wide = self.wide.saturating_mul(self.wide_bytes.saturating_sub(self.stream_bytes));
        let datagrams = self.datagrams.saturating_mul(2).saturating_mul(DATAGRAM).saturating_add(SOCKET);
        places
            .saturating_mul(self.stream())
            .saturating_add(wide)
            .saturating_add(self.sockets.saturating_mul(datagrams))
            .saturating_add(self.questions.saturating_mul(QUESTION_BYTES.saturating_add(SOCKET)))
            .saturating_add(SMALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_takes_no_more_than_there_is() {
        assert_eq!(Quota::within(Quota::USUAL.bytes()), Some(Quota::USUAL));
        assert!(Quota::USUAL.bytes() < 4 << 20, "{}", Quota::USUAL.bytes());
        // What is left of 4 MiB to the only client of a network qube, with some to spare.
        assert_eq!(Quota::within(2240 * 1024).map(|quota| quota.streams), Some(64));
        let mut before = 0;
        for kib in 0..8192_usize {
            let bytes = kib * 1024;
            let Some(quota) = Quota::within(bytes) else {
                assert_eq!(before, 0, "more memory is never worse");
                continue;
            };
            assert!(quota.bytes() <= bytes && quota.streams >= before.max(STREAMS_MIN), "{kib} KiB");
            before = quota.streams;
        }
        assert_eq!(before, 64);
    }
}
