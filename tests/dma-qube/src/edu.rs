//! QEMU's educational device (docs/specs/edu in its sources): a buffer of 4 KiB and an engine that copies to and from memory.

use unikernels_disk::Dma as _;
use unikernels_rt::{DeviceMemory, Pci, Qube, Window};

use crate::{MARK, Weapon, mark};

const SOURCE: usize = 0x80;
const TARGET: usize = 0x88;
const COUNT: usize = 0x90;
const COMMAND: usize = 0x98;
const INTERRUPTS: usize = 0x24;
const ACKNOWLEDGE: usize = 0x64;
/// Where the device's own buffer is, in its own counting.
const BUFFER: u64 = 0x4_0000;
const BYTES: u64 = 512;
const RUN: u64 = 1;
const TO_MEMORY: u64 = 2;
const INTERRUPT: u64 = 4;

pub(crate) struct Edu {
    qube: Qube,
    registers: Window,
    memory: DeviceMemory,
}

impl Edu {
    pub(crate) fn start(qube: Qube, mut pci: Pci) -> Self {
        let Some(registers) = pci.window(0) else { panic!("the device has no registers") };
        let Some(mut memory) = pci.memory(4096) else { panic!("too little memory") };
        for word in 0..MARK {
            memory.write_u64(8 * word, mark(word));
        }
        let mut edu = Self { qube, registers, memory };
        let own = edu.memory.bus();
        edu.copy(own, BUFFER, RUN | INTERRUPT);
        edu.wipe();
        edu
    }

    fn wipe(&mut self) {
        for index in 0..4096 / 8 {
            self.memory.write_u64(8 * index, 0);
        }
    }

    fn copy(&mut self, from: u64, to: u64, command: u64) {
        self.registers.write(SOURCE, from);
        self.registers.write(TARGET, to);
        self.registers.write(COUNT, BYTES);
        self.registers.write(COMMAND, command);
        while self.registers.read::<u64>(COMMAND) & RUN != 0 {
            self.qube.wait(Some(self.qube.in_ms(150)));
        }
        let raised = self.registers.read::<u32>(INTERRUPTS);
        self.registers.write(ACKNOWLEDGE, raised);
    }
}

impl Weapon for Edu {
    fn fire(&mut self, at: u64) -> bool {
        self.copy(BUFFER, at, RUN | TO_MEMORY | INTERRUPT);
        // The device does not know.
        false
    }

    fn hits_own(&mut self) -> bool {
        let own = self.memory.bus();
        self.copy(BUFFER, own, RUN | TO_MEMORY | INTERRUPT);
        let hit = (0..MARK).all(|word| self.memory.read_u64(8 * word) == mark(word));
        self.wipe();
        hit
    }

    fn own(&self) -> core::ops::Range<u64> {
        // Everything that this qube may write, which is more than the device's page.
        0x20_0000..0x20_0000 + (4 << 20)
    }
}
