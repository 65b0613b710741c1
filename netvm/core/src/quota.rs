//! `Quota`: how much of everything one client may have.
//!
//! Each client has its own, whole, whatever the others do: what one opens is never taken from another, and nothing is evicted
//! for somebody else. So memory is bounded by clients times quota.

/// How much one client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Streams, those that listeners hold included.
    pub streams: usize,
    /// Streams that were closed and still have something to send; then the oldest is broken off.
    pub closing: usize,
    /// Bytes of each of the two buffers of a stream.
    pub stream_bytes: usize,
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
    /// 64 streams of 2 times 16 KiB, which is most of it: 2.5 MiB with those that are closing, when all of it is used.
    pub const USUAL: Self = Self {
        streams: 64,
        closing: 16,
        stream_bytes: 16 * 1024,
        sockets: 8,
        datagrams: 8,
        peers: 16,
        listeners: 4,
        backlog: 4,
        questions: 8,
        pings: 4,
    };
}
