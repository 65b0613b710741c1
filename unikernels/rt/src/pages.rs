//! The pages the supervisor shares with a qube read-only: device registers and the info page.
//!
//! They change behind the compiler's back, so every read is volatile, and nothing here makes a
//! reference into them. Reading costs no exit. The addresses are fixed (DESIGN.md 3.1); memory is
//! mapped one to one below 1 GiB by every loader, so reading them is safe even where there is no
//! supervisor behind them, as under a stock uhyve: there they are plain memory.

use unikernels_sdk::info::{HEADER_BYTES, PAGE_BYTES, PORT_BYTES, PORT_GENERATION_AT, PORT_STATE_AT};

/// Registers of the multiport console.
pub(crate) const CONSOLE: Page = Page(0x10_0000);
/// Registers of the entropy source.
pub(crate) const ENTROPY: Page = Page(0x10_1000);
/// The info page.
const INFO: Page = Page(0x10_2000);
/// The page that describes the PCI function of a qube that has one; no other may look at it.
pub(crate) const FUNCTION: Page = Page(0x10_3000);

const PAGE: usize = 4096;
const _: () = assert!(PAGE_BYTES <= PAGE, "the info page is one page");

/// A page shared by the supervisor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page(usize);

impl Page {
    /// The 32-bit word at an offset, which is aligned; 0 past the end.
    #[inline]
    pub(crate) fn word(self, offset: usize) -> u32 {
        if !offset.is_multiple_of(4) || offset > PAGE - 4 {
            return 0;
        }
        let at = core::ptr::with_exposed_provenance::<u32>(self.0 + offset);
        // SAFETY: in one of the pages above, mapped readable for the whole life of the
        // qube, aligned, and valid for any bits.
        unsafe { at.read_volatile() }
    }

    /// `N` bytes at an aligned offset, word by word.
    pub(crate) fn bytes<const N: usize>(self, offset: usize) -> [u8; N] {
        let mut bytes = [0; N];
        for (i, chunk) in bytes.chunks_mut(4).enumerate() {
            let word = self.word(offset + 4 * i).to_le_bytes();
            chunk.copy_from_slice(word.get(..chunk.len()).unwrap_or(&[]));
        }
        bytes
    }
}

/// The info page as it is now.
pub(crate) fn info() -> [u8; PAGE_BYTES] {
    INFO.bytes(0)
}

/// The entry of a port.
pub(crate) fn port_entry(port: u8) -> [u8; PORT_BYTES] {
    INFO.bytes(entry_at(port))
}

/// The state byte of a port, now.
#[inline]
pub(crate) fn port_state(port: u8) -> u8 {
    let [state, ..] = INFO.word(entry_at(port) + PORT_STATE_AT).to_le_bytes();
    state
}

/// The generation of a port's peer, now.
#[inline]
pub(crate) fn port_generation(port: u8) -> u32 {
    INFO.word(entry_at(port) + PORT_GENERATION_AT)
}

/// The generation of this qube, now: a fork of a snapshot finds another than it booted with.
pub(crate) fn own_generation() -> u32 {
    INFO.word(0x0c)
}

const fn entry_at(port: u8) -> usize {
    HEADER_BYTES + port as usize * PORT_BYTES
}
