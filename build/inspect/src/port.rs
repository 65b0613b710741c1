//! `SocketPort`: the end of a `ctl` channel, at the far side of the inspector qube's serial line.
//!
//! A frame stands behind its length. Calls carry numbers from a place of their own on, so that the answer to a call of an
//! inspector that was here before is not taken for one of ours. When the line is closed time is over: a call then fails at
//! once instead of at its deadline.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ipc_proto_ctl_api::{FRAME_MAX, SERVICE};
use ipc_proto_rpc::{Port, PortFacts, PortState, SendError, Ticks};
use ipc_proto_types::{Generation, Label, PortIndex, QubeName, Role};
use ipc_proto_wire::{HEADER_SIZE, Header};

/// Bytes of the length before a frame.
const LENGTH_BYTES: usize = 4;
/// Ticks of this port are nanoseconds.
const TICKS_PER_SECOND: u64 = 1_000_000_000;
/// Most frames kept until somebody takes them: of a system that floods us the oldest are lost.
const FRAMES_MAX: usize = 256;
/// Longest time to wait for the line to take a frame.
const SEND_WAIT: Duration = Duration::from_secs(3);
/// How long a new line is left alone: the bridge then forgets what another host left half said.
const QUIET: Duration = Duration::from_millis(400);

/// One end of a channel over a socket.
#[derive(Debug)]
pub struct SocketPort {
    stream: UnixStream,
    started: Instant,
    frames: VecDeque<Vec<u8>>,
    partial: Vec<u8>,
    /// Added to every correlation that goes out, taken off every one that comes in.
    base: u64,
    closed: bool,
}

impl SocketPort {
    /// A port on a connected socket.
    ///
    /// # Errors
    /// The socket takes no time limits.
    pub fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_write_timeout(Some(SEND_WAIT))?;
        let base = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let base = u64::from(base) << 24 ^ u64::from(std::process::id());
        let (frames, partial) = (VecDeque::new(), Vec::new());
        Ok(Self { stream, started: Instant::now(), frames, partial, base, closed: false })
    }

    /// Waits until the bridge has forgotten whoever spoke before, and forgets what it said to them.
    pub fn settle(&mut self) {
        let until = Instant::now() + QUIET;
        while !self.closed
            && let Some(left) = until.checked_duration_since(Instant::now())
        {
            self.read(left);
        }
        self.frames.clear();
        self.partial.clear();
    }

    /// Whether the other end is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Reads what comes within this time, at most one buffer full.
    fn read(&mut self, within: Duration) {
        if self.closed {
            return;
        }
        // A limit of zero would mean none.
        let within = within.max(Duration::from_millis(1));
        let mut bytes = [0; 4096];
        let read = self.stream.set_read_timeout(Some(within)).and_then(|()| self.stream.read(&mut bytes));
        match read {
            Ok(0) => self.closed = true,
            Ok(count) => {
                self.partial.extend_from_slice(bytes.get(..count).unwrap_or_default());
                self.split();
            }
            Err(error) => {
                let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted];
                self.closed = !waits.contains(&error.kind());
            }
        }
    }

    /// Takes whole frames out of what was read.
    fn split(&mut self) {
        while let Some((length, rest)) = self.partial.split_first_chunk::<LENGTH_BYTES>() {
            let length = u32::from_le_bytes(*length) as usize;
            if !(HEADER_SIZE..=FRAME_MAX).contains(&length) {
                // No frame of the service is like that: the line has lost its beginning.
                self.partial.clear();
                return;
            }
            let Some(frame) = rest.get(..length) else { return };
            if self.frames.len() == FRAMES_MAX {
                self.frames.pop_front();
            }
            self.frames.push_back(frame.to_vec());
            self.partial.drain(..LENGTH_BYTES + length);
        }
    }
}

impl Port for SocketPort {
    fn index(&self) -> PortIndex {
        PortIndex::all().next().expect("there is a first port")
    }

    fn facts(&self) -> PortFacts {
        let name = |name| QubeName::new(name).expect("a name by the rules");
        PortFacts {
            state: if self.closed { PortState::Closed } else { PortState::Open },
            role: Role::Client,
            peer_generation: Generation(1),
            schema: SERVICE.id,
            message_max: SERVICE.message_max,
            peer_label: Label::Grey,
            peer_name: name("inspector"),
            service: name(SERVICE.name),
        }
    }

    fn acknowledge(&mut self) {}

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let mut frame = frame.to_vec();
        if let Ok((header, _)) = Header::parse(&frame) {
            let correlation = header.correlation.wrapping_add(self.base);
            // It was long enough to be parsed.
            let _ = Header { correlation, ..header }.write_to(&mut frame);
        }
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes();
        if self.stream.write_all(&[&length[..], &frame].concat()).is_err() {
            self.closed = true;
            return Err(SendError::Closed);
        }
        Ok(())
    }

    fn flush(&mut self) {}

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let mut frame = self.frames.pop_front()?;
        if let Ok((header, _)) = Header::parse(&frame)
            && header.correlation != 0
        {
            let correlation = header.correlation.wrapping_sub(self.base);
            let _ = Header { correlation, ..header }.write_to(&mut frame);
        }
        into.get_mut(..frame.len())?.copy_from_slice(&frame);
        Some(frame.len())
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        let now = self.now().0;
        let left = deadline.map_or(u64::MAX, |deadline| deadline.0.saturating_sub(now));
        self.read(Duration::from_nanos(left.min(TICKS_PER_SECOND)));
    }

    fn now(&self) -> Ticks {
        if self.closed {
            return Ticks(u64::MAX);
        }
        Ticks(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn ticks_per_second(&self) -> u64 {
        TICKS_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto_types::Kind;

    use super::*;

    #[test]
    fn garbage_on_the_line_is_forgotten_and_a_closed_line_ends_time() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut port = SocketPort::new(ours).unwrap();
        theirs.write_all(&[0xff; 100]).unwrap();
        port.read(Duration::from_secs(1));
        assert!(port.frames.is_empty() && port.partial.is_empty());
        let event = Header { schema: SERVICE.id, method: 10, kind: Kind::Event, correlation: 0, length: 0 }
            .to_bytes();
        theirs.write_all(&[&32_u32.to_le_bytes()[..], &event].concat()).unwrap();
        port.read(Duration::from_secs(1));
        let mut into = [0; FRAME_MAX];
        assert_eq!(port.receive(&mut into), Some(32));
        assert_eq!(into.get(..32), Some(&event[..]));
        drop(theirs);
        port.read(Duration::from_secs(1));
        assert_eq!((port.is_closed(), port.now()), (true, Ticks(u64::MAX)));
        assert_eq!(port.send(&event), Err(SendError::Closed));
    }
}
