//! The console's control queue: announcing ports, opening and closing them (VIRTIO 1.2, 5.3.6.2).

use ipc_proto_types::{ChannelIndex, MAX_PORTS, QubeIndex, Role};
use supervisor_virtio::control::{Event, LEN, Message, NAME_MAX};
use supervisor_virtio::{Malformed, QUEUE_SIZE_MAX, QueueState};

use crate::audit::{Outcome, Refusal};
use crate::channel::{Announce, Calls, EndpointIndex};
use crate::devices::port_end;
use crate::machine::Machine;
use crate::monitor::Core;
use crate::qube::wake;

/// Most control messages handled in one exit.
const CONTROL_MAX: u32 = 4;

impl<M: Machine> Core<'_, M> {
    /// Takes what the driver says on the control queue.
    pub(crate) fn control(&mut self, machine: &mut M, qube: QubeIndex) {
        for _ in 0..CONTROL_MAX {
            let mut bytes = [0; LEN];
            let taken = match self.at(qube).control_tx.waiting() {
                Ok(None) => {
                    self.at(qube).chores.clear_backlog();
                    return self.announce(machine, qube);
                }
                Ok(Some(ring)) => ring.take(&mut bytes).map(|(chain, message)| {
                    ring.complete(chain);
                    Message::from_driver(message)
                }),
                Err(fault) => Err(fault),
            };
            match taken {
                Ok(Some(message)) => self.handle(machine, qube, message),
                Ok(None) => self.refuse_control(qube),
                Err(fault) => return self.poison_control(machine, qube, fault),
            }
        }
        // Perhaps the driver has said more than is taken in one exit; its next wait takes more instead of sleeping.
        self.at(qube).chores.set_backlog();
        self.announce(machine, qube);
    }

    fn handle(&mut self, machine: &mut M, qube: QubeIndex, message: Message) {
        if message.event == Event::DeviceReady {
            if message.value == 1 {
                for port in 0..MAX_PORTS {
                    if let Some(end) = self.endpoint_at(qube, port) {
                        self.announce_later(end, |a| a.add = true);
                    }
                }
            }
            return;
        }
        let Some(end) = port_end(self, qube, message.port) else { return self.refuse_control(qube) };
        match message.event {
            Event::PortReady => self.announce_later(end, |a| {
                a.name = true;
                a.open = true;
            }),
            Event::PortOpen if message.value == 0 => self.port_closed(machine, end),
            Event::PortOpen => self.port_opened(machine, qube, end),
            Event::DeviceReady | Event::PortAdd | Event::PortName => self.refuse_control(qube),
        }
    }

    /// The driver opened its end, or acknowledged its peer's new life. What it is already is not news to its peer.
    fn port_opened(&mut self, machine: &mut M, qube: QubeIndex, end: EndpointIndex) {
        if self.endpoints[end.index()].stale {
            self.discard_stale(machine, end);
            self.endpoints[end.index()].stale = false;
        } else if self.endpoints[end.index()].opened {
            return;
        }
        let endpoint = &mut self.endpoints[end.index()];
        if [endpoint.rx.state(), endpoint.tx.state()] != [QueueState::Ready; 2] {
            return self.refuse_control(qube);
        }
        endpoint.opened = true;
        self.refresh(machine, end.channel());
        if let Some(peer) = self.endpoints[end.peer().index()].qube {
            self.wake(machine, peer, wake::CHANNEL);
        }
    }

    /// The driver closed its end. Should it open it again, that is another life of the channel.
    fn port_closed(&mut self, machine: &mut M, end: EndpointIndex) {
        if core::mem::take(&mut self.endpoints[end.index()].opened) {
            self.part(machine, end);
        }
    }

    /// Drops what was queued for the peer's last life, so that its next one never sees it.
    fn discard_stale(&mut self, machine: &mut M, end: EndpointIndex) {
        let mut dropped = 0;
        for _ in 0..QUEUE_SIZE_MAX {
            let discarded = match self.endpoints[end.index()].tx.waiting() {
                Ok(Some(ring)) => ring.discard(),
                Ok(None) => break,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = discarded {
                return self.poison(machine, end, Refusal::Queue(fault));
            }
            dropped += 1;
        }
        if dropped > 0 {
            self.record(end, None, Outcome::Refused, Refusal::PeerRestarted.code());
        }
    }

    /// Works out whether a channel is open, and tells both ends.
    pub(crate) fn refresh(&mut self, machine: &mut M, channel: usize) {
        self.settle(channel);
        self.tell(machine, channel);
    }

    /// Works out whether a channel is open.
    pub(crate) fn settle(&mut self, channel: usize) {
        let Some(state) = self.channels[channel].as_mut() else { return };
        let [client, server] = &self.endpoints.as_chunks::<2>().0[channel];
        let open = client.is_ready() && server.is_ready();
        if open && !state.open {
            state.calls = Calls::new();
        }
        state.open = open;
        state.direct = open && !self.tap.is_on();
        if !open {
            self.end_tap_of(channel);
        }
    }

    /// Tells both ends how a channel is.
    pub(crate) fn tell(&mut self, machine: &mut M, channel: usize) {
        let Some(index) = ChannelIndex::new(channel as u8) else { return };
        for end in [Role::Client, Role::Server].map(|role| EndpointIndex::new(index, role)) {
            self.publish_port(machine, end);
            self.announce_later(end, |a| a.open = true);
        }
    }

    /// Notes control messages to send about a port.
    fn announce_later(&mut self, end: EndpointIndex, what: impl FnOnce(&mut Announce)) {
        let endpoint = &mut self.endpoints[end.index()];
        what(&mut endpoint.announce);
        let (qube, port) = (endpoint.qube, endpoint.port.get());
        if let Some(qube) = qube {
            self.at(qube).chores.set_announcement(port);
        }
    }

    /// Sends the control messages that are due, as far as the driver left buffers for them.
    pub(crate) fn announce(&mut self, machine: &mut M, qube: QubeIndex) {
        for _ in 0..CONTROL_MAX {
            let q = self.at(qube);
            let due = q.chores.announcements();
            if due == 0 {
                return;
            }
            match q.control_rx.waiting() {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(fault) => return self.poison_control(machine, qube, fault),
            }
            let port = due.trailing_zeros();
            let Some(end) = self.endpoint_at(qube, port as usize) else { return };
            let mut bytes = [0; LEN + NAME_MAX];
            let len = self.next_announcement(end, port, &mut bytes);
            let left = self.endpoints[end.index()].announce.any();
            let q = self.at(qube);
            if !left {
                q.chores.clear_announcement(port as u8);
            }
            let message = bytes.get(..len).unwrap_or_default();
            let Some(ring) = q.control_rx.ring().filter(|_| !message.is_empty()) else { continue };
            if let Err(fault) = ring.put(message) {
                return self.poison_control(machine, qube, fault);
            }
            self.wake(machine, qube, wake::CHANNEL);
        }
    }

    /// Writes the next due message about a port and returns its length, 0 for none.
    fn next_announcement(&mut self, end: EndpointIndex, port: u32, into: &mut [u8]) -> usize {
        let peer_open = u16::from(self.endpoints[end.peer().index()].opened);
        let announce = &mut self.endpoints[end.index()].announce;
        let (event, value) = if core::mem::take(&mut announce.add) {
            (Event::PortAdd, 1)
        } else if core::mem::take(&mut announce.name) {
            (Event::PortName, 1)
        } else if core::mem::take(&mut announce.open) {
            (Event::PortOpen, peer_open)
        } else {
            return 0;
        };
        let head = Message { port, event, value }.to_bytes();
        let mut at = 0;
        let mut push = |text: &[u8]| {
            if let Some(slot) = into.get_mut(at..at + text.len()) {
                slot.copy_from_slice(text);
                at += text.len();
            }
        };
        push(&head);
        if event == Event::PortName {
            let service = self.channel_of(end).map(|c| c.service.name);
            if let Some(service) = service {
                push(service.as_str().as_bytes());
                push(b"@");
                push(self.peer_name(end).as_str().as_bytes());
            }
        }
        at
    }

    fn poison_control(&mut self, machine: &mut M, qube: QubeIndex, fault: Malformed) {
        if let Some(q) = self.qube_mut(qube) {
            q.control_rx.poison();
            q.control_tx.poison();
            q.chores.clear_backlog();
        }
        self.refuse_request(qube, Refusal::Queue(fault));
        self.show_needs_reset(machine, qube);
    }
}
