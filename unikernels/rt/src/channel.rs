//! A channel, as the qube holds its end: the [`Port`] that typed clients and servers run on.
//!
//! There is one `Channel` for each port; whoever holds it is its only user. State and generation
//! are read from the info page each time they are asked for, which costs no exit.

use core::marker::PhantomData;

use ipc_proto_rpc::{InPlacePort, Port, PortFacts, PortState, SendError, Shown, Ticks};
use ipc_proto_types::{Generation, PortIndex};
use unikernels_sdk::info;

use crate::{pages, platform};

/// Our end of a channel.
#[derive(Debug)]
pub struct Channel {
    index: PortIndex,
    /// Belongs to the one CPU of this qube.
    here: PhantomData<*mut ()>,
}

impl Channel {
    /// For [`crate::Qube`], which gives out each port once and only ports that are there.
    pub(crate) const fn new(index: PortIndex) -> Self {
        Self { index, here: PhantomData }
    }

    fn state(&self) -> PortState {
        info::port_state(pages::port_state(self.index.get()))
    }
}

impl Port for Channel {
    fn index(&self) -> PortIndex {
        self.index
    }

    fn facts(&self) -> PortFacts {
        let entry = platform::with_console(|console| console.entry(self.index).copied()).flatten();
        let entry = entry.expect("a channel is made only for a port that is there");
        PortFacts {
            state: self.state(),
            role: entry.role,
            peer_generation: Generation(pages::port_generation(self.index.get())),
            schema: entry.schema,
            message_max: entry.message_max,
            peer_label: entry.peer_label,
            peer_name: entry.peer_name,
            service: entry.service,
        }
    }

    fn acknowledge(&mut self) {
        platform::with_console(|console| console.acknowledge(self.index));
    }

    fn forget(&mut self) {
        let is_open = || self.state() == PortState::Open;
        platform::with_console(|console| console.forget(self.index, is_open));
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        match self.state() {
            PortState::Closed => return Err(SendError::Closed),
            PortState::Restarted => return Err(SendError::Restarted),
            PortState::Open => {}
        }
        let sent = platform::with_console(|console| console.send(self.index, frame));
        sent.unwrap_or(Err(SendError::Closed))
    }

    fn flush(&mut self) {
        platform::with_console(|console| console.flush_port(self.index));
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        platform::with_console(|console| console.receive(self.index, into)).flatten()
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        platform::wait(deadline);
    }

    fn now(&self) -> Ticks {
        platform::now()
    }

    fn ticks_per_second(&self) -> u64 {
        platform::clock().ticks_per_second()
    }
}

impl InPlacePort for Channel {
    fn show(&mut self, answer: &mut dyn FnMut(&[u8], &mut [u8]) -> usize) -> Shown {
        match self.state() {
            // What an old life sent is dropped when the new one is acknowledged.
            PortState::Closed | PortState::Restarted => Shown::Nothing,
            PortState::Open => {
                platform::with_console(|console| console.show(self.index, answer)).unwrap_or(Shown::Nothing)
            }
        }
    }
}
