//! Echoes of ICMP and ICMPv6.

use core::net::IpAddr;

use ipc_proto_net_api::NetError;
use netvm_firewall::{Attempt, Firewall, Operation, Protocol};
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::icmp;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpAddress};

use crate::client::Client;
use crate::machine::Machine;

/// How long an echo may take, in milliseconds.
const WAIT_MS: u64 = 5000;
/// For so long it is known how long it took, in milliseconds.
const KEPT_MS: u64 = 5000;
/// Bytes that only the one who got the question can send back.
const DATA: usize = 8;
/// Bytes before the data.
const HEADER: usize = 8;
/// Room for an echo and a few that are not ours.
const PACKETS: usize = 4;
const BYTES: usize = 256;

/// An echo that is under way.
#[derive(Debug)]
pub(crate) struct Ping {
    address: IpAddr,
    data: [u8; DATA],
    sent_ms: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting { handle: SocketHandle, ident: u16 },
    Over { result: Result<u32, NetError>, at_ms: u64 },
}

impl Client {
    /// Sends an echo, or says what became of it.
    pub(crate) fn ping(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        address: IpAddr,
    ) -> Result<u32, NetError> {
        let address = address.to_canonical();
        let known = self.pings.iter().find(|(_, ping)| ping.address == address).map(|(number, _)| number);
        if let Some(number) = known {
            let result = match self.pings.get(number).map(|ping| &ping.state) {
                Some(State::Over { result, .. }) => *result,
                _ => return Err(NetError::WouldBlock),
            };
            self.pings.remove(number);
            return result;
        }
        check(self, machine, firewall, address)?;
        machine.check_reach(address)?;
        if self.pings.len() >= machine.quota.pings {
            return Err(NetError::Quota);
        }
        let ping = Ping::send(machine, address)?;
        self.wanted.want(machine, address);
        self.pings.insert(ping, machine.quota.pings).ok_or(NetError::Quota)?;
        Err(NetError::WouldBlock)
    }

    /// Takes what came back; says whether anything is new.
    pub(crate) fn advance_pings(&mut self, machine: &mut Machine) -> bool {
        let mut is_news = false;
        let mut stale = None;
        for (number, ping) in self.pings.iter_mut() {
            is_news |= ping.advance(machine);
            if matches!(ping.state, State::Over { at_ms, .. } if machine.now.ms >= at_ms.saturating_add(KEPT_MS))
            {
                stale = Some(number);
            }
        }
        stale.and_then(|number| self.pings.remove(number));
        is_news
    }

    /// Ends the echoes that are no longer allowed.
    pub(crate) fn review_pings(&mut self, machine: &mut Machine, firewall: &Firewall) {
        let mut pings = core::mem::replace(&mut self.pings, crate::table::Table::new());
        for (_, ping) in pings.iter_mut() {
            if check(self, machine, firewall, ping.address).is_err() {
                ping.end(machine, Err(NetError::Cut));
            }
        }
        self.pings = pings;
    }

    /// When an echo has to be given up, in milliseconds.
    pub(crate) fn next_ping_ms(&self) -> Option<u64> {
        let next = self.pings.iter().map(|(_, ping)| match ping.state {
            State::Waiting { .. } => ping.sent_ms.saturating_add(WAIT_MS),
            State::Over { at_ms, .. } => at_ms.saturating_add(KEPT_MS),
        });
        next.min()
    }
}

fn check(client: &Client, machine: &Machine, firewall: &Firewall, address: IpAddr) -> Result<(), NetError> {
    let attempt = Attempt {
        operation: Operation::Ping,
        protocol: Some(Protocol::Icmp),
        address: Some(address),
        port: None,
        name: None,
    };
    firewall.judge(client.port, &attempt, machine.now).map(|_| ()).map_err(|_| NetError::Denied)
}

impl Ping {
    fn send(machine: &mut Machine, address: IpAddr) -> Result<Self, NetError> {
        let buffer = || {
            icmp::PacketBuffer::new(alloc::vec![icmp::PacketMetadata::EMPTY; PACKETS], alloc::vec![0; BYTES])
        };
        let mut socket = icmp::Socket::new(buffer(), buffer());
        let ident = machine.random_id();
        if machine.doors.pings.contains_key(&ident) {
            return Err(NetError::WouldBlock);
        }
        socket.bind(icmp::Endpoint::Ident(ident)).map_err(|_| NetError::NoNetwork)?;
        let mut data = [0; DATA];
        machine.random.fill(&mut data);
        let there = IpAddress::from(address);
        let place = socket.send(HEADER.saturating_add(DATA), there).map_err(|_| NetError::NoNetwork)?;
        let checksums = ChecksumCapabilities::default();
        match (address, machine.interface.get_source_address(&there)) {
            (IpAddr::V4(_), _) => {
                let echo = Icmpv4Repr::EchoRequest { ident, seq_no: 1, data: &data };
                echo.emit(&mut Icmpv4Packet::new_unchecked(place), &checksums);
            }
            (IpAddr::V6(to), Some(IpAddress::Ipv6(from))) => {
                let echo = Icmpv6Repr::EchoRequest { ident, seq_no: 1, data: &data };
                echo.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(place), &checksums);
            }
            _ => return Err(NetError::NoNetwork),
        }
        machine.doors.pings.insert(ident, address);
        let handle = machine.sockets.add(socket);
        Ok(Self { address, data, sent_ms: machine.now.ms, state: State::Waiting { handle, ident } })
    }

    fn advance(&mut self, machine: &mut Machine) -> bool {
        let State::Waiting { handle, .. } = self.state else { return false };
        let took_ms = machine.now.ms.saturating_sub(self.sent_ms);
        let socket = machine.sockets.get_mut::<icmp::Socket<'_>>(handle);
        for _ in 0..PACKETS {
            let Ok((message, from)) = socket.recv() else { break };
            if IpAddr::from(from) == self.address && message.get(HEADER..) == Some(self.data.as_slice()) {
                self.end(machine, Ok(u32::try_from(took_ms).unwrap_or(u32::MAX)));
                return true;
            }
        }
        let is_late = took_ms >= WAIT_MS;
        if is_late {
            self.end(machine, Err(NetError::TimedOut));
        }
        is_late
    }

    /// Gives the socket back.
    pub(crate) fn end(&mut self, machine: &mut Machine, result: Result<u32, NetError>) {
        let over = State::Over { result, at_ms: machine.now.ms };
        if let State::Waiting { handle, ident } = core::mem::replace(&mut self.state, over) {
            machine.sockets.remove(handle);
            machine.doors.pings.remove(&ident);
        }
    }
}
