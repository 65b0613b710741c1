//! Queues against a driver that behaves, and against drivers that do not.

use super::*;
use std::{vec, vec::Vec};

const RAM: u64 = 0x20_0000;
const DESC: u64 = RAM;
const AVAIL: u64 = RAM + 0x1000;
const USED: u64 = RAM + 0x2000;
const DATA: u64 = RAM + 0x4000;
const SIZE: u32 = 8;

/// Memory of one qube whose first page is read-only.
struct Ram(Vec<u8>);

impl Ram {
    fn new() -> Self {
        Self(vec![0; 0x10000])
    }
    fn range(&self, at: Gpa, len: usize) -> Result<usize, Outside> {
        let start = at.0.checked_sub(RAM).ok_or(Outside)? as usize;
        if start.checked_add(len).ok_or(Outside)? > self.0.len() { Err(Outside) } else { Ok(start) }
    }
    fn poke(&mut self, at: u64, bytes: &[u8]) {
        let start = (at - RAM) as usize;
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
    }
    fn describe(&mut self, index: u64, at: u64, len: u32, flags: u16, next: u16) {
        let mut bytes = Vec::new();
        bytes.extend(at.to_le_bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.poke(DESC + 16 * index, &bytes);
    }
    fn offer(&mut self, slot: u64, head: u16, index: u16) {
        self.poke(AVAIL + 4 + 2 * slot, &head.to_le_bytes());
        self.poke(AVAIL + 2, &index.to_le_bytes());
    }
}

impl GuestMemory for Ram {
    fn load_u16(&self, at: Gpa) -> Result<u16, Outside> {
        let s = self.range(at, 2)?;
        Ok(u16::from_le_bytes([self.0[s], self.0[s + 1]]))
    }
    fn load_pair(&self, at: Gpa) -> Result<[u64; 2], Outside> {
        let s = self.range(at, 16)?;
        let word = |o: usize| u64::from_le_bytes(self.0[s + o..s + o + 8].try_into().expect("eight bytes"));
        Ok([word(0), word(8)])
    }
    fn store_u16(&mut self, at: Gpa, value: u16) -> Result<(), Outside> {
        self.copy_out(at, &value.to_le_bytes())
    }
    fn store_u64(&mut self, at: Gpa, value: u64) -> Result<(), Outside> {
        self.copy_out(at, &value.to_le_bytes())
    }
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        let s = self.range(from, into.len())?;
        into.copy_from_slice(&self.0[s..s + into.len()]);
        Ok(())
    }
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        if !self.is_writable(to, bytes.len() as u64) {
            return Err(Outside);
        }
        let s = self.range(to, bytes.len())?;
        self.0[s..s + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn is_writable(&self, at: Gpa, len: u64) -> bool {
        at.0 >= RAM + 0x1000 && self.range(at, len as usize).is_ok()
    }
    fn is_readable(&self, at: Gpa, len: u64) -> bool {
        self.range(at, len as usize).is_ok()
    }
}

fn areas() -> QueueAreas {
    QueueAreas { size: SIZE, descriptors: DESC, driver: AVAIL, device: USED }
}

fn queue(ram: &Ram) -> Queue {
    let mut queue = Queue::default();
    queue.enable(areas(), ram).expect("good areas");
    queue
}

#[test]
fn a_chain_of_three_arrives_in_one_piece_and_is_given_back() {
    let mut ram = Ram::new();
    let mut q = queue(&ram);
    ram.poke(DATA, b"one two three");
    ram.describe(4, DATA, 4, 1, 1);
    ram.describe(1, DATA + 4, 4, 1, 6);
    ram.describe(6, DATA + 8, 5, 0, 0);
    ram.offer(0, 4, 1);
    assert_eq!(q.has_available(&ram), Ok(true));
    let mut into = [0; 64];
    let chain = q.take(&ram, &mut into).expect("a good chain");
    assert_eq!(&into[..chain.len], b"one two three");
    q.complete(&mut ram, chain).expect("used ring");
    assert_eq!(ram.load_u16(Gpa(USED + 2)), Ok(1));
    assert_eq!(ram.load_u16(Gpa(USED + 4)), Ok(4), "the head that came back");
    assert_eq!(q.has_available(&ram), Ok(false));
}

#[test]
fn a_message_is_put_into_a_writable_buffer_with_its_length() {
    let mut ram = Ram::new();
    let mut q = queue(&ram);
    ram.describe(2, DATA, 16, 2, 0);
    ram.offer(0, 2, 1);
    q.put(&mut ram, b"hello").expect("room");
    assert_eq!(&ram.0[0x4000..0x4006], b"hello\0");
    let [element, _] = ram.load_pair(Gpa(USED + 4)).expect("used element");
    assert_eq!(element, 2 | (5 << 32));
}

#[test]
fn indexes_wrap_after_65536_messages() {
    let mut ram = Ram::new();
    let mut q = queue(&ram);
    ram.describe(0, DATA, 4, 0, 0);
    let mut into = [0; 8];
    for i in 0..70_000u32 {
        ram.offer(u64::from(i % SIZE), 0, (i + 1) as u16);
        assert_eq!(q.has_available(&ram), Ok(true), "{i}");
        let chain = q.take(&ram, &mut into).expect("a good chain");
        q.complete(&mut ram, chain).expect("used ring");
        assert_eq!(ram.load_u16(Gpa(USED + 2)), Ok((i + 1) as u16));
    }
}

#[test]
fn a_lying_available_index_is_malformed() {
    let mut ram = Ram::new();
    let q = queue(&ram);
    for index in [SIZE as u16 + 1, 0x8000, 0xffff] {
        ram.offer(0, 0, index);
        assert_eq!(q.has_available(&ram), Err(Malformed::Index), "{index}");
    }
}

fn check_take(build: impl FnOnce(&mut Ram), expected: Malformed) {
    let mut ram = Ram::new();
    let mut q = queue(&ram);
    build(&mut ram);
    assert_eq!(q.take(&ram, &mut [0; 64]).map(|_| ()), Err(expected));
    assert_eq!(ram.load_u16(Gpa(USED + 2)), Ok(0), "nothing was given back");
}

#[test]
fn bad_chains_are_malformed_and_move_nothing() {
    let chain = |d: &'static [(u64, u32, u16, u16)]| {
        move |ram: &mut Ram| {
            for (i, &(at, len, flags, next)) in d.iter().enumerate() {
                ram.describe(i as u64, at, len, flags, next);
            }
            ram.offer(0, 0, 1);
        }
    };
    check_take(|ram| ram.offer(0, SIZE as u16, 1), Malformed::Descriptor);
    check_take(|ram| ram.offer(0, 0xffff, 1), Malformed::Descriptor);
    check_take(chain(&[(DATA, 1, 1, 0)]), Malformed::ChainTooLong);
    check_take(chain(&[(DATA, 1, 1, 1), (DATA, 1, 1, 0)]), Malformed::ChainTooLong);
    check_take(chain(&[(DATA, 1, 1, 8)]), Malformed::Descriptor);
    check_take(chain(&[(DATA, 1, 2, 0)]), Malformed::Flags);
    check_take(chain(&[(DATA, 1, 1, 1), (DATA, 1, 2, 0)]), Malformed::Flags);
    check_take(chain(&[(DATA, 16, 4, 0)]), Malformed::Flags);
    check_take(chain(&[(DATA, 65, 0, 0)]), Malformed::TooLong);
    check_take(chain(&[(DATA, 60, 1, 1), (DATA, 5, 0, 0)]), Malformed::TooLong);
    check_take(chain(&[(DATA, u32::MAX, 0, 0)]), Malformed::TooLong);
    check_take(chain(&[(RAM - 8, 16, 0, 0)]), Malformed::Outside);
    check_take(chain(&[(RAM + 0xfff8, 16, 0, 0)]), Malformed::Outside);
    check_take(chain(&[(u64::MAX - 4, 16, 0, 0)]), Malformed::Outside);
    check_take(chain(&[(0, 1, 0, 0)]), Malformed::Outside);
}

#[test]
fn receive_buffers_that_are_readable_small_chained_or_in_text_are_malformed() {
    for (at, len, flags, expected) in [
        (DATA, 16, 0, Malformed::Flags),
        (DATA, 16, 3, Malformed::Flags),
        (DATA, 4, 2, Malformed::TooLong),
        (RAM, 16, 2, Malformed::Outside),
        (RAM + 0xfffe, 16, 2, Malformed::Outside),
        (u64::MAX, 16, 2, Malformed::Outside),
    ] {
        let mut ram = Ram::new();
        let mut q = queue(&ram);
        ram.describe(0, at, len, flags, 0);
        ram.offer(0, 0, 1);
        let before = ram.0.clone();
        assert_eq!(q.put(&mut ram, b"hello"), Err(expected));
        assert!(before == ram.0, "memory changed");
    }
}

#[test]
fn areas_outside_misaligned_or_in_read_only_memory_are_refused() {
    let good = areas();
    for bad in [
        QueueAreas { size: 0, ..good },
        QueueAreas { size: 3, ..good },
        QueueAreas { size: 128, ..good },
        QueueAreas { descriptors: DESC + 8, ..good },
        QueueAreas { driver: AVAIL + 1, ..good },
        QueueAreas { device: USED + 2, ..good },
        QueueAreas { device: RAM, ..good },
        QueueAreas { descriptors: RAM + 0xff90, ..good },
        QueueAreas { descriptors: u64::MAX & !15, ..good },
        QueueAreas { driver: 0, ..good },
    ] {
        let ram = Ram::new();
        let mut q = Queue::default();
        assert_eq!(q.enable(bad, &ram), Err(Malformed::Areas), "{bad:?}");
        assert_eq!(q.state(), QueueState::Off);
    }
}

#[test]
fn a_queue_is_enabled_once_and_a_poisoned_one_stays_so() {
    let mut ram = Ram::new();
    let mut q = queue(&ram);
    assert_eq!(q.enable(areas(), &ram), Err(Malformed::Areas));
    ram.offer(0, 0, 1);
    q.poison();
    assert_eq!(q.has_available(&ram), Ok(false));
    assert_eq!(q.enable(areas(), &ram), Err(Malformed::Areas));
}
