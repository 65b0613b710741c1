//! Segments: one for code, one for data, and the task state that names the interrupt stacks.
//!
//! Source: AMD64 APM volume 2, sections 4.8 and 12.2.5.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::stacks;

/// Selector of the code segment.
pub(crate) const CODE: u16 = 0x08;
/// Selector of the data segment.
pub(crate) const DATA: u16 = 0x10;
/// Selector of the task state segment.
const TASK: u16 = 0x18;

/// Present, ring 0, code, 64-bit, and already marked accessed: the table needs no write by the processor.
pub(crate) const CODE_DESCRIPTOR: u64 = 0x0020_9b00_0000_0000;
/// Present, ring 0, writable data, accessed.
pub(crate) const DATA_DESCRIPTOR: u64 = 0x0000_9300_0000_0000;
/// Present, available 64-bit task state.
const TASK_TYPE: u64 = 0x89;
const TASK_SIZE: u32 = 104;
const TASK_WORDS: usize = TASK_SIZE as usize / 4;

const ENTRIES: u16 = 5;
static GDT: [AtomicU64; ENTRIES as usize] = [
    AtomicU64::new(0),
    AtomicU64::new(CODE_DESCRIPTOR),
    AtomicU64::new(DATA_DESCRIPTOR),
    AtomicU64::new(0),
    AtomicU64::new(0),
];

/// The task state in 32-bit words: words 9 and on are the interrupt stack pointers, low half first.
static TASK_STATE: [AtomicU32; TASK_WORDS] = [const { AtomicU32::new(0) }; TASK_WORDS];
const IST_WORD: usize = 9;
/// The last word's upper half is the offset of the I/O permission map: at the limit, so there is none.
const NO_IO_MAP: u32 = TASK_SIZE << 16;

/// What `lgdt` and `lidt` take.
#[repr(C, packed)]
pub(crate) struct TablePointer {
    /// Size of the table less one.
    pub(crate) limit: u16,
    /// Address of the table.
    pub(crate) base: u64,
}

/// The two words of the descriptor of a task state at `base`.
fn task_descriptor(base: u64) -> [u64; 2] {
    let limit = u64::from(TASK_SIZE) - 1;
    [limit | (base & 0xff_ffff) << 16 | TASK_TYPE << 40 | (base >> 24 & 0xff) << 56, base >> 32]
}

/// Loads the table, every segment register and the task register.
pub(crate) fn load() {
    fill_task_state(&TASK_STATE, &stacks::ist_tops());
    for (entry, word) in GDT.iter().skip(3).zip(task_descriptor(TASK_STATE.as_ptr().addr() as u64)) {
        entry.store(word, Ordering::Relaxed);
    }
    let pointer = TablePointer { limit: ENTRIES * 8 - 1, base: GDT.as_ptr().addr() as u64 };
    // SAFETY: the table is static and its descriptors are complete.
    unsafe { asm!("lgdt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags)) };
    // SAFETY: both selectors name present ring-0 segments of the table just loaded; the far return goes to
    // the next instruction with the stack as it was.
    unsafe {
        asm!(
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            "mov ds, {data:x}",
            "mov es, {data:x}",
            "mov ss, {data:x}",
            "mov fs, {null:x}",
            "mov gs, {null:x}",
            code = const CODE,
            scratch = out(reg) _,
            data = in(reg) u64::from(DATA),
            null = in(reg) 0_u64,
        );
    }
    // SAFETY: the descriptor at `TASK` names the static task state, filled above.
    unsafe { asm!("ltr {0:x}", in(reg) u64::from(TASK), options(nostack, preserves_flags)) };
}

fn fill_task_state(words: &[AtomicU32], ist_tops: &[u64]) {
    for (pair, top) in words.get(IST_WORD..).unwrap_or(&[]).chunks_exact(2).zip(ist_tops) {
        for (word, half) in pair.iter().zip([(top & 0xffff_ffff) as u32, (top >> 32) as u32]) {
            word.store(half, Ordering::Relaxed);
        }
    }
    if let Some(last) = words.last() {
        last.store(NO_IO_MAP, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_descriptor_spreads_its_base_as_the_manual_draws_it() {
        assert_eq!(task_descriptor(0x1122_3344_5566_7788), [0x5500_8966_7788_0067, 0x1122_3344]);
    }

    #[test]
    fn the_interrupt_stacks_start_at_byte_36_of_the_task_state() {
        let words = [const { AtomicU32::new(0) }; 26];
        fill_task_state(&words, &[0x1_0000_2000, 0x3000]);
        let word = |index: usize| words[index].load(Ordering::Relaxed);
        assert_eq!((word(9), word(10), word(11), word(25)), (0x2000, 1, 0x3000, 104 << 16));
    }
}
