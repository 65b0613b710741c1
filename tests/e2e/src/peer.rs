//! `Peer`: another computer on the machine's link, with a stack of its own (smoltcp). It hands out one document to whoever asks
//! for anything, and calls others. What it sends goes over the wire like everything else, so a bad wire is bad to it too.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant as Moment;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use crate::wire::{Way, Wire};

/// Its addresses.
pub const V4: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 66);
/// Its address of IPv6, in the network that QEMU announces.
pub const V6: Ipv6Addr = Ipv6Addr::new(0xfd53, 0x6b65, 0x7000, 0, 0, 0, 0, 0x66);
/// Its hardware address.
pub const HARDWARE: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x66];
/// Where it listens.
pub const PORT: u16 = 80;

/// How many may ask at a time.
const CALLERS: usize = 8;
/// Bytes that are under way at a time.
const WINDOW: usize = 64 * 1024;
/// Port that it calls from.
const FROM: u16 = 50_000;
/// So many times as fast does its clock run: it repeats what is lost after 200 ms as Linux does, where the library waits for 1 s.
const HASTE: u128 = 5;
/// It looks around so often.
const TURN: Duration = Duration::from_millis(5);
/// Longest wait for an answer to a call.
const ANSWERED: Duration = Duration::from_secs(20);
/// What stands before the document.
const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\n\r\n";

/// Another computer on the link; it is there as long as its wire.
#[derive(Debug)]
pub struct Peer {
    calls: Sender<Call>,
}

/// Somebody to call, what to say, and who waits for the answer.
struct Call {
    to: (IpAddr, u16),
    words: Vec<u8>,
    answer: Sender<Vec<u8>>,
}

impl Peer {
    /// Joins the link of this wire, with this document.
    ///
    /// # Panics
    /// When the wire has another peer.
    #[must_use]
    pub fn new(wire: &Arc<Wire>, document: &[u8]) -> Self {
        let (calls, called) = channel();
        let (frames, wire) = (wire.attach(HARDWARE), Arc::downgrade(wire));
        let answer = [HEAD, document].concat();
        spawn(move || {
            let mut computer = Computer::new(answer);
            loop {
                match frames.recv_timeout(TURN) {
                    Ok(frame) => computer.card.came.push_back(frame),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                computer.card.came.extend(frames.try_iter());
                called.try_iter().for_each(|call| computer.call(call));
                computer.turn();
                let Some(wire) = wire.upgrade() else { return };
                computer.card.goes.drain(..).for_each(|frame| wire.pass(Way::In, &frame));
            }
        });
        Self { calls }
    }

    /// Calls somebody, says this, and gives what comes back until the other side says no more.
    #[must_use]
    pub fn call(&self, to: (IpAddr, u16), words: &[u8]) -> Option<Vec<u8>> {
        let (answer, answered) = channel();
        self.calls.send(Call { to, words: words.to_vec(), answer }).ok()?;
        answered.recv_timeout(ANSWERED).ok()
    }
}

/// Its stack.
struct Computer {
    start: Instant,
    card: Card,
    interface: Interface,
    sockets: SocketSet<'static>,
    /// Who may ask, and how much of the answer was sent.
    callers: Vec<(SocketHandle, usize)>,
    called: Option<(SocketHandle, Call, Vec<u8>)>,
    answer: Vec<u8>,
}

impl Computer {
    fn new(answer: Vec<u8>) -> Self {
        let mut card = Card::default();
        let config = Config::new(HardwareAddress::Ethernet(EthernetAddress(HARDWARE)));
        let mut interface = Interface::new(config, &mut card, Moment::ZERO);
        interface.update_ip_addrs(|own| {
            let own_all = [IpCidr::new(V4.into(), 24), IpCidr::new(V6.into(), 64)];
            own.extend(own_all);
        });
        let mut sockets = SocketSet::new(Vec::new());
        let callers = (0..CALLERS).map(|_| (sockets.add(socket()), 0)).collect();
        Self { start: Instant::now(), card, interface, sockets, callers, called: None, answer }
    }

    fn call(&mut self, call: Call) {
        let mut socket = socket();
        if socket.connect(self.interface.context(), call.to, FROM).is_ok() {
            self.called = Some((self.sockets.add(socket), call, Vec::new()));
        }
    }

    fn turn(&mut self) {
        let ms = i64::try_from(self.start.elapsed().as_millis() * HASTE).unwrap_or(i64::MAX);
        self.interface.poll(Moment::from_millis(ms), &mut self.card, &mut self.sockets);
        for (handle, sent) in &mut self.callers {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(*handle);
            if !socket.is_open() {
                *sent = 0;
                let _ = socket.listen(PORT);
            }
            let is_asked =
                *sent > 0 || (socket.can_recv() && socket.recv(|asked| (asked.len(), true)) == Ok(true));
            if is_asked && socket.can_send() {
                *sent += socket.send_slice(&self.answer[*sent..]).unwrap_or(0);
                if *sent == self.answer.len() {
                    socket.close();
                }
            }
        }
        let Some((handle, call, heard)) = &mut self.called else { return };
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(*handle);
        if socket.can_send() && !call.words.is_empty() {
            let sent = socket.send_slice(&call.words).unwrap_or(0);
            call.words.drain(..sent);
            if call.words.is_empty() {
                socket.close();
            }
        }
        while socket.can_recv() {
            let _ = socket.recv(|bytes| (bytes.len(), heard.extend_from_slice(bytes)));
        }
        if call.words.is_empty() && !socket.may_recv() {
            let _ = call.answer.send(std::mem::take(heard));
            self.called = None;
        }
    }
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; WINDOW]);
    tcp::Socket::new(buffer(), buffer())
}

/// Its card: frames that came, and frames that go.
#[derive(Debug, Default)]
struct Card {
    came: VecDeque<Vec<u8>>,
    goes: Vec<Vec<u8>>,
}

struct Came(Vec<u8>);

struct Goes<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _: Moment) -> Option<(Came, Goes<'_>)> {
        Some((Came(self.came.pop_front()?), Goes(&mut self.goes)))
    }

    fn transmit(&mut self, _: Moment) -> Option<Goes<'_>> {
        Some(Goes(&mut self.goes))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// What leads from the wire to a peer.
#[derive(Debug)]
pub(crate) struct Line {
    /// Whose it is.
    pub(crate) hardware: [u8; 6],
    /// Where frames for it go.
    pub(crate) frames: Sender<Vec<u8>>,
}

impl Line {
    /// A line and its other end.
    pub(crate) fn new(hardware: [u8; 6]) -> (Self, Receiver<Vec<u8>>) {
        let (frames, received) = channel();
        (Self { hardware, frames }, received)
    }

    /// Takes a frame that is for it, and says whether it is for it alone.
    pub(crate) fn take(&self, frame: &[u8]) -> bool {
        let to = frame.get(..6).unwrap_or_default();
        let is_for_all = to.first().is_some_and(|first| first & 1 == 1);
        let is_ours = to == self.hardware;
        if is_for_all || is_ours {
            let _ = self.frames.send(frame.to_vec());
        }
        is_ours
    }
}
