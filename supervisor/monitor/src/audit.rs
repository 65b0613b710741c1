//! The audit ring: who sent what to whom and what became of it. Never a byte of a body, so never a secret.

use supervisor_virtio::Malformed;

use ipc_proto_wire::{FrameError, Violation};

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
            Self::Frame(error) => 0x10 | frame_code(error),
            Self::Body(violation) => 0x20 | violation.as_u8(),
            Self::Queue(malformed) => 0x30 | queue_code(malformed),
            Self::ReceiverQueue(malformed) => 0x40 | queue_code(malformed),
        }
    }
}

fn frame_code(error: FrameError) -> u8 {
    match error {
        FrameError::Short => 0,
        FrameError::Kind => 1,
        FrameError::Reserved => 2,
        FrameError::Length => 3,
        FrameError::Correlation => 4,
    }
}

fn queue_code(malformed: Malformed) -> u8 {
    match malformed {
        Malformed::Index => 0,
        Malformed::Descriptor => 1,
        Malformed::ChainTooLong => 2,
        Malformed::Flags => 3,
        Malformed::TooLong => 4,
        Malformed::Outside => 5,
        Malformed::Areas => 6,
    }
}

/// The ring.
pub(crate) struct Audit {
    records: [Record; RECORDS],
    next: u64,
}

impl Audit {
    pub(crate) const fn new() -> Self {
        let empty = Record {
            time: 0,
            size: 0,
            from: 0,
            to: 0,
            service: 0,
            method: 0,
            outcome: Outcome::Allowed,
            why: 0,
        };
        Self { records: [empty; RECORDS], next: 0 }
    }

    /// Adds a record.
    #[inline]
    pub(crate) fn push(&mut self, record: Record) {
        self.records[self.next as usize % RECORDS] = record;
        self.next += 1;
    }

    /// Sequence number of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The record with this sequence number, unless it was overwritten or is yet to come.
    pub(crate) fn get(&self, sequence: u64) -> Option<Record> {
        let kept = self.next.saturating_sub(RECORDS as u64)..self.next;
        kept.contains(&sequence).then(|| self.records[sequence as usize % RECORDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_records_are_kept_in_order_and_older_ones_are_gone() {
        let mut audit = Audit::new();
        for size in 0..300 {
            audit.push(Record { size, ..Record::default() });
        }
        assert_eq!(audit.get(43), None);
        assert_eq!(audit.get(44).map(|r| r.size), Some(44));
        assert_eq!(audit.get(299).map(|r| r.size), Some(299));
        assert_eq!(audit.get(300), None);
    }

    #[test]
    fn every_refusal_and_end_has_a_number_of_its_own_and_words_for_it() {
        use crate::lifecycle::End;
        use supervisor_mem::Gpa;
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
            End::Exit(0),
            End::Killed,
            End::Panicked,
            End::Memory(Gpa(0)),
            End::Exception(1),
            End::Port(0),
            End::Msr(0),
            End::TripleFault,
            End::Unexpected(0),
            End::InvalidState,
        ];
        codes.extend(ends.map(End::code));
        assert!(codes.iter().all(|&code| !matches!(ipc_proto_ctl_api::why_text(code), "" | "unknown")));
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        assert!(ends.iter().all(|end| end.code() >= ipc_proto_ctl_api::ENDED));
    }
}
