//! What the controller says about itself and its namespace (5.15), checked.

use unikernels_disk::SECTOR;

use crate::error::Error;
use crate::layout::{PAGE, SLOT_BYTES};

/// One answer to Identify, copied out before it is looked at.
pub(crate) type Answer = [u8; PAGE];

/// The disk, as far as its controller can be believed. Its three texts are for showing: only printable ASCII, padded with spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Serial number.
    pub serial: [u8; 20],
    /// Model.
    pub model: [u8; 40],
    /// Firmware revision.
    pub firmware: [u8; 8],
    /// Which namespace it is, from 1 on.
    pub namespace: u32,
    /// How many blocks it has, at least one.
    pub blocks: u64,
    /// Bytes of a block: 512 or 4096.
    pub block_bytes: usize,
    /// Bytes of one command's data at most: whole blocks, at least 8 KiB, at most [`SLOT_BYTES`].
    pub max_bytes: usize,
    /// Whether it has Dataset Management.
    pub can_discard: bool,
    /// Whether it has a volatile write cache.
    pub write_cache: bool,
    /// Whether it is write-protected.
    pub read_only: bool,
}

/// Identify Controller, the part that is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Controller {
    serial: [u8; 20],
    model: [u8; 40],
    firmware: [u8; 8],
    max_bytes: usize,
    can_discard: bool,
    write_cache: bool,
}

fn bytes<const N: usize>(answer: &Answer, at: usize) -> [u8; N] {
    core::array::from_fn(|index| answer.get(at + index).copied().unwrap_or(0))
}

fn text<const N: usize>(answer: &Answer, at: usize) -> [u8; N] {
    bytes(answer, at).map(|byte| if byte.is_ascii_graphic() || byte == b' ' { byte } else { b'?' })
}

impl Controller {
    /// # Errors
    /// [`Error::EntrySize`], [`Error::CommandSet`].
    pub(crate) fn read(answer: &Answer) -> Result<Self, Error> {
        // Required size in the low half, largest in the high one.
        let allows = |sizes: u8, want: u8| sizes & 0xf <= want && want <= sizes >> 4;
        let [submission, completion] = bytes(answer, 512);
        if !allows(submission, 6) || !allows(completion, 4) {
            return Err(Error::EntrySize);
        }
        // Controller type: I/O, or not reported.
        let [kind] = bytes(answer, 111);
        if kind > 1 {
            return Err(Error::CommandSet);
        }
        // MDTS: a power of two in pages, 0 is no limit.
        let [power] = bytes(answer, 77);
        let max_bytes = match power {
            0 => SLOT_BYTES,
            power => 1_usize.checked_shl(power.into()).map_or(SLOT_BYTES, |pages| pages.saturating_mul(PAGE)),
        };
        let optional = u16::from_le_bytes(bytes(answer, 520));
        let [cache] = bytes(answer, 525);
        Ok(Self {
            serial: text(answer, 4),
            model: text(answer, 24),
            firmware: text(answer, 64),
            max_bytes: max_bytes.min(SLOT_BYTES),
            can_discard: optional & 1 << 2 != 0,
            write_cache: cache & 1 != 0,
        })
    }
}

/// The first active namespace of the list.
///
/// # Errors
/// [`Error::NoNamespace`].
pub(crate) fn first_namespace(answer: &Answer) -> Result<u32, Error> {
    match u32::from_le_bytes(bytes(answer, 0)) {
        // The last two are no names (6.1).
        0 | 0xffff_fffe | u32::MAX => Err(Error::NoNamespace),
        name => Ok(name),
    }
}

impl Info {
    /// Identify Namespace, with what is known of the controller.
    ///
    /// # Errors
    /// [`Error::BlockSize`], [`Error::Metadata`], [`Error::Size`].
    pub(crate) fn read(controller: Controller, namespace: u32, answer: &Answer) -> Result<Self, Error> {
        let [formats_last, format] = bytes(answer, 25);
        // Bits 5 and 6 count only where there are more than 16 formats.
        let high = if formats_last >= 16 { format >> 1 & 0x30 } else { 0 };
        let index = format & 0xf | high;
        if index > formats_last {
            return Err(Error::BlockSize);
        }
        let [metadata_low, metadata_high, power, _] = bytes(answer, 128 + 4 * usize::from(index));
        let block_bytes = match power {
            9 => 512,
            12 => 4096,
            _ => return Err(Error::BlockSize),
        };
        let [protection] = bytes(answer, 29);
        if metadata_low != 0 || metadata_high != 0 || protection & 0b111 != 0 {
            return Err(Error::Metadata);
        }
        let blocks = u64::from_le_bytes(bytes(answer, 0));
        if blocks == 0 || blocks.checked_mul((block_bytes / SECTOR) as u64).is_none() {
            return Err(Error::Size);
        }
        let [attributes] = bytes(answer, 99);
        let Controller { serial, model, firmware, max_bytes, can_discard, write_cache } = controller;
        let read_only = attributes & 1 != 0;
        Ok(Self {
            serial,
            model,
            firmware,
            namespace,
            blocks,
            block_bytes,
            max_bytes,
            can_discard,
            write_cache,
            read_only,
        })
    }
}
