//! Addresses of our own, from servers and routers that may lie.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipc_proto_net_api::{InPlace, NetError};
use netvm_core::Config;
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet,
    Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr, NdiscPrefixInfoFlags, NdiscPrefixInformation, NdiscRepr,
    NdiscRouterFlags,
};
use world::{OUR_HARDWARE, OURS, THEIR_HARDWARE, THEIRS, World, alice, small_quota, told};

const ALL: &str = "net.* @anyvm netvm allow";
const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

fn config() -> Config {
    Config { hardware: OUR_HARDWARE, fixed: None, resolvers: vec![], addresses_v6: vec![] }
}

/// What a server of DHCP gives.
#[derive(Clone, Copy)]
struct Lease {
    address: Ipv4Addr,
    mask: Ipv4Addr,
    router: Option<Ipv4Addr>,
    resolver: Ipv4Addr,
}

const GOOD: Lease = Lease { address: OURS, mask: MASK, router: Some(THEIRS), resolver: THEIRS };

/// Answers whatever was asked; gives what it was asked for.
fn serve(
    world: &mut World,
    server: SocketHandle,
    lease: Lease,
    seconds: u32,
    nak: bool,
) -> Option<DhcpMessageType> {
    let socket = world.host.udp(server);
    let (packet, _) = socket.recv().ok()?;
    let packet = packet.to_vec();
    let packet = DhcpPacket::new_checked(packet.as_slice()).unwrap();
    let asked = DhcpRepr::parse(&packet).unwrap();
    let message_type = match asked.message_type {
        _ if nak => DhcpMessageType::Nak,
        DhcpMessageType::Discover => DhcpMessageType::Offer,
        _ => DhcpMessageType::Ack,
    };
    let servers = [lease.resolver];
    let reply = DhcpRepr {
        message_type,
        transaction_id: asked.transaction_id,
        secs: 0,
        client_hardware_address: asked.client_hardware_address,
        client_ip: Ipv4Addr::UNSPECIFIED,
        your_ip: lease.address,
        server_ip: THEIRS,
        router: lease.router,
        subnet_mask: Some(lease.mask),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: true,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(THEIRS),
        parameter_request_list: None,
        dns_servers: Some(servers.into_iter().collect()),
        max_size: None,
        lease_duration: Some(seconds),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let mut bytes = vec![0; reply.buffer_len()];
    reply.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..])).unwrap();
    socket.send_slice(&bytes, (Ipv4Addr::BROADCAST, 68)).unwrap();
    Some(asked.message_type)
}

fn address(world: &World) -> Option<IpAddr> {
    let networks = world.stack.network().networks;
    networks.iter().map(|network| IpAddr::from(network.address)).find(IpAddr::is_ipv4)
}

#[test]
fn dhcp_gives_an_address_renews_it_and_takes_it_back() {
    let mut world = World::new(&config(), small_quota(), 1);
    world.set_rules(ALL);
    assert!(world.stack.take_changed(), "told once at the beginning");
    assert!(!world.stack.take_changed());
    let server = world.host.bind(67);
    world.until(20_000, |world| {
        serve(world, server, GOOD, 100, false);
        address(world)
    });
    assert!(world.stack.take_changed());
    let status = world.stack.network();
    assert_eq!(address(&world), Some(OURS.into()));
    assert_eq!(
        (status.routers.to_vec(), status.resolvers.to_vec()),
        (vec![told(THEIRS)], vec![told(THEIRS)])
    );
    // It is asked for again when half of its time is over, and stays.
    let asked = world.until(60_000, |world| serve(world, server, GOOD, 100, false));
    assert_eq!(asked, DhcpMessageType::Request);
    assert!(world.ms > 40_000, "at {} ms", world.ms);
    world.run(30_000);
    assert_eq!(address(&world), Some(OURS.into()));
    // The next time the server says no.
    let stream = world.host.listen(7, 1)[0];
    let open = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    assert!(world.host.tcp(stream).is_active());
    world.until(60_000, |world| serve(world, server, GOOD, 100, true));
    world.run(5);
    assert_eq!(address(&world), None);
    assert!(world.stack.network().resolvers.is_empty());
    assert!(world.stack.send(&alice(), open, b"x").is_err(), "its address is gone");
    // And another one is had.
    let other = Lease { address: Ipv4Addr::new(10, 0, 2, 77), ..GOOD };
    let now = world.until(60_000, |world| {
        serve(world, server, other, 100, false);
        address(world)
    });
    assert_eq!(now, IpAddr::from(other.address));
}

#[test]
fn a_lease_that_runs_out_is_given_up() {
    let mut world = World::new(&config(), small_quota(), 2);
    world.set_rules(ALL);
    let server = world.host.bind(67);
    world.until(20_000, |world| {
        serve(world, server, GOOD, 60, false);
        address(world)
    });
    world.run(61_000);
    assert_eq!(address(&world), None, "nobody renewed it");
}

#[test]
fn a_lease_that_cannot_be_is_not_taken() {
    let lies = [
        Lease { address: Ipv4Addr::new(224, 0, 0, 1), router: None, ..GOOD },
        Lease { address: Ipv4Addr::BROADCAST, router: None, ..GOOD },
        Lease { address: Ipv4Addr::LOCALHOST, router: None, ..GOOD },
        Lease { address: Ipv4Addr::UNSPECIFIED, router: None, ..GOOD },
        Lease { router: Some(Ipv4Addr::new(224, 0, 0, 1)), ..GOOD },
        Lease { router: Some(Ipv4Addr::UNSPECIFIED), ..GOOD },
        Lease { router: Some(OURS), ..GOOD },
        Lease { router: Some(Ipv4Addr::new(10, 9, 9, 9)), ..GOOD },
        Lease { mask: Ipv4Addr::UNSPECIFIED, ..GOOD },
        Lease { mask: Ipv4Addr::BROADCAST, router: None, ..GOOD },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut world = World::new(&config(), small_quota(), 3);
        world.set_rules(ALL);
        let server = world.host.bind(67);
        let mut served = 0;
        for _ in 0..30_000 {
            world.step();
            served += usize::from(serve(&mut world, server, lie, 1_000_000, false).is_some());
            assert_eq!(address(&world), None, "lie {number}");
        }
        assert!(served > 0 && served <= 2 * 31, "lie {number} was told {served} times");
        world.until(20_000, |world| {
            serve(world, server, GOOD, 100, false);
            address(world)
        });
    }
    let mut world = World::new(&config(), small_quota(), 3);
    world.set_rules(ALL);
    let server = world.host.bind(67);
    let lie = Lease { resolver: Ipv4Addr::LOCALHOST, ..GOOD };
    world.until(20_000, |world| {
        serve(world, server, lie, 100, false);
        address(world)
    });
    assert!(world.stack.network().resolvers.is_empty(), "who cannot be asked is not");
}

#[test]
fn a_network_without_a_router_leaves_time_to_sleep() {
    let mut world = World::with_rules(ALL);
    world.host.listen(7, 1);
    // Longer than routers are looked for.
    world.run(30_000);
    let wakes = |world: &mut World| {
        let (end, mut wakes) = (world.ms + 10_000, 0);
        while world.ms < end {
            let at = world.stack.turn_at().unwrap_or(end).clamp(world.ms + 1, end);
            let ms = at - world.ms;
            world.ms += ms - 1;
            world.step();
            wakes += 1;
        }
        wakes
    };
    let idle = wakes(&mut world);
    assert!(idle <= 12, "{idle} turns in ten seconds");
    world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    let open = wakes(&mut world);
    assert!(open <= 1100, "{open} turns in ten seconds");
}

/// An advertisement of a prefix.
fn advertisement(from: Ipv6Addr, prefix: Ipv6Addr, bits: u8, hop_limit: u8) -> Vec<u8> {
    let to = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let second = smoltcp::time::Duration::from_secs(1000);
    let message = Icmpv6Repr::Ndisc(NdiscRepr::RouterAdvert {
        hop_limit: 64,
        flags: NdiscRouterFlags::empty(),
        router_lifetime: second,
        reachable_time: second,
        retrans_time: second,
        lladdr: Some(EthernetAddress(THEIR_HARDWARE).into()),
        mtu: None,
        prefix_info: Some(NdiscPrefixInformation {
            prefix_len: bits,
            flags: NdiscPrefixInfoFlags::ON_LINK | NdiscPrefixInfoFlags::ADDRCONF,
            valid_lifetime: second,
            preferred_lifetime: second,
            prefix,
        }),
    });
    let header = Ipv6Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit,
    };
    let mut bytes = vec![0; 14 + header.buffer_len() + message.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(EthernetAddress(THEIR_HARDWARE));
    frame.set_dst_addr(EthernetAddress([0x33, 0x33, 0, 0, 0, 1]));
    frame.set_ethertype(EthernetProtocol::Ipv6);
    let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
    header.emit(&mut packet);
    let checksums = ChecksumCapabilities::default();
    message.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(packet.payload_mut()), &checksums);
    bytes
}

/// Addresses of IPv6 beside the one of the link.
fn global(world: &World) -> usize {
    let networks = world.stack.network().networks;
    let addresses = networks.iter().map(|network| IpAddr::from(network.address));
    addresses.filter(|address| matches!(address, IpAddr::V6(six) if !six.is_unicast_link_local())).count()
}

#[test]
fn a_router_gives_a_prefix_and_only_one_that_can_be() {
    let router = "fe80::ff:fe00:2".parse::<Ipv6Addr>().unwrap();
    let check = |from: &str, prefix: &str, bits: u8, hop_limit: u8, expected: usize| {
        let mut world = World::new(&config(), small_quota(), 4);
        world.set_rules(ALL);
        world.run(3);
        world.inject(advertisement(from.parse().unwrap(), prefix.parse().unwrap(), bits, hop_limit));
        world.run(5);
        assert_eq!(global(&world), expected, "{prefix}/{bits} from {from}");
        assert_eq!(world.stack.network().routers.len(), expected, "{prefix}/{bits} from {from}");
    };
    let link = router.to_string();
    check(&link, "2001:db8:7::", 64, 255, 1);
    check(&link, "fd00:1:2:3::", 64, 255, 1);
    // From another link, or not from a router's address of this one.
    check(&link, "2001:db8:7::", 64, 254, 0);
    check("2001:db8::1", "2001:db8:7::", 64, 255, 0);
    // The library would stop at this one.
    check(&link, "ff02::", 64, 255, 0);
    check(&link, "::", 64, 255, 0);
    check(&link, "2001:db8:7::", 0, 255, 0);
    check(&link, "2001:db8:7::", 128, 255, 0);
}

#[test]
fn a_lease_is_asked_for_of_anybody_before_it_ends() {
    let mut world = World::new(&config(), small_quota(), 5);
    world.set_rules(ALL);
    let server = world.host.bind(67);
    world.until(20_000, |world| {
        serve(world, server, GOOD, 100, false);
        address(world)
    });
    let began = world.ms;
    world.sent.clear();
    // Who gave it is silent (RFC 2131 section 4.4.5): after seven eighths of its time everybody is asked.
    let is_to_all = |frame: &Vec<u8>| {
        frame[..6] == [0xff; 6] && frame[12..14] == [8, 0] && frame[23] == 17 && frame[36..38] == [0, 67]
    };
    while !world.sent.iter().any(is_to_all) {
        world.sent.clear();
        assert!(world.ms < began + 100_000, "nobody was asked");
        world.step();
        if !world.sent.iter().any(is_to_all) {
            while world.host.udp(server).recv().is_ok() {}
        }
    }
    assert!(world.ms >= began + 80_000, "after {} ms", world.ms - began);
    let asked = world.until(5, |world| serve(world, server, GOOD, 100, false));
    assert_eq!(asked, DhcpMessageType::Request);
    world.run(60_000);
    assert_eq!(address(&world), Some(OURS.into()), "it lasts from then");
}

#[test]
fn as_many_routers_as_like_leave_the_way_out_of_the_other_version() {
    let mut world = World::new(&config(), small_quota(), 6);
    world.set_rules(ALL);
    for number in 0..16 {
        let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100 + number);
        world.inject(advertisement(from, "2001:db8:7::".parse().unwrap(), 64, 255));
    }
    world.run(10);
    let server = world.host.bind(67);
    world.until(20_000, |world| {
        serve(world, server, GOOD, 100, false);
        address(world)
    });
    let routers = world.stack.network().routers;
    assert_eq!((routers.len(), routers.first()), (2, Some(&told(THEIRS))), "{routers:?}");
}

#[test]
fn without_a_link_rules_end_all_the_same_and_nothing_is_begun() {
    let end = world::BEGIN_S + 5;
    let mut world = World::with_rules(&format!("net.* @anyvm netvm allow {{ expires: {end} }}"));
    world.run(100);
    assert_eq!(world.stack.next_expiry(), Some(end));
    world.stack.set_link(false);
    assert_eq!(world.stack.connect(&alice(), &THEIRS.to_string(), 7), Err(NetError::NoNetwork));
    assert_eq!(world.stack.resolve(&alice(), "a.example"), Err(NetError::NoNetwork));
    world.run(10_000);
    assert_eq!((world.stack.next_expiry(), world.stack.turn_at()), (None, None), "it sleeps");
}
