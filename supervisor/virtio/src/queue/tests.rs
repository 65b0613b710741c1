//! Queues against a driver that behaves, and against drivers that do not.

#![allow(clippy::cast_possible_truncation, reason = "all numbers here are small")]

use super::*;
use std::{cell::RefCell, rc::Rc, vec, vec::Vec};

const RAM: u64 = 0x20_0000;
const DESC: u64 = RAM;
const AVAIL: u64 = RAM + 0x1000;
const USED: u64 = RAM + 0x2000;
const DATA: u64 = RAM + 0x4000;
const SIZE: u32 = 8;

/// Memory of one qube whose first page is read-only. A clone is the same memory.
#[derive(Clone)]
struct Ram(Rc<RefCell<Vec<u8>>>);

impl Ram {
    fn new() -> Self {
        Self(Rc::new(RefCell::new(vec![0; 0x10000])))
    }
    fn range(&self, at: Gpa, len: usize) -> Result<usize, Outside> {
        let start = at.0.checked_sub(RAM).ok_or(Outside)? as usize;
        if start.checked_add(len).ok_or(Outside)? > self.0.borrow().len() { Err(Outside) } else { Ok(start) }
    }
    fn poke(&self, at: u64, bytes: &[u8]) {
        let start = (at - RAM) as usize;
        self.0.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }
    fn peek<const N: usize>(&self, at: u64) -> [u8; N] {
        let start = (at - RAM) as usize;
        self.0.borrow()[start..start + N].try_into().expect("as many bytes")
    }
    fn peek_u16(&self, at: u64) -> u16 {
        u16::from_le_bytes(self.peek(at))
    }
    fn describe(&self, index: u64, at: u64, len: u32, flags: u16, next: u16) {
        let mut bytes = Vec::new();
        bytes.extend(at.to_le_bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.poke(DESC + 16 * index, &bytes);
    }
    fn offer(&self, slot: u64, head: u16, index: u16) {
        self.poke(AVAIL + 4 + 2 * slot, &head.to_le_bytes());
        self.poke(AVAIL + 2, &index.to_le_bytes());
    }
}

impl GuestMemory for Ram {
    type Window = Rings;

    fn window(&self, rings: &RingAreas) -> Option<Rings> {
        let n = usize::from(rings.size);
        self.range(rings.descriptors, 16 * n).ok()?;
        self.range(rings.available, 6 + 2 * n).ok()?;
        self.range(rings.used, 6 + 8 * n).ok()?;
        (rings.used.0 >= RAM + 0x1000).then_some(Rings(self.clone(), *rings))
    }
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        let s = self.range(from, into.len())?;
        into.copy_from_slice(&self.0.borrow()[s..s + into.len()]);
        Ok(())
    }
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        let s = self.range(to, bytes.len())?;
        if s < 0x1000 {
            return Err(Outside);
        }
        self.0.borrow_mut()[s..s + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

struct Rings(Ram, RingAreas);

impl RingWindow for Rings {
    fn size(&self) -> u16 {
        self.1.size
    }
    fn available_index(&self) -> u16 {
        self.0.peek_u16(self.1.available.0 + 2)
    }
    fn available(&self, position: u16) -> u16 {
        self.0.peek_u16(self.1.available.0 + 4 + 2 * u64::from(position % self.1.size))
    }
    fn descriptor(&self, number: u16) -> Option<Descriptor> {
        let at = self.1.descriptors.0 + 16 * u64::from(number);
        (number < self.1.size).then(|| Descriptor {
            at: Gpa(u64::from_le_bytes(self.0.peek(at))),
            len: u32::from_le_bytes(self.0.peek(at + 8)),
            word: u32::from_le_bytes(self.0.peek(at + 12)),
        })
    }
    fn give_back(&mut self, position: u16, element: u64) {
        self.0.poke(self.1.used.0 + 4 + 8 * u64::from(position % self.1.size), &element.to_le_bytes());
        self.0.poke(self.1.used.0 + 2, &position.wrapping_add(1).to_le_bytes());
    }
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.0.copy_in(from, into)
    }
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.0.copy_out(to, bytes)
    }
}

fn areas() -> QueueAreas {
    QueueAreas { size: SIZE, descriptors: DESC, driver: AVAIL, device: USED }
}

/// A queue in use.
fn ring(ram: &Ram) -> Ring<Rings> {
    let mut queue = Queue::Off;
    queue.enable(areas(), ram).expect("good areas");
    match queue {
        Queue::Ready(ring) => ring,
        Queue::Off | Queue::Poisoned => panic!("not ready"),
    }
}

#[test]
fn a_chain_of_three_arrives_in_one_piece_and_is_given_back() {
    let ram = Ram::new();
    let mut q = ring(&ram);
    ram.poke(DATA, b"one two three");
    ram.describe(4, DATA, 4, 1, 1);
    ram.describe(1, DATA + 4, 4, 1, 6);
    ram.describe(6, DATA + 8, 5, 0, 0);
    ram.offer(0, 4, 1);
    assert_eq!(q.ahead(), Ok(1));
    let mut into = [0; 64];
    let (chain, message) = q.take(&mut into).expect("a good chain");
    assert_eq!(message, b"one two three");
    q.complete(chain);
    assert_eq!(ram.peek_u16(USED + 2), 1);
    assert_eq!(ram.peek_u16(USED + 4), 4, "the head that came back");
    assert_eq!(q.ahead(), Ok(0));
}

#[test]
fn a_message_is_put_into_a_writable_buffer_with_its_length() {
    let ram = Ram::new();
    let mut q = ring(&ram);
    ram.describe(2, DATA, 16, 2, 0);
    ram.offer(0, 2, 1);
    q.put(b"hello").expect("room");
    assert_eq!(&ram.peek(DATA), b"hello\0");
    assert_eq!(u64::from_le_bytes(ram.peek(USED + 4)), 2 | (5 << 32));
}

#[test]
fn a_buffer_that_is_too_short_is_filled_as_far_as_it_goes() {
    let ram = Ram::new();
    let mut q = ring(&ram);
    ram.describe(2, DATA, 3, 2, 0);
    ram.offer(0, 2, 1);
    q.fill(b"hello").expect("a good buffer");
    assert_eq!(&ram.peek(DATA), b"hel\0");
    assert_eq!(u64::from_le_bytes(ram.peek(USED + 4)), 2 | (3 << 32));
}

#[test]
fn what_is_discarded_is_given_back_unread() {
    let ram = Ram::new();
    let mut q = ring(&ram);
    ram.offer(0, 5, 1);
    assert_eq!(q.discard(), Ok(()));
    assert_eq!((ram.peek_u16(USED + 2), ram.peek_u16(USED + 4)), (1, 5));
    ram.offer(1, SIZE as u16, 2);
    assert_eq!(q.discard(), Err(Malformed::Descriptor));
}

#[test]
fn indexes_wrap_after_65536_messages() {
    let ram = Ram::new();
    let mut q = ring(&ram);
    ram.describe(0, DATA, 4, 0, 0);
    let mut into = [0; 8];
    for i in 0..70_000u32 {
        ram.offer(u64::from(i % SIZE), 0, (i + 1) as u16);
        assert_eq!(q.ahead(), Ok(1), "{i}");
        let (chain, _) = q.take(&mut into).expect("a good chain");
        q.complete(chain);
        assert_eq!(ram.peek_u16(USED + 2), (i + 1) as u16);
    }
}

#[test]
fn a_lying_available_index_is_malformed() {
    let ram = Ram::new();
    let q = ring(&ram);
    for index in [SIZE as u16 + 1, 0x8000, 0xffff] {
        ram.offer(0, 0, index);
        assert_eq!(q.ahead(), Err(Malformed::Index), "{index}");
    }
}

fn check_take(build: impl FnOnce(&mut Ram), expected: Malformed) {
    let mut ram = Ram::new();
    let mut q = ring(&ram);
    build(&mut ram);
    assert_eq!(q.take(&mut [0; 64]).map(|_| ()), Err(expected));
    assert_eq!(ram.peek_u16(USED + 2), 0, "nothing was given back");
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
    check_take(chain(&[(DATA, 1, 1, 1), (DATA, 1, 8, 0)]), Malformed::Flags);
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
        let ram = Ram::new();
        let mut q = ring(&ram);
        ram.describe(0, at, len, flags, 0);
        ram.offer(0, 0, 1);
        let before = ram.0.borrow().clone();
        assert_eq!(q.put(b"hello"), Err(expected));
        assert!(before == *ram.0.borrow(), "memory changed");
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
        QueueAreas { descriptors: !15, ..good },
        QueueAreas { driver: 0, ..good },
    ] {
        let ram = Ram::new();
        let mut q = Queue::Off;
        assert_eq!(q.enable(bad, &ram), Err(Malformed::Areas), "{bad:?}");
        assert_eq!(q.state(), QueueState::Off);
    }
}

#[test]
fn a_queue_is_enabled_once_and_a_poisoned_one_stays_so() {
    let ram = Ram::new();
    let mut q = Queue::Off;
    assert_eq!(q.enable(areas(), &ram), Ok(()));
    assert_eq!(q.enable(areas(), &ram), Err(Malformed::Areas));
    ram.offer(0, 0, 1);
    assert!(q.waiting().is_ok_and(|ring| ring.is_some()));
    q.poison();
    assert!(q.waiting().is_ok_and(|ring| ring.is_none()));
    assert_eq!(q.enable(areas(), &ram), Err(Malformed::Areas));
    assert_eq!(q.state(), QueueState::Poisoned);
}
