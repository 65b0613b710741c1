//! An NVMe controller whose reads go to memory of one's choice. The first sectors of its disk begin with the mark.

use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

use unikernels_disk::{Disk as _, Dma};
use unikernels_nvme::{ARENA_MIN, Nvme};
use unikernels_rt::{DeviceMemory, Pci, Qube, Window};

use crate::{MARK, Weapon, mark};

/// Where the driver keeps the submission queue of reads, and how large an entry is (`unikernels-nvme`, `layout.rs`).
const QUEUE: core::ops::Range<usize> = 2 * 4096..3 * 4096;
const ENTRY: usize = 64;
/// Offset of the first data address in an entry.
const ADDRESS: usize = 24;

pub(crate) struct Controller {
    nvme: Nvme<Window, Aimed, Qube>,
    memory: Rc<RefCell<DeviceMemory>>,
    target: Rc<Cell<Option<u64>>>,
    own: core::ops::Range<u64>,
}

impl Controller {
    pub(crate) fn start(qube: Qube, mut pci: Pci) -> Self {
        let Some(window) = pci.window(0) else { panic!("the controller has no registers") };
        let Some(memory) = pci.memory(ARENA_MIN + 4096) else { panic!("too little memory") };
        let memory = Rc::new(RefCell::new(memory));
        let target = Rc::new(Cell::new(None));
        let aimed = Aimed { memory: memory.clone(), target: target.clone() };
        let started = Nvme::new(window, aimed, qube);
        let Ok(mut nvme) = started else { panic!("the controller cannot be driven") };
        if let Err(error) = nvme.start() {
            panic!("the controller does not start: {error:?}");
        }
        Self { nvme, memory, target, own: 0x20_0000..0x20_0000 + (4 << 20) }
    }

    fn wipe(&mut self) {
        let mut memory = self.memory.borrow_mut();
        for index in (ARENA_MIN - 128 * 1024) / 8..(ARENA_MIN + 4096) / 8 {
            memory.write_u64(8 * index, 0);
        }
    }
}

impl Weapon for Controller {
    fn fire(&mut self, at: u64) -> bool {
        self.target.set(Some(at));
        let mut sector = [0; 512];
        let done = self.nvme.read(0, &mut sector).is_ok();
        self.target.set(None);
        if !done && self.nvme.info().is_err() && self.nvme.start().is_err() {
            panic!("the controller does not start again");
        }
        done
    }

    fn hits_own(&mut self) -> bool {
        // Behind what the driver uses.
        let at = ARENA_MIN;
        let bus = self.memory.borrow().bus() + at as u64;
        self.fire(bus);
        let hit = (0..MARK).all(|word| self.memory.borrow().read_u64(at + 8 * word) == mark(word));
        self.wipe();
        hit
    }

    fn own(&self) -> core::ops::Range<u64> {
        self.own.clone()
    }
}

/// Memory whose addresses in submissions are another.
struct Aimed {
    memory: Rc<RefCell<DeviceMemory>>,
    target: Rc<Cell<Option<u64>>>,
}

impl Dma for Aimed {
    fn bus(&self) -> u64 {
        self.memory.borrow().bus()
    }

    fn len_bytes(&self) -> usize {
        ARENA_MIN
    }

    fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        self.memory.borrow_mut().copy_in(at, bytes);
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.memory.borrow().copy_out(at, into);
    }

    fn read_u64(&self, at: usize) -> u64 {
        self.memory.borrow().read_u64(at)
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        let is_address = QUEUE.contains(&at) && at % ENTRY == ADDRESS && value != 0;
        let value = self.target.get().filter(|_| is_address).unwrap_or(value);
        self.memory.borrow_mut().write_u64(at, value);
    }
}
