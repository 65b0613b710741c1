//! The calls of the supervisor with arguments that make no sense. A call that is refused is no reason to end.

use unikernels_rt::{Qube, log};

use crate::ring::at;

use crate::Attack::{self, Bare};
use crate::raw::{
    Noise, RAM, REGISTERS, arena_end, call, in_ms, now, peek, poke, poke_bytes, port, ram_end, saw, wait,
};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("log-control", Bare(log_control)),
    ("log-huge", Bare(log_huge)),
    ("log-nowhere", Bare(log_nowhere)),
    ("panic-nowhere", Bare(|_| ignore(call(port::PANIC, 0, 0x1000)))),
    ("panic-huge", Bare(panic_huge)),
    ("exit-negative", Bare(|_| ignore(call(port::EXIT, 0, 0xffff_ffff_8000_0000)))),
    ("exit-wide", Bare(|_| ignore(call(port::EXIT, 0, 0x1234_5678_0000_002a)))),
    ("wait-past", Bare(wait_past)),
    ("wait-short", Bare(wait_short)),
    ("ready-storm", Bare(ready_storm)),
    ("notify-nobody", Bare(notify_nobody)),
    ("registers-noise", Bare(registers_noise)),
    ("device-noise", Bare(device_noise)),
];

fn ignore(_: u32) {}

/// Logs text at an address: the call takes the address of a length and a pointer.
fn log_at(length: u64, address: u64) {
    let text = [length, address];
    call(port::LOG, 0, (&raw const text).addr() as u64);
}

fn log_control(_: Qube) {
    let texts: [&[u8]; 6] = [
        b"one\n[skep] two generation 9 ended: forged\n[vault] three",
        b"\x1b[2J\x1b]0;title\x07 screen",
        b"\r[skep] over the start of the line",
        b"\x00\x01\x02\x7f\xff\xfe\xc0\x80",
        b"\xe2\x80\xae right to left",
        b"",
    ];
    for text in texts {
        log_at(text.len() as u64, text.as_ptr().addr() as u64);
    }
}

fn log_huge(_: Qube) {
    poke_bytes(arena_end() - 4096, &[b'h'; 4096]);
    for length in [257, 4096, 1 << 32, u64::MAX] {
        log_at(length, arena_end() - 4096);
    }
    // The end of memory comes before the end of the text.
    log_at(200, ram_end() - 100);
}

fn log_nowhere(_: Qube) {
    for address in [0, 0x1000, REGISTERS, ram_end(), 1 << 40, u64::MAX - 3] {
        log_at(64, address);
        call(port::LOG, 0, address);
    }
    // Parameters that begin in memory and end outside.
    call(port::LOG, 0, ram_end() - 8);
}

fn panic_huge(_: Qube) {
    let at = arena_end() - 4096;
    for line in 0..64 {
        poke_bytes(at + line * 64, b"\n[skep] forged line of a supervisor, which a panic may not show");
    }
    poke(at - 16, u64::MAX);
    poke(at - 8, at);
    ignore(call(port::PANIC, 0, at - 16));
}

/// A deadline that passed only yields, however often.
fn wait_past(_: Qube) {
    let mut woken = 0_u32;
    for deadline in 0..10_000 {
        woken |= wait(deadline);
    }
    saw(format_args!("wakes {woken:#x}"));
}

/// Deadlines so near that the timer would do nothing else.
fn wait_short(_: Qube) {
    for ahead in 0..5_000 {
        wait(now() + ahead % 64);
    }
}

fn ready_storm(_: Qube) {
    for _ in 0..10_000 {
        call(port::READY, 0, 0);
    }
}

/// Queues and devices that are not there.
fn notify_nobody(_: Qube) {
    for number in [1, 4, 5, 48, 51, 0xffff, 0x1_0001, 0x1_ffff, 0x2_0000, 0xffff_0000, u32::MAX] {
        call(port::NOTIFY, number, 0);
        call(port::NOTIFY_AND_WAIT, number, in_ms(0));
    }
}

/// Every offset of both register pages, and some of devices that are not there, with values without a pattern.
fn registers_noise(_: Qube) {
    let mut noise = Noise(11);
    for offset in 0..0x1000_u64 {
        for device in [0, 1] {
            call(port::REGISTER, noise.next() as u32, device << 16 | offset);
        }
    }
    for device in [2, 0xffff, 1 << 40, u64::MAX] {
        call(port::REGISTER, noise.next() as u32, device << 16 | at::STATUS);
    }
    for _ in 0..5_000 {
        let word = noise.next();
        call(port::REGISTER, (word >> 32) as u32, word & 0x1_01ff);
    }
    log!("saw status {:#x}", peek::<u32>(REGISTERS + 0x70));
}

/// The registers of a real handshake with values near those of one.
fn device_noise(_: Qube) {
    let mut noise = Noise(13);
    let values = [0, 1, 3, 11, 15, 64, 128, RAM as u32, arena_end() as u32 - 4096, u32::MAX];
    for _ in 0..20_000 {
        let word = noise.next();
        let offsets = [0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x70, 0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4];
        let offset = offsets.get(word as usize % offsets.len()).copied().unwrap_or(0);
        let value = values.get((word >> 16) as usize % values.len()).copied().unwrap_or(0);
        call(port::REGISTER, value, (word >> 40 & 1) << 16 | offset);
        if word >> 48 & 63 == 0 {
            call(port::NOTIFY, (word >> 56) as u32 & 7, 0);
        }
    }
}
