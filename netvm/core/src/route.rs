//! Where a stream goes: to the first of its addresses that may be reached, and, when that does not answer, to the next.

use alloc::vec::Vec;
use core::net::IpAddr;

use ipc_proto_net_api::NetError;
use ipc_proto_types::PortIndex;
use netvm_firewall::{Attempt, Firewall, Flow, HostName, Operation, Protocol};

use crate::machine::Machine;
use crate::stream::Stream;

/// How long the other side may take to accept, in milliseconds.
const OPENING_MS: u64 = 10_000;
/// The same when there is another address of the name to try then: all tries together take 22 seconds at most, less than whoever
/// waits for a document has patience.
const TRY_MS: u64 = 4000;
/// Addresses of one name that are tried, of those that may be and can be reached.
const TRIES_MAX: usize = 4;

/// Who wants to go where.
pub(crate) struct Route<'n> {
    pub(crate) name: Option<&'n HostName>,
    pub(crate) port: u16,
    /// Bytes of the receive buffer, if it comes to a socket.
    pub(crate) window: usize,
}

/// The attempt to open it, for the rules.
pub(crate) fn attempt<'n>(address: Option<IpAddr>, route: &Route<'n>) -> Attempt<'n> {
    Attempt {
        operation: Operation::Connect,
        protocol: Some(Protocol::Tcp),
        address,
        port: Some(route.port),
        name: route.name,
    }
}

/// Opens a stream to the first of these addresses that may be and can be reached.
pub(crate) fn first(
    client: PortIndex,
    machine: &mut Machine,
    firewall: &Firewall,
    addresses: Vec<IpAddr>,
    route: &Route<'_>,
) -> Result<Stream, NetError> {
    let mut why = NetError::NoSuchName;
    let mut usable = Vec::new();
    for address in addresses {
        let address = address.to_canonical();
        let is_allowed = firewall.judge(client, &attempt(Some(address), route), machine.now).is_ok();
        match machine.check_reach(address) {
            _ if !is_allowed => why = NetError::Denied,
            Ok(()) => usable.push(address),
            Err(error) => why = error,
        }
    }
    if usable.is_empty() {
        return Err(why);
    }
    usable.sort_by_key(|address| machine.is_far_from_source(*address));
    usable.truncate(TRIES_MAX);
    usable.reverse();
    next(client, machine, firewall, usable, route)
}

/// As [`first`], for addresses of which the last comes first.
pub(crate) fn next(
    client: PortIndex,
    machine: &mut Machine,
    firewall: &Firewall,
    mut addresses: Vec<IpAddr>,
    route: &Route<'_>,
) -> Result<Stream, NetError> {
    let mut why = NetError::NoSuchName;
    while let Some(address) = addresses.pop() {
        let Ok(grant) = firewall.judge(client, &attempt(Some(address), route), machine.now) else {
            why = NetError::Denied;
            continue;
        };
        let flow = Flow {
            operation: Operation::Connect,
            protocol: Protocol::Tcp,
            address,
            port: Some(route.port),
            name: route.name.cloned(),
            pinned: grant.name,
        };
        match machine.open(flow, route.port, route.window) {
            Ok(connection) => {
                let wait_ms = if addresses.is_empty() { OPENING_MS } else { TRY_MS };
                let until_ms = machine.now.ms.saturating_add(wait_ms);
                return Ok(Stream::Opening {
                    connection,
                    rest: addresses,
                    name: route.name.cloned(),
                    until_ms,
                });
            }
            Err(error) => why = error,
        }
    }
    Err(why)
}
