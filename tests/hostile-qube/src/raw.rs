//! The machine without its rules: any address, any call, any register.
//!
//! The functions here are safe to call in the sense of this crate only: whatever they break is this qube.

use core::arch::asm;

use unikernels_rt::log;

/// Where the memory of a qube begins.
pub(crate) const RAM: u64 = 0x20_0000;
/// Registers of the channel device.
pub(crate) const REGISTERS: u64 = 0x10_0000;
/// Registers of the entropy device.
pub(crate) const ENTROPY: u64 = 0x10_1000;
/// The info page.
pub(crate) const INFO: u64 = 0x10_2000;
/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;

/// Ports of the calls.
pub(crate) mod port {
    pub(crate) const EXIT: u16 = 0x1010;
    pub(crate) const LOG: u16 = 0x1030;
    pub(crate) const NOTIFY: u16 = 0x5300;
    pub(crate) const WAIT: u16 = 0x5301;
    pub(crate) const NOTIFY_AND_WAIT: u16 = 0x5302;
    pub(crate) const READY: u16 = 0x5303;
    pub(crate) const PANIC: u16 = 0x5304;
    pub(crate) const REGISTER: u16 = 0x5305;
}

/// A wait without end.
pub(crate) const NEVER: u64 = u64::MAX;

unsafe extern "C" {
    static __stack_bottom: u8;
    static __stack_top: u8;
}

/// A constant among the read-only data.
pub(crate) static CONSTANT: [u64; 4] = [0x5ca1_ab1e; 4];

/// The lowest byte of the stack; below it is the guard page.
pub(crate) fn stack_bottom() -> u64 {
    (&raw const __stack_bottom).addr() as u64
}

/// The end of the stack; data follow.
pub(crate) fn stack_top() -> u64 {
    (&raw const __stack_top).addr() as u64
}

/// The first byte behind this qube's memory: page tables and boot information are the last four pages.
pub(crate) fn ram_end() -> u64 {
    arena_end() + 4 * PAGE
}

/// The end of the memory that nobody uses unless asked to.
pub(crate) fn arena_end() -> u64 {
    peek::<u64>(INFO + 0x28)
}

/// Reads any address.
pub(crate) fn peek<T: Copy>(at: u64) -> T {
    let at = core::ptr::with_exposed_provenance::<T>(at as usize);
    // SAFETY: none. This qube ends where it may not read.
    unsafe { at.read_volatile() }
}

/// Writes any address.
pub(crate) fn poke<T>(at: u64, value: T) {
    let at = core::ptr::with_exposed_provenance_mut::<T>(at as usize);
    // SAFETY: none. This qube ends where it may not write.
    unsafe { at.write_volatile(value) };
}

/// Writes bytes one by one.
pub(crate) fn poke_bytes(at: u64, bytes: &[u8]) {
    for (byte, at) in bytes.iter().zip(at..) {
        poke(at, *byte);
    }
}

/// Calls any address.
pub(crate) fn jump(at: u64) {
    // SAFETY: none. What is there may be no code, and no memory.
    unsafe { asm!("call {}", in(reg) at, clobber_abi("sysv64")) };
}

/// A call of the supervisor with any port and arguments; what it returns in EAX.
pub(crate) fn call(port: u16, value: u32, argument: u64) -> u32 {
    let mut answer = value;
    // SAFETY: none for a port that is no call; for one that is, registers but EAX survive.
    unsafe { asm!("out dx, eax", in("dx") port, inout("eax") answer, in("rdi") argument, options(nostack)) };
    answer
}

/// Writes a register of device 0.
pub(crate) fn register(offset: u64, value: u32) {
    call(port::REGISTER, value, offset);
}

/// The time-stamp counter.
pub(crate) fn now() -> u64 {
    // SAFETY: every processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The deadline so many milliseconds from now.
pub(crate) fn in_ms(ms: u64) -> u64 {
    now() + ms * (peek::<u64>(INFO + 0x10) / 1000)
}

/// Sleeps until something moves or the deadline passes.
pub(crate) fn wait(deadline: u64) -> u32 {
    call(port::WAIT, 0, deadline)
}

/// Notes something for the judge.
pub(crate) fn saw(what: core::fmt::Arguments<'_>) {
    log!("saw {what}");
}

/// A sequence without a pattern: attacks that try many values try the same ones every time.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
