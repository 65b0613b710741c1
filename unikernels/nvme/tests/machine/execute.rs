//! The simulated controller's commands.

use super::{BUS, Controller, Order, Place, Ring};

/// A command as it was fetched: 16 dwords.
type Dwords = [u32; 16];

const SUCCESS: u16 = 0;
const INVALID_FIELD: u16 = 0x02;
const INVALID_NAMESPACE: u16 = 0x0b;
const OUT_OF_RANGE: u16 = 0x80;
/// The namespace, which is not the first number there is.
const NAMESPACE: u32 = 7;

impl Controller {
    /// Does what is submitted. Says whether there was anything.
    pub(crate) fn work(&mut self) -> bool {
        if self.silent || self.fatal || self.gone || self.status() & 1 == 0 {
            return false;
        }
        let mut any = false;
        for queue in 0..2 {
            let mut fetched = Vec::new();
            let one = self.config.order == Order::OneByOne;
            while let Some(entry) = self.fetch(queue) {
                fetched.push(entry);
                if one {
                    break;
                }
            }
            if self.config.order == Order::Reversed {
                fetched.reverse();
            }
            for entry in fetched {
                any = true;
                self.counts.commands += 1;
                let status = if queue == 0 { self.admin(&entry) } else { self.io(&entry) };
                self.complete(queue, &entry, status);
            }
        }
        any
    }

    fn bytes(&self, bus: u64, length: usize) -> std::ops::Range<usize> {
        let at = usize::try_from(bus.checked_sub(BUS).expect("an address of ours")).unwrap();
        assert!(at + length <= self.memory.len(), "an address of ours");
        at..at + length
    }

    fn u64_at(&self, bus: u64) -> u64 {
        u64::from_le_bytes(self.memory[self.bytes(bus, 8)].try_into().unwrap())
    }

    fn fetch(&mut self, queue: usize) -> Option<Dwords> {
        let ring = self.submission[queue].as_mut()?;
        if ring.head == ring.tail {
            return None;
        }
        let bus = ring.base + u64::from(ring.head) * 64;
        ring.head = (ring.head + 1) % ring.entries;
        let bytes = &self.memory[self.bytes(bus, 64)];
        Some(std::array::from_fn(|index| u32::from_le_bytes(bytes[index * 4..][..4].try_into().unwrap())))
    }

    fn complete(&mut self, queue: usize, entry: &Dwords, status: u16) {
        let number = u16::try_from(queue).unwrap();
        let head = self.submission[queue].as_ref().map_or(0, |ring| ring.head);
        let Some(ring) = self.completion[queue].clone() else { return };
        let next = (ring.tail + 1) % ring.entries;
        assert!(next != ring.head || self.forger.is_some(), "completion queue overflows");
        let words =
            [head, number, u16::try_from(entry[0] >> 16).unwrap(), status << 1 | u16::from(ring.phase)];
        let value = words.iter().rev().fold(0_u64, |value, word| value << 16 | u64::from(*word));
        let value = self.forged(Place::Completion(number), value);
        let range = self.bytes(ring.base + u64::from(ring.tail) * 16 + 8, 8);
        self.memory[range].copy_from_slice(&value.to_le_bytes());
        self.completion[queue] = Some(Ring { tail: next, phase: ring.phase ^ (next == 0), ..ring });
    }

    fn admin(&mut self, entry: &Dwords) -> u16 {
        let prp1 = u64::from(entry[7]) << 32 | u64::from(entry[6]);
        let created = |entry: &Dwords| {
            assert!(prp1.is_multiple_of(4096), "queue not on a page");
            assert_eq!(entry[10] & 0xffff, 1, "queue number");
            let entries = (entry[10] >> 16) + 1;
            assert!(entries >= 2, "queue of {entries}");
            Ring { base: prp1, entries: u16::try_from(entries).unwrap(), phase: true, ..Ring::default() }
        };
        match entry[0] & 0xff {
            0x06 => self.identify(entry[10], entry[1], prp1),
            0x09 => {
                assert_eq!((entry[10], entry[11]), (7, 0), "number of queues");
                SUCCESS
            }
            0x05 => {
                assert_eq!(entry[11], 0b11, "contiguous, interrupts on vector 0");
                self.completion[1] = Some(created(entry));
                SUCCESS
            }
            0x01 => {
                assert_eq!(entry[11], 1 << 16 | 1, "contiguous, to completion queue 1");
                assert!(self.completion[1].is_some() || self.forger.is_some(), "no completion queue");
                self.submission[1] = Some(created(entry));
                SUCCESS
            }
            opcode => panic!("admin command {opcode:#x}"),
        }
    }

    fn identify(&mut self, cns: u32, namespace: u32, bus: u64) -> u16 {
        let mut answer = [0_u8; 4096];
        match cns {
            0 if namespace != NAMESPACE => {
                assert!(self.forger.is_some(), "namespace {namespace}");
                return INVALID_NAMESPACE;
            }
            0 => {
                answer[..8].copy_from_slice(&self.config.blocks.to_le_bytes());
                // Two formats, the second in use; what looks like a third is none.
                (answer[25], answer[26], answer[138]) = (1, 1, 9);
                answer[130] = 11;
                answer[134] = u8::try_from(self.config.block_bytes.ilog2()).unwrap();
            }
            1 => {
                answer[4..24].copy_from_slice(b"SERIAL\0\x1b[31m        ");
                answer[24..64].copy_from_slice(&[b'M'; 40]);
                answer[64..72].copy_from_slice(b"1.0     ");
                answer[77] = self.config.mdts;
                (answer[512], answer[513]) = (0x66, 0x44);
                answer[520] = if self.config.discards { 4 } else { 0 };
                answer[525] = 1;
            }
            2 => answer[..4].copy_from_slice(&NAMESPACE.to_le_bytes()),
            _ => panic!("Identify {cns}"),
        }
        let honest = self.forger.is_none();
        for at in (0..if honest { 0 } else { 4096 }).step_by(8) {
            let value = u64::from_le_bytes(answer[at..at + 8].try_into().unwrap());
            answer[at..at + 8].copy_from_slice(&self.forged(Place::Identify(cns, at), value).to_le_bytes());
        }
        let range = self.bytes(bus, 4096);
        self.memory[range].copy_from_slice(&answer);
        SUCCESS
    }

    fn io(&mut self, entry: &Dwords) -> u16 {
        if entry[1] != NAMESPACE {
            assert!(self.forger.is_some(), "namespace {}", entry[1]);
            return INVALID_NAMESPACE;
        }
        let lba = u64::from(entry[11]) << 32 | u64::from(entry[10]);
        let blocks = u64::from(entry[12] & 0xffff) + 1;
        match entry[0] & 0xff {
            0x00 => {
                self.flush();
                SUCCESS
            }
            0x01 | 0x02 if lba.checked_add(blocks).is_none_or(|end| end > self.config.blocks) => {
                assert!(self.forger.is_some(), "past the end");
                OUT_OF_RANGE
            }
            opcode @ (0x01 | 0x02) => self.transfer(entry, lba, blocks, opcode == 0x01),
            0x09 => self.discard(entry),
            opcode => panic!("I/O command {opcode:#x}"),
        }
    }

    fn discard(&mut self, entry: &Dwords) -> u16 {
        assert_eq!((entry[10], entry[11]), (0, 4), "one range, deallocate");
        let prp1 = u64::from(entry[7]) << 32 | u64::from(entry[6]);
        let (blocks, lba) = (self.u64_at(prp1) >> 32, self.u64_at(prp1 + 8));
        if lba + blocks > self.config.blocks || !self.config.discards {
            assert!(self.forger.is_some(), "discards past the end, or at all");
            return OUT_OF_RANGE;
        }
        for lba in lba..lba + blocks {
            self.cache.insert(lba, vec![0xdd; self.config.block_bytes]);
        }
        SUCCESS
    }

    fn transfer(&mut self, entry: &Dwords, lba: u64, blocks: u64, is_write: bool) -> u16 {
        let mut left = usize::try_from(blocks).unwrap() * self.config.block_bytes;
        if self.config.mdts != 0 && left > 4096 << self.config.mdts {
            assert!(self.forger.is_some(), "moves more than MDTS");
            return INVALID_FIELD;
        }
        let mut lba = lba;
        for page in self.pages(entry, left) {
            // The parts of a page that belong to one block each.
            let here = left.min(4096);
            for part in (0..here).step_by(self.config.block_bytes) {
                let range = self.bytes(page + part as u64, self.config.block_bytes);
                if is_write {
                    let block = self.memory[range].to_vec();
                    self.cache.insert(lba, block);
                } else {
                    let block = self.block(lba);
                    self.memory[range].copy_from_slice(&block);
                }
                lba += 1;
            }
            left -= here;
        }
        SUCCESS
    }

    /// The pages of a transfer, by its PRP entries.
    fn pages(&self, entry: &Dwords, bytes: usize) -> Vec<u64> {
        let prp = |at: usize| u64::from(entry[at + 1]) << 32 | u64::from(entry[at]);
        let (prp1, prp2, count) = (prp(6), prp(8), bytes.div_ceil(4096));
        let mut pages = vec![prp1];
        match count {
            1 => assert_eq!(prp2, 0, "a PRP2 that is not needed"),
            2 => pages.push(prp2),
            _ => {
                let length = (count as u64 - 1) * 8;
                assert!(prp2.is_multiple_of(8) && prp2 % 4096 + length <= 4096, "PRP list leaves its page");
                pages.extend((0..length).step_by(8).map(|at| self.u64_at(prp2 + at)));
            }
        }
        assert!(pages.iter().all(|page| page.is_multiple_of(4096)), "PRP not on a page");
        pages
    }

    pub(crate) fn block(&self, lba: u64) -> Vec<u8> {
        let size = self.config.block_bytes;
        let at = usize::try_from(lba).unwrap() * size;
        self.cache.get(&lba).cloned().unwrap_or_else(|| self.medium[at..at + size].to_vec())
    }

    pub(crate) fn flush(&mut self) {
        self.counts.flushes += 1;
        let size = self.config.block_bytes;
        for (lba, block) in std::mem::take(&mut self.cache) {
            let at = usize::try_from(lba).unwrap() * size;
            self.medium[at..at + size].copy_from_slice(&block);
        }
    }

    /// The power fails: what is in the write cache is gone.
    pub(crate) fn power_cut(&mut self) {
        self.cache.clear();
    }
}
