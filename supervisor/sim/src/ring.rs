//! The driver side of one split queue (VIRTIO 1.2, 2.7), as bytes in the memory of its qube. Descriptor, buffer and slot
//! have the same number. The addresses are public: a hostile qube writes there what it likes.

use supervisor_vcpu::Exit;
use supervisor_virtio::offset;

use crate::ram::SimRam;

/// Descriptor flag: the device writes.
pub const WRITE: u16 = 2;
/// Descriptor flag: the chain goes on.
pub const NEXT: u16 = 1;

/// Where the rings of a qube are cut from.
#[derive(Clone, Debug)]
pub struct Arena {
    next: u64,
    end: u64,
}

impl Arena {
    /// From `start` to `end`.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Self {
        Self { next: start, end }
    }

    /// Cuts a piece.
    ///
    /// # Panics
    /// When there is no room: the plan gives the qube too little memory.
    pub fn cut(&mut self, bytes: u64, align: u64) -> u64 {
        let at = self.next.next_multiple_of(align);
        self.next = at + bytes;
        assert!(self.next <= self.end, "the plan gives this qube too few pages");
        at
    }
}

/// One queue.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Its number.
    pub number: u16,
    /// Descriptors; a power of two.
    pub size: u16,
    /// Address of the descriptor table.
    pub descriptors: u64,
    /// Address of the available ring.
    pub available: u64,
    /// Address of the used ring.
    pub used: u64,
    /// Address of the first buffer.
    pub buffers: u64,
    /// Bytes of a buffer.
    pub each: u32,
    /// Available index: what this driver has made available so far.
    pub made: u16,
    /// Used index: what it has taken back so far.
    pub seen: u16,
    /// Slots that the device does not have.
    pub free: Vec<u16>,
    /// The driver has spoiled the ring itself: what comes back may make no sense.
    pub is_spoiled: bool,
}

impl Ring {
    /// A queue for `depth` buffers of `each` bytes, its rings empty.
    ///
    /// # Panics
    /// When the arena is not in writable memory.
    pub fn new(ram: &mut SimRam, arena: &mut Arena, number: u16, depth: u16, each: u32) -> Self {
        let size = depth.next_power_of_two();
        let n = u64::from(size);
        let ring = Self {
            number,
            size,
            descriptors: arena.cut(16 * n, 16),
            available: arena.cut(6 + 2 * n, 2),
            used: arena.cut(6 + 8 * n, 4),
            buffers: arena.cut(u64::from(depth) * u64::from(each), 64),
            each,
            made: 0,
            seen: 0,
            free: (0..depth).rev().collect(),
            is_spoiled: false,
        };
        for indexes in [ring.available, ring.used] {
            ram.write(indexes, &[0; 4]).expect("the ring is in the arena");
        }
        ring
    }

    /// Address of a slot's buffer.
    #[must_use]
    pub fn buffer(&self, slot: u16) -> u64 {
        self.buffers + u64::from(slot) * u64::from(self.each)
    }

    /// Writes a descriptor.
    ///
    /// # Panics
    /// When the table is not in writable memory.
    pub fn describe(&self, ram: &mut SimRam, slot: u16, at: u64, len: u32, flags: u16, next: u16) {
        let mut bytes = at.to_le_bytes().to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        ram.write(self.descriptors + 16 * u64::from(slot), &bytes).expect("the table is in the arena");
    }

    /// Makes the chain that begins with descriptor `head` available.
    ///
    /// # Panics
    /// When the ring is not in writable memory.
    pub fn offer(&mut self, ram: &mut SimRam, head: u16) {
        let place = u64::from(self.made % self.size);
        self.made = self.made.wrapping_add(1);
        ram.write(self.available + 4 + 2 * place, &head.to_le_bytes()).expect("the ring is in the arena");
        ram.write(self.available + 2, &self.made.to_le_bytes()).expect("the ring is in the arena");
    }

    /// Gives every free slot to the device, to be written to.
    pub fn post_all(&mut self, ram: &mut SimRam) {
        while let Some(slot) = self.free.pop() {
            self.describe(ram, slot, self.buffer(slot), self.each, WRITE, 0);
            self.offer(ram, slot);
        }
    }

    /// Queues `bytes` in a free slot; false if there is none.
    ///
    /// # Panics
    /// When they are longer than a buffer.
    pub fn send(&mut self, ram: &mut SimRam, bytes: &[u8]) -> bool {
        let Some(slot) = self.free.pop() else { return false };
        let len = u32::try_from(bytes.len()).expect("a short message");
        assert!(len <= self.each, "{len} bytes for a buffer of {}", self.each);
        ram.write(self.buffer(slot), bytes).expect("buffers are in the arena");
        self.describe(ram, slot, self.buffer(slot), len, 0, 0);
        self.offer(ram, slot);
        true
    }

    /// Takes back the next chain that the device is done with: its slot and how many bytes were written to it.
    ///
    /// # Panics
    /// When the device returned what it was not given, or more than a buffer holds: the supervisor is wrong.
    pub fn take(&mut self, ram: &SimRam) -> Option<(u16, u32)> {
        let index = ram.read_u16(self.used + 2);
        let ahead = index.wrapping_sub(self.seen);
        if ahead == 0 {
            return None;
        }
        let at = self.used + 4 + 8 * u64::from(self.seen % self.size);
        let element = ram.read(at, 8).expect("the ring is in the arena");
        self.seen = self.seen.wrapping_add(1);
        let slot = u16::from_le_bytes([element[0], element[1]]);
        let len = u32::from_le_bytes([element[4], element[5], element[6], element[7]]);
        if self.is_spoiled {
            let slot = slot % self.size;
            if !self.free.contains(&slot) {
                self.free.push(slot);
            }
            return Some((slot, len.min(self.each)));
        }
        assert!(ahead <= self.size, "queue {}: the device ran {ahead} ahead", self.number);
        assert!(element[2..4] == [0; 2], "queue {}: no slot has such a number", self.number);
        assert!(!self.free.contains(&slot), "queue {}: slot {slot} came back twice", self.number);
        assert!(len <= self.each, "queue {}: {len} bytes in a buffer of {}", self.number, self.each);
        self.free.push(slot);
        Some((slot, len))
    }

    /// The register writes that set the queue up (VIRTIO 1.2, 4.2.3.2).
    #[must_use]
    pub fn registers(&self, device: u64) -> Vec<Exit> {
        let [descriptors, available, used] = [self.descriptors, self.available, self.used].map(halves);
        [
            (offset::QUEUE_SEL, self.number.into()),
            (offset::QUEUE_NUM, self.size.into()),
            (offset::QUEUE_DESC_LOW, descriptors[0]),
            (offset::QUEUE_DESC_HIGH, descriptors[1]),
            (offset::QUEUE_DRIVER_LOW, available[0]),
            (offset::QUEUE_DRIVER_HIGH, available[1]),
            (offset::QUEUE_DEVICE_LOW, used[0]),
            (offset::QUEUE_DEVICE_HIGH, used[1]),
            (offset::QUEUE_READY, 1),
        ]
        .map(|(at, value)| register(device, at, value))
        .to_vec()
    }
}

/// The low and the high half of an address.
fn halves(address: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = address.to_le_bytes();
    [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes)
}

/// The exit that writes `value` to a device register.
#[must_use]
pub fn register(device: u64, at: u16, value: u32) -> Exit {
    Exit::Register { register: device << 16 | u64::from(at), value }
}
