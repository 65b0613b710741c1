//! Registers (3.1), and what CAP says.

use unikernels_disk::Registers;

use crate::error::Error;
use crate::layout::QUEUE_ENTRIES;

const CAP: usize = 0x00;
pub(crate) const CC: usize = 0x14;
pub(crate) const CSTS: usize = 0x1c;
pub(crate) const AQA: usize = 0x24;
pub(crate) const ASQ: usize = 0x28;
pub(crate) const ACQ: usize = 0x30;
const DOORBELLS: usize = 0x1000;

/// CC.EN.
pub(crate) const CC_ENABLE: u32 = 1;
/// CC with EN: entries of 64 and 16 bytes, pages of 4 KiB, NVM command set, round robin.
pub(crate) const CC_RUN: u32 = 4 << 20 | 6 << 16 | CC_ENABLE;
/// CC.SHN: normal shutdown.
pub(crate) const CC_SHUTDOWN: u32 = 1 << 14;
/// CSTS.RDY.
pub(crate) const CSTS_READY: u32 = 1;
/// CSTS.CFS.
pub(crate) const CSTS_FATAL: u32 = 1 << 1;
/// CSTS.SHST, and its value when the shutdown is complete.
pub(crate) const CSTS_SHUTDOWN: u32 = 3 << 2;
pub(crate) const CSTS_SHUTDOWN_DONE: u32 = 2 << 2;

/// CAP.TO counts these.
const TIMEOUT_UNIT_NS: u64 = 500_000_000;

/// CAP, checked (3.1.1).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Capabilities {
    /// Entries of our queues.
    pub(crate) entries: u16,
    /// How long a change of CSTS.RDY may take.
    pub(crate) timeout_ns: u64,
    /// Bytes from one doorbell to the next.
    stride: usize,
}

impl Capabilities {
    /// Queues: admin and one for I/O, so four doorbells.
    const DOORBELL_COUNT: usize = 4;

    pub(crate) fn read(registers: &mut impl Registers) -> Result<Self, Error> {
        // Smaller than the doorbells' beginning, BAR0 has not even the registers above.
        if registers.len_bytes() < DOORBELLS {
            return Err(Error::Doorbells);
        }
        let cap = registers.read_u64(CAP);
        if cap == u64::MAX {
            return Err(Error::Gone);
        }
        let field = |shift: u32, bits: u32| (cap >> shift) & ((1 << bits) - 1);
        // MPSMIN, as a power of two from 4 KiB on.
        if field(48, 4) != 0 {
            return Err(Error::PageSize);
        }
        // CSS bit 0.
        if field(37, 1) == 0 {
            return Err(Error::CommandSet);
        }
        // MQES counts from zero, and a ring of n entries holds n - 1.
        let most = u16::try_from(field(0, 16)).unwrap_or(u16::MAX);
        if most == 0 {
            return Err(Error::QueueSize);
        }
        let stride = 4_usize << field(32, 4);
        if DOORBELLS + Self::DOORBELL_COUNT * stride > registers.len_bytes() {
            return Err(Error::Doorbells);
        }
        // A controller that claims no time at all still gets one unit.
        let timeout_ns = field(24, 8).max(1) * TIMEOUT_UNIT_NS;
        Ok(Self { entries: most.saturating_add(1).min(QUEUE_ENTRIES), timeout_ns, stride })
    }

    /// Offsets of the submission and the completion doorbell of a queue, 0 or 1.
    pub(crate) fn doorbells(&self, queue: u16) -> (usize, usize) {
        let submission = DOORBELLS + 2 * usize::from(queue) * self.stride;
        (submission, submission + self.stride)
    }
}
