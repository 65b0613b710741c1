//! The qube's own page tables and control registers, which are its own to ruin: the nested tables stay what they are.
//!
//! A qube's tables map its first GiB one to one: the top table, one table below it, and a directory of 2 MiB pages, each the
//! page after the other.

use core::arch::asm;

use unikernels_rt::Qube;

use crate::Attack::{self, Bare};
use crate::raw::{PAGE, RAM, REGISTERS, arena_end, jump, peek, poke, saw, stack_top};

/// Present and writable.
const TABLE: u64 = 3;
/// Present, writable, and a large page.
const LARGE: u64 = 0x83;
/// An address that the last entry of the directory maps.
const WINDOW: u64 = 511 << 21;

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("map-far", Bare(|_| through(1 << 39))),
    ("map-beyond", Bare(|_| through(1 << 46))),
    ("map-huge", Bare(map_huge)),
    ("map-text", Bare(map_text)),
    ("map-reserved", Bare(|_| through(1 << 51 | 1 << 13))),
    ("root-outside", Bare(|_| set_root(0x7fff_f000))),
    ("root-far", Bare(|_| set_root(1 << 39))),
    ("root-text", Bare(|_| set_root(RAM))),
    ("root-registers", Bare(|_| set_root(REGISTERS))),
    ("root-zeros", Bare(|_| set_root(stack_top() + 16 * PAGE))),
    ("tables-loop", Bare(tables_loop)),
    ("tables-outside", Bare(tables_outside)),
    ("tables-noise", Bare(tables_noise)),
    ("paging-off", Bare(|_| set_cr0(0, 1 << 31))),
    ("protection-off", Bare(|_| set_cr0(0, 1))),
    ("wp-off", Bare(|_| set_cr0(0, 1 << 16))),
    ("caches-off", Bare(|_| set_cr0(3 << 29, 0))),
    ("alignment-on", Bare(|_| set_cr0(1 << 18, 0))),
    ("pae-off", Bare(|_| set_cr4(0, 1 << 5))),
    ("cr4-reserved", Bare(|_| set_cr4(1 << 63, 0))),
    ("cr4-keys", Bare(|_| set_cr4(1 << 22, 0))),
    ("cr4-five-levels", Bare(|_| set_cr4(1 << 12, 0))),
    ("cr4-shadow", Bare(|_| set_cr4(1 << 23, 0))),
    ("cr4-same", Bare(|_| set_cr4(0, 0))),
];

/// Maps one window of our addresses to a physical address and reads there.
fn through(physical: u64) {
    poke(directory() + 511 * 8, physical | LARGE);
    saw(format_args!("{:#x} through the window", peek::<u64>(WINDOW)));
}

/// Maps the second GiB, which nobody has.
fn map_huge(_: Qube) {
    poke(arena_end() + PAGE + 8, (1 << 30) | LARGE);
    saw(format_args!("{:#x} in the second GiB", peek::<u64>(1 << 30)));
}

/// Maps our own text once more, writable, and writes.
fn map_text(_: Qube) {
    poke(directory() + 511 * 8, RAM | LARGE);
    poke::<u64>(WINDOW, 0);
    jump(RAM);
}

fn tables_loop(_: Qube) {
    poke(arena_end(), arena_end() | TABLE);
    set_root(arena_end());
}

fn tables_outside(_: Qube) {
    poke(arena_end() + PAGE, 0x7fff_f000 | TABLE);
    set_root(arena_end());
}

/// Every entry of every table is noise.
fn tables_noise(_: Qube) {
    let mut noise = crate::raw::Noise(7);
    for at in (arena_end()..arena_end() + 3 * PAGE).step_by(8) {
        poke(at, noise.next());
    }
    set_root(arena_end());
}

fn directory() -> u64 {
    arena_end() + 2 * PAGE
}

/// Loads another top table.
fn set_root(root: u64) {
    // SAFETY: none. The next instruction is fetched through these tables, if there are any.
    unsafe { asm!("mov cr3, {}", in(reg) root) };
    saw(format_args!("root {root:#x}"));
}

fn set_cr0(set: u64, clear: u64) {
    let mut value: u64;
    // SAFETY: reading changes nothing.
    unsafe { asm!("mov {}, cr0", out(reg) value) };
    value = value & !clear | set;
    // SAFETY: none. The processor may not go on after this.
    unsafe { asm!("mov cr0, {}", in(reg) value) };
    saw(format_args!("cr0 {value:#x}"));
}

fn set_cr4(set: u64, clear: u64) {
    let mut value: u64;
    // SAFETY: reading changes nothing.
    unsafe { asm!("mov {}, cr4", out(reg) value) };
    value = value & !clear | set;
    // SAFETY: none. The processor may not go on after this.
    unsafe { asm!("mov cr4, {}", in(reg) value) };
    saw(format_args!("cr4 {value:#x}"));
}
