//! Where things lie in the DMA memory.
//!
//! ```text
//! page 0        1         2       3       4          5         6 ..
//! admin SQ | admin CQ | I/O SQ | I/O CQ | PRP lists | Identify | slot 0 | slot 1 | ..
//! ```
//!
//! A slot is the data of one command in flight. Its pages never change, so its PRP list is written once.

/// Bytes of a memory page, the only size used (CC.MPS = 0).
pub const PAGE: usize = 4096;
/// Bytes of one command's data at most: a whole block message of 64 KiB and what its sender packs around it.
pub const SLOT_BYTES: usize = 128 * 1024;
/// Commands in flight at most: one MiB of data under way is enough to keep a fast disk from waiting for us.
pub const SLOTS_MAX: usize = 8;
/// Entries of every queue: more than slots, so that a full queue is a controller's lie; a power of two for no other reason
/// than that the smallest page holds it.
pub(crate) const QUEUE_ENTRIES: u16 = 16;
/// Bytes of a submission queue entry (CC.IOSQES = 6).
pub(crate) const SQ_ENTRY: usize = 64;
/// Bytes of a completion queue entry (CC.IOCQES = 4).
pub(crate) const CQ_ENTRY: usize = 16;

pub(crate) const ADMIN_SQ: usize = 0;
pub(crate) const ADMIN_CQ: usize = PAGE;
pub(crate) const IO_SQ: usize = 2 * PAGE;
pub(crate) const IO_CQ: usize = 3 * PAGE;
const LISTS: usize = 4 * PAGE;
pub(crate) const IDENTIFY: usize = 5 * PAGE;
const SLOTS: usize = 6 * PAGE;

/// The least DMA memory: with one slot, so one command at a time.
pub const ARENA_MIN: usize = SLOTS + SLOT_BYTES;
/// The most DMA memory that is used.
pub const ARENA_MAX: usize = SLOTS + SLOTS_MAX * SLOT_BYTES;

const SLOT_PAGES: usize = SLOT_BYTES / PAGE;
const LIST_BYTES: usize = SLOT_PAGES * 8;

// A PRP list must not cross a page, and no queue either.
const _: () = assert!(SLOTS_MAX * LIST_BYTES <= PAGE && PAGE.is_multiple_of(LIST_BYTES));
const _: () = assert!(QUEUE_ENTRIES as usize * SQ_ENTRY <= PAGE && QUEUE_ENTRIES as usize > SLOTS_MAX);

/// How many slots fit into `len` bytes of DMA memory.
pub(crate) fn slots(len: usize) -> usize {
    (len.saturating_sub(SLOTS) / SLOT_BYTES).min(SLOTS_MAX)
}

/// Offset of the data of a slot.
pub(crate) fn slot(index: usize) -> usize {
    SLOTS + index * SLOT_BYTES
}

/// Offsets of the entries of a slot's PRP list, each with the offset of the page that it names: all but the first.
pub(crate) fn list(index: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..SLOT_PAGES).map(move |page| (list_at(index) + (page - 1) * 8, slot(index) + page * PAGE))
}

fn list_at(index: usize) -> usize {
    LISTS + index * LIST_BYTES
}

/// Offsets for PRP1 and PRP2 of a command that moves `bytes` of a slot (4.3): the second is of the second page if that is the
/// last, and else of the list.
pub(crate) fn prp(index: usize, bytes: usize) -> (usize, Option<usize>) {
    let second = match bytes.div_ceil(PAGE) {
        0 | 1 => None,
        2 => Some(slot(index) + PAGE),
        _ => Some(list_at(index)),
    };
    (slot(index), second)
}
