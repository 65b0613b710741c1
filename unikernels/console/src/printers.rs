//! The qubes that may print: our ends of the `console` service.
//!
//! Lines are taken one at a time, so that the screen shows each before the next is read, and from the ports in turn, so
//! that one that floods does not silence the others. Who printed is read from the port, never from the line.

use ipc_proto_console_api::{Console, FRAME_MAX, SERVICE, dispatch};
use ipc_proto_rpc::{Caller, Port, PortState};
use ipc_proto_types::{List, MAX_PORTS, Role, Text};
use ipc_proto_wire::Header;
use unikernels_console_core::Printed;
use unikernels_rt::{Channel, Qube};

/// The ports on which we serve.
pub(crate) struct Printers {
    ports: List<Channel, MAX_PORTS>,
    /// Whose turn it is.
    turn: usize,
    frame: [u8; FRAME_MAX],
}

impl Printers {
    pub(crate) fn new(qube: Qube) -> Self {
        let mut ports = List::new();
        while let Some(port) = qube.port(SERVICE.name, Role::Server) {
            let pushed = ports.push(port);
            debug_assert!(pushed.is_ok(), "a qube has no more ports than MAX_PORTS");
        }
        Self { ports, turn: 0, frame: [0; FRAME_MAX] }
    }

    /// The next line somebody had printed.
    pub(crate) fn next(&mut self) -> Option<Printed> {
        for _ in 0..self.ports.len() {
            self.turn = (self.turn + 1) % self.ports.len();
            if let Some(port) = self.ports.get_mut(self.turn)
                && let Some(printed) = take(port, &mut self.frame)
            {
                return Some(printed);
            }
        }
        None
    }
}

/// Takes one line from a port. What is no line of this service is dropped; the supervisor lets none through.
fn take(port: &mut Channel, frame: &mut [u8]) -> Option<Printed> {
    if port.facts().state == PortState::Restarted {
        port.acknowledge();
    }
    let facts = port.facts();
    let length = port.receive(frame)?;
    let (header, body) = Header::parse(frame.get(..length)?).ok()?;
    if header.schema != SERVICE.id {
        return None;
    }
    let caller = Caller { port: port.index(), generation: facts.peer_generation };
    let mut line = Line(None);
    let _ = dispatch(&mut line, &caller, &header, body, &mut []);
    Some(Printed { from: facts.peer_name, label: facts.peer_label, text: line.0? })
}

/// Keeps the line of one message.
struct Line(Option<Text<256>>);

impl Console for Line {
    fn print(&mut self, _: &Caller, line: Text<256>) {
        self.0 = Some(line);
    }
}
