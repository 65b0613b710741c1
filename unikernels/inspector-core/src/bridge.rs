//! `Bridge`: which frames pass, and under which numbers.

use ipc_proto_types::{CALLS_MAX, ErrorCode, Kind, SchemaId};
use ipc_proto_wire::{HEADER_SIZE, Header};

/// What becomes of a frame of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on the channel, then say [`Bridge::sent`]; it is numbered already.
    Forward,
    /// Say this much of the buffer to the host instead: an error frame.
    Answer(usize),
    /// Nobody is waiting for an answer to this.
    Drop,
}

/// A call of the host under way.
#[derive(Debug, Clone, Copy)]
struct Open {
    ours: u64,
    hosts: u64,
}

/// The calls under way.
#[derive(Debug)]
pub struct Bridge {
    schema: SchemaId,
    /// The number of the last call that was sent.
    last: u64,
    /// The host's number of the call that is offered to the channel but not yet sent.
    offered: u64,
    /// A call lies in the slot of its number modulo the size.
    open: [Option<Open>; CALLS_MAX],
}

impl Bridge {
    /// A bridge for this schema, on a channel that has carried no call.
    #[must_use]
    pub const fn new(schema: SchemaId) -> Self {
        Self { schema, last: 0, offered: 0, open: [None; CALLS_MAX] }
    }

    /// Looks at a frame of the host in the first `length` bytes of a buffer, and makes it ready for the channel, or turns it
    /// into the host's answer.
    pub fn from_host(&mut self, buffer: &mut [u8], length: usize) -> Verdict {
        let Some(Ok((header, _))) = buffer.get(..length).map(Header::parse) else { return Verdict::Drop };
        if header.kind != Kind::Call {
            return Verdict::Drop;
        }
        if header.schema != self.schema {
            return refuse(buffer, header, ErrorCode::Unsupported);
        }
        let ours = self.last.saturating_add(1);
        if self.slot(ours).is_none_or(|slot| slot.is_some()) {
            return refuse(buffer, header, ErrorCode::Busy);
        }
        match (Header { correlation: ours, ..header }).write_to(buffer) {
            Ok(()) => {
                self.offered = header.correlation;
                Verdict::Forward
            }
            Err(_) => Verdict::Drop,
        }
    }

    /// The frame of the last [`Verdict::Forward`] is on the channel.
    pub fn sent(&mut self) {
        let (ours, hosts) = (self.last.saturating_add(1), self.offered);
        if let Some(slot) = self.slot(ours) {
            *slot = Some(Open { ours, hosts });
            self.last = ours;
        }
    }

    /// The frame of the last [`Verdict::Forward`] found no room on the channel: gives the host's answer instead.
    pub fn not_sent(&mut self, buffer: &mut [u8], length: usize) -> Verdict {
        let Some(Ok((header, _))) = buffer.get(..length).map(Header::parse) else { return Verdict::Drop };
        refuse(buffer, Header { correlation: self.offered, ..header }, ErrorCode::Busy)
    }

    /// Whether the host gets a frame of the channel; its number is the host's then.
    pub fn from_channel(&mut self, frame: &mut [u8]) -> bool {
        let Ok((header, _)) = Header::parse(frame) else { return false };
        if header.schema != self.schema {
            return false;
        }
        match header.kind {
            Kind::Event => true,
            Kind::Call => false,
            Kind::Reply | Kind::Error => {
                let Some(slot) = self.slot(header.correlation) else { return false };
                let Some(open) = slot.filter(|open| open.ours == header.correlation) else { return false };
                *slot = None;
                Header { correlation: open.hosts, ..header }.write_to(frame).is_ok()
            }
        }
    }

    fn slot(&mut self, ours: u64) -> Option<&mut Option<Open>> {
        let place = usize::try_from(ours & (CALLS_MAX as u64).saturating_sub(1)).ok()?;
        self.open.get_mut(place)
    }
}

/// Turns a call into its error frame.
fn refuse(buffer: &mut [u8], call: Header, code: ErrorCode) -> Verdict {
    let header = Header { kind: Kind::Error, length: 1, ..call };
    let written = header.write_to(buffer).is_ok();
    match buffer.get_mut(HEADER_SIZE) {
        Some(body) if written => {
            *body = code.as_u8();
            Verdict::Answer(HEADER_SIZE.saturating_add(1))
        }
        // A buffer too short for a code holds no frame of a service at all.
        _ => Verdict::Drop,
    }
}
