//! Channels and their two ends. End `2c` is the client's end of channel `c`, `2c + 1` the server's: the peer of an end, its
//! channel and its role follow from its number, so none of them can be claimed.

use ipc_proto_types::{CALLS_MAX, ChannelIndex, Kind, MAX_CHANNELS, MAX_METHODS, PortIndex, QubeIndex, Role};
use ipc_proto_wire::Table;
use supervisor_image as image;
use supervisor_virtio::Queue;

use crate::audit::Stamp;

/// Ends in a system.
pub(crate) const ENDPOINTS: usize = 2 * MAX_CHANNELS;
const _: () = assert!(ENDPOINTS.is_power_of_two() && ENDPOINTS <= 255);

/// No endpoint.
pub(crate) const NO_ENDPOINT: u8 = 255;

/// Number of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndpointIndex(u8);

impl EndpointIndex {
    pub(crate) const fn new(channel: ChannelIndex, role: Role) -> Self {
        let role = match role {
            Role::Client => 0,
            Role::Server => 1,
        };
        Self(2 * channel.get() + role)
    }

    /// From a stored number, if it is one.
    #[inline]
    pub(crate) const fn from_u8(number: u8) -> Option<Self> {
        if (number as usize) < ENDPOINTS { Some(Self(number)) } else { None }
    }

    #[inline]
    pub(crate) const fn get(self) -> u8 {
        self.0
    }

    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize % ENDPOINTS
    }

    #[inline]
    pub(crate) const fn peer(self) -> Self {
        Self(self.0 ^ 1)
    }

    #[inline]
    pub(crate) const fn channel(self) -> usize {
        (self.0 / 2) as usize % MAX_CHANNELS
    }

    #[inline]
    pub(crate) const fn role(self) -> Role {
        if self.0.is_multiple_of(2) { Role::Client } else { Role::Server }
    }
}

/// One end: the two queues of a qube's port.
pub(crate) struct Endpoint<W> {
    pub(crate) rx: Queue<W>,
    pub(crate) tx: Queue<W>,
    /// Whose end; `None` is the supervisor's.
    pub(crate) qube: Option<QubeIndex>,
    pub(crate) port: PortIndex,
    /// The driver has opened this end, for the peer's present life.
    pub(crate) opened: bool,
    /// The peer has begun a new life that this end has not acknowledged.
    pub(crate) stale: bool,
    /// Control messages still to be sent about this port.
    pub(crate) announce: Announce,
    /// What the audit says of every message from here.
    pub(crate) stamp: Stamp,
    /// Messages from here that were delivered, in all lives.
    pub(crate) sent: u64,
}

/// Control messages to send about one port.
#[derive(Clone, Copy, Default)]
pub(crate) struct Announce {
    pub(crate) add: bool,
    pub(crate) name: bool,
    pub(crate) open: bool,
}

impl Announce {
    pub(crate) fn any(self) -> bool {
        self.add || self.name || self.open
    }
}

impl<W> Endpoint<W> {
    /// The end of no channel.
    pub(crate) const NOBODY: Self = Self::new(
        None,
        match PortIndex::new(0) {
            Some(port) => port,
            None => panic!("a qube may have a port"),
        },
    );

    pub(crate) const fn new(qube: Option<QubeIndex>, port: PortIndex) -> Self {
        Self {
            rx: Queue::Off,
            tx: Queue::Off,
            qube,
            port,
            opened: qube.is_none(),
            stale: false,
            announce: Announce { add: false, name: false, open: false },
            stamp: Stamp::NONE,
            sent: 0,
        }
    }

    /// Opened, and for the peer's present life.
    pub(crate) fn is_ready(&self) -> bool {
        self.opened && !self.stale
    }

    /// After its qube's end: nothing of the old life stays.
    pub(crate) fn reset(&mut self) {
        *self = Self { stamp: self.stamp, sent: self.sent, ..Self::new(self.qube, self.port) };
    }
}

/// Which messages of one kind and sender pass at a glance: for each method the limit below which the length of a body must
/// be that is one byte string and nothing else, if that is all the schema wants and the policy has nothing against it; 0 for
/// any other.
#[derive(Clone, Copy)]
pub(crate) struct Quick([u8; MAX_METHODS]);

impl Quick {
    /// All four: a client's calls, a server's replies, a client's events, a server's events.
    pub(crate) fn all(table: &Table<'_>, allowed: u32) -> [Self; 4] {
        [
            (Role::Client, Kind::Call),
            (Role::Server, Kind::Reply),
            (Role::Client, Kind::Event),
            (Role::Server, Kind::Event),
        ]
        .map(|(sender, kind)| Self::new(table, sender, kind, allowed))
    }

    fn new(table: &Table<'_>, sender: Role, kind: Kind, allowed: u32) -> Self {
        // An answer was allowed when its call was.
        let allowed = if kind == Kind::Reply { u32::MAX } else { allowed };
        Self(core::array::from_fn(|method| match table.sole_bytes(sender, kind, method as u16) {
            Some(limit) if allowed & 1 << method != 0 => limit,
            _ => 0,
        }))
    }

    /// Whether a message of `method` with this body is in order, by schema and policy. If not, ask them.
    #[inline(always)]
    pub(crate) fn passes(&self, method: u16, body: &[u8]) -> bool {
        match (self.0.get(usize::from(method)), body) {
            (Some(limit), [count, bytes @ ..]) => usize::from(*count) == bytes.len() && count < limit,
            _ => false,
        }
    }
}

/// A channel.
pub(crate) struct Channel<'a> {
    pub(crate) facts: image::Channel<'a>,
    pub(crate) service: image::Service<'a>,
    pub(crate) table: Table<'a>,
    /// Both ends are open and know each other's present life.
    pub(crate) open: bool,
    /// Open, and nobody looks: messages go straight.
    pub(crate) direct: bool,
    /// What a server says in answer to it next.
    pub(crate) calls: Calls,
    /// Methods that the policy allows whatever a message says, one bit each.
    pub(crate) allowed: u32,
    /// Calls, replies, a client's events and a server's.
    pub(crate) quick: [Quick; 4],
    /// How many bytes of the staging buffer are wiped after its messages: all they can fill, or none if none is secret.
    pub(crate) wiped: usize,
    pub(crate) refused: u64,
}

/// The calls of one life of a channel that still wait for their answer.
#[derive(Clone, Copy)]
pub(crate) struct Calls {
    /// Number of the last call.
    last: u64,
    /// Method + 1 of the open call with a number of this remainder, 0 for none.
    open: [u16; CALLS_MAX],
}

/// Why a call cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallFault {
    /// Not the next number.
    NotNext,
    /// The slot is taken.
    TooMany,
}

impl Calls {
    pub(crate) const fn new() -> Self {
        Self { last: 0, open: [0; CALLS_MAX] }
    }

    #[inline]
    const fn slot(correlation: u64) -> usize {
        correlation as usize % CALLS_MAX
    }

    /// Counts a call. Its number is used up even when the slot is taken.
    #[inline]
    pub(crate) fn count(&mut self, correlation: u64) -> Result<(), CallFault> {
        if correlation != self.last.wrapping_add(1) {
            return Err(CallFault::NotNext);
        }
        self.last = correlation;
        if self.open[Self::slot(correlation)] != 0 { Err(CallFault::TooMany) } else { Ok(()) }
    }

    /// Records a counted call as waiting for its answer.
    #[inline]
    pub(crate) fn begin(&mut self, correlation: u64, method: u16) {
        self.open[Self::slot(correlation)] = method.wrapping_add(1);
    }

    /// Whether a reply to this call would be one.
    #[inline]
    pub(crate) fn waits(&self, correlation: u64, method: u16) -> bool {
        let recent = self.last.wrapping_sub(correlation) < CALLS_MAX as u64;
        recent && self.open[Self::slot(correlation)] == method.wrapping_add(1)
    }

    /// Ends an open call.
    #[inline]
    pub(crate) fn end(&mut self, correlation: u64) {
        self.open[Self::slot(correlation)] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_a_channel_know_each_other() {
        for channel in ChannelIndex::all() {
            let client = EndpointIndex::new(channel, Role::Client);
            let server = EndpointIndex::new(channel, Role::Server);
            assert_eq!((client.peer(), server.peer()), (server, client));
            assert_eq!((client.role(), server.role()), (Role::Client, Role::Server));
            assert_eq!((client.channel(), server.channel()), (channel.as_usize(), channel.as_usize()));
            assert!(server.index() < ENDPOINTS);
        }
    }

    #[test]
    fn calls_are_numbered_from_one_without_gaps() {
        let mut calls = Calls::new();
        for wrong in [0, 2, u64::MAX] {
            assert_eq!(calls.count(wrong), Err(CallFault::NotNext));
        }
        assert_eq!(calls.count(1), Ok(()));
        assert_eq!(calls.count(1), Err(CallFault::NotNext));
    }

    #[test]
    fn a_ninth_open_call_waits_until_the_first_is_answered() {
        let mut calls = Calls::new();
        for n in 1..=8 {
            assert_eq!(calls.count(n), Ok(()));
            calls.begin(n, 3);
        }
        assert_eq!(calls.count(9), Err(CallFault::TooMany));
        calls.end(2);
        assert_eq!(calls.count(10), Ok(()));
    }

    #[test]
    fn only_an_open_call_of_that_method_can_be_answered() {
        let mut calls = Calls::new();
        assert_eq!(calls.count(1), Ok(()));
        calls.begin(1, 3);
        assert!(calls.waits(1, 3));
        for (correlation, method) in [(1, 2), (0, 3), (2, 3), (9, 3), (u64::MAX - 6, 3), (1, u16::MAX)] {
            assert!(!calls.waits(correlation, method), "{correlation} {method}");
        }
        calls.end(1);
        assert!(!calls.waits(1, 3));
    }
}
