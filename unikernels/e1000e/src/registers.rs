//! Registers (10.2), as offsets, and the bits of them that are used.

/// Bytes of BAR 0 that are touched at most.
pub(crate) const WINDOW_MIN: usize = 0x6000;

pub(crate) const CTRL: usize = 0x0000;
/// Full duplex, as a start for the negotiation.
pub(crate) const CTRL_FULL_DUPLEX: u32 = 1 << 0;
/// GIO master disable: no DMA any more.
pub(crate) const CTRL_MASTER_DISABLE: u32 = 1 << 2;
/// The speed follows the negotiation.
pub(crate) const CTRL_DETECT_SPEED: u32 = 1 << 5;
/// Set link up.
pub(crate) const CTRL_LINK: u32 = 1 << 6;
pub(crate) const CTRL_RESET: u32 = 1 << 26;
const CTRL_PHY_RESET: u32 = 1 << 31;
/// What is kept of what it reads as: all that does not start anything.
pub(crate) const CTRL_KEPT: u32 = !(CTRL_MASTER_DISABLE | CTRL_RESET | CTRL_PHY_RESET);

pub(crate) const STATUS: usize = 0x0008;
pub(crate) const STATUS_LINK: u32 = 1 << 1;
/// GIO master enable status: DMA is under way.
pub(crate) const STATUS_MASTER: u32 = 1 << 19;

pub(crate) const EEC: usize = 0x0010;
/// Auto read done: what the NVM says is in the registers.
pub(crate) const EEC_READ_DONE: u32 = 1 << 9;

/// Causes of interrupts: read, and cleared by writing ones.
pub(crate) const ICR: usize = 0x00c0;
/// Mask set and mask clear.
pub(crate) const IMS: usize = 0x00d0;
pub(crate) const IMC: usize = 0x00d8;
/// Causes that are cleared when their message is sent.
pub(crate) const EIAC: usize = 0x00dc;
/// Which cause goes to which vector.
pub(crate) const IVAR: usize = 0x00e4;
/// Receive queue 0, transmit queue 0 and all others, to vector 0.
pub(crate) const IVAR_ALL_TO_0: u32 = 1 << 3 | 1 << 11 | 1 << 19;

/// A descriptor was sent.
const SENT: u32 = 1 << 0;
const LINK_CHANGED: u32 = 1 << 2;
/// The receive ring was too short.
const OVERRUN: u32 = 1 << 6;
/// A frame came, and its timer is over.
const RECEIVED: u32 = 1 << 7;
/// The same with MSI-X, by queue (7.4.1.1).
const RECEIVE_QUEUE: u32 = 1 << 20;
const TRANSMIT_QUEUE: u32 = 1 << 22;
const OTHER: u32 = 1 << 24;
/// What always interrupts.
pub(crate) const CAUSES: u32 = LINK_CHANGED | OVERRUN | RECEIVED | RECEIVE_QUEUE | OTHER;
/// What interrupts while the transmit ring is full.
pub(crate) const CAUSES_SENT: u32 = SENT | TRANSMIT_QUEUE;

pub(crate) const RCTL: usize = 0x0100;
/// Enabled; all multicast; broadcast; without the check sequence. Buffers of 2048 bytes, no long frames.
pub(crate) const RCTL_RUN: u32 = 1 << 1 | 1 << 4 | 1 << 15 | 1 << 26;
pub(crate) const TCTL: usize = 0x0400;
/// Enabled; short frames are padded; collision threshold and distance of full duplex.
pub(crate) const TCTL_RUN: u32 = 1 << 1 | 1 << 3 | 0x0f << 4 | 0x3f << 12;

/// One ring's registers: address (two halves), length in bytes, head, tail, and its control of descriptors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingAt {
    pub(crate) base_low: usize,
    pub(crate) base_high: usize,
    pub(crate) len: usize,
    pub(crate) head: usize,
    pub(crate) tail: usize,
    pub(crate) control: usize,
}

impl RingAt {
    const fn at(at: usize) -> Self {
        Self {
            base_low: at,
            base_high: at + 0x04,
            len: at + 0x08,
            head: at + 0x10,
            tail: at + 0x18,
            control: at + 0x28,
        }
    }
}

pub(crate) const RECEIVE: RingAt = RingAt::at(0x2800);
pub(crate) const TRANSMIT: RingAt = RingAt::at(0x3800);
/// RXDCTL: thresholds count descriptors, and each is written back at once.
pub(crate) const RECEIVE_CONTROL: u32 = 1 << 24 | 1 << 16;
/// TXDCTL: the same, and bit 22, which has to be one.
pub(crate) const TRANSMIT_CONTROL: u32 = 1 << 24 | 1 << 22 | 1 << 16;

/// RFCTL: which descriptors; 0 is legacy.
pub(crate) const RFCTL: usize = 0x5008;
/// The multicast table.
pub(crate) const MTA: usize = 0x5200;
pub(crate) const MTA_ENTRIES: usize = 128;
/// Receive address 0, and its valid bit.
pub(crate) const RAL: usize = 0x5400;
pub(crate) const RAH: usize = 0x5404;
pub(crate) const RAH_VALID: u32 = 1 << 31;
