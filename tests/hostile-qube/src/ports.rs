//! Ports of the machine, in every direction and size.

use core::arch::asm;

use unikernels_rt::Qube;

use crate::Attack::{self, Bare};
use crate::raw::{call, port, saw};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("out-byte", Bare(|_| out_byte(0x80, 1))),
    ("out-word", Bare(|_| out_word(0x80, 1))),
    ("out-long", Bare(|_| out_long(0x80, 1))),
    ("in-byte", Bare(|_| in_byte(0x60))),
    ("in-word", Bare(|_| in_word(0x1f0))),
    ("in-long", Bare(|_| in_long(0xcfc))),
    ("out-immediate", Bare(out_immediate)),
    ("out-string", Bare(out_string)),
    ("out-repeated", Bare(out_repeated)),
    ("in-string", Bare(in_string)),
    ("exit-device", Bare(|_| out_long(0xf4, 0x10))),
    ("debug-console", Bare(|_| out_byte(0xe9, b'!'))),
    ("serial-line", Bare(|_| out_byte(0x3f8, b'!'))),
    ("reset-control", Bare(|_| out_byte(0xcf9, 6))),
    ("keyboard-reset", Bare(|_| out_byte(0x64, 0xfe))),
    ("acpi-off", Bare(|_| out_word(0x604, 0x2000))),
    ("pci-address", Bare(|_| out_long(0xcf8, 0x8000_0000))),
    ("timer-port", Bare(|_| out_byte(0x43, 0x34))),
    ("port-wrap", Bare(|_| out_long(0xffff, 0))),
    ("call-unlisted", Bare(|_| out_long(0x5306, 0))),
    ("call-as-byte", Bare(|_| out_byte(port::WAIT, 0))),
    ("call-as-word", Bare(|_| out_word(port::NOTIFY, 0))),
    ("call-as-input", Bare(|_| in_long(port::WAIT))),
    ("call-as-string", Bare(call_as_string)),
];

fn out_byte(port: u16, value: u8) {
    // SAFETY: none. The port is not ours.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value) };
}

fn out_word(port: u16, value: u16) {
    // SAFETY: none. The port is not ours.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value) };
}

fn out_long(port: u16, value: u32) {
    call(port, value, 0);
}

fn in_byte(port: u16) {
    let value: u8;
    // SAFETY: none. The port is not ours.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value) };
    saw(format_args!("{value:#x} at port {port:#x}"));
}

fn in_word(port: u16) {
    let value: u16;
    // SAFETY: none. The port is not ours.
    unsafe { asm!("in ax, dx", in("dx") port, out("ax") value) };
    saw(format_args!("{value:#x} at port {port:#x}"));
}

fn in_long(port: u16) {
    let value: u32;
    // SAFETY: none. The port is not ours.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value) };
    saw(format_args!("{value:#x} at port {port:#x}"));
}

/// The form whose port is part of the instruction.
fn out_immediate(_: Qube) {
    // SAFETY: none. The port is not ours.
    unsafe { asm!("out 0x92, al", in("al") 1_u8) };
}

fn out_string(_: Qube) {
    let text = *b"[vault] forged\n";
    // SAFETY: none. The port is not ours.
    unsafe { asm!("outsb", in("dx") 0xe9_u16, inout("rsi") text.as_ptr() => _) };
}

fn out_repeated(_: Qube) {
    let text = *b"[vault] forged\n";
    // SAFETY: none. The port is not ours.
    unsafe {
        asm!("rep outsb", in("dx") 0xe9_u16, inout("rsi") text.as_ptr() => _, inout("rcx") text.len() => _);
    }
}

fn in_string(_: Qube) {
    let mut into = [0_u32; 4];
    // SAFETY: none. The port is not ours.
    unsafe {
        asm!("rep insd", in("dx") 0xcfc_u16, inout("rdi") into.as_mut_ptr() => _, inout("rcx") into.len() => _);
    }
    saw(format_args!("{into:x?}"));
}

/// A call of the right port and size, from memory instead of EAX.
fn call_as_string(_: Qube) {
    let value = [0_u32];
    // SAFETY: none. A string is no call.
    unsafe { asm!("outsd", in("dx") port::NOTIFY, inout("rsi") value.as_ptr() => _) };
}
