//! `Clients`: who is behind each port in this life of theirs, and what they are still to be told.

use ipc_proto_net_api::{CHANGED, READY, tell};
use ipc_proto_rpc::{Port, PortState, SendError};
use ipc_proto_types::{Generation, MAX_PORTS};
use netvm_core::Stack;
use netvm_firewall::Source;
use smoltcp::phy::Device;
use unikernels_rt::{Channel, Qube};
use unikernels_sdk::Servers;

/// What is known of the client at a port.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The life that was admitted; `None` when nobody is there.
    life: Option<Generation>,
    /// Events that are still to be sent: an event that finds no room waits, or its client would wait for ever.
    is_ready: bool,
    has_changed: bool,
}

/// All of them, by port.
pub(crate) struct Clients([Known; MAX_PORTS]);

impl Clients {
    /// Nobody yet.
    pub(crate) const fn new() -> Self {
        Self([const { Known { life: None, is_ready: false, has_changed: false } }; MAX_PORTS])
    }

    /// Tells the stack of clients that came and went, in the words of the supervisor: no byte of a message names anybody. Says
    /// whether a life is over.
    pub(crate) fn admit<D: Device, const N: usize>(
        &mut self,
        ports: &mut Servers<'_, Qube, Channel, N>,
        stack: &mut Stack<D>,
    ) -> bool {
        let mut is_over = false;
        for port in ports.ports() {
            let (facts, index) = (port.facts(), port.index());
            let Some(known) = self.0.get_mut(index.as_usize()) else { continue };
            let life = (facts.state != PortState::Closed).then_some(facts.peer_generation);
            if known.life == life {
                continue;
            }
            is_over |= known.life.is_some();
            *known = Known { life, ..Known::default() };
            match life {
                Some(_) => stack.admit(index, Source { name: facts.peer_name, label: facts.peer_label }),
                None => stack.end(index),
            }
        }
        is_over
    }

    /// Sends the events that are due.
    pub(crate) fn tell<D: Device, const N: usize>(
        &mut self,
        ports: &mut Servers<'_, Qube, Channel, N>,
        stack: &mut Stack<D>,
    ) {
        for index in stack.take_ready() {
            if let Some(known) = self.0.get_mut(index.as_usize()) {
                known.is_ready = true;
            }
        }
        let has_changed = stack.take_changed();
        for port in ports.ports() {
            let Some(known) = self.0.get_mut(port.index().as_usize()) else { continue };
            known.has_changed |= has_changed;
            for (is_due, event) in [(&mut known.is_ready, READY), (&mut known.has_changed, CHANGED)] {
                if *is_due {
                    // Who is gone, or has not opened its end, asks when it comes.
                    *is_due = tell(port, event) == Err(SendError::Full);
                }
            }
        }
    }
}
