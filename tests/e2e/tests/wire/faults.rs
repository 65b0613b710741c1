//! A bad wire: what it does to each frame follows from a seed, of which every stream has its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket};
use tests_e2e::forge::ETHERNET;
use tests_e2e::wire::{Hand, Passed, Way};

/// Chances in a thousand, each for every frame.
const LOST: u64 = 50;
const DOUBLED: u64 = 50;
const LATE: u64 = 100;
const SPOILT: u64 = 10;
/// The longest that a late frame waits, in milliseconds: many others overtake it.
const LATE_MS: u64 = 20;

/// How often something was done.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) streams: usize,
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    pub(crate) late: u32,
    pub(crate) spoilt: u32,
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// The machine's port of a segment.
fn stream(way: Way, frame: &[u8]) -> Option<u16> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let (protocol, payload) = match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            (packet.next_header(), packet.payload())
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            (packet.next_header(), packet.payload())
        }
        _ => return None,
    };
    let segment = TcpPacket::new_checked(payload).ok().filter(|_| protocol == IpProtocol::Tcp)?;
    Some(if way == Way::Out { segment.src_port() } else { segment.dst_port() })
}

/// A wire that is bad to each stream by the next of these seeds, and good to everything else.
pub(crate) fn bad(seeds: &'static [u64], tally: Arc<Mutex<Tally>>) -> Hand {
    let mut streams: HashMap<u16, Random> = HashMap::new();
    Box::new(move |way, frame| {
        let Some(port) = stream(way, frame) else { return vec![Passed::now(way, frame)] };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.len();
        let random = streams.entry(port).or_insert_with(|| Random(seeds[count % seeds.len()]));
        let mut happens = |chance| random.below(1000) < chance;
        let [is_lost, is_doubled, is_late, is_spoilt] = [LOST, DOUBLED, LATE, SPOILT].map(&mut happens);
        tally.lost += u32::from(is_lost);
        tally.doubled += u32::from(is_doubled && !is_lost);
        tally.late += u32::from(is_late && !is_lost);
        tally.spoilt += u32::from(is_spoilt && !is_lost);
        if is_lost {
            tally.streams = streams.len();
            return vec![];
        }
        let mut passed = Passed::now(way, frame);
        if is_spoilt {
            // Not whose it is on the link: QEMU's network takes what is for others too, and refuses their streams.
            let inside = frame.len().saturating_sub(ETHERNET) as u64;
            let place = ETHERNET + usize::try_from(random.below(inside.max(1))).unwrap_or(0);
            passed.frame[place] ^= 1 << random.below(8);
        }
        if is_late {
            passed.after = Duration::from_millis(1 + random.below(LATE_MS));
        }
        tally.streams = streams.len();
        if is_doubled { vec![passed.clone(), passed] } else { vec![passed] }
    })
}
