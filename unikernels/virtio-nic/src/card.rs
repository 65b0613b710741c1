//! The card: bring-up (3.1.1, 5.1.5), and frames.

use unikernels_nic::{Dma, Dropped, FRAME_MAX, HEADER as ETHERNET, Link, Mac, Nic, NicError, is_station};
use virtio_drivers::device::common::Feature;
use virtio_drivers::transport::{DeviceStatus, Transport};

use crate::layout::{
    ARENA, BUFFER, HEADER, RECEIVE_BUFFERS, RECEIVE_ENTRIES, RECEIVE_QUEUE, TRANSMIT_BUFFERS,
    TRANSMIT_ENTRIES, TRANSMIT_QUEUE,
};
use crate::queue::{Direction, Interrupts, Queue};

/// `VIRTIO_NET_F_MAC` and `VIRTIO_NET_F_STATUS` (5.1.3).
const MAC: u64 = 1 << 5;
const STATUS: u64 = 1 << 16;
/// Offsets in the device's configuration (5.1.4), and the bit of a link.
const MAC_AT: usize = 0;
const STATUS_AT: usize = 6;
const LINK_UP: u16 = 1;
/// What the device status reads as when nothing answers.
const NOBODY: u32 = 0xff;
/// Numbers of the queues (5.1.2).
const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
/// What stands in a buffer when its frame is not needed any more: nothing.
static BLANK: [u8; BUFFER] = [0; BUFFER];
/// Buffers that are given back to the device at once: one notification for so many frames.
const GIVE_BACK: u16 = 16;

/// Why the card did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The caller: the DMA memory is too small or not aligned to a page, or its bus addresses do not fit in 64 bits.
    Arena,
    /// The caller: the address to have is none of one station.
    Mac,
    /// It knows only the legacy interface.
    Legacy,
    /// It refused the features that it has offered.
    Refused,
    /// It has not two queues with interrupts, or did not reset.
    Queue,
    /// It says that it has no address, or one of a group.
    NoMac,
}

/// A virtio network card that runs.
#[derive(Debug)]
pub struct VirtioNic<T, D> {
    transport: T,
    dma: D,
    mac: Mac,
    receive: Queue,
    transmit: Queue,
    /// The device tells of its link.
    has_status: bool,
    /// Bytes of the frame in each transmit buffer, to be wiped when it was sent.
    sent: [u16; TRANSMIT_ENTRIES as usize],
    /// It interrupts for frames that have come, and for frames that it has sent.
    wants_frames: bool,
    wants_room: bool,
    dropped: Dropped,
    failed: Option<NicError>,
}

impl<T: Transport, D: Dma> VirtioNic<T, D> {
    /// Resets the device behind `transport` and brings it up. Its address is `mac`, or else its own.
    ///
    /// # Errors
    /// See [`Error`]. It was reset then, except that [`Error::Queue`] may be a device that did not.
    pub fn start(mut transport: T, mut dma: D, mac: Option<Mac>) -> Result<Self, Error> {
        let fits = dma.bus().checked_add(dma.len_bytes() as u64).is_some();
        if dma.len_bytes() < ARENA || !dma.bus().is_multiple_of(4096) || !fits {
            return Err(Error::Arena);
        }
        if mac.is_some_and(|mac| !is_station(mac)) {
            return Err(Error::Mac);
        }
        let result = Self::bring_up(&mut transport, &mut dma, mac);
        match result {
            Ok((mac, has_status, [receive, transmit])) => {
                let dropped = Dropped::default();
                let mut card = Self {
                    transport,
                    dma,
                    mac,
                    receive,
                    transmit,
                    has_status,
                    sent: [0; TRANSMIT_ENTRIES as usize],
                    wants_frames: true,
                    wants_room: false,
                    dropped,
                    failed: None,
                };
                card.run();
                Ok(card)
            }
            Err(error) => {
                transport.set_status(DeviceStatus::empty());
                Err(error)
            }
        }
    }

    /// Steps 1 to 7 of 3.1.1.
    fn bring_up(transport: &mut T, dma: &mut D, mac: Option<Mac>) -> Result<(Mac, bool, [Queue; 2]), Error> {
        let driver = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
        transport.set_status(DeviceStatus::empty());
        transport.set_status(DeviceStatus::ACKNOWLEDGE);
        transport.set_status(driver);
        let offered = transport.read_device_features();
        if offered & Feature::VERSION_1.bits() == 0 {
            return Err(Error::Legacy);
        }
        let event_index = Feature::RING_EVENT_IDX.bits();
        let wanted = Feature::VERSION_1.bits() | Feature::ACCESS_PLATFORM.bits() | event_index | MAC | STATUS;
        transport.write_driver_features(offered & wanted);
        transport.set_status(driver | DeviceStatus::FEATURES_OK);
        if !transport.get_status().contains(DeviceStatus::FEATURES_OK) {
            return Err(Error::Refused);
        }
        let own = || (offered & MAC != 0).then(|| transport.read_config_space::<Mac>(MAC_AT).ok()).flatten();
        let mac = mac.or_else(own).filter(|mac| is_station(*mac)).ok_or(Error::NoMac)?;
        let interrupts = if offered & event_index == 0 { Interrupts::ByFlag } else { Interrupts::ByIndex };
        let receive = size(transport, RECEIVE, RECEIVE_ENTRIES)?;
        let receive =
            Queue::new(Direction::Receive, RECEIVE_QUEUE, RECEIVE_BUFFERS, receive, interrupts, dma);
        set(transport, RECEIVE, &receive, dma);
        let transmit = size(transport, TRANSMIT, TRANSMIT_ENTRIES)?;
        let transmit =
            Queue::new(Direction::Transmit, TRANSMIT_QUEUE, TRANSMIT_BUFFERS, transmit, interrupts, dma);
        set(transport, TRANSMIT, &transmit, dma);
        Ok((mac, offered & STATUS != 0, [receive, transmit]))
    }

    /// Step 8, with all receive buffers given, and headers that say nothing.
    fn run(&mut self) {
        for slot in 0..self.transmit.size() {
            self.dma.copy_in(self.transmit.buffer(slot), &[0; HEADER]);
        }
        for slot in 0..self.receive.size() {
            self.receive.give(slot, BUFFER, &mut self.dma);
        }
        self.receive.publish(&mut self.dma);
        self.transport.finish_init();
        self.transport.notify(RECEIVE);
    }

    /// Stops the device for good, and gives back what it was made of: it leaves the memory alone if it obeys.
    pub fn stop(mut self) -> (T, D) {
        self.transport.set_status(DeviceStatus::empty());
        (self.transport, self.dma)
    }

    fn works(&self) -> Result<(), NicError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn fail<V>(&mut self, error: NicError) -> Result<V, NicError> {
        self.failed = Some(error);
        Err(error)
    }

    fn give_back(&mut self, least: u16) {
        if self.receive.unpublished() >= least {
            self.receive.publish(&mut self.dma);
            self.transport.notify(RECEIVE);
        }
    }

    /// Leaves nothing of a frame in a buffer of ours. Frames are what clients say and hear, and outlive them here.
    fn wipe(&mut self, at: usize, len: usize) {
        let blank = BLANK.get(..len).unwrap_or(&BLANK);
        self.dma.copy_in(at, blank);
    }

    /// Takes back what was sent, and wipes it.
    fn reclaim(&mut self) -> Result<bool, NicError> {
        for _ in 0..self.transmit.size() {
            match self.transmit.take(&self.dma) {
                Ok(Some((slot, _))) => {
                    let len = self.sent.get(usize::from(slot)).copied().unwrap_or(0);
                    self.wipe(self.transmit.buffer(slot) + HEADER, len.into());
                }
                Ok(None) => break,
                Err(error) => return self.fail(error),
            }
        }
        Ok(self.transmit.free().is_some())
    }
}

impl<T: Transport, D: Dma> Nic for VirtioNic<T, D> {
    fn mac(&self) -> Mac {
        self.mac
    }

    /// A device that tells of no link has one (5.1.5).
    fn link(&mut self) -> Result<Link, NicError> {
        self.works()?;
        let status = self.transport.get_status();
        if status.bits() == NOBODY {
            return self.fail(NicError::Gone);
        }
        if status.contains(DeviceStatus::DEVICE_NEEDS_RESET) {
            return self.fail(NicError::Broken);
        }
        if !self.has_status {
            return Ok(Link::Up);
        }
        match self.transport.read_config_space::<u16>(STATUS_AT) {
            Ok(bits) if bits & LINK_UP != 0 => Ok(Link::Up),
            Ok(_) => Ok(Link::Down),
            Err(_) => self.fail(NicError::Broken),
        }
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<usize>, NicError> {
        self.works()?;
        if into.len() < FRAME_MAX {
            return Err(NicError::Short);
        }
        if core::mem::take(&mut self.wants_frames) {
            self.receive.mute(&mut self.dma);
        }
        for _ in 0..self.receive.size() {
            let (slot, written) = match self.receive.take(&self.dma) {
                Ok(Some(taken)) => taken,
                Ok(None) => {
                    self.give_back(1);
                    return Ok(None);
                }
                Err(error) => return self.fail(error),
            };
            let len = written.checked_sub(HEADER).filter(|len| (ETHERNET..=FRAME_MAX).contains(len));
            if let Some(into) = len.and_then(|len| into.get_mut(..len)) {
                self.dma.copy_out(self.receive.buffer(slot) + HEADER, into);
            }
            self.wipe(self.receive.buffer(slot), written);
            self.receive.give(slot, BUFFER, &mut self.dma);
            self.give_back(GIVE_BACK);
            if len.is_some() {
                return Ok(len);
            }
            self.dropped.length = self.dropped.length.saturating_add(1);
        }
        Ok(None)
    }

    fn has_room(&mut self) -> Result<bool, NicError> {
        self.works()?;
        let has_room = self.reclaim()?;
        if has_room == self.wants_room {
            self.wants_room = !has_room;
            if has_room {
                self.transmit.mute(&mut self.dma);
            } else {
                self.transmit.interrupt_after(1, &mut self.dma);
            }
            // What was sent just before does not interrupt any more.
            return Ok(has_room || self.reclaim()?);
        }
        Ok(has_room)
    }

    fn transmit(&mut self, frame: &[u8]) -> Result<(), NicError> {
        self.works()?;
        if frame.is_empty() || frame.len() > FRAME_MAX {
            return Err(NicError::Length);
        }
        if self.transmit.free().is_none() && !self.reclaim()? {
            return Err(NicError::Full);
        }
        let slot = self.transmit.free().ok_or(NicError::Full)?;
        self.dma.copy_in(self.transmit.buffer(slot) + HEADER, frame);
        if let Some(sent) = self.sent.get_mut(usize::from(slot)) {
            *sent = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        }
        self.transmit.give(slot, HEADER + frame.len(), &mut self.dma);
        Ok(())
    }

    fn flush(&mut self) {
        if self.failed.is_none() && self.transmit.unpublished() > 0 {
            self.transmit.publish(&mut self.dma);
            self.transport.notify(TRANSMIT);
        }
    }

    /// Messages need none.
    fn acknowledge(&mut self) {}

    fn wake_after(&mut self, frames: u16) -> Result<bool, NicError> {
        self.works()?;
        // The other half of the buffers is for what comes while its owner wakes up.
        let frames = frames.clamp(1, (self.receive.size() / 2).max(1));
        self.give_back(1);
        self.receive.interrupt_after(frames, &mut self.dma);
        self.wants_frames = true;
        Ok(self.receive.done(&self.dma) >= frames)
    }

    fn dropped(&self) -> Dropped {
        self.dropped
    }
}

/// How long to make a queue: what the device allows, to the power of two below, and no more than `most`.
fn size(transport: &mut impl Transport, queue: u16, most: u16) -> Result<u16, Error> {
    let allowed = u16::try_from(transport.max_queue_size(queue)).unwrap_or(u16::MAX).min(most);
    allowed.checked_ilog2().map(|power| 1 << power).ok_or(Error::Queue)
}

fn set(transport: &mut impl Transport, number: u16, queue: &Queue, dma: &impl Dma) {
    let [descriptors, driver, device] = queue.areas(dma);
    transport.queue_set(number, queue.size().into(), descriptors, driver, device);
}
