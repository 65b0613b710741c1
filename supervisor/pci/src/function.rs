//! One function: its memory windows, its one interrupt message, its start and its stop.

use crate::{Address, Config, command, register};

/// Memory windows of a function.
pub const WINDOWS: usize = 6;
const PAGE: u64 = 4096;
/// Largest window that is given away.
const WINDOW_MAX: u64 = 16 << 20;
/// Capabilities walked: as many as fit, four bytes each, above the header.
const CAPABILITIES_MAX: usize = 48;

const MSI: u32 = 0x05;
const EXPRESS: u32 = 0x10;
const MSI_X: u32 = 0x11;
const MSI_ENABLE: u32 = 1 << 16;
const MSI_WIDE: u32 = 1 << 23;
const MSI_X_ENABLE: u32 = 1 << 31;
const CAN_RESET: u32 = 1 << 28;
const RESET: u32 = 1 << 15;
const ENTRY_BYTES: u64 = 16;
const ENTRY_MASKED: u32 = 1;

/// An interrupt as a write to memory: where, what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Address, below 4 GiB.
    pub address: u32,
    /// Value written there.
    pub data: u32,
}

/// Physical addresses of a memory window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRange {
    /// First byte, on a page boundary.
    pub at: u64,
    /// Bytes, a power of two, whole pages.
    pub bytes: u64,
}

/// Registers in physical memory.
pub trait Window {
    /// Whether a window of a function may be at these addresses: not over memory, nor over registers of the supervisor.
    fn may_be_at(&self, range: WindowRange) -> bool;
    /// Writes 32 bits at a physical address.
    fn write(&mut self, at: u64, value: u32);
}

/// Why a function cannot be given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Firmware left a window of whole pages without an address, or over somebody else's.
    NotPlaced,
    /// It has no interrupt messages.
    NoMessages,
}

/// How it interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interrupt {
    /// Capability at; 64-bit addresses.
    Msi(u16, bool),
    /// Capability at; table at this physical address.
    MsiX(u16, u64),
}

/// A function that can be given away.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    address: Address,
    /// What firmware wrote into the window registers.
    placed: [u32; WINDOWS],
    windows: [Option<WindowRange>; WINDOWS],
    /// Pages of a window that nobody else may touch: where the interrupt messages are.
    kept: [Option<(u64, u64)>; 2],
    interrupt: Interrupt,
    /// Capability that can reset it.
    express: Option<u16>,
}

impl Function {
    /// Measures a function and leaves it stopped.
    ///
    /// # Errors
    /// See [`Quirk`].
    pub fn open<C: Config>(
        config: &mut C,
        address: Address,
        registers: &mut impl Window,
    ) -> Result<Self, Quirk> {
        config.write(address, register::COMMAND, 0);
        let (mut placed, mut windows) = ([0; WINDOWS], [None; WINDOWS]);
        for (index, slot) in placed.iter_mut().enumerate() {
            *slot = config.read(address, window_register(index));
        }
        let mut index = 0;
        while let (Some(low), Some(window)) = (placed.get(index), windows.get_mut(index)) {
            let is_wide = low & 0b111 == 0b100;
            let high = if is_wide { placed.get(index + 1).copied().unwrap_or(0) } else { 0 };
            if low & 1 == 0 {
                let bytes = measure(config, address, index, is_wide);
                let at = u64::from(high) << 32 | u64::from(low & !0xf);
                *window = (PAGE..=WINDOW_MAX).contains(&bytes).then_some(WindowRange { at, bytes });
            }
            index += if is_wide { 2 } else { 1 };
        }
        let is_good = |window: &WindowRange| {
            window.at != 0 && window.at.is_multiple_of(window.bytes) && registers.may_be_at(*window)
        };
        if !windows.iter().flatten().all(is_good) {
            return Err(Quirk::NotPlaced);
        }
        let mut kept = [None; 2];
        let interrupt = match (capability(config, address, MSI_X), capability(config, address, MSI)) {
            (Some(at), _) => {
                let entries = (u64::from(config.read(address, at) >> 16) & 0x7ff) + 1;
                let table = place(config.read(address, at + 4), &windows).ok_or(Quirk::NotPlaced)?;
                let pending = place(config.read(address, at + 8), &windows).ok_or(Quirk::NotPlaced)?;
                kept = [pages(table, entries * ENTRY_BYTES), pages(pending, entries.div_ceil(8))];
                config.write(address, register::COMMAND, command::MEMORY);
                for entry in 0..entries {
                    registers.write(table + entry * ENTRY_BYTES + 12, ENTRY_MASKED);
                }
                config.write(address, register::COMMAND, 0);
                Interrupt::MsiX(at, table)
            }
            (None, Some(at)) => Interrupt::Msi(at, config.read(address, at) & MSI_WIDE != 0),
            (None, None) => return Err(Quirk::NoMessages),
        };
        let express = capability(config, address, EXPRESS);
        let express = express.filter(|at| config.read(address, at + 4) & CAN_RESET != 0);
        Ok(Self { address, placed, windows, kept, interrupt, express })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// Its memory windows, by number; `None` for what is no memory, smaller than a page or too large.
    #[must_use]
    pub fn windows(&self) -> &[Option<WindowRange>; WINDOWS] {
        &self.windows
    }

    /// Whether the page at this physical address holds its interrupt messages: no qube may touch it.
    #[must_use]
    pub fn keeps(&self, page: u64) -> bool {
        self.kept.iter().flatten().any(|(first, last)| (*first..=*last).contains(&page))
    }

    /// Lets it reach memory and interrupt with `message`. Everything is written again: a reset forgets it.
    pub fn start(&self, config: &mut impl Config, registers: &mut impl Window, message: Message) {
        for (index, value) in self.placed.iter().enumerate() {
            config.write(self.address, window_register(index), *value);
        }
        config.write(self.address, register::COMMAND, command::MEMORY);
        match self.interrupt {
            Interrupt::MsiX(at, table) => {
                for (word, value) in (0..).zip([message.address, 0, message.data, 0]) {
                    registers.write(table + 4 * word, value);
                }
                config.write(self.address, at, MSI_X_ENABLE);
            }
            Interrupt::Msi(at, is_wide) => {
                config.write(self.address, at + 4, message.address);
                let data = if is_wide { at + 12 } else { at + 8 };
                if is_wide {
                    config.write(self.address, at + 8, 0);
                }
                config.write(self.address, data, message.data);
                config.write(self.address, at, MSI_ENABLE);
            }
        }
        let on = command::MEMORY | command::BUS_MASTER | command::NO_INTX;
        config.write(self.address, register::COMMAND, on);
    }

    /// Ends its reaching for memory, and resets it where it can be. A reset takes up to 100 ms: start it no earlier.
    pub fn stop(&self, config: &mut impl Config) {
        config.write(self.address, register::COMMAND, command::NO_INTX);
        if let Some(at) = self.express {
            config.write(self.address, at + 8, RESET);
        }
    }
}

const fn window_register(index: usize) -> u16 {
    register::WINDOWS + 4 * index as u16
}

/// Size of a window, by what sticks of all ones; 0 if none is there.
fn measure(config: &mut impl Config, address: Address, index: usize, is_wide: bool) -> u64 {
    let mut probe = |index: usize| {
        let before = config.read(address, window_register(index));
        config.write(address, window_register(index), u32::MAX);
        let stuck = config.read(address, window_register(index));
        config.write(address, window_register(index), before);
        u64::from(stuck)
    };
    let low = probe(index) & !0xf;
    let high = if is_wide && index + 1 < WINDOWS { probe(index + 1) } else { u64::from(u32::MAX) };
    if low == 0 && !is_wide { 0 } else { (high << 32 | low).wrapping_neg() }
}

/// The capability with this number.
fn capability(config: &impl Config, address: Address, wanted: u32) -> Option<u16> {
    if config.read(address, register::COMMAND) & command::HAS_CAPABILITIES == 0 {
        return None;
    }
    let mut at = config.read(address, register::CAPABILITIES) & 0xfc;
    for _ in 0..CAPABILITIES_MAX {
        if at < 0x40 {
            return None;
        }
        let header = config.read(address, at as u16);
        if header & 0xff == wanted {
            return Some(at as u16);
        }
        at = header >> 8 & 0xfc;
    }
    None
}

/// A place given as window number and offset.
fn place(word: u32, windows: &[Option<WindowRange>; WINDOWS]) -> Option<u64> {
    let window = windows.get((word & 7) as usize).copied().flatten()?;
    let offset = u64::from(word & !7);
    (offset < window.bytes).then_some(window.at + offset)
}

/// First and last page that `bytes` at `at` touch.
fn pages(at: u64, bytes: u64) -> Option<(u64, u64)> {
    Some((at & !(PAGE - 1), (at + bytes - 1) & !(PAGE - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[derive(Default)]
    struct Written(Vec<(u64, u32)>);

    impl Window for Written {
        fn may_be_at(&self, range: WindowRange) -> bool {
            range.at < 0xfec0_0000 || range.at >= 1 << 32
        }

        fn write(&mut self, at: u64, value: u32) {
            self.0.push((at, value));
        }
    }

    /// Window 0: 16 KiB at 0xfe00_0000, 64 bits wide; window 2: 1 KiB; window 3: ports; window 4: 4 KiB with the messages.
    fn fake() -> Fake {
        let mut fake = Fake::new();
        fake.function(0x20, 0x0108, 0);
        fake.set(0x20, register::COMMAND, command::HAS_CAPABILITIES | 7);
        for (register, value, mask) in [
            (0x10, 0xfe00_0004, 0xffff_c000_u32),
            (0x14, 0x0000_0002, u32::MAX),
            (0x18, 0xfe10_0000, 0xffff_fc00),
            (0x1c, 0xc001, 0xffe0),
            (0x20, 0xfe20_0000, 0xffff_f000),
        ] {
            fake.set(0x20, register, value);
            fake.sizes.insert((0x20, register), mask);
        }
        fake.set(0x20, register::CAPABILITIES, 0x40);
        fake.set(0x20, 0x40, 0x0000_5001);
        fake.set(0x20, 0x50, 0x0003_6011);
        fake.set(0x20, 0x54, 0x0000_0004);
        fake.set(0x20, 0x58, 0x0000_0804);
        fake.set(0x20, 0x60, 0x0002_0010);
        fake.set(0x20, 0x64, CAN_RESET);
        fake
    }

    #[test]
    fn windows_are_measured_and_left_as_they_were() {
        let (mut fake, mut written) = (fake(), Written::default());
        let function = Function::open(&mut fake, Address(0x20), &mut written).expect("a good one");
        let windows = function.windows();
        assert_eq!(windows[0], Some(WindowRange { at: 0x2_fe00_0000, bytes: 0x4000 }));
        assert_eq!(windows[4], Some(WindowRange { at: 0xfe20_0000, bytes: 0x1000 }));
        assert_eq!([windows[1], windows[2], windows[3], windows[5]], [None; 4]);
        assert_eq!((fake.get(0x20, 0x10), fake.get(0x20, 0x20)), (0xfe00_0004, 0xfe20_0000));
        assert!(function.keeps(0xfe20_0000) && !function.keeps(0x2_fe00_0000));
        let masked: Vec<_> = (0..4).map(|entry| (0xfe20_000c + 16 * entry, 1)).collect();
        assert_eq!(written.0, masked, "every message is off before anybody has it");
        assert_eq!(fake.get(0x20, register::COMMAND) & 0xffff, 0, "it is stopped");
    }

    #[test]
    fn a_start_writes_all_again_and_a_stop_takes_the_bus_and_resets() {
        let (mut fake, mut written) = (fake(), Written::default());
        let function = Function::open(&mut fake, Address(0x20), &mut written).expect("a good one");
        written.0.clear();
        function.start(&mut fake, &mut written, Message { address: 0xfee0_0000, data: 0x41 });
        let entry = 0xfe20_0000;
        assert_eq!(written.0, [(entry, 0xfee0_0000), (entry + 4, 0), (entry + 8, 0x41), (entry + 12, 0)]);
        assert_eq!(fake.get(0x20, register::COMMAND) & 0xffff, 0x406);
        assert_eq!(fake.get(0x20, 0x50) & MSI_X_ENABLE, MSI_X_ENABLE);
        fake.writes.clear();
        function.stop(&mut fake);
        assert_eq!(fake.writes, [(0x20, register::COMMAND, 0x400), (0x20, 0x68, RESET)]);
    }

    #[test]
    fn a_window_without_an_address_and_a_function_without_messages_are_refused() {
        let mut unplaced = fake();
        unplaced.set(0x20, 0x20, 0);
        let open = |fake: &mut Fake| Function::open(fake, Address(0x20), &mut Written::default()).err();
        assert_eq!(open(&mut unplaced), Some(Quirk::NotPlaced));
        let mut over_ours = fake();
        over_ours.set(0x20, 0x20, 0xfee0_0000);
        let mut written = Written::default();
        let refused = Function::open(&mut over_ours, Address(0x20), &mut written).err();
        assert_eq!((refused, written.0.len()), (Some(Quirk::NotPlaced), 0), "nothing is written there");
        let mut silent = fake();
        silent.set(0x20, register::CAPABILITIES, 0);
        assert_eq!(open(&mut silent), Some(Quirk::NoMessages));
        let mut elsewhere = fake();
        elsewhere.set(0x20, 0x54, 0x1004);
        assert_eq!(open(&mut elsewhere), Some(Quirk::NotPlaced), "a table outside its window");
    }

    #[test]
    fn a_list_of_capabilities_that_runs_in_a_circle_ends() {
        let mut fake = fake();
        fake.set(0x20, 0x40, 0x0000_4001);
        assert_eq!(capability(&fake, Address(0x20), MSI_X), None);
    }
}
