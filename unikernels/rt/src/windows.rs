//! `Windows`: the register windows of a function as a virtio transport sees them.
//!
//! A transport checks where a device says its registers are before it touches them, so what panics here is a fault of ours.

use unikernels_disk::Registers;
use unikernels_virtio_pci::Bars;

use crate::pci::{Pci, WINDOWS, Window};

/// All memory windows of a function that were not given out before.
#[derive(Debug)]
pub struct Windows([Option<Window>; WINDOWS]);

impl Windows {
    /// What is left of the windows of `pci`.
    pub(crate) fn new(pci: &mut Pci) -> Self {
        Self(core::array::from_fn(|index| pci.window(index)))
    }

    fn window(&self, bar: u8) -> &Window {
        match self.0.get(usize::from(bar)) {
            Some(Some(window)) => window,
            _ => panic!("BAR {bar} is not mapped"),
        }
    }

    fn window_mut(&mut self, bar: u8) -> &mut Window {
        match self.0.get_mut(usize::from(bar)) {
            Some(Some(window)) => window,
            _ => panic!("BAR {bar} is not mapped"),
        }
    }
}

/// An offset in a window, which is far below 4 GiB.
fn offset(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl Bars for Windows {
    fn len_bytes(&self, bar: u8) -> u64 {
        let window = self.0.get(usize::from(bar)).and_then(Option::as_ref);
        window.map_or(0, |window| Registers::len_bytes(window) as u64)
    }

    fn read_u8(&self, bar: u8, at: u64) -> u8 {
        self.window(bar).read(offset(at))
    }

    fn read_u16(&self, bar: u8, at: u64) -> u16 {
        self.window(bar).read(offset(at))
    }

    fn read_u32(&self, bar: u8, at: u64) -> u32 {
        self.window(bar).read(offset(at))
    }

    fn write_u8(&mut self, bar: u8, at: u64, value: u8) {
        self.window_mut(bar).write(offset(at), value);
    }

    fn write_u16(&mut self, bar: u8, at: u64, value: u16) {
        self.window_mut(bar).write(offset(at), value);
    }

    fn write_u32(&mut self, bar: u8, at: u64, value: u32) {
        self.window_mut(bar).write(offset(at), value);
    }
}
