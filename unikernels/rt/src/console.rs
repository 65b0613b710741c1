//! The multiport console: all channels of this qube behind one device.
//!
//! Sending only queues and marks the port dirty; the device hears of it at the next wait, and
//! the last notification is one exit together with that wait. So a synchronous call costs its
//! caller one exit, and serving it one. Nothing here waits or spins.
//! Source: VIRTIO 1.2 section 5.3; DESIGN.md 3.2.

use ipc_proto_rpc::{SendError, Shown};
use ipc_proto_types::{MAX_PORTS, PortIndex, QUEUE_SIZE};
use unikernels_sdk::control::{self, Event};
use unikernels_sdk::info::PortEntry;
use virtio_drivers::transport::{DeviceStatus, Transport};

use crate::arena;
use crate::hypercall::{self, Device, Wake};
use crate::pages;
use crate::queue::{Receiver, Sender};
use crate::transport::Registers;

/// Bytes of a frame's header, before the body.
const HEADER_BYTES: usize = 32;
/// VIRTIO_F_VERSION_1 and VIRTIO_CONSOLE_F_MULTIPORT. EVENT_IDX is never offered.
const FEATURES: u64 = 1 << 32 | 1 << 1;

/// One port: what the info page says of it, and its queues.
struct Port {
    entry: PortEntry,
    frame_max: usize,
    receiver: Receiver,
    sender: Sender,
}

/// Buffers of each control queue: what the device announces of all ports at once.
const CONTROL_DEPTH: u16 = 64;
const _: () = assert!(CONTROL_DEPTH as usize <= QUEUE_SIZE);

/// The driver.
pub(crate) struct Console {
    ports: [Option<&'static mut Port>; MAX_PORTS],
    control_receiver: &'static mut Receiver,
    control_sender: &'static mut Sender,
    /// Queues the device has yet to hear of, one bit each.
    dirty: u64,
    /// The queue that became dirty last: it shares its exit with the wait.
    last: u16,
}

const _: () = assert!(2 * MAX_PORTS + 2 <= 64, "one dirty bit for each queue");

impl Console {
    /// Initialises the device and opens our end of every port. `None` says that memory or the
    /// device falls short of what the info page promises.
    pub(crate) fn start(port_count: u8) -> Option<Self> {
        let mut device = Registers::new(Device::Console);
        negotiate(&mut device)?;
        let control_receiver =
            Receiver::new(&mut device, control::CONTROL_RECEIVE, CONTROL_DEPTH, control::MESSAGE_ROOM)?;
        let control_sender =
            Sender::new(&mut device, control::CONTROL_TRANSMIT, CONTROL_DEPTH, control::MESSAGE_BYTES)?;
        let mut console = Self {
            ports: [const { None }; MAX_PORTS],
            control_receiver: arena::place(control_receiver)?,
            control_sender: arena::place(control_sender)?,
            dirty: 0,
            last: 0,
        };
        for (index, place) in ports(port_count).zip(&mut console.ports) {
            *place = Some(Port::start(&mut device, index)?);
        }
        device.finish_init();
        console.say(PortIndex::new(0)?, Event::DeviceReady);
        for index in ports(port_count) {
            console.say(index, Event::PortReady);
            console.open(index);
        }
        Some(console)
    }

    /// What the info page says of a port.
    pub(crate) fn entry(&self, index: PortIndex) -> Option<&PortEntry> {
        Some(&self.ports.get(index.as_usize())?.as_ref()?.entry)
    }

    /// Queues a frame on an open port.
    ///
    /// # Errors
    /// Too large, or full: the device is done with none of the buffers, or has yet to hear of them.
    #[inline]
    pub(crate) fn send(&mut self, index: PortIndex, frame: &[u8]) -> Result<(), SendError> {
        let port = self.ports.get_mut(index.as_usize());
        let port = port.and_then(Option::as_mut).ok_or(SendError::Closed)?;
        if frame.len() > port.frame_max {
            return Err(SendError::TooLarge);
        }
        let queue = control::transmit_queue(index);
        if !port.sender.send(frame) {
            // The caller waits next, which tells the device as well: one exit for both.
            return Err(SendError::Full);
        }
        if port.sender.should_notify() {
            self.soil(queue);
        }
        Ok(())
    }

    /// Takes one message that has arrived.
    #[inline]
    pub(crate) fn receive(&mut self, index: PortIndex, into: &mut [u8]) -> Option<usize> {
        let port = self.ports.get_mut(index.as_usize())?.as_mut()?;
        port.receiver.receive(into)
    }

    /// Wipes what the peer's old life sent, and what of our own messages the device is done with. A new life may come at any
    /// moment: a message is of a life that is over only if the channel is not open after the message was there.
    pub(crate) fn forget(&mut self, index: PortIndex, is_open: impl Fn() -> bool) {
        if let Some(Some(port)) = self.ports.get_mut(index.as_usize()) {
            while port.receiver.has_next() && !is_open() {
                let _ = port.receiver.next(|_| ());
            }
            port.sender.wipe_sent();
        }
    }

    /// Shows the next message that has arrived to `answer`, with room for a frame, and queues what it leaves there.
    #[inline]
    pub(crate) fn show(
        &mut self,
        index: PortIndex,
        answer: &mut dyn FnMut(&[u8], &mut [u8]) -> usize,
    ) -> Shown {
        let port = self.ports.get_mut(index.as_usize());
        let Some(Port { frame_max, receiver, sender, .. }) = port.and_then(Option::as_deref_mut) else {
            return Shown::Nothing;
        };
        if !receiver.has_next() {
            return Shown::Nothing;
        }
        let Some(is_queued) =
            sender.fill(*frame_max, |room| receiver.next(|message| answer(message, room)).unwrap_or(0))
        else {
            return Shown::NoRoom;
        };
        if is_queued && sender.should_notify() {
            self.soil(control::transmit_queue(index));
        }
        Shown::One
    }

    /// Accepts the peer's new life: drops what the old one sent, then opens our end anew.
    pub(crate) fn acknowledge(&mut self, index: PortIndex) {
        if let Some(Some(port)) = self.ports.get_mut(index.as_usize()) {
            port.receiver.drain();
        }
        self.open(index);
    }

    /// Tells the device of what is queued on one port, now.
    pub(crate) fn flush_port(&mut self, index: PortIndex) {
        let queue = control::transmit_queue(index);
        if self.dirty & bit(queue) != 0 {
            self.dirty &= !bit(queue);
            hypercall::notify(Device::Console, queue);
        }
    }

    /// Tells the device of everything queued, now.
    pub(crate) fn flush(&mut self) {
        while let Some(queue) = lowest(self.dirty) {
            self.dirty &= !bit(queue);
            hypercall::notify(Device::Console, queue);
        }
    }

    /// Tells the device of everything queued and sleeps. With one dirty queue that is one exit.
    #[inline]
    pub(crate) fn wait(&mut self, deadline: u64) -> Wake {
        // `last` may have been flushed since; then any other does.
        let last = match self.dirty & bit(self.last) {
            0 => lowest(self.dirty),
            _ => Some(self.last),
        };
        let wake = match last {
            None => hypercall::wait(deadline),
            Some(queue) => {
                self.dirty &= !bit(queue);
                self.flush();
                hypercall::notify_and_wait(queue, deadline)
            }
        };
        // What the device announces is in the info page too; only the buffers must go back.
        self.control_receiver.drain();
        wake
    }

    #[inline]
    fn soil(&mut self, queue: u16) {
        self.dirty |= bit(queue);
        self.last = queue;
    }

    /// Opens our end of a port.
    fn open(&mut self, index: PortIndex) {
        self.say(index, Event::PortOpen);
        hypercall::notify(Device::Console, control::CONTROL_TRANSMIT);
        self.control_receiver.drain();
    }

    /// Queues a control message.
    fn say(&mut self, index: PortIndex, event: Event) {
        let sent = self.control_sender.send(&control::message(index, event));
        // The device takes a control message before the notification returns, and at most three
        // are queued at a time.
        assert!(sent, "the console device doesn't take control messages");
    }
}

impl Port {
    fn start(device: &mut Registers, index: PortIndex) -> Option<&'static mut Self> {
        let entry = PortEntry::parse(&pages::port_entry(index.get()))?;
        let bytes = usize::try_from(entry.message_max).ok()? + HEADER_BYTES;
        let (receive, transmit) = (control::receive_queue(index), control::transmit_queue(index));
        arena::place(Self {
            receiver: Receiver::new(device, receive, entry.depth, bytes)?,
            sender: Sender::new(device, transmit, entry.depth, bytes)?,
            entry,
            frame_max: bytes,
        })
    }
}

/// The ports below a count.
fn ports(count: u8) -> impl Iterator<Item = PortIndex> {
    PortIndex::all().take(count.into())
}

#[inline]
const fn bit(queue: u16) -> u64 {
    1 << (queue & 63)
}

/// The lowest queue of a set.
#[inline]
fn lowest(queues: u64) -> Option<u16> {
    let queue = u16::try_from(queues.trailing_zeros()).ok()?;
    (queues != 0).then_some(queue)
}

/// Resets the device and agrees on features (VIRTIO 1.2 section 3.1.1).
fn negotiate(device: &mut Registers) -> Option<()> {
    device.set_status(DeviceStatus::empty());
    device.set_status(DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER);
    if device.read_device_features() & FEATURES != FEATURES {
        return None;
    }
    device.write_driver_features(FEATURES);
    device.set_status(DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER | DeviceStatus::FEATURES_OK);
    let accepted = device.get_status().contains(DeviceStatus::FEATURES_OK);
    accepted.then_some(())
}
