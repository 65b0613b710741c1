//! Doing without end what may be done once. A storm costs its own time, and nobody else's.

use core::arch::{asm, x86_64::__cpuid_count};

use unikernels_rt::Qube;

use crate::Attack::{self, Bare, Open};
use crate::frames::{self, Frame};
use crate::raw::{Noise, call, in_ms, peek, port, register, saw, wait};
use crate::ring::{Device, event};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("cpuid-storm", Bare(cpuid_storm)),
    ("endless-loop", Bare(endless_loop)),
    ("pause-loop", Bare(pause_loop)),
    ("fault-loop", Bare(fault_loop)),
    ("log-flood", Bare(log_flood)),
    ("ping", Open(ping)),
    ("pong", Open(pong)),
    ("notify-storm", Open(notify_storm)),
    ("notify-noise", Open(notify_noise)),
    ("message-flood", Open(message_flood)),
    ("call-flood", Open(call_flood)),
    ("refusal-flood", Open(refusal_flood)),
    ("port-toggle", Open(port_toggle)),
    ("reset-storm", Open(reset_storm)),
    ("control-noise", Open(control_noise)),
    ("entropy-flood", Open(entropy_flood)),
];

fn cpuid_storm(_: Qube) {
    let mut noise = Noise(3);
    let mut sum = 0_u32;
    for _ in 0..100_000 {
        let word = noise.next();
        let leaf = (word as u32 & 0xc000_00ff) | (word >> 40) as u32 & 0x8000_001f;
        sum = sum.wrapping_add(__cpuid_count(leaf, (word >> 32) as u32 & 0xff).eax);
    }
    let features = __cpuid_count(0x8000_0001, 0);
    saw(format_args!("sum {sum:#x}, virtualisation {}", features.ecx >> 2 & 1));
}

fn endless_loop(_: Qube) {
    // SAFETY: interrupts are off already; the loop is the point.
    unsafe { asm!("cli", "2: jmp 2b", options(noreturn)) }
}

fn pause_loop(_: Qube) {
    loop {
        core::hint::spin_loop();
    }
}

/// A fault handler that returns to the instruction at fault: an endless loop that never leaves the processor's microcode for
/// long. The gate is ours, on our own stack.
fn fault_loop(_: Qube) {
    // SAFETY: none. The red zone below the stack pointer is lost, and nothing needs it any more.
    unsafe {
        asm!(
            "sub rsp, 4096",
            "lea rax, [rip + 3f]",
            "mov rdi, rsp",
            "mov rcx, 512",
            "xor edx, edx",
            "4: mov qword ptr [rdi + rcx * 8 - 8], 0",
            "dec rcx",
            "jnz 4b",
            // The gate of vector 6: offset, selector 8, present interrupt gate.
            "mov word ptr [rdi + 96], ax",
            "mov word ptr [rdi + 98], 8",
            "mov word ptr [rdi + 100], 0x8e00",
            "shr rax, 16",
            "mov word ptr [rdi + 102], ax",
            "shr rax, 16",
            "mov dword ptr [rdi + 104], eax",
            "sub rsp, 16",
            "mov word ptr [rsp], 511",
            "mov qword ptr [rsp + 2], rdi",
            "lidt [rsp]",
            // The frame of a fault holds the stack segment, which must be one that a return may load.
            "xor eax, eax",
            "mov ss, ax",
            "2: ud2",
            "3: iretq",
            options(noreturn),
        )
    }
}

fn log_flood(_: Qube) {
    for line in 0..500_u32 {
        unikernels_rt::log!("flood {line} {:240}", "");
    }
}

/// Calls its partner without end, in one exit each: the turn is handed over every time.
fn ping(device: &mut Device) {
    loop {
        device.calls += 1;
        device.push_and_wait(Frame::call(frames::SAY, device.calls, &frames::say("ping")).bytes());
    }
}

/// Answers its partner without end.
fn pong(device: &mut Device) {
    let Some((at, _)) = device.next(100) else { return };
    let mut number = peek(at + 24);
    loop {
        let reply = Frame::new(frames::SAY, frames::REPLY, number, &frames::say("pong"));
        number = device.push_and_wait(reply.bytes());
    }
}

fn notify_storm(device: &mut Device) {
    let queue = u32::from(device.tx.number);
    for _ in 0..100_000 {
        call(port::NOTIFY, queue, 0);
    }
    device.ask();
}

/// Numbers of queues, most of which are not there.
fn notify_noise(device: &mut Device) {
    let mut noise = Noise(5);
    for _ in 0..10_000 {
        call(port::NOTIFY, noise.next() as u32, 0);
    }
    device.ask();
}

/// Messages that nobody answers, as fast as they are taken.
fn message_flood(device: &mut Device) {
    let mut body = [0x5a; 65];
    body[0] = 64;
    for _ in 0..10_000 {
        device.push(Frame::event(frames::SINK, &body).bytes());
    }
    device.ask();
}

/// Calls whose answers nobody takes.
fn call_flood(device: &mut Device) {
    let until = in_ms(200);
    let mut sent = 0_u64;
    while crate::raw::now() < until {
        sent += 1;
        device.push(Frame::call(frames::SAY, sent, &frames::say("flood")).bytes());
    }
    saw(format_args!("many calls {}", sent > 100));
}

/// Messages that are refused, each of which goes into the audit.
fn refusal_flood(device: &mut Device) {
    for _ in 0..10_000 {
        device.push(b"no frame");
    }
    device.ask();
}

fn port_toggle(device: &mut Device) {
    for turn in 0..10_000_u16 {
        device.control(0, event::PORT_OPEN, turn & 1);
    }
    device.open();
    device.ask();
}

fn reset_storm(device: &mut Device) {
    for _ in 0..1_000 {
        register(0x70, 0);
    }
    for _ in 0..50 {
        *device = Device::start();
        device.open();
    }
    device.ask();
}

/// Control messages of every event, to every port, of every length.
fn control_noise(device: &mut Device) {
    let mut noise = Noise(9);
    for _ in 0..2_000 {
        let word = noise.next();
        let port = if word & 3 == 0 { word as u32 >> 8 } else { 1 + (word as u32 >> 8) % 32 };
        device.control(port, (word >> 40) as u16 & 15, (word >> 50) as u16);
    }
    device.ask();
}

/// The other device, asked without end.
fn entropy_flood(device: &mut Device) {
    let mut entropy = device.entropy();
    for _ in 0..5_000 {
        entropy.request(64);
    }
    wait(in_ms(1));
    saw(format_args!("random {}", entropy.is_random()));
    device.ask();
}
