//! `Numbers`: where streams begin to count, so that nobody outside can guess it.
//!
//! The stack draws its initial sequence numbers from a small generator, and whoever sees a few knows the next. Here a number
//! is added to those of each stream, by who talks to whom: F of RFC 6528 section 3, SipHash-2-4 under a secret of this life.
//! What leaves counts from there, and what comes back confirming it is counted back, so the stack does not notice. The checksum
//! moves along (RFC 1624), and one that was wrong stays wrong.
//!
//! Not here: what a selective acknowledgement of the other side says of our bytes (RFC 2018), which the stack does not read.

use core::cell::Cell;
use core::hash::Hasher as _;
use core::net::IpAddr;

use siphasher::sip::SipHasher24;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, TcpSeqNumber,
};

/// Bytes of the secret.
pub const SECRET_BYTES: usize = 16;

/// Which way a segment goes.
#[derive(Clone, Copy)]
enum Way {
    Out,
    In,
}

/// Address and port of both ends, ours first.
type Ends = [(IpAddr, u16); 2];

/// What is added to which numbers.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// The secret, as the state of a hash that has seen nothing yet.
    secret: SipHasher24,
    /// What was added last: segments of a stream come one after the other.
    last: Cell<Option<(Ends, u32)>>,
}

impl Numbers {
    pub(crate) fn new(secret: &[u8; SECRET_BYTES]) -> Self {
        Self { secret: SipHasher24::new_with_key(secret), last: Cell::new(None) }
    }

    /// Forgets between whom the last segment was.
    pub(crate) fn forget(&self) {
        self.last.set(None);
    }

    /// Moves the sequence number of a segment that leaves.
    pub(crate) fn leave(&self, frame: &mut [u8]) {
        self.shift(frame, Way::Out);
    }

    /// Moves the acknowledgement of a segment that came back to where the stack counts.
    pub(crate) fn come(&self, frame: &mut [u8]) {
        self.shift(frame, Way::In);
    }

    /// Everything that is no whole segment of TCP stays as it is: a fragment has no ports.
    fn shift(&self, frame: &mut [u8], way: Way) -> Option<()> {
        let mut frame = EthernetFrame::new_checked(frame).ok()?;
        match frame.ethertype() {
            EthernetProtocol::Ipv4 => {
                let mut packet = Ipv4Packet::new_checked(frame.payload_mut()).ok()?;
                let is_whole = !packet.more_frags() && packet.frag_offset() == 0;
                let (from, to) = (IpAddr::V4(packet.src_addr()), IpAddr::V4(packet.dst_addr()));
                let is_ours = packet.next_header() == IpProtocol::Tcp && is_whole;
                is_ours.then(|| self.shift_segment(packet.payload_mut(), from, to, way))?
            }
            EthernetProtocol::Ipv6 => {
                let mut packet = Ipv6Packet::new_checked(frame.payload_mut()).ok()?;
                let (from, to) = (IpAddr::V6(packet.src_addr()), IpAddr::V6(packet.dst_addr()));
                let is_ours = packet.next_header() == IpProtocol::Tcp;
                is_ours.then(|| self.shift_segment(packet.payload_mut(), from, to, way))?
            }
            EthernetProtocol::Arp | EthernetProtocol::Unknown(_) => None,
        }
    }

    fn shift_segment(&self, segment: &mut [u8], from: IpAddr, to: IpAddr, way: Way) -> Option<()> {
        let mut segment = TcpPacket::new_checked(segment).ok()?;
        let (source, destination) = ((from, segment.src_port()), (to, segment.dst_port()));
        let (before, after) = match way {
            Way::Out => {
                let before = number(segment.seq_number());
                let after = before.wrapping_add(self.of([source, destination]));
                segment.set_seq_number(TcpSeqNumber(after.cast_signed()));
                (before, after)
            }
            Way::In => {
                let before = segment.ack().then(|| number(segment.ack_number()))?;
                let after = before.wrapping_sub(self.of([destination, source]));
                segment.set_ack_number(TcpSeqNumber(after.cast_signed()));
                (before, after)
            }
        };
        segment.set_checksum(moved(segment.checksum(), before, after));
        Some(())
    }

    /// What is added to our numbers in a stream between these.
    fn of(&self, ends: Ends) -> u32 {
        if let Some((last, added)) = self.last.get()
            && last == ends
        {
            return added;
        }
        let mut hash = self.secret;
        for (address, port) in ends {
            match address {
                IpAddr::V4(address) => hash.write(&address.octets()),
                IpAddr::V6(address) => hash.write(&address.octets()),
            }
            hash.write(&port.to_be_bytes());
        }
        let [a, b, c, d, ..] = hash.finish().to_le_bytes();
        let added = u32::from_le_bytes([a, b, c, d]);
        self.last.set(Some((ends, added)));
        added
    }
}

const fn number(number: TcpSeqNumber) -> u32 {
    number.0.cast_unsigned()
}

/// The checksum of what was the same but for one word of 32 bits (RFC 1624 section 3, equation 3).
fn moved(checksum: u16, before: u32, after: u32) -> u16 {
    let halves = |word: u32| {
        let [a, b, c, d] = word.to_be_bytes();
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
    };
    let mut sum = u32::from(!checksum);
    for (before, after) in halves(before).into_iter().zip(halves(after)) {
        sum = sum.wrapping_add(u32::from(!before)).wrapping_add(u32::from(after));
    }
    // Five words of 16 bits carry at most four, and that once more.
    let folded = (sum & 0xffff).wrapping_add(sum >> 16);
    let [.., high, low] = (folded & 0xffff).wrapping_add(folded >> 16).to_be_bytes();
    !u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{IpAddress, TcpControl, TcpRepr};

    use super::*;

    const HEADERS: usize = 14 + 20;
    const OURS: [u8; 4] = [10, 0, 2, 15];
    const THEIRS: [u8; 4] = [192, 0, 2, 7];

    fn addresses(from: [u8; 4], to: [u8; 4]) -> (IpAddress, IpAddress) {
        (IpAddress::Ipv4(from.into()), IpAddress::Ipv4(to.into()))
    }

    /// A frame with a segment of TCP in it.
    fn frame(
        from: ([u8; 4], u16),
        to: ([u8; 4], u16),
        seq: u32,
        ack: Option<u32>,
        payload: &[u8],
    ) -> Vec<u8> {
        let signed = |number: u32| TcpSeqNumber(number.cast_signed());
        let repr = TcpRepr {
            src_port: from.1,
            dst_port: to.1,
            control: TcpControl::None,
            seq_number: signed(seq),
            ack_number: ack.map(signed),
            window_len: 1000,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        let mut frame = vec![0; HEADERS + repr.buffer_len()];
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        let mut packet = Ipv4Packet::new_unchecked(&mut frame[14..]);
        packet.set_version(4);
        packet.set_header_len(20);
        packet.set_total_len(u16::try_from(20 + repr.buffer_len()).unwrap());
        packet.set_next_header(IpProtocol::Tcp);
        packet.set_src_addr(from.0.into());
        packet.set_dst_addr(to.0.into());
        let (source, destination) = addresses(from.0, to.0);
        let mut segment = TcpPacket::new_unchecked(&mut frame[HEADERS..]);
        repr.emit(&mut segment, &source, &destination, &ChecksumCapabilities::default());
        frame
    }

    /// Sequence number, acknowledgement and whether the checksum is right.
    fn read(frame: &[u8], from: [u8; 4], to: [u8; 4]) -> (u32, u32, bool) {
        let segment = TcpPacket::new_checked(&frame[HEADERS..]).unwrap();
        let (source, destination) = addresses(from, to);
        let is_right = segment.verify_checksum(&source, &destination);
        (number(segment.seq_number()), number(segment.ack_number()), is_right)
    }

    #[test]
    fn what_leaves_is_moved_and_what_comes_back_is_moved_back() {
        let numbers = Numbers::new(&[7; SECRET_BYTES]);
        let mut state = 1_u64;
        for round in 0..20_000_u16 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bytes = state.to_le_bytes();
            let [seq, ack] = [0, 4].map(|at| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
            let payload = &bytes[..usize::from(round % 8)];
            let (ours, theirs) = ((OURS, round), (THEIRS, 443));
            let mut out = frame(ours, theirs, seq, Some(ack), payload);
            numbers.leave(&mut out);
            let (sent, kept, is_right) = read(&out, OURS, THEIRS);
            assert_eq!((kept, is_right), (ack, true));
            // The other side confirms what it saw.
            let mut back = frame(theirs, ours, ack, Some(sent), payload);
            numbers.come(&mut back);
            assert_eq!(read(&back, THEIRS, OURS), (ack, seq, true));
        }
    }

    #[test]
    fn every_stream_and_every_secret_moves_by_a_number_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for secret in 0..10_u8 {
            let numbers = Numbers::new(&[secret; SECRET_BYTES]);
            for port in 1..1000 {
                let mut out = frame((OURS, port), (THEIRS, 80), 0, None, &[]);
                numbers.leave(&mut out);
                seen.insert(read(&out, OURS, THEIRS).0);
            }
        }
        // Of 9,990 numbers of 32 bits one pair is the same in every 86 such draws.
        assert!(seen.len() >= 9_988, "{}", seen.len());
    }

    #[test]
    fn a_wrong_checksum_stays_wrong_and_what_is_no_segment_stays_as_it_is() {
        let numbers = Numbers::new(&[9; SECRET_BYTES]);
        let good = frame((THEIRS, 80), (OURS, 5000), 1, Some(2), b"some bytes");
        let mut bad = good.clone();
        bad[HEADERS + 25] ^= 0x10;
        numbers.come(&mut bad);
        assert!(!read(&bad, THEIRS, OURS).2);
        for end in 0..HEADERS + 20 {
            let mut short = good[..end].to_vec();
            numbers.come(&mut short);
            numbers.leave(&mut short);
            assert_eq!(short, good[..end]);
        }
        let mut fragment = good.clone();
        fragment[14 + 6] |= 0x20;
        let before = fragment.clone();
        numbers.come(&mut fragment);
        assert_eq!(fragment, before);
    }
}
