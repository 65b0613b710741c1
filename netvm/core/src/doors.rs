//! `Doors`: what may come in, by the port it comes to.
//!
//! Whatever opens something towards the network opens its door here, and nothing else comes in. So a stranger gets no answer,
//! not even a refusal, and cannot find out what there is.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;

use ipc_proto_types::PortIndex;
use netvm_firewall::Flow;

/// A stream as packets name it: our port, their address, their port.
pub(crate) type Tuple = (u16, IpAddr, u16);

/// Who may send datagrams to a port.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) client: PortIndex,
    /// Those the client has sent to, by the rule that allowed it.
    pub(crate) flows: Vec<Flow>,
}

/// A port to which streams may be opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    pub(crate) client: PortIndex,
    /// Whether all places are taken: who comes now has to come again, and is not told that nobody is here.
    pub(crate) is_full: bool,
}

/// All doors.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    pub(crate) streams: BTreeSet<Tuple>,
    /// Streams that somebody begins, and has not confirmed or that nobody looked at since.
    pub(crate) beginning: BTreeSet<Tuple>,
    pub(crate) listeners: BTreeMap<u16, Open>,
    pub(crate) sockets: BTreeMap<u16, Peers>,
    /// Ports from which a name was asked for, and whom.
    pub(crate) questions: BTreeMap<u16, IpAddr>,
    /// Identifiers of echoes, and who was asked for one.
    pub(crate) pings: BTreeMap<u16, IpAddr>,
}

impl Doors {
    /// Whether there is this stream, or it begins.
    pub(crate) fn has_stream(&self, tuple: &Tuple) -> bool {
        self.streams.contains(tuple) || self.beginning.contains(tuple)
    }

    /// Whether nobody has this port for UDP.
    pub(crate) fn is_free_for_datagrams(&self, port: u16) -> bool {
        !self.sockets.contains_key(&port) && !self.questions.contains_key(&port)
    }

    /// Whether nobody has this port for TCP.
    pub(crate) fn is_free_for_streams(&self, port: u16) -> bool {
        let first = (port, IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED), 0);
        let taken = self.streams.range(first..).next().is_some_and(|tuple| tuple.0 == port);
        !taken && !self.listeners.contains_key(&port)
    }
}
