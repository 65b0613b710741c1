//! `Wire`: every frame between a machine's card and QEMU's own network goes through this process, which may change, hold back, lose
//! or invent frames. QEMU's redirecting filters do it over local sockets, without rights on the host.
//!
//! The resolver of QEMU's network asks whoever the host asks. With a port of the host's loopback given, questions go there
//! instead, and the answers come back as if from the resolver; only addresses, ports and sums of these packets change.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::spawn;
use std::time::{Duration, Instant};

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, UdpPacket};

use crate::peer::Line;

/// The host, as a machine sees it, and the resolver.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The resolver of QEMU's network.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// Port of DNS.
pub const DNS: u16 = 53;

/// How addresses of IPv6 begin that are nobody's (RFC 4193), which the machine's network has.
const PRIVATE_V6: u8 = 0xfd;
/// Longest frame that QEMU hands over.
const FRAME_MAX: usize = 1 << 16;
/// Frames of which is kept what somebody needs who looks for why a test failed, and bytes of each.
const RECENT: usize = 200;
const RECENT_BYTES: usize = 66;
/// How long the sender sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(1);

/// Where a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From the machine.
    Out,
    /// To the machine.
    In,
}

/// A frame that is to be sent, this long after it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// How late.
    pub after: Duration,
    /// Where to.
    pub way: Way,
    /// The frame, from its Ethernet header on.
    pub frame: Vec<u8>,
}

impl Passed {
    /// At once.
    #[must_use]
    pub fn now(way: Way, frame: &[u8]) -> Self {
        Self { after: Duration::ZERO, way, frame: frame.to_vec() }
    }
}

/// What becomes of each frame.
pub type Hand = Box<dyn FnMut(Way, &[u8]) -> Vec<Passed> + Send>;

/// Who the machine is, as its last frames say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Station {
    /// Its hardware address.
    pub hardware: [u8; 6],
    /// Its address of IPv6 that is not of this link alone.
    pub v6: Ipv6Addr,
}

/// When, in which order, where to, what.
type Due = Reverse<(Instant, u64, Way, Vec<u8>)>;

/// The last frames that went over a wire, as text.
#[derive(Clone, Default)]
struct Recent(Arc<Mutex<VecDeque<String>>>);

impl Recent {
    fn add(&self, age: Duration, way: Way, frame: &[u8]) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= RECENT {
            lines.pop_front();
        }
        let (length, begin) = (frame.len(), &frame[..frame.len().min(RECENT_BYTES)]);
        lines.push_back(format!("{:.3} s {way:?} {length} bytes: {begin:02x?}", age.as_secs_f64()));
    }
}

/// A wire.
pub struct Wire {
    hand: Arc<Mutex<Hand>>,
    station: Arc<Mutex<Station>>,
    peer: Arc<OnceLock<Line>>,
    queue: Sender<Passed>,
    recent: Recent,
    arguments: Vec<String>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

impl Wire {
    /// A wire that passes everything on, with its sockets in this folder; questions for names go to this port of the host.
    ///
    /// # Panics
    /// When there is no socket to be had.
    #[must_use]
    pub fn new(folder: &Path, resolver: Option<u16>) -> Self {
        let mut arguments = Vec::new();
        let [from_machine, to_network, from_network, to_machine] = ["a", "b", "c", "d"].map(|name| {
            let path = folder.join(format!("wire-{name}"));
            arguments.push("-chardev".to_owned());
            arguments.push(format!("socket,id=wire-{name},path={}", path.display()));
            UnixListener::bind(&path).expect("a socket of the wire")
        });
        for filter in [
            "id=wire-out,queue=rx,outdev=wire-a,indev=wire-b",
            "id=wire-in,queue=tx,outdev=wire-c,indev=wire-d",
        ] {
            arguments.push("-object".to_owned());
            arguments.push(format!("filter-redirector,netdev=net,{filter}"));
        }
        let hand: Hand = Box::new(|way, frame| vec![Passed::now(way, frame)]);
        let hand = Arc::new(Mutex::new(hand));
        let station = Arc::new(Mutex::new(Station { hardware: [0; 6], v6: Ipv6Addr::UNSPECIFIED }));
        let (queue, queued) = channel();
        for (way, listener) in [(Way::Out, from_machine), (Way::In, from_network)] {
            let (hand, station, queue) = (Arc::clone(&hand), Arc::clone(&station), queue.clone());
            spawn(move || {
                let Ok((stream, _)) = listener.accept() else { return };
                let port = resolver.filter(|_| way == Way::In);
                frames(stream, |mut frame| {
                    port.inspect(|port| answer_of(&mut frame, *port));
                    if way == Way::Out {
                        station.lock().unwrap_or_else(PoisonError::into_inner).learn(&frame);
                    }
                    let mut hand = hand.lock().unwrap_or_else(PoisonError::into_inner);
                    hand(way, &frame).into_iter().try_for_each(|passed| queue.send(passed).map_err(drop))
                });
            });
        }
        let peer = Arc::new(OnceLock::new());
        let recent = Recent::default();
        let (line, sent) = (Arc::clone(&peer), recent.clone());
        spawn(move || {
            let (Ok((to_network, _)), Ok((to_machine, _))) = (to_network.accept(), to_machine.accept())
            else {
                return;
            };
            send(&queued, to_network, to_machine, (resolver, &line), &sent);
        });
        Self { hand, station, peer, queue, recent, arguments }
    }

    /// What QEMU has to be told.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The last frames that were sent, a line each, for a test that failed.
    #[must_use]
    pub fn recent(&self) -> String {
        let lines = self.recent.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Who the machine is.
    #[must_use]
    pub fn station(&self) -> Station {
        *self.station.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this becomes of each frame.
    pub fn set(&self, hand: Hand) {
        *self.hand.lock().unwrap_or_else(PoisonError::into_inner) = hand;
    }

    /// Has frames for this hardware address, and those for everybody, come here too.
    ///
    /// # Panics
    /// When there is a peer already.
    pub(crate) fn attach(&self, hardware: [u8; 6]) -> Receiver<Vec<u8>> {
        let (line, frames) = Line::new(hardware);
        self.peer.set(line).expect("one peer");
        frames
    }

    /// Sends a frame that is treated like all others.
    pub(crate) fn pass(&self, way: Way, frame: &[u8]) {
        let passed = self.hand.lock().unwrap_or_else(PoisonError::into_inner)(way, frame);
        for passed in passed {
            let _ = self.queue.send(passed);
        }
    }

    /// Sends a frame of ours. A machine that is gone gets none.
    pub fn inject(&self, way: Way, frame: Vec<u8>) {
        let _ = self.queue.send(Passed { after: Duration::ZERO, way, frame });
    }
}

impl Station {
    fn learn(&mut self, frame: &[u8]) {
        let Ok(frame) = EthernetFrame::new_checked(frame) else { return };
        self.hardware = frame.src_addr().0;
        if frame.ethertype() == EthernetProtocol::Ipv6
            && let Ok(packet) = Ipv6Packet::new_checked(frame.payload())
            && packet.src_addr().octets()[0] == PRIVATE_V6
        {
            self.v6 = packet.src_addr();
        }
    }
}

/// Shows every frame of a socket of QEMU: its length in four bytes, and the frame.
fn frames(mut stream: UnixStream, mut show: impl FnMut(Vec<u8>) -> Result<(), ()>) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let length = u32::from_be_bytes(length) as usize;
        if length > FRAME_MAX {
            return;
        }
        let mut frame = vec![0; length];
        if stream.read_exact(&mut frame).is_err() || show(frame).is_err() {
            return;
        }
    }
}

/// Sends what is due, until nobody has anything to send any more.
fn send(
    queued: &Receiver<Passed>,
    mut to_network: UnixStream,
    mut to_machine: UnixStream,
    (resolver, peer): (Option<u16>, &OnceLock<Line>),
    recent: &Recent,
) {
    let began = Instant::now();
    let mut waiting: BinaryHeap<Due> = BinaryHeap::new();
    for number in 0.. {
        let next =
            waiting.peek().map_or(IDLE, |Reverse((due, ..))| due.saturating_duration_since(Instant::now()));
        match queued.recv_timeout(next) {
            Ok(Passed { after, way, frame }) => {
                waiting.push(Reverse((Instant::now() + after, number, way, frame)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Some(Reverse((_, _, way, mut frame))) = due(&mut waiting) {
            let to = match way {
                Way::Out => {
                    if peer.get().is_some_and(|peer| peer.take(&frame)) {
                        continue;
                    }
                    resolver.inspect(|port| question_for(&mut frame, *port));
                    &mut to_network
                }
                Way::In => &mut to_machine,
            };
            recent.add(began.elapsed(), way, &frame);
            let length = u32::try_from(frame.len()).expect("a frame");
            if to.write_all(&[&length.to_be_bytes()[..], &frame].concat()).is_err() {
                return;
            }
        }
    }
}

/// The first whose time has come.
fn due(waiting: &mut BinaryHeap<Due>) -> Option<Due> {
    let Reverse((at, ..)) = waiting.peek()?;
    if *at > Instant::now() { None } else { waiting.pop() }
}

/// Sends a question for the resolver to this port of the host.
fn question_for(frame: &mut [u8], port: u16) {
    change_udp(frame, |ip, ports| {
        let is_question = *ip == [ip[0], RESOLVER] && ports[1] == DNS;
        if is_question {
            ip[1] = HOST;
            ports[1] = port;
        }
        is_question
    });
}

/// Has an answer of this port of the host come from the resolver.
fn answer_of(frame: &mut [u8], port: u16) {
    change_udp(frame, |ip, ports| {
        let is_answer = *ip == [HOST, ip[1]] && ports[0] == port;
        if is_answer {
            ip[0] = RESOLVER;
            ports[0] = DNS;
        }
        is_answer
    });
}

/// Lets addresses and ports of a datagram of IPv4 be changed, and makes its sums right when they were.
fn change_udp(frame: &mut [u8], change: impl FnOnce(&mut [Ipv4Addr; 2], &mut [u16; 2]) -> bool) {
    let Ok(mut frame) = EthernetFrame::new_checked(frame) else { return };
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return;
    }
    let Ok(mut packet) = Ipv4Packet::new_checked(frame.payload_mut()) else { return };
    let mut ip = [packet.src_addr(), packet.dst_addr()];
    if packet.next_header() != IpProtocol::Udp {
        return;
    }
    let Ok(mut datagram) = UdpPacket::new_checked(packet.payload_mut()) else { return };
    let mut ports = [datagram.src_port(), datagram.dst_port()];
    if !change(&mut ip, &mut ports) {
        return;
    }
    datagram.set_src_port(ports[0]);
    datagram.set_dst_port(ports[1]);
    datagram.fill_checksum(&ip[0].into(), &ip[1].into());
    packet.set_src_addr(ip[0]);
    packet.set_dst_addr(ip[1]);
    packet.fill_checksum();
}
