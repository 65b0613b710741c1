//! A stream of TCP between two sockets of `smoltcp` in one process, with frames of an Ethernet and buffers of 64 KiB: a short one,
//! then a long one, with a mark before and after each. What callgrind counts more of the long one is what its bytes cost, both ends
//! together. Not here: cards, qubes, other copies than the library's own.

#![forbid(unsafe_code)]

use std::hint::black_box;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Loopback, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// Bytes of the two streams. Who reads the counts knows them.
const LENGTHS: [usize; 2] = [4 << 20, 12 << 20];
/// Bytes of each buffer of a socket, as the network qube has them for a few streams.
const BUFFER: usize = 64 * 1024;
/// Longest frame of an Ethernet.
const FRAME_MAX: usize = 1514;
const PORT: u16 = 7;
/// Turns in which nothing moves until the stream counts as stuck.
const IDLE_MAX: usize = 10_000;

/// The end of a part. Callgrind looks for this function.
#[inline(never)]
fn mark() {
    black_box(());
}

/// The library's loopback, with frames as long as a card's.
struct Short(Loopback);

impl Device for Short {
    type RxToken<'a> = <Loopback as Device>::RxToken<'a>;
    type TxToken<'a> = <Loopback as Device>::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.0.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.0.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities
    }
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    tcp::Socket::new(buffer(), buffer())
}

fn stream(length: usize) {
    let mut device = Short(Loopback::new(Medium::Ethernet));
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut interface = Interface::new(config, &mut device, Instant::ZERO);
    let address = IpAddress::v4(127, 0, 0, 1);
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address, 8)).expect("there is room for one");
    });
    let mut sockets = SocketSet::new(vec![]);
    let (from, to): (SocketHandle, SocketHandle) = (sockets.add(socket()), sockets.add(socket()));
    sockets.get_mut::<tcp::Socket<'_>>(to).listen(PORT).expect("it is closed");
    let connected =
        sockets.get_mut::<tcp::Socket<'_>>(from).connect(interface.context(), (address, PORT), 49_152);
    connected.expect("it is closed, and the address is one");
    let data = vec![0x5a; BUFFER];
    let mut room = vec![0; BUFFER];
    let (mut sent, mut received, mut idle, mut ms) = (0, 0, 0, 0);
    while received < length {
        let _ = interface.poll(Instant::from_millis(ms), &mut device, &mut sockets);
        let before = (sent, received);
        let socket = sockets.get_mut::<tcp::Socket<'_>>(from);
        if socket.can_send() {
            let most = data.len().min(length - sent);
            sent += socket.send_slice(&data[..most]).expect("it is open");
        }
        let socket = sockets.get_mut::<tcp::Socket<'_>>(to);
        while socket.can_recv() {
            received += black_box(socket.recv_slice(&mut room).expect("it is open"));
        }
        idle = if before == (sent, received) { idle + 1 } else { 0 };
        ms += i64::from(idle > 0);
        assert!(idle < IDLE_MAX, "stuck after {received} bytes");
    }
}

fn main() {
    mark();
    for length in LENGTHS {
        stream(length);
        mark();
    }
}
