//! What is asked: one attempt of a client, one flow that there is, and the time.

use core::net::IpAddr;

use crate::name::HostName;

/// What a client wants to do, in the words of service `net`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `resolve`: ask for the addresses of a name.
    Resolve,
    /// `connect`: open a stream of TCP.
    Connect,
    /// `send_to`: send a datagram of UDP.
    SendTo,
    /// `listen`: take what comes in unasked, for TCP and for UDP. The address is the other's, the port our own.
    Listen,
    /// `ping`: an echo of ICMP.
    Ping,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Resolve, Self::Connect, Self::SendTo, Self::Listen, Self::Ping];

    /// Its word in a rule.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::SendTo => "send_to",
            Self::Listen => "listen",
            Self::Ping => "ping",
        }
    }
}

/// A protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP and ICMPv6.
    Icmp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Icmp];

    /// Its word in a rule.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

/// One attempt. A field that it does not have matches no condition on that field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// What.
    pub operation: Operation,
    /// Over which protocol; none for `resolve`.
    pub protocol: Option<Protocol>,
    /// With whom; none for `resolve`, and before a name is resolved.
    pub address: Option<IpAddr>,
    /// At which port; none for `resolve` and `ping`.
    pub port: Option<u16>,
    /// The name that the client asked for, when it asked for one and not for an address.
    pub name: Option<&'a HostName>,
}

/// A flow that a rule once allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// What.
    pub operation: Operation,
    /// Over which protocol.
    pub protocol: Protocol,
    /// With whom.
    pub address: IpAddr,
    /// At which port; none for `ping`.
    pub port: Option<u16>,
    /// The name that the client asked for.
    pub name: Option<HostName>,
    /// The name by which the rule allowed it: still good for this flow when its TTL is over.
    pub pinned: Option<HostName>,
}

impl Flow {
    /// The flow as an attempt.
    #[must_use]
    pub fn attempt(&self) -> Attempt<'_> {
        Attempt {
            operation: self.operation,
            protocol: Some(self.protocol),
            address: Some(self.address),
            port: self.port,
            name: self.name.as_ref(),
        }
    }
}

/// The time, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that is never set: TTLs go by it.
    pub ms: u64,
    /// Seconds since 1970: `expires` goes by it. Before [`crate::CLOCK_MIN_UNIX_S`] it is not believed; 0 is a clock that was
    /// never set.
    pub unix_s: u64,
}
