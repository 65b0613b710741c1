//! Oracle `queue`: the device side of a queue against rings that make no sense.
//!
//! Input: where the rings are said to be, then what driver and device do. Each operation of the device is held against a
//! plain walk of the same memory (VIRTIO 1.2, 2.7): the same result, and exactly the same looks at guest memory. A walk that
//! reads a descriptor or a byte twice could be told two stories by a qube that writes in between; here it is caught
//! without one. Registers and control messages take their turn in the same input.

use supervisor_virtio::control::Message;
use supervisor_virtio::{
    CHAIN_MAX, Chain, DeviceKind, Effect, Malformed, QUEUE_SIZE_MAX, Queue, QueueAreas, QueueState,
    Registers, Ring,
};

use crate::input::Input;
use crate::watched::{FIRST, Look, Rings, SIZE, WRITABLE, Watched};

const DESCRIPTORS: u64 = FIRST + 0x1000;
const AVAILABLE: u64 = FIRST + 0x1800;
const USED: u64 = FIRST + 0x1a00;
const BUFFERS: u64 = FIRST + 0x2000;
/// Longest message with its header.
const MESSAGE_MAX: usize = 65536 + 32;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// The oracle.
///
/// # Panics
/// The queue did something that a plain walk does not.
pub fn queue(input: &[u8]) {
    let mut input = Input::new(input);
    let memory = Watched::new();
    let areas = areas(&mut input);
    let mut queue = Queue::Off;
    let enabled = queue.enable(areas, &memory);
    assert_eq!(enabled.is_ok(), may_enable(areas), "{areas:x?}: {enabled:?}");
    assert!(queue.enable(areas, &memory).is_err(), "a queue is set up once");
    if enabled.is_err() {
        registers(&mut input);
        return;
    }
    let mut bench = Bench { memory, areas, made: 0, taken: 0, used: 0, held: Vec::new() };
    while !input.is_empty() && queue.state() == QueueState::Ready {
        if bench.drive(&mut input) {
            continue;
        }
        let ring = queue.ring().expect("the queue is ready");
        if let Err(malformed) = bench.device(ring, &mut input) {
            let _ = malformed;
            queue.poison();
        }
    }
    assert!(queue.ring().is_some() == (queue.state() == QueueState::Ready), "a poisoned queue has no ring");
}

/// Where the rings are said to be: right, nearly right, or anywhere.
fn areas(input: &mut Input<'_>) -> QueueAreas {
    let how = input.byte();
    let mut areas =
        QueueAreas { size: 1 << (how & 7), descriptors: DESCRIPTORS, driver: AVAILABLE, device: USED };
    if how & 0x80 != 0 {
        let off = input.number();
        match input.byte() % 4 {
            0 => areas.size = u32::try_from(off).unwrap_or(u32::MAX),
            1 => areas.descriptors = areas.descriptors.wrapping_add(off),
            2 => areas.driver = areas.driver.wrapping_add(off),
            _ => areas.device = areas.device.wrapping_sub(off),
        }
    }
    areas
}

/// Whether such rings may be set up, in plain words.
fn may_enable(areas: QueueAreas) -> bool {
    let QueueAreas { size, descriptors, driver, device } = areas;
    let fits = |at: u64, length: u32| {
        at >= FIRST && u128::from(at) + u128::from(length) <= u128::from(FIRST) + SIZE as u128
    };
    size.is_power_of_two()
        && size <= u32::from(QUEUE_SIZE_MAX)
        && descriptors % 16 == 0
        && driver % 2 == 0
        && device % 4 == 0
        && fits(descriptors, 16 * size)
        && fits(driver, 6 + 2 * size)
        && fits(device, 6 + 8 * size)
        && device >= WRITABLE
}

/// The queue as a plain reading has it.
struct Bench {
    memory: Watched,
    areas: QueueAreas,
    /// Index that the driver has published.
    made: u16,
    /// Chains the device has taken.
    taken: u16,
    /// Elements it has given back.
    used: u16,
    held: Vec<(Chain, u16)>,
}

/// What a plain walk finds.
struct Walk {
    result: Result<Vec<u8>, Malformed>,
    looks: Vec<Look>,
}

impl Bench {
    /// The driver does something; false when it is the device's turn.
    fn drive(&mut self, input: &mut Input<'_>) -> bool {
        let size = u16::try_from(self.areas.size).unwrap_or(1);
        match input.byte() % 8 {
            0 | 1 => {
                let slot = input.byte();
                let mut bytes = self.address(input).to_le_bytes().to_vec();
                let length = input.pick(&[0, 1, 8, 32, 100, 4096, 65536, 65568, 65569, u32::MAX]);
                let length = if input.byte() & 1 == 0 { length } else { u32::from(input.u16()) };
                bytes.extend(length.to_le_bytes());
                bytes.extend(input.pick(&[0, 0, NEXT, NEXT, WRITE, WRITE | NEXT, 4, 0x8000]).to_le_bytes());
                bytes.extend(u16::from(input.byte() % 70).to_le_bytes());
                self.memory.poke(self.areas.descriptors + 16 * u64::from(slot % 64), &bytes);
            }
            2 | 3 => {
                let head = u16::from(input.byte() % 70);
                let place = u64::from(self.made % size);
                self.memory.poke(self.areas.driver + 4 + 2 * place, &head.to_le_bytes());
                self.made = self.made.wrapping_add(1);
                self.memory.poke(self.areas.driver + 2, &self.made.to_le_bytes());
            }
            4 => {
                let at = self.address(input);
                let bytes = input.counted();
                self.memory.poke(at, bytes);
                self.made = u16::from_le_bytes(self.memory.peek(self.areas.driver + 2));
            }
            5 => {
                self.made = self.made.wrapping_add(input.u16());
                self.memory.poke(self.areas.driver + 2, &self.made.to_le_bytes());
            }
            _ => return false,
        }
        true
    }

    /// An address: in a buffer, in a ring, at an end of the memory, or anywhere.
    fn address(&self, input: &mut Input<'_>) -> u64 {
        let base = input.pick(&[
            BUFFERS,
            BUFFERS,
            BUFFERS,
            self.areas.descriptors,
            self.areas.driver,
            self.areas.device,
            FIRST,
            FIRST + SIZE as u64,
        ]);
        base.wrapping_add(input.number()).wrapping_sub(u64::from(input.byte() & 0x1f))
    }

    /// The device does something, and it is held against the plain walk.
    fn device(&mut self, ring: &mut Ring<Rings>, input: &mut Input<'_>) -> Result<(), Malformed> {
        let _ = self.memory.take_looks();
        let index = u16::from_le_bytes(self.memory.peek(self.areas.driver + 2));
        let ahead = index.wrapping_sub(self.taken);
        let wanted = if u32::from(ahead) > self.areas.size { Err(Malformed::Index) } else { Ok(ahead) };
        assert_eq!(ring.ahead(), wanted);
        assert_eq!(self.memory.take_looks(), [Look::Index]);
        let what = input.byte();
        if let (4.., Some((chain, head))) = (what, self.held.pop()) {
            ring.complete(chain);
            self.gave_back(head, 0, &[]);
            return Ok(());
        }
        if wanted? == 0 {
            return Ok(());
        }
        match what & 3 {
            0 | 1 => self.take(ring, input),
            2 => self.give(ring, input),
            _ => self.discard(ring),
        }
    }

    fn head(&self) -> u16 {
        let size = u16::try_from(self.areas.size).unwrap_or(1);
        u16::from_le_bytes(self.memory.peek(self.areas.driver + 4 + 2 * u64::from(self.taken % size)))
    }

    /// A descriptor: address, length, flags, next.
    fn descriptor(&self, number: u16) -> Option<(u64, u32, u16, u16)> {
        if u32::from(number) >= self.areas.size {
            return None;
        }
        let at = self.areas.descriptors + 16 * u64::from(number);
        let half = |at| u16::from_le_bytes(self.memory.peek(at));
        let (address, length) = (self.memory.peek(at), self.memory.peek(at + 8));
        Some((u64::from_le_bytes(address), u32::from_le_bytes(length), half(at + 12), half(at + 14)))
    }

    /// What a chain holds, read plainly, every part once.
    fn walk(&self, head: u16, room: usize) -> Walk {
        let mut looks = vec![Look::Available(self.taken)];
        let (mut bytes, mut number) = (Vec::new(), head);
        for _ in 0..CHAIN_MAX {
            looks.push(Look::Descriptor(number));
            let Some((at, length, flags, next)) = self.descriptor(number) else {
                return Walk { result: Err(Malformed::Descriptor), looks };
            };
            if flags & !NEXT != 0 {
                return Walk { result: Err(Malformed::Flags), looks };
            }
            let length = length as usize;
            if bytes.len() + length > room {
                return Walk { result: Err(Malformed::TooLong), looks };
            }
            looks.push(Look::Bytes(at, length));
            let Some(part) = self.memory.peek_bytes(at, length) else {
                return Walk { result: Err(Malformed::Outside), looks };
            };
            bytes.extend(part);
            if flags & NEXT == 0 {
                return Walk { result: Ok(bytes), looks };
            }
            number = next;
        }
        // The walk looks at the descriptor after the last before it says that there are too many.
        looks.push(Look::Descriptor(number));
        let beyond = self.descriptor(number).is_none();
        Walk { result: Err(if beyond { Malformed::Descriptor } else { Malformed::ChainTooLong }), looks }
    }

    fn take(&mut self, ring: &mut Ring<Rings>, input: &mut Input<'_>) -> Result<(), Malformed> {
        let room = input.pick(&[MESSAGE_MAX, MESSAGE_MAX, 64, 0]);
        let head = self.head();
        let wanted = self.walk(head, room);
        let mut into = vec![0; room];
        let result = ring.take(&mut into);
        self.taken = self.taken.wrapping_add(1);
        assert_eq!(
            self.memory.take_looks(),
            wanted.looks,
            "looks at memory other than those of one plain walk"
        );
        match (result, wanted.result) {
            (Ok((chain, bytes)), Ok(wanted)) => {
                assert!(bytes == wanted, "a chain was read wrongly");
                self.held.push((chain, head));
                Ok(())
            }
            (Err(is), Err(wanted)) => {
                assert_eq!(is, wanted);
                Err(is)
            }
            (is, wanted) => panic!("{:?} where a plain walk says {wanted:?}", is.map(|(chain, _)| chain)),
        }
    }

    /// `put` and `fill`, which write into one writable descriptor.
    fn give(&mut self, ring: &mut Ring<Rings>, input: &mut Input<'_>) -> Result<(), Malformed> {
        let bytes = input.counted();
        let fills = input.byte() & 1 == 1;
        let head = self.head();
        let mut looks = vec![Look::Available(self.taken), Look::Descriptor(head)];
        let wanted = match self.descriptor(head) {
            None => Err(Malformed::Descriptor),
            Some((_, _, flags, _)) if flags != WRITE => Err(Malformed::Flags),
            Some((_, length, ..)) if !fills && (length as usize) < bytes.len() => Err(Malformed::TooLong),
            Some((at, length, ..)) => {
                let length = bytes.len().min(length as usize);
                looks.push(Look::Wrote(at, length));
                let inside = Watched::place(at, length).is_some() && at >= WRITABLE;
                if inside { Ok((at, length)) } else { Err(Malformed::Outside) }
            }
        };
        let is = if fills { ring.fill(bytes) } else { ring.put(bytes) };
        assert_eq!(is, wanted.map(|_| ()), "a chain to write to");
        let Ok((at, length)) = wanted else {
            assert_eq!(self.memory.take_looks(), looks);
            return is;
        };
        self.taken = self.taken.wrapping_add(1);
        let overlaps = |from: u64, size: u64| at < from + size && from < at + length as u64;
        let rings = overlaps(self.areas.device, 6 + 8 * u64::from(self.areas.size));
        let written = self.memory.peek_bytes(at, length);
        assert!(rings || written.as_deref() == bytes.get(..length), "other bytes were written");
        self.gave_back(head, length as u64, &looks);
        Ok(())
    }

    fn discard(&mut self, ring: &mut Ring<Rings>) -> Result<(), Malformed> {
        let head = self.head();
        let is = ring.discard();
        self.taken = self.taken.wrapping_add(1);
        let looks = [Look::Available(self.taken.wrapping_sub(1))];
        if u32::from(head) >= self.areas.size {
            assert_eq!(is, Err(Malformed::Descriptor));
            assert_eq!(self.memory.take_looks(), looks);
            return is;
        }
        assert_eq!(is, Ok(()));
        self.gave_back(head, 0, &looks);
        Ok(())
    }

    /// One element more in the used ring, and nothing else was touched.
    fn gave_back(&mut self, head: u16, written: u64, before: &[Look]) {
        let element = u64::from(head) | written << 32;
        let looks = [before, &[Look::GaveBack(self.used, element)]].concat();
        assert_eq!(self.memory.take_looks(), looks, "looks at memory other than those needed");
        self.used = self.used.wrapping_add(1);
    }
}

/// Register writes: no queue is named that is not there. Control messages: what is read is written the same way again.
fn registers(input: &mut Input<'_>) {
    let kind = input.pick(&[
        DeviceKind::Entropy,
        DeviceKind::Console { ports: 0 },
        DeviceKind::Console { ports: 1 },
        DeviceKind::Console { ports: 24 },
    ]);
    let mut registers = Registers::new(kind);
    while !input.is_empty() {
        let at = input.u16() & if input.byte() & 1 == 0 { 0x1fc } else { 0xfffc };
        let value = u32::try_from(input.number() & 0xffff_ffff).unwrap_or(0);
        match registers.write(at, value) {
            Effect::Enable { queue, .. } | Effect::Selected { queue: Some(queue) } => {
                assert!(u32::from(queue) < kind.queues(), "queue {queue} of {kind:?}");
            }
            Effect::Show { at, .. } => assert!(at < 0x100, "register {at:#x} is shown"),
            Effect::Selected { queue: None } | Effect::None | Effect::Reset | Effect::Refused => {}
        }
        let bytes = input.counted();
        if let Some(message) = Message::from_driver(bytes) {
            assert_eq!(
                message.to_bytes().as_slice(),
                bytes,
                "a control message is not written as it was read"
            );
        }
    }
}
