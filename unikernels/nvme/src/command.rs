//! Commands, as the 64 bytes of a submission queue entry (4.2; 5 for admin, 6 for NVM).

/// One command, without its identifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Command {
    opcode: u8,
    namespace: u32,
    /// Bus addresses PRP1 and PRP2.
    prp: [u64; 2],
    /// Command dwords 10 to 12.
    dwords: [u32; 3],
}

/// Identify: what to tell (CNS, 5.15).
#[derive(Debug, Clone, Copy)]
pub(crate) enum About {
    Namespace = 0,
    Controller = 1,
    ActiveNamespaces = 2,
}

impl Command {
    /// Identify into the page at `bus`.
    pub(crate) fn identify(about: About, namespace: u32, bus: u64) -> Self {
        Self { opcode: 0x06, namespace, prp: [bus, 0], dwords: [about as u32, 0, 0] }
    }

    /// Set Features, Number of Queues: one of each kind (5.21.1.7 counts from zero).
    pub(crate) fn one_queue() -> Self {
        Self { opcode: 0x09, dwords: [0x07, 0, 0], ..Self::default() }
    }

    /// Create I/O Completion Queue: contiguous, with interrupts, on vector 0.
    pub(crate) fn create_completion(queue: u16, entries: u16, bus: u64) -> Self {
        let dwords = [Self::sized(queue, entries), 0b11, 0];
        Self { opcode: 0x05, prp: [bus, 0], dwords, ..Self::default() }
    }

    /// Create I/O Submission Queue: contiguous, completing to the queue of the same number.
    pub(crate) fn create_submission(queue: u16, entries: u16, bus: u64) -> Self {
        let dwords = [Self::sized(queue, entries), u32::from(queue) << 16 | 1, 0];
        Self { opcode: 0x01, prp: [bus, 0], dwords, ..Self::default() }
    }

    fn sized(queue: u16, entries: u16) -> u32 {
        u32::from(entries.saturating_sub(1)) << 16 | u32::from(queue)
    }

    /// Flush.
    pub(crate) fn flush(namespace: u32) -> Self {
        Self { opcode: 0x00, namespace, ..Self::default() }
    }

    /// Write of 1 to 65,536 blocks.
    pub(crate) fn write(namespace: u32, lba: u64, blocks: u32, prp: [u64; 2]) -> Self {
        Self { opcode: 0x01, namespace, prp, dwords: Self::range(lba, blocks) }
    }

    /// Read of 1 to 65,536 blocks.
    pub(crate) fn read(namespace: u32, lba: u64, blocks: u32, prp: [u64; 2]) -> Self {
        Self { opcode: 0x02, namespace, prp, dwords: Self::range(lba, blocks) }
    }

    fn range(lba: u64, blocks: u32) -> [u32; 3] {
        [low(lba), low(lba >> 32), blocks.saturating_sub(1) & 0xffff]
    }

    /// Dataset Management: deallocate the one range that lies at `bus`, see [`Self::deallocate_range`].
    pub(crate) fn deallocate(namespace: u32, bus: u64) -> Self {
        Self { opcode: 0x09, namespace, prp: [bus, 0], dwords: [0, 1 << 2, 0] }
    }

    /// The range of [`Self::deallocate`], as it lies in memory: no attributes, length, start.
    pub(crate) fn deallocate_range(lba: u64, blocks: u32) -> [u64; 2] {
        [u64::from(blocks) << 32, lba]
    }

    /// The entry.
    pub(crate) fn words(&self, id: u16) -> [u64; 8] {
        let pair = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let first = u32::from(id) << 16 | u32::from(self.opcode);
        let [ten, eleven, twelve] = self.dwords;
        [pair(first, self.namespace), 0, 0, self.prp[0], self.prp[1], pair(ten, eleven), pair(twelve, 0), 0]
    }
}

/// The low half.
#[expect(clippy::cast_possible_truncation, reason = "the high half is taken by the caller")]
fn low(value: u64) -> u32 {
    value as u32
}
