//! The audit ring: who sent what to whom and what became of it. Never a byte of a body, so never a secret.

use ipc_proto_types::{MAX_METHODS, MESSAGE_MAX, QubeIndex, ServiceIndex};
use ipc_proto_wire::{FrameError, Violation};
use supervisor_vcpu::Ticks;
use supervisor_virtio::Malformed;

/// Records kept. Older ones are overwritten; the sequence number tells how many there were.
pub(crate) const RECORDS: usize = 256;

/// Stands for "the supervisor" where a qube index is expected.
pub(crate) const SUPERVISOR: u8 = 255;

/// Stands for "none" in the service and method columns.
pub(crate) const NONE: u8 = 255;

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Delivered.
    #[default]
    Allowed = 0,
    /// The policy said no.
    Denied = 1,
    /// The policy said ask, which is no until somebody can be asked.
    Asked = 2,
    /// Broke a rule of the protocol.
    Refused = 3,
    /// Not a message: a qube ended.
    Ended = 4,
}

/// One line of the audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// When, in ticks.
    pub time: u64,
    /// Body length in bytes.
    pub size: u32,
    /// Sender's qube index.
    pub from: u8,
    /// Receiver's qube index or [`SUPERVISOR`].
    pub to: u8,
    /// Service index or [`NONE`].
    pub service: u8,
    /// Method number or [`NONE`].
    pub method: u8,
    /// What became of it.
    pub outcome: Outcome,
    /// A [`Refusal::code`], or 0.
    pub why: u8,
}

/// Why a message or a queue was refused. The sender is to blame unless the variant says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The header is wrong.
    Frame(FrameError),
    /// The schema id is not the channel's.
    Schema,
    /// The body breaks the schema.
    Body(Violation),
    /// A call whose number is not the next one.
    Correlation,
    /// A call while its slot still waits for a reply.
    TooManyCalls,
    /// A reply or error that answers no open call, or another method's.
    NoSuchCall,
    /// A server sent an error code that only the supervisor may send, or none at all.
    ForgedError,
    /// The policy said no.
    Policy,
    /// The policy said ask, and there is nobody to ask.
    Ask,
    /// The peer is not there.
    PeerGone,
    /// The peer has a new life that the sender has not acknowledged.
    PeerRestarted,
    /// The receiver's buffer is too small; the receiver is to blame.
    ReceiverTooSmall,
    /// The transmit queue is malformed and was poisoned.
    Queue(Malformed),
    /// The receiver's queue is malformed and was poisoned; the receiver is to blame.
    ReceiverQueue(Malformed),
    /// A control message, register or notification that makes no sense.
    Control,
}

/// What a device wanted with memory that is not its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read it.
    Read,
    /// To write it.
    Write,
}

impl Access {
    /// A number for the audit, beside those of [`Refusal`].
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Read => 12,
            Self::Write => 13,
        }
    }
}

impl Refusal {
    /// A number for the audit; texts are in `ipc-proto-ctl-api`.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Schema => 1,
            Self::Correlation => 2,
            Self::TooManyCalls => 3,
            Self::NoSuchCall => 4,
            Self::ForgedError => 5,
            Self::Policy => 6,
            Self::Ask => 7,
            Self::PeerGone => 8,
            Self::PeerRestarted => 9,
            Self::ReceiverTooSmall => 10,
            Self::Control => 11,
            Self::Frame(error) => 0x10 | error as u8,
            Self::Body(violation) => 0x20 | violation.as_u8(),
            Self::Queue(malformed) => 0x30 | malformed as u8,
            Self::ReceiverQueue(malformed) => 0x40 | malformed as u8,
        }
    }
}

/// Sender, receiver and service of a record, the same for every message of one end. Bits of the packed word:
/// 0..20 size, 20..28 method, 28..32 outcome, 32..40 why, 40..48 service, 48..56 from, 56..64 to.
#[derive(Clone, Copy)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// Of the end of no channel.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn new(from: Option<QubeIndex>, to: Option<QubeIndex>, service: ServiceIndex) -> Self {
        let number = |qube: Option<QubeIndex>| u64::from(qube.map_or(SUPERVISOR, QubeIndex::get));
        Self(number(to) << 56 | number(from) << 48 | u64::from(service.get()) << 40)
    }

    /// Sender, receiver and service.
    pub(crate) fn parties(self) -> [u8; 3] {
        let [.., service, from, to] = self.0.to_le_bytes();
        [from, to, service]
    }

    /// That of an answer the supervisor gives instead of the receiver.
    pub(crate) fn answered(self) -> Self {
        let [from, _, service] = self.parties();
        Self(u64::from(from) << 56 | u64::from(SUPERVISOR) << 48 | u64::from(service) << 40)
    }

    /// The stamp of what a qube's device did, or a device that nobody owns.
    pub(crate) fn of_device(qube: Option<QubeIndex>) -> Self {
        let from = qube.map_or(SUPERVISOR, QubeIndex::get);
        Self(u64::from(SUPERVISOR) << 56 | u64::from(from) << 48 | u64::from(NONE) << 40)
    }

    /// The stamp of what is about a qube and no message.
    pub(crate) fn of_qube(qube: QubeIndex) -> Self {
        Self(u64::from(SUPERVISOR) << 56 | u64::from(qube.get()) << 48 | u64::from(NONE) << 40)
    }
}

/// A record as it is kept: two words instead of seven fields, because every message writes one.
#[derive(Clone, Copy)]
struct Packed {
    time: u64,
    what: u64,
}

impl Packed {
    fn open(self) -> Record {
        let [b0, b1, b2, b3, why, service, from, to] = self.what.to_le_bytes();
        let low = u32::from_le_bytes([b0, b1, b2, b3]);
        let outcome = match low >> 28 {
            0 => Outcome::Allowed,
            1 => Outcome::Denied,
            2 => Outcome::Asked,
            3 => Outcome::Refused,
            _ => Outcome::Ended,
        };
        let method = (low >> 20 & 0xff) as u8;
        Record { time: self.time, size: low & 0xf_ffff, from, to, service, method, outcome, why }
    }
}

/// The ring.
pub(crate) struct Audit {
    records: [Packed; RECORDS],
    next: u64,
}

impl Audit {
    pub(crate) const fn new() -> Self {
        Self { records: [Packed { time: 0, what: 0 }; RECORDS], next: 0 }
    }

    /// Adds a record of a message that was delivered.
    #[inline(always)]
    pub(crate) fn delivered(&mut self, now: Ticks, stamp: Stamp, method: u16, size: usize) {
        const { assert!(MESSAGE_MAX < 1 << 20 && MAX_METHODS < NONE as usize) };
        self.push(now, stamp.0 | u64::from(method & 0xff) << 20 | size as u64);
    }

    /// Adds a record. Of `size` the 20 bits are kept that a message's length has.
    pub(crate) fn record(
        &mut self,
        now: Ticks,
        stamp: Stamp,
        about: Option<(u16, u32)>,
        outcome: Outcome,
        why: u8,
    ) {
        let (method, size) =
            about.map_or((NONE, 0), |(method, size)| (u8::try_from(method).unwrap_or(NONE), size));
        let low = u64::from(size & 0xf_ffff) | u64::from(method) << 20 | (outcome as u64) << 28;
        self.push(now, stamp.0 | u64::from(why) << 32 | low);
    }

    #[inline(always)]
    fn push(&mut self, now: Ticks, what: u64) {
        self.records[self.next as usize % RECORDS] = Packed { time: now.0, what };
        self.next += 1;
    }

    /// Sequence number of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The record with this sequence number, unless it was overwritten or is yet to come.
    pub(crate) fn get(&self, sequence: u64) -> Option<Record> {
        let kept = self.next.saturating_sub(RECORDS as u64)..self.next;
        kept.contains(&sequence).then(|| self.records[sequence as usize % RECORDS].open())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_records_are_kept_in_order_and_older_ones_are_gone() {
        let mut audit = Audit::new();
        for size in 0..300usize {
            audit.delivered(Ticks(7), Stamp::NONE, 3, size);
        }
        assert_eq!(audit.get(43), None);
        assert_eq!(audit.get(44).map(|r| r.size), Some(44));
        assert_eq!(audit.get(299).map(|r| r.size), Some(299));
        assert_eq!(audit.get(300), None);
    }

    #[test]
    fn a_record_comes_out_as_it_went_in() {
        let [from, to] = [3, 14].map(QubeIndex::new);
        let service = ServiceIndex::new(5).expect("a service");
        let mut audit = Audit::new();
        audit.delivered(Ticks(9), Stamp::new(from, to, service), 31, 65_536);
        audit.record(
            Ticks(10),
            Stamp::new(from, None, service),
            Some((300, u32::MAX)),
            Outcome::Refused,
            0x4f,
        );
        audit.record(Ticks(11), Stamp::of_qube(from.expect("a qube")), None, Outcome::Ended, 0x88);
        let allowed =
            Record { time: 9, size: 65_536, from: 3, to: 14, service: 5, method: 31, ..Record::default() };
        let refused = Record {
            time: 10,
            size: 0xf_ffff,
            from: 3,
            to: SUPERVISOR,
            service: 5,
            method: NONE,
            outcome: Outcome::Refused,
            why: 0x4f,
        };
        let ended =
            Record { time: 11, size: 0, service: NONE, outcome: Outcome::Ended, why: 0x88, ..refused };
        assert_eq!([0, 1, 2].map(|n| audit.get(n)), [allowed, refused, ended].map(Some));
    }

    #[test]
    fn every_refusal_and_end_has_a_number_of_its_own_and_words_for_it() {
        use ipc_proto_ctl_api::EndReason;
        let mut codes: Vec<u8> = [
            Refusal::Schema,
            Refusal::Correlation,
            Refusal::TooManyCalls,
            Refusal::NoSuchCall,
            Refusal::ForgedError,
            Refusal::Policy,
            Refusal::Ask,
            Refusal::PeerGone,
            Refusal::PeerRestarted,
            Refusal::ReceiverTooSmall,
            Refusal::Control,
        ]
        .map(Refusal::code)
        .to_vec();
        let frames = [
            FrameError::Short,
            FrameError::Kind,
            FrameError::Reserved,
            FrameError::Length,
            FrameError::Correlation,
        ];
        codes.extend(frames.map(|error| Refusal::Frame(error).code()));
        codes.extend((1..=10).filter_map(Violation::from_u8).map(|v| Refusal::Body(v).code()));
        let queues = [
            Malformed::Index,
            Malformed::Descriptor,
            Malformed::ChainTooLong,
            Malformed::Flags,
            Malformed::TooLong,
            Malformed::Outside,
            Malformed::Areas,
        ];
        codes.extend(queues.map(|fault| Refusal::Queue(fault).code()));
        codes.extend(queues.map(|fault| Refusal::ReceiverQueue(fault).code()));
        let ends = [
            EndReason::Exit(0),
            EndReason::Killed,
            EndReason::Panicked,
            EndReason::MemoryFault(0),
            EndReason::Exception(1),
            EndReason::UnknownPort(0),
            EndReason::Msr(0),
            EndReason::TripleFault,
            EndReason::UnexpectedExit(0),
            EndReason::InvalidState,
        ];
        codes.extend(ends.map(EndReason::code));
        assert!(codes.iter().all(|&code| !matches!(ipc_proto_ctl_api::why_text(code), "" | "unknown")));
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        assert!(ends.iter().all(|end| end.code() >= ipc_proto_ctl_api::ENDED));
    }
}
