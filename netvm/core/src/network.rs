//! Addresses of our own: from DHCP, from routers, or given.
//!
//! What a server of DHCP says is checked before it is used: an address that nobody can have, or a router outside the network,
//! would stop the stack or send everything elsewhere.
//! Sources: RFC 2131, RFC 4862; RFC 7217 is not followed: addresses of IPv6 are made of the hardware address, which may be
//! another at each start.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use ipc_proto_net_api::{Address, Network, Status};
use ipc_proto_types::List;
use smoltcp::iface::{Route, SocketHandle};
use smoltcp::socket::dhcpv4;
use smoltcp::wire::{IpAddress, IpCidr, Ipv4Cidr, Ipv6Cidr};
use unikernels_sdk::Csprng;

use crate::guard::can_be_at;
use crate::machine::Machine;

/// Most servers that are asked for names.
pub const RESOLVERS_MAX: usize = 4;

/// How long after a lease that cannot be another is asked for, in milliseconds. The library keeps such a lease until it ends,
/// which may be days; who asked at once would do nothing else where a server has none but these.
const AGAIN_MS: u64 = 1000;

/// Longest prefix of a network with somebody else in it (RFC 3021).
const PREFIX_MAX_V4: u8 = 31;

/// An address of IPv4 that is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// Our address.
    pub address: Ipv4Addr,
    /// How many bits all addresses of the network have in common.
    pub prefix: u8,
    /// Where other networks are reached.
    pub router: Option<Ipv4Addr>,
}

/// How we get our addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Hardware address of the card, or one of [`random_hardware_address`].
    pub hardware: [u8; 6],
    /// An address of IPv4; without it, DHCP is asked.
    pub fixed: Option<Fixed>,
    /// Who is asked for names; without any, those that DHCP names.
    pub resolvers: Vec<IpAddr>,
    /// More addresses of IPv6, with their prefixes, beside those that routers announce.
    pub addresses_v6: Vec<(core::net::Ipv6Addr, u8)>,
}

/// A hardware address that says nothing about the card: locally administered, for one station (IEEE 802 section 8.4).
#[must_use]
pub fn random_hardware_address(random: &mut Csprng) -> [u8; 6] {
    let mut address = [0; 6];
    random.fill(&mut address);
    let [first, ..] = &mut address;
    *first = (*first | 0b10) & !0b01;
    address
}

/// What was learned about the network.
#[derive(Debug)]
pub(crate) struct Learned {
    dhcp: Option<SocketHandle>,
    /// Who is asked for names, whatever DHCP says.
    given: Vec<IpAddr>,
    is_up: bool,
    told: Option<Status>,
    /// When everything is asked for again after a lease that cannot be.
    again_ms: Option<u64>,
}

/// Whether something was changed.
type Changed = bool;

impl Learned {
    /// Gives the interface its first addresses, and asks for more.
    pub(crate) fn new(config: &Config, machine: &mut Machine) -> Self {
        let link_local = link_local(config.hardware);
        let mut cidrs: Vec<IpCidr> = Vec::from([IpCidr::Ipv6(Ipv6Cidr::new(link_local, 64))]);
        for (address, prefix) in &config.addresses_v6 {
            if *prefix <= 128 && can_be_at(IpAddr::V6(*address)) {
                cidrs.push(IpCidr::Ipv6(Ipv6Cidr::new(*address, *prefix)));
            }
        }
        machine.interface.update_ip_addrs(|addresses| {
            for cidr in cidrs {
                // What does not fit is not had.
                let _ = addresses.push(cidr);
            }
        });
        let given: Vec<IpAddr> =
            config.resolvers.iter().copied().filter(|server| can_be_at(*server)).collect();
        machine.resolvers = given.iter().copied().take(RESOLVERS_MAX).collect();
        let dhcp = if let Some(fixed) = config.fixed {
            if is_network(fixed.address, fixed.prefix, fixed.router) {
                set_v4(machine, Some((Ipv4Cidr::new(fixed.address, fixed.prefix), fixed.router)));
            }
            None
        } else {
            Some(machine.sockets.add(dhcpv4::Socket::new()))
        };
        Self { dhcp, given, is_up: true, told: None, again_ms: None }
    }

    /// Says whether the card has a link; a new one may be another network, so everything is asked for again.
    pub(crate) fn set_link(&mut self, machine: &mut Machine, is_up: bool) {
        if is_up
            && !self.is_up
            && let Some(dhcp) = self.dhcp
        {
            machine.sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).reset();
        }
        self.is_up = is_up;
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Takes what DHCP gave or took back.
    pub(crate) fn advance(&mut self, machine: &mut Machine) -> Changed {
        let Some(dhcp) = self.dhcp else { return false };
        let socket = machine.sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp);
        if self.again_ms.take_if(|again_ms| machine.now.ms >= *again_ms).is_some() {
            socket.reset();
        }
        let lease = match socket.poll() {
            None => return false,
            Some(dhcpv4::Event::Deconfigured) => None,
            Some(dhcpv4::Event::Configured(config)) => {
                let (address, prefix) = (config.address.address(), config.address.prefix_len());
                if !is_network(address, prefix, config.router) {
                    self.again_ms = Some(machine.now.ms.saturating_add(AGAIN_MS));
                    return false;
                }
                let servers: Vec<IpAddr> =
                    config.dns_servers.iter().map(|server| IpAddr::V4(*server)).collect();
                Some((config.address, config.router, servers))
            }
        };
        let named = lease.as_ref().map(|lease| lease.2.clone()).unwrap_or_default();
        let servers = if self.given.is_empty() { &named } else { &self.given };
        let servers = servers.iter().copied().filter(|server| can_be_at(*server));
        machine.resolvers = servers.take(RESOLVERS_MAX).collect();
        set_v4(machine, lease.map(|lease| (lease.0, lease.1)));
        true
    }

    /// When something has to be done without a packet, in milliseconds.
    pub(crate) const fn next_ms(&self) -> Option<u64> {
        self.again_ms
    }

    /// What clients are told.
    pub(crate) fn status(&self, machine: &Machine, has_rules: bool) -> Status {
        let mut status = Status {
            link: self.is_up,
            rules: has_rules,
            networks: List::new(),
            routers: List::new(),
            resolvers: List::new(),
        };
        for own in machine.interface.ip_addrs() {
            let address = Address::from(IpAddr::from(own.address()));
            // The list has room for as many as the interface.
            let _ = status.networks.push(Network { address, prefix: own.prefix_len() });
        }
        let routes = machine.interface.routes();
        let routes = [routes.get_default_ipv4_route(), routes.get_default_ipv6_route()];
        for route in routes.into_iter().flatten() {
            let _ = status.routers.push(Address::from(IpAddr::from(route.via_router)));
        }
        for server in &machine.resolvers {
            let _ = status.resolvers.push(Address::from(*server));
        }
        status
    }

    /// Whether clients have to be told; they are told once.
    pub(crate) fn take_news(&mut self, machine: &Machine, has_rules: bool) -> bool {
        let status = self.status(machine, has_rules);
        let is_news = self.told.as_ref() != Some(&status);
        if is_news {
            self.told = Some(status);
        }
        is_news
    }
}

/// Whether we can be at this address of a network with this router in it.
fn is_network(address: Ipv4Addr, prefix: u8, router: Option<Ipv4Addr>) -> bool {
    if prefix == 0 || prefix > PREFIX_MAX_V4 || !can_be_at(IpAddr::V4(address)) {
        return false;
    }
    let network = Ipv4Cidr::new(address, prefix);
    router.is_none_or(|router| {
        can_be_at(IpAddr::V4(router)) && router != address && network.contains_addr(&router)
    })
}

/// Replaces the address of IPv4 and the way out.
fn set_v4(machine: &mut Machine, lease: Option<(Ipv4Cidr, Option<Ipv4Addr>)>) {
    machine.interface.update_ip_addrs(|addresses| {
        addresses.retain(|own| !matches!(own.address(), IpAddress::Ipv4(_)));
        if let Some((address, _)) = lease {
            // One place at least was just made free, or never taken.
            let _ = addresses.insert(0, IpCidr::Ipv4(address));
        }
    });
    machine.interface.routes_mut().update(|routes| {
        routes.retain(|route| !matches!(route.cidr, IpCidr::Ipv4(_)));
        if let Some(router) = lease.and_then(|lease| lease.1) {
            // Routers of IPv6 announce themselves, as many as they like: they never have the place of this one.
            routes.truncate(routes.capacity().saturating_sub(1));
            let _ = routes.insert(0, Route::new_ipv4_gateway(router));
        }
    });
}

/// The address on our own link (RFC 4291 appendix A).
fn link_local(hardware: [u8; 6]) -> core::net::Ipv6Addr {
    let [a, b, c, d, e, f] = hardware;
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0b10, b, c, 0xff, 0xfe, d, e, f].into()
}
