//! `InPlacePort`: a port whose messages are read, and answered, where they lie.
//!
//! A server in place has no buffers of its own: it reads a message in the buffer it came in, and writes the answer into one that
//! goes out. So a long body is copied once less each way. A message is only shown when there is room for its answer; until
//! then it stays where it is, and so no answer ever waits.

use ipc_proto_types::ErrorCode;
use ipc_proto_wire::Header;

use crate::port::{Caller, Port, PortState};
use crate::server::{SERVE_MAX, answer_into};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It was shown, and is gone.
    One,
    /// There is none.
    Nothing,
    /// There may be one, and no room for what it could be answered with.
    NoRoom,
}

/// A port that shows its messages.
pub trait InPlacePort: Port {
    /// Shows the next message to `answer`, and room for a frame of the longest length; what that gives is the length of the frame
    /// it left there, which is queued, 0 for none. The peer hears of it at the next `wait` or `flush`. Costs no exit.
    ///
    /// # Panics
    /// `answer` must use no port of this qube: one that does may panic.
    fn show(&mut self, answer: &mut dyn FnMut(&[u8], &mut [u8]) -> usize) -> Shown;
}

/// As [`crate::serve_unwiped`], where messages lie. The buffers are the port's, and it wipes them.
pub fn serve_in_place(
    port: &mut impl InPlacePort,
    dispatch: &mut impl FnMut(&Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>,
) -> usize {
    let mut facts = port.facts();
    if facts.state == PortState::Restarted {
        port.forget();
        port.acknowledge();
        facts = port.facts();
    }
    if facts.state != PortState::Open {
        port.forget();
        return 0;
    }
    let caller = Caller { port: port.index(), generation: facts.peer_generation };
    let mut answer = |message: &[u8], room: &mut [u8]| answer_into(&facts, &caller, message, dispatch, room);
    let mut served = 0;
    while served < SERVE_MAX {
        let mut shown = port.show(&mut answer);
        if shown == Shown::NoRoom {
            // What is queued may go out at once and make room.
            port.flush();
            shown = port.show(&mut answer);
        }
        if shown != Shown::One {
            break;
        }
        served += 1;
    }
    served
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use ipc_proto_types::{Generation, Kind, Label, PortIndex, QubeName, Role, SchemaId};
    use ipc_proto_wire::HEADER_SIZE;

    use super::*;
    use crate::port::{PortFacts, SendError, Ticks};

    const SCHEMA: SchemaId = SchemaId([7; 16]);
    const FRAME_MAX: usize = HEADER_SIZE + 64;

    /// A port with room for a few answers, which go out when it is flushed if their reader takes them.
    struct Fake {
        state: PortState,
        arrived: VecDeque<Vec<u8>>,
        queued: Vec<Vec<u8>>,
        room: usize,
        takes: bool,
        sent: Vec<Vec<u8>>,
        acknowledged: usize,
    }

    impl Port for Fake {
        fn index(&self) -> PortIndex {
            PortIndex::new(3).unwrap()
        }
        fn facts(&self) -> PortFacts {
            PortFacts {
                state: self.state,
                role: Role::Server,
                peer_generation: Generation(5),
                schema: SCHEMA,
                message_max: 64,
                peer_label: Label::Work,
                peer_name: QubeName::new("peer").unwrap(),
                service: QubeName::new("echo").unwrap(),
            }
        }
        fn acknowledge(&mut self) {
            (self.state, self.acknowledged) = (PortState::Open, self.acknowledged + 1);
            self.arrived.clear();
        }
        fn send(&mut self, _: &[u8]) -> Result<(), SendError> {
            unreachable!("answers lie in the room that was shown")
        }
        fn flush(&mut self) {
            if self.takes {
                self.sent.append(&mut self.queued);
            }
        }
        fn receive(&mut self, _: &mut [u8]) -> Option<usize> {
            unreachable!("messages are read where they lie")
        }
        fn wait(&mut self, _: Option<Ticks>) {
            unreachable!("a server does not wait for one port")
        }
        fn now(&self) -> Ticks {
            Ticks(0)
        }
        fn ticks_per_second(&self) -> u64 {
            1
        }
    }

    impl InPlacePort for Fake {
        fn show(&mut self, answer: &mut dyn FnMut(&[u8], &mut [u8]) -> usize) -> Shown {
            if self.queued.len() >= self.room {
                return Shown::NoRoom;
            }
            let Some(message) = self.arrived.pop_front() else { return Shown::Nothing };
            let mut room = vec![0xee; FRAME_MAX];
            let length = answer(&message, &mut room);
            room.truncate(length);
            if length > 0 {
                self.queued.push(room);
            }
            Shown::One
        }
    }

    fn frame(kind: Kind, number: u64, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; HEADER_SIZE];
        frame.extend(body);
        let length = u32::try_from(body.len()).unwrap();
        let header = Header { schema: SCHEMA, correlation: number, method: 1, kind, length };
        header.write_to(&mut frame).unwrap();
        frame
    }

    fn fake(arrived: impl IntoIterator<Item = Vec<u8>>, room: usize, takes: bool) -> Fake {
        let (queued, sent) = (vec![], vec![]);
        let arrived = arrived.into_iter().collect();
        Fake { state: PortState::Open, arrived, queued, room, takes, sent, acknowledged: 0 }
    }

    /// Answers with the body twice; one of 33 bytes or more does not fit, an empty one is refused.
    fn twice(caller: &Caller, _: &Header, body: &[u8], out: &mut [u8]) -> Result<Option<usize>, ErrorCode> {
        assert_eq!((caller.port.as_usize(), caller.generation), (3, Generation(5)));
        if body.is_empty() {
            return Err(ErrorCode::Unsupported);
        }
        let doubled = body.repeat(2);
        if let Some(place) = out.get_mut(..doubled.len()) {
            place.copy_from_slice(&doubled);
        }
        Ok(Some(doubled.len()))
    }

    fn bodies(frames: &[Vec<u8>]) -> Vec<(Kind, u64, Vec<u8>)> {
        let parts = frames.iter().map(|frame| Header::parse(frame).unwrap());
        parts.map(|(header, body)| (header.kind, header.correlation, body.to_vec())).collect()
    }

    #[test]
    fn each_call_gets_its_answer_where_it_lies() {
        let calls = [frame(Kind::Call, 1, b"ab"), frame(Kind::Call, 2, b""), frame(Kind::Call, 3, &[9; 33])];
        let mut port = fake(calls, 8, true);
        assert_eq!(serve_in_place(&mut port, &mut twice), 3);
        port.flush();
        let expected = [
            (Kind::Reply, 1, b"abab".to_vec()),
            (Kind::Error, 2, vec![ErrorCode::Unsupported.as_u8()]),
            (Kind::Error, 3, vec![ErrorCode::Internal.as_u8()]),
        ];
        assert_eq!(bodies(&port.sent), expected);
    }

    #[test]
    fn what_is_no_call_has_no_answer() {
        let mut foreign = frame(Kind::Call, 1, b"a");
        foreign[0] ^= 1;
        let event = frame(Kind::Event, 0, b"a");
        let reply = frame(Kind::Reply, 4, b"a");
        let mut port = fake([foreign, event, reply, vec![1, 2, 3]], 8, true);
        assert_eq!(serve_in_place(&mut port, &mut twice), 4);
        assert_eq!((port.queued.len(), port.arrived.len()), (0, 0));
    }

    #[test]
    fn without_room_a_call_stays_where_it_is_and_none_is_lost() {
        let calls = (1..=5).map(|number| frame(Kind::Call, number, b"x"));
        let mut port = fake(calls, 2, false);
        assert_eq!(serve_in_place(&mut port, &mut twice), 2);
        assert_eq!(serve_in_place(&mut port, &mut twice), 0);
        assert_eq!(port.arrived.len(), 3);
        port.takes = true;
        assert_eq!(serve_in_place(&mut port, &mut twice), 3, "room is made while serving");
        port.flush();
        let numbers: Vec<u64> = bodies(&port.sent).iter().map(|sent| sent.1).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_new_life_is_acknowledged_and_a_closed_port_left_alone() {
        let mut port = fake([frame(Kind::Call, 9, b"old")], 8, true);
        port.state = PortState::Restarted;
        assert_eq!((serve_in_place(&mut port, &mut twice), port.acknowledged), (0, 1));
        port.arrived.push_back(frame(Kind::Call, 1, b"new"));
        assert_eq!(serve_in_place(&mut port, &mut twice), 1);
        port.state = PortState::Closed;
        port.arrived.push_back(frame(Kind::Call, 2, b"new"));
        assert_eq!((serve_in_place(&mut port, &mut twice), port.arrived.len()), (0, 1));
    }

    #[test]
    fn a_flood_ends_a_turn() {
        let calls = (0..SERVE_MAX as u64 + 1).map(|number| frame(Kind::Call, number + 1, b"x"));
        let mut port = fake(calls, usize::MAX, true);
        assert_eq!(serve_in_place(&mut port, &mut twice), SERVE_MAX);
        assert_eq!(serve_in_place(&mut port, &mut twice), 1);
    }
}
