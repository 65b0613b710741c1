//! The card: bring-up (4.6), and frames.

use unikernels_nic::{Dma, Dropped, FRAME_MAX, Link, Mac, Nic, NicError, Registers, Wait, is_station};

use crate::layout::{ARENA, ENTRY, RECEIVE_ENTRIES, RECEIVE_RING, TRANSMIT_ENTRIES, TRANSMIT_RING};
use crate::registers as at;
use crate::rings::{ReceiveRing, Received, TransmitRing};

/// How long the card may finish DMA before a reset (5.4.2.1: a read may take 16 ms to 55 ms on PCI Express), and how long the
/// reset and the reading of the NVM may take: 20 ms, with much to spare.
const STEP_TIMEOUT_NS: u64 = 500_000_000;
/// Registers change without an interrupt, so they are looked at this often. The first look after a reset comes no earlier than
/// this, because the card must not be touched for a microsecond (10.2.2.1).
const POLL_NS: u64 = 1_000_000;
/// Looks at a register in one step, whatever the clock does.
const POLLS_MAX: u64 = 2 * STEP_TIMEOUT_NS / POLL_NS;
/// Descriptors that are given back to the card at once: one register write for so many frames.
const GIVE_BACK: usize = 16;

/// Why the card did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The caller: the DMA memory is too small or not aligned to a page, or its bus addresses do not fit in 64 bits.
    Arena,
    /// The caller: the address to have is none of one station.
    Mac,
    /// BAR 0 is too small for the registers.
    Window,
    /// Its registers read as ones: it is not there.
    Gone,
    /// It did not stop using memory.
    Master,
    /// The reset did not end.
    Reset,
    /// It did not read its NVM.
    Nvm,
    /// It says that it has no address, or one of a group.
    NoMac,
}

/// An 82574L that runs.
#[derive(Debug)]
pub struct E1000e<R, D> {
    registers: R,
    dma: D,
    mac: Mac,
    receive: ReceiveRing,
    transmit: TransmitRing,
    /// The card interrupts for frames that it has sent.
    wants_room: bool,
    dropped: Dropped,
    gone: bool,
}

impl<R: Registers, D: Dma> E1000e<R, D> {
    /// Resets the card behind `registers` and brings it up. Its address is `mac`, or else the one that its NVM has. `wait` is
    /// used during this call only, which takes two seconds at most.
    ///
    /// # Errors
    /// See [`Error`]. With [`Error::Master`] and [`Error::Reset`] the card may still use the DMA memory of an earlier life.
    pub fn start(
        mut registers: R,
        mut dma: D,
        wait: &mut impl Wait,
        mac: Option<Mac>,
    ) -> Result<Self, Error> {
        let fits = dma.bus().checked_add(dma.len_bytes() as u64).is_some();
        if dma.len_bytes() < ARENA || !dma.bus().is_multiple_of(4096) || !fits {
            return Err(Error::Arena);
        }
        if registers.len_bytes() < at::WINDOW_MIN {
            return Err(Error::Window);
        }
        if mac.is_some_and(|mac| !is_station(mac)) {
            return Err(Error::Mac);
        }
        reset(&mut registers, wait)?;
        let mac = address(&mut registers, mac)?;
        let receive = ReceiveRing::new(&mut dma);
        let transmit = TransmitRing::new(&mut dma);
        let dropped = Dropped::default();
        let mut card =
            Self { registers, dma, mac, receive, transmit, wants_room: false, dropped, gone: false };
        card.run();
        Ok(card)
    }

    /// Stops the card for good, and gives back what it was made of: it leaves the memory alone.
    ///
    /// # Errors
    /// [`Error::Gone`], [`Error::Master`], [`Error::Reset`], [`Error::Nvm`]; whether it still uses the memory is then unknown.
    pub fn stop(mut self, wait: &mut impl Wait) -> Result<(R, D), Error> {
        reset(&mut self.registers, wait)?;
        Ok((self.registers, self.dma))
    }

    /// Steps of 4.6 after the reset: link, receive, transmit, interrupts.
    fn run(&mut self) {
        let registers = &mut self.registers;
        let control = registers.read_u32(at::CTRL) & at::CTRL_KEPT;
        let link = at::CTRL_FULL_DUPLEX | at::CTRL_DETECT_SPEED | at::CTRL_LINK;
        registers.write_u32(at::CTRL, control | link);
        for entry in 0..at::MTA_ENTRIES {
            registers.write_u32(at::MTA + entry * 4, 0);
        }
        registers.write_u32(at::RFCTL, 0);
        let bus = self.dma.bus();
        let ring = (bus + RECEIVE_RING as u64, RECEIVE_ENTRIES, at::RECEIVE_CONTROL);
        set_ring(registers, at::RECEIVE, ring);
        registers.write_u32(at::RCTL, at::RCTL_RUN);
        // Only once the receiver runs: before, the card may ignore it (4.6.5).
        registers.write_u32(at::RECEIVE.tail, index(self.receive.tail()));
        let ring = (bus + TRANSMIT_RING as u64, TRANSMIT_ENTRIES, at::TRANSMIT_CONTROL);
        set_ring(registers, at::TRANSMIT, ring);
        registers.write_u32(at::TCTL, at::TCTL_RUN);
        registers.write_u32(at::EIAC, 0);
        registers.write_u32(at::IVAR, at::IVAR_ALL_TO_0);
        registers.write_u32(at::ICR, u32::MAX);
        registers.write_u32(at::IMS, at::CAUSES);
    }

    fn give_back(&mut self, least: usize) {
        if let Some((tail, count)) = self.receive.news()
            && count >= least
        {
            self.registers.write_u32(at::RECEIVE.tail, index(tail));
            self.receive.tell(tail);
        }
    }

    fn is_there(&self) -> Result<(), NicError> {
        if self.gone { Err(NicError::Gone) } else { Ok(()) }
    }
}

impl<R: Registers, D: Dma> Nic for E1000e<R, D> {
    fn mac(&self) -> Mac {
        self.mac
    }

    fn link(&mut self) -> Result<Link, NicError> {
        self.is_there()?;
        match self.registers.read_u32(at::STATUS) {
            u32::MAX => {
                self.gone = true;
                Err(NicError::Gone)
            }
            status if status & at::STATUS_LINK != 0 => Ok(Link::Up),
            _ => Ok(Link::Down),
        }
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<usize>, NicError> {
        self.is_there()?;
        if into.len() < FRAME_MAX {
            return Err(NicError::Short);
        }
        for _ in 0..RECEIVE_ENTRIES {
            let taken = self.receive.take(&mut self.dma, into);
            self.give_back(if taken.is_some() { GIVE_BACK } else { 1 });
            match taken {
                None => return Ok(None),
                Some(Received::Frame(len)) => return Ok(Some(len)),
                Some(Received::Length) => self.dropped.length = self.dropped.length.saturating_add(1),
                Some(Received::Damaged) => self.dropped.damaged = self.dropped.damaged.saturating_add(1),
            }
        }
        Ok(None)
    }

    fn has_room(&mut self) -> Result<bool, NicError> {
        self.is_there()?;
        let mut has_room = self.transmit.has_room(&mut self.dma);
        if has_room == self.wants_room {
            self.wants_room = !has_room;
            let mask = if has_room { at::IMC } else { at::IMS };
            self.registers.write_u32(mask, at::CAUSES_SENT);
            // What was sent just before may not interrupt any more.
            has_room = has_room || self.transmit.has_room(&mut self.dma);
        }
        Ok(has_room)
    }

    fn transmit(&mut self, frame: &[u8]) -> Result<(), NicError> {
        self.is_there()?;
        if frame.is_empty() || frame.len() > FRAME_MAX {
            return Err(NicError::Length);
        }
        self.transmit.put(&mut self.dma, frame)
    }

    fn flush(&mut self) {
        if let Some(tail) = self.transmit.take_news() {
            self.registers.write_u32(at::TRANSMIT.tail, index(tail));
        }
    }

    /// Causes that are still there when the next comes would send no message, so they are cleared.
    fn acknowledge(&mut self) {
        let causes = self.registers.read_u32(at::ICR);
        if causes == u32::MAX {
            self.gone = true;
            return;
        }
        self.registers.write_u32(at::ICR, causes);
    }

    fn dropped(&self) -> Dropped {
        self.dropped
    }
}

/// Steps of 4.6 up to the reset, and its end (4.6.1, 5.4.2.1).
fn reset(registers: &mut impl Registers, wait: &mut impl Wait) -> Result<(), Error> {
    registers.write_u32(at::IMC, u32::MAX);
    registers.write_u32(at::RCTL, 0);
    registers.write_u32(at::TCTL, 0);
    let control = registers.read_u32(at::CTRL);
    if control == u32::MAX {
        return Err(Error::Gone);
    }
    let control = control & at::CTRL_KEPT;
    registers.write_u32(at::CTRL, control | at::CTRL_MASTER_DISABLE);
    let master = until(registers, wait, at::STATUS, |status| status & at::STATUS_MASTER == 0);
    // It is reset all the same: that is what stops it for good.
    registers.write_u32(at::CTRL, control | at::CTRL_MASTER_DISABLE | at::CTRL_RESET);
    let now = wait.now_ns();
    wait.wait(now.saturating_add(POLL_NS));
    until(registers, wait, at::CTRL, |control| control & at::CTRL_RESET == 0)?
        .then_some(())
        .ok_or(Error::Reset)?;
    master?.then_some(()).ok_or(Error::Master)?;
    until(registers, wait, at::EEC, |eec| eec & at::EEC_READ_DONE != 0)?.then_some(()).ok_or(Error::Nvm)?;
    // The reset has allowed them again (4.6.2).
    registers.write_u32(at::IMC, u32::MAX);
    Ok(())
}

/// Whether a register becomes as wanted in time.
fn until(
    registers: &mut impl Registers,
    wait: &mut impl Wait,
    register: usize,
    arrived: impl Fn(u32) -> bool,
) -> Result<bool, Error> {
    let deadline = wait.now_ns().saturating_add(STEP_TIMEOUT_NS);
    for _ in 0..POLLS_MAX {
        match registers.read_u32(register) {
            u32::MAX => return Err(Error::Gone),
            value if arrived(value) => return Ok(true),
            _ => {}
        }
        let now = wait.now_ns();
        if now >= deadline {
            break;
        }
        wait.wait(deadline.min(now.saturating_add(POLL_NS)));
    }
    Ok(false)
}

/// The address in receive address 0, which the NVM has filled (10.2.5.13), or which becomes `wanted`.
fn address(registers: &mut impl Registers, wanted: Option<Mac>) -> Result<Mac, Error> {
    let mac = match wanted {
        Some(mac) => mac,
        None => {
            let [a, b, c, d] = registers.read_u32(at::RAL).to_le_bytes();
            let [e, f, ..] = registers.read_u32(at::RAH).to_le_bytes();
            [a, b, c, d, e, f]
        }
    };
    if !is_station(mac) {
        return Err(Error::NoMac);
    }
    let [a, b, c, d, e, f] = mac;
    // The high half last: with it the address becomes valid.
    registers.write_u32(at::RAL, u32::from_le_bytes([a, b, c, d]));
    registers.write_u32(at::RAH, u32::from_le_bytes([e, f, 0, 0]) | at::RAH_VALID);
    Ok(mac)
}

fn set_ring(registers: &mut impl Registers, to: at::RingAt, (bus, entries, control): (u64, usize, u32)) {
    let [a, b, c, d, e, f, g, h] = bus.to_le_bytes();
    registers.write_u32(to.base_low, u32::from_le_bytes([a, b, c, d]));
    registers.write_u32(to.base_high, u32::from_le_bytes([e, f, g, h]));
    registers.write_u32(to.len, index(entries * ENTRY));
    registers.write_u32(to.head, 0);
    registers.write_u32(to.tail, 0);
    registers.write_u32(to.control, control);
}

/// An index or a length of a ring, which is small.
fn index(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
